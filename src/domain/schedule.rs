//! Which build starts next.
//!
//! One thing of ours per table, ever: a second CREATE INDEX CONCURRENTLY on a table makes the server kill the first
//! one with 40P01 after all its work (12-18). Across tables builds overlap up to the number of jobs; a build that
//! waits for people gives its slot to the next one. Critical entries first, partial and expression builds last
//! among equals, longest estimate first, so that the tail of the rollout is short.

#[cfg(test)]
mod tests;

use super::effect::{EffectKey, InFlight, urgency};
use super::id::EntryKey;
use super::plan::{ItemState, PlanItem};
use super::state::{BuildRecord, BuildStatus, RunState, Stage};
use super::target::RunSettings;

/// Builds and drops that wait for people do not count as jobs, but their sessions are not free either.
pub(super) const WAITING_SESSIONS: usize = 6;

/// The entry to build next and the number of its attempt.
pub fn next_build(
    state: &RunState,
    items: &[&PlanItem],
    in_flight: &InFlight,
    now: jiff::Timestamp,
) -> Option<(EntryKey, u32)> {
    let settings = &state.run.as_ref()?.settings;
    let jobs = jobs(settings);
    let mut working = 0;
    let mut waiting = 0;
    for record in state.builds.values() {
        if let BuildStatus::Running { .. } = record.status {
            // An orphan of ours takes as much of the server as any other build; a stranger's is not ours to count.
            if is_waiting(record) {
                waiting += 1;
            } else if !record.is_strangers() {
                working += 1;
            }
        }
    }
    if working >= jobs || waiting >= WAITING_SESSIONS {
        return None;
    }
    let busy = state.busy_tables();
    items
        .iter()
        .filter(|item| is_due(state, item, now))
        .filter(|item| item.table_oid.is_some_and(|oid| !busy.contains(&oid)))
        .filter(|item| !in_flight.contains(&EffectKey::Entry(item.key.clone())))
        .min_by_key(|item| urgency(item))
        .map(|item| {
            let attempts = state.builds.get(&item.key).map_or(0, |record| record.attempts);
            (item.key.clone(), attempts.saturating_add(1))
        })
}

/// Builds at once, as far as the memory budget allows; never less than one.
pub fn jobs(settings: &RunSettings) -> usize {
    let wanted = settings.jobs.max(1) as usize;
    let (Some(budget), Some(each)) = (settings.memory_budget_kb, settings.maintenance_work_mem_kb) else {
        return wanted;
    };
    // maintenance_work_mem is shared by a build's parallel workers since PostgreSQL 11, so it counts once.
    let fits = usize::try_from(budget / each.max(1)).unwrap_or(usize::MAX);
    wanted.min(fits.max(1))
}

/// Whether a running build waits for somebody else, so that its slot may serve another table.
pub fn is_waiting(record: &BuildRecord) -> bool {
    let BuildStatus::Running { stage, .. } = record.status else { return false };
    if record.held_since.is_none() {
        return false;
    }
    stage == Stage::Preparing || record.phases.last().is_some_and(|(phase, _)| phase.wait().is_some())
}

fn is_due(state: &RunState, item: &PlanItem, now: jiff::Timestamp) -> bool {
    match state.builds.get(&item.key).map(|record| &record.status) {
        None => item.state == ItemState::ToBuild,
        Some(BuildStatus::Retrying { not_before }) => *not_before <= now,
        Some(
            BuildStatus::Running { .. }
            | BuildStatus::Cleaning { .. }
            | BuildStatus::Verified { .. }
            | BuildStatus::Failed { .. }
            | BuildStatus::Skipped { .. }
            | BuildStatus::Unknown { .. }
            | BuildStatus::RolledBack,
        ) => false,
    }
}
