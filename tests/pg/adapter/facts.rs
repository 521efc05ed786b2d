//! What the catalogs say about tables, indexes, names and builders.

use cicerone::domain::catalog::{BuildRight, Persistence, RelationKind, Tie};
use cicerone::domain::id::QualifiedName;
use cicerone::pg::PgCatalog;
use cicerone::pg::connect::Access;
use cicerone::ports::Catalog;

use super::holders::{Build, start_build};
use super::{MAJOR, entry, link, link_as};
use crate::support::cluster::{Database, database};

#[tokio::test]
async fn tables_of_every_kind_are_told_apart() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session
        .batch_execute(
            "CREATE TABLE plain (x int); INSERT INTO plain SELECT generate_series(1, 1000); ANALYZE plain;
             CREATE UNLOGGED TABLE fresh (x int); CREATE TABLE parent (x int) PARTITION BY RANGE (x);
             CREATE VIEW seen AS SELECT 1 AS x; CREATE MATERIALIZED VIEW kept AS SELECT 1 AS x; CREATE SEQUENCE ix_taken",
        )
        .await
        .unwrap();
    let on = |name: &str, table: &str| entry(&format!("CREATE INDEX CONCURRENTLY {name} ON {table} (x)"));
    let entries = [
        on("a", "plain"),
        on("b", "fresh"),
        on("c", "parent"),
        on("d", "seen"),
        on("e", "kept"),
        on("f", "missing"),
        on("ix_taken", "plain"),
    ];
    let facts = PgCatalog::new(link(&database, Access::ReadWrite)).facts(&entries).await.unwrap();
    let table = |name: &str| facts.tables.get(&QualifiedName::new("public", name).key());
    let kind = |name: &str| table(name).map(|table| table.kind.clone());
    assert_eq!(kind("plain"), Some(RelationKind::Table));
    assert_eq!(kind("parent"), Some(RelationKind::PartitionedTable));
    assert_eq!(kind("seen"), Some(RelationKind::View));
    assert_eq!(kind("kept"), Some(RelationKind::MaterializedView));
    assert_eq!(kind("missing"), None);
    let plain = table("plain").unwrap();
    assert_eq!(plain.rows.map(|rows| rows.0), Some(1000));
    assert!(plain.size.0 > 0 && plain.columns["x"].width == Some(4.0), "{plain:?}");
    assert!((plain.columns["x"].distinct + 1.0).abs() < 0.01);
    let fresh = table("fresh").unwrap();
    assert_eq!((fresh.rows, fresh.persistence), (None, Persistence::Unlogged));
    assert_eq!(facts.taken_names.get(&entries[6].key), Some(&RelationKind::Sequence));
    assert!(facts.server.maintenance_work_mem_kb > 0 && facts.server.free_connections > 0);
}

#[tokio::test]
async fn rights_are_judged_for_the_role_that_builds() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    let role = format!("plain_{}", database.name);
    session
        .batch_execute(&format!(
            "CREATE TABLE t (x int); CREATE ROLE {role} LOGIN; GRANT SELECT ON t TO {role};
             CREATE SCHEMA own AUTHORIZATION {role}; CREATE TABLE own.u (x int); ALTER TABLE own.u OWNER TO {role}"
        ))
        .await
        .unwrap();
    let catalog = PgCatalog::new(link_as(&database, Access::ReadWrite, &role));
    let entries =
        [entry("CREATE INDEX CONCURRENTLY a ON t (x)"), entry("CREATE INDEX CONCURRENTLY b ON own.u (x)")];
    let facts = catalog.facts(&entries).await.unwrap();
    assert_eq!(facts.tables[&entries[0].table.key()].right, BuildRight::NotOwner);
    assert_eq!(facts.tables[&entries[1].table.key()].right, BuildRight::Granted);
    assert!(facts.expected.values().all(Result::is_ok), "SELECT and TEMP are enough to compare");
}

#[tokio::test]
async fn an_index_that_something_needs_says_by_what() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int); CREATE TABLE child (t_id int REFERENCES t (id));
             CREATE UNIQUE INDEX t_a ON t (a); ALTER TABLE t REPLICA IDENTITY USING INDEX t_a;
             CREATE INDEX t_b ON t (b); CLUSTER t USING t_b; CREATE INDEX t_free ON t (b, a)",
        )
        .await
        .unwrap();
    let catalog = PgCatalog::new(link(&database, Access::ReadOnly));
    let mut ties = Vec::new();
    for name in ["t_pkey", "t_a", "t_b", "t_free"] {
        let reading = catalog.index_named(&QualifiedName::new("public", name)).await.unwrap();
        ties.push(reading.index.unwrap().ties);
    }
    assert_eq!(
        ties,
        [
            vec![
                Tie::Constraint { name: "t_pkey".to_owned() },
                Tie::ForeignKeyTarget { name: "child_t_id_fkey".to_owned() }
            ],
            vec![Tie::ReplicaIdentity],
            vec![Tie::Clustered],
            vec![],
        ]
    );
}

