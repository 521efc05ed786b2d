//! `kill -9` at random instants: nothing is lost, nothing is built twice, and the same command again ends it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cicerone::rehearsal::sample::tables;
use rustix::process::Signal;
use tokio::process::Command;

use crate::program::{Home, Running};
use crate::server::{self, Database, Fate, Log, REGISTRY, Statement};
use crate::support::wait::until;

/// Kills in each of the two databases.
const KILLS: usize = 10;
/// Records that a run of the sample without an interruption writes: 560.
const RECORDS: usize = 540;

/// Two campaigns side by side, each with builds of its own on two connections.
#[tokio::test]
async fn twenty_kills_lose_nothing_and_build_nothing_twice() {
    let seed = seed();
    println!("seed {seed}; set CICERONE_TEST_SEED to have the same instants again");
    let mut chance = fastrand::Rng::with_seed(seed);
    tokio::join!(campaign(chance.fork()), campaign(chance.fork()));
}

fn seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "whoever repeats a failure says which")]
    let given = std::env::var("CICERONE_TEST_SEED").ok();
    given.map_or_else(|| fastrand::u64(..1_000_000), |text| text.parse().expect("a number"))
}

async fn campaign(mut chance: fastrand::Rng) {
    let (home, database) = (Home::new(), server::sample().await);
    let dsn = database.conninfo();
    let before = database.indexes().await;
    // One instant in each tenth of the run, so that they do not all fall into the same part.
    for part in 0..KILLS {
        let at = chance.usize(part * RECORDS / KILLS..(part + 1) * RECORDS / KILLS);
        let mut process = Running::start(rollout(&home, &dsn));
        has_written(&mut process, &home, at).await;
        if [1, 3, 5].contains(&part) {
            kill_a_build(process, &database, &mut chance).await;
            continue;
        }
        tokio::time::sleep(Duration::from_millis(chance.u64(0..60))).await;
        assert!(process.is_running(), "it ended before its kill\n{}", process.end().await);
        process.signal(Signal::KILL);
        process.end().await;
    }
    let ended = crate::program::run(rollout(&home, &dsn)).await.with_code(0);
    assert!(ended.last_line().starts_with("82 of 82 verified"), "{ended}");

    let journal = the_run(&home).expect("a run").join("journal.jsonl");
    home.run(&["journal", "verify", &journal.to_string_lossy()])
        .await
        .with_code(0)
        .says("the chain is whole");
    let after = database.indexes().await;
    assert_eq!(after.iter().filter(|name| name.starts_with('!')).count(), 0, "{after:?}");
    assert_eq!(after.len(), before.len() + 82);
    let log = database.log();
    each_built_once(&log);
    intended_first(&log, &journal, &database);
}

/// Most of a run over so few rows is spent between builds: here everything is held until one is at work, which then
/// outlives its process and meets the next one.
async fn kill_a_build(mut process: Running, database: &Database, chance: &mut fastrand::Rng) {
    // Who holds a transaction open reads the same activity again and again.
    let (session, witness) = (database.connect().await, database.connect().await);
    let all: Vec<&str> = tables().collect();
    // The locks of somebody who writes, without the dead rows.
    let write = format!("BEGIN; LOCK TABLE {} IN ROW EXCLUSIVE MODE", all.join(", "));
    session.batch_execute(&write).await.expect("a write");
    let held = held_by(&session).await;
    until(&witness, &held).await;
    assert!(process.is_running());
    process.signal(Signal::KILL);
    process.end().await;
    let row = witness.query_one(&held, &[]).await.expect("an answer");
    assert!(row.get::<_, bool>(0), "the server goes on without a client");
    let later = Duration::from_millis(chance.u64(0..1_500));
    #[expect(clippy::disallowed_methods, reason = "ends by itself, long before the last run does")]
    tokio::spawn(async move {
        tokio::time::sleep(later).await;
        session.batch_execute("COMMIT").await.expect("released");
    });
}

/// Whether a build waits for this session. One that only runs could be past its wait for writers, and end at any moment.
async fn held_by(session: &tokio_postgres::Client) -> String {
    let row = session.query_one("SELECT pg_backend_pid()", &[]).await.expect("an answer");
    let pid: i32 = row.get(0);
    format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
         AND query LIKE '%CREATE INDEX CONCURRENTLY%' AND {pid} = ANY (pg_blocking_pids(pid)))"
    )
}

fn rollout(home: &Home, dsn: &str) -> Command {
    home.cicerone(&[
        "run",
        "index-rollout",
        "--dsn",
        dsn,
        "--registry",
        REGISTRY,
        "--jobs",
        "2",
        "--go",
        "--sign-off",
        "e2e",
        "--waive",
        "backup=sample data of a test",
    ])
}

/// Waits until the journal has so many records.
async fn has_written(process: &mut Running, home: &Home, records: usize) {
    let reached = || the_run(home).is_some_and(|run| lines(&run.join("journal.jsonl")) >= records);
    while records > 0 && !reached() {
        assert!(process.is_running(), "it ended before record {records}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The one run; a kill before the very first record leaves a folder in which nothing was ever done.
fn the_run(home: &Home) -> Option<PathBuf> {
    let mut runs = home.runs();
    runs.retain(|run| lines(&run.join("journal.jsonl")) > 0);
    assert!(runs.len() < 2, "taken over, not begun anew");
    runs.pop()
}

fn lines(journal: &Path) -> usize {
    fs_err::read(journal).map_or(0, |bytes| bytes.split(|byte| *byte == b'\n').count() - 1)
}

/// Every index has exactly one successful build, and never two at once.
fn each_built_once(log: &Log) {
    let mut by_index: BTreeMap<String, Vec<Statement>> = BTreeMap::new();
    for statement in log.changes().into_iter().filter(|it| it.sql.contains("CREATE")) {
        let name = statement.sql.split("CONCURRENTLY ").nth(1).and_then(|it| it.split(" ON ").next());
        by_index.entry(name.expect("a concurrent build").to_owned()).or_default().push(statement);
    }
    assert_eq!(by_index.len(), 82);
    for (name, builds) in by_index {
        let succeeded = builds.iter().filter(|it| it.fate == Fate::Succeeded).count();
        let told = || log.of(&builds.iter().map(|it| it.pid).collect::<Vec<_>>());
        assert_eq!(succeeded, 1, "{name}: {builds:#?}\n{}", told());
        for pair in builds.windows(2) {
            assert!(pair[0].ended < pair[1].begun, "two builds of {name} at once: {pair:#?}");
        }
    }
}

/// Every statement that changes anything was in the journal before it was sent, word for word.
fn intended_first(log: &Log, journal: &Path, database: &Database) {
    let journal = fs_err::read_to_string(journal).expect("the journal");
    for statement in log.changes() {
        let quoted = serde_json::to_string(&statement.sql).expect("JSON");
        assert!(journal.contains(&quoted), "{}: not intended: {}", database.name, statement.sql);
    }
}
