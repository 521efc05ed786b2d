//! A scripted run for the tests of every output: what goes well, what does not, and names that try to break out.

use jiff::{SignedDuration, Timestamp};

use crate::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use crate::domain::catalog::{Difference, IndexFlags, Uniqueness};
use crate::domain::check::{CheckResult, Evidence, Verdict, Waivable};
use crate::domain::estimate::Estimate;
use crate::domain::event::{
    Before, BuildEvent, CheckEvent, Conclusion, DropConclusion, DropEvent, DropPurpose, Ending, Event,
    EventKind, Moment, Next, Origin, PlanReading, PlannedQuery, RunEvent, SessionEnd, SessionEvent,
    Signalled, StepEvent, StepOutcome, UsesIndex, VerifyEvent,
};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::{
    BackendId, Digest, EntryKey, IndexName, Oid, Pid, PlanId, QualifiedName, Seq, SqlState,
};
use crate::domain::plan::{Importance, IndexTraits, ItemState, Plan, PlanItem, SnapshotEffect};
use crate::domain::playbook::{OnFailure, Playbook, PlaybookPhase, Step, StepKind};
use crate::domain::progress::{MethodFamily, Phase, Wait};
use crate::domain::target::{
    BudgetPolicy, Environment, Mode, Operator, Power, RunSettings, Standing, Target, TargetIdentity,
    Transport,
};
use crate::domain::unit::{Band, Bytes, Millis, Rows};

/// A name that tries to end a table's cell, its code, its line, and to act on the terminal.
pub(super) const EVIL: &str = "public.evil|`name`\n| a | b |\u{1b}[2J\u{202e}";

/// Events one after the other, each some time after the one before.
pub(super) struct Script {
    pub(super) events: Vec<Event>,
    at: Timestamp,
}

impl Script {
    fn new() -> Self {
        Self { events: Vec::new(), at: "2026-11-20T23:58:00Z".parse().unwrap() }
    }

    fn then(&mut self, seconds: i64, kind: EventKind) {
        self.at += SignedDuration::from_secs(seconds);
        let seq = Seq(self.events.len() as u64 + 1);
        self.events.push(Event { seq, at: self.at, kind });
    }

    fn build(&mut self, seconds: i64, event: BuildEvent) {
        self.then(seconds, EventKind::Build(event));
    }

    fn step(&mut self, seconds: i64, event: StepEvent) {
        self.then(seconds, EventKind::Step(event));
    }

    /// An attempt up to the end of its statement.
    fn attempt(&mut self, entry: &EntryKey, attempt: u32, result: Result<(), Failure>) {
        self.build(0, BuildEvent::Started { entry: entry.clone(), attempt });
        self.build(
            1,
            BuildEvent::Intended {
                entry: entry.clone(),
                attempt,
                statement: format!("/* cicerone */ CREATE INDEX CONCURRENTLY {}", entry.as_str()),
                before: Before::Absent,
                backend: backend(4000 + attempt.cast_signed()),
                table_oid: Oid(16_400),
            },
        );
        let phases = [
            (1, Phase::WritersBeforeBuild),
            (2, Phase::Scan),
            (20, Phase::Load),
            (8, Phase::WritersBeforeValidation),
            (30, Phase::ValidateTable),
            (10, Phase::OldSnapshots),
        ];
        for (seconds, phase) in phases {
            self.build(seconds, BuildEvent::PhaseEntered { entry: entry.clone(), phase });
            if phase == Phase::Scan {
                self.build(0, BuildEvent::Located { entry: entry.clone(), oid: Oid(20_000 + attempt) });
            }
            if phase == Phase::WritersBeforeValidation {
                self.build(3, BuildEvent::HeldUp { entry: entry.clone(), blockers: vec![writer()] });
            }
        }
        self.build(1, BuildEvent::StatementEnded { entry: entry.clone(), result });
    }

    fn verified(&mut self, entry: &EntryKey, oid: u32) {
        let conclusion =
            Conclusion::Verified { oid: Oid(oid), size: Bytes(12_900_000), origin: Origin::Ours };
        self.build(1, BuildEvent::Concluded { entry: entry.clone(), conclusion, next: Next::Done });
    }

