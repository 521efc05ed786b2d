//! Expressions that are strings: literals, concatenation, interpolation, formatting, and names of constants.

use std::ops::Range;

use tree_sitter::Node;

use super::call::Call;
use super::composed::{Composed, Edit};
use super::fact::ProblemKind;
use super::format::{Arguments, Sign, braces, percent, signs};
use super::language::Language;
use super::literal::{Part, is_literal, read};
use super::tree::{Source, children_of};

/// Most constants that lead to each other.
const DEEPEST_NAME: usize = 8;
/// Most calls of `append` in one chain.
const MOST_APPENDS: usize = 64;
/// Deepest nesting of strings with a change of their own inside of each other (`dedent`, `format`).
const DEEPEST_CHANGE: usize = 12;

/// A string expression: its text, and the expressions in it that were not read.
pub(super) struct Composition<'t> {
    /// The text.
    pub(super) text: Composed,
    /// Expressions that became holes.
    pub(super) rest: Vec<Node<'t>>,
    /// Constants elsewhere in the file whose text is a part of it, in bytes.
    pub(super) included: Vec<Range<usize>>,
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
enum Change<'t> {
    Dedent,
    Squish,
    /// `%s` and its kin stand for arguments.
    Percent(Arguments<'t>),
    /// `{}` and its kin stand for arguments.
    Braces(Arguments<'t>),
    /// It is rewritten in a way that is not followed: a hole at its end says so.
    Rewritten,
    /// What was put together bit by bit is taken out.
    Built,
    None,
}

/// An expression with how it is built.
enum Shape<'t> {
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
    Other,
}

/// Whether an expression is built of string literals, by its outermost shape.
pub(super) fn is_stringy<'t>(source: &Source<'t>, node: Node<'t>) -> bool {
    stringy(source, node, DEEPEST_NAME)
}

/// `names` counts down the names on the way here.
fn stringy<'t>(source: &Source<'t>, node: Node<'t>, names: usize) -> bool {
    let mut at = node;
    let mut changed = false;
    for _ in 0..DEEPEST_CHANGE {
        match shape(source, at) {
            Shape::Literal | Shape::Sequence(_) => return true,
            Shape::Changed(inner, change, _) => {
                changed |= !matches!(change, Change::None);
                at = inner;
            }
            Shape::Same(inner) => at = inner,
            Shape::Name => return changed && names_a_text(source, at, names),
            Shape::Quoted(..) | Shape::Other => return false,
        }
    }
    false
}

/// Whether a name stands for a text that the file says.
fn names_a_text<'t>(source: &Source<'t>, name: Node<'t>, names: usize) -> bool {
    let Some(left) = names.checked_sub(1) else { return false };
    let text = |value: &Node<'t>| match value.kind() {
        "identifier" | "constant" => names_a_text(source, *value, left),
        _ => stringy(source, *value, left),
    };
    source.values(name).is_some_and(|values| values.iter().all(text))
}

/// The text of an expression; `None` when no string literal is in it.
pub(super) fn compose<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Composition<'t>> {
    compose_all(source, &[node])
}

