//! Everything at once and by chance: connections cut, backends cancelled and terminated, engines killed and their runs
//! taken over. In the end every index is there, each made by one statement, and nothing was ever built twice at once.

use std::time::Duration;

use cicerone::domain::event::{Ending, Origin};
use cicerone::domain::state::{BuildStatus, RunState};
use cicerone::domain::target::LeftoverPolicy;
use tokio_postgres::Client;

use super::harness::{Run, Scenario};
use super::holder::{slow_function, table};
use super::loss::Cable;
use super::witness::{Log, overlapping, usable};
use crate::support::cluster::database;

const ROUNDS: u32 = 16;
const STATEMENTS: [&str; 9] = [
    "CREATE INDEX CONCURRENTLY t1 ON t (public.slow(a))",
    "CREATE INDEX CONCURRENTLY t2 ON t (b)",
    "CREATE UNIQUE INDEX CONCURRENTLY t3 ON t (id, b)",
    "CREATE INDEX CONCURRENTLY u1 ON u (public.slow(a), b)",
    "CREATE INDEX CONCURRENTLY u2 ON u (a) WHERE a > 3",
    "CREATE INDEX CONCURRENTLY u3 ON u (public.slow(a)) INCLUDE (c)",
    "CREATE INDEX CONCURRENTLY v1 ON v (public.slow(a))",
    "CREATE UNIQUE INDEX CONCURRENTLY v2 ON v (public.slow(id::int))",
    "CREATE INDEX CONCURRENTLY v3 ON v (c)",
];

/// Hits whatever of ours builds or drops at this moment.
async fn strike(session: &Client, function: &str) {
    let sql = format!(
        "SELECT count({function}(pid)) FROM (SELECT pid FROM pg_stat_activity \
          WHERE datname = current_database() AND state = 'active' AND query LIKE '%INDEX CONCURRENTLY%' \
            AND application_name LIKE 'cicerone/%' ORDER BY random() LIMIT 1) AS one"
    );
    session.query_one(&sql, &[]).await.unwrap();
}

async fn round(run: Run, session: &Client, cable: &Cable, random: &mut fastrand::Rng) -> Run {
    tokio::time::sleep(Duration::from_millis(random.u64(20..500))).await;
    match random.u32(0..5) {
        0 => strike(session, "pg_cancel_backend").await,
        1 => strike(session, "pg_terminate_backend").await,
        2 => cable.cut(),
        3 => return run.kill().await.take_over(),
        _ => {
            cable.cut();
            return run.kill().await.take_over();
        }
    }
    run
}

#[tokio::test]
async fn whatever_is_cut_cancelled_or_killed_each_index_is_made_once() {
    Box::pin(chaos(super::MAJOR)).await;
}

#[tokio::test]
async fn the_same_holds_on_the_oldest_major() {
    Box::pin(chaos(12)).await;
}

#[tokio::test]
async fn the_same_holds_on_the_newest_major() {
    Box::pin(chaos(18)).await;
}

#[expect(clippy::print_stdout, reason = "the seed of a random campaign is shown when it fails")]
async fn chaos(major: u32) {
    let seed = fastrand::u64(..);
    println!("PostgreSQL {major}, seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let database = database(major).await;
    let session = database.connect().await;
    for name in ["t", "u", "v"] {
        table(&session, name, 40).await;
    }
    slow_function(&session).await;
    let cable = Cable::to(&database);
    let mut run = Scenario::new(&database, &STATEMENTS)
        .through(cable.conninfo(&database))
        .with(|it| {
            it.attempts = 100;
            // What a process leaves that dies in the first moments of a build, only a person may have dropped.
            it.leftovers = LeftoverPolicy::Repair;
        })
        .start();
    for _ in 0..ROUNDS {
        run = round(run, &session, &cable, &mut random).await;
        if run.is_over() {
            break;
        }
    }
    let done = run.finish().await;
    assert_eq!(*done.ending(), Ending::Finished, "{}", done.story());
    let log = Log::of(&database);
    for (key, record) in &done.state.builds {
        let name = key.0.strip_prefix("public.").unwrap();
        let oid = usable(&session, name).await.oid;
        let BuildStatus::Verified { origin } = record.status else {
            panic!("{name}: {:?}\n{}", record.status, done.story())
        };
        let made = match origin {
            Origin::Ours => Some(done.state.ledger[key].oid),
            Origin::Presumed => done.state.presumed(key).map(|(oid, _)| oid),
            Origin::NotOurs => None,
        };
        assert_eq!(made.map(|made| made.0), Some(oid), "{}", done.story());
        let form = format!("CONCURRENTLY {name} ON ");
        let made =
            log.creates().into_iter().filter(|it| it.text.contains(&form) && it.error.is_none()).count();
        assert_eq!(made, 1, "{name}: {:?}\n{}", log.creates(), done.story());
    }
    assert_eq!(done.state.builds.len(), STATEMENTS.len());
    assert_eq!(overlapping(&log.creates()), [], "{}", done.story());
    assert_eq!(log.deadlocks(), 0, "{}", done.story());
    assert_eq!(RunState::replay(&done.journaled()), done.state);
}
