//! Rails' migrations and `schema.rb`.

use tree_sitter::Node;

use super::call::{Call, pair};
use super::declared::{Act, DeclaredIndex, Framework, IndexName, Key, KeyKind, TableName};
use super::fact::Known;
use super::tree::{Source, children_of};
use super::value::{declaration, index_name, is_none, items, resolved, table_name, text, texts, truth};
use super::walk::{Around, Building, Setting, Walk};

/// Longest name that Rails derives as it always did; beyond it, what it makes depends on its version.
const LONGEST_DERIVED: usize = 62;

/// The version in `ActiveRecord::Migration[7.1]`; `None` when the file says none.
pub(super) fn version(source: &Source<'_>) -> Option<(u32, u32)> {
    let (_, rest) = source.text.split_once("ActiveRecord::Migration[")?;
    let (version, _) = rest.split_once(']')?;
    let (major, minor) = version.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The table that a block describes.
pub(super) fn around<'t>(source: &Source<'t>, call: &Call<'t>) -> Option<Around<'t>> {
    let (table, building) = match call.name() {
        "create_table" => (call.positional.first().copied()?, Building::New),
        "change_table" => (call.positional.first().copied()?, Building::Present),
        // Its name is made of two others, in their order: not known here.
        "create_join_table" => (call.node, Building::New),
        _ => return None,
    };
    let variable = call.block?.child_by_field_name("parameters")?.named_child(0)?;
    Some(Around::RailsTable(table, source.of(variable), building))
}

/// Notes what a call declares.
pub(super) fn call<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    if let Around::RailsTable(table, variable, _) = place.around
        && call.object() == variable
    {
        return in_table(walk, call, table, place);
    }
    let first = call.positional.first().copied();
    match call.name() {
        "add_index" | "add_concurrent_index" if first.is_some() => {
            let table = table_name(walk.source, first);
            let columns = call.argument(1, "column");
            let mut index = made(walk.source, call, table, columns, call.node, place);
            if call.name() == "add_concurrent_index" {
                index.concurrently = Known::Known(true);
            }
            walk.declare(index);
        }
        "remove_index" | "remove_concurrent_index" | "remove_concurrent_index_by_name" if first.is_some() => {
            let table = table_name(walk.source, first);
            removed(walk, call, table, 1, place);
        }
        "rename_index" if call.positional.len() == 3 => {
            let source = walk.source;
            let mut index = declaration(source, Framework::Rails, Act::Rename, call.node, place);
            index.table = table_name(source, first);
            index.name = index_name(source, call.positional.get(1).copied());
            index.renamed = call.positional.get(2).map(|node| text(source, *node));
            walk.declare(index);
        }
        "add_reference" | "add_belongs_to" if call.positional.len() >= 2 => {
            let table = table_name(walk.source, first);
            reference(walk, call, &table, call.positional.get(1).copied(), place);
        }
        _ => {}
    }
}

/// `t.index`, `t.references`, `t.string :a, index: true` in a table's block.
fn in_table<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, table: Node<'t>, place: Setting<'t>) {
    let source = walk.source;
    let table = table_name(source, Some(table));
    match call.name() {
        "index" => {
            let index = made(source, call, table, call.positional.first().copied(), call.node, place);
            walk.declare(index);
        }
        "remove_index" => removed(walk, call, table, 0, place),
        "references" | "belongs_to" => {
            for column in call.positional.clone() {
                reference(walk, call, &table, Some(column), place);
            }
        }
        // The first argument of `t.column` is the name, the second its type.
        name => {
            let Some(option) = call.keyword("index") else { return };
            let count = if name == "column" { 1 } else { call.positional.len() };
            for column in call.positional.clone().into_iter().take(count) {
                optional(walk, call, option, &table, column, place);
            }
        }
    }
}

