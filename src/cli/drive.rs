//! An engine without a screen: what flags answer is answered, everything else that needs a person ends the run.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::domain::budget::{only_questions_left, questions};
use crate::domain::command::{Command, Refusal, Verb};
use crate::domain::event::{Event, EventKind, RollbackEvent, StepEvent};
use crate::domain::id::{CheckId, Person, StepId};
use crate::domain::sample::Samples;
use crate::domain::state::{BuildStatus, RunState};
use crate::domain::target::AbortPolicy;
use crate::engine::{Engine, EngineEnd, EngineHandle};
use crate::ports::Clock;
use crate::report::Reporter;

use super::answer::{Rest, Said};
use super::hold::{self, Hold};
use super::signal::{Signal, Signals};
use super::window::{self, Window};

/// What flags answer.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Confirm steps are answered with go.
    pub go: bool,
    /// Checks that are waived, with reasons.
    pub waivers: Vec<(CheckId, String)>,
    /// Name and reason of the sign-off.
    pub sign_off: Option<(String, String)>,
    /// Whether the run is over once a rollback of some entries has ended.
    pub after_rollback: AfterRollback,
}

/// What follows a rollback of some entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterRollback {
    /// The run goes on.
    #[default]
    GoOn,
    /// That was all that was asked for.
    End,
}

/// How a driven run ended.
pub struct Driven {
    /// The engine's end.
    pub end: EngineEnd,
    /// The signal that ended it, if one did.
    pub signal: Option<Signal>,
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

/// What comes from outside while it runs.
pub struct Outside<'a> {
    /// Signals to this process.
    pub signals: &'a mut Signals,
    /// The run folder's file.
    pub hold: Hold,
    /// End of the window that was asked for.
    pub window_end: Option<jiff::Timestamp>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

struct Driver<'a> {
    handle: EngineHandle,
    answers: Answers,
    by: Person,
    state: RunState,
    reporter: &'a mut dyn Reporter,
    mute: bool,
    refused: Option<String>,
    /// Checks that a waiver was asked for: its event may still be on its way.
    waived: BTreeSet<CheckId>,
    /// Whether the run is to end at the step that waits, as soon as nothing runs any more.
    ending: bool,
    window: WindowIs,
}

/// Whether anything new may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WindowIs {
    Open,
    Closed,
}

