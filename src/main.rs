//! The `cicerone` binary: hooks, the composition root, an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    cicerone::cli::main()
}
