//! What the catalogs say about tables and indexes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::id::{BackendId, EntryKey, Oid, QualifiedName};
use super::target::TargetIdentity;
use super::unit::{Bytes, Rows};

/// An index definition in the server's own words, so that two can be compared without any parser of ours.
///
/// For a registry entry it is read from an index on an empty temporary clone of the table; for a live index from
/// the index itself. `indkey` is left out on purpose: dropped columns shift attribute numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Access method, e.g. `btree`.
    pub method: String,
    /// `indisunique`.
    pub unique: Uniqueness,
    /// Number of key columns; the rest of `columns` is INCLUDE.
    pub key_count: u16,
    /// Columns in order.
    pub columns: Vec<ColumnDefinition>,
    /// `pg_get_expr(indpred, …)`.
    pub predicate: Option<String>,
    /// `reloptions`, sorted.
    pub options: Vec<String>,
    /// Tablespace; absent for the database's default.
    pub tablespace: Option<String>,
}

/// Which duplicates an index allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uniqueness {
    /// Any.
    No,
    /// None, nulls apart.
    Unique,
    /// None, nulls included (15+).
    UniqueNullsNotDistinct,
}

/// One column of an index in the server's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDefinition {
    /// `pg_get_indexdef(oid, n, false)`: column name or expression.
    pub text: String,
    /// Qualified operator class with parameters; empty for an INCLUDE column.
    pub opclass: String,
    /// Qualified collation; empty for types without one.
    pub collation: String,
    /// `indoption` bits: 1 descending, 2 nulls first.
    pub option: i16,
}

/// One difference between the registry's definition and the live one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What differs, e.g. `column 2` or `predicate`.
    pub what: String,
    /// In the registry.
    pub wanted: String,
    /// On the server.
    pub found: String,
}

impl Definition {
    /// What differs from `live`, empty when the two are the same index.
    pub fn differences(&self, live: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut note = |what: &str, wanted: String, live: String| {
            if wanted != live {
                found.push(Difference { what: what.to_owned(), wanted, found: live });
            }
        };
        note("access method", self.method.clone(), live.method.clone());
        note("uniqueness", format!("{:?}", self.unique), format!("{:?}", live.unique));
        note("key columns", self.key_count.to_string(), live.key_count.to_string());
        for n in 0..self.columns.len().max(live.columns.len()) {
            let text = |d: &Self| d.columns.get(n).map_or_else(|| "none".to_owned(), ColumnDefinition::line);
            note(&format!("column {}", n + 1), text(self), text(live));
        }
        let predicate = |d: &Self| d.predicate.clone().unwrap_or_else(|| "none".to_owned());
        note("predicate", predicate(self), predicate(live));
        note("storage options", self.options.join(", "), live.options.join(", "));
        let space = |d: &Self| d.tablespace.clone().unwrap_or_else(|| "default".to_owned());
        note("tablespace", space(self), space(live));
        found
    }

    /// Whether both index the same thing the same way. Tablespace and storage options do not change what an
    /// index serves, so a duplicate may differ in them.
    pub fn serves_like(&self, other: &Self) -> bool {
        self.method == other.method
            && self.unique == other.unique
            && self.key_count == other.key_count
            && self.columns == other.columns
            && self.predicate == other.predicate
    }
}

impl ColumnDefinition {
    fn line(&self) -> String {
        let mut line = self.text.clone();
        if !self.collation.is_empty() {
            line.push_str(" COLLATE ");
            line.push_str(&self.collation);
        }
        if !self.opclass.is_empty() {
            line.push(' ');
            line.push_str(&self.opclass);
        }
        if self.option & 1 != 0 {
            line.push_str(" DESC");
        }
        if self.option & 2 != 0 {
            line.push_str(" NULLS FIRST");
        }
        line
    }
}

/// The three flags of `pg_index` that together mean "usable".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexFlags {
    /// `indisvalid`: queries may use it.
    pub valid: bool,
    /// `indisready`: writes maintain it.
    pub ready: bool,
    /// `indislive`: it is not being dropped.
    pub live: bool,
}

impl IndexFlags {
    /// Whether the index is whole.
    pub fn usable(self) -> bool {
        self.valid && self.ready && self.live
    }

    /// Where a build that nobody carries on died, for a person.
    pub fn died_in(self) -> &'static str {
        match (self.live, self.ready) {
            (false, _) => "an interrupted drop",
            (true, false) => "the build or the wait for writers before it",
            (true, true) => "validation or a wait after the build",
        }
    }
}

/// One index as the catalogs have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexFacts {
    /// `pg_index.indexrelid`.
    pub oid: Oid,
    /// Schema and name.
    pub name: QualifiedName,
    /// `pg_index.indrelid`.
    pub table_oid: Oid,
    /// The table it is on.
    pub table: QualifiedName,
    /// Valid, ready, live.
    pub flags: IndexFlags,
    /// What it indexes.
    pub definition: Definition,
    /// `pg_get_indexdef(oid)`, for people.
    pub display: String,
    /// `pg_relation_size`.
    pub size: Bytes,
    /// Why it must not be dropped; empty for a plain index.
    pub ties: Vec<Tie>,
}

/// Something that needs an index to stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tie", rename_all = "snake_case")]
pub enum Tie {
    /// Backs a primary key, unique or exclusion constraint (the server refuses a drop with 2BP01).
    Constraint {
        /// Its name.
        name: String,
    },
    /// `indisreplident`: the server would drop it without a word (12-18).
    ReplicaIdentity,
    /// `indisclustered`.
    Clustered,
    /// Attached to a partitioned parent's index.
    PartitionChild,
    /// A foreign key depends on it.
    ForeignKeyTarget {
        /// Constraint that needs it.
        name: String,
    },
}

