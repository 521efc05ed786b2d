//! What a project decides for itself.

use crate::sql::TableRef;

/// What becomes of something that can be meant well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It passes.
    Allow,
    /// It is a finding.
    Refuse,
}

/// The rules that can be had otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Performance indexes on a table that the same file makes: they cost nothing there, and the registry has to know them all the same.
    pub indexes_on_new_tables: Judgement,
    /// Changes of the data of a table that the same file makes, by what is written or in it already.
    pub data_of_new_tables: Judgement,
    /// INSERT of rows that are written out.
    pub seeds: Judgement,
    /// What cannot be judged without running it.
    pub not_judged: Judgement,
    /// Routines that change data whenever they are called, beside those whose body says so.
    pub looping_functions: Vec<TableRef>,
    /// Indexes that may be made in migrations whatever they are for.
    pub keep: Vec<TableRef>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            indexes_on_new_tables: Judgement::Refuse,
            data_of_new_tables: Judgement::Allow,
            seeds: Judgement::Allow,
            not_judged: Judgement::Allow,
            looping_functions: Vec::new(),
            keep: Vec::new(),
        }
    }
}

/// Whether two names can mean the same: a schema that one of them leaves out may be any.
pub(super) fn same(one: &TableRef, other: &TableRef) -> bool {
    one.name == other.name && (one.schema.is_none() || other.schema.is_none() || one.schema == other.schema)
}

/// `schema.name` for people.
pub(super) fn shown(table: &TableRef) -> String {
    match &table.schema {
        Some(schema) => format!("{schema}.{}", table.name),
        None => table.name.clone(),
    }
}
