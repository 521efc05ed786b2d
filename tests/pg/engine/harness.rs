//! A run of the real engine on a test's own database: opened, driven without a screen, and read from outside.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use cicerone::domain::command::{Command, Refusal, Verb};
use cicerone::domain::diagnostic::{Source, render};
use cicerone::domain::event::{BuildEvent, Ending, Event, EventKind, RunEvent, StepEvent};
use cicerone::domain::failure::Failure;
use cicerone::domain::id::{Digest, EntryKey, Person, RunId, StepId};
use cicerone::domain::playbook::{self, StepKind};
use cicerone::domain::registry::{self, Registry};
use cicerone::domain::sample::Samples;
use cicerone::domain::state::{BuildRecord, BuildStatus, RunState};
use cicerone::domain::target::{Environment, Mode, Operator, RunSettings};
use cicerone::domain::unit::Millis;
use cicerone::engine::{self, EngineEnd, EngineHandle, Hands, Opening, Outlets, World};
use cicerone::host::{HostProbes, RandomIds, ServerPlace, SystemClock};
use cicerone::pg::connect::Access;
use cicerone::pg::{Link, LinkOptions, PgBackends, PgCatalog, PgExplainer, PgMonitor, PgSurvey, PgWorkshop};
use cicerone::ports::{Clock, Ids, Journal, RegistrySource};
use cicerone::sql::parse_create_index;
use cicerone::store::run_journal::RunJournal;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::adapter::connector;
use crate::support::cluster::{Database, scratch};

/// Longest time that anything of these small runs may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// Build and read again, nothing else: what most tests are about.
pub(crate) const BUILD_ONLY: &str = r#"
version = 1
name = "build"
title = "Build"

[[phase]]
name = "build"
title = "Build"

[[phase.step]]
name = "indexes"
title = "Build"
kind = "build_indexes"
on_failure = "ask"

[[phase]]
name = "verify"
title = "Verify"

[[phase.step]]
name = "verify"
title = "Verify"
kind = "verify"
on_failure = "stop"
"#;

/// What a run is made of.
pub(crate) struct Scenario {
    conninfo: String,
    registry: String,
    playbook: &'static str,
    settings: RunSettings,
}

/// A registry file of these statements, in the domain `test`.
pub(crate) fn registry(statements: &[&str]) -> String {
    let mut text = "version = 1\n".to_owned();
    for sql in statements {
        let shape = parse_create_index(sql).unwrap_or_else(|problem| panic!("{sql}: {problem:?}"));
        let name = shape.name.unwrap();
        let table = match shape.table.schema {
            Some(schema) => format!("{schema}.{}", shape.table.name),
            None => shape.table.name,
        };
        writeln!(text, "[[index]]\nname = '{name}'\ndomain = 'test'\ntable = '{table}'\nsql = '''{sql}'''")
            .unwrap();
    }
    text
}

/// Settings of a test: little patience where there is nothing to wait for, one attempt unless it says otherwise.
pub(crate) fn settings() -> RunSettings {
    RunSettings { jobs: 2, attempts: 1, ..RunSettings::default() }
}

impl Scenario {
    pub(crate) fn new(database: &Database, statements: &[&str]) -> Self {
        Self {
            conninfo: database.conninfo(),
            registry: registry(statements),
            playbook: BUILD_ONLY,
            settings: settings(),
        }
    }

    pub(crate) fn registry(mut self, text: &str) -> Self {
        text.clone_into(&mut self.registry);
        self
    }

