//! Waits over their budget with nobody there to say whether to go on.

use crate::console::{abort, arm, console, open, signals};
use crate::program::{ANSWERED, Home, run};
use crate::server;
use crate::support::pty::{ENTER, Pty};
use crate::support::wait::until;

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

/// Everything but the signature is answered beforehand, and waits over their budget are a person's to judge.
const ASKED: [&str; 11] = [
    "--waive",
    "backup=restored by hand at 02",
    "--go",
    "--on-budget",
    "ask",
    "--first-lock-budget",
    "2s",
    "--lock-tries",
    "2",
    "--writers-budget",
    "2s",
];

/// Puts the cursor on the only entry with this in its name.
async fn choose(pty: &mut Pty, part: &str) {
    pty.types(&format!("/{part}{ENTER}")).await;
}

/// Stops what the cursor is on, once the panel has said what that means.
async fn stop(pty: &mut Pty, title: &str, told: &str) {
    pty.types("x").await;
    pty.shows(title).await;
    pty.shows(told).await;
    pty.panel("type stop").await;
    pty.types(&format!("stop{ENTER}")).await;
}

#[tokio::test]
async fn a_build_that_waits_for_its_first_lock_is_asked_about_and_stopped_on_the_console() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let session = database.connect().await;
    session
        .batch_execute("BEGIN; LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE")
        .await
        .expect("a lock as VACUUM holds it");
    let mut pty = open(&console(&home, &database.conninfo(), &ASKED));
    pty.shows(" INDEXES ").await;
    choose(&mut pty, "orders_customer").await;
    pty.shows("over its budget").await;
    stop(&mut pty, "STOP  public.idx_orders_customer", "nothing was sent for it").await;
    pty.shows("stopped by").await;
    session.batch_execute("COMMIT").await.expect("released");
    pty.shows("[s] waiting for you at 3: 3 of 4 built").await;
    let sent: Vec<String> = database.log().changes().into_iter().map(|it| it.sql).collect();
    assert!(!sent.iter().any(|sql| sql.contains("idx_orders_customer")), "{sent:#?}");
    assert_eq!(signals(&database), [""; 0], "there was nothing to cancel");
    let indexes = database.indexes().await;
    assert!(indexes.contains(&"idx_orders_open".to_owned()), "{indexes:?}");
    abort(&mut pty).await.with_code(6);
}

#[tokio::test]
async fn the_drop_of_a_rollback_that_waits_for_a_reader_is_stopped_on_the_console_and_finished_later() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let before = database.indexes().await;
    let mut pty = open(&console(&home, &database.conninfo(), &ASKED));
    pty.shows("[s] your signature at 5").await;
    let session = database.connect().await;
    session.batch_execute("BEGIN; SELECT count(*) FROM orders").await.expect("a read");
    arm(&mut pty, &database.name).await;
    choose(&mut pty, "orders_open").await;
    let undo = format!("idx_orders_open{ENTER}nobody asks for these{ENTER}");
    pty.types("u").await;
    pty.panel("type the index name").await;
    pty.types(&undo).await;
    let witness = database.connect().await;
    until(&witness, "SELECT NOT indisvalid FROM pg_index WHERE indexrelid = 'idx_orders_open'::regclass")
        .await;
    // A key counts for what the screen shows, which is behind the server.
    pty.shows("its drop is held up").await;
    // On the screen that the run is at: it waits for a signature all the while.
    stop(&mut pty, "STOP THE DROP OF  public.idx_orders_open", "serves no query any more").await;
    pty.shows("[s] your signature at 5").await;
    assert_eq!(signals(&database).len(), 1, "{:?}", signals(&database));
    let cut = database.indexes().await;
    assert!(cut.contains(&"!idx_orders_open".to_owned()), "{cut:?}");

    session.batch_execute("COMMIT").await.expect("released");
    pty.types("u").await;
    pty.panel("type the index name").await;
    pty.types(&undo).await;
    until(&witness, "SELECT to_regclass('idx_orders_open') IS NULL").await;
    pty.shows("[s] your signature at 5").await;
    abort(&mut pty).await.with_code(6);
    let left = database.indexes().await;
    assert!(!left.iter().any(|name| name.ends_with("idx_orders_open")), "{left:?}");
    assert_eq!(left.len(), before.len() + 3, "{left:?}");
}
