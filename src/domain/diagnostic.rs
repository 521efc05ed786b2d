//! What is wrong with a file that somebody wrote, where, and what to do about it.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::{Deserialize, Serialize};

use crate::text::{Untrusted, plural};

/// More than this many are counted, not printed.
const MAX_RENDERED: usize = 200;

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path as the user gave it or as it was found under the folder they gave.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

/// Whether a file can be used all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but probably says something else than was meant.
    Warning,
}

/// The kinds of mistakes, stable words for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The file is larger than any registry or playbook needs to be.
    FileTooLarge,
    /// Not TOML.
    TomlSyntax,
    /// A key that the format does not have.
    UnknownKey,
    /// A key that must be there.
    MissingKey,
    /// A value of another type.
    WrongType,
    /// A format version that this program does not read.
    UnsupportedVersion,
    /// An empty value where something must stand.
    EmptyValue,
    /// A number, a span of time or a length outside its limits.
    OutOfRange,
    /// A word that is none of those expected.
    UnknownValue,
    /// A name that cannot be used.
    BadName,
    /// A statement that is refused.
    Sql,
    /// The name in the fields is not the one in the statement.
    NameMismatch,
    /// The table in the fields is not the one in the statement.
    TableMismatch,
    /// `ON ONLY`: a partitioned parent cannot be indexed concurrently (0A000 on 12 to 18).
    PartitionedParent,
    /// Two entries, phases or steps of one name.
    DuplicateName,
    /// Two entries that describe the same index.
    DuplicateDefinition,
    /// More entries than one registry may hold.
    TooManyEntries,
    /// Nothing to do in it.
    Nothing,
    /// A password or the like where none belongs.
    Secret,
    /// A key of the keyboard that cannot be had.
    BadKey,
    /// A file that others could have written.
    LooseFile,
}

impl Code {
    /// Only what may be meant is a warning.
    pub fn severity(self) -> Severity {
        if self == Self::DuplicateDefinition { Severity::Warning } else { Severity::Error }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind it is.
    pub code: Code,
    /// Path of the file, as in [`Source::path`]. May hold any character.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// Bytes of the file that it is about.
    pub span: Range<usize>,
    /// What is so. May quote the file; made safe by [`render`].
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// `file:line:column: message` on one safe line.
    pub fn one_line(&self) -> String {
        format!("{}:{}:{}: {}", safe(&self.file), self.line, self.column, safe(&self.message))
    }
}

/// Places in a text by line and column.
#[derive(Debug, Clone)]
pub struct Lines<'s> {
    text: &'s str,
    starts: Vec<usize>,
}

impl<'s> Lines<'s> {
    /// Finds the lines of a text.
    pub fn new(text: &'s str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        Self { text, starts }
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub fn place(&self, at: usize) -> (u32, u32) {
        let at = at.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..at).map_or(0, |before| before.chars().count());
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column + 1).unwrap_or(u32::MAX))
    }

    /// One line without its end, from 1; empty beyond the last.
    fn line(&self, number: u32) -> &'s str {
        let index = usize::try_from(number).unwrap_or(usize::MAX).wrapping_sub(1);
        let start = self.starts.get(index).copied().unwrap_or(self.text.len());
        let end = self.starts.get(index.wrapping_add(1)).copied().unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }
}

