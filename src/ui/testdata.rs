//! A scripted rollout for the console's tests: events as the engine writes them, readings as the observer has them.

use std::collections::BTreeMap;

use crate::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use crate::domain::catalog::{Difference, IndexFlags, Uniqueness};
use crate::domain::check::{CheckResult, Evidence, Verdict, Waivable};
use crate::domain::estimate::Estimate;
use crate::domain::event::{
    Before, BuildEvent, CheckEvent, Conclusion, DropConclusion, DropEvent, DropPurpose, Event, EventKind,
    Moment, Next, Origin, PlanReading, PlannedQuery, RollbackEvent, RunEvent, StepEvent, StepOutcome,
    UsesIndex, VerifyEvent,
};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::{
    BackendId, CheckId, Digest, EntryKey, Oid, Person, Pid, QualifiedName, RunId, Seq, SqlState, StepId,
};
use crate::domain::plan::{
    BlockedReason, Importance, IndexTraits, ItemState, LeftoverHarm, Plan, PlanItem, SnapshotEffect,
};
use crate::domain::playbook::{OnFailure, Playbook, PlaybookPhase, Step, StepKind};
use crate::domain::progress::{Counter, Eta, MethodFamily, Phase, ProgressSeen, Wait};
use crate::domain::sample::{BuildSample, Link, Samples, ServerSample, Volume};
use crate::domain::target::{
    Environment, Mode, Operator, Power, RunSettings, Standing, Target, TargetIdentity, Transport,
};
use crate::domain::unit::{Band, Bytes, Millis, Rows};

/// Texts of a run: ordinary ones, or ones that try everything a name may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    Ordinary,
    Hostile,
}

impl Texts {
    fn of(self, ordinary: &str) -> String {
        match self {
            Self::Ordinary => ordinary.to_owned(),
            Self::Hostile => format!(
                "{ordinary}\u{1b}[2J\u{1b}]0;x\u{7}\r\n\u{202e}evil\u{200b}日本語e\u{301}\u{301}\u{301}\u{301}{}",
                "x".repeat(70)
            ),
        }
    }
}

/// The moment at which the script begins.
pub(super) fn start() -> jiff::Timestamp {
    "2026-11-20T02:56:25Z".parse().unwrap()
}

/// So many seconds after the beginning.
pub(super) fn at(seconds: i64) -> jiff::Timestamp {
    start() + jiff::SignedDuration::from_secs(seconds)
}

/// Events in order, each a second after the one before unless told otherwise.
pub(super) struct Script {
    pub(super) events: Vec<Event>,
    pub(super) texts: Texts,
    pub(super) mode: Mode,
    clock: i64,
}

pub(super) fn operator() -> Person {
    Person("jane".to_owned())
}

pub(super) const NAMES: [(&str, &str); 8] = [
    ("idx_orders_tenant_created", "orders"),
    ("idx_orders_ref", "orders"),
    ("idx_leads_tenant_status_created_at", "leads"),
    ("idx_leads_email", "leads"),
    ("idx_calls_parent_sid", "call_log"),
    ("idx_msgs_conv_time", "messages"),
    ("idx_contacts_phone", "contacts"),
    ("idx_tasks_due", "tasks"),
];

impl Script {
    pub(super) fn new(texts: Texts, mode: Mode) -> Self {
        Self { events: Vec::new(), texts, mode, clock: 0 }
    }

    pub(super) fn push(&mut self, kind: EventKind) -> &mut Self {
        let seq = Seq(self.events.len() as u64 + 1);
        self.events.push(Event { seq, at: at(self.clock), kind });
        self.clock += 1;
        self
    }

    pub(super) fn wait(&mut self, seconds: i64) -> &mut Self {
        self.clock += seconds;
        self
    }

    pub(super) fn now(&self) -> jiff::Timestamp {
        at(self.clock)
    }

    pub(super) fn key(&self, index: usize) -> EntryKey {
        EntryKey(format!("public.{}", self.texts.of(NAMES[index].0)))
    }

