//! Sessions of others, as psql would open them.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::support::cluster::Database;

/// A session that did something and keeps its transaction open.
pub(crate) struct Held {
    pub(crate) session: Client,
    pub(crate) pid: i32,
}

impl Held {
    /// Asked for its pid first: a later answer's portal would keep a snapshot in the open transaction.
    pub(crate) async fn by(database: &Database, sql: &str) -> Self {
        let session = database.connect().await;
        let pid = session.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        session.batch_execute(sql).await.unwrap();
        Self { session, pid }
    }

    pub(crate) async fn snapshot(database: &Database) -> Self {
        Self::by(database, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class").await
    }

    /// An open write on a table.
    pub(crate) async fn writer(database: &Database, table: &str) -> Self {
        Self::by(
            database,
            &format!("BEGIN; DELETE FROM {table} WHERE false; LOCK TABLE {table} IN ROW EXCLUSIVE MODE"),
        )
        .await
    }

    /// The lock that VACUUM, ANALYZE and builds take.
    pub(crate) async fn vacuum(database: &Database, table: &str) -> Self {
        Self::by(database, &format!("BEGIN; LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")).await
    }

    pub(crate) async fn release(&self) {
        self.session.batch_execute("COMMIT").await.unwrap();
    }
}

/// A statement that goes on by itself on a session of its own.
pub(crate) struct Statement {
    pub(crate) pid: i32,
    pub(crate) done: JoinHandle<Result<(), tokio_postgres::Error>>,
}

impl Statement {
    pub(crate) async fn send(database: &Database, sql: &str) -> Self {
        let session = database.connect().await;
        let pid = session.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        let sql = sql.to_owned();
        #[expect(clippy::disallowed_methods, reason = "every test joins it")]
        let done = tokio::spawn(async move { session.batch_execute(&sql).await });
        Self { pid, done }
    }

    /// Sends it and returns once it waits for a lock.
    pub(crate) async fn waiting(database: &Database, session: &Client, sql: &str) -> Self {
        let sent = Self::send(database, sql).await;
        crate::support::wait::until(
            session,
            &format!("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = {} AND NOT granted)", sent.pid),
        )
        .await;
        sent
    }

    pub(crate) async fn end(self) -> Result<(), tokio_postgres::Error> {
        tokio::time::timeout(Duration::from_mins(1), self.done).await.unwrap().unwrap()
    }
}

/// A table with `rows` rows: `id`, `a`, `b` (text), `c` (a time). Analysed.
pub(crate) async fn table(session: &Client, name: &str, rows: u32) {
    session
        .batch_execute(&format!(
            "CREATE TABLE {name} (id bigint PRIMARY KEY, a int, b text, c timestamptz); \
             INSERT INTO {name} SELECT n, n % 100, 'v' || n, '2026-01-01'::timestamptz + n * interval '1 s' \
               FROM generate_series(1, {rows}) AS n; \
             ANALYZE {name}"
        ))
        .await
        .unwrap();
}

/// A function that takes 20 ms a row: an index on `slow(a)` makes a build take its time without any lock.
pub(crate) async fn slow_function(session: &Client) {
    session
        .batch_execute(
            "CREATE FUNCTION slow(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS \
             $$ BEGIN PERFORM pg_sleep(0.02); RETURN x; END $$",
        )
        .await
        .unwrap();
}

/// The build that goes on on a table, once the server is in this phase of it.
pub(crate) async fn in_phase(session: &Client, phase: &str) -> i32 {
    let sql =
        "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase LIKE $1";
    let wait = async {
        loop {
            if let Some(row) = session.query(sql, &[&phase]).await.unwrap().first() {
                return row.get(0);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .unwrap_or_else(|_| panic!("no build in {phase}"))
}
