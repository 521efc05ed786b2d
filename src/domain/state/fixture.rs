//! Runs for tests: a log of events with its fold, and plans over a small database.

use super::RunState;
use crate::domain::catalog::{Builder, IndexFacts, IndexFlags, IndexReading};
use crate::domain::command::{Command, Refusal, Verb};
use crate::domain::decide::decide;
use crate::domain::estimate::Estimate;
use crate::domain::event::{Before, BuildEvent, Event, EventKind, RunEvent, StepEvent, StepOutcome};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::{
    BackendId, Digest, EntryKey, IndexName, Oid, Person, Pid, QualifiedName, Seq, SqlState,
};
use crate::domain::observe::{Outcome, observe};
use crate::domain::plan::fixture::{identity, index, noon, status_definition};
use crate::domain::plan::{Importance, IndexTraits, ItemState, Plan, PlanItem, SnapshotEffect};
use crate::domain::playbook::{OnFailure, Playbook, PlaybookPhase, Step, StepKind};
use crate::domain::progress::MethodFamily;
use crate::domain::target::{Environment, Mode, Operator, Power, RunSettings, Target, Transport};
use crate::domain::unit::{Band, Bytes, Millis};

pub(crate) const CHECKS: &str = "preflight.checks";
pub(crate) const CONFIRM: &str = "go.confirm";
pub(crate) const BUILD: &str = "build.indexes";
pub(crate) const VERIFY: &str = "verify.verify";
pub(crate) const SIGN: &str = "signoff.signoff";

/// Events in order and what they fold to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) events: Vec<Event>,
    pub(crate) state: RunState,
    /// Seconds that passed without an event.
    pub(crate) quiet: i64,
}

impl Log {
    /// A run that was opened and nothing more.
    pub(crate) fn opened(settings: RunSettings, mode: Mode) -> Self {
        let mut log = Self::default();
        log.push(EventKind::Run(RunEvent::Opened {
            run: "r1".into(),
            version: "0.1.0".to_owned(),
            operator: operator(),
            mode,
            environment: Environment::Stage,
            playbook: playbook(),
            settings,
            registry_path: "registry.toml".to_owned(),
            registry: Digest::of(b"registry"),
        }));
        log
    }

    /// A run at its build step: connected, checked, confirmed, planned.
    pub(crate) fn building(items: Vec<PlanItem>) -> Self {
        Self::building_with(items, &RunSettings { jobs: 2, ..RunSettings::default() })
    }

    pub(crate) fn building_with(items: Vec<PlanItem>, settings: &RunSettings) -> Self {
        let mut log = Self::opened(settings.clone(), Mode::Live);
        log.push(EventKind::Run(RunEvent::TargetSeen { target: target() }));
        let plan = plan(items, settings);
        log.start(CHECKS);
        log.push(EventKind::Run(RunEvent::Planned { plan: Box::new(plan.clone()) }));
        log.outcome(Outcome::ChecksEnded(Millis(5)));
        log.finish(CHECKS);
        log.start(CONFIRM);
        log.push(EventKind::Step(StepEvent::Held { step: CONFIRM.into(), why: "?".to_owned() }));
        log.push(EventKind::Step(StepEvent::Confirmed {
            step: CONFIRM.into(),
            by: "ana".into(),
            typed: "go".to_owned(),
        }));
        log.finish(CONFIRM);
        log.start(BUILD);
        log.push(EventKind::Run(RunEvent::Planned { plan: Box::new(plan) }));
        log
    }

    pub(crate) fn start(&mut self, step: &str) {
        self.push(EventKind::Step(StepEvent::Started { step: step.into() }));
    }

    pub(crate) fn finish(&mut self, step: &str) {
        self.push(EventKind::Step(StepEvent::Finished { step: step.into(), outcome: StepOutcome::Done }));
    }

