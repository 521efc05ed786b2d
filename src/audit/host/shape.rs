//! How an expression is built: what it is put together of, and what is done to that.

use tree_sitter::Node;

use super::call::{Call, pair};
use super::compose::{DEEPEST_NAME, is_text, names_a_text};
use super::format::Arguments;
use super::language::Language;
use super::literal::is_literal;
use super::tree::{Source, children_of};
use super::turn::{Bound, chosen, countable, eval, word};

/// Most calls of `append` in one chain.
const MOST_APPENDS: usize = 64;
/// Calls whose result is the text of their first argument, for what SQL is concerned.
const WRAPPERS: [&str; 5] = ["text", "SQL", "DDL", "conv", "literal"];
/// Methods whose result is the text that they are called on, for what SQL is concerned.
const METHODS: [&str; 14] = [
    "strip",
    "rstrip",
    "lstrip",
    "chomp",
    "freeze",
    "trim",
    "stripIndent",
    "strip_heredoc",
    "squish",
    "squish!",
    "to_s",
    "encode",
    "html_safe",
    "dup",
];

/// What is done to a string as a whole.
pub(super) enum Change<'t> {
    Dedent,
    Squish,
    /// `%s` and its kin stand for arguments.
    Percent(Arguments<'t>),
    /// `{}` and its kin stand for arguments.
    Braces(Arguments<'t>),
    /// It is rewritten in a way that is not followed: a hole at its end says so.
    Rewritten,
    /// Upper or lower case.
    Case(Case),
    /// Each of the first text is replaced by the second.
    Replace(Node<'t>, Node<'t>),
    /// What was put together bit by bit is taken out.
    Built,
    None,
}

/// Upper or lower case.
#[derive(Clone, Copy)]
pub(super) enum Case {
    Lower,
    Upper,
}

/// An expression with how it is built.
pub(super) enum Shape<'t> {
    Literal,
    /// One after another.
    Sequence(Vec<Node<'t>>),
    /// One string with a change, and what else is in the expression.
    Changed(Node<'t>, Change<'t>, Vec<Node<'t>>),
    /// Texts that are quoted each and put together with dots: `Identifier("a", "b")`.
    Quoted(Vec<Node<'t>>, char),
    /// What is in parentheses, or said to have a type.
    Same(Node<'t>),
    Name,
    /// What a turn of a loop says, or a part of what is written out.
    Bound(Bound<'t>),
    /// What a loop makes, with a separator between.
    Joined(Node<'t>, Node<'t>),
    Other,
}

/// Whether a value is neither a string nor another name.
pub(super) fn shape_is_no_name<'t>(source: &Source<'t>, node: Node<'t>) -> bool {
    !matches!(shape(source, node), Shape::Name)
}

pub(super) fn shape<'t>(source: &Source<'t>, node: Node<'t>) -> Shape<'t> {
    if is_literal(node) {
        return Shape::Literal;
    }
    match node.kind() {
        "concatenated_string" | "chained_string" => Shape::Sequence(children_of(node)),
        "parenthesized_expression" | "parenthesized_statements" => match children_of(node).as_slice() {
            [inner] => Shape::Same(*inner),
            _ => Shape::Other,
        },
        "as_expression" | "satisfies_expression" | "non_null_expression" => {
            node.named_child(0).map_or(Shape::Other, Shape::Same)
        }
        "binary_operator" | "binary_expression" | "binary" => operation(source, node),
        "call" | "call_expression" | "method_invocation" => {
            let shape = Call::of(source, node).map_or(Shape::Other, |call| called(source, &call));
            if matches!(shape, Shape::Other) {
                source.bound(node).map_or(Shape::Other, Shape::Bound)
            } else {
                shape
            }
        }
        // What is put in comes first.
        "object_creation_expression" => Call::of(source, node)
            .filter(is_builder)
            .map_or(Shape::Other, |call| Shape::Sequence(call.positional)),
        "identifier" | "constant" => source.bound(node).map_or(Shape::Name, Shape::Bound),
        "conditional_expression" | "ternary_expression" | "conditional" => {
            chosen(source, node).map_or(Shape::Other, Shape::Same)
        }
        _ => source.bound(node).map_or(Shape::Other, Shape::Bound),
    }
}

/// Java's `new StringBuilder(...)`.
fn is_builder(call: &Call<'_>) -> bool {
    matches!(call.name(), "StringBuilder" | "StringBuffer")
}

fn operation<'t>(source: &Source<'t>, node: Node<'t>) -> Shape<'t> {
    let Some((left, right)) = node.child_by_field_name("left").zip(node.child_by_field_name("right")) else {
        return Shape::Other;
    };
    match node.child_by_field_name("operator").map(|operator| source.of(operator)) {
        Some("+") => {
            let parts = summands(node);
            let stringy = parts.iter().any(|part| {
                is_literal(*part)
                    || part.kind().ends_with("ed_string")
                    || (matches!(part.kind(), "identifier" | "constant") && holds_a_literal(source, *part))
            });
            if stringy { Shape::Sequence(parts) } else { Shape::Other }
        }
        Some("%") if matches!(source.language, Language::Python | Language::Ruby) => {
            Shape::Changed(left, Change::Percent(Arguments::of_operand(source, right)), Vec::new())
        }
        _ => Shape::Other,
    }
}

/// Whether a name stands for a literal, or a few of them.
fn holds_a_literal<'t>(source: &Source<'t>, name: Node<'t>) -> bool {
    if let Some(bound) = source.bound(name) {
        return is_text(source, &bound, DEEPEST_NAME);
    }
    source.values(name).is_some_and(|values| values.iter().all(|value| is_literal(*value)))
}

/// The parts of a chain of `+`, which nests to the left.
pub(super) fn summands(node: Node<'_>) -> Vec<Node<'_>> {
    let mut parts = Vec::new();
    let mut at = node;
    loop {
        let plus = matches!(at.kind(), "binary_operator" | "binary_expression" | "binary")
            && at.child_by_field_name("operator").is_some_and(|operator| operator.kind() == "+");
        match at.child_by_field_name("left").zip(at.child_by_field_name("right")) {
            Some((left, right)) if plus => {
                parts.push(right);
                at = left;
            }
            _ => {
                parts.push(at);
                parts.reverse();
                return parts;
            }
        }
    }
}

fn called<'t>(source: &Source<'t>, call: &Call<'t>) -> Shape<'t> {
    if let Some(rewritten) = rewritten(source, call) {
        return rewritten;
    }
    let name = call.name();
    let first = call.positional.first().copied();
    let arguments = |skipped: usize| Arguments {
        positional: call.positional.iter().skip(skipped).copied().collect(),
        named: call.named.iter().copied().chain(spread(source, call)).collect(),
    };
    let others =
        || call.positional.iter().skip(1).chain(call.named.iter().map(|(_, node)| node)).copied().collect();
    let all = || call.positional.iter().chain(call.named.iter().map(|(_, node)| node)).copied().collect();
    match (name, call.receiver, first) {
        (_, _, Some(first))
            if first.kind() == "template_string"
                && call.named.is_empty()
                && call.positional.len() == 1
                && call
                    .node
                    .child_by_field_name("arguments")
                    .is_some_and(|list| list.kind() == "template_string") =>
        {
            Shape::Sequence(vec![first])
        }
        ("format", Some(receiver), _) if source.language == Language::Python => {
            Shape::Changed(receiver, Change::Braces(arguments(0)), Vec::new())
        }
        ("formatted", Some(receiver), _) if source.language == Language::Java => {
            Shape::Changed(receiver, Change::Percent(arguments(0)), Vec::new())
        }
        ("Sprintf", _, Some(first)) if source.language == Language::Go => {
            Shape::Changed(first, Change::Percent(arguments(1)), Vec::new())
        }
        ("format" | "sprintf", _, Some(first))
            if matches!(source.language, Language::Java | Language::Ruby) =>
        {
            Shape::Changed(first, Change::Percent(arguments(1)), Vec::new())
        }
        ("Identifier", _, Some(_)) if source.language == Language::Python && call.named.is_empty() => {
            Shape::Quoted(call.positional.clone(), '"')
        }
        ("Literal", _, Some(only)) if source.language == Language::Python && is_literal(only) => {
            Shape::Quoted(vec![only], '\'')
        }
        ("append", Some(receiver), Some(first))
            if source.language == Language::Java && builds(source, receiver) =>
        {
            Shape::Sequence(vec![receiver, first])
        }
        ("toString", Some(receiver), None) if source.language == Language::Java => {
            Shape::Changed(receiver, Change::Built, Vec::new())
        }
        ("String", Some(receiver), None) if source.language == Language::Go => {
            Shape::Changed(receiver, Change::Built, Vec::new())
        }
        ("dedent" | "cleandoc", _, Some(first)) => Shape::Changed(first, Change::Dedent, others()),
        ("squish" | "squish!", Some(receiver), _) => Shape::Changed(receiver, Change::Squish, Vec::new()),
        ("strip_heredoc" | "stripIndent", Some(receiver), _) => {
            Shape::Changed(receiver, Change::Dedent, Vec::new())
        }
        ("join" | "Join", Some(receiver), _) => joined(source, call, receiver),
        ("bindparams" | "execution_options" | "as_string", Some(receiver), _) => {
            Shape::Changed(receiver, Change::None, all())
        }
        (
            "replace" | "replaceAll" | "gsub" | "sub" | "format_map" | "concat" | "translate",
            Some(receiver),
            _,
        ) if object_is_string(source, receiver) => Shape::Changed(receiver, Change::Rewritten, all()),
        // Alembic's mark of a name that a convention has been applied to.
        ("f", Some(_), Some(first)) if source.language == Language::Python => Shape::Same(first),
        (name, _, Some(first)) if WRAPPERS.contains(&name) => Shape::Changed(first, Change::None, others()),
        (name, Some(receiver), None) if METHODS.contains(&name) => {
            Shape::Changed(receiver, Change::None, Vec::new())
        }
        _ => Shape::Other,
    }
}

/// `format(**item)`: what is in a dictionary that is written out.
fn spread<'t>(source: &Source<'t>, call: &Call<'t>) -> Vec<(&'t str, Node<'t>)> {
    let inner = call.spread.filter(|it| it.kind() == "dictionary_splat").and_then(|it| it.named_child(0));
    match inner.map(|inner| eval(source, inner)) {
        Some(Bound::Node(value)) if value.kind() == "dictionary" => {
            children_of(value).into_iter().filter_map(|item| pair(source, item)).collect()
        }
        Some(Bound::Node(value)) if value.kind() == "call" => {
            let call = Call::of(source, value).filter(|call| call.name() == "dict");
            call.map_or_else(Vec::new, |call| call.named)
        }
        Some(_) | None => Vec::new(),
    }
}

/// What changes each letter, or each place, of a text that is known.
fn rewritten<'t>(source: &Source<'t>, call: &Call<'t>) -> Option<Shape<'t>> {
    match (call.name(), call.receiver, call.positional.as_slice()) {
        ("lower" | "downcase" | "toLowerCase", Some(receiver), []) => cased(source, receiver, Case::Lower),
        ("upper" | "upcase" | "toUpperCase", Some(receiver), []) => cased(source, receiver, Case::Upper),
        ("ToLower", _, [only]) if call.object() == "strings" => cased(source, *only, Case::Lower),
        ("ToUpper", _, [only]) if call.object() == "strings" => cased(source, *only, Case::Upper),
        ("replace" | "replaceAll" | "gsub" | "tr" | "ReplaceAll", Some(_), [_, ..]) => replaced(source, call),
        _ => None,
    }
}

/// A text in upper or lower case; nothing of what only running the program would tell.
fn cased<'t>(source: &Source<'t>, node: Node<'t>, case: Case) -> Option<Shape<'t>> {
    let known = source.bound(node).is_some() || is_literal(node) || names_a_text(source, node, DEEPEST_NAME);
    known.then(|| Shape::Changed(node, Change::Case(case), Vec::new()))
}

/// `name.replace(".", "_")` of what a turn of a loop says: every place, where the language does that.
fn replaced<'t>(source: &Source<'t>, call: &Call<'t>) -> Option<Shape<'t>> {
    let (of, from, to) = match (source.language, call.name(), call.positional.as_slice()) {
        (Language::Go, "ReplaceAll", [of, from, to]) => (*of, *from, *to),
        (Language::Python | Language::Java, "replace", [from, to])
        | (Language::Ruby, "gsub", [from, to])
        | (Language::JavaScript | Language::TypeScript | Language::Tsx, "replaceAll", [from, to]) => {
            (call.receiver?, *from, *to)
        }
        // Of one letter each, it is the same.
        (Language::Ruby, "tr", [from, to]) if [from, to].iter().all(|it| source.of(**it).len() == 3) => {
            (call.receiver?, *from, *to)
        }
        _ => return None,
    };
    let bound =
        source.bound(of).is_some() || matches!(shape(source, of), Shape::Changed(_, Change::Case(_), _));
    let plain = bound && is_literal(from) && is_literal(to);
    plain.then(|| Shape::Changed(of, Change::Replace(from, to), Vec::new()))
}

/// Whether a method is called on a string itself, and not on a name that may be a module (`re.sub`).
fn object_is_string(source: &Source<'_>, receiver: Node<'_>) -> bool {
    is_literal(receiver)
        || matches!(receiver.kind(), "concatenated_string" | "chained_string")
        || (receiver.kind() == "parenthesized_expression" && source.of(receiver).contains(['"', '\'', '`']))
}

/// Whether calls of `append` lead back to `new StringBuilder(...)`.
fn builds<'t>(source: &Source<'t>, receiver: Node<'t>) -> bool {
    let mut at = receiver;
    for _ in 0..MOST_APPENDS {
        let Some(call) = Call::of(source, at) else { return false };
        if at.kind() == "object_creation_expression" {
            return is_builder(&call);
        }
        match call.receiver.filter(|_| call.name() == "append") {
            Some(receiver) => at = receiver,
            None => return false,
        }
    }
    false
}

/// `", ".join(["a", "b"])`, `["a", "b"].join(", ")`, `strings.Join([]string{"a", "b"}, ", ")`, `String.join(", ", "a", "b")`.
fn joined<'t>(source: &Source<'t>, call: &Call<'t>, receiver: Node<'t>) -> Shape<'t> {
    let arguments = call.positional.as_slice();
    let (items, separator) = match (source.language, arguments) {
        (Language::Java, [separator, items @ ..]) if call.object() == "String" => {
            (items.to_vec(), *separator)
        }
        (Language::Go, [list, separator]) if call.object() == "strings" => {
            (listed(source, *list), *separator)
        }
        (Language::Python, [list]) => (listed(source, *list), receiver),
        (Language::Ruby | Language::JavaScript | Language::TypeScript | Language::Tsx, [separator]) => {
            (listed(source, receiver), *separator)
        }
        _ => return Shape::Other,
    };
    if !is_literal(separator) {
        return Shape::Other;
    }
    // Symbols and numbers are no strings, and their texts are joined all the same.
    if items.is_empty() || items.iter().any(|item| word(source, *item).is_some()) {
        let list = match source.language {
            Language::Go | Language::Python => arguments.first().copied(),
            Language::Java => arguments.get(1).copied().filter(|_| arguments.len() == 2),
            Language::Ruby | Language::JavaScript | Language::TypeScript | Language::Tsx => Some(receiver),
        };
        return match list.filter(|list| countable(source, *list)) {
            Some(list) => Shape::Joined(list, separator),
            None => Shape::Other,
        };
    }
    let mut parts = Vec::new();
    for item in items {
        if !parts.is_empty() {
            parts.push(separator);
        }
        parts.push(item);
    }
    Shape::Sequence(parts)
}

/// The items of a list that is written out, here or where its name is given its value.
fn listed<'t>(source: &Source<'t>, node: Node<'t>) -> Vec<Node<'t>> {
    let Bound::Node(list) = eval(source, node) else { return Vec::new() };
    let list = if list.kind() == "composite_literal" {
        list.child_by_field_name("body").unwrap_or(list)
    } else {
        list
    };
    if !matches!(list.kind(), "list" | "tuple" | "array" | "literal_value") {
        return Vec::new();
    }
    let inner = |item: Node<'t>| {
        if item.kind() == "literal_element" { item.named_child(0).unwrap_or(item) } else { item }
    };
    let items: Vec<Node<'t>> = children_of(list).into_iter().map(inner).collect();
    if items.iter().any(|item| item.kind().contains("splat") || item.kind() == "spread_element") {
        Vec::new()
    } else {
        items
    }
}
