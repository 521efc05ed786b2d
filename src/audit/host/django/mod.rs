//! Django's migration operations.

mod digest;
mod field;
mod making;
mod series;

use tree_sitter::Node;

use super::call::{Call, pair};
use super::declared::{Act, Backing, DeclaredIndex, Framework, IndexName, Key, KeyKind, TableName};
use super::fact::{Direction, Extract, Known, Model};
use super::tree::{Source, children_of};
use super::usage::Role;
use super::value::{declaration, index_name, is_none, items, resolved, text, texts, truth, written};
use super::walk::{Around, Setting, Walk};
use field::{field as model_field, together};

pub use field::{Certainty, FieldSort, Keeping, ModelAct, ModelChange, ModelField, NewModel, Sent};
pub use series::{DjangoFile, settle_models};

/// Notes what a call declares.
pub(super) fn call<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let inside = place.around == Around::DjangoMigration || call.object() == "migrations";
    if !inside {
        return;
    }
    change(walk, call, place);
    if place.around == Around::DjangoState {
        return;
    }
    match call.name() {
        "AddIndex" | "AddIndexConcurrently" => add(walk, call, "index", place),
        "AddConstraint" => add(walk, call, "constraint", place),
        "RemoveIndex" | "RemoveIndexConcurrently" => remove(walk, call, place),
        "RemoveConstraint" => {
            remove(walk, call, place);
            if let Some(index) = walk.found.declared.last_mut() {
                index.backing = Backing::UniqueConstraint;
            }
        }
        "RenameIndex" => rename(walk, call, place),
        "CreateModel" => create_model(walk, call, place),
        "AlterModelTable" => {
            let model = model_name(walk.source, call.argument(0, "name"));
            if let TableName::OfModel(name) = model {
                let table = call.argument(1, "table").map(|node| text(walk.source, node));
                let place = walk.source.place(call.node.start_byte());
                walk.model(Model { name, table, place });
            }
        }
        _ => {}
    }
}

/// Notes what an operation does to a model.
fn change<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let string =
        |at: usize, name: &str| call.argument(at, name).and_then(|node| text(source, node).get().cloned());
    let field = || {
        let (name, said) = call.argument(1, "name").zip(call.argument(2, "field"))?;
        model_field(source, name, said, call.node)
    };
    let act = match call.name() {
        "CreateModel" => Some(ModelAct::Create(Box::new(new_model(source, call)))),
        "DeleteModel" => Some(ModelAct::Delete),
        "RenameModel" => string(1, "new_name").map(ModelAct::Rename),
        "AlterModelTable" => {
            let table = call.argument(1, "table").filter(|node| !is_none(source, *node));
            Some(ModelAct::Table(table.map(|node| text(source, node))))
        }
        "AddField" => field().map(ModelAct::AddField),
        "AlterField" => field().map(ModelAct::AlterField),
        "RemoveField" => string(1, "name").map(ModelAct::RemoveField),
        "RenameField" => string(1, "old_name")
            .zip(string(2, "new_name"))
            .map(|(from, to)| ModelAct::RenameField { from, to }),
        "AlterUniqueTogether" => {
            call.argument(1, "unique_together").map(|node| ModelAct::UniqueTogether(together(source, node)))
        }
        "AlterIndexTogether" => {
            call.argument(1, "index_together").map(|node| ModelAct::IndexTogether(together(source, node)))
        }
        _ => None,
    };
    let model = match call.name() {
        "RenameModel" => string(0, "old_name"),
        "AddField" | "AlterField" | "RemoveField" | "RenameField" => string(0, "model_name"),
        _ => string(0, "name"),
    };
    let Some((act, model)) = act.zip(model) else { return };
    let sent = if place.around == Around::DjangoState { Sent::StateOnly } else { Sent::Yes };
    walk.found.changes.push(ModelChange {
        model,
        act,
        sent,
        direction: place.direction,
        transaction: place.transaction,
        range: call.node.byte_range(),
        place: source.place(call.node.start_byte()),
    });
}

