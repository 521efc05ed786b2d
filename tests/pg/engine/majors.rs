//! The core of it on every supported major.

use cicerone::domain::blocker::BlockStage;
use cicerone::domain::command::Verb;
use cicerone::domain::event::{BuildEvent, Ending, EventKind, Origin};
use cicerone::domain::plan::ItemState;
use cicerone::domain::state::{BuildStatus, RunState};
use cicerone::domain::target::LeftoverPolicy;

use super::harness::{Scenario, key};
use super::holder::{Held, Statement, in_phase, table};
use super::witness::{Log, indexes, usable};
use crate::support::cluster::database;

const SHAPES: &[&str] = &[
    "CREATE INDEX CONCURRENTLY plain ON t (a, c DESC NULLS LAST)",
    "CREATE UNIQUE INDEX CONCURRENTLY one_each ON t (id, a)",
    "CREATE INDEX CONCURRENTLY partial ON t (c) WHERE a > 50",
    "CREATE INDEX CONCURRENTLY expression ON t (lower(b) text_pattern_ops)",
    "CREATE INDEX CONCURRENTLY covering ON t (a) INCLUDE (b) WITH (fillfactor = 80)",
    "CREATE INDEX CONCURRENTLY \"Mixed Name\" ON \"Other Table\" (b COLLATE \"C\")",
    "CREATE INDEX CONCURRENTLY gin_one ON \"Other Table\" USING gin (string_to_array(b, ' '))",
    "CREATE INDEX CONCURRENTLY brin_one ON \"Other Table\" USING brin (c)",
    "CREATE INDEX CONCURRENTLY hash_one ON \"Other Table\" USING hash (a)",
];

/// A rollout of a handful of shapes; a second run finds all of it; the rollback takes exactly that away.
async fn rollout(major: u32) {
    let database = database(major).await;
    let session = database.connect().await;
    table(&session, "t", 2_000).await;
    table(&session, "\"Other Table\"", 2_000).await;
    session.batch_execute("CREATE INDEX older ON t (b)").await.unwrap();
    let before = indexes(&session).await;
    let names: Vec<String> =
        SHAPES.iter().map(|sql| cicerone::sql::parse_create_index(sql).unwrap().name.unwrap()).collect();

    let done = Scenario::new(&database, SHAPES).run().await;
    assert_eq!(*done.ending(), Ending::Finished, "{}", done.story());
    for name in &names {
        assert_eq!(*done.status(name), BuildStatus::Verified { origin: Origin::Ours }, "{name}");
        let found = usable(&session, name).await;
        assert_eq!(done.state.ledger[&key(name)].oid.0, found.oid);
    }
    let log = Log::of(&database);
    assert_eq!((log.creates().len(), log.deadlocks()), (SHAPES.len(), 0));
    assert_eq!(super::witness::overlapping(&log.creates()), []);
    assert_eq!(RunState::replay(&done.journaled()), done.state);
    assert_eq!(done.end.state, done.state);

    let again = Scenario::new(&database, SHAPES).run().await;
    for name in &names {
        assert_eq!(*again.status(name), BuildStatus::Verified { origin: Origin::NotOurs }, "{name}");
    }
    assert!(again.state.ledger.is_empty());
    assert_eq!(Log::of(&database).creates().len(), SHAPES.len());

    let back = done.take_over();
    let reason = "not wanted after all".to_owned();
    back.command(Verb::Roll { entries: Vec::new(), reason }).await.unwrap();
    let gone = back.finish().await;
    assert_eq!(*gone.ending(), Ending::RolledBack, "{}", gone.story());
    assert_eq!(indexes(&session).await, before);
    assert_eq!(RunState::replay(&gone.journaled()), gone.state);
}

