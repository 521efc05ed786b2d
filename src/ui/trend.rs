//! How fast things went lately: kept by the console from the readings that it was given, never journaled.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::id::EntryKey;
use crate::domain::progress::{Phase, ProgressSeen};
use crate::domain::sample::Samples;
use crate::domain::unit::Millis;

use super::Charset;

/// One step of a sparkline. Longer than the pace of readings: the line then moves only so often, and a slow link has
/// little to carry.
const STEP: Millis = Millis(5_000);
/// Steps that are kept: ten minutes.
const STEPS: usize = 120;

/// Speeds of builds and of the server's log.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Trend {
    read_at: Option<jiff::Timestamp>,
    builds: BTreeMap<EntryKey, Progress>,
    wal: Steps,
}

/// What a build counts now.
#[derive(Debug, Clone, PartialEq)]
struct Progress {
    phase: Phase,
    unit: Unit,
    done: u64,
    steps: Steps,
}

/// What a phase counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Blocks of the table or of an index.
    Blocks,
    /// Rows.
    Rows,
}

impl Unit {
    /// For behind a number.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Blocks => "blocks/s",
            Self::Rows => "rows/s",
        }
    }
}

/// Sums over steps of time.
#[derive(Debug, Clone, Default, PartialEq)]
struct Steps {
    sum: u64,
    time: u64,
    done: VecDeque<u64>,
}

impl Steps {
    fn add(&mut self, amount: u64, time: Millis) {
        self.sum = self.sum.saturating_add(amount);
        self.time = self.time.saturating_add(time.0);
        if self.time >= STEP.0 {
            self.done.push_back(per_second(self.sum, self.time));
            if self.done.len() > STEPS {
                self.done.pop_front();
            }
            (self.sum, self.time) = (0, 0);
        }
    }

    /// The newest speed: of the last whole step, or of what there is.
    fn newest(&self) -> Option<u64> {
        self.done.back().copied().or_else(|| (self.time > 0).then(|| per_second(self.sum, self.time)))
    }
}

fn per_second(sum: u64, millis: u64) -> u64 {
    sum.saturating_mul(1_000) / millis.max(1)
}

/// Speeds for a screen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speed<'a> {
    steps: &'a Steps,
}

impl Speed<'_> {
    /// Per second, most recently.
    pub(super) fn newest(self) -> Option<u64> {
        self.steps.newest()
    }

    /// The fastest of the steps that are kept.
    pub(super) fn best(self) -> Option<u64> {
        self.steps.done.iter().max().copied()
    }

    /// A sparkline of at most so many cells, the newest step at its right; empty before the second step.
    pub(super) fn line(self, charset: Charset, cells: usize) -> String {
        let steps = &self.steps.done;
        if steps.len() < 2 {
            return String::new();
        }
        let signs: &[char] = match charset {
            Charset::Ascii => &['_', '.', '-', '=', '+', '*', '#', '@'],
            Charset::Unicode => &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
        };
        let most = steps.iter().max().copied().unwrap_or(0).max(1);
        let last = signs.len() as u64 - 1;
        let skip = steps.len().saturating_sub(cells);
        steps
            .iter()
            .skip(skip)
            .map(|step| {
                let height = usize::try_from((step * last + most / 2) / most).unwrap_or(0);
                signs[height.min(signs.len() - 1)]
            })
            .collect()
    }
}

impl Trend {
    /// Takes a reading in; the same one again is no news.
    pub(super) fn read(&mut self, samples: &Samples) {
        let Some(at) = samples.at else { return };
        let passed = match self.read_at.replace(at) {
            Some(before) if before < at => Millis::between(before, at),
            Some(before) if before == at => return,
            // The first one; or the server's clock was set back, and nothing of before can be set against it.
            Some(_) | None => {
                *self = Self { read_at: Some(at), ..Self::default() };
                Millis(0)
            }
        };
        self.builds.retain(|key, _| samples.builds.contains_key(key));
        for (key, sample) in &samples.builds {
            match sample.seen.as_ref().and_then(counted) {
                Some((unit, done)) => self.count(key, sample.phase, unit, done, passed),
                None => drop(self.builds.remove(key)),
            }
        }
        if let Some(wal) = samples.server.wal_per_second {
            self.wal.add(wal.0.saturating_mul(passed.0) / 1_000, passed);
        }
    }

