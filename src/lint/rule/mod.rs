//! The rules. Each is a file: what it is called, why it is so, an example of either kind, and its tests.

use std::collections::HashMap;
use std::ops::Range;

use super::finding::{Edit, Fix, Severity};
use super::sent::Sent;
use super::series::{Act, File, Nature, Series};
use crate::audit::document::PartKind;
use crate::audit::host::Turn;
use crate::audit::inventory::{FateKind, TableKind};
use crate::audit::statement::{IndexStatement, Nesting, Statement, StatementKind};
use crate::audit::words;
use crate::sql::TableRef;

macro_rules! rules {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// All rules, in the order in which they are listed.
        pub const ALL: &[&Rule] = &[$(&$name::RULE),*];
    };
}

rules! {
    missing_concurrently
    concurrently_in_transaction
    several_statements_at_once
    timeout_before_concurrently
    if_not_exists_unchecked
    partitioned_parent
    constraint_builds_index
    unique_on_existing_table
    reindex_blocks
    drop_index_blocks
    drop_concurrently_refused
    expression_without_analyze
    redundant_index
    name_too_long
    name_case_mismatch
    unnamed_index
    quoted_name
    session_setting
    unreadable
    out_of_reach
    idle_allow
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub id: &'static str,
    /// How bad what it finds is, when nobody says otherwise.
    pub severity: Severity,
    /// One line about it.
    pub summary: &'static str,
    /// Why it is so, and what to do instead. Paragraphs are separated by an empty line.
    pub why: &'static str,
    /// What it finds. The places stand between `«` and `»`.
    pub bad: Example,
    /// How it should be.
    pub good: Example,
    /// Looks at one file.
    pub check: fn(&Case<'_, '_>, &mut Vec<Found>),
}

/// Files with their texts.
pub type Example = &'static [(&'static str, &'static str)];

/// The file that a rule looks at.
pub struct Case<'c, 'a> {
    /// All files.
    pub series: &'c Series<'a>,
    /// Which of them, by position.
    pub position: usize,
    /// The file.
    pub file: &'c File<'a>,
}

/// What a rule found in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Bytes of the file.
    pub range: Range<usize>,
    /// Bytes of the statement that it is about: a comment before it may allow it.
    pub statement: Range<usize>,
    /// What is so.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// A change that is certainly right.
    pub fix: Option<Fix>,
    /// The turn of a loop that it is about.
    pub turn: Option<Turn>,
}

impl Found {
    /// What the turns of a loop have at one place is told once, with how often.
    pub(super) fn folded(found: Vec<Self>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::with_capacity(found.len());
        let mut others: HashMap<usize, usize> = HashMap::new();
        for it in found {
            let same = |other: &Self| other.turn.is_some() && other.range == it.range;
            match all.iter().rposition(same).filter(|_| it.turn.is_some()) {
                Some(first) => *others.entry(first).or_insert(0) += 1,
                None => all.push(it),
            }
        }
        for (first, count) in others {
            if let Some(it) = all.get_mut(first) {
                let turns = if count == 1 { "turn" } else { "turns" };
                it.message = format!("{}; so it is in {count} more {turns} of the loop", it.message);
            }
        }
        all
    }

    /// About a statement, at these bytes.
    pub fn at(act: &Act<'_>, range: Range<usize>, message: String, help: impl Into<String>) -> Self {
        let statement = act.statement.at..act.statement.end;
        let turn = act.part.and_then(|part| part.turn);
        Self { range, statement, message, help: help.into(), fix: None, turn }
    }
}

/// The rule of a name.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.id == id)
}

impl<'c, 'a> Case<'c, 'a> {
    /// The statements that make an index.
    fn indexes(&self) -> impl Iterator<Item = (&'c Act<'a>, &'a IndexStatement)> {
        self.file.acts.iter().filter_map(|act| Some((act, index_of(act.statement)?)))
    }

