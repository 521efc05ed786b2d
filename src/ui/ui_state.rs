//! What belongs to the console alone: where the operator looks, what is open, whether it is armed. Never journaled.

use std::time::Duration;

use crate::domain::id::{BackendId, CheckId, EntryKey, Person, StepId};
use crate::domain::sample::Samples;
use crate::domain::unit::Millis;

use super::panel::Panel;
use super::picture::Picture;
use super::trend::Trend;
use super::view_model::line::Tone;
use super::{Mouse, Theme};

/// SAFE again after so long without a key.
pub(super) const ARM_MINUTES: i64 = 15;

/// State of the screen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UiState {
    /// Where the operator looks, innermost last; empty: at the step that the run is at.
    pub(super) look: Vec<Look>,
    /// What the cursor is on, by identity.
    pub(super) cursor: Cursor,
    /// Which part takes the movement keys.
    pub(super) focus: Focus,
    /// An open panel; it takes every key.
    pub(super) panel: Option<Panel>,
    /// An open prompt; it takes every key but the panel's.
    pub(super) prompt: Option<Prompt>,
    /// What the lists are narrowed to.
    pub(super) filter: String,
    /// Whether L3 is possible.
    pub(super) arm: Arm,
    /// A picture that stands still.
    pub(super) freeze: Option<Box<Frozen>>,
    /// Whether copied text stands on the main screen instead of this one.
    pub(super) aside: Aside,
    /// Commands that were typed, oldest first.
    pub(super) history: Vec<String>,
    /// What the console has to say about the last key or answer.
    pub(super) message: Option<Message>,
    /// Looks and order.
    pub(super) view: View,
}

/// A place to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// A phase of the playbook, from 0.
    Phase(usize),
    /// A screen.
    At(Screen),
}

/// The screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Screen {
    /// Checks and plan.
    Preflight,
    /// What would be built, and what that costs.
    Plan,
    /// The playbook.
    Steps,
    /// Builds.
    Builds,
    /// Who holds up a build.
    Blockers,
    /// Verification and result.
    Verify,
    /// The whole log.
    Log,
    /// Keys of the screen below it.
    Help,
}

impl Screen {
    /// All of them.
    #[cfg(test)]
    pub(super) const ALL: [Self; 8] = [
        Self::Preflight,
        Self::Plan,
        Self::Steps,
        Self::Builds,
        Self::Blockers,
        Self::Verify,
        Self::Log,
        Self::Help,
    ];

    /// Its name, as `:goto` and `cicerone show` take it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Plan => "plan",
            Self::Steps => "steps",
            Self::Builds => "builds",
            Self::Blockers => "blockers",
            Self::Verify => "verify",
            Self::Log => "log",
            Self::Help => "help",
        }
    }
}

/// What the cursor is on. Bound to identities: a row never becomes another one under it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// In the pre-flight.
    pub(super) check: Option<CheckId>,
    /// In the playbook.
    pub(super) step: Option<StepId>,
    /// In builds and verification.
    pub(super) entry: Option<EntryKey>,
    /// Among the blockers.
    pub(super) holder: Option<HolderKey>,
    /// First line in log and help, and of the detail pane.
    pub(super) line: usize,
}

/// Identity of somebody who holds a build up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum HolderKey {
    /// A session.
    Session(BackendId),
    /// A prepared transaction.
    Prepared(String),
}

/// Which part takes the movement keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Focus {
    /// The list.
    #[default]
    List,
    /// The detail pane.
    Detail,
}

/// A line being typed at the bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prompt {
    /// `:`, and how many commands back it was recalled from; 0 for what is typed anew.
    Command(String, usize),
    /// `/`
    Filter(String),
}

/// Whether L3 is possible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Arm {
    /// It is not.
    #[default]
    Safe,
    /// It is, until too much time passes without a key.
    Armed {
        /// Who.
        by: Person,
        /// Time of the last key.
        last_key: jiff::Timestamp,
    },
}

