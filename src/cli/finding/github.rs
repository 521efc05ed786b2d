//! Annotations of GitHub Actions: a line of standard output for each finding.

use std::fmt::Write as _;

use super::Report;
use crate::lint::Severity;
use crate::text::Untrusted;

/// One line for each finding that counts. No text of a file can begin a command of its own: all that ends a line or
/// a value is written out.
pub(super) fn annotations(report: &Report<'_>) -> String {
    let mut out = String::new();
    for finding in report.open() {
        let word = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let message = format!("{}. {}.", safe(&finding.message), safe(finding.help));
        let _ = writeln!(
            out,
            "::{word} file={},line={},endLine={},col={},title={}::{}",
            value(finding.path),
            finding.place.line,
            finding.end.line,
            finding.place.column,
            value(finding.rule),
            data(&message),
        );
    }
    out
}

fn safe(text: &str) -> String {
    Untrusted::from(text).display_safe(None).into()
}

/// What stands behind the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of the command. Paths have to stay what they are, so that they are not made safe but written out.
fn value(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in data(text).chars() {
        match letter {
            ':' => out.push_str("%3A"),
            ',' => out.push_str("%2C"),
            it if it.is_control() => {
                let _ = write!(out, "%{:02X}", u32::from(it));
            }
            it => out.push(it),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_ends_a_value_or_a_line() {
        assert_eq!(value("a:b,c%\r\n\u{1b}.sql"), "a%3Ab%2Cc%25%0D%0A%1B.sql");
        assert_eq!(data("100%\n::error::x"), "100%25%0A::error::x");
    }
}
