//! SARIF 2.1.0, as code scanning reads it.

use serde_json::{Value, json};

use super::{Item, Pardon, Report};

/// Where the format is described.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// All findings; those that are pardoned are there as suppressed.
pub(super) fn log(report: &Report<'_>) -> Value {
    let rules: Vec<Value> = report
        .rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": { "text": rule.summary },
                "fullDescription": { "text": rule.why },
                "help": { "text": rule.why },
                "defaultConfiguration": { "level": rule.severity.word() },
            })
        })
        .collect();
    let results: Vec<Value> = report.findings.iter().map(|it| result(report, it)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "cicerone",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(report: &Report<'_>, finding: &Item<'_>) -> Value {
    let suppressions: Vec<Value> = finding.pardon.iter().map(suppression).collect();
    json!({
        "ruleId": finding.rule,
        "ruleIndex": report.rules.iter().position(|rule| rule.id == finding.rule),
        "level": finding.severity.word(),
        "message": { "text": format!("{}. {}.", finding.message, finding.help) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(finding.path) },
            "region": {
                "startLine": finding.place.line,
                "startColumn": finding.place.column,
                "endLine": finding.end.line,
                "endColumn": finding.end.column,
            },
        }}],
        "suppressions": suppressions,
    })
}

fn suppression(pardon: &Pardon<'_>) -> Value {
    let (kind, why) = match pardon {
        Pardon::Note(why) => ("inSource", why),
        Pardon::Elsewhere(why) => ("external", why),
    };
    json!({ "kind": kind, "justification": why })
}

/// A path as a reference: every byte that means something in one is written out.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => {
                out.push(char::from(byte));
            }
            other => {
                use std::fmt::Write as _;
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("a b/ü%.sql"), "a%20b/%C3%BC%25.sql");
        assert_eq!(uri("/m/1.sql"), "file:///m/1.sql");
    }
}