/// The text of several expressions one after the other.
pub(super) fn compose_all<'t>(source: &Source<'t>, nodes: &[Node<'t>]) -> Option<Composition<'t>> {
    let mut composer = Composer { source, rest: Vec::new(), included: Vec::new(), literals: 0 };
    let mut text = Composed::default();
    for node in nodes {
        let part = composer.text(*node, 0, 0);
        text.append(&part, &(0..part.text().len()));
    }
    let Composer { rest, included, literals, .. } = composer;
    (literals > 0).then_some(Composition { text, rest, included })
}

struct Composer<'s, 't> {
    source: &'s Source<'t>,
    rest: Vec<Node<'t>>,
    included: Vec<Range<usize>>,
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
                    let text = self.changed(&text, &change, names, changes);
                    out.append(&text, &(0..text.text().len()));
                    self.rest.extend(rest);
                }
                Shape::Name => match self.named(node, names) {
                    Some(values) => {
                        self.included.extend(values.iter().map(Node::byte_range));
                        work.extend(values.into_iter().rev().map(|value| (value, names + 1)));
                    }
                    None => self.hole(node, node.byte_range(), &mut out),
                },
                Shape::Quoted(parts, quote) if changes < DEEPEST_CHANGE => {
                    self.quoted(&parts, quote, names, changes, &mut out);
                }
                Shape::Changed(..) | Shape::Quoted(..) | Shape::Other => {
                    self.hole(node, node.byte_range(), &mut out);
                }
            }
        }
        out
    }

    fn hole(&mut self, node: Node<'t>, range: Range<usize>, out: &mut Composed) {
        self.rest.push(node);
        out.hole(range);
    }

    /// The constants that a name stands for, as long as the file's budget lasts.
    fn named(&self, node: Node<'t>, names: usize) -> Option<Vec<Node<'t>>> {
        if names >= DEEPEST_NAME {
            return None;
        }
        let values = self.source.values(node)?;
        if values
            .iter()
            .any(|value| !is_stringy(self.source, *value) && shape_is_no_name(self.source, *value))
        {
            return None;
        }
        let growth = &self.source.growth;
        let length: usize = values.iter().map(|value| value.byte_range().len() + 1).sum();
        if let Some(left) = growth.get().checked_sub(length) {
            growth.set(left);
            return Some(values);
        }
        if growth.replace(0) > 0 {
            self.source.problem(node.byte_range(), ProblemKind::TooMuchText);
        }
        None
    }

    /// `Identifier("a", "b")`: `"a"."b"`.
    fn quoted(&mut self, parts: &[Node<'t>], quote: char, names: usize, changes: usize, out: &mut Composed) {
        for (at, part) in parts.iter().enumerate() {
            let text = self.text(*part, names, changes + 1);
            let place = part.start_byte()..part.start_byte();
            out.escape(if at > 0 { "." } else { "" }, place.clone());
            match text.constant() {
                Some(word) if !word.contains(quote) => {
                    out.escape(quote.encode_utf8(&mut [0; 4]), place.clone());
                    out.append(&text, &(0..word.len()));
                    out.escape(quote.encode_utf8(&mut [0; 4]), place);
                }
                _ => out.hole(part.byte_range()),
            }
        }
    }

    /// What is done to a string as a whole.
    fn changed(&mut self, text: &Composed, change: &Change<'t>, names: usize, changes: usize) -> Composed {
        match change {
            Change::Dedent => text.dedented(),
            Change::Squish => text.squished(),
            Change::Percent(arguments) => self.formatted(text, arguments, percent, names, changes),
            Change::Braces(arguments) => self.formatted(text, arguments, braces, names, changes),
            Change::Rewritten => {
                let end = text.text().len();
                text.edited([Edit::Keep(0..end), Edit::Put(end..end, " "), Edit::Hole(end..end)])
            }
            Change::Built | Change::None => text.clone(),
        }
    }

    /// Puts the arguments of a format in their places; those that are not known become holes.
    fn formatted(
        &mut self,
        text: &Composed,
        arguments: &Arguments<'t>,
        sign: fn(&str) -> Option<(Sign<'_>, usize)>,
        names: usize,
        changes: usize,
    ) -> Composed {
        let mut edits = Vec::new();
        let mut used = Vec::new();
        let mut next = 0;
        let mut kept = 0;
        for (range, sign) in signs(text.text(), sign) {
            edits.push(Edit::Keep(kept..range.start));
            kept = range.end;
            let argument = match sign {
                Sign::Text(text) => {
                    edits.push(Edit::Put(range, text));
                    continue;
                }
                Sign::Next | Sign::NextUnread => {
                    next += 1;
                    arguments.positional.get(next - 1).filter(|_| sign == Sign::Next)
                }
                Sign::Index(at) => arguments.positional.get(at),
                Sign::Name(name) => arguments.named.iter().find(|(is, _)| *is == name).map(|(_, node)| node),
                Sign::Unread => None,
            };
            let value = argument.copied().and_then(|node| Some((node, self.argument(node, names, changes)?)));
            edits.push(match value {
                Some((node, value)) => {
                    used.push(node.id());
                    Edit::Insert(value)
                }
                None => Edit::Hole(range),
            });
        }
        edits.push(Edit::Keep(kept..text.text().len()));
        let all = arguments.positional.iter().chain(arguments.named.iter().map(|(_, node)| node));
        self.rest.extend(all.filter(|node| !used.contains(&node.id())));
        text.edited(edits)
    }

    /// The text that an argument of a format is put in as.
    fn argument(&mut self, node: Node<'t>, names: usize, changes: usize) -> Option<Composed> {
        if changes >= DEEPEST_CHANGE {
            return None;
        }
        let mut text = Composed::default();
        if matches!(node.kind(), "integer" | "int_literal" | "decimal_integer_literal" | "number") {
            text.verbatim(self.source.of(node), node.start_byte());
            return Some(text);
        }
        let known = match shape(self.source, node) {
            Shape::Quoted(..) => true,
            Shape::Name => names_a_text(self.source, node, DEEPEST_NAME),
            Shape::Literal | Shape::Sequence(_) | Shape::Changed(..) | Shape::Same(_) => {
                is_stringy(self.source, node)
            }
            Shape::Other => false,
        };
        known.then(|| self.text(node, names + 1, changes + 1))
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
        matches!(node.kind(), "identifier" | "constant") && self.source.values(node).is_some()
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
        // What is put in comes first.
        "object_creation_expression" => Call::of(source, node)
            .filter(is_builder)
            .map_or(Shape::Other, |call| Shape::Sequence(call.positional)),
        "identifier" | "constant" => Shape::Name,
        _ => Shape::Other,
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
    let name = call.name();
    let first = call.positional.first().copied();
    let arguments = |skipped: usize| Arguments {
        positional: call.positional.iter().skip(skipped).copied().collect(),
        named: call.named.clone(),
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
    if items.is_empty() || !is_literal(separator) {
        return Shape::Other;
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
    let list =
        if matches!(node.kind(), "identifier" | "constant") { source.constant(node) } else { Some(node) };
    let Some(list) = list else { return Vec::new() };
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
