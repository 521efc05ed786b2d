//! What is to be audited.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Audit.
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// Files, or folders that are searched for `.sql` files. What .gitignore leaves out is left out.
    #[arg(required_unless_present = "live")]
    pub paths: Vec<PathBuf>,
    /// Also read the target's database: what is there and nowhere else, what is missing, what differs by the server's own
    /// words. Without files it says what is the same, covered or not valid there.
    #[arg(long)]
    pub live: bool,
    /// How it is laid out for people; --output json is for programs.
    #[arg(long, value_enum, default_value_t)]
    pub format: AuditFormat,
    /// TOML with a line for each table, "schema.table" = "domain"; "schema.*" is for the rest of a schema.
    #[arg(long, value_name = "FILE")]
    pub domains: Option<PathBuf>,
    /// Add to the registry (or to FILE) what it does not have: performance indexes that stand at the end. Its entries,
    /// comments and order stay as they are; with --dry-run it only shows what would change.
    #[arg(long, value_name = "FILE", num_args = 0..=1, requires = "paths")]
    pub write_registry: Option<Option<PathBuf>>,
}

/// Layouts for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum AuditFormat {
    /// Columns, as wide as the terminal.
    #[default]
    Table,
    /// A page for a merge request or a wiki.
    Markdown,
}
