//! What the engine asks of the machine that it runs on.

use async_trait::async_trait;

use crate::domain::event::{Event, EventKind};
use crate::domain::failure::Failure;
use crate::domain::id::RunId;
use crate::domain::survey::{BackupEvidence, DiskSpace, Observed, SurveyPath};

/// Time. The only way to it, so that tests decide what time it is.
pub trait Clock: Send + Sync {
    /// Wall time.
    fn now(&self) -> jiff::Timestamp;
}

/// Randomness and names.
pub trait Ids: Send + Sync {
    /// A new, time-ordered run id, safe as a folder name.
    fn run(&self) -> RunId;
    /// A number from 0 up to, not including, `below`, for jitter.
    fn below(&self, below: u64) -> u64;
}

/// Why a journal takes no more records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// A write or an fsync failed once; it is never tried again.
    #[error("the journal is sealed: {0}")]
    Sealed(String),
}

/// The journal of one run: durable facts in order.
pub trait Journal: Send {
    /// Appends, and returns only when the record is on disk where [`EventKind::must_be_durable`] says so.
    fn append(&mut self, at: jiff::Timestamp, kind: EventKind) -> Result<Event, JournalError>;
    /// Hash of the newest record: 64 hex digits.
    fn head(&self) -> String;
}

/// Probes of disk and backup.
#[async_trait]
pub trait HostProbe: Send + Sync {
    /// Free space: by statvfs when `paths` are on this machine, by the configured command, or the operator's figure.
    /// `Ok(None)`: no way to know was configured and the server is not on this machine.
    async fn disk(&self, paths: &[SurveyPath]) -> Result<Option<Observed<Vec<DiskSpace>>>, Failure>;
    /// The newest backup, by the configured command. `Ok(None)`: none is configured.
    async fn backup(&self) -> Result<Option<Observed<BackupEvidence>>, Failure>;
}

/// The registry's files. Read anew for every plan, so that a change between pre-flight and build is noticed.
pub trait RegistrySource: Send + Sync {
    /// Reads and checks them.
    fn read(&self) -> Result<crate::domain::registry::Registry, Failure>;
}
