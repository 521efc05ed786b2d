//! An engine that consoles attend: it drives the run, lets them in, and goes on when they are gone.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::domain::command::{Command, Refusal, Verb};
use crate::domain::event::{Event, EventKind, StepEvent};
use crate::domain::id::{CheckId, Person, StepId};
use crate::domain::playbook::StepKind;
use crate::domain::sample::Samples;
use crate::domain::state::{RunState, StepStatus};
use crate::domain::target::{Environment, Mode};
use crate::engine::{self, EngineEnd, EngineHandle, Opening, Outlets};
use crate::ports::Clock;
use crate::relay::{Door, Facts, FromEngine, GuestId, Hub, Knock, LEASE, Parting};
use crate::store::run_folder::RunFolder;

use super::answer::{Rest, Said};
use super::apart::{self, Birth};
use super::args::{OnDetach, RunArgs, TargetArgs};
use super::drive::Answers;
use super::ending;
use super::error::CliError;
use super::exit::Exit;
use super::hold::{self, Hold};
use super::input::RegistryFiles;
use super::logging;
use super::opening::Opened;
use super::run::{self, Begun};
use super::signal::{Signal, Signals};
use super::surrounding::Surrounding;
use super::window::{self, Window};
use super::wiring::{Reach, wire};

/// A throwaway server is not kept for longer than that when nobody is there.
const REHEARSAL_ALONE: Duration = Duration::from_mins(10);

/// How often it is looked whether anybody is there.
const LOOK: Duration = Duration::from_secs(5);

/// Author of what the engine does because nobody has the run in hand.
const NOBODY: &str = "nobody in control";

/// The engine of a target.
pub async fn on_target(
    playbook: &Path,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<u8, CliError> {
    // What was said wrongly is told before anything is opened.
    window::asked(args, around)?;
    let Begun { reach, registry, opened, notes, .. } = run::begin(playbook, target, args, around)?;
    attend(opened, &reach, target, args, registry, around, notes).await
}

/// Drives a run to its end behind a socket, and returns the exit code.
pub async fn attend(
    opened: Opened,
    reach: &Reach,
    target: &TargetArgs,
    args: &RunArgs,
    registry: RegistryFiles,
    around: &Surrounding,
    notes: Vec<String>,
) -> Result<u8, CliError> {
    let Opened { folder, journal, events, state } = opened;
    let window_end = window::asked(args, around)?;
    let log = logging::start(&folder, around)?;
    let label = format!("cicerone/{}", folder.run().0);
    let settings = state.run.as_ref().map(|run| run.settings.clone()).unwrap_or_default();
    let wired = wire(reach, target, registry, &settings, &label, around)?;
    let mut signals = Signals::install()?;
    let (event_sender, event_reader) = mpsc::unbounded_channel();
    let (sample_sender, sample_reader) = watch::channel(Samples::default());
    let (hub, knocks) = Hub::new();
    for event in &events {
        hub.event(event);
    }
    let socket = folder.make_socket(around.var("XDG_RUNTIME_DIR").map(Into::into))?;
    let facts = Facts {
        build: env!("CARGO_PKG_VERSION").to_owned(),
        run: folder.run().clone(),
        alone: alone_words(args.on_detach).to_owned(),
    };
    let door = Door::open(&socket, facts, hub.clone(), sample_reader).await.map_err(|error| {
        CliError::usage("consoles cannot be let in, so nothing was started").because(&error)
    })?;
    let outlets = Outlets { events: vec![event_sender], samples: sample_sender };
    let opening = Opening { journal: Box::new(journal), state, monitor: Box::new(wired.monitor) };
    let (engine, handle) = engine::open(wired.world, opening, outlets);
    let mut host = Host {
        state: Box::new(engine.state().clone()),
        answers: run::answers(args),
        answered: BTreeSet::new(),
        policy: args.on_detach,
        alone: (reach.environment == Environment::Rehearsal).then_some(REHEARSAL_ALONE),
        awaited: true,
        by: around.person(),
        clock: around.clock.clone(),
        handle,
        hub,
        signal: None,
    };
    let (close, closed) = oneshot::channel::<()>();
    let mut guests = JoinSet::new();
    guests.spawn(door.run(async move {
        // Dropped or sent: both mean the end.
        let _ = closed.await;
    }));
    let mut tasks = JoinSet::new();
    tasks.spawn(engine.run());
    apart::announce(&Birth::Listens { socket, run: folder.run().clone(), notes })?;
    host.set_window(window_end).await;
    let end = host.run(&mut tasks, event_reader, knocks, &mut signals, &folder).await;
    let exit = match &end {
        Some(end) => ending::code(end),
        None => Exit::Bug,
    };
    host.say_goodbye(&folder, end.as_ref(), args.exit_policy.apply(exit));
    // Before the door closes: whoever comes next notes its own.
    folder.forget_socket();
    drop(close);
    while guests.join_next().await.is_some() {}
    wired.tasks.close();
    drop(log);
    Ok(args.exit_policy.apply(exit) as u8)
}

/// What becomes of a run when nobody has it in hand.
fn alone_words(policy: OnDetach) -> &'static str {
    match policy {
        OnDetach::Hold => "running builds finish, then it holds",
        OnDetach::GoOn => "it goes on up to the next step that needs a person",
        OnDetach::Abort => "it ends",
    }
}

