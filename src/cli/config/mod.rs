//! What is set up in files, under what is said by variables and flags.
//!
//! ```text
//! flag  >  CICERONE_ variable  >  --config FILE  >  ~/.config/cicerone/config.toml  >  /etc/cicerone/config.toml  >  default
//! ```
//!
//! One table, [`SETTINGS`], has every value with its key, its flag and its variable. A file's value goes through the
//! parser of its flag and becomes the default of that flag: what is accepted, and what wins, is decided in one place.
//! Files are read and checked as a whole before anything is started; with one mistake in them nothing is.

mod choice;
mod load;
mod parse;
mod setting;
mod show;
mod stack;
#[cfg(test)]
mod tests;

pub use parse::{ParseError, Parsed, Setup, parse};
pub use setting::{CONNECTION, Connection, Kind, SETTINGS, Section, Setting, command, document};
pub use show::{check, show};
pub use stack::{Looked, Standing};
