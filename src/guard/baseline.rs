//! Findings that were there before the guard. A baseline only ever shrinks.
//!
//! An entry is known by its file, its kind and its text, not by its line: what moves within a file stays known, and what is changed
//! does not. In the file each has a line of its own, so that two branches which remove entries merge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::finding::{Finding, Kind};
use super::judge::File;
use crate::audit::words;
use crate::domain::diagnostic::{Code, Diagnostic, Source};
use crate::domain::document::{self, Table};

/// Larger than anything that is written here.
const MAX_BYTES: usize = 16 << 20;

/// What an entry is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// The file, from the baseline's folder, with `/`.
    pub file: String,
    /// What it is.
    pub kind: Kind,
    /// See [`fingerprint`].
    pub hash: String,
}

/// One old finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What it is known by.
    pub known: Known,
    /// Where it stood when it was written; for people.
    pub line: usize,
    /// What it is; for people.
    pub what: String,
    /// Its line in the baseline.
    pub at: usize,
}

/// All old findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// In the order of the file.
    pub entries: Vec<Entry>,
}

/// What became of a baseline's entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matched {
    /// For each finding the entry that knows it.
    pub findings: Vec<Option<usize>>,
    /// Entries that no finding matches.
    pub left: Vec<usize>,
}

/// The text of a finding without spaces and comments, in lower case where case means nothing, as a hash.
pub fn fingerprint(finding: &Finding, files: &[File<'_>]) -> String {
    let file = finding.file.and_then(|position| files.get(position));
    let text = file.map_or("", |file| {
        let range = finding.range.clone();
        if range.is_empty() {
            // An error has no end: its line is known.
            let start = file.text.get(..range.start).and_then(|it| it.rfind('\n')).map_or(0, |end| end + 1);
            file.text.get(start..).and_then(|it| it.lines().next()).unwrap_or_default()
        } else {
            file.text.get(range).unwrap_or_default()
        }
    });
    let mut hash = Sha256::new();
    hash.update(finding.kind.word());
    for word in words(text, 0..text.len()).filter_map(|range| text.get(range)) {
        hash.update([0]);
        if word.starts_with(['\'', '"', '$']) {
            hash.update(word);
        } else {
            hash.update(word.to_ascii_lowercase());
        }
    }
    if text.is_empty() {
        hash.update(&finding.message);
    }
    let mut hex = String::with_capacity(16);
    for byte in hash.finalize().iter().take(8) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

impl Baseline {
    /// Reads a file.
    pub fn read(source: &Source) -> (Self, Vec<Diagnostic>) {
        let (entries, found) = document::read(source, MAX_BYTES, |top| {
            top.only(&["version", "finding"]);
            top.check_version(1);
            top.tables("finding", "a finding").iter().filter_map(entry).collect()
        });
        (Self { entries: entries.unwrap_or_default() }, found)
    }

    /// The file's text.
    pub fn write(&self) -> String {
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort();
        let mut text = String::from(
            "# What stood here before `cicerone guard` did. It only shrinks: `cicerone guard --write-baseline` takes out what is gone.\n\
             version = 1\n\nfinding = [\n",
        );
        for it in entries {
            let _ = writeln!(
                text,
                "  {{ file = {}, kind = \"{}\", hash = \"{}\", line = {}, what = {} }},",
                quoted(&it.known.file),
                it.known.kind.word(),
                it.known.hash,
                it.line,
                quoted(&it.what)
            );
        }
        text.push_str("]\n");
        text
    }

    /// Finds the entry of each finding; one entry knows one finding. `gone` says whether a file is no longer there: its entries know the same text in
    /// another file, for a file that is renamed changes nothing.
    pub fn matched(&self, findings: &[Known], gone: impl Fn(&str) -> bool) -> Matched {
        let mut open: BTreeMap<&Known, Vec<usize>> = BTreeMap::new();
        for (position, entry) in self.entries.iter().enumerate().rev() {
            open.entry(&entry.known).or_default().push(position);
        }
        let mut matched: Vec<Option<usize>> =
            findings.iter().map(|it| open.get_mut(it).and_then(Vec::pop)).collect();
        let mut moved: BTreeMap<(Kind, &str), Vec<usize>> = BTreeMap::new();
        for (known, positions) in &open {
            if gone(&known.file) {
                moved.entry((known.kind, known.hash.as_str())).or_default().extend(positions);
            }
        }
        for (finding, entry) in findings.iter().zip(&mut matched) {
            if entry.is_none() {
                *entry = moved.get_mut(&(finding.kind, finding.hash.as_str())).and_then(Vec::pop);
            }
        }
        let used: BTreeSet<usize> = matched.iter().flatten().copied().collect();
        let left = (0..self.entries.len()).filter(|it| !used.contains(it)).collect();
        Matched { findings: matched, left }
    }
}

fn entry(table: &Table<'_>) -> Option<Entry> {
    table.only(&["file", "kind", "hash", "line", "what"]);
    let file = table.required_text("file");
    let hash = table.required_text("hash");
    let line = table.number("line", 0..=u32::MAX);
    let what = table.text("what");
    let kind = table.required_text("kind")?;
    let Some(known) = Kind::of(kind.value).filter(|it| it.may_be_old()) else {
        let message = format!("nothing of kind \"{}\" can be old", kind.value);
        let hint = "kinds: performance-index, data-change, seed, not-read, not-judged";
        table.document.report(kind.span, Code::UnknownValue, message, hint);
        return None;
    };
    Some(Entry {
        known: Known { file: file?.value.to_owned(), kind: known, hash: hash?.value.to_owned() },
        line: line.and_then(|it| usize::try_from(it).ok()).unwrap_or(0),
        what: what.map(|it| it.value.to_owned()).unwrap_or_default(),
        at: usize::try_from(table.document.place(table.span.start).0).unwrap_or(0),
    })
}

/// A string of TOML on one line.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            it if it.is_control() || matches!(it, '\u{2028}' | '\u{2029}') => {
                let _ = write!(out, "\\u{:04X}", u32::from(it));
            }
            it => out.push(it),
        }
    }
    out.push('"');
    out
}
