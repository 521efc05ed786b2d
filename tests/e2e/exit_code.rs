//! What the process ends with: each code of the table once, from a world that leads to it.

use std::path::Path;

use cicerone::cli::exit::{self, Exit};
use tokio::process::Command;

use crate::program::{ANSWERED, Home, Running, run};
use crate::server;

#[tokio::test]
async fn everything_verified_is_0() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let ended = run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(0);
    assert!(ended.last_line().starts_with("4 of 4 verified  report /"), "{ended}");
    assert_eq!(ended.stderr, "");
    // Once more: nothing to build, nothing built.
    let before = database.relations().await;
    run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(0).says("4 of 4 verified");
    assert_eq!(database.relations().await, before);
}

#[tokio::test]
async fn findings_are_1() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(0);
    let journal = home.only_run().join("journal.jsonl");
    let text = fs_err::read_to_string(&journal).expect("the journal");
    fs_err::write(&journal, text.replacen("idx_orders_open", "idx_orders_oven", 1)).expect("tampered with");
    home.run(&["journal", "verify"]).await.with_code(1).says("BAD  line ");
}

#[tokio::test]
async fn wrong_usage_is_2_before_anything_is_connected_to() {
    let home = Home::with_small_registry();
    for (arguments, told) in [
        (&["run"][..], "PLAYBOOK"),
        (&["run", "index-rollout", "--jbos", "2"], "--jobs"),
        (&["run", "index-rollout", "--jobs", "0"], "--jobs"),
        (&["run", "index-rollout", "--attempts", "0"], "--attempts"),
        (&["run", "index-rollout", "--lock-tries", "0"], "--lock-tries"),
        (&["run", "nowhere.toml"], "nowhere.toml"),
        (&["run", "index-rollout", "--writers-budget", "soon"], "--writers-budget"),
        (&["run", "index-rollout", "--memory-budget", "lots"], "--memory-budget"),
        (&["run", "index-rollout", "--disk-free", "much"], "--disk-free"),
        (&["run", "index-rollout", "--waive", "backup"], "CHECK=REASON"),
        (&["run", "index-rollout", "--waive", "bakcup=for a good reason"], "bakcup"),
        (&["run", "index-rollout", "--sign-off", " "], "--sign-off"),
        (&["plan", "--registry", "nowhere.toml"], "nowhere.toml"),
        (&["plan", "--dsn", "host=/tmp dbname=x nonsense=1"], "nonsense"),
        (&["rehearse", "--scale", "-1"], "--scale"),
        (&["rehearse", "--scale", "0"], "--scale"),
        (&["rehearse", "--pace", "nan"], "--pace"),
        (&["rehearse", "--fault", "meteor"], "meteor"),
        (&["rehearse", "--pg-bin", "/nowhere"], "/nowhere"),
        (&["rehearse", "--schema", "/nowhere.sql"], "/nowhere.sql"),
        (&["status"], "no run"),
        (&["report", "20261120-000000-aaaa"], "20261120-000000-aaaa"),
        (&["registry", "check", "nowhere.toml"], "nowhere.toml"),
    ] {
        let mut command = home.cicerone(arguments);
        command.env("PGHOST", "/nowhere");
        let ended = run(command).await;
        println!("cicerone {}\n{ended}", arguments.join(" "));
        let ended = ended.with_code(2);
        assert!(ended.stderr.contains(told) || ended.stdout.contains(told), "{arguments:?}: {ended}");
    }
    assert_eq!(home.runs(), [""; 0].map(std::path::PathBuf::from));
}

#[tokio::test]
async fn a_closed_gate_is_3_and_changes_nothing() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let before = database.relations().await;
    let answered = ["--go", "--sign-off", "e2e"];
    run(home.rollout(&database.conninfo(), &answered)).await.with_code(3).says("backup");
    home.run(&["preflight", "--dsn", &database.conninfo()]).await.with_code(3).says("GATE CLOSED");
    assert_eq!(database.relations().await, before);
    let mut forgiven = home.rollout(&database.conninfo(), &answered);
    forgiven.arg("--exit-policy=never-fail");
    run(forgiven).await.with_code(0).says("gate closed");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_3() {
    let home = Home::with_small_registry();
    for command in [&["plan"][..], &["preflight"], &["verify"]] {
        let mut command = home.cicerone(command);
        command.args(["--dsn", "host=/nowhere dbname=app user=nobody"]);
        run(command).await.with_code(3).says("/nowhere");
    }
    let ended = run(home.rollout("host=/nowhere dbname=app user=nobody", &ANSWERED)).await.with_code(3);
    assert!(ended.stdout.contains("nothing was begun: no connection: /nowhere"), "{ended}");
    // It was not for good: the same run begins once the server is there.
    home.run(&["status"]).await.with_code(3).says("UNFINISHED");
}

#[tokio::test]
async fn another_database_under_the_same_name_is_7_until_a_new_run_is_asked_for() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let writer = database.connect().await;
    writer.batch_execute("BEGIN; UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    let mut process = Running::start(home.rollout(&database.conninfo(), &ANSWERED));
    process.says("idx_orders_customer WAIT").await;
    process.signal(rustix::process::Signal::KILL);
    process.end().await;
    drop(writer);
    database.again().await;
    let before = database.relations().await;
    for _ in 0..2 {
        let ended = run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(7);
        assert!(ended.stdout.contains("the target changed"), "{ended}");
        assert!(ended.stderr.contains("--new-run"), "{ended}");
    }
    assert_eq!(database.relations().await, before);
    let mut anew = home.rollout(&database.conninfo(), &ANSWERED);
    anew.arg("--new-run");
    run(anew).await.with_code(0).says("4 of 4 verified");
    let all = home.run(&["status", "--all"]).await.with_code(0);
    assert!(all.stdout.contains(" CLOSED 4 of 4 verified") && all.stdout.contains(" UNFINISHED "), "{all}");
}

