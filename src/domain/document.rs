//! A TOML file read key by key, so that every mistake in it is found in one pass, each with its place.
//!
//! serde stops at the first mistake; here nothing does. The TOML parser's own error recovery keeps the rest of a file
//! readable after a syntax error.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::{Range, RangeInclusive};

use sha2::{Digest as _, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Code, Diagnostic, Lines, Source};
use super::id::Digest;
use crate::text::nearest;

/// After this many, the rest are echoes.
const MAX_SYNTAX_ERRORS: usize = 20;

/// One file with what was found in it so far.
pub(crate) struct Document<'s> {
    source: &'s Source,
    lines: Lines<'s>,
    found: RefCell<Vec<Diagnostic>>,
}

/// A string with its place in the file.
#[derive(Debug, Clone)]
pub(crate) struct Text<'d> {
    /// What the TOML string means.
    pub(crate) value: &'d str,
    /// The string as written, quotes included.
    pub(crate) span: Range<usize>,
}

/// A table with its place.
#[derive(Clone)]
pub(crate) struct Table<'d> {
    pub(crate) document: &'d Document<'d>,
    entries: &'d DeTable<'d>,
    /// Its header, or the whole of an inline table.
    pub(crate) span: Range<usize>,
    /// As it is called in messages, e.g. `[[index]]`.
    title: &'static str,
}

/// Reads a file of at most `limit` bytes and hands its top level to `visit`.
pub(crate) fn read<T>(
    source: &Source,
    limit: usize,
    visit: impl FnOnce(Table<'_>) -> T,
) -> (Option<T>, Vec<Diagnostic>) {
    let document = Document { source, lines: Lines::new(&source.text), found: RefCell::default() };
    if source.text.len() > limit {
        let message = format!("the file has {} bytes; at most {limit} are read", source.text.len());
        document.report(0..0, Code::FileTooLarge, message, "split it into several files in one folder");
        return (None, document.into_found());
    }
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    let top = Table { document: &document, entries: root.get_ref(), span: 0..0, title: "the top level" };
    let value = visit(top);
    if !errors.is_empty() {
        document.keep_beside_syntax_errors(&errors);
    }
    (Some(value), document.into_found())
}

/// Hash of the bytes of some files, in order.
pub(crate) fn digest(sources: &[Source]) -> Digest {
    let mut hash = Sha256::new();
    for source in sources {
        // The length keeps the border between two files in the hash.
        hash.update((source.text.len() as u64).to_be_bytes());
        hash.update(source.text.as_bytes());
    }
    let mut hex = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(hex, "{byte:02x}");
    }
    Digest(hex)
}

impl<'s> Document<'s> {
    /// Adds a mistake at some bytes of the file.
    pub(crate) fn report(&self, span: Range<usize>, code: Code, message: String, hint: impl Into<String>) {
        let (line, column) = self.lines.place(span.start);
        self.found.borrow_mut().push(Diagnostic {
            severity: code.severity(),
            code,
            file: self.source.path.clone(),
            line,
            column,
            span,
            message,
            hint: Some(hint.into()),
        });
    }

    /// Path of the file.
    pub(crate) fn path(&self) -> &'s str {
        &self.source.path
    }

    /// Line and column of a byte, both from 1.
    pub(crate) fn place(&self, at: usize) -> (u32, u32) {
        self.lines.place(at)
    }

    /// Bytes of the file that some bytes of a string's meaning were written as.
    pub(crate) fn inside(&self, text: &Text<'_>, inner: &Range<usize>) -> Range<usize> {
        let written = self.source.text.get(text.span.clone()).unwrap_or_default();
        match (offset_in(written, text.value, inner.start), offset_in(written, text.value, inner.end)) {
            (Some(start), Some(end)) => text.span.start + start..text.span.start + end.max(start),
            _ => text.span.clone(),
        }
    }

    /// A file with syntax errors: what is missing may be lost in them, and a value may be half a value.
    fn keep_beside_syntax_errors(&self, errors: &[toml::de::Error]) {
        let mut found = self.found.borrow_mut();
        let lines: BTreeSet<u32> =
            errors.iter().filter_map(toml::de::Error::span).map(|span| self.place(span.start).0).collect();
        found.retain(|it| {
            let may_be_an_echo =
                matches!(it.code, Code::MissingKey | Code::WrongType | Code::EmptyValue | Code::Nothing);
            !may_be_an_echo && !lines.contains(&it.line)
        });
        drop(found);
        let mut said = BTreeSet::new();
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            // A second one on the same line is an echo of the first.
            if said.len() < MAX_SYNTAX_ERRORS && said.insert(self.place(span.start).0) {
                let hint = "see https://toml.io for the syntax; text with quotes in it can stand between '''";
                self.report(span, Code::TomlSyntax, format!("not valid TOML: {}", error.message()), hint);
            }
        }
    }

    fn into_found(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|it| (it.span.start, it.span.end));
        found
    }
}

