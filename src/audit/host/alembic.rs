//! Alembic's operations and SQLAlchemy's schema words.

use tree_sitter::Node;

use super::call::Call;
use super::compose::is_stringy;
use super::declared::{Act, Backing, DeclaredIndex, Framework, IndexName, Key, KeyKind, TableName};
use super::fact::{Direction, Known, Transaction};
use super::tree::{Source, children_of};
use super::value::{
    declaration, index_name, is_none, items, resolved, table_name, text, texts, truth, written,
};
use super::walk::{Around, Setting, Walk};

/// Notes what a call declares.
pub(super) fn call<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let place = transacted(place);
    let op = matches!(call.object(), "op" | "batch_op");
    match call.name() {
        "create_index" if op => create(walk, call, place),
        "drop_index" if op => drop(walk, call, place),
        "create_unique_constraint" if op => unique(walk, call, place),
        "create_table" if op => table(walk, call, place),
        "add_column" if op => {
            let at = usize::from(call.object() == "op");
            let name = call.positional.first().copied().filter(|_| at == 1).or(call.keyword("table_name"));
            let column = call.positional.get(at).copied().or(call.keyword("column"));
            if let Some(column) = column {
                self::column(walk, column, &batch_or(walk.source, call, name, place), place);
            }
        }
        "Table" if matches!(call.object(), "" | "sa" | "sqlalchemy") && call.positional.len() > 2 => {
            table(walk, call, place);
        }
        _ => {}
    }
}

/// Alembic runs `upgrade` and `downgrade` in a transaction when nothing says otherwise.
fn transacted(place: Setting<'_>) -> Setting<'_> {
    let directed = matches!(place.direction, Direction::Up | Direction::Down);
    let unsaid = place.transaction == Transaction::Unsaid;
    let transaction = if unsaid && directed { Transaction::Inside } else { place.transaction };
    Setting { transaction, ..place }
}

/// A table that is given; for a batch operation it is the one of the `with` around it.
fn batch_or<'t>(
    source: &Source<'t>,
    call: &Call<'t>,
    node: Option<Node<'t>>,
    place: Setting<'t>,
) -> TableName {
    match place.around {
        _ if node.is_some() || call.object() == "op" => table_name(source, node),
        Around::Batch(table) => table_name(source, Some(table)),
        Around::Nothing
        | Around::DjangoMigration
        | Around::DjangoState
        | Around::Rails
        | Around::RailsTable(..)
        | Around::Knex(..) => TableName::Unknown(source.unknown(call.node)),
    }
}

/// The table of `with op.batch_alter_table("table") as batch_op:`.
pub(super) fn batch<'t>(source: &Source<'t>, with: Node<'t>) -> Option<Node<'t>> {
    let mut work: Vec<Node<'t>> =
        children_of(with).into_iter().filter(|child| child.kind() == "with_clause").collect();
    while let Some(node) = work.pop() {
        if let Some(call) = Call::of(source, node) {
            if call.name() == "batch_alter_table" {
                return call.argument(0, "table_name");
            }
        } else if matches!(node.kind(), "with_clause" | "with_item" | "as_pattern") {
            work.extend(children_of(node));
        }
    }
    None
}

fn create<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let batch = call.object() != "op";
    let mut index = declaration(source, Framework::Alembic, Act::Create, call.node, place);
    index.name = index_name(source, call.argument(0, "index_name"));
    let (table, columns) = if batch {
        (call.keyword("table_name"), call.argument(1, "columns"))
    } else {
        (call.argument(1, "table_name"), call.argument(2, "columns"))
    };
    index.table = batch_or(source, call, table, place);
    index.keys = match columns {
        Some(columns) => keys(source, columns),
        None => Known::Unknown(source.unknown(call.node)),
    };
    options(source, call, &mut index);
    if let Some(spread) = call.spread {
        unsure(source, spread, &mut index);
    }
    walk.declare(index);
}

/// Arguments from elsewhere may say anything that is not said here.
fn unsure<'t>(source: &Source<'t>, spread: Node<'t>, index: &mut DeclaredIndex) {
    let unknown = || source.unknown(spread);
    if index.name == IndexName::Unsaid {
        index.name = IndexName::Unknown(unknown());
    }
    if index.table == TableName::Unsaid {
        index.table = TableName::Unknown(unknown());
    }
    for flag in [&mut index.unique, &mut index.concurrently, &mut index.if_exists] {
        if *flag == Known::Known(false) {
            *flag = Known::Unknown(unknown());
        }
    }
}

