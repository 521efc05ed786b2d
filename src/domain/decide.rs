//! May a person's command be carried out? One gate for console and headless.

#[cfg(test)]
mod tests;

use super::budget;
use super::check::Waivable;
use super::command::{Command, Refusal, Verb};
use super::event::{
    BuildEvent, CheckEvent, DropEvent, Ending, EventKind, RollbackEvent, RunEvent, SessionEvent, StepEvent,
};
use super::id::{BackendId, EntryKey, Oid, Person, StepId};
use super::plan::ItemState;
use super::playbook::StepKind;
use super::state::{BuildRecord, BuildStatus, Left, RunState, StepStatus};
use super::target::{LeftoverPolicy, Mode};

/// A reason with fewer letters than this says nothing.
pub const REASON_LETTERS: usize = 10;

/// The event that a command becomes, or why it does not.
pub fn decide(state: &RunState, command: &Command) -> Result<EventKind, Refusal> {
    let run = state.run.as_ref().ok_or_else(|| not_ready("the run is not open"))?;
    if state.control.closed.is_some() {
        return Err(Refusal::RunIsOver);
    }
    let by = command.by.clone();
    match &command.verb {
        Verb::Confirm { step, typed } => confirm(state, step, typed, by),
        Verb::Recheck => recheck(state, by),
        Verb::Waive { check, reason } => {
            let record = state.check(check).ok_or_else(|| unknown(format!("check {}", check.0)))?;
            if record.result.waivable == Waivable::Never {
                return Err(Refusal::NotWaivable {
                    check: record.result.title.clone(),
                    why: record.result.found.clone(),
                });
            }
            if record.waiver.is_some() {
                return Err(already("waived"));
            }
            if !record.result.verdict.blocks() && record.result.verdict != super::check::Verdict::Warn {
                return Err(already("passed"));
            }
            let reason = good_reason(reason)?;
            Ok(EventKind::Check(CheckEvent::Waived { check: check.clone(), by, reason }))
        }
        Verb::Pause if state.control.paused.is_some() => Err(already("paused")),
        Verb::Pause => Ok(EventKind::Run(RunEvent::Paused { by })),
        Verb::Resume if state.control.paused.is_none() => Err(already("running")),
        Verb::Resume => Ok(EventKind::Run(RunEvent::Unpaused { by })),
        Verb::Stop { entry } => stop(state, entry, by),
        Verb::Skip { entry, reason } => skip(state, entry, reason, by),
        Verb::Retry { entry, leftover } => {
            writes(run.mode, "build")?;
            retry(state, entry, *leftover, &by)
        }
        Verb::Roll { entries, reason } => {
            writes(run.mode, "drop")?;
            roll(state, entries, reason, by)
        }
        Verb::EndSession { backend, description, how, reason } => {
            writes(run.mode, "end sessions")?;
            if let Some(entry) = own_build(state, *backend) {
                return Err(not_ready(&format!("pid {} builds {}: stop it instead", backend.pid, entry.0)));
            }
            Ok(EventKind::Session(SessionEvent::EndRequested {
                backend: *backend,
                description: description.clone(),
                how: *how,
                by,
                reason: good_reason(reason)?,
            }))
        }
        Verb::SignOff { name, reason } => sign_off(state, name, reason),
        Verb::Abort { reason } => {
            if state.control.abort.is_some() {
                return Err(already("ending"));
            }
            Ok(EventKind::Run(RunEvent::AbortRequested { by, reason: reason.clone() }))
        }
        Verb::TakeControl if state.control.controller.as_ref() == Some(&by) => Err(already("in control")),
        Verb::TakeControl => {
            let from = state.control.controller.clone();
            Ok(EventKind::Run(RunEvent::ControlTaken { by, from }))
        }
        Verb::LoseControl { .. } if state.control.controller.is_none() => Err(already("out of hand")),
        Verb::LoseControl { why } => Ok(EventKind::Run(RunEvent::ControlLost { by, why: why.clone() })),
        Verb::SetWindow { end } if state.control.window == *end => Err(already("the window's end")),
        Verb::SetWindow { end } => Ok(EventKind::Run(RunEvent::WindowSet { by, end: *end })),
        Verb::EndHere => end_here(state),
        Verb::EndUnanswered => end_unanswered(state),
    }
}