/// A rollout that waives whatever stands in its way.
fn waiving(home: &Home, dsn: &str, checks: &[&str]) -> Command {
    let mut command = home.rollout(dsn, &ANSWERED);
    for check in checks {
        command.args(["--waive", &format!("{check}=known, and on purpose")]);
    }
    command
}

#[tokio::test]
async fn an_entry_that_fails_is_4_and_the_others_are_built() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let session = database.connect().await;
    session.batch_execute("UPDATE customers SET email = 'same' WHERE id < 3").await.expect("two of a kind");
    let unique = crate::program::SMALL
        .replace("INDEX CONCURRENTLY idx_customers_email", "UNIQUE INDEX CONCURRENTLY idx_customers_email");
    home.file("registry.toml", &unique);
    let ended = run(waiving(&home, &database.conninfo(), &["unique_values"])).await.with_code(4);
    assert!(ended.last_line().starts_with("3 of 4 verified"), "{ended}");
    let indexes = database.indexes().await;
    assert!(!indexes.iter().any(|name| name.contains("idx_customers_email")), "{indexes:?}");
    assert!(indexes.iter().any(|name| name == "idx_orders_open"), "{indexes:?}");
    let mut forgiven = waiving(&home, &database.conninfo(), &["unique_values"]);
    forgiven.arg("--exit-policy=never-fail");
    let ended = run(forgiven).await.with_code(0);
    assert!(ended.last_line().starts_with("3 of 4 verified"), "{ended}");
}

/// Leaves an invalid index behind that nobody builds.
async fn leave_behind(database: &server::Database) {
    let session = database.connect().await;
    let failed =
        session.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY idx_orders_open ON orders (state)").await;
    assert!(failed.is_err(), "states are not unique");
}

#[tokio::test]
async fn a_leftover_of_somebody_else_stays_and_is_5_and_repairing_it_is_0() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    leave_behind(&database).await;
    let ended = run(waiving(&home, &database.conninfo(), &["leftovers"])).await.with_code(5);
    assert!(ended.last_line().starts_with("3 of 4 verified"), "{ended}");
    home.run(&["verify", "--dsn", &database.conninfo()]).await.with_code(5).says("BAD ");
    assert!(database.indexes().await.contains(&"!idx_orders_open".to_owned()));
    let mut repair = waiving(&home, &database.conninfo(), &[]);
    repair.arg("--repair-leftovers");
    run(repair).await.with_code(0).says("4 of 4 verified");
    assert!(database.indexes().await.contains(&"idx_orders_open".to_owned()));
}

#[tokio::test]
async fn a_killed_run_is_7_until_it_was_taken_over() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut writer = database.connect().await;
    let hold = writer.transaction().await.expect("a transaction");
    hold.batch_execute("UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    let mut process = Running::start(home.rollout(&database.conninfo(), &ANSWERED));
    process.says("idx_orders_customer WAIT").await;
    process.signal(rustix::process::Signal::KILL);
    process.end().await;
    home.run(&["status"]).await.with_code(7);
    drop(hold);
    run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(0).says("4 of 4 verified");
    home.run(&["status"]).await.with_code(0);
}

#[tokio::test]
async fn another_process_at_the_run_is_8_and_named() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut writer = database.connect().await;
    let hold = writer.transaction().await.expect("a transaction");
    hold.batch_execute("UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    let mut first = Running::start(home.rollout(&database.conninfo(), &ANSWERED));
    first.says("idx_orders_customer WAIT").await;
    let second = run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(8);
    assert!(second.stderr.contains(&format!("{}", first.pid())), "who holds it: {second}");
    hold.rollback().await.expect("released");
    first.end().await.with_code(0);
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_is_9() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let before = database.relations().await;
    let file = home.file("file", "no folder");
    let mut command = home.rollout(&database.conninfo(), &ANSWERED);
    command.arg("--state-dir").arg(&file);
    run(command).await.with_code(9).says("--state-dir");

    // No file of the process may grow beyond 16 KiB: the journal reaches it while checks are answered.
    let mut limited = Command::new("sh");
    let bare = home.rollout(&database.conninfo(), &ANSWERED);
    let bare = bare.as_std();
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 32; exec \"$0\" \"$@\""])
        .arg(bare.get_program())
        .args(bare.get_args());
    limited.env_clear().envs(bare.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.current_dir(home.path()).kill_on_drop(true);
    let ended = run(limited).await.with_code(9);
    assert!(ended.stderr.contains("nothing more was started"), "{ended}");
    assert_eq!(database.relations().await, before, "no record, no statement");
}

#[tokio::test]
async fn a_step_that_nobody_answers_is_10() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let before = database.relations().await;
    let waived = &ANSWERED[3..];
    run(home.rollout(&database.conninfo(), waived)).await.with_code(10).says("go.confirm");
    assert_eq!(database.relations().await, before);
    let mut unsigned = home.rollout(&database.conninfo(), waived);
    unsigned.arg("--go");
    run(unsigned).await.with_code(10).says("4 of 4 verified");
}

#[test]
fn the_documented_codes_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/exit-codes.md");
    let text = exit::document();
    #[expect(clippy::disallowed_methods, reason = "a test may ask whether to rewrite what it compares with")]
    if std::env::var_os("CICERONE_BLESS").is_some() {
        fs_err::write(&path, &text).expect("written");
    }
    let committed = fs_err::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, text, "run this test with CICERONE_BLESS=1 and commit {}", path.display());
    assert!(exit::TABLE.iter().any(|(code, _)| *code == Exit::Bug));
}
