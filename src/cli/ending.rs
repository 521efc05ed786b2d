//! The end of a run: report on disk, last line, exit code.

use std::path::PathBuf;

use crate::domain::id::Digest;
use crate::engine::EngineEnd;
use crate::report::RunEnd;
use crate::report::document::{JournalFacts, Report};
use crate::store::run_folder::RunFolder;
use crate::store::run_journal::RunJournal;

use super::error::CliError;
use super::exit::{self, Exit};

/// Writes both reports from what is on the disk, not from what this process believes.
pub fn write_report(folder: &RunFolder) -> Result<RunEnd, CliError> {
    let recorded = RunJournal::read(&folder.journal())?;
    let facts = JournalFacts {
        path: folder.journal().display().to_string(),
        records: u64::try_from(recorded.events.len()).unwrap_or(u64::MAX),
        head: recorded.head.clone(),
    };
    let report = Report::of(&recorded.events, facts);
    let json = report.to_json().map_err(|error| {
        CliError::usage("the report cannot be written").because(&error).with_exit(Exit::Bug)
    })?;
    folder.write_report(report.to_markdown().as_bytes(), &json)?;
    Ok(RunEnd { report: folder.report_markdown(), journal: folder.journal(), head: recorded.head })
}

/// Where things lie even when the report could not be written.
pub fn without_report(folder: &RunFolder, head: &str) -> RunEnd {
    RunEnd { report: PathBuf::from("-"), journal: folder.journal(), head: Digest(head.to_owned()) }
}

/// The exit code of an engine's end.
pub fn code(end: &EngineEnd) -> Exit {
    if end.sealed.is_some() {
        return Exit::Journal;
    }
    if !end.left_running.is_empty() {
        return Exit::Unknown;
    }
    exit::of_run(&end.state)
}

/// The exit code of a rollback that was all that was asked for.
pub fn rollback_code(end: &EngineEnd) -> Exit {
    if end.sealed.is_some() {
        return Exit::Journal;
    }
    if !end.left_running.is_empty() {
        return Exit::Unknown;
    }
    exit::of_rollback(&end.state)
}

/// What stays on the terminal, a line each. Raw text.
pub fn last_words(folder: &RunFolder, end: &EngineEnd) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(sealed) = &end.sealed {
        lines.push(format!("Error: {sealed}; nothing more was started"));
    }
    lines.extend(left_running(end));
    let run_end = RunEnd {
        report: folder.report_markdown(),
        journal: folder.journal(),
        head: Digest(end.head.clone()),
    };
    lines.push(crate::report::plain::last_line(&end.state, &run_end));
    lines
}

/// What still runs on the server although this process ends, for a person.
pub fn left_running(end: &EngineEnd) -> Vec<String> {
    end.left_running
        .iter()
        .map(|(entry, backend)| {
            format!(
                "backend {} goes on building {}: run the same command again to take it over",
                backend.pid, entry.0
            )
        })
        .collect()
}
