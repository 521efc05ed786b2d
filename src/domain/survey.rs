//! What was read of server and machine for the pre-flight: the material that checks judge.

use super::check::Evidence;
use super::unit::{Bytes, Millis};

/// A value with where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed<T> {
    /// The value.
    pub value: T,
    /// Where it came from, when, and how long it took.
    pub evidence: Evidence,
}

/// Something that a role may not be allowed to see. Not permitted is never zero and never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visible<T> {
    /// Seen.
    Seen(T),
    /// The server hides it from this role, with what would show it (e.g. `pg_monitor`).
    NotPermitted(String),
}

/// A setting of the session as the server reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveySetting {
    /// Name.
    pub name: String,
    /// Value in the server's unit.
    pub setting: String,
    /// Unit, e.g. `ms`.
    pub unit: Option<String>,
    /// `pg_settings.source`: `user`, `database`, `client`, …
    pub source: String,
}

/// `pg_stat_archiver` and what goes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyArchiver {
    /// `archive_mode` is on or always.
    pub mode: String,
    /// Last success.
    pub last_archived: Option<jiff::Timestamp>,
    /// Last failure.
    pub last_failed: Option<jiff::Timestamp>,
    /// `.ready` files that wait; needs pg_monitor.
    pub waiting: Visible<u64>,
}

/// A standby as `pg_stat_replication` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyStandby {
    /// `application_name`. Untrusted.
    pub name: String,
    /// `state`.
    pub state: Option<String>,
    /// `sync_state`.
    pub sync_state: Option<String>,
    /// Bytes not replayed.
    pub lag_bytes: Option<Bytes>,
    /// `replay_lag`.
    pub lag: Option<Millis>,
}

/// A replication slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveySlot {
    /// Name. Untrusted.
    pub name: String,
    /// `active`.
    pub active: bool,
    /// Write-ahead log that it keeps.
    pub retained: Option<Bytes>,
    /// `wal_status` (13+).
    pub wal_status: Option<String>,
}

/// Standbys and slots.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyReplication {
    /// Standbys; hidden columns are `NotPermitted`.
    pub standbys: Visible<Vec<SurveyStandby>>,
    /// Slots.
    pub slots: Vec<SurveySlot>,
    /// `synchronous_standby_names`.
    pub synchronous_names: String,
}

/// A folder of the server that a build writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyPath {
    /// `data`, `wal`, or the tablespace's name.
    pub what: String,
    /// Absolute path on the server.
    pub path: String,
}

/// Free space of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSpace {
    /// Which folder: `data`, `wal`, a tablespace's name, or a path.
    pub what: String,
    /// Free for the server.
    pub free: Bytes,
    /// Size of the file system, when known.
    pub total: Option<Bytes>,
}

/// The newest good backup that somebody vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupEvidence {
    /// When it ended.
    pub taken_at: jiff::Timestamp,
    /// `full`, `diff`, `incr`, or the tool's own word.
    pub kind: String,
    /// System identifier that it is of, when the tool says so.
    pub system_identifier: Option<u64>,
    /// Something in the tool's answer that a person must see; absent when all is well.
    pub complaint: Option<String>,
}
