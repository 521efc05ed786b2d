//! The one task that owns the state and the journal.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::domain::command::{Command, Refusal};
use crate::domain::decide::decide;
use crate::domain::effect::{Effect, EffectKey, InFlight, next_effect, wake_at};
use crate::domain::event::{
    BuildEvent, DropConclusion, DropEvent, DropPurpose, Event, EventKind, RunEvent, SessionEvent,
};
use crate::domain::id::{BackendId, EntryKey, Oid, QualifiedName};
use crate::domain::observe::{Outcome, observe};
use crate::domain::plan::PlanItem;
use crate::domain::state::{BuildStatus, RunState, Stage};
use crate::domain::target::Target;
use crate::domain::unit::Millis;
use crate::ports::{ExplainRequest, Journal, JournalError, Monitor, WatchRequest};

use super::build::{Task, build};
use super::inquiry;
use super::observer::{self, Attention, Beginning, Watched, What};

use super::reconcile::{reconcile_build, reconcile_drop};
use super::recorder::{EngineHandle, Message, NotRecorded, Question, Recorder, Wanted};
use super::removal::remove;
use super::supervisor::Supervisor;
use super::volumes;
use super::world::{Outlets, World};

/// With nobody there to ask, a drop that finds somebody in its way for this long is called off. One that is free takes
/// milliseconds.
const AT_ONCE: Millis = Millis(3_000);

/// How an engine ended.
#[derive(Debug)]
pub struct EngineEnd {
    /// The last state.
    pub state: RunState,
    /// Why the journal takes no more records, when it does not.
    pub sealed: Option<JournalError>,
    /// Backends of ours that are still at work on the server: ended in a hurry.
    pub left_running: Vec<(EntryKey, BackendId)>,
    /// The journal's head.
    pub head: String,
}

/// What an engine starts from.
pub struct Opening {
    /// The journal, open for writing, with every event of `state` in it.
    pub journal: Box<dyn Journal>,
    /// The fold of the journal.
    pub state: RunState,
    /// The observer's connection.
    pub monitor: Box<dyn Monitor>,
}

/// An engine that is ready to run.
pub struct Engine {
    world: World,
    journal: Box<dyn Journal>,
    state: RunState,
    in_flight: InFlight,
    /// Builds that this process began.
    begun: BTreeSet<EntryKey>,
    supervisor: Supervisor,
    inbox: mpsc::Receiver<Message>,
    recorder: Recorder,
    head: watch::Sender<String>,
    watched: watch::Sender<Attention>,
    monitor: Option<Box<dyn Monitor>>,
    outlets: Outlets,
    sealed: Option<JournalError>,
}

/// Wires an engine and returns it with the way into it.
pub fn open(world: World, opening: Opening, outlets: Outlets) -> (Engine, EngineHandle) {
    let (sender, inbox) = mpsc::channel(256);
    let (head, head_reader) = watch::channel(opening.journal.head());
    let (watched, _) = watch::channel(Attention::default());
    let engine = Engine {
        world,
        journal: opening.journal,
        state: opening.state,
        in_flight: InFlight::new(),
        begun: BTreeSet::new(),
        supervisor: Supervisor::default(),
        inbox,
        recorder: Recorder { inbox: sender.clone(), head: head_reader },
        head,
        watched,
        monitor: Some(opening.monitor),
        outlets,
        sealed: None,
    };
    (engine, EngineHandle { inbox: sender })
}

/// What one turn of the loop leads to.
enum Turn {
    On,
    EndNow,
}

impl Engine {
    /// Records a fact before the loop starts: how a run is opened or taken over.
    pub fn record(&mut self, kind: EventKind) -> Result<(), JournalError> {
        self.append(kind)
    }

    /// The state as it is now.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Runs until the run is closed, the journal is sealed, or somebody wants the end now.
    pub async fn run(mut self) -> EngineEnd {
        self.start_observer();
        loop {
            self.pump();
            self.publish_watched();
            let over = self.state.control.closed.is_some() || self.sealed.is_some();
            if over && !self.in_flight.iter().any(EffectKey::acts) {
                break;
            }
            if matches!(self.turn().await, Turn::EndNow) {
                break;
            }
        }
        self.end()
    }

