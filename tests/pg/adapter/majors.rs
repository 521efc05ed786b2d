//! The whole adapter once on every supported major: each query, each branch by version.

use cicerone::domain::blocker::{Bites, BlockStage};
use cicerone::domain::id::{EntryKey, QualifiedName};
use cicerone::domain::progress::Phase;
use cicerone::domain::target::RunSettings;
use cicerone::domain::unit::Millis;
use cicerone::pg::connect::Access;
use cicerone::pg::{PgBackends, PgCatalog, PgExplainer, PgMonitor, PgSurvey, PgWorkshop};
use cicerone::ports::{
    Backends, BuildRequest, Catalog, ExplainRequest, Explainer, LockProbe, Monitor, Survey, Visible,
    WatchRequest, Workshop,
};
use tokio::runtime::Handle;

use super::holders::until;
use super::{entry, link};
use crate::support::cluster::database;

const SCHEMA: &str = "CREATE TABLE t (id bigint PRIMARY KEY, a int, b text, c timestamptz); \
    INSERT INTO t SELECT n, n % 100, 'v' || n, now() FROM generate_series(1, 20000) AS n; ANALYZE t";

/// Every reading and a build with an open writer, from the plan to the verified index.
async fn whole_adapter(major: u32) {
    let database = database(major).await;
    let session = database.connect().await;
    session.batch_execute(SCHEMA).await.unwrap();
    let reading = link(&database, Access::ReadWrite);
    let catalog = PgCatalog::new(reading.clone());
    let target = catalog.target().await.unwrap();
    assert_eq!((target.identity.major(), target.identity.timeline), (major, Some(1)));

    let mut wanted = vec![
        entry(
            "CREATE INDEX CONCURRENTLY ix ON t (a, b text_pattern_ops DESC) INCLUDE (c) WITH (fillfactor = 80)",
        ),
        entry("CREATE INDEX CONCURRENTLY partial ON t (lower(b)) WHERE a > 5"),
    ];
    if major >= 15 {
        wanted.push(entry("CREATE UNIQUE INDEX CONCURRENTLY nulls ON t (id, a) NULLS NOT DISTINCT"));
    }
    let before = catalog.facts(&wanted).await.unwrap();
    assert!(before.expected.values().all(Result::is_ok), "{:?}", before.expected);
    assert_eq!(before.tables[&wanted[0].table.key()].rows.unwrap().0, 20_000);

    let survey = PgSurvey::new(reading.clone());
    let settings = survey.settings().await.unwrap().value;
    assert!(settings.iter().any(|setting| setting.name == "maintenance_work_mem"));
    assert_eq!(settings.iter().any(|setting| setting.name == "transaction_timeout"), major >= 17);
    assert_eq!(survey.archiver().await.unwrap().value.mode, "off");
    assert!(survey.replication().await.unwrap().value.slots.is_empty());
    assert!(matches!(survey.paths().await.unwrap().value, Visible::Seen(_)));
    assert_eq!(survey.duplicates(&wanted[0]).await.unwrap().value, Some(false));

    let writer = database.connect().await;
    writer.batch_execute("BEGIN; UPDATE t SET a = 1 WHERE id = 1").await.unwrap();
    let table = before.tables[&wanted[0].table.key()].oid;
    let ahead = survey.future_blockers(&[table]).await.unwrap().value;
    assert!(ahead.iter().any(|blocker| blocker.stage == BlockStage::Writer), "{ahead:?}");

    let request = BuildRequest {
        entry: EntryKey::from("public.ix"),
        table: QualifiedName::new("public", "t"),
        table_oid: table,
        application: "cicerone/run1/public.ix".to_owned(),
        settings: RunSettings { jobs: 2, maintenance_work_mem_kb: Some(65_536), ..RunSettings::default() },
        identity: target.identity.clone(),
    };
    let mut build = PgWorkshop::new(reading.clone()).open(&request).await.unwrap();
    assert_eq!(build.probe_lock(Millis(2_000)).await.unwrap(), LockProbe::Free);
    assert_eq!(build.try_item_lock().await.unwrap(), None);
    let backend = build.backend();
    let statement = wanted[0].shape.render_concurrently("ix", "public", "t");
    let running = Handle::current().spawn(async move { build.execute(&statement).await });
    let waits = "SELECT FROM pg_locks WHERE pid = $1 AND NOT granted";
    until("it waits", async || !session.query(waits, &[&backend.pid.0]).await.unwrap().is_empty()).await;

    let mut monitor = PgMonitor::new(reading.clone());
    let watch = WatchRequest { entry: request.entry.clone(), backend, table_oid: table };
    let round = monitor.round(&[watch]).await.unwrap();
    let seen = round.progress[0].seen.unwrap();
    assert_eq!((seen.phase, seen.table_oid), (Phase::WritersBeforeBuild, table));
    let blocker = &round.blockers[0].1[0];
    assert_eq!((blocker.stage, blocker.bites), (BlockStage::Writer, Bites::Now));
    assert!(PgBackends::new(reading.clone()).exists(backend).await.unwrap());
    let during = catalog.index_named(&QualifiedName::new("public", "ix")).await.unwrap();
    assert_eq!(during.builders[0].item_lock, Some(EntryKey::from("public.ix")));

    writer.batch_execute("COMMIT").await.unwrap();
    running.await.unwrap().unwrap();
    let after = catalog.facts(&wanted).await.unwrap();
    let live = after.index_named(&QualifiedName::new("public", "ix")).unwrap();
    let expected = after.expected[&request.entry].as_ref().unwrap();
    assert!(live.flags.usable() && expected.differences(&live.definition).is_empty(), "{live:?}");

    let queries = vec!["SELECT c FROM t WHERE a = $1 AND b = $2".to_owned()];
    let request = ExplainRequest { index: QualifiedName::new("public", "ix"), queries };
    let plans = PgExplainer::new(reading).explain(&[request]).await.remove(0).unwrap();
    assert!(plans[0].reading.as_ref().unwrap().node.contains("Index"), "{plans:?}");
}

macro_rules! on {
    ($($name:ident $major:literal),*) => {
        $(
            #[tokio::test]
            async fn $name() {
                whole_adapter($major).await;
            }
        )*
    };
}

on!(
    the_whole_adapter_on_12 12,
    the_whole_adapter_on_13 13,
    the_whole_adapter_on_14 14,
    the_whole_adapter_on_15 15,
    the_whole_adapter_on_16 16,
    the_whole_adapter_on_17 17,
    the_whole_adapter_on_18 18
);