impl Tie {
    /// For a person.
    pub fn sentence(&self) -> String {
        match self {
            Self::Constraint { name } => format!("backs constraint {name}"),
            Self::ReplicaIdentity => "is the table's replica identity".to_owned(),
            Self::Clustered => "is the table's CLUSTER index".to_owned(),
            Self::PartitionChild => "is attached to a partitioned index".to_owned(),
            Self::ForeignKeyTarget { name } => format!("foreign key {name} depends on it"),
        }
    }
}

/// `pg_class.relkind` of what an entry calls a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// Ordinary table.
    Table,
    /// Partitioned parent: CONCURRENTLY is impossible (0A000, 12-18).
    PartitionedTable,
    /// Materialized view: can be indexed.
    MaterializedView,
    /// View.
    View,
    /// Foreign table.
    ForeignTable,
    /// Index or partitioned index.
    Index,
    /// Sequence.
    Sequence,
    /// Anything else.
    Other,
}

impl RelationKind {
    /// For a person, with an article.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Table => "a table",
            Self::PartitionedTable => "a partitioned table",
            Self::MaterializedView => "a materialized view",
            Self::View => "a view",
            Self::ForeignTable => "a foreign table",
            Self::Index => "an index",
            Self::Sequence => "a sequence",
            Self::Other => "a relation of another kind",
        }
    }
}

/// Whether the role may build on a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildRight {
    /// Member of the owner and may create in the schema.
    Granted,
    /// Not a member of the owning role (42501).
    NotOwner,
    /// No CREATE on the schema (42501).
    NoCreateOnSchema,
}

/// `pg_class.relpersistence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Persistence {
    /// Ordinary.
    Permanent,
    /// Not logged.
    Unlogged,
    /// Temporary: the server builds without CONCURRENTLY, silently.
    Temporary,
}

/// One table as the catalogs and statistics have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableFacts {
    /// `pg_class.oid`.
    pub oid: Oid,
    /// Schema and name.
    pub name: QualifiedName,
    /// What it is.
    pub kind: RelationKind,
    /// How it is stored.
    pub persistence: Persistence,
    /// `reltuples`; absent when never analysed (-1 on 14+, 0 pages before).
    pub rows: Option<Rows>,
    /// `pg_relation_size`.
    pub size: Bytes,
    /// Owner.
    pub owner: String,
    /// Whether the session's role may build on it.
    pub right: BuildRight,
    /// `age(relfrozenxid)`.
    pub frozen_age: u32,
    /// Columns by name, with what the planner knows of them.
    pub columns: BTreeMap<String, ColumnStatistics>,
}

/// What `pg_stats` says of a column.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ColumnStatistics {
    /// Type's fixed width, or the average width of non-null values; absent when unknown.
    pub width: Option<f32>,
    /// Fraction of nulls, 0 to 1.
    pub null_fraction: f32,
    /// `n_distinct`: a count when positive, a fraction of the rows when negative, 0 unknown.
    pub distinct: f32,
}

/// A running CREATE INDEX, REINDEX or a session that holds one of our item locks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Builder {
    /// Who builds.
    pub backend: BackendId,
    /// `application_name`: ours start with `cicerone/`.
    pub application: String,
    /// Role.
    pub user: String,
    /// Table; absent without the right to see it.
    pub table_oid: Option<Oid>,
    /// Index; absent without the right to see it, or for a plain CREATE INDEX.
    pub index_oid: Option<Oid>,
    /// `command` of the progress view, or `item lock` when only the lock shows.
    pub command: String,
    /// Item key whose advisory lock the backend holds, when it holds one.
    pub item_lock: Option<EntryKey>,
}

/// One index read back on a fresh connection, with proof of where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexReading {
    /// The server that was asked.
    pub identity: TargetIdentity,
    /// The index; absent when there is none.
    pub index: Option<IndexFacts>,
    /// Backends that build on its table at this moment: a progress row, or our item lock.
    pub builders: Vec<Builder>,
}

/// What the server makes of a registry entry's statement, tried on an empty temporary clone.
pub type Expected = Result<Definition, Failure>;

/// Everything that a plan is made from, read in one go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogFacts {
    /// When.
    pub at: jiff::Timestamp,
    /// Tables that entries name and that exist, by `schema.table`.
    pub tables: BTreeMap<EntryKey, TableFacts>,
    /// Every index on those tables, and every index that bears an entry's name.
    pub indexes: Vec<IndexFacts>,
    /// What else bears an entry's index name in the table's schema: its kind, by entry.
    pub taken_names: BTreeMap<EntryKey, RelationKind>,
    /// The server's definition of each entry, or why it has none.
    pub expected: BTreeMap<EntryKey, Expected>,
    /// Who builds what at this moment in this database.
    pub builders: Vec<Builder>,
    /// Server settings that estimates need.
    pub server: ServerFigures,
}

/// Settings that estimates need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFigures {
    /// `maintenance_work_mem` in kilobytes.
    pub maintenance_work_mem_kb: u64,
    /// `max_parallel_maintenance_workers`.
    pub parallel_workers: u32,
    /// `max_connections` minus reserved ones minus those in use; 0 when unknown.
    pub free_connections: u32,
}

impl CatalogFacts {
    /// The index that bears `name`.
    pub fn index_named(&self, name: &QualifiedName) -> Option<&IndexFacts> {
        self.indexes.iter().find(|index| &index.name == name)
    }
}
