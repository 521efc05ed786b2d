//! What a build will need, from statistics alone: size, sort space, write-ahead log, time.
//!
//! Constants come from builds of 1 M and 10 M rows on PostgreSQL 12-18 with cached data. Sizes of btrees over plain
//! columns are good to a few percent; times are good to a factor, because disks differ more than indexes do, and
//! are corrected by [`Calibration`] once the run itself has finished some builds.

mod calibrate;
mod need;
mod size;
mod width;

use serde::{Deserialize, Serialize};

use super::catalog::{Persistence, ServerFigures, TableFacts};
use super::target::{RunSettings, TargetIdentity};
use super::unit::{Band, Bytes, Millis};
use crate::sql::IndexShape;

pub use calibrate::{Calibration, FinishedBuild};
pub use need::{DATA, Need, SpaceNeed, WAL, need};

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

/// What a build has to work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// PostgreSQL's major version.
    pub major: u32,
    /// `maintenance_work_mem` of the build session in kilobytes.
    pub memory_kb: u64,
    /// Parallel workers that may help one build.
    pub workers: u32,
}

impl Means {
    /// What a build session of a run gets: the run's own figures, else the server's.
    pub fn of(server: &ServerFigures, settings: &RunSettings, target: &TargetIdentity) -> Self {
        let shared = if settings.jobs > 1 { 0 } else { server.parallel_workers };
        Self {
            major: target.major(),
            memory_kb: settings.maintenance_work_mem_kb.unwrap_or(server.maintenance_work_mem_kb),
            workers: settings.parallel_workers.unwrap_or(shared),
        }
    }
}

/// Predicts what building `shape` on `table` needs. Absent when the table holds something and was never analysed.
pub fn estimate(shape: &IndexShape, table: &TableFacts, means: &Means) -> Option<Estimate> {
    let rows = match table.rows {
        Some(rows) => rows.0 as f64,
        None if table.size.0 == 0 => 0.0,
        None => return None,
    };
    let work = width::Work::of(shape, table, rows);
    let index = size::index(shape, table, &work, means.major);
    Some(Estimate {
        index: bytes(index),
        temp: bytes(temp(shape, &work, means)),
        wal: bytes(wal(shape, table, index)),
        time: millis(time(shape, table, &work, means)),
    })
}

/// Three figures that go together, before they become whole bytes or milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Guess {
    low: f64,
    likely: f64,
    high: f64,
}

impl Guess {
    const ZERO: Self = Self { low: 0.0, likely: 0.0, high: 0.0 };

    fn exact(value: f64) -> Self {
        Self { low: value, likely: value, high: value }
    }

    fn times(self, low: f64, likely: f64, high: f64) -> Self {
        Self { low: self.low * low, likely: self.likely * likely, high: self.high * high }
    }

    fn each(self, other: Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            low: combine(self.low, other.low),
            likely: combine(self.likely, other.likely),
            high: combine(self.high, other.high),
        }
    }

    /// Low, likely and high in that order, whatever the statistics said.
    fn sorted(self) -> Self {
        let likely = finite(self.likely);
        Self { low: finite(self.low).min(likely), likely, high: finite(self.high).max(likely) }
    }
}

fn finite(value: f64) -> f64 {
    // `as u64` saturates; this keeps NaN from statistics that make no sense out of the comparisons.
    if value.is_nan() { 0.0 } else { value.max(0.0) }
}

fn bytes(guess: Guess) -> Band<Bytes> {
    let guess = guess.sorted();
    Band { low: Bytes(guess.low as u64), likely: Bytes(guess.likely as u64), high: Bytes(guess.high as u64) }
}

fn millis(guess: Guess) -> Band<Millis> {
    let guess = guess.sorted();
    Band {
        low: Millis(guess.low as u64),
        likely: Millis(guess.likely as u64),
        high: Millis(guess.high as u64),
    }
}

/// Bytes of one TID in the sorts of the validation, on disk and in memory.
const TID_ON_DISK: f64 = 12.0;
const TID_IN_MEMORY: f64 = 24.0;

