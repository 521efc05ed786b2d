//! JUnit XML: a suite for each file, a case for each finding, so that whoever shows test reports shows them.

use std::fmt::Write as _;

use super::Told;
use crate::lint::{Finding, Severity};

/// The report. A file without findings is a case that passes; a note passes too and is told in its output.
pub(super) fn report(told: &Told<'_>) -> String {
    let mut suites: Vec<(&str, Vec<&Finding>)> = Vec::new();
    for path in told.folder.unreadable.iter().map(|(path, _)| path.as_str()) {
        suites.push((path, Vec::new()));
    }
    suites.extend(told.folder.files.iter().map(|file| (file.path.as_str(), Vec::new())));
    for finding in told.findings.iter().filter(|it| it.allowed.is_none()) {
        if let Some((_, findings)) = suites.iter_mut().find(|(path, _)| *path == finding.path) {
            findings.push(finding);
        }
    }
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
            let _ = writeln!(body, "    <testcase classname=\"{}\" name=\"lint\"/>", escaped(path));
        }
        for finding in findings {
            body.push_str(&case(finding));
        }
        body.push_str("  </testsuite>\n");
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"cicerone lint\" tests=\"{tests}\" failures=\"{failures}\">\n{body}</testsuites>\n"
    )
}

fn fails(finding: &Finding) -> bool {
    finding.severity > Severity::Note
}

fn case(finding: &Finding) -> String {
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
        escaped(&finding.path),
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
