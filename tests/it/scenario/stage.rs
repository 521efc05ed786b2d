//! Plays a script: the real engine in a scripted world, with a person who answers, and time that stands still while
//! anything is at work.

use std::sync::Arc;
use std::time::Duration;

use cicerone::domain::budget::only_questions_left;
use cicerone::domain::command::{Command, Refusal, Verb};
use cicerone::domain::diagnostic::Source;
use cicerone::domain::event::{Event, EventKind, RunEvent, StepEvent};
use cicerone::domain::id::{EntryKey, StepId};
use cicerone::domain::playbook::{self, StepKind};
use cicerone::domain::sample::Samples;
use cicerone::domain::state::RunState;
use cicerone::domain::target::{Environment, LeftoverPolicy, Mode, Operator};
use cicerone::engine::{EngineEnd, EngineHandle, Opening, Outlets, open};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::script::{Act, HeldAnswer, Script, WaitAnswer, What, span};
use crate::scripted::{Mishap, Notebook, Server, monitor, world};

/// Nothing that is scripted takes longer; what does, hangs.
const LONGEST: Duration = Duration::from_hours(12);
const REASON: &str = "because the script says so";

/// What came of a script.
pub(super) struct Played {
    pub(super) state: RunState,
    pub(super) events: Vec<Event>,
    pub(super) server: Arc<Server>,
    pub(super) sealed: bool,
    pub(super) took: Duration,
    pub(super) wrong: Vec<String>,
}

/// Plays a script in a runtime of its own.
pub(super) fn play(script: &Script, mishap: Option<Mishap>) -> Played {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let stage = Stage::new(script, mishap);
        let limit = tokio::time::timeout(LONGEST, stage.run()).await;
        limit.unwrap_or_else(|_| panic!("nothing has happened for hours"))
    })
}

struct Stage<'a> {
    script: &'a Script,
    notebook: Notebook,
    server: Arc<Server>,
    seen: Vec<String>,
    /// Number of the last record that was noticed: one that a process died over is noticed by the next.
    noticed: u64,
    /// Whether a build or verify step waits for an end that could not be had yet.
    waiting: bool,
    mishap: Option<Mishap>,
    sealed: bool,
    due: Vec<(Instant, Act)>,
    /// What the process that died did not hear.
    lost: Vec<Act>,
    killed: bool,
    wrong: Vec<String>,
}