/// A leftover is left alone until somebody says otherwise, then goes and is built anew.
async fn leftover(major: u32) {
    const SQL: &str = "CREATE UNIQUE INDEX CONCURRENTLY ix ON t (b)";
    let database = database(major).await;
    let session = database.connect().await;
    table(&session, "t", 500).await;
    let writer = Held::writer(&database, "t").await;
    let build = Statement::waiting(&database, &session, SQL).await;
    session.execute("SELECT pg_cancel_backend($1)", &[&build.pid]).await.unwrap();
    build.end().await.unwrap_err();
    writer.release().await;
    let left = indexes(&session).await.remove("ix").unwrap();
    assert!(!left.valid);

    let kept = Scenario::new(&database, &[SQL]).run().await;
    assert!(kept.sentence("ix").contains("did not make"), "{}", kept.story());
    assert_eq!(indexes(&session).await["ix"], left);

    let done = Scenario::new(&database, &[SQL]).with(|it| it.leftovers = LeftoverPolicy::Repair).run().await;
    assert_eq!(*done.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", done.story());
    assert_ne!(usable(&session, "ix").await.oid, left.oid);
    assert_eq!(Log::of(&database).drops().len(), 1);
}

/// An idle reader with a snapshot, on no table of ours, holds the build up at its end and never fails it.
async fn old_snapshot(major: u32) {
    let database = database(major).await;
    let session = database.connect().await;
    table(&session, "t", 500).await;
    // Hostile to builds that do not look after themselves: both would cut the wait.
    for name in ["lock_timeout", "statement_timeout"] {
        session.batch_execute(&format!("ALTER DATABASE {} SET {name} = '1s'", database.name)).await.unwrap();
    }
    let reader = Held::snapshot(&database).await;
    let mut run = Scenario::new(&database, &["CREATE INDEX CONCURRENTLY ix ON t (a)"]).start();
    let pid = reader.pid;
    run.until("the reader is named", |event| {
        let EventKind::Build(BuildEvent::HeldUp { blockers, .. }) = event else { return false };
        blockers.iter().any(|it| {
            it.stage == BlockStage::OldSnapshot && it.backend().is_some_and(|backend| backend.pid.0 == pid)
        })
    })
    .await;
    in_phase(&session, "waiting for old snapshots").await;
    assert!(!indexes(&session).await["ix"].valid);
    reader.release().await;
    let done = run.finish().await;
    assert_eq!(*done.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", done.story());
    assert_eq!((done.record("ix").attempts, Log::of(&database).creates_of("ix")), (1, 1));
    usable(&session, "ix").await;
}

/// Present, duplicate and drift are told apart and nothing is sent for any of them.
async fn nothing_to_do(major: u32) {
    let database = database(major).await;
    let session = database.connect().await;
    table(&session, "t", 500).await;
    session
        .batch_execute(
            "CREATE INDEX present ON t USING btree (a NULLS LAST, (b || 'x')) WHERE (a > 5) AND (b IS NOT NULL); \
             CREATE INDEX twin ON t (c DESC); \
             CREATE INDEX drift ON t (a DESC)",
        )
        .await
        .unwrap();
    let before = indexes(&session).await;
    let statements = [
        "CREATE INDEX CONCURRENTLY present ON t (a, (b||'x')) WHERE a > 5 and b is not null",
        "CREATE INDEX CONCURRENTLY other ON t (c DESC)",
        "CREATE INDEX CONCURRENTLY drift ON t (a)",
        "CREATE INDEX CONCURRENTLY nowhere ON missing (a)",
        "CREATE INDEX CONCURRENTLY no_column ON t (missing)",
    ];
    let done = Scenario::new(&database, &statements).run().await;
    assert_eq!(*done.status("present"), BuildStatus::Verified { origin: Origin::NotOurs });
    assert!(done.sentence("other").contains("public.twin"), "{}", done.sentence("other"));
    assert!(done.sentence("drift").contains("DESC"), "{}", done.sentence("drift"));
    let state = |index: &str| done.state.plan.as_ref().unwrap().item(&key(index)).unwrap().state.clone();
    assert!(matches!(state("nowhere"), ItemState::Blocked { .. }));
    assert!(matches!(state("no_column"), ItemState::Blocked { .. }));
    assert!(done.sentence("no_column").contains("42703"), "{}", done.sentence("no_column"));
    assert_eq!(indexes(&session).await, before);
    assert_eq!(Log::of(&database).creates(), []);
}

macro_rules! on_each_major {
    ($($scenario:ident: $($name:ident $major:literal),*;)*) => {
        $($(
            #[tokio::test]
            async fn $name() {
                $scenario($major).await;
            }
        )*)*
    };
}

on_each_major!(
    rollout:
        a_rollout_and_its_way_back_on_12 12,
        a_rollout_and_its_way_back_on_14 14,
        a_rollout_and_its_way_back_on_15 15,
        a_rollout_and_its_way_back_on_16 16,
        a_rollout_and_its_way_back_on_17 17,
        a_rollout_and_its_way_back_on_18 18;
    leftover:
        a_leftover_goes_when_told_on_12 12,
        a_leftover_goes_when_told_on_14 14,
        a_leftover_goes_when_told_on_15 15,
        a_leftover_goes_when_told_on_16 16,
        a_leftover_goes_when_told_on_17 17,
        a_leftover_goes_when_told_on_18 18;
    old_snapshot:
        an_old_snapshot_is_outlived_on_12 12,
        an_old_snapshot_is_outlived_on_14 14,
        an_old_snapshot_is_outlived_on_15 15,
        an_old_snapshot_is_outlived_on_16 16,
        an_old_snapshot_is_outlived_on_17 17,
        an_old_snapshot_is_outlived_on_18 18;
    nothing_to_do:
        present_duplicate_and_drift_are_told_apart_on_12 12,
        present_duplicate_and_drift_are_told_apart_on_14 14,
        present_duplicate_and_drift_are_told_apart_on_15 15,
        present_duplicate_and_drift_are_told_apart_on_16 16,
        present_duplicate_and_drift_are_told_apart_on_17 17,
        present_duplicate_and_drift_are_told_apart_on_18 18;
);
