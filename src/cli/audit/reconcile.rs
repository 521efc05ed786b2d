//! Migrations beside a registry.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::audit::candidate::of_series;
use crate::audit::inventory::Inventory;
use crate::domain::registry::Registry;
use crate::sql::IndexShape;

/// Where migrations and registry agree and where they do not. Names are `schema.index`.
#[derive(Debug, Serialize)]
pub(super) struct Reconciled {
    /// In both, with the same definition.
    pub(super) same: usize,
    /// Performance indexes that the registry does not know.
    pub(super) migrations_only: Vec<String>,
    /// Entries that no migration makes.
    pub(super) registry_only: Vec<String>,
    /// In both, with other definitions.
    pub(super) differing: Vec<Difference>,
}

/// Two definitions of one index, as statements.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    pub(super) index: String,
    pub(super) migrations: String,
    pub(super) registry: String,
}

impl Reconciled {
    pub(super) fn agrees(&self) -> bool {
        self.migrations_only.is_empty() && self.registry_only.is_empty() && self.differing.is_empty()
    }
}

pub(super) fn reconcile(registry: &Registry, inventory: &Inventory) -> Reconciled {
    let mut made = BTreeMap::new();
    for entry in &inventory.entries {
        if let Some(standing) = &entry.alive {
            made.insert(format!("{}.{}", standing.index.schema, standing.index.name), (entry, standing));
        }
    }
    let mut result =
        Reconciled { same: 0, migrations_only: Vec::new(), registry_only: Vec::new(), differing: Vec::new() };
    let mut known = BTreeSet::new();
    for entry in &registry.entries {
        let key = entry.key.as_str().to_owned();
        match made.get(&key) {
            None => result.registry_only.push(key.clone()),
            Some((index, standing)) => {
                let text = |shape: &IndexShape, schema: &str, table: &str| {
                    shape.settled().render_concurrently(entry.name.as_str(), schema, table)
                };
                let migrations = text(&index.shape, &standing.table.schema, &standing.table.name);
                let wanted = text(&entry.shape, &entry.table.schema, &entry.table.name);
                if migrations == wanted {
                    result.same += 1;
                } else {
                    result.differing.push(Difference { index: key.clone(), migrations, registry: wanted });
                }
            }
        }
        known.insert(key);
    }
    let (candidates, _) = of_series(inventory);
    result.migrations_only = candidates
        .into_iter()
        .map(|it| it.index.key().0)
        .filter(|key| !known.contains(key))
        .collect::<BTreeSet<String>>()
        .into_iter()
        .collect();
    result
}
