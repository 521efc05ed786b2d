//! A database's indexes as a registry, and the registry beside the database again.

use crate::program::Home;
use crate::server;

const SAMPLE: &str = include_str!("../../registry.toml");

#[derive(serde::Deserialize)]
struct Registry {
    index: Vec<Entry>,
}

#[derive(serde::Deserialize)]
struct Entry {
    name: String,
    table: String,
    domain: String,
    sql: String,
}

fn registry(text: &str) -> Vec<Entry> {
    toml::from_str::<Registry>(text).expect("a registry").index
}

#[tokio::test]
async fn the_82_of_the_sample_are_imported_and_then_all_verified() {
    let (home, database) = (Home::new(), server::sample().await);
    let session = database.connect().await;
    let wanted = registry(SAMPLE);
    for entry in &wanted {
        session.batch_execute(&entry.sql.replace("CONCURRENTLY ", "")).await.expect("an index");
    }
    let domains: Vec<String> =
        wanted.iter().map(|it| format!("\"public.{}\" = \"{}\"", it.table, it.domain)).collect();
    let mut domains: Vec<&str> = domains.iter().map(String::as_str).collect();
    domains.sort_unstable();
    domains.dedup();
    home.file("domains.toml", &domains.join("\n"));
    let before = database.relations().await;
    let dsn = database.conninfo();
    let import = ["import", "--live", "--dsn", &dsn, "--domains", "domains.toml"];
    home.run(&import).await.with_code(0).says("on public.leads").says("it backs a PRIMARY KEY");
    home.run(&["registry", "check"]).await.with_code(0).says("The registry is in order");
    let written = fs_err::read_to_string(home.path().join("registry.toml")).expect("the registry");
    let made = registry(&written);
    for entry in &wanted {
        let other =
            made.iter().find(|it| it.name == entry.name).unwrap_or_else(|| panic!("no {}", entry.name));
        assert_eq!((&other.domain, &other.table), (&entry.domain, &format!("public.{}", entry.table)));
    }
    let count = format!("{0} of {0} verified", made.len());
    home.run(&["verify", "--dsn", &dsn]).await.with_code(0).says(&count);
    home.run(&["plan", "--dsn", &dsn])
        .await
        .with_code(0)
        .says(&format!("{} entries: {0} present", made.len()));
    assert_eq!(database.relations().await, before, "nothing was changed");

    // The registry is there now: it is left alone, and with --merge nothing is missing.
    home.run(&import).await.with_code(2).says("--merge");
    let merge = [&import[..], &["--merge"]].concat();
    home.run(&merge)
        .await
        .with_code(0)
        .says(&format!("0 entries added to registry.toml, {} there already", made.len()));
    assert_eq!(fs_err::read_to_string(home.path().join("registry.toml")).expect("the registry"), written);
}

#[tokio::test]
async fn a_pattern_chooses_what_is_imported_and_one_that_means_nothing_is_told() {
    let (home, database) = (Home::new(), server::small().await);
    let session = database.connect().await;
    session
        .batch_execute("CREATE SCHEMA crm; CREATE TABLE crm.leads (a int); CREATE INDEX leads_a ON crm.leads (a); CREATE TABLE crm.bare (a int)")
        .await
        .expect("a table");
    let dsn = database.conninfo();
    let import = |more: &[&str]| {
        let arguments = [&["import", "--live", "--dsn", &dsn, "--into", "-"], more].concat();
        home.cicerone(&arguments)
    };
    let printed = crate::program::run(import(&["--schema", "c?m"])).await.with_code(0);
    let names: Vec<String> = registry(&printed.stdout).into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["leads_a"], "{printed}");
    crate::program::run(import(&["--table", "crm.bare"])).await.with_code(0).says("0 entries added");
    crate::program::run(import(&["--table", "nothing*"])).await.with_code(2).says("no table is meant");
    crate::program::run(import(&["--schema", "pg_catalog"])).await.with_code(2).says("no table is meant");
    crate::program::run(import(&["migrations/"])).await.with_code(2).says("cannot be used with");
    home.run(&["import"]).await.with_code(2).says("PATHS");
    home.run(&["import", "--live", "--dsn", "host=/nowhere dbname=x"])
        .await
        .with_code(3)
        .says("cannot be reached");
}
