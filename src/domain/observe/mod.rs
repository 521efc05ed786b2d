//! What an outcome means: facts from workers become events, and the catalogs decide, never a statement's exit.

use super::blocker::Blocker;
use super::catalog::IndexReading;
use super::check::CheckResult;
use super::event::{
    Before, BuildEvent, CheckEvent, Conclusion, DropConclusion, DropEvent, EventKind, Moment, PlanReading,
    RunEvent, SessionEvent, Signalled, StepEvent, VerifyEvent,
};
use super::failure::{Failure, FailureClass};
use super::id::{BackendId, EntryKey, Oid, Person};
use super::plan::{Plan, StaleReason};
use super::playbook::StepKind;
use super::progress::{Phase, Wait};
use super::state::{BuildStatus, DropRecord, RunState, Stage};
use super::target::{BudgetPolicy, Target};
use super::unit::Millis;

mod conclude;
mod next;
#[cfg(test)]
mod tests;

use conclude::conclude;
pub use conclude::who_builds;
use next::next;

/// Author of stops that the engine itself decides on: another attempt may follow them.
pub const ENGINE: &str = "engine";

/// A fact from a worker or the observer.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The target was read, or not.
    Connected(Result<Target, Failure>),
    /// The plan was made, or not.
    Planned(Result<Box<Plan>, Failure>),
    /// One check was answered.
    Checked(CheckResult),
    /// All checks were answered.
    ChecksEnded(Millis),
    /// The planner was asked.
    Explained {
        /// Which entry.
        entry: EntryKey,
        /// When.
        moment: Moment,
        /// Its answers.
        plans: Vec<PlanReading>,
    },
    /// A build's statement is about to be sent.
    AboutToBuild {
        /// Which.
        entry: EntryKey,
        /// Attempt.
        attempt: u32,
        /// Full text.
        statement: String,
        /// The building backend.
        backend: BackendId,
        /// The table.
        table_oid: Oid,
    },
    /// A build's statement ended, or was never sent (class `refused`, `lock_timeout`, …).
    BuildEnded {
        /// Which.
        entry: EntryKey,
        /// How.
        result: Result<(), Failure>,
    },
    /// The catalogs were read after a build.
    BuildRead {
        /// Which.
        entry: EntryKey,
        /// What they say.
        reading: Result<IndexReading, Failure>,
        /// Our own backend when its statement has certainly ended: it no longer counts as a builder.
        ended: Option<BackendId>,
        /// Random thousandths of the pause before a retry.
        jitter: u64,
    },
    /// The observer saw a build's index.
    Located {
        /// Which.
        entry: EntryKey,
        /// The index.
        oid: Oid,
    },
    /// The observer saw a build in another phase.
    PhaseSeen {
        /// Which.
        entry: EntryKey,
        /// The phase.
        phase: Phase,
    },
    /// Somebody holds up a build.
    BuildHeldUp {
        /// Which.
        entry: EntryKey,
        /// Who.
        blockers: Vec<Blocker>,
    },
    /// A wait budget is spent.
    BudgetSpent {
        /// Which.
        entry: EntryKey,
        /// Which wait.
        wait: Wait,
        /// How long.
        waited: Millis,
    },
    /// A worker has asked for the table's lock for longer than the budget of that wait; nothing was sent.
    TableHeldTooLong {
        /// Which.
        entry: EntryKey,
        /// How long.
        waited: Millis,
    },
    /// Our own statement queued behind somebody's build on the same table: it must go, or it kills that build.
    LateComer {
        /// Which.
        entry: EntryKey,
    },
    /// A drop's statement is about to be sent.
    AboutToDrop {
        /// Whose.
        entry: EntryKey,
        /// Which index.
        oid: Oid,
        /// Full text.
        statement: String,
        /// The dropping backend.
        backend: BackendId,
    },
    /// Somebody holds up a drop.
    DropHeldUp {
        /// Whose.
        entry: EntryKey,
        /// Who.
        blockers: Vec<Blocker>,
    },
    /// A drop's statement ended.
    DropEnded {
        /// Whose.
        entry: EntryKey,
        /// How.
        result: Result<(), Failure>,
    },
    /// A drop was refused before anything was sent.
    DropRefused {
        /// Whose.
        entry: EntryKey,
        /// Which index.
        oid: Oid,
        /// Why.
        why: String,
    },
    /// The catalogs were read after a drop.
    DropRead {
        /// Whose.
        entry: EntryKey,
        /// Which index.
        oid: Oid,
        /// What they say.
        reading: Result<IndexReading, Failure>,
    },
    /// The catalogs were read in the verify step.
    Verified {
        /// Which.
        entry: EntryKey,
        /// What they say.
        reading: Result<IndexReading, Failure>,
    },
    /// A signal was sent to somebody's session.
    Signalled {
        /// Which.
        backend: BackendId,
        /// What became of it.
        result: Result<Signalled, Failure>,
    },
    /// A task panicked.
    Panicked {
        /// Which.
        task: String,
        /// Its message.
        message: String,
    },
}

