//! Readings for the pre-flight, figures of the server, plans of queries.

use cicerone::domain::event::UsesIndex;
use cicerone::domain::id::QualifiedName;
use cicerone::pg::connect::Access;
use cicerone::pg::{PgExplainer, PgMonitor, PgSurvey};
use cicerone::ports::{ExplainRequest, Explainer, Monitor, Survey, Visible};

use super::{MAJOR, entry, link, link_as};
use crate::support::cluster::{database, sample_database};

#[tokio::test]
async fn settings_are_those_that_a_session_inherits() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session
        .batch_execute(&format!(
            "ALTER DATABASE {0} SET statement_timeout = '30s'; ALTER DATABASE {0} SET search_path = a, b",
            database.name
        ))
        .await
        .unwrap();
    let settings = PgSurvey::new(link(&database, Access::ReadWrite)).settings().await.unwrap();
    let setting = |name: &str| settings.value.iter().find(|setting| setting.name == name).unwrap();
    let timeout = setting("statement_timeout");
    assert_eq!((timeout.setting.as_str(), timeout.unit.as_deref()), ("30000", Some("ms")));
    assert_eq!(timeout.source, "database");
    assert_eq!(setting("search_path").setting, "a, b");
    assert_eq!(setting("lock_timeout").setting, "0");
    assert!(settings.evidence.source.contains("pg_settings"));
}

#[tokio::test]
async fn what_a_plain_role_may_not_see_is_hidden_and_not_zero() {
    let database = database(MAJOR).await;
    let role = format!("plain_{}", database.name);
    database.connect().await.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let (all, plain) = (
        PgSurvey::new(link(&database, Access::ReadOnly)),
        PgSurvey::new(link_as(&database, Access::ReadOnly, &role)),
    );
    assert!(matches!(all.paths().await.unwrap().value, Visible::Seen(paths) if paths.len() >= 2));
    assert!(matches!(plain.paths().await.unwrap().value, Visible::NotPermitted(_)));
    assert_eq!(all.archiver().await.unwrap().value.waiting, Visible::Seen(0));
    assert!(matches!(plain.archiver().await.unwrap().value.waiting, Visible::NotPermitted(_)));
    let replication = plain.replication().await.unwrap().value;
    assert_eq!(replication.standbys, Visible::Seen(Vec::new()), "no standby at all is seen by everybody");

    let round = PgMonitor::new(link_as(&database, Access::ReadOnly, &role)).round(&[]).await.unwrap();
    assert_eq!((round.server.active, round.server.oldest_transaction), (None, None));
    assert!(round.server.max_connections.is_some());
    let mut monitor = PgMonitor::new(link(&database, Access::ReadOnly));
    let first = monitor.round(&[]).await.unwrap().server;
    assert!(first.active.is_some() && first.wal_per_second.is_none());
    let rate = async {
        loop {
            if let Some(rate) = monitor.round(&[]).await.unwrap().server.wal_per_second {
                return rate;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), rate).await.unwrap();
}

#[tokio::test]
async fn a_monitor_whose_session_was_ended_goes_on_with_a_new_one() {
    let database = database(MAJOR).await;
    let mut monitor = PgMonitor::new(link(&database, Access::ReadOnly));
    monitor.round(&[]).await.unwrap();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cicerone/test/monitor' \
                AND datname = current_database()";
    assert_eq!(database.connect().await.query(kill, &[]).await.unwrap().len(), 1);
    // Either the end was noticed in time, or one round fails and the next one connects.
    if monitor.round(&[]).await.is_err() {
        monitor.round(&[]).await.unwrap();
    }
}

#[tokio::test]
async fn duplicates_are_found_before_a_unique_build_finds_them() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session
        .batch_execute("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (1, 'X'), (NULL, 'x'), (NULL, 'x')")
        .await
        .unwrap();
    let survey = PgSurvey::new(link(&database, Access::ReadOnly));
    for (definition, found) in [
        ("t (a, b)", false),
        ("t (a, lower(b))", true),
        ("t (a)", true),
        ("t (a, b) NULLS NOT DISTINCT", true),
        ("t (a) WHERE b = 'x'", false),
    ] {
        let entry = entry(&format!("CREATE UNIQUE INDEX CONCURRENTLY u ON {definition}"));
        assert_eq!(survey.duplicates(&entry).await.unwrap().value, Some(found), "{definition}");
    }
}

#[tokio::test]
async fn queries_are_planned_and_never_run() {
    let database = sample_database(MAJOR).await;
    let session = database.connect().await;
    session.batch_execute("CREATE INDEX ix_plan ON leads (tenant_id, created_at)").await.unwrap();
    let queries = [
        "SELECT id FROM leads WHERE tenant_id = $1 AND created_at > $2".to_owned(),
        "SELECT 1".to_owned(),
        "SELECT nope FROM leads".to_owned(),
        "SELECT 1; DROP TABLE leads".to_owned(),
    ];
    let explainer = PgExplainer::new(link(&database, Access::ReadOnly));
    let index = QualifiedName::new("public", "ix_plan");
    let request = ExplainRequest { index, queries: queries.to_vec() };
    let plans = explainer.explain(&[request]).await.remove(0).unwrap();
    let [indexed, constant, unknown, two] = &plans[..] else { panic!("{plans:?}") };
    let indexed = indexed.reading.as_ref().unwrap();
    assert!(indexed.uses == UsesIndex::Yes && indexed.cost > 0.0, "{indexed:?}");
    assert_eq!(constant.reading.as_ref().unwrap().uses, UsesIndex::No);
    let code = |reading: &cicerone::domain::event::PlanReading| {
        reading.reading.as_ref().unwrap_err().sqlstate.clone().unwrap().0
    };
    assert_eq!((code(unknown).as_str(), code(two).as_str()), ("42703", "42601"));
    assert!(session.query("SELECT FROM leads LIMIT 1", &[]).await.is_ok());
}
