//! String literals: their delimiters, escapes and interpolated parts.

use std::ops::Range;

use tree_sitter::Node;

use super::composed::Composed;
use super::language::Language;
use super::tree::Source;

/// How backslashes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// Not at all.
    None,
    /// Only the delimiter and the backslash itself (Ruby's single quotes).
    Quote,
    /// As in C, with the language's own additions.
    All,
}

/// How braces are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Braces {
    /// As they are.
    Plain,
    /// Two stand for one (Python's f-strings).
    Doubled,
}

/// A literal taken apart: the bytes between its delimiters and how they are read.
struct Literal<'t> {
    body: Range<usize>,
    escapes: Escapes,
    braces: Braces,
    indentation: Indentation,
    parts: Vec<Node<'t>>,
}

/// What happens to the indentation of its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Indentation {
    Kept,
    Removed,
}

/// Whether a node is a string literal by itself.
pub(super) fn is_literal(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "string"
            | "template_string"
            | "heredoc_beginning"
            | "interpreted_string_literal"
            | "raw_string_literal"
            | "string_literal"
    )
}

/// A part of a literal: bytes as they come, or an expression.
pub(super) enum Part<'t> {
    /// Text, already read.
    Text(Composed),
    /// An interpolated expression with the range of its braces.
    Expression(Option<Node<'t>>, Range<usize>),
}

/// Reads a literal. The second value says whether the indentation of the whole is to be removed.
pub(super) fn read<'t>(source: &Source<'t>, node: Node<'t>) -> Option<(Vec<Part<'t>>, bool)> {
    let literal = taken_apart(source, node)?;
    let mut parts = Vec::new();
    let mut at = literal.body.start;
    for part in &literal.parts {
        if part.start_byte() < at || part.end_byte() > literal.body.end {
            continue;
        }
        parts.push(Part::Text(decoded(source, &literal, at..part.start_byte())));
        let expression = part.child_by_field_name("expression").or_else(|| part.named_child(0));
        let formatted = part.child_by_field_name("format_specifier").is_some()
            || part.child_by_field_name("type_conversion").is_some()
            || (source.language != Language::Python && part.named_child_count() != 1);
        parts.push(Part::Expression(expression.filter(|_| !formatted), part.byte_range()));
        at = part.end_byte();
    }
    parts.push(Part::Text(decoded(source, &literal, at..literal.body.end)));
    Some((parts, literal.indentation == Indentation::Removed))
}

fn taken_apart<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Literal<'t>> {
    let children = |node: Node<'t>| -> Vec<Node<'t>> {
        let mut cursor = node.walk();
        node.named_children(&mut cursor)
            .filter(|child| {
                matches!(child.kind(), "interpolation" | "template_substitution" | "string_interpolation")
            })
            .collect()
    };
    let text = source.of(node);
    let mut literal = Literal {
        body: node.byte_range(),
        escapes: Escapes::All,
        braces: Braces::Plain,
        indentation: Indentation::Kept,
        parts: children(node),
    };
    let (open, close) = match (source.language, node.kind()) {
        (Language::Python, _) => {
            let start = node.child(0).filter(|start| start.kind() == "string_start")?;
            let end =
                node.child(node.child_count().checked_sub(1)?).filter(|end| end.kind() == "string_end")?;
            let prefix = source.of(start).trim_end_matches(['"', '\'']).to_ascii_lowercase();
            if prefix.contains('r') {
                literal.escapes = Escapes::None;
            }
            if prefix.contains(['f', 't']) {
                literal.braces = Braces::Doubled;
            }
            (start.end_byte() - start.start_byte(), end.end_byte() - end.start_byte())
        }
        (Language::Ruby, "heredoc_beginning") => {
            let body = source.heredoc(node)?;
            let end =
                body.child(body.child_count().checked_sub(1)?).filter(|end| end.kind() == "heredoc_end")?;
            // The body starts with the line break that ends the line of the beginning.
            let start =
                source.text.get(body.start_byte()..end.start_byte())?.find('\n').map_or(0, |at| at + 1);
            let last = source.text.get(..end.start_byte())?.rfind('\n').map_or(0, |at| at + 1);
            literal.body = body.start_byte() + start..last.max(body.start_byte() + start);
            literal.parts = children(body);
            if text.contains('\'') {
                literal.escapes = Escapes::None;
            }
            if text.starts_with("<<~") {
                literal.indentation = Indentation::Removed;
            }
            return Some(literal);
        }
        (Language::Ruby, _) => {
            let open = ruby_opening(text)?;
            if text.starts_with('\'') || text.starts_with("%q") {
                literal.escapes = Escapes::Quote;
            }
            (open, 1)
        }
        (Language::Java, _) if text.starts_with("\"\"\"") => {
            let open = text.find('\n')? + 1;
            literal.indentation = Indentation::Removed;
            (open, 3)
        }
        (Language::Go, "raw_string_literal") => {
            literal.escapes = Escapes::None;
            (1, 1)
        }
        _ => (1, 1),
    };
    let range = node.byte_range();
    literal.body = range.start + open..range.end.checked_sub(close)?;
    let whole = literal.body.start <= literal.body.end
        && source.text.is_char_boundary(literal.body.start)
        && source.text.is_char_boundary(literal.body.end);
    whole.then_some(literal)
}

