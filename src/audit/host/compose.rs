//! Expressions that are strings: literals, concatenation, interpolation, formatting, and names of constants.

use std::ops::Range;

use tree_sitter::Node;

use super::composed::{Composed, Edit};
use super::fact::ProblemKind;
use super::format::{Arguments, Sign, braces, percent, signs};
use super::literal::{Part, read};
use super::shape::{Case, Change, Shape, shape, shape_is_no_name};
use super::tree::Source;
use super::turn::{Bound, elements, word};

/// Most constants that lead to each other.
pub(super) const DEEPEST_NAME: usize = 8;
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
            Shape::Literal | Shape::Sequence(_) | Shape::Joined(..) => return true,
            Shape::Bound(bound) => return changed && is_text(source, &bound, names),
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
pub(super) fn names_a_text<'t>(source: &Source<'t>, name: Node<'t>, names: usize) -> bool {
    if let Some(bound) = source.bound(name) {
        return is_text(source, &bound, names);
    }
    let Some(left) = names.checked_sub(1) else { return false };
    let text = |value: &Node<'t>| match value.kind() {
        "identifier" | "constant" => names_a_text(source, *value, left),
        _ => stringy(source, *value, left),
    };
    source.values(name).is_some_and(|values| values.iter().all(text))
}

/// Whether a value is a text, a word or a number.
pub(super) fn is_text<'t>(source: &Source<'t>, bound: &Bound<'t>, names: usize) -> bool {
    match bound {
        Bound::Text(..) | Bound::Number(_) => true,
        Bound::Node(node) => {
            word(source, *node).is_some()
                || names.checked_sub(1).is_some_and(|left| stringy(source, *node, left))
        }
        Bound::List(_) | Bound::Map(_) | Bound::Unknown(_) => false,
    }
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
                Shape::Bound(bound) if names < DEEPEST_NAME => {
                    if let Some(value) = self.bound(node, bound, &mut out) {
                        work.push((value, names + 1));
                    }
                }
                Shape::Joined(list, separator) if changes < DEEPEST_CHANGE => {
                    self.joined(node, list, separator, changes, &mut out);
                }
                Shape::Quoted(parts, quote) if changes < DEEPEST_CHANGE => {
                    self.quoted(&parts, quote, names, changes, &mut out);
                }
                Shape::Changed(..)
                | Shape::Quoted(..)
                | Shape::Bound(_)
                | Shape::Joined(..)
                | Shape::Other => {
                    self.hole(node, node.byte_range(), &mut out);
                }
            }
        }
        out
    }

    /// Puts in what a turn says; a node is left to be read.
    fn bound(&mut self, node: Node<'t>, bound: Bound<'t>, out: &mut Composed) -> Option<Node<'t>> {
        let length = match &bound {
            Bound::Text(text, _) => text.text().len(),
            Bound::Node(value) => value.byte_range().len(),
            Bound::Number(_) | Bound::List(_) | Bound::Map(_) | Bound::Unknown(_) => 0,
        };
        if !self.grows(node, length) {
            self.hole(node, node.byte_range(), out);
            return None;
        }
        match bound {
            Bound::Text(text, from) => {
                self.included.push(from.byte_range());
                out.append(&text, &(0..length));
            }
            Bound::Number(number) => out.escape(&number.to_string(), node.byte_range()),
            Bound::Node(value) => match word(self.source, value) {
                Some(word) => {
                    let at = value.start_byte() + self.source.of(value).find(word).unwrap_or(0);
                    out.verbatim(word, at);
                }
                None if is_stringy(self.source, value) => {
                    self.included.push(value.byte_range());
                    return Some(value);
                }
                None => out.hole(node.byte_range()),
            },
            Bound::List(_) | Bound::Map(_) | Bound::Unknown(_) => out.hole(node.byte_range()),
        }
        None
    }

    /// Puts in what a loop makes, with a separator between.
    fn joined(
        &mut self,
        node: Node<'t>,
        list: Node<'t>,
        separator: Node<'t>,
        changes: usize,
        out: &mut Composed,
    ) {
        let Ok(items) = elements(self.source, list) else {
            return self.hole(node, node.byte_range(), out);
        };
        let between = self.text(separator, 0, changes + 1);
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                out.append(&between, &(0..between.text().len()));
            }
            self.literals += 1;
            if let Some(value) = self.bound(list, item, out) {
                let text = self.text(value, 0, changes + 1);
                out.append(&text, &(0..text.text().len()));
            }
        }
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
        let length: usize = values.iter().map(|value| value.byte_range().len() + 1).sum();
        self.grows(node, length).then_some(values)
    }

    /// Takes from what constants may add; false when that is used up.
    fn grows(&self, node: Node<'t>, length: usize) -> bool {
        let growth = &self.source.growth;
        if let Some(left) = growth.get().checked_sub(length) {
            growth.set(left);
            return true;
        }
        if growth.replace(0) > 0 {
            self.source.problem(node.byte_range(), ProblemKind::TooMuchText);
        }
        false
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
            Change::Case(Case::Lower) => text.rewritten(str::to_lowercase),
            Change::Case(Case::Upper) => text.rewritten(str::to_uppercase),
            Change::Replace(from, to) => {
                let word = |node| compose(self.source, node)?.text.constant().map(str::to_owned);
                match word(*from).zip(word(*to)).filter(|(from, _)| !from.is_empty()) {
                    Some((from, to)) => text.rewritten(|text| text.replace(&from, &to)),
                    None => text.edited([Edit::Hole(0..text.text().len())]),
                }
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
            Shape::Quoted(..) | Shape::Joined(..) => true,
            Shape::Bound(bound) => is_text(self.source, &bound, DEEPEST_NAME),
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
        if let Some(bound) = self.source.bound(node) {
            return is_text(self.source, &bound, DEEPEST_NAME);
        }
        matches!(node.kind(), "identifier" | "constant") && self.source.values(node).is_some()
    }
}
