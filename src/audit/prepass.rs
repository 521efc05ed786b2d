//! What psql makes of a file before the server sees it: COPY data, meta-commands and variables, told apart from SQL.
//!
//! Offsets stay: what is no SQL is skipped or written over byte by byte, so that a place found in the result is the
//! place in the file.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memmem};

use super::lexis::{Kind, begins_name, continues_name, lexeme};

/// A file as psql would send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script<'a> {
    /// The text, as long as what was read, with variables and commands inside of statements written over.
    pub text: Cow<'a, str>,
    /// The statements, in order.
    pub pieces: Vec<Piece>,
    /// Offsets of what somebody fills in before it is sent: `:name`, `${name}`, `{{ name }}`.
    pub placeholders: Vec<usize>,
    /// Meta-commands that bring in another file: the offset and the command.
    pub includes: Vec<(usize, String)>,
    /// What has no end, with the offset of its beginning.
    pub open: Vec<(usize, Open)>,
}

/// One statement's bytes, from its first sign to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// From the first sign that is neither space nor comment.
    pub range: Range<usize>,
    /// What sends it.
    pub sent: Sent,
    /// The bytes of the rows behind a COPY from stdin. Of the many statements of a dump few have any.
    pub data: Option<Box<Range<usize>>>,
}

/// What ends a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// `;`
    Semicolon,
    /// `\g`, `\gx`, `\gset` and their like.
    Command,
    /// `\gexec`: what the statement returns is executed.
    Gexec,
    /// Nothing: the file ends.
    End,
}

/// Something that is begun and never ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// `'`
    Text,
    /// `"`
    Name,
    /// `$tag$`
    Dollar,
    /// Rows of a COPY without `\.`
    Copy,
}

/// Splits a text into the statements that psql would send.
pub fn prepare(text: &str) -> Script<'_> {
    let mut scan = Scan {
        bytes: text.as_bytes(),
        at: 0,
        current: Current::default(),
        edits: Vec::new(),
        script: Script {
            text: Cow::Borrowed(text),
            pieces: Vec::new(),
            placeholders: Vec::new(),
            includes: Vec::new(),
            open: Vec::new(),
        },
    };
    while scan.at < scan.bytes.len() {
        scan.step();
    }
    scan.finish(scan.bytes.len(), Sent::End);
    let Scan { edits, mut script, .. } = scan;
    if !edits.is_empty() {
        script.text = Cow::Owned(written_over(text, &edits));
    }
    script
}

/// What the statement at hand has shown so far.
#[derive(Debug, Default)]
struct Current {
    start: Option<usize>,
    last: usize,
    round: usize,
    square: usize,
    words: usize,
    role: Role,
    /// Blocks of a routine with a body in SQL that are open: `;` inside of them ends nothing.
    blocks: usize,
}

/// What a statement is, as far as its end depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Role {
    #[default]
    Other,
    /// CREATE, which may turn out to make a routine.
    Create,
    Routine,
    Copy,
    CopyFrom,
    CopyFromStdin,
}

struct Edit {
    range: Range<usize>,
    with: With,
}

#[derive(Clone, Copy)]
enum With {
    Spaces,
    /// A name of the same length.
    Name,
    /// The sign stands between quotes already.
    Inside(u8),
    /// A string of the same length.
    Quoted,
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    current: Current,
    edits: Vec<Edit>,
    script: Script<'a>,
}

