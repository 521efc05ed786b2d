//! What the fold does not keep because no decision needs it: every attempt with its times, every waiver, every remarkable
//! moment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::blocker::Blocker;
use crate::domain::event::{
    BuildEvent, CheckEvent, Conclusion, DropEvent, Event, EventKind, Next, RunEvent, StepEvent,
};
use crate::domain::failure::Failure;
use crate::domain::id::EntryKey;
use crate::domain::plan::{ItemState, Plan, PlanItem};
use crate::domain::progress::{Phase, Wait};
use crate::domain::state::RunState;
use crate::domain::unit::Millis;
use crate::report::Word;
use crate::report::line;

/// One attempt at a build.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) started_at: Timestamp,
    pub(super) statement: Option<String>,
    /// Phases with the time they were entered.
    phases: Vec<(Phase, Timestamp)>,
    /// When the statement ended, as the server told or as the catalogs showed.
    pub(super) ended_at: Option<Timestamp>,
    pub(super) failure: Option<Failure>,
    pub(super) conclusion: Option<(Conclusion, Next)>,
}

impl Attempt {
    fn new(started_at: Timestamp) -> Self {
        Self {
            started_at,
            statement: None,
            phases: Vec::new(),
            ended_at: None,
            failure: None,
            conclusion: None,
        }
    }

    /// Time in each phase, each phase once, in the order of their beginning. An attempt without an end has none for its last.
    pub(super) fn phase_times(&self) -> Vec<(Phase, Millis)> {
        let ends = self.phases.iter().skip(1).map(|(_, at)| Some(*at)).chain([self.ended_at]);
        let mut times: Vec<(Phase, Millis)> = Vec::new();
        for ((phase, from), to) in self.phases.iter().zip(ends) {
            let Some(to) = to else { continue };
            let time = Millis::between(*from, to);
            match times.iter_mut().find(|(known, _)| known == phase) {
                Some((_, sum)) => *sum = *sum + time,
                None => times.push((*phase, time)),
            }
        }
        times
    }

    /// Time that the server worked.
    pub(super) fn working(&self) -> Millis {
        self.sum(|wait| wait.is_none())
    }

    /// Time that it waited for others.
    pub(super) fn waiting(&self) -> Millis {
        self.sum(|wait| wait.is_some())
    }

    fn sum(&self, counts: impl Fn(Option<Wait>) -> bool) -> Millis {
        let times = self.phase_times().into_iter().filter(|(phase, _)| counts(phase.wait()));
        times.fold(Millis(0), |sum, (_, time)| sum + time)
    }
}

/// Something that a reader of the report must not miss.
#[derive(Debug, Clone)]
pub(super) struct Remarkable {
    pub(super) at: Timestamp,
    pub(super) subject: String,
    pub(super) word: Word,
    pub(super) text: String,
}

/// A waiver as it was given, whether or not it still covers anything.
#[derive(Debug, Clone)]
pub(super) struct GivenWaiver {
    pub(super) at: Timestamp,
    pub(super) check: String,
    pub(super) by: String,
    pub(super) reason: String,
    /// What it was given for.
    pub(super) found: String,
}

/// A journal read once more.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) state: RunState,
    /// The newest plan; the fold forgets it when a step is reopened.
    pub(super) plan: Option<Plan>,
    /// Each entry as it was planned before anything was built for it.
    pub(super) items: BTreeMap<EntryKey, PlanItem>,
    pub(super) attempts: BTreeMap<EntryKey, Vec<Attempt>>,
    /// Who held a build up, each once, with the time it was first seen.
    pub(super) blockers: BTreeMap<EntryKey, Vec<(Timestamp, Blocker)>>,
    pub(super) waivers: Vec<GivenWaiver>,
    pub(super) remarkable: Vec<Remarkable>,
}

/// More than this many blockers of one build are not told apart in the report.
const MOST_BLOCKERS: usize = 50;

impl History {
    pub(super) fn of(events: &[Event]) -> Self {
        let mut history = Self::default();
        for event in events {
            history.state.apply(event);
            history.take(event);
        }
        history
    }

