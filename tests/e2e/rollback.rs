//! Rollback: exactly what the run made goes, and everything that was there before stays as it was.

use tokio::process::Command;

use crate::program::{ANSWERED, Ended, Home, Running, run};
use crate::server::{self, Database};

const REASON: [&str; 2] = ["--reason", "the rehearsal of a rollback"];

fn rollback(home: &Home, database: &Database, more: &[&str]) -> Command {
    let mut command =
        home.cicerone(&["rollback", "--dsn", &database.conninfo(), "--confirm", &database.name]);
    command.args(REASON).args(more);
    command
}

/// A database with one index of the registry already there, another one made by the run, and the run's name.
async fn rolled_out() -> (Home, Database, Vec<String>, String) {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let session = database.connect().await;
    session.batch_execute("CREATE INDEX idx_customers_email ON customers (email)").await.expect("an index");
    let before = database.relations().await;
    run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(0).says("4 of 4 verified");
    assert_eq!(database.relations().await.len(), before.len() + 3);
    let run = home.only_run().file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    (home, database, before, run)
}

#[tokio::test]
async fn exactly_what_was_there_before_remains() {
    let (home, database, before, run_id) = rolled_out().await;
    let ended = run(rollback(&home, &database, &["--run", &run_id])).await.with_code(0);
    assert!(ended.stdout.contains("3 rolled back"), "{ended}");
    assert_eq!(database.relations().await, before, "OIDs, files and names");
    let drops: Vec<_> = database.log().changes().into_iter().filter(|it| it.sql.contains("DROP")).collect();
    assert!(drops.iter().all(|it| it.sql.contains("DROP INDEX CONCURRENTLY public.idx_")), "{drops:#?}");
    assert!(drops.iter().all(|it| it.sql.contains(" step=rollback attempt=1 head=")), "{drops:#?}");
    let changes = database.log().changes();
    let creates: Vec<_> = changes.iter().filter(|it| it.sql.contains("CREATE INDEX CONCURRENTLY")).collect();
    assert!(creates.iter().any(|it| it.sql.contains(" step=build.indexes attempt=1 head=")), "{creates:#?}");
    assert_eq!(drops.len(), 3);
    run(rollback(&home, &database, &["--run", &run_id])).await.with_code(0).says("Nothing to roll back");
    home.run(&["journal", "verify"]).await.with_code(0);
    // The same registry once more, on what is there now.
    run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(0).says("4 of 4 verified");
}

#[tokio::test]
async fn one_entry_alone_can_be_rolled_back_and_then_the_rest() {
    let (home, database, before, _) = rolled_out().await;
    run(rollback(&home, &database, &["--entry", "public.idx_orders_open"])).await.with_code(0);
    let indexes = database.indexes().await;
    assert!(!indexes.contains(&"idx_orders_open".to_owned()), "{indexes:?}");
    assert!(indexes.contains(&"idx_orders_customer".to_owned()), "{indexes:?}");
    run(rollback(&home, &database, &[])).await.with_code(0);
    assert_eq!(database.relations().await, before);
}

async fn refused(home: &Home, database: &Database, command: Command, told: &str) -> Ended {
    let before = database.relations().await;
    let ended = run(command).await.with_code(2).says(told);
    assert_eq!(database.relations().await, before);
    let status = home.run(&["status"]).await.with_code(0);
    assert!(status.stdout.contains(" CLOSED "), "the run is as it was: {status}");
    ended
}

#[tokio::test]
async fn what_is_not_meant_or_not_ours_is_refused_and_nothing_is_written() {
    let (home, database, ..) = rolled_out().await;
    let dsn = database.conninfo();
    let mut wrong = home.cicerone(&["rollback", "--dsn", &dsn, "--confirm", "postgres"]);
    wrong.args(REASON);
    refused(&home, &database, wrong, "--confirm postgres is not the database").await;
    let unnamed = home.cicerone(&["rollback", "--dsn", &dsn, "--reason", REASON[1]]);
    refused(&home, &database, unnamed, "--confirm <DATABASE>").await;
    let silent = home.cicerone(&["rollback", "--dsn", &dsn, "--confirm", &database.name]);
    refused(&home, &database, silent, "a rollback needs a reason").await;
    let short =
        home.cicerone(&["rollback", "--dsn", &dsn, "--confirm", &database.name, "--reason", "why not"]);
    refused(&home, &database, short, "ten letters").await;
    let foreign = rollback(&home, &database, &["--entry", "public.idx_customers_email"]);
    refused(&home, &database, foreign, "was not made by this run").await;
    let unknown = rollback(&home, &database, &["--run", "20200101-000000-aaaa"]);
    refused(&home, &database, unknown, "there is no run 20200101-000000-aaaa").await;
    let dry = rollback(&home, &database, &["--dry-run"]);
    refused(&home, &database, dry, "no dry run").await;
}

#[tokio::test]
async fn another_database_is_not_rolled_back() {
    let (home, _database, _, run_id) = rolled_out().await;
    let other = server::small().await;
    let session = other.connect().await;
    let copy = "CREATE INDEX idx_orders_open ON orders (placed_at) WHERE state = 'open'";
    session.batch_execute(copy).await.expect("an index");
    let before = other.relations().await;
    run(rollback(&home, &other, &["--run", &run_id])).await.with_code(7).says("database");
    assert_eq!(other.relations().await, before);
}

#[tokio::test]
async fn a_killed_run_is_rolled_back_whole_with_the_build_that_outlived_it() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let before = database.relations().await;
    let session = database.connect().await;
    session.batch_execute("BEGIN; UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    let mut process = Running::start(home.rollout(&database.conninfo(), &ANSWERED));
    for said in ["idx_customers_email DONE", "idx_customers_country DONE", "idx_orders_customer WAIT"] {
        process.says(said).await;
    }
    process.signal(rustix::process::Signal::KILL);
    process.end().await;
    let mut undo = Running::start(rollback(&home, &database, &[]));
    undo.says("rollback").await;
    session.batch_execute("COMMIT").await.expect("released");
    undo.end().await.with_code(0);
    let left: Vec<String> = database.relations().await;
    assert_eq!(left, before);
}
