//! Expressions and types as pg_dump writes them: with parentheses around everything that is joined.

use super::cursor::{Cursor, Operator, What};

/// Expressions inside of each other that are read here.
const DEEPEST: usize = 60;

/// What an expression is at the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// A column.
    Column(String),
    /// A call of this function.
    Call(String),
    /// Operands with something between or behind them.
    Joined,
    /// Anything else.
    Other,
}

/// Any expression: operands that AND and OR join.
pub(super) fn expression(cursor: &mut Cursor<'_>, depth: usize) -> Option<Form> {
    let mut form = negated(cursor, depth)?;
    while cursor.one_of(&["and", "or"]).is_some() {
        negated(cursor, depth)?;
        form = Form::Joined;
    }
    Some(form)
}

fn negated(cursor: &mut Cursor<'_>, depth: usize) -> Option<Form> {
    if !cursor.took("not") {
        return compared(cursor, depth);
    }
    compared(cursor, depth)?;
    Some(Form::Joined)
}

/// One operand, or two with one operator between them, or one with IS behind it. More of them depend on what binds
/// tighter, and are left to the parser.
fn compared(cursor: &mut Cursor<'_>, depth: usize) -> Option<Form> {
    let form = operand(cursor, depth)?;
    if cursor.took("is") {
        cursor.took("not");
        cursor.one_of(&["null", "true", "false"])?;
        return Some(Form::Joined);
    }
    if !matches!(cursor.token().what, What::Operator(_)) {
        return Some(form);
    }
    cursor.next();
    if cursor.one_of(&["any", "all"]).is_some() {
        cursor.sign(b'(')?;
        expression(cursor, depth + 1)?;
        cursor.sign(b')')?;
    } else {
        operand(cursor, depth)?;
    }
    Some(Form::Joined)
}

/// What DEFAULT takes: no AND, no OR, no IS.
pub(super) fn default(cursor: &mut Cursor<'_>) -> Option<()> {
    operand(cursor, 0)?;
    Some(())
}

/// A value with the casts behind it.
pub(super) fn operand(cursor: &mut Cursor<'_>, depth: usize) -> Option<Form> {
    let mut form = primary(cursor, depth)?;
    while cursor.token().what == What::Cast {
        cursor.next();
        type_name(cursor)?;
        form = Form::Other;
    }
    Some(form)
}

fn primary(cursor: &mut Cursor<'_>, depth: usize) -> Option<Form> {
    if depth > DEEPEST {
        return None;
    }
    match cursor.token().what {
        What::Number | What::Text => {
            cursor.next();
            Some(Form::Other)
        }
        What::Operator(Operator::Minus) => {
            cursor.next();
            cursor.number()?;
            Some(Form::Other)
        }
        What::Sign(b'(') => {
            cursor.next();
            let form = expression(cursor, depth + 1)?;
            cursor.sign(b')')?;
            Some(form)
        }
        What::Word | What::Quoted => word(cursor, depth),
        What::Sign(_) | What::Cast | What::Operator(Operator::Binary) | What::End | What::Strange => None,
    }
}

fn word(cursor: &mut Cursor<'_>, depth: usize) -> Option<Form> {
    if cursor.one_of(&["true", "false", "null", "current_timestamp", "current_date"]).is_some() {
        // `current_timestamp(0)`
        return (cursor.token().what != What::Sign(b'(')).then_some(Form::Other);
    }
    if cursor.took("array") {
        cursor.sign(b'[')?;
        if !cursor.took_sign(b']') {
            list(cursor, depth)?;
            cursor.sign(b']')?;
        }
        return Some(Form::Other);
    }
    if let Some(name) = cursor.one_of(&["coalesce", "greatest", "least"]) {
        cursor.sign(b'(')?;
        list(cursor, depth)?;
        cursor.sign(b')')?;
        return Some(Form::Call(name.to_owned()));
    }
    let mut parts = cursor.dotted(3)?;
    let last = parts.pop()?.into_owned();
    if !cursor.took_sign(b'(') {
        return Some(if parts.is_empty() { Form::Column(last) } else { Form::Other });
    }
    if !cursor.took_sign(b')') {
        list(cursor, depth)?;
        cursor.sign(b')')?;
    }
    Some(Form::Call(last))
}

fn list(cursor: &mut Cursor<'_>, depth: usize) -> Option<()> {
    expression(cursor, depth + 1)?;
    while cursor.took_sign(b',') {
        expression(cursor, depth + 1)?;
    }
    Some(())
}

/// A type with its modifiers; `None` also for those that make a sequence.
pub(super) fn type_name(cursor: &mut Cursor<'_>) -> Option<()> {
    let known = [
        "bigint",
        "integer",
        "smallint",
        "boolean",
        "real",
        "numeric",
        "character",
        "bit",
        "timestamp",
        "time",
        "double",
        "interval",
    ];
    match cursor.one_of(&known) {
        Some("double") => cursor.words(&["precision"])?,
        Some("character" | "bit") => {
            cursor.took("varying");
            modifier(cursor)?;
        }
        Some("numeric") => modifier(cursor)?,
        Some("timestamp" | "time") => {
            modifier(cursor)?;
            if cursor.one_of(&["with", "without"]).is_some() {
                cursor.words(&["time", "zone"])?;
            }
        }
        Some(_) => {}
        None => {
            let name = cursor.dotted(2)?.pop()?;
            if name.contains("serial") {
                return None;
            }
        }
    }
    while cursor.took_sign(b'[') {
        cursor.sign(b']')?;
    }
    Some(())
}

/// `(12)` or `(12,4)`, if it stands here.
fn modifier(cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.took_sign(b'(') {
        cursor.number()?;
        if cursor.took_sign(b',') {
            cursor.number()?;
        }
        cursor.sign(b')')?;
    }
    Some(())
}
