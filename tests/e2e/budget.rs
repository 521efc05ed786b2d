//! Waits over their budget with nobody there to say whether to go on.

use crate::program::{ANSWERED, Home, run};
use crate::server;

const ASKS: [&str; 6] = ["--on-budget", "ask", "--writers-budget", "1s", "--jobs", "2"];

#[tokio::test]
async fn a_build_that_waits_for_a_writer_who_never_leaves_ends_the_run_with_10_and_goes_on_in_the_next() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let session = database.connect().await;
    session.batch_execute("BEGIN; UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    let mut first = home.rollout(&database.conninfo(), &ANSWERED);
    first.args(ASKS);
    let ended = run(first).await.with_code(10).says("nobody is there to say whether to go on waiting");
    assert!(ended.stdout.contains("a person stops it or lets it wait"), "{ended}");
    let usable = database.indexes().await;
    assert!(
        usable.contains(&"idx_customers_email".to_owned()),
        "the other table was not held up: {usable:?}"
    );
    session.batch_execute("COMMIT").await.expect("released");
    run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(0).says("4 of 4 verified");
    home.run(&["journal", "verify"]).await.with_code(0);
}

#[tokio::test]
async fn a_rollback_behind_a_reader_who_never_leaves_comes_to_an_end_and_goes_on_in_the_next() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let before = database.relations().await;
    let mut rollout = home.rollout(&database.conninfo(), &ANSWERED);
    rollout.args(ASKS);
    run(rollout).await.with_code(0).says("4 of 4 verified");
    let session = database.connect().await;
    session.batch_execute("BEGIN; SELECT count(*) FROM orders").await.expect("a read");
    let undo = || {
        let mut command =
            home.cicerone(&["rollback", "--dsn", &database.conninfo(), "--confirm", &database.name]);
        command.args(["--reason", "the rehearsal of a rollback"]);
        command
    };
    // A drop that is cut in its wait leaves an index that serves nobody, and that is the worst to be told.
    let ended = run(undo()).await.with_code(5).says("cut in the middle");
    // Who it would wait for is said before anything is sent.
    let at = |words: &str| ended.stdout.find(words).unwrap_or_else(|| panic!("no {words}: {ended}"));
    assert!(at("would be held up by pid") < at("DROP INDEX CONCURRENTLY"), "{ended}");
    session.batch_execute("COMMIT").await.expect("released");
    let mut json = undo();
    json.args(["--output", "json"]);
    let ended = run(json).await.with_code(0);
    let holders = ended.stdout.lines().position(|it| it.starts_with(r#"{"type":"drop_holders""#));
    let sent = ended.stdout.lines().position(|it| it.contains("DROP INDEX CONCURRENTLY"));
    assert!(holders.is_some() && holders < sent, "{ended}");
    assert_eq!(database.relations().await, before);
}
