//! `cicerone paths`: where things are. Nothing is made and nobody is asked for it.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::rehearsal::surroundings::Surroundings;
use crate::store::run_folder::sockets;
use crate::text::Untrusted;

use super::args::{Output, TargetArgs};
use super::config::Setup;
use super::error::CliError;
use super::exit::Exit;
use super::stream::print_json;
use super::surrounding::Surrounding;

/// A place, what it is called, and what is there.
struct Line {
    name: &'static str,
    path: String,
    is: &'static str,
}

/// Prints every place.
pub fn paths(
    setup: &Setup,
    target: &TargetArgs,
    output: Output,
    around: &Surrounding,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let lines = lines(setup, target, around)?;
    match output {
        Output::Json => {
            let paths: Vec<_> = lines
                .iter()
                .map(|line| serde_json::json!({ "name": line.name, "path": line.path, "is": line.is }))
                .collect();
            print_json(out, &serde_json::json!({ "version": 1, "kind": "paths", "paths": paths }))?;
        }
        Output::Plain => {
            for Line { name, path, is } in lines {
                let path = Untrusted::from(path).display_safe(None);
                writeln!(out, "{name:<14}  {is:<12}  {path}")?;
            }
        }
    }
    Ok(Exit::Verified)
}

fn lines(setup: &Setup, target: &TargetArgs, around: &Surrounding) -> Result<Vec<Line>, CliError> {
    let mut lines: Vec<Line> = setup
        .files
        .iter()
        .map(|file| Line { name: "configuration", path: text(&file.path), is: file.standing.word() })
        .collect();
    let state = super::opening::state_path(target, around)?;
    let runtime = around.var("XDG_RUNTIME_DIR").map(PathBuf::from);
    let found = |name, path: &Path| Line { name, path: text(path), is: there(path) };
    lines.push(found("state", &state));
    // Named, not looked for: there is one of each for every run.
    let run = state.join("TARGET/runs/RUN");
    let each = |name, path: &Path| Line { name, path: text(path), is: "each run" };
    lines.push(each("run", &run));
    lines.push(each("journal", &run.join("journal.jsonl")));
    lines.push(each("report", &run.join("report.md")));
    lines.push(each("report, JSON", &run.join("report.json")));
    lines.push(each("inputs", &run.join("inputs")));
    lines.push(each("log", &run.join("log")));
    lines.push(each("socket", &run.join("engine.sock")));
    lines.push(found("long sockets", &sockets(runtime)));
    lines.push(found("printed plans", &state.join(".plans")));
    if let Some(cache) = Surroundings::read(|name| around.var(name)).server_cache() {
        lines.push(found("servers", &cache));
    }
    Ok(lines)
}

fn there(path: &Path) -> &'static str {
    if path.exists() { "there" } else { "not there" }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