/// The events that an outcome becomes, in order. Total.
pub fn observe(state: &RunState, outcome: Outcome, now: jiff::Timestamp) -> Vec<EventKind> {
    if is_late(state, &outcome) {
        return Vec::new();
    }
    match outcome {
        Outcome::Connected(result) => connected(state, result),
        Outcome::Planned(result) => planned(state, result, now),
        Outcome::Checked(result) => vec![EventKind::Check(CheckEvent::Judged { result })],
        Outcome::ChecksEnded(took) => vec![EventKind::Check(CheckEvent::PassEnded { took })],
        Outcome::Explained { entry, moment, plans } => {
            vec![EventKind::Verify(VerifyEvent::Explained { entry, moment, plans })]
        }
        Outcome::Verified { entry, reading } => verified(state, entry, &reading),
        Outcome::Signalled { backend, result } => {
            vec![EventKind::Session(SessionEvent::EndAttempted { backend, result })]
        }
        Outcome::Panicked { task, message } => {
            vec![EventKind::Run(RunEvent::TaskPanicked { task, message })]
        }
        Outcome::BuildRead { entry, reading, ended, jitter } => {
            build_read(state, entry, &reading, ended, now, jitter)
        }
        Outcome::BudgetSpent { entry, wait, waited } => budget_spent(state, entry, wait, waited),
        Outcome::TableHeldTooLong { entry, waited } => {
            vec![spent(state, entry, Wait::FirstLock, waited).0]
        }
        Outcome::LateComer { entry } => vec![stop(state, entry)],
        Outcome::AboutToBuild { entry, attempt, statement, backend, table_oid } => {
            vec![EventKind::Build(BuildEvent::Intended {
                entry,
                attempt,
                statement,
                before: Before::Absent,
                backend,
                table_oid,
            })]
        }
        Outcome::BuildEnded { entry, result } => {
            vec![EventKind::Build(BuildEvent::StatementEnded { entry, result })]
        }
        Outcome::Located { entry, oid } => vec![EventKind::Build(BuildEvent::Located { entry, oid })],
        Outcome::PhaseSeen { entry, phase } => {
            vec![EventKind::Build(BuildEvent::PhaseEntered { entry, phase })]
        }
        Outcome::BuildHeldUp { entry, blockers } => {
            vec![EventKind::Build(BuildEvent::HeldUp { entry, blockers })]
        }
        Outcome::AboutToDrop { entry, oid, statement, backend } => {
            vec![EventKind::Drop(DropEvent::Intended { entry, oid, statement, backend })]
        }
        Outcome::DropHeldUp { entry, blockers } => {
            vec![EventKind::Drop(DropEvent::HeldUp { entry, blockers })]
        }
        Outcome::DropEnded { entry, result } => {
            vec![EventKind::Drop(DropEvent::StatementEnded { entry, result })]
        }
        Outcome::DropRefused { entry, oid, why } => vec![EventKind::Drop(DropEvent::Concluded {
            entry,
            oid,
            conclusion: DropConclusion::Refused { why },
        })],
        Outcome::DropRead { entry, oid, reading } => drop_read(state, entry, oid, reading),
    }
}