fn confirm(state: &RunState, step: &StepId, typed: &str, by: Person) -> Result<EventKind, Refusal> {
    let record = state.steps.get(step).ok_or_else(|| unknown(format!("step {}", step.0)))?;
    let StepStatus::Held { why } = &record.status else {
        return Err(Refusal::NotHeld { step: step.0.clone() });
    };
    let kind = state
        .run
        .iter()
        .flat_map(|run| run.playbook.steps())
        .find(|known| &known.id == step)
        .map(|known| &known.kind);
    match kind {
        Some(StepKind::Checks { .. }) => Err(Refusal::GateClosed { why: why.clone() }),
        Some(StepKind::SignOff { .. }) => Err(not_ready("a sign-off needs a name and a reason")),
        Some(StepKind::BuildIndexes { .. }) if plan_is_stale(state, step) => {
            Err(Refusal::PlanStale { why: "check again, then confirm anew".to_owned() })
        }
        Some(StepKind::Confirm { .. } | StepKind::BuildIndexes { .. } | StepKind::Verify { .. }) | None => {
            Ok(EventKind::Step(StepEvent::Confirmed { step: step.clone(), by, typed: typed.to_owned() }))
        }
    }
}

/// A build step whose plan was found to be no longer true is held before anything was started.
fn plan_is_stale(state: &RunState, step: &StepId) -> bool {
    state.control.plan_for.as_ref() != Some(step)
}

fn recheck(state: &RunState, by: Person) -> Result<EventKind, Refusal> {
    let run = state.run.as_ref().ok_or_else(|| not_ready("the run is not open"))?;
    if is_busy(state) {
        return Err(not_ready("builds or drops are running: pause, and let them end first"));
    }
    if is_rolling_back(state) {
        return Err(not_ready("a rollback goes on"));
    }
    let checks = run
        .playbook
        .steps()
        .find(|step| matches!(step.kind, StepKind::Checks { .. }) && state.steps.contains_key(&step.id))
        .ok_or_else(|| not_ready("no checks ran yet"))?;
    // Held without answers, no plan could be made: that is what another try is for.
    let held =
        state.steps.get(&checks.id).is_some_and(|record| matches!(record.status, StepStatus::Held { .. }));
    if state.control.checks_took.is_none() && !held {
        return Err(already("checking"));
    }
    Ok(EventKind::Step(StepEvent::Reopened { step: checks.id.clone(), by }))
}

fn stop(state: &RunState, entry: &EntryKey, by: Person) -> Result<EventKind, Refusal> {
    if let Some(drop) = state.drops.get(entry).filter(|drop| drop.conclusion.is_none()) {
        return match drop.stopping {
            Some(_) => Err(already("stopping")),
            None => Ok(EventKind::Drop(DropEvent::StopRequested { entry: entry.clone(), by })),
        };
    }
    let record = state.builds.get(entry).ok_or_else(|| unknown(format!("build of {}", entry.0)))?;
    match &record.status {
        BuildStatus::Running { stopping: Some(_), .. } => Err(already("stopping")),
        BuildStatus::Running { .. } if record.is_strangers() => {
            Err(not_ready("somebody else builds it: skip it, or end that session"))
        }
        BuildStatus::Running { .. } => {
            Ok(EventKind::Build(BuildEvent::StopRequested { entry: entry.clone(), by }))
        }
        BuildStatus::Retrying { .. }
        | BuildStatus::Cleaning { .. }
        | BuildStatus::Verified { .. }
        | BuildStatus::Failed { .. }
        | BuildStatus::Skipped { .. }
        | BuildStatus::Unknown { .. }
        | BuildStatus::RolledBack => Err(Refusal::NotRunning { entry: entry.0.clone() }),
    }
}

