//! Words that stand for a text without being a string: symbols, keys, numbers.

use tree_sitter::Node;

use super::Bound;
use crate::audit::host::compose::compose;
use crate::audit::host::tree::Source;

/// The text of a symbol, a bare word, a key or a whole number.
pub(in super::super) fn word<'t>(source: &Source<'t>, node: Node<'t>) -> Option<&'t str> {
    let text = source.of(node);
    let plain = |text: &'t str| Some(text).filter(|text| !text.contains("#{") && !text.contains('\\'));
    match node.kind() {
        "simple_symbol" => Some(text.trim_start_matches(':')),
        "delimited_symbol" => plain(text.trim_start_matches(':').trim_matches(['"', '\''])),
        "bare_string" | "bare_symbol" => plain(text),
        "hash_key_symbol"
        | "property_identifier"
        | "shorthand_property_identifier"
        | "field_identifier"
        | "integer"
        | "int_literal"
        | "decimal_integer_literal" => Some(text),
        "number" => Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit())),
        _ => None,
    }
}

/// The text of a value, when it is one.
pub(super) fn text_of<'t>(source: &Source<'t>, bound: &Bound<'t>) -> Option<String> {
    match bound {
        Bound::Node(node) => match word(source, *node) {
            Some(word) => Some(word.to_owned()),
            None => compose(source, *node)?.text.constant().map(str::to_owned),
        },
        Bound::Text(text, _) => text.constant().map(str::to_owned),
        Bound::Number(number) => Some(number.to_string()),
        Bound::List(_) | Bound::Map(_) | Bound::Unknown(_) => None,
    }
}

/// The whole number that a value is.
pub(super) fn number_of<'t>(source: &Source<'t>, bound: &Bound<'t>) -> Option<i64> {
    match bound {
        Bound::Number(number) => Some(*number),
        Bound::Node(node)
            if matches!(node.kind(), "integer" | "int_literal" | "decimal_integer_literal" | "number") =>
        {
            source.of(*node).parse().ok()
        }
        Bound::Node(node) if matches!(node.kind(), "unary_operator" | "unary_expression" | "unary") => {
            source.of(*node).replace(' ', "").parse().ok()
        }
        Bound::Node(_) | Bound::Text(..) | Bound::List(_) | Bound::Map(_) | Bound::Unknown(_) => None,
    }
}
