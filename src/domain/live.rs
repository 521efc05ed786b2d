//! Every index of a database, with what it belongs to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::catalog::{IndexFacts, RelationKind};
use super::id::QualifiedName;
use super::target::TargetIdentity;

/// The indexes of one database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveIndexes {
    /// Where they are.
    pub identity: TargetIdentity,
    /// In the order of their names.
    pub indexes: Vec<LiveIndex>,
    /// Tables, partitioned tables and materialized views, those without an index too.
    pub tables: Vec<QualifiedName>,
    /// How many indexes were left out, by whose they are.
    pub others: BTreeMap<Owner, usize>,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveIndex {
    /// Name, table, definition, flags. Its size is what the statistics say.
    pub facts: IndexFacts,
    /// What it is on.
    pub table_kind: RelationKind,
    /// The constraint that it backs.
    pub backs: Option<Backing>,
    /// Index of a partitioned table: it has no rows of its own.
    pub level: Level,
    /// The partitioned table's index that it is a part of.
    pub part_of: Option<QualifiedName>,
}

/// Whether an index holds anything itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// An ordinary index.
    Index,
    /// That of a partitioned table: its parts on the partitions do.
    Partitioned,
}

/// Constraints that an index can back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backing {
    /// PRIMARY KEY
    PrimaryKey,
    /// UNIQUE
    Unique,
    /// EXCLUDE
    Exclude,
}

impl Backing {
    /// For a person, with an article.
    pub fn words(self) -> &'static str {
        match self {
            Self::PrimaryKey => "a PRIMARY KEY",
            Self::Unique => "a UNIQUE constraint",
            Self::Exclude => "an EXCLUDE constraint",
        }
    }
}

/// Whose an index is that no registry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// In the schemas of the system, TOAST among them.
    System,
    /// On a temporary table of some session.
    Temporary,
    /// Made by an extension, or on a table of one.
    Extension,
}

impl Owner {
    /// For a person.
    pub fn words(self) -> &'static str {
        match self {
            Self::System => "of the system",
            Self::Temporary => "on temporary tables",
            Self::Extension => "of extensions",
        }
    }
}
