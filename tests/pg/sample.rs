//! The sample database and the shipped registry, on a real server.

use cicerone::rehearsal::sample;

use crate::support::cluster::sample_database;

const MAJOR: u32 = 15;

#[derive(serde::Deserialize)]
struct Registry {
    index: Vec<Entry>,
}

#[derive(serde::Deserialize)]
struct Entry {
    name: String,
    sql: String,
    #[serde(default)]
    queries: Vec<String>,
}

fn entries() -> Vec<Entry> {
    let registry: Registry =
        toml::from_str(include_str!("../../registry.toml")).expect("the shipped registry");
    registry.index
}

const INDEXES: &str = "SELECT c.relname, i.indisvalid AND i.indisready AND i.indislive \
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
    WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1";

#[tokio::test]
async fn the_sample_has_its_own_indexes_and_none_of_the_registrys() {
    let session = sample_database(MAJOR).await.connect().await;
    let rows = session.query(INDEXES, &[]).await.expect("the catalog");
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(entries().iter().all(|entry| !names.contains(&entry.name)));
    let expected = ["call_log_business_recent", "leads_unassigned", "messages_provider_message_id_key"];
    assert!(expected.iter().all(|name| names.iter().any(|have| have == name)), "{names:?}");
    assert_eq!(
        names.len(),
        sample::tables().count() + expected.len(),
        "a primary key each and the named ones"
    );
}

#[tokio::test]
async fn the_sample_takes_all_82_indexes_and_its_queries_use_theirs() {
    let session = sample_database(MAJOR).await.connect().await;
    let entries = entries();
    for entry in &entries {
        session.batch_execute(&entry.sql).await.unwrap_or_else(|error| panic!("{}: {error:?}", entry.name));
    }
    let rows = session.query(INDEXES, &[]).await.expect("the catalog");
    let valid = |name: &str| rows.iter().any(|row| row.get::<_, &str>(0) == name && row.get(1));
    assert!(entries.iter().all(|entry| valid(&entry.name)));

    // A generic plan, as the parameters are unknown, and no sequential scan, as the sample is small.
    session
        .batch_execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
        .await
        .expect("SET");
    let mut elsewhere = Vec::new();
    for entry in &entries {
        for query in &entry.queries {
            let plan = generic_plan(&session, query).await;
            if !plan.contains(&entry.name) {
                elsewhere.push(format!("{}: {query}\n{plan}", entry.name));
            }
        }
    }
    assert!(elsewhere.is_empty(), "{}", elsewhere.join("\n\n"));
}

async fn generic_plan(session: &tokio_postgres::Client, query: &str) -> String {
    session.batch_execute(&format!("PREPARE q AS {query}")).await.expect("a query of the registry");
    let parameters = (1..).take_while(|number| query.contains(&format!("${number}"))).map(|_| "NULL");
    let explain = format!("EXPLAIN EXECUTE q ({})", parameters.collect::<Vec<_>>().join(", "));
    let lines = session.simple_query(&explain).await.expect("a plan");
    session.batch_execute("DEALLOCATE q").await.expect("DEALLOCATE");
    let text = lines.iter().filter_map(|message| {
        let tokio_postgres::SimpleQueryMessage::Row(row) = message else { return None };
        row.get(0)
    });
    text.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn tenants_are_skewed_and_none_is_missing_its_rows() {
    let session = sample_database(MAJOR).await.connect().await;
    let row = session
        .query_one(
            "SELECT max(n)::float8 / sum(n)::float8, count(*) FROM \
             (SELECT count(*) AS n FROM leads GROUP BY tenant_id) AS per_tenant",
            &[],
        )
        .await
        .expect("shares");
    let (largest, tenants): (f64, i64) = (row.get(0), row.get(1));
    assert!((0.08..0.16).contains(&largest), "the largest tenant owns {largest}");
    assert!(tenants > 300, "{tenants} of 400 tenants");
}
