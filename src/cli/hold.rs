//! The file `HOLD` in a run's folder: a pause by whoever can reach the folder, whatever became of every screen.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::domain::command::Verb;
use crate::domain::id::Person;
use crate::domain::state::RunState;
use crate::store::run_folder::RunFolder;

/// How often the folder is looked at.
const PACE: Duration = Duration::from_millis(500);

/// Author of what the file does.
pub fn author() -> Person {
    Person("the file HOLD".to_owned())
}

/// Whether what the file's coming or going means is to be done: its going ends the pause that its coming made, and no
/// other, and never lets the queue go on past the end of the window.
pub fn counts(verb: &Verb, state: &RunState, now: jiff::Timestamp) -> bool {
    if *verb != Verb::Resume {
        return true;
    }
    let open = state.control.window.is_none_or(|end| end > now);
    open && state.control.paused == Some(author())
}

/// Watches for the file.
pub struct Hold {
    folder: RunFolder,
    ticks: Interval,
    said: Said,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Pause,
}

impl Hold {
    /// Of a run.
    pub fn of(folder: &RunFolder) -> Self {
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { folder: folder.clone(), ticks, said: Said::Nothing }
    }

    /// The command that the file's coming or going means; waits until it comes or goes.
    pub async fn changed(&mut self) -> Verb {
        loop {
            self.ticks.tick().await;
            match (self.said, self.folder.is_held()) {
                (Said::Nothing, true) => {
                    self.said = Said::Pause;
                    return Verb::Pause;
                }
                (Said::Pause, false) => {
                    self.said = Said::Nothing;
                    return Verb::Resume;
                }
                (Said::Nothing, false) | (Said::Pause, true) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_going_ends_its_own_pause_alone_and_not_past_the_window() {
        let at = |text: &str| -> jiff::Timestamp { text.parse().unwrap() };
        let now = at("2026-11-20T04:00:00Z");
        let mut state = RunState::default();
        assert!(counts(&Verb::Pause, &state, now));
        assert!(!counts(&Verb::Resume, &state, now), "nothing is paused");
        state.control.paused = Some(Person("jane".to_owned()));
        assert!(!counts(&Verb::Resume, &state, now), "somebody else paused");
        state.control.paused = Some(author());
        assert!(counts(&Verb::Resume, &state, now));
        state.control.window = Some(at("2026-11-20T03:59:00Z"));
        assert!(!counts(&Verb::Resume, &state, now), "the window has closed");
    }
}
