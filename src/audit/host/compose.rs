//! Expressions that are strings: literals, concatenation, interpolation, formatting, and names of constants.

use std::ops::Range;

use tree_sitter::Node;

use super::call::Call;
use super::composed::{Composed, Edit};
use super::fact::ProblemKind;
use super::language::Language;
use super::literal::{Part, is_literal, read};
use super::tree::{Source, children_of};

/// Most constants that lead to each other.
const DEEPEST_NAME: usize = 8;
/// Deepest nesting of strings with a change of their own inside of each other (`dedent`, `format`).
const DEEPEST_CHANGE: usize = 12;

/// A string expression: its text, and the expressions in it that were not read.
pub(super) struct Composition<'t> {
    /// The text.
    pub(super) text: Composed,
    /// Expressions that became holes.
    pub(super) rest: Vec<Node<'t>>,
}

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Dedent,
    Squish,
    /// `%s` and its kin become holes.
    Percent,
    /// `{}` and its kin become holes.
    Braces,
    /// It is rewritten in a way that is not followed: a hole at its end says so.
    Rewritten,
    None,
}

/// An expression with how it is built.
enum Shape<'t> {
    Literal,
    /// One after another.
    Sequence(Vec<Node<'t>>),
    /// One string with a change, and what else is in the expression.
    Changed(Node<'t>, Change, Vec<Node<'t>>),
    /// What is in parentheses, or said to have a type.
    Same(Node<'t>),
    Name,
    Other,
}

/// Whether an expression is built of string literals, by its outermost shape.
pub(super) fn is_stringy<'t>(source: &Source<'t>, node: Node<'t>) -> bool {
    let mut at = node;
    for _ in 0..DEEPEST_CHANGE {
        match shape(source, at) {
            Shape::Literal | Shape::Sequence(_) => return true,
            Shape::Changed(inner, ..) | Shape::Same(inner) => at = inner,
            Shape::Name | Shape::Other => return false,
        }
    }
    false
}

/// The text of an expression; `None` when no string literal is in it.
pub(super) fn compose<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Composition<'t>> {
    let mut composer = Composer { source, rest: Vec::new(), literals: 0 };
    let text = composer.text(node, 0, 0);
    (composer.literals > 0).then_some(Composition { text, rest: composer.rest })
}

struct Composer<'s, 't> {
    source: &'s Source<'t>,
    rest: Vec<Node<'t>>,
    literals: usize,
}

impl<'t> Composer<'_, 't> {
    /// `names` counts constants on the way here, `changes` the levels of this function.
    fn text(&mut self, node: Node<'t>, names: usize, changes: usize) -> Composed {
        let mut out = Composed::default();
        let mut work: Vec<(Node<'t>, usize)> = vec![(node, names)];
        while let Some((node, names)) = work.pop() {
            match shape(self.source, node) {
                Shape::Literal => self.literal(node, names, changes, &mut out),
                Shape::Same(inner) => work.push((inner, names)),
                Shape::Sequence(parts) => work.extend(parts.into_iter().rev().map(|part| (part, names))),
                Shape::Changed(inner, change, rest) if changes < DEEPEST_CHANGE => {
                    let text = self.text(inner, names, changes + 1);
                    let text = changed(&text, change);
                    out.append(&text, &(0..text.text().len()));
                    self.rest.extend(rest);
                }
                Shape::Name => match self.named(node, names) {
                    Some(value) => work.push((value, names + 1)),
                    None => self.hole(node, node.byte_range(), &mut out),
                },
                Shape::Changed(..) | Shape::Other => self.hole(node, node.byte_range(), &mut out),
            }
        }
        out
    }

    fn hole(&mut self, node: Node<'t>, range: Range<usize>, out: &mut Composed) {
        self.rest.push(node);
        out.hole(range);
    }

    /// The constant that a name stands for, as long as the file's budget lasts.
    fn named(&self, node: Node<'t>, names: usize) -> Option<Node<'t>> {
        if names >= DEEPEST_NAME {
            return None;
        }
        let value = self.source.constant(self.source.of(node))?;
        if !is_stringy(self.source, value) && shape_is_no_name(self.source, value) {
            return None;
        }
        let growth = &self.source.growth;
        if let Some(left) = growth.get().checked_sub(value.byte_range().len() + 1) {
            growth.set(left);
            return Some(value);
        }
        if growth.replace(0) > 0 {
            self.source.problem(node.byte_range(), ProblemKind::TooMuchText);
        }
        None
    }

    fn literal(&mut self, node: Node<'t>, names: usize, changes: usize, out: &mut Composed) {
        self.literals += 1;
        let Some((parts, dedent)) = read(self.source, node) else {
            out.hole(node.byte_range());
            return;
        };
        let mut text = Composed::default();
        for part in parts {
            match part {
                Part::Text(part) => text.append(&part, &(0..part.text().len())),
                Part::Expression(expression, range) => {
                    let inner = expression.filter(|inner| {
                        changes < DEEPEST_CHANGE
                            && (is_stringy(self.source, *inner) || self.is_constant_name(*inner))
                    });
                    if let Some(inner) = inner {
                        let inner = self.text(inner, names + 1, changes + 1);
                        text.append(&inner, &(0..inner.text().len()));
                    } else {
                        self.rest.extend(expression);
                        text.hole(range);
                    }
                }
            }
        }
        let text = if dedent { text.dedented() } else { text };
        out.append(&text, &(0..text.text().len()));
    }

    fn is_constant_name(&self, node: Node<'t>) -> bool {
        matches!(node.kind(), "identifier" | "constant")
            && self.source.constant(self.source.of(node)).is_some()
    }
}

/// Whether a value is neither a string nor another name.
fn shape_is_no_name<'t>(source: &Source<'t>, node: Node<'t>) -> bool {
    !matches!(shape(source, node), Shape::Name)
}

