//! Commands that only look: plan, pre-flight, verify, status, report, journal.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::domain::catalog::Difference;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::plan::{ItemState, Plan};
use crate::domain::target::{RunSettings, Target};
use crate::engine::{Asked, read_plan, run_checks};
use crate::store::journal;
use crate::store::run_folder::{RunEntry, RunStatus, StateDir};
use crate::store::run_journal::RunJournal;
use crate::text::Untrusted;

use super::args::{Output, RunArgs, TargetArgs};
use super::ending;
use super::error::CliError;
use super::exit::{self, Exit};
use super::input::{self, RegistryFiles};
use super::opening;
use super::preflight::{self, Gate};
use super::stream::print_json;
use super::surrounding::Surrounding;
use super::table;
use super::wiring::{self, Reach, Wired, wire};

/// A target that was connected to, its plan, and the way to ask more.
pub struct Looked {
    /// Adapters.
    pub wired: Wired,
    /// Where.
    pub target: Target,
    /// Settings.
    pub settings: RunSettings,
    /// The plan.
    pub plan: Plan,
}

/// Connects and plans, without a run.
pub async fn look(
    playbook: &Path,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<Looked, CliError> {
    let reach = Reach::resolve(target, args, around)?;
    let registry = RegistryFiles::Paths(target.registry.clone());
    // Mistakes in the files are told with all their places before anything is connected to.
    registry.load()?;
    let (playbook, _) = input::playbook(playbook)?;
    let settings = wiring::settings(target, args, &reach, &playbook);
    let wired = wire(&reach, target, registry, &settings, "cicerone/look", around)?;
    let seen = wired.world.catalog.target().await.map_err(unreachable)?;
    let plan = read_plan(&wired.world, &seen, &settings, None).await?;
    Ok(Looked { wired, target: seen, settings, plan })
}

/// The first answer that is not one: where it leads is more likely wrong than what is there.
pub(super) fn unreachable(failure: Failure) -> CliError {
    if failure.class == FailureClass::ConnectionLost {
        return CliError::usage("the server cannot be reached")
            .cause(failure.message)
            .hint(
                "--dsn and libpq's own variables (PGHOST, PGPORT, PGSERVICE, ...) say where it is; is it up?",
            )
            .with_exit(Exit::Stopped);
    }
    failure.into()
}

/// `cicerone plan`.
pub async fn plan(
    playbook: &Path,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let looked = look(playbook, target, args, around).await?;
    super::plan::print_plan(&looked.plan, &looked.target, out, args.output, table::width(around))?;
    keep(&opening::state_dir(target, around)?, &looked.plan)?;
    looked.wired.tasks.close();
    Ok(Exit::Verified)
}

/// So that a run with this plan's id can say what has changed since.
fn keep(dir: &StateDir, plan: &Plan) -> Result<(), CliError> {
    let bytes = serde_json::to_vec(plan)
        .map_err(|error| CliError::usage("the plan cannot be kept").because(&error).with_exit(Exit::Bug))?;
    Ok(dir.keep_plan(&plan.id, &bytes)?)
}

/// `cicerone verify`: every entry, read back on a fresh connection.
pub async fn verify(
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let looked = look(Path::new("index-rollout"), target, args, around).await?;
    let mut right = 0;
    let mut leftovers = 0;
    for item in &looked.plan.items {
        match &item.state {
            ItemState::Present { .. } => right += 1,
            ItemState::Leftover { .. } => leftovers += 1,
            ItemState::ToBuild
            | ItemState::Building { .. }
            | ItemState::Drift { .. }
            | ItemState::Blocked { .. }
            | ItemState::Duplicate { .. } => {}
        }
    }
    let total = looked.plan.items.len();
    match args.output {
        Output::Json => {
            let items: Vec<_> = looked
                .plan
                .items
                .iter()
                .map(|item| serde_json::json!({ "entry": item.key, "state": item.state }))
                .collect();
            let answer = serde_json::json!({
                "version": 1, "verified": right, "total": total, "leftovers": leftovers, "entries": items,
            });
            print_json(out, &answer)?;
        }
        Output::Plain => {
            for item in &looked.plan.items {
                let word = if matches!(item.state, ItemState::Present { .. }) { "OK  " } else { "BAD " };
                let name = Untrusted::from(item.key.0.as_str()).display_safe(None);
                writeln!(out, "{word}  {name}  {}", safe(&item.state.sentence()))?;
                if let ItemState::Drift { differences, .. } = &item.state {
                    for line in differences.iter().flat_map(Difference::diff) {
                        writeln!(out, "      {}", safe(&line))?;
                    }
                }
            }
            writeln!(out, "{right} of {total} verified")?;
        }
    }
    looked.wired.tasks.close();
    Ok(if leftovers > 0 {
        Exit::Leftover
    } else if right < total {
        Exit::Partial
    } else {
        Exit::Verified
    })
}

fn safe(text: &str) -> String {
    Untrusted::from(text).display_safe(None).to_string()
}

/// `cicerone runs`, `cicerone status --all`: a line for each run, newest first; the exit code says only that they could be read.
pub fn all_status(
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    for entry in opening::all(&opening::state_dir(target, around)?)? {
        one_status(&entry, args.output, out)?;
    }
    Ok(Exit::Verified)
}

/// `cicerone status`: one line for a run, and its exit code.
pub fn status(
    run: Option<&str>,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let dir = opening::state_dir(target, around)?;
    one_status(&opening::find(&dir, run)?, args.output, out)
}

fn one_status(entry: &RunEntry, output: Output, out: &mut dyn Write) -> Result<Exit, CliError> {
    let recorded = RunJournal::read(&entry.folder.journal())?;
    let state = crate::domain::state::RunState::replay(&recorded.events);
    let word = match entry.status {
        RunStatus::Closed => "closed",
        RunStatus::Unfinished => "unfinished",
        RunStatus::Empty => "empty",
        RunStatus::Unreadable => "unreadable",
    };
    match output {
        Output::Json => {
            let answer = serde_json::json!({
                "version": 1,
                "kind": "status",
                "run": entry.folder.run(),
                "status": word,
                "engine": opening::listens(&entry.folder).is_some(),
                "tally": state.tally(),
                "closed": state.control.closed,
                "journal": entry.folder.journal(),
            });
            print_json(out, &answer)?;
        }
        Output::Plain => {
            let end = crate::report::RunEnd {
                report: entry.folder.report_markdown(),
                journal: entry.folder.journal(),
                head: recorded.head,
            };
            let line = crate::report::plain::last_line(&state, &end);
            let driven =
                opening::listens(&entry.folder).map_or("", |_| " (an engine drives it: cicerone attach)");
            writeln!(out, "{} {}{driven} {}", entry.folder.run().0, word.to_uppercase(), safe(&line))?;
        }
    }
    Ok(exit::of_run(&state))
}

/// `cicerone report`.
pub fn report(
    run: Option<&str>,
    target: &TargetArgs,
    around: &Surrounding,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let dir = opening::state_dir(target, around)?;
    let entry = opening::find(&dir, run)?;
    let end = ending::write_report(&entry.folder)?;
    writeln!(out, "{}", safe(&end.report.to_string_lossy()))?;
    writeln!(out, "{}", safe(&entry.folder.report_json().to_string_lossy()))?;
    Ok(Exit::Verified)
}

/// `cicerone journal verify`.
pub fn verify_journal(
    journal: Option<&str>,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let path = match journal {
        Some(text) if Path::new(text).is_file() => PathBuf::from(text),
        Some(text) if Path::new(text).join("journal.jsonl").is_file() => {
            Path::new(text).join("journal.jsonl")
        }
        other => opening::find(&opening::state_dir(target, around)?, other)?.folder.journal(),
    };
    let found = journal::verify(&path)?;
    let problem =
        found.problem.as_ref().map(|problem| format!("line {}: {}", problem.line, problem.sentence));
    match args.output {
        Output::Json => {
            let answer = serde_json::json!({
                "version": 1, "journal": path, "records": found.records, "head": found.head,
                "problem": problem,
            });
            print_json(out, &answer)?;
        }
        Output::Plain => {
            writeln!(out, "{}", safe(&path.display().to_string()))?;
            writeln!(out, "{} records, head {}", found.records, found.head.0)?;
            match &problem {
                None => writeln!(out, "OK   the chain is whole")?,
                Some(problem) => writeln!(out, "BAD  {}", safe(problem))?,
            }
        }
    }
    Ok(if problem.is_some() { Exit::Findings } else { Exit::Verified })
}

/// `cicerone preflight`: every check, without a run.
pub async fn preflight(
    playbook: &Path,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let Looked { wired, target: seen, settings, plan } = look(playbook, target, args, around).await?;
    let entries = wired.world.registry.read()?.entries;
    let asked = Asked { plan: &plan, target: &seen, settings: &settings, entries: &entries, run: None };
    let checks = run_checks(&wired.world, asked).await;
    preflight::print_checks(&checks, &plan.id, &seen, out, args.output, table::width(around))?;
    wired.tasks.close();
    Ok(match preflight::gate(&checks) {
        Gate::Open => Exit::Verified,
        Gate::Closed => Exit::Stopped,
    })
}