/// `index: true` or `index: { unique: true }` of one column.
fn optional<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    option: Node<'t>,
    table: &TableName,
    column: Node<'t>,
    place: Setting<'t>,
) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Rails, Act::Create, call.node, place);
    index.table = table.clone();
    index.keys = columns(source, column);
    if !described(source, option, &mut index) {
        return;
    }
    derive(source, call.node, &mut index);
    walk.declare(index);
}

/// Reads the value of `index:`. False when it says that there is none.
fn described<'t>(source: &Source<'t>, option: Node<'t>, index: &mut DeclaredIndex) -> bool {
    let value = resolved(source, option);
    match value.kind() {
        "hash" => {
            let pairs: Vec<_> =
                children_of(value).into_iter().filter_map(|child| pair(source, child)).collect();
            options(source, &pairs, index);
        }
        "false" | "nil" => return false,
        "true" => {}
        _ => {
            index.name = IndexName::Unknown(source.unknown(option));
            index.unique = Known::Unknown(source.unknown(option));
        }
    }
    true
}

/// `add_reference :table, :name, index: ...`. Since Rails 5 an index is the default.
fn reference<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    table: &TableName,
    name: Option<Node<'t>>,
    place: Setting<'t>,
) {
    let source = walk.source;
    let Some(name) = name else { return };
    let option = call.keyword("index");
    if option.is_none() && walk.rails.is_none_or(|(major, _)| major < 5) {
        return;
    }
    let mut index = declaration(source, Framework::Rails, Act::Create, call.node, place);
    index.table = table.clone();
    let reference = text(source, name);
    let polymorphic = call.keyword("polymorphic").is_some_and(|node| source.of(node) != "false");
    let column = |text: String| Key::plain(KeyKind::Column, Known::Known(text));
    index.keys = match &reference {
        Known::Known(name) if polymorphic => {
            Known::Known(vec![column(format!("{name}_type")), column(format!("{name}_id"))])
        }
        Known::Known(name) => Known::Known(vec![column(format!("{name}_id"))]),
        Known::Unknown(unknown) => Known::Unknown(unknown.clone()),
    };
    if let Some(option) = option
        && !described(source, option, &mut index)
    {
        return;
    }
    let newer = walk.rails.is_some_and(|version| version > (6, 0));
    if let (true, true, IndexName::Unsaid, Some(table), Known::Known(name)) =
        (polymorphic, newer, &index.name, table.get(), &reference)
    {
        index.name = IndexName::Derived(format!("index_{table}_on_{name}"));
    }
    derive(source, call.node, &mut index);
    walk.declare(index);
}

/// An index that is made of a call's own arguments.
fn made<'t>(
    source: &Source<'t>,
    call: &Call<'t>,
    table: TableName,
    keys: Option<Node<'t>>,
    at: Node<'t>,
    place: Setting<'t>,
) -> DeclaredIndex {
    let mut index = declaration(source, Framework::Rails, Act::Create, at, place);
    index.table = table;
    index.keys = match keys {
        Some(node) => columns(source, node),
        None => Known::Unknown(source.unknown(at)),
    };
    options(source, &call.named, &mut index);
    if let Some(spread) = call.spread {
        let unknown = || source.unknown(spread);
        if index.name == IndexName::Unsaid {
            index.name = IndexName::Unknown(unknown());
        }
        for flag in [&mut index.unique, &mut index.concurrently] {
            if *flag == Known::Known(false) {
                *flag = Known::Unknown(unknown());
            }
        }
    }
    derive(source, at, &mut index);
    index
}

/// A column, a list of columns, or an expression as one string.
fn columns<'t>(source: &Source<'t>, node: Node<'t>) -> Known<Vec<Key>> {
    let list = items(source, node).unwrap_or_else(|| vec![node]);
    let keys = list.into_iter().map(|item| {
        let text = text(source, item);
        let expression =
            text.get().is_some_and(|text| !text.chars().all(|char| char.is_alphanumeric() || char == '_'));
        Key::plain(if expression { KeyKind::Expression } else { KeyKind::Column }, text)
    });
    let keys: Vec<Key> = keys.collect();
    if let [Key { text: Known::Unknown(unknown), .. }] = keys.as_slice() {
        // One name that is not known may stand for a list of them.
        return Known::Unknown(unknown.clone());
    }
    Known::Known(keys)
}

