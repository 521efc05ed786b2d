//! `cicerone show`: the twin of a screen, of any run, without a console.

use std::io::Write;
use std::time::Duration;

use tokio::time::timeout;

use crate::domain::id::Person;
use crate::domain::sample::Samples;
use crate::domain::state::RunState;
use crate::relay::{self, FromEngine, Role};
use crate::store::run_folder::RunFolder;
use crate::store::run_journal::RunJournal;
use crate::ui::{self, Charset, Screen, Sight, UiOptions};

use super::args::{Output, RunArgs, TargetArgs};
use super::console;
use super::error::CliError;
use super::exit::Exit;
use super::look;
use super::opening;
use super::stream::print_json;
use super::surrounding::Surrounding;

/// How long an engine may take to tell its newest readings: it has them, or has none.
const PATIENCE: Duration = Duration::from_secs(2);

/// Prints a screen. The exit code says only that it could be shown: how the run stands, `status` says.
pub async fn show(
    screen: Screen,
    run: Option<&str>,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
    out: &mut dyn Write,
) -> Result<u8, CliError> {
    let folder = opening::find(&opening::state_dir(target, around)?, run)?.folder;
    let (samples, note) = readings(&folder, &around.person()).await;
    let events = RunJournal::read(&folder.journal())?.events;
    let over = RunState::replay(&events).control.closed.is_some();
    let looks = look::looks(&args.look, around);
    let charset = match args.output {
        // Everything beyond ASCII is escaped in JSON: there is no terminal that could not show it.
        Output::Json => Charset::Unicode,
        Output::Plain => looks.charset,
    };
    let twin = ui::of_journal(Sight {
        events: &events,
        samples,
        screen,
        operator: around.person(),
        options: UiOptions { charset, title: folder.run().as_str().to_owned(), ..looks },
        now: around.now(),
        notes: note.filter(|_| !over).into_iter().collect(),
    });
    match args.output {
        Output::Json => print_json(out, &twin)?,
        Output::Plain => {
            for line in twin.lines() {
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(Exit::Verified as u8)
}

/// The newest readings of the engine that drives a run, and what is to be said where there are none.
async fn readings(folder: &RunFolder, by: &Person) -> (Samples, Option<String>) {
    let Some(socket) = opening::listens(folder) else {
        let text = "no engine can be asked about this run: this is what its journal says, without readings";
        return (Samples::default(), Some(text.to_owned()));
    };
    let asked = async {
        let mut visit = relay::visit(&socket, console::hello(by, Role::Observer)).await.ok()?;
        loop {
            match visit.ears.hear().await? {
                FromEngine::Samples(samples) => return Some(samples),
                FromEngine::Ended { .. } => return None,
                FromEngine::Welcome(_)
                | FromEngine::Unfit { .. }
                | FromEngine::Event(_)
                | FromEngine::CaughtUp
                | FromEngine::Refused { .. }
                | FromEngine::Lease { .. }
                | FromEngine::ReportWritten { .. }
                | FromEngine::ReportFailed { .. }
                | FromEngine::Note(_) => {}
            }
        }
    };
    if let Ok(Some(samples)) = timeout(PATIENCE, asked).await {
        return (samples, None);
    }
    let text = "the run's engine told no readings: this is what its journal says, without them";
    (Samples::default(), Some(text.to_owned()))
}