    fn explained(&mut self, entry: &EntryKey, moment: Moment, node: &str, cost: f64, uses: UsesIndex) {
        let planned = PlannedQuery { uses, node: node.to_owned(), cost };
        let query = "SELECT * FROM leads WHERE email = $1 AND note <> '|'".to_owned();
        let plans = vec![PlanReading { query, reading: Ok(planned) }];
        self.then(1, EventKind::Verify(VerifyEvent::Explained { entry: entry.clone(), moment, plans }));
    }
}

/// The whole rehearsal: pre-flight with a waiver, a good build, one with a deadlock and a retry, one given up with a
/// leftover, one left out, sign-off.
pub(super) fn rehearsal() -> Vec<Event> {
    let mut script = opened(Mode::Rehearsal, Environment::Rehearsal);
    preflight(&mut script);
    let good = key("public.idx_leads_email");
    script.explained(&good, Moment::Before, "Seq Scan", 1834.0, UsesIndex::No);
    script.attempt(&good, 1, Ok(()));
    script.verified(&good, 20_001);
    script.explained(&good, Moment::After, "Index Scan", 8.44, UsesIndex::Yes);
    retried(&mut script);
    given_up(&mut script);
    let left_out = key("public.idx_tasks_due");
    script.build(
        2,
        BuildEvent::Skipped {
            entry: left_out,
            by: "cicerone".into(),
            reason: "the name belongs to another index".into(),
        },
    );
    script.step(
        1,
        StepEvent::Finished {
            step: "build.indexes".into(),
            outcome: StepOutcome::Warned { reason: "1 failed, 1 left out".into() },
        },
    );
    script.then(
        5,
        EventKind::Run(RunEvent::SignedOff {
            by: "Ana <ana@example.com>".into(),
            reason: "good enough for *tonight*".into(),
        }),
    );
    script.then(0, EventKind::Run(RunEvent::Closed { ending: Ending::Finished }));
    script.events
}

fn retried(script: &mut Script) {
    let entry = key("public.idx_deals_stage");
    let deadlock = Failure {
        class: FailureClass::Deadlock,
        sqlstate: Some(SqlState("40P01".into())),
        message: "deadlock detected".into(),
    };
    script.attempt(&entry, 1, Err(deadlock));
    let not_before = script.at + SignedDuration::from_secs(30);
    script.build(
        1,
        BuildEvent::Concluded {
            entry: entry.clone(),
            conclusion: leftover(20_001),
            next: Next::DropThenRetry { not_before },
        },
    );
    let oid = Oid(20_001);
    script.then(
        1,
        EventKind::Drop(DropEvent::Started { entry: entry.clone(), oid, purpose: DropPurpose::Leftover }),
    );
    script.then(
        1,
        EventKind::Drop(DropEvent::Intended {
            entry: entry.clone(),
            oid,
            statement: "DROP INDEX CONCURRENTLY public.idx_deals_stage".into(),
            backend: backend(4100),
        }),
    );
    script.then(1, EventKind::Drop(DropEvent::StatementEnded { entry: entry.clone(), result: Ok(()) }));
    script.then(
        0,
        EventKind::Drop(DropEvent::Concluded { entry: entry.clone(), oid, conclusion: DropConclusion::Gone }),
    );
    script.then(
        2,
        EventKind::Session(SessionEvent::EndRequested {
            backend: backend(1234),
            description: "billing-worker\u{1b}[31m".into(),
            how: SessionEnd::Terminate,
            by: "ana".into(),
            reason: "forgotten since noon".into(),
        }),
    );
    script.then(
        0,
        EventKind::Session(SessionEvent::EndAttempted {
            backend: backend(1234),
            result: Ok(Signalled::Sent),
        }),
    );
    script.attempt(&entry, 2, Ok(()));
    script.build(
        0,
        BuildEvent::BudgetSpent {
            entry: entry.clone(),
            wait: Wait::OldSnapshots,
            waited: Millis(3_600_000),
            policy: BudgetPolicy::KeepWaiting,
        },
    );
    script.verified(&entry, 20_002);
}

