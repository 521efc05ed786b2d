//! What a change of data amounts to, among the tables that its file has made.

#![expect(clippy::wildcard_enum_match_arm, reason = "of all statements a few make tables or take them away")]

use super::finding::Pass;
use super::rules::{Judgement, Rules, same, shown};
use crate::audit::host::{Act, MadeTable, TableName};
use crate::audit::statement::{Change, Dml, Repeat, Rows, Statement, StatementKind, TableAction};
use crate::sql::TableRef;

/// Tables that a file has made so far.
#[derive(Debug, Default)]
pub(super) struct NewTables {
    made: Vec<TableRef>,
    temporary: Vec<TableRef>,
}

impl NewTables {
    /// Follows a statement that is run.
    pub(super) fn follow(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::CreateTable(table) => {
                let name = &table.table;
                if table.traits.temporary || name.schema.as_deref() == Some("pg_temp") {
                    self.temporary.push(name.clone());
                } else if !table.traits.if_not_exists {
                    // With IF NOT EXISTS it may be there already, with rows.
                    self.made.push(name.clone());
                }
            }
            StatementKind::AlterTable { table, actions } => {
                for action in actions {
                    if let TableAction::Rename(to) = action {
                        let renamed = TableRef { schema: table.schema.clone(), name: to.clone() };
                        for list in [&mut self.made, &mut self.temporary] {
                            for known in list.iter_mut().filter(|it| same(it, table)) {
                                *known = renamed.clone();
                            }
                        }
                    }
                }
            }
            StatementKind::DropTable(tables) => {
                for list in [&mut self.made, &mut self.temporary] {
                    list.retain(|known| !tables.iter().any(|it| same(known, it)));
                }
            }
            _ => {}
        }
    }

    /// Follows a table that a program makes or drops in the words of a framework.
    pub(super) fn follow_made(&mut self, made: &MadeTable) {
        let TableName::Given(name) = &made.table else { return };
        let said = made.schema.as_ref().and_then(|it| it.get().cloned());
        let table = match name.split_once('.') {
            Some((schema, name)) => TableRef { schema: Some(schema.to_owned()), name: name.to_owned() },
            None => TableRef { schema: said, name: name.clone() },
        };
        match made.act {
            Act::Create => self.made.push(table),
            Act::Drop => self.made.retain(|it| !same(it, &table)),
            Act::Rename => {}
        }
    }

    pub(super) fn has(&self, table: &TableRef) -> bool {
        self.made.iter().any(|it| same(it, table))
    }

    pub(super) fn is_temporary(&self, table: &TableRef) -> bool {
        table.schema.as_deref() == Some("pg_temp") || self.temporary.iter().any(|it| same(it, table))
    }

    fn holds_all(&self, tables: &[TableRef]) -> bool {
        tables.iter().all(|it| self.has(it) || self.is_temporary(it))
    }
}

/// Why a change may pass by itself; `None` when it may not.
pub(super) fn pass(change: &Change, new: &NewTables) -> Option<Pass> {
    let own = own(change, new)?;
    change.within.iter().try_fold(own, |worst, inner| {
        let inner = pass(inner, new)?;
        // What depends most on the project's rules is told.
        Some(if matches!(worst, Pass::Temporary | Pass::NoRows) { inner } else { worst })
    })
}

fn own(change: &Change, new: &NewTables) -> Option<Pass> {
    if change.dml == Dml::ModifyingWith {
        return Some(Pass::NoRows);
    }
    if change.rows == Rows::None {
        return Some(Pass::NoRows);
    }
    let temporary = !change.tables.is_empty() && change.tables.iter().all(|it| new.is_temporary(it));
    if temporary {
        return Some(Pass::Temporary);
    }
    if change.rows == Rows::Written && change.repeat == Repeat::Once {
        return Some(Pass::Seed);
    }
    let brings = match change.dml {
        // Rows of another table make the work as large as that table.
        Dml::InsertSelect | Dml::Merge => !change.reads.is_empty() && new.holds_all(&change.reads),
        Dml::InsertValues
        | Dml::Update
        | Dml::Delete
        | Dml::CopyFrom
        | Dml::Truncate
        | Dml::ModifyingWith => true,
    };
    (!change.tables.is_empty() && brings && new.holds_all(&change.tables)).then_some(Pass::NewTable)
}

/// Whether the project lets it pass.
pub(super) fn lets(pass: &Pass, rules: &Rules) -> Judgement {
    match pass {
        Pass::Seed => rules.seeds,
        Pass::NewTable => rules.data_of_new_tables,
        Pass::OutOfReach => rules.not_judged,
        Pass::Routine
        | Pass::Temporary
        | Pass::NoRows
        | Pass::Kept
        | Pass::Allowed(_)
        | Pass::Baseline
        | Pass::Unchanged => Judgement::Allow,
    }
}

/// A change in a few words.
pub(super) fn what(change: &Change) -> String {
    let tables = change.tables.iter().map(shown).collect::<Vec<_>>().join(", ");
    let from = if change.reads.is_empty() {
        String::new()
    } else {
        format!(" FROM {}", change.reads.iter().map(shown).collect::<Vec<_>>().join(", "))
    };
    let own = match change.dml {
        Dml::InsertValues => format!("INSERT INTO {tables} VALUES"),
        Dml::InsertSelect => format!("INSERT INTO {tables} SELECT{from}"),
        Dml::Update => format!("UPDATE {tables}"),
        Dml::Delete => format!("DELETE FROM {tables}"),
        Dml::Merge => {
            format!("MERGE INTO {tables}{}", from.replace(" FROM ", " USING "))
        }
        Dml::CopyFrom => format!("COPY {tables} FROM"),
        Dml::Truncate => format!("TRUNCATE {tables}"),
        Dml::ModifyingWith => String::new(),
    };
    let within: Vec<String> = change.within.iter().map(what).collect();
    match (own.is_empty(), within.is_empty()) {
        (_, true) => own,
        (true, false) => format!("WITH {}", within.join(", ")),
        (false, false) => format!("{own}, WITH {}", within.join(", ")),
    }
}

/// Why a change is a finding.
pub(super) fn why(change: &Change) -> String {
    let mut said = Vec::new();
    say(change, &mut said);
    let mut text = said.join("; ");
    if change.repeat == Repeat::Loop {
        text.push_str("; it is run in a loop");
    }
    text
}

fn say(change: &Change, said: &mut Vec<&'static str>) {
    let own = match (change.dml, change.rows) {
        (Dml::Update, Rows::All) => "UPDATE without WHERE: every row of the table is written anew",
        (Dml::Update, _) => "it writes rows anew that are there already",
        (Dml::Delete, Rows::All) => "DELETE without WHERE: every row of the table is deleted",
        (Dml::Delete, _) => "it deletes rows",
        (Dml::Merge, _) => "it writes rows of another table into this one",
        (Dml::InsertSelect, Rows::Written) | (Dml::InsertValues, _) => "it writes rows",
        (Dml::InsertSelect, _) => "it copies as many rows as the query finds",
        (Dml::CopyFrom, _) => "it loads rows",
        (Dml::Truncate, _) => "it throws every row away",
        (Dml::ModifyingWith, _) => "its WITH changes data",
    };
    if !said.contains(&own) {
        said.push(own);
    }
    change.within.iter().for_each(|it| say(it, said));
}
