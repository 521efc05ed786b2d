//! CREATE INDEX.

use std::sync::Arc;

use super::super::{IndexStatement, StatementKind, Wording};
use super::cursor::{Cursor, What};
use super::expression::{Form, expression};
use crate::sql::{IndexKey, IndexShape, KeyKind, NullsOrder, SortOrder, quote_ident};

/// The rest of a CREATE INDEX, with or without UNIQUE.
pub(super) fn create(cursor: &mut Cursor<'_>, unique: bool) -> Option<StatementKind> {
    let concurrently = cursor.took("concurrently");
    let name = cursor.name()?.into_owned();
    cursor.words(&["on"])?;
    let only = cursor.took("only");
    let table = cursor.relation()?;
    let method = if cursor.took("using") { cursor.name()?.into_owned() } else { "btree".to_owned() };
    let (mut keys, mut words) = (Vec::new(), Vec::new());
    cursor.sign(b'(')?;
    loop {
        let (key, word) = key(cursor)?;
        keys.push(key);
        words.extend(word);
        if !cursor.took_sign(b',') {
            break;
        }
    }
    // Most have one or two, and room for four is made at once.
    keys.shrink_to_fit();
    cursor.sign(b')')?;
    let include = if cursor.took("include") { cursor.columns()? } else { Vec::new() };
    let predicate = if cursor.took("where") {
        let from = cursor.token().start;
        expression(cursor, 0)?;
        Some(cursor.since(from)?)
    } else {
        None
    };
    cursor.end()?;
    let shape = IndexShape {
        unique,
        concurrently,
        if_not_exists: false,
        only,
        name: Some(name),
        table,
        method,
        keys,
        include,
        nulls_not_distinct: false,
        with: Vec::new(),
        tablespace: None,
        predicate,
    };
    let index =
        IndexStatement { shape: Arc::new(shape), words, problems: Vec::new(), wording: Wording::Said };
    Some(StatementKind::CreateIndex(Box::new(index)))
}

/// A key with the word that it adds to an invented name, if that is not a column's.
fn key(cursor: &mut Cursor<'_>) -> Option<(IndexKey, Option<String>)> {
    let from = cursor.token().start;
    let parenthesis = cursor.took_sign(b'(');
    let form = expression(cursor, 0)?;
    if parenthesis {
        cursor.sign(b')')?;
    }
    let (text, kind, word) = match (form, parenthesis) {
        (Form::Column(name), false) => (quote_ident(&name), KeyKind::Column(name), None),
        (Form::Call(name), false) => (cursor.since(from)?, KeyKind::Expression, Some(name)),
        (Form::Joined, true) => (cursor.since(from)?, KeyKind::Expression, Some("expr".to_owned())),
        // A call in parentheses, a cast: the name that the server would find depends on more.
        (Form::Column(_) | Form::Call(_) | Form::Joined | Form::Other, _) => return None,
    };
    let collation = if cursor.took("collate") { Some(qualified(cursor)?) } else { None };
    let has_class = matches!(cursor.token().what, What::Word | What::Quoted)
        && !["asc", "desc", "nulls"].iter().any(|word| cursor.is(word));
    let opclass = if has_class { Some(qualified(cursor)?) } else { None };
    let order = match cursor.one_of(&["asc", "desc"]) {
        Some("asc") => Some(SortOrder::Asc),
        Some(_) => Some(SortOrder::Desc),
        None => None,
    };
    let nulls = if cursor.took("nulls") {
        Some(if cursor.one_of(&["first", "last"])? == "first" { NullsOrder::First } else { NullsOrder::Last })
    } else {
        None
    };
    Some((IndexKey { text, kind, collation, opclass, order, nulls }, word))
}

fn qualified(cursor: &mut Cursor<'_>) -> Option<String> {
    Some(cursor.dotted(2)?.iter().map(|part| quote_ident(part)).collect::<Vec<_>>().join("."))
}
