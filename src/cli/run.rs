//! `cicerone run`, `cicerone rollback`: an engine without a screen.

use std::collections::BTreeMap;
use std::path::Path;

use tokio::sync::{mpsc, watch};

use crate::domain::blocker::Blocker;
use crate::domain::command::{Command, Refusal, Verb};
use crate::domain::decide::decide;
use crate::domain::event::Ending;
use crate::domain::id::{EntryKey, Oid, PlanId};
use crate::domain::plan::{Plan, StaleReason};
use crate::domain::sample::Samples;
use crate::domain::state::RunState;
use crate::engine::{self, Opening, Outlets};
use crate::pg::PgMonitor;
use crate::ports::Monitor;
use crate::report::jsonl::{self, JsonLinesReporter};
use crate::report::plain::{self, PlainReporter};
use crate::report::{DropHolders, Reporter};
use crate::store::run_folder::{RunFolder, StateDir};

use super::args::{Output, RunArgs, TargetArgs};
use super::drive::{AfterRollback, Answers, Driven, Lines, Outside, drive};
use super::ending;
use super::error::CliError;
use super::exit::{Exit, SIGNAL_BASE};
use super::hold::Hold;
use super::input::{self, RegistryFiles};
use super::logging;
use super::opening::{self, Fresh, Opened};
use super::signal::Signals;
use super::stream::say;
use super::surrounding::Surrounding;
use super::window;
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
    /// End of the window that was asked for.
    pub window_end: Option<jiff::Timestamp>,
}

