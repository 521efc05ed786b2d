//! How the console looks and behaves on its terminal.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, ValueEnum};

use crate::ui;

/// Console.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Console")]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct LookArgs {
    /// Whether the console has colours.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub color: Color,
    /// Its colours; CICERONE_THEME when left out, none when NO_COLOR is set.
    // Read by hand: a flag is stronger than NO_COLOR, the variable is not, and clap does not tell them apart.
    #[arg(long, global = true, value_enum, value_name = "THEME")]
    pub theme: Option<Theme>,
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