    fn count(&mut self, key: &EntryKey, phase: Phase, unit: Unit, done: u64, passed: Millis) {
        // Counters begin anew with every phase.
        let known = self.builds.get_mut(key).filter(|known| known.phase == phase && known.unit == unit);
        if let Some(known) = known {
            known.steps.add(done.saturating_sub(known.done), passed);
            known.done = done;
        } else {
            let progress = Progress { phase, unit, done, steps: Steps::default() };
            self.builds.insert(key.clone(), progress);
        }
    }

    /// How fast a build's phase goes on; absent where nothing is counted.
    pub(super) fn build(&self, key: &EntryKey) -> Option<(Unit, Speed<'_>)> {
        self.builds.get(key).map(|known| (known.unit, Speed { steps: &known.steps }))
    }

    /// How fast the server writes its log, in bytes.
    pub(super) fn wal(&self) -> Speed<'_> {
        Speed { steps: &self.wal }
    }
}

/// What a phase counts: rows where it counts them, else blocks; nothing while it waits or sorts.
fn counted(seen: &ProgressSeen) -> Option<(Unit, u64)> {
    if seen.phase.wait().is_some() {
        return None;
    }
    match (seen.tuples.total, seen.blocks.total) {
        (0, 0) => None,
        (0, _) => Some((Unit::Blocks, seen.blocks.done)),
        (_, _) => Some((Unit::Rows, seen.tuples.done)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata::{Script, Texts, at};
    use super::*;
    use crate::domain::target::Mode;
    use crate::domain::unit::Bytes;

    fn reading(second: i64, blocks: u64) -> Samples {
        let script = Script::building(Texts::Ordinary, Mode::Live);
        let mut samples = script.samples();
        samples.at = Some(at(second));
        samples.server.wal_per_second = Some(Bytes(1_000));
        let seen = samples.builds.get_mut(&script.key(4)).and_then(|sample| sample.seen.as_mut());
        seen.unwrap().blocks.done = blocks;
        samples
    }

    fn key() -> EntryKey {
        Script::building(Texts::Ordinary, Mode::Live).key(4)
    }

    #[test]
    fn a_speed_is_what_was_counted_between_readings_and_the_same_reading_counts_once() {
        let mut trend = Trend::default();
        for second in 0..=20 {
            let reading = reading(second, u64::try_from(second).unwrap() * 300);
            trend.read(&reading);
            trend.read(&reading);
        }
        let (unit, speed) = trend.build(&key()).unwrap();
        assert_eq!((unit, speed.newest(), speed.best()), (Unit::Blocks, Some(300), Some(300)));
        assert_eq!(speed.line(Charset::Ascii, 10), "@@@@");
        assert_eq!(trend.wal().newest(), Some(1_000));
    }

    #[test]
    fn a_build_that_waits_has_no_speed_and_counters_begin_anew_with_a_phase() {
        let mut trend = Trend::default();
        let mut waits = reading(0, 10_000);
        let sample = waits.builds.get_mut(&key()).unwrap();
        sample.phase = Phase::WritersBeforeValidation;
        sample.seen.as_mut().unwrap().phase = Phase::WritersBeforeValidation;
        trend.read(&waits);
        assert!(trend.build(&key()).is_none());
        trend.read(&reading(1, 9_000));
        trend.read(&reading(2, 9_100));
        assert_eq!(trend.build(&key()).unwrap().1.newest(), Some(100));
        assert_eq!(trend.build(&key()).unwrap().1.line(Charset::Ascii, 10), "", "one step draws nothing");
    }

    #[test]
    fn a_sparkline_shows_the_newest_steps_against_the_highest() {
        let mut steps = Steps::default();
        for amount in [0, 50, 100, 25] {
            steps.add(amount * 5, Millis(5_000));
        }
        let speed = Speed { steps: &steps };
        assert_eq!(speed.line(Charset::Unicode, 8), "▁▅█▃");
        assert_eq!(speed.line(Charset::Ascii, 2), "@-");
    }
}
