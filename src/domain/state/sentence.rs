//! Conclusions in words, and which events must reach the disk first.

use crate::domain::catalog::Difference;
use crate::domain::event::{
    BuildEvent, CheckEvent, Conclusion, DropConclusion, DropEvent, EventKind, VerifyEvent,
};

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
