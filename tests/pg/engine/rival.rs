//! Others who build: another run, psql. One build per index and table, and nobody is killed.

use cicerone::domain::event::Ending;
use cicerone::domain::state::BuildStatus;
use tokio_postgres::Client;

use super::MAJOR;
use super::harness::Scenario;
use super::holder::{Statement, in_phase, slow_function, table};
use super::witness::{Log, indexes, overlapping, usable};
use crate::support::cluster::{Database, database};

async fn with_tables(names: &[&str]) -> (Database, Client) {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    for name in names {
        table(&session, name, 30).await;
    }
    slow_function(&session).await;
    (database, session)
}

#[tokio::test]
async fn two_runs_of_one_registry_build_each_index_once_between_them() {
    let (database, session) = with_tables(&["t", "u"]).await;
    let statements = [
        "CREATE INDEX CONCURRENTLY t_slow ON t (public.slow(a))",
        "CREATE INDEX CONCURRENTLY t_plain ON t (b)",
        "CREATE INDEX CONCURRENTLY u_slow ON u (public.slow(a))",
        "CREATE INDEX CONCURRENTLY u_plain ON u (b)",
        "CREATE UNIQUE INDEX CONCURRENTLY u_unique ON u (id, b)",
    ];
    let scenario = || Scenario::new(&database, &statements).with(|it| it.attempts = 3);
    let (one, two) = (scenario().start(), scenario().start());
    let (one, two) = tokio::join!(one.finish(), two.finish());
    let log = Log::of(&database);
    for index in ["t_slow", "t_plain", "u_slow", "u_plain", "u_unique"] {
        assert_eq!(log.creates_of(index), 1, "{index}\n{}\n{}", one.story(), two.story());
        usable(&session, index).await;
        for run in [&one, &two] {
            assert!(matches!(run.status(index), BuildStatus::Verified { .. }), "{index}: {}", run.story());
        }
    }
    assert_eq!((log.deadlocks(), log.drops().len()), (0, 0));
    assert_eq!(overlapping(&log.creates()), []);
    assert!([&one, &two].iter().all(|run| *run.ending() == Ending::Finished));
    let ours = |index: &str| {
        let key = super::harness::key(index);
        usize::from(one.state.ledger.contains_key(&key)) + usize::from(two.state.ledger.contains_key(&key))
    };
    assert!(["t_slow", "t_plain", "u_slow", "u_plain", "u_unique"].iter().all(|index| ours(index) == 1));
}

#[tokio::test]
async fn two_runs_with_different_indexes_of_one_table_take_turns() {
    let (database, session) = with_tables(&["t"]).await;
    let one = Scenario::new(&database, &["CREATE INDEX CONCURRENTLY one ON t (public.slow(a))"]);
    let two = Scenario::new(&database, &["CREATE INDEX CONCURRENTLY two ON t (public.slow(a), b)"]);
    let (one, two) = tokio::join!(one.run(), two.run());
    for index in ["one", "two"] {
        usable(&session, index).await;
    }
    let log = Log::of(&database);
    assert_eq!((log.deadlocks(), log.creates().len()), (0, 2), "{}\n{}", one.story(), two.story());
    assert_eq!(overlapping(&log.creates()), []);
}

#[tokio::test]
async fn while_psql_builds_on_a_table_no_lock_on_it_is_asked_for() {
    let (database, session) = with_tables(&["t", "u"]).await;
    let theirs = Statement::send(&database, "CREATE INDEX CONCURRENTLY theirs ON t (public.slow(a))").await;
    in_phase(&session, "building index%").await;
    let statements =
        ["CREATE INDEX CONCURRENTLY ours ON t (b)", "CREATE INDEX CONCURRENTLY elsewhere ON u (b)"];
    let run = Scenario::new(&database, &statements).start();
    // The witness looks every few milliseconds for as long as their build goes on.
    let asked = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
        WHERE l.relation = 't'::regclass AND a.application_name LIKE 'cicerone/%' \
          AND l.mode NOT IN ('AccessShareLock')";
    let goes_on = "SELECT count(*) FROM pg_stat_progress_create_index WHERE pid = $1";
    let mut looks = 0;
    while session.query_one(goes_on, &[&theirs.pid]).await.unwrap().get::<_, i64>(0) == 1 {
        let found: i64 = session.query_one(asked, &[]).await.unwrap().get(0);
        let still = session.query_one(goes_on, &[&theirs.pid]).await.unwrap().get::<_, i64>(0) == 1;
        assert!(found == 0 || !still, "a lock was asked for");
        looks += 1;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(looks > 10, "their build was too short to see anything");
    theirs.end().await.unwrap();
    let run = run.finish().await;
    for index in ["theirs", "ours", "elsewhere"] {
        usable(&session, index).await;
    }
    assert_eq!(run.state.tally().verified, 2, "{}", run.story());
    assert_eq!(Log::of(&database).deadlocks(), 0);
    assert_eq!(run.state.ledger.len(), 2);
}

#[tokio::test]
async fn a_drop_waits_for_a_build_of_psql_on_its_table() {
    let (database, session) = with_tables(&["t"]).await;
    let done = Scenario::new(&database, &["CREATE INDEX CONCURRENTLY ours ON t (b)"]).run().await;
    let theirs = Statement::send(&database, "CREATE INDEX CONCURRENTLY theirs ON t (public.slow(a))").await;
    in_phase(&session, "building index%").await;
    let back = done.take_over();
    let reason = "it is not wanted any more".to_owned();
    back.command(cicerone::domain::command::Verb::Roll { entries: Vec::new(), reason }).await.unwrap();
    let gone = back.finish().await;
    theirs.end().await.unwrap();
    assert_eq!(*gone.ending(), Ending::RolledBack, "{}", gone.story());
    let found = indexes(&session).await;
    assert!(found["theirs"].usable() && !found.contains_key("ours"));
    assert_eq!(Log::of(&database).deadlocks(), 0);
}
