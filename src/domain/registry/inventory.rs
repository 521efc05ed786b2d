//! What a registry holds, counted.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Registry;
use crate::domain::id::QualifiedName;

/// What a registry holds, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// Indexes.
    pub indexes: usize,
    /// Of these, critical.
    pub critical: usize,
    /// Of these, unique.
    pub unique: usize,
    /// Of these, over some rows only.
    pub partial: usize,
    /// Of these, over computed keys.
    pub expression: usize,
    /// Of these, with queries to explain.
    pub with_queries: usize,
    /// Backfills.
    pub backfills: usize,
    /// By domain, in the order of their first entry.
    pub domains: Vec<DomainCount>,
    /// By table, sorted by name.
    pub tables: Vec<TableCount>,
}

/// One domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DomainCount {
    /// Its name.
    pub domain: String,
    /// Indexes in it.
    pub indexes: usize,
    /// Of these, critical.
    pub critical: usize,
    /// Tables that they are on.
    pub tables: usize,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableCount {
    /// Its name.
    pub table: QualifiedName,
    /// Indexes on it.
    pub indexes: usize,
    /// Of these, critical.
    pub critical: usize,
}

/// Counts a registry.
pub fn inventory(registry: &Registry) -> Inventory {
    let count =
        |wanted: fn(&super::IndexEntry) -> bool| registry.entries.iter().filter(|it| wanted(it)).count();
    let mut domains: Vec<DomainCount> = Vec::new();
    let mut tables: BTreeMap<&QualifiedName, TableCount> = BTreeMap::new();
    let mut seen: BTreeSet<(&str, &QualifiedName)> = BTreeSet::new();
    for entry in &registry.entries {
        let critical = usize::from(entry.critical);
        let new_table = usize::from(seen.insert((&entry.domain, &entry.table)));
        if let Some(domain) = domains.iter_mut().find(|it| it.domain == entry.domain) {
            domain.indexes += 1;
            domain.critical += critical;
            domain.tables += new_table;
        } else {
            domains.push(DomainCount { domain: entry.domain.clone(), indexes: 1, critical, tables: 1 });
        }
        let table = tables.entry(&entry.table).or_insert_with(|| TableCount {
            table: entry.table.clone(),
            indexes: 0,
            critical: 0,
        });
        table.indexes += 1;
        table.critical += critical;
    }
    Inventory {
        indexes: registry.entries.len(),
        critical: count(|it| it.critical),
        unique: count(|it| it.shape.unique),
        partial: count(|it| it.shape.is_partial()),
        expression: count(|it| it.shape.has_expression()),
        with_queries: count(|it| !it.queries.is_empty()),
        backfills: registry.backfills.len(),
        domains,
        tables: tables.into_values().collect(),
    }
}