    pub(super) fn opened(&mut self) -> &mut Self {
        let run = RunEvent::Opened {
            run: RunId("20261120-025625-a7f3".to_owned()),
            version: "0.1.0".to_owned(),
            operator: Operator {
                person: Person(self.texts.of("jane")),
                uid: 1000,
                host: "bastion".to_owned(),
                pid: 77,
                ssh_from: None,
            },
            mode: self.mode,
            environment: Environment::Prod,
            playbook: playbook(self.texts),
            settings: RunSettings { jobs: 2, ..RunSettings::default() },
            registry_path: "registry.toml".to_owned(),
            registry: Digest("00".repeat(32)),
        };
        self.push(EventKind::Run(run))
    }

    pub(super) fn connected(&mut self) -> &mut Self {
        let environment = match self.mode {
            Mode::Live | Mode::DryRun => Environment::Prod,
            Mode::Rehearsal => Environment::Rehearsal,
        };
        let target = Target {
            identity: identity(self.texts),
            address: self.texts.of("db1.example:5432"),
            environment,
            version: "PostgreSQL 16.4".to_owned(),
            role: self.texts.of("app_owner"),
            power: Power::Ordinary,
            transport: Transport::Tls,
        };
        self.push(EventKind::Run(RunEvent::TargetSeen { target }))
    }

    pub(super) fn step(&mut self, event: fn(StepId) -> StepEvent, step: &str) -> &mut Self {
        self.push(EventKind::Step(event(step.into())))
    }

    pub(super) fn started(&mut self, step: &str) -> &mut Self {
        self.step(|step| StepEvent::Started { step }, step)
    }

    pub(super) fn done(&mut self, step: &str) -> &mut Self {
        self.step(|step| StepEvent::Finished { step, outcome: StepOutcome::Done }, step)
    }

    pub(super) fn held(&mut self, step: &str, why: &str) -> &mut Self {
        let why = self.texts.of(why);
        self.push(EventKind::Step(StepEvent::Held { step: step.into(), why }))
    }

    pub(super) fn confirmed(&mut self, step: &str) -> &mut Self {
        self.push(EventKind::Step(StepEvent::Confirmed {
            step: step.into(),
            by: operator(),
            typed: "go".to_owned(),
        }))
    }

    pub(super) fn planned(&mut self) -> &mut Self {
        let plan = plan(self.texts, self.now());
        self.push(EventKind::Run(RunEvent::Planned { plan: Box::new(plan) }))
    }

    pub(super) fn checks(&mut self, disk: Verdict) -> &mut Self {
        for (id, title, verdict, found, wanted) in [
            ("target_primary", "target is the primary", Verdict::Pass, "pg_is_in_recovery() = f", "f"),
            (
                "backup_fresh",
                "backup is fresh",
                Verdict::Unknown,
                "no backup command is configured",
                "< 24:00:00 old",
            ),
            ("disk_headroom", "disk head room", disk, "11.8 GiB free", ">= 22.4 GiB"),
            ("replica_lag", "replica lag", Verdict::Pass, "r1 0.4 s, r2 0.6 s", "< 10 s"),
            (
                "old_transaction",
                "oldest transaction",
                Verdict::Warn,
                "00:12:03 pid 1234 idle in tx",
                "< 00:05:00",
            ),
            ("invalid_indexes", "invalid indexes", Verdict::Pass, "0 of 311", "0"),
        ] {
            let result = CheckResult {
                id: CheckId(id.to_owned()),
                title: self.texts.of(title),
                verdict,
                found: self.texts.of(found),
                wanted: wanted.to_owned(),
                details: vec![self.texts.of(
                    "6 indexes: about 14.9 GiB and 7.5 GiB of sort files. Volume /pg has 11.8 GiB free.",
                )],
                advice: verdict.blocks().then(|| {
                    "free 10.6 GiB, take indexes out of the plan, or waive with a reason".to_owned()
                }),
                evidence: Evidence {
                    source: self.texts.of("pg_stat_activity"),
                    query: Some("SELECT pg_is_in_recovery()".to_owned()),
                    at: self.now(),
                    took: Millis(3),
                },
                waivable: Waivable::WithReason,
            };
            self.push(EventKind::Check(CheckEvent::Judged { result }));
        }
        self.push(EventKind::Check(CheckEvent::PassEnded { took: Millis(412) }))
    }

