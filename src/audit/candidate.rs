//! Which indexes belong into a registry, and why the others do not.

use std::fmt;

use super::inventory::{Class, Entry, FateKind, Inventory, Naming, Origin, Reason, Spot, TableKind};
use super::live;
use super::statement::{ConstraintKind, Nesting};
use crate::domain::catalog::Uniqueness;
use crate::domain::id::QualifiedName;
use crate::domain::live::{Backing, Level, LiveIndex, LiveIndexes};
use crate::sql::IndexShape;

/// An index that a registry can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Schema and name.
    pub index: QualifiedName,
    /// Its table.
    pub table: QualifiedName,
    /// What it says.
    pub shape: IndexShape,
    /// Where it is created.
    pub spot: Spot,
    /// What is to be known of its name.
    pub remark: Option<String>,
}

/// An index that stays out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Schema and name.
    pub index: QualifiedName,
    /// Its table.
    pub table: QualifiedName,
    /// Where it is created.
    pub spot: Spot,
    /// Why.
    pub why: Exclusion,
}

/// Why an index stays out of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exclusion {
    /// UNIQUE
    Unique,
    /// It backs a constraint.
    Constraint(ConstraintKind),
    /// It is gone at the end of the series: what happened, and where.
    Gone(String, Spot),
    /// The series never makes it.
    NotMade(&'static str),
    /// It stands in a routine.
    Routine,
    /// Parts of it are known at run time only.
    UnknownParts,
    /// Somebody fills in a part of it before it is sent.
    ToFillIn,
    /// Its table is temporary.
    Temporary,
    /// Its table is partitioned.
    Partitioned,
    /// It is a part of a partitioned table's index.
    Attached(String),
    /// It is not valid.
    Invalid,
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unique => f.write_str("UNIQUE: it keeps duplicates out, so it belongs to the migrations"),
            Self::Constraint(kind) => write!(f, "it backs {}, so it belongs to the migrations", constraint(*kind)),
            Self::Gone(what, _) => f.write_str(what),
            Self::NotMade(why) => f.write_str(why),
            Self::Routine => f.write_str("it stands in a routine, and is made when somebody calls that"),
            Self::UnknownParts => f.write_str("parts of it are known at run time only"),
            Self::ToFillIn => f.write_str("a part of it is filled in before it is sent"),
            Self::Temporary => f.write_str("its table is temporary"),
            Self::Partitioned => f.write_str(
                "its table is partitioned, and PostgreSQL builds no such index concurrently: a registry has the indexes of partitions",
            ),
            Self::Invalid => f.write_str("it is not valid: a build that failed, or one that still runs"),
            Self::Attached(parent) => write!(f, "it is the part of {parent} that is on this partition"),
        }
    }
}

fn constraint(kind: ConstraintKind) -> &'static str {
    match kind {
        ConstraintKind::PrimaryKey => "a PRIMARY KEY",
        ConstraintKind::Unique => "a UNIQUE constraint",
        ConstraintKind::Exclude => "an EXCLUDE constraint",
    }
}

/// Sorts the indexes of a series.
pub fn of_series(inventory: &Inventory) -> (Vec<Candidate>, Vec<LeftOut>) {
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for entry in &inventory.entries {
        let standing = entry.alive.as_ref();
        let name = |it: &super::inventory::Relation| QualifiedName::new(it.schema.clone(), it.name.clone());
        let index = name(standing.map_or(&entry.index, |it| &it.index));
        let table = name(standing.map_or(&entry.table, |it| &it.table));
        match exclusion(entry) {
            Some(why) => left_out.push(LeftOut { index, table, spot: entry.spot, why }),
            None => found.push(Candidate {
                index,
                table,
                shape: IndexShape { if_not_exists: false, ..(*entry.shape).clone() },
                spot: entry.spot,
                remark: remark(entry),
            }),
        }
    }
    (found, left_out)
}

/// Sorts the indexes of a database: what a registry can hold, and why it cannot hold the others.
pub fn of_live(live: &LiveIndexes) -> Vec<(&LiveIndex, Verdict)> {
    live.indexes.iter().map(|index| (index, verdict(index))).collect()
}

/// What an index of a database is to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// An entry.
    Entry(Box<IndexShape>),
    /// None, for this reason.
    Out(Exclusion),
    /// One that cannot be written: the server's text cannot be read.
    Unreadable(String),
}

