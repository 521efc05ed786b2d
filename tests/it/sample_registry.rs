//! The shipped registry and the sample database belong together.

use std::collections::{BTreeMap, BTreeSet};

use cicerone::rehearsal::sample;

#[derive(serde::Deserialize)]
struct Registry {
    version: u32,
    index: Vec<Entry>,
}

#[derive(serde::Deserialize)]
struct Entry {
    name: String,
    domain: String,
    table: String,
    sql: String,
    #[serde(default)]
    critical: bool,
    description: String,
    #[serde(default)]
    queries: Vec<String>,
}

fn registry() -> Registry {
    let text = include_str!("../../registry.toml");
    toml::from_str(text).expect("registry.toml is TOML of the expected form")
}

/// Columns of each table, read from the sample schema's own layout: a column a line, four spaces in.
fn schema_columns() -> BTreeMap<String, BTreeSet<String>> {
    let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut table = String::new();
    for line in sample::schema().lines() {
        if let Some(name) = line.strip_prefix("CREATE TABLE ") {
            name.trim_end_matches(" (").clone_into(&mut table);
        } else if let Some(column) = line.strip_prefix("    ").and_then(|rest| rest.split(' ').next()) {
            columns.entry(table.clone()).or_default().insert(column.to_owned());
        }
    }
    columns
}

fn key_columns(entry: &Entry) -> Vec<&str> {
    let keys = entry.sql.rsplit_once('(').and_then(|(_, keys)| keys.strip_suffix(')')).expect("a key list");
    keys.split(", ").map(|key| key.trim_end_matches(" DESC")).collect()
}

#[test]
fn every_key_column_of_the_registry_exists_in_the_sample_schema() {
    let schema = schema_columns();
    for entry in &registry().index {
        let columns = schema.get(&entry.table).unwrap_or_else(|| panic!("no table {}", entry.table));
        for key in key_columns(entry) {
            assert!(columns.contains(key), "{}: {}.{key} is not in the schema", entry.name, entry.table);
        }
    }
}

#[test]
fn every_table_of_the_sample_has_an_entry() {
    let registry = registry();
    let with_entries: BTreeSet<&str> = registry.index.iter().map(|entry| entry.table.as_str()).collect();
    assert_eq!(with_entries, sample::tables().collect());
}

#[test]
fn the_registry_holds_82_entries_of_which_some_are_critical_and_many_have_queries() {
    let registry = registry();
    assert_eq!(registry.version, 1);
    let names: BTreeSet<&str> = registry.index.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names.len(), 82);
    assert!((20..=25).contains(&registry.index.iter().filter(|entry| entry.critical).count()));
    assert!(registry.index.iter().filter(|entry| !entry.queries.is_empty()).count() >= 24);
    let domains: BTreeSet<&str> = registry.index.iter().map(|entry| entry.domain.as_str()).collect();
    assert_eq!(domains.len(), 7);
    let descriptions: BTreeSet<&str> =
        registry.index.iter().map(|entry| entry.description.as_str()).collect();
    assert_eq!(descriptions.len(), 82, "each entry says what it is for, in its own words");
}

#[test]
fn statements_name_their_own_index_and_table() {
    for entry in &registry().index {
        let start = format!("CREATE INDEX CONCURRENTLY {} ON {} (", entry.name, entry.table);
        assert!(entry.sql.starts_with(&start), "{}", entry.sql);
        for query in &entry.queries {
            assert!(query.contains(&format!(" FROM {} ", entry.table)), "{query}");
        }
    }
}