/// Whether a fact is about something that is over. The observer reads the server while workers go on: what it saw of
/// one attempt must not be taken for news of the next.
fn is_late(state: &RunState, outcome: &Outcome) -> bool {
    let running = |entry: &EntryKey| match state.builds.get(entry).map(|record| &record.status) {
        Some(BuildStatus::Running { stage, .. }) => Some(*stage),
        Some(
            BuildStatus::Retrying { .. }
            | BuildStatus::Cleaning { .. }
            | BuildStatus::Verified { .. }
            | BuildStatus::Failed { .. }
            | BuildStatus::Skipped { .. }
            | BuildStatus::Unknown { .. }
            | BuildStatus::RolledBack,
        )
        | None => None,
    };
    match outcome {
        Outcome::Located { entry, .. } | Outcome::PhaseSeen { entry, .. } => {
            !matches!(running(entry), Some(Stage::Sent | Stage::Watched))
        }
        Outcome::BudgetSpent { entry, .. } | Outcome::LateComer { entry } => match open_drop(state, entry) {
            Some(drop) => !drop.is_on_server(),
            None => !matches!(running(entry), Some(Stage::Sent | Stage::Watched)),
        },
        Outcome::TableHeldTooLong { entry, .. } => match open_drop(state, entry) {
            // Its worker says so, who knows by now what became of a statement that was in doubt.
            Some(drop) => drop.is_on_server() && drop.result.is_none(),
            None => running(entry) != Some(Stage::Preparing),
        },
        Outcome::BuildHeldUp { entry, .. } => running(entry).is_none(),
        // A reading of an entry that was left out meanwhile; one that nothing is recorded of is a first look.
        Outcome::BuildRead { entry, .. } => state.builds.contains_key(entry) && running(entry).is_none(),
        Outcome::Connected(_)
        | Outcome::Planned(_)
        | Outcome::Checked(_)
        | Outcome::ChecksEnded(_)
        | Outcome::Explained { .. }
        | Outcome::AboutToBuild { .. }
        | Outcome::BuildEnded { .. }
        | Outcome::AboutToDrop { .. }
        | Outcome::DropHeldUp { .. }
        | Outcome::DropEnded { .. }
        | Outcome::DropRefused { .. }
        | Outcome::DropRead { .. }
        | Outcome::Verified { .. }
        | Outcome::Signalled { .. }
        | Outcome::Panicked { .. } => false,
    }
}

fn open_drop<'a>(state: &'a RunState, entry: &EntryKey) -> Option<&'a DropRecord> {
    state.drops.get(entry).filter(|drop| drop.conclusion.is_none())
}

/// The engine wants the drop or build of an entry to end.
fn stop(state: &RunState, entry: EntryKey) -> EventKind {
    let by = Person(ENGINE.to_owned());
    if open_drop(state, &entry).is_some() {
        EventKind::Drop(DropEvent::StopRequested { entry, by })
    } else {
        EventKind::Build(BuildEvent::StopRequested { entry, by })
    }
}

fn connected(state: &RunState, result: Result<Target, Failure>) -> Vec<EventKind> {
    match result {
        Ok(target) => {
            let changes = state
                .target
                .as_ref()
                .map(|known| known.identity.changes(&target.identity))
                .unwrap_or_default();
            if changes.is_empty() {
                vec![EventKind::Run(RunEvent::TargetSeen { target })]
            } else {
                vec![EventKind::Run(RunEvent::TargetChanged { changes, now: target.identity })]
            }
        }
        Err(failure) => vec![EventKind::Run(RunEvent::Closed {
            ending: super::event::Ending::Unknown { why: format!("no connection: {}", failure.message) },
        })],
    }
}

fn planned(state: &RunState, result: Result<Box<Plan>, Failure>, now: jiff::Timestamp) -> Vec<EventKind> {
    let step = state.current_step();
    let fresh = match result {
        Ok(plan) => plan,
        Err(failure) => {
            return step
                .map(|step| {
                    EventKind::Step(StepEvent::Held {
                        step: step.id.clone(),
                        why: format!("no plan could be made: {}", failure.message),
                    })
                })
                .into_iter()
                .collect();
        }
    };
    let building = step.filter(|step| matches!(step.kind, StepKind::BuildIndexes { .. }));
    if let (Some(step), Some(agreed)) = (building, &state.plan) {
        let reasons = stale(state, agreed, &fresh, now);
        if !reasons.is_empty() {
            let lines: Vec<String> = reasons.iter().flat_map(StaleReason::lines).collect();
            return vec![EventKind::Step(StepEvent::Held {
                step: step.id.clone(),
                why: format!("the plan is stale: {}", lines.join("; ")),
            })];
        }
    }
    vec![EventKind::Run(RunEvent::Planned { plan: fresh })]
}

/// A plan that somebody agreed to must still be true when it is carried out. Once a process that died had begun to
/// build, its own work has changed the catalogs and time has passed, so that whoever takes over can only be held to
/// the registry and the settings that were agreed to.
fn stale(state: &RunState, agreed: &Plan, fresh: &Plan, now: jiff::Timestamp) -> Vec<StaleReason> {
    let mut reasons = agreed.stale(fresh, now);
    let begun = !state.ledger.is_empty()
        || state.builds.values().any(|record| record.attempts > 0 || record.intent.is_some());
    if state.control.plan_for.is_none() && begun {
        reasons.retain(|reason| match reason {
            StaleReason::Registry { .. } | StaleReason::Target { .. } | StaleReason::Setting { .. } => true,
            StaleReason::TooOld { .. } | StaleReason::Entry { .. } => false,
        });
    }
    reasons
}

