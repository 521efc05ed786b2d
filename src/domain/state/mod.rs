//! The fold: everything that is known of a run, from its events alone.
//!
//! [`RunState::apply`] is total: whatever the order of the events, it neither fails nor panics. Replay of a journal
//! and the live engine hold the same value after the same events.

mod build;
#[cfg(test)]
pub(crate) mod fixture;
mod fold;
mod query;
mod record;
mod sentence;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::id::{EntryKey, Seq, StepId};
use crate::domain::plan::Plan;
use crate::domain::target::Target;

pub use query::Tally;
use record::DropEnd;
pub use record::{
    AfterCleaning, BuildRecord, BuildStatus, CheckRecord, Control, DropRecord, Intent, LedgerItem, Left,
    Pass, RollbackRecord, RollbackScope, RunInfo, SignOff, Stage, StepRecord, StepStatus,
};

/// A run as far as its events tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// What was opened; absent before the first event.
    pub run: Option<RunInfo>,
    /// Where; absent until connected.
    pub target: Option<Target>,
    /// The newest plan.
    pub plan: Option<Plan>,
    /// Steps that began, in playbook order.
    pub steps: BTreeMap<StepId, StepRecord>,
    /// Newest answer per check, in the order of the first pass.
    pub checks: Vec<CheckRecord>,
    /// Builds that began or were decided about.
    pub builds: BTreeMap<EntryKey, BuildRecord>,
    /// Exactly what this run made and may drop.
    pub ledger: BTreeMap<EntryKey, LedgerItem>,
    /// Newest drop per entry.
    pub drops: BTreeMap<EntryKey, DropRecord>,
    /// Pause, abort, rollback, sign-off, end.
    pub control: Control,
    /// Last event folded in.
    pub last: Option<(Seq, jiff::Timestamp)>,
}
