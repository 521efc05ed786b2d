//! What drivers put values in the place of: `%s`, `%(name)s`, `?`. The grammar knows only `$1` and `:name`.
//!
//! Each is written over by a name or a number of the same length, so that offsets stay.

use std::borrow::Cow;

use super::lexis::{Kind, continues_name, lexeme};

/// `text` with the parameters of drivers written over.
pub(super) fn written_over(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'%' | b'?')) {
        return Cow::Borrowed(text);
    }
    let mut result = text.as_bytes().to_vec();
    let mut before = Before::Nothing;
    let mut at = 0;
    while at < bytes.len() {
        let found = lexeme(bytes, at);
        match found.kind {
            Kind::Space | Kind::Comment => {}
            Kind::Sign(b'%') => {
                if let Some(end) = percent(bytes, at) {
                    result[at..end].fill(b'_');
                    // A name must not run into the word behind it.
                    at = end;
                    before = Before::Operand;
                    continue;
                }
                before = Before::Operator;
            }
            Kind::Sign(b'?') => {
                let next = bytes.get(at + 1).copied();
                let alone = !matches!(next, Some(b'?' | b'|' | b'&'));
                // Behind an operand and before one it is an operator of jsonb.
                if alone && (before != Before::Operand || !operand_follows(bytes, at + 1)) {
                    result[at] = b'0';
                    before = Before::Operand;
                } else {
                    before = Before::Operator;
                    at = if alone { found.end } else { at + 2 };
                    continue;
                }
            }
            Kind::Sign(b')' | b']') | Kind::Text { .. } | Kind::Quoted { .. } | Kind::Dollar { .. } => {
                before = Before::Operand;
            }
            Kind::Sign(_) => before = Before::Operator,
            Kind::Word => {
                let word = &bytes[at..found.end];
                before = if KEYWORDS.iter().any(|it| word.eq_ignore_ascii_case(it.as_bytes())) {
                    Before::Operator
                } else {
                    Before::Operand
                };
            }
        }
        at = found.end;
    }
    String::from_utf8(result).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// `text` with each parameter in the shape that the word before it wants, in the same length: a list behind `IN` and
/// `VALUES`, a string behind `INTERVAL`, and a number where `WITH` or `BY` asks for one. Parameters are the names that they
/// were written over by. `None` when none stands in such a place.
pub(super) fn shaped(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut result = bytes.to_vec();
    let (mut at, mut within, mut found) = (0, None, false);
    while at < bytes.len() {
        let piece = lexeme(bytes, at);
        let word = &bytes[at..piece.end];
        let before = std::mem::take(&mut within);
        match piece.kind {
            Kind::Space | Kind::Comment => within = before,
            Kind::Word => {
                let parameter = word.starts_with(b"_") || word.starts_with(b"unknown_part");
                match before {
                    Some((shape, behind)) if parameter => {
                        // The space before it has room for what the word has none for.
                        let start = if word.len() < 3 && behind < at { at - 1 } else { at };
                        found |= put(&mut result[start..piece.end], at - start, shape);
                    }
                    Some(_) | None => within = wanted(word).map(|shape| (shape, piece.end)),
                }
            }
            Kind::Text { .. } | Kind::Quoted { .. } | Kind::Dollar { .. } | Kind::Sign(_) => {}
        }
        at = piece.end;
    }
    if found { String::from_utf8(result).ok() } else { None }
}

/// What a word has to be followed by.
#[derive(Debug, Clone, Copy)]
enum Shape {
    List,
    Text,
    Number,
}

fn wanted(word: &[u8]) -> Option<Shape> {
    [
        ("in", Shape::List),
        ("values", Shape::List),
        ("interval", Shape::Text),
        ("date", Shape::Text),
        ("timestamp", Shape::Text),
        ("with", Shape::Number),
        ("by", Shape::Number),
    ]
    .into_iter()
    .find(|(keyword, _)| word.eq_ignore_ascii_case(keyword.as_bytes()))
    .map(|(_, shape)| shape)
}