    pub(crate) fn playbook(mut self, text: &'static str) -> Self {
        self.playbook = text;
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut RunSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Another way to the same database.
    pub(crate) fn through(mut self, conninfo: String) -> Self {
        self.conninfo = conninfo;
        self
    }

    pub(crate) fn start(self) -> Run {
        Run::open(self, tempfile::tempdir_in(scratch()).unwrap())
    }

    /// Runs to the end, going on at every step that waits for a person.
    pub(crate) async fn run(self) -> Finished {
        self.start().finish().await
    }
}

/// The registry's text, read anew for every plan as from a file.
struct Text(String);

impl Text {
    fn load(&self) -> Registry {
        let sources = [Source { path: "registry.toml".to_owned(), text: self.0.clone() }];
        registry::load(&sources).unwrap_or_else(|problems| panic!("{}", render(&problems, &sources)))
    }
}

impl RegistrySource for Text {
    fn read(&self) -> Result<Registry, Failure> {
        Ok(self.load())
    }
}

/// A running engine.
pub(crate) struct Run {
    /// The fold of what was published so far.
    pub(crate) state: RunState,
    /// What was published so far.
    pub(crate) events: Vec<Event>,
    handle: EngineHandle,
    incoming: mpsc::UnboundedReceiver<Event>,
    unanswered: VecDeque<StepId>,
    samples: watch::Receiver<Samples>,
    engine: JoinHandle<EngineEnd>,
    folder: TempDir,
    conninfo: String,
    registry: String,
}

/// A run that ended.
pub(crate) struct Finished {
    pub(crate) state: RunState,
    pub(crate) events: Vec<Event>,
    pub(crate) end: EngineEnd,
    folder: TempDir,
    conninfo: String,
    registry: String,
}

impl Run {
    fn open(scenario: Scenario, folder: TempDir) -> Self {
        let clock = Arc::new(SystemClock::start());
        let ids = Arc::new(RandomIds::from_system(clock.clone()));
        let id = ids.run();
        let source = Source { path: "playbook.toml".to_owned(), text: scenario.playbook.to_owned() };
        let playbook = playbook::load(&source)
            .unwrap_or_else(|problems| panic!("{}", render(&problems, std::slice::from_ref(&source))));
        let opened = EventKind::Run(RunEvent::Opened {
            run: id,
            version: "test".to_owned(),
            operator: operator(),
            mode: Mode::Live,
            environment: Environment::Dev,
            playbook,
            settings: scenario.settings.clone(),
            registry_path: "registry.toml".to_owned(),
            registry: Digest::of(scenario.registry.as_bytes()),
        });
        let mut journal = RunJournal::create(&folder.path().join("journal.jsonl")).unwrap();
        let event = journal.append(clock.now(), opened).unwrap();
        Self::go(journal, vec![event], clock, folder, scenario.conninfo, scenario.registry)
    }

    fn go(
        journal: RunJournal,
        events: Vec<Event>,
        clock: Arc<SystemClock>,
        folder: TempDir,
        conninfo: String,
        registry: String,
    ) -> Self {
        let state = RunState::replay(&events);
        let run = state.run.clone().unwrap();
        let (world, monitor) = wire(&conninfo, &registry, &run.run, &run.settings, clock);
        let (sender, incoming) = mpsc::unbounded_channel();
        let (sample_sender, samples) = watch::channel(Samples::default());
        let outlets = Outlets { events: vec![sender], samples: sample_sender };
        let opening = Opening { journal: Box::new(journal), state: state.clone(), monitor };
        let (engine, handle) = engine::open(world, opening, outlets);
        #[expect(clippy::disallowed_methods, reason = "joined by `finish`")]
        let engine = tokio::spawn(engine.run());
        Self {
            state,
            events,
            handle,
            incoming,
            unanswered: VecDeque::new(),
            samples,
            engine,
            folder,
            conninfo,
            registry,
        }
    }

    /// Whether the engine has come to its end, events that nobody took in yet apart.
    pub(crate) fn is_over(&self) -> bool {
        self.engine.is_finished()
    }

    /// The newest samples.
    pub(crate) fn samples(&self) -> Samples {
        self.samples.borrow().clone()
    }

    /// The samples as they come.
    pub(crate) fn watch(&self) -> watch::Receiver<Samples> {
        self.samples.clone()
    }

    pub(crate) async fn command(&self, verb: Verb) -> Result<(), Refusal> {
        self.handle.command(Command { by: Person::from("tester"), verb }).await
    }

    pub(crate) fn record(&self, index: &str) -> &BuildRecord {
        record(&self.state, index)
    }

