//! JUnit XML: a suite for each file, a case for each finding, so that whoever shows test reports shows them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Item, Report};
use crate::lint::Severity;

/// The report. A file without findings is a case that passes; a note passes too and is told in its output.
pub(super) fn report(report: &Report<'_>) -> String {
    let mut suites: Vec<(&str, Vec<&Item<'_>>)> =
        report.files.iter().map(|path| (*path, Vec::new())).collect();
    let mut positions: BTreeMap<&str, usize> =
        report.files.iter().enumerate().map(|(position, path)| (*path, position)).collect();
    for finding in report.open() {
        // What is wrong with settings is in none of the files that were looked at.
        let position = *positions.entry(finding.path).or_insert_with(|| {
            suites.push((finding.path, Vec::new()));
            suites.len() - 1
        });
        suites[position].1.push(finding);
    }
    let command = report.command;
    let (mut body, mut tests, mut failures) = (String::new(), 0, 0);
    for (path, findings) in &suites {
        let failed = findings.iter().filter(|it| fails(it)).count();
        let count = findings.len().max(1);
        tests += count;
        failures += failed;
        let _ = writeln!(
            body,
            "  <testsuite name=\"{}\" tests=\"{count}\" failures=\"{failed}\">",
            escaped(path)
        );
        if findings.is_empty() {
            let _ = writeln!(body, "    <testcase classname=\"{}\" name=\"{command}\"/>", escaped(path));
        }
        for finding in findings {
            body.push_str(&case(finding));
        }
        body.push_str("  </testsuite>\n");
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"cicerone {command}\" tests=\"{tests}\" failures=\"{failures}\">\n{body}</testsuites>\n"
    )
}

fn fails(finding: &Item<'_>) -> bool {
    finding.severity > Severity::Note
}

fn case(finding: &Item<'_>) -> String {
    let place = format!("{}:{}", finding.path, finding.place);
    let text = escaped(&format!("{place}: {}\n{}", finding.message, finding.help));
    let inside = if fails(finding) {
        format!(
            "      <failure type=\"{}\" message=\"{}\">{text}</failure>\n",
            finding.severity.word(),
            escaped(&finding.message)
        )
    } else {
        format!("      <system-out>{text}</system-out>\n")
    };
    format!(
        "    <testcase classname=\"{}\" name=\"{} at {}\">\n{inside}    </testcase>\n",
        escaped(finding.path),
        finding.rule,
        finding.place
    )
}

/// Text as XML 1.0 takes it: signs of markup written out, and what it has no sign for shown as U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            it if it.is_control() || matches!(it, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            it => out.push(it),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_xml() {
        assert_eq!(
            escaped("a<b>&\"c\"\u{1b}\n\u{ffff}"),
            "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}&#10;\u{fffd}"
        );
    }
}
