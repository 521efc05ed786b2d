//! Pre-flight checks: one question each, with evidence and a verdict.
//!
//! Every judge here is a pure function from readings to one [`CheckResult`]; the engine does the reading. What a role
//! may not see is *unknown*, never zero. `found` holds nothing that changes while the fact stays the same, because a
//! person's waiver covers exactly what was found.

mod backup;
mod blockers;
mod disk;
mod entries;
mod finding;
mod question;
mod replication;
mod server;
mod sessions;
mod settings;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::id::{CheckId, Person};
use super::unit::Millis;

pub use backup::{backup, wal_archive};
pub use blockers::blockers;
pub use disk::disk_headroom;
pub use entries::{
    Duplicates, blocked_entries, building, drift, duplicates, leftovers, privileges, unique_values,
};
pub use finding::unanswered;
pub use question::Question;
pub use replication::replication;
pub use server::{identity, primary, role, version};
pub use sessions::{connections, workers_memory};
pub use settings::session_settings;

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As wanted.
    Pass,
    /// Not as wanted, but no reason to stop.
    Warn,
    /// The check could not see. Blocks like stop until a person acknowledges it.
    Unknown,
    /// Must not go on.
    Stop,
}

impl Verdict {
    /// The word on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "OK",
            Self::Warn => "WARN",
            Self::Unknown => "UNKNOWN",
            Self::Stop => "FAIL",
        }
    }

    /// Whether the gate stays closed because of it.
    pub fn blocks(self) -> bool {
        matches!(self, Self::Unknown | Self::Stop)
    }
}

/// Where an answer came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// View, function, file or command, e.g. `pg_stat_archiver`.
    pub source: String,
    /// The statement or command line, when it is worth repeating by hand.
    pub query: Option<String>,
    /// When it was read.
    pub at: jiff::Timestamp,
    /// How long it took.
    pub took: Millis,
}

/// Whether a person may overrule a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waivable {
    /// With a reason that goes into the report.
    WithReason,
    /// Never: going on would be wrong whatever the reason.
    Never,
}

/// One answered question. Text fields may quote the server: untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Which question.
    pub id: CheckId,
    /// The question in a few words.
    pub title: String,
    /// The answer.
    pub verdict: Verdict,
    /// What was found, short enough for a table.
    pub found: String,
    /// What was wanted, likewise.
    pub wanted: String,
    /// More lines for the detail pane.
    pub details: Vec<String>,
    /// What to do about it; absent when all is well.
    pub advice: Option<String>,
    /// Where the answer came from.
    pub evidence: Evidence,
    /// Whether it may be overruled.
    pub waivable: Waivable,
}

/// A person's decision to go on all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Who.
    pub by: Person,
    /// Why.
    pub reason: String,
    /// What the check had found: a later, different finding is not covered.
    pub found: String,
    /// When.
    pub at: jiff::Timestamp,
}
