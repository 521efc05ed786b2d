//! Values as the screen shows them. Every text of somebody else passes through here.

use jiff::tz::TimeZone;

use crate::domain::failure::Failure;
use crate::domain::unit::{Bytes, Millis};
use crate::text::{Safe, Untrusted};

use super::Charset;

/// Makes text safe for the terminal's character set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Show(pub(super) Charset, pub(super) Room);

/// Whether there is an end of the line to think of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Names are cut to the cells that they get.
    Cells,
    /// Nothing is cut.
    Whole,
}

impl Show {
    /// A name in at most `width` cells; a cut one stays different from its neighbours.
    pub(super) fn name(self, raw: &str, width: usize) -> String {
        self.safe(raw, (self.1 == Room::Cells).then_some(width)).into()
    }

    /// A text of any length, on one line.
    pub(super) fn whole(self, raw: &str) -> String {
        self.safe(raw, None).into()
    }

    /// A statement on one line: line ends and runs of blanks become one blank.
    pub(super) fn statement(self, raw: &str) -> String {
        self.whole(&raw.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The same without the comment that marks a statement as the run's own: it says what the bar says.
    pub(super) fn bare_statement(self, raw: &str) -> String {
        let bare = raw.trim_start().strip_prefix("/*").and_then(|rest| rest.split_once("*/"));
        self.statement(bare.map_or(raw, |(_, statement)| statement))
    }

    /// A failed statement: the server's message and code.
    pub(super) fn failure(self, failure: &Failure) -> String {
        let code = failure.sqlstate.as_ref().map(|state| format!(" ({})", state.0)).unwrap_or_default();
        self.whole(&format!("{}{code}", failure.message))
    }

    fn safe(self, raw: &str, width: Option<usize>) -> Safe {
        let text = Untrusted::from(raw);
        match self.0 {
            Charset::Ascii => text.display_ascii(width),
            Charset::Unicode => text.display_safe(width),
        }
    }
}

/// Time of day in UTC: `03:22:10Z`.
pub(super) fn time(at: jiff::Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%H:%M:%SZ").to_string()
}

/// The same by minutes: `03:22Z`.
pub(super) fn minute(at: jiff::Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%H:%MZ").to_string()
}

/// Time of day in a zone, with its distance from UTC: `04:22:10+01:00`.
pub(super) fn local(at: jiff::Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S%:z").to_string()
}

/// How long ago: `00:12:03 ago`, or `in 00:00:05`.
pub(super) fn relative(at: jiff::Timestamp, now: jiff::Timestamp) -> String {
    if at > now { format!("in {}", since(now, at)) } else { format!("{} ago", since(at, now)) }
}

/// A duration: `00:12:03`.
pub(super) fn clock(span: Millis) -> String {
    crate::text::clock(span.seconds())
}

/// Time from `earlier` to `later`: `00:12:03`.
pub(super) fn since(earlier: jiff::Timestamp, later: jiff::Timestamp) -> String {
    clock(Millis::between(earlier, later))
}

/// A size: `1.1 GiB`.
pub(super) fn size(bytes: Bytes) -> String {
    crate::text::bytes(bytes.0)
}

/// An estimated time: tenths of a second below a minute, `HH:MM:SS` above.
pub(super) fn about(span: Millis) -> String {
    if span.0 < 60_000 { format!("~{}", crate::text::span(span.0)) } else { format!("~{}", clock(span)) }
}

/// Lines of at most `width` cells, broken at blanks where there are any.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let joined = crate::text::cell_width(&line) + usize::from(!line.is_empty());
        if !line.is_empty() && joined + crate::text::cell_width(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for char in word.chars() {
            if crate::text::cell_width(&line) + crate::text::cell_width(char.encode_utf8(&mut [0; 4])) > width
            {
                lines.push(std::mem::take(&mut line));
            }
            line.push(char);
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_breaks_at_blanks_and_cuts_what_has_none() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
    }

    #[test]
    fn a_time_is_never_bare() {
        let at: jiff::Timestamp = "2026-11-20T23:22:10Z".parse().unwrap();
        assert_eq!(time(at), "23:22:10Z");
        let zone = TimeZone::fixed(jiff::tz::offset(5));
        assert_eq!(local(at, &zone), "04:22:10+05:00");
        assert_eq!(local(at, &TimeZone::UTC), "23:22:10+00:00");
        assert_eq!(relative(at, at + jiff::SignedDuration::from_secs(723)), "00:12:03 ago");
        assert_eq!(relative(at, at - jiff::SignedDuration::from_secs(5)), "in 00:00:05");
    }

    #[test]
    fn a_statement_of_several_lines_is_one_line_without_control_characters() {
        let shown = Show(Charset::Ascii, Room::Cells).statement("SELECT 1\n  FROM\tt -- \u{1b}[31mred");
        assert_eq!(shown, "SELECT 1 FROM t -- \\u{1b}[31mred");
        let marked = "/* cicerone run=1 head=2 */ CREATE INDEX CONCURRENTLY i ON t /* x */ (a)";
        let bare = Show(Charset::Ascii, Room::Cells).bare_statement(marked);
        assert_eq!(bare, "CREATE INDEX CONCURRENTLY i ON t /* x */ (a)");
    }
}
