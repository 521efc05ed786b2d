//! `cicerone run`, `cicerone rollback`: an engine without a screen.

use std::io::Write;
use std::path::Path;

use tokio::sync::{mpsc, watch};

use crate::domain::id::{EntryKey, PlanId};
use crate::domain::plan::Plan;
use crate::domain::sample::Samples;
use crate::engine::{self, Opening, Outlets};
use crate::report::Reporter;
use crate::report::jsonl::{self, JsonLinesReporter};
use crate::report::plain::{self, PlainReporter};
use crate::store::run_folder::StateDir;

use super::args::{Output, RunArgs, TargetArgs};
use super::drive::{Answers, Driven, Lines, drive};
use super::ending;
use super::error::CliError;
use super::exit::{Exit, SIGNAL_BASE};
use super::input::{self, RegistryFiles};
use super::logging;
use super::opening::{self, Fresh, Opened};
use super::signal::Signals;
use super::surrounding::Surrounding;
use super::wiring::{self, Reach, wire};

/// What a headless run rests on.
pub struct Headless<'a> {
    /// Where.
    pub reach: &'a Reach,
    /// Target arguments, for probes.
    pub target: &'a TargetArgs,
    /// The registry.
    pub registry: RegistryFiles,
    /// How to print.
    pub output: Output,
    /// What flags answer.
    pub answers: Answers,
}

