//! The words and signs of one statement, one after the other.

use std::borrow::Cow;

use crate::audit::lexis::{Kind, lexeme};
use crate::sql::{TableRef, fold, is_bare_name};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A keyword or a bare name, ASCII only.
    Word,
    /// `"…"`, with something and without a doubled quote inside.
    Quoted,
    /// `12` or `1.5`
    Number,
    /// `'…'`
    Text,
    /// One of `( ) [ ] , ; .`
    Sign(u8),
    /// `::`
    Cast,
    /// An operator of the few that dumps are full of.
    Operator(Operator),
    /// The end of the statement.
    End,
    /// Anything else: a comment, a letter beyond ASCII, a prefixed string, a sign that may mean many things.
    Strange,
}

/// Kinds of operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `-`, which may also stand before a number.
    Minus,
    /// Any other that stands between two operands.
    Binary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) what: What,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Reads a statement token by token. Every method that reads leaves the cursor behind what it read, or gives `None`, after
/// which the statement is left to the parser.
pub(super) struct Cursor<'a> {
    text: &'a str,
    token: Token,
    /// End of the token before.
    behind: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let none = Token { what: What::End, start: 0, end: 0 };
        let mut cursor = Self { text, token: none, behind: 0 };
        cursor.next();
        cursor
    }

    pub(super) fn token(&self) -> Token {
        self.token
    }

    pub(super) fn next(&mut self) {
        self.behind = self.token.end;
        self.token = token(self.text.as_bytes(), self.token.end);
    }

    /// Whether the keyword `word`, in lower case, stands here.
    pub(super) fn is(&self, word: &str) -> bool {
        self.token.what == What::Word && self.slice(self.token).eq_ignore_ascii_case(word)
    }

    /// Takes the keyword `word` if it stands here.
    pub(super) fn took(&mut self, word: &str) -> bool {
        let is = self.is(word);
        if is {
            self.next();
        }
        is
    }

    pub(super) fn took_sign(&mut self, sign: u8) -> bool {
        let is = self.token.what == What::Sign(sign);
        if is {
            self.next();
        }
        is
    }

    /// Takes all of `words` or none is right.
    pub(super) fn words(&mut self, words: &[&str]) -> Option<()> {
        words.iter().all(|word| self.took(word)).then_some(())
    }

    /// Takes one of `words` and says which.
    pub(super) fn one_of(&mut self, words: &[&'static str]) -> Option<&'static str> {
        let found = words.iter().copied().find(|word| self.is(word))?;
        self.next();
        Some(found)
    }

    pub(super) fn sign(&mut self, sign: u8) -> Option<()> {
        self.took_sign(sign).then_some(())
    }

    pub(super) fn text(&mut self) -> Option<()> {
        (self.token.what == What::Text).then(|| self.next())
    }

    pub(super) fn number(&mut self) -> Option<()> {
        (self.token.what == What::Number).then(|| self.next())
    }

    /// The end: `;` and nothing behind it.
    pub(super) fn end(&mut self) -> Option<()> {
        self.sign(b';')?;
        (self.token.what == What::End).then_some(())
    }

    /// A name that is no keyword, unreserved ones aside.
    pub(super) fn name(&mut self) -> Option<Cow<'a, str>> {
        let word = self.slice(self.token);
        let name = fold(word);
        match self.token.what {
            What::Word if is_bare_name(&name) => {}
            What::Quoted => {}
            What::Word
            | What::Number
            | What::Text
            | What::Sign(_)
            | What::Cast
            | What::Operator(_)
            | What::End
            | What::Strange => return None,
        }
        self.next();
        Some(name)
    }

    /// The parts of a dotted name, at most `most` of them.
    pub(super) fn dotted(&mut self, most: usize) -> Option<Vec<Cow<'a, str>>> {
        let mut parts = vec![self.name()?];
        while self.took_sign(b'.') {
            parts.push(self.name()?);
        }
        (parts.len() <= most).then_some(parts)
    }

    /// `name` or `schema.name`.
    pub(super) fn relation(&mut self) -> Option<TableRef> {
        let mut parts = self.dotted(2)?;
        let name = parts.pop()?.into_owned();
        Some(TableRef { schema: parts.pop().map(Cow::into_owned), name })
    }

    /// `(name, …)`
    pub(super) fn columns(&mut self) -> Option<Vec<String>> {
        self.sign(b'(')?;
        let mut names = vec![self.name()?.into_owned()];
        while self.took_sign(b',') {
            names.push(self.name()?.into_owned());
        }
        self.sign(b')')?;
        Some(names)
    }

    pub(super) fn slice(&self, token: Token) -> &'a str {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    /// What stands between `from` and the token at hand. Only what stands on one line with single spaces between the words
    /// is as it would be written again.
    pub(super) fn since(&self, from: usize) -> Option<String> {
        let text = self.text.get(from..self.behind)?;
        let bytes = text.as_bytes();
        let even = memchr::memchr3(b'\n', b'\r', b'\t', bytes).is_none()
            && !bytes.windows(2).any(|pair| pair == b"  ");
        (even && !bytes.contains(&0x0B) && !bytes.contains(&0x0C)).then(|| text.to_owned())
    }
}

