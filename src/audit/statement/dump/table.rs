//! CREATE TABLE and ALTER TABLE.

use std::sync::Arc;

use super::super::constraint::of_names;
use super::super::{
    Checked, Constraint, ConstraintKind, Place, StatementKind, TableAction, TableStatement, TableTraits,
};
use super::cursor::{Cursor, Operator, What};
use super::expression::{default, expression, operand, type_name};
use crate::sql::IndexShape;

/// The rest of a CREATE TABLE.
pub(super) fn create(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    let table = cursor.relation()?;
    cursor.sign(b'(')?;
    loop {
        if cursor.took("constraint") {
            cursor.name()?;
            check(cursor)?;
        } else {
            column(cursor)?;
        }
        if !cursor.took_sign(b',') {
            break;
        }
    }
    cursor.sign(b')')?;
    let partitioned = cursor.took("partition");
    if partitioned {
        cursor.words(&["by"])?;
        cursor.one_of(&["range", "list", "hash"])?;
        cursor.columns()?;
    }
    cursor.end()?;
    Some(StatementKind::CreateTable(Box::new(TableStatement {
        table,
        traits: TableTraits { if_not_exists: false, temporary: false, partitioned },
        partition_of: None,
        constraints: Vec::new(),
        sequences: Vec::new(),
        like: Vec::new(),
    })))
}

fn column(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.name()?;
    type_name(cursor)?;
    if cursor.took("collate") {
        cursor.dotted(2)?;
    }
    loop {
        match cursor.one_of(&["default", "not", "constraint"]) {
            Some("default") => default(cursor)?,
            Some("not") => cursor.words(&["null"])?,
            Some(_) => {
                cursor.name()?;
                check(cursor)?;
            }
            None => return Some(()),
        }
    }
}

fn check(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.words(&["check"])?;
    cursor.sign(b'(')?;
    expression(cursor, 0)?;
    cursor.sign(b')')
}

/// The rest of an ALTER TABLE with one action.
pub(super) fn alter(
    cursor: &mut Cursor<'_>,
    place: &dyn Fn(usize) -> (usize, Place),
) -> Option<StatementKind> {
    let only = cursor.took("only");
    let table = cursor.relation()?;
    let mut actions = Vec::new();
    match cursor.one_of(&["add", "alter", "attach", "owner"])? {
        "add" => actions = add(cursor, only, place)?,
        "alter" => {
            cursor.words(&["column"])?;
            cursor.name()?;
            cursor.words(&["set"])?;
            if cursor.took("not") {
                cursor.words(&["null"])?;
            } else {
                cursor.words(&["default"])?;
                default(cursor)?;
            }
        }
        "attach" => {
            cursor.words(&["partition"])?;
            let child = cursor.relation()?;
            bounds(cursor)?;
            actions.push(TableAction::Attach(child));
        }
        _ => owner(cursor)?,
    }
    cursor.end()?;
    Some(StatementKind::AlterTable { table, actions })
}

/// `TO role`
pub(super) fn owner(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.words(&["to"])?;
    cursor.name().map(drop)
}

/// ADD CONSTRAINT, which is no action for one that makes no index.
fn add(
    cursor: &mut Cursor<'_>,
    only: bool,
    place: &dyn Fn(usize) -> (usize, Place),
) -> Option<Vec<TableAction>> {
    let (at, place) = place(cursor.token().start);
    cursor.words(&["constraint"])?;
    let name = cursor.name()?.into_owned();
    let kind = match cursor.one_of(&["primary", "unique", "foreign", "check"])? {
        "primary" => {
            cursor.words(&["key"])?;
            ConstraintKind::PrimaryKey
        }
        "unique" => ConstraintKind::Unique,
        "foreign" => {
            reference(cursor)?;
            return Some(Vec::new());
        }
        _ => {
            cursor.sign(b'(')?;
            expression(cursor, 0)?;
            cursor.sign(b')')?;
            not_valid(cursor)?;
            return Some(Vec::new());
        }
    };
    let shape = Arc::new(IndexShape { only, ..of_names(cursor.columns()?) });
    let made = Constraint {
        kind,
        name: Some(name),
        place,
        at,
        using_index: None,
        shape,
        words: Vec::new(),
        checked: Checked::AtOnce,
    };
    Some(vec![TableAction::Add(Box::new(made))])
}

fn reference(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.words(&["key"])?;
    cursor.columns()?;
    cursor.words(&["references"])?;
    cursor.relation()?;
    if cursor.token().what == What::Sign(b'(') {
        cursor.columns()?;
    }
    let mut before = None;
    while cursor.took("on") {
        let event = cursor.one_of(&["update", "delete"])?;
        if before.replace(event) == Some(event) {
            return None;
        }
        match cursor.one_of(&["cascade", "restrict", "set", "no"])? {
            "set" => drop(cursor.one_of(&["null", "default"])?),
            "no" => cursor.words(&["action"])?,
            _ => {}
        }
    }
    if cursor.took("deferrable") && cursor.took("initially") {
        cursor.one_of(&["deferred", "immediate"])?;
    }
    not_valid(cursor)
}

fn not_valid(cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.took("not") { cursor.words(&["valid"]) } else { Some(()) }
}

/// `FOR VALUES …` or `DEFAULT`
fn bounds(cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.took("default") {
        return Some(());
    }
    cursor.words(&["for", "values"])?;
    match cursor.one_of(&["from", "in", "with"])? {
        "from" => {
            values(cursor)?;
            cursor.words(&["to"])?;
            values(cursor)
        }
        "in" => values(cursor),
        _ => {
            cursor.sign(b'(')?;
            cursor.words(&["modulus"])?;
            cursor.number()?;
            cursor.sign(b',')?;
            cursor.words(&["remainder"])?;
            cursor.number()?;
            cursor.sign(b')')
        }
    }
}

/// `(value, …)` with literals only.
pub(super) fn values(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.sign(b'(')?;
    loop {
        value(cursor)?;
        if !cursor.took_sign(b',') {
            break;
        }
    }
    cursor.sign(b')')
}

fn value(cursor: &mut Cursor<'_>) -> Option<()> {
    match cursor.token().what {
        What::Number | What::Text | What::Operator(Operator::Minus) => operand(cursor, 0).map(drop),
        What::Word => cursor.one_of(&["null", "true", "false", "minvalue", "maxvalue"]).map(drop),
        What::Quoted
        | What::Sign(_)
        | What::Cast
        | What::Operator(Operator::Binary)
        | What::End
        | What::Strange => None,
    }
}
