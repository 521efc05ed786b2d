//! The console: what the operator sees and presses.
//!
//! It runs in a process and on a thread of its own and owns nothing that can act: facts come in as [`Inbound`] messages and the newest
//! [`Samples`], wishes go out as [`Outbound`] ones. All of them are plain data that serde writes and reads. It folds the same events as the engine, so that a frozen terminal, a
//! panic here or a lost session can never touch the work on the database.
//!
//! ```text
//! terminal  ->  input (bytes -> keys)  ->  console (keymap, panels)  ->  Outbound
//! Inbound, Samples  ->  picture (the fold, log)  ->  view_model (plain safe text)  ->  render  ->  terminal
//! ```

mod ability;
mod allowed;
mod call;
mod command_line;
mod console;
mod copy;
mod hue;
mod input;
mod keymap;
mod log;
mod message;
mod opening;
mod outlet;
mod panel;
mod pen;
mod picture;
mod plain;
mod pointing;
mod rebind;
mod render;
mod scene;
mod show;
mod terminal;
#[cfg(test)]
mod testdata;
#[cfg(test)]
mod tests;
mod theme;
mod thread;
mod travel;
mod trend;
mod twin;
mod ui_state;
mod view_model;

use std::sync::mpsc::Receiver;

use crate::domain::id::Person;
use crate::domain::sample::Samples;
use crate::domain::target::{Environment, Mode};
use crate::domain::unit::Millis;

pub use ability::{Ability, Dialect, Family, Palette};
pub use hue::Hue;
pub use keymap::Keymap;
pub use message::{Hand, Inbound, Outbound};
pub use rebind::{Refused, Wish};
pub use thread::{print_after, run};
pub use twin::{Sight, Twin, of_journal};
pub use ui_state::{Screen, Times};

/// Everything that the console is connected to.
pub struct Wiring {
    /// Facts, in order. May stay silent while the database has not answered: the first frame does not wait for it.
    pub inbound: Receiver<Inbound>,
    /// The newest reading; called about once a second, must not block.
    pub samples: Box<dyn Fn() -> Samples + Send>,
    /// Takes what the operator wants; must not block.
    pub outbound: Box<dyn Fn(Outbound) + Send>,
    /// Whose keys these are.
    pub operator: Person,
    /// Looks and first words.
    pub options: UiOptions,
    /// Wall time.
    pub now: Box<dyn Fn() -> jiff::Timestamp + Send>,
}

impl std::fmt::Debug for Wiring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wiring")
            .field("operator", &self.operator)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Looks, and what to show before the first event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UiOptions {
    /// Whether it is drawn or said.
    pub form: Form,
    /// Colours.
    pub theme: Theme,
    /// Characters that the terminal can show.
    pub charset: Charset,
    /// What the terminal understands.
    pub dialect: Dialect,
    /// Whether anything may move by itself.
    pub motion: Motion,
    /// How much may be written.
    pub bandwidth: Bandwidth,
    /// Whether the terminal tells of its mouse.
    pub mouse: Mouse,
    /// How the terminal calls a person.
    pub notify: Notify,
    /// Pace of data on the screen, 0.5 to 10 s.
    pub refresh: Millis,
    /// How long a lone Esc is held back for the rest of a key sequence: 50 ms, 250 ms over SSH.
    pub esc_delay: Millis,
    /// The environment word until the target is known.
    pub environment: Environment,
    /// Colours of environment words, upper case; the first that fits counts.
    pub hues: Vec<(String, Hue)>,
    /// What the run may do, until its first event says so.
    pub mode: Mode,
    /// How times are shown at first.
    pub times: Times,
    /// The operator's zone, for times that they ask for in it.
    pub zone: jiff::tz::TimeZone,
    /// What sits between the console and the terminal.
    pub multiplexer: Multiplexer,
    /// Where the engine is.
    pub home: Home,
    /// What keys do.
    pub keys: Keymap,
    /// Where to, e.g. `db1.example:5432/app`, until the target is known. No credentials.
    pub title: String,
}