struct Host {
    handle: EngineHandle,
    hub: Hub,
    /// The fold, to know what flags are asked and whether anything is at work.
    state: Box<RunState>,
    answers: Answers,
    /// Checks that flags have waived.
    answered: BTreeSet<CheckId>,
    policy: OnDetach,
    /// How long the run goes on when nobody is there; absent for as long as it takes.
    alone: Option<Duration>,
    /// Whether nobody has had the run in hand yet.
    awaited: bool,
    /// Who started the run: flags and signals speak for them.
    by: Person,
    clock: Arc<dyn Clock>,
    signal: Option<Signal>,
}

impl Host {
    async fn run(
        &mut self,
        tasks: &mut JoinSet<EngineEnd>,
        mut events: mpsc::UnboundedReceiver<Event>,
        mut knocks: mpsc::UnboundedReceiver<Knock>,
        signals: &mut Signals,
        folder: &RunFolder,
    ) -> Option<EngineEnd> {
        let mut hold = Hold::of(folder);
        let mut window = Window::of_run();
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = Instant::now();
        let end = loop {
            tokio::select! {
                biased;
                Some(event) = events.recv() => self.pass_on(event).await,
                ended = tasks.join_next() => break ended.and_then(Result::ok),
                Some(knock) = knocks.recv() => self.knocked(knock, folder).await,
                _ = looks.tick() => {
                    if self.hub.is_attended() {
                        seen = Instant::now();
                    } else {
                        self.unattended(seen.elapsed()).await;
                    }
                }
                verb = hold.changed() => {
                    if hold::counts(&verb, &self.state, self.clock.now()) {
                        // Paused at a console already: then that is so.
                        let _ = self.send(hold::author(), verb).await;
                    }
                }
                () = window.tick() => {
                    if window.closes(&self.state, self.clock.now()) {
                        // Paused already: then that is so.
                        let _ = self.send(window::author(), Verb::Pause).await;
                    }
                }
                signal = signals.next() => self.signalled(signal).await,
            }
        };
        while let Ok(event) = events.try_recv() {
            self.hub.event(&event);
        }
        end
    }

    async fn set_window(&self, end: Option<jiff::Timestamp>) {
        if end.is_some() {
            // The same one already: then that is so.
            let _ = self.send(self.by.clone(), Verb::SetWindow { end }).await;
        }
    }

    /// Nobody is there for so long.
    async fn unattended(&mut self, since: Duration) {
        if self.awaited && since > LEASE {
            // The console that began the run never came.
            self.awaited = false;
            self.nobody_left().await;
        }
        if self.alone.is_some_and(|limit| since > limit) {
            self.alone = None;
            let reason = "nobody came back to the rehearsal".to_owned();
            // One that is ending already needs no more.
            let _ = self.send(Person(NOBODY.to_owned()), Verb::Abort { reason }).await;
        }
    }

    /// Tells everybody, and answers what flags were given for.
    async fn pass_on(&mut self, event: Event) {
        self.state.apply(&event);
        self.hub.event(&event);
        if let EventKind::Step(StepEvent::Held { step, .. }) = &event.kind {
            self.answer(step).await;
        }
    }

    async fn answer(&mut self, step: &StepId) {
        let answer = self.answers.to(step, &self.state, &self.answered);
        for Said { flag, verb } in answer.said {
            if let Verb::Waive { check, .. } = &verb {
                self.answered.insert(check.clone());
            }
            self.hub.tell(&FromEngine::Note(format!("{flag} answers {}", step.0)));
            if let Err(refusal) = self.send(self.by.clone(), verb.clone()).await {
                tracing::warn!(%refusal, flag, "an answer was refused");
                self.hub.tell(&FromEngine::Refused { verb, refusal });
            }
        }
        if answer.rest == Rest::NeedsPerson {
            tracing::info!(step = step.0, "a person is needed");
        }
    }

