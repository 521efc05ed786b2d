//! Readings that are never journaled: the latest one wins, and it is dated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::blocker::Blocker;
use super::id::{BackendId, EntryKey};
use super::progress::{Eta, Phase, ProgressSeen};
use super::unit::{Bytes, Millis};

/// Everything that was read of the server in one round of the observer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// When the round ended; absent before the first one.
    pub at: Option<jiff::Timestamp>,
    /// The observer's connection.
    pub link: Link,
    /// Builds and drops of ours that run, by entry.
    pub builds: BTreeMap<EntryKey, BuildSample>,
    /// For each entry that this run made: who would hold up its drop, readers of the table too.
    pub drop_holders: BTreeMap<EntryKey, Vec<Blocker>>,
    /// The server as a whole.
    pub server: ServerSample,
    /// Free space of the server's volumes, the scarcest first; read less often than the rest. Empty where nothing
    /// tells it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
}

/// Free space of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// What lies on it, e.g. `data`. Untrusted.
    pub what: String,
    /// What an ordinary user may still fill.
    pub free: Bytes,
    /// Its size, where that is known.
    pub total: Option<Bytes>,
    /// When it was so.
    pub at: jiff::Timestamp,
}

/// State of the observer's connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "link", rename_all = "snake_case")]
pub enum Link {
    /// Not connected yet.
    #[default]
    Connecting,
    /// Readings come in.
    Up,
    /// Readings stopped; builds go on without us.
    Lost {
        /// Since when.
        since: jiff::Timestamp,
        /// Tries so far.
        tries: u32,
        /// Why, in the driver's words. Untrusted.
        why: String,
    },
}

/// One running build or drop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildSample {
    /// Who builds.
    pub backend: Option<BackendId>,
    /// Where it is.
    pub phase: Phase,
    /// Time in this phase.
    pub in_phase: Millis,
    /// Share of the work done, 0 to 0.99.
    pub fraction: f64,
    /// Work left.
    pub eta: Eta,
    /// Time the server worked.
    pub working: Millis,
    /// Time the build waited.
    pub waiting: Millis,
    /// The row itself; absent while the first lock is awaited and for drops, which have none.
    pub seen: Option<ProgressSeen>,
    /// Who holds it up, now and later.
    pub blockers: Vec<Blocker>,
}

/// Figures of the server. Absent means "not permitted" or "not read yet", never zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerSample {
    /// Sessions with state active.
    pub active: Option<u32>,
    /// Client sessions.
    pub sessions: Option<u32>,
    /// `max_connections`.
    pub max_connections: Option<u32>,
    /// Sessions that wait for a lock.
    pub lock_waits: Option<u32>,
    /// Age of the oldest transaction.
    pub oldest_transaction: Option<Millis>,
    /// Highest replay lag.
    pub replication_lag: Option<Millis>,
    /// Standbys that stream from it.
    #[serde(default)]
    pub standbys: Option<u32>,
    /// Write-ahead log written since the last round, per second.
    pub wal_per_second: Option<Bytes>,
}
