//! Conditions that a turn decides: comparisons of what its names stand for.

use tree_sitter::Node;

use super::word::text_of;
use super::{Bound, database, elements, eval};
use crate::audit::host::call::Call;
use crate::audit::host::language::Language;
use crate::audit::host::tree::{Source, children_of};

/// Whether a condition holds; `None` when only running the program would tell.
pub(in super::super) fn decide<'t>(source: &Source<'t>, node: Node<'t>) -> Option<bool> {
    source.turns.deeper(|| decided(source, node))
}

fn decided<'t>(source: &Source<'t>, node: Node<'t>) -> Option<bool> {
    let field = |name: &str| node.child_by_field_name(name);
    let operator = || field("operator").or_else(|| field("operators")).map_or("", |it| source.of(it));
    match node.kind() {
        "parenthesized_expression" | "parenthesized_statements" => match children_of(node).as_slice() {
            [inner] => decide(source, *inner),
            _ => None,
        },
        "not_operator" => decide(source, field("argument")?).map(|is| !is),
        "unary_expression" | "unary" if matches!(operator(), "!" | "not") => {
            let inner = field("argument").or_else(|| field("operand"))?;
            decide(source, inner).map(|is| !is)
        }
        "boolean_operator" | "binary_expression" | "binary"
            if matches!(operator(), "and" | "or" | "&&" | "||") =>
        {
            let (left, right) = (decide(source, field("left")?), decide(source, field("right")?));
            // One of them may be enough.
            match (matches!(operator(), "and" | "&&"), left, right) {
                (true, Some(false), _) | (true, _, Some(false)) => Some(false),
                (false, Some(true), _) | (false, _, Some(true)) => Some(true),
                (_, left, right) => left.and(right),
            }
        }
        "comparison_operator" => {
            let children = children_of(node);
            let [left, right] = children.as_slice() else { return None };
            let between = source.text.get(left.end_byte()..right.start_byte())?;
            let words: Vec<&str> = between.split_whitespace().collect();
            compared(source, *left, &words.join(" "), *right)
        }
        "binary_expression" | "binary" => compared(source, field("left")?, operator(), field("right")?),
        "call" | "call_expression" | "method_invocation" => called(source, &Call::of(source, node)?),
        _ => {
            let bound = eval(source, node);
            // A name may stand for a condition.
            if let Bound::Node(inner) = &bound
                && inner.id() != node.id()
                && is_comparison(*inner)
            {
                return decide(source, *inner);
            }
            truth(source, &bound)
        }
    }
}

fn is_comparison(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "comparison_operator" | "boolean_operator" | "not_operator" | "binary_expression" | "binary"
    )
}

/// Whether a choice hangs on which database the program talks to, and on nothing that only running it would tell.
pub(in super::super) fn hangs_on_database<'t>(source: &Source<'t>, condition: Node<'t>) -> Option<bool> {
    database::asks(source, condition).then(|| decide(source, condition)).flatten()
}

/// The branch of a conditional expression that is taken.
pub(in super::super) fn chosen<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Node<'t>> {
    source.turns.now()?;
    let (condition, yes, no) = if node.kind() == "conditional_expression" {
        let children = children_of(node);
        let [yes, condition, no] = children.as_slice() else { return None };
        (*condition, *yes, *no)
    } else {
        let field = |name: &str| node.child_by_field_name(name);
        (field("condition")?, field("consequence")?, field("alternative")?)
    };
    Some(if decide(source, condition)? { yes } else { no })
}

