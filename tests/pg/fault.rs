//! Each injected fault does to a plain build what its name says.

use std::time::Duration;

use cicerone::rehearsal::connect::connect;
use cicerone::rehearsal::fault::{Fault, FaultError, FaultTarget, Outcome, Since, inject};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::support::cluster::{Database, own_cluster, sample_database};
use crate::support::wait::until;

const MAJOR: u32 = 15;
const BUILD: &str = "CREATE INDEX CONCURRENTLY built ON leads (tenant_id, status)";
const VALID: &str = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'built'::regclass";

fn target(database: &Database) -> FaultTarget {
    FaultTarget::new(database.cluster, &database.name).holding(Duration::from_secs(20))
}

/// Sends the build on a session of its own.
async fn build(database: &Database) -> JoinHandle<Result<(), tokio_postgres::Error>> {
    let session = database.connect().await;
    #[expect(clippy::disallowed_methods, reason = "every test joins it")]
    tokio::spawn(async move { session.batch_execute(BUILD).await })
}

fn phase(text: &str) -> String {
    format!(
        "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index \
         WHERE datname = current_database() AND phase = '{text}')"
    )
}

fn code(result: Result<(), tokio_postgres::Error>) -> String {
    let error = result.expect_err("the build was hit");
    error.code().unwrap_or_else(|| panic!("{error:?}")).code().to_owned()
}

async fn is_valid(session: &Client) -> bool {
    session.query_one(VALID, &[]).await.expect("the index is there").get(0)
}

#[tokio::test]
async fn an_open_snapshot_holds_a_build_at_its_end() {
    let database = sample_database(MAJOR).await;
    let session = database.connect().await;
    let fault = inject(Fault::OpenSnapshot, target(&database)).await.expect("injected");
    let build = build(&database).await;
    until(&session, &phase("waiting for old snapshots")).await;
    assert_eq!(fault.stop().await.expect("stopped"), Outcome::Released);
    build.await.expect("joined").expect("built");
    assert!(is_valid(&session).await);
}

#[tokio::test]
async fn a_writer_holds_a_build_before_it_scans() {
    let database = sample_database(MAJOR).await;
    let session = database.connect().await;
    let fault = inject(Fault::Writer, target(&database)).await.expect("injected");
    let build = build(&database).await;
    until(&session, &phase("waiting for writers before build")).await;
    assert_eq!(fault.stop().await.expect("stopped"), Outcome::Released);
    build.await.expect("joined").expect("built");
    assert!(is_valid(&session).await);
}

#[tokio::test]
async fn a_vacuum_keeps_a_build_from_its_lock() {
    let database = sample_database(MAJOR).await;
    let session = database.connect().await;
    let fault = inject(Fault::Vacuum, target(&database)).await.expect("injected");
    let build = build(&database).await;
    until(
        &session,
        "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'leads'::regclass AND NOT granted)",
    )
    .await;
    assert_eq!(fault.stop().await.expect("stopped"), Outcome::Released);
    build.await.expect("joined").expect("built");
    assert!(is_valid(&session).await);
}

#[tokio::test]
async fn a_fault_ends_by_itself() {
    let database = sample_database(MAJOR).await;
    for fault in [Fault::OpenSnapshot, Fault::Writer, Fault::Vacuum] {
        let short = target(&database).holding(Duration::from_millis(300));
        let injection = inject(fault, short).await.expect("injected");
        assert_eq!(injection.ended().await.expect("ended"), Outcome::Released, "{fault}");
    }
    for fault in [Fault::Cancel, Fault::Terminate, Fault::KillServer] {
        let short = target(&database).holding(Duration::from_millis(50));
        let injection = inject(fault, short).await.expect("injected");
        assert_eq!(injection.ended().await.expect("ended"), Outcome::NothingToHit, "{fault}");
    }
}

#[tokio::test]
async fn a_fault_whose_time_counts_from_the_first_build_waits_for_that_build() {
    let database = sample_database(MAJOR).await;
    let session = database.connect().await;
    let late = target(&database).holding(Duration::from_millis(10)).counting(Since::FirstBuild);
    let late = inject(Fault::Writer, late).await.expect("injected");
    let early = target(&database).holding(Duration::from_millis(300));
    let early = inject(Fault::OpenSnapshot, early).await.expect("injected");
    assert_eq!(early.ended().await.expect("ended"), Outcome::Released);
    let writers = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fault: writer' \
        AND datname = current_database() AND state = 'idle in transaction'";
    assert_eq!(session.query_one(writers, &[]).await.expect("a count").get::<_, i64>(0), 1);
    build(&database).await.await.expect("joined").expect("built");
    assert_eq!(late.ended().await.expect("ended"), Outcome::Released);
}