/// `CreateModel(name, fields, options)`.
fn new_model<'t>(source: &Source<'t>, call: &Call<'t>) -> NewModel {
    let mut model = NewModel {
        table: None,
        keeping: Keeping::Managed,
        fields: Vec::new(),
        unique_together: Vec::new(),
        index_together: Vec::new(),
    };
    let fields = call.argument(1, "fields").and_then(|node| items(source, node)).unwrap_or_default();
    for item in fields {
        if let Some([name, said]) = items(source, item).as_deref() {
            model.fields.extend(model_field(source, *name, *said, item));
        }
    }
    let options = call.argument(2, "options").map(|node| resolved(source, node));
    let pairs = options.map(|options| children_of(options)).unwrap_or_default();
    for (key, value) in pairs.into_iter().filter_map(|child| pair(source, child)) {
        match key {
            "db_table" => model.table = Some(text(source, value)),
            "managed" if source.of(value) == "False" => model.keeping = Keeping::Elsewhere,
            "proxy" if source.of(value) == "True" => model.keeping = Keeping::Elsewhere,
            "unique_together" => model.unique_together = together(source, value),
            "index_together" => model.index_together = together(source, value),
            _ => {}
        }
    }
    model
}

fn model_name<'t>(source: &Source<'t>, node: Option<Node<'t>>) -> TableName {
    let Some(node) = node else { return TableName::Unsaid };
    match text(source, node) {
        Known::Known(name) => TableName::OfModel(name),
        Known::Unknown(unknown) => TableName::Unknown(unknown),
    }
}

fn named(table: &TableName) -> Option<String> {
    if let TableName::OfModel(model) = table { Some(model.clone()) } else { None }
}

fn add<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, what: &str, place: Setting<'t>) {
    let source = walk.source;
    let table = model_name(source, call.argument(0, "model_name"));
    let Some(object) = call.argument(1, what) else { return };
    if let Some(mut index) = index(source, object, call.node, place) {
        index.model = named(&table);
        index.table = table;
        if call.name().ends_with("Concurrently") {
            index.concurrently = Known::Known(true);
        }
        walk.declare(index);
    } else if what == "index" {
        // Something that is no call, or a call that is not known: there is an index, and nothing more is known.
        let mut index = declaration(source, Framework::Django, Act::Create, call.node, place);
        index.model = named(&table);
        index.table = table;
        index.name = IndexName::Unknown(source.unknown(object));
        index.keys = Known::Unknown(source.unknown(object));
        walk.declare(index);
    }
}

/// Reads `models.Index(...)`, `GinIndex(...)`, `models.UniqueConstraint(...)`; `None` for what is no index.
fn index<'t>(
    source: &Source<'t>,
    object: Node<'t>,
    at: Node<'t>,
    place: Setting<'t>,
) -> Option<DeclaredIndex> {
    let call = Call::of(source, resolved(source, object))?;
    let mut index = declaration(source, Framework::Django, Act::Create, at, place);
    let unique = call.name() == "UniqueConstraint";
    let method = match call.name() {
        "Index" | "UniqueConstraint" => None,
        "ExclusionConstraint" => {
            index.backing = Backing::Exclusion;
            Some("gist")
        }
        "GinIndex" => Some("gin"),
        "GistIndex" => Some("gist"),
        "SpGistIndex" => Some("spgist"),
        "BrinIndex" => Some("brin"),
        "HashIndex" => Some("hash"),
        "BloomIndex" => Some("bloom"),
        "BTreeIndex" => Some("btree"),
        other if other.ends_with("Index") => {
            index.keys = Known::Unknown(source.unknown(object));
            None
        }
        _ => return None,
    };
    index.method = method.map(|method| Known::Known(method.to_owned()));
    if let Some(method) = call.keyword("index_type").filter(|node| !is_none(source, *node)) {
        index.method = Some(text(source, method));
    }
    index.name = match call.keyword("name") {
        // Without a name it ends in a hash that Django makes of table and columns.
        None => IndexName::Unknown(source.unknown(object)),
        name => index_name(source, name),
    };
    let condition = call.keyword("condition").filter(|node| !is_none(source, *node));
    let include = call.keyword("include").filter(|node| !is_none(source, *node));
    let classes = call.keyword("opclasses").filter(|node| !is_none(source, *node));
    index.predicate = condition.map(|node| written(source, node));
    if let Some(include) = include {
        index.include = texts(source, include);
    }
    index.keys = keys(source, &call, object);
    if let Some(classes) = classes {
        opclasses(source, classes, &mut index.keys);
    }
    if unique {
        index.unique = Known::Known(true);
        let plain =
            condition.is_none() && include.is_none() && classes.is_none() && call.positional.is_empty();
        index.backing = if plain { Backing::UniqueConstraint } else { Backing::Plain };
        if let Some(distinct) = call.keyword("nulls_distinct").filter(|node| !is_none(source, *node)) {
            index.nulls_not_distinct = match truth(source, Some(distinct)) {
                Known::Known(distinct) => Known::Known(!distinct),
                unknown @ Known::Unknown(_) => unknown,
            };
        }
    }
    Some(index)
}