    /// A second passes with each event.
    pub(crate) fn now(&self) -> jiff::Timestamp {
        noon() + jiff::SignedDuration::from_secs(i64::try_from(self.events.len()).unwrap() + self.quiet)
    }

    pub(crate) fn push(&mut self, kind: EventKind) {
        let event = Event { seq: Seq(self.events.len() as u64 + 1), at: self.now(), kind };
        self.state.apply(&event);
        self.events.push(event);
    }

    pub(crate) fn outcome(&mut self, outcome: Outcome) -> Vec<EventKind> {
        let kinds = observe(&self.state, outcome, self.now());
        for kind in &kinds {
            self.push(kind.clone());
        }
        kinds
    }

    pub(crate) fn command(&mut self, verb: Verb) -> Result<EventKind, Refusal> {
        let kind = decide(&self.state, &command(verb))?;
        self.push(kind.clone());
        Ok(kind)
    }

    /// A worker took an entry.
    pub(crate) fn started(&mut self, entry: &str, attempt: u32) -> &mut Self {
        self.push(EventKind::Build(BuildEvent::Started { entry: entry.into(), attempt }));
        self
    }

    /// Its intent is on disk.
    pub(crate) fn intended(&mut self, entry: &str, pid: i32) -> &mut Self {
        let table_oid = self.state.plan.as_ref().unwrap().item(&entry.into()).unwrap().table_oid.unwrap();
        self.push(EventKind::Build(BuildEvent::Intended {
            entry: entry.into(),
            attempt: 1,
            statement: "CREATE INDEX CONCURRENTLY".to_owned(),
            before: Before::Absent,
            backend: backend(pid),
            table_oid,
        }));
        self
    }

    pub(crate) fn ended(&mut self, entry: &str, result: Result<(), Failure>) -> &mut Self {
        self.outcome(Outcome::BuildEnded { entry: entry.into(), result });
        self
    }

    pub(crate) fn located(&mut self, entry: &str, oid: u32) -> &mut Self {
        self.outcome(Outcome::Located { entry: entry.into(), oid: Oid(oid) });
        self
    }

    pub(crate) fn read(&mut self, entry: &str, reading: IndexReading, ended: Option<i32>) -> Vec<EventKind> {
        self.outcome(Outcome::BuildRead {
            entry: entry.into(),
            reading: Ok(reading),
            ended: ended.map(backend),
            jitter: 0,
        })
    }

    /// Built, read back, verified.
    pub(crate) fn built(&mut self, entry: &str, oid: u32) -> &mut Self {
        self.started(entry, 1).intended(entry, 100).located(entry, oid).ended(entry, Ok(()));
        let facts = self.facts(entry, oid, true);
        self.read(entry, reading(Some(facts)), Some(100));
        self
    }

    /// Tried, and an invalid index is left.
    pub(crate) fn left(&mut self, entry: &str, oid: u32, class: FailureClass) -> &mut Self {
        self.started(entry, 1).intended(entry, 100).located(entry, oid).ended(entry, Err(fail(class)));
        let facts = self.facts(entry, oid, false);
        self.read(entry, reading(Some(facts)), Some(100));
        self
    }

    /// The index of an entry as the catalogs would have it.
    pub(crate) fn facts(&self, entry: &str, oid: u32, usable: bool) -> IndexFacts {
        let item = self.state.plan.as_ref().unwrap().item(&entry.into()).unwrap();
        IndexFacts {
            oid: Oid(oid),
            name: QualifiedName::new("public", item.name.0.clone()),
            table_oid: item.table_oid.unwrap(),
            table: item.table.clone(),
            flags: IndexFlags { valid: usable, ready: usable, live: true },
            ..index("x", status_definition())
        }
    }
}

pub(crate) fn command(verb: Verb) -> Command {
    Command { by: Person("ana".to_owned()), verb }
}

pub(crate) fn operator() -> Operator {
    Operator { person: "ana".into(), uid: 1000, host: "bastion".to_owned(), pid: 7, ssh_from: None }
}

