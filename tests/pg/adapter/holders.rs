//! Who holds up a build or a drop, at each stage.

use std::time::Duration;

use cicerone::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use cicerone::domain::id::{BackendId, EntryKey, Oid, Pid};
use cicerone::domain::progress::Phase;
use cicerone::pg::connect::Access;
use cicerone::pg::{PgMonitor, PgSurvey};
use cicerone::ports::{Monitor, MonitorRound, Survey, WatchRequest};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::{MAJOR, link};
use crate::support::cluster::{Database, database};

/// A statement that runs on a session of its own.
pub(crate) struct Build {
    pub(crate) pid: i32,
    pub(crate) done: JoinHandle<Result<(), tokio_postgres::Error>>,
}

/// Starts a statement and returns once the server waits or works on it.
pub(crate) async fn start_build(database: &Database, sql: &str) -> Build {
    let session = database.connect().await;
    let pid = session.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let statement = sql.to_owned();
    let done = Handle::current().spawn(async move { session.batch_execute(&statement).await });
    let sql = "SELECT FROM pg_locks WHERE pid = $1 AND NOT granted";
    let other = database.connect().await;
    until("it waits", async || !other.query(sql, &[&pid]).await.unwrap().is_empty()).await;
    Build { pid, done }
}

pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), wait).await.is_ok(), "still waiting until {what}");
}

async fn watch(session: &Client, pid: i32) -> WatchRequest {
    let sql = "SELECT backend_start, 't'::regclass::oid FROM pg_stat_activity WHERE pid = $1";
    let row = session.query_one(sql, &[&pid]).await.unwrap();
    let backend = BackendId { pid: Pid(pid), started: row.get(0) };
    WatchRequest { entry: EntryKey::from("public.ix"), backend, table_oid: Oid(row.get(1)) }
}

async fn round(database: &Database, watch: WatchRequest) -> MonitorRound {
    PgMonitor::new(link(database, Access::ReadOnly)).round(&[watch]).await.unwrap()
}

fn pids(blockers: &[Blocker], stage: BlockStage) -> Vec<(i32, Bites)> {
    let of_stage = blockers.iter().filter(|blocker| blocker.stage == stage);
    of_stage.map(|blocker| (blocker.backend().map_or(0, |backend| backend.pid.0), blocker.bites)).collect()
}

async fn pid(session: &Client) -> i32 {
    session.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_writer_is_waited_for_now_and_a_snapshot_will_be() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session.batch_execute("CREATE TABLE t (x int); CREATE TABLE other (x int)").await.unwrap();
    let (writer, reader) = (database.connect().await, database.connect().await);
    // Asked before BEGIN: the answer's portal would stay open in the transaction and keep a snapshot.
    let (writer_pid, reader_pid) = (pid(&writer).await, pid(&reader).await);
    writer.batch_execute("BEGIN; INSERT INTO t VALUES (1)").await.unwrap();
    reader.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM other").await.unwrap();
    let old =
        "SELECT FROM pg_stat_activity WHERE pid = $1 AND xact_start < clock_timestamp() - interval '1.1 s'";
    until("the snapshot is old", async || !session.query(old, &[&reader_pid]).await.unwrap().is_empty())
        .await;

    let oid = Oid(session.query_one("SELECT 't'::regclass::oid", &[]).await.unwrap().get(0));
    let survey = PgSurvey::new(link(&database, Access::ReadOnly));
    let ahead = survey.future_blockers(&[oid]).await.unwrap().value;
    assert_eq!(pids(&ahead, BlockStage::Writer), [(writer_pid, Bites::Later)]);
    assert_eq!(pids(&ahead, BlockStage::OldSnapshot), [(reader_pid, Bites::Later)]);

    let build = start_build(&database, "CREATE INDEX CONCURRENTLY ix ON t (x)").await;
    let watched = watch(&session, build.pid).await;
    let first = round(&database, watched.clone()).await;
    let [progress] = &first.progress[..] else { panic!("{:?}", first.progress) };
    assert_eq!(progress.seen.unwrap().phase, Phase::WritersBeforeBuild);
    let blockers = &first.blockers[0].1;
    assert_eq!(pids(blockers, BlockStage::Writer), [(writer_pid, Bites::Now)]);
    assert_eq!(pids(blockers, BlockStage::OldSnapshot), [(reader_pid, Bites::Later)]);

    writer.batch_execute("COMMIT").await.unwrap();
    let waits =
        "SELECT FROM pg_stat_progress_create_index WHERE pid = $1 AND phase = 'waiting for old snapshots'";
    until("it waits for the snapshot", async || {
        !session.query(waits, &[&build.pid]).await.unwrap().is_empty()
    })
    .await;
    let last = round(&database, watched.clone()).await;
    assert_eq!(pids(&last.blockers[0].1, BlockStage::OldSnapshot), [(reader_pid, Bites::Now)]);
    assert_eq!(pids(&last.blockers[0].1, BlockStage::Writer), []);

    reader.batch_execute("COMMIT").await.unwrap();
    build.done.await.unwrap().unwrap();
    let gone = async || !round(&database, watched.clone()).await.gone.is_empty();
    until("the backend is gone", gone).await;
}