fn shape<'t>(source: &Source<'t>, node: Node<'t>) -> Shape<'t> {
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
            Call::of(source, node).map_or(Shape::Other, |call| called(source, &call))
        }
        "identifier" | "constant" => Shape::Name,
        _ => Shape::Other,
    }
}

fn operation<'t>(source: &Source<'t>, node: Node<'t>) -> Shape<'t> {
    let Some((left, right)) = node.child_by_field_name("left").zip(node.child_by_field_name("right")) else {
        return Shape::Other;
    };
    match node.child_by_field_name("operator").map(|operator| source.of(operator)) {
        Some("+") => {
            let parts = summands(node);
            let stringy = parts.iter().any(|part| is_literal(*part) || part.kind().ends_with("ed_string"));
            if stringy { Shape::Sequence(parts) } else { Shape::Other }
        }
        Some("%") if matches!(source.language, Language::Python | Language::Ruby) => {
            Shape::Changed(left, Change::Percent, vec![right])
        }
        _ => Shape::Other,
    }
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
    let name = call.name();
    let first = call.positional.first().copied();
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
            Shape::Changed(receiver, Change::Braces, all())
        }
        ("formatted", Some(receiver), _) if source.language == Language::Java => {
            Shape::Changed(receiver, Change::Percent, all())
        }
        ("Sprintf", _, Some(first)) if source.language == Language::Go => {
            Shape::Changed(first, Change::Percent, others())
        }
        ("format" | "sprintf", _, Some(first))
            if matches!(source.language, Language::Java | Language::Ruby) =>
        {
            Shape::Changed(first, Change::Percent, others())
        }
        ("dedent" | "cleandoc", _, Some(first)) => Shape::Changed(first, Change::Dedent, others()),
        ("squish" | "squish!", Some(receiver), _) => Shape::Changed(receiver, Change::Squish, Vec::new()),
        ("strip_heredoc" | "stripIndent", Some(receiver), _) => {
            Shape::Changed(receiver, Change::Dedent, Vec::new())
        }
        ("join", Some(receiver), _) => joined(source, call, receiver),
        ("bindparams" | "execution_options" | "as_string", Some(receiver), _) => {
            Shape::Changed(receiver, Change::None, all())
        }
        (
            "replace" | "replaceAll" | "gsub" | "sub" | "format_map" | "concat" | "translate",
            Some(receiver),
            _,
        ) if object_is_string(source, receiver) => Shape::Changed(receiver, Change::Rewritten, all()),
        // Alembic's mark of a name that a convention has been applied to.
        ("f", _, Some(first)) if call.object() == "op" => Shape::Same(first),
        (name, _, Some(first)) if WRAPPERS.contains(&name) => Shape::Changed(first, Change::None, others()),
        (name, Some(receiver), None) if METHODS.contains(&name) => {
            Shape::Changed(receiver, Change::None, Vec::new())
        }
        _ => Shape::Other,
    }
}

