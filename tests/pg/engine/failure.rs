//! Every way in which a statement fails: classed, cleaned up after, tried again only where that can help, and told in
//! words that an operator understands.

use cicerone::domain::blocker::BlockStage;
use cicerone::domain::command::Verb;
use cicerone::domain::event::{BuildEvent, EventKind, Origin, SessionEnd};
use cicerone::domain::failure::{Failure, FailureClass};
use cicerone::domain::state::{BuildStatus, Left};
use cicerone::rehearsal::fault::{Fault, FaultError, FaultTarget, inject};
use tokio_postgres::Client;

use super::MAJOR;
use super::harness::{Finished, Scenario, key};
use super::holder::{Held, Statement, in_phase, slow_function, table};
use super::witness::{Log, indexes, usable};
use crate::support::cluster::{Database, database};

const SLOW: &str = "CREATE INDEX CONCURRENTLY ix ON t (public.slow(a))";

async fn with_table(rows: u32) -> (Database, Client) {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", rows).await;
    slow_function(&session).await;
    (database, session)
}

/// Every failure of a statement that the run journaled for an index.
fn failures(run: &Finished, index: &str) -> Vec<Failure> {
    let of = key(index);
    run.events
        .iter()
        .filter_map(|event| {
            let EventKind::Build(BuildEvent::StatementEnded { entry, result }) = &event.kind else {
                return None;
            };
            result.clone().err().filter(|_| *entry == of)
        })
        .collect()
}

/// It failed once with this class and code, is not tried again, and nothing of it is left.
async fn gave_up(run: &Finished, session: &Client, index: &str, class: FailureClass, code: &str) {
    let found = failures(run, index);
    assert_eq!(found.len(), 1, "{}", run.story());
    assert_eq!(found[0].class, class, "{found:?}");
    assert_eq!(found[0].sqlstate.as_ref().map(|state| state.0.as_str()), Some(code));
    let BuildStatus::Failed { sentence, left } = run.status(index) else { panic!("{}", run.story()) };
    assert_eq!(*left, Left::Nothing, "{}", run.story());
    assert!(sentence.contains(class.sentence()) && sentence.contains(code), "{sentence}");
    assert!(!indexes(session).await.contains_key(index));
    assert!(run.state.ledger.is_empty());
}

