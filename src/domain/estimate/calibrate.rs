//! Time estimates corrected by what finished builds of the run took.

use crate::domain::unit::{Band, Millis};

/// Builds below this say more about round trips than about the server's speed.
const TELLING: Millis = Millis(200);
/// From so many builds on, their own spread replaces the band of the estimate.
const ENOUGH: usize = 3;

/// What a finished build was expected to take, and took; waits not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishedBuild {
    /// Likely time of its estimate.
    pub predicted: Millis,
    /// Working time.
    pub actual: Millis,
}

/// How much slower or faster this server is than the estimates think.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    ratio: f64,
    /// Lowest and highest ratio seen, relative to `ratio`; absent before there are enough.
    spread: Option<(f64, f64)>,
}

impl Calibration {
    /// From the finished builds of a run. Absent while none of them tells anything.
    pub fn from_builds(builds: &[FinishedBuild]) -> Option<Self> {
        let telling: Vec<(f64, f64)> = builds
            .iter()
            .filter(|it| it.predicted >= TELLING || it.actual >= TELLING)
            .map(|it| (it.predicted.0.max(1) as f64, it.actual.0.max(1) as f64))
            .collect();
        let predicted: f64 = telling.iter().map(|it| it.0).sum();
        if telling.is_empty() {
            return None;
        }
        let ratio = telling.iter().map(|it| it.1).sum::<f64>() / predicted;
        let relative = telling.iter().map(|(predicted, actual)| actual / predicted / ratio);
        let (low, high) = relative.fold((1.0_f64, 1.0_f64), |(low, high), it| (low.min(it), high.max(it)));
        let spread = (telling.len() >= ENOUGH).then_some((low / 1.3, high * 1.3));
        Some(Self { ratio, spread })
    }

    /// The corrected band.
    pub fn apply(&self, time: Band<Millis>) -> Band<Millis> {
        let likely = time.likely.0 as f64 * self.ratio;
        let (low, high) = match self.spread {
            Some((low, high)) => (likely * low, likely * high),
            None => (time.low.0 as f64 * self.ratio, time.high.0 as f64 * self.ratio),
        };
        Band { low: Millis(low as u64), likely: Millis(likely as u64), high: Millis(high as u64) }
    }
}