#[tokio::test]
async fn whoever_ends_the_session_of_a_fault_ends_the_fault() {
    let database = sample_database(MAJOR).await;
    let session = database.connect().await;
    let fault = inject(Fault::Writer, target(&database)).await.expect("injected");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fault: writer' \
        AND datname = current_database()";
    session.execute(end, &[]).await.expect("ended");
    let gone = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'fault: writer' \
        AND datname = current_database())";
    until(&session, gone).await;
    assert_eq!(fault.stop().await.expect("stopped"), Outcome::SessionEnded);
}

#[tokio::test]
async fn a_build_is_cancelled_or_terminated_and_leaves_an_invalid_index() {
    for (fault, expected) in [(Fault::Cancel, "57014"), (Fault::Terminate, "57P01")] {
        let database = sample_database(MAJOR).await;
        let session = database.connect().await;
        // So that the small build is there to be hit.
        let writer = inject(Fault::Writer, target(&database)).await.expect("injected");
        let strike = inject(fault, target(&database)).await.expect("injected");
        let result = build(&database).await.await.expect("joined");
        assert_eq!(code(result), expected);
        assert!(matches!(strike.ended().await.expect("ended"), Outcome::Struck(_)));
        assert!(!is_valid(&session).await);
        writer.stop().await.expect("stopped");
    }
}

#[tokio::test]
async fn a_killed_backend_drops_every_session_and_the_server_recovers() {
    let cluster = own_cluster(MAJOR, &[]).await;
    let conninfo = cluster.conninfo("postgres");
    let session = connect(&conninfo, "test").await.expect("a session");
    session
        .batch_execute(
            "CREATE TABLE leads AS SELECT i AS tenant_id, 'new' AS status FROM generate_series(1, 1000) i",
        )
        .await
        .expect("a table");
    let target = FaultTarget::new(&cluster, "postgres");
    let _writer = inject(Fault::Writer, target.clone()).await.expect("injected");
    let strike = inject(Fault::KillServer, target).await.expect("injected");
    let error = session.batch_execute(BUILD).await.expect_err("its session is dropped");
    // 57P02 (crash shutdown) when the server's word arrives, no code when the connection just breaks.
    assert!(error.code().is_none_or(|code| code.code() == "57P02"), "{error:?}");
    assert!(matches!(strike.ended().await.expect("ended"), Outcome::Struck(_)));
    let recovered = async {
        loop {
            if let Ok(session) = connect(&conninfo, "test").await {
                return session;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let session =
        tokio::time::timeout(Duration::from_secs(30), recovered).await.expect("the server recovers");
    assert!(!is_valid(&session).await);
    cluster.stop().await;
}

#[tokio::test]
async fn a_small_disk_fails_a_large_build_and_a_freed_one_lets_it_pass() {
    let cluster = own_cluster(MAJOR, &[]).await;
    let admin = connect(&cluster.conninfo("postgres"), "test").await.expect("a session");
    admin.batch_execute("CREATE DATABASE sample").await.expect("a database");
    let target = FaultTarget::new(&cluster, "sample");
    let session = connect(&cluster.conninfo("sample"), "test").await.expect("a session");
    session
        .batch_execute(
            "CREATE TABLE leads AS SELECT i AS tenant_id, repeat('x', 90) || i AS status FROM generate_series(1, 150000) i",
        )
        .await
        .expect("a table");
    drop(session);
    let injected = inject(Fault::DiskFull, target).await;
    if !rustix::process::geteuid().is_root() {
        assert!(matches!(injected, Err(FaultError::NeedsRoot)), "an ordinary user may not mount");
        return cluster.stop().await;
    }
    let fault = injected.expect("injected");
    let session = connect(&cluster.conninfo("sample"), "test").await.expect("a session");
    assert_eq!(code(session.batch_execute(BUILD).await), "53100");
    assert!(!is_valid(&session).await);
    fault.stop().await.expect("stopped");
    session.batch_execute("DROP INDEX CONCURRENTLY built").await.expect("dropped");
    session.batch_execute(BUILD).await.expect("there is room now");
    assert!(is_valid(&session).await);
    drop(session);
    let folder = cluster.folder().to_owned();
    cluster.stop().await;
    assert!(!folder.exists(), "with a file system mounted in it");
}
