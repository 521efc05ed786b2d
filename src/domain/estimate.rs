//! What a build will need, from statistics alone: size, sort space, write-ahead log, time.

use serde::{Deserialize, Serialize};

use super::unit::{Band, Bytes, Millis};

/// Predicted need of one build. Every figure is a band; none is a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Size of the index.
    pub index: Band<Bytes>,
    /// Peak of temporary files, zero when the sort fits `maintenance_work_mem`.
    pub temp: Band<Bytes>,
    /// Write-ahead log.
    pub wal: Band<Bytes>,
    /// Working time, waits not counted.
    pub time: Band<Millis>,
}