    pub(super) fn waived(&mut self, check: &str) -> &mut Self {
        self.push(EventKind::Check(CheckEvent::Waived {
            check: CheckId(check.to_owned()),
            by: operator(),
            reason: "space is added at 03:30Z".to_owned(),
        }))
    }

    pub(super) fn build(&mut self, event: BuildEvent) -> &mut Self {
        self.push(EventKind::Build(event))
    }

    pub(super) fn begin(&mut self, index: usize) -> &mut Self {
        let entry = self.key(index);
        let statement = self.statement(index);
        self.build(BuildEvent::Started { entry: entry.clone(), attempt: 1 });
        self.build(BuildEvent::Intended {
            entry: entry.clone(),
            attempt: 1,
            statement,
            before: Before::Absent,
            backend: builder(index),
            table_oid: table_oid(index),
        });
        self.build(BuildEvent::Located { entry, oid: index_oid(index) })
    }

    pub(super) fn phase(&mut self, index: usize, phase: Phase) -> &mut Self {
        let entry = self.key(index);
        self.build(BuildEvent::PhaseEntered { entry, phase })
    }

    pub(super) fn verified(&mut self, index: usize) -> &mut Self {
        let entry = self.key(index);
        self.build(BuildEvent::StatementEnded { entry: entry.clone(), result: Ok(()) });
        let conclusion =
            Conclusion::Verified { oid: index_oid(index), size: Bytes(1_181_116_006), origin: Origin::Ours };
        self.build(BuildEvent::Concluded { entry, conclusion, next: Next::Done })
    }

    pub(super) fn failed(&mut self, index: usize) -> &mut Self {
        let entry = self.key(index);
        let failure = Failure {
            class: FailureClass::UniqueViolation,
            sqlstate: Some(SqlState("23505".to_owned())),
            message: self.texts.of("could not create unique index"),
        };
        self.build(BuildEvent::StatementEnded { entry: entry.clone(), result: Err(failure) });
        let conclusion = Conclusion::Leftover {
            oid: index_oid(index),
            flags: IndexFlags { valid: false, ready: true, live: true },
            size: Bytes(214_748_364),
            origin: Origin::Ours,
        };
        let next = Next::GiveUp { sentence: "the table holds duplicate values".to_owned() };
        self.build(BuildEvent::Concluded { entry, conclusion, next })
    }

    pub(super) fn held_up(&mut self, index: usize) -> &mut Self {
        let entry = self.key(index);
        let blockers = vec![blocker(self.texts, index, Bites::Now)];
        self.build(BuildEvent::HeldUp { entry, blockers })
    }

    pub(super) fn checked(&mut self, index: usize) -> &mut Self {
        let entry = self.key(index);
        for (moment, uses, node, cost) in [
            (Moment::Before, UsesIndex::No, "Seq Scan", 81_244.4),
            (Moment::After, if index == 5 { UsesIndex::No } else { UsesIndex::Yes }, "Index Scan", 8.44),
        ] {
            let reading = PlanReading {
                query: self.texts.of("SELECT id FROM leads\n WHERE tenant_id = $1"),
                reading: Ok(PlannedQuery { uses, node: self.texts.of(node), cost }),
            };
            let event = VerifyEvent::Explained { entry: entry.clone(), moment, plans: vec![reading] };
            self.push(EventKind::Verify(event));
        }
        let conclusion =
            Conclusion::Verified { oid: index_oid(index), size: Bytes(1_181_116_006), origin: Origin::Ours };
        self.push(EventKind::Verify(VerifyEvent::Checked { entry, conclusion }))
    }

    fn statement(&self, index: usize) -> String {
        let (name, table) = NAMES[index];
        format!("CREATE INDEX CONCURRENTLY {} ON public.{table} (tenant_id, status)", self.texts.of(name))
    }

    /// Up to the closed gate of the pre-flight.
    pub(super) fn gate(texts: Texts, mode: Mode) -> Self {
        let mut script = Self::new(texts, mode);
        script.opened().wait(2).connected().started("preflight.checks").planned().checks(Verdict::Stop);
        script.held("preflight.checks", "gate closed: UNKNOWN backup is fresh, FAIL disk head room");
        script
    }

