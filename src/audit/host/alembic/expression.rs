//! SQLAlchemy's words for keys and conditions, as the SQL that they are sent as.

use tree_sitter::Node;

use super::super::call::Call;
use super::super::compose::is_stringy;
use super::super::declared::{Key, KeyKind};
use super::super::fact::Known;
use super::super::tree::Source;
use super::super::value::{items, resolved, text, written};

/// Deepest nesting of functions that is put into SQL.
const DEEPEST: usize = 8;

/// SQL text, or the words of SQLAlchemy as they are written.
pub(super) fn expression<'t>(source: &Source<'t>, node: Node<'t>) -> (Known<String>, KeyKind) {
    let value = resolved(source, node);
    if is_stringy(source, value) {
        return (text(source, value), KeyKind::Expression);
    }
    if let Some(sql) = sql(source, value, DEEPEST) {
        return (Known::Known(sql), KeyKind::Expression);
    }
    if matches!(
        value.kind(),
        "call" | "attribute" | "binary_operator" | "comparison_operator" | "unary_operator"
    ) {
        return (written(source, value), KeyKind::HostExpression);
    }
    (Known::Unknown(source.unknown(node)), KeyKind::HostExpression)
}

/// `sa.func.lower(sa.column("a"))` and its kin; `None` for what is not put into SQL.
fn sql<'t>(source: &Source<'t>, node: Node<'t>, depth: usize) -> Option<String> {
    let left = depth.checked_sub(1)?;
    let value = resolved(source, node);
    if let Some(call) = Call::of(source, value) {
        let first = call.positional.first().copied();
        return match call.name() {
            "text" | "literal_column" | "column" | "Column" => text(source, first?).get().cloned(),
            "is_" if is_null(source, first?) => {
                Some(format!("{} IS NULL", sql(source, call.receiver?, left)?))
            }
            "isnot" | "is_not" if is_null(source, first?) => {
                Some(format!("{} IS NOT NULL", sql(source, call.receiver?, left)?))
            }
            name if call.object() == "func" && call.named.is_empty() => {
                let arguments: Option<Vec<String>> =
                    call.positional.iter().map(|argument| argument_sql(source, *argument, left)).collect();
                Some(format!("{name}({})", arguments?.join(", ")))
            }
            _ => None,
        };
    }
    // `table.c.column`
    let columns = value.child_by_field_name("object").filter(|_| value.kind() == "attribute");
    let columns = columns.and_then(|object| object.child_by_field_name("attribute"));
    if columns.is_some_and(|name| source.of(name) == "c") {
        return value.child_by_field_name("attribute").map(|name| source.of(name).to_owned());
    }
    None
}

fn is_null<'t>(source: &Source<'t>, node: Node<'t>) -> bool {
    source.of(node) == "None"
        || Call::of(source, node).is_some_and(|call| call.name() == "null" && call.positional.is_empty())
}

/// An argument of a function: a string is a value there, not a column.
fn argument_sql<'t>(source: &Source<'t>, node: Node<'t>, depth: usize) -> Option<String> {
    let value = resolved(source, node);
    match value.kind() {
        "string" => text(source, value).get().map(|text| format!("'{}'", text.replace('\'', "''"))),
        "integer" => Some(source.of(value).to_owned()),
        _ => sql(source, value, depth),
    }
}

/// One key: a column's name, `sa.text("...")`, or `func.lower(table.c.column)`, perhaps with an order.
pub(super) fn key<'t>(source: &Source<'t>, node: Node<'t>) -> Key {
    let value = resolved(source, node);
    if matches!(value.kind(), "string" | "concatenated_string") && is_stringy(source, value) {
        return Key::plain(KeyKind::Column, text(source, value));
    }
    if let Some(call) = Call::of(source, value) {
        let order = match call.name() {
            "desc" => Some("DESC"),
            "asc" => Some("ASC"),
            "nulls_last" | "nullslast" => Some("NULLS LAST"),
            "nulls_first" | "nullsfirst" => Some("NULLS FIRST"),
            _ => None,
        };
        let inner = call.positional.first().copied().or(call.receiver);
        if let (Some(order), Some(inner)) = (order, inner) {
            let mut key = key(source, inner);
            let before = key.order.as_ref().and_then(Known::get).map(|before| format!("{before} "));
            key.order = Some(Known::Known(format!("{}{order}", before.unwrap_or_default())));
            return key;
        }
        if matches!(call.name(), "column" | "Column")
            && let Some(name) = call.positional.first()
        {
            return Key::plain(KeyKind::Column, text(source, *name));
        }
    }
    if value.kind() == "attribute" {
        return Key::plain(KeyKind::Column, column_name(source, value));
    }
    let (text, kind) = expression(source, value);
    Key::plain(kind, text)
}

/// `table.c.a`, or a column of a model.
fn column_name<'t>(source: &Source<'t>, node: Node<'t>) -> Known<String> {
    let name = node.child_by_field_name("attribute");
    name.map_or_else(|| Known::Unknown(source.unknown(node)), |name| written(source, name))
}

/// The keys of a list.
pub(super) fn keys<'t>(source: &Source<'t>, node: Node<'t>) -> Known<Vec<Key>> {
    match items(source, node) {
        Some(items) => Known::Known(items.into_iter().map(|item| key(source, item)).collect()),
        None => Known::Unknown(source.unknown(node)),
    }
}
