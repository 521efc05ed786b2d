//! The way back: exactly what the run made, and nothing that anybody needs.

use cicerone::domain::command::{Refusal, Verb};
use cicerone::domain::event::{DropConclusion, DropEvent, Ending, EventKind};
use cicerone::domain::state::{BuildStatus, Left};
use tokio_postgres::Client;

use super::MAJOR;
use super::harness::{Finished, Run, Scenario, key};
use super::holder::{Held, in_phase, slow_function, table};
use super::witness::{Log, indexes};
use crate::support::cluster::{Database, database};

const STATEMENTS: [&str; 3] = [
    "CREATE UNIQUE INDEX CONCURRENTLY one ON t (id, a)",
    "CREATE INDEX CONCURRENTLY two ON t (b)",
    "CREATE INDEX CONCURRENTLY three ON u (b)",
];

async fn made(statements: &[&str]) -> (Database, Client, Finished) {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    for name in ["t", "u"] {
        table(&session, name, 100).await;
    }
    session.batch_execute("ALTER TABLE t ALTER a SET NOT NULL; CREATE INDEX older ON t (c)").await.unwrap();
    slow_function(&session).await;
    let done = Scenario::new(&database, statements).run().await;
    assert_eq!(done.state.tally().verified as usize, statements.len(), "{}", done.story());
    (database, session, done)
}

async fn roll_back(done: Finished, entries: &[&str]) -> Run {
    let run = done.take_over();
    let entries = entries.iter().map(|index| key(index)).collect();
    run.command(Verb::Roll { entries, reason: "not wanted after all".to_owned() }).await.unwrap();
    run
}

fn conclusions(run: &Finished, index: &str) -> Vec<DropConclusion> {
    let of = key(index);
    run.events
        .iter()
        .filter_map(|event| {
            let EventKind::Drop(DropEvent::Concluded { entry, conclusion, .. }) = &event.kind else {
                return None;
            };
            (*entry == of).then(|| conclusion.clone())
        })
        .collect()
}

#[tokio::test]
async fn what_was_there_before_stays_although_the_registry_names_it() {
    const OLDER: &str = "CREATE INDEX CONCURRENTLY older ON t (c)";
    let statements = [STATEMENTS[0], STATEMENTS[1], STATEMENTS[2], OLDER];
    let (database, session, done) = made(&statements).await;
    let run = done.take_over();
    let only = Verb::Roll { entries: vec![key("older")], reason: "not wanted after all".to_owned() };
    assert!(matches!(run.command(only).await, Err(Refusal::NotOurs { .. })));
    let all = Verb::Roll { entries: Vec::new(), reason: "not wanted after all".to_owned() };
    run.command(all).await.unwrap();
    let gone = run.finish().await;
    assert_eq!(*gone.ending(), Ending::RolledBack, "{}", gone.story());
    let left: Vec<String> = indexes(&session).await.into_keys().collect();
    assert_eq!(left, ["older", "t_pkey", "u_pkey"]);
    assert_eq!(Log::of(&database).drops().len(), 3);
}

#[tokio::test]
async fn some_of_it_can_go_and_the_rest_stays() {
    let (_, session, done) = made(&STATEMENTS).await;
    let run = roll_back(done, &["two"]).await;
    let run = run.finish().await;
    assert_eq!(*run.status("two"), BuildStatus::RolledBack, "{}", run.story());
    let found = indexes(&session).await;
    assert!(!found.contains_key("two") && found["one"].usable() && found["three"].usable());
    assert_eq!(run.state.ledger.len(), 2);
}

#[tokio::test]
async fn what_others_came_to_need_stays_and_is_said() {
    let (database, session, done) = made(&STATEMENTS).await;
    session
        .batch_execute("ALTER TABLE t REPLICA IDENTITY USING INDEX one; ALTER TABLE u CLUSTER ON three")
        .await
        .unwrap();
    let gone = roll_back(done, &[]).await.finish().await;
    let found = indexes(&session).await;
    assert!(found["one"].usable() && found["three"].usable() && !found.contains_key("two"));
    for (index, word) in [("one", "replica identity"), ("three", "CLUSTER")] {
        let [DropConclusion::Refused { why }] = &conclusions(&gone, index)[..] else {
            panic!("{}", gone.story())
        };
        assert!(why.contains(word), "{why}");
    }
    assert_eq!(Log::of(&database).drops().len(), 1);
    assert_eq!(gone.state.ledger.len(), 2, "still known as ours");
}

