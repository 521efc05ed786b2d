//! node-pg-migrate.
//!
//! As version 9 does it: an index without a name is called `table_column_index`, or `table_column_unique_index`; a column that
//! is more than a word is an expression. With its option `decamelize`, which files do not say, names have other letters.

use tree_sitter::Node;

use super::super::call::{Call, pair};
use super::super::declared::{Act, Backing, Cause, DeclaredIndex, Framework, Key, KeyKind};
use super::super::fact::Known;
use super::super::tree::{Source, children_of};
use super::super::value::{declaration, index_name, items, resolved, text, texts, truth};
use super::super::walk::{Setting, Walk};
use super::{columns, derive, field, table_of};

/// Notes what a call declares; false when it is none of its own.
pub(super) fn call<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) -> bool {
    if !matches!(call.object(), "pgm" | "migrationBuilder") {
        return false;
    }
    match call.name() {
        "createIndex" | "addIndex" => index(walk, call, Act::Create, place),
        "dropIndex" => index(walk, call, Act::Drop, place),
        "addConstraint" | "createConstraint" => constraint(walk, call, place),
        "createTable" | "addColumns" | "addColumn" => table(walk, call, place),
        _ => return false,
    }
    true
}

fn index<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, act: Act, place: Setting<'t>) {
    let source = walk.source;
    let mut index = declaration(source, Framework::PgMigrate, act, call.node, place);
    table_of(source, call.positional.first().copied(), "name", &mut index);
    index.keys = match call.positional.get(1) {
        Some(list) => match items(source, *list) {
            Some(items) => Known::Known(items.into_iter().map(|item| key(source, item)).collect()),
            None => match key(source, *list) {
                Key { text: Known::Unknown(unknown), .. } => Known::Unknown(unknown),
                key => Known::Known(vec![key]),
            },
        },
        None => Known::Unknown(source.unknown(call.node)),
    };
    if let Some(options) = call.positional.get(2) {
        let get = |key: &str| field(source, *options, key);
        index.name = index_name(source, get("name"));
        index.unique = truth(source, get("unique"));
        index.concurrently = truth(source, get("concurrently"));
        index.if_exists = truth(source, get("ifNotExists").or(get("ifExists")));
        index.method = get("method").map(|node| text(source, node));
        index.predicate = get("where").map(|node| text(source, node));
        index.nulls_not_distinct = match get("nulls").map(|node| text(source, node)) {
            Some(Known::Known(nulls)) => Known::Known(nulls.eq_ignore_ascii_case("not distinct")),
            Some(Known::Unknown(unknown)) => Known::Unknown(unknown),
            None => Known::Known(false),
        };
        if let Some(include) = get("include") {
            index.include = texts(source, include);
        }
    }
    let suffix = if index.unique == Known::Known(true) { "_unique_index" } else { "_index" };
    name_of(source, call.node, suffix, &mut index);
    if act == Act::Drop {
        index.keys = Known::Known(Vec::new());
        index.unique = Known::Known(false);
    }
    walk.declare(index);
}

fn name_of<'t>(source: &Source<'t>, at: Node<'t>, suffix: &str, index: &mut DeclaredIndex) {
    derive(source, index, at, |table, columns| format!("{table}_{}{suffix}", columns.join("_")));
}

/// `'a'`, `'lower(a)'`, `{ name, opclass, sort }`.
fn key<'t>(source: &Source<'t>, node: Node<'t>) -> Key {
    let value = resolved(source, node);
    if value.kind() != "object" {
        let text = text(source, value);
        let word = |text: &String| {
            text.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '"' | '.'))
        };
        let kind =
            if text.get().is_some_and(|text| !word(text)) { KeyKind::Expression } else { KeyKind::Column };
        return Key::plain(kind, text);
    }
    let mut key = match field(source, value, "name") {
        Some(name) => key(source, name),
        None => Key::plain(KeyKind::Column, Known::Unknown(source.unknown(node))),
    };
    key.order = field(source, value, "sort").map(|node| text(source, node));
    key.opclass = field(source, value, "opclass").map(|node| {
        let class = field(source, node, "name");
        text(source, class.unwrap_or(node))
    });
    key
}

/// `addConstraint('t', 'name', { unique: ['a'] })`; a string says anything.
fn constraint<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let Some(said) = call.positional.get(2) else { return };
    let Some(unique) = field(source, *said, "unique") else { return };
    // One constraint, or a list of lists of columns, each of them one.
    let lists = items(source, unique).unwrap_or_default();
    let nested = lists.iter().any(|item| items(source, *item).is_some());
    for list in if nested { lists } else { vec![unique] } {
        let mut index = declaration(source, Framework::PgMigrate, Act::Create, call.node, place);
        table_of(source, call.positional.first().copied(), "name", &mut index);
        index.name = index_name(source, call.positional.get(1).copied());
        index.keys = columns(source, Some(list), call.node);
        index.unique = Known::Known(true);
        index.backing = Backing::UniqueConstraint;
        name_of(source, call.node, "_uniq", &mut index);
        walk.declare(index);
    }
}

/// `createTable('t', { a: { unique: true } })`.
fn table<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let Some(attributes) = call.positional.get(1).map(|node| resolved(source, *node)) else { return };
    if attributes.kind() != "object" {
        return;
    }
    for child in children_of(attributes) {
        let Some((column, said)) = pair(source, child) else { continue };
        let Some(unique) = field(source, said, "unique") else { continue };
        if truth(source, Some(unique)) == Known::Known(false) {
            continue;
        }
        let mut index = declaration(source, Framework::PgMigrate, Act::Create, child, place);
        table_of(source, call.positional.first().copied(), "name", &mut index);
        index.keys = Known::Known(vec![Key::plain(KeyKind::Column, Known::Known(column.to_owned()))]);
        index.unique = Known::Known(true);
        index.backing = Backing::UniqueConstraint;
        index.cause = Cause::Option;
        walk.declare(index);
    }
}
