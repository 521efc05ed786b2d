//! What the rules say of a server, on a server.

use tokio_postgres::Client;

use crate::adapter::MAJOR;
use crate::support::cluster::database;

/// The code that the server refuses a text with, `None` when it takes it. The text is one simple query.
async fn refused(session: &Client, sql: &str) -> Option<String> {
    session.batch_execute(sql).await.err().map(|error| error.code().expect("a code").code().to_owned())
}

async fn is_valid(session: &Client, index: &str) -> Option<bool> {
    let rows = session
        .query("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1::text)", &[&index])
        .await
        .unwrap();
    rows.first().map(|row| row.get(0))
}

#[tokio::test]
async fn concurrently_is_refused_in_every_kind_of_transaction_and_by_partitioned_tables() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session
        .batch_execute("CREATE TABLE t (a int); CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE INDEX pi ON p (a); CREATE INDEX i ON t (a); CREATE INDEX j ON t (a)")
        .await
        .unwrap();
    let index = "CREATE INDEX CONCURRENTLY x ON t (a)";
    for (sql, code) in [
        (format!("BEGIN; {index}; COMMIT"), "25001"),
        (format!("SELECT 1; {index}"), "25001"),
        (format!("{index}; SELECT 1"), "25001"),
        (format!("BEGIN; COMMIT; {index}"), "25001"),
        (format!("DO $$ BEGIN EXECUTE '{index}'; END $$"), "25001"),
        (format!("DO $$ BEGIN COMMIT; EXECUTE '{index}'; END $$"), "25001"),
        ("CREATE INDEX CONCURRENTLY x ON p (a)".to_owned(), "0A000"),
        ("CREATE INDEX CONCURRENTLY x ON ONLY p (a)".to_owned(), "0A000"),
        ("DROP INDEX CONCURRENTLY pi".to_owned(), "0A000"),
        ("DROP INDEX CONCURRENTLY i, j".to_owned(), "0A000"),
        ("DROP INDEX CONCURRENTLY i CASCADE".to_owned(), "0A000"),
        ("SELECT 1; DROP INDEX CONCURRENTLY i".to_owned(), "25001"),
        ("SELECT 1; REINDEX INDEX CONCURRENTLY i".to_owned(), "25001"),
        ("DROP INDEX \"I\"".to_owned(), "42704"),
    ] {
        assert_eq!(refused(&session, &sql).await.as_deref(), Some(code), "{sql}");
        let _ = session.batch_execute("ROLLBACK").await;
    }
    assert_eq!(refused(&session, index).await, None);
    assert_eq!(is_valid(&session, "x").await, Some(true));
}

#[tokio::test]
async fn a_short_lock_timeout_throws_a_finished_build_away_and_if_not_exists_then_says_that_all_is_well() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session.batch_execute("CREATE TABLE t (a int); CREATE TABLE other (a int)").await.unwrap();
    // A report on another table: nothing that this build would lock.
    let report = database.connect().await;
    report.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM other").await.unwrap();
    session.batch_execute("SET lock_timeout = '200ms'").await.unwrap();
    let index = "CREATE INDEX CONCURRENTLY IF NOT EXISTS x ON t (a)";
    assert_eq!(refused(&session, index).await.as_deref(), Some("55P03"));
    assert_eq!(is_valid(&session, "x").await, Some(false));
    report.batch_execute("COMMIT").await.unwrap();
    assert_eq!(refused(&session, index).await, None);
    assert_eq!(is_valid(&session, "x").await, Some(false));
}

#[tokio::test]
async fn settings_end_where_the_rules_say_that_they_end() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    for (sql, wanted) in [
        ("SET lock_timeout = '2s'", "2s"),
        ("RESET lock_timeout", "0"),
        ("BEGIN; SET LOCAL lock_timeout = '2s'; COMMIT", "0"),
        ("BEGIN; SET lock_timeout = '2s'; ROLLBACK", "0"),
        ("BEGIN; SET lock_timeout = '2s'; COMMIT", "2s"),
        ("SET lock_timeout TO DEFAULT", "0"),
        ("SET lock_timeout = '2s'", "2s"),
        ("DISCARD ALL", "0"),
        ("SET lock_timeout = '1.5min'", "90s"),
        ("RESET ALL", "0"),
    ] {
        session.batch_execute(sql).await.unwrap();
        let row = session.query_one("SHOW lock_timeout", &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), wanted, "{sql}");
    }
}

#[tokio::test]
async fn names_are_cut_at_63_bytes_and_two_of_them_become_one() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    let (one, two) = (format!("{}a", "x".repeat(63)), format!("{}b", "x".repeat(63)));
    session.batch_execute(&format!("CREATE TABLE t (a int); CREATE INDEX {one} ON t (a)")).await.unwrap();
    let second = format!("CREATE INDEX {two} ON t (a)");
    assert_eq!(refused(&session, &second).await.as_deref(), Some("42P07"));
    assert_eq!(refused(&session, &second.replace("INDEX", "INDEX IF NOT EXISTS")).await, None);
    let count =
        session.query_one("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 1);
}
