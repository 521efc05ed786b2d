//! The end of the maintenance window: nothing new starts after it, what runs is left to end, and the way back stays open.

use crate::console::{GATE, abort, console, open};
use crate::program::{ANSWERED, Home, run};
use crate::server;
use crate::support::pty::ENTER;
use crate::support::wait::eventually;

/// Waits until the journal says that the end of the window was acted on.
async fn closed(home: &Home) {
    let acted = |line: &str| {
        line.contains("the end of the window")
            && (line.contains("\"paused\"") || line.contains("\"abort_requested\""))
    };
    let journal = || fs_err::read_to_string(home.runs().last()?.join("journal.jsonl")).ok();
    eventually("the window has closed", || journal().is_some_and(|text| text.lines().any(acted))).await;
}

#[tokio::test]
async fn a_pipeline_whose_window_closes_lets_what_runs_end_and_starts_nothing_more() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let session = database.connect().await;
    session.batch_execute("BEGIN; UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    let mut rollout = home.rollout(&database.conninfo(), &ANSWERED);
    rollout.args(["--jobs", "1", "--window-end", "4s"]);
    let release = async {
        // The build that waits for this writer is not to be stopped by the end of the window.
        closed(&home).await;
        session.batch_execute("COMMIT").await.expect("released");
    };
    let (ended, ()) = tokio::join!(run(rollout), release);
    let ended = ended.with_code(6).says("the window has closed");
    let journal = fs_err::read_to_string(home.only_run().join("journal.jsonl")).expect("a journal");
    assert!(journal.contains("\"window_set\"") && journal.contains("the end of the window"), "{journal}");
    let closed = journal.lines().position(|line| line.contains("\"abort_requested\"")).expect("an end");
    let after: Vec<&str> =
        journal.lines().skip(closed).filter(|line| line.contains("\"intended\"")).collect();
    assert!(after.is_empty(), "{after:#?}");
    let begun = journal.matches("\"intended\"").count();
    assert!(begun > 0 && begun < 4, "{begun} of 4 began: {ended}");
    // The next window goes on where this one ended.
    run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(0).says("4 of 4 verified");
}

#[tokio::test]
async fn a_build_that_dies_after_the_window_leaves_nothing_and_holds_up_no_end() {
    for policy in ["finish-running", "cancel-running"] {
        let (home, database) = (Home::with_small_registry(), server::small().await);
        let (writer, killer) = (database.connect().await, database.connect().await);
        writer.batch_execute("BEGIN; UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
        let mut rollout = home.rollout(&database.conninfo(), &ANSWERED);
        rollout.args(["--jobs", "1", "--window-end", "4s", "--on-abort", policy]);
        let strike = async {
            closed(&home).await;
            let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                AND query LIKE '%CREATE INDEX CONCURRENTLY%' AND state = 'active' AND pid <> pg_backend_pid()";
            let struck = killer.query(sql, &[]).await.expect("a look").len();
            writer.batch_execute("COMMIT").await.expect("released");
            struck
        };
        let (ended, struck) = tokio::join!(run(rollout), strike);
        assert_eq!(struck, 1, "{policy}: a build ran on after the window: {ended}");
        let ended = ended.with_code(6);
        let invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
        let left: i64 = killer.query_one(invalid, &[]).await.expect("a count").get(0);
        assert_eq!(left, 0, "{policy}: {ended}");
    }
}

#[tokio::test]
async fn the_window_of_a_console_pauses_the_queue_and_a_person_moves_it() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut pty = open(&console(&home, &database.conninfo(), &["--window-end", "3h"]));
    pty.shows(GATE).await;
    pty.shows("window closes").await;
    pty.types(&format!(":window 1s{ENTER}")).await;
    pty.shows("window closed").await;
    pty.types("0").await;
    pty.shows("nothing new starts").await;
    let journal = || fs_err::read_to_string(home.only_run().join("journal.jsonl")).expect("a journal");
    eventually("the queue is paused", || journal().contains("\"paused\"")).await;
    pty.types(&format!(":window off{ENTER}")).await;
    pty.shows("since").await;
    abort(&mut pty).await.with_code(6);
    assert_eq!(journal().matches("\"window_set\"").count(), 3);
}

#[tokio::test]
async fn an_end_that_has_passed_is_refused_before_anything_is_connected_to() {
    let home = Home::with_small_registry();
    let mut rollout = home.rollout("host=/nowhere dbname=x", &ANSWERED);
    rollout.args(["--window-end", "2001-01-01T00:00:00Z"]);
    let ended = run(rollout).await.with_code(2);
    assert!(ended.stderr.contains("--window-end") && ended.stderr.contains("05:00Z"), "{ended}");
}

#[tokio::test]
async fn whoever_comes_back_with_a_window_sets_it_for_the_engine_that_is_there() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut first = open(&console(&home, &database.conninfo(), &[]));
    first.shows(GATE).await;
    first.hangs_up();
    first.ends().await;
    let mut second = open(&console(&home, &database.conninfo(), &["--window-end", "3h"]));
    second.shows("window closes").await;
    abort(&mut second).await.with_code(6);
    let journal = fs_err::read_to_string(home.only_run().join("journal.jsonl")).expect("a journal");
    assert_eq!(journal.matches("\"window_set\"").count(), 1, "{journal}");
}