fn keys<'t>(source: &Source<'t>, call: &Call<'t>, object: Node<'t>) -> Known<Vec<Key>> {
    if let Some(spread) = call.spread {
        return Known::Unknown(source.unknown(spread));
    }
    if let Some(fields) = call.keyword("fields") {
        let Some(items) = items(source, fields) else { return Known::Unknown(source.unknown(fields)) };
        return Known::Known(items.into_iter().map(|item| field(source, item)).collect());
    }
    if call.positional.is_empty() {
        return Known::Unknown(source.unknown(call.keyword("expressions").unwrap_or(object)));
    }
    let expressions = call.positional.iter();
    Known::Known(
        expressions
            .map(|node| {
                let value = resolved(source, *node);
                if value.kind() == "string" { field(source, value) } else { expression(source, value) }
            })
            .collect(),
    )
}

/// `F("a").desc()`, `Lower("a")`, `OpClass(Upper("a"), name="text_pattern_ops")`.
fn expression<'t>(source: &Source<'t>, value: Node<'t>) -> Key {
    let host = || Key::plain(KeyKind::HostExpression, written(source, value));
    let Some(call) = Call::of(source, value) else { return host() };
    let first = call.positional.first().copied();
    match (call.name(), first, call.receiver) {
        ("F", Some(name), _) => Key::plain(KeyKind::Field, text(source, name)),
        ("Lower" | "Upper", Some(name), _) if call.positional.len() == 1 && call.named.is_empty() => {
            // A name stands for a field, also in `F("name")`.
            let name = Call::of(source, name)
                .filter(|call| call.name() == "F")
                .and_then(|call| call.positional.first().copied())
                .unwrap_or(name);
            match text(source, name) {
                Known::Known(name) if !name.contains("__") => {
                    let sql = format!("{}(\"{name}\")", call.name().to_uppercase());
                    Key::plain(KeyKind::Expression, Known::Known(sql))
                }
                Known::Known(_) | Known::Unknown(_) => host(),
            }
        }
        ("OpClass", Some(inner), _) => {
            let inner = resolved(source, inner);
            let mut key =
                if inner.kind() == "string" { field(source, inner) } else { expression(source, inner) };
            key.opclass = call.argument(1, "name").map(|node| text(source, node));
            key
        }
        (order @ ("asc" | "desc"), None, Some(inner)) => {
            let mut key = expression(source, resolved(source, inner));
            if key.kind == KeyKind::HostExpression {
                return host();
            }
            let is = |name: &str| truth(source, call.keyword(name)) == Known::Known(true);
            let nulls = if is("nulls_last") {
                " NULLS LAST"
            } else if is("nulls_first") {
                " NULLS FIRST"
            } else {
                ""
            };
            key.order = Some(Known::Known(format!("{}{nulls}", order.to_uppercase())));
            key
        }
        _ => host(),
    }
}

/// A field's name; a minus in front of it turns its order around.
fn field<'t>(source: &Source<'t>, node: Node<'t>) -> Key {
    match text(source, node) {
        Known::Known(name) => match name.strip_prefix('-') {
            Some(name) => Key {
                order: Some(Known::Known("DESC".to_owned())),
                ..Key::plain(KeyKind::Field, Known::Known(name.to_owned()))
            },
            None => Key::plain(KeyKind::Field, Known::Known(name)),
        },
        unknown @ Known::Unknown(_) => Key::plain(KeyKind::Field, unknown),
    }
}

