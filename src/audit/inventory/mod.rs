//! All indexes of a series of files: their names, what they are for, what becomes of them, which say the same.
//!
//! The statements are replayed in order into a small picture of the catalogs, which knows tables, names and indexes and
//! nothing else.

mod mention;
mod overlap;
mod partition;
mod replay;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::place::Place;
use super::statement::{ConstraintKind, Nesting, Statement};
use crate::sql::IndexShape;

/// A place in one of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// Which file, by its position in the series.
    pub file: usize,
    /// Where in it.
    pub place: Place,
}

/// A relation with its schema, both as the server keeps them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relation {
    /// Schema; `public` where none is said.
    pub schema: String,
    /// Name.
    pub name: String,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is created.
    pub spot: Spot,
    /// What creates it.
    pub origin: Origin,
    /// Whether it is created when the file is run.
    pub nesting: Nesting,
    /// Whether somebody fills in a part of it before it is sent.
    pub to_fill_in: bool,
    /// Its name when it is created, and its schema.
    pub index: Arc<Relation>,
    /// How it came by its name.
    pub naming: Naming,
    /// Its table when it is created.
    pub table: Arc<Relation>,
    /// Whether the table is partitioned.
    pub table_kind: TableKind,
    /// What it says; that of a constraint says neither its name nor its table.
    pub shape: Arc<IndexShape>,
    /// What the server would refuse or change.
    pub problems: Vec<String>,
    /// What becomes of it, in order.
    pub fates: Vec<Fate>,
    /// Its name and table at the end; `None` when it is gone, or never was.
    pub alive: Option<Standing>,
    /// Others at the end that say the same, by position in [`Inventory::entries`].
    pub duplicates: Vec<usize>,
    /// Others at the end that serve whatever this one serves.
    pub covered_by: Vec<usize>,
}

/// Where an index stands at the end of the series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub index: Arc<Relation>,
    /// Its table.
    pub table: Arc<Relation>,
}

/// What creates an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// CREATE INDEX
    Statement,
    /// Nothing that stands there: a framework makes it by itself, as Django does for foreign keys.
    Implied,
    /// A constraint.
    Constraint(ConstraintKind),
    /// `LIKE … INCLUDING INDEXES`
    Copied,
}

/// How an index came by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Naming {
    /// As written.
    Written,
    /// Cut to 63 bytes from what is here.
    Cut(String),
    /// Found by the server.
    Invented,
}

/// Kinds of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// An ordinary one, or one that is not created in these files.
    Plain,
    /// The parent of partitions.
    Partitioned,
    /// A partition.
    Partition,
    /// Temporary: gone with the session.
    Temporary,
}

/// Something that happens to an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Where.
    pub spot: Spot,
    /// What.
    pub what: FateKind,
}

/// What can happen to an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FateKind {
    /// DROP INDEX, DROP CONSTRAINT
    Dropped,
    /// Its table, schema or a column of it is dropped.
    WentWith(String),
    /// Has another name from here on.
    Renamed(String),
    /// Its table has another name or schema from here on.
    TableRenamed(String),
    /// Created again, after it was dropped.
    Recreated,
    /// Backs a constraint from here on.
    BecameConstraint(ConstraintKind),
    /// `IF NOT EXISTS`, and the name is taken: nothing is created.
    Skipped,
    /// The name is taken: the server refuses it.
    Refused,
    /// Attached to the index of the partitioned table.
    Attached(String),
    /// ROLLBACK: it was never made.
    TakenBack,
}

/// What an index is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A rule about the data rests on it.
    Functional(Reason),
    /// Queries are faster with it; nothing else changes.
    Performance,
}

/// Why an index is functional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// UNIQUE
    Unique,
    /// It backs this constraint.
    Constraint(ConstraintKind),
}

impl Class {
    /// In words.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Performance => ("performance", "no rule about the data rests on it"),
            Self::Functional(Reason::Unique) => ("functional", "UNIQUE: it keeps duplicates out"),
            Self::Functional(Reason::Constraint(ConstraintKind::PrimaryKey)) => {
                ("functional", "it backs a PRIMARY KEY")
            }
            Self::Functional(Reason::Constraint(ConstraintKind::Unique)) => {
                ("functional", "it backs a UNIQUE constraint")
            }
            Self::Functional(Reason::Constraint(ConstraintKind::Exclude)) => {
                ("functional", "it backs an EXCLUDE constraint")
            }
        }
    }
}

impl Entry {
    /// What it is for.
    pub fn class(&self) -> Class {
        let became = self.fates.iter().find_map(|fate| match fate.what {
            FateKind::BecameConstraint(kind) => Some(kind),
            FateKind::Dropped
            | FateKind::WentWith(_)
            | FateKind::Renamed(_)
            | FateKind::TableRenamed(_)
            | FateKind::Recreated
            | FateKind::Skipped
            | FateKind::Refused
            | FateKind::TakenBack
            | FateKind::Attached(_) => None,
        });
        match (self.origin, became) {
            (Origin::Constraint(kind), _) | (_, Some(kind)) => Class::Functional(Reason::Constraint(kind)),
            _ if self.shape.unique => Class::Functional(Reason::Unique),
            _ => Class::Performance,
        }
    }

    fn stands_on(&self, table: &Relation) -> bool {
        self.alive.as_ref().is_some_and(|standing| *standing.table == *table)
    }

    /// Whether a CREATE INDEX stands in the text.
    pub fn is_statement(&self) -> bool {
        self.origin == Origin::Statement
    }
}

/// One file of the series.
#[derive(Debug, Clone, Copy)]
pub struct Chapter<'a> {
    /// Its statements.
    pub statements: &'a [Statement],
}

/// Everything found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// In the order of the series; those of constraints too.
    pub entries: Vec<Entry>,
    /// Names that indexes of several schemas have at the end.
    pub same_names: BTreeMap<String, Vec<usize>>,
}

/// Whether a statement can change what [`take`] finds.
pub fn heeds(statement: &Statement) -> bool {
    replay::heeds(&statement.kind)
}

/// Takes stock of a series. Statements that it does not heed may be missing.
pub fn take(series: &[Chapter<'_>]) -> Inventory {
    let mut entries = replay::replay(series);
    overlap::mark(&mut entries);
    let same_names = same_names(&entries);
    Inventory { entries, same_names }
}

fn same_names(entries: &[Entry]) -> BTreeMap<String, Vec<usize>> {
    let standing = entries.iter().enumerate().filter_map(|(at, it)| Some((it.alive.as_ref()?, at)));
    let mut names: Vec<(&str, usize)> = standing.map(|(it, at)| (it.index.name.as_str(), at)).collect();
    names.sort_unstable();
    let several = names.chunk_by(|one, two| one.0 == two.0).filter(|same| same.len() > 1);
    several.map(|same| (same[0].0.to_owned(), same.iter().map(|(_, at)| *at).collect())).collect()
}

#[cfg(test)]
mod tests;
