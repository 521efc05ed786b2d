//! "Same definition" in the server's own words, for every part that a definition can have.

use cicerone::domain::failure::FailureClass;
use cicerone::pg::PgCatalog;
use cicerone::pg::connect::Access;
use cicerone::ports::Catalog;

use super::{MAJOR, entry, link, only};
use crate::support::cluster::{Database, database};

const TABLE: &str = "
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TABLE t (gone int, id bigint PRIMARY KEY, tenant int NOT NULL, name text, email varchar(80), tags text[],
                    doc jsonb, at timestamptz, feeling mood, amount numeric(10,2), flag boolean, \"Mixed Case\" int,
                    twice bigint GENERATED ALWAYS AS (id * 2) STORED, span int4range);
    ALTER TABLE t DROP COLUMN gone;
    CREATE TABLE \"Odd Table\" (\"a b\" int, \"select\" text)";

/// Each pair: what the registry says, and a close relative that is another index.
const VARIANTS: &[(&str, &str)] = &[
    ("t (tenant)", "t (id)"),
    ("t (tenant, at DESC)", "t (tenant, at)"),
    ("t (at DESC NULLS LAST)", "t (at DESC)"),
    ("t (at NULLS FIRST)", "t (at)"),
    ("t (name text_pattern_ops)", "t (name)"),
    ("t (email varchar_pattern_ops)", "t (email)"),
    ("t (name COLLATE \"C\")", "t (name)"),
    ("t (name COLLATE \"C\" text_pattern_ops DESC)", "t (name COLLATE \"C\" text_pattern_ops)"),
    ("t (lower(name))", "t (upper(name))"),
    ("t ((doc ->> 'a'))", "t ((doc ->> 'b'))"),
    ("t (tenant, (amount * 2))", "t (tenant, (amount * 3))"),
    ("t (tenant) WHERE flag", "t (tenant) WHERE NOT flag"),
    ("t (tenant) WHERE feeling = 'good'", "t (tenant) WHERE feeling = 'bad'"),
    ("t (tenant) WHERE name IN ('a', 'b')", "t (tenant) WHERE name IN ('a')"),
    ("t (tenant) WHERE at >= '2024-01-01 00:00+00'", "t (tenant) WHERE at > '2024-01-01 00:00+00'"),
    ("t (tenant) WHERE t.amount BETWEEN 1 AND 2", "t (tenant) WHERE t.amount BETWEEN 1 AND 3"),
    ("t (tenant) WHERE name LIKE 'a%' AND email IS NOT NULL", "t (tenant) WHERE name LIKE 'a%'"),
    ("t (tenant) INCLUDE (name, at)", "t (tenant, name, at)"),
    ("t (tenant) WITH (fillfactor = 70)", "t (tenant) WITH (fillfactor = 80)"),
    ("t (tenant) NULLS NOT DISTINCT", "t (tenant)"),
    ("t (\"Mixed Case\")", "t (tenant)"),
    ("t (twice)", "t (id)"),
    ("t USING gin (doc jsonb_path_ops)", "t USING gin (doc)"),
    ("t USING gin (tags)", "t USING gin (doc)"),
    ("t USING gist (span)", "t USING spgist (span)"),
    ("t USING hash (tenant)", "t (tenant)"),
    ("t USING brin (at) WITH (pages_per_range = 32)", "t USING brin (at)"),
    ("\"Odd Table\" (\"a b\", \"select\")", "\"Odd Table\" (\"select\", \"a b\")"),
    ("t (tenant) TABLESPACE elsewhere", "t (tenant)"),
];

async fn prepared(major: u32) -> Database {
    let database = database(major).await;
    let session = database.connect().await;
    session.batch_execute(TABLE).await.unwrap();
    if major < 15 {
        return database;
    }
    // A place inside the data folder: needs no folder that the server's user can write.
    session.batch_execute("SET allow_in_place_tablespaces = on").await.unwrap();
    let made = session.batch_execute("CREATE TABLESPACE elsewhere LOCATION ''").await;
    assert!(made.is_ok() || made.unwrap_err().code().is_some_and(|code| code.code() == "42710"));
    database
}

fn unique(variant: &str) -> &'static str {
    if variant.contains("NULLS NOT DISTINCT") { "UNIQUE " } else { "" }
}

/// Parts that only newer servers have; in-place tablespaces are the test's own need.
fn exists_on(major: u32, variant: &str) -> bool {
    major >= 15 || !(variant.contains("NULLS NOT DISTINCT") || variant.contains("TABLESPACE"))
}

