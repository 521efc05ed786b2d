//! The signs of formats that stand for arguments.

use std::ops::Range;

use tree_sitter::Node;

use super::call::pair;
use super::tree::{Source, children_of};
use super::turn::{Bound, eval};

/// What is put into a format.
pub(super) struct Arguments<'t> {
    /// By their order.
    pub(super) positional: Vec<Node<'t>>,
    /// By their name.
    pub(super) named: Vec<(&'t str, Node<'t>)>,
}

impl<'t> Arguments<'t> {
    /// What stands behind the `%` of Python and Ruby: a tuple, a dictionary, or the only argument.
    pub(super) fn of_operand(source: &Source<'t>, node: Node<'t>) -> Self {
        // A name of a tuple or a dictionary stands for what is in it.
        let node = match eval(source, node) {
            Bound::Node(value) if matches!(value.kind(), "tuple" | "array" | "dictionary" | "hash") => value,
            Bound::Node(_)
            | Bound::Text(..)
            | Bound::Number(_)
            | Bound::List(_)
            | Bound::Map(_)
            | Bound::Unknown(_) => node,
        };
        match node.kind() {
            "tuple" | "array" => Self { positional: children_of(node), named: Vec::new() },
            "dictionary" | "hash" => {
                let pairs = children_of(node).into_iter().filter_map(|child| pair(source, child));
                Self { positional: Vec::new(), named: pairs.collect() }
            }
            "parenthesized_expression" | "parenthesized_statements" => {
                Self { positional: children_of(node), named: Vec::new() }
            }
            _ => Self { positional: vec![node], named: Vec::new() },
        }
    }
}

/// What a sign of a format stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign<'a> {
    /// The next argument as it is.
    Next,
    /// The next argument, changed in a way that is not followed.
    NextUnread,
    /// An argument by its place.
    Index(usize),
    /// An argument by its name.
    Name(&'a str),
    /// An argument that is not followed.
    Unread,
    /// Itself.
    Text(&'static str),
}

/// The signs of a format with their places. `sign` reads one at the start of a text.
pub(super) fn signs<'a>(
    text: &'a str,
    sign: fn(&'a str) -> Option<(Sign<'a>, usize)>,
) -> Vec<(Range<usize>, Sign<'a>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text.get(at..).and_then(|rest| rest.find(['%', '{', '}'])) {
        let start = at + next;
        match text.get(start..).and_then(sign) {
            Some((sign, length)) => {
                found.push((start..start + length, sign));
                at = start + length;
            }
            None => at = start + 1,
        }
    }
    found
}

/// `%s`, `%-10d`, `%(name)s`, `%<name>s`, `%{name}`, `%[1]s`, `%1$s`, `%%`.
pub(super) fn percent(text: &str) -> Option<(Sign<'_>, usize)> {
    let rest = text.strip_prefix('%')?;
    if rest.starts_with('%') {
        return Some((Sign::Text("%"), 2));
    }
    for (open, close) in [('(', ')'), ('<', '>'), ('[', ']')] {
        if rest.starts_with(open) {
            let close = rest.find(close)?;
            let name = rest.get(1..close)?;
            let kind = rest.get(close + 1..)?.find(|char: char| char.is_ascii_alphabetic())?;
            let plain = rest.get(close + 1..)?.starts_with(['s', 'd', 'v', 'i']);
            let sign = match name.parse::<usize>().ok().and_then(|number| number.checked_sub(1)) {
                _ if !plain => Sign::Unread,
                Some(index) if open == '[' => Sign::Index(index),
                _ => Sign::Name(name),
            };
            return (kind < 8).then_some((sign, 1 + close + 1 + kind + 1));
        }
    }
    if rest.starts_with('{') {
        let close = rest.find('}')?;
        return Some((Sign::Name(rest.get(1..close)?), 1 + close + 1));
    }
    let flags = rest.find(|char: char| !matches!(char, '0'..='9' | '-' | '+' | '#' | '.' | '*' | '$'))?;
    let letter = rest.get(flags..)?.chars().next()?;
    let before = rest.get(..flags)?;
    let plain = matches!(letter, 's' | 'd' | 'v' | 'i');
    let number = before.strip_suffix('$').and_then(|number| number.parse::<usize>().ok());
    let sign = match number.and_then(|number| number.checked_sub(1)) {
        Some(index) if plain => Sign::Index(index),
        _ if plain && before.is_empty() => Sign::Next,
        _ => Sign::NextUnread,
    };
    letter.is_ascii_alphabetic().then_some((sign, 1 + flags + 1))
}

/// `{}`, `{0}`, `{name}`, `{name!r:>10}`, `{{`, `}}`.
pub(super) fn braces(text: &str) -> Option<(Sign<'_>, usize)> {
    if text.starts_with("{{") {
        return Some((Sign::Text("{"), 2));
    }
    if text.starts_with("}}") {
        return Some((Sign::Text("}"), 2));
    }
    let rest = text.strip_prefix('{')?;
    let close = rest.find('}')?;
    let name = rest.get(..close)?;
    let sign = match name.parse::<usize>() {
        Ok(index) => Sign::Index(index),
        Err(_) if name.is_empty() => Sign::Next,
        Err(_) if name.starts_with([':', '!']) => Sign::NextUnread,
        Err(_) if name.chars().all(|char| char.is_alphanumeric() || char == '_') => Sign::Name(name),
        Err(_) => Sign::Unread,
    };
    Some((sign, 1 + close + 1))
}
