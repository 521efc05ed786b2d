//! `TypeORM`'s query runner.
//!
//! Names that are left out end in a hash of the naming strategy, which a project may replace: they are not guessed.

use tree_sitter::Node;

use super::super::call::Call;
use super::super::declared::{Act, Backing, Cause, DeclaredIndex, Framework, IndexName};
use super::super::fact::Known;
use super::super::tree::Source;
use super::super::value::{declaration, index_name, items, resolved, text, truth};
use super::super::walk::{Setting, Walk};
use super::{columns, field, table_of};

/// Notes what a call declares; false when it is none of `TypeORM`'s.
pub(super) fn call<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) -> bool {
    let source = walk.source;
    let first = call.positional.first().copied();
    let second = call.positional.get(1).copied();
    let runner = is_runner(call.object()) || second.is_some_and(|node| described(source, node).is_some());
    match call.name() {
        "createIndex" | "createUniqueConstraint" if runner => one(walk, call.node, first, second, place),
        "createIndices" | "createUniqueConstraints" if runner => {
            let Some(items) = second.and_then(|node| items(source, node)) else {
                one(walk, call.node, first, second, place);
                return true;
            };
            for item in items {
                one(walk, item, first, Some(item), place);
            }
        }
        "dropIndex" | "dropUniqueConstraint" if runner && second.is_some() => {
            let mut index = declaration(source, Framework::TypeOrm, Act::Drop, call.node, place);
            table_of(source, first, "name", &mut index);
            index.name = match second.map(|node| (node, described(source, node))) {
                Some((node, Some(inner))) => {
                    match inner.positional.first().and_then(|it| field(source, *it, "name")) {
                        Some(name) => index_name(source, Some(name)),
                        None => IndexName::Unknown(source.unknown(node)),
                    }
                }
                Some((node, None)) => index_name(source, Some(node)),
                None => IndexName::Unsaid,
            };
            if call.name() == "dropUniqueConstraint" {
                index.backing = Backing::UniqueConstraint;
            }
            walk.declare(index);
        }
        "createTable" if runner || first.is_some_and(|node| is_new(source, node, "Table")) => {
            table(walk, first, place);
        }
        _ => return false,
    }
    true
}

fn is_runner(object: &str) -> bool {
    let lower = object.to_ascii_lowercase();
    lower.contains("runner") || lower == "qr"
}

fn is_new<'t>(source: &Source<'t>, node: Node<'t>, class: &str) -> bool {
    let value = resolved(source, node);
    value.kind() == "new_expression" && Call::of(source, value).is_some_and(|call| call.name() == class)
}

/// `new TableIndex({...})` or `new TableUnique({...})`, also behind a name.
fn described<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Call<'t>> {
    let call = Call::of(source, resolved(source, node))?;
    matches!(call.name(), "TableIndex" | "TableUnique").then_some(call)
}

/// One index on a table.
fn one<'t>(
    walk: &mut Walk<'_, 't>,
    at: Node<'t>,
    table: Option<Node<'t>>,
    what: Option<Node<'t>>,
    place: Setting<'t>,
) {
    let source = walk.source;
    let mut index = declaration(source, Framework::TypeOrm, Act::Create, at, place);
    table_of(source, table, "name", &mut index);
    let Some(what) = what else { return };
    match described(source, what) {
        Some(call) => {
            let unique = call.name() == "TableUnique";
            match call.positional.first() {
                Some(options) => options_of(source, *options, what, unique, &mut index),
                None => index.keys = Known::Unknown(source.unknown(what)),
            }
        }
        // The options may also be written without the class around them.
        None if resolved(source, what).kind() == "object" => {
            options_of(source, what, what, false, &mut index);
        }
        None => {
            index.name = IndexName::Unknown(source.unknown(what));
            index.keys = Known::Unknown(source.unknown(what));
        }
    }
    walk.declare(index);
}

fn options_of<'t>(
    source: &Source<'t>,
    options: Node<'t>,
    at: Node<'t>,
    constraint: bool,
    index: &mut DeclaredIndex,
) {
    let get = |key: &str| field(source, options, key);
    index.name = match get("name") {
        Some(name) => index_name(source, Some(name)),
        None => IndexName::Unknown(source.unknown(at)),
    };
    index.keys = columns(source, get("columnNames"), options);
    index.unique = truth(source, get("isUnique").or(get("unique")));
    index.predicate = get("where").map(|node| text(source, node));
    index.concurrently = truth(source, get("isConcurrent"));
    if let Some(method) = get("type") {
        index.method = Some(text(source, method));
    } else if truth(source, get("isSpatial")) == Known::Known(true) {
        index.method = Some(Known::Known("gist".to_owned()));
    }
    if constraint {
        index.unique = Known::Known(true);
        index.backing = Backing::UniqueConstraint;
    }
}

/// `createTable(new Table({ name, columns, indices, uniques }))`.
fn table<'t>(walk: &mut Walk<'_, 't>, node: Option<Node<'t>>, place: Setting<'t>) {
    let source = walk.source;
    let Some(options) = node
        .and_then(|node| Call::of(source, resolved(source, node)))
        .and_then(|call| call.positional.first().copied())
    else {
        return;
    };
    let name = field(source, options, "name");
    let list =
        |key: &str| field(source, options, key).and_then(|node| items(source, node)).unwrap_or_default();
    for column in list("columns") {
        // The options may be wrapped: `new TableColumn({...})`.
        let inner =
            Call::of(source, resolved(source, column)).and_then(|call| call.positional.first().copied());
        let said = inner.unwrap_or(column);
        let Some(unique) = field(source, said, "isUnique") else { continue };
        if truth(source, Some(unique)) == Known::Known(false) {
            continue;
        }
        let mut index = declaration(source, Framework::TypeOrm, Act::Create, column, place);
        table_of(source, name, "name", &mut index);
        index.name = IndexName::Unknown(source.unknown(column));
        index.keys = columns(source, field(source, said, "name"), column);
        index.unique = truth(source, Some(unique));
        index.backing = Backing::UniqueConstraint;
        index.cause = Cause::Option;
        walk.declare(index);
    }
    for (key, constraint) in [("indices", false), ("uniques", true)] {
        for item in list(key) {
            let inner = described(source, item).and_then(|call| call.positional.first().copied());
            let mut index = declaration(source, Framework::TypeOrm, Act::Create, item, place);
            table_of(source, name, "name", &mut index);
            options_of(source, inner.unwrap_or(item), item, constraint, &mut index);
            walk.declare(index);
        }
    }
}
