//! Which indexes and backfills should exist.
//!
//! ```
//! use cicerone::domain::diagnostic::Source;
//! use cicerone::domain::registry;
//!
//! let text = r#"
//! version = 1
//!
//! [[index]]
//! name = "idx_leads_status"
//! domain = "leads"
//! table = "leads"
//! sql = "CREATE INDEX CONCURRENTLY idx_leads_status ON leads (status)"
//! "#;
//! let source = Source { path: "registry.toml".to_owned(), text: text.to_owned() };
//! let registry = registry::load(&[source]).unwrap();
//! assert_eq!(registry.entries[0].key.as_str(), "public.idx_leads_status");
//! ```

use serde::{Deserialize, Serialize};

use super::diagnostic::Diagnostic;
use super::id::{Digest, EntryKey, IndexName, QualifiedName};
use crate::sql::IndexShape;

mod format;
mod inventory;
mod load;
#[cfg(test)]
mod tests;
mod write;

pub use format::json_schema;
pub use inventory::{DomainCount, Inventory, TableCount, inventory};
pub use load::{MAX_ENTRIES, MAX_FILE_BYTES, load};
pub use write::{AddError, Addition, Draft, Fate, add};

/// Every entry of one or several files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// Indexes, in the order of the files.
    pub entries: Vec<IndexEntry>,
    /// Backfills, in the order of the files.
    pub backfills: Vec<BackfillEntry>,
    /// Hash of the files' bytes, in order. The same texts in other files of another name hash the same.
    pub digest: Digest,
    /// What may not be meant as it stands.
    pub warnings: Vec<Diagnostic>,
}

/// One index that should exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// `schema.index`, unique in the registry.
    pub key: EntryKey,
    /// Name of the index.
    pub name: IndexName,
    /// Part of the product that it serves.
    pub domain: String,
    /// The table, its schema filled in from the statement, the fields or the defaults.
    pub table: QualifiedName,
    /// What the statement says.
    pub shape: IndexShape,
    /// Whether the product does not work without it.
    pub critical: bool,
    /// What it is for; may be empty.
    pub description: String,
    /// Queries that it serves, to be explained before and after.
    pub queries: Vec<String>,
    /// Where it was read.
    pub origin: Origin,
}

/// One backfill that should have been done. Read and kept, not yet run by any step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillEntry {
    /// Unique in the registry.
    pub key: String,
    /// Part of the product that it serves; may be empty.
    pub domain: String,
    /// The table that is written.
    pub table: QualifiedName,
    /// The statement that does one batch.
    pub sql: String,
    /// Rows of one batch.
    pub batch_size: u32,
    /// What it is for; may be empty.
    pub description: String,
    /// Where it was read.
    pub origin: Origin,
}

/// Place of an entry in the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Path of the file.
    pub file: String,
    /// Line of the entry's header, from 1.
    pub line: u32,
}

impl IndexEntry {
    /// The statement that is sent for it.
    pub fn statement(&self) -> String {
        self.shape.render_concurrently(self.name.as_str(), &self.table.schema, &self.table.name)
    }
}

impl Registry {
    /// The entry of a key.
    pub fn entry(&self, key: &EntryKey) -> Option<&IndexEntry> {
        self.entries.iter().find(|entry| entry.key == *key)
    }
}
