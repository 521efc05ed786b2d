//! A primary and a standby that follows it: what is refused there, what is read there, and a failover in a build.

mod server;

use cicerone::rehearsal::cluster::Cluster;
use cicerone::rehearsal::connect::connect;
use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::Client;

use crate::program::{ANSWERED, Home, Running, run};
use crate::server::Log;
use crate::support::wait::until;
use server::{Standby, primary};

/// A primary with the two small tables, a session on it, and a standby that has them, too.
async fn pair() -> (Cluster, Client, Standby) {
    let primary = primary().await;
    let session = connect(&primary.conninfo("postgres"), "test").await.expect("a session");
    session.batch_execute(include_str!("../small.sql")).await.expect("two tables");
    let standby = Standby::of(&primary).await;
    (primary, session, standby)
}

#[tokio::test]
async fn on_a_standby_everything_is_read_and_nothing_is_begun() {
    let (primary, _session, standby) = pair().await;
    let dsn = standby.conninfo("postgres");
    let home = Home::with_small_registry();
    let before = relations(&standby).await;

    home.run(&["plan", "--dsn", &dsn]).await.with_code(0).says("  standby  ").says("4 entries: 4 to build");
    let checked = home.run(&["preflight", "--dsn", &dsn]).await.with_code(3);
    checked.says(" FAIL     target is the primary   standby, in recovery").says("Cannot be waived: primary");
    home.run(&["verify", "--dsn", &dsn]).await.with_code(4).says("0 of 4 verified");
    // Not even by a person.
    let waived = ["--waive", "primary=indexes are wanted here"];
    run(home.rollout(&dsn, &[&ANSWERED[..], &waived].concat()))
        .await
        .with_code(3)
        .says("gate closed: FAIL target is the primary");

    home.file("1.sql", include_str!("../small.sql"));
    let audit = ["audit", "--live", "--dsn", &dsn, "1.sql"];
    home.run(&audit).await.with_code(0).says("3 the same in both").says("postgres (standby)");
    let import = ["import", "--live", "--dsn", &dsn, "--into", "imported.toml"];
    home.run(&import).await.with_code(0).says("it backs a PRIMARY KEY");
    // Definitions are compared on a temporary copy, which a standby cannot make: that is said, and is not "verified".
    let verify = ["verify", "--dsn", &dsn, "--registry", "imported.toml"];
    home.run(&verify).await.with_code(4).says("cannot be compared: ").says("0 of 1 verified");
    assert_eq!(relations(&standby).await, before);

    // What is built on the primary comes by itself.
    let dsn = primary.conninfo("postgres");
    home.run(&["preflight", "--dsn", &dsn]).await.with_code(3).says("keep up: follower");
    run(home.rollout(&dsn, &ANSWERED)).await.with_code(0).says("4 of 4 verified");
    until(
        &standby.session("postgres").await,
        "SELECT count(*) = 4 FROM pg_class WHERE relname LIKE 'idx\\_%'",
    )
    .await;
}

#[tokio::test]
async fn a_standby_that_is_behind_is_named_before_a_build_makes_it_worse() {
    let (primary, session, standby) = pair().await;
    let home = Home::with_small_registry();
    let follower = standby.session("postgres").await;
    follower.batch_execute("SELECT pg_wal_replay_pause()").await.expect("a pause");
    until(&follower, "SELECT pg_get_wal_replay_pause_state() = 'paused'").await;
    session.batch_execute("UPDATE customers SET country = 'x'").await.expect("changes");
    let behind = "SELECT max(replay_lag) > interval '11 s' FROM pg_stat_replication";
    until(&session, behind).await;
    let checked = home.run(&["preflight", "--dsn", &primary.conninfo("postgres")]).await.with_code(3);
    checked
        .says(" FAIL     standbys                behind: follower")
        .says("standby follower: streaming, async, ");
}

#[tokio::test]
async fn after_a_failover_nothing_more_is_sent_and_another_run_puts_it_right() {
    let (primary, _session, standby) = pair().await;
    let port = primary.port();
    let hosts = format!("{},{}", primary.socket_dir().display(), standby.host());
    let dsn = format!(
        "host={hosts} port={port},{port} user=postgres dbname=postgres target_session_attrs=read-write"
    );
    let home = Home::with_small_registry();
    let mut writer = connect(&primary.conninfo("postgres"), "witness").await.expect("a session");
    let hold = writer.transaction().await.expect("a transaction");
    hold.batch_execute("UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    let running = Running::start(home.rollout(&dsn, &ANSWERED));
    let follower = standby.session("postgres").await;
    let customers = "SELECT count(*) = 2 FROM pg_index WHERE indisvalid AND indexrelid::regclass::text LIKE 'idx\\_customers\\_%'";
    let orders = "SELECT count(*) = 1 FROM pg_index WHERE NOT indisvalid AND indexrelid::regclass::text LIKE 'idx\\_orders\\_%'";
    until(&follower, customers).await;
    until(&follower, orders).await;
    let postmaster = Pid::from_raw(primary.postmaster_pid()).expect("a pid");
    kill_process(postmaster, Signal::QUIT).expect("delivered");
    standby.promote().await;
    let ended = running.end().await.with_code(7);
    let told = "the target is another one, nothing more is sent: timeline was 1, is 2";
    assert_eq!(ended.stdout.matches(told).count(), 1, "{ended}");
    let sent = || Log::read(&standby.log_path(), "postgres").changes();
    assert_eq!(sent().len(), 0, "the new primary was only read");
    run(home.rollout(&dsn, &ANSWERED)).await.with_code(7).says("--new-run");
    assert_eq!(sent().len(), 0);

    // What was built before is there; what was being built is a leftover that nobody can know to be ours.
    let anew = [&ANSWERED[..], &["--new-run", "--repair-leftovers"]].concat();
    run(home.rollout(&dsn, &anew)).await.with_code(0).says("4 of 4 verified");
    let sent = sent();
    let dropped = sent.iter().filter(|it| it.sql.contains("DROP INDEX CONCURRENTLY")).count();
    let built = sent.iter().filter(|it| it.sql.contains("CREATE INDEX CONCURRENTLY")).count();
    assert_eq!((dropped, built), (1, 2), "{sent:#?}");
}

/// Every relation outside of the system's schemas.
async fn relations(standby: &Standby) -> Vec<String> {
    let sql = "SELECT format('%s %s %s', oid, relfilenode, relname) FROM pg_class \
               WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' ORDER BY oid";
    let rows = standby.session("postgres").await.query(sql, &[]).await.expect("the relations");
    rows.iter().map(|row| row.get(0)).collect()
}