/// What a value counts as in a condition.
fn truth<'t>(source: &Source<'t>, bound: &Bound<'t>) -> Option<bool> {
    if let Bound::Node(node) = bound {
        match source.of(*node) {
            "True" | "true" => return Some(true),
            "False" | "false" | "None" | "nil" | "null" | "undefined" => return Some(false),
            _ => {}
        }
    }
    let empty = match bound {
        Bound::Number(number) => *number == 0,
        Bound::List(items) => items.is_empty(),
        Bound::Map(pairs) => pairs.is_empty(),
        Bound::Unknown(_) => return None,
        Bound::Node(node) if matches!(node.kind(), "list" | "tuple" | "dictionary" | "set") => {
            children_of(*node).is_empty()
        }
        Bound::Node(node) if matches!(node.kind(), "array" | "hash" | "object") => false,
        Bound::Node(_) | Bound::Text(..) => {
            let text = text_of(source, bound)?;
            let number = matches!(bound, Bound::Node(node) if matches!(node.kind(), "integer" | "number"));
            text.is_empty() || (number && text == "0")
        }
    };
    // In Ruby only nil and false count as false.
    Some(!empty || source.language == Language::Ruby)
}

/// A value as it is compared.
#[derive(PartialEq, Eq)]
enum Value {
    None,
    Truth(bool),
    Text(String),
}

impl Value {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::None | Self::Truth(_) => None,
        }
    }
}

fn comparable<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Value> {
    let bound = eval(source, node);
    if let Bound::Node(node) = &bound {
        match source.of(*node) {
            "None" | "nil" | "null" | "undefined" => return Some(Value::None),
            "True" | "true" => return Some(Value::Truth(true)),
            "False" | "false" => return Some(Value::Truth(false)),
            _ => {}
        }
    }
    text_of(source, &bound).map(Value::Text)
}

fn compared<'t>(source: &Source<'t>, left: Node<'t>, operator: &str, right: Node<'t>) -> Option<bool> {
    let known = match operator {
        "==" | "===" | "is" => same(source, left, right),
        "!=" | "!==" | "is not" => same(source, left, right).map(|is| !is),
        "in" | "not in" if source.language == Language::Python => {
            within(source, left, right).map(|is| is == (operator == "in"))
        }
        _ => None,
    };
    known.or_else(|| database::is_ours(source, left, operator, right))
}

fn same<'t>(source: &Source<'t>, one: Node<'t>, other: Node<'t>) -> Option<bool> {
    Some(comparable(source, one)? == comparable(source, other)?)
}

/// Whether a value is in a list, or a text in a text.
fn within<'t>(source: &Source<'t>, item: Node<'t>, list: Node<'t>) -> Option<bool> {
    let item = comparable(source, item)?;
    let item = item.text()?;
    if let Some(text) = text_of(source, &eval(source, list)) {
        return Some(text.contains(item));
    }
    let all = elements(source, list).ok()?;
    let texts: Option<Vec<String>> = all.iter().map(|is| text_of(source, is)).collect();
    Some(texts?.iter().any(|text| text == item))
}

fn called<'t>(source: &Source<'t>, call: &Call<'t>) -> Option<bool> {
    let of = call.receiver?;
    let text = |node: Node<'t>| text_of(source, &eval(source, node));
    match (call.name(), call.positional.as_slice()) {
        ("HasPrefix", [of, word]) if call.object() == "strings" => {
            Some(text(*of)?.starts_with(&text(*word)?))
        }
        ("HasSuffix", [of, word]) if call.object() == "strings" => Some(text(*of)?.ends_with(&text(*word)?)),
        ("startswith" | "startsWith" | "start_with?", [word]) => match text(of) {
            Some(of) => Some(of.starts_with(&text(*word)?)),
            None => database::begins(source, of, *word),
        },
        ("endswith" | "endsWith" | "end_with?", [word]) => Some(text(of)?.ends_with(&text(*word)?)),
        ("includes" | "include?" | "contains", [item]) => within(source, *item, of)
            .or_else(|| database::among(source, of).filter(|_| database::tells(source, *item))),
        ("equals" | "eql?", [other]) => compared(source, of, "==", *other),
        ("nil?", []) => Some(comparable(source, of)? == Value::None),
        ("present?", []) => Some(comparable(source, of)?.text().is_some_and(|text| !text.trim().is_empty())),
        ("blank?", []) => Some(comparable(source, of)?.text().is_none_or(|text| text.trim().is_empty())),
        ("empty?" | "isEmpty", []) => text(of).map(|text| text.is_empty()),
        _ => truth(source, &super::member::value(source, call.node)?),
    }
}