#[tokio::test]
async fn a_failed_unique_build_is_read_as_the_leftover_that_it_is() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session.batch_execute("CREATE TABLE t (x int); INSERT INTO t VALUES (1), (1)").await.unwrap();
    session.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON t (x)").await.unwrap_err();
    let catalog = PgCatalog::new(link(&database, Access::ReadOnly));
    let name = QualifiedName::new("public", "ix");
    let reading = catalog.index_named(&name).await.unwrap();
    let index = reading.index.unwrap();
    assert_eq!((index.flags.valid, index.flags.ready, index.flags.live), (false, false, true));
    assert_eq!(catalog.index_with_oid(index.oid).await.unwrap().index.unwrap().name, name);
    assert!(reading.builders.is_empty());
    assert!(
        catalog.index_named(&QualifiedName::new("public", "t")).await.unwrap().index.is_none(),
        "a table is none"
    );
}

#[tokio::test]
async fn who_builds_is_seen_even_by_a_role_that_may_not_see_what() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    let role = format!("plain_{}", database.name);
    session.batch_execute(&format!("CREATE TABLE t (x int); CREATE ROLE {role} LOGIN")).await.unwrap();
    let writer = database.connect().await;
    writer.batch_execute("BEGIN; INSERT INTO t VALUES (1)").await.unwrap();
    let Build { pid, done } = start_build(&database, "CREATE INDEX CONCURRENTLY ix ON t (x)").await;
    for user in ["postgres", role.as_str()] {
        let catalog = PgCatalog::new(link_as(&database, Access::ReadOnly, user));
        let reading = catalog.index_named(&QualifiedName::new("public", "ix")).await.unwrap();
        let index = reading.index.unwrap();
        let [builder] = &reading.builders[..] else { panic!("{user}: {:?}", reading.builders) };
        assert_eq!((builder.backend.pid.0, builder.table_oid), (pid, Some(index.table_oid)), "{user}");
        assert!(!index.flags.valid);
    }
    writer.batch_execute("COMMIT").await.unwrap();
    done.await.unwrap().unwrap();
}

#[tokio::test]
async fn names_that_are_no_utf8_are_shown_escaped_and_fail_no_reading() {
    let database = database(MAJOR).await;
    let admin = database.connect().await;
    let name = format!("bytes_{}", database.name);
    let sql = format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
    admin.batch_execute(&sql).await.unwrap();
    let database = Database { cluster: database.cluster, name };
    let session = database.connect().await;
    session.batch_execute("SET client_encoding = 'SQL_ASCII'; CREATE TABLE t (x int)").await.unwrap();
    // The statement itself has to be UTF-8 on this side; the name that it makes is not.
    let odd = "DO $$ BEGIN EXECUTE format('CREATE INDEX %I ON t (x)', 'gr' || chr(246)); END $$";
    session.batch_execute(odd).await.unwrap();

    let entries = [entry("CREATE INDEX CONCURRENTLY ix ON t (x)")];
    let facts = PgCatalog::new(link(&database, Access::ReadWrite)).facts(&entries).await.unwrap();
    let names: Vec<_> = facts.indexes.iter().map(|index| index.name.name.as_str()).collect();
    assert_eq!(names, [r"gr\xF6"]);
    assert!(facts.expected.values().all(Result::is_ok));
}

#[tokio::test]
async fn indexes_that_come_and_go_while_they_are_read_harm_no_reading() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session.batch_execute("CREATE TABLE t (x int, y int); CREATE INDEX stays ON t (y)").await.unwrap();
    let catalog = PgCatalog::new(link(&database, Access::ReadWrite));
    let entries = [entry("CREATE INDEX CONCURRENTLY ix ON t (x)")];
    let (over, mut seen) = tokio::sync::watch::channel(false);
    let change = async {
        while !*seen.borrow_and_update() {
            session.batch_execute("CREATE INDEX ix ON t (x, y)").await.unwrap();
            session.batch_execute("DROP INDEX ix").await.unwrap();
        }
    };
    let read = async {
        for _ in 0..20 {
            let facts = catalog.facts(&entries).await.unwrap();
            assert!(facts.indexes.iter().any(|index| index.name.name == "stays"));
            catalog.index_named(&QualifiedName::new("public", "ix")).await.unwrap();
        }
        over.send_replace(true);
    };
    tokio::join!(change, read);
}
