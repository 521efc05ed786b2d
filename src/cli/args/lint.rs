//! What is to be looked at, and how it is told.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::FindingFormat;

/// Lint.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LintArgs {
    /// Something else than looking at files.
    #[command(subcommand)]
    pub verb: Option<LintVerb>,
    /// Files, or folders that are searched for SQL and programs; `-` is standard input. All of them are one series.
    pub paths: Vec<PathBuf>,
    /// How it is told; `--output json` is the same as json.
    #[arg(long, value_enum, default_value_t)]
    pub format: FindingFormat,
    /// The mildest finding that ends the command with 1; what the settings say when left out, else error.
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Settings of the project; cicerone.toml or .cicerone.toml above the first path when left out.
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Correct what has exactly one right correction, then say what is left.
    #[arg(long)]
    pub fix: bool,
    /// With --fix: print the corrections and change nothing.
    #[arg(long, requires = "fix")]
    pub diff: bool,
    /// Name of the file that standard input stands for.
    #[arg(long, value_name = "FILE", default_value = "stdin.sql")]
    pub stdin_name: String,
}

/// What else can be asked.
#[derive(Debug, Clone, Subcommand)]
pub enum LintVerb {
    /// List the rules.
    Rules,
    /// Say what a rule looks for, why, and what to do instead.
    Explain {
        /// Its name.
        rule: String,
    },
}

/// From which severity on the command fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Any finding.
    Note,
    /// Warnings and errors.
    Warning,
    /// Errors.
    Error,
    /// None: findings are only told.
    Never,
}
