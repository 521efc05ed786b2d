//! All indexes of a database into a registry, and back: the plan of what was imported finds everything present.

use cicerone::audit::candidate::{Verdict, of_live};
use cicerone::audit::live::overlaps;
use cicerone::domain::diagnostic::Source;
use cicerone::domain::live::{LiveIndexes, Owner};
use cicerone::domain::plan::ItemState;
use cicerone::domain::registry::{self, Addition, Draft, Fate, Registry, add};
use cicerone::pg::PgCatalog;
use cicerone::pg::connect::Access;

use crate::adapter::link;
use crate::plan::plan_of;
use crate::support::cluster::{Database, database};

const FIXTURE: &str = include_str!("../fixtures/live.sql");

/// What only newer servers have.
const SINCE_15: &str = "
    CREATE UNIQUE INDEX nulls ON things (tenant, name) NULLS NOT DISTINCT;
    CREATE INDEX parameters ON things USING gist (words tsvector_ops (siglen = 200));
    CREATE INDEX minmax ON things USING brin (tenant int4_minmax_multi_ops (values_per_range = 16)) ;
    SET allow_in_place_tablespaces = on;";

async fn prepared(major: u32) -> Database {
    let database = database(major).await;
    let session = database.connect().await;
    session.batch_execute(FIXTURE).await.unwrap();
    if major >= 15 {
        session.batch_execute(SINCE_15).await.unwrap();
        // Tablespaces belong to the whole server: another test may have made it.
        let made = session.batch_execute("CREATE TABLESPACE \"Else where\" LOCATION ''").await;
        assert!(made.is_ok() || made.unwrap_err().code().is_some_and(|code| code.code() == "42710"));
        session
            .batch_execute("CREATE INDEX placed ON things (name) TABLESPACE \"Else where\"")
            .await
            .unwrap();
    }
    database
}

async fn live(database: &Database) -> LiveIndexes {
    PgCatalog::new(link(database, Access::ReadOnly)).live().await.unwrap()
}

fn imported(live: &LiveIndexes) -> (Addition, Vec<(String, String)>) {
    let (mut drafts, mut out) = (Vec::new(), Vec::new());
    for (index, verdict) in of_live(live) {
        match verdict {
            Verdict::Entry(shape) => drafts.push(Draft {
                index: index.facts.name.clone(),
                table: index.facts.table.clone(),
                shape: *shape,
                domain: "d".to_owned(),
                comment: "database".to_owned(),
            }),
            Verdict::Out(why) => out.push((index.facts.name.name.clone(), why.to_string())),
            Verdict::Unreadable(why) => panic!("{}: {why}", index.facts.display),
        }
    }
    (add(&Source { path: "registry.toml".to_owned(), text: String::new() }, &[], &drafts).unwrap(), out)
}

fn loaded(addition: &Addition) -> Registry {
    let source = Source { path: "registry.toml".to_owned(), text: addition.text.clone() };
    let registry = registry::load(&[source]).unwrap();
    assert_eq!(registry.warnings, []);
    registry
}

