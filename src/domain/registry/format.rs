//! The file format as data, from which its JSON Schema is made. Editors complete and check a registry with it.
//!
//! The loader reads key by key, for the sake of its messages; a test holds the two together.

use schemars::JsonSchema;

/// Keys of the top level.
pub(super) const FILE_KEYS: [&str; 4] = ["version", "defaults", "index", "backfill"];
/// Keys of `[defaults]`.
pub(super) const DEFAULTS_KEYS: [&str; 1] = ["schema"];
/// Keys of `[[index]]`.
pub(super) const INDEX_KEYS: [&str; 7] =
    ["name", "domain", "table", "sql", "critical", "description", "queries"];
/// Keys of `[[backfill]]`.
pub(super) const BACKFILL_KEYS: [&str; 6] = ["key", "domain", "table", "sql", "batch_size", "description"];

/// The JSON Schema (2020-12) of a registry file.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(RegistryFile).to_value()
}

/// Which indexes and backfills should exist in a database.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Cicerone registry")]
#[expect(dead_code, reason = "only its schema is used")]
struct RegistryFile {
    /// Version of the format.
    #[schemars(range(min = 1, max = 1))]
    version: u32,
    /// What entries of this file leave out.
    defaults: Option<Defaults>,
    /// Indexes, in the order in which they are shown.
    #[serde(default)]
    index: Vec<Index>,
    /// Backfills.
    #[serde(default)]
    backfill: Vec<Backfill>,
}

/// What entries of this file leave out.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Defaults {
    /// Schema of tables that are named without one; `public` when not given.
    #[schemars(length(min = 1, max = 63))]
    schema: Option<String>,
}

/// One index.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Index {
    /// Name of the index, the one in `sql`.
    #[schemars(length(min = 1, max = 63))]
    name: String,
    /// Part of the product that it serves; groups the entries on the screen.
    #[schemars(length(min = 1))]
    domain: String,
    /// The table, or `schema.table`.
    #[schemars(length(min = 1))]
    table: String,
    /// Exactly one `CREATE [UNIQUE] INDEX CONCURRENTLY`.
    #[schemars(length(min = 1, max = 65536))]
    sql: String,
    /// Whether the product does not work without it. Critical entries are built first.
    #[serde(default)]
    critical: bool,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// Queries that it serves; explained before and after the build. Parameters are written $1, $2, ...
    #[serde(default)]
    queries: Vec<String>,
}

/// One backfill.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Backfill {
    /// Name of the backfill.
    #[schemars(length(min = 1))]
    key: String,
    /// Part of the product that it serves.
    #[serde(default)]
    domain: String,
    /// The table that is written, or `schema.table`.
    #[schemars(length(min = 1))]
    table: String,
    /// The statement that does one batch.
    #[schemars(length(min = 1))]
    sql: String,
    /// Rows of one batch; 200 when not given.
    #[schemars(range(min = 1, max = 100_000))]
    batch_size: Option<u32>,
    /// What it is for.
    #[serde(default)]
    description: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(schema: &serde_json::Value) -> Vec<&str> {
        let mut keys: Vec<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    fn sorted<const N: usize>(mut keys: [&'static str; N]) -> Vec<&'static str> {
        keys.sort_unstable();
        keys.to_vec()
    }

    #[test]
    fn the_schema_has_the_keys_that_the_loader_reads() {
        let schema = json_schema();
        assert_eq!(keys(&schema), sorted(FILE_KEYS));
        assert_eq!(keys(&schema["$defs"]["Defaults"]), sorted(DEFAULTS_KEYS));
        assert_eq!(keys(&schema["$defs"]["Index"]), sorted(INDEX_KEYS));
        assert_eq!(keys(&schema["$defs"]["Backfill"]), sorted(BACKFILL_KEYS));
    }
}
