//! Alembic's operations and SQLAlchemy's schema words.
//!
//! As alembic 1.20 with SQLAlchemy 2.1 sends them to PostgreSQL: an index that is given no name is called after its schema,
//! table and first column (`ix_s_t_a`), unless a naming convention of the project says otherwise; a unique column is a
//! constraint that the server names, a unique column with an index an index; a string among keys is always a column.

mod expression;

use tree_sitter::Node;

use super::call::Call;
use super::declared::{Act, Backing, Cause, DeclaredIndex, Framework, IndexName, Key, KeyKind, TableName};
use super::fact::{Direction, Known, ProblemKind, Transaction};
use super::table::{DeclaredTable, TableAct, done};
use super::tree::{Source, children_of};
use super::usage::Role;
use super::value::{declaration, index_name, is_none, items, resolved, table_name, text, texts, truth};
use super::walk::{Around, Setting, Walk};
use expression::{expression, key, keys};

/// Longest name that is told; what SQLAlchemy makes of a longer one of its own is not.
const LONGEST_DERIVED: usize = 63;

/// Notes what a call declares.
pub(super) fn call<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let place = transacted(place);
    let batch = batch_of(walk.source, call, place);
    let operation = walk.source.operation(&call.path);
    let op = operation.is_some() || batch.is_some();
    let at = usize::from(batch.is_none());
    match operation.unwrap_or(call.name()) {
        "create_index" if op => create(walk, call, batch, place),
        "drop_index" if op => drop(walk, call, batch, place),
        "create_unique_constraint" if op => unique(walk, call, batch, Backing::UniqueConstraint, place),
        "create_primary_key" if op => unique(walk, call, batch, Backing::PrimaryKey, place),
        "create_exclude_constraint" if op => exclude(walk, call, batch, place),
        "drop_constraint" if op => drop_constraint(walk, call, batch, place),
        "create_table" if op => table(walk, call, place),
        "drop_table" if op => done_to(walk, call, None, TableAct::Drop, place),
        "rename_table" if op => {
            let Some(to) = call.argument(1, "new_table_name") else { return };
            let to = text(walk.source, to);
            done_to(walk, call, None, TableAct::Rename(to), place);
        }
        "drop_column" if op => {
            let Some(column) = call.argument(at, "column_name") else { return };
            let column = text(walk.source, column);
            done_to(walk, call, batch, TableAct::DropColumn(column), place);
        }
        "alter_column" if op => {
            let Some((from, to)) = call.argument(at, "column_name").zip(call.keyword("new_column_name"))
            else {
                return;
            };
            if !is_none(walk.source, to) {
                let (from, to) = (text(walk.source, from), text(walk.source, to));
                done_to(walk, call, batch, TableAct::RenameColumn { from, to }, place);
            }
        }
        "add_column" if op => {
            let name = call.positional.first().copied().filter(|_| at == 1).or(call.keyword("table_name"));
            let Some(column) = call.positional.get(at).copied().or(call.keyword("column")) else { return };
            let named = named_table(walk.source, call, name, batch);
            self::column(walk, column, &named, place);
        }
        name if !op && is_migration(place) && says_index(name) && !walk.source.defines(name) => {
            let kind = ProblemKind::UnknownCall(name.to_owned());
            walk.source.problem(call.node.byte_range(), kind);
        }
        _ => {}
    }
}

fn is_migration(place: Setting<'_>) -> bool {
    matches!(place.direction, Direction::Up | Direction::Down) && place.role != Role::Ignored
}

/// Whether a function is called as if it made or dropped an index.
fn says_index(name: &str) -> bool {
    let name = name.trim_start_matches('_');
    let starts =
        ["add_", "create_", "remove_", "drop_", "ensure_"].iter().any(|start| name.starts_with(start));
    starts && name.split('_').any(|word| matches!(word, "index" | "indexes" | "indices"))
}

/// A table with its schema.
struct Named {
    table: TableName,
    schema: Option<Known<String>>,
}

/// The call of `batch_alter_table` whose block a call is made in, on the block's variable.
fn batch_of<'t>(source: &Source<'t>, call: &Call<'t>, place: Setting<'t>) -> Option<Call<'t>> {
    let Around::Batch(batch, variable) = place.around else { return None };
    if variable.is_empty() || call.object() != variable {
        return None;
    }
    Call::of(source, batch)
}

