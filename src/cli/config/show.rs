//! `cicerone config`: what is in force and where it was said. `cicerone config check`: whether files are in order.

use std::io::Write;
use std::path::PathBuf;

use crate::text::{Untrusted, cell_width, fit_left};

use super::super::args::Output;
use super::super::error::CliError;
use super::super::exit::Exit;
use super::super::stream::print_json;
use super::parse::Setup;
use super::setting::command;
use super::stack::{Standing, read_given};

impl Standing {
    /// For people and programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Absent => "not there",
            Self::Broken => "not in order",
        }
    }
}

/// Prints every value and where it was said.
pub fn show(setup: &Setup, output: Output, out: &mut dyn Write) -> Result<Exit, CliError> {
    match output {
        Output::Json => {
            let files: Vec<_> = setup
                .files
                .iter()
                .map(|file| serde_json::json!({ "path": file.path, "is": file.standing.word() }))
                .collect();
            let values: Vec<_> = setup
                .rows
                .iter()
                .map(|row| serde_json::json!({ "key": row.key, "value": row.value, "from": row.from }))
                .collect();
            let answer = serde_json::json!({
                "version": 1, "kind": "config", "files": files, "target": setup.target, "values": values,
            });
            print_json(out, &answer)?;
        }
        Output::Plain => {
            for file in &setup.files {
                writeln!(out, "{:<12}  {}", file.standing.word(), safe(&file.path.to_string_lossy()))?;
            }
            writeln!(out)?;
            let shown: Vec<[String; 3]> = setup
                .rows
                .iter()
                .map(|row| [safe(&row.key), safe(row.value.as_deref().unwrap_or("-")), safe(&row.from)])
                .collect();
            let widest = |at: usize| shown.iter().map(|row| cell_width(&row[at])).max().unwrap_or(0);
            let (key, value) = (widest(0), widest(1).min(40));
            for row in &shown {
                // A value that is wider moves what is right of it, and nothing is cut.
                let text =
                    if cell_width(&row[1]) > value { row[1].clone() } else { fit_left(&row[1], value) };
                writeln!(out, "{}  {text}  {}", fit_left(&row[0], key), row[2])?;
            }
        }
    }
    Ok(Exit::Verified)
}

/// Checks files without using them.
pub fn check(files: &[PathBuf], out: &mut dyn Write) -> Result<Exit, CliError> {
    let config = read_given(files, &command())?;
    let keys = config.keys.len();
    for source in &config.sources {
        writeln!(out, "OK   {}", safe(&source.path))?;
    }
    writeln!(out, "{} targets, {keys} actions on other keys", config.targets.len())?;
    Ok(Exit::Verified)
}

fn safe(text: &str) -> String {
    Untrusted::from(text).display_safe(None).to_string()
}
