//! What an outcome means: facts from workers become events, and the catalogs decide, never a statement's exit.

use super::blocker::Blocker;
use super::catalog::{Builder, IndexReading};
use super::check::CheckResult;
use super::event::{
    Before, BuildEvent, CheckEvent, Conclusion, DropConclusion, DropEvent, EventKind, Moment, Next, Origin,
    PlanReading, RunEvent, SessionEvent, Signalled, StepEvent, VerifyEvent,
};
use super::failure::{Failure, FailureClass};
use super::id::{BackendId, EntryKey, Oid, Person};
use super::plan::{Plan, StaleReason};
use super::playbook::StepKind;
use super::progress::{Phase, Wait};
use super::state::{BuildRecord, RunState};
use super::target::{BudgetPolicy, Target};
use super::unit::Millis;

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
        Outcome::LateComer { entry } => vec![stop(entry)],
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

fn stop(entry: EntryKey) -> EventKind {
    EventKind::Build(BuildEvent::StopRequested { entry, by: Person(ENGINE.to_owned()) })
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
    // A plan that somebody agreed to must still be true when it is carried out. After a take-over nobody agreed
    // to anything yet in this process, and our own builds have changed the catalogs: the fresh plan stands.
    if let (Some(step), Some(agreed), Some(_)) = (building, &state.plan, &state.control.plan_for) {
        let reasons = agreed.stale(&fresh, now);
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

fn budget_spent(state: &RunState, entry: EntryKey, wait: Wait, waited: Millis) -> Vec<EventKind> {
    let policy = state.run.as_ref().map(|run| run.settings.on_budget).unwrap_or_default();
    let spent = EventKind::Build(BuildEvent::BudgetSpent { entry: entry.clone(), wait, waited, policy });
    match policy {
        BudgetPolicy::KeepWaiting | BudgetPolicy::Ask => vec![spent],
        BudgetPolicy::CancelAndClean => vec![spent, stop(entry)],
    }
}

/// Success is a conjunction, read on a fresh connection: valid, ready, live, on the right table, with the registry's
/// definition in the server's own words, on the same server.
fn conclude(
    state: &RunState,
    entry: &EntryKey,
    reading: &Result<IndexReading, Failure>,
    ended: Option<BackendId>,
    events: &mut Vec<EventKind>,
) -> Conclusion {
    let reading = match reading {
        Ok(reading) => reading,
        Err(failure) => return Conclusion::Unknown { why: failure.message.clone() },
    };
    let Some(target) = &state.target else {
        return Conclusion::Unknown { why: "the target was never proven".to_owned() };
    };
    let changes = target.identity.changes(&reading.identity);
    if !changes.is_empty() {
        let why = format!("the target changed: {}", changes.join("; "));
        events.push(EventKind::Run(RunEvent::TargetChanged { changes, now: reading.identity.clone() }));
        return Conclusion::Unknown { why };
    }
    let Some(item) = state.plan.as_ref().and_then(|plan| plan.item(entry)) else {
        return Conclusion::Unknown { why: "the entry is not in the plan".to_owned() };
    };
    let record = state.builds.get(entry);
    let builder = reading.builders.iter().find(|builder| {
        Some(builder.backend) != ended
            && (builder.item_lock.as_ref() == Some(entry)
                || builder
                    .index_oid
                    .is_some_and(|oid| reading.index.as_ref().is_some_and(|index| index.oid == oid)))
    });
    let Some(index) = &reading.index else {
        return builder.map_or(Conclusion::Absent, |b| being_built(state, record, b, None));
    };
    if index.flags.usable() {
        let Some(expected) = &item.expected else {
            return Conclusion::Unknown {
                why: "the server's definition of the entry is not known, so nothing can be compared"
                    .to_owned(),
            };
        };
        let mut differences = expected.differences(&index.definition);
        if Some(index.table_oid) != item.table_oid {
            differences.insert(
                0,
                super::catalog::Difference {
                    what: "table".to_owned(),
                    wanted: format!("{}.{}", item.table.schema, item.table.name),
                    found: format!("{}.{}", index.table.schema, index.table.name),
                },
            );
        }
        if !differences.is_empty() {
            return Conclusion::Drift { differences };
        }
        let origin = origin(state, entry, record, index.oid);
        return Conclusion::Verified { oid: index.oid, size: index.size, origin };
    }
    if let Some(builder) = builder {
        return being_built(state, record, builder, Some(index.oid));
    }
    let origin = origin(state, entry, record, index.oid);
    Conclusion::Leftover { oid: index.oid, flags: index.flags, size: index.size, origin }
}

fn being_built(
    state: &RunState,
    record: Option<&BuildRecord>,
    builder: &Builder,
    oid: Option<Oid>,
) -> Conclusion {
    let intended = record.and_then(|r| r.intent.as_ref()).is_some_and(|i| i.backend == builder.backend);
    let tagged = state
        .run
        .as_ref()
        .is_some_and(|run| builder.application.starts_with(&format!("cicerone/{}/", run.run.0)));
    if intended || tagged {
        Conclusion::StillBuilding { backend: builder.backend, oid }
    } else {
        Conclusion::BuiltElsewhere { backend: builder.backend }
    }
}

/// Ours is what the ledger holds, or what stands under a name that our intent found free under the item lock,
/// unless the server told us that somebody else took the name first.
fn origin(state: &RunState, entry: &EntryKey, record: Option<&BuildRecord>, oid: Oid) -> Origin {
    if let Some(made) = state.ledger.get(entry) {
        return if made.oid == oid { Origin::Ours } else { Origin::NotOurs };
    }
    let taken =
        |record: &BuildRecord| record.failure.as_ref().is_some_and(|f| f.class == FailureClass::NameTaken);
    match record {
        Some(record) if record.intent.is_some() && !taken(record) => Origin::Ours,
        _ => Origin::NotOurs,
    }
}

/// The pause before attempt `n + 1`: one second doubled each time, at most half a minute, plus up to half of it.
fn pause(attempts: u32, jitter: u64) -> Millis {
    let base = 1_000_u64.saturating_mul(1 << attempts.min(5)).min(30_000) / 2;
    Millis(base + base * jitter.min(1_000) / 1_000)
}

fn next(
    state: &RunState,
    entry: &EntryKey,
    conclusion: &Conclusion,
    now: jiff::Timestamp,
    jitter: u64,
) -> Next {
    let record = state.builds.get(entry);
    match conclusion {
        Conclusion::Verified { .. } => return Next::Done,
        Conclusion::StillBuilding { .. } | Conclusion::BuiltElsewhere { .. } => return Next::Watch,
        Conclusion::Unknown { why } => return Next::GiveUp { sentence: format!("nothing is known: {why}") },
        Conclusion::Drift { .. } => return Next::GiveUp { sentence: conclusion.sentence() },
        Conclusion::Leftover { origin: Origin::NotOurs, .. } => {
            return Next::GiveUp {
                sentence: "an invalid index that this run did not make has the name".to_owned(),
            };
        }
        Conclusion::Leftover { .. } | Conclusion::Absent => {}
    }
    let give_up = |sentence: String| match conclusion {
        Conclusion::Leftover { .. } => Next::DropThenStop { sentence },
        Conclusion::Absent
        | Conclusion::Verified { .. }
        | Conclusion::Drift { .. }
        | Conclusion::BuiltElsewhere { .. }
        | Conclusion::StillBuilding { .. }
        | Conclusion::Unknown { .. } => Next::GiveUp { sentence },
    };
    let rolling = state.control.rollback.as_ref().is_some_and(|r| r.finished.is_none());
    if let Some(by) = record.and_then(BuildRecord::stopping).filter(|by| by.0 != ENGINE) {
        return give_up(format!("stopped by {}", by.0));
    }
    if rolling || state.control.abort.is_some() {
        return give_up("the run is ending".to_owned());
    }
    let failure = record.and_then(|record| record.failure.as_ref());
    let attempts = record.map_or(0, |record| record.attempts);
    let limit = state.run.as_ref().map_or(1, |run| run.settings.attempts);
    let class = failure.map(|failure| failure.class);
    // An engine that died before its statement was sent leaves no failure: that attempt did not count for much.
    if class.is_none_or(FailureClass::may_pass) && attempts < limit {
        let not_before = now
            .checked_add(jiff::SignedDuration::from_millis(
                i64::try_from(pause(attempts, jitter).0).unwrap_or(30_000),
            ))
            .unwrap_or(now);
        return match conclusion {
            Conclusion::Leftover { .. } => Next::DropThenRetry { not_before },
            Conclusion::Absent
            | Conclusion::Verified { .. }
            | Conclusion::Drift { .. }
            | Conclusion::BuiltElsewhere { .. }
            | Conclusion::StillBuilding { .. }
            | Conclusion::Unknown { .. } => Next::Retry { not_before },
        };
    }
    let said = failure.map(|failure| {
        let code = failure.sqlstate.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        format!("{}: {}{code}", failure.class.sentence(), failure.message)
    });
    give_up(match said {
        Some(said) if attempts > 1 => format!("gave up after {attempts} attempts; {said}"),
        Some(said) => said,
        None => format!("gave up after {attempts} attempts"),
    })
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
                let why = "the statement did not finish".to_owned();
                match reading.index {
                    None => DropConclusion::Gone,
                    Some(index) if index.flags.usable() => DropConclusion::Untouched { why },
                    Some(index) => DropConclusion::Interrupted { flags: index.flags, why },
                }
            } else {
                let why = format!("the target changed: {}", changes.join("; "));
                events.push(EventKind::Run(RunEvent::TargetChanged { changes, now: reading.identity }));
                DropConclusion::Unknown { why }
            }
        }
    };
    events.push(EventKind::Drop(DropEvent::Concluded { entry, oid, conclusion }));
    events
}
