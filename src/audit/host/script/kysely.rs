//! Kysely's schema builder: `db.schema.createIndex('i').on('t').column('a').execute()`.

use super::super::call::Call;
use super::super::declared::{Act, Framework, Key, KeyKind};
use super::super::fact::Known;
use super::super::tree::Source;
use super::super::value::{declaration, index_name, items, resolved, table_name, text, written};
use super::super::walk::{Setting, Walk};
use super::key;

/// Notes what a chain declares that starts with this call; false when it is none of its own.
pub(super) fn call<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) -> bool {
    let source = walk.source;
    let starts = |call: &Call<'t>| {
        matches!(call.name(), "createIndex" | "dropIndex") && call.path.get(1).copied() == Some("schema")
    };
    if !starts(call) {
        return false;
    }
    let act = if call.name() == "createIndex" { Act::Create } else { Act::Drop };
    let mut index = declaration(source, Framework::Kysely, act, call.node, place);
    index.name = index_name(source, call.positional.first().copied());
    let mut keys = Vec::new();
    for link in after(source, call) {
        let first = link.positional.first().copied();
        match link.name() {
            "on" if first.is_some() => index.table = table_name(source, first),
            "unique" => index.unique = Known::Known(true),
            "ifNotExists" | "ifExists" => index.if_exists = Known::Known(true),
            "concurrently" => index.concurrently = Known::Known(true),
            "nullsNotDistinct" => index.nulls_not_distinct = Known::Known(true),
            "using" => index.method = first.map(|node| text(source, node)),
            "where" => {
                let arguments = link.node.child_by_field_name("arguments").unwrap_or(link.node);
                index.predicate = Some(written(source, arguments));
            }
            "column" | "columns" => {
                let list =
                    first.map(|node| items(source, node).unwrap_or_else(|| vec![node])).unwrap_or_default();
                keys.extend(list.into_iter().map(|node| ordered(source, node)));
            }
            "expression" => {
                let sql = first.map(|node| text(source, resolved(source, node)));
                keys.push(Key::plain(
                    KeyKind::Expression,
                    sql.unwrap_or_else(|| Known::Unknown(source.unknown(link.node))),
                ));
            }
            _ => {}
        }
    }
    if act == Act::Create {
        index.keys = Known::Known(keys);
    }
    walk.declare(index);
    true
}

/// The calls that a chain goes on with, in order.
fn after<'t>(source: &Source<'t>, call: &Call<'t>) -> Vec<Call<'t>> {
    let mut links = Vec::new();
    let mut at = call.node;
    while links.len() < super::LONGEST_CHAIN {
        let Some(member) = at.parent().filter(|parent| parent.kind() == "member_expression") else { break };
        let Some(next) = member.parent().and_then(|parent| Call::of(source, parent)) else { break };
        if next.receiver != Some(at) {
            break;
        }
        at = next.node;
        links.push(next);
    }
    links
}

/// `'a'` or `'a desc'`.
fn ordered<'t>(source: &Source<'t>, node: tree_sitter::Node<'t>) -> Key {
    let mut key = key(source, node);
    let split = key
        .text
        .get()
        .and_then(|text| text.split_once(' '))
        .map(|(name, order)| (name.to_owned(), order.to_uppercase()));
    if let Some((name, order)) = split
        && key.kind == KeyKind::Column
    {
        key.text = Known::Known(name);
        key.order = Some(Known::Known(order));
    }
    key
}