    async fn knocked(&mut self, knock: Knock, folder: &RunFolder) {
        match knock {
            Knock::Command(guest, command) => {
                let verb = command.verb.clone();
                if let Err(refusal) = self.handle.command(command).await {
                    self.hub.answer(guest, &FromEngine::Refused { verb, refusal });
                }
            }
            Knock::Report(guest) => {
                let (hub, folder) = (self.hub.clone(), folder.clone());
                // A report of thousands of records must not hold up the next event.
                tokio::task::spawn_blocking(move || {
                    let answer = match ending::write_report(&folder) {
                        Ok(end) => FromEngine::ReportWritten { path: end.report.display().to_string() },
                        Err(error) => FromEngine::ReportFailed { why: error.what },
                    };
                    hub.answer(guest, &answer);
                });
            }
            Knock::Quit(guest, person) => self.quit(guest, person).await,
            Knock::InHand(person) => {
                self.awaited = false;
                // The same person again, at another console: nothing changes hands.
                let _ = self.send(person, Verb::TakeControl).await;
            }
            Knock::OutOfHand { parting, by, why } => {
                // A run that has ended is in nobody's hands.
                let _ = self.send(by, Verb::LoseControl { why }).await;
                if parting == Parting::Lost {
                    self.nobody_left().await;
                }
            }
        }
    }

    /// Whether anything was done, this process knows best: a console may have been left before it was told.
    async fn quit(&mut self, guest: GuestId, by: Person) {
        let dry = self.state.run.as_ref().is_some_and(|run| run.mode == Mode::DryRun);
        let verb = Verb::Abort { reason: "left before anything was done".to_owned() };
        let answer = if dry || self.state.target.is_none() {
            self.send(by, verb.clone()).await
        } else {
            Err(Refusal::NotReady { what: "the run is under way, and goes on".to_owned() })
        };
        if let Err(refusal) = answer {
            self.hub.answer(guest, &FromEngine::Refused { verb, refusal });
        }
    }

    /// What runs goes on to its end under every policy but one.
    async fn nobody_left(&mut self) {
        let verb = match self.policy {
            OnDetach::Hold if self.goes_on_alone() => Verb::Pause,
            OnDetach::Hold | OnDetach::GoOn => return,
            OnDetach::Abort => Verb::Abort { reason: "nobody has the run in hand".to_owned() },
        };
        if let Err(refusal) = self.send(Person(NOBODY.to_owned()), verb).await {
            tracing::info!(%refusal, "nothing to hold");
        }
    }

    /// Whether builds could start without a person: at a step that builds, or because flags answer the steps before it.
    fn goes_on_alone(&self) -> bool {
        let at = self.state.current_step().map(|step| &step.kind);
        let building = matches!(at, Some(StepKind::BuildIndexes { .. } | StepKind::Verify { .. }));
        let waits = self.state.current_step().and_then(|step| self.state.steps.get(&step.id));
        let held = waits.is_some_and(|record| matches!(record.status, StepStatus::Held { .. }));
        building || !held
    }

    async fn send(&self, by: Person, verb: Verb) -> Result<(), Refusal> {
        self.handle.command(Command { by, verb }).await
    }

    async fn signalled(&mut self, signal: Signal) {
        if self.signal.is_some() {
            self.handle.end_now().await;
        } else {
            let reason = format!("received {}", signal.name());
            // A run that is ending already needs no more.
            let _ = self.send(self.by.clone(), Verb::Abort { reason }).await;
        }
        self.signal = Some(signal);
    }

    fn say_goodbye(&self, folder: &RunFolder, end: Option<&EngineEnd>, exit: Exit) {
        let words = match ending::write_report(folder) {
            Ok(end) => {
                vec![format!("report {}", end.report.display()), "journal.jsonl lies beside it".to_owned()]
            }
            Err(error) => vec![
                format!("no report could be written: {}", error.what),
                format!("journal {}", folder.journal().display()),
            ],
        };
        let after = end.map_or_else(
            || vec!["the engine ended by a panic: see the log".to_owned()],
            |end| ending::last_words(folder, end),
        );
        self.hub.tell(&FromEngine::Ended { words, after, exit: exit as u8 });
        self.hub.close();
    }
}
