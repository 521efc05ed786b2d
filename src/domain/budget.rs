//! Wait budgets that are spent, and whether anything goes on besides.
//!
//! There is one model for builds and drops: every wait has a budget, and the policy says what follows when it is spent.
//! Under `ask` the work goes on waiting, and the state shows the question. Without anybody to answer it, a run would wait
//! for ever once nothing else can go on: that is what [`only_questions_left`] finds out.

#[cfg(test)]
mod tests;

use super::effect::InFlight;
use super::id::{EntryKey, Oid};
use super::plan::PlanItem;
use super::playbook::StepKind;
use super::progress::Wait;
use super::schedule::{has_room_to_drop, next_build};
use super::state::{AfterCleaning, BuildRecord, BuildStatus, RunState, Stage, StepStatus};
use super::target::{BudgetPolicy, RunSettings};
use super::unit::Millis;

/// How long a wait may last before the policy decides. A drop waits for those who used the table as long as a build for
/// those who wrote it.
pub fn of(wait: Wait, settings: &RunSettings) -> Millis {
    match wait {
        Wait::FirstLock => settings.first_lock_budget,
        Wait::Writers | Wait::Readers => settings.writers_budget,
        Wait::OldSnapshots => settings.snapshots_budget,
    }
}

/// Builds and drops that wait over their budget until a person stops them, with what they wait for.
pub fn questions(state: &RunState) -> Vec<(EntryKey, Wait)> {
    let asks = state.run.as_ref().is_some_and(|run| run.settings.on_budget == BudgetPolicy::Ask);
    if !asks {
        return Vec::new();
    }
    let drops = state.drops.iter().filter_map(|(key, drop)| {
        // Before it is sent, for the first time or again, it waits for its table.
        let waits = |wait: &Wait| drop.is_on_server() || *wait == Wait::FirstLock;
        let open = drop.conclusion.is_none() && drop.stopping.is_none();
        drop.over_budget.filter(|wait| open && waits(wait)).map(|wait| (key.clone(), wait))
    });
    let builds = state.builds.iter().filter_map(|(key, record)| match record.status {
        BuildStatus::Running { stopping: None, over_budget: Some(wait), stage }
            if stage != Stage::Reading =>
        {
            Some((key.clone(), wait))
        }
        BuildStatus::Running { .. }
        | BuildStatus::Retrying { .. }
        | BuildStatus::Cleaning { .. }
        | BuildStatus::Verified { .. }
        | BuildStatus::Failed { .. }
        | BuildStatus::Skipped { .. }
        | BuildStatus::Unknown { .. }
        | BuildStatus::RolledBack => None,
    });
    builds.chain(drops).collect()
}

/// Whether there are such questions, and nothing but them: no build, drop or retry can go on until one of them is
/// answered or its wait ends. A paused queue is a person's doing and waits for that person, unless the run is ending.
pub fn only_questions_left(state: &RunState) -> bool {
    let control = &state.control;
    let over = control.closed.is_some() || control.unanswered.is_some() || control.target_changed.is_some();
    let questions = questions(state);
    if questions.is_empty() || over || control.connected.is_none() {
        return false;
    }
    let asked = |key: &EntryKey| questions.iter().any(|(asked, _)| asked == key);
    let busy = state.busy_tables();
    let works = state
        .builds
        .keys()
        .chain(state.drops.keys())
        .any(|key| state.is_at_work_on(key) && !asked(key) && !is_stuck_cleaning(state, key, &busy));
    let theirs = state.builds.values().any(BuildRecord::is_strangers);
    if works || theirs {
        return false;
    }
    let rollback = control.rollback.as_ref().filter(|rollback| rollback.finished.is_none());
    if let Some(rollback) = rollback {
        let free = |key: &EntryKey| state.table_of(key).is_none_or(|oid| !busy.contains(&oid));
        let next = |key: &EntryKey| state.ledger.contains_key(key) && !asked(key) && free(key);
        return !has_room_to_drop(state) || !rollback.entries.iter().any(next);
    }
    control.abort.is_some() || (control.paused.is_none() && !can_build(state))
}

/// A leftover that is to go, while its table or every session that may wait is taken.
fn is_stuck_cleaning(state: &RunState, key: &EntryKey, busy: &[Oid]) -> bool {
    let Some(BuildStatus::Cleaning { then, .. }) = state.builds.get(key).map(|record| &record.status) else {
        return false;
    };
    let begun = state.drops.get(key).is_some_and(|drop| drop.conclusion.is_none());
    let taken = state.table_of(key).is_some_and(|oid| busy.contains(&oid));
    let put_off = matches!(then, AfterCleaning::Retry { .. })
        && state.control.paused.is_some()
        && !state.is_ending_for(key);
    !begun && (taken || put_off || !has_room_to_drop(state))
}

/// Whether another build may begin, now or once its pause is over.
fn can_build(state: &RunState) -> bool {
    let Some((step, plan)) = state.current_step().zip(state.plan.as_ref()) else { return false };
    let held = state.steps.get(&step.id).is_some_and(|it| matches!(it.status, StepStatus::Held { .. }));
    let begun = |item: &&PlanItem| state.builds.contains_key(&item.key);
    let items: Vec<&PlanItem> = match &step.kind {
        StepKind::BuildIndexes { .. } if state.control.plan_for.as_ref() != Some(&step.id) => return !held,
        StepKind::BuildIndexes { only_domains, .. } => {
            let wanted = |item: &&PlanItem| only_domains.as_ref().is_none_or(|it| it.contains(&item.domain));
            plan.items.iter().filter(wanted).collect()
        }
        StepKind::Verify { .. } => plan.items.iter().filter(begun).collect(),
        StepKind::Checks { .. } | StepKind::Confirm { .. } | StepKind::SignOff { .. } => return false,
    };
    next_build(state, &items, &InFlight::new(), jiff::Timestamp::MAX).is_some()
}
