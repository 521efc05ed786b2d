//! A run's folder and journal: a new one, or an unfinished one that is taken over.

use std::path::PathBuf;

use crate::domain::command::{Command, Refusal, Verb};
use crate::domain::decide::decide;
use crate::domain::event::{Ending, Event, EventKind, RunEvent};
use crate::domain::id::Seq;
use crate::domain::playbook::Playbook;
use crate::domain::state::RunState;
use crate::domain::target::RunSettings;
use crate::ports::{Ids, Journal};
use crate::store::run_folder::{RunEntry, RunFolder, RunStatus, StateDir};
use crate::store::run_journal::{RunJournal, closes};
use crate::store::target_slug::TargetSlug;

use super::args::TargetArgs;
use super::error::CliError;
use super::exit::Exit;
use super::input::RegistryFiles;
use super::surrounding::Surrounding;
use super::wiring::Reach;

/// A journal that is open for writing, and what it says.
pub struct Opened {
    /// The run's folder.
    pub folder: RunFolder,
    /// The writer.
    pub journal: RunJournal,
    /// Everything in it, oldest first.
    pub events: Vec<Event>,
    /// Their fold.
    pub state: RunState,
}

impl Opened {
    /// Carries a person's command into the journal before the engine starts: through the same gate as later ones.
    pub fn decide(&mut self, verb: Verb, around: &Surrounding) -> Result<Result<(), Refusal>, CliError> {
        let command = Command { by: around.person(), verb };
        match decide(&self.state, &command) {
            Err(refusal) => Ok(Err(refusal)),
            Ok(kind) => {
                let event = append(&mut self.journal, kind, around)?;
                self.state.apply(&event);
                self.events.push(event);
                Ok(Ok(()))
            }
        }
    }
}

/// What a new run is opened with.
pub struct Fresh<'a> {
    /// Where.
    pub reach: &'a Reach,
    /// The registry.
    pub registry: &'a RegistryFiles,
    /// The playbook and its text.
    pub playbook: (Playbook, String),
    /// Settings.
    pub settings: RunSettings,
}

/// The folder of all runs.
pub fn state_dir(args: &TargetArgs, around: &Surrounding) -> Result<StateDir, CliError> {
    Ok(StateDir::open(&state_path(args, around)?)?)
}

/// Its path, whether it is there or not.
pub fn state_path(args: &TargetArgs, around: &Surrounding) -> Result<PathBuf, CliError> {
    match &args.state_dir {
        Some(path) => std::path::absolute(path)
            .map_err(|error| CliError::usage("--state-dir does not name a folder").because(&error)),
        None => around.state_dir(),
    }
}

/// The unfinished run of a target, when there is one: also one that has built and then ended only because nobody was
/// there to answer. Whoever signs or undoes it needs its ledger.
pub fn unfinished(dir: &StateDir, reach: &Reach) -> Result<Option<RunFolder>, CliError> {
    let slug = TargetSlug::new(&reach.kept_as);
    if let Some(folder) = dir.unfinished::<Event>(&slug, closes)? {
        return Ok(Some(folder));
    }
    let newest = dir.runs::<Event>(&slug, closes)?.into_iter().find(|run| run.status != RunStatus::Empty);
    let Some(newest) = newest else { return Ok(None) };
    let state = RunState::replay(&RunJournal::read(&newest.folder.journal())?.events);
    let waits = matches!(state.control.closed, Some((_, Ending::NeedsPerson { .. })));
    Ok((waits && !state.ledger.is_empty()).then_some(newest.folder))
}

/// Opens a new run: folder, copies of what it rests on, and the first record.
pub fn open(dir: &StateDir, fresh: Fresh<'_>, around: &Surrounding) -> Result<Opened, CliError> {
    let registry = fresh.registry.load()?;
    let slug = TargetSlug::new(&fresh.reach.kept_as);
    let mut tries = 0;
    let folder = loop {
        match dir.create_run(&slug, &around.ids.run()) {
            Ok(folder) => break folder,
            Err(error) if tries >= 3 => return Err(error.into()),
            Err(_) => tries += 1,
        }
    };
    for source in fresh.registry.sources()? {
        folder.keep_input(source.text.as_bytes())?;
    }
    folder.keep_input(fresh.playbook.1.as_bytes())?;
    let mut journal = RunJournal::create(&folder.journal())?;
    let opened = EventKind::Run(RunEvent::Opened {
        run: folder.run().clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        operator: around.operator(),
        mode: fresh.reach.mode,
        environment: fresh.reach.environment.clone(),
        playbook: fresh.playbook.0,
        settings: fresh.settings,
        registry_path: fresh.registry.label(),
        registry: registry.digest,
    });
    let event = append(&mut journal, opened, around)?;
    let state = RunState::replay([&event]);
    Ok(Opened { folder, journal, events: vec![event], state })
}