/// Runs an engine to its end.
pub async fn drive(
    engine: Engine,
    handle: EngineHandle,
    mut lines: Lines,
    answers: Answers,
    by: Person,
    reporter: &mut dyn Reporter,
    Outside { signals, mut hold, window_end, clock }: Outside<'_>,
) -> Option<Driven> {
    let mut driver = Driver {
        state: engine.state().clone(),
        handle,
        answers,
        by,
        reporter,
        mute: false,
        refused: None,
        waived: BTreeSet::new(),
        ending: false,
        window: WindowIs::Open,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(engine.run());
    let mut ended_by = None;
    let mut window = Window::of_run();
    if window_end.is_some() {
        // The same one already: then that is so.
        let _ = driver.try_send(Verb::SetWindow { end: window_end }).await;
    }
    let end = loop {
        tokio::select! {
            biased;
            Some(event) = lines.events.recv() => driver.event(&event).await,
            end = tasks.join_next() => break end.and_then(Result::ok),
            Ok(()) = lines.samples.changed() => {
                let newest = lines.samples.borrow_and_update().clone();
                driver.samples(&newest);
            }
            verb = hold.changed() => {
                if hold::counts(&verb, &driver.state, clock.now()) {
                    // Paused by somebody else already: then that is so.
                    let _ = driver.handle.command(Command { by: hold::author(), verb }).await;
                }
            }
            () = window.tick() => {
                if window.closes(&driver.state, clock.now()) {
                    driver.window_closed().await;
                }
            }
            signal = signals.next() => {
                if ended_by.is_some() {
                    driver.handle.end_now().await;
                } else {
                    let reason = format!("received {}", signal.name());
                    // A run that has just ended, or is ending, needs no more.
                    let _ = driver.try_send(Verb::Abort { reason }).await;
                }
                ended_by = Some(signal);
            }
        }
    };
    while let Ok(event) = lines.events.try_recv() {
        driver.event_seen(&event);
    }
    let refused = driver.refused;
    end.map(|end| Driven { end, signal: ended_by, refused })
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

    async fn try_send(&self, verb: Verb) -> Result<(), Refusal> {
        self.handle.command(Command { by: self.by.clone(), verb }).await
    }

    async fn send(&mut self, verb: Verb) {
        if let Err(refusal) = self.try_send(verb).await {
            tracing::warn!(%refusal, "command refused");
            self.refused = Some(refusal.to_string());
        }
    }

    async fn event(&mut self, event: &Event) {
        self.event_seen(event);
        self.end_with_window().await;
        if only_questions_left(&self.state) {
            // Nobody is here to say whether to go on waiting. If it was over a moment ago, that is as well.
            let _ = self.try_send(Verb::EndUnanswered).await;
        }
        match &event.kind {
            EventKind::Step(StepEvent::Held { step, .. }) => self.held(&step.clone()).await,
            EventKind::Rollback(RollbackEvent::Finished { .. })
                if self.answers.after_rollback == AfterRollback::End =>
            {
                // A rollback of everything closes the run by itself.
                let _ = self.try_send(Verb::Abort { reason: "the rollback has ended".to_owned() }).await;
            }
            EventKind::Run(_)
            | EventKind::Step(_)
            | EventKind::Check(_)
            | EventKind::Build(_)
            | EventKind::Drop(_)
            | EventKind::Verify(_)
            | EventKind::Rollback(_)
            | EventKind::Session(_) => {
                if self.ending {
                    self.end_here().await;
                }
            }
        }
    }

    /// What runs comes to its end, and then the run does: nobody is here to let it go on.
    async fn window_closed(&mut self) {
        let by = window::author();
        match self.state.run.as_ref().map(|run| run.settings.on_abort) {
            // An abort would cancel what runs, and the end of a window never does: first it comes to its end.
            Some(AbortPolicy::CancelRunning) => {
                self.window = WindowIs::Closed;
                // Paused already: then that is so.
                let _ = self.handle.command(Command { by, verb: Verb::Pause }).await;
                self.end_with_window().await;
            }
            Some(AbortPolicy::FinishRunning) | None => self.end_at_window().await,
        }
    }

    async fn end_at_window(&mut self) {
        let verb = Verb::Abort { reason: "the window has closed".to_owned() };
        // A run that is ending already needs no more.
        let _ = self.handle.command(Command { by: window::author(), verb }).await;
    }

    async fn end_with_window(&mut self) {
        // Before the pause was seen here, a build may have started that was not.
        if self.window == WindowIs::Closed && self.state.control.paused.is_some() && !self.builds_run() {
            self.window = WindowIs::Open;
            self.end_at_window().await;
        }
    }

    /// Whether a build of ours runs that does not wait for an answer: nobody is here to give one.
    fn builds_run(&self) -> bool {
        let asked = questions(&self.state);
        self.state.builds.iter().any(|(key, record)| {
            let runs = matches!(record.status, BuildStatus::Running { .. }) && !record.is_strangers();
            runs && !asked.iter().any(|(entry, _)| entry == key)
        })
    }

    /// Everything that the step waits for is answered, or none of it.
    async fn held(&mut self, step: &StepId) {
        let answer = self.answers.to(step, &self.state, &self.waived);
        if answer.rest == Rest::NeedsPerson {
            return self.end_here().await;
        }
        for Said { verb, .. } in answer.said {
            let waived = if let Verb::Waive { check, .. } = &verb { Some(check.clone()) } else { None };
            self.send(verb).await;
            if waived.is_some() && self.refused.is_some() {
                return self.end_here().await;
            }
            self.waived.extend(waived);
        }
    }

    /// Nobody is here to answer. A step that goes on by itself meanwhile is as well; what runs comes to its end first,
    /// and then it is asked for again.
    async fn end_here(&mut self) {
        let answer = self.try_send(Verb::EndHere).await;
        if let Err(refusal) = &answer {
            tracing::info!(%refusal, "the run does not end here yet");
        }
        self.ending = matches!(answer, Err(Refusal::NotReady { .. }));
    }
}
