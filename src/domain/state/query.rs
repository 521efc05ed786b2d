//! Questions that readers ask of the state.

use super::{BuildRecord, BuildStatus, CheckRecord, Left, RollbackScope, RunState, Stage, StepStatus};

use serde::{Deserialize, Serialize};

use crate::domain::event::{Ending, Origin};
use crate::domain::id::{CheckId, EntryKey, Oid, StepId};
use crate::domain::plan::ItemState;
use crate::domain::playbook::Step;
use crate::domain::target::LeftoverPolicy;

impl RunState {
    /// Ids of all steps in playbook order.
    pub fn step_order(&self) -> impl Iterator<Item = StepId> + use<> {
        let ids: Vec<StepId> =
            self.run.iter().flat_map(|run| run.playbook.steps()).map(|step| step.id.clone()).collect();
        ids.into_iter()
    }

    /// First step that has not ended.
    pub fn current_step(&self) -> Option<&Step> {
        self.run.as_ref()?.playbook.steps().find(|step| {
            !self
                .steps
                .get(&step.id)
                .is_some_and(|record| matches!(record.status, StepStatus::Finished { .. }))
        })
    }

    /// Checks that keep the gate closed.
    pub fn closed_gates(&self) -> impl Iterator<Item = &CheckRecord> {
        self.checks.iter().filter(|check| check.closes_gate())
    }

    /// Counts over all plan items.
    pub fn tally(&self) -> Tally {
        let put_off = matches!(self.control.closed, Some((_, Ending::NeedsPerson { .. })));
        let mut tally = Tally::default();
        let Some(plan) = &self.plan else { return tally };
        for item in &plan.items {
            tally.total += 1;
            match self.builds.get(&item.key).map(|record| &record.status) {
                Some(BuildStatus::Verified { .. }) => tally.verified += 1,
                // Left to whoever takes the run over: nothing is at work on it.
                Some(BuildStatus::Cleaning { .. }) if put_off => {
                    tally.waiting += 1;
                    tally.leftovers += 1;
                }
                Some(BuildStatus::Running { .. } | BuildStatus::Cleaning { .. }) => tally.running += 1,
                Some(BuildStatus::Failed { left, .. }) => {
                    tally.failed += 1;
                    if *left == Left::Leftover {
                        tally.leftovers += 1;
                    }
                }
                Some(BuildStatus::Skipped { .. }) => {
                    tally.skipped += 1;
                    if matches!(item.state, ItemState::Leftover { .. }) {
                        tally.leftovers += 1;
                    }
                }
                Some(BuildStatus::Unknown { .. }) => tally.unknown += 1,
                Some(BuildStatus::RolledBack) => tally.rolled_back += 1,
                Some(BuildStatus::Retrying { .. }) | None => tally.waiting += 1,
            }
        }
        tally
    }

    /// Whether a person set that invalid indexes in the way are dropped, whoever made them.
    pub fn repairs_leftovers(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.settings.leftovers == LeftoverPolicy::Repair)
    }

    /// An entry's index that most likely is of this run, without a witness: only a person who names it may have it
    /// dropped, and then it counts as made by the run.
    pub fn presumed(&self, entry: &EntryKey) -> Option<(Oid, Oid)> {
        let record = self.builds.get(entry)?;
        let presumed = matches!(record.status, BuildStatus::Verified { origin: Origin::Presumed });
        (presumed && !self.ledger.contains_key(entry))
            .then_some((record.oid?, record.intent.as_ref()?.table_oid))
    }

    /// What runs on a table: at most one thing of ours ever does.
    pub fn busy_tables(&self) -> Vec<Oid> {
        let running = self
            .builds
            .iter()
            .filter(|(_, record)| matches!(record.status, BuildStatus::Running { .. }))
            .map(|(key, _)| key);
        let dropping = self.drops.iter().filter(|(_, drop)| drop.conclusion.is_none()).map(|(key, _)| key);
        running.chain(dropping).filter_map(|key| self.table_of(key)).collect()
    }

    /// The table of an entry: what was really worked on, before what the newest plan says.
    pub fn table_of(&self, entry: &EntryKey) -> Option<Oid> {
        let begun = self.builds.get(entry).and_then(|record| record.intent.as_ref()).map(|it| it.table_oid);
        let made = || self.ledger.get(entry).map(|made| made.table_oid);
        let planned = || self.plan.as_ref()?.item(entry)?.table_oid;
        begun.or_else(made).or_else(planned)
    }

    /// Whether anything of ours is begun and not concluded. Builds of other people are not ours.
    pub fn is_at_work(&self) -> bool {
        self.builds.keys().chain(self.drops.keys()).any(|key| self.is_at_work_on(key))
    }

    /// Whether a build, a drop, or a drop that is due is begun and not concluded for an entry.
    pub fn is_at_work_on(&self, entry: &EntryKey) -> bool {
        self.builds.get(entry).is_some_and(|record| {
            matches!(record.status, BuildStatus::Running { .. } | BuildStatus::Cleaning { .. })
                && !record.is_strangers()
        }) || self.drops.get(entry).is_some_and(|drop| drop.conclusion.is_none())
    }

    /// Whether nothing more is to be sent for an entry: the run ends, or what it made is rolled back.
    pub fn is_ending_for(&self, entry: &EntryKey) -> bool {
        let control = &self.control;
        self.is_rolled_back(entry)
            || control.closed.is_some()
            || control.abort.is_some()
            || control.unanswered.is_some()
            || control.target_changed.is_some()
    }

    /// Whether a rollback wants an entry to go, or has taken everything away.
    pub fn is_rolled_back(&self, entry: &EntryKey) -> bool {
        self.control.rollback.as_ref().is_some_and(|rollback| {
            rollback.scope == RollbackScope::Whole
                || (rollback.finished.is_none() && rollback.entries.contains(entry))
        })
    }
}

impl BuildRecord {
    /// Whether it is somebody else's build, which is only looked at. Ours have an intent.
    pub fn is_strangers(&self) -> bool {
        matches!(self.status, BuildStatus::Running { stage: Stage::Watched, .. }) && self.intent.is_none()
    }
}

/// Counts over all plan items. `verified` + … + `waiting` = `total`; `leftovers` counts some of them again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Entries.
    pub total: u32,
    /// Read back and right.
    pub verified: u32,
    /// At work.
    pub running: u32,
    /// To do, or waiting for their next attempt.
    pub waiting: u32,
    /// Given up.
    pub failed: u32,
    /// Left out.
    pub skipped: u32,
    /// Not known.
    pub unknown: u32,
    /// Made, then dropped by rollback.
    pub rolled_back: u32,
    /// Invalid indexes that remain on the server.
    pub leftovers: u32,
}

impl RunState {
    /// A check by id.
    pub fn check(&self, id: &CheckId) -> Option<&CheckRecord> {
        self.checks.iter().find(|check| &check.result.id == id)
    }
}