fn verdict(index: &LiveIndex) -> Verdict {
    let unique = index.facts.definition.unique != Uniqueness::No;
    match (index.backs, &index.part_of, index.level) {
        (Some(backing), _, _) => Verdict::Out(Exclusion::Constraint(kind(backing))),
        (None, _, _) if unique => Verdict::Out(Exclusion::Unique),
        (None, _, Level::Partitioned) => Verdict::Out(Exclusion::Partitioned),
        (None, Some(parent), Level::Index) => Verdict::Out(Exclusion::Attached(parent.key().0)),
        (None, None, Level::Index) if !index.facts.flags.usable() => Verdict::Out(Exclusion::Invalid),
        (None, None, Level::Index) => match live::shape(index) {
            Ok(shape) => Verdict::Entry(Box::new(shape)),
            Err(why) => Verdict::Unreadable(why),
        },
    }
}

fn kind(backing: Backing) -> ConstraintKind {
    match backing {
        Backing::PrimaryKey => ConstraintKind::PrimaryKey,
        Backing::Unique => ConstraintKind::Unique,
        Backing::Exclude => ConstraintKind::Exclude,
    }
}

fn exclusion(entry: &Entry) -> Option<Exclusion> {
    match entry.class() {
        Class::Functional(Reason::Constraint(kind)) => return Some(Exclusion::Constraint(kind)),
        Class::Functional(Reason::Unique) => return Some(Exclusion::Unique),
        Class::Performance => {}
    }
    if entry.nesting == Nesting::Routine {
        return Some(Exclusion::Routine);
    }
    if entry.nesting == Nesting::Dynamic && has_unknown_part(entry) {
        return Some(Exclusion::UnknownParts);
    }
    if entry.to_fill_in {
        return Some(Exclusion::ToFillIn);
    }
    if entry.table_kind == TableKind::Temporary {
        return Some(Exclusion::Temporary);
    }
    if entry.alive.is_none() {
        return Some(end(entry));
    }
    match entry.table_kind {
        TableKind::Temporary => return Some(Exclusion::Temporary),
        TableKind::Partitioned => return Some(Exclusion::Partitioned),
        TableKind::Partition | TableKind::Plain => {}
    }
    if entry.shape.only {
        return Some(Exclusion::Partitioned);
    }
    entry.fates.iter().find_map(|fate| match &fate.what {
        FateKind::Attached(parent) => Some(Exclusion::Attached(parent.clone())),
        FateKind::Dropped
        | FateKind::WentWith(_)
        | FateKind::Renamed(_)
        | FateKind::TableRenamed(_)
        | FateKind::Recreated
        | FateKind::BecameConstraint(_)
        | FateKind::Skipped
        | FateKind::TakenBack
        | FateKind::Refused => None,
    })
}

fn end(entry: &Entry) -> Exclusion {
    let last = entry.fates.iter().rev().find_map(|fate| match &fate.what {
        FateKind::Dropped => Some(Exclusion::Gone("it is dropped later".to_owned(), fate.spot)),
        FateKind::WentWith(what) => Some(Exclusion::Gone(format!("it goes with {what} later"), fate.spot)),
        FateKind::Skipped => {
            Some(Exclusion::NotMade("the name is taken, and IF NOT EXISTS makes nothing then"))
        }
        FateKind::Refused => Some(Exclusion::NotMade("the name is taken: the server refuses it")),
        FateKind::TakenBack => Some(Exclusion::NotMade("a ROLLBACK takes it back")),
        FateKind::Renamed(_)
        | FateKind::TableRenamed(_)
        | FateKind::Recreated
        | FateKind::BecameConstraint(_)
        | FateKind::Attached(_) => None,
    });
    last.unwrap_or(Exclusion::UnknownParts)
}

fn has_unknown_part(entry: &Entry) -> bool {
    let schema = &entry.table.schema;
    entry.shape.render_concurrently(&entry.index.name, schema, &entry.table.name).contains('…')
}

fn remark(entry: &Entry) -> Option<String> {
    match (&entry.naming, entry.origin) {
        (_, Origin::Copied) => Some("copied with LIKE; the server gives it this name".to_owned()),
        (Naming::Invented, _) => Some("without a name there; the server gives it this one".to_owned()),
        (Naming::Cut(written), _) => Some(format!("written there as {written}; the server cuts it")),
        (Naming::Written, _) => None,
    }
}