fn given_up(script: &mut Script) {
    let entry = key(EVIL);
    let duplicate = Failure {
        class: FailureClass::UniqueViolation,
        sqlstate: Some(SqlState("23505".into())),
        message: "could not create unique index \"evil|`name`\"".into(),
    };
    script.attempt(&entry, 1, Err(duplicate));
    script.build(
        1,
        BuildEvent::Concluded {
            entry,
            conclusion: leftover(20_001),
            next: Next::GiveUp { sentence: "remove the duplicates, then retry".into() },
        },
    );
}

/// A run that was opened, met its target, and was cut.
pub(super) fn cut_short() -> Vec<Event> {
    opened(Mode::Live, Environment::Prod).events
}

fn opened(mode: Mode, environment: Environment) -> Script {
    let mut script = Script::new();
    script.then(
        0,
        EventKind::Run(RunEvent::Opened {
            run: "20261120-235800-a7f3".into(),
            version: "0.1.0".into(),
            operator: operator(),
            mode,
            environment: environment.clone(),
            playbook: playbook(),
            settings: RunSettings::default(),
            registry_path: "registry/".into(),
            registry: Digest("1a".repeat(32)),
        }),
    );
    script.then(1, EventKind::Run(RunEvent::TargetSeen { target: target(environment) }));
    script
}

fn preflight(script: &mut Script) {
    script.step(0, StepEvent::Started { step: "pre.checks".into() });
    let plan = Box::new(plan(script.at));
    script.then(1, EventKind::Run(RunEvent::Planned { plan }));
    let checks = [
        check("primary", "target is the primary", Verdict::Pass, "primary", "primary", None, script.at),
        check(
            "backup",
            "backup is fresh",
            Verdict::Unknown,
            "no probe configured",
            "younger than 24 h",
            Some("configure [backup] command"),
            script.at,
        ),
        check(
            "old_transaction",
            "oldest transaction",
            Verdict::Warn,
            "pid 1234 | idle",
            "under 5 m",
            None,
            script.at,
        ),
    ];
    for result in checks {
        script.then(0, EventKind::Check(CheckEvent::Judged { result }));
    }
    script.then(1, EventKind::Check(CheckEvent::PassEnded { took: Millis(1200) }));
    script.then(
        20,
        EventKind::Check(CheckEvent::Waived {
            check: "backup".into(),
            by: "ana".into(),
            reason: "snapshot taken by hand at 23:00".into(),
        }),
    );
    script.step(0, StepEvent::Finished { step: "pre.checks".into(), outcome: StepOutcome::Done });
    script.step(0, StepEvent::Held { step: "build.go".into(), why: "say go".into() });
    script.step(9, StepEvent::Confirmed { step: "build.go".into(), by: "ana".into(), typed: "go".into() });
    script.step(0, StepEvent::Finished { step: "build.go".into(), outcome: StepOutcome::Done });
    script.step(0, StepEvent::Started { step: "build.indexes".into() });
}

fn check(
    id: &str,
    title: &str,
    verdict: Verdict,
    found: &str,
    wanted: &str,
    advice: Option<&str>,
    at: Timestamp,
) -> CheckResult {
    CheckResult {
        id: id.into(),
        title: title.into(),
        verdict,
        found: found.into(),
        wanted: wanted.into(),
        details: Vec::new(),
        advice: advice.map(str::to_owned),
        evidence: Evidence { source: "pg_stat_activity".into(), query: None, at, took: Millis(3) },
        waivable: Waivable::WithReason,
    }
}

fn plan(at: Timestamp) -> Plan {
    let drift = ItemState::Drift {
        oid: Oid(17_000),
        differences: vec![Difference {
            what: "column 1".into(),
            wanted: "due_at".into(),
            found: "id".into(),
        }],
        live: "CREATE INDEX idx_tasks_due ON public.tasks USING btree (id)".into(),
    };
    let present = ItemState::Present { oid: Oid(16_900), size: Bytes(8192) };
    Plan {
        id: PlanId("c3".repeat(32)),
        made_at: at,
        registry: Digest("1a".repeat(32)),
        target: identity(),
        settings: RunSettings::default(),
        memory_kb: None,
        items: vec![
            item("public.idx_leads_email", "leads", ItemState::ToBuild),
            item("public.idx_deals_stage", "deals", ItemState::ToBuild),
            item(EVIL, "evil\ntable", ItemState::ToBuild),
            item("public.idx_tasks_due", "tasks", drift),
            item("public.idx_old", "leads", present),
        ],
    }
}

