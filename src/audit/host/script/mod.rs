//! Schema builders of JavaScript and TypeScript.
//!
//! Entities of TypeORM, models of Sequelize and Prisma, and the tables of Drizzle are no migrations: what they describe is
//! made by migrations, and counts there.

mod knex;
mod kysely;
mod pgmigrate;
mod sequelize;
mod typeorm;

use tree_sitter::Node;

use super::call::{Call, pair};
use super::declared::{Act, DeclaredIndex, Framework, IndexName, Key, KeyKind, TableName};
use super::fact::{Direction, Known, ProblemKind};
use super::tree::{Source, children_of};
use super::value::{declaration, index_name, is_none, items, resolved, table_name, text, truth};
use super::walk::{Setting, Walk};

pub(super) use knex::around;

/// Most calls of a chain that are looked at.
const LONGEST_CHAIN: usize = 24;
/// Words that a call has that makes or drops an index.
const SAYS_INDEX: [&str; 12] = [
    "createIndex",
    "addIndex",
    "createUniqueIndex",
    "addUniqueIndex",
    "createIndexes",
    "createIndices",
    "addIndexes",
    "createIndexConcurrently",
    "dropIndex",
    "removeIndex",
    "dropIndices",
    "dropIndexConcurrently",
];

/// Notes what a call declares.
pub(super) fn call<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let known = knex::call(walk, call, place)
        || pgmigrate::call(walk, call, place)
        || typeorm::call(walk, call, place)
        || sequelize::call(walk, call, place)
        || kysely::call(walk, call, place)
        || db_migrate(walk, call, place);
    let within = matches!(place.direction, Direction::Up | Direction::Down | Direction::Change);
    if !known && within && SAYS_INDEX.contains(&call.name()) && !of_documents(call) {
        let kind = ProblemKind::UnknownCall(call.name().to_owned());
        walk.source.problem(call.node.byte_range(), kind);
    }
}

/// Whether a call is made on a collection of MongoDB.
fn of_documents(call: &Call<'_>) -> bool {
    call.path.iter().any(|name| name.to_ascii_lowercase().contains("collection"))
        || call.positional.first().is_some_and(|first| first.kind() == "object")
}

/// `db.addIndex('table', 'name', ['column'], unique, callback)` of db-migrate.
fn db_migrate<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) -> bool {
    let act = match call.name() {
        "addIndex" => Act::Create,
        "removeIndex" => Act::Drop,
        _ => return false,
    };
    let second = call.positional.get(1).map(|node| resolved(walk.source, *node));
    if !matches!(call.object(), "db") || second.is_none_or(|node| node.kind() == "array") {
        return false;
    }
    let source = walk.source;
    let mut index = declaration(source, Framework::DbMigrate, act, call.node, place);
    index.table = table_name(source, call.positional.first().copied());
    index.name = index_name(source, call.positional.get(1).copied());
    if act == Act::Create {
        index.keys = columns(source, call.positional.get(2).copied(), call.node);
        let unique = call.positional.get(3).copied().filter(|node| is_truth(source, *node));
        index.unique = truth(source, unique);
    }
    walk.declare(index);
    true
}

fn is_truth(source: &Source<'_>, node: Node<'_>) -> bool {
    matches!(source.of(node), "true" | "false")
}

/// The value of a key of an object that is written out; nothing for `null` and `undefined`.
pub(super) fn field<'t>(source: &Source<'t>, object: Node<'t>, key: &str) -> Option<Node<'t>> {
    let object = resolved(source, object);
    let children = if object.kind() == "object" { children_of(object) } else { Vec::new() };
    let value = children.into_iter().find_map(|child| {
        if child.kind() == "shorthand_property_identifier" {
            return (source.of(child) == key).then_some(child);
        }
        pair(source, child).filter(|(name, _)| *name == key).map(|(_, value)| value)
    });
    value.filter(|value| !is_none(source, *value))
}

/// The calls of a chain, the last one first: `a.b().c()` is `c`, `b`.
pub(super) fn chain<'t>(source: &Source<'t>, call: &Call<'t>) -> Vec<Call<'t>> {
    let mut links = Vec::new();
    let mut at = call.receiver;
    while let Some(node) = at
        && links.len() < LONGEST_CHAIN
    {
        let Some(call) = Call::of(source, node) else { break };
        at = call.receiver;
        links.push(call);
    }
    links
}

/// A column by its name, or an expression that is handed on as it is (`knex.raw('lower(a)')`).
pub(super) fn key<'t>(source: &Source<'t>, node: Node<'t>) -> Key {
    let value = resolved(source, node);
    let raw = Call::of(source, value)
        .filter(|call| matches!(call.name(), "raw" | "literal" | "func" | "sql" | "PgLiteral"))
        .and_then(|call| call.positional.first().copied());
    match raw {
        Some(sql) => Key::plain(KeyKind::Expression, text(source, sql)),
        None => Key::plain(KeyKind::Column, text(source, value)),
    }
}

/// One column or a list of them.
pub(super) fn columns<'t>(source: &Source<'t>, node: Option<Node<'t>>, at: Node<'t>) -> Known<Vec<Key>> {
    let Some(node) = node else { return Known::Unknown(source.unknown(at)) };
    if let Some(items) = items(source, node) {
        return Known::Known(items.into_iter().map(|item| key(source, item)).collect());
    }
    let key = key(source, node);
    match key.text {
        // A name that is not known may stand for a list.
        Known::Unknown(unknown) => Known::Unknown(unknown),
        Known::Known(_) => Known::Known(vec![key]),
    }
}

/// Names of plain keys; nothing when one of them is not known or no column.
pub(super) fn names(keys: &Known<Vec<Key>>) -> Option<Vec<&str>> {
    let keys = keys.get()?;
    keys.iter()
        .map(|key| key.text.get().map(String::as_str).filter(|_| key.kind == KeyKind::Column))
        .collect()
}

/// Gives an index without a name the one that the framework makes of table and columns.
pub(super) fn derive<'t>(
    source: &Source<'t>,
    index: &mut DeclaredIndex,
    at: Node<'t>,
    make: impl Fn(&str, &[&str]) -> String,
) {
    if index.name != IndexName::Unsaid {
        return;
    }
    index.name = match (index.table.get(), names(&index.keys)) {
        (Some(table), Some(columns)) => IndexName::Derived(make(table, &columns)),
        _ => IndexName::Unknown(source.unknown(at)),
    };
}

/// A table as a string, or as an object with a schema.
pub(super) fn table_of<'t>(
    source: &Source<'t>,
    node: Option<Node<'t>>,
    name: &str,
    index: &mut DeclaredIndex,
) {
    let Some(node) = node else { return };
    let value = resolved(source, node);
    if value.kind() != "object" {
        index.table = table_name(source, Some(node));
        return;
    }
    index.schema = field(source, value, "schema").map(|schema| text(source, schema));
    index.table = field(source, value, name)
        .map_or_else(|| TableName::Unknown(source.unknown(node)), |table| table_name(source, Some(table)));
}
