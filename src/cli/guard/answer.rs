//! The answer as data: printed as JSON, and the source of the page for people.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::old::Old;
use crate::audit::{Lines, Place};
use crate::cli::finding::{Item, Pardon, Report, Rule};
use crate::cli::folder::Folder;
use crate::guard::{Finding, Kind, Pass};
use crate::lint::Severity;

/// Everything that was judged. Fields are only ever added within a version.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) version: u32,
    pub(super) kind: &'static str,
    pub(super) totals: Totals,
    /// What has to be put right, by file and place.
    pub(super) findings: Vec<FindingAnswer>,
    /// What looked like a finding and is none, and why.
    pub(super) passed: Vec<FindingAnswer>,
    pub(super) baseline: Option<BaselineAnswer>,
}

#[derive(Debug, Serialize)]
pub(super) struct Totals {
    /// Files that were judged.
    pub(super) files: usize,
    pub(super) statements: usize,
    pub(super) findings: usize,
    /// By kind.
    pub(super) by_kind: BTreeMap<&'static str, usize>,
    pub(super) passed: usize,
    /// By reason.
    pub(super) by_reason: BTreeMap<&'static str, usize>,
}

#[derive(Debug, Serialize)]
pub(super) struct FindingAnswer {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end_line: usize,
    pub(super) end_column: usize,
    pub(super) kind: &'static str,
    pub(super) what: String,
    pub(super) message: String,
    pub(super) help: String,
    /// Why it passes: a word for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) passed: Option<&'static str>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    #[serde(skip)]
    pass: Option<Pass>,
}

#[derive(Debug, Serialize)]
pub(super) struct BaselineAnswer {
    pub(super) file: String,
    pub(super) entries: usize,
    pub(super) stale: usize,
    pub(super) written: bool,
}

impl Answer {
    pub(super) fn of(
        folder: &Folder,
        judged: &BTreeSet<usize>,
        findings: &[Finding],
        old: &Old,
        written: Option<usize>,
    ) -> Self {
        let mut lines: BTreeMap<usize, Lines> = BTreeMap::new();
        let (mut failing, mut passed) = (Vec::new(), Vec::new());
        let mut sorted: Vec<&Finding> = findings.iter().collect();
        // Files in the order of the series; what is in none of them comes first.
        let key = |it: &Finding| it.file.map_or(0, |file| file + 1);
        sorted.sort_by(|one, other| {
            (key(one), &one.path, one.place).cmp(&(key(other), &other.path, other.place))
        });
        for finding in sorted {
            let text = finding.file.and_then(|it| Some((it, folder.files.get(it)?.text.as_str())));
            let end = text.map_or(finding.place, |(file, text)| {
                lines.entry(file).or_insert_with(|| Lines::of(text)).place(text, finding.range.end)
            });
            let shown = shown(finding, end);
            if finding.pass.is_some() { passed.push(shown) } else { failing.push(shown) }
        }
        let (mut by_kind, mut by_reason) = (BTreeMap::new(), BTreeMap::new());
        for it in &failing {
            *by_kind.entry(it.kind).or_insert(0) += 1;
        }
        for word in passed.iter().filter_map(|it| it.passed) {
            *by_reason.entry(word).or_insert(0) += 1;
        }
        Self {
            version: 1,
            kind: "guard",
            totals: Totals {
                files: judged.len(),
                statements: judged
                    .iter()
                    .filter_map(|it| folder.files.get(*it))
                    .map(|it| it.document.statements.len())
                    .sum(),
                findings: failing.len(),
                by_kind,
                passed: passed.len(),
                by_reason,
            },
            findings: failing,
            passed,
            baseline: old.is_there.then(|| BaselineAnswer {
                file: old.path.to_string_lossy().into_owned(),
                entries: written.unwrap_or(old.baseline.entries.len()),
                stale: old.stale,
                written: written.is_some(),
            }),
        }
    }
}

impl Answer {
    /// The same for other programs: what has to be put right, and what a person or git lets pass.
    pub(super) fn report<'a>(&'a self, files: Vec<&'a str>) -> Report<'a> {
        let open = self.findings.iter().map(|it| it.item(None));
        let passed = self.passed.iter().filter_map(|it| Some(it.item(Some(it.pardon()?))));
        let mut findings: Vec<Item<'_>> = open.chain(passed).collect();
        let order: BTreeMap<&str, usize> =
            files.iter().enumerate().map(|(position, path)| (*path, position)).collect();
        // What is in none of the files comes first.
        findings.sort_by_key(|it| (order.get(it.path).copied(), it.path, it.place));
        let rule = |it: Kind| Rule {
            id: it.word(),
            severity: Severity::Error,
            summary: it.summary(),
            why: it.why(),
        };
        Report { command: "guard", rules: Kind::ALL.map(rule).into(), files, findings }
    }
}

impl FindingAnswer {
    /// `None` for what is no finding by its nature.
    fn pardon(&self) -> Option<Pardon<'_>> {
        match self.pass.as_ref()? {
            Pass::Allowed(reason) => Some(Pardon::Note(reason)),
            Pass::Baseline | Pass::Unchanged => self.why.as_deref().map(Pardon::Elsewhere),
            Pass::Routine
            | Pass::Seed
            | Pass::NewTable
            | Pass::Temporary
            | Pass::NoRows
            | Pass::Kept
            | Pass::OutOfReach => None,
        }
    }

    fn item<'a>(&'a self, pardon: Option<Pardon<'a>>) -> Item<'a> {
        Item {
            rule: self.kind,
            severity: Severity::Error,
            path: &self.file,
            place: Place { line: self.line, column: self.column },
            end: Place { line: self.end_line, column: self.end_column },
            message: format!("{}: {}", self.what, self.message),
            help: &self.help,
            pardon,
        }
    }
}

fn shown(finding: &Finding, end: Place) -> FindingAnswer {
    FindingAnswer {
        file: finding.path.clone(),
        line: finding.place.line,
        column: finding.place.column,
        end_line: end.line,
        end_column: end.column,
        kind: finding.kind.word(),
        what: finding.what.clone(),
        message: finding.message.clone(),
        help: finding.help.clone(),
        passed: finding.pass.as_ref().map(Pass::word),
        why: finding.pass.as_ref().map(Pass::words),
        pass: finding.pass.clone(),
    }
}