fn verified(state: &RunState, entry: EntryKey, reading: &Result<IndexReading, Failure>) -> Vec<EventKind> {
    let mut events = Vec::new();
    let conclusion = conclude(state, &entry, reading, None, &mut events);
    events.push(EventKind::Verify(VerifyEvent::Checked { entry, conclusion }));
    events
}

fn build_read(
    state: &RunState,
    entry: EntryKey,
    reading: &Result<IndexReading, Failure>,
    ended: Option<BackendId>,
    now: jiff::Timestamp,
    jitter: u64,
) -> Vec<EventKind> {
    let mut events = Vec::new();
    let conclusion = conclude(state, &entry, reading, ended, &mut events);
    let next = next(state, &entry, &conclusion, now, jitter);
    if let Conclusion::StillBuilding { backend, oid } = &conclusion {
        events.push(EventKind::Build(BuildEvent::Adopted {
            entry: entry.clone(),
            backend: *backend,
            oid: *oid,
        }));
    }
    events.push(EventKind::Build(BuildEvent::Concluded { entry, conclusion, next }));
    events
}

/// That a budget is spent, and what follows.
fn spent(state: &RunState, entry: EntryKey, wait: Wait, waited: Millis) -> (EventKind, BudgetPolicy) {
    let mut policy = state.run.as_ref().map(|run| run.settings.on_budget).unwrap_or_default();
    if state.control.unanswered.is_some() {
        // There is nobody to wait for any more.
        policy = BudgetPolicy::CancelAndClean;
    }
    let event = if open_drop(state, &entry).is_some() {
        EventKind::Drop(DropEvent::BudgetSpent { entry, wait, waited, policy })
    } else {
        EventKind::Build(BuildEvent::BudgetSpent { entry, wait, waited, policy })
    };
    (event, policy)
}

fn budget_spent(state: &RunState, entry: EntryKey, wait: Wait, waited: Millis) -> Vec<EventKind> {
    let (spent, policy) = spent(state, entry.clone(), wait, waited);
    match policy {
        BudgetPolicy::KeepWaiting | BudgetPolicy::Ask => vec![spent],
        BudgetPolicy::CancelAndClean => vec![spent, stop(state, entry)],
    }
}

/// Why a drop did not finish, as far as anybody was told.
fn unfinished(state: &RunState, entry: &EntryKey) -> String {
    let drop = state.drops.get(entry);
    let stopped = drop.and_then(|drop| drop.stopping.as_ref().map(|by| (by, drop.over_budget)));
    match drop.and_then(|drop| drop.result.as_ref()) {
        Some(Err(failure)) if failure.class == FailureClass::Cancelled && stopped.is_some() => {
            match stopped {
                Some((_, Some(wait))) => format!("it waited for {} longer than its budget", wait.words()),
                Some((by, None)) if by.0 == ENGINE => "it gave way to a build of somebody else".to_owned(),
                Some((by, None)) => format!("stopped by {}", by.0),
                None => failure.message.clone(),
            }
        }
        Some(Err(failure)) => format!("{}: {}", failure.class.sentence(), failure.message),
        Some(Ok(())) => "the server said that it was dropped, and it is there".to_owned(),
        None => "nobody was there to hear how the statement ended".to_owned(),
    }
}

fn drop_read(
    state: &RunState,
    entry: EntryKey,
    oid: Oid,
    reading: Result<IndexReading, Failure>,
) -> Vec<EventKind> {
    let mut events = Vec::new();
    let conclusion = match reading {
        Err(failure) => DropConclusion::Unknown { why: failure.message },
        Ok(reading) => {
            let changes = state
                .target
                .as_ref()
                .map(|target| target.identity.changes(&reading.identity))
                .unwrap_or_default();
            if changes.is_empty() {
                let why = unfinished(state, &entry);
                match reading.index {
                    None => DropConclusion::Gone,
                    Some(index) if index.flags.usable() => DropConclusion::Untouched { why },
                    Some(index) => DropConclusion::Interrupted { flags: index.flags, why },
                }
            } else {
                let why = format!("the target changed: {}", changes.join("; "));
                if state.control.target_changed.as_ref() != Some(&changes) {
                    events.push(EventKind::Run(RunEvent::TargetChanged { changes, now: reading.identity }));
                }
                DropConclusion::Unknown { why }
            }
        }
    };
    events.push(EventKind::Drop(DropEvent::Concluded { entry, oid, conclusion }));
    events
}
