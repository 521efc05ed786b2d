//! Each state that an entry can be in, made with the server's own means.

use cicerone::domain::catalog::IndexFlags;
use cicerone::domain::plan::{BlockedReason, BuilderKind, ItemState, LeftoverHarm};
use cicerone::pg::connect::Access;

use super::{plan_of, registry_of, state};
use crate::adapter::holders::{start_build, until};
use crate::adapter::{link, link_as};
use crate::support::cluster::{Database, database};

const SCHEMA: &str = "
    CREATE TABLE leads (id bigint PRIMARY KEY, tenant_id int NOT NULL, status text, email text, dropped int);
    ALTER TABLE leads DROP COLUMN dropped;
    ALTER TABLE leads ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
    INSERT INTO leads SELECT n, n % 10, 's' || n % 5, 'e' || n % 100 FROM generate_series(1, 2000) AS n;
    CREATE TABLE busy (id int);
    CREATE TABLE other (id int, status text);
    CREATE TABLE parts (id int) PARTITION BY RANGE (id);
    CREATE VIEW seen AS SELECT 1 AS id;
    CREATE SEQUENCE ix_sequence;
    CREATE INDEX ix_present ON leads USING btree (lower(status) varchar_pattern_ops, created_at DESC)
        INCLUDE (email) WITH (fillfactor = 80) WHERE status IN ('s1', 's2');
    CREATE INDEX ix_drift ON leads (tenant_id);
    CREATE INDEX ix_elsewhere ON other (status);
    CREATE INDEX some_other_name ON leads (tenant_id, created_at DESC NULLS FIRST);
    ANALYZE";

const ENTRIES: [&str; 14] = [
    "CREATE INDEX CONCURRENTLY ix_absent ON leads (email)",
    "create index concurrently if not exists ix_present on public.leads (LOWER(status) varchar_pattern_ops, \
     created_at desc) include (email) with (fillfactor=80) where (status = any (array['s1','s2']))",
    "CREATE INDEX CONCURRENTLY ix_drift ON leads (tenant_id, id)",
    "CREATE INDEX CONCURRENTLY ix_elsewhere ON leads (status)",
    "CREATE INDEX CONCURRENTLY ix_twin ON leads (tenant_id, created_at DESC)",
    "CREATE UNIQUE INDEX CONCURRENTLY ix_violated ON leads (email)",
    "CREATE UNIQUE INDEX CONCURRENTLY ix_cut ON leads (id, tenant_id)",
    "CREATE INDEX CONCURRENTLY ix_building ON busy (id)",
    "CREATE INDEX CONCURRENTLY ix_no_table ON missing (id)",
    "CREATE INDEX CONCURRENTLY ix_no_column ON leads (missing)",
    "CREATE INDEX CONCURRENTLY ix_volatile ON leads ((random() + id))",
    "CREATE INDEX CONCURRENTLY ix_parent ON parts (id)",
    "CREATE INDEX CONCURRENTLY ix_view ON seen (id)",
    "CREATE INDEX CONCURRENTLY ix_sequence ON leads (created_at)",
];

async fn prepared(major: u32) -> Database {
    let database = database(major).await;
    let session = database.connect().await;
    session.batch_execute(SCHEMA).await.unwrap();
    let violated =
        session.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY ix_violated ON leads (email)").await;
    assert_eq!(violated.unwrap_err().code().map(tokio_postgres::error::SqlState::code), Some("23505"));
    cut_at_the_end(&database).await;
    database
}

/// Leaves `ix_cut` unique, ready and not valid: cancelled in its wait for an old snapshot.
async fn cut_at_the_end(database: &Database) {
    let old = database.connect().await;
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await.unwrap();
    let build =
        start_build(database, "CREATE UNIQUE INDEX CONCURRENTLY ix_cut ON leads (id, tenant_id)").await;
    let session = database.connect().await;
    let phase =
        "SELECT FROM pg_stat_progress_create_index WHERE pid = $1 AND phase = 'waiting for old snapshots'";
    until("it waits at its end", async || !session.query(phase, &[&build.pid]).await.unwrap().is_empty())
        .await;
    session.query("SELECT pg_cancel_backend($1)", &[&build.pid]).await.unwrap();
    assert!(build.done.await.unwrap().is_err());
}