async fn round_trip(major: u32) {
    let database = prepared(major).await;
    let live = live(&database).await;
    let (addition, out) = imported(&live);
    let others: Vec<(&str, &Fate)> = addition
        .fates
        .iter()
        .filter(|(_, fate)| *fate != Fate::Added)
        .map(|(draft, fate)| (draft.index.name.as_str(), fate))
        .collect();
    assert_eq!(others, [("twin", &Fate::SameAs("public.plain".into()))]);
    let registry = loaded(&addition);
    assert!(registry.entries.len() > 55, "{}", registry.entries.len());
    let plan = plan_of(&registry, link(&database, Access::ReadWrite)).await;
    let wrong: Vec<_> = plan
        .items
        .iter()
        .filter(|item| !matches!(item.state, ItemState::Present { .. }))
        .map(|item| (item.name.as_str(), &item.state))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut out: Vec<(&str, &str)> = out
        .iter()
        .map(|(name, why)| (name.as_str(), why.split([':', ',']).next().unwrap_or_default()))
        .filter(|(name, _)| *name != "nulls")
        .collect();
    out.sort_unstable();
    assert_eq!(
        out,
        [
            ("parts_at", "its table is partitioned"),
            ("parts_one_at_idx", "it is the part of public.parts_at that is on this partition"),
            ("parts_one_note", "it is the part of public.parts_only that is on this partition"),
            ("parts_only", "its table is partitioned"),
            ("parts_two_at_idx", "it is the part of public.parts_at that is on this partition"),
            ("things_pkey", "it backs a PRIMARY KEY"),
            ("things_range_excl", "it backs an EXCLUDE constraint"),
            ("things_tenant_email_key", "it backs a UNIQUE constraint"),
            ("things_unique", "UNIQUE"),
        ]
    );
    let mut duplicates: Vec<&str> = overlaps(&live.indexes)
        .iter()
        .zip(&live.indexes)
        .filter(|(overlap, _)| !overlap.duplicates.is_empty())
        .map(|(_, index)| index.facts.name.name.as_str())
        .collect();
    duplicates.sort_unstable();
    assert_eq!(duplicates, ["plain", "twin"]);
}

#[tokio::test]
async fn whatever_a_server_has_is_imported_and_then_present_on_15() {
    round_trip(15).await;
}

#[tokio::test]
async fn whatever_a_server_has_is_imported_and_then_present_on_12() {
    round_trip(12).await;
}

#[tokio::test]
async fn whatever_a_server_has_is_imported_and_then_present_on_18() {
    round_trip(18).await;
}

#[tokio::test]
async fn constants_are_written_for_every_session_whatever_the_roles_own_forms_are() {
    let database = database(15).await;
    let session = database.connect().await;
    let name = &database.name;
    session
        .batch_execute(&format!(
            "CREATE TABLE t (a int, at timestamptz, day date, span interval, raw bytea, ratio float8);
             CREATE INDEX i ON t (a) WHERE at > '2024-02-03 00:00+00' AND day > '2024-02-03' AND span > '1 day 02:00'
                 AND raw > '\\x00ff' AND ratio > 0.1;
             ALTER DATABASE {name} SET DateStyle = 'SQL, DMY'; ALTER DATABASE {name} SET TimeZone = 'Asia/Tokyo';
             ALTER DATABASE {name} SET IntervalStyle = 'sql_standard'; ALTER DATABASE {name} SET bytea_output = 'escape';
             ALTER DATABASE {name} SET extra_float_digits = -15; ALTER DATABASE {name} SET quote_all_identifiers = on"
        ))
        .await
        .unwrap();
    let (addition, _) = imported(&live(&database).await);
    for part in
        ["'2024-02-03 00:00:00+00'", "'2024-02-03'", "'1 day 02:00:00'", "x00ff", "(0.1)::double", " (a) "]
    {
        assert!(addition.text.contains(part), "{part}: {}", addition.text);
    }
    let plan = plan_of(&loaded(&addition), link(&database, Access::ReadWrite)).await;
    assert!(matches!(plan.items[0].state, ItemState::Present { .. }), "{:?}", plan.items[0].state);
}

