//! Events of verification, and of sessions of others.

use serde::{Deserialize, Serialize};

use super::build::Conclusion;
use crate::domain::failure::Failure;
use crate::domain::id::{BackendId, EntryKey, Person};

/// Verification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum VerifyEvent {
    /// The planner was asked about an entry's queries.
    Explained {
        /// Which.
        entry: EntryKey,
        /// Before the build or after it.
        moment: Moment,
        /// One reading per query of the entry.
        plans: Vec<PlanReading>,
    },
    /// The final look at an entry on a fresh connection.
    Checked {
        /// Which.
        entry: EntryKey,
        /// What is so.
        conclusion: Conclusion,
    },
}

/// When the planner was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before the build.
    Before,
    /// After it.
    After,
}

/// What the planner says of one query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanReading {
    /// The query as the registry has it.
    pub query: String,
    /// What came of it.
    pub reading: Result<PlannedQuery, Failure>,
}

/// A generic plan in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedQuery {
    /// Whether the entry's index is in it.
    pub uses: UsesIndex,
    /// The node that reads the entry's table, e.g. `Index Scan` or `Seq Scan`.
    pub node: String,
    /// Planner's total cost.
    pub cost: f64,
}

/// Whether a plan uses an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsesIndex {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Somebody else's session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SessionEvent {
    /// A person wants it cancelled or ended. Durable before it is.
    EndRequested {
        /// Which.
        backend: BackendId,
        /// What it was, for the report. Untrusted.
        description: String,
        /// How.
        how: SessionEnd,
        /// Who.
        by: Person,
        /// Why.
        reason: String,
    },
    /// What came of it.
    EndAttempted {
        /// Which.
        backend: BackendId,
        /// Whether the server took the signal.
        result: Result<Signalled, Failure>,
    },
}

/// How a session is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// `pg_cancel_backend`: its statement.
    CancelStatement,
    /// `pg_terminate_backend`: the session, its open work is lost.
    Terminate,
}

/// What became of a signal to a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signalled {
    /// Sent to exactly that backend. Not proof that it ended.
    Sent,
    /// That backend no longer exists: nothing was sent.
    Gone,
}
