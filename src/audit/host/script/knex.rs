//! knex' schema builder.
//!
//! As its compiler for PostgreSQL does it (knex 3.3): `index` makes an index, `unique` a constraint unless a predicate or
//! `useConstraint: false` says otherwise; what has no name is called `table_column_index` or `table_column_unique`, in lower
//! case.

use tree_sitter::Node;

use super::super::call::Call;
use super::super::declared::{Act, Backing, Cause, DeclaredIndex, Framework};
use super::super::fact::Known;
use super::super::tree::{Source, children_of};
use super::super::value::{declaration, index_name, is_none, resolved, table_name, text, truth, written};
use super::super::walk::{Around, Building, Setting, Walk};
use super::{chain, columns, derive, field};

/// The table that a builder's callback describes, with the callback's parameter.
pub(in super::super) fn around<'t>(call: &Call<'t>) -> Option<Around<'t>> {
    let building = match call.name() {
        "createTable" | "createTableIfNotExists" => Building::New,
        "alterTable" | "table" => Building::Present,
        _ => return None,
    };
    let table = *call.positional.first()?;
    let callback = *call.positional.get(1)?;
    if !matches!(callback.kind(), "arrow_function" | "function_expression" | "function") {
        return None;
    }
    let parameter = callback.child_by_field_name("parameter").or_else(|| {
        let first = *children_of(callback.child_by_field_name("parameters")?).first()?;
        Some(first.child_by_field_name("pattern").unwrap_or(first))
    })?;
    Some(Around::Knex(table, parameter, building))
}

/// The schema of the builder whose callback a place is in.
fn schema<'t>(source: &Source<'t>, table: Node<'t>) -> Option<Known<String>> {
    let builder = Call::of(source, table.parent()?.parent()?)?;
    let link = chain(source, &builder).into_iter().find(|link| link.name() == "withSchema")?;
    link.positional.first().map(|node| text(source, *node))
}

/// Notes what a call in a builder's callback declares; false when it says nothing of an index.
pub(super) fn call<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) -> bool {
    let Around::Knex(table, parameter, _) = place.around else { return false };
    let source = walk.source;
    let (what, act) = match call.name() {
        "index" => ("index", Act::Create),
        "unique" => ("unique", Act::Create),
        "dropIndex" => ("index", Act::Drop),
        "dropUnique" => ("unique", Act::Drop),
        _ => return false,
    };
    let variable = source.of(parameter);
    let mut index = declaration(source, Framework::Knex, act, call.node, place);
    index.table = table_name(source, Some(table));
    index.schema = schema(source, table);
    let mut arguments = call.positional.clone();
    if call.path.len() > 2 || call.object() != variable {
        // A column's own: the innermost call of the chain names it.
        let Some(column) = chain(source, call).pop() else { return false };
        if column.object() != variable || column.name().to_ascii_lowercase().contains("increments") {
            return false;
        }
        let Some(name) = column.positional.first().copied() else { return false };
        index.cause = Cause::Option;
        arguments.insert(0, name);
    }
    index.keys = columns(source, arguments.first().copied(), call.node);
    let (second, third) = (arguments.get(1).copied(), arguments.get(2).copied());
    let second = second.filter(|node| !is_none(source, *node));
    if what == "unique" {
        unique(source, second, &mut index);
    } else {
        index.name = index_name(source, second);
        if let Some(options) = third.filter(|node| !is_none(source, *node)) {
            options_of_index(source, options, &mut index);
        }
    }
    derive(source, &mut index, call.node, |table, columns| {
        let table = table.replace(['.', '-'], "_");
        format!("{table}_{}_{what}", columns.join("_")).to_lowercase()
    });
    if act == Act::Drop {
        index.keys = Known::Known(Vec::new());
        index.unique = Known::Known(false);
    }
    walk.declare(index);
    true
}

fn unique<'t>(source: &Source<'t>, second: Option<Node<'t>>, index: &mut DeclaredIndex) {
    index.unique = Known::Known(true);
    index.backing = Backing::UniqueConstraint;
    let Some(second) = second else { return };
    let value = resolved(source, second);
    if value.kind() != "object" {
        index.name = index_name(source, Some(second));
        return;
    }
    index.name = index_name(source, field(source, value, "indexName"));
    let predicate = field(source, value, "predicate");
    index.predicate = predicate.map(|node| written(source, node));
    let constraint = field(source, value, "useConstraint").map(|node| truth(source, Some(node)));
    let deferrable = field(source, value, "deferrable").is_some();
    let plain = match constraint {
        Some(Known::Known(constraint)) => !constraint,
        Some(Known::Unknown(_)) | None => predicate.is_some() && !deferrable,
    };
    if plain {
        index.backing = Backing::Plain;
    }
}

/// The type of the index as a string, or an object that says more.
fn options_of_index<'t>(source: &Source<'t>, options: Node<'t>, index: &mut DeclaredIndex) {
    let value = resolved(source, options);
    if value.kind() != "object" {
        index.method = Some(text(source, value));
        return;
    }
    index.method = field(source, value, "storageEngineIndexType").map(|node| text(source, node));
    index.predicate = field(source, value, "predicate").map(|node| written(source, node));
    if let Some(kind) = field(source, value, "indexType") {
        index.unique = match text(source, kind) {
            Known::Known(kind) => Known::Known(kind.eq_ignore_ascii_case("unique")),
            Known::Unknown(unknown) => Known::Unknown(unknown),
        };
    }
}
