//! SARIF 2.1.0, as code scanning reads it.

use serde_json::{Value, json};

use super::Told;
use crate::lint::rule::ALL;
use crate::lint::{Finding, Severity};

/// Where the format is described.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// All findings; those that a comment allows are there as suppressed.
pub(super) fn log(told: &Told<'_>) -> Value {
    let rules: Vec<Value> = ALL
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": { "text": rule.summary },
                "fullDescription": { "text": rule.why },
                "help": { "text": rule.why },
                "defaultConfiguration": { "level": level(rule.severity) },
            })
        })
        .collect();
    let results: Vec<Value> = told.findings.iter().map(result).collect();
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

fn result(finding: &Finding) -> Value {
    let suppressions: Vec<Value> =
        finding.allowed.iter().map(|it| json!({ "kind": "inSource", "justification": it.reason })).collect();
    json!({
        "ruleId": finding.rule,
        "ruleIndex": ALL.iter().position(|rule| rule.id == finding.rule),
        "level": level(finding.severity),
        "message": { "text": format!("{}. {}.", finding.message, finding.help) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.path) },
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

fn level(severity: Severity) -> &'static str {
    severity.word()
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
