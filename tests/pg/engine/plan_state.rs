//! Every state that the plan puts an entry in, and what the run makes of it.

use cicerone::domain::event::{BuildEvent, Conclusion, EventKind, Origin, RunEvent};
use cicerone::domain::id::QualifiedName;
use cicerone::domain::plan::{BlockedReason, BuilderKind, ItemState, LeftoverHarm};
use cicerone::domain::state::BuildStatus;
use cicerone::domain::target::{DuplicatePolicy, LeftoverPolicy};

use super::MAJOR;
use super::harness::{Finished, Scenario, key};
use super::holder::{Held, Statement, in_phase, slow_function, table};
use super::witness::{Log, indexes, usable};
use crate::support::cluster::{Database, database};

fn planned(run: &Finished, index: &str) -> ItemState {
    let plans = run.events.iter().filter_map(|event| {
        if let EventKind::Run(RunEvent::Planned { plan }) = &event.kind { Some(plan) } else { None }
    });
    let first = plans.map(|plan| plan.item(&key(index)).unwrap().state.clone()).next();
    first.unwrap_or_else(|| panic!("no plan\n{}", run.story()))
}

/// A role that may log in and owns nothing; its name is the database's.
async fn role(database: &Database) -> String {
    let role = format!("role_{}", database.name);
    database.connect().await.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    role
}

#[tokio::test]
async fn what_cannot_be_built_is_said_with_its_reason_and_the_rest_is_built() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 100).await;
    session
        .batch_execute(
            "CREATE TABLE parted (a int) PARTITION BY RANGE (a); \
             CREATE VIEW seen AS SELECT a FROM t; \
             CREATE MATERIALIZED VIEW kept AS SELECT a FROM t; \
             CREATE TABLE taken_by_table (a int); \
             CREATE SEQUENCE taken_by_sequence",
        )
        .await
        .unwrap();
    let before = indexes(&session).await;
    let run = Scenario::new(
        &database,
        &[
            "CREATE INDEX CONCURRENTLY no_table ON missing (a)",
            "CREATE INDEX CONCURRENTLY no_schema ON nowhere.missing (a)",
            "CREATE INDEX CONCURRENTLY no_column ON t (missing)",
            "CREATE INDEX CONCURRENTLY no_function ON t (missing(a))",
            "CREATE INDEX CONCURRENTLY volatile ON t ((now()))",
            "CREATE INDEX CONCURRENTLY no_class ON t (a missing_ops)",
            "CREATE INDEX CONCURRENTLY on_parent ON parted (a)",
            "CREATE INDEX CONCURRENTLY on_view ON seen (a)",
            "CREATE INDEX CONCURRENTLY on_matview ON kept (a)",
            "CREATE INDEX CONCURRENTLY taken_by_table ON t (a)",
            "CREATE INDEX CONCURRENTLY taken_by_sequence ON t (a)",
            "CREATE INDEX CONCURRENTLY fine ON t (a)",
        ],
    )
    .run()
    .await;
    let reason = |index: &str| {
        let state = planned(&run, index);
        let ItemState::Blocked { reason } = state else { panic!("{index}: {state:?}") };
        reason
    };
    let refusal = |index: &str| {
        let reason = reason(index);
        let BlockedReason::ServerRefuses { sqlstate, .. } = reason else { panic!("{index}: {reason:?}") };
        sqlstate
    };
    assert_eq!(reason("no_table"), BlockedReason::NoTable);
    let elsewhere = run.state.plan.as_ref().unwrap().item(&key("nowhere.no_schema")).unwrap();
    assert!(matches!(elsewhere.state, ItemState::Blocked { reason: BlockedReason::NoTable }));
    assert_eq!(refusal("no_column"), "42703");
    assert_eq!(refusal("no_function"), "42883");
    assert_eq!(refusal("volatile"), "42P17");
    assert_eq!(refusal("no_class"), "42704");
    assert_eq!(reason("on_parent"), BlockedReason::PartitionedTable);
    assert_eq!(reason("on_view"), BlockedReason::NotATable { kind: "a view".to_owned() });
    assert_eq!(reason("taken_by_table"), BlockedReason::NameTaken { kind: "a table".to_owned() });
    assert_eq!(reason("taken_by_sequence"), BlockedReason::NameTaken { kind: "a sequence".to_owned() });
    let blocked = ["no_table", "no_column", "volatile", "on_parent", "on_view", "taken_by_table"];
    for index in blocked {
        assert!(!run.sentence(index).is_empty());
        assert_eq!(Log::of(&database).creates_of(index), 0, "{index}");
    }
    let mut after = indexes(&session).await;
    for made in ["fine", "on_matview"] {
        assert!(after.remove(made).is_some_and(|found| found.usable()), "{}", run.story());
    }
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_table_of_somebody_else_is_blocked_and_so_is_a_schema_without_create() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    let role = role(&database).await;
    table(&session, "theirs", 10).await;
    session
        .batch_execute(&format!(
            "CREATE SCHEMA closed; GRANT USAGE ON SCHEMA closed TO {role}; \
             CREATE TABLE closed.ours (a int); ALTER TABLE closed.ours OWNER TO {role}; \
             GRANT CREATE ON SCHEMA public TO {role}; \
             CREATE TABLE ours (a int); ALTER TABLE ours OWNER TO {role}; \
             GRANT SELECT ON theirs TO {role}"
        ))
        .await
        .unwrap();
    let statements = [
        "CREATE INDEX CONCURRENTLY not_ours ON theirs (a)",
        "CREATE INDEX CONCURRENTLY no_create ON closed.ours (a)",
        "CREATE INDEX CONCURRENTLY fine ON ours (a)",
    ];
    let run = Scenario::new(&database, &statements)
        .through(format!("{} user={role}", database.conninfo()))
        .run()
        .await;
    for index in ["not_ours", "closed.no_create"] {
        let state = planned(&run, index);
        let ItemState::Blocked { reason: BlockedReason::NoRight { why } } = state else {
            panic!("{index}: {state:?}")
        };
        assert!(why.contains("theirs") || why.contains("closed"), "{why}");
    }
    assert_eq!(*run.status("fine"), BuildStatus::Verified { origin: Origin::Ours }, "{}", run.story());
    usable(&session, "fine").await;
}

