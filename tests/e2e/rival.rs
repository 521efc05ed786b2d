//! Two operators at once: each sees the other, and every index is built once.

use std::collections::BTreeMap;

use crate::program::{ANSWERED, Home, Running, run};
use crate::server::{self, Database, Fate};

/// The same, and whoever else builds is accepted.
const BESIDE: [&str; 2] = ["--waive", "building=agreed with the other operator"];

fn built_once(database: &Database) {
    let mut by_index: BTreeMap<String, Vec<Fate>> = BTreeMap::new();
    for build in database.log().changes() {
        let name = build.sql.split("CONCURRENTLY ").nth(1).and_then(|it| it.split(" ON ").next());
        by_index.entry(name.expect("a build").to_owned()).or_default().push(build.fate);
    }
    assert_eq!(by_index.len(), 4, "{by_index:?}");
    assert!(by_index.values().all(|fates| fates == &[Fate::Succeeded]), "{by_index:?}");
}

#[tokio::test]
async fn the_second_operator_sees_the_first_and_both_end_well() {
    let database = server::small().await;
    let (one, two) = (Home::with_small_registry(), Home::with_small_registry());
    let writer = database.connect().await;
    writer.batch_execute("BEGIN; UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    let mut first = Running::start(one.rollout(&database.conninfo(), &ANSWERED));
    first.says("idx_orders_customer WAIT").await;

    // Another machine knows nothing of the first one's journal; the server does.
    let seen = two.run(&["preflight", "--dsn", &database.conninfo()]).await.with_code(3);
    assert!(seen.stdout.contains("building") && seen.stdout.contains("cicerone/"), "{seen}");
    let mut command = two.rollout(&database.conninfo(), &ANSWERED);
    command.args(BESIDE);
    let mut second = Running::start(command);
    // It has read the catalogs for the last time before it builds, and watches the other one.
    second.says("build public.idx_orders_customer").await;
    writer.batch_execute("COMMIT").await.expect("released");
    let first = first.end().await.with_code(0);
    let second = second.end().await.with_code(0);
    assert!(first.last_line().starts_with("4 of 4 verified"), "{first}");
    assert!(second.last_line().starts_with("4 of 4 verified"), "{second}");
    built_once(&database);
}

#[tokio::test]
async fn a_new_run_beside_an_unfinished_one_is_a_run_of_its_own() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let writer = database.connect().await;
    writer.batch_execute("BEGIN; UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    let mut first = Running::start(home.rollout(&database.conninfo(), &ANSWERED));
    first.says("idx_orders_customer WAIT").await;
    let held = run(home.rollout(&database.conninfo(), &ANSWERED)).await.with_code(8);
    assert!(held.stderr.contains(&first.pid().to_string()), "{held}");
    let mut command = home.rollout(&database.conninfo(), &ANSWERED);
    command.args(BESIDE).arg("--new-run");
    let mut second = Running::start(command);
    second.says("build public.idx_orders_customer").await;
    writer.batch_execute("COMMIT").await.expect("released");
    for process in [first, second] {
        let ended = process.end().await.with_code(0);
        assert!(ended.last_line().starts_with("4 of 4 verified"), "{ended}");
    }
    assert_eq!(home.runs().len(), 2);
    built_once(&database);
}

#[tokio::test]
async fn those_who_start_in_the_same_moment_share_the_work() {
    let database = server::small().await;
    let start = async || {
        let home = Home::with_small_registry();
        let rollout = || {
            let mut command = home.rollout(&database.conninfo(), &ANSWERED);
            command.args(BESIDE).args(["--jobs", "2"]);
            run(command)
        };
        let mut ended = rollout().await;
        // A plan that another one has overtaken is refused; then there is less to do.
        while ended.code() == 3 {
            assert!(ended.stdout.contains("the plan is stale"), "{ended}");
            ended = rollout().await;
        }
        let ended = ended.with_code(0);
        assert!(ended.last_line().starts_with("4 of 4 verified"), "{ended}");
    };
    tokio::join!(start(), start(), start());
    built_once(&database);
}