    /// Takes events in until one of them fits; fails the test when none comes in time or the run ends.
    pub(crate) async fn until(&mut self, what: &str, fits: impl Fn(&EventKind) -> bool) {
        let Ok(found) = tokio::time::timeout(LIMIT, async {
            loop {
                match self.next().await {
                    Some(event) if fits(&event.kind) => return true,
                    Some(_) => {}
                    None => return false,
                }
            }
        })
        .await
        else {
            panic!("still waiting until {what}\n{}", story(&self.events));
        };
        assert!(found, "the run ended before {what}\n{}", story(&self.events));
    }

    /// Until the run has seen the index that it builds: what dies before that is not surely its own.
    pub(crate) async fn until_seen(&mut self) {
        self.until("the index is seen", |event| {
            matches!(event, EventKind::Build(BuildEvent::Located { .. }))
        })
        .await;
    }

    /// Takes events in until the state is so.
    pub(crate) async fn until_state(&mut self, what: &str, is_so: impl Fn(&RunState) -> bool) {
        let wait = async {
            while !is_so(&self.state) {
                if self.next().await.is_none() {
                    return false;
                }
            }
            true
        };
        let Ok(found) = tokio::time::timeout(LIMIT, wait).await else {
            panic!("still waiting until {what}\n{}", story(&self.events));
        };
        assert!(found, "the run ended before {what}\n{}", story(&self.events));
    }

    async fn next(&mut self) -> Option<Event> {
        let event = self.incoming.recv().await?;
        self.state.apply(&event);
        self.events.push(event.clone());
        if let EventKind::Step(StepEvent::Held { step, .. }) = &event.kind {
            self.unanswered.push_back(step.clone());
        }
        Some(event)
    }

