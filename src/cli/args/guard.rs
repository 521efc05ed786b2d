//! What is to be guarded.

use std::path::PathBuf;

use clap::Args;

use super::FindingFormat;

/// Guard.
#[derive(Debug, Clone, Args)]
pub struct GuardArgs {
    /// Files, or folders that are searched; `paths` of the project's file when left out. What .gitignore leaves out is left out.
    pub paths: Vec<PathBuf>,
    /// How it is told; `--output json` is the same as json.
    #[arg(long, value_enum, default_value_t)]
    pub format: FindingFormat,
    /// Settings of the project; cicerone.toml or .cicerone.toml above the first path when left out.
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Findings in files that are as they were where this branch left that one pass: a branch, a tag or a commit of git.
    #[arg(long, value_name = "REF", allow_hyphen_values = true)]
    pub changed_since: Option<String>,
    /// Findings that were there before the guard; cicerone-guard-baseline.toml beside the project's file when left out.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write the baseline, and end: everything that is found when there is none yet, else only what is still found.
    #[arg(long, conflicts_with = "changed_since")]
    pub write_baseline: bool,
}