#[tokio::test]
async fn a_statement_that_would_kill_the_build_is_named_while_the_build_can_be_saved() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session.batch_execute("CREATE TABLE t (x int)").await.unwrap();
    let writer = database.connect().await;
    writer.batch_execute("BEGIN; INSERT INTO t VALUES (1)").await.unwrap();
    let build = start_build(&database, "CREATE INDEX CONCURRENTLY ix ON t (x)").await;
    let analyze = start_build(&database, "ANALYZE t").await;
    let blockers = round(&database, watch(&session, build.pid).await).await.blockers.remove(0).1;
    assert_eq!(pids(&blockers, BlockStage::DeadlockAhead), [(analyze.pid, Bites::Later)]);
    assert_eq!(blockers[0].stage, BlockStage::DeadlockAhead, "the worst comes first");

    session.execute("SELECT pg_cancel_backend($1)", &[&analyze.pid]).await.unwrap();
    analyze.done.await.unwrap().unwrap_err();
    writer.batch_execute("COMMIT").await.unwrap();
    build.done.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_drop_is_held_up_by_readers_too() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session.batch_execute("CREATE TABLE t (x int); CREATE INDEX ix ON t (x)").await.unwrap();
    let reader = database.connect().await;
    reader.batch_execute("BEGIN; SELECT FROM t").await.unwrap();
    let reader_pid = pid(&reader).await;
    let drop = start_build(&database, "DROP INDEX CONCURRENTLY ix").await;
    let blockers = round(&database, watch(&session, drop.pid).await).await.blockers.remove(0).1;
    assert_eq!(pids(&blockers, BlockStage::Reader), [(reader_pid, Bites::Now)]);
    reader.batch_execute("COMMIT").await.unwrap();
    drop.done.await.unwrap().unwrap();
}

/// What the engine withdraws a drop for: the build shows among its blockers and in the progress view, on the same table.
#[tokio::test]
async fn a_drop_behind_a_build_is_held_up_by_a_session_that_the_progress_view_shows() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session.batch_execute("CREATE TABLE t (x int); CREATE INDEX ix ON t (x)").await.unwrap();
    let reader = database.connect().await;
    reader.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_class").await.unwrap();
    // At its end already: a snapshot that comes later is none of its concern, so this drop cannot kill it.
    let build = start_build(&database, "CREATE INDEX CONCURRENTLY other ON t (x)").await;
    let drop = start_build(&database, "DROP INDEX CONCURRENTLY ix").await;
    let request = watch(&session, drop.pid).await;
    let (table, round) = (request.table_oid, round(&database, request).await);
    let blockers = &round.blockers[0].1;
    let now: Vec<_> = blockers.iter().filter(|it| it.bites == Bites::Now).collect();
    assert_eq!(now.iter().filter_map(|it| it.backend()).map(|it| it.pid.0).collect::<Vec<_>>(), [build.pid]);
    let row = round.progress.iter().find(|row| row.backend.pid.0 == build.pid).unwrap();
    assert_eq!(row.seen.unwrap().table_oid, table);
    session.execute("SELECT pg_cancel_backend($1)", &[&drop.pid]).await.unwrap();
    drop.done.await.unwrap().unwrap_err();
    reader.batch_execute("COMMIT").await.unwrap();
    build.done.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_prepared_transaction_is_named_and_not_the_session_that_prepared_it() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session.batch_execute("CREATE TABLE t (x int)").await.unwrap();
    let innocent = database.connect().await;
    innocent.batch_execute("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'left over'").await.unwrap();
    let oid = Oid(session.query_one("SELECT 't'::regclass::oid", &[]).await.unwrap().get(0));
    let is_prepared =
        |blocker: &Blocker| matches!(&blocker.holder, Holder::Prepared { gid, .. } if gid == "left over");

    let survey = PgSurvey::new(link(&database, Access::ReadOnly));
    let ahead = survey.future_blockers(&[oid]).await.unwrap().value;
    assert!(ahead.len() == 1 && is_prepared(&ahead[0]) && ahead[0].stage == BlockStage::Writer, "{ahead:?}");

    let build = start_build(&database, "CREATE INDEX CONCURRENTLY ix ON t (x)").await;
    let blockers = round(&database, watch(&session, build.pid).await).await.blockers.remove(0).1;
    assert!(
        blockers.len() == 1 && is_prepared(&blockers[0]) && blockers[0].bites == Bites::Now,
        "{blockers:?}"
    );
    session.batch_execute("ROLLBACK PREPARED 'left over'").await.unwrap();
    build.done.await.unwrap().unwrap();
}
