//! Names that nobody has used before.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::tz::TimeZone;

use crate::domain::id::RunId;
use crate::ports::{Clock, Ids};

/// Source of run ids and of randomness for everything that is no secret.
pub struct RandomIds {
    clock: Arc<dyn Clock>,
    rng: Mutex<fastrand::Rng>,
}

impl RandomIds {
    /// Seeded by the system, differently in each process.
    pub fn from_system(clock: Arc<dyn Clock>) -> Self {
        Self { clock, rng: Mutex::new(fastrand::Rng::new()) }
    }

    /// The same numbers each time.
    pub fn with_seed(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self { clock, rng: Mutex::new(fastrand::Rng::with_seed(seed)) }
    }

    /// 128 random bits as 32 hex digits: a mark that no other session carries. Not a secret.
    pub fn nonce(&self) -> String {
        format!("{:032x}", self.draw(|rng| rng.u128(..)))
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        // A generator has no state that a panic could break.
        draw(&mut self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ids for RandomIds {
    /// `20261120-054312-ab3f`: UTC to the second and four random hex digits. Sorts by time.
    ///
    /// Two runs of one second collide once in 65 536 pairs; making the run's folder then fails, and a new id is drawn.
    fn run(&self) -> RunId {
        let tail = self.draw(|rng| rng.u16(..));
        let time = self.clock.now().to_zoned(TimeZone::UTC);
        RunId(format!("{}-{tail:04x}", time.strftime("%Y%m%d-%H%M%S")))
    }

    fn below(&self, below: u64) -> u64 {
        if below == 0 { 0 } else { self.draw(|rng| rng.u64(..below)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One second short of an hour per look.
    struct Leaps(Mutex<jiff::Timestamp>);

    impl Clock for Leaps {
        fn now(&self) -> jiff::Timestamp {
            let mut at = self.0.lock().unwrap();
            *at += jiff::SignedDuration::from_secs(3_599);
            *at
        }
    }

    fn clock() -> Arc<dyn Clock> {
        Arc::new(Leaps(Mutex::new("2026-11-20T05:43:12.9Z".parse().unwrap())))
    }

    #[test]
    fn run_ids_sort_by_time_whatever_their_random_part() {
        let ids = RandomIds::with_seed(clock(), 1);
        let mut last = ids.run();
        assert!(last.as_str().starts_with("20261120-064311-") && last.as_str().len() == 20, "{last:?}");
        for _ in 0..200 {
            let next = ids.run();
            assert!(next > last);
            last = next;
        }
    }

    #[test]
    fn two_processes_draw_differently() {
        assert_ne!(RandomIds::from_system(clock()).nonce(), RandomIds::from_system(clock()).nonce());
        assert_eq!(RandomIds::with_seed(clock(), 7).nonce(), RandomIds::with_seed(clock(), 7).nonce());
        assert_eq!(RandomIds::with_seed(clock(), 7).nonce().len(), 32);
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let ids = RandomIds::with_seed(clock(), 3);
        assert!((0..1000).all(|_| ids.below(7) < 7));
        assert_eq!((ids.below(1), ids.below(0)), (0, 0));
    }
}
