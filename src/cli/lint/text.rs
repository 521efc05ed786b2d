//! Findings for people: each with its line and a caret under the place. Plain text, safe for a terminal.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::Told;
use super::answer::Totals;
use crate::lint::{Finding, Severity};
use crate::text::{Untrusted, plural};

/// Bytes of a long line that are shown on either side of the place.
const BESIDE: usize = 100;

/// All findings that nobody allows, and the figures.
pub(super) fn page(told: &Told<'_>) -> String {
    let mut out = String::new();
    for finding in told.findings.iter().filter(|it| it.allowed.is_none()) {
        let text = finding.file.and_then(|at| told.folder.files.get(at)).map(|file| file.text.as_str());
        out.push_str(&one(finding, text));
        out.push_str("\n\n");
    }
    let _ = writeln!(out, "{}", totals(&Totals::of(told)));
    out
}

/// The figures in one sentence.
pub(super) fn totals(it: &Totals) -> String {
    let mut line = format!(
        "{}: {}, {}, {}",
        plural(it.files, "file", "files"),
        plural(it.errors, "error", "errors"),
        plural(it.warnings, "warning", "warnings"),
        plural(it.notes, "note", "notes"),
    );
    if it.allowed > 0 {
        let _ = write!(line, "; {} allowed by comments", it.allowed);
    }
    if it.fixable > 0 {
        let _ = write!(line, "; --fix corrects {}", it.fixable);
    }
    line
}

fn one(finding: &Finding, text: Option<&str>) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(safe(&finding.message)).id(finding.rule);
    let mut group = Group::with_title(title);
    match text {
        Some(text) => {
            let (shown, caret) = marked_line(text, &finding.range);
            let annotation = AnnotationKind::Primary.span(caret);
            let snippet = Snippet::source(shown).line_start(finding.place.line).path(safe(&finding.path));
            group = group.element(snippet.annotation(annotation));
        }
        None => group = group.element(Origin::path(safe(&finding.path)).line(1).char_column(1)),
    }
    if let Some(fix) = &finding.fix {
        group = group.element(Level::HELP.message(format!("--fix {}", safe(fix.what))));
    } else {
        group = group.element(Level::HELP.message(safe(&finding.help)));
    }
    // The column counts in the file, not in what is shown of its line.
    let rendered = Renderer::plain().render(&[group]);
    let mut lines: Vec<String> = rendered.lines().map(str::to_owned).collect();
    if let Some(origin) = lines.iter_mut().find(|line| line.trim_start().starts_with("--> ")) {
        let margin = origin.len() - origin.trim_start().len();
        *origin = format!("{}--> {}:{}", " ".repeat(margin), safe(&finding.path), finding.place);
    }
    lines.join("\n")
}

/// The line of a place made safe, and where in it the caret stands. What goes on over several lines is cut at the end of
/// the first.
fn marked_line(text: &str, range: &Range<usize>) -> (String, Range<usize>) {
    let at = floor(text, range.start);
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let line = text[start..end].trim_end_matches('\r');
    let from = floor(line, at.saturating_sub(start));
    let to = floor(line, range.end.saturating_sub(start)).max(from);
    let first = floor(line, from.saturating_sub(BESIDE));
    let last = floor(line, (to.min(from + BESIDE) + BESIDE).min(line.len()));
    let dots = |cut: bool| if cut { "..." } else { "" };
    let to = to.min(last);
    let before = format!("{}{}", dots(first > 0), safe(&line[first..from]));
    let marked = safe(&line[from..to]);
    let caret = before.len()..before.len() + marked.len();
    ([before, marked, safe(&line[to..last]), dots(last < line.len()).to_owned()].concat(), caret)
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
    use crate::audit::Place;

    fn rendered(text: &str, range: Range<usize>) -> String {
        let place = Place { line: 2, column: 3 };
        let finding = Finding {
            rule: "missing-concurrently",
            severity: Severity::Warning,
            file: Some(0),
            path: "a\u{1b}[31m.sql".to_owned(),
            range,
            place,
            end: place,
            message: "this stops".to_owned(),
            help: "write".to_owned(),
            fix: None,
            allowed: None,
        };
        one(&finding, Some(text))
    }

    #[test]
    fn a_caret_stands_under_the_place() {
        insta::assert_snapshot!(rendered("-- a\n\tcreate index i\non t;\n", 6..18), @r"
        warning[missing-concurrently]: this stops
         --> a␛[31m.sql:2:3
          |
        2 |     create index i
          |     ^^^^^^^^^^^^
          |
          = help: write
        ");
    }

    #[test]
    fn any_range_of_any_line_can_be_shown_and_nothing_acts_on_a_terminal() {
        let text = format!("é = \"ü\"\r\n\n\tb\u{1b}[31m\u{202e}{}\nlong", "x".repeat(300));
        for start in 0..text.len() + 3 {
            for end in [start, start + 1, start + 7, text.len() + 2] {
                let range = start..end.max(start);
                let shown = rendered(&text, range);
                assert!(!shown.contains(['\u{1b}', '\u{202e}', '\r']), "{shown}");
                assert!(shown.lines().all(|line| line.chars().count() < 400), "{shown}");
            }
        }
    }
}