fn skip(state: &RunState, entry: &EntryKey, reason: &str, by: Person) -> Result<EventKind, Refusal> {
    known_entry(state, entry)?;
    let record = state.builds.get(entry);
    let theirs = record.is_some_and(BuildRecord::is_strangers);
    match record.map(|record| &record.status) {
        Some(BuildStatus::Running { .. } | BuildStatus::Cleaning { .. }) if !theirs => {
            Err(Refusal::Running { entry: entry.0.clone() })
        }
        Some(BuildStatus::Verified { .. }) => Err(already("verified")),
        Some(BuildStatus::Skipped { .. }) => Err(already("skipped")),
        Some(
            BuildStatus::Running { .. }
            | BuildStatus::Cleaning { .. }
            | BuildStatus::Retrying { .. }
            | BuildStatus::Failed { .. }
            | BuildStatus::Unknown { .. }
            | BuildStatus::RolledBack,
        )
        | None => {
            Ok(EventKind::Build(BuildEvent::Skipped { entry: entry.clone(), by, reason: reason.to_owned() }))
        }
    }
}

fn retry(
    state: &RunState,
    entry: &EntryKey,
    policy: LeftoverPolicy,
    by: &Person,
) -> Result<EventKind, Refusal> {
    let item = known_entry(state, entry)?;
    if item.table_oid.is_none() {
        return Err(not_ready("its table did not exist when the plan was made: check again"));
    }
    if state.current_step().is_none_or(|step| matches!(step.kind, StepKind::SignOff { .. })) {
        return Err(not_ready("nothing more is built at this step: check again to go back"));
    }
    let again = |clean: Option<Oid>| {
        Ok(EventKind::Build(BuildEvent::RetryRequested { entry: entry.clone(), by: by.clone(), clean }))
    };
    let planned_leftover = if let ItemState::Leftover { oid, ties, .. } = &item.state {
        ties.is_empty().then_some(*oid)
    } else {
        None
    };
    let Some(record) = state.builds.get(entry) else { return Err(already("waiting for its turn")) };
    match &record.status {
        BuildStatus::Running { .. } | BuildStatus::Cleaning { .. } => {
            Err(Refusal::Running { entry: entry.0.clone() })
        }
        BuildStatus::Verified { .. } => Err(already("verified")),
        BuildStatus::Retrying { .. } => Err(already("waiting for its next attempt")),
        BuildStatus::Failed { left: Left::Leftover, .. } | BuildStatus::Skipped { .. }
            if record.oid.or(planned_leftover).is_some() =>
        {
            let oid = record.oid.or(planned_leftover);
            let ours = state.ledger.get(entry).map(|made| made.oid) == oid;
            if ours || policy == LeftoverPolicy::Repair {
                again(oid)
            } else {
                Err(Refusal::NotOurs { entry: entry.0.clone() })
            }
        }
        BuildStatus::Failed { .. }
        | BuildStatus::Skipped { .. }
        | BuildStatus::Unknown { .. }
        | BuildStatus::RolledBack => again(None),
    }
}

fn roll(state: &RunState, entries: &[EntryKey], reason: &str, by: Person) -> Result<EventKind, Refusal> {
    if is_rolling_back(state) {
        return Err(already("rolling back"));
    }
    let running = |key: &EntryKey| {
        state.builds.get(key).is_some_and(|record| {
            matches!(record.status, BuildStatus::Running { .. }) && record.intent.is_some()
        })
    };
    for key in entries {
        if !state.ledger.contains_key(key) && !running(key) && state.presumed(key).is_none() {
            return Err(Refusal::NotOurs { entry: key.0.clone() });
        }
    }
    let entries: Vec<EntryKey> = if entries.is_empty() {
        let mut all: Vec<EntryKey> = state.ledger.keys().cloned().collect();
        // Those that wait for their table are part of it too: nothing of them may be sent any more.
        all.extend(
            state
                .builds
                .keys()
                .filter(|key| state.is_at_work_on(key) && !state.ledger.contains_key(key))
                .cloned(),
        );
        all
    } else {
        entries.to_vec()
    };
    if entries.is_empty() {
        let presumed: Vec<&str> = state
            .builds
            .keys()
            .filter(|key| state.presumed(key).is_some())
            .map(|key| key.0.as_str())
            .collect();
        return Err(if presumed.is_empty() {
            already("as it was: this run has made nothing that is still there")
        } else {
            Refusal::NotProven { entries: presumed.join(", ") }
        });
    }
    Ok(EventKind::Rollback(RollbackEvent::Requested { by, reason: good_reason(reason)?, entries }))
}

