//! Conclusions in words, and which events must reach the disk first.

use super::{
    AfterCleaning, BuildRecord, BuildStatus, CheckRecord, Control, DropRecord, Intent, LedgerItem, Left,
    Pass, RollbackRecord, RollbackScope, RunInfo, RunState, SignOff, Stage, StepRecord, StepStatus,
};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::blocker::Blocker;
use crate::domain::catalog::Difference;
use crate::domain::check::{CheckResult, Waiver};
use crate::domain::event::{
    Before, BuildEvent, CheckEvent, Conclusion, DropConclusion, DropEvent, DropPurpose, Ending, Event,
    EventKind, Next, Origin, PlanReading, RollbackEvent, RunEvent, SessionEvent, StepEvent, StepOutcome,
    VerifyEvent,
};
use crate::domain::failure::Failure;
use crate::domain::id::{BackendId, CheckId, Digest, EntryKey, Oid, Person, RunId, Seq, StepId};
use crate::domain::plan::{ItemState, Plan};
use crate::domain::playbook::{Playbook, Step};
use crate::domain::progress::{Phase, Wait};
use crate::domain::target::{Environment, Mode, Operator, RunSettings, Target};
use crate::domain::unit::{Bytes, Millis};

impl Conclusion {
    /// What is so, for an operator. Raw text: pass it through [`crate::text`] before it is shown.
    pub fn sentence(&self) -> String {
        match self {
            Self::Verified { .. } => "it is valid, ready and live with the registry's definition".to_owned(),
            Self::Leftover { oid, flags, .. } => {
                format!("an invalid index (OID {oid}) is left: it died in {}", flags.died_in())
            }
            Self::Absent => "there is no such index".to_owned(),
            Self::Drift { differences } => {
                let what: Vec<String> = differences
                    .iter()
                    .map(|Difference { what, wanted, found }| format!("{what}: {found}, not {wanted}"))
                    .collect();
                format!("the name belongs to another index ({})", what.join("; "))
            }
            Self::BuiltElsewhere { backend } => format!("pid {} is building it", backend.pid),
            Self::StillBuilding { backend, .. } => {
                format!("our own backend {} is still building it", backend.pid)
            }
            Self::Unknown { why } => format!("nothing is known: {why}"),
        }
    }
}

impl DropConclusion {
    /// What is so, for an operator. Raw text.
    pub fn sentence(&self) -> String {
        match self {
            Self::Gone => "it is gone".to_owned(),
            Self::Untouched { why } => format!("it is untouched: {why}"),
            Self::Interrupted { why, .. } => format!(
                "the drop was cut in the middle and the index serves no query but still costs: {why}; drop it again"
            ),
            Self::Refused { why } => format!("refused: {why}"),
            Self::Unknown { why } => format!("nothing is known: {why}"),
        }
    }
}

impl EventKind {
    /// Whether this event must be on disk before anything else happens. Readings of the server that a lost
    /// tail would only make be read again are not.
    pub fn must_be_durable(&self) -> bool {
        match self {
            Self::Check(CheckEvent::Judged { .. } | CheckEvent::PassEnded { .. })
            | Self::Verify(VerifyEvent::Explained { .. })
            | Self::Build(BuildEvent::PhaseEntered { .. } | BuildEvent::HeldUp { .. })
            | Self::Drop(DropEvent::HeldUp { .. }) => false,
            Self::Run(_)
            | Self::Step(_)
            | Self::Check(CheckEvent::Waived { .. })
            | Self::Build(_)
            | Self::Drop(_)
            | Self::Verify(_)
            | Self::Rollback(_)
            | Self::Session(_) => true,
        }
    }
}