/// The keyword arguments that `op.create_index` and `Index` share.
fn options<'t>(source: &Source<'t>, call: &Call<'t>, index: &mut DeclaredIndex) {
    let optional = |name: &str| call.keyword(name).filter(|node| !is_none(source, *node));
    index.unique = truth(source, call.keyword("unique"));
    index.concurrently = truth(source, call.keyword("postgresql_concurrently"));
    index.if_exists = truth(source, call.keyword("if_not_exists").or(call.keyword("if_exists")));
    index.nulls_not_distinct = truth(source, call.keyword("postgresql_nulls_not_distinct"));
    index.schema = optional("schema").map(|node| text(source, node));
    index.method = optional("postgresql_using").map(|node| text(source, node));
    index.predicate = optional("postgresql_where").map(|node| expression(source, node).0);
    if let Some(include) = optional("postgresql_include") {
        index.include = texts(source, include);
    }
    if let Some(classes) = optional("postgresql_ops") {
        opclasses(source, classes, &mut index.keys);
    }
}

/// SQL text, or the words of SQLAlchemy as they are written.
fn expression<'t>(source: &Source<'t>, node: Node<'t>) -> (Known<String>, KeyKind) {
    let value = resolved(source, node);
    if is_stringy(source, value) {
        return (text(source, value), KeyKind::Expression);
    }
    if matches!(value.kind(), "call" | "attribute" | "binary_operator" | "comparison_operator") {
        return (written(source, value), KeyKind::HostExpression);
    }
    (Known::Unknown(source.unknown(node)), KeyKind::HostExpression)
}

/// One key: a column's name, `sa.text("...")`, or `func.lower(table.c.column)`.
fn key<'t>(source: &Source<'t>, node: Node<'t>) -> Key {
    let value = resolved(source, node);
    let plain = matches!(value.kind(), "string" | "concatenated_string") && is_stringy(source, value);
    if plain {
        return Key::plain(KeyKind::Column, text(source, value));
    }
    if let Some(call) = Call::of(source, value) {
        let ordered = match call.name() {
            "desc" => Some("DESC"),
            "asc" => Some("ASC"),
            "literal_column" => None,
            _ => {
                let (text, kind) = expression(source, value);
                return Key::plain(kind, text);
            }
        };
        let inner = call.positional.first().copied().or(call.receiver);
        let mut key = match inner {
            Some(inner) if ordered.is_some() && Call::of(source, resolved(source, inner)).is_none() => {
                let column = column_name(source, inner);
                Key::plain(KeyKind::Column, column)
            }
            Some(inner) if ordered.is_none() => Key::plain(KeyKind::Expression, text(source, inner)),
            _ => Key::plain(KeyKind::HostExpression, written(source, value)),
        };
        key.order = ordered.filter(|_| key.kind == KeyKind::Column).map(|word| Known::Known(word.to_owned()));
        return key;
    }
    if value.kind() == "attribute" {
        return Key::plain(KeyKind::Column, column_name(source, value));
    }
    let (text, kind) = expression(source, value);
    Key::plain(kind, text)
}

/// `"a"`, `table.c.a`, or a column of a model.
fn column_name<'t>(source: &Source<'t>, node: Node<'t>) -> Known<String> {
    match node.kind() {
        "attribute" => node
            .child_by_field_name("attribute")
            .map_or_else(|| Known::Unknown(source.unknown(node)), |name| written(source, name)),
        _ => text(source, node),
    }
}

fn keys<'t>(source: &Source<'t>, node: Node<'t>) -> Known<Vec<Key>> {
    match items(source, node) {
        Some(items) => Known::Known(items.into_iter().map(|item| key(source, item)).collect()),
        None => Known::Unknown(source.unknown(node)),
    }
}

