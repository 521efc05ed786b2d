//! Rails' migrations and `schema.rb`.

mod constraint;
mod name;

use tree_sitter::Node;

use super::call::{Call, pair};
use super::declared::{Act, Cause, DeclaredIndex, Framework, Home, IndexName, Key, KeyKind, TableName};
use super::fact::{Known, ProblemKind};
use super::table::{DeclaredTable, IndexNames, TableAct, done};
use super::tree::{Source, children_of};
use super::value::{declaration, index_name, is_none, items, resolved, table_name, text, texts, truth};
use super::walk::{Around, Building, Setting, Walk};
pub(super) use name::index as made_name;

use constraint::{exclusion_constraint, removed_constraint, unique_constraint};

/// The first version whose migrations shorten names that are too long.
const SHORTENS: (u32, u32) = (7, 1);

/// The version in `ActiveRecord::Migration[7.1]`; `None` when the file says none.
pub(super) fn version(source: &Source<'_>) -> Option<(u32, u32)> {
    let (_, rest) = source.text.split_once("ActiveRecord::Migration[")?;
    let (version, _) = rest.split_once(']')?;
    let (major, minor) = version.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Whether the file is a picture of the schema.
pub(super) fn is_snapshot(source: &Source<'_>) -> bool {
    let schema = source.text.find("ActiveRecord::Schema");
    schema.is_some_and(|at| {
        source
            .text
            .get(at..)
            .is_some_and(|rest| rest.split('\n').next().is_some_and(|line| line.contains(".define")))
    })
}

/// The table that a block describes.
pub(super) fn around<'t>(source: &Source<'t>, call: &Call<'t>) -> Option<Around<'t>> {
    let building = match call.name() {
        "create_table" | "create_join_table" => Building::New,
        "change_table" => Building::Present,
        _ => return None,
    };
    let variable = call.block?.child_by_field_name("parameters")?.named_child(0)?;
    Some(Around::RailsTable(call.node, source.of(variable), building))
}

/// The table of `create_table`, `change_table` and `create_join_table`.
fn table_of_block<'t>(source: &Source<'t>, node: Node<'t>) -> TableName {
    let Some(call) = Call::of(source, node) else { return TableName::Unknown(source.unknown(node)) };
    let first = call.positional.first().copied();
    if call.name() != "create_join_table" {
        return table_name(source, first);
    }
    if let Some(name) = call.keyword("table_name") {
        return table_name(source, Some(name));
    }
    let texts = first
        .zip(call.positional.get(1).copied())
        .map(|(one, other)| (text(source, one), text(source, other)));
    match texts {
        Some((Known::Known(one), Known::Known(other))) => TableName::Given(name::join_table(&one, &other)),
        _ => TableName::Unknown(source.unknown(node)),
    }
}

/// Notes what a call declares.
pub(super) fn call<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    if let Around::RailsTable(table, variable, _) = place.around
        && call.object() == variable
    {
        return in_table(walk, call, table, place);
    }
    // A method of an object that is not known may be called like one of these.
    let own = matches!(call.object(), "" | "self" | "connection" | "ActiveRecord::Base" | "Base");
    let first = call.positional.first().copied();
    match call.name() {
        _ if !own || of_table(walk, call, place) => {}
        "add_unique_constraint" | "add_unique_key" if first.is_some() => {
            let table = table_name(walk.source, first);
            unique_constraint(walk, call, table, 1, place);
        }
        "add_exclusion_constraint" if call.positional.len() >= 2 => {
            let table = table_name(walk.source, first);
            exclusion_constraint(walk, call, table, 1, place);
        }
        "remove_unique_constraint" | "remove_exclusion_constraint" if first.is_some() => {
            let table = table_name(walk.source, first);
            removed_constraint(walk, call, table, 1, place);
        }
        "add_index" | "add_concurrent_index" if first.is_some() => {
            let table = table_name(walk.source, first);
            let columns = call.argument(1, "column");
            let mut index = made(walk, call, table, columns, call.node, place);
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
        name if place.around == Around::Rails && says_index(name) && !walk.source.defines(name) => {
            let kind = ProblemKind::UnknownCall(name.to_owned());
            walk.source.problem(call.node.byte_range(), kind);
        }
        _ => {}
    }
}