    /// Statements with CONCURRENTLY, and what each does, in words.
    fn concurrent(&self) -> impl Iterator<Item = (&'c Act<'a>, &'static str)> {
        self.file.acts.iter().filter_map(|act| Some((act, concurrent(&act.statement.kind)?)))
    }

    /// Whether the table is made by this very file, or is temporary.
    fn is_nobodys(&self, table: &TableRef, act: &Act<'_>) -> bool {
        self.file.is_new(table, act)
            || self.series.nature(table) == Some(Nature::Temporary)
            || table.schema.as_deref() == Some("pg_temp")
    }

    /// The table of an index, where the series says it.
    fn table_of(&self, index: &TableRef) -> Option<TableRef> {
        let entry = self.series.index(index)?;
        Some(TableRef { schema: Some(entry.table.schema.clone()), name: entry.table.name.clone() })
    }

    /// Whether the table of an index comes or goes with this very file, or is temporary.
    fn is_index_of_nobody(&self, index: &TableRef, act: &Act<'_>) -> bool {
        self.table_of(index).is_some_and(|table| self.is_nobodys(&table, act) || self.file.handles(&table))
    }

    /// Whether an index is one that the server drops and rebuilds concurrently: made by a statement of the series on an
    /// ordinary table that the series makes, and no constraint's.
    fn is_plain_index(&self, index: &TableRef) -> bool {
        self.series.index(index).is_some_and(|entry| {
            entry.is_statement()
                && entry.table_kind == TableKind::Plain
                && !entry.fates.iter().any(|it| matches!(it.what, FateKind::BecameConstraint(_)))
        }) && self.table_of(index).is_some_and(|table| self.series.nature(&table) == Some(Nature::Plain))
    }

    /// The word CONCURRENTLY behind the first `count` words of a statement: only where the file says that the statement is
    /// sent by itself and outside of a transaction, and where it stands as it is sent.
    fn concurrently_behind(&self, act: &Act<'_>, count: usize) -> Option<Fix> {
        let in_file = matches!(act.part.map(|it| &it.kind), Some(PartKind::File(_)));
        if act.sent != Sent::Alone || !in_file || act.statement.nesting != Nesting::Direct {
            return None;
        }
        if act.timeouts.iter().any(|it| it.millis > 0) {
            return None;
        }
        let statement = act.statement;
        let text = self.file.subject.text;
        let last = words(text, statement.at..statement.end).nth(count.checked_sub(1)?)?;
        let behind = text.get(last.clone())?;
        let expected = ["index", "table"].iter().any(|it| behind.eq_ignore_ascii_case(it));
        let edit = Edit { range: last.end..last.end, text: " CONCURRENTLY".to_owned() };
        expected.then(|| Fix { what: "adds CONCURRENTLY", edits: vec![edit] })
    }
}

fn index_of(statement: &Statement) -> Option<&IndexStatement> {
    if let StatementKind::CreateIndex(index) = &statement.kind { Some(index) } else { None }
}

fn concurrent(kind: &StatementKind) -> Option<&'static str> {
    if let StatementKind::CreateIndex(index) = kind
        && index.shape.concurrently
    {
        return Some("CREATE INDEX CONCURRENTLY");
    }
    if let StatementKind::DropIndex { concurrently: true, .. } = kind {
        return Some("DROP INDEX CONCURRENTLY");
    }
    if let StatementKind::Reindex { concurrently: true, .. } = kind {
        return Some("REINDEX CONCURRENTLY");
    }
    None
}

/// Something that was not read, as a finding.
fn unread(unread: &crate::audit::statement::Unread, help: &str) -> Found {
    let range = unread.at..unread.at;
    Found {
        range: range.clone(),
        statement: range,
        message: unread.why.to_string(),
        help: help.to_owned(),
        fix: None,
        turn: None,
    }
}

/// A name for people: `table` or `schema.table`.
fn shown(table: &TableRef) -> String {
    match &table.schema {
        Some(schema) => format!("{schema}.{}", table.name),
        None => table.name.clone(),
    }
}
