//! `kill -9` at random instants: nothing is lost, nothing is built twice, and the same command again ends it.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::process::Signal;
use tokio::process::Command;

use crate::program::{Home, Running};
use crate::server::{self, Database, Fate, Log, REGISTRY, Statement};

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
        let later = chance.u64(0..60);
        kill_at(rollout(&home, &dsn), &home, at, later).await;
    }
    let ended = crate::program::run(rollout(&home, &dsn)).await.with_code(0);
    assert!(ended.last_line().starts_with("82 of 82 verified"), "{ended}");

    let run = home.only_run();
    let journal = run.join("journal.jsonl");
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

/// Kills once the journal has so many records, and a moment later.
async fn kill_at(command: Command, home: &Home, records: usize, later: u64) {
    let mut process = Running::start(command);
    let reached = || {
        let runs = home.runs();
        assert!(runs.len() < 2, "taken over, not begun anew");
        runs.first().is_some_and(|run| lines(&run.join("journal.jsonl")) >= records)
    };
    while !reached() {
        assert!(process.is_running(), "it ended before record {records}\n{}", process.end().await);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(later)).await;
    process.signal(Signal::KILL);
    process.end().await;
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
