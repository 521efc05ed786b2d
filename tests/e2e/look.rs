//! Commands that only look: what they print, and that they and a dry run change nothing.

use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use crate::program::{ANSWERED, Ended, Home, SMALL, run};
use crate::server::{self, Database, REGISTRY};
use crate::wire::Wire;

/// A fresh backup, as a command tells it.
fn with_backup(home: &Home, mut command: Command) -> Command {
    let text = "printf '{\"taken_at\": \"%s\"}' \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"\n";
    let script = home.script("backup", text);
    command.args(["--backup-command", &script]);
    command
}

fn json(ended: &Ended) -> Value {
    assert!(ended.stdout.is_ascii(), "{ended}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended}"))
}

async fn ask(home: &Home, database: &Database, arguments: &[&str]) -> Ended {
    let mut command = home.cicerone(arguments);
    command.args(["--dsn", &database.conninfo()]).env("COLUMNS", "120");
    run(command).await
}

fn snapshot(name: &str, shown: &str) {
    let filters = [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[TIME]"),
        (r"\b[0-9a-f]{64}\b", "[ID]"),
        (r"/\S+/\.s\.PGSQL\.\d+", "[ADDRESS]"),
        (r"\be2e_\d+\b", "[DATABASE]"),
        (r"\boid \d+", "oid [OID]"),
        (r"PostgreSQL 15\.\d+", "PostgreSQL 15.x"),
        (r"[0-9.]+ (KiB|MiB|GiB|ms|s)\b", "[N] $1"),
        (r"  +", "  "),
    ];
    insta::with_settings!({filters => filters, omit_expression => true}, {
        insta::assert_snapshot!(name, shown);
    });
}

#[tokio::test]
async fn a_plan_tells_every_entry_and_its_statement() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let session = database.connect().await;
    let drift = "CREATE INDEX idx_orders_open ON orders (placed_at) WHERE state = 'done'; ANALYZE";
    session.batch_execute(drift).await.expect("another definition");
    let before = database.relations().await;
    let ended = ask(&home, &database, &["plan"]).await.with_code(0);
    snapshot("plan", &ended.stdout);
    let ended = ask(&home, &database, &["plan", "--output", "json"]).await.with_code(0);
    let plan = json(&ended);
    assert_eq!((&plan["version"], &plan["kind"]), (&1.into(), &"plan".into()));
    assert_eq!(
        (&plan["counts"]["to_build"], &plan["counts"]["drift"]),
        (&3.into(), &1.into()),
        "{}",
        plan["counts"]
    );
    assert_eq!(database.relations().await, before);
    assert_eq!(database.log().changes().iter().filter(|it| it.sql.contains("CONCURRENTLY")).count(), 0);
}

async fn planned(home: &Home, database: &Database) -> String {
    let plan = json(&ask(home, database, &["plan", "--output", "json"]).await.with_code(0));
    plan["plan"]["id"].as_str().expect("an id").to_owned()
}

async fn bound(home: &Home, database: &Database, id: &str, more: &[&str]) -> Ended {
    let mut command = home.rollout(&database.conninfo(), &ANSWERED);
    command.args(["--plan-id", id]).args(more);
    run(command).await
}

#[tokio::test]
async fn the_plan_that_was_printed_is_the_one_that_is_carried_out() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let id = planned(&home, &database).await;
    assert_eq!(planned(&home, &database).await, id, "nothing has changed");
    bound(&home, &database, &id, &[]).await.with_code(0).says("4 of 4 verified");
}

#[tokio::test]
async fn a_plan_that_no_longer_holds_is_refused_with_what_changed() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let id = planned(&home, &database).await;
    let before = database.relations().await;
    let ended = bound(&home, &database, &id, &["--jobs", "7"]).await.with_code(3);
    assert!(ended.stderr.contains("Refused: the plan is now "), "{ended}");
    assert!(ended.stderr.contains("setting jobs\n    - ") && ended.stderr.contains("    + 7\n"), "{ended}");

    home.file("registry.toml", &SMALL.replace("(country)", "(country, id)"));
    let ended = bound(&home, &database, &id, &[]).await.with_code(3);
    assert!(ended.stderr.contains("registry\n    - "), "{ended}");
    assert!(ended.stderr.contains("public.idx_customers_country\n"), "{ended}");
    home.file("registry.toml", SMALL);

    let ended = bound(&home, &database, &"0".repeat(64), &[]).await.with_code(3);
    assert!(ended.stderr.contains("not kept here"), "{ended}");
    assert_eq!(database.relations().await, before);

    let session = database.connect().await;
    let made = "CREATE INDEX idx_orders_customer ON orders (customer_id, placed_at DESC)";
    session.batch_execute(made).await.expect("an index");
    let ended = bound(&home, &database, &id, &[]).await.with_code(3);
    assert!(ended.stderr.contains("public.idx_orders_customer\n"), "{ended}");
    // None of these runs is left to be taken over.
    bound(&home, &database, &planned(&home, &database).await, &[]).await.with_code(0);
}

