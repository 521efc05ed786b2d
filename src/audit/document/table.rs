//! What a program does to tables in the words of a framework, as the statements that the framework sends.

use super::super::host::{Cause, DeclaredTable, Home, Known, TableAct, TableName};
use super::super::statement::{
    NamesFollow, Nesting, Statement, StatementKind, TableAction, TableStatement, Was,
};
use super::{Document, Part, PartKind, host};
use crate::sql::TableRef;

/// Adds what is done to tables. What only running the program would tell says nothing of an index that is told, and is
/// left out.
pub fn declare_tables(document: &mut Document, tables: &[DeclaredTable]) {
    for done in tables {
        let Some(kind) = statement(done) else { continue };
        let part = Part {
            kind: PartKind::Declared(done.framework),
            direction: host::direction(done.direction),
            transaction: done.transaction,
            turn: done.turn,
            home: Home::Operation,
            cause: Cause::Said,
            range: done.range.clone(),
            statements: 0,
        };
        let (at, end) = (done.range.start, done.range.end);
        let nesting = Nesting::Direct;
        document.add(
            part,
            vec![Statement { place: done.place, at, end, part: 0, nesting, to_fill_in: false, kind }],
        );
    }
}

fn statement(done: &DeclaredTable) -> Option<StatementKind> {
    let TableName::Given(text) = &done.table else { return None };
    let schema = match &done.schema {
        None => None,
        Some(schema) => Some(schema.get()?.clone()),
    };
    let table = match text.split_once('.') {
        Some((within, name)) if schema.is_none() => {
            TableRef { schema: Some(within.to_owned()), name: name.to_owned() }
        }
        Some(_) | None => TableRef { schema, name: text.clone() },
    };
    let known = |text: &Known<String>| text.get().cloned();
    // What Rails makes of a name with a schema has a dot in it.
    let plain = done.names.filter(|_| !text.contains('.'));
    let names = |was: Was| plain.map(|names| TableAction::NamesFollow(NamesFollow { was, names }));
    let (action, follows) = match &done.act {
        TableAct::Create => {
            return Some(StatementKind::CreateTable(Box::new(TableStatement {
                table,
                traits: super::super::statement::TableTraits::default(),
                partition_of: None,
                constraints: Vec::new(),
                sequences: Vec::new(),
                like: Vec::new(),
            })));
        }
        TableAct::Drop => return Some(StatementKind::DropTable(vec![table])),
        TableAct::Rename(to) => (TableAction::Rename(known(to)?), names(Was::Table(text.clone()))),
        TableAct::DropColumn(column) => (TableAction::DropColumn(known(column)?), None),
        TableAct::RenameColumn { from, to } => {
            let (from, to) = (known(from)?, known(to)?);
            (TableAction::RenameColumn(from.clone(), to.clone()), names(Was::Column(from, to)))
        }
    };
    Some(StatementKind::AlterTable { table, actions: std::iter::once(action).chain(follows).collect() })
}