    fn end(self) -> EngineEnd {
        let builds = self
            .state
            .builds
            .iter()
            .filter(|(_, record)| {
                matches!(record.status, BuildStatus::Running { stage: Stage::Sent | Stage::Watched, .. })
            })
            .filter_map(|(key, record)| Some((key.clone(), record.intent.as_ref()?.backend)));
        let drops = self
            .state
            .drops
            .iter()
            .filter(|(_, drop)| drop.is_on_server())
            .filter_map(|(key, drop)| Some((key.clone(), drop.backend?)));
        let left_running = builds.chain(drops).collect();
        EngineEnd { left_running, head: self.journal.head(), sealed: self.sealed, state: self.state }
    }

    async fn turn(&mut self) -> Turn {
        let now = self.world.clock.now();
        let due = wake_at(&self.state, now).map_or(Duration::from_hours(1), |at| {
            at.duration_since(now).unsigned_abs() + Duration::from_millis(1)
        });
        tokio::select! {
            message = self.inbox.recv() => match message {
                Some(Message::Outcome { outcome, ack }) => {
                    let answer = self.take(*outcome);
                    // A worker that is gone needs no answer.
                    let _ = ack.send(answer);
                }
                Some(Message::Command { command, reply }) => {
                    let answer = self.command(&command);
                    // Nor does a person who left.
                    let _ = reply.send(answer);
                }
                Some(Message::Ask { question, reply }) => {
                    let answer = self.wanted(&question);
                    // A worker that is gone needs no answer either.
                    let _ = reply.send(answer);
                }
                Some(Message::EndNow) | None => return Turn::EndNow,
            },
            ended = self.supervisor.ended() => {
                if let Some(key) = &ended.key {
                    self.in_flight.remove(key);
                }
                if let Some(message) = ended.panic {
                    tracing::error!(task = ended.name, message, "a task panicked");
                    // Sealed or not, the loop goes on: the state tells what is in doubt.
                    let _ = self.take(Outcome::Panicked { task: ended.name, message });
                }
            },
            () = tokio::time::sleep(due) => {}
        }
        Turn::On
    }

    /// Does everything that can be done now.
    fn pump(&mut self) {
        while self.sealed.is_none() {
            let now = self.world.clock.now();
            let Some(effect) = next_effect(&self.state, &self.in_flight, now) else { return };
            self.carry_out(effect);
        }
    }

