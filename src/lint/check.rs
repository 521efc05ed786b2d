//! All rules over all files.

use super::finding::{Finding, Severity};
use super::level::{Level, Levels};
use super::rule::{self, Case, Found, Rule};
use super::series::{File, Series};
use crate::audit::Place;
use crate::audit::document::{Allowances, BadNote, NoteProblem};

/// The rule about notes that allow nothing.
const ALLOW_RULE: &str = "idle-allow";
/// What notes can call every rule at once.
pub const ALL_RULES: &str = "lint";
/// The rule about what could not be read.
const UNREADABLE_RULE: &str = "unreadable";

/// A file that could not be opened, and why.
pub type Unopened = (String, String);

/// What all rules find, in the order of the series. `levels` are those of each file, by its position; what is missing
/// there has the rules' own. `names` is what notes can call the findings of any command: see [`Allowances`].
pub fn check(series: &Series<'_>, unopened: &[Unopened], levels: &[Levels], names: &[&str]) -> Vec<Finding> {
    let mut all: Vec<Finding> = unopened.iter().map(closed).collect();
    let default = Levels::default();
    for (position, file) in series.files.iter().enumerate() {
        let levels = levels.get(position).unwrap_or(&default);
        let case = Case { series, position, file };
        let mut notes = Allowances::read(file.subject.document, file.subject.text);
        let mut findings = Vec::new();
        for rule in rule::ALL {
            let mut found = Vec::new();
            (rule.check)(&case, &mut found);
            for it in Found::folded(found) {
                let called = [ALL_RULES, rule.id];
                // What a rule points at may stand beside the statement that it speaks of.
                let places = [it.range.start, it.statement.start];
                let allowed = places.map(|at| notes.reason(&called, at).map(str::to_owned));
                // A rule that is off still uses the notes that allow it: they are not idle for that.
                let Level::At(severity) = levels.of(rule) else { continue };
                let allowed = allowed.into_iter().flatten().next();
                findings.push(Finding { allowed, ..finding(rule, severity, position, file, it) });
            }
        }
        if let Some(rule) = rule::find(ALLOW_RULE)
            && let Level::At(severity) = levels.of(rule)
        {
            let speaking = rule::ALL.iter().filter(|it| levels.of(it) != Level::Off).map(|it| it.id);
            let own: Vec<&str> = std::iter::once(ALL_RULES).chain(speaking).collect();
            let bad = notes.complaints(&own, names);
            findings.extend(
                bad.iter().map(|it| finding(rule, severity, position, file, idle(it, file.subject.text))),
            );
        }
        findings.sort_by(|one, two| {
            (one.place, one.range.end, one.rule).cmp(&(two.place, two.range.end, two.rule))
        });
        all.append(&mut findings);
    }
    all
}

/// A note that allows nothing; its range is `cicerone:` and the word behind it.
fn idle(note: &BadNote, text: &str) -> Found {
    let said = text.get(note.at..).unwrap_or_default();
    let behind = said.find(':').map_or(0, |colon| colon + 1);
    let word = said[behind..].find(|it: char| !(it.is_alphanumeric() || it == '-'));
    let range = note.at..note.at + word.map_or(said.len(), |word| behind + word);
    let help = match note.why {
        NoteProblem::Verb(_) | NoteProblem::NoName | NoteProblem::Unknown { .. } => {
            "`cicerone lint rules` lists the names"
        }
        NoteProblem::NoReason(_) => "without one it allows nothing",
        NoteProblem::Unused(_) => "remove it",
    };
    Found {
        range: range.clone(),
        statement: range,
        message: note.why.to_string(),
        help: help.to_owned(),
        fix: None,
        turn: None,
    }
}

fn finding(
    rule: &'static Rule,
    severity: Severity,
    position: usize,
    file: &File<'_>,
    found: Found,
) -> Finding {
    let place = file.place(found.range.start);
    let end = file.place(found.range.end.max(found.range.start));
    Finding {
        rule: rule.id,
        severity,
        file: Some(position),
        path: file.subject.path.to_owned(),
        range: found.range,
        place,
        end,
        message: found.message,
        help: found.help,
        fix: found.fix,
        allowed: None,
    }
}

/// A file that nobody could look into is never passed over.
fn closed((path, why): &Unopened) -> Finding {
    let place = Place { line: 1, column: 1 };
    Finding {
        rule: UNREADABLE_RULE,
        severity: Severity::Error,
        file: None,
        path: path.clone(),
        range: 0..0,
        place,
        end: place,
        message: format!("this file cannot be read: {why}"),
        help: "make it readable, or leave it out".to_owned(),
        fix: None,
        allowed: None,
    }
}
