//! Sessions that change something: the recipe, the probe, the item lock, failures, signals.

use cicerone::domain::event::Signalled;
use cicerone::domain::failure::FailureClass;
use cicerone::domain::id::{BackendId, EntryKey, Oid, Pid, QualifiedName};
use cicerone::domain::target::RunSettings;
use cicerone::domain::unit::Millis;
use cicerone::pg::connect::Access;
use cicerone::pg::{PgBackends, PgCatalog, PgWorkshop};
use cicerone::ports::{Backends, BuildRequest, BuildSession, Catalog, LockProbe, Workshop};
use tokio::runtime::Handle;

use super::holders::{start_build, until};
use super::{MAJOR, link};
use crate::support::cluster::{Database, database};

const BUILD: &str = "CREATE INDEX CONCURRENTLY ix ON public.t USING btree (x)";

async fn request(database: &Database) -> BuildRequest {
    let target = PgCatalog::new(link(database, Access::ReadOnly)).target().await.unwrap();
    let session = database.connect().await;
    let oid = session.query_one("SELECT to_regclass('public.t')::oid", &[]).await.unwrap().get(0);
    BuildRequest {
        entry: EntryKey::from("public.ix"),
        table: QualifiedName::new("public", "t"),
        table_oid: Oid(oid),
        application: "cicerone/run1/public.ix".to_owned(),
        settings: RunSettings::default(),
        identity: target.identity,
    }
}

async fn open(database: &Database) -> Box<dyn BuildSession> {
    let workshop = PgWorkshop::new(link(database, Access::ReadWrite));
    workshop.open(&request(database).await).await.unwrap()
}

async fn with_table() -> Database {
    let database = database(MAJOR).await;
    database.connect().await.batch_execute("CREATE TABLE t (x int)").await.unwrap();
    database
}

#[tokio::test]
async fn hostile_settings_of_role_and_database_cannot_touch_a_build() {
    let database = with_table().await;
    let session = database.connect().await;
    for (name, value) in [
        ("statement_timeout", "1ms"),
        ("lock_timeout", "1ms"),
        ("idle_in_transaction_session_timeout", "1ms"),
        ("client_connection_check_interval", "1s"),
        ("default_transaction_read_only", "on"),
        ("default_transaction_isolation", "serializable"),
        ("search_path", "nowhere"),
    ] {
        let sql = format!("ALTER DATABASE {} SET {name} = '{value}'", database.name);
        session.batch_execute(&sql).await.unwrap();
    }
    let mut build = open(&database).await;
    assert_eq!(build.probe_lock(Millis(2_000)).await.unwrap(), LockProbe::Free);
    assert_eq!(build.try_item_lock().await.unwrap(), None);
    build.execute(BUILD).await.unwrap();
    let index = build.index_named(&QualifiedName::new("public", "ix")).await.unwrap().unwrap();
    assert!(index.flags.usable());
}

#[tokio::test]
async fn another_database_than_the_planned_one_is_refused_before_anything_is_sent() {
    let (planned, found) = (with_table().await, with_table().await);
    let workshop = PgWorkshop::new(link(&found, Access::ReadWrite));
    let refusal = workshop.open(&request(&planned).await).await.map(|_| ()).unwrap_err();
    assert_eq!(refusal.class, FailureClass::Refused);
    assert!(refusal.message.contains("database OID"), "{refusal}");
}

#[tokio::test]
async fn the_build_acts_as_the_role_that_owns_the_table() {
    let database = with_table().await;
    let session = database.connect().await;
    let owner = format!("owner_{}", database.name);
    session
        .batch_execute(&format!(
            "CREATE ROLE {owner}; GRANT CREATE ON SCHEMA public TO {owner}; ALTER TABLE t OWNER TO {owner}"
        ))
        .await
        .unwrap();
    let mut request = request(&database).await;
    request.settings.build_role = Some(owner.clone());
    let mut build = PgWorkshop::new(link(&database, Access::ReadWrite)).open(&request).await.unwrap();
    build.execute(BUILD).await.unwrap();
    let sql = "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE relname = 'ix'";
    assert_eq!(session.query_one(sql, &[]).await.unwrap().get::<_, String>(0), owner);
}