/// Notes what is done to a table; false when it is something else.
fn of_table<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) -> bool {
    let first = call.positional.first().copied();
    match call.name() {
        "create_table" | "create_join_table" => {
            let table = table_of_block(walk.source, call.node);
            done_to(walk, call, table, TableAct::Create, place);
        }
        "drop_table" => {
            for table in call.positional.clone() {
                let table = table_name(walk.source, Some(table));
                done_to(walk, call, table, TableAct::Drop, place);
            }
        }
        "drop_join_table" => {
            let table = table_of_block(walk.source, call.node);
            done_to(walk, call, table, TableAct::Drop, place);
        }
        "rename_table" if call.positional.len() == 2 => {
            let table = table_name(walk.source, first);
            let to = call.positional.get(1).map(|node| text(walk.source, *node));
            if let Some(to) = to {
                done_to(walk, call, table, TableAct::Rename(to), place);
            }
        }
        "remove_column" | "remove_columns" if call.positional.len() >= 2 => {
            let table = table_name(walk.source, first);
            // What follows the column in `remove_column` is its type.
            let count = if call.name() == "remove_column" { 1 } else { call.positional.len() };
            removed_columns(walk, call, &table, 1, count, place);
        }
        "rename_column" if call.positional.len() == 3 => {
            let table = table_name(walk.source, first);
            renamed_column(walk, call, table, 1, place);
        }
        "remove_reference" | "remove_belongs_to" if call.positional.len() >= 2 => {
            let table = table_name(walk.source, first);
            removed_reference(walk, call, &table, call.positional.get(1).copied(), place);
        }
        _ => return false,
    }
    true
}

/// Whether a method is called as if it made or dropped an index.
fn says_index(name: &str) -> bool {
    let starts = ["add_", "create_", "remove_", "drop_", "prepare_", "rename_"]
        .iter()
        .any(|start| name.starts_with(start));
    starts
        && name.split('_').any(|word| matches!(word, "index" | "indexes" | "indices"))
        && !name.ends_with('?')
}

fn done_to<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    table: TableName,
    act: TableAct,
    place: Setting<'t>,
) {
    // What a picture of the schema shows is done by the migrations.
    if !walk.snapshot {
        let renames = matches!(act, TableAct::Rename(_) | TableAct::RenameColumn { .. });
        let names = if shortens(walk) { IndexNames::Short } else { IndexNames::Long };
        let done = done(walk.source, Framework::Rails, act, call.node, place);
        walk.table(DeclaredTable { table, names: renames.then_some(names), ..done });
    }
}

fn removed_columns<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    table: &TableName,
    skipped: usize,
    count: usize,
    place: Setting<'t>,
) {
    for column in call.positional.clone().into_iter().skip(skipped).take(count) {
        let column = text(walk.source, column);
        done_to(walk, call, table.clone(), TableAct::DropColumn(column), place);
    }
}

fn renamed_column<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    table: TableName,
    at: usize,
    place: Setting<'t>,
) {
    let Some((from, to)) = call.positional.get(at).zip(call.positional.get(at + 1)) else { return };
    let (from, to) = (text(walk.source, *from), text(walk.source, *to));
    done_to(walk, call, table, TableAct::RenameColumn { from, to }, place);
}

/// `remove_reference :t, :user`: its columns go, and with them what is on them.
fn removed_reference<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    table: &TableName,
    name: Option<Node<'t>>,
    place: Setting<'t>,
) {
    let Some(name) = name else { return };
    let polymorphic = call.keyword("polymorphic").is_some_and(|node| walk.source.of(node) != "false");
    let named = text(walk.source, name);
    for ending in if polymorphic { ["_id", "_type"].as_slice() } else { &["_id"] } {
        let column = match &named {
            Known::Known(name) => Known::Known(format!("{name}{ending}")),
            Known::Unknown(unknown) => Known::Unknown(unknown.clone()),
        };
        done_to(walk, call, table.clone(), TableAct::DropColumn(column), place);
    }
}