    /// Append, apply, publish.
    fn append(&mut self, kind: EventKind) -> Result<(), JournalError> {
        if let Some(sealed) = &self.sealed {
            return Err(sealed.clone());
        }
        match self.journal.append(self.world.clock.now(), kind) {
            Ok(event) => {
                self.state.apply(&event);
                self.head.send_replace(self.journal.head());
                self.publish(&event);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "nothing new starts");
                self.sealed = Some(error.clone());
                Err(error)
            }
        }
    }

    fn publish(&mut self, event: &Event) {
        self.outlets.events.retain(|reader| reader.send(event.clone()).is_ok());
    }

    fn take(&mut self, outcome: Outcome) -> Result<(), NotRecorded> {
        if self.is_unwanted(&outcome) {
            return Err(NotRecorded::NotNow);
        }
        for kind in observe(&self.state, outcome, self.world.clock.now()) {
            self.append(kind).map_err(|_| NotRecorded::Sealed)?;
        }
        Ok(())
    }

    fn wanted(&self, question: &Question) -> Wanted {
        if !self.is_wanted(question) {
            return Wanted::No;
        }
        match question {
            Question::Drop(_) if self.state.control.unanswered.is_some() => Wanted::AtOnce,
            Question::Drop(_) | Question::Build(_) | Question::Watch(_) => Wanted::Yes,
        }
    }

    fn is_unwanted(&self, outcome: &Outcome) -> bool {
        let question = if let Outcome::AboutToBuild { entry, .. } = outcome {
            Question::Build(entry.clone())
        } else if let Outcome::AboutToDrop { entry, .. } = outcome {
            Question::Drop(entry.clone())
        } else {
            return false;
        };
        !self.is_wanted(&question)
    }

    /// A statement is not sent any more once the run is paused or ending, or the entry is to be stopped. Drops are
    /// part of an orderly end, and go on until it is over.
    fn is_wanted(&self, question: &Question) -> bool {
        let control = &self.state.control;
        let over = self.sealed.is_some() || control.closed.is_some() || control.target_changed.is_some();
        match question {
            Question::Build(entry) => {
                let record = self.state.builds.get(entry);
                let stopping = record.is_some_and(|record| record.stopping().is_some());
                !(over || stopping || control.paused.is_some() || self.state.is_ending_for(entry))
            }
            Question::Drop(entry) => {
                !over && self.state.drops.get(entry).is_none_or(|drop| drop.stopping.is_none())
            }
            Question::Watch(entry) => {
                !over
                    && match self.state.builds.get(entry) {
                        Some(record) => matches!(record.status, BuildStatus::Running { .. }),
                        None => !self.state.is_ending_for(entry),
                    }
            }
        }
    }

    fn command(&mut self, command: &Command) -> Result<(), Refusal> {
        let kind = decide(&self.state, command)?;
        let end_session = if let EventKind::Session(SessionEvent::EndRequested { backend, how, .. }) = &kind {
            Some((*backend, *how))
        } else {
            None
        };
        self.append(kind).map_err(|error| Refusal::NotReady { what: error.to_string() })?;
        if let (Some((backend, how)), Some(hands)) = (end_session, self.world.hands.clone()) {
            // Done once, when a person wants it, and never because a journal is replayed.
            let recorder = self.recorder.clone();
            self.supervisor.spawn(None, "end session", async move {
                let result = match how {
                    crate::domain::event::SessionEnd::CancelStatement => hands.backends.cancel(backend).await,
                    crate::domain::event::SessionEnd::Terminate => hands.backends.terminate(backend).await,
                };
                // Nobody is left to tell when the journal is sealed.
                let _ = recorder.record(Outcome::Signalled { backend, result }).await;
            });
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect) {
        let key = effect.key();
        let done = match effect {
            Effect::Record(kind) => self.append(kind),
            Effect::Build { entry, attempt } => self.start_build(&entry, attempt),
            Effect::Drop { entry, oid, purpose } => self.start_drop(entry, oid, purpose),
            Effect::Reconcile { entry } => {
                if let Some((task, _)) = self.task(&entry) {
                    let work = reconcile_build(self.world.clone(), self.recorder.clone(), task);
                    self.spawn(key, format!("reconcile {}", entry.0), work);
                    Ok(())
                } else {
                    self.append(unknown_entry(entry))
                }
            }
            Effect::ReconcileDrop { entry, oid } => {
                if let Some(task) = self.drop_task(&entry) {
                    let work = reconcile_drop(self.world.clone(), self.recorder.clone(), task, oid);
                    self.spawn(key, format!("reconcile drop {}", entry.0), work);
                    Ok(())
                } else {
                    let why = "neither plan nor ledger knows its table".to_owned();
                    let conclusion = DropConclusion::Unknown { why };
                    self.append(EventKind::Drop(DropEvent::Concluded { entry, oid, conclusion }))
                }
            }
            other @ (Effect::Connect
            | Effect::MakePlan
            | Effect::RunChecks
            | Effect::Explain { .. }
            | Effect::Cancel { .. }
            | Effect::Verify { .. }) => {
                self.inquire(other, key);
                Ok(())
            }
        };
        if let Err(error) = done {
            tracing::error!(%error, "effect not carried out");
        }
    }

    fn spawn(
        &mut self,
        key: Option<EffectKey>,
        name: String,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        if let Some(key) = &key {
            self.in_flight.insert(key.clone());
        }
        self.supervisor.spawn(key, name, work);
    }

    fn start_build(&mut self, entry: &EntryKey, attempt: u32) -> Result<(), JournalError> {
        let (Some((task, statement)), Some(hands)) = (self.task(entry), self.world.hands.clone()) else {
            return self.append(unknown_entry(entry.clone()));
        };
        self.append(EventKind::Build(BuildEvent::Started { entry: entry.clone(), attempt }))?;
        self.begun.insert(entry.clone());
        let work = build(self.world.clone(), hands, self.recorder.clone(), task, attempt, statement);
        self.spawn(Some(EffectKey::Entry(entry.clone())), format!("build {}", entry.0), work);
        Ok(())
    }

    fn start_drop(&mut self, entry: EntryKey, oid: Oid, purpose: DropPurpose) -> Result<(), JournalError> {
        self.append(EventKind::Drop(DropEvent::Started { entry: entry.clone(), oid, purpose }))?;
        let (Some(task), Some(hands)) = (self.drop_task(&entry), self.world.hands.clone()) else {
            let why = "neither plan nor ledger knows its table".to_owned();
            let conclusion = DropConclusion::Refused { why };
            return self.append(EventKind::Drop(DropEvent::Concluded { entry, oid, conclusion }));
        };
        let name = format!("drop {}", entry.0);
        let work = remove(self.world.clone(), hands, self.recorder.clone(), task, oid, purpose);
        self.spawn(Some(EffectKey::Entry(entry)), name, work);
        Ok(())
    }

    /// Work that reads, and cancels.
    fn inquire(&mut self, effect: Effect, key: Option<EffectKey>) {
        let world = self.world.clone();
        let recorder = self.recorder.clone();
        match effect {
            Effect::Connect => {
                let patience = match self.state.target {
                    None => inquiry::FIRST_PATIENCE,
                    Some(_) => inquiry::KNOWN_PATIENCE,
                };
                self.spawn(key, "connect".to_owned(), inquiry::connect(world, recorder, patience));
            }
            Effect::MakePlan => {
                if let (Some(target), Some(run)) = (self.state.target.clone(), &self.state.run) {
                    let work =
                        inquiry::make_plan(world, recorder, target, run.settings.clone(), run.run.clone());
                    self.spawn(key, "plan".to_owned(), work);
                }
            }
            Effect::RunChecks => {
                if let (Some(plan), Some(target), Some(run)) =
                    (self.state.plan.clone(), self.state.target.clone(), &self.state.run)
                {
                    let work =
                        inquiry::check(world, recorder, plan, target, run.settings.clone(), run.run.clone());
                    self.spawn(key, "checks".to_owned(), work);
                }
            }
            Effect::Explain { entries, moment } => {
                let entries = entries
                    .iter()
                    .filter_map(|entry| {
                        let item = self.item(entry)?;
                        let request =
                            ExplainRequest { index: index_name(item), queries: item.queries.clone() };
                        Some((entry.clone(), request))
                    })
                    .collect();
                self.spawn(key, "explain".to_owned(), inquiry::explain(world, recorder, entries, moment));
            }
            Effect::Verify { entries } => {
                let entries = entries
                    .iter()
                    .filter_map(|entry| Some((entry.clone(), index_name(self.item(entry)?))))
                    .collect();
                self.spawn(key, "verify".to_owned(), inquiry::verify(world, recorder, entries));
            }
            Effect::Cancel { entry } => self.cancel(&entry, key),
            Effect::Record(_)
            | Effect::Build { .. }
            | Effect::Drop { .. }
            | Effect::Reconcile { .. }
            | Effect::ReconcileDrop { .. } => {}
        }
    }

    /// Cancels our own statement and gives it some time to end: a cancel that meets a wait for a synchronous
    /// standby ends only that wait (15), so one is not always enough.
    fn cancel(&mut self, entry: &EntryKey, key: Option<EffectKey>) {
        let drop = self.state.drops.get(entry).filter(|drop| drop.conclusion.is_none());
        let build = || self.state.builds.get(entry)?.intent.as_ref().map(|intent| intent.backend);
        let backend = drop.map_or_else(build, |drop| drop.backend);
        if let (Some(backend), Some(hands)) = (backend, self.world.hands.clone()) {
            let mut watched = self.watched.subscribe();
            self.spawn(key, format!("cancel {}", entry.0), async move {
                if let Err(failure) = hands.backends.cancel(backend).await {
                    tracing::warn!(class = ?failure.class, "cancel not sent");
                }
                // Never at once, so that a build that nobody watches is not cancelled in a tight loop.
                tokio::time::sleep(Duration::from_millis(100)).await;
                let over = watched.wait_for(|list| list.items.iter().all(|it| it.request.backend != backend));
                // Whether it ended or not, the state says what comes next.
                let _ = tokio::time::timeout(Duration::from_secs(3), over).await;
            });
        }
    }

    fn item(&self, entry: &EntryKey) -> Option<&PlanItem> {
        self.state.plan.as_ref()?.item(entry)
    }

    /// The step that the run is at, for the comment of its statements.
    fn step(&self) -> String {
        self.state.current_step().map_or_else(|| "-".to_owned(), |step| step.id.0.clone())
    }

    fn task(&self, entry: &EntryKey) -> Option<(Task, String)> {
        let run = self.state.run.as_ref()?;
        let target: &Target = self.state.target.as_ref()?;
        let item = self.item(entry)?;
        let task = Task {
            run: run.run.clone(),
            step: self.step(),
            entry: entry.clone(),
            index: index_name(item),
            table: item.table.clone(),
            table_oid: item.table_oid?,
            identity: target.identity.clone(),
            settings: run.settings.clone(),
        };
        Some((task, item.statement.clone()))
    }

    /// What a drop needs. The ledger knows the table of what this run made, whatever the newest registry says; names
    /// are read again by OID before anything is sent.
    fn drop_task(&self, entry: &EntryKey) -> Option<Task> {
        let run = self.state.run.as_ref()?;
        let target: &Target = self.state.target.as_ref()?;
        let (schema, name) = entry.0.split_once('.').unwrap_or(("", &entry.0));
        let item = self.item(entry);
        let index = item.map_or_else(|| QualifiedName::new(schema, name), index_name);
        let undone = self.state.drops.get(entry).is_some_and(|drop| drop.purpose == DropPurpose::Rollback);
        Some(Task {
            run: run.run.clone(),
            step: if undone { "rollback".to_owned() } else { self.step() },
            entry: entry.clone(),
            table: item.map_or_else(|| index.clone(), |item| item.table.clone()),
            index,
            table_oid: self.state.table_of(entry)?,
            identity: target.identity.clone(),
            settings: run.settings.clone(),
        })
    }

    fn start_observer(&mut self) {
        let (Some(monitor), Some(run)) = (self.monitor.take(), &self.state.run) else { return };
        let work = observer::observe(
            monitor,
            self.world.clock.clone(),
            self.recorder.clone(),
            self.watched.subscribe(),
            self.outlets.samples.clone(),
            run.settings.clone(),
        );
        self.supervisor.spawn(None, "observer", work);
        let World { survey, host, .. } = &self.world;
        let work = volumes::watch_volumes(survey.clone(), host.clone(), self.outlets.samples.clone());
        self.supervisor.spawn(None, "volumes", work);
    }

    /// Tells the observer what to look after: everything of ours that has a statement on the server.
    fn publish_watched(&self) {
        let Some(plan) = &self.state.plan else { return };
        let items: Vec<Watched> = plan.items.iter().filter_map(|item| self.watched_item(item)).collect();
        let made = self.state.ledger.iter().map(|(key, item)| (key.clone(), item.table_oid)).collect();
        let list = Attention { items, made };
        self.watched.send_if_modified(|known| {
            let changed = *known != list;
            if changed {
                *known = list;
            }
            changed
        });
    }

    fn watched_item(&self, item: &PlanItem) -> Option<Watched> {
        let table_oid = item.table_oid?;
        let drop = self.state.drops.get(&item.key).filter(|drop| drop.conclusion.is_none());
        let (backend, what, beginning) = if let Some(drop) = drop {
            (drop.backend?, What::Drop, Beginning::Seen)
        } else {
            let record = self.state.builds.get(&item.key)?;
            let BuildStatus::Running { stage: Stage::Sent | Stage::Watched, .. } = record.status else {
                return None;
            };
            let ours = self.begun.contains(&item.key);
            let beginning = if ours { Beginning::Seen } else { Beginning::Missed };
            (record.intent.as_ref()?.backend, What::Build, beginning)
        };
        Some(Watched {
            request: WatchRequest { entry: item.key.clone(), backend, table_oid },
            family: item.traits.family,
            predicted: item.estimate,
            what,
            beginning,
            patience: self.state.control.unanswered.as_ref().map(|_| AT_ONCE),
        })
    }
}

fn index_name(item: &PlanItem) -> QualifiedName {
    QualifiedName::new(item.table.schema.clone(), item.name.0.clone())
}

/// An entry that the newest plan no longer has, or whose table is gone, is left alone and said so.
fn unknown_entry(entry: EntryKey) -> EventKind {
    EventKind::Build(BuildEvent::Skipped {
        entry,
        by: crate::domain::id::Person(crate::domain::observe::ENGINE.to_owned()),
        reason: "the plan has no table for it".to_owned(),
    })
}

/// Names the closing event of an orderly end, for those who wait for it.
pub fn is_closing(event: &Event) -> bool {
    matches!(event.kind, EventKind::Run(RunEvent::Closed { .. }))
}
