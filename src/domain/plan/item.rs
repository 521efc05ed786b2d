//! One entry of a plan and the state that it is in.

use serde::{Deserialize, Serialize};

use crate::domain::catalog::{Definition, Difference, IndexFlags, Uniqueness};
use crate::domain::estimate::Estimate;
use crate::domain::id::{BackendId, EntryKey, IndexName, Oid, QualifiedName};
use crate::domain::progress::MethodFamily;
use crate::domain::unit::{Bytes, Rows};

/// One entry of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanItem {
    /// Which entry.
    pub key: EntryKey,
    /// Index name.
    pub name: IndexName,
    /// Table that the entry names.
    pub table: QualifiedName,
    /// Its OID; absent when there is no such table.
    pub table_oid: Option<Oid>,
    /// Registry domain.
    pub domain: String,
    /// Whether a screen does not work without it.
    pub critical: Importance,
    /// The statement that would be sent.
    pub statement: String,
    /// How the scheduler must treat it.
    pub traits: IndexTraits,
    /// What is so.
    pub state: ItemState,
    /// The server's definition of the entry; absent when the server refuses it.
    pub expected: Option<Definition>,
    /// Predicted need; absent when the table is missing or was never analysed.
    pub estimate: Option<Estimate>,
    /// Rows of the table, by its statistics.
    pub rows: Option<Rows>,
    /// Size of the table's heap.
    pub table_size: Option<Bytes>,
    /// Queries that the index is for.
    pub queries: Vec<String>,
}

/// Whether the product works without an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Importance {
    /// A screen does not work without it.
    Critical,
    /// Everything works, slower.
    Normal,
}

/// Properties of an index that decide how its build is scheduled and measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexTraits {
    /// Weights of its phases.
    pub family: MethodFamily,
    /// Partial or expression: while it builds, every other CONCURRENTLY build waits for its snapshot (14-18).
    pub snapshot: SnapshotEffect,
    /// Unique: duplicates end the build.
    pub unique: Uniqueness,
}

/// What a running build does to other builds in the same database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotEffect {
    /// Others do not wait for it (14+; before 14 they do).
    Ignored,
    /// Others wait for it at their end, on every version.
    HoldsOthers,
}

/// Exactly one of these is so for each entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ItemState {
    /// Absent: it would be built.
    ToBuild,
    /// Valid, ready, live, on the right table, with the same definition.
    Present {
        /// Its OID. Not ours: rollback leaves it alone.
        oid: Oid,
        /// Its size.
        size: Bytes,
    },
    /// Not valid and nobody builds it.
    Leftover {
        /// Its OID.
        oid: Oid,
        /// Its flags: `ready` tells which phase it died in.
        flags: IndexFlags,
        /// Space that it keeps.
        size: Bytes,
        /// Unique and ready: it rejects inserts although no query may use it.
        harm: LeftoverHarm,
        /// Why it must not be dropped; empty when nothing needs it.
        ties: Vec<String>,
    },
    /// Somebody builds it.
    Building {
        /// Who.
        builder: BuilderKind,
        /// The backend.
        backend: BackendId,
        /// OID of the unfinished index, when it shows.
        oid: Option<Oid>,
    },
    /// The name belongs to an index with another definition or on another table.
    Drift {
        /// OID of that index.
        oid: Oid,
        /// What differs.
        differences: Vec<Difference>,
        /// The live definition, for people.
        live: String,
    },
    /// It cannot be built.
    Blocked {
        /// Why.
        reason: BlockedReason,
    },
    /// An index of another name already has this definition.
    Duplicate {
        /// That index.
        of: QualifiedName,
        /// Its OID.
        oid: Oid,
    },
}

/// What a leftover costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftoverHarm {
    /// Unique and ready: inserts of duplicates fail with 23505.
    RejectsWrites,
    /// Ready: every write maintains it for nothing.
    CostsWrites,
    /// Not ready: it keeps its name and space and turns off HOT updates of its columns.
    TakesSpace,
}

/// Who builds an index that is not ours yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum BuilderKind {
    /// A build of ours whose client died: it goes on by itself and is adopted.
    Ours,
    /// Another operator's run.
    OtherRun {
        /// Its `application_name`. Untrusted.
        application: String,
    },
    /// psql or another tool.
    Stranger {
        /// Its `application_name`. Untrusted.
        application: String,
        /// Its role. Untrusted.
        user: String,
    },
}

/// Why an entry cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "blocked_by", rename_all = "snake_case")]
pub enum BlockedReason {
    /// No such table.
    NoTable,
    /// The server refuses the statement on an empty clone, e.g. for a missing column.
    ServerRefuses {
        /// SQLSTATE.
        sqlstate: String,
        /// Its message. Untrusted.
        message: String,
    },
    /// A partitioned parent: each partition needs its own build, then ATTACH.
    PartitionedTable,
    /// Not something that can be indexed concurrently.
    NotATable {
        /// What it is.
        kind: String,
    },
    /// The name belongs to a relation that is not an index.
    NameTaken {
        /// What it is.
        kind: String,
    },
    /// The role may not build there.
    NoRight {
        /// Why and what to grant.
        why: String,
    },
    /// An index of this name exists and its definition cannot be compared (no TEMP right, read-only session).
    CannotCompare {
        /// Why. Untrusted.
        why: String,
    },
}

impl PlanItem {
    /// The statement that drops its index: concurrently, by its full name, never `IF EXISTS`, never `CASCADE`.
    pub fn drop_statement(&self) -> String {
        // An index lives in the schema of its table.
        crate::sql::drop_concurrently(&self.table.schema, self.name.as_str())
    }
}
