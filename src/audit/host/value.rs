//! Values of arguments: texts, truths and lists that the file says, or where it does not.

use tree_sitter::Node;

use super::compose::{compose, is_stringy};
use super::declared::{Act, Backing, Cause, DeclaredIndex, Framework, Home, IndexName, TableName};
use super::fact::Known;
use super::tree::{Source, children_of};
use super::turn::{Bound, decide, elements, eval, word};
use super::walk::Setting;

/// What a name stands for, when it is a constant of the file or of the turn of a loop; otherwise the expression itself.
pub(super) fn resolved<'t>(source: &Source<'t>, node: Node<'t>) -> Node<'t> {
    match eval(source, node) {
        Bound::Node(value) => value,
        Bound::Text(..) | Bound::Number(_) | Bound::List(_) | Bound::Map(_) | Bound::Unknown(_) => node,
    }
}

/// A string or a symbol.
pub(super) fn text<'t>(source: &Source<'t>, node: Node<'t>) -> Known<String> {
    let text = match eval(source, node) {
        Bound::Node(value) if is_stringy(source, value) => {
            compose(source, value).and_then(|composition| composition.text.constant().map(str::to_owned))
        }
        Bound::Node(value) if is_number(value) => None,
        Bound::Node(value) => word(source, value).map(str::to_owned),
        Bound::Text(text, _) => text.constant().map(str::to_owned),
        Bound::Number(_) | Bound::List(_) | Bound::Map(_) | Bound::Unknown(_) => None,
    };
    text.map_or_else(|| Known::Unknown(source.unknown(node)), Known::Known)
}

fn is_number(node: Node<'_>) -> bool {
    matches!(node.kind(), "integer" | "int_literal" | "decimal_integer_literal" | "number")
}

/// The text of an expression in the words of the framework, as it is written.
pub(super) fn written<'t>(source: &Source<'t>, node: Node<'t>) -> Known<String> {
    Known::Known(source.of(node).to_owned())
}

/// True or false.
pub(super) fn truth<'t>(source: &Source<'t>, node: Option<Node<'t>>) -> Known<bool> {
    let Some(node) = node else { return Known::Known(false) };
    match source.of(resolved(source, node)) {
        "True" | "true" => Known::Known(true),
        "False" | "false" | "None" | "nil" | "null" | "undefined" => Known::Known(false),
        _ => {
            // A comparison that the turn of a loop decides.
            let compares = matches!(node.kind(), "comparison_operator" | "binary" | "binary_expression");
            let decided = if compares && source.is_of_turn(node) { decide(source, node) } else { None };
            decided.map_or_else(|| Known::Unknown(source.unknown(node)), Known::Known)
        }
    }
}

/// Whether an expression says that there is no value.
pub(super) fn is_none<'t>(source: &Source<'t>, node: Node<'t>) -> bool {
    matches!(source.of(resolved(source, node)), "None" | "nil" | "null" | "undefined")
}

/// The items of a list, a tuple or an array.
pub(super) fn items<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Vec<Node<'t>>> {
    let value = resolved(source, node);
    match value.kind() {
        "list" | "tuple" | "array" | "string_array" | "symbol_array" | "set" => {
            let items = children_of(value);
            let whole = items.iter().all(|item| !item.kind().contains("splat"));
            if whole { Some(items) } else { written_out(source, value) }
        }
        // `list(columns)`, `COMMON + ["a"]`
        "call" | "call_expression" | "binary_operator" | "binary" => written_out(source, value),
        _ => None,
    }
}

/// The expressions of what is put together of lists.
fn written_out<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Vec<Node<'t>>> {
    let expression = |bound| if let Bound::Node(node) = bound { Some(node) } else { None };
    elements(source, node).ok()?.into_iter().map(expression).collect()
}

/// A list of texts.
pub(super) fn texts<'t>(source: &Source<'t>, node: Node<'t>) -> Known<Vec<String>> {
    let items = items(source, node).unwrap_or_else(|| vec![node]);
    let mut texts = Vec::new();
    for item in items {
        match text(source, item) {
            Known::Known(text) => texts.push(text),
            Known::Unknown(unknown) => return Known::Unknown(unknown),
        }
    }
    Known::Known(texts)
}

/// A name that is given.
pub(super) fn index_name<'t>(source: &Source<'t>, node: Option<Node<'t>>) -> IndexName {
    match node {
        None => IndexName::Unsaid,
        Some(node) if is_none(source, node) => IndexName::Unsaid,
        Some(node) => match text(source, node) {
            Known::Known(name) => IndexName::Given(name),
            Known::Unknown(unknown) => IndexName::Unknown(unknown),
        },
    }
}

/// A table that is given.
pub(super) fn table_name<'t>(source: &Source<'t>, node: Option<Node<'t>>) -> TableName {
    match node {
        None => TableName::Unsaid,
        Some(node) if is_none(source, node) => TableName::Unsaid,
        Some(node) => match text(source, node) {
            Known::Known(name) => TableName::Given(name),
            Known::Unknown(unknown) => TableName::Unknown(unknown),
        },
    }
}

/// A declaration of which only the place is known yet.
pub(super) fn declaration<'t>(
    source: &Source<'t>,
    framework: Framework,
    act: Act,
    node: Node<'t>,
    place: Setting<'t>,
) -> DeclaredIndex {
    DeclaredIndex {
        framework,
        act,
        name: IndexName::Unsaid,
        renamed: None,
        table: TableName::Unsaid,
        schema: None,
        keys: Known::Known(Vec::new()),
        unique: Known::Known(false),
        method: None,
        predicate: None,
        include: Known::Known(Vec::new()),
        concurrently: Known::Known(false),
        if_exists: Known::Known(false),
        nulls_not_distinct: Known::Known(false),
        backing: Backing::Plain,
        home: Home::Operation,
        cause: Cause::Said,
        model: None,
        fragment: None,
        direction: place.direction,
        transaction: place.transaction,
        turn: None,
        range: node.byte_range(),
        place: source.place(node.start_byte()),
    }
}