/// `cicerone run PLAYBOOK`.
pub async fn run(
    playbook: &Path,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<u8, CliError> {
    let reach = Reach::resolve(target, args, around)?;
    let registry = RegistryFiles::Paths(target.registry.clone());
    let loaded = input::playbook(playbook)?;
    let settings = wiring::settings(target, args, &reach, Some(&loaded.0))?;
    let dir = opening::state_dir(target, around)?;
    let answers = answers(args)?;
    let opened = open_or_take_over(
        &dir,
        Fresh { reach: &reach, registry: &registry, playbook: loaded, settings },
        args,
        around,
    )?;
    let headless = Headless { reach: &reach, target, registry, output: args.output, answers };
    let (exit, driven) = follow(opened, headless, around).await?;
    if let Some(other) = &driven.other_plan {
        explain_other_plan(&dir, args, other, &driven)?;
        return Ok(args.exit_policy.apply(Exit::Stopped) as u8);
    }
    Ok(signal_or(&driven, args.exit_policy.apply(exit)))
}

/// What flags answer.
pub fn answers(args: &RunArgs) -> Result<Answers, CliError> {
    let reason = args.reason.clone().unwrap_or_default();
    Ok(Answers {
        go: args.go,
        waivers: wiring::waivers(args)?,
        sign_off: args.sign_off.clone().map(|name| (name, reason)),
        plan_id: args.plan_id.clone().map(PlanId),
        rollback: None,
    })
}

/// A signal's own code wins over the run's: a pipeline must see that it was cut.
pub fn signal_or(driven: &Driven, exit: Exit) -> u8 {
    match driven.signal {
        Some(signal) if exit != Exit::Journal => SIGNAL_BASE + signal.number(),
        Some(_) | None => exit as u8,
    }
}

/// Takes the target's unfinished run over, or opens a new one.
pub fn open_or_take_over(
    dir: &StateDir,
    fresh: Fresh<'_>,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<Opened, CliError> {
    match opening::unfinished(dir, fresh.reach)? {
        Some(folder) if !args.new_run => {
            let opened = opening::take_over(folder, around)?;
            let mode = opened.state.run.as_ref().map(|run| run.mode);
            if mode.is_some_and(|mode| mode != fresh.reach.mode) {
                return Err(CliError::usage(format!(
                    "run {} is unfinished and was opened in another mode",
                    opened.folder.run().0
                ))
                .hint("finish it in its own mode, or begin a new one with --new-run"));
            }
            Ok(opened)
        }
        Some(_) | None => opening::open(dir, fresh, around),
    }
}

/// Runs an opened run to its end, prints it, writes its report.
pub async fn follow(
    opened: Opened,
    headless: Headless<'_>,
    around: &Surrounding,
) -> Result<(Exit, Driven), CliError> {
    let Opened { folder, journal, events, state } = opened;
    let log = logging::start(&folder, around)?;
    let label = format!("cicerone/{}", folder.run().0);
    let settings = state.run.as_ref().map(|run| run.settings.clone()).unwrap_or_default();
    let wired = wire(headless.reach, headless.target, headless.registry, &settings, &label, around)?;
    let mut signals = Signals::install()?;
    let stdout = std::io::stdout();
    let mut reporter: Box<dyn Reporter> = match headless.output {
        Output::Plain => Box::new(PlainReporter::new(stdout, plain::PACE)),
        Output::Json => Box::new(JsonLinesReporter::new(stdout, jsonl::PACE)?),
    };
    reporter.catch_up(&events[..events.len().saturating_sub(1)]);
    if let Some(last) = events.last() {
        // A reader that is gone already is noticed again at the next event.
        let _ = reporter.event(last);
    }
    let (event_sender, event_reader) = mpsc::unbounded_channel();
    let (sample_sender, sample_reader) = watch::channel(Samples::default());
    let outlets = Outlets { events: vec![event_sender], samples: sample_sender };
    let opening = Opening { journal: Box::new(journal), state, monitor: Box::new(wired.monitor) };
    let (engine, handle) = engine::open(wired.world, opening, outlets);
    let lines = Lines { events: event_reader, samples: sample_reader };
    let driven =
        drive(engine, handle, lines, headless.answers, around.person(), reporter.as_mut(), &mut signals)
            .await
            .ok_or_else(|| {
                CliError::usage("the engine ended by a panic: see the log").with_exit(Exit::Bug)
            })?;
    let exit = finish(&folder, reporter.as_mut(), &driven)?;
    wired.tasks.close();
    drop(log);
    Ok((exit, driven))
}

fn finish(
    folder: &crate::store::run_folder::RunFolder,
    reporter: &mut dyn Reporter,
    driven: &Driven,
) -> Result<Exit, CliError> {
    let mut stderr = std::io::stderr();
    let end = match ending::write_report(folder) {
        Ok(end) => end,
        Err(error) => {
            write!(stderr, "{error}")?;
            ending::without_report(folder, &driven.end.head)
        }
    };
    if let Some(sealed) = &driven.end.sealed {
        writeln!(stderr, "Error: {sealed}; nothing more was started")?;
    }
    if let Some(refused) = &driven.refused {
        writeln!(stderr, "Refused: {}", crate::text::Untrusted::from(refused.as_str()).display_safe(None))?;
    }
    for line in ending::left_running(&driven.end) {
        writeln!(stderr, "{}", crate::text::Untrusted::from(line).display_safe(None))?;
    }
    // A closed pipe must not turn a finished run into an error.
    let _ = reporter.end(&end);
    Ok(ending::code(&driven.end))
}

fn explain_other_plan(
    dir: &StateDir,
    args: &RunArgs,
    other: &PlanId,
    driven: &Driven,
) -> Result<(), CliError> {
    let wanted = args.plan_id.clone().unwrap_or_default();
    let mut stderr = std::io::stderr();
    writeln!(stderr, "Refused: the plan is now {}, not {wanted}", other.0)?;
    let known = std::fs::read(super::inspect::plan_path(dir, &PlanId(wanted))).ok();
    let known: Option<Plan> = known.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match (known, &driven.end.state.plan) {
        (Some(known), Some(fresh)) => {
            let now = driven.end.state.last.map_or(fresh.made_at, |(_, at)| at);
            for line in known.stale(fresh, now).iter().flat_map(crate::domain::plan::StaleReason::lines) {
                writeln!(stderr, "  {}", crate::text::Untrusted::from(line).display_safe(None))?;
            }
        }
        _ => writeln!(stderr, "  that plan is not kept here, so no difference can be shown")?,
    }
    writeln!(stderr, "Hint: look at it with `cicerone plan`, then name the new id")?;
    Ok(())
}

/// `cicerone rollback`: drops exactly what a run made.
pub async fn rollback(
    run: Option<&str>,
    entries: &[String],
    confirm: &str,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<u8, CliError> {
    let reach = Reach::resolve(target, args, around)?;
    if confirm != reach.info.database {
        return Err(CliError::usage(format!(
            "--confirm {confirm} is not the database that would be changed ({})",
            reach.title
        ))
        .hint("type the database's name, to show that you know where you are"));
    }
    let reason = args.reason.clone().ok_or_else(|| {
        CliError::usage("a rollback needs a reason").hint("--reason 'why, in ten letters or more'")
    })?;
    let dir = opening::state_dir(target, around)?;
    let entry = match run {
        Some(run) => opening::find(&dir, Some(run))?,
        None => newest_of(&dir, &reach)?,
    };
    let opened = opening::take_over(entry.folder, around)?;
    let registry = match &opened.state.run {
        Some(run) if run.registry_path == RegistryFiles::Sample.label() => RegistryFiles::Sample,
        Some(_) | None => RegistryFiles::Paths(target.registry.clone()),
    };
    let answers = Answers {
        rollback: Some((entries.iter().map(|key| EntryKey(key.clone())).collect(), reason)),
        ..Answers::default()
    };
    let headless = Headless { reach: &reach, target, registry, output: args.output, answers };
    let (exit, driven) = follow(opened, headless, around).await?;
    let exit = if driven.refused.is_some() { Exit::Aborted } else { exit };
    Ok(signal_or(&driven, args.exit_policy.apply(exit)))
}

fn newest_of(dir: &StateDir, reach: &Reach) -> Result<crate::store::run_folder::RunEntry, CliError> {
    let slug = crate::store::target_slug::TargetSlug::new(&reach.kept_as);
    dir.runs::<crate::domain::event::Event>(&slug, crate::store::run_journal::closes)?
        .into_iter()
        .next()
        .ok_or_else(|| CliError::usage(format!("there is no run on {}", reach.title)))
}