#[tokio::test]
async fn a_duplicate_is_left_out_unless_somebody_wants_it() {
    const SQL: &str = "CREATE INDEX CONCURRENTLY second ON t (a, b)";
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 100).await;
    session.batch_execute("CREATE INDEX first ON t (a, b) WITH (fillfactor = 90)").await.unwrap();
    let skipped = Scenario::new(&database, &[SQL]).run().await;
    let ItemState::Duplicate { of, .. } = planned(&skipped, "second") else { panic!() };
    assert_eq!(of, QualifiedName::new("public", "first"));
    assert!(!indexes(&session).await.contains_key("second"));
    let built =
        Scenario::new(&database, &[SQL]).with(|it| it.duplicates = DuplicatePolicy::Build).run().await;
    assert_eq!(*built.status("second"), BuildStatus::Verified { origin: Origin::Ours });
    usable(&session, "second").await;
}

/// Leaves an invalid index that died while it waited for writers: not ready.
async fn die_before_the_build(database: &Database, sql: &str, on: &str) {
    let session = database.connect().await;
    let writer = Held::writer(database, on).await;
    let build = Statement::waiting(database, &session, sql).await;
    session.execute("SELECT pg_cancel_backend($1)", &[&build.pid]).await.unwrap();
    build.end().await.unwrap_err();
    writer.release().await;
}

/// Leaves an invalid index that died while it waited for old snapshots: ready.
async fn die_at_the_end(database: &Database, sql: &str) {
    let session = database.connect().await;
    let reader = Held::snapshot(database).await;
    let build = Statement::send(database, sql).await;
    assert_eq!(in_phase(&session, "waiting for old snapshots").await, build.pid);
    session.execute("SELECT pg_cancel_backend($1)", &[&build.pid]).await.unwrap();
    build.end().await.unwrap_err();
    reader.release().await;
}

#[tokio::test]
async fn leftovers_are_told_apart_by_harm_and_the_one_that_rejects_writes_goes_first() {
    const COSTLY: &str = "CREATE INDEX CONCURRENTLY a_costly ON t (a)";
    const SPACE: &str = "CREATE UNIQUE INDEX CONCURRENTLY b_space ON u (id, a)";
    const REJECTS: &str = "CREATE UNIQUE INDEX CONCURRENTLY z_rejects ON v (b)";
    let database = database(MAJOR).await;
    let session = database.connect().await;
    for name in ["t", "u", "v"] {
        table(&session, name, 100).await;
    }
    die_at_the_end(&database, COSTLY).await;
    die_before_the_build(&database, SPACE, "u").await;
    die_at_the_end(&database, REJECTS).await;
    // The witness of what "rejects writes" means.
    let insert = "INSERT INTO v VALUES (1000, 1, 'v1', now())";
    let refused = session.batch_execute(insert).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "23505");
    let before = indexes(&session).await;

    let statements = [COSTLY, SPACE, REJECTS];
    let kept = Scenario::new(&database, &statements).run().await;
    let expected = [
        ("a_costly", LeftoverHarm::CostsWrites),
        ("b_space", LeftoverHarm::TakesSpace),
        ("z_rejects", LeftoverHarm::RejectsWrites),
    ];
    for (index, expected) in expected {
        let ItemState::Leftover { harm, oid, .. } = planned(&kept, index) else { panic!("{index}") };
        assert_eq!((harm, oid.0), (expected, before[index].oid));
        assert!(matches!(kept.status(index), BuildStatus::Skipped { .. }), "{}", kept.story());
    }
    assert_eq!(indexes(&session).await, before);
    assert_eq!(Log::of(&database).drops(), []);

    let repaired = Scenario::new(&database, &statements)
        .with(|it| {
            it.leftovers = LeftoverPolicy::Repair;
            it.jobs = 1;
        })
        .run()
        .await;
    for (index, _) in expected {
        assert_eq!(*repaired.status(index), BuildStatus::Verified { origin: Origin::Ours });
        assert_ne!(usable(&session, index).await.oid, before[index].oid);
    }
    let drops = Log::of(&database).drops();
    assert!(drops[0].text.contains("z_rejects"), "{drops:?}");
    assert_eq!(drops.len(), 3);
}