/// What a run would be if this process took it over; nothing is written.
pub fn as_if_taken_over(folder: &RunFolder, around: &Surrounding) -> Result<RunState, CliError> {
    let recorded = RunJournal::read(&folder.journal())?;
    let mut state = RunState::replay(&recorded.events);
    let kind = taken_over(around, 0);
    let seq = state.last.map_or(Seq(1), |(seq, _)| Seq(seq.0 + 1));
    state.apply(&Event { seq, at: around.now(), kind });
    Ok(state)
}

fn taken_over(around: &Surrounding, torn: u64) -> EventKind {
    EventKind::Run(RunEvent::TakenOver {
        operator: around.operator(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        torn,
    })
}

/// Takes a run over: its writer is gone, or it was closed and is to go on.
pub fn take_over(folder: RunFolder, around: &Surrounding) -> Result<Opened, CliError> {
    let resumed = RunJournal::open(&folder.journal())?;
    let mut journal = resumed.writer.map_err(|reason| {
        CliError::usage("the journal was written by another version of this program")
            .cause(format!("{reason:?}"))
            .hint("take the run over with the version that wrote it; reading it works with this one")
            .with_exit(Exit::Journal)
    })?;
    let mut events = resumed.events;
    let mut state = RunState::replay(&events);
    if state.run.is_none() {
        return Err(CliError::usage(format!("run {} has an empty journal", folder.run().0))
            .hint("nothing was ever done in it: begin a new one with --new-run")
            .with_exit(Exit::Journal));
    }
    let torn = resumed.torn.map_or(0, |torn| torn.length);
    let event = append(&mut journal, taken_over(around, torn), around)?;
    state.apply(&event);
    events.push(event);
    Ok(Opened { folder, journal, events, state })
}

fn append(journal: &mut RunJournal, kind: EventKind, around: &Surrounding) -> Result<Event, CliError> {
    journal.append(around.now(), kind).map_err(|error| {
        CliError::usage("the journal cannot be written, so nothing was started")
            .because(&error)
            .with_exit(Exit::Journal)
    })
}

/// Every run of every target that ever recorded anything, newest first.
pub fn all(dir: &StateDir) -> Result<Vec<RunEntry>, CliError> {
    let mut all: Vec<RunEntry> = Vec::new();
    for slug in dir.targets()? {
        all.extend(dir.runs::<Event>(&slug, closes)?);
    }
    all.retain(|entry| entry.status != RunStatus::Empty);
    all.sort_by(|a, b| b.folder.run().cmp(a.folder.run()));
    Ok(all)
}

/// Where a run's engine listens, when it does.
pub fn listens(folder: &RunFolder) -> Option<PathBuf> {
    let socket = folder.socket()?;
    std::os::unix::net::UnixStream::connect(&socket).is_ok().then_some(socket)
}

/// The newest run that an engine drives.
pub fn attended(dir: &StateDir) -> Result<Option<RunFolder>, CliError> {
    Ok(all(dir)?.into_iter().map(|entry| entry.folder).find(|folder| listens(folder).is_some()))
}

/// The run of this target that an engine drives, and where it listens.
pub fn attended_of(dir: &StateDir, reach: &Reach) -> Result<Option<(RunFolder, PathBuf)>, CliError> {
    let runs = dir.runs::<Event>(&TargetSlug::new(&reach.kept_as), closes)?;
    Ok(runs.into_iter().find_map(|entry| Some((entry.folder.clone(), listens(&entry.folder)?))))
}

/// A run by id or folder, or the newest of all targets.
pub fn find(dir: &StateDir, wanted: Option<&str>) -> Result<RunEntry, CliError> {
    let named = |entry: &RunEntry, wanted: &str| {
        let path = std::path::Path::new(wanted);
        entry.folder.run().as_str() == wanted || entry.folder.path() == path || entry.folder.journal() == path
    };
    let found = all(dir)?.into_iter().find(|entry| wanted.is_none_or(|wanted| named(entry, wanted)));
    found.ok_or_else(|| {
        let what =
            wanted.map_or_else(|| "there is no run yet".to_owned(), |id| format!("there is no run {id}"));
        CliError::usage(what).hint(format!(
            "`cicerone runs` lists those in {}; --state-dir names another place",
            dir.path().display()
        ))
    })
}