#[tokio::test]
async fn an_index_that_backs_a_constraint_by_now_stays() {
    let (database, session, done) = made(&STATEMENTS).await;
    session
        .batch_execute(
            "ALTER TABLE t ADD CONSTRAINT one UNIQUE USING INDEX one; \
             CREATE TABLE child (id bigint, a int, FOREIGN KEY (id, a) REFERENCES t (id, a))",
        )
        .await
        .unwrap();
    let gone = roll_back(done, &["one"]).await.finish().await;
    assert!(indexes(&session).await["one"].usable());
    let [DropConclusion::Refused { why }] = &conclusions(&gone, "one")[..] else {
        panic!("{}", gone.story())
    };
    assert!(why.contains("constraint"), "{why}");
    assert_eq!(Log::of(&database).drops(), []);
}

#[tokio::test]
async fn an_index_that_somebody_rebuilt_under_the_name_is_not_ours_any_more() {
    let (database, session, done) = made(&STATEMENTS).await;
    session.batch_execute("DROP INDEX two; CREATE INDEX two ON t (b)").await.unwrap();
    let gone = roll_back(done, &[]).await.finish().await;
    let left: Vec<String> = indexes(&session).await.into_keys().collect();
    assert_eq!(left, ["older", "t_pkey", "two", "u_pkey"], "{}", gone.story());
    assert_eq!(Log::of(&database).drops().len(), 2);
}

#[tokio::test]
async fn a_reader_who_holds_a_drop_up_is_named_and_a_cancelled_drop_is_told_as_what_it_is() {
    let (database, session, done) = made(&STATEMENTS).await;
    let reader = Held::by(&database, "BEGIN; SELECT count(*) FROM t").await;
    let mut run = roll_back(done, &["two"]).await;
    let pid = reader.pid;
    run.until("the reader is named", |event| {
        matches!(event, EventKind::Drop(DropEvent::HeldUp { blockers, .. })
            if blockers.iter().any(|it| it.backend().is_some_and(|it| it.pid.0 == pid)))
    })
    .await;
    let cancel = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity \
        WHERE datname = current_database() AND query LIKE '%DROP INDEX CONCURRENTLY public.two%' AND pid <> pg_backend_pid()";
    assert_eq!(session.query_one(cancel, &[]).await.unwrap().get::<_, i64>(0), 1);
    let gone = run.finish().await;
    let [DropConclusion::Interrupted { flags, .. }] = &conclusions(&gone, "two")[..] else {
        panic!("{}", gone.story())
    };
    let found = indexes(&session).await["two"].clone();
    assert!(!found.valid);
    assert_eq!((flags.valid, flags.ready, flags.live), (found.valid, found.ready, found.live));
    assert!(
        matches!(gone.status("two"), BuildStatus::Failed { left: Left::Leftover, .. }),
        "{}",
        gone.story()
    );
    reader.release().await;
    // It is still ours, and a second rollback finishes it.
    let gone = roll_back(gone, &["two"]).await.finish().await;
    assert!(!indexes(&session).await.contains_key("two"), "{}", gone.story());
}

#[tokio::test]
async fn a_drop_that_outlives_its_client_is_found_by_whoever_takes_over() {
    let (database, session, done) = made(&STATEMENTS).await;
    let reader = Held::by(&database, "BEGIN; SELECT count(*) FROM t").await;
    let mut run = roll_back(done, &["two"]).await;
    run.until("the reader is named", |event| matches!(event, EventKind::Drop(DropEvent::HeldUp { .. })))
        .await;
    let killed = run.kill().await;
    let run = killed.take_over();
    reader.release().await;
    let gone = run.finish().await;
    assert_eq!(*gone.status("two"), BuildStatus::RolledBack, "{}", gone.story());
    assert_eq!(conclusions(&gone, "two"), [DropConclusion::Gone]);
    assert!(!indexes(&session).await.contains_key("two"));
    assert_eq!(Log::of(&database).drops().len(), 1);
}

#[tokio::test]
async fn a_rollback_in_the_middle_stops_what_runs_and_takes_all_of_it_back() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    for name in ["t", "u"] {
        table(&session, name, 80).await;
    }
    slow_function(&session).await;
    let before = indexes(&session).await;
    let statements = [
        "CREATE INDEX CONCURRENTLY quick ON u (b)",
        "CREATE INDEX CONCURRENTLY slow_one ON t (public.slow(a))",
        "CREATE INDEX CONCURRENTLY after ON t (b)",
        "CREATE INDEX CONCURRENTLY after_that ON t (c)",
    ];
    let mut run = Scenario::new(&database, &statements).start();
    run.until_state("one is made", |state| state.tally().verified >= 1).await;
    in_phase(&session, "building index: scanning table").await;
    let reason = "it hurts the application".to_owned();
    run.command(Verb::Roll { entries: Vec::new(), reason }).await.unwrap();
    let gone = run.finish().await;
    assert_eq!(*gone.ending(), Ending::RolledBack, "{}", gone.story());
    assert_eq!(indexes(&session).await, before, "{}", gone.story());
    assert!(gone.state.ledger.is_empty());
    assert_eq!(Log::of(&database).deadlocks(), 0);
}