    /// Goes on at every step that waits for a person, to the end of the run.
    pub(crate) async fn finish(mut self) -> Finished {
        let wait = async {
            loop {
                // What is refused now, as builds go on, is asked again after the next event.
                for step in std::mem::take(&mut self.unanswered) {
                    if matches!(self.answer(&step).await, Err(Refusal::NotReady { .. })) {
                        self.unanswered.push_back(step);
                    }
                }
                if self.next().await.is_none() {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(LIMIT, wait).await.is_ok();
        assert!(in_time, "the run does not end\n{}", story(&self.events));
        self.ended().await
    }

    /// Ends the engine at once, as a kill would: what runs on the server goes on.
    pub(crate) async fn kill(mut self) -> Finished {
        self.handle.end_now().await;
        while self.next().await.is_some() {}
        self.ended().await
    }

    async fn ended(self) -> Finished {
        let end = self.engine.await.unwrap();
        Finished {
            state: self.state,
            events: self.events,
            end,
            folder: self.folder,
            conninfo: self.conninfo,
            registry: self.registry,
        }
    }

    async fn answer(&self, step: &StepId) -> Result<(), Refusal> {
        let steps = self.state.run.as_ref().unwrap();
        let kind = &steps.playbook.steps().find(|known| known.id == *step).unwrap().kind;
        let go_on = |step: &StepId| Verb::Confirm { step: step.clone(), typed: "go on".to_owned() };
        let verb = match kind {
            StepKind::Checks { .. } => {
                let gates: Vec<_> = self.state.closed_gates().map(|gate| gate.result.id.clone()).collect();
                for check in gates {
                    self.command(Verb::Waive { check, reason: "a test knows better".to_owned() })
                        .await
                        .unwrap();
                }
                return Ok(());
            }
            StepKind::SignOff { .. } => {
                Verb::SignOff { name: "tester".to_owned(), reason: "tested".to_owned() }
            }
            StepKind::BuildIndexes { .. } if self.state.control.plan_for.as_ref() != Some(step) => {
                Verb::EndHere
            }
            StepKind::Confirm { .. } | StepKind::BuildIndexes { .. } | StepKind::Verify { .. } => go_on(step),
        };
        self.command(verb).await
    }
}

impl Finished {
    pub(crate) fn record(&self, index: &str) -> &BuildRecord {
        record(&self.state, index)
    }

    pub(crate) fn status(&self, index: &str) -> &BuildStatus {
        &self.record(index).status
    }

    pub(crate) fn ending(&self) -> &Ending {
        &self.state.control.closed.as_ref().unwrap_or_else(|| panic!("{}", self.story())).1
    }

    /// Everything that happened, a line each.
    pub(crate) fn story(&self) -> String {
        story(&self.events)
    }

    /// Why an index is not there, as the operator reads it.
    pub(crate) fn sentence(&self, index: &str) -> String {
        let status = self.status(index);
        if let BuildStatus::Failed { sentence: why, .. } | BuildStatus::Skipped { reason: why } = status {
            return why.clone();
        }
        panic!("{status:?}\n{}", self.story())
    }

    /// The run's journal as anybody can read it.
    pub(crate) fn journaled(&self) -> Vec<Event> {
        let recorded = RunJournal::read(&self.folder.path().join("journal.jsonl")).unwrap();
        assert!(recorded.torn.is_none() && recorded.unknown.is_none());
        recorded.events
    }

    /// Another process takes the run over.
    pub(crate) fn take_over(self) -> Run {
        let clock = Arc::new(SystemClock::start());
        let resumed = RunJournal::open(&self.folder.path().join("journal.jsonl")).unwrap();
        let mut journal = resumed.writer.unwrap();
        let taken =
            EventKind::Run(RunEvent::TakenOver { operator: operator(), version: "test".to_owned(), torn: 0 });
        let mut events = resumed.events;
        events.push(journal.append(clock.now(), taken).unwrap());
        Run::go(journal, events, clock, self.folder, self.conninfo, self.registry)
    }
}

fn operator() -> Operator {
    Operator {
        person: Person::from("tester"),
        uid: 1000,
        host: "here".to_owned(),
        pid: std::process::id(),
        ssh_from: None,
    }
}

fn wire(
    conninfo: &str,
    registry: &str,
    run: &RunId,
    settings: &RunSettings,
    clock: Arc<SystemClock>,
) -> (World, Box<dyn cicerone::ports::Monitor>) {
    let options = LinkOptions {
        label: format!("cicerone/{}", run.0),
        environment: Environment::Dev,
        readers: Access::ReadWrite,
        build_role: settings.build_role.clone(),
    };
    let link = Link::new(connector(conninfo), clock.clone(), options);
    let world = World {
        catalog: Arc::new(PgCatalog::new(link.clone())),
        survey: Arc::new(PgSurvey::new(link.clone())),
        explainer: Arc::new(PgExplainer::new(link.clone())),
        host: Arc::new(HostProbes {
            clock: clock.clone(),
            place: ServerPlace::Here,
            disk_command: None,
            disk_figure: None,
            backup_command: None,
        }),
        registry: Arc::new(Text(registry.to_owned())),
        hands: Some(Hands {
            workshop: Arc::new(PgWorkshop::new(link.clone())),
            backends: Arc::new(PgBackends::new(link.clone())),
        }),
        ids: Arc::new(RandomIds::from_system(clock.clone())),
        clock,
    };
    (world, Box::new(PgMonitor::new(link)))
}

/// The key of an index in `public`, or of any other that is named with its schema.
pub(crate) fn key(index: &str) -> EntryKey {
    if index.contains('.') { EntryKey::from(index) } else { EntryKey(format!("public.{index}")) }
}

fn record<'a>(state: &'a RunState, index: &str) -> &'a BuildRecord {
    state.builds.get(&key(index)).unwrap_or_else(|| panic!("nothing is known of {index}"))
}

/// Milliseconds.
pub(crate) fn ms(span: u64) -> Millis {
    Millis(span)
}

fn story(events: &[Event]) -> String {
    let mut text = String::new();
    for event in events {
        if let EventKind::Run(RunEvent::Planned { plan }) = &event.kind {
            writeln!(text, "{} planned", event.at).unwrap();
            for item in &plan.items {
                writeln!(text, "    {}: {:?}", item.key.0, item.state).unwrap();
            }
        } else if !matches!(event.kind, EventKind::Run(RunEvent::Opened { .. })) {
            writeln!(text, "{} {:?}", event.at, event.kind).unwrap();
        }
    }
    text
}