impl Scan<'_> {
    fn step(&mut self) {
        let at = self.at;
        if let Some(end) = self.placeholder(at) {
            self.touch(at, end);
            self.at = end;
            return;
        }
        let found = lexeme(self.bytes, at);
        self.at = found.end;
        match found.kind {
            Kind::Space | Kind::Comment => {}
            Kind::Sign(b'\\') => self.command(at),
            Kind::Sign(b';') => self.semicolon(at),
            Kind::Sign(sign) => {
                self.touch(at, found.end);
                let current = &mut self.current;
                match sign {
                    b'(' => current.round += 1,
                    b')' => current.round = current.round.saturating_sub(1),
                    b'[' => current.square += 1,
                    b']' => current.square = current.square.saturating_sub(1),
                    _ => {}
                }
            }
            Kind::Word => {
                self.touch(at, found.end);
                self.word(at..found.end);
            }
            Kind::Text { closed, .. } => self.closed(at, found.end, closed, Open::Text),
            Kind::Quoted { closed } => self.closed(at, found.end, closed, Open::Name),
            Kind::Dollar { closed, .. } => self.closed(at, found.end, closed, Open::Dollar),
        }
    }

    fn touch(&mut self, at: usize, end: usize) {
        self.current.start.get_or_insert(at);
        self.current.last = end;
    }

    fn closed(&mut self, at: usize, end: usize, closed: bool, what: Open) {
        self.touch(at, end);
        if !closed {
            self.script.open.push((at, what));
        }
    }

    fn word(&mut self, range: Range<usize>) {
        let word = &self.bytes[range];
        let is = |wanted: &str| word.eq_ignore_ascii_case(wanted.as_bytes());
        let current = &mut self.current;
        current.words += 1;
        current.role = match current.role {
            Role::Other if current.words == 1 && is("create") => Role::Create,
            Role::Other if current.words == 1 && is("copy") => Role::Copy,
            // CREATE [OR REPLACE] FUNCTION
            Role::Create if is("function") || is("procedure") => Role::Routine,
            Role::Create if current.words > 3 => Role::Other,
            Role::Copy if is("from") && current.round == 0 => Role::CopyFrom,
            Role::CopyFrom if is("stdin") => Role::CopyFromStdin,
            Role::CopyFrom => Role::Copy,
            Role::Other | Role::Create | Role::Routine | Role::Copy | Role::CopyFromStdin => current.role,
        };
        if current.role == Role::Routine {
            if is("begin") || (current.blocks > 0 && is("case")) {
                current.blocks += 1;
            } else if is("end") {
                current.blocks = current.blocks.saturating_sub(1);
            }
        }
    }

    fn semicolon(&mut self, at: usize) {
        if self.current.round > 0 || self.current.blocks > 0 {
            self.touch(at, at + 1);
            return;
        }
        let copies = self.current.role == Role::CopyFromStdin;
        if self.current.start.is_some() {
            self.touch(at, at + 1);
        }
        self.finish(at + 1, Sent::Semicolon);
        if copies {
            let rows = self.rows(at);
            if let Some(piece) = self.script.pieces.last_mut() {
                piece.data = Some(Box::new(rows));
            }
        }
    }

    fn finish(&mut self, end: usize, sent: Sent) {
        let current = std::mem::take(&mut self.current);
        if let Some(start) = current.start {
            self.script.pieces.push(Piece { range: start..current.last.min(end), sent, data: None });
        }
    }

    /// Skips the rows of a COPY, which begin on the line after the byte `from`, and returns their bytes.
    fn rows(&mut self, from: usize) -> Range<usize> {
        let end = self.bytes.len();
        let Some(line) = memchr(b'\n', &self.bytes[from..]) else { return end..end };
        // The mark may stand on the very first line.
        let first = from + line;
        let mut at = first;
        while let Some(found) = memmem::find(&self.bytes[at..], b"\n\\.") {
            let after = at + found + 3;
            match self.bytes.get(after) {
                None | Some(b'\n' | b'\r') => {
                    self.at = after;
                    return first + 1..(at + found + 1).max(first + 1);
                }
                Some(_) => at = after,
            }
        }
        self.script.open.push((first + 1, Open::Copy));
        self.at = end;
        first + 1..end
    }

    /// A meta-command at the backslash `at`, which goes to the end of its line.
    fn command(&mut self, at: usize) {
        if self.bytes.get(at + 1) == Some(&b';') {
            self.finish(at, Sent::Semicolon);
            self.at = at + 2;
            return;
        }
        let end = memchr(b'\n', &self.bytes[at..]).map_or(self.bytes.len(), |length| at + length);
        let line = String::from_utf8_lossy(&self.bytes[at..end]).trim_end().to_owned();
        let name = line.split_ascii_whitespace().next().unwrap_or_default().to_owned();
        self.at = end;
        match name.as_str() {
            "\\gexec" => self.finish(at, Sent::Gexec),
            "\\g" | "\\gx" | "\\gset" | "\\gdesc" | "\\watch" | "\\crosstabview" | "\\crosstab" => {
                self.finish(at, Sent::Command);
            }
            "\\r" | "\\reset" => self.current = Current::default(),
            "\\i" | "\\ir" | "\\include" | "\\include_relative" => {
                self.script.includes.push((at, line));
                self.over(at..end);
            }
            "\\copy" => {
                self.over(at..end);
                self.copies(at, end);
            }
            _ => self.over(at..end),
        }
    }

    /// `\copy … from`, from the backslash `at` to the end of its line: psql sends a COPY of its own, whatever statement
    /// is begun around it. To write into a file changes nothing.
    fn copies(&mut self, at: usize, end: usize) {
        let line = self.bytes[at..end].trim_ascii_end();
        let Some(source) = copied_from(line) else { return };
        let word = line[source..].split(|byte| byte.is_ascii_whitespace() || *byte == b';').next();
        let is = |wanted: &[u8]| word.is_some_and(|word| word.eq_ignore_ascii_case(wanted));
        let data = (is(b"stdin") || is(b"pstdin")).then(|| Box::new(self.rows(at)));
        // What psql takes for a source, options and all, is more than COPY does: a string stands for it.
        let source = at + source..at + line.len();
        self.over(end..self.at);
        if self.current.start.is_none() && source.len() >= "''".len() {
            self.script.pieces.push(Piece { range: at + 1..source.end, sent: Sent::Command, data });
            self.edits.push(Edit { range: source, with: With::Quoted });
        }
    }

    /// A command inside of a statement must not reach the parser.
    fn over(&mut self, range: Range<usize>) {
        if self.current.start.is_some() {
            self.edits.push(Edit { range, with: With::Spaces });
        }
    }

    /// The end of a placeholder that begins at `at`, which is written over.
    fn placeholder(&mut self, at: usize) -> Option<usize> {
        let bytes = self.bytes;
        let next = bytes.get(at + 1).copied();
        let (end, with) = match (bytes[at], next) {
            (b':', Some(b':')) => {
                // A cast.
                self.touch(at, at + 2);
                return Some(at + 2);
            }
            (b':', Some(quote @ (b'\'' | b'"'))) => {
                let end = name_end(bytes, at + 2)?;
                (bytes.get(end) == Some(&quote)).then_some((end + 1, With::Inside(quote)))?
            }
            (b':', Some(byte)) if begins_name(byte) && self.current.square == 0 => {
                (name_end(bytes, at + 1)?, With::Name)
            }
            (b'$', Some(b'{')) => (closing(bytes, at + 2, b"}")?, With::Name),
            (b'{', Some(b'{')) => (closing(bytes, at + 2, b"}}")?, With::Name),
            _ => return None,
        };
        self.script.placeholders.push(at);
        self.edits.push(Edit { range: at..end, with });
        Some(end)
    }
}

