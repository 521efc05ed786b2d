//! Events of drops, of leftovers and of a rollback.

use serde::{Deserialize, Serialize};

use crate::domain::blocker::Blocker;
use crate::domain::catalog::IndexFlags;
use crate::domain::failure::Failure;
use crate::domain::id::{BackendId, EntryKey, Oid, Person};
use crate::domain::progress::Wait;
use crate::domain::target::BudgetPolicy;
use crate::domain::unit::Millis;

/// A drop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DropEvent {
    /// A worker took it; nothing was sent yet.
    Started {
        /// Whose index.
        entry: EntryKey,
        /// Exactly this one.
        oid: Oid,
        /// Why.
        purpose: DropPurpose,
    },
    /// DROP INDEX CONCURRENTLY is about to be sent. Durable before it is.
    Intended {
        /// Whose index.
        entry: EntryKey,
        /// Exactly this one.
        oid: Oid,
        /// Full text.
        statement: String,
        /// The dropping backend.
        backend: BackendId,
    },
    /// A person, or the engine, wants it cancelled: its budget is spent, or it stands in the way of a build.
    StopRequested {
        /// Whose index.
        entry: EntryKey,
        /// Who.
        by: Person,
    },
    /// It waits for these sessions.
    HeldUp {
        /// Whose index.
        entry: EntryKey,
        /// By whom.
        blockers: Vec<Blocker>,
    },
    /// A wait budget is spent.
    BudgetSpent {
        /// Whose index.
        entry: EntryKey,
        /// Which wait.
        wait: Wait,
        /// How long it has waited.
        waited: Millis,
        /// What follows.
        policy: BudgetPolicy,
    },
    /// The server answered, or will not any more.
    StatementEnded {
        /// Whose index.
        entry: EntryKey,
        /// How. Never taken as success.
        result: Result<(), Failure>,
    },
    /// The catalogs were read on a fresh connection, and this is what is so.
    Concluded {
        /// Whose index.
        entry: EntryKey,
        /// Exactly this one.
        oid: Oid,
        /// What is so.
        conclusion: DropConclusion,
    },
}

/// Why something is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropPurpose {
    /// An invalid index of ours, or one that the operator told us to repair.
    Leftover,
    /// Rollback of what this run made.
    Rollback,
}

/// What the catalogs say after a drop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "conclusion", rename_all = "snake_case")]
pub enum DropConclusion {
    /// The OID is gone.
    Gone,
    /// Untouched.
    Untouched {
        /// Why, for an operator.
        why: String,
    },
    /// Cut in the middle: it serves no query any more and still costs. Finish the drop, or REINDEX CONCURRENTLY.
    Interrupted {
        /// Flags now.
        flags: IndexFlags,
        /// Why, for an operator.
        why: String,
    },
    /// Refused by us before anything was sent.
    Refused {
        /// Why, for an operator.
        why: String,
    },
    /// Not known.
    Unknown {
        /// Why. Untrusted.
        why: String,
    },
}

/// Rollback as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RollbackEvent {
    /// A person wants everything, or some, of what this run made to go.
    Requested {
        /// Who.
        by: Person,
        /// Why.
        reason: String,
        /// Which entries, all of the ledger.
        entries: Vec<EntryKey>,
    },
    /// Nothing of it is left to try.
    Finished {
        /// Dropped, proven gone.
        dropped: u32,
        /// Still there, or not known.
        left: u32,
    },
}