/// `postgresql_ops={"column": "class"}`.
fn opclasses<'t>(source: &Source<'t>, node: Node<'t>, keys: &mut Known<Vec<Key>>) {
    let value = resolved(source, node);
    let Known::Known(keys) = keys else { return };
    if value.kind() != "dictionary" {
        for key in keys {
            key.opclass = Some(Known::Unknown(source.unknown(node)));
        }
        return;
    }
    for pair in children_of(value) {
        let (Some(column), Some(class)) =
            (pair.child_by_field_name("key"), pair.child_by_field_name("value"))
        else {
            continue;
        };
        let column = text(source, column);
        for key in keys.iter_mut().filter(|key| key.text.get().is_some() && key.text == column) {
            key.opclass = Some(text(source, class));
        }
    }
}

fn drop<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Alembic, Act::Drop, call.node, place);
    index.name = index_name(source, call.argument(0, "index_name"));
    let table =
        if call.object() == "op" { call.argument(1, "table_name") } else { call.keyword("table_name") };
    index.table = batch_or(source, call, table, place);
    options(source, call, &mut index);
    walk.declare(index);
}

fn unique<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Alembic, Act::Create, call.node, place);
    let batch = usize::from(call.object() != "op");
    index.name = index_name(source, call.argument(0, "constraint_name"));
    let table = if batch == 1 { call.keyword("table_name") } else { call.argument(1, "table_name") };
    index.table = batch_or(source, call, table, place);
    if let Some(columns) = call.argument(2 - batch, "columns") {
        index.keys = keys(source, columns);
    }
    index.unique = Known::Known(true);
    index.backing = Backing::UniqueConstraint;
    index.schema = call.keyword("schema").map(|node| text(source, node));
    walk.declare(index);
}

/// `create_table("t", sa.Column(..., index=True), sa.Index(...), sa.UniqueConstraint(...))`.
fn table<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let name = table_name(source, call.argument(0, "table_name"));
    let schema = call.keyword("schema").filter(|node| !is_none(source, *node)).map(|node| text(source, node));
    let before = walk.found.declared.len();
    for argument in call.positional.iter().skip(1) {
        let Some(inner) = Call::of(source, *argument) else { continue };
        match inner.name() {
            "Column" => column(walk, *argument, &name, place),
            "Index" => {
                let mut index = declaration(source, Framework::SqlAlchemy, Act::Create, *argument, place);
                index.name = index_name(source, inner.positional.first().copied());
                let columns = inner.positional.iter().skip(1);
                index.keys = Known::Known(columns.map(|column| key(source, *column)).collect());
                options(source, &inner, &mut index);
                index.table = name.clone();
                walk.declare(index);
            }
            "UniqueConstraint" => {
                let mut index = declaration(source, Framework::SqlAlchemy, Act::Create, *argument, place);
                index.name = index_name(source, inner.keyword("name"));
                index.keys =
                    Known::Known(inner.positional.iter().map(|column| key(source, *column)).collect());
                index.unique = Known::Known(true);
                index.backing = Backing::UniqueConstraint;
                index.table = name.clone();
                walk.declare(index);
            }
            _ => {}
        }
    }
    for index in walk.found.declared.iter_mut().skip(before) {
        index.schema.clone_from(&schema);
    }
}

/// `sa.Column("a", ..., index=True)` or `unique=True`.
fn column<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>, table: &TableName, place: Setting<'t>) {
    let source = walk.source;
    let Some(call) = Call::of(source, node).filter(|call| call.name() == "Column") else { return };
    let indexed = truth(source, call.keyword("index"));
    let unique = truth(source, call.keyword("unique"));
    if indexed == Known::Known(false) && unique == Known::Known(false) {
        return;
    }
    let name = call.argument(0, "name");
    let mut index = declaration(source, Framework::SqlAlchemy, Act::Create, node, place);
    index.table = table.clone();
    index.keys = match name {
        Some(name) => Known::Known(vec![Key::plain(KeyKind::Column, text(source, name))]),
        None => Known::Unknown(source.unknown(node)),
    };
    // Without `index` it is a constraint, which the server names; a convention of the project may change either name.
    if indexed == Known::Known(false) {
        index.backing = Backing::UniqueConstraint;
    } else if let (Some(table), Some(column)) =
        (table.get(), name.and_then(|name| text(source, name).get().cloned()))
    {
        index.name = IndexName::Derived(format!("ix_{table}_{column}"));
    }
    index.unique = unique;
    walk.declare(index);
}