fn token(bytes: &[u8], from: usize) -> Token {
    let mut start = from;
    while bytes.get(start).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        start += 1;
    }
    let Some(byte) = bytes.get(start) else { return Token { what: What::End, start, end: start } };
    let (what, end) = match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => word(bytes, start),
        b'0'..=b'9' => number(bytes, start),
        b'(' | b')' | b'[' | b']' | b',' | b';' | b'.' => (What::Sign(*byte), start + 1),
        b'\'' | b'"' => quoted(bytes, start),
        b':' if bytes.get(start + 1) == Some(&b':') => (What::Cast, start + 2),
        _ => operator(bytes, start),
    };
    Token { what, start, end }
}

fn run(bytes: &[u8], from: usize, belongs: impl Fn(&u8) -> bool) -> usize {
    from + bytes[from..].iter().take_while(|byte| belongs(byte)).count()
}

fn word(bytes: &[u8], start: usize) -> (What, usize) {
    let end = run(bytes, start, |byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let prefixes = match bytes.get(end) {
        Some(b'\'' | b'"' | b'$') => true,
        Some(b'&') => end == start + 1 && matches!(bytes[start], b'u' | b'U'),
        Some(byte) => *byte >= 0x80,
        None => false,
    };
    (if prefixes { What::Strange } else { What::Word }, end)
}

fn number(bytes: &[u8], start: usize) -> (What, usize) {
    let mut end = run(bytes, start, u8::is_ascii_digit);
    if bytes.get(end) == Some(&b'.') {
        let behind = run(bytes, end + 1, u8::is_ascii_digit);
        if behind == end + 1 {
            return (What::Strange, behind);
        }
        end = behind;
    }
    let junk =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.') || *byte >= 0x80;
    (if bytes.get(end).is_some_and(junk) { What::Strange } else { What::Number }, end)
}

fn quoted(bytes: &[u8], start: usize) -> (What, usize) {
    let found = lexeme(bytes, start);
    let inside = &bytes[start..found.end];
    let what = match found.kind {
        Kind::Text { closed: true, .. } if !inside.contains(&0) => What::Text,
        Kind::Quoted { closed: true } if inside.len() > 2 && !inside[1..inside.len() - 1].contains(&b'"') => {
            What::Quoted
        }
        Kind::Space
        | Kind::Comment
        | Kind::Word
        | Kind::Text { .. }
        | Kind::Quoted { .. }
        | Kind::Dollar { .. }
        | Kind::Sign(_) => What::Strange,
    };
    (what, found.end)
}

fn operator(bytes: &[u8], start: usize) -> (What, usize) {
    let end = run(bytes, start, |byte| b"+-*/<>=~!@#%^&|`?".contains(byte));
    let what = match &bytes[start..end] {
        b"-" => What::Operator(Operator::Minus),
        b"=" | b"<" | b">" | b"<=" | b">=" | b"<>" | b"!=" | b"+" | b"*" | b"/" | b"%" | b"||" | b"->"
        | b"->>" | b"~" | b"!~" | b"~*" | b"~~" | b"!~~" | b"~~*" | b"@>" | b"<@" | b"&&" => {
            What::Operator(Operator::Binary)
        }
        _ => What::Strange,
    };
    (what, end.max(start + 1))
}