/// All of them for people: a caret under each place, then the hint. Plain text, safe for a terminal.
pub fn render(diagnostics: &[Diagnostic], sources: &[Source]) -> String {
    let lines: Vec<(&str, Lines<'_>)> =
        sources.iter().map(|source| (source.path.as_str(), Lines::new(&source.text))).collect();
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(MAX_RENDERED) {
        let source = lines.iter().find(|(path, _)| *path == diagnostic.file).map(|(_, lines)| lines);
        out.push_str(&render_one(diagnostic, source));
        out.push_str("\n\n");
    }
    if let Some(more) = diagnostics.len().checked_sub(MAX_RENDERED).filter(|more| *more > 0) {
        let _ = writeln!(out, "... and {} more\n", plural(more, "message", "messages"));
    }
    out
}

fn render_one(diagnostic: &Diagnostic, lines: Option<&Lines<'_>>) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(safe(&diagnostic.message)));
    if let Some(lines) = lines {
        let (shown, caret) = marked_line(lines, diagnostic);
        let snippet = Snippet::source(shown)
            .line_start(usize::try_from(diagnostic.line).unwrap_or(1))
            .path(safe(&diagnostic.file))
            .annotation(AnnotationKind::Primary.span(caret));
        group = group.element(snippet);
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(safe(hint)));
    }
    Renderer::plain().render(&[group])
}

/// The line of a diagnostic made safe, and where in it the caret stands. A span over several lines is cut at the end
/// of its first.
fn marked_line(lines: &Lines<'_>, diagnostic: &Diagnostic) -> (String, Range<usize>) {
    let line = lines.line(diagnostic.line);
    let start = lines.starts.get(diagnostic.line.saturating_sub(1) as usize).copied().unwrap_or(0);
    let from = floor(line, diagnostic.span.start.saturating_sub(start));
    let to = floor(line, diagnostic.span.end.saturating_sub(start)).max(from);
    let before = safe(&line[..from]);
    let marked = safe(&line[from..to]);
    let caret = before.len()..before.len() + marked.len();
    ([before, marked, safe(&line[to..])].concat(), caret)
}

/// The nearest start of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn safe(text: &str) -> String {
    Untrusted::from(text.replace('\t', "    ")).display_safe(None).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(text: &str, span: Range<usize>) -> Diagnostic {
        let (line, column) = Lines::new(text).place(span.start);
        Diagnostic {
            severity: Severity::Error,
            code: Code::UnknownKey,
            file: "r.toml".to_owned(),
            line,
            column,
            span,
            message: "unknown key `tabel`".to_owned(),
            hint: Some("write `table`".to_owned()),
        }
    }

    fn rendered(text: &str, span: Range<usize>) -> String {
        let source = Source { path: "r.toml".to_owned(), text: text.to_owned() };
        render(&[diagnostic(text, span)], &[source])
    }

    #[test]
    fn a_caret_stands_under_the_place() {
        insta::assert_snapshot!(rendered("a = 1\ntabel = 2\n", 6..11), @r"
        error: unknown key `tabel`
         --> r.toml:2:1
          |
        2 | tabel = 2
          | ^^^^^
          |
          = help: write `table`
        ");
    }

    #[test]
    fn places_count_characters_and_survive_the_end_of_the_text() {
        let lines = Lines::new("é = 1\r\nb\n");
        assert_eq!(lines.place(0), (1, 1));
        assert_eq!(lines.place(2), (1, 2));
        assert_eq!(lines.place(8), (2, 1));
        assert_eq!(lines.place(999), (3, 1));
    }

    #[test]
    fn hostile_lines_are_shown_written_out() {
        let text = "x = \"a\u{202e}b\u{1b}[31m\"\n";
        let shown = rendered(text, 0..1);
        assert!(shown.contains(r"\u{202e}b␛[31m"), "{shown}");
        assert!(!shown.contains(['\u{202e}', '\u{1b}']));
    }

    #[test]
    fn any_span_can_be_rendered() {
        let text = "é = \"ü\"\n\n\tb = '''\nlong\n'''";
        for start in 0..text.len() + 3 {
            for end in start..text.len() + 3 {
                assert!(rendered(text, start..end).contains("r.toml"));
            }
        }
    }

    #[test]
    fn a_flood_is_counted() {
        let text = "tabel = 2\n";
        let source = Source { path: "r.toml".to_owned(), text: text.to_owned() };
        let many = vec![diagnostic(text, 0..5); MAX_RENDERED + 3];
        assert!(render(&many, &[source]).ends_with("... and 3 messages more\n\n"));
    }
}
