//! The server itself: its clock, its backends, and the way statements go.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cicerone::domain::event::{BuildEvent, DropEvent, EventKind};
use cicerone::domain::failure::{Failure, FailureClass};
use cicerone::domain::id::{BackendId, EntryKey, Pid, SqlState};
use cicerone::domain::progress::Phase;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::journal::Notebook;
use super::model::{Ambush, Backend, Fault, HoldStage, Index, Lost, Model, Running};

/// How often a backend looks up from its work.
const TICK: Duration = Duration::from_millis(100);

pub(crate) struct Server {
    model: Mutex<Model>,
    notebook: Notebook,
    begun: Instant,
    backends: Mutex<JoinSet<()>>,
}

/// How a statement is to go on.
enum Step {
    On,
    Over(Result<(), Failure>),
}

type Answer = Option<oneshot::Sender<Result<(), Failure>>>;

pub(crate) fn failure(sqlstate: &str) -> Failure {
    let state = SqlState(sqlstate.to_owned());
    Failure {
        class: FailureClass::of(&state),
        sqlstate: Some(state),
        message: format!("scripted {sqlstate}"),
    }
}

impl Server {
    pub(crate) fn new(model: Model, notebook: Notebook) -> Arc<Self> {
        Arc::new(Self {
            model: Mutex::new(model),
            notebook,
            begun: Instant::now(),
            backends: Mutex::new(JoinSet::new()),
        })
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    /// Time since the server was made.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(crate) fn time(&self) -> jiff::Timestamp {
        let noon: jiff::Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        noon + jiff::SignedDuration::try_from(self.elapsed()).unwrap()
    }