/// The length of what opens a Ruby string: a quote, or a percent sign with a letter and a bracket.
fn ruby_opening(text: &str) -> Option<usize> {
    let mut chars = text.chars();
    match chars.next()? {
        '"' | '\'' => Some(1),
        '%' => match chars.next()? {
            'q' | 'Q' => Some(2 + chars.next()?.len_utf8()),
            other => Some(1 + other.len_utf8()),
        },
        _ => None,
    }
}

/// The text that bytes of a literal stand for.
fn decoded(source: &Source<'_>, literal: &Literal<'_>, range: Range<usize>) -> Composed {
    let mut out = Composed::default();
    let text = source.text.get(range.clone()).unwrap_or_default();
    let mut plain = 0;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find(['\\', '{', '}', '\r'])) {
        let sign = at + found;
        let rest = &text[sign..];
        let (put, length) = match rest.as_bytes().first() {
            Some(b'\\') if literal.escapes != Escapes::None => escape(source.language, literal.escapes, rest),
            Some(b'{') if literal.braces == Braces::Doubled && rest.starts_with("{{") => (Put::Text("{"), 2),
            Some(b'}') if literal.braces == Braces::Doubled && rest.starts_with("}}") => (Put::Text("}"), 2),
            // Each of these languages reads CR LF in its source as one line break.
            Some(b'\r') if rest.starts_with("\r\n") => (Put::Text(""), 1),
            _ => (Put::Same, 1),
        };
        if !matches!(put, Put::Same) {
            out.verbatim(&text[plain..sign], range.start + plain);
            let from = range.start + sign..range.start + sign + length;
            match put {
                Put::Text(text) => out.escape(text, from),
                Put::Char(char) => out.escape(char.encode_utf8(&mut [0; 4]), from),
                Put::Same => {}
            }
            plain = sign + length;
        }
        at = sign + length;
    }
    out.verbatim(text.get(plain..).unwrap_or_default(), range.start + plain);
    out
}

/// What an escape stands for.
enum Put {
    Text(&'static str),
    Char(char),
    /// It is no escape.
    Same,
}

/// Reads one escape at the start of a text: what it stands for and how long it is.
fn escape(language: Language, escapes: Escapes, text: &str) -> (Put, usize) {
    let Some(sign) = text[1..].chars().next() else { return (Put::Same, 1) };
    let length = 1 + sign.len_utf8();
    if escapes == Escapes::Quote {
        return if matches!(sign, '\\' | '\'') { (Put::Char(sign), length) } else { (Put::Same, length) };
    }
    match sign {
        'n' => (Put::Text("\n"), 2),
        't' => (Put::Text("\t"), 2),
        'r' => (Put::Text("\r"), 2),
        'b' => (Put::Text("\u{8}"), 2),
        'f' => (Put::Text("\u{c}"), 2),
        'v' => (Put::Text("\u{b}"), 2),
        'a' if language != Language::JavaScript => (Put::Text("\u{7}"), 2),
        's' if matches!(language, Language::Ruby | Language::Java) => (Put::Text(" "), 2),
        '\n' => (Put::Text(""), 2),
        '\r' => (Put::Text(""), if text[2..].starts_with('\n') { 3 } else { 2 }),
        'x' | 'u' | 'U' => coded(text).unwrap_or((Put::Same, length)),
        '0'..='7' => octal(text),
        '\\' | '\'' | '"' => (Put::Char(sign), length),
        // Python keeps a backslash that escapes nothing; the others drop it.
        _ if language == Language::Python => (Put::Same, length),
        _ => (Put::Char(sign), length),
    }
}

/// `\x41`, `\u0041`, `\u{41}`, `\U00000041`.
fn coded(text: &str) -> Option<(Put, usize)> {
    let digits = match text.as_bytes().get(1)? {
        b'x' => 2,
        b'u' => 4,
        _ => 8,
    };
    let (digits, length) = if text.get(2..3) == Some("{") {
        let close = text.find('}').filter(|close| *close <= 9)?;
        (text.get(3..close)?, close + 1)
    } else {
        (text.get(2..2 + digits)?, 2 + digits)
    };
    let char = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
    Some((Put::Char(char), length))
}

/// `\0` to `\377`.
fn octal(text: &str) -> (Put, usize) {
    let digits = text[1..].bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    let value = text.get(1..=digits).and_then(|digits| u32::from_str_radix(digits, 8).ok());
    value.and_then(char::from_u32).map_or((Put::Same, 2), |char| (Put::Char(char), 1 + digits))
}
