//! Connections, processes and servers that go away while a build runs. The build may go on without anybody: then it is
//! adopted, never begun again.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cicerone::domain::command::Verb;
use cicerone::domain::event::{BuildEvent, Ending, EventKind, Origin};
use cicerone::domain::failure::FailureClass;
use cicerone::domain::progress::Eta;
use cicerone::domain::state::{BuildStatus, Left, RunState};
use cicerone::rehearsal::fault::{Fault, FaultTarget, inject};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_postgres::Client;

use super::MAJOR;
use super::harness::{Finished, Run, Scenario, key};
use super::holder::{Held, in_phase, slow_function, table};
use super::witness::{Log, indexes, usable};
use crate::support::cluster::{Database, LOGGED, database, own_cluster};

const SLOW: &str = "CREATE INDEX CONCURRENTLY ix ON t (public.slow(a))";

async fn with_table(rows: u32) -> (Database, Client) {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", rows).await;
    slow_function(&session).await;
    (database, session)
}

/// Something between us and the server that can be cut.
pub(super) struct Cable {
    folder: tempfile::TempDir,
    cuts: watch::Sender<u32>,
    accepts: tokio::task::JoinHandle<()>,
}

impl Cable {
    pub(super) fn to(database: &Database) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let cluster = database.cluster;
        let server: Arc<PathBuf> =
            Arc::new(cluster.socket_dir().join(format!(".s.PGSQL.{}", cluster.port())));
        let (cuts, seen) = watch::channel(0);
        #[expect(clippy::disallowed_methods, reason = "ended by drop")]
        let accepts = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (server, mut seen) = (server.clone(), seen.clone());
                seen.mark_unchanged();
                #[expect(clippy::disallowed_methods, reason = "ends with either side")]
                tokio::spawn(async move {
                    let mut far = UnixStream::connect(server.as_path()).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = seen.changed() => {}
                    }
                });
            }
        });
        Self { folder, cuts, accepts }
    }

    pub(super) fn conninfo(&self, database: &Database) -> String {
        format!("host='{}' port=5432 user=postgres dbname={}", self.folder.path().display(), database.name)
    }

    /// Every connection breaks; new ones work.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

async fn until_adopted(run: &mut Run) {
    run.until("the build is adopted", |event| matches!(event, EventKind::Build(BuildEvent::Adopted { .. })))
        .await;
}