impl Default for UiOptions {
    fn default() -> Self {
        Self {
            form: Form::Screen,
            theme: Theme::Default,
            charset: Charset::Ascii,
            dialect: Dialect::default(),
            motion: Motion::default(),
            bandwidth: Bandwidth::default(),
            mouse: Mouse::default(),
            notify: Notify::default(),
            refresh: Millis(1_000),
            esc_delay: Millis(50),
            environment: Environment::Other("?".to_owned()),
            hues: Vec::new(),
            mode: Mode::Live,
            times: Times::default(),
            zone: jiff::tz::TimeZone::UTC,
            multiplexer: Multiplexer::None,
            home: Home::Here,
            keys: Keymap::default(),
            title: String::new(),
        }
    }
}

impl UiOptions {
    /// Whether figures stand still between one change of state and the next: no bars and curves, times by minutes.
    pub fn calm(&self) -> bool {
        self.motion == Motion::Reduced || self.bandwidth == Bandwidth::Low
    }
}

/// How the console is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Drawn.
    #[default]
    Screen,
    /// Said, a fact a line; what is typed comes as lines as well.
    Lines,
    /// Said as JSON, a line each. Nobody types anything.
    Json,
}

/// Where the engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Home {
    /// In this process: to leave is to end the run.
    #[default]
    Here,
    /// In a process of its own: the run goes on without a console.
    Apart,
}

/// Colours of the console. Every state has a word; colour only repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// The terminal's own 16 colours; readable on light and dark.
    #[default]
    Default,
    /// No colour at all: `NO_COLOR`, `--color never`, monochrome terminals.
    Mono,
    /// Bold, underline and reverse instead of colour; nothing faint.
    HighContrast,
    /// Blue and yellow: nothing is told by red and green.
    ColourBlind,
}

/// Whether anything moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Motion {
    /// Bars, curves, clocks that count.
    #[default]
    Full,
    /// Nothing but what follows from a key or a change of state: words instead of bars and curves.
    Reduced,
}

/// How much may be written to the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bandwidth {
    /// A frame a second, or as the operator sets it.
    #[default]
    Full,
    /// As little as tells the same: a frame every 5 s at most, times by minutes, words instead of bars and curves.
    Low,
}

/// Whether the terminal tells of its mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mouse {
    /// It keeps it for marking text.
    #[default]
    Off,
    /// The wheel scrolls, a click moves the cursor. Nothing else is ever done by it.
    On,
}

/// How the terminal calls a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notify {
    /// It does not.
    #[default]
    Off,
    /// BEL.
    Bell,
    /// OSC 9 with a few words, where the terminal takes that; BEL elsewhere.
    Osc9,
}

/// What sits between the console and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiplexer {
    /// Nothing that is known.
    #[default]
    None,
    /// tmux: what is meant for the terminal itself is wrapped.
    Tmux,
}

/// Characters that the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charset {
    /// ASCII only; complete by itself.
    #[default]
    Ascii,
    /// UTF-8: light lines, names as they are.
    Unicode,
}

/// Why the console was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The operator left a run that is over, or one that has not begun, or was told to ([`Inbound::LeaveNow`]).
    Quit,
    /// The operator left a run that goes on elsewhere.
    Detach,
    /// The terminal is gone (SSH dropped, window closed). The run must go on.
    TerminalGone,
}

/// Why the console cannot be shown, or could not be shown any longer.
#[derive(Debug, thiserror::Error)]
pub enum UiError {
    /// Standard input or output leads elsewhere.
    #[error("standard input and output must be a terminal for the console")]
    NoTerminal,
    /// The system refused a terminal operation.
    #[error("the terminal refused to {what}: {source}")]
    Terminal {
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        source: rustix::io::Errno,
    },
    /// A thread of the console could not be started.
    #[error("the console's {which} thread could not be started: {source}")]
    Thread {
        /// Which one.
        which: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A bug in the console: it was caught, and the terminal is as it was. The run is not touched by it.
    #[error("the console panicked: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
}