fn opclasses<'t>(source: &Source<'t>, node: Node<'t>, keys: &mut Known<Vec<Key>>) {
    let Known::Known(keys) = keys else { return };
    let classes = items(source, node);
    for (at, key) in keys.iter_mut().enumerate() {
        key.opclass = match classes.as_ref().map(|classes| classes.get(at)) {
            Some(Some(class)) => {
                Some(text(source, *class)).filter(|class| class.get().is_none_or(|text| !text.is_empty()))
            }
            Some(None) => None,
            None => Some(Known::Unknown(source.unknown(node))),
        };
    }
}

fn remove<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Django, Act::Drop, call.node, place);
    index.table = model_name(source, call.argument(0, "model_name"));
    index.model = named(&index.table);
    index.name = index_name(source, call.argument(1, "name"));
    index.concurrently = Known::Known(call.name().ends_with("Concurrently"));
    walk.declare(index);
}

/// The old name is a drop's, the new one a rename's; both at one place.
fn rename<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Django, Act::Rename, call.node, place);
    index.table = model_name(source, call.argument(0, "model_name"));
    index.model = named(&index.table);
    index.name = index_name(source, call.argument(2, "old_name"));
    index.renamed = call.argument(1, "new_name").map(|node| text(source, node));
    walk.declare(index);
}

/// `CreateModel(name=..., options={"indexes": [...], "constraints": [...], "db_table": ...})`.
fn create_model<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let table = model_name(source, call.argument(0, "name"));
    let options = call.argument(2, "options").map(|node| resolved(source, node));
    let mut db_table = None;
    for (key, value) in options
        .map(|options| children_of(options))
        .unwrap_or_default()
        .into_iter()
        .filter_map(|child| pair(source, child))
    {
        match key {
            "db_table" => db_table = Some(text(source, value)),
            "indexes" | "constraints" => {
                for item in items(source, value).unwrap_or_default() {
                    if let Some(mut index) = index(source, item, item, place) {
                        index.table = table.clone();
                        index.model = named(&table);
                        walk.declare(index);
                    }
                }
            }
            _ => {}
        }
    }
    if let TableName::OfModel(name) = table {
        let place = source.place(call.node.start_byte());
        walk.model(Model { name, table: db_table, place });
    }
}

/// `RunSQL(sql, reverse_sql)`; each is a string, a list of strings, or a list of pairs of string and parameters.
pub(super) fn run_sql<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    if place.around == Around::DjangoState {
        return;
    }
    let role = Role::Executed(["RunSQL", call.object()]);
    let halves =
        [(call.argument(1, "reverse_sql"), Direction::Down), (call.argument(0, "sql"), Direction::Up)];
    for (node, direction) in halves {
        if let Some(node) = node {
            let place = Setting { role, direction, ..place };
            // A name that stands for a statement elsewhere in the file: what is run is that, and it is noted there.
            walk.push(std::iter::once(node), place);
        }
    }
}

/// Gives indexes on models of this file their tables, where it says them.
pub(super) fn resolve(found: &mut Extract) {
    let Extract { declared, models, made, .. } = found;
    let declared = declared.iter_mut().map(|index| &mut index.table);
    for table in declared.chain(made.iter_mut().map(|made| &mut made.table)) {
        let TableName::OfModel(model) = &*table else { continue };
        let named = models.iter().rfind(|known| known.name.eq_ignore_ascii_case(model));
        *table = match named.and_then(|named| named.table.clone()) {
            Some(Known::Known(table)) => TableName::Given(table),
            Some(Known::Unknown(unknown)) => TableName::Unknown(unknown),
            None => continue,
        };
    }
}

/// `replaces = [("app", "0001_initial"), ...]`.
pub(super) fn replaces<'t>(source: &Source<'t>, node: Node<'t>) -> Vec<String> {
    let pairs = items(source, node).unwrap_or_default().into_iter();
    let pair = |item: Node<'t>| {
        let parts = items(source, item)?;
        let [app, name] = parts.as_slice() else { return None };
        Some(format!("{}.{}", text(source, *app).get()?, text(source, *name).get()?))
    };
    pairs.filter_map(pair).collect()
}
