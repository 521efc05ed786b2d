//! Composition root: arguments, environment and configuration become wired adapters.

use std::process::ExitCode;

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