fn item(name: &str, table: &str, state: ItemState) -> PlanItem {
    let band = |likely: u64| Band { low: Bytes(likely / 2), likely: Bytes(likely), high: Bytes(likely * 2) };
    let time = Band { low: Millis(20_000), likely: Millis(40_000), high: Millis(90_000) };
    PlanItem {
        key: key(name),
        name: IndexName(name.strip_prefix("public.").unwrap_or(name).to_owned()),
        table: QualifiedName::new("public", table),
        table_oid: Some(Oid(16_400)),
        domain: "sales".into(),
        critical: if name.contains("email") { Importance::Critical } else { Importance::Normal },
        statement: format!("CREATE INDEX CONCURRENTLY {name}"),
        traits: IndexTraits {
            family: MethodFamily::Btree,
            snapshot: SnapshotEffect::Ignored,
            unique: Uniqueness::No,
        },
        state,
        expected: None,
        estimate: Some(Estimate { index: band(13_000_000), temp: band(0), wal: band(12_000_000), time }),
        rows: Some(Rows(400_000)),
        table_size: Some(Bytes(90_000_000)),
        queries: Vec::new(),
    }
}

fn playbook() -> Playbook {
    let step = |id: &str, title: &str, kind| Step {
        id: id.into(),
        title: title.into(),
        kind,
        on_failure: OnFailure::Warn,
    };
    Playbook {
        name: "index-rollout".into(),
        title: "Index rollout".into(),
        digest: Digest("2b".repeat(32)),
        phases: vec![PlaybookPhase {
            name: "all".into(),
            title: "All".into(),
            steps: vec![
                step("pre.checks", "Pre-flight", StepKind::Checks { require: Vec::new() }),
                step("build.go", "Go", StepKind::Confirm { prompt: "say go".into() }),
                step("build.indexes", "Build", StepKind::Verify { explain: true }),
            ],
        }],
    }
}

fn identity() -> TargetIdentity {
    TargetIdentity {
        system_identifier: 7_340_000_000_000_000_001,
        database_oid: Oid(16_384),
        database: "app".into(),
        timeline: Some(1),
        standing: Standing::Primary,
        version_num: 150_018,
        started: "2026-11-20T20:00:00Z".parse().unwrap(),
    }
}

fn target(environment: Environment) -> Target {
    Target {
        identity: identity(),
        address: "/tmp/sock:5599".into(),
        environment,
        version: "PostgreSQL 15.18".into(),
        role: "app_owner".into(),
        power: Power::Ordinary,
        transport: Transport::Socket,
    }
}

fn operator() -> Operator {
    Operator {
        person: "ana".into(),
        uid: 1000,
        host: "bastion".into(),
        pid: 77,
        ssh_from: Some("10.0.0.9".into()),
    }
}

fn writer() -> Blocker {
    Blocker {
        stage: BlockStage::Writer,
        bites: Bites::Now,
        holder: Holder::Session {
            backend: backend(1234),
            application: "billing|worker".into(),
            user: "billing".into(),
            client: None,
            state: Some("idle in transaction".into()),
            query: None,
            backend_type: None,
        },
        why: "RowExclusiveLock".into(),
        since: Some("2026-11-20T23:46:00Z".parse().unwrap()),
        table: Some(Oid(16_400)),
    }
}

fn leftover(oid: u32) -> Conclusion {
    let flags = IndexFlags { valid: false, ready: true, live: true };
    Conclusion::Leftover { oid: Oid(oid), flags, size: Bytes(12_900_000), origin: Origin::Ours }
}

pub(super) fn backend(pid: i32) -> BackendId {
    BackendId { pid: Pid(pid), started: "2026-11-20T23:40:00Z".parse().unwrap() }
}

pub(super) fn key(name: &str) -> EntryKey {
    EntryKey(name.to_owned())
}
