//! The machine's clocks.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::ports::Clock;

/// Wall time for people and the journal, elapsed time for deadlines and waits. They drift apart when the wall clock is
/// set, so neither may stand in for the other.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose elapsed time starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is handed")]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Time since the clock was started. Never goes back; stands still while the machine sleeps (Linux).
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is handed")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_run() {
        let clock = SystemClock::start();
        let (wall, elapsed) = (clock.now(), clock.elapsed());
        assert!(wall > "2026-01-01T00:00:00Z".parse().unwrap());
        while clock.elapsed() == elapsed {
            std::thread::yield_now();
        }
        assert!(clock.elapsed() > elapsed);
    }
}