/// It is there, ours, after this many attempts, each of which left nothing.
async fn made_it(run: &Finished, database: &Database, session: &Client, attempts: u32) {
    assert_eq!(*run.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", run.story());
    assert_eq!(run.record("ix").attempts, attempts, "{}", run.story());
    assert_eq!(run.state.ledger[&key("ix")].oid.0, usable(session, "ix").await.oid);
    assert_eq!(Log::of(database).creates_of("ix"), attempts as usize);
}

#[tokio::test]
async fn duplicates_end_a_unique_build_for_good_and_its_leftover_goes() {
    let (database, session) = with_table(200).await;
    let run = Scenario::new(&database, &["CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)"])
        .with(|it| it.attempts = 5)
        .run()
        .await;
    gave_up(&run, &session, "ix", FailureClass::UniqueViolation, "23505").await;
    let log = Log::of(&database);
    assert_eq!((log.creates_of("ix"), log.drops().len()), (1, 1));
    assert!(!run.story().contains("is duplicated"), "no values of rows in a journal");
}

#[tokio::test]
async fn a_value_that_breaks_the_expression_and_one_that_is_too_large_are_not_tried_again() {
    let (database, session) = with_table(200).await;
    session
        .batch_execute("UPDATE t SET b = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 400) n) WHERE id = 7")
        .await
        .unwrap();
    let statements = [
        "CREATE INDEX CONCURRENTLY division ON t ((1 / (a - 50)))",
        "CREATE INDEX CONCURRENTLY too_large ON t (b)",
    ];
    let run = Scenario::new(&database, &statements).with(|it| it.attempts = 5).run().await;
    gave_up(&run, &session, "division", FailureClass::BadData, "22012").await;
    gave_up(&run, &session, "too_large", FailureClass::TooLarge, "54000").await;
}

#[tokio::test]
async fn a_limit_on_sort_files_is_named_and_not_run_into_again() {
    let (database, session) = with_table(20_000).await;
    for setting in ["temp_file_limit = '64kB'", "maintenance_work_mem = '1MB'"] {
        session.batch_execute(&format!("ALTER DATABASE {} SET {setting}", database.name)).await.unwrap();
    }
    let run = Scenario::new(&database, &["CREATE INDEX CONCURRENTLY ix ON t (b, c, id)"])
        .with(|it| it.attempts = 5)
        .run()
        .await;
    gave_up(&run, &session, "ix", FailureClass::ConfiguredLimit, "53400").await;
}

#[tokio::test]
async fn a_full_disk_is_named_once_and_gets_its_space_back() {
    let cluster = crate::support::cluster::own_cluster(MAJOR, crate::support::cluster::LOGGED).await;
    // Ends with the test process, as the shared ones do.
    let cluster: &'static _ = Box::leak(Box::new(cluster));
    let database = Database { cluster, name: "small".to_owned() };
    let admin = Database { cluster, name: "postgres".to_owned() }.connect().await;
    admin.batch_execute("CREATE DATABASE small").await.unwrap();
    let session = database.connect().await;
    session
        .batch_execute(
            "CREATE TABLE t (id bigint, b text); INSERT INTO t SELECT n, repeat('x', 150) || n \
               FROM generate_series(1, 120000) AS n; ANALYZE t; CREATE TABLE u (a int)",
        )
        .await
        .unwrap();
    drop(session);
    let disk = match inject(Fault::DiskFull, FaultTarget::new(cluster, "small")).await {
        Ok(disk) => disk,
        // An ordinary user may not mount: there the limit on sort files stands for it.
        Err(FaultError::NeedsRoot) => {
            assert!(!rustix::process::geteuid().is_root(), "root may mount");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let session = database.connect().await;
    let statements =
        ["CREATE INDEX CONCURRENTLY ix ON t (b, id)", "CREATE INDEX CONCURRENTLY small ON u (a)"];
    let run = Scenario::new(&database, &statements).with(|it| it.attempts = 5).run().await;
    let found = failures(&run, "ix");
    assert_eq!((found.len(), found[0].class), (1, FailureClass::DiskFull), "{}", run.story());
    assert!(!indexes(&session).await.contains_key("ix"), "the leftover would keep the disk full");
    // It held nobody else, and the freed space is of use.
    assert_eq!(*run.status("small"), BuildStatus::Verified { origin: Origin::Ours }, "{}", run.story());
    disk.stop().await.unwrap();
    let again = Scenario::new(&database, &statements).run().await;
    assert_eq!(*again.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", again.story());
    usable(&session, "ix").await;
}

/// Runs two entries one after the other and lets `meddle` change the world while the first one waits for a writer.
async fn meddled(database: &Database, conninfo: String, statement: &str, meddle: &str) -> Finished {
    let session = database.connect().await;
    table(&session, "first", 10).await;
    let writer = Held::writer(database, "first").await;
    let statements = ["CREATE INDEX CONCURRENTLY held ON first (a)", statement];
    let registry = super::harness::registry(&statements);
    // Critical entries go first.
    let registry = registry.replacen("domain = 'test'", "domain = 'test'\ncritical = true", 1);
    let paused = Scenario::new(database, &statements).registry(&registry).through(conninfo).with(|it| {
        it.jobs = 1;
        it.attempts = 5;
    });
    let mut run = paused.start();
    run.until("the first one is sent", |event| {
        matches!(event, EventKind::Build(BuildEvent::Intended { .. }))
    })
    .await;
    run.command(Verb::Pause).await.unwrap();
    session.batch_execute(meddle).await.unwrap();
    run.command(Verb::Resume).await.unwrap();
    writer.release().await;
    run.finish().await
}

#[tokio::test]
async fn a_column_that_goes_after_the_plan_is_missing_and_nothing_is_left() {
    let (database, session) = with_table(100).await;
    let run = meddled(
        &database,
        database.conninfo(),
        "CREATE INDEX CONCURRENTLY ix ON t (b)",
        "ALTER TABLE t DROP COLUMN b",
    )
    .await;
    let found = failures(&run, "ix");
    assert_eq!((found.len(), found[0].class), (1, FailureClass::Missing), "{}", run.story());
    assert!(run.sentence("ix").contains("42703"), "{}", run.sentence("ix"));
    assert!(!indexes(&session).await.contains_key("ix"));
    usable(&session, "held").await;
}

#[tokio::test]
async fn a_table_that_took_the_name_of_another_after_the_plan_is_not_touched() {
    let (database, session) = with_table(100).await;
    let run = meddled(
        &database,
        database.conninfo(),
        "CREATE INDEX CONCURRENTLY ix ON t (b)",
        "DROP TABLE t; CREATE TABLE t (b text)",
    )
    .await;
    assert!(matches!(run.status("ix"), BuildStatus::Failed { .. }), "{}", run.story());
    assert!(run.sentence("ix").contains("another table"), "{}", run.sentence("ix"));
    assert!(!indexes(&session).await.contains_key("ix"), "{}", run.story());
    assert_eq!(Log::of(&database).creates_of("ix"), 0);
    usable(&session, "held").await;
}

#[tokio::test]
async fn a_right_that_is_taken_away_after_the_plan_is_told_as_such() {
    let (database, session) = with_table(100).await;
    let role = format!("role_{}", database.name);
    session
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role}; \
             ALTER SCHEMA public OWNER TO {role}"
        ))
        .await
        .unwrap();
    let meddle = format!("ALTER TABLE t OWNER TO postgres; GRANT SELECT ON t TO {role}");
    let owner = format!("ALTER TABLE first OWNER TO {role}");
    table(&session, "first_template", 1).await;
    // `meddled` makes its own table as the superuser; the event trigger hands it over.
    session
        .batch_execute(&format!(
            "CREATE FUNCTION hand_over() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
               IF to_regclass('public.first') IS NOT NULL AND pg_get_userbyid((SELECT relowner FROM pg_class \
                    WHERE oid = 'public.first'::regclass)) <> '{role}' THEN {owner}; END IF; END $$; \
             CREATE EVENT TRIGGER hand_over ON ddl_command_end WHEN TAG IN ('CREATE TABLE') \
               EXECUTE FUNCTION hand_over()"
        ))
        .await
        .unwrap();
    let conninfo = format!("{} user={role}", database.conninfo());
    let run = meddled(&database, conninfo, "CREATE INDEX CONCURRENTLY ix ON t (b)", &meddle).await;
    let found = failures(&run, "ix");
    assert_eq!((found.len(), found[0].class), (1, FailureClass::Privilege), "{}", run.story());
    assert!(run.sentence("ix").contains("42501"), "{}", run.sentence("ix"));
    assert!(!indexes(&session).await.contains_key("ix"));
}

#[tokio::test]
async fn a_name_that_somebody_takes_after_the_plan_is_left_to_them() {
    let (database, session) = with_table(100).await;
    let run = meddled(
        &database,
        database.conninfo(),
        "CREATE INDEX CONCURRENTLY ix ON t (b)",
        "CREATE TABLE ix (a int)",
    )
    .await;
    assert!(matches!(run.status("ix"), BuildStatus::Failed { left: Left::Nothing, .. }), "{}", run.story());
    let sql = "SELECT relkind::text FROM pg_class WHERE relname = 'ix'";
    assert_eq!(session.query_one(sql, &[]).await.unwrap().get::<_, String>(0), "r");
}

#[tokio::test]
async fn a_cancel_by_somebody_else_is_cleaned_up_and_tried_again() {
    let (database, session) = with_table(60).await;
    let mut run = Scenario::new(&database, &[SLOW]).with(|it| it.attempts = 2).start();
    let pid = in_phase(&session, "building index%").await;
    session.execute("SELECT pg_cancel_backend($1)", &[&pid]).await.unwrap();
    run.until("it was cancelled", |event| {
        matches!(event, EventKind::Build(BuildEvent::StatementEnded { result: Err(failure), .. })
            if failure.class == FailureClass::Cancelled)
    })
    .await;
    let run = run.finish().await;
    made_it(&run, &database, &session, 2).await;
    assert_eq!(Log::of(&database).drops().len(), 1);
}

#[tokio::test]
async fn a_cancel_at_the_last_attempt_leaves_nothing() {
    let (database, session) = with_table(60).await;
    let run = Scenario::new(&database, &[SLOW]).start();
    let pid = in_phase(&session, "building index%").await;
    session.execute("SELECT pg_cancel_backend($1)", &[&pid]).await.unwrap();
    let run = run.finish().await;
    gave_up(&run, &session, "ix", FailureClass::Cancelled, "57014").await;
}

#[tokio::test]
async fn a_terminated_backend_is_cleaned_up_after_and_tried_again() {
    let (database, session) = with_table(60).await;
    let mut run = Scenario::new(&database, &[SLOW]).with(|it| it.attempts = 2).start();
    let pid = in_phase(&session, "building index%").await;
    run.until_seen().await;
    session.execute("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap();
    let run = run.finish().await;
    let found = failures(&run, "ix");
    assert_eq!((found.len(), found[0].class), (1, FailureClass::Terminated), "{}", run.story());
    made_it(&run, &database, &session, 2).await;
}

#[tokio::test]
async fn a_build_that_another_session_kills_by_asking_for_a_lock_is_built_again() {
    let (database, session) = with_table(60).await;
    let mut run = Scenario::new(&database, &[SLOW]).with(|it| it.attempts = 2).start();
    in_phase(&session, "building index%").await;
    let analyze = Statement::waiting(&database, &session, "ANALYZE t").await;
    let late = analyze.pid;
    run.until("the deadlock ahead is told", |event| {
        matches!(event, EventKind::Build(BuildEvent::HeldUp { blockers, .. }) if blockers.iter().any(|it| {
            it.stage == BlockStage::DeadlockAhead && it.backend().is_some_and(|it| it.pid.0 == late)
        }))
    })
    .await;
    analyze.end().await.unwrap();
    let run = run.finish().await;
    let found = failures(&run, "ix");
    assert_eq!((found.len(), found[0].class), (1, FailureClass::Deadlock), "{}", run.story());
    made_it(&run, &database, &session, 2).await;
}

#[tokio::test]
async fn the_session_that_would_kill_the_build_is_cancelled_in_time_by_its_operator() {
    let (database, session) = with_table(80).await;
    let mut run = Scenario::new(&database, &[SLOW]).start();
    in_phase(&session, "building index%").await;
    let analyze = Statement::waiting(&database, &session, "ANALYZE t").await;
    run.until("the deadlock ahead is told", |event| {
        matches!(event, EventKind::Build(BuildEvent::HeldUp { blockers, .. })
            if blockers.iter().any(|it| it.stage == BlockStage::DeadlockAhead))
    })
    .await;
    let ahead = run.record("ix").blockers.iter().find(|it| it.stage == BlockStage::DeadlockAhead).unwrap();
    let verb = Verb::EndSession {
        backend: ahead.backend().unwrap(),
        description: ahead.line(),
        how: SessionEnd::CancelStatement,
        reason: "it would kill the build".to_owned(),
    };
    run.command(verb).await.unwrap();
    assert_eq!(analyze.end().await.unwrap_err().code().unwrap().code(), "57014");
    let run = run.finish().await;
    made_it(&run, &database, &session, 1).await;
    assert_eq!(Log::of(&database).deadlocks(), 0);
}

/// All seven, at once on role and database, on a server that has all of them.
#[tokio::test]
async fn no_inherited_timeout_cuts_a_build_that_waits_and_works() {
    let database = database(18).await;
    let session = database.connect().await;
    table(&session, "t", 40).await;
    slow_function(&session).await;
    let role = format!("role_{}", database.name);
    session
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN SUPERUSER; \
             ALTER ROLE {role} SET statement_timeout = '300ms'; ALTER ROLE {role} SET lock_timeout = '200ms'; \
             ALTER ROLE {role} SET transaction_timeout = '400ms'; \
             ALTER ROLE {role} SET idle_in_transaction_session_timeout = '100ms'"
        ))
        .await
        .unwrap();
    for setting in [
        "idle_session_timeout = '300ms'",
        "client_connection_check_interval = '100ms'",
        "tcp_user_timeout = '1s'",
        "statement_timeout = '250ms'",
    ] {
        session.batch_execute(&format!("ALTER DATABASE {} SET {setting}", database.name)).await.unwrap();
    }
    // Before the settings were there.
    let (writer, reader) = (Held::writer(&database, "t").await, Held::snapshot(&database).await);
    for held in [&writer, &reader] {
        held.session
            .batch_execute("SET idle_in_transaction_session_timeout = 0; SET idle_session_timeout = 0")
            .await
            .ok();
    }
    let mut run =
        Scenario::new(&database, &[SLOW]).through(format!("{} user={role}", database.conninfo())).start();
    run.until("it waits for the writer", |event| {
        matches!(event, EventKind::Build(BuildEvent::HeldUp { .. }))
    })
    .await;
    writer.release().await;
    run.until("it waits for the reader", |event| {
        matches!(event, EventKind::Build(BuildEvent::HeldUp { blockers, .. })
            if blockers.iter().any(|it| it.stage == BlockStage::OldSnapshot && it.backend().is_some_and(|it| it.pid.0 == reader.pid)
                && it.bites == cicerone::domain::blocker::Bites::Now))
    })
    .await;
    reader.release().await;
    let run = run.finish().await;
    made_it(&run, &database, &session, 1).await;
}