#[tokio::test]
async fn a_plan_that_goes_stale_after_the_checks_stops_the_build() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let at = |name: &str| home.path().join(name).to_string_lossy().into_owned();
    let text = format!(
        "mkfifo {go}; touch {asked}; cat {go} > {null}; printf '{{\"taken_at\": \"%s\"}}' \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"\n",
        go = at("go"),
        asked = at("asked"),
        null = "/dev/null"
    );
    let mut command = home.rollout(&database.conninfo(), &ANSWERED[..3]);
    command.args(["--backup-command", &home.script("slow", &text)]);
    let running = crate::program::Running::start(command);
    crate::support::wait::eventually("the checks are under way", || Path::new(&at("asked")).exists()).await;
    let session = database.connect().await;
    session.batch_execute("ALTER TABLE orders DROP COLUMN customer_id").await.expect("somebody's migration");
    let before = database.relations().await;
    let go = at("go");
    tokio::task::spawn_blocking(move || fs_err::write(go, ""))
        .await
        .expect("no panic")
        .expect("told to go on");
    let ended = running.end().await.with_code(3);
    assert!(ended.stdout.contains("idx_orders_customer"), "{ended}");
    assert_eq!(database.relations().await, before);
}

#[tokio::test]
async fn the_pre_flight_ends_with_its_verdict() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let closed = json(&ask(&home, &database, &["preflight", "--output", "json"]).await.with_code(3));
    assert_eq!((&closed["kind"], &closed["gate"]), (&"preflight".into(), &"closed".into()));
    let checks = closed["checks"].as_array().expect("checks");
    for check in checks {
        for member in ["id", "verdict", "found", "wanted", "evidence"] {
            assert!(!check[member].is_null(), "{member}: {check}");
        }
    }
    let dsn = database.conninfo();
    let command = home.cicerone(&["preflight", "--dsn", &dsn]);
    run(with_backup(&home, command)).await.with_code(0).says("GATE OPEN");
    let command = home.cicerone(&["preflight", "--dsn", &dsn, "--exit-policy", "never-fail"]);
    run(command).await.with_code(0).says("GATE CLOSED");
}

#[tokio::test]
async fn verify_status_and_report_tell_what_is_so() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    ask(&home, &database, &["verify"]).await.with_code(4).says("0 of 4 verified");
    run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(0);
    ask(&home, &database, &["verify"]).await.with_code(0).says("4 of 4 verified");
    let session = database.connect().await;
    session.batch_execute("DROP INDEX idx_orders_open").await.expect("dropped behind its back");
    let told = json(&ask(&home, &database, &["verify", "--output", "json"]).await.with_code(4));
    assert_eq!((&told["verified"], &told["total"]), (&3.into(), &4.into()));

    let folder = home.only_run();
    let id = folder.file_name().expect("a name").to_string_lossy().into_owned();
    for name in [None, Some(id.as_str()), folder.to_str()] {
        let mut command = home.cicerone(&["status"]);
        command.args(name);
        run(command).await.with_code(0).says(&format!("{id} CLOSED 4 of 4 verified"));
    }
    let told = json(&home.run(&["status", "--output", "json"]).await.with_code(0));
    assert_eq!((&told["run"], &told["status"]), (&id.as_str().into(), &"closed".into()));
    assert_eq!(told["tally"]["verified"], 4);

    let report = folder.join("report.md");
    let first = fs_err::read_to_string(&report).expect("the report");
    fs_err::remove_file(&report).expect("removed");
    home.run(&["report", &id]).await.with_code(0).says(&report.to_string_lossy());
    assert_eq!(fs_err::read_to_string(&report).expect("the report"), first, "from the journal alone");
    for entry in
        ["idx_customers_email", "idx_customers_country", "idx_orders_customer", "idx_orders_open", "e2e"]
    {
        assert!(first.contains(entry), "{first}");
    }
}

