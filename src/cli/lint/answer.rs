//! The answer as data: printed as JSON, see `docs/lint.md`.

use serde::Serialize;

use super::Told;
use crate::lint::rule::{ALL, Rule};
use crate::lint::{Finding, Severity};

/// Everything that was found. Fields are only ever added within a version.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    version: u32,
    kind: &'static str,
    totals: Totals,
    findings: Vec<FindingAnswer>,
}

/// How many of each. What is allowed is counted there and nowhere else.
#[derive(Debug, Default, Serialize)]
pub(super) struct Totals {
    pub(super) files: usize,
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) notes: usize,
    pub(super) allowed: usize,
    /// Findings that `--fix` would correct.
    pub(super) fixable: usize,
}

#[derive(Debug, Serialize)]
struct FindingAnswer {
    file: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    rule: &'static str,
    severity: Severity,
    message: String,
    help: String,
    fixable: bool,
    /// The reason of the comment that allows it.
    allowed: Option<String>,
}

impl Answer {
    pub(super) fn of(told: &Told<'_>) -> Self {
        Self {
            version: 1,
            kind: "lint",
            totals: Totals::of(told),
            findings: told.findings.iter().map(FindingAnswer::of).collect(),
        }
    }
}

impl Totals {
    pub(super) fn of(told: &Told<'_>) -> Self {
        let files = told.folder.files.len() + told.folder.unreadable.len();
        let mut totals = Self { files, ..Self::default() };
        for finding in told.findings {
            if finding.allowed.is_some() {
                totals.allowed += 1;
                continue;
            }
            totals.fixable += usize::from(finding.fix.is_some());
            match finding.severity {
                Severity::Error => totals.errors += 1,
                Severity::Warning => totals.warnings += 1,
                Severity::Note => totals.notes += 1,
            }
        }
        totals
    }
}

impl FindingAnswer {
    fn of(finding: &Finding) -> Self {
        Self {
            file: finding.path.clone(),
            line: finding.place.line,
            column: finding.place.column,
            end_line: finding.end.line,
            end_column: finding.end.column,
            rule: finding.rule,
            severity: finding.severity,
            message: finding.message.clone(),
            help: finding.help.clone(),
            fixable: finding.fix.is_some(),
            allowed: finding.allowed.clone(),
        }
    }
}

/// The rules.
#[derive(Debug, Serialize)]
pub(super) struct Rulebook {
    version: u32,
    kind: &'static str,
    rules: Vec<RuleAnswer>,
}

/// One rule.
#[derive(Debug, Serialize)]
pub(super) struct RuleAnswer {
    rule: &'static str,
    severity: Severity,
    summary: &'static str,
    why: &'static str,
}

impl Rulebook {
    pub(super) fn all() -> Self {
        Self { version: 1, kind: "lint_rules", rules: ALL.iter().map(|it| RuleAnswer::of(it)).collect() }
    }
}

impl RuleAnswer {
    pub(super) fn of(rule: &Rule) -> Self {
        Self { rule: rule.id, severity: rule.severity, summary: rule.summary, why: rule.why }
    }
}
