//! What a whole plan needs, volume by volume.

use std::collections::BTreeMap;

use crate::domain::plan::{Plan, PlanItem};
use crate::domain::registry::IndexEntry;
use crate::domain::unit::{Band, Bytes, Millis};

/// Name under which surveys and probes know the server's data directory.
pub const DATA: &str = "data";
/// Name under which they know its write-ahead log.
pub const WAL: &str = "wal";

/// What building everything in a plan needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Disk by place: `data`, `wal` or a tablespace's name.
    pub spaces: BTreeMap<String, SpaceNeed>,
    /// Sort files of the one build that needs most.
    pub largest_temp: Band<Bytes>,
    /// Working time, one build after the other.
    pub time: Band<Millis>,
    /// Entries to build without an estimate, because their table was never analysed.
    pub unknown: Vec<String>,
}

/// What one place must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpaceNeed {
    /// Stays: indexes.
    pub kept: Bytes,
    /// Goes again: sort files of the builds that run at once, or write-ahead log until it is archived.
    pub passing: Bytes,
    /// Both at the upper end of the band.
    pub high: Bytes,
}

impl SpaceNeed {
    /// Both together, as likely.
    pub fn likely(&self) -> Bytes {
        self.kept + self.passing
    }

    /// Two places on one volume.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            kept: self.kept + other.kept,
            passing: self.passing + other.passing,
            high: self.high + other.high,
        }
    }
}

/// Adds up what the plan would build. Sort files are counted for as many builds as run at once, the largest ones.
pub fn need(plan: &Plan, entries: &[IndexEntry]) -> Need {
    let mut need = Need {
        spaces: BTreeMap::new(),
        largest_temp: Band { low: Bytes(0), likely: Bytes(0), high: Bytes(0) },
        time: Band { low: Millis(0), likely: Millis(0), high: Millis(0) },
        unknown: Vec::new(),
    };
    let mut temps = Vec::new();
    for item in plan.work() {
        let Some(estimate) = &item.estimate else {
            need.unknown.push(item.key.as_str().to_owned());
            continue;
        };
        let index = estimate.index;
        add(
            &mut need,
            tablespace(item, entries),
            SpaceNeed { kept: index.likely, passing: Bytes(0), high: index.high },
        );
        add(
            &mut need,
            WAL.to_owned(),
            SpaceNeed { kept: Bytes(0), passing: estimate.wal.likely, high: estimate.wal.high },
        );
        temps.push(estimate.temp);
        need.time = Band {
            low: need.time.low + estimate.time.low,
            likely: need.time.likely + estimate.time.likely,
            high: need.time.high + estimate.time.high,
        };
    }
    temps.sort_by_key(|it| std::cmp::Reverse(it.high));
    if let Some(largest) = temps.first() {
        need.largest_temp = *largest;
    }
    for temp in temps.iter().take(plan.settings.jobs.max(1) as usize) {
        add(&mut need, DATA.to_owned(), SpaceNeed { kept: Bytes(0), passing: temp.likely, high: temp.high });
    }
    need
}

fn add(need: &mut Need, place: String, more: SpaceNeed) {
    let space = need.spaces.entry(place).or_default();
    *space = space.with(more);
}

fn tablespace(item: &PlanItem, entries: &[IndexEntry]) -> String {
    let asked = || entries.iter().find(|it| it.key == item.key).and_then(|it| it.shape.tablespace.clone());
    let space = match &item.expected {
        Some(definition) => definition.tablespace.clone(),
        None => asked(),
    };
    space.filter(|it| it != "pg_default").unwrap_or_else(|| DATA.to_owned())
}