#[tokio::test]
async fn the_probe_names_who_has_the_lock_and_never_queues_behind_a_build() {
    let database = with_table().await;
    let holder = database.connect().await;
    holder.batch_execute("BEGIN; LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE").await.unwrap();
    let mut probe = open(&database).await;
    let LockProbe::Busy(blockers) = probe.probe_lock(Millis(50)).await.unwrap() else { panic!("not busy") };
    assert_eq!(blockers.len(), 1, "{blockers:?}");
    holder.batch_execute("ROLLBACK; BEGIN; INSERT INTO t VALUES (1)").await.unwrap();
    let build = start_build(&database, BUILD).await;
    let probed = probe.probe_lock(Millis(5_000)).await.unwrap();
    let LockProbe::BuildInProgress(builders) = probed else { panic!("{probed:?}") };
    assert_eq!(builders[0].backend.pid.0, build.pid);
    holder.batch_execute("COMMIT").await.unwrap();
    build.done.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_free_table_is_one_sessions_until_its_statement_is_over() {
    let database = with_table().await;
    let (mut first, mut second) = (open(&database).await, open(&database).await);
    assert_eq!(first.probe_lock(Millis(2_000)).await.unwrap(), LockProbe::Free);
    let probed = second.probe_lock(Millis(2_000)).await.unwrap();
    let LockProbe::BuildInProgress(holders) = probed else { panic!("{probed:?}") };
    assert_eq!(holders[0].backend, first.backend());
    assert!(holders[0].application.starts_with("cicerone/"));
    first.execute(BUILD).await.unwrap();
    assert_eq!(second.probe_lock(Millis(2_000)).await.unwrap(), LockProbe::Free);
}

#[tokio::test]
async fn a_table_that_is_not_free_is_claimed_by_nobody() {
    let database = with_table().await;
    let holder = database.connect().await;
    holder.batch_execute("BEGIN; LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE").await.unwrap();
    let (mut first, mut second) = (open(&database).await, open(&database).await);
    for session in [&mut first, &mut second] {
        let probed = session.probe_lock(Millis(50)).await.unwrap();
        assert!(matches!(probed, LockProbe::Busy(_)), "{probed:?}");
    }
}

#[tokio::test]
async fn the_item_lock_is_one_sessions_and_names_it() {
    let database = with_table().await;
    let (mut first, mut second) = (open(&database).await, open(&database).await);
    assert_eq!(first.try_item_lock().await.unwrap(), None);
    assert_eq!(second.try_item_lock().await.unwrap(), Some(first.backend()));
    let reading = PgCatalog::new(link(&database, Access::ReadOnly))
        .index_named(&QualifiedName::new("public", "ix"))
        .await
        .unwrap();
    let [holder] = &reading.builders[..] else { panic!("{:?}", reading.builders) };
    assert_eq!((holder.backend, &holder.item_lock), (first.backend(), &Some(EntryKey::from("public.ix"))));
    assert_eq!(holder.application, "cicerone/run1/public.ix");
    drop(first);
    until("the lock is free", async || {
        let mut third = open(&database).await;
        third.try_item_lock().await.unwrap().is_none()
    })
    .await;
}

#[tokio::test]
async fn duplicates_end_a_unique_build_without_their_values_in_the_failure() {
    let database = with_table().await;
    database.connect().await.batch_execute("INSERT INTO t VALUES (424242), (424242)").await.unwrap();
    let mut build = open(&database).await;
    let failure =
        build.execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON public.t USING btree (x)").await.unwrap_err();
    assert_eq!(failure.class, FailureClass::UniqueViolation);
    assert!(!format!("{failure:?}").contains("424242"));
    let left = build.index_named(&QualifiedName::new("public", "ix")).await.unwrap().unwrap();
    assert!(!left.flags.valid);
    build.execute("DROP INDEX CONCURRENTLY public.ix").await.unwrap();
    assert_eq!(build.index_named(&QualifiedName::new("public", "ix")).await.unwrap(), None);
}

#[tokio::test]
async fn only_the_backend_that_was_meant_is_cancelled_and_the_failure_says_so() {
    let database = with_table().await;
    let backends = PgBackends::new(link(&database, Access::ReadOnly));
    let writer = database.connect().await;
    writer.batch_execute("BEGIN; INSERT INTO t VALUES (1)").await.unwrap();
    for (terminate, class) in [(false, FailureClass::Cancelled), (true, FailureClass::Terminated)] {
        let mut build = open(&database).await;
        let backend = build.backend();
        let running = Handle::current().spawn(async move { build.execute(BUILD).await });
        let other = database.connect().await;
        let waits = "SELECT FROM pg_locks WHERE pid = $1 AND NOT granted";
        until("it waits", async || !other.query(waits, &[&backend.pid.0]).await.unwrap().is_empty()).await;
        let impostor = BackendId { started: jiff::Timestamp::from_second(1_700_000_000).unwrap(), ..backend };
        assert_eq!(backends.cancel(impostor).await.unwrap(), Signalled::Gone);
        assert!(!backends.exists(impostor).await.unwrap());
        assert!(backends.exists(backend).await.unwrap());
        let sent = if terminate { backends.terminate(backend).await } else { backends.cancel(backend).await };
        assert_eq!(sent.unwrap(), Signalled::Sent);
        assert_eq!(running.await.unwrap().unwrap_err().class, class);
        writer
            .batch_execute("ROLLBACK; DROP INDEX IF EXISTS ix; BEGIN; INSERT INTO t VALUES (1)")
            .await
            .unwrap();
    }
    assert_eq!(
        backends.cancel(BackendId { pid: Pid(1), ..open(&database).await.backend() }).await.unwrap(),
        Signalled::Gone
    );
}

#[tokio::test]
async fn nothing_but_the_two_concurrent_forms_is_ever_sent() {
    let database = with_table().await;
    let mut build = open(&database).await;
    for statement in
        ["DROP TABLE t", "CREATE INDEX ix ON t (x)", "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON t (x)"]
    {
        assert_eq!(build.execute(statement).await.unwrap_err().class, FailureClass::Refused);
    }
    // The protocol itself takes no second statement.
    let two = "DROP INDEX CONCURRENTLY public.a; DROP TABLE t";
    assert_eq!(build.execute(two).await.unwrap_err().sqlstate.unwrap().0, "42601");
}