    /// Up to the go or no-go.
    pub(super) fn confirm(texts: Texts, mode: Mode) -> Self {
        let mut script = Self::gate(texts, mode);
        script.wait(60).waived("backup_fresh").waived("disk_headroom").done("preflight.checks");
        script.started("go.confirm").held("go.confirm", "Build the planned indexes on this target now?");
        script
    }

    /// Into the builds: one done, one failed, one waiting, one at work.
    pub(super) fn building(texts: Texts, mode: Mode) -> Self {
        let mut script = Self::confirm(texts, mode);
        script.wait(30).confirmed("go.confirm").done("go.confirm").started("build.indexes").planned();
        script.begin(0).phase(0, Phase::Scan).wait(90).phase(0, Phase::ValidateTable).wait(20).verified(0);
        script.begin(3).phase(3, Phase::Scan).wait(15).failed(3);
        script.begin(2).phase(2, Phase::Scan).wait(120).phase(2, Phase::WritersBeforeValidation);
        script.held_up(2).wait(5).begin(4).phase(4, Phase::Scan).wait(40);
        script
    }

    /// To the signature.
    pub(super) fn to_sign(texts: Texts, mode: Mode) -> Self {
        let mut script = Self::building(texts, mode);
        script.wait(60).verified(2).verified(4).begin(5).wait(9).verified(5).done("build.indexes");
        script.started("verify.verify");
        for index in [0, 2, 4, 5] {
            script.checked(index);
        }
        script.done("verify.verify").started("signoff.signoff");
        script.held("signoff.signoff", "Is the result as expected?");
        script
    }

    /// The whole run, rollback and end included.
    pub(super) fn whole(texts: Texts, mode: Mode) -> Self {
        let mut script = Self::to_sign(texts, mode);
        let entry = script.key(0);
        script.push(EventKind::Rollback(RollbackEvent::Requested {
            by: operator(),
            reason: "wrong column order".to_owned(),
            entries: vec![entry.clone()],
        }));
        let oid = index_oid(0);
        let held = vec![blocker(texts, 0, Bites::Now)];
        for event in [
            DropEvent::Started { entry: entry.clone(), oid, purpose: DropPurpose::Rollback },
            DropEvent::Intended {
                entry: entry.clone(),
                oid,
                statement: "DROP INDEX CONCURRENTLY public.idx_orders_tenant_created".to_owned(),
                backend: builder(0),
            },
            DropEvent::HeldUp { entry: entry.clone(), blockers: held },
            DropEvent::StatementEnded { entry: entry.clone(), result: Ok(()) },
            DropEvent::Concluded { entry, oid, conclusion: DropConclusion::Gone },
        ] {
            script.push(EventKind::Drop(event));
        }
        script.push(EventKind::Rollback(RollbackEvent::Finished { dropped: 1, left: 0 }));
        script.push(EventKind::Run(RunEvent::SignedOff {
            by: operator(),
            reason: script.texts.of("looks right"),
        }));
        script.done("signoff.signoff");
        script.push(EventKind::Run(RunEvent::Closed { ending: crate::domain::event::Ending::Finished }));
        script
    }

