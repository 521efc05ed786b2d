//! Questions that readers ask of the state.

use super::{BuildStatus, CheckRecord, Left, RunState, StepStatus};

use serde::{Deserialize, Serialize};

use crate::domain::id::{CheckId, Oid, StepId};
use crate::domain::plan::ItemState;
use crate::domain::playbook::Step;

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
        let mut tally = Tally::default();
        let Some(plan) = &self.plan else { return tally };
        for item in &plan.items {
            tally.total += 1;
            match self.builds.get(&item.key).map(|record| &record.status) {
                Some(BuildStatus::Verified { .. }) => tally.verified += 1,
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

    /// What runs on a table: at most one thing of ours ever does.
    pub fn busy_tables(&self) -> Vec<Oid> {
        let Some(plan) = &self.plan else { return Vec::new() };
        plan.items
            .iter()
            .filter(|item| {
                self.builds.get(&item.key).is_some_and(|r| matches!(r.status, BuildStatus::Running { .. }))
                    || self.drops.get(&item.key).is_some_and(|drop| drop.conclusion.is_none())
            })
            .filter_map(|item| item.table_oid)
            .collect()
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
