//! The few signs of SQL that decide where a statement ends: quotes, dollar quotes, comments, brackets.
//!
//! As the server's and psql's own scanners with `standard_conforming_strings` on. It reads bytes, so that a byte that is
//! part of a longer character is a letter, which is what the server takes it for.

use std::ops::Range;

use memchr::{memchr, memchr2, memmem};

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// White space.
    Space,
    /// `-- …` or `/* … */`.
    Comment,
    /// A keyword, a bare name or a number.
    Word,
    /// `'…'` or `E'…'`: the bytes inside, and whether it is closed.
    Text { inside: (usize, usize), closed: bool },
    /// `"…"`, and whether it is closed.
    Quoted { closed: bool },
    /// `$tag$…$tag$`: the bytes inside, and whether it is closed.
    Dollar { inside: (usize, usize), closed: bool },
    /// Any other sign.
    Sign(u8),
}

/// A piece of text with its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lexeme {
    pub(super) kind: Kind,
    pub(super) end: usize,
}

/// Bytes of the words, quoted parts and signs of `text[range]`, without spaces and comments.
pub fn words(text: &str, range: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
    let bytes = &text.as_bytes()[..range.end.min(text.len())];
    let mut at = range.start;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let (start, found) = (at, lexeme(bytes, at));
            at = found.end;
            if !matches!(found.kind, Kind::Space | Kind::Comment) {
                return Some(start..found.end);
            }
        }
        None
    })
}

/// Begins a bare name.
pub(super) fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// Goes on with a bare name, a dollar sign aside.
pub(super) fn continues_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// What stands at `at`, which is inside of `bytes`.
pub(super) fn lexeme(bytes: &[u8], at: usize) -> Lexeme {
    let byte = bytes[at];
    let next = bytes.get(at + 1).copied();
    match byte {
        b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C => {
            let end = run(bytes, at, |byte| byte.is_ascii_whitespace() || byte == 0x0B);
            Lexeme { kind: Kind::Space, end }
        }
        b'-' if next == Some(b'-') => {
            let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |found| at + found);
            Lexeme { kind: Kind::Comment, end }
        }
        b'/' if next == Some(b'*') => Lexeme { kind: Kind::Comment, end: block_comment(bytes, at) },
        b'\'' => text(bytes, at, Escapes::None),
        b'"' => quoted(bytes, at),
        b'$' => dollar(bytes, at),
        b'0'..=b'9' => {
            Lexeme { kind: Kind::Word, end: run(bytes, at, |byte| continues_name(byte) || byte == b'$') }
        }
        _ if begins_name(byte) => {
            let end = run(bytes, at, |byte| continues_name(byte) || byte == b'$');
            let escapes = end == at + 1 && matches!(byte, b'e' | b'E') && bytes.get(end) == Some(&b'\'');
            if escapes { text(bytes, end, Escapes::Backslash) } else { Lexeme { kind: Kind::Word, end } }
        }
        _ => Lexeme { kind: Kind::Sign(byte), end: at + 1 },
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    Backslash,
}

fn run(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|byte| !belongs(*byte)).map_or(bytes.len(), |length| from + length)
}

fn text(bytes: &[u8], quote: usize, escapes: Escapes) -> Lexeme {
    let start = quote + 1;
    let mut at = start;
    loop {
        let found = match escapes {
            Escapes::None => memchr(b'\'', &bytes[at..]),
            Escapes::Backslash => memchr2(b'\'', b'\\', &bytes[at..]),
        };
        let Some(found) = found.map(|found| at + found) else {
            return Lexeme {
                kind: Kind::Text { inside: (start, bytes.len()), closed: false },
                end: bytes.len(),
            };
        };
        let doubled = bytes.get(found + 1) == Some(&b'\'');
        if bytes[found] == b'\\' || doubled {
            at = (found + 2).min(bytes.len());
        } else {
            return Lexeme { kind: Kind::Text { inside: (start, found), closed: true }, end: found + 1 };
        }
    }
}

fn quoted(bytes: &[u8], quote: usize) -> Lexeme {
    let mut at = quote + 1;
    loop {
        let Some(found) = memchr(b'"', &bytes[at..]).map(|found| at + found) else {
            return Lexeme { kind: Kind::Quoted { closed: false }, end: bytes.len() };
        };
        if bytes.get(found + 1) != Some(&b'"') {
            return Lexeme { kind: Kind::Quoted { closed: true }, end: found + 1 };
        }
        at = found + 2;
    }
}

fn dollar(bytes: &[u8], at: usize) -> Lexeme {
    let sign = Lexeme { kind: Kind::Sign(b'$'), end: at + 1 };
    let tag_end = match bytes.get(at + 1) {
        Some(b'$') => at + 1,
        Some(byte) if begins_name(*byte) => run(bytes, at + 1, continues_name),
        Some(_) | None => return sign,
    };
    if bytes.get(tag_end) != Some(&b'$') {
        return sign;
    }
    let start = tag_end + 1;
    let tag = &bytes[at..start];
    match memmem::find(&bytes[start..], tag) {
        Some(found) => {
            let end = start + found;
            Lexeme { kind: Kind::Dollar { inside: (start, end), closed: true }, end: end + tag.len() }
        }
        None => {
            Lexeme { kind: Kind::Dollar { inside: (start, bytes.len()), closed: false }, end: bytes.len() }
        }
    }
}

fn block_comment(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(found) = memchr2(b'/', b'*', &bytes[at..]) {
        at += found;
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (b'*', Some(b'/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let lexeme = lexeme(text.as_bytes(), at);
            assert!(lexeme.end > at, "{text:?} at {at}");
            if lexeme.kind != Kind::Space {
                found.push(&text[at..lexeme.end]);
            }
            at = lexeme.end;
        }
        found
    }

    #[test]
    fn quotes_and_comments_are_one_piece_each() {
        for (text, wanted) in [
            ("a 'b;''c' d", vec!["a", "'b;''c'", "d"]),
            (r"E'a\'b' x", vec![r"E'a\'b'", "x"]),
            (r"'a\' x", vec![r"'a\'", "x"]),
            ("\"a\"\"b;\" c", vec!["\"a\"\"b;\"", "c"]),
            ("$$a;$x$b$$ c", vec!["$$a;$x$b$$", "c"]),
            ("$x$a$$;$$$x$ c", vec!["$x$a$$;$$$x$", "c"]),
            ("a$b$c $1", vec!["a$b$c", "$", "1"]),
            ("/* a /* ; */ b */ c -- ;\nd", vec!["/* a /* ; */ b */", "c", "-- ;", "d"]),
            ("größe;", vec!["größe", ";"]),
            ("'never closed", vec!["'never closed"]),
            ("E'ends with \\", vec!["E'ends with \\"]),
            ("/* never closed */* /*", vec!["/* never closed */", "*", "/*"]),
        ] {
            assert_eq!(pieces(text), wanted, "{text}");
        }
    }
}