async fn made_by_its_first_statement(run: &Finished, database: &Database, session: &Client) {
    assert_eq!(*run.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", run.story());
    assert_eq!(run.state.ledger[&key("ix")].oid.0, usable(session, "ix").await.oid);
    let log = Log::of(database);
    assert_eq!((log.creates_of("ix"), log.drops().len()), (1, 0), "{}", run.story());
    assert_eq!(RunState::replay(&run.journaled()), run.state);
}

#[tokio::test]
async fn a_build_whose_connection_breaks_goes_on_and_is_adopted() {
    let (database, session) = with_table(90).await;
    let cable = Cable::to(&database);
    let mut run = Scenario::new(&database, &[SLOW])
        .through(cable.conninfo(&database))
        .with(|it| it.attempts = 3)
        .start();
    let pid = in_phase(&session, "building index%").await;
    cable.cut();
    run.until("the loss is told", |event| {
        matches!(event, EventKind::Build(BuildEvent::StatementEnded { result: Err(failure), .. })
            if failure.class == FailureClass::ConnectionLost)
    })
    .await;
    until_adopted(&mut run).await;
    // The same backend, without a client.
    assert_eq!(in_phase(&session, "%").await, pid);
    let run = run.finish().await;
    made_by_its_first_statement(&run, &database, &session).await;
}

#[tokio::test]
async fn an_adopted_build_that_somebody_cancels_is_cleaned_up_and_built_again() {
    let (database, session) = with_table(90).await;
    let cable = Cable::to(&database);
    let mut run = Scenario::new(&database, &[SLOW])
        .through(cable.conninfo(&database))
        .with(|it| it.attempts = 2)
        .start();
    let pid = in_phase(&session, "building index%").await;
    cable.cut();
    until_adopted(&mut run).await;
    session.execute("SELECT pg_cancel_backend($1)", &[&pid]).await.unwrap();
    let run = run.finish().await;
    assert_eq!(*run.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", run.story());
    let log = Log::of(&database);
    assert_eq!((log.creates_of("ix"), log.drops().len()), (2, 1), "{}", run.story());
    usable(&session, "ix").await;
}

#[tokio::test]
async fn an_adopted_build_can_be_stopped_by_its_operator() {
    let (database, session) = with_table(150).await;
    let cable = Cable::to(&database);
    let mut run = Scenario::new(&database, &[SLOW])
        .through(cable.conninfo(&database))
        .with(|it| it.attempts = 3)
        .start();
    in_phase(&session, "building index%").await;
    cable.cut();
    until_adopted(&mut run).await;
    run.command(Verb::Stop { entry: key("ix") }).await.unwrap();
    let run = run.finish().await;
    assert!(matches!(run.status("ix"), BuildStatus::Failed { left: Left::Nothing, .. }), "{}", run.story());
    assert!(run.sentence("ix").contains("stopped by tester"), "{}", run.sentence("ix"));
    assert!(!indexes(&session).await.contains_key("ix"));
}

#[tokio::test]
async fn a_broken_observer_connects_again_and_the_build_never_notices() {
    let (database, session) = with_table(500).await;
    let writer = Held::writer(&database, "t").await;
    let mut run = Scenario::new(&database, &["CREATE INDEX CONCURRENTLY ix ON t (a)"]).start();
    run.until("it waits", |event| matches!(event, EventKind::Build(BuildEvent::HeldUp { .. }))).await;
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
        WHERE datname = current_database() AND application_name LIKE 'cicerone/%/monitor'";
    assert_eq!(session.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 1);
    let back = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
        AND application_name LIKE 'cicerone/%/monitor')";
    crate::support::wait::until(&session, back).await;
    writer.release().await;
    let run = run.finish().await;
    made_by_its_first_statement(&run, &database, &session).await;
}

#[tokio::test]
async fn a_run_that_is_taken_over_adopts_what_goes_on_and_finishes_the_rest() {
    let (database, session) = with_table(90).await;
    table(&session, "u", 100).await;
    let statements =
        [SLOW, "CREATE INDEX CONCURRENTLY later ON t (b)", "CREATE INDEX CONCURRENTLY on_u ON u (b)"];
    let mut run = Scenario::new(&database, &statements).with(|it| it.attempts = 3).start();
    let pid = in_phase(&session, "building index: scanning table").await;
    run.until_seen().await;
    let killed = run.kill().await;
    assert!(killed.state.control.closed.is_none());
    assert!(
        killed
            .end
            .left_running
            .iter()
            .any(|(entry, backend)| { *entry == key("ix") && backend.pid.0 == pid }),
        "{:?}",
        killed.end.left_running
    );
    let mut run = killed.take_over();
    let mut samples = run.watch();
    until_adopted(&mut run).await;
    let seen = samples.wait_for(|it| it.builds.get(&key("ix")).is_some_and(|it| it.seen.is_some())).await;
    let sample = seen.unwrap().builds[&key("ix")].clone();
    // Nobody here has seen how it got this far, so nobody knows how fast it goes.
    assert!(sample.fraction > 0.0 && !matches!(sample.eta, Eta::Left(_)), "{sample:?}");
    let run = run.finish().await;
    assert_eq!(*run.ending(), Ending::Finished, "{}", run.story());
    made_by_its_first_statement(&run, &database, &session).await;
    for index in ["later", "on_u"] {
        usable(&session, index).await;
        assert_eq!(Log::of(&database).creates_of(index), 1, "{}", run.story());
    }
    assert_eq!(Log::of(&database).deadlocks(), 0);
}

#[tokio::test]
async fn a_run_that_is_taken_over_after_its_build_ended_finds_what_became_of_it() {
    let (database, session) = with_table(40).await;
    let mut run = Scenario::new(&database, &[SLOW]).start();
    in_phase(&session, "building index%").await;
    run.until_seen().await;
    let killed = run.kill().await;
    let over =
        "SELECT NOT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE datname = current_database())";
    crate::support::wait::until(&session, over).await;
    let run = killed.take_over().finish().await;
    made_by_its_first_statement(&run, &database, &session).await;
}

#[tokio::test]
async fn a_run_that_is_taken_over_cleans_up_what_died_meanwhile() {
    let (database, session) = with_table(40).await;
    let mut run = Scenario::new(&database, &[SLOW]).with(|it| it.attempts = 3).start();
    let pid = in_phase(&session, "building index%").await;
    run.until_seen().await;
    let killed = run.kill().await;
    session.execute("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap();
    let gone = format!("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid})");
    crate::support::wait::until(&session, &gone).await;
    assert!(!indexes(&session).await["ix"].valid);
    let run = killed.take_over().finish().await;
    assert_eq!(*run.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", run.story());
    let log = Log::of(&database);
    assert_eq!((log.creates_of("ix"), log.drops().len()), (2, 1), "{}", run.story());
    usable(&session, "ix").await;
}

async fn own_database(settings: &[(&str, &str)]) -> (Database, Client) {
    let settings: Vec<_> = LOGGED.iter().chain(settings).copied().collect();
    // Ends with the test process, as the shared ones do.
    let cluster: &'static _ = Box::leak(Box::new(own_cluster(MAJOR, &settings).await));
    let database = Database { cluster, name: "postgres".to_owned() };
    let session = database.connect().await;
    table(&session, "t", 60).await;
    slow_function(&session).await;
    (database, session)
}

async fn reconnected(database: &Database) -> Client {
    let conninfo = database.conninfo();
    let wait = async {
        loop {
            if let Ok(session) = cicerone::rehearsal::connect::connect(&conninfo, "test").await {
                return session;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the server comes back")
}

#[tokio::test]
async fn a_server_that_restarts_during_a_build_is_waited_for_and_the_build_begins_anew() {
    let (database, session) = own_database(&[]).await;
    let strike = inject(Fault::KillServer, FaultTarget::new(database.cluster, &database.name)).await.unwrap();
    let statements = [SLOW, "CREATE INDEX CONCURRENTLY later ON t (b)"];
    let run = Scenario::new(&database, &statements).with(|it| it.attempts = 3).start();
    let run = run.finish().await;
    strike.ended().await.unwrap();
    drop(session);
    let session = reconnected(&database).await;
    for index in ["ix", "later"] {
        assert_eq!(*run.status(index), BuildStatus::Verified { origin: Origin::Ours }, "{}", run.story());
        usable(&session, index).await;
    }
    let log = Log::of(&database);
    assert_eq!((log.creates_of("ix"), log.creates_of("later")), (2, 1), "{}", run.story());
    assert_eq!(log.deadlocks(), 0);
}

#[tokio::test]
async fn with_a_check_interval_on_the_server_a_lost_client_still_does_not_end_the_build() {
    let (database, session) = own_database(&[("client_connection_check_interval", "100ms")]).await;
    let mut run = Scenario::new(&database, &[SLOW]).start();
    in_phase(&session, "building index%").await;
    run.until_seen().await;
    let killed = run.kill().await;
    let over =
        "SELECT NOT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE datname = current_database())";
    crate::support::wait::until(&session, over).await;
    usable(&session, "ix").await;
    let run = killed.take_over().finish().await;
    made_by_its_first_statement(&run, &database, &session).await;
}
