//! The end of the maintenance window, as whoever drives a run meets it: the queue is paused, once, and what runs comes
//! to its end.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::domain::id::Person;
use crate::domain::state::RunState;
use crate::domain::window::{HOW_WRITTEN, parse_end};
use crate::ports::Clock;

use super::args::RunArgs;
use super::error::CliError;
use super::surrounding::Surrounding;

/// How often the clock is looked at.
const PACE: Duration = Duration::from_millis(500);

/// The end that the flag names.
pub fn asked(args: &RunArgs, around: &Surrounding) -> Result<Option<jiff::Timestamp>, CliError> {
    let Some(text) = &args.window_end else { return Ok(None) };
    let end = parse_end(text, around.clock.now());
    let wrong = || {
        CliError::usage(format!("--window-end {text} is no moment that is still to come")).hint(HOW_WRITTEN)
    };
    end.map(Some).ok_or_else(wrong)
}

/// Author of the pause.
pub fn author() -> Person {
    Person("the end of the window".to_owned())
}

/// Looks at the clock.
pub struct Window {
    ticks: Interval,
    /// The end that the queue was paused for: another one may be set later.
    closed: Option<jiff::Timestamp>,
}

impl Window {
    /// Of a run that was just opened or taken over.
    pub fn of_run() -> Self {
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, closed: None }
    }

    /// The next look at the clock.
    pub async fn tick(&mut self) {
        self.ticks.tick().await;
    }

    /// Whether the window has closed since the last look.
    pub fn closes(&mut self, state: &RunState, now: jiff::Timestamp) -> bool {
        let Some(end) = state.control.window.filter(|end| *end <= now) else { return false };
        self.closed.replace(end) != Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_window_closes_once_and_again_when_it_was_moved() {
        let at = |text: &str| -> jiff::Timestamp { text.parse().unwrap() };
        let mut state = RunState::default();
        let mut window = Window::of_run();
        assert!(!window.closes(&state, at("2026-11-20T05:00:00Z")), "no window was set");
        state.control.window = Some(at("2026-11-20T05:00:00Z"));
        assert!(!window.closes(&state, at("2026-11-20T04:59:59Z")));
        assert!(window.closes(&state, at("2026-11-20T05:00:00Z")));
        assert!(!window.closes(&state, at("2026-11-20T05:00:01Z")), "a person may let the queue go on");
        state.control.window = Some(at("2026-11-20T06:00:00Z"));
        assert!(!window.closes(&state, at("2026-11-20T05:30:00Z")));
        assert!(window.closes(&state, at("2026-11-20T06:00:00Z")));
    }
}