#[tokio::test]
async fn a_registry_is_checked_without_a_server_and_every_mistake_is_told() {
    let home = Home::new();
    home.run(&["registry", "check", REGISTRY]).await.with_code(0).says("82 indexes on 28 tables");
    let bad = SMALL.replace("CONCURRENTLY idx_orders_open", "idx_orders_open").replace("critical", "critcal");
    home.file("registry.toml", &bad.replace("domain = \"sales\"\ntable = \"orders\"", "table = \"orders\""));
    let ended = home.run(&["registry", "check"]).await.with_code(2);
    insta::assert_snapshot!("registry-check", ended.stdout);
    let told = json(&home.run(&["registry", "check", "--output", "json"]).await.with_code(2));
    assert_eq!(told["diagnostics"].as_array().map(Vec::len), Some(4), "{told}");
    // Whatever needs the registry says the same before it connects.
    let mut command = home.cicerone(&["plan"]);
    command.env("PGHOST", "/nowhere");
    let ended = run(command).await.with_code(2);
    assert!(ended.stderr.contains("registry.toml:") && ended.stderr.contains("critcal"), "{ended}");
}

#[tokio::test]
async fn a_journal_is_good_tampered_with_or_torn() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(0);
    let journal = home.only_run().join("journal.jsonl");
    let path = journal.to_string_lossy().into_owned();
    let good = fs_err::read_to_string(&journal).expect("the journal");
    let folder = home.only_run().to_string_lossy().into_owned();
    for name in [&path, &folder] {
        home.run(&["journal", "verify", name]).await.with_code(0).says("the chain is whole");
    }
    let told = json(&home.run(&["journal", "verify", "--output", "json"]).await.with_code(0));
    assert_eq!(told["records"], good.lines().count());
    assert!(told["problem"].is_null());

    fs_err::write(&journal, good.replacen("throwaway", "threwaway", 1)).expect("tampered with");
    home.run(&["journal", "verify"]).await.with_code(1).says("BAD  line ");
    let cut: Vec<&str> = good.split_inclusive('\n').filter(|line| !line.starts_with("v1 9 ")).collect();
    fs_err::write(&journal, cut.concat()).expect("cut");
    home.run(&["journal", "verify"]).await.with_code(1).says("BAD  line 9");
    fs_err::write(&journal, &good[..good.len() - 40]).expect("torn");
    home.run(&["journal", "verify"]).await.with_code(1).says("BAD  line ");
    // A torn end is what a power failure leaves: the next writer goes on behind the last good line.
    run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(0).says("4 of 4 verified");
    home.run(&["journal", "verify"]).await.with_code(0);
    assert!(home.only_run().join("torn.1").is_file());
}

#[tokio::test]
async fn a_dry_run_walks_the_phases_and_can_write_nothing() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let before = database.relations().await;
    let wire = Wire::tap(&home, &database);
    let command = home.cicerone(&["run", "index-rollout", "--dsn", &wire.conninfo(), "--dry-run"]);
    let ended = run(with_backup(&home, command)).await.with_code(0);
    for told in ["DRY-RUN", "dry run: 4 would be built", "dry run: nothing to sign"] {
        assert!(ended.stdout.contains(told), "{told}: {ended}");
    }
    assert!(ended.last_line().contains("DRY RUN"), "{ended}");
    let startups = wire.startups();
    assert!(startups.len() > 2, "{startups:?}");
    for startup in &startups {
        assert!(startup.contains("default_transaction_read_only=on"), "{startup}");
    }
    assert_eq!(database.relations().await, before);
    let log = database.log();
    assert_eq!(log.changes().len(), 0, "{:#?}", log.changes());
    let ours: Vec<&str> = log.all().map(|(_, sql)| sql).collect();
    assert!(!ours.iter().any(|sql| sql.starts_with("COMMIT")), "clones are rolled back");
    assert!(!ours.iter().any(|sql| sql.contains("pg_advisory")), "nothing is locked");
}

#[tokio::test]
async fn completions_and_manual_pages_come_from_the_command_line_itself() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let ended = home.run(&["completions", shell]).await.with_code(0);
        assert!(ended.stdout.contains("attach") && ended.stdout.contains("on-detach"), "{shell}");
    }
    home.run(&["completions", "csh"]).await.with_code(2).says("possible values");
    let folder = home.path().join("man");
    home.run(&["man", "man"]).await.with_code(2).says("make the folder first");
    fs_err::create_dir(&folder).expect("a folder");
    home.run(&["man", "man"]).await.with_code(0);
    for page in ["cicerone.1", "cicerone-attach.1", "cicerone-rehearse.1"] {
        let text = fs_err::read_to_string(folder.join(page)).expect(page);
        assert!(text.contains(".SH NAME"), "{page}");
    }
}