impl<'a> Stage<'a> {
    fn new(script: &'a Script, mishap: Option<Mishap>) -> Self {
        let notebook = Notebook::with(mishap);
        let server = Server::new(script.model(), notebook.clone());
        for stranger in script.stranger.iter().filter(|it| !it.ambush) {
            server.stranger(&stranger.index, &stranger.table, span(&stranger.takes), stranger.ends_valid);
        }
        let (seen, due, wrong) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            script,
            notebook,
            server,
            seen,
            noticed: 0,
            waiting: false,
            mishap,
            sealed: false,
            due,
            lost: Vec::new(),
            killed: false,
            wrong,
        }
    }

    async fn run(mut self) -> Played {
        let begun = Instant::now();
        self.write(self.opening());
        loop {
            let end = self.engine().await;
            self.sealed |= end.as_ref().is_some_and(|end| end.sealed.is_some());
            let Some(end) = end.filter(|end| end.sealed.is_none()) else {
                self.write(EventKind::Run(RunEvent::TakenOver {
                    operator: operator(),
                    version: "0.1.0".to_owned(),
                    torn: 0,
                }));
                continue;
            };
            return Played {
                state: end.state,
                events: self.notebook.events(),
                server: self.server,
                sealed: self.sealed,
                took: begun.elapsed(),
                wrong: self.wrong,
            };
        }
    }

    fn opening(&self) -> EventKind {
        let text = include_str!("../../../playbooks/index-rollout.toml").to_owned();
        let playbook = playbook::load(&Source { path: "index-rollout.toml".to_owned(), text }).unwrap();
        EventKind::Run(RunEvent::Opened {
            run: "r1".into(),
            version: "0.1.0".to_owned(),
            operator: operator(),
            mode: self.script.mode,
            environment: Environment::Dev,
            playbook,
            settings: self.script.settings(),
            registry_path: "registry.toml".to_owned(),
            registry: self.script.registry().digest,
        })
    }

    fn write(&self, kind: EventKind) {
        self.notebook.reopen().append(self.server.time(), kind).unwrap();
    }

    /// One process from its start to its end; none when it was killed.
    async fn engine(&mut self) -> Option<EngineEnd> {
        let state = RunState::replay(&self.notebook.events());
        let (events, mut news) = mpsc::unbounded_channel();
        let (samples, _) = watch::channel(Samples::default());
        let opening = Opening { journal: self.notebook.reopen(), state, monitor: monitor(&self.server) };
        let outlets = Outlets { events: vec![events], samples };
        let (engine, handle) = open(world(&self.server, self.script.mode != Mode::DryRun), opening, outlets);
        let mut process = JoinSet::new();
        process.spawn(engine.run());
        let mut state = RunState::replay(&self.notebook.events());
        for event in self.notebook.events() {
            self.notice(&event);
        }
        self.due.extend(std::mem::take(&mut self.lost).into_iter().map(|act| (Instant::now(), act)));
        loop {
            let next = self.due.iter().map(|(at, _)| *at).min();
            let wake = next.unwrap_or_else(|| Instant::now() + LONGEST);
            tokio::select! {
                biased;
                () = sleep_until(wake) => self.act(&handle).await,
                Some(event) = news.recv() => {
                    state.apply(&event);
                    self.notice(&event);
                    self.answer(&event, &state, &handle).await;
                }
                end = process.join_next() => {
                    while let Ok(event) = news.try_recv() {
                        self.notice(&event);
                    }
                    return end.and_then(Result::ok);
                }
            }
            if std::mem::take(&mut self.killed) {
                process.abort_all();
                while process.join_next().await.is_some() {}
                return None;
            }
        }
    }

    /// Looks what the script does at this event.
    fn notice(&mut self, event: &Event) {
        if event.seq.0 <= self.noticed {
            return;
        }
        self.noticed = event.seq.0;
        let json = serde_json::to_value(event).unwrap();
        let word = |field: &str| json[field].as_str().unwrap_or_default().to_owned();
        let kind = format!("{}.{}", word("family"), word("type"));
        let entry = word("entry");
        let named = format!("{kind} {}", entry.trim_start_matches("public."));
        for name in [kind, named] {
            self.seen.push(name.clone());
            let count = self.seen.iter().filter(|it| **it == name).count();
            for act in self.script.act.iter().filter(|it| it.on == name && it.nth as usize == count) {
                self.due.push((Instant::now() + span(&act.after), act.clone()));
            }
        }
    }

    /// A person who answers what the run asks.
    async fn answer(&mut self, event: &Event, state: &RunState, handle: &EngineHandle) {
        if self.script.answers.waits == WaitAnswer::Nobody && only_questions_left(state) {
            // Over a moment ago: then that is as well.
            let _ = send(handle, Verb::EndUnanswered).await;
        }
        let held =
            if let EventKind::Step(StepEvent::Held { step, .. }) = &event.kind { Some(step) } else { None };
        let waiting = std::mem::take(&mut self.waiting);
        let step = match (held, state.current_step()) {
            (Some(step), _) => step.clone(),
            (None, Some(step)) if waiting => step.id.clone(),
            _ => return,
        };
        let answers = self.script.answers.clone();
        for verb in verbs(&step, state, &answers) {
            match send(handle, verb).await {
                // Each answer to one of several gates asks about the rest again.
                Ok(()) | Err(Refusal::RunIsOver | Refusal::Already { .. }) => {}
                // Something still runs: the answer stands until it is over.
                Err(Refusal::NotReady { .. }) => self.waiting = true,
                Err(refusal) => self.wrong.push(format!("an answer was refused: {refusal}")),
            }
        }
    }

    async fn act(&mut self, handle: &EngineHandle) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.due).into_iter().partition(|(at, _)| *at <= now);
        self.due = later;
        for (_, act) in due {
            let index = act.index.clone().unwrap_or_default();
            let entry = EntryKey(format!("public.{index}"));
            let reason = REASON.to_owned();
            let verb = match act.what {
                What::Pause => Verb::Pause,
                What::Resume => Verb::Resume,
                What::Stop => Verb::Stop { entry },
                What::Skip => Verb::Skip { entry, reason },
                What::Retry => Verb::Retry { entry, leftover: LeftoverPolicy::Keep },
                What::Repair => Verb::Retry { entry, leftover: LeftoverPolicy::Repair },
                What::Roll => {
                    let entries = act.index.iter().map(|_| entry.clone()).collect();
                    Verb::Roll { entries, reason }
                }
                What::Abort => Verb::Abort { reason },
                What::Recheck => Verb::Recheck,
                What::EndHere => Verb::EndHere,
                What::Confirm => Verb::Confirm { step: "go.confirm".into(), typed: "go".to_owned() },
                What::Promote
                | What::Appear
                | What::Vanish
                | What::Tie
                | What::Edit
                | What::Restart
                | What::Kill => {
                    self.happen(act.what, &index);
                    continue;
                }
            };
            let refused = send(handle, verb).await;
            let lost = matches!(refused, Err(Refusal::RunIsOver | Refusal::NotReady { .. }));
            if lost && self.mishap.is_some() {
                // Nobody was there to hear it.
                self.lost.push(act);
                continue;
            }
            if refused.is_err() != act.refused {
                self.wrong.push(format!("{:?} {index}: {refused:?}", act.what));
            }
        }
    }

    fn happen(&mut self, what: What, index: &str) {
        let mut model = self.server.model();
        match what {
            What::Promote => model.identity.timeline = Some(2),
            What::Edit => model.registry.digest = cicerone::domain::id::Digest::of(b"edited"),
            What::Tie => {
                let tie = cicerone::domain::catalog::Tie::ReplicaIdentity;
                model
                    .indexes
                    .iter_mut()
                    .filter(|it| it.name == index)
                    .for_each(|it| it.ties.push(tie.clone()));
            }
            What::Vanish => model.indexes.retain(|it| it.name != index),
            What::Appear => {
                let table =
                    model.registry.entries.iter().find(|it| it.name.0 == index).unwrap().table.name.clone();
                let definition = model.wanted(index).unwrap();
                let oid = model.oid();
                model.indexes.push(crate::scripted::Index {
                    oid,
                    name: index.to_owned(),
                    table,
                    valid: true,
                    ready: true,
                    live: true,
                    definition,
                    ties: Vec::new(),
                });
            }
            What::Restart => {
                drop(model);
                self.server.restart(Duration::from_secs(10));
            }
            _ => self.killed = true,
        }
    }
}

