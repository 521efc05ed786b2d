//! Values of arguments: texts, truths and lists that the file says, or where it does not.

use tree_sitter::Node;

use super::compose::{compose, is_stringy};
use super::declared::{Act, Backing, Cause, DeclaredIndex, Framework, Home, IndexName, TableName};
use super::fact::Known;
use super::tree::{Source, children_of};
use super::walk::Setting;

/// Most constants that lead to each other.
const DEEPEST_NAME: usize = 8;

/// What a name stands for, when it is a constant of the file; otherwise the expression itself.
pub(super) fn resolved<'t>(source: &Source<'t>, node: Node<'t>) -> Node<'t> {
    let mut at = node;
    for _ in 0..DEEPEST_NAME {
        // Ruby's constants are frozen where they are written.
        if at.kind() == "call"
            && at.child_by_field_name("method").is_some_and(|name| source.of(name) == "freeze")
        {
            match at.child_by_field_name("receiver") {
                Some(frozen) => at = frozen,
                None => break,
            }
            continue;
        }
        if !matches!(at.kind(), "identifier" | "constant") {
            break;
        }
        match source.constant(at) {
            Some(value) => at = value,
            None => break,
        }
    }
    at
}

/// A string or a symbol.
pub(super) fn text<'t>(source: &Source<'t>, node: Node<'t>) -> Known<String> {
    let value = resolved(source, node);
    let symbol = match value.kind() {
        "simple_symbol" => Some(source.of(value).trim_start_matches(':').to_owned()),
        "delimited_symbol" => {
            Some(source.of(value).trim_start_matches(':').trim_matches(['"', '\'']).to_owned())
                .filter(|symbol| !symbol.contains("#{") && !symbol.contains('\\'))
        }
        "bare_string" | "bare_symbol" => {
            Some(source.of(value).to_owned()).filter(|word| !word.contains("#{"))
        }
        _ if is_stringy(source, value) => {
            compose(source, value).and_then(|composition| composition.text.constant().map(str::to_owned))
        }
        _ => None,
    };
    symbol.map_or_else(|| Known::Unknown(source.unknown(node)), Known::Known)
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
        _ => Known::Unknown(source.unknown(node)),
    }
}

/// Whether an expression says that there is no value.
pub(super) fn is_none<'t>(source: &Source<'t>, node: Node<'t>) -> bool {
    matches!(source.of(resolved(source, node)), "None" | "nil" | "null" | "undefined")
}

/// The items of a list, a tuple or an array.
pub(super) fn items<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Vec<Node<'t>>> {
    let value = resolved(source, node);
    let listed = matches!(value.kind(), "list" | "tuple" | "array" | "string_array" | "symbol_array" | "set");
    let items = listed.then(|| children_of(value))?;
    let whole = items.iter().all(|item| !item.kind().contains("splat"));
    whole.then_some(items)
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
        range: node.byte_range(),
        place: source.place(node.start_byte()),
    }
}