#[tokio::test]
async fn indexes_of_the_system_of_extensions_and_of_sessions_are_counted_and_invalid_ones_stay_out() {
    let database = database(15).await;
    let session = database.connect().await;
    session
        .batch_execute(
            "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1);
             CREATE TEMPORARY TABLE passing (a int PRIMARY KEY);
             CREATE TABLE of_extension (a int PRIMARY KEY);
             CREATE INDEX on_extension ON of_extension (a);
             INSERT INTO pg_depend SELECT 'pg_class'::regclass, 'of_extension'::regclass, 0, 'pg_extension'::regclass, oid, 0, 'e'
                 FROM pg_extension WHERE extname = 'plpgsql';
             CREATE INDEX whole ON t (a)",
        )
        .await
        .unwrap();
    let broken = session.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON t (a)").await;
    assert_eq!(broken.unwrap_err().code().map(tokio_postgres::error::SqlState::code), Some("23505"));
    session
        .batch_execute("UPDATE pg_index SET indisunique = false WHERE indexrelid = 'broken'::regclass")
        .await
        .unwrap();
    let live = live(&database).await;
    let names: Vec<&str> = live.indexes.iter().map(|it| it.facts.name.name.as_str()).collect();
    assert_eq!(names, ["broken", "whole"]);
    assert_eq!((live.others[&Owner::Extension], live.others[&Owner::Temporary]), (2, 1));
    assert!(live.others[&Owner::System] > 100);
    let (addition, out) = imported(&live);
    assert_eq!(addition.added(), 1);
    assert_eq!(out.len(), 1);
    assert!(out[0].1.starts_with("it is not valid"), "{out:?}");
    assert_eq!(live.tables.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["of_extension", "t"]);
}

#[tokio::test]
async fn an_index_is_the_same_in_the_words_of_a_restored_dump_and_its_relatives_are_not() {
    let database = database(15).await;
    let session = database.connect().await;
    session
        .batch_execute(
            "CREATE TABLE t (a int, v varchar(9), f bool);
             CREATE INDEX named ON t (a) WHERE v IN ('x', 'y') AND a BETWEEN 1 AND 2 AND f;
             CREATE INDEX other_name ON t ((v IN ('x', 'y')), a)",
        )
        .await
        .unwrap();
    let words = "(((v)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])) AND \
                 ((a >= 1) AND (a <= 2)) AND f)";
    let entries =
        |name: &str, condition: &str| format!("CREATE INDEX CONCURRENTLY {name} ON t (a) WHERE {condition}");
    let expression = "((v)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[]))";
    for (sql, state) in [
        (entries("named", words), "present"),
        (entries("named", "v IN ('x', 'y') AND a BETWEEN 1 AND 2 AND f"), "present"),
        (entries("named", &words.replace("'y'", "'z'")), "drift"),
        (entries("named", &words.replace("<= 2", "< 2")), "drift"),
        (entries("named", &words.replace(" AND f", " OR f")), "drift"),
        (entries("named", "v IN ('x', 'y')"), "drift"),
        (format!("CREATE INDEX CONCURRENTLY new_name ON t ({expression}, a)"), "duplicate"),
        (
            format!("CREATE INDEX CONCURRENTLY new_name ON t (({}), a)", expression.replace("'y'", "'q'")),
            "to build",
        ),
    ] {
        let plan = plan_of(&crate::plan::registry_of(&[&sql]), link(&database, Access::ReadWrite)).await;
        assert_eq!(plan.items[0].state.word(), state, "{sql}: {:?}", plan.items[0].state);
    }
}

#[tokio::test]
async fn no_function_that_only_the_live_index_names_is_ever_run() {
    let database = database(15).await;
    let session = database.connect().await;
    session
        .batch_execute(
            "CREATE SEQUENCE witness; CREATE TABLE t (a int, v varchar(9), f bool);
             CREATE FUNCTION run(text) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS
                 'BEGIN RETURN nextval(''public.witness''); END';
             CREATE INDEX named ON t (a) WHERE v IN ('x', 'y') AND a > run('now');
             SELECT setval('witness', 1000)",
        )
        .await
        .unwrap();
    let sql = "CREATE INDEX CONCURRENTLY named ON t (a) WHERE v IN ('x', 'y') AND a > 3";
    let plan = plan_of(&crate::plan::registry_of(&[sql]), link(&database, Access::ReadWrite)).await;
    assert_eq!(plan.items[0].state.word(), "drift");
    imported(&live(&database).await);
    let row = session.query_one("SELECT last_value FROM witness", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1000);
}