/// Writes a value of this shape over `place`, of which the first `spare` bytes are space.
fn put(place: &mut [u8], spare: usize, shape: Shape) -> bool {
    let place = match shape {
        Shape::List => place,
        Shape::Text | Shape::Number => &mut place[spare..],
    };
    let (open, close, least) = match shape {
        Shape::List => (b'(', b')', 3),
        Shape::Text => (b'\'', b'\'', 2),
        Shape::Number => (b'0', b'0', 1),
    };
    if place.len() < least {
        return false;
    }
    place.fill(b'0');
    if let [first, .., last] = place {
        (*first, *last) = (open, close);
    }
    true
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Operator,
    Operand,
}

/// Words that a value follows.
const KEYWORDS: [&str; 22] = [
    "and", "as", "between", "by", "case", "else", "from", "having", "ilike", "in", "interval", "is", "like",
    "limit", "not", "offset", "on", "or", "select", "set", "then", "where",
];

/// The end of `%s`, `%b`, `%t`, `%d` or `%(name)s` at `at`.
fn percent(bytes: &[u8], at: usize) -> Option<usize> {
    let kind = match bytes.get(at + 1)? {
        b'(' => {
            let length = bytes[at + 2..].iter().position(|byte| *byte == b')')?;
            let name = &bytes[at + 2..at + 2 + length];
            (!name.is_empty() && name.iter().all(|byte| continues_name(*byte) || *byte == b'.'))
                .then_some(at + 3 + length)?
        }
        _ => at + 1,
    };
    let letter = matches!(bytes.get(kind)?, b's' | b'b' | b't' | b'd');
    let ends = bytes.get(kind + 1).is_none_or(|byte| !continues_name(*byte));
    (letter && ends).then_some(kind + 1)
}

fn operand_follows(bytes: &[u8], from: usize) -> bool {
    let mut at = from;
    while at < bytes.len() {
        let found = lexeme(bytes, at);
        match found.kind {
            Kind::Space | Kind::Comment => at = found.end,
            Kind::Text { .. } | Kind::Quoted { .. } | Kind::Dollar { .. } => return true,
            Kind::Sign(sign) => return matches!(sign, b'(' | b'$' | b':' | b'?' | b'%'),
            Kind::Word => {
                let word = &bytes[at..found.end];
                return !FOLLOWERS.iter().any(|it| word.eq_ignore_ascii_case(it.as_bytes()));
            }
        }
    }
    false
}

/// Words that no operand begins with, so that what stands before them is one.
const FOLLOWERS: [&str; 26] = [
    "and",
    "as",
    "asc",
    "between",
    "desc",
    "else",
    "end",
    "fetch",
    "for",
    "from",
    "group",
    "having",
    "is",
    "limit",
    "not",
    "offset",
    "on",
    "or",
    "order",
    "returning",
    "set",
    "then",
    "union",
    "when",
    "where",
    "with",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_gets_the_shape_that_its_place_wants() {
        for (text, wanted) in [
            ("delete from t where a in _ids and b", "delete from t where a in (00) and b"),
            ("delete from t where a IN __", "delete from t where a IN(0)"),
            (
                "insert into t values __ on conflict do nothing",
                "insert into t values(0) on conflict do nothing",
            ),
            ("update t set a = now() - interval __", "update t set a = now() - interval ''"),
            ("alter sequence s restart with __", "alter sequence s restart with 00"),
            ("delete from t where a in unknown_part", "delete from t where a in (0000000000)"),
        ] {
            assert_eq!(shaped(text).as_deref(), Some(wanted));
        }
        assert_eq!(shaped("select 'in _x' where a in (_x) or b in c"), None);
    }

    #[test]
    fn parameters_of_drivers_become_operands_and_operators_stay() {
        for (text, wanted) in [
            (
                "select * from t where a = %s and b in (%s, %s)",
                "select * from t where a = __ and b in (__, __)",
            ),
            ("update t set a = %(new)s", "update t set a = _______"),
            ("values (?, ?)", "values (0, 0)"),
            ("select 1 where a = ? limit ?", "select 1 where a = 0 limit 0"),
            (
                "select doc ? 'a', doc ?| array['b'], doc ?& x",
                "select doc ? 'a', doc ?| array['b'], doc ?& x",
            ),
            ("select 'a % s ? %s', 10 % 3", "select 'a % s ? %s', 10 % 3"),
            ("select a %sum", "select a %sum"),
            ("delete from t where id = ? and b = ?", "delete from t where id = 0 and b = 0"),
        ] {
            assert_eq!(written_over(text), wanted);
        }
    }
}
