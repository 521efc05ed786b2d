//! Signals and streams: the first signal asks, the second one insists, and nobody's terminal is the run's fate.

use std::process::Stdio;

use rustix::process::Signal;
use tokio_postgres::Client;

use crate::program::{ANSWERED, Ended, Home, Running, run};
use crate::server::{self, Database};
use crate::support::wait::until;

/// A transaction that has written `orders` and stays open: builds on it wait.
struct Writer(Client);

impl Writer {
    async fn on(database: &Database) -> Self {
        let session = database.connect().await;
        session.batch_execute("BEGIN; UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
        Self(session)
    }

    async fn ends(self) {
        self.0.batch_execute("COMMIT").await.expect("released");
    }
}

/// A run whose first build on `orders` waits for a writer while nothing else is left to build on `customers`.
async fn waiting(home: &Home, database: &Database, more: &[&str]) -> (Running, Writer) {
    let writer = Writer::on(database).await;
    let mut command = home.rollout(&database.conninfo(), &ANSWERED);
    command.args(["--jobs", "1"]).args(more);
    let mut process = Running::start(command);
    process.says("idx_orders_customer WAIT").await;
    (process, writer)
}

async fn the_journal_is_whole_and_closed(home: &Home) {
    home.run(&["journal", "verify"]).await.with_code(0);
    let status = home.run(&["status"]).await;
    assert!(status.stdout.contains(" CLOSED "), "{status}");
}

#[tokio::test]
async fn one_signal_finishes_what_runs_and_starts_nothing_more() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let (home, database) = (Home::with_small_registry(), server::small().await);
        let (mut process, writer) = waiting(&home, &database, &[]).await;
        process.signal(signal);
        process.says("abort asked for by e2e").await;
        assert!(process.is_running(), "a build is not torn down");
        writer.ends().await;
        process.end().await.with_code(code);
        the_journal_is_whole_and_closed(&home).await;
        let indexes = database.indexes().await;
        assert!(indexes.contains(&"idx_orders_customer".to_owned()), "{indexes:?}");
        assert!(!indexes.contains(&"idx_orders_open".to_owned()), "{indexes:?}");
    }
}

#[tokio::test]
async fn one_signal_cancels_what_runs_where_that_is_the_policy() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let before = database.indexes().await;
    let (mut process, writer) = waiting(&home, &database, &["--on-abort", "cancel-running"]).await;
    process.signal(Signal::TERM);
    process.says("57014").await;
    // What the build left can only be dropped once the writer is gone.
    process.says("DROP INDEX CONCURRENTLY public.idx_orders_customer").await;
    writer.ends().await;
    process.end().await.with_code(143);
    the_journal_is_whole_and_closed(&home).await;
    let mut after = database.indexes().await;
    after.retain(|name| !name.contains("idx_customers"));
    assert_eq!(after, before, "no leftover");
}

#[tokio::test]
async fn a_second_signal_ends_at_once_and_names_the_backend_that_still_builds() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let (mut process, writer) = waiting(&home, &database, &[]).await;
    process.signal(Signal::TERM);
    process.says("abort asked for by e2e").await;
    process.signal(Signal::TERM);
    let ended = process.end().await.with_code(143);
    let session = database.connect().await;
    let building = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
                    AND query LIKE '%CREATE INDEX CONCURRENTLY%' AND pid <> pg_backend_pid()";
    let pid: i32 = session.query_one(building, &[]).await.expect("it goes on at the server").get(0);
    assert!(
        ended.stderr.contains(&format!("backend {pid} goes on building public.idx_orders_customer")),
        "{ended}"
    );
    writer.ends().await;
    until(&session, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'idx_orders_customer'::regclass")
        .await;
    let ended = run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(0);
    assert!(ended.last_line().starts_with("4 of 4 verified"), "{ended}");
    built_once(&database);
}

fn built_once(database: &Database) {
    let builds = database.log().changes();
    assert_eq!(builds.len(), 4, "{builds:#?}");
}

#[tokio::test]
async fn a_lost_terminal_does_not_end_the_run() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let (mut process, writer) = waiting(&home, &database, &[]).await;
    process.signal(Signal::HUP);
    process.signal(Signal::HUP);
    writer.ends().await;
    process.says("idx_orders_open DONE").await;
    process.end().await.with_code(0);
}

#[tokio::test]
async fn a_closed_pipe_does_not_fail_the_run() {
    for output in ["plain", "json"] {
        let (home, database) = (Home::with_small_registry(), server::small().await);
        let ended =
            unread(&home, &database, &["run", "index-rollout", "--output", output]).await.with_code(0);
        assert_eq!(ended.stderr, "");
        the_journal_is_whole_and_closed(&home).await;
        assert_eq!(database.indexes().await.len(), 3 + 4);
    }
    let (home, database) = (Home::with_small_registry(), server::small().await);
    for command in [&["plan"][..], &["plan", "--output", "json"], &["registry", "check"]] {
        unread(&home, &database, command).await.with_code(0);
    }
}

/// A process whose standard output nobody reads: its other end is closed from the start.
async fn unread(home: &Home, database: &Database, arguments: &[&str]) -> Ended {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = home.cicerone(arguments);
    command.args(["--dsn", &database.conninfo()]).args(ANSWERED);
    command.stdout(Stdio::from(writer)).stderr(Stdio::piped());
    let output = command.output().await.expect("it ends");
    Ended {
        status: output.status,
        stdout: String::new(),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

#[tokio::test]
async fn a_file_named_hold_pauses_before_the_next_build_until_it_is_gone() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let (mut process, writer) = waiting(&home, &database, &[]).await;
    let hold = home.only_run().join("HOLD");
    fs_err::write(&hold, "").expect("the file");
    process.says("paused by").await;
    writer.ends().await;
    process.says("idx_orders_customer DONE").await;
    fs_err::remove_file(&hold).expect("gone");
    let ended = process.end().await.with_code(0);
    let place = |text: &str| ended.stdout.find(text).unwrap_or_else(|| panic!("no {text:?} in {ended}"));
    assert!(place("idx_orders_customer DONE") < place("resumed by"), "{ended}");
    assert!(place("resumed by") < place("idx_orders_open RUN"), "{ended}");
}