/// `cicerone run PLAYBOOK`.
pub async fn run(
    playbook: &Path,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<u8, CliError> {
    let window_end = window::asked(args, around)?;
    let Begun { reach, registry, dir, opened, notes } = begin(playbook, target, args, around)?;
    for note in &notes {
        say(note);
    }
    let answers = answers(args);
    let headless = Headless { reach: &reach, target, registry, output: args.output, answers, window_end };
    let (exit, driven) = follow(opened, headless, around).await?;
    explain_other_plan(&dir, &driven.end.state);
    Ok(signal_or(&driven, args.exit_policy.apply(exit)))
}

/// A run of a target that is open and not under way.
pub struct Begun {
    /// Where.
    pub reach: Reach,
    /// The registry.
    pub registry: RegistryFiles,
    /// The folder of all runs.
    pub dir: StateDir,
    /// The run.
    pub opened: Opened,
    /// What a person should know of how it was opened, a line each.
    pub notes: Vec<String>,
}

/// Opens a target's run, or takes the unfinished one over.
pub fn begin(
    playbook: &Path,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<Begun, CliError> {
    let reach = Reach::resolve(target, args, around)?;
    let registry = RegistryFiles::Paths(target.registry.clone());
    let loaded = input::playbook(playbook)?;
    let settings = wiring::settings(target, args, &reach, &loaded.0);
    let dir = opening::state_dir(target, around)?;
    let fresh = Fresh { reach: &reach, registry: &registry, playbook: loaded, settings };
    let (opened, notes) = open_or_take_over(&dir, fresh, args, around)?;
    Ok(Begun { reach, registry, dir, opened, notes })
}

/// What flags answer.
pub fn answers(args: &RunArgs) -> Answers {
    let reason = args.reason.clone().unwrap_or_default();
    Answers {
        go: args.go,
        waivers: args.waivers.clone(),
        sign_off: args.sign_off.clone().map(|name| (name, reason)),
        after_rollback: AfterRollback::GoOn,
    }
}

/// A signal's own code wins over the run's: a pipeline must see that it was cut.
pub fn signal_or(driven: &Driven, exit: Exit) -> u8 {
    match driven.signal {
        Some(signal) if exit != Exit::Journal => SIGNAL_BASE + signal.number(),
        Some(_) | None => exit as u8,
    }
}

/// Takes the target's unfinished run over, or opens a new one; with what a person should know of it.
fn open_or_take_over(
    dir: &StateDir,
    fresh: Fresh<'_>,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<(Opened, Vec<String>), CliError> {
    match opening::unfinished(dir, fresh.reach)? {
        Some(folder) if !args.new_run => {
            let state = opening::as_if_taken_over(&folder, around)?;
            check_same(&state, &folder, fresh.reach, args)?;
            let note =
                format!("Taking run {} over: its own playbook and settings stand", folder.run().as_str());
            Ok((opening::take_over(folder, around)?, vec![note]))
        }
        Some(_) | None => Ok((opening::open(dir, fresh, around)?, Vec::new())),
    }
}

/// What was asked for must be what the unfinished run is.
pub fn check_same(
    state: &RunState,
    folder: &RunFolder,
    reach: &Reach,
    args: &RunArgs,
) -> Result<(), CliError> {
    // An empty journal is told of when it is opened.
    let Some(run) = &state.run else { return Ok(()) };
    let differs = |how: &str| {
        Err(CliError::usage(format!("run {} is unfinished and {how}", folder.run().as_str()))
            .hint("finish it as it was begun, or begin a new one with --new-run"))
    };
    if run.mode != reach.mode {
        return differs("was opened in another mode");
    }
    let asked = args.plan_id.clone().map(PlanId);
    if asked.is_some() && asked != run.settings.only_plan {
        return differs("was not begun with that --plan-id");
    }
    Ok(())
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
    let mut wired = wire(headless.reach, headless.target, headless.registry, &settings, &label, around)?;
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
    if headless.answers.after_rollback == AfterRollback::End {
        let holders = drop_holders(&mut wired.monitor, &state, around).await;
        // Nor does a reader that is gone change what is done.
        let _ = reporter.drop_holders(&holders);
    }
    let (event_sender, event_reader) = mpsc::unbounded_channel();
    let (sample_sender, sample_reader) = watch::channel(Samples::default());
    let outlets = Outlets { events: vec![event_sender], samples: sample_sender };
    let opening = Opening { journal: Box::new(journal), state, monitor: Box::new(wired.monitor) };
    let (engine, handle) = engine::open(wired.world, opening, outlets);
    let lines = Lines { events: event_reader, samples: sample_reader };
    let outside = Outside {
        signals: &mut signals,
        hold: Hold::of(&folder),
        window_end: headless.window_end,
        clock: around.clock.clone(),
    };
    let driven = drive(engine, handle, lines, headless.answers, around.person(), reporter.as_mut(), outside)
        .await
        .ok_or_else(|| CliError::usage("the engine ended by a panic: see the log").with_exit(Exit::Bug))?;
    let exit = finish(&folder, reporter.as_mut(), &driven);
    wired.tasks.close();
    drop(log);
    Ok((exit, driven))
}

/// Who would hold up the drops of a rollback that is about to begin. What cannot be read is said and holds nothing up.
async fn drop_holders(monitor: &mut PgMonitor, state: &RunState, around: &Surrounding) -> DropHolders {
    let wanted = state.control.rollback.as_ref().map(|rollback| rollback.entries.clone()).unwrap_or_default();
    let tables: BTreeMap<EntryKey, Oid> =
        wanted.into_iter().filter_map(|key| state.table_of(&key).map(|table| (key, table))).collect();
    let mut distinct: Vec<Oid> = tables.values().copied().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let read = monitor.drop_holders(&distinct).await;
    let of = |holders: &[(Oid, Vec<Blocker>)], table: Oid| {
        holders.iter().find(|(oid, _)| *oid == table).map(|(_, list)| list.clone()).unwrap_or_default()
    };
    let found = match read {
        Ok(holders) => Ok(tables.into_iter().map(|(key, table)| (key, of(&holders, table))).collect()),
        Err(failure) => Err(failure.message),
    };
    DropHolders { at: around.now(), found }
}

fn finish(folder: &RunFolder, reporter: &mut dyn Reporter, driven: &Driven) -> Exit {
    let end = match ending::write_report(folder) {
        Ok(end) => end,
        Err(error) => {
            say(&error.to_string());
            ending::without_report(folder, &driven.end.head)
        }
    };
    if let Some(sealed) = &driven.end.sealed {
        say(&format!("Error: {sealed}; nothing more was started"));
    }
    if let Some(refused) = &driven.refused {
        say(&format!("Refused: {refused}"));
    }
    for line in ending::left_running(&driven.end) {
        say(&line);
    }
    if driven.end.state.control.target_changed.is_some() {
        say("Hint: this run goes on only where it was begun; --new-run begins another one here");
    }
    // A closed pipe must not turn a finished run into an error.
    let _ = reporter.end(&end);
    ending::code(&driven.end)
}

/// Says what has changed since the plan that the run was bound to, when that ended it.
fn explain_other_plan(dir: &StateDir, state: &RunState) {
    let wanted = state.run.as_ref().and_then(|run| run.settings.only_plan.as_ref());
    let (Some(wanted), Some(plan)) = (wanted, &state.plan) else { return };
    let stopped = matches!(state.control.closed, Some((_, Ending::StoppedAt { .. })));
    if !stopped || plan.id == *wanted || !state.ledger.is_empty() {
        return;
    }
    say(&format!("Refused: the plan is now {}, not {}", plan.id.as_str(), wanted.as_str()));
    let known = dir.kept_plan(wanted).and_then(|bytes| serde_json::from_slice::<Plan>(&bytes).ok());
    match known {
        Some(known) => {
            let now = state.last.map_or(plan.made_at, |(_, at)| at);
            for line in known.stale(plan, now).iter().flat_map(StaleReason::lines) {
                say(&format!("  {line}"));
            }
        }
        None => say("  that plan is not kept here, so no difference can be shown"),
    }
    say("Hint: look at the new plan with `cicerone plan`, then name its id");
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
    if args.dry_run {
        return Err(CliError::usage("a rollback has no dry run")
            .hint("`cicerone report` writes down what the run made and may drop"));
    }
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
    let entries: Vec<EntryKey> = entries.iter().map(|key| EntryKey(key.clone())).collect();
    let roll = Verb::Roll { entries, reason };
    let state = opening::as_if_taken_over(&entry.folder, around)?;
    // One that was cut short goes on.
    let goes_on = state.control.rollback.as_ref().is_some_and(|rollback| rollback.finished.is_none());
    if !goes_on && let Err(refusal) = decide(&state, &Command { by: around.person(), verb: roll.clone() }) {
        return refused(&refusal, &entry.folder);
    }
    let mut opened = opening::take_over(entry.folder, around)?;
    // Nothing new is built beside it.
    for verb in std::iter::once(Verb::Pause).chain((!goes_on).then_some(roll)) {
        if let Err(refusal) = opened.decide(verb, around)? {
            return refused(&refusal, &opened.folder);
        }
    }
    let registry = match &opened.state.run {
        Some(run) if run.registry_path == RegistryFiles::Sample.label() => RegistryFiles::Sample,
        Some(_) | None => RegistryFiles::Paths(target.registry.clone()),
    };
    let answers = Answers { after_rollback: AfterRollback::End, ..Answers::default() };
    // A way back is open at any time.
    let window_end = None;
    let headless = Headless { reach: &reach, target, registry, output: args.output, answers, window_end };
    let (_, driven) = follow(opened, headless, around).await?;
    Ok(signal_or(&driven, args.exit_policy.apply(ending::rollback_code(&driven.end))))
}

/// Nothing was sent: the run is as it was.
fn refused(refusal: &Refusal, folder: &RunFolder) -> Result<u8, CliError> {
    if let Refusal::Already { what } = refusal {
        say(&format!("Nothing to roll back: {what}"));
        return Ok(Exit::Verified as u8);
    }
    Err(CliError::usage(format!("run {} is not rolled back", folder.run().as_str()))
        .cause(refusal.to_string())
        .hint("`cicerone report` writes down what the run made and may drop"))
}

fn newest_of(dir: &StateDir, reach: &Reach) -> Result<crate::store::run_folder::RunEntry, CliError> {
    let slug = crate::store::target_slug::TargetSlug::new(&reach.kept_as);
    dir.runs::<crate::domain::event::Event>(&slug, crate::store::run_journal::closes)?
        .into_iter()
        .next()
        .ok_or_else(|| CliError::usage(format!("there is no run on {}", reach.title)))
}