/// Whether names that are too long are cut.
fn shortens(walk: &Walk<'_, '_>) -> bool {
    walk.rails.is_some_and(|version| version >= SHORTENS)
}

/// Where the declarations of the file stand.
fn home(walk: &Walk<'_, '_>) -> Home {
    if walk.snapshot { Home::Snapshot } else { Home::Operation }
}

/// The words of columns that a name is made of.
fn words(keys: &Known<Vec<Key>>) -> Option<Vec<String>> {
    let keys = keys.get()?;
    let word = |key: &Key| {
        let text = key.text.get()?;
        let words =
            text.split(|char: char| !(char.is_alphanumeric() || char == '_')).filter(|word| !word.is_empty());
        Some(words.collect::<Vec<_>>().join("_"))
    };
    keys.iter().map(word).collect()
}

/// `t.index`, `t.references`, `t.string :a, index: true` in a table's block.
fn in_table<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, table: Node<'t>, place: Setting<'t>) {
    let table = table_of_block(walk.source, table);
    match call.name() {
        "index" => {
            let index = made(walk, call, table, call.positional.first().copied(), call.node, place);
            walk.declare(index);
        }
        "unique_constraint" | "unique_key" => unique_constraint(walk, call, table, 0, place),
        "exclusion_constraint" if !call.positional.is_empty() => {
            exclusion_constraint(walk, call, table, 0, place);
        }
        "remove_unique_constraint" | "remove_exclusion_constraint" => {
            removed_constraint(walk, call, table, 0, place);
        }
        "remove" => removed_columns(walk, call, &table, 0, call.positional.len(), place),
        "rename" => renamed_column(walk, call, table, 0, place),
        "remove_references" | "remove_belongs_to" => {
            for column in call.positional.clone() {
                removed_reference(walk, call, &table, Some(column), place);
            }
        }
        "rename_index" if call.positional.len() == 2 => {
            let source = walk.source;
            let mut index = declaration(source, Framework::Rails, Act::Rename, call.node, place);
            index.table = table;
            index.name = index_name(source, call.positional.first().copied());
            index.renamed = call.positional.get(1).map(|node| text(source, *node));
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
    index.home = home(walk);
    index.cause = Cause::Option;
    index.keys = columns(source, column);
    if !described(source, option, &mut index) {
        return;
    }
    derive(walk, call.node, &mut index);
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
    index.cause = if option.is_some() { Cause::Option } else { Cause::Habit };
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
    derive(walk, call.node, &mut index);
    walk.declare(index);
}

/// An index that is made of a call's own arguments.
fn made<'t>(
    walk: &Walk<'_, 't>,
    call: &Call<'t>,
    table: TableName,
    keys: Option<Node<'t>>,
    at: Node<'t>,
    place: Setting<'t>,
) -> DeclaredIndex {
    let source = walk.source;
    let mut index = declaration(source, Framework::Rails, Act::Create, at, place);
    index.table = table;
    index.home = home(walk);
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
    derive(walk, at, &mut index);
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

/// Gives an index without a name the one that Rails makes of table and columns.
fn derive<'t>(walk: &Walk<'_, 't>, at: Node<'t>, index: &mut DeclaredIndex) {
    if index.name != IndexName::Unsaid {
        return;
    }
    let shortens = shortens(walk);
    let name = index.table.get().zip(words(&index.keys));
    let name = name.and_then(|(table, columns)| name::index(table, &columns, shortens));
    index.name = name.map_or_else(|| IndexName::Unknown(walk.source.unknown(at)), IndexName::Derived);
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
    if index.name == IndexName::Unsaid {
        // It goes by its columns; what made it gave it the usual name.
        let shortens = shortens(walk);
        let made = index.table.get().zip(words(&index.keys).filter(|words| !words.is_empty()));
        if let Some(name) = made.and_then(|(table, columns)| name::index(table, &columns, shortens)) {
            index.name = IndexName::Derived(name);
        }
    }
    if call.name().starts_with("remove_concurrent_index") {
        index.concurrently = Known::Known(true);
        if call.name().ends_with("_by_name") {
            index.name = index_name(source, call.positional.get(at).copied());
            index.keys = Known::Known(Vec::new());
        }
    }
    walk.declare(index);
}