impl<'d> Table<'d> {
    /// Reports every key that is none of `known`.
    pub(crate) fn only(&self, known: &[&'static str]) {
        self.only_beside(known, &[]);
    }

    /// The same without a word about those of `beside`, which are told otherwise.
    pub(crate) fn only_beside(&self, known: &[&'static str], beside: &[&str]) {
        for key in self.entries.keys() {
            let word = key.get_ref().as_ref();
            if known.contains(&word) || beside.contains(&word) {
                continue;
            }
            let valid = format!("valid keys: {}", known.join(", "));
            let hint = match nearest(word, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`? {valid}"),
                None => valid,
            };
            self.document.report(
                key.span(),
                Code::UnknownKey,
                format!("unknown key `{word}` in {}", self.title),
                hint,
            );
        }
    }

    /// A string, if the key is there.
    pub(crate) fn text(&self, key: &str) -> Option<Text<'d>> {
        let value = self.entries.get(key)?;
        self.as_text(key, value)
    }

    /// A string that must be there and must not be blank.
    pub(crate) fn required_text(&self, key: &str) -> Option<Text<'d>> {
        if !self.entries.contains_key(key) {
            self.missing(key, "a string");
        }
        let text = self.text(key)?;
        self.not_blank(key, text)
    }

    /// A string that may be missing, but not blank.
    pub(crate) fn filled_text(&self, key: &str) -> Option<Text<'d>> {
        let text = self.text(key)?;
        self.not_blank(key, text)
    }

    /// A boolean, if the key is there.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        let value = self.entries.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(key, value, "true or false");
        }
        flag
    }

    /// A whole number within limits, if the key is there.
    pub(crate) fn number(&self, key: &str, limits: RangeInclusive<u32>) -> Option<u32> {
        let value = self.entries.get(key)?;
        let Some(number) = value.get_ref().as_integer() else {
            self.wrong_type(key, value, "a whole number");
            return None;
        };
        let number = u32::from_str_radix(number.as_str(), number.radix()).ok();
        if number.is_none_or(|number| !limits.contains(&number)) {
            let message = format!("`{key}` is out of range");
            let hint = format!("write a number from {} to {}", limits.start(), limits.end());
            self.document.report(value.span(), Code::OutOfRange, message, hint);
            return None;
        }
        number
    }

    /// A list of strings; empty when the key is not there.
    pub(crate) fn texts(&self, key: &str) -> Vec<Text<'d>> {
        let Some(value) = self.entries.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of strings");
            return Vec::new();
        };
        array.iter().filter_map(|item| self.as_text(key, item)).collect()
    }

    /// A string or a list of strings; empty when the key is not there.
    pub(crate) fn one_or_more(&self, key: &str) -> Vec<Text<'d>> {
        match self.entries.get(key) {
            Some(value) if value.get_ref().as_str().is_some() => {
                self.as_text(key, value).into_iter().collect()
            }
            Some(_) | None => self.texts(key),
        }
    }

    /// Every key with its place.
    pub(crate) fn names(&self) -> Vec<Text<'d>> {
        self.entries.keys().map(|key| Text { value: key.get_ref().as_ref(), span: key.span() }).collect()
    }

    /// One table, if the key is there.
    pub(crate) fn table(&self, key: &str, title: &'static str) -> Option<Table<'d>> {
        let value = self.entries.get(key)?;
        let table = self.as_table(value, title);
        if table.is_none() {
            self.wrong_type(key, value, title);
        }
        table
    }

    /// An array of tables; empty when the key is not there.
    pub(crate) fn tables(&self, key: &str, title: &'static str) -> Vec<Table<'d>> {
        let Some(value) = self.entries.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, title);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in array {
            match self.as_table(item, title) {
                Some(table) => tables.push(table),
                None => self.wrong_type(key, item, title),
            }
        }
        tables
    }

    /// Reports a `version` other than the one that is read, or none.
    pub(crate) fn check_version(&self, wanted: u32) {
        if !self.has("version") {
            self.missing("version", "the value 1, at the very top of the file");
        } else if self.number("version", 0..=u32::MAX).is_some_and(|version| version != wanted) {
            let message = format!("this program reads version {wanted} of the format only");
            let hint = format!("write version = {wanted}, or use a newer program for this file");
            self.document.report(self.value_span("version"), Code::UnsupportedVersion, message, hint);
        }
    }

    /// Whether the key is there, whatever it holds.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Place of a key's value; of the table's header when it is not there.
    pub(crate) fn value_span(&self, key: &str) -> Range<usize> {
        self.entries.get(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Reports a missing key at the table's header.
    pub(crate) fn missing(&self, key: &str, wanted: &str) {
        let message = format!("`{key}` is missing in {}", self.title);
        self.document.report(self.span.clone(), Code::MissingKey, message, format!("add `{key}`: {wanted}"));
    }

    fn as_text(&self, key: &str, value: &'d Spanned<DeValue<'d>>) -> Option<Text<'d>> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, "a string in quotes");
        }
        text.map(|text| Text { value: text, span: value.span() })
    }

    fn as_table(&self, value: &'d Spanned<DeValue<'d>>, title: &'static str) -> Option<Table<'d>> {
        let entries = value.get_ref().as_table()?;
        Some(Table { document: self.document, entries, span: value.span(), title })
    }

    /// The string, reported when there is nothing in it.
    pub(crate) fn not_blank(&self, key: &str, text: Text<'d>) -> Option<Text<'d>> {
        if text.value.trim().is_empty() {
            self.document.report(
                text.span,
                Code::EmptyValue,
                format!("`{key}` is empty"),
                "write something or remove it",
            );
            return None;
        }
        Some(text)
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let message = format!("`{key}` is {}", with_article(value.get_ref().type_str()));
        self.document.report(value.span(), Code::WrongType, message, format!("write {wanted}"));
    }
}

fn with_article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
}

/// Where in a string as written the byte `at` of its meaning stands. `None` when the two cannot be followed.
fn offset_in(written: &str, meaning: &str, at: usize) -> Option<usize> {
    let (mut body, escapes) = if let Some(body) = written.strip_prefix("\"\"\"") {
        (body, true)
    } else if let Some(body) = written.strip_prefix("'''") {
        (body, false)
    } else if let Some(body) = written.strip_prefix('"') {
        (body, true)
    } else {
        (written.strip_prefix('\'')?, false)
    };
    if written.starts_with("\"\"\"") || written.starts_with("'''") {
        // A line break right after the opening quotes does not count.
        body = body.strip_prefix("\r\n").or_else(|| body.strip_prefix('\n')).unwrap_or(body);
    }
    let mut rest = body;
    let mut done = 0;
    while done < at {
        let next = meaning.get(done..)?.chars().next()?;
        rest = skip_folded_break(rest, escapes);
        let length = if escapes && rest.starts_with('\\') {
            escape_length(rest)?
        } else {
            written_length(rest, next)?
        };
        rest = rest.get(length..)?;
        done += next.len_utf8();
    }
    Some(written.len() - skip_folded_break(rest, escapes).len())
}

fn written_length(rest: &str, meant: char) -> Option<usize> {
    let first = rest.chars().next()?;
    match (first, meant) {
        ('\r', '\n') => Some(2),
        (first, meant) if first == meant => Some(first.len_utf8()),
        _ => None,
    }
}

/// Bytes of one escape sequence.
fn escape_length(rest: &str) -> Option<usize> {
    match rest.as_bytes().get(1)? {
        b'u' => Some(6),
        b'U' => Some(10),
        b'x' => Some(4),
        _ => Some(2),
    }
}

/// A backslash at the end of a line swallows all white space up to the next word.
fn skip_folded_break(rest: &str, escapes: bool) -> &str {
    let mut rest = rest;
    while let Some(after) = rest.strip_prefix('\\').filter(|_| escapes) {
        let blank = after.trim_start_matches([' ', '\t']);
        if !blank.starts_with(['\n', '\r']) {
            break;
        }
        rest = blank.trim_start_matches([' ', '\t', '\n', '\r']);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(toml: &str, word: &str) -> String {
        let source = Source { path: "r.toml".to_owned(), text: toml.to_owned() };
        let (place, _) = read(&source, 1_000, |top| {
            let text = top.text("sql").unwrap();
            let at = text.value.find(word).unwrap();
            top.document.inside(&text, &(at..at + word.len()))
        });
        toml[place.unwrap()].to_owned()
    }

    #[test]
    fn a_place_inside_any_kind_of_string_is_found_in_the_file() {
        for toml in [
            "sql = \"a WORD b\"",
            "sql = 'a WORD b'",
            "sql = \"\"\"\nfirst\n  WORD\n\"\"\"",
            "sql = '''\r\nfirst\r\n  WORD\r\n'''",
            "sql = \"\"\"a\r\nb WORD\"\"\"",
            "sql = \"é \\\"x\\\" \\t \\u00e9 \\U0001F642 \\\\ WORD b\"",
            "sql = \"\"\"a \\\n    \n   WORD b\"\"\"",
            "sql = \"\"\"\\\n WORD\"\"\"",
        ] {
            assert_eq!(marked(toml, "WORD"), "WORD", "{toml}");
        }
    }
}
