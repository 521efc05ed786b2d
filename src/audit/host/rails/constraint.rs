//! Rails' unique and exclusion constraints, which have been there since 7.1.

use super::super::call::Call;
use super::super::declared::{Act, Backing, Framework, IndexName, Key, KeyKind, TableName};
use super::super::fact::Known;
use super::super::value::{declaration, index_name, is_none, text, truth};
use super::super::walk::{Setting, Walk};
use super::{columns, home, name, words};

/// `add_unique_constraint :t, [:a, :b], name: 'u'`; with `using_index:` an index that is there becomes one.
pub(super) fn unique_constraint<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    table: TableName,
    at: usize,
    place: Setting<'t>,
) {
    if call.keyword("using_index").is_some() {
        return;
    }
    let source = walk.source;
    let mut index = declaration(source, Framework::Rails, Act::Create, call.node, place);
    index.table = table;
    index.home = home(walk);
    index.keys = match call.positional.get(at) {
        Some(node) => columns(source, *node),
        None => Known::Unknown(source.unknown(call.node)),
    };
    index.unique = Known::Known(true);
    index.backing = Backing::UniqueConstraint;
    index.nulls_not_distinct = truth(source, call.keyword("nulls_not_distinct"));
    index.name = match call.keyword("name") {
        None => match (index.table.get(), words(&index.keys)) {
            (Some(table), Some(columns)) => IndexName::Derived(name::unique(table, &columns)),
            _ => IndexName::Unknown(source.unknown(call.node)),
        },
        given => index_name(source, given),
    };
    walk.declare(index);
}

/// `add_exclusion_constraint :t, "a WITH =, b WITH &&", using: :gist, name: 'e'`.
pub(super) fn exclusion_constraint<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    table: TableName,
    at: usize,
    place: Setting<'t>,
) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Rails, Act::Create, call.node, place);
    index.table = table;
    index.home = home(walk);
    let expression = call.positional.get(at).map(|node| text(source, *node));
    index.keys = match &expression {
        Some(Known::Known(expression)) => {
            Known::Known(vec![Key::plain(KeyKind::Expression, Known::Known(expression.clone()))])
        }
        _ => Known::Unknown(source.unknown(call.node)),
    };
    index.backing = Backing::Exclusion;
    index.method = call.keyword("using").map(|node| text(source, node));
    index.predicate =
        call.keyword("where").filter(|node| !is_none(source, *node)).map(|node| text(source, node));
    index.name = match call.keyword("name") {
        None => match (index.table.get(), &expression) {
            (Some(table), Some(Known::Known(text))) => IndexName::Derived(name::exclusion(table, text)),
            _ => IndexName::Unknown(source.unknown(call.node)),
        },
        given => index_name(source, given),
    };
    walk.declare(index);
}

/// `remove_unique_constraint :t, name: 'u'`, and the same of exclusion constraints.
pub(super) fn removed_constraint<'t>(
    walk: &mut Walk<'_, 't>,
    call: &Call<'t>,
    table: TableName,
    at: usize,
    place: Setting<'t>,
) {
    let source = walk.source;
    let mut index = declaration(source, Framework::Rails, Act::Drop, call.node, place);
    let unique = call.name().ends_with("unique_constraint");
    index.table = table;
    index.backing = if unique { Backing::UniqueConstraint } else { Backing::Exclusion };
    let columns = call.positional.get(at).map(|node| columns(source, *node));
    index.name = match (call.keyword("name"), index.table.get(), columns.as_ref().and_then(words)) {
        (Some(given), _, _) => index_name(source, Some(given)),
        (None, Some(table), Some(columns)) if unique => IndexName::Derived(name::unique(table, &columns)),
        _ => IndexName::Unknown(source.unknown(call.node)),
    };
    walk.declare(index);
}