/// The table that an argument or the block around a call names.
fn named_table<'t>(
    source: &Source<'t>,
    call: &Call<'t>,
    given: Option<Node<'t>>,
    batch: Option<Call<'t>>,
) -> Named {
    let schema = |call: &Call<'t>| {
        call.keyword("schema").filter(|node| !is_none(source, *node)).map(|node| text(source, node))
    };
    match batch {
        Some(batch) => {
            Named { table: table_name(source, batch.argument(0, "table_name")), schema: schema(&batch) }
        }
        None => Named { table: table_name(source, given), schema: schema(call) },
    }
}

fn done_to<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    batch: Option<Call<'t>>,
    act: TableAct,
    place: Setting<'t>,
) {
    let given =
        call.positional.first().copied().or(call.keyword("table_name")).or(call.keyword("old_table_name"));
    let Named { table, schema } = named_table(walk.source, call, given, batch);
    let done = done(walk.source, Framework::Alembic, act, call.node, place);
    walk.table(DeclaredTable { table, schema, ..done });
}

/// Alembic runs `upgrade` and `downgrade` in a transaction when nothing says otherwise.
fn transacted(place: Setting<'_>) -> Setting<'_> {
    let directed = matches!(place.direction, Direction::Up | Direction::Down);
    let unsaid = place.transaction == Transaction::Unsaid;
    let transaction = if unsaid && directed { Transaction::Inside } else { place.transaction };
    Setting { transaction, ..place }
}

/// The call and the variable of `with op.batch_alter_table("table") as batch_op:`.
pub(super) fn batch<'t>(source: &Source<'t>, with: Node<'t>) -> Option<(Node<'t>, &'t str)> {
    let mut work: Vec<Node<'t>> =
        children_of(with).into_iter().filter(|child| child.kind() == "with_clause").collect();
    while let Some(node) = work.pop() {
        if let Some(call) = Call::of(source, node) {
            if call.name() == "batch_alter_table" {
                let pattern = node.parent().filter(|parent| parent.kind() == "as_pattern");
                let target = pattern.and_then(|pattern| pattern.child_by_field_name("alias"));
                return Some((node, target.map_or("", |target| source.of(target))));
            }
        } else if matches!(node.kind(), "with_clause" | "with_item" | "as_pattern") {
            work.extend(children_of(node));
        }
    }
    None
}

fn create<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, batch: Option<Call<'t>>, place: Setting<'t>) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Alembic, Act::Create, call.node, place);
    index.name = index_name(source, call.argument(0, "index_name"));
    let columns = call.argument(if batch.is_some() { 1 } else { 2 }, "columns");
    let given = if batch.is_some() { None } else { call.argument(1, "table_name") };
    options(source, call, &mut index);
    let named = named_table(source, call, given, batch);
    (index.table, index.schema) = (named.table, named.schema);
    index.keys = match columns {
        Some(columns) => keys(source, columns),
        None => Known::Unknown(source.unknown(call.node)),
    };
    classes(source, call, &mut index);
    if let Some(spread) = call.spread {
        unsure(source, spread, &mut index);
    }
    derive(&mut index);
    walk.declare(index);
}

/// The name of an index that is given none: after its schema, its table and its first column.
fn derive(index: &mut DeclaredIndex) {
    let first = index.keys.get().and_then(|keys| keys.first());
    let column = first.filter(|key| key.kind == KeyKind::Column).and_then(|key| key.text.get());
    let (IndexName::Unsaid, Some(table), Some(column)) = (&index.name, index.table.get(), column) else {
        return;
    };
    let schema = match &index.schema {
        None => String::new(),
        Some(Known::Known(schema)) => format!("{schema}_"),
        Some(Known::Unknown(_)) => return,
    };
    let name = format!("ix_{schema}{table}_{column}");
    if name.len() <= LONGEST_DERIVED {
        index.name = IndexName::Derived(name);
    }
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
}

