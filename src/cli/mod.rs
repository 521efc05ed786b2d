//! Composition root: arguments, environment and configuration become wired adapters.

use std::ffi::OsString;
use std::process::ExitCode;

pub mod registry;
pub mod source;

use crate::rehearsal::guard;

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == guard::SUBCOMMAND
    {
        return guard::run(rest);
    }
    ExitCode::SUCCESS
}
