//! The answer for people: by file, each finding with its place, what it is, why, and how to put it right.

use std::fmt::Write as _;

use super::answer::Answer;
use crate::cli::table::safe;
use crate::text::plural;

/// Everything on one page, `width` cells wide at least where lines can be cut.
pub(super) fn page(answer: &Answer, width: usize) -> String {
    let mut text = String::new();
    let mut file: Option<&str> = None;
    let mut told: Option<&str> = None;
    for it in &answer.findings {
        if file != Some(it.file.as_str()) {
            if file.is_some() {
                text.push('\n');
            }
            let _ = writeln!(text, "{}", safe(&it.file, None));
            file = Some(&it.file);
            told = None;
        }
        let place = format!("{}:{}", it.line, it.column);
        let head = format!("  {place:<9} {}: {}", it.kind, safe(&it.what, None));
        let _ = writeln!(text, "{}", crate::text::cut(&head, width.max(80)));
        let _ = writeln!(text, "            {}", safe(&it.message, None));
        // The same advice is given once in a row.
        if told != Some(it.help.as_str()) {
            let _ = writeln!(text, "            help: {}", safe(&it.help, None));
            told = Some(&it.help);
        }
    }
    if !answer.findings.is_empty() {
        text.push('\n');
    }
    text.push_str(&totals(answer));
    text
}

fn totals(answer: &Answer) -> String {
    let totals = &answer.totals;
    let counted = |of: &std::collections::BTreeMap<&'static str, usize>| {
        of.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    };
    let mut text = format!(
        "{} in {}",
        plural(totals.findings, "finding", "findings"),
        plural(totals.files, "file", "files")
    );
    if totals.findings > 0 {
        let _ = write!(text, ": {}", counted(&totals.by_kind));
    }
    text.push_str(".\n");
    if totals.passed > 0 {
        let _ = writeln!(
            text,
            "Passed: {}; --output json lists them with their reasons.",
            counted(&totals.by_reason)
        );
    }
    if let Some(it) = &answer.baseline
        && it.written
    {
        let _ =
            writeln!(text, "Baseline {}: {}.", safe(&it.file, None), plural(it.entries, "entry", "entries"));
    }
    text
}