fn options<'t>(source: &Source<'t>, pairs: &[(&'t str, Node<'t>)], index: &mut DeclaredIndex) {
    for (name, value) in pairs.iter().copied().filter(|(_, value)| !is_none(source, *value)) {
        match name {
            "name" => index.name = index_name(source, Some(value)),
            "unique" => index.unique = truth(source, Some(value)),
            "where" => index.predicate = Some(text(source, value)),
            "using" => index.method = Some(text(source, value)),
            "algorithm" => {
                index.concurrently = match text(source, value) {
                    Known::Known(algorithm) => Known::Known(algorithm == "concurrently"),
                    Known::Unknown(unknown) => Known::Unknown(unknown),
                }
            }
            "if_not_exists" | "if_exists" => index.if_exists = truth(source, Some(value)),
            "include" => index.include = texts(source, value),
            "nulls_not_distinct" => index.nulls_not_distinct = truth(source, Some(value)),
            "order" => per_column(source, value, index, |key, order| key.order = Some(order)),
            "opclass" => per_column(source, value, index, |key, class| key.opclass = Some(class)),
            _ => {}
        }
    }
}

/// `order: :desc` or `order: { a: :desc }`.
fn per_column<'t>(
    source: &Source<'t>,
    node: Node<'t>,
    index: &mut DeclaredIndex,
    set: impl Fn(&mut Key, Known<String>),
) {
    let Known::Known(keys) = &mut index.keys else { return };
    let value = resolved(source, node);
    if value.kind() != "hash" {
        for key in keys {
            set(key, text(source, value));
        }
        return;
    }
    for (column, value) in children_of(value).into_iter().filter_map(|child| pair(source, child)) {
        for key in keys.iter_mut().filter(|key| key.text.get().is_some_and(|text| text == column)) {
            set(key, text(source, value));
        }
    }
}

/// Gives an index without a name the one that Rails makes: `index_table_on_a_and_b`.
fn derive<'t>(source: &Source<'t>, at: Node<'t>, index: &mut DeclaredIndex) {
    if index.name != IndexName::Unsaid {
        return;
    }
    let unknown = || IndexName::Unknown(source.unknown(at));
    let (Some(table), Known::Known(keys)) = (index.table.get(), &index.keys) else {
        index.name = unknown();
        return;
    };
    let mut columns = Vec::new();
    for key in keys {
        let Some(text) = key.text.get() else {
            index.name = unknown();
            return;
        };
        let words =
            text.split(|char: char| !(char.is_alphanumeric() || char == '_')).filter(|word| !word.is_empty());
        columns.push(words.collect::<Vec<_>>().join("_"));
    }
    let name = format!("index_{table}_on_{}", columns.join("_and_"));
    // What becomes of a schema in it, and of a name that is too long, depends on the version.
    let plain = name.len() <= LONGEST_DERIVED && !table.contains('.');
    index.name = if plain { IndexName::Derived(name) } else { unknown() };
}

/// `remove_index :table, :column`, `column:` or `name:`. Without a name the one with these columns goes, whatever its name.
fn removed<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, table: TableName, at: usize, place: Setting<'t>) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Rails, Act::Drop, call.node, place);
    index.table = table;
    if let Some(node) = call.argument(at, "column") {
        index.keys = columns(source, node);
    }
    options(source, &call.named, &mut index);
    if call.name().starts_with("remove_concurrent_index") {
        index.concurrently = Known::Known(true);
        if call.name().ends_with("_by_name") {
            index.name = index_name(source, call.positional.get(at).copied());
            index.keys = Known::Known(Vec::new());
        }
    }
    walk.declare(index);
}
