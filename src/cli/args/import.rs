//! What is to become a registry.

use std::path::PathBuf;

use clap::Args;

/// Import.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// Files, or folders that are searched, as `cicerone audit` does.
    #[arg(required_unless_present = "live", conflicts_with = "live")]
    pub paths: Vec<PathBuf>,
    /// Read the indexes of the target's database instead, on a read-only session.
    #[arg(long)]
    pub live: bool,
    /// Only tables in schemas of this name; `*` and `?` stand for letters. May be given several times.
    #[arg(long = "schema", value_name = "PATTERN")]
    pub schemas: Vec<String>,
    /// Only tables of this name, `table` or `schema.table`; `*` and `?` stand for letters. May be given several times.
    #[arg(long = "table", value_name = "PATTERN")]
    pub tables: Vec<String>,
    /// The registry's file, or `-` for standard output; the file of --registry when left out.
    #[arg(long, value_name = "FILE")]
    pub into: Option<PathBuf>,
    /// Add to a file that is there what it does not have. Its entries, comments and order stay as they are.
    #[arg(long)]
    pub merge: bool,
    /// TOML with a line for each table, "schema.table" = "domain"; "schema.*" is for the rest of a schema.
    #[arg(long, value_name = "FILE")]
    pub domains: Option<PathBuf>,
}
