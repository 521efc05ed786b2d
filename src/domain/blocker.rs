//! Who holds up a build, now or later.

use serde::{Deserialize, Serialize};

use super::id::{BackendId, Oid};

/// The stage at which something holds up a CREATE INDEX CONCURRENTLY. Each has its own rule (PostgreSQL 12-18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockStage {
    /// Holds ShareUpdateExclusive or stronger on the table: the first lock is not given.
    TableLock,
    /// Waits for such a lock in front of us.
    QueuedAhead,
    /// Has an open write on the table: "waiting for writers", before the build and before validation.
    Writer,
    /// Holds a snapshot in this database: "waiting for old snapshots" at the very end.
    OldSnapshot,
    /// Waits for our build's lock while it holds a snapshot: the server will kill *the build* (40P01).
    DeadlockAhead,
    /// Touched the table in an open transaction: holds up DROP INDEX CONCURRENTLY, readers too.
    Reader,
}

impl BlockStage {
    /// What it does, for a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::TableLock => "holds a lock that the build's first lock conflicts with",
            Self::QueuedAhead => "waits in front of the build for a conflicting lock",
            Self::Writer => "has written the table in a transaction that is still open",
            Self::OldSnapshot => "holds a snapshot that the build must outlive at its end",
            Self::DeadlockAhead => {
                "waits for the build while it holds a snapshot: cancel its statement, or the server kills the build"
            }
            Self::Reader => "has used the table in a transaction that is still open",
        }
    }
}

/// Whether it holds up the build at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bites {
    /// The build waits for it now.
    Now,
    /// It will, if it is still there when the build gets to that stage.
    Later,
}

/// Who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Holder {
    /// A session. Text fields come from outside: untrusted.
    Session {
        /// Process and its start, the only safe handle.
        backend: BackendId,
        /// `application_name`.
        application: String,
        /// Role.
        user: String,
        /// Client address; absent on a socket or without the right to see it.
        client: Option<String>,
        /// `state`; absent without the right to see it.
        state: Option<String>,
        /// Current or last statement; absent without the right to see it.
        query: Option<String>,
        /// `backend_type`; absent without the right to see it.
        backend_type: Option<String>,
    },
    /// A prepared transaction: no session to end. `current_locker_pid` lies about these (12-18).
    Prepared {
        /// Global identifier, for `COMMIT PREPARED` / `ROLLBACK PREPARED`. Untrusted.
        gid: String,
        /// Role that prepared it.
        owner: String,
    },
}

/// One holder at one stage of one build or table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    /// Where it bites.
    pub stage: BlockStage,
    /// Whether it does so now.
    pub bites: Bites,
    /// Who.
    pub holder: Holder,
    /// Lock mode or reason, in the server's words.
    pub why: String,
    /// Start of its transaction (or preparation); absent without the right to see it.
    pub since: Option<jiff::Timestamp>,
    /// Table concerned; absent for snapshots, which concern the whole database.
    pub table: Option<Oid>,
}

impl Blocker {
    /// The session behind it, when there is one to name.
    pub fn backend(&self) -> Option<BackendId> {
        match &self.holder {
            Holder::Session { backend, .. } => Some(*backend),
            Holder::Prepared { .. } => None,
        }
    }

    /// One line for logs and reports, raw: pass it through [`crate::text`] before it is shown.
    pub fn line(&self) -> String {
        match &self.holder {
            Holder::Session { backend, application, user, state, .. } => format!(
                "pid {} {} user={} {} ({})",
                backend.pid,
                if application.is_empty() { "-" } else { application },
                user,
                state.as_deref().unwrap_or("state not visible"),
                self.why
            ),
            Holder::Prepared { gid, owner } => {
                format!("prepared transaction '{gid}' owner={owner} ({})", self.why)
            }
        }
    }
}