pub(crate) fn target() -> Target {
    Target {
        identity: identity(),
        address: "db:5432".to_owned(),
        environment: Environment::Stage,
        version: "PostgreSQL 15.18".to_owned(),
        role: "owner".to_owned(),
        power: Power::Ordinary,
        transport: Transport::Tls,
    }
}

pub(crate) fn backend(pid: i32) -> BackendId {
    BackendId { pid: Pid(pid), started: noon() }
}

pub(crate) fn fail(class: FailureClass) -> Failure {
    Failure { class, sqlstate: Some(SqlState("XXXXX".to_owned())), message: "it failed".to_owned() }
}

pub(crate) fn reading(index: Option<IndexFacts>) -> IndexReading {
    IndexReading { identity: identity(), index, builders: Vec::new() }
}

pub(crate) fn builder(pid: i32, application: &str) -> Builder {
    Builder {
        backend: backend(pid),
        application: application.to_owned(),
        user: "jane".to_owned(),
        table_oid: None,
        index_oid: None,
        command: "item lock".to_owned(),
        item_lock: None,
    }
}

fn step(id: &str, kind: StepKind, on_failure: OnFailure) -> PlaybookPhase {
    let name = id.split('.').next().unwrap().to_owned();
    let step = Step { id: id.into(), title: id.to_owned(), kind, on_failure };
    PlaybookPhase { title: name.clone(), name, steps: vec![step] }
}

/// The five steps of the shipped rollout.
pub(crate) fn playbook() -> Playbook {
    let prompt = || "?".to_owned();
    let build = StepKind::BuildIndexes {
        only_domains: None,
        jobs: None,
        attempts: None,
        first_lock: None,
        writers: None,
        old_snapshots: None,
        on_budget: None,
    };
    Playbook {
        name: "p".to_owned(),
        title: "P".to_owned(),
        digest: Digest::of(b"playbook"),
        phases: vec![
            step(CHECKS, StepKind::Checks { require: Vec::new() }, OnFailure::Stop),
            step(CONFIRM, StepKind::Confirm { prompt: prompt() }, OnFailure::Stop),
            step(BUILD, build, OnFailure::Ask),
            step(VERIFY, StepKind::Verify { explain: true }, OnFailure::Stop),
            step(SIGN, StepKind::SignOff { prompt: prompt() }, OnFailure::Stop),
        ],
    }
}

pub(crate) fn plan(items: Vec<PlanItem>, settings: &RunSettings) -> Plan {
    Plan {
        id: "p1".into(),
        made_at: noon(),
        registry: Digest::of(b"registry"),
        target: identity(),
        settings: settings.clone(),
        memory_kb: None,
        items,
    }
}

/// An entry `public.<name>` on the table with this OID.
pub(crate) fn entry(name: &str, table: u32, state: ItemState) -> PlanItem {
    PlanItem {
        key: EntryKey(format!("public.{name}")),
        name: IndexName(name.to_owned()),
        table: QualifiedName::new("public", format!("t{table}")),
        table_oid: Some(Oid(table)),
        domain: "d".to_owned(),
        critical: Importance::Normal,
        statement: format!("CREATE INDEX CONCURRENTLY {name} ON public.t{table} USING btree (status)"),
        traits: IndexTraits {
            family: MethodFamily::Btree,
            snapshot: SnapshotEffect::Ignored,
            unique: crate::domain::catalog::Uniqueness::No,
        },
        state,
        expected: Some(status_definition()),
        estimate: Some(estimate(1_000)),
        rows: None,
        table_size: None,
        queries: Vec::new(),
    }
}

pub(crate) fn estimate(likely: u64) -> Estimate {
    let bytes = Band { low: Bytes(1), likely: Bytes(2), high: Bytes(3) };
    let time = Band { low: Millis(likely / 2), likely: Millis(likely), high: Millis(likely * 2) };
    Estimate { index: bytes, temp: bytes, wal: bytes, time }
}