fn classes<'t>(source: &Source<'t>, call: &Call<'t>, index: &mut DeclaredIndex) {
    if let Some(classes) = call.keyword("postgresql_ops").filter(|node| !is_none(source, *node)) {
        opclasses(source, classes, &mut index.keys);
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

fn drop<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, batch: Option<Call<'t>>, place: Setting<'t>) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Alembic, Act::Drop, call.node, place);
    index.name = index_name(source, call.argument(0, "index_name"));
    let given = if batch.is_some() { None } else { call.argument(1, "table_name") };
    options(source, call, &mut index);
    let named = named_table(source, call, given, batch);
    (index.table, index.schema) = (named.table, named.schema);
    walk.declare(index);
}

fn unique<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    batch: Option<Call<'t>>,
    backing: Backing,
    place: Setting<'t>,
) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Alembic, Act::Create, call.node, place);
    index.name = index_name(source, call.argument(0, "constraint_name"));
    let columns = call.argument(if batch.is_some() { 1 } else { 2 }, "columns");
    let given = if batch.is_some() { None } else { call.argument(1, "table_name") };
    let named = named_table(source, call, given, batch);
    (index.table, index.schema) = (named.table, named.schema);
    index.keys = match columns {
        Some(columns) => keys(source, columns),
        None => Known::Unknown(source.unknown(call.node)),
    };
    index.nulls_not_distinct = truth(source, call.keyword("postgresql_nulls_not_distinct"));
    index.unique = Known::Known(true);
    index.backing = backing;
    walk.declare(index);
}

/// `create_exclude_constraint("name", "table", ("column", "="), ..., using="gist", where=...)`.
fn exclude<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, batch: Option<Call<'t>>, place: Setting<'t>) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Alembic, Act::Create, call.node, place);
    index.name = index_name(source, call.argument(0, "constraint_name"));
    let skipped = if batch.is_some() { 1 } else { 2 };
    let given = if batch.is_some() { None } else { call.argument(1, "table_name") };
    let named = named_table(source, call, given, batch);
    (index.table, index.schema) = (named.table, named.schema);
    exclusion(source, call, skipped, &mut index);
    walk.declare(index);
}

/// The pairs of column and operator of an exclusion constraint, and what else it says.
fn exclusion<'t>(source: &Source<'t>, call: &Call<'t>, skipped: usize, index: &mut DeclaredIndex) {
    let pairs = call.positional.iter().skip(skipped);
    let first =
        |pair: &Node<'t>| items(source, *pair).and_then(|items| items.first().copied()).unwrap_or(*pair);
    index.keys = Known::Known(pairs.map(|pair| key(source, first(pair))).collect());
    let using = call.keyword("using").map(|node| text(source, node));
    index.method = Some(using.unwrap_or_else(|| Known::Known("gist".to_owned())));
    index.predicate =
        call.keyword("where").filter(|node| !is_none(source, *node)).map(|node| expression(source, node).0);
    index.backing = Backing::Exclusion;
}

/// `drop_constraint("name", "table", type_="unique")`; of a type that is not said it may be one with an index.
fn drop_constraint<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    batch: Option<Call<'t>>,
    place: Setting<'t>,
) {
    let source = walk.source;
    let at = if batch.is_some() { 1 } else { 2 };
    let kind = call.argument(at, "type_").map(|node| text(source, node));
    if kind.as_ref().and_then(Known::get).is_some_and(|kind| kind != "unique" && kind != "primary") {
        return;
    }
    let mut index = declaration(source, Framework::Alembic, Act::Drop, call.node, place);
    index.name = index_name(source, call.argument(0, "constraint_name"));
    let given = if batch.is_some() { None } else { call.argument(1, "table_name") };
    let named = named_table(source, call, given, batch);
    (index.table, index.schema) = (named.table, named.schema);
    index.backing = Backing::UniqueConstraint;
    walk.declare(index);
}