    /// What must never happen: a statement without a durable intent, a statement on a table where somebody builds,
    /// somebody else's build that we got killed, an index dropped while it is built.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.model().violations.clone()
    }

    pub(crate) fn backend_id(pid: i32) -> BackendId {
        BackendId { pid: Pid(pid), started: "2026-03-01T11:00:00Z".parse().unwrap() }
    }

    /// Whether a new connection can be made.
    pub(crate) fn reachable(&self) -> Result<(), Failure> {
        if self.elapsed() < self.model().down_until {
            Err(Failure::lost("connection refused"))
        } else {
            Ok(())
        }
    }

    pub(crate) fn connect(&self, application: String) -> i32 {
        let mut model = self.model();
        let pid = model.number();
        model.backends.insert(pid, Backend { application, client: true, lock: None, running: None });
        pid
    }

    /// The client is gone. A statement that runs goes on, and keeps the backend's locks until it ends.
    pub(crate) fn disconnect(&self, pid: i32) {
        let mut model = self.model();
        let idle = model.backends.get_mut(&pid).is_some_and(|backend| {
            backend.client = false;
            backend.running.is_none()
        });
        if idle {
            model.backends.remove(&pid);
        }
    }

    pub(crate) fn try_lock(&self, pid: i32, entry: &EntryKey) -> Option<i32> {
        let mut model = self.model();
        let holder =
            model.backends.iter().find(|(_, it)| it.lock.as_ref() == Some(entry)).map(|(pid, _)| *pid);
        if holder.is_none_or(|holder| holder == pid) {
            model.backends.get_mut(&pid).unwrap().lock = Some(entry.clone());
            return None;
        }
        holder
    }

    pub(crate) fn cancel(&self, pid: i32) -> bool {
        let mut model = self.model();
        let running = model.backends.get_mut(&pid).and_then(|it| it.running.as_mut());
        running.map(|it| it.cancelled = true).is_some()
    }

    /// Every session ends, every build is cut, and for a while nobody gets in.
    pub(crate) fn restart(&self, down: Duration) {
        let mut model = self.model();
        model.down_until = self.elapsed() + down;
        model.identity.started += jiff::SignedDuration::from_secs(1);
        for backend in model.backends.values_mut() {
            backend.client = false;
            if let Some(running) = &mut backend.running {
                running.cancelled = true;
            }
        }
    }

    /// Somebody else builds at a prompt.
    pub(crate) fn stranger(self: &Arc<Self>, index: &str, table: &str, takes: Duration, ends_valid: bool) {
        let (pid, oid) = {
            let mut model = self.model();
            let (pid, oid) = (model.number(), model.oid());
            let definition = model.wanted(index).unwrap_or_else(|| model.indexes_definition());
            model.indexes.push(Index {
                oid,
                name: index.to_owned(),
                table: table.to_owned(),
                valid: false,
                ready: false,
                live: true,
                definition,
                ties: Vec::new(),
            });
            let running = Running {
                drop: false,
                table: table.to_owned(),
                index: Some(oid),
                phase: Phase::Scan,
                cancelled: false,
            };
            let application = "psql".to_owned();
            model
                .backends
                .insert(pid, Backend { application, client: false, lock: None, running: Some(running) });
            (pid, oid)
        };
        let server = self.clone();
        let table = table.to_owned();
        self.backends.lock().unwrap().spawn(async move {
            sleep(takes).await;
            let mut model = server.model();
            let waiting = model.backends.values().any(|it| {
                it.running.as_ref().is_some_and(|it| it.table == table && it.phase == Phase::FirstLock)
            });
            if waiting {
                // Ours holds a snapshot while it waits for theirs, and theirs has to outlive that snapshot.
                model.violations.push(format!("the build of pid {pid} was killed by a statement of ours"));
            }
            if let Some(index) = model.index_mut(oid) {
                index.ready = true;
                index.valid = ends_valid && !waiting;
            }
            model.backends.remove(&pid);
        });
    }

    /// Sends a statement. The answer comes when it comes; without anybody to hear it, the statement goes on.
    pub(crate) async fn execute(self: &Arc<Self>, pid: i32, statement: &str) -> Result<(), Failure> {
        let (answer, answered) = oneshot::channel();
        let words: Vec<&str> = statement.rsplit("*/").next().unwrap().split_whitespace().collect();
        let server = self.clone();
        match words.as_slice() {
            ["CREATE", rest @ ..] => {
                let at = rest.iter().position(|word| *word == "CONCURRENTLY").unwrap();
                let (name, table) = (bare(rest[at + 1]), bare(rest[at + 3]));
                self.note(statement, &format!("CREATE {name}"), &name, &table, pid);
                self.backends
                    .lock()
                    .unwrap()
                    .spawn(async move { server.create(pid, name, table, Some(answer)).await });
            }
            ["DROP", "INDEX", "CONCURRENTLY", name] => {
                let name = bare(name);
                let table = self.model().index(&name).map_or_else(String::new, |it| it.table.clone());
                self.note(statement, &format!("DROP {name}"), &name, &table, pid);
                self.backends
                    .lock()
                    .unwrap()
                    .spawn(async move { server.remove(pid, name, Some(answer)).await });
            }
            _ => return Err(failure("42601")),
        }
        answered.await.unwrap_or_else(|_| Err(Failure::lost("server closed the connection")))
    }

    /// Writes a statement down and looks whether it may be sent at all.
    fn note(&self, statement: &str, short: &str, name: &str, table: &str, pid: i32) {
        let backend = Self::backend_id(pid);
        let intended = self.notebook.events().iter().any(|event| match &event.kind {
            EventKind::Build(BuildEvent::Intended { statement: said, backend: by, .. })
            | EventKind::Drop(DropEvent::Intended { statement: said, backend: by, .. }) => {
                said == statement && *by == backend
            }
            _ => false,
        });
        let mut model = self.model();
        model.sent.push(short.to_owned());
        if !intended {
            model.violations.push(format!("{short}: there is no durable intent"));
        }
        let running = model.at_work_on(table, pid);
        if !running.is_empty() {
            model.violations.push(format!("{short}: {running:?} builds on {table}"));
        }
        let running = Running {
            drop: short.starts_with("DROP"),
            table: table.to_owned(),
            index: None,
            phase: Phase::FirstLock,
            cancelled: false,
        };
        if let Some(backend) = model.backends.get_mut(&pid) {
            backend.running = Some(running);
        } else {
            model.violations.push(format!("{short}: pid {pid} does not exist ({name})"));
        }
    }

    fn ambush(self: &Arc<Self>, table: &str, drop: bool) {
        let ambushes: Vec<Ambush> = {
            let mut model = self.model();
            let all = std::mem::take(&mut model.ambush);
            let (now, later) = all.into_iter().partition(|it| it.table == table && it.drop == drop);
            model.ambush = later;
            now
        };
        for it in ambushes {
            self.stranger(&it.index, &it.table, it.takes, true);
        }
    }

    async fn create(self: Arc<Self>, pid: i32, name: String, table: String, mut answer: Answer) {
        self.ambush(&table, false);
        let attempt = count(&mut self.model().builds, &name);
        let result = self.build(pid, &name, &table, attempt, &mut answer).await;
        self.end(pid, result, answer);
    }

    async fn build(
        &self,
        pid: i32,
        name: &str,
        table: &str,
        attempt: u32,
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        loop {
            match self.step(pid, name, attempt, Phase::FirstLock, answer) {
                Step::Over(result) => return result,
                Step::On if self.is_free(pid, table) => break,
                Step::On => sleep(TICK).await,
            }
        }
        let oid = {
            let mut model = self.model();
            if model.index(name).is_some() {
                return Err(failure("42P07"));
            }
            let definition = model.wanted(name).unwrap_or_else(|| model.indexes_definition());
            let oid = model.oid();
            model.indexes.push(Index {
                oid,
                name: name.to_owned(),
                table: table.to_owned(),
                valid: false,
                ready: false,
                live: true,
                definition,
                ties: Vec::new(),
            });
            oid
        };
        let phases = [
            Phase::WritersBeforeBuild,
            Phase::Scan,
            Phase::Sort,
            Phase::Load,
            Phase::WritersBeforeValidation,
            Phase::ValidateIndex,
            Phase::ValidateSort,
            Phase::ValidateTable,
            Phase::OldSnapshots,
        ];
        for phase in phases {
            {
                let mut model = self.model();
                if let Some(running) = model.backends.get_mut(&pid).and_then(|it| it.running.as_mut()) {
                    running.phase = phase;
                    running.index = Some(oid);
                }
                if phase == Phase::WritersBeforeValidation
                    && let Some(index) = model.index_mut(oid)
                {
                    index.ready = true;
                }
            }
            let since = self.elapsed();
            let takes = if phase.wait().is_some() { Duration::ZERO } else { self.model().pace };
            loop {
                if let Step::Over(result) = self.step(pid, name, attempt, phase, answer) {
                    return result;
                }
                if self.elapsed() >= since + takes && !self.is_held(table, phase) {
                    break;
                }
                sleep(TICK).await;
            }
        }
        let mut model = self.model();
        if let Some(index) = model.index_mut(oid) {
            index.valid = true;
            return Ok(());
        }
        model.violations.push(format!("{name} was dropped while it was built"));
        Err(failure("40P01"))
    }

    async fn remove(self: Arc<Self>, pid: i32, name: String, mut answer: Answer) {
        let table = self.model().index(&name).map(|it| it.table.clone());
        if let Some(table) = table {
            self.ambush(&table, true);
        }
        let attempt = count(&mut self.model().drops, &name);
        let result = self.drop_index(pid, &name, attempt, &mut answer).await;
        self.end(pid, result, answer);
    }

    async fn drop_index(
        &self,
        pid: i32,
        name: &str,
        attempt: u32,
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        let found = self.model().index(name).cloned();
        let Some(index) = found else { return Err(failure("42704")) };
        if index.ties.iter().any(|tie| matches!(tie, cicerone::domain::catalog::Tie::Constraint { .. })) {
            return Err(failure("2BP01"));
        }
        loop {
            match self.step(pid, name, attempt, Phase::FirstLock, answer) {
                Step::Over(result) => return result,
                Step::On if self.is_free(pid, &index.table) => break,
                Step::On => sleep(TICK).await,
            }
        }
        if let Some(running) = self.model().backends.get_mut(&pid).and_then(|it| it.running.as_mut()) {
            running.phase = Phase::Other;
        }
        let since = self.elapsed();
        loop {
            if let Step::Over(result) = self.step(pid, name, attempt, Phase::Other, answer) {
                return result;
            }
            // Its first half makes it useless before it waits for readers.
            if let Some(index) = self.model().index_mut(index.oid) {
                index.valid = false;
            }
            if self.elapsed() >= since + TICK && !self.is_held(&index.table, Phase::Other) {
                break;
            }
            sleep(TICK).await;
        }
        self.model().indexes.retain(|it| it.oid != index.oid);
        Ok(())
    }

    /// Whether the table's lock can be had.
    pub(crate) fn is_free(&self, pid: i32, table: &str) -> bool {
        let now = self.elapsed();
        let model = self.model();
        let locked = model
            .holds
            .iter()
            .any(|it| it.stage == HoldStage::Lock && it.table == table && it.from <= now && now < it.until);
        !locked && model.at_work_on(table, pid).is_empty()
    }

    fn is_held(&self, table: &str, phase: Phase) -> bool {
        let stage = match phase {
            Phase::WritersBeforeBuild | Phase::WritersBeforeValidation => HoldStage::Writer,
            Phase::OldSnapshots => HoldStage::Snapshot,
            Phase::Other => HoldStage::Reader,
            _ => return false,
        };
        let now = self.elapsed();
        self.model().holds.iter().any(|it| {
            let there = stage == HoldStage::Snapshot || it.table == table;
            it.stage == stage && there && it.from <= now && now < it.until
        })
    }

    /// Cancelled, or at the place where the script has something go wrong?
    fn step(&self, pid: i32, name: &str, attempt: u32, phase: Phase, answer: &mut Answer) -> Step {
        let mut model = self.model();
        let backend = model.backends.get(&pid);
        let Some(running) = backend.and_then(|it| it.running.as_ref()) else {
            return Step::Over(Err(failure("57P01")));
        };
        if running.cancelled {
            let code = if backend.is_some_and(|it| it.client) { "57014" } else { "57P01" };
            return Step::Over(Err(failure(code)));
        }
        let is_drop = running.drop;
        let hit = |fault: &Fault| {
            fault.index == name && fault.attempt == attempt && fault.at == phase && fault.drop == is_drop
        };
        let Some(at) = model.faults.iter().position(hit) else { return Step::On };
        let fault = model.faults.remove(at);
        if let Some(sqlstate) = &fault.sqlstate {
            return Step::Over(Err(failure(sqlstate)));
        }
        if let Some(backend) = model.backends.get_mut(&pid) {
            backend.client = false;
        }
        if let Some(answer) = answer.take() {
            // Whoever waited for it may be gone as well.
            let _ = answer.send(Err(Failure::lost("connection reset by peer")));
        }
        match fault.lost {
            Some(Lost::Dies) => Step::Over(Err(failure("57P01"))),
            Some(Lost::GoesOn) | None => Step::On,
        }
    }

    fn end(&self, pid: i32, result: Result<(), Failure>, answer: Answer) {
        let mut model = self.model();
        let gone = model.backends.get_mut(&pid).is_none_or(|backend| {
            backend.running = None;
            !backend.client
        });
        if gone {
            model.backends.remove(&pid);
        }
        drop(model);
        if let Some(answer) = answer {
            let _ = answer.send(result);
        }
    }
}

fn count(counts: &mut std::collections::BTreeMap<String, u32>, name: &str) -> u32 {
    let count = counts.entry(name.to_owned()).or_default();
    *count += 1;
    *count
}

/// `public.a` and `"a"` are `a`.
fn bare(word: &str) -> String {
    word.rsplit('.').next().unwrap().trim_matches('"').to_owned()
}

impl Model {
    /// A definition that no entry has.
    pub(crate) fn indexes_definition(&self) -> cicerone::domain::catalog::Definition {
        let any = self.registry.entries.first().expect("a script has entries");
        cicerone::domain::catalog::Definition {
            method: "hash".to_owned(),
            ..super::model::definition(&any.shape)
        }
    }
}
