//! Registry and live catalog together: what would be done, entry by entry.
//!
//! [`make()`] is a pure function of what the catalogs said, so the same facts always give the same plan and the same
//! [`PlanId`]. "Same definition" is only ever decided by comparing two answers of the server: the entry's index on an
//! empty temporary clone of its table, and the live index.

mod classify;
mod identity;
mod item;
mod make;
mod stale;
mod words;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::id::{Digest, EntryKey, PlanId};
use super::target::{RunSettings, TargetIdentity};
use super::unit::Millis;

pub use classify::{APPLICATION_PREFIX, builder_kind};
pub use item::{
    BlockedReason, BuilderKind, Importance, IndexTraits, ItemState, LeftoverHarm, PlanItem, SnapshotEffect,
};
pub use make::make;
pub use stale::StaleReason;

/// A plan is refused when it is older than this.
pub const PLAN_LIFETIME: Millis = Millis(30 * 60_000);

/// What would be done to one target for one registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Hash of registry, target identity, catalog facts used, and settings; the time is not part of it.
    pub id: PlanId,
    /// When the catalogs were read.
    pub made_at: jiff::Timestamp,
    /// Hash of the registry's bytes.
    pub registry: Digest,
    /// Which database.
    pub target: TargetIdentity,
    /// Settings that it was made with.
    pub settings: RunSettings,
    /// `maintenance_work_mem` of a build session in kilobytes; absent in plans of before it was kept. No part of the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_kb: Option<u64>,
    /// One item per registry entry, in registry order.
    pub items: Vec<PlanItem>,
}

impl Plan {
    /// The item of an entry.
    pub fn item(&self, key: &EntryKey) -> Option<&PlanItem> {
        self.items.iter().find(|item| &item.key == key)
    }

    /// Items as an operator should read them: leftovers that reject writes first, then all that needs a decision,
    /// then the work, critical entries first, and last what is there already. Registry order within each.
    pub fn by_urgency(&self) -> Vec<&PlanItem> {
        let mut items: Vec<&PlanItem> = self.items.iter().collect();
        items.sort_by_key(|item| (item.state.urgency(), item.critical));
        items
    }

    /// Items that a run with this plan's settings would build: absent ones, and leftovers that the operator wants
    /// repaired and that nothing needs.
    pub fn work(&self) -> impl Iterator<Item = &PlanItem> {
        self.items.iter().filter(|item| item.state.is_work(self.settings.leftovers))
    }
}
