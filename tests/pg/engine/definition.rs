//! "The same index" is for the server to say: other words for the same are present, a close relative is drift.

use cicerone::domain::event::Origin;
use cicerone::domain::plan::ItemState;
use cicerone::domain::state::BuildStatus;

use super::MAJOR;
use super::harness::{Scenario, key};
use super::holder::table;
use super::witness::{Log, indexes};
use crate::support::cluster::database;

/// What psql made, and other words for it.
const SAME: &[(&str, &str)] = &[
    ("t (b text_pattern_ops)", "t USING btree (b pg_catalog.text_pattern_ops ASC NULLS LAST)"),
    ("t (b COLLATE \"C\")", "public.t (b COLLATE pg_catalog.\"C\" ASC)"),
    ("t (lower(b))", "t (LOWER(b))"),
    ("t ((a + 1))", "t ((1 * a + 1 - 0 * 0))"),
    ("t ((a::bigint))", "t (CAST(a AS int8))"),
    ("t (a) WHERE b = ANY (ARRAY['x', 'y'])", "t (a) WHERE b IN ('x', 'y')"),
    ("t (a) WHERE (a >= 1) AND (a <= 9)", "t (a) WHERE a BETWEEN 1 AND 9"),
    ("t (a) WHERE NOT (b IS NULL)", "t (a) WHERE NOT b IS NULL"),
    ("t (a) INCLUDE (c, b)", "t (a) include (c, \"b\")"),
    (
        "t (a) WITH (fillfactor = 70, deduplicate_items = off)",
        "t (a) WITH (deduplicate_items='off', FILLFACTOR='70')",
    ),
    ("t (a, b) NULLS NOT DISTINCT", "t (a, b) nulls not distinct"),
    ("t (c DESC)", "t (c DESC NULLS FIRST)"),
    ("t (c NULLS FIRST, a DESC NULLS LAST)", "t (c ASC NULLS FIRST, a DESC NULLS LAST)"),
    ("\"Odd One\" (\"Some Column\", plain)", "public.\"Odd One\" (\"Some Column\", PLAIN)"),
    ("t USING gin (string_to_array(b, ','))", "t USING GIN (string_to_array(b, ',') array_ops)"),
];

/// What psql made, what the registry says, and the word that the difference must name.
const RELATIVES: &[(&str, &str, &str)] = &[
    ("t (a)", "t (c)", "column 1"),
    ("t (a, c)", "t (c, a)", "column 1"),
    ("t (a)", "t (a, c)", "key columns"),
    ("t (b)", "t (b text_pattern_ops)", "column 1"),
    ("t (b COLLATE \"C\")", "t (b COLLATE \"POSIX\")", "column 1"),
    ("t (lower(b))", "t (upper(b))", "column 1"),
    ("t (a) WHERE a > 5", "t (a) WHERE a > 6", "predicate"),
    ("t (a) WHERE a > 5", "t (a)", "predicate"),
    ("t (a) INCLUDE (b)", "t (a) INCLUDE (c)", "column 2"),
    ("t (a) INCLUDE (b)", "t (a, b)", "key columns"),
    ("t (a) WITH (fillfactor = 70)", "t (a)", "storage options"),
    ("t (a, id) NULLS NOT DISTINCT", "t (a, id)", "uniqueness"),
    ("t (c DESC)", "t (c DESC NULLS LAST)", "column 1"),
    ("t USING hash (a)", "t (a)", "access method"),
    ("\"Odd One\" (\"Some Column\")", "\"Odd One\" (plain)", "column 1"),
    ("other (a)", "t (a)", "table"),
];

fn unique(definition: &str) -> &'static str {
    let lower = definition.to_lowercase();
    if lower.contains("not distinct") || lower.contains("(a, id)") { "UNIQUE " } else { "" }
}

async fn tables(session: &tokio_postgres::Client) {
    for name in ["t", "other"] {
        table(session, name, 100).await;
    }
    session.batch_execute("CREATE TABLE \"Odd One\" (\"Some Column\" int, plain text)").await.unwrap();
}

#[tokio::test]
async fn other_words_for_the_same_index_are_present() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    tables(&session).await;
    session.batch_execute("UPDATE t SET a = id").await.unwrap();
    let mut statements = Vec::new();
    for (number, (live, registry)) in SAME.iter().enumerate() {
        let name = format!("\"Same {number}\"");
        session.batch_execute(&format!("CREATE {}INDEX {name} ON {live}", unique(live))).await.unwrap();
        statements.push(format!("CREATE {}INDEX CONCURRENTLY {name} ON {registry}", unique(registry)));
    }
    let before = indexes(&session).await;
    let texts: Vec<&str> = statements.iter().map(String::as_str).collect();
    let run = Scenario::new(&database, &texts).run().await;
    let mut wrong = Vec::new();
    for (number, sql) in statements.iter().enumerate() {
        let status = run.status(&format!("Same {number}"));
        let same = *status == BuildStatus::Verified { origin: Origin::NotOurs };
        // The arithmetic is another expression for the server, whatever it comes to.
        let differs = sql.contains("1 * a");
        if same == differs {
            wrong.push(format!("{sql}: {status:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(indexes(&session).await, before);
    assert_eq!(Log::of(&database).creates(), []);
}

#[tokio::test]
async fn a_close_relative_is_drift_and_left_alone() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    tables(&session).await;
    let mut statements = Vec::new();
    for (number, (live, registry, _)) in RELATIVES.iter().enumerate() {
        session.batch_execute(&format!("CREATE {}INDEX d{number} ON {live}", unique(live))).await.unwrap();
        statements.push(format!("CREATE {}INDEX CONCURRENTLY d{number} ON {registry}", unique(registry)));
    }
    let before = indexes(&session).await;
    let texts: Vec<&str> = statements.iter().map(String::as_str).collect();
    let run = Scenario::new(&database, &texts).run().await;
    let mut wrong = Vec::new();
    for (number, (live, registry, word)) in RELATIVES.iter().enumerate() {
        let index = format!("d{number}");
        let state = &run.state.plan.as_ref().unwrap().item(&key(&index)).unwrap().state;
        let named = matches!(state, ItemState::Drift { differences, .. }
            if differences.iter().any(|difference| difference.what == *word));
        if !named || !run.sentence(&index).contains(word) {
            wrong.push(format!("{live} / {registry}: {state:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(indexes(&session).await, before);
    assert_eq!(Log::of(&database).creates(), []);
}
