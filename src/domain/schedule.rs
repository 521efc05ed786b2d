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
const WAITING_SESSIONS: usize = 6;

/// The entry to build next and the number of its attempt.
pub fn next_build(
    state: &RunState,
    items: &[&PlanItem],
    in_flight: &InFlight,
    now: jiff::Timestamp,
) -> Option<(EntryKey, u32)> {
    let settings = &state.run.as_ref()?.settings;
    let limits = Limits::of(settings, state.plan.as_ref().and_then(|plan| plan.memory_kb));
    let mut working = 0;
    let mut waiting = 0;
    for record in state.builds.values() {
        // An orphan of ours takes as much of the server as any other build; a stranger's is not ours to count.
        if !matches!(record.status, BuildStatus::Running { .. }) || record.is_strangers() {
            continue;
        }
        if is_waiting(record) {
            waiting += 1;
        } else {
            working += 1;
        }
    }
    // Whoever they wait for may let all of them go in the same moment.
    let full = working + waiting >= limits.sessions;
    if working >= limits.jobs || waiting >= WAITING_SESSIONS || full {
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

/// Whether another drop may begin. One that is held up by others leaves its place to the next, as a build does.
pub(super) fn has_room_to_drop(state: &RunState) -> bool {
    let jobs = state.run.as_ref().map_or(1, |run| run.settings.jobs.max(1) as usize);
    let begun = || state.drops.values().filter(|drop| drop.conclusion.is_none());
    let waiting = begun().filter(|drop| !drop.blockers.is_empty()).count();
    begun().count() - waiting < jobs && waiting < WAITING_SESSIONS
}

/// How many builds there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// That work.
    pub jobs: usize,
    /// In all: that work, and that wait for people and may go on at any moment.
    pub sessions: usize,
}

impl Limits {
    /// What the settings allow, and the memory budget, when there is one; never less than one. `server_kb` is the
    /// server's own `maintenance_work_mem`, which a build gets when the settings name no other.
    pub fn of(settings: &RunSettings, server_kb: Option<u64>) -> Self {
        let jobs = settings.jobs.max(1) as usize;
        let sessions = jobs + WAITING_SESSIONS;
        let each = settings.maintenance_work_mem_kb.or(server_kb);
        let (Some(budget), Some(each)) = (settings.memory_budget_kb, each) else {
            return Self { jobs, sessions };
        };
        // maintenance_work_mem is shared by a build's parallel workers since PostgreSQL 11, so it counts once.
        let fits = usize::try_from(budget / each.max(1)).unwrap_or(usize::MAX).max(1);
        Self { jobs: jobs.min(fits), sessions: sessions.min(fits) }
    }
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