async fn every_state(major: u32) {
    let database = prepared(major).await;
    let writer = database.connect().await;
    writer.batch_execute("BEGIN; INSERT INTO busy VALUES (1)").await.unwrap();
    let build = start_build(&database, "CREATE INDEX CONCURRENTLY ix_building ON busy (id)").await;
    let registry = registry_of(&ENTRIES);
    let plan = plan_of(&registry, link(&database, Access::ReadWrite)).await;
    let is = |name: &str| state(&plan, name).clone();

    assert_eq!(is("ix_absent"), ItemState::ToBuild);
    assert!(matches!(is("ix_present"), ItemState::Present { .. }), "{:?}", is("ix_present"));
    let ItemState::Drift { differences, .. } = is("ix_drift") else { panic!("{:?}", is("ix_drift")) };
    let what: Vec<&str> = differences.iter().map(|it| it.what.as_str()).collect();
    assert_eq!(what, ["key columns", "column 2"]);
    let ItemState::Drift { differences, .. } = is("ix_elsewhere") else { panic!("{:?}", is("ix_elsewhere")) };
    assert_eq!(differences[0].found, "public.other");
    let ItemState::Duplicate { of, .. } = is("ix_twin") else { panic!("{:?}", is("ix_twin")) };
    assert_eq!(of.name, "some_other_name");
    let ItemState::Leftover { harm, flags, .. } = is("ix_violated") else {
        panic!("{:?}", is("ix_violated"))
    };
    assert_eq!(
        (harm, flags),
        (LeftoverHarm::TakesSpace, IndexFlags { valid: false, ready: false, live: true })
    );
    let ItemState::Leftover { harm, .. } = is("ix_cut") else { panic!("{:?}", is("ix_cut")) };
    assert_eq!(harm, LeftoverHarm::RejectsWrites);
    let ItemState::Building { builder, backend, .. } = is("ix_building") else {
        panic!("{:?}", is("ix_building"))
    };
    assert!(matches!(builder, BuilderKind::Stranger { .. }), "{builder:?}");
    assert_eq!(backend.pid.0, build.pid);
    assert_eq!(is("ix_no_table"), ItemState::Blocked { reason: BlockedReason::NoTable });
    for (name, code) in [("ix_no_column", "42703"), ("ix_volatile", "42P17")] {
        let ItemState::Blocked { reason: BlockedReason::ServerRefuses { sqlstate, .. } } = is(name) else {
            panic!("{:?}", is(name))
        };
        assert_eq!(sqlstate, code);
    }
    assert_eq!(is("ix_parent"), ItemState::Blocked { reason: BlockedReason::PartitionedTable });
    assert!(matches!(is("ix_view"), ItemState::Blocked { reason: BlockedReason::NotATable { .. } }));
    assert!(matches!(is("ix_sequence"), ItemState::Blocked { reason: BlockedReason::NameTaken { .. } }));
    assert_eq!(plan.by_urgency()[0].name.as_str(), "ix_cut");

    // The build ends, and with it the plan: nothing else has changed.
    writer.batch_execute("ROLLBACK").await.unwrap();
    build.done.await.unwrap().unwrap();
    let fresh = plan_of(&registry, link(&database, Access::ReadWrite)).await;
    let stale = plan.stale(&fresh, fresh.made_at);
    assert_eq!(stale.len(), 1, "{stale:?}");
    let lines = stale[0].lines();
    assert_eq!(lines[0], "public.ix_building");
    assert!(lines[2].contains("valid with the same definition"), "{lines:?}");
    let again = plan_of(&registry, link(&database, Access::ReadWrite)).await;
    assert_eq!((fresh.stale(&again, again.made_at), &again.id), (Vec::new(), &fresh.id));
}

#[tokio::test]
async fn every_state_is_told_on_15() {
    every_state(15).await;
}

#[tokio::test]
async fn every_state_is_told_on_12() {
    every_state(12).await;
}

#[tokio::test]
async fn every_state_is_told_on_18() {
    every_state(18).await;
}

#[tokio::test]
async fn on_a_read_only_session_absent_is_to_build_and_what_is_there_cannot_be_compared() {
    let database = prepared(15).await;
    let plan = plan_of(&registry_of(&ENTRIES), link(&database, Access::ReadOnly)).await;
    assert_eq!(*state(&plan, "ix_absent"), ItemState::ToBuild);
    for name in ["ix_present", "ix_drift"] {
        let found = state(&plan, name);
        assert!(
            matches!(found, ItemState::Blocked { reason: BlockedReason::CannotCompare { .. } }),
            "{found:?}"
        );
    }
    assert!(matches!(state(&plan, "ix_cut"), ItemState::Leftover { .. }));
}

#[tokio::test]
async fn a_role_that_does_not_own_the_table_is_told_so() {
    let database = prepared(15).await;
    let role = format!("plan_reader_{}", database.name);
    let session = database.connect().await;
    let grant = format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON leads TO {role}");
    session.batch_execute(&grant).await.unwrap();
    let plan = plan_of(&registry_of(&ENTRIES[..1]), link_as(&database, Access::ReadWrite, &role)).await;
    let found = state(&plan, "ix_absent");
    assert!(matches!(found, ItemState::Blocked { reason: BlockedReason::NoRight { .. } }), "{found:?}");
}
