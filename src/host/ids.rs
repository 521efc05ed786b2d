//! Names that nobody has used before.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::id::RunId;

/// Source of run ids and of randomness for everything that is no secret.
#[derive(Debug)]
pub struct RandomIds(Mutex<fastrand::Rng>);

impl RandomIds {
    /// Seeded by the system, differently in each process.
    pub fn from_system() -> Self {
        Self(Mutex::new(fastrand::Rng::new()))
    }

    /// The same ids each time.
    pub fn with_seed(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// `20261120-054312-ab3f`: UTC to the second and four random hex digits. Sorts by time.
    ///
    /// Two runs of one second collide once in 65 536 pairs; making the run's folder then fails, and a new id is drawn.
    pub fn run(&self, now: Timestamp) -> RunId {
        let tail = self.rng(|rng| rng.u16(..));
        RunId(format!("{}-{tail:04x}", now.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S")))
    }

    /// 128 random bits as 32 hex digits: a mark that no other session carries. Not a secret.
    pub fn nonce(&self) -> String {
        format!("{:032x}", self.rng(|rng| rng.u128(..)))
    }

    /// A fraction in `0.0..1.0`, for jitter.
    pub fn fraction(&self) -> f64 {
        self.rng(fastrand::Rng::f64)
    }

    fn rng<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        // A generator has no state that a panic could break.
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_sort_by_time_whatever_their_random_part() {
        let ids = RandomIds::with_seed(1);
        let mut at: Timestamp = "2026-11-20T05:43:12.9Z".parse().unwrap();
        let first = ids.run(at);
        assert!(first.as_str().starts_with("20261120-054312-") && first.as_str().len() == 20, "{first:?}");
        let mut last = first;
        for _ in 0..200 {
            at += jiff::SignedDuration::from_secs(3_599);
            let next = ids.run(at);
            assert!(next > last);
            last = next;
        }
    }

    #[test]
    fn two_processes_draw_differently() {
        assert_ne!(RandomIds::from_system().nonce(), RandomIds::from_system().nonce());
        assert_eq!(RandomIds::with_seed(7).nonce(), RandomIds::with_seed(7).nonce());
        assert_eq!(RandomIds::with_seed(7).nonce().len(), 32);
    }

    #[test]
    fn fractions_stay_below_one() {
        let ids = RandomIds::with_seed(3);
        assert!((0..1000).map(|_| ids.fraction()).all(|part| (0.0..1.0).contains(&part)));
    }
}