impl Arm {
    /// Seconds left; none when SAFE.
    pub(super) fn left(&self, now: jiff::Timestamp) -> Option<i64> {
        match self {
            Self::Safe => None,
            Self::Armed { last_key, .. } => {
                let idle = (now.as_second() - last_key.as_second()).max(0);
                let left = ARM_MINUTES * 60 - idle;
                (left > 0).then_some(left)
            }
        }
    }
}

/// A picture that stands still.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frozen {
    /// Since when.
    pub(super) at: jiff::Timestamp,
    /// The picture then.
    pub(super) picture: Picture,
    /// The readings then.
    pub(super) samples: Samples,
    /// The speeds then.
    pub(super) trend: Trend,
}

/// What the console has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Raw text.
    pub(super) text: String,
    /// How to read it.
    pub(super) tone: Tone,
    /// When it came.
    pub(super) at: jiff::Timestamp,
}

/// Whether text stands on the main screen, to be marked by hand, until any key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aside {
    /// It does not.
    No,
    /// It does.
    Yes,
}

/// How times are shown. The clock in the bar is UTC whatever is chosen, and so are journal and report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Times {
    /// In UTC: `03:22:10Z`.
    #[default]
    Utc,
    /// In the operator's zone: `04:22:10+01:00`.
    Local,
    /// As an age: `00:12:03 ago`.
    Relative,
}

impl Times {
    /// What `t` leads to.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Utc => Self::Local,
            Self::Local => Self::Relative,
            Self::Relative => Self::Utc,
        }
    }

    /// Its name.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Utc => "utc",
            Self::Local => "local",
            Self::Relative => "relative",
        }
    }

    /// The one of a name.
    pub(super) fn of(word: &str) -> Option<Self> {
        [Self::Utc, Self::Local, Self::Relative].into_iter().find(|times| times.word() == word)
    }
}

/// Times between two pictures that `+` and `-` step through.
const RATES: [Millis; 5] = [Millis(500), Millis(1_000), Millis(2_000), Millis(5_000), Millis(10_000)];

impl View {
    /// The next longer time between two pictures, if there is one.
    pub(super) fn slower(&self) -> Option<Millis> {
        RATES.into_iter().find(|rate| *rate > self.refresh)
    }

    /// The next shorter one, if there is one.
    pub(super) fn faster(&self) -> Option<Millis> {
        RATES.into_iter().rev().find(|rate| *rate < self.refresh)
    }

    /// A time between two pictures as typed, in seconds.
    pub(super) fn rate(text: &str) -> Option<Millis> {
        let seconds: f64 = text.trim_end_matches('s').parse().ok()?;
        (0.5..=10.0).contains(&seconds).then_some(Millis((seconds * 1_000.0) as u64))
    }
}

/// The size of a page without an end, for screens that are said instead of drawn.
pub(super) const WHOLE: (u16, u16) = (u16::MAX, u16::MAX);

/// Looks and order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    /// Colours.
    pub(super) theme: Theme,
    /// How times are shown.
    pub(super) times: Times,
    /// Pace of data on the screen.
    pub(super) refresh: Millis,
    /// Whether the mouse counts.
    pub(super) mouse: Mouse,
    /// Size of the terminal in cells, when it was last looked at.
    pub(super) size: (u16, u16),
    /// Entries in the order in which they are shown; stands still while a panel is open.
    pub(super) order: Vec<EntryKey>,
    /// A first Ctrl-C, and when.
    pub(super) interrupted: Option<Duration>,
}

impl UiState {
    /// The beginning.
    pub(super) fn new(theme: Theme, refresh: Millis, times: Times) -> Self {
        Self {
            look: Vec::new(),
            cursor: Cursor::default(),
            focus: Focus::default(),
            panel: None,
            prompt: None,
            filter: String::new(),
            arm: Arm::default(),
            freeze: None,
            message: None,
            aside: Aside::No,
            history: Vec::new(),
            view: View {
                theme,
                times,
                refresh,
                mouse: Mouse::Off,
                size: (80, 24),
                order: Vec::new(),
                interrupted: None,
            },
        }
    }

    /// Says something.
    pub(super) fn say(&mut self, tone: Tone, text: impl Into<String>, now: jiff::Timestamp) {
        self.message = Some(Message { text: text.into(), tone, at: now });
    }
}