/// `create_table("t", sa.Column(..., index=True), sa.Index(...), sa.UniqueConstraint(...))`.
fn table<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let named = named_table(source, call, call.argument(0, "table_name"), None);
    let made = done(source, Framework::Alembic, TableAct::Create, call.node, place);
    let (table, schema) = (named.table.clone(), named.schema.clone());
    walk.table(DeclaredTable { table, schema, ..made });
    let primary = primary_key(walk, call, &named, place);
    let inner = call.positional.iter().skip(1);
    for argument in inner {
        let Some(inner) = Call::of(source, *argument) else { continue };
        let mut index = declaration(source, Framework::SqlAlchemy, Act::Create, *argument, place);
        (index.table, index.schema) = (named.table.clone(), named.schema.clone());
        match inner.name() {
            "Column" => {
                let name = inner.argument(0, "name").map(|name| vec![key(source, name)]);
                let twice = primary.is_some() && primary == name && inner.keyword("index").is_none();
                if !twice {
                    column(walk, *argument, &named, place);
                }
                continue;
            }
            "Index" => {
                let schema = index.schema.clone();
                options(source, &inner, &mut index);
                index.schema = schema;
                index.name = index_name(source, inner.positional.first().copied());
                let columns = inner.positional.iter().skip(1);
                index.keys = Known::Known(columns.map(|column| key(source, *column)).collect());
                classes(source, &inner, &mut index);
                derive(&mut index);
            }
            "UniqueConstraint" => {
                index.name = index_name(source, inner.keyword("name"));
                let columns = inner.positional.iter();
                index.keys = Known::Known(columns.map(|column| key(source, *column)).collect());
                index.nulls_not_distinct = truth(source, inner.keyword("postgresql_nulls_not_distinct"));
                index.unique = Known::Known(true);
                index.backing = Backing::UniqueConstraint;
                // The server makes one index of both.
                if primary.as_ref() == index.keys.get() && inner.keyword("deferrable").is_none() {
                    continue;
                }
            }
            "ExcludeConstraint" => {
                index.name = index_name(source, inner.keyword("name"));
                exclusion(source, &inner, 0, &mut index);
            }
            _ => continue,
        }
        walk.declare(index);
    }
}

/// `PrimaryKeyConstraint("a", "b")`, or all columns with `primary_key=True`. The server makes it before all others.
fn primary_key<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    named: &Named,
    place: Setting<'t>,
) -> Option<Vec<Key>> {
    let source = walk.source;
    let parts: Vec<(Node<'t>, Call<'t>)> = call
        .positional
        .iter()
        .filter_map(|argument| Some((*argument, Call::of(source, *argument)?)))
        .collect();
    let constraint = parts.iter().find(|(_, inner)| inner.name() == "PrimaryKeyConstraint");
    let columns: Vec<&(Node<'t>, Call<'t>)> = parts
        .iter()
        .filter(|(_, it)| {
            it.name() == "Column" && truth(source, it.keyword("primary_key")) == Known::Known(true)
        })
        .collect();
    let (node, name, columns) = match (constraint, columns.first()) {
        (Some((node, inner)), _) => (*node, inner.keyword("name"), inner.positional.clone()),
        (None, Some((node, _))) => {
            (*node, None, columns.iter().filter_map(|(_, it)| it.argument(0, "name")).collect())
        }
        (None, None) => return None,
    };
    let mut index = declaration(source, Framework::SqlAlchemy, Act::Create, node, place);
    (index.table, index.schema) = (named.table.clone(), named.schema.clone());
    index.name = index_name(source, name);
    let keys: Vec<Key> = columns.into_iter().map(|column| key(source, column)).collect();
    index.keys = Known::Known(keys.clone());
    index.unique = Known::Known(true);
    index.backing = Backing::PrimaryKey;
    walk.declare(index);
    Some(keys)
}

/// `sa.Column("a", ..., index=True)` or `unique=True`.
fn column<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>, named: &Named, place: Setting<'t>) {
    let source = walk.source;
    let Some(call) = Call::of(source, node).filter(|call| call.name() == "Column") else { return };
    let indexed = truth(source, call.keyword("index"));
    let unique = truth(source, call.keyword("unique"));
    if indexed == Known::Known(false) && unique == Known::Known(false) {
        return;
    }
    let mut index = declaration(source, Framework::SqlAlchemy, Act::Create, node, place);
    (index.table, index.schema) = (named.table.clone(), named.schema.clone());
    index.cause = Cause::Option;
    index.keys = match call.argument(0, "name") {
        Some(name) => Known::Known(vec![Key::plain(KeyKind::Column, text(source, name))]),
        None => Known::Unknown(source.unknown(node)),
    };
    // Without `index` it is a constraint, which the server names; a convention of the project may change either name.
    if indexed == Known::Known(false) {
        index.backing = Backing::UniqueConstraint;
    } else {
        derive(&mut index);
    }
    index.unique = unique;
    walk.declare(index);
}