    /// Readings that go with [`Script::building`].
    pub(super) fn samples(&self) -> Samples {
        let seen = |phase, done| ProgressSeen {
            table_oid: table_oid(2),
            index_oid: index_oid(2),
            phase,
            lockers: Counter { done: 1, total: 2 },
            blocks: Counter { done, total: 189_602 },
            tuples: Counter::default(),
            current_locker: Some(Pid(1234)),
        };
        let waiting = BuildSample {
            backend: Some(builder(2)),
            phase: Phase::WritersBeforeValidation,
            in_phase: Millis(151_000),
            fraction: 0.78,
            eta: Eta::Waiting { on: Wait::Writers, work_left: Some(Millis(80_000)) },
            working: Millis(202_000),
            waiting: Millis(154_000),
            seen: Some(seen(Phase::WritersBeforeValidation, 0)),
            blockers: vec![
                blocker(self.texts, 2, Bites::Now),
                blocker(self.texts, 3, Bites::Later),
                prepared(self.texts),
            ],
        };
        let left = Band { low: Millis(84_000), likely: Millis(120_000), high: Millis(180_000) };
        let working = BuildSample {
            backend: Some(builder(4)),
            phase: Phase::Scan,
            in_phase: Millis(40_000),
            fraction: 0.337,
            eta: Eta::Left(left),
            working: Millis(40_000),
            waiting: Millis(0),
            seen: Some(seen(Phase::Scan, 60_000)),
            blockers: Vec::new(),
        };
        Samples {
            at: Some(self.now()),
            link: Link::Up,
            builds: BTreeMap::from([(self.key(2), waiting), (self.key(4), working)]),
            drop_holders: BTreeMap::from([(self.key(2), vec![reader(self.texts, 2), prepared(self.texts)])]),
            server: ServerSample {
                active: Some(41),
                sessions: Some(96),
                max_connections: Some(300),
                lock_waits: Some(0),
                oldest_transaction: Some(Millis(723_000)),
                replication_lag: Some(Millis(900)),
                standbys: Some(2),
                wal_per_second: Some(Bytes(39_845_888)),
            },
            volumes: vec![Volume {
                what: self.texts.of("data"),
                free: Bytes(12_670_153_523),
                total: Some(Bytes(107_374_182_400)),
                at: self.now(),
            }],
        }
    }

    /// Readings while nothing runs.
    pub(super) fn quiet(&self) -> Samples {
        Samples { builds: BTreeMap::new(), ..self.samples() }
    }
}

pub(super) fn builder(index: usize) -> BackendId {
    BackendId { pid: Pid(4711 + i32::try_from(index).unwrap()), started: start() }
}

fn table_oid(index: usize) -> Oid {
    Oid(16_000 + index as u32)
}

fn index_oid(index: usize) -> Oid {
    Oid(17_000 + index as u32)
}

pub(super) fn blocker(texts: Texts, index: usize, bites: Bites) -> Blocker {
    let stage = match bites {
        Bites::Now => BlockStage::Writer,
        Bites::Later => BlockStage::OldSnapshot,
    };
    Blocker {
        stage,
        bites,
        holder: Holder::Session {
            backend: BackendId { pid: Pid(1232 + i32::try_from(index).unwrap()), started: at(-900) },
            application: texts.of("billing-worker"),
            user: texts.of("billing"),
            client: Some("10.0.4.17".to_owned()),
            state: Some("idle in transaction".to_owned()),
            query: Some(texts.of("UPDATE leads SET status='won'\n WHERE id = $1")),
            backend_type: Some("client backend".to_owned()),
        },
        why: "RowExclusiveLock".to_owned(),
        since: Some(at(-700)),
        table: Some(table_oid(index)),
    }
}

/// Somebody who only read the table: in the way of a drop, not of a build.
fn reader(texts: Texts, index: usize) -> Blocker {
    let stage = BlockStage::Reader;
    Blocker { stage, why: "AccessShareLock".to_owned(), ..blocker(texts, index, Bites::Now) }
}

fn prepared(texts: Texts) -> Blocker {
    Blocker {
        stage: BlockStage::Writer,
        bites: Bites::Later,
        holder: Holder::Prepared { gid: texts.of("xa-77"), owner: texts.of("billing") },
        why: "RowExclusiveLock".to_owned(),
        since: None,
        table: Some(table_oid(2)),
    }
}

fn identity(texts: Texts) -> TargetIdentity {
    TargetIdentity {
        system_identifier: 7_300_000_000_000_041_234,
        database_oid: Oid(16_384),
        database: texts.of("app"),
        timeline: Some(1),
        standing: Standing::Primary,
        version_num: 160_004,
        started: at(-90_000),
    }
}