fn sign_off(state: &RunState, name: &str, reason: &str) -> Result<EventKind, Refusal> {
    if state.control.sign_off.is_some() {
        return Err(already("signed"));
    }
    let at_sign_off = state.current_step().is_some_and(|step| {
        matches!(step.kind, StepKind::SignOff { .. })
            && state
                .steps
                .get(&step.id)
                .is_some_and(|record| matches!(record.status, StepStatus::Held { .. }))
    });
    if !at_sign_off {
        return Err(not_ready("the steps before the sign-off have not ended"));
    }
    if name.trim().is_empty() {
        return Err(not_ready("a sign-off needs a name"));
    }
    Ok(EventKind::Run(RunEvent::SignedOff {
        by: Person(name.trim().to_owned()),
        reason: reason.trim().to_owned(),
    }))
}

fn end_here(state: &RunState) -> Result<EventKind, Refusal> {
    let held = state.current_step().filter(|step| {
        state.steps.get(&step.id).is_some_and(|record| matches!(record.status, StepStatus::Held { .. }))
    });
    let Some(step) = held else { return Err(not_ready("no step waits for a person")) };
    if is_busy(state) {
        return Err(not_ready("builds or drops are running"));
    }
    let ending = match step.kind {
        StepKind::Confirm { .. } | StepKind::SignOff { .. } => Ending::NeedsPerson { step: step.id.clone() },
        StepKind::Checks { .. } | StepKind::BuildIndexes { .. } | StepKind::Verify { .. } => {
            Ending::StoppedAt { step: step.id.clone() }
        }
    };
    Ok(EventKind::Run(RunEvent::Closed { ending }))
}

/// Nobody is there to say whether to go on waiting. Nothing that still goes on is cut short for that.
fn end_unanswered(state: &RunState) -> Result<EventKind, Refusal> {
    if !budget::only_questions_left(state) {
        return Err(not_ready("nothing waits over its budget, or something else goes on"));
    }
    let entries = budget::questions(state).into_iter().map(|(entry, _)| entry).collect();
    let at = state.current_step().map(|step| step.id.clone()).or_else(|| state.step_order().last());
    let step = at.ok_or_else(|| not_ready("the playbook has no steps"))?;
    Ok(EventKind::Run(RunEvent::Unanswered { step, entries }))
}

/// Whether anything is begun and not concluded, builds of other people that are watched included.
fn is_busy(state: &RunState) -> bool {
    state.is_at_work() || state.builds.values().any(BuildRecord::is_strangers)
}

fn is_rolling_back(state: &RunState) -> bool {
    state.control.rollback.as_ref().is_some_and(|rollback| rollback.finished.is_none())
}

/// The entry that this backend builds for us, if it does.
fn own_build(state: &RunState, backend: BackendId) -> Option<&EntryKey> {
    state
        .builds
        .iter()
        .find(|(_, record)| {
            matches!(record.status, BuildStatus::Running { .. })
                && record.intent.as_ref().is_some_and(|intent| intent.backend == backend)
        })
        .map(|(key, _)| key)
}

fn known_entry<'a>(state: &'a RunState, entry: &EntryKey) -> Result<&'a super::plan::PlanItem, Refusal> {
    let plan = state.plan.as_ref().ok_or_else(|| not_ready("there is no plan yet"))?;
    plan.item(entry).ok_or_else(|| unknown(format!("entry {}", entry.0)))
}

fn writes(mode: Mode, what: &str) -> Result<(), Refusal> {
    match mode {
        Mode::DryRun => Err(Refusal::DryRun { what: what.to_owned() }),
        Mode::Live | Mode::Rehearsal => Ok(()),
    }
}

fn good_reason(reason: &str) -> Result<String, Refusal> {
    let letters = reason.chars().filter(|c| c.is_alphanumeric()).count();
    if letters < REASON_LETTERS { Err(Refusal::NeedsReason) } else { Ok(reason.trim().to_owned()) }
}

fn not_ready(what: &str) -> Refusal {
    Refusal::NotReady { what: what.to_owned() }
}

fn unknown(what: String) -> Refusal {
    Refusal::Unknown { what }
}

fn already(what: &str) -> Refusal {
    Refusal::Already { what: what.to_owned() }
}
