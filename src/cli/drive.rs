//! An engine without a screen: what flags answer is answered, everything else that needs a person ends the run.

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::domain::command::{Command, Verb};
use crate::domain::event::{Event, EventKind, RunEvent, StepEvent};
use crate::domain::id::{CheckId, EntryKey, Person, PlanId, StepId};
use crate::domain::playbook::StepKind;
use crate::domain::sample::Samples;
use crate::domain::state::RunState;
use crate::engine::{Engine, EngineEnd, EngineHandle};
use crate::report::Reporter;

use super::signal::{Signal, Signals};

/// What flags answer.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Confirm steps are answered with go.
    pub go: bool,
    /// Checks that are waived, with reasons.
    pub waivers: Vec<(String, String)>,
    /// Name and reason of the sign-off.
    pub sign_off: Option<(String, String)>,
    /// Only this plan.
    pub plan_id: Option<PlanId>,
    /// A rollback to ask for at once: entries (empty for all) and reason.
    pub rollback: Option<(Vec<EntryKey>, String)>,
}

/// How a driven run ended.
pub struct Driven {
    /// The engine's end.
    pub end: EngineEnd,
    /// The signal that ended it, if one did.
    pub signal: Option<Signal>,
    /// The plan was another one than asked for: its id.
    pub other_plan: Option<PlanId>,
    /// Why a command of ours was refused, if one was.
    pub refused: Option<String>,
}

/// What goes on between the engine and its driver.
pub struct Lines {
    /// Events as they are journaled.
    pub events: mpsc::UnboundedReceiver<Event>,
    /// The newest samples.
    pub samples: watch::Receiver<Samples>,
}

struct Driver<'a> {
    handle: EngineHandle,
    answers: Answers,
    by: Person,
    state: RunState,
    reporter: &'a mut dyn Reporter,
    mute: bool,
    other_plan: Option<PlanId>,
    refused: Option<String>,
}

/// Runs an engine to its end.
pub async fn drive(
    engine: Engine,
    handle: EngineHandle,
    mut lines: Lines,
    answers: Answers,
    by: Person,
    reporter: &mut dyn Reporter,
    signals: &mut Signals,
) -> Option<Driven> {
    let mut driver = Driver {
        state: engine.state().clone(),
        handle,
        answers,
        by,
        reporter,
        mute: false,
        other_plan: None,
        refused: None,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(engine.run());
    // Before the engine has connected: a run that had come to its end would close again as soon as it has.
    driver.roll_back().await;
    let mut ended_by = None;
    let end = loop {
        tokio::select! {
            biased;
            Some(event) = lines.events.recv() => driver.event(&event).await,
            end = tasks.join_next() => break end.and_then(Result::ok),
            Ok(()) = lines.samples.changed() => {
                let newest = lines.samples.borrow_and_update().clone();
                driver.samples(&newest);
            }
            signal = signals.next() => {
                if ended_by.is_some() {
                    driver.handle.end_now().await;
                } else {
                    let reason = format!("received {}", signal.name());
                    driver.send(Verb::Abort { reason }).await;
                }
                ended_by = Some(signal);
            }
        }
    };
    while let Ok(event) = lines.events.try_recv() {
        driver.event_seen(&event);
    }
    let Driver { other_plan, refused, .. } = driver;
    end.map(|end| Driven { end, signal: ended_by, other_plan, refused })
}

impl Driver<'_> {
    /// A reader that is gone (closed pipe) ends the output, never the run.
    fn event_seen(&mut self, event: &Event) {
        self.state.apply(event);
        if !self.mute && self.reporter.event(event).is_err() {
            self.mute = true;
        }
    }

    fn samples(&mut self, samples: &Samples) {
        if !self.mute && self.reporter.samples(samples).is_err() {
            self.mute = true;
        }
    }

    async fn send(&mut self, verb: Verb) {
        if let Err(refusal) = self.handle.command(Command { by: self.by.clone(), verb }).await {
            tracing::warn!(%refusal, "command refused");
            self.refused = Some(refusal.to_string());
        }
    }

    async fn roll_back(&mut self) {
        let Some((entries, reason)) = self.answers.rollback.clone() else { return };
        self.send(Verb::Roll { entries, reason }).await;
        if self.refused.is_some() {
            self.send(Verb::Abort { reason: "the rollback was refused".to_owned() }).await;
        }
    }

    async fn event(&mut self, event: &Event) {
        self.event_seen(event);
        match &event.kind {
            EventKind::Step(StepEvent::Held { step, .. }) => self.held(&step.clone()).await,
            EventKind::Run(RunEvent::Planned { plan }) => {
                if let Some(wanted) = &self.answers.plan_id
                    && *wanted != plan.id
                    && self.other_plan.is_none()
                    && self.state.ledger.is_empty()
                {
                    self.other_plan = Some(plan.id.clone());
                    self.send(Verb::Abort { reason: "the plan is not the one asked for".to_owned() }).await;
                }
            }
            EventKind::Run(_)
            | EventKind::Step(_)
            | EventKind::Check(_)
            | EventKind::Build(_)
            | EventKind::Drop(_)
            | EventKind::Verify(_)
            | EventKind::Rollback(_)
            | EventKind::Session(_) => {}
        }
    }

    async fn held(&mut self, step: &StepId) {
        let kind = self
            .state
            .run
            .iter()
            .flat_map(|run| run.playbook.steps())
            .find(|known| &known.id == step)
            .map(|known| known.kind.clone());
        match kind {
            Some(StepKind::Confirm { .. }) if self.answers.go => {
                self.send(Verb::Confirm { step: step.clone(), typed: "--go".to_owned() }).await;
            }
            Some(StepKind::Checks { .. }) if self.can_waive_all() => {
                for (check, reason) in self.open_waivers() {
                    self.send(Verb::Waive { check, reason }).await;
                }
                if self.refused.is_some() {
                    self.send(Verb::EndHere).await;
                }
            }
            Some(StepKind::SignOff { .. }) if self.answers.sign_off.is_some() => {
                if let Some((name, reason)) = self.answers.sign_off.clone() {
                    self.send(Verb::SignOff { name, reason }).await;
                }
            }
            _ => self.send(Verb::EndHere).await,
        }
    }

    fn open_waivers(&self) -> Vec<(CheckId, String)> {
        self.state
            .closed_gates()
            .filter_map(|gate| {
                let (_, reason) =
                    self.answers.waivers.iter().find(|(check, _)| *check == gate.result.id.0)?;
                Some((gate.result.id.clone(), reason.clone()))
            })
            .collect()
    }

    fn can_waive_all(&self) -> bool {
        let gates = self.state.closed_gates().count();
        gates > 0 && self.open_waivers().len() == gates
    }
}