fn playbook(texts: Texts) -> Playbook {
    let step = |id: &str, title: &str, kind| Step {
        id: id.into(),
        title: texts.of(title),
        kind,
        on_failure: OnFailure::Stop,
    };
    let phase = |name: &str, title: &str, steps| PlaybookPhase {
        name: name.to_owned(),
        title: texts.of(title),
        steps,
    };
    let builds = StepKind::BuildIndexes {
        only_domains: None,
        jobs: None,
        attempts: None,
        first_lock: None,
        writers: None,
        old_snapshots: None,
        on_budget: None,
    };
    Playbook {
        name: "index-rollout".to_owned(),
        title: texts.of("Index rollout"),
        digest: Digest("11".repeat(32)),
        phases: vec![
            phase(
                "preflight",
                "Pre-flight",
                vec![step("preflight.checks", "Plan and checks", StepKind::Checks { require: Vec::new() })],
            ),
            phase(
                "go",
                "Go",
                vec![step(
                    "go.confirm",
                    "Go or no-go",
                    StepKind::Confirm { prompt: texts.of("Build the planned indexes on this target now?") },
                )],
            ),
            phase("build", "Build", vec![step("build.indexes", "Build every planned index", builds)]),
            phase(
                "verify",
                "Verify",
                vec![step("verify.verify", "Read everything again", StepKind::Verify { explain: true })],
            ),
            phase(
                "signoff",
                "Sign-off",
                vec![step(
                    "signoff.signoff",
                    "Sign the result",
                    StepKind::SignOff { prompt: texts.of("Is the result as expected?") },
                )],
            ),
        ],
    }
}

fn plan(texts: Texts, now: jiff::Timestamp) -> Plan {
    let items = NAMES
        .iter()
        .enumerate()
        .map(|(index, (name, table))| {
            let name = texts.of(name);
            PlanItem {
                key: EntryKey(format!("public.{name}")),
                name: name.as_str().into(),
                table: QualifiedName::new("public", texts.of(table)),
                table_oid: Some(table_oid(index)),
                domain: "crm".to_owned(),
                critical: Importance::Critical,
                statement: format!("CREATE INDEX CONCURRENTLY {name} ON public.{table} (tenant_id, status)"),
                traits: IndexTraits {
                    family: MethodFamily::Btree,
                    snapshot: SnapshotEffect::Ignored,
                    unique: Uniqueness::No,
                },
                state: item_state(index, texts),
                expected: None,
                estimate: Some(estimate(index as u64 + 1)),
                rows: Some(Rows(22_000_000)),
                table_size: Some(Bytes(6_549_825_126)),
                queries: Vec::new(),
            }
        })
        .collect();
    Plan {
        id: crate::domain::id::PlanId("22".repeat(32)),
        made_at: now,
        registry: Digest("00".repeat(32)),
        target: identity(texts),
        settings: RunSettings::default(),
        memory_kb: None,
        items,
    }
}

fn item_state(index: usize, texts: Texts) -> ItemState {
    match index {
        1 => ItemState::Present { oid: index_oid(1), size: Bytes(322_122_547) },
        6 => ItemState::Drift {
            oid: index_oid(6),
            differences: vec![Difference {
                what: "columns".to_owned(),
                wanted: "tenant_id, phone".to_owned(),
                found: texts.of("phone"),
            }],
            live: texts.of("CREATE INDEX idx_contacts_phone ON public.contacts USING btree (phone)"),
        },
        7 if texts == Texts::Hostile => ItemState::Blocked {
            reason: BlockedReason::ServerRefuses {
                sqlstate: "42703".to_owned(),
                message: texts.of("column \"due\" does not exist"),
            },
        },
        7 => ItemState::Leftover {
            oid: index_oid(7),
            flags: IndexFlags { valid: false, ready: true, live: true },
            size: Bytes(52_428_800),
            harm: LeftoverHarm::CostsWrites,
            ties: Vec::new(),
        },
        _ => ItemState::ToBuild,
    }
}

fn estimate(scale: u64) -> Estimate {
    let band = |value: u64| Band { low: value * 7 / 10, likely: value, high: value * 15 / 10 };
    let bytes = |value: u64| {
        let Band { low, likely, high } = band(value);
        Band { low: Bytes(low), likely: Bytes(likely), high: Bytes(high) }
    };
    let Band { low, likely, high } = band(scale * 95_000);
    Estimate {
        index: bytes(scale * 300_000_000),
        temp: bytes(scale * 200_000_000),
        wal: bytes(scale * 310_000_000),
        time: Band { low: Millis(low), likely: Millis(likely), high: Millis(high) },
    }
}
