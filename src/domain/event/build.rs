//! Events of a build, and what the catalogs say after it.

use serde::{Deserialize, Serialize};

use crate::domain::blocker::Blocker;
use crate::domain::catalog::{Difference, IndexFlags};
use crate::domain::failure::Failure;
use crate::domain::id::{BackendId, EntryKey, Oid, Person};
use crate::domain::progress::{Phase, Wait};
use crate::domain::target::BudgetPolicy;
use crate::domain::unit::{Bytes, Millis};

/// A build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BuildEvent {
    /// A worker took it; nothing was sent yet.
    Started {
        /// Which.
        entry: EntryKey,
        /// Attempt, from 1.
        attempt: u32,
    },
    /// The statement is about to be sent. Durable before it is.
    Intended {
        /// Which.
        entry: EntryKey,
        /// Attempt.
        attempt: u32,
        /// Full text as it will be sent.
        statement: String,
        /// What the name meant, re-read under the item lock.
        before: Before,
        /// The building backend.
        backend: BackendId,
        /// Table that it will be built on.
        table_oid: Oid,
    },
    /// The unfinished index showed up in the progress view.
    Located {
        /// Which.
        entry: EntryKey,
        /// Its OID: this is what rollback may drop.
        oid: Oid,
    },
    /// The server entered another phase.
    PhaseEntered {
        /// Which.
        entry: EntryKey,
        /// The phase.
        phase: Phase,
    },
    /// It waits for these sessions, or (deadlock ahead) is about to be killed by one.
    HeldUp {
        /// Which.
        entry: EntryKey,
        /// By whom.
        blockers: Vec<Blocker>,
    },
    /// A wait budget is spent.
    BudgetSpent {
        /// Which.
        entry: EntryKey,
        /// Which wait.
        wait: Wait,
        /// How long it has waited.
        waited: Millis,
        /// What follows.
        policy: BudgetPolicy,
    },
    /// A build of ours that outlived its client is watched again.
    Adopted {
        /// Which.
        entry: EntryKey,
        /// Who builds.
        backend: BackendId,
        /// OID, when it shows.
        oid: Option<Oid>,
    },
    /// A person, or a spent budget, wants it cancelled.
    StopRequested {
        /// Which.
        entry: EntryKey,
        /// Who.
        by: Person,
    },
    /// The server answered, or will not any more.
    StatementEnded {
        /// Which.
        entry: EntryKey,
        /// How. Never taken as success.
        result: Result<(), Failure>,
    },
    /// The catalogs were read on a fresh connection, and this is what is so.
    Concluded {
        /// Which.
        entry: EntryKey,
        /// What is so.
        conclusion: Conclusion,
        /// What follows.
        next: Next,
    },
    /// Left out.
    Skipped {
        /// Which.
        entry: EntryKey,
        /// Who.
        by: Person,
        /// Why.
        reason: String,
    },
    /// A person, or the run's settings, want another attempt.
    RetryRequested {
        /// Which.
        entry: EntryKey,
        /// Who.
        by: Person,
        /// A leftover that must go first: exactly this one.
        clean: Option<Oid>,
    },
}

/// What a name meant just before our statement, under the item lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "before", rename_all = "snake_case")]
pub enum Before {
    /// Nothing: what is seen to be made by our backend is ours.
    Absent,
}

/// What the catalogs say after a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "conclusion", rename_all = "snake_case")]
pub enum Conclusion {
    /// Valid, ready, live, right table, same definition, same target: done.
    Verified {
        /// Its OID.
        oid: Oid,
        /// Its size.
        size: Bytes,
        /// Whether this run made it.
        origin: Origin,
    },
    /// Not valid and nobody builds it.
    Leftover {
        /// Its OID.
        oid: Oid,
        /// Flags.
        flags: IndexFlags,
        /// Space that it keeps.
        size: Bytes,
        /// Whether this run made it and may drop it.
        origin: Origin,
    },
    /// There is no such index.
    Absent,
    /// Another definition or another table.
    Drift {
        /// What differs.
        differences: Vec<Difference>,
    },
    /// Somebody else builds it.
    BuiltElsewhere {
        /// Who.
        backend: BackendId,
    },
    /// It is still being built by our own orphan.
    StillBuilding {
        /// Who.
        backend: BackendId,
        /// OID, when it shows.
        oid: Option<Oid>,
    },
    /// The catalogs could not be read, or the target is another one: nothing is known.
    Unknown {
        /// Why. Untrusted.
        why: String,
    },
}

/// Whether something is ours to drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Made by this run: in the ledger.
    Ours,
    /// It has the name that a statement of this run found free, and nobody saw that statement make it: its process or
    /// its connection died within the first moments. Somebody else may have put it there since, so it is not in the
    /// ledger, and it is dropped only when a person names it.
    Presumed,
    /// It was there before, or somebody else made it.
    NotOurs,
}

/// What follows a conclusion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "next", rename_all = "snake_case")]
pub enum Next {
    /// Nothing: it is done.
    Done,
    /// Another attempt.
    Retry {
        /// Not before this.
        not_before: jiff::Timestamp,
    },
    /// The leftover is dropped first, then another attempt.
    DropThenRetry {
        /// Not before this.
        not_before: jiff::Timestamp,
    },
    /// The leftover is dropped, and that is all.
    DropThenStop {
        /// Why there is no other attempt, for an operator.
        sentence: String,
    },
    /// It is watched until its backend ends.
    Watch,
    /// No other attempt.
    GiveUp {
        /// Why, for an operator.
        sentence: String,
    },
}