/// Whether a method is called on a string itself, and not on a name that may be a module (`re.sub`).
fn object_is_string(source: &Source<'_>, receiver: Node<'_>) -> bool {
    is_literal(receiver)
        || matches!(receiver.kind(), "concatenated_string" | "chained_string")
        || (receiver.kind() == "parenthesized_expression" && source.of(receiver).contains(['"', '\'', '`']))
}

/// `", ".join(["a", "b"])` and `["a", "b"].join(", ")`.
fn joined<'t>(source: &Source<'t>, call: &Call<'t>, receiver: Node<'t>) -> Shape<'t> {
    let [argument] = call.positional.as_slice() else { return Shape::Other };
    let (list, separator) =
        if source.language == Language::Python { (*argument, receiver) } else { (receiver, *argument) };
    if !matches!(list.kind(), "list" | "tuple" | "array") || !is_literal(separator) {
        return Shape::Other;
    }
    let mut parts = Vec::new();
    for item in children_of(list) {
        if !parts.is_empty() {
            parts.push(separator);
        }
        parts.push(item);
    }
    Shape::Sequence(parts)
}

fn changed(text: &Composed, change: Change) -> Composed {
    match change {
        Change::Dedent => text.dedented(),
        Change::Squish => text.squished(),
        Change::Percent => formatted(text, percent),
        Change::Braces => formatted(text, braces),
        Change::Rewritten => {
            let end = text.text().len();
            text.edited([Edit::Keep(0..end), Edit::Put(end..end, " "), Edit::Hole(end..end)])
        }
        Change::None => text.clone(),
    }
}

/// What a sign of a format stands for.
enum Sign {
    Hole,
    Text(&'static str),
}

/// Replaces the signs of a format. `sign` reads one at the start of a text.
fn formatted(text: &Composed, sign: fn(&str) -> Option<(Sign, usize)>) -> Composed {
    let whole = text.text();
    let mut edits = Vec::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(found) = whole.get(at..).and_then(|rest| rest.find(['%', '{', '}'])) {
        let start = at + found;
        match sign(&whole[start..]) {
            Some((sign, length)) => {
                edits.push(Edit::Keep(kept..start));
                edits.push(match sign {
                    Sign::Hole => Edit::Hole(start..start + length),
                    Sign::Text(text) => Edit::Put(start..start + length, text),
                });
                kept = start + length;
                at = kept;
            }
            None => at = start + 1,
        }
    }
    edits.push(Edit::Keep(kept..whole.len()));
    text.edited(edits)
}

/// `%s`, `%-10d`, `%(name)s`, `%<name>s`, `%{name}`, `%[1]s`, `%1$s`, `%%`.
fn percent(text: &str) -> Option<(Sign, usize)> {
    let rest = text.strip_prefix('%')?;
    if rest.starts_with('%') {
        return Some((Sign::Text("%"), 2));
    }
    for (open, close) in [('(', ')'), ('<', '>'), ('[', ']')] {
        if rest.starts_with(open) {
            let close = rest.find(close)?;
            let kind = rest.get(close + 1..)?.find(|char: char| char.is_ascii_alphabetic())?;
            return (kind < 8).then_some((Sign::Hole, 1 + close + 1 + kind + 1));
        }
    }
    if rest.starts_with('{') {
        return Some((Sign::Hole, 1 + rest.find('}')? + 1));
    }
    let flags = rest.find(|char: char| !matches!(char, '0'..='9' | '-' | '+' | '#' | '.' | '*' | '$'))?;
    let letter = rest.get(flags..)?.chars().next()?;
    letter.is_ascii_alphabetic().then_some((Sign::Hole, 1 + flags + 1))
}

/// `{}`, `{0}`, `{name!r:>10}`, `{{`, `}}`.
fn braces(text: &str) -> Option<(Sign, usize)> {
    if text.starts_with("{{") {
        return Some((Sign::Text("{"), 2));
    }
    if text.starts_with("}}") {
        return Some((Sign::Text("}"), 2));
    }
    let rest = text.strip_prefix('{')?;
    Some((Sign::Hole, 1 + rest.find('}')? + 1))
}