async fn definitions_are_recognised(major: u32) {
    let database = prepared(major).await;
    let session = database.connect().await;
    let catalog = PgCatalog::new(link(&database, Access::ReadWrite));
    let mut wrong = Vec::new();
    for (same, other) in VARIANTS.iter().filter(|(same, _)| exists_on(major, same)) {
        session.batch_execute(&format!("CREATE {}INDEX ix ON {same}", unique(same))).await.unwrap();
        for (variant, equal) in [(same, true), (other, false)] {
            let sql = format!("CREATE {}INDEX CONCURRENTLY ix ON {variant}", unique(same));
            let facts = catalog.facts(&[entry(&sql)]).await.unwrap();
            let expected = only(&facts.expected).unwrap_or_else(|failure| panic!("{sql}: {failure}"));
            let live = facts.indexes.iter().find(|index| index.name.name == "ix").unwrap();
            if expected.differences(&live.definition).is_empty() != equal {
                wrong.push(format!("{same} / {variant}: {:?} / {:?}", expected, live.definition));
            }
        }
        session.batch_execute("DROP INDEX ix").await.unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_kind_of_definition_is_recognised_and_its_relatives_are_told_apart() {
    definitions_are_recognised(MAJOR).await;
}

#[tokio::test]
async fn every_kind_of_definition_is_recognised_on_the_oldest_major() {
    definitions_are_recognised(12).await;
}

#[tokio::test]
async fn every_kind_of_definition_is_recognised_on_14() {
    definitions_are_recognised(14).await;
}

#[tokio::test]
async fn every_kind_of_definition_is_recognised_on_17() {
    definitions_are_recognised(17).await;
}

#[tokio::test]
async fn every_kind_of_definition_is_recognised_on_the_newest_major() {
    definitions_are_recognised(18).await;
}

#[tokio::test]
async fn the_roles_own_tablespaces_and_path_do_not_change_a_definition() {
    let database = prepared(MAJOR).await;
    let session = database.connect().await;
    let name = &database.name;
    session
        .batch_execute(&format!(
            "CREATE INDEX ix ON t (tenant); ALTER DATABASE {name} SET temp_tablespaces = elsewhere; \
             ALTER DATABASE {name} SET default_tablespace = elsewhere; ALTER DATABASE {name} SET search_path = nowhere; \
             ALTER DATABASE {name} SET default_transaction_read_only = on"
        ))
        .await
        .unwrap();
    let catalog = PgCatalog::new(link(&database, Access::ReadWrite));
    let facts = catalog.facts(&[entry("CREATE INDEX CONCURRENTLY ix ON t (tenant)")]).await.unwrap();
    let live = facts.indexes.iter().find(|index| index.name.name == "ix").unwrap();
    assert_eq!(only(&facts.expected).unwrap().differences(&live.definition), []);
}

#[tokio::test]
async fn each_refused_statement_gets_the_servers_own_answer_and_spoils_no_other() {
    let database = prepared(MAJOR).await;
    let catalog = PgCatalog::new(link(&database, Access::ReadWrite));
    let cases = [
        ("good", "t (tenant)", None),
        ("no_column", "t (missing)", Some((FailureClass::Missing, "42703"))),
        ("no_opclass", "t (name nope_ops)", Some((FailureClass::Missing, "42704"))),
        ("not_immutable", "t (date_trunc('day', at))", Some((FailureClass::Invalid, "42P17"))),
        ("bad_option", "t (tenant) WITH (fillfactor = 1)", Some((FailureClass::Invalid, "22023"))),
        ("good_too", "t (name)", None),
    ];
    let entries: Vec<_> = cases
        .iter()
        .map(|(name, rest, _)| entry(&format!("CREATE INDEX CONCURRENTLY {name} ON {rest}")))
        .collect();
    let facts = catalog.facts(&entries).await.unwrap();
    for (entry, (name, _, failure)) in entries.iter().zip(cases) {
        match (&facts.expected[&entry.key], failure) {
            (Ok(_), None) => {}
            (Err(found), Some((class, code))) => {
                assert_eq!(
                    (found.class, found.sqlstate.as_ref().map(|s| s.0.as_str())),
                    (class, Some(code)),
                    "{name}"
                );
            }
            (found, _) => panic!("{name}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn a_clone_leaves_nothing_behind_and_holds_no_lock() {
    let database = prepared(MAJOR).await;
    let session = database.connect().await;
    let catalog = PgCatalog::new(link(&database, Access::ReadWrite));
    catalog.facts(&[entry("CREATE INDEX CONCURRENTLY ix ON t (tenant)")]).await.unwrap();
    // Nothing of it may keep anybody from the strongest lock there is.
    session.batch_execute("BEGIN; SET LOCAL lock_timeout = '10s'; LOCK TABLE t; COMMIT").await.unwrap();
    let left = "SELECT count(*) FROM pg_class WHERE relname = 't' AND relpersistence = 't'";
    assert_eq!(session.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
}