#[tokio::test]
async fn a_build_of_psql_is_watched_and_its_index_is_not_ours() {
    const SQL: &str = "CREATE INDEX CONCURRENTLY ix ON t (public.slow(a))";
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 60).await;
    slow_function(&session).await;
    let theirs = Statement::send(&database, SQL).await;
    in_phase(&session, "building index%").await;
    let run = Scenario::new(&database, &[SQL]).run().await;
    theirs.end().await.unwrap();
    let ItemState::Building { builder, backend, .. } = planned(&run, "ix") else { panic!() };
    assert!(matches!(builder, BuilderKind::Stranger { .. }), "{builder:?}");
    assert_eq!(backend.pid.0, theirs_pid(&run));
    assert_eq!(*run.status("ix"), BuildStatus::Verified { origin: Origin::NotOurs }, "{}", run.story());
    assert!(run.state.ledger.is_empty());
    assert_eq!((Log::of(&database).creates_of("ix"), Log::of(&database).deadlocks()), (0, 0));
    usable(&session, "ix").await;
}

fn theirs_pid(run: &Finished) -> i32 {
    let built = run.events.iter().find_map(|event| {
        let EventKind::Build(BuildEvent::Concluded { conclusion, .. }) = &event.kind else { return None };
        if let Conclusion::BuiltElsewhere { backend } = conclusion { Some(backend.pid.0) } else { None }
    });
    built.unwrap_or_else(|| panic!("{}", run.story()))
}

#[tokio::test]
async fn a_build_of_another_run_is_known_as_such_and_watched() {
    const SQL: &str = "CREATE INDEX CONCURRENTLY ix ON t (public.slow(a))";
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 60).await;
    slow_function(&session).await;
    let theirs = Scenario::new(&database, &[SQL]).start();
    in_phase(&session, "building index%").await;
    let ours = Scenario::new(&database, &[SQL]).run().await;
    let theirs = theirs.finish().await;
    let ItemState::Building { builder: BuilderKind::OtherRun { application }, .. } = planned(&ours, "ix")
    else {
        panic!("{}", ours.story())
    };
    let id = &theirs.state.run.as_ref().unwrap().run.0;
    assert!(application.starts_with(&format!("cicerone/{id}/")), "{application}");
    assert_eq!(*ours.status("ix"), BuildStatus::Verified { origin: Origin::NotOurs }, "{}", ours.story());
    assert_eq!(*theirs.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", theirs.story());
    assert_eq!(Log::of(&database).creates_of("ix"), 1);
    usable(&session, "ix").await;
}

#[tokio::test]
async fn what_a_failed_build_of_psql_leaves_is_not_ours_to_drop() {
    const SQL: &str = "CREATE INDEX CONCURRENTLY ix ON t (public.slow(a))";
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 150).await;
    slow_function(&session).await;
    let theirs = Statement::send(&database, SQL).await;
    let pid = in_phase(&session, "building index%").await;
    let mut run = Scenario::new(&database, &[SQL]).start();
    run.until("it is watched", |event| matches!(event, EventKind::Build(BuildEvent::Concluded { .. }))).await;
    session.execute("SELECT pg_cancel_backend($1)", &[&pid]).await.unwrap();
    theirs.end().await.unwrap_err();
    let run = run.finish().await;
    assert!(run.sentence("ix").contains("did not make"), "{}", run.story());
    assert!(!indexes(&session).await["ix"].valid);
    assert_eq!((Log::of(&database).drops().len(), Log::of(&database).creates_of("ix")), (0, 0));
}
