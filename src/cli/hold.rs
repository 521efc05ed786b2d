//! The file `HOLD` in a run's folder: a pause by whoever can reach the folder, whatever became of every screen.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::domain::command::Verb;
use crate::store::run_folder::RunFolder;

/// How often the folder is looked at.
const PACE: Duration = Duration::from_millis(500);

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