/// Where the source of a `\copy` begins in its line; `None` when it has none.
fn copied_from(line: &[u8]) -> Option<usize> {
    let (mut at, mut round, mut words) = (0, 0_usize, 0);
    while at < line.len() {
        let (from, found) = (at, lexeme(line, at));
        at = found.end.max(at + 1);
        match line[from] {
            b'(' => round += 1,
            b')' => round = round.saturating_sub(1),
            _ => {}
        }
        words += usize::from(matches!(found.kind, Kind::Word));
        if round > 0 || words < 2 {
            continue;
        }
        if line[from..at].eq_ignore_ascii_case(b"to") {
            return None;
        }
        if line[from..at].eq_ignore_ascii_case(b"from") {
            let spaces = line[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            return Some(at + spaces).filter(|source| *source < line.len());
        }
    }
    None
}

/// Longest placeholder in brackets, in bytes. A line may be as long as a file, and full of brackets that are never closed.
const LONGEST: usize = 200;

fn name_end(bytes: &[u8], from: usize) -> Option<usize> {
    let length = bytes[from..].iter().take_while(|byte| continues_name(**byte)).count();
    (length > 0).then_some(from + length)
}

/// Behind the `with` that closes a placeholder: on the same line, with nothing but ASCII before it.
fn closing(bytes: &[u8], from: usize, with: &[u8]) -> Option<usize> {
    let near = &bytes[from..bytes.len().min(from + LONGEST)];
    let line = &near[..memchr(b'\n', near).unwrap_or(near.len())];
    let found = memmem::find(line, with)?;
    let inside = &bytes[from..from + found];
    (!inside.is_empty() && inside.is_ascii()).then_some(from + found + with.len())
}

/// The character itself where it may be part of a name, else a letter that is as long.
fn of_name(char: char) -> char {
    match char.len_utf8() {
        _ if char.is_alphanumeric() => char,
        1 => '_',
        2 => 'ß',
        3 => 'あ',
        _ => '𐌀',
    }
}

fn written_over(text: &str, edits: &[Edit]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        result.push_str(&text[at..edit.range.start]);
        let old = &text[edit.range.clone()];
        match edit.with {
            With::Spaces => result.extend(old.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' })),
            With::Name => result.extend(old.chars().map(of_name)),
            With::Quoted => {
                result.push('\'');
                result.extend(std::iter::repeat_n('_', old.len().saturating_sub(2)));
                result.push('\'');
            }
            With::Inside(quote) => {
                // `:'name'` becomes `'_name'`.
                result.push(char::from(quote));
                result.push('_');
                result.push_str(&old[2..]);
            }
        }
        at = edit.range.end;
    }
    result.push_str(&text[at..]);
    result
}

#[cfg(test)]
mod tests;