/// Peak of temporary files: the sort of the build or the sort of the validation, whichever is larger.
///
/// Measured at 10 M rows: 20 bytes a row for an integer, 60 for 44 bytes of text, 12 for the validation's TIDs; GIN
/// sorts nothing in the build and 12 bytes an *entry* in the validation; BRIN nothing at all.
fn temp(shape: &IndexShape, work: &width::Work, means: &Means) -> Guess {
    let memory = means.memory_kb as f64 * 1024.0;
    let spilled = |rows: f64, on_disk: f64, in_memory: f64| {
        if rows * in_memory <= memory { 0.0 } else { rows * on_disk }
    };
    match shape.method.as_str() {
        "brin" => Guess::ZERO,
        "gin" => {
            work.rows.each(work.entries, |rows, entries| spilled(rows * entries, TID_ON_DISK, TID_IN_MEMORY))
        }
        _ => {
            let key = if shape.method == "hash" { Guess::exact(4.0) } else { work.width };
            // In memory each tuple also has its array slot and its allocator header. Near the border the low
            // figure assumes that it still fits.
            let build = Guess {
                low: spilled(work.rows.low, key.low + 16.0, key.low + 40.0),
                likely: spilled(work.rows.likely, key.likely + 16.0, key.likely + 56.0),
                high: spilled(work.rows.high, key.high + 16.0, key.high + 56.0) * 1.1,
            };
            let validation = work.rows.each(Guess::ZERO, |rows, _| spilled(rows, TID_ON_DISK, TID_IN_MEMORY));
            build.each(validation, f64::max)
        }
    }
}

/// Write-ahead log: 0.6 to 1.0 of the index, 2.7 times for hash, whose build logs every insert.
fn wal(shape: &IndexShape, table: &TableFacts, index: Guess) -> Guess {
    if table.persistence != Persistence::Permanent {
        return Guess::ZERO;
    }
    match shape.method.as_str() {
        "hash" => index.times(2.0, 2.7, 3.2),
        "gin" => index.times(0.5, 0.75, 1.1),
        _ => index.times(0.6, 0.9, 1.1),
    }
}

/// Working time in milliseconds: two scans of the table, and a cost per row by method and width.
///
/// On cached data a scan ran at 2-4 GB/s and the rest at 0.3 to 3 microseconds a row (trigrams: 12 to 66). A disk
/// that must really be read is 5 to 50 times slower, hence the upper end.
fn time(shape: &IndexShape, table: &TableFacts, work: &width::Work, means: &Means) -> Guess {
    // Transactions, waits that need not wait, and the catalogs: a build of nothing took 1-10 ms without fsync.
    const START: Guess = Guess { low: 0.0, likely: 15.0, high: 300.0 };
    let scan_mb = 2.0 * table.size.0 as f64 / 1e6;
    let row_micros = match shape.method.as_str() {
        "brin" => Guess::exact(0.02),
        "hash" => Guess { low: 1.0, likely: 2.0, high: 4.5 },
        "gin" | "gist" | "spgist" if work.trigrams => Guess { low: 10.0, likely: 25.0, high: 70.0 },
        "gin" => Guess { low: 1.5, likely: 3.0, high: 10.0 },
        "btree" => work.width.times(0.033, 0.033, 0.033).each(Guess::exact(0.2), |width, base| base + width),
        _ => Guess { low: 0.8, likely: 3.0, high: 20.0 },
    };
    let rows_ms = work.rows.each(row_micros, |rows, micros| rows * micros / 1000.0);
    let parallel = if means.workers > 0 && shape.method == "btree" { 0.8 } else { 1.0 };
    Guess {
        low: START.low + (scan_mb / 2.5 + rows_ms.low * 0.5) * parallel,
        likely: START.likely + (scan_mb / 0.8 + rows_ms.likely * 1.3) * parallel,
        high: START.high + scan_mb / 0.06 + rows_ms.high * 4.0,
    }
}

#[cfg(test)]
mod tests;