    fn take(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Run(RunEvent::Planned { plan }) => self.take_plan(plan),
            EventKind::Check(CheckEvent::Waived { check, by, reason }) => {
                let found = self.state.check(check).map(|check| check.result.found.clone());
                self.waivers.push(GivenWaiver {
                    at: event.at,
                    check: check.0.clone(),
                    by: by.0.clone(),
                    reason: reason.clone(),
                    found: found.unwrap_or_default(),
                });
            }
            EventKind::Build(build) => self.take_build(build, event.at),
            EventKind::Run(_)
            | EventKind::Step(_)
            | EventKind::Check(_)
            | EventKind::Drop(_)
            | EventKind::Verify(_)
            | EventKind::Rollback(_)
            | EventKind::Session(_) => {}
        }
        if is_remarkable(&event.kind) {
            // The first line is the event; the others spell it out and have their own place in the report.
            let first = line::of(event, &self.state).into_iter().next();
            self.remarkable.extend(first.map(|line| Remarkable {
                at: event.at,
                subject: line.subject,
                word: line.word,
                text: line.text,
            }));
        }
    }

    fn take_plan(&mut self, plan: &Plan) {
        for item in &plan.items {
            // What is present in a later plan may be so because we built it: the earlier prediction is the one to compare.
            let built =
                self.attempts.contains_key(&item.key) && matches!(item.state, ItemState::Present { .. });
            if !built {
                self.items.insert(item.key.clone(), item.clone());
            }
        }
        self.plan = Some(plan.clone());
    }

    fn take_build(&mut self, event: &BuildEvent, at: Timestamp) {
        let attempts = self.attempts.entry(event.entry().clone()).or_default();
        if let BuildEvent::Started { .. } = event {
            attempts.push(Attempt::new(at));
        }
        match event {
            BuildEvent::HeldUp { entry, blockers } => {
                let known = self.blockers.entry(entry.clone()).or_default();
                for blocker in blockers {
                    let same = |other: &Blocker| {
                        other.stage == blocker.stage && other.holder_key() == blocker.holder_key()
                    };
                    if known.len() < MOST_BLOCKERS && !known.iter().any(|(_, other)| same(other)) {
                        known.push((at, blocker.clone()));
                    }
                }
            }
            BuildEvent::Skipped { .. } | BuildEvent::RetryRequested { .. } => {}
            BuildEvent::Started { .. }
            | BuildEvent::Intended { .. }
            | BuildEvent::Located { .. }
            | BuildEvent::PhaseEntered { .. }
            | BuildEvent::BudgetSpent { .. }
            | BuildEvent::Adopted { .. }
            | BuildEvent::StopRequested { .. }
            | BuildEvent::StatementEnded { .. }
            | BuildEvent::Concluded { .. } => {
                if attempts.is_empty() {
                    attempts.push(Attempt::new(at));
                }
                if let Some(attempt) = attempts.last_mut() {
                    attempt.take(event, at);
                }
            }
        }
        // An entry that was only left out or held up has no attempt.
        self.attempts.retain(|_, attempts| !attempts.is_empty());
    }
}

impl Attempt {
    fn take(&mut self, event: &BuildEvent, at: Timestamp) {
        match event {
            BuildEvent::Intended { statement, .. } => {
                self.statement = Some(statement.clone());
                self.phases.push((Phase::FirstLock, at));
            }
            BuildEvent::PhaseEntered { phase, .. } => self.phases.push((*phase, at)),
            BuildEvent::StatementEnded { result, .. } => {
                self.ended_at = Some(at);
                self.failure = result.as_ref().err().cloned();
            }
            BuildEvent::Concluded { conclusion, next, .. } => {
                if !matches!(next, Next::Watch) {
                    self.ended_at.get_or_insert(at);
                }
                self.conclusion = Some((conclusion.clone(), next.clone()));
            }
            BuildEvent::Adopted { .. } => self.ended_at = None,
            BuildEvent::Started { .. }
            | BuildEvent::Located { .. }
            | BuildEvent::HeldUp { .. }
            | BuildEvent::BudgetSpent { .. }
            | BuildEvent::StopRequested { .. }
            | BuildEvent::Skipped { .. }
            | BuildEvent::RetryRequested { .. } => {}
        }
    }
}

trait HolderKey {
    /// Tells two holders apart whatever they do at the moment.
    fn holder_key(&self) -> String;
}

impl HolderKey for Blocker {
    fn holder_key(&self) -> String {
        use crate::domain::blocker::Holder;
        match &self.holder {
            Holder::Session { backend, .. } => format!("{} {}", backend.pid, backend.started),
            Holder::Prepared { gid, .. } => format!("prepared {gid}"),
        }
    }
}

/// Decisions of people, and whatever did not go as planned.
fn is_remarkable(kind: &EventKind) -> bool {
    match kind {
        EventKind::Run(event) => match event {
            RunEvent::Opened { .. } | RunEvent::TargetSeen { .. } | RunEvent::Planned { .. } => false,
            RunEvent::TakenOver { .. }
            | RunEvent::TargetChanged { .. }
            | RunEvent::Paused { .. }
            | RunEvent::Unpaused { .. }
            | RunEvent::ControlTaken { .. }
            | RunEvent::ControlLost { .. }
            | RunEvent::WindowSet { .. }
            | RunEvent::AbortRequested { .. }
            | RunEvent::Unanswered { .. }
            | RunEvent::SignedOff { .. }
            | RunEvent::TaskPanicked { .. }
            | RunEvent::Closed { .. } => true,
        },
        EventKind::Step(event) => matches!(event, StepEvent::Confirmed { .. } | StepEvent::Reopened { .. }),
        EventKind::Check(event) => matches!(event, CheckEvent::Waived { .. }),
        EventKind::Build(event) => match event {
            BuildEvent::Adopted { .. }
            | BuildEvent::BudgetSpent { .. }
            | BuildEvent::StopRequested { .. }
            | BuildEvent::Skipped { .. }
            | BuildEvent::RetryRequested { .. } => true,
            BuildEvent::StatementEnded { result, .. } => result.is_err(),
            BuildEvent::Concluded { next, .. } => !matches!(next, Next::Done),
            BuildEvent::Started { .. }
            | BuildEvent::Intended { .. }
            | BuildEvent::Located { .. }
            | BuildEvent::PhaseEntered { .. }
            | BuildEvent::HeldUp { .. } => false,
        },
        EventKind::Drop(event) => matches!(
            event,
            DropEvent::Intended { .. } | DropEvent::BudgetSpent { .. } | DropEvent::Concluded { .. }
        ),
        EventKind::Verify(_) => false,
        EventKind::Rollback(_) | EventKind::Session(_) => true,
    }
}