fn operator() -> Operator {
    Operator { person: "ana".into(), uid: 1000, host: "bastion".to_owned(), pid: 7, ssh_from: None }
}

async fn send(handle: &EngineHandle, verb: Verb) -> Result<(), Refusal> {
    handle.command(Command { by: "ana".into(), verb }).await
}

fn verbs(step: &StepId, state: &RunState, answers: &super::script::Answers) -> Vec<Verb> {
    let kind =
        state.run.iter().flat_map(|run| run.playbook.steps()).find(|it| it.id == *step).map(|it| &it.kind);
    let confirm = Verb::Confirm { step: step.clone(), typed: "go".to_owned() };
    match kind {
        Some(StepKind::Confirm { .. }) if answers.confirm => vec![confirm],
        Some(StepKind::Checks { .. }) if answers.waive && state.closed_gates().next().is_some() => state
            .closed_gates()
            .map(|gate| Verb::Waive { check: gate.result.id.clone(), reason: REASON.to_owned() })
            .collect(),
        Some(StepKind::SignOff { .. }) if answers.sign => {
            vec![Verb::SignOff { name: "Ana".to_owned(), reason: REASON.to_owned() }]
        }
        Some(StepKind::BuildIndexes { .. } | StepKind::Verify { .. }) if answers.held == HeldAnswer::GoOn => {
            vec![confirm]
        }
        Some(StepKind::BuildIndexes { .. } | StepKind::Verify { .. })
            if answers.held == HeldAnswer::Nothing =>
        {
            Vec::new()
        }
        _ => vec![Verb::EndHere],
    }
}
