//! How the console looks and behaves on its terminal.

use std::ops::RangeInclusive;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, ValueEnum};

use crate::domain::unit::Millis;
use crate::text::parse_span;
use crate::ui;

/// Console.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Console")]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct LookArgs {
    /// Whether the console has colours.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub color: Color,
    /// Its colours. NO_COLOR is stronger than a theme that is set up, and weaker than this flag.
    #[arg(long, global = true, value_enum, ignore_case = true, value_name = "THEME")]
    pub theme: Option<Theme>,
    /// Where the theme was said.
    #[arg(skip)]
    pub theme_said: Said,
    /// Lines instead of a screen, for screen readers and terminals without a cursor: nothing is drawn, nothing moves.
    #[arg(long, global = true, env = "CICERONE_PLAIN", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub plain: bool,
    /// ASCII only on the console.
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Let the mouse scroll and move the cursor; nothing needs it, and nothing is ever done by it.
    #[arg(long, global = true, env = "CICERONE_MOUSE", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub mouse: bool,
    /// How the terminal calls you when a person is needed, something failed, a build is held up, or all is done.
    #[arg(long, global = true, value_enum, env = "CICERONE_NOTIFY", value_name = "HOW")]
    pub notify: Option<Notify>,
    /// Write less, for slow links: a frame every 5 s at most, the clock by minutes, no bars.
    #[arg(long, global = true, env = "CICERONE_LOW_BANDWIDTH", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub low_bandwidth: bool,
    /// Let nothing move by itself but what has changed: no bars, no curves.
    #[arg(long, global = true, env = "CICERONE_REDUCED_MOTION", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub reduced_motion: bool,
    /// A new picture every so often: 500ms to 10s; every second, or every 5 s on a slow link, when left out.
    #[arg(long, global = true, value_name = "TIME", value_parser = refresh)]
    pub refresh: Option<Millis>,
    /// How long Esc is held back for the rest of a key sequence, 10ms to 1s; 50ms, or 250ms over SSH, when left out.
    #[arg(long, global = true, value_name = "TIME", value_parser = esc_delay)]
    pub esc_delay: Option<Millis>,
    /// How times are shown at first; the clock in the bar is always UTC.
    #[arg(long, global = true, value_enum, value_name = "HOW")]
    pub times: Option<Times>,
    /// Put an action that only looks or holds on another key, e.g. log=L; may be given several times.
    #[arg(long = "key", id = "keys", global = true, env = "CICERONE_KEYS", value_delimiter = ' ', value_name = "ACTION=KEY", value_parser = wish)]
    pub keys: Vec<(String, String)>,
    /// What keys do, once everything was read.
    #[arg(skip)]
    pub keymap: ui::Keymap,
    /// Colours of environment words, upper case.
    #[arg(skip)]
    pub hues: Vec<(String, ui::Hue)>,
}

/// Where a value was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Said {
    /// In a file or a variable, once for all.
    #[default]
    SetUp,
    /// By a flag, for this command.
    ByHand,
}

fn refresh(text: &str) -> Result<Millis, &'static str> {
    within(text, 500..=10_000, "write a time from 500ms to 10s")
}

fn esc_delay(text: &str) -> Result<Millis, &'static str> {
    within(text, 10..=1_000, "write a time from 10ms to 1s")
}

fn within(text: &str, limits: RangeInclusive<u64>, or: &'static str) -> Result<Millis, &'static str> {
    parse_span(text).filter(|millis| limits.contains(millis)).map(Millis).ok_or(or)
}

fn wish(text: &str) -> Result<(String, String), &'static str> {
    let (action, key) = text.split_once('=').ok_or("write ACTION=KEY, for example log=L")?;
    Ok((action.to_owned(), key.to_owned()))
}

/// How times are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Times {
    /// In UTC (the default).
    Utc,
    /// In your zone.
    Local,
    /// As ages.
    Relative,
}

impl From<Times> for ui::Times {
    fn from(value: Times) -> Self {
        match value {
            Times::Utc => Self::Utc,
            Times::Local => Self::Local,
            Times::Relative => Self::Relative,
        }
    }
}

/// Colour of an environment word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hue {
    /// Can be read on light and dark.
    Red,
    /// Needs a dark background.
    Yellow,
    /// Needs a dark background in most palettes.
    Green,
    /// Needs a dark background in most palettes.
    Cyan,
    /// Needs a light background in most palettes.
    Blue,
    /// Can be read on light and dark.
    Magenta,
}

impl From<Hue> for ui::Hue {
    fn from(value: Hue) -> Self {
        match value {
            Hue::Red => Self::Red,
            Hue::Yellow => Self::Yellow,
            Hue::Green => Self::Green,
            Hue::Cyan => Self::Cyan,
            Hue::Blue => Self::Blue,
            Hue::Magenta => Self::Magenta,
        }
    }
}

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// Unless NO_COLOR is set.
    #[default]
    Auto,
    /// Although NO_COLOR is set; not on terminals that have none.
    Always,
    /// Never.
    Never,
}

/// Colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// The terminal's own 16 colours; readable on light and dark.
    Default,
    /// None: bold only.
    Mono,
    /// Bold, underline and reverse instead of colour; nothing faint.
    HighContrast,
    /// Blue and yellow, nothing told by red and green.
    #[value(aliases = ["cb", "color-blind"])]
    ColourBlind,
}

impl From<Theme> for ui::Theme {
    fn from(value: Theme) -> Self {
        match value {
            Theme::Default => Self::Default,
            Theme::Mono => Self::Mono,
            Theme::HighContrast => Self::HighContrast,
            Theme::ColourBlind => Self::ColourBlind,
        }
    }
}

/// How the terminal calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Notify {
    /// Not at all (the default).
    Off,
    /// By its bell.
    Bell,
    /// By a notification of the desktop (OSC 9), where the terminal knows that.
    Osc9,
}

impl From<Notify> for ui::Notify {
    fn from(value: Notify) -> Self {
        match value {
            Notify::Off => Self::Off,
            Notify::Bell => Self::Bell,
            Notify::Osc9 => Self::Osc9,
        }
    }
}
