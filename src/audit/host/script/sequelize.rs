//! Sequelize's query interface.
//!
//! As version 6 does it: an index without a name is called `table_column`, in lower case with underscores; a unique
//! constraint `table_column_uk`.

use tree_sitter::Node;

use super::super::call::Call;
use super::super::call::pair;
use super::super::declared::{Act, Backing, Cause, DeclaredIndex, Framework, IndexName, Key, KeyKind};
use super::super::fact::Known;
use super::super::tree::{Source, children_of};
use super::super::value::{declaration, index_name, items, resolved, text, truth, written};
use super::super::walk::{Setting, Walk};
use super::{derive, field, key, table_of};

/// Notes what a call declares; false when it is none of the query interface's.
pub(super) fn call<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) -> bool {
    if !call.object().to_ascii_lowercase().contains("queryinterface") {
        return false;
    }
    match call.name() {
        "addIndex" => add(walk, call, place),
        "addConstraint" => constraint(walk, call, place),
        "removeIndex" => remove(walk, call, place),
        "createTable" => table(walk, call, place),
        _ => return false,
    }
    true
}

/// `addIndex(table, [columns], {options})` or `addIndex(table, {fields, ...})`.
fn add<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Sequelize, Act::Create, call.node, place);
    table_of(source, call.positional.first().copied(), "tableName", &mut index);
    let second = call.positional.get(1).copied();
    let listed = second.filter(|node| items(source, *node).is_some());
    let options = if listed.is_some() { call.positional.get(2).copied() } else { second };
    let fields = listed.or_else(|| field(source, options?, "fields"));
    index.keys = keys(source, fields, call.node);
    if let Some(options) = options {
        options_of(source, options, &mut index);
    }
    derive(source, &mut index, call.node, |table, columns| {
        underscored(&format!("{}_{}", table.replace('.', "_"), columns.join("_")))
    });
    walk.declare(index);
}

fn keys<'t>(source: &Source<'t>, fields: Option<Node<'t>>, at: Node<'t>) -> Known<Vec<Key>> {
    let Some(fields) = fields else { return Known::Unknown(source.unknown(at)) };
    let Some(items) = items(source, fields) else { return Known::Unknown(source.unknown(fields)) };
    Known::Known(items.into_iter().map(|item| one(source, item)).collect())
}

/// A column's name, `{ name, order, operator }`, or a function of Sequelize.
fn one<'t>(source: &Source<'t>, node: Node<'t>) -> Key {
    let value = resolved(source, node);
    if value.kind() == "object" {
        let Some(name) = field(source, value, "name").or_else(|| field(source, value, "attribute")) else {
            return Key::plain(KeyKind::Column, Known::Unknown(source.unknown(node)));
        };
        let mut key = key(source, name);
        key.order = field(source, value, "order").map(|node| text(source, node));
        key.opclass = field(source, value, "operator").map(|node| text(source, node));
        return key;
    }
    match Call::of(source, value) {
        Some(call) if matches!(call.name(), "fn" | "col" | "cast" | "json") => {
            Key::plain(KeyKind::HostExpression, written(source, value))
        }
        _ => key(source, value),
    }
}

fn options_of<'t>(source: &Source<'t>, options: Node<'t>, index: &mut DeclaredIndex) {
    let get = |key: &str| field(source, options, key);
    if resolved(source, options).kind() != "object" {
        index.name = IndexName::Unknown(source.unknown(options));
        index.unique = Known::Unknown(source.unknown(options));
        return;
    }
    index.name = index_name(source, get("name").or(get("indexName")));
    index.unique = truth(source, get("unique"));
    let kind = get("type").or(get("indicesType"));
    if kind
        .is_some_and(|node| text(source, node).get().is_some_and(|kind| kind.eq_ignore_ascii_case("unique")))
    {
        index.unique = Known::Known(true);
    }
    index.method = get("using").or(get("method")).map(|node| text(source, node));
    index.predicate = get("where").map(|node| written(source, node));
    index.concurrently = truth(source, get("concurrently"));
    if let (Some(class), Known::Known(keys)) = (get("operator"), &mut index.keys) {
        for key in keys.iter_mut().filter(|key| key.opclass.is_none()) {
            key.opclass = Some(text(source, class));
        }
    }
}

/// `addConstraint(table, { type: 'unique', fields, name })`; before version 6 the columns stood apart.
fn constraint<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let second = call.positional.get(1).copied();
    let listed = second.filter(|node| items(source, *node).is_some());
    let options = if listed.is_some() { call.positional.get(2).copied() } else { second };
    let Some(options) = options else { return };
    let kind = field(source, options, "type").map(|node| text(source, node));
    if !kind.as_ref().and_then(Known::get).is_some_and(|kind| kind.eq_ignore_ascii_case("unique")) {
        return;
    }
    let mut index = declaration(source, Framework::Sequelize, Act::Create, call.node, place);
    table_of(source, call.positional.first().copied(), "tableName", &mut index);
    index.keys = keys(source, listed.or_else(|| field(source, options, "fields")), call.node);
    index.name = index_name(source, field(source, options, "name"));
    index.unique = Known::Known(true);
    index.backing = Backing::UniqueConstraint;
    derive(source, &mut index, call.node, |table, columns| format!("{table}_{}_uk", columns.join("_")));
    walk.declare(index);
}

/// `removeIndex(table, name)` or `removeIndex(table, [columns])`, which takes the name that is made of them.
fn remove<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Sequelize, Act::Drop, call.node, place);
    table_of(source, call.positional.first().copied(), "tableName", &mut index);
    let Some(what) = call.positional.get(1).copied() else { return };
    if items(source, what).is_some() {
        index.keys = keys(source, Some(what), call.node);
        derive(source, &mut index, what, |table, columns| {
            underscored(&format!("{table}_{}", columns.join("_")))
        });
        index.keys = Known::Known(Vec::new());
    } else {
        index.name = index_name(source, Some(what));
    }
    // It always sends IF EXISTS.
    index.if_exists = Known::Known(true);
    if let Some(options) = call.positional.get(2) {
        index.concurrently = truth(source, field(source, *options, "concurrently"));
    }
    walk.declare(index);
}

/// `createTable('t', { a: { unique: true } }, { uniqueKeys, indexes })`.
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
        let mut index = declaration(source, Framework::Sequelize, Act::Create, child, place);
        table_of(source, call.positional.first().copied(), "tableName", &mut index);
        let name = field(source, said, "field")
            .map_or_else(|| Known::Known(column.to_owned()), |it| text(source, it));
        index.keys = Known::Known(vec![Key::plain(KeyKind::Column, name)]);
        index.unique = Known::Known(true);
        index.backing = Backing::UniqueConstraint;
        index.cause = Cause::Option;
        walk.declare(index);
    }
}

/// What the `underscore` of inflection makes: an underscore before each capital that follows a small letter or a figure or
/// starts a word, all small, hyphens as underscores.
fn underscored(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::new();
    for (at, char) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at)).copied();
        let after = chars.get(at + 1).copied();
        if char.is_ascii_uppercase()
            && let Some(before) = before
        {
            let small = before.is_ascii_lowercase() || before.is_ascii_digit();
            let word = before.is_ascii_uppercase() && after.is_some_and(|char| char.is_ascii_lowercase());
            if small || word {
                out.push('_');
            }
        }
        out.push(if *char == '-' { '_' } else { char.to_ascii_lowercase() });
    }
    out
}
