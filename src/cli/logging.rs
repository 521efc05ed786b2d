//! The program's own log: dated files in the run's folder, never the terminal.

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;

use crate::store::run_folder::RunFolder;

use super::error::CliError;
use super::surrounding::Surrounding;

/// Log files kept per run.
const KEPT: usize = 14;

/// Starts the log of a run. Lines are written until the guard is dropped. The journal is another thing: it is
/// written and synced by its own code, since a buffered log loses its tail when a process is killed.
pub fn start(folder: &RunFolder, around: &Surrounding) -> Result<WorkerGuard, CliError> {
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("cicerone")
        .filename_suffix("log")
        .max_log_files(KEPT)
        .build(folder.log_dir())
        .map_err(|error| CliError::usage("the log cannot be opened").because(&error))?;
    let (writer, guard) = tracing_appender::non_blocking(appender);
    let filter = around
        .text("CICERONE_LOG")
        .and_then(|text| text.parse::<EnvFilter>().ok())
        .unwrap_or_else(|| EnvFilter::new("cicerone=info,warn"));
    // A second run in one process (tests) keeps the first one's subscriber; its lines are still not lost.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer).try_init();
    Ok(guard)
}
