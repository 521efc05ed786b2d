//! Terminals that go away in the middle of a rollout: the run goes on, and whoever comes back sees all of it.

use std::time::Duration;

use tokio::process::Command;

use crate::console::open;
use crate::program::Home;
use crate::server::{self, Database, REGISTRY};
use crate::support::pty::Pty;
use crate::support::wait::eventually;

/// Terminals that are closed.
const CLOSED: usize = 20;

/// A rollout of the sample that answers for itself and goes on without a console.
pub(crate) fn rollout(home: &Home, dsn: &str) -> Command {
    home.cicerone(&[
        "console",
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
        "--on-detach",
        "go-on",
    ])
}

/// Closes it after so long; the console is gone within 2 s.
async fn close(mut pty: Pty, after: Duration) {
    tokio::time::sleep(after).await;
    pty.hangs_up();
    tokio::time::timeout(Duration::from_secs(2), pty.ends())
        .await
        .expect("a console without a terminal ends");
}

#[tokio::test]
async fn twenty_closed_terminals_stop_nothing_and_lose_nothing() {
    let mut chance = fastrand::Rng::with_seed(20_261_120);
    let (home, database) = (Home::new(), server::sample().await);
    let before = database.indexes().await.len();
    let dsn = database.conninfo();
    // Keeps the run from its end until the last terminal is closed.
    let writer = database.connect().await;
    writer.batch_execute("BEGIN; LOCK TABLE leads IN ROW EXCLUSIVE MODE").await.expect("a lock");
    for _ in 0..CLOSED {
        // The first one begins the run; all others come back to it.
        let mut pty = open(&rollout(&home, &dsn));
        pty.until("the screen is up", |screen| screen.contains("[SAFE]")).await;
        close(pty, Duration::from_millis(chance.u64(0..250))).await;
        assert_eq!(home.runs().len(), 1, "{:?}", home.runs());
    }
    writer.batch_execute("COMMIT").await.expect("released");
    the_rollout_is_whole(&home, &database, before).await;
    let journal = fs_err::read_to_string(home.only_run().join("journal.jsonl")).expect("a journal");
    assert!(journal.matches("\"control_lost\"").count() > 1, "{journal}");
}

/// Every entry of the sample was built once, by one engine, and the journal has all of it; `before` it there were so many
/// indexes.
pub(crate) async fn the_rollout_is_whole(home: &Home, database: &Database, before: usize) {
    let run = home.only_run();
    eventually("the engine has come to its end", || home.engines().is_empty()).await;
    let report = fs_err::read_to_string(run.join("report.md")).expect("a report");
    assert!(report.contains("82 of 82"), "{report}");
    home.run(&["journal", "verify", &run.join("journal.jsonl").to_string_lossy()])
        .await
        .with_code(0)
        .says("the chain is whole");
    let after = database.indexes().await;
    assert_eq!(after.iter().filter(|name| name.starts_with('!')).count(), 0, "{after:?}");
    assert_eq!(after.len(), before + 82);
    let created = database.log().changes().into_iter().filter(|it| it.sql.contains("CREATE INDEX")).count();
    assert_eq!(created, 82, "each once");
    // One process drove it from its beginning to its end.
    let journal = fs_err::read_to_string(run.join("journal.jsonl")).expect("a journal");
    assert!(!journal.contains("\"taken_over\""), "{journal}");
}
