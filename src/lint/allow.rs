//! Comments that allow a finding: `-- cicerone:allow RULE[, RULE]: reason`.

use super::finding::Allowed;
use super::level::{Level, Levels};
use super::rule::{self, Found};
use super::series::File;
use crate::audit::document::Note;
use crate::text::nearest;

/// The rule about these comments themselves.
pub const ALLOW_RULE: &str = "idle-allow";
/// The rule about what could not be read.
pub(super) const UNREADABLE_RULE: &str = "unreadable";
/// What `cicerone guard` calls what it finds: its comments are its own business.
pub const OF_OTHERS: [&str; 7] =
    ["guard", "performance-index", "data-change", "seed", "not-read", "not-judged", "kept-index"];

/// What a comment allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// What stands on its line, or on the next one that holds code.
    Here,
    /// The whole file.
    File,
}

/// The comments of a file, and which of them were of use.
pub(super) struct Allowing<'a> {
    notes: Vec<Reading<'a>>,
}

/// One comment as it is understood.
struct Reading<'a> {
    note: &'a Note,
    verb: Option<Verb>,
    rules: Vec<(&'a str, Use)>,
    reason: &'a str,
    /// The lines that it is about.
    line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Idle,
    Used,
}

impl<'a> Allowing<'a> {
    pub(super) fn of(file: &File<'a>) -> Self {
        let lines: Vec<&str> = file.subject.text.lines().collect();
        let notes = file.subject.document.notes.iter();
        Self { notes: notes.filter_map(|note| read(note, &lines)).collect() }
    }

    /// Whether a comment with a reason allows this finding.
    pub(super) fn allows(&mut self, id: &str, file: &File<'_>, found: &Found) -> Option<Allowed> {
        let line = |at: usize| file.place(at).line;
        let own = line(found.range.start);
        let lines = line(found.statement.start)..=line(found.statement.end.max(1) - 1);
        let part = found.part.as_ref().map(|it| line(it.start));
        let mut allowed = None;
        for note in &mut self.notes {
            let here = match note.verb {
                Some(Verb::File) => true,
                Some(Verb::Here) if note.note.trailing => own == note.line || lines.contains(&note.line),
                Some(Verb::Here) => [Some(own), Some(*lines.start()), part].contains(&Some(note.line)),
                None => false,
            };
            if !here || note.reason.is_empty() {
                continue;
            }
            for (_, used) in note.rules.iter_mut().filter(|(rule, _)| *rule == id) {
                *used = Use::Used;
                allowed.get_or_insert(Allowed { reason: note.reason.to_owned(), place: note.note.place });
            }
        }
        allowed
    }

    /// What is wrong with the comments, once all findings are known.
    pub(super) fn problems(&self, file: &File<'_>, levels: &Levels) -> Vec<Found> {
        let mut found = Vec::new();
        for note in &self.notes {
            let end = note.note.at + "cicerone:".len();
            let said = file.subject.text.get(note.note.at..).unwrap_or_default();
            let first = said.lines().next().unwrap_or_default().find(':').map_or(0, |colon| colon + 1);
            let word = said[first..].find(|it: char| !(it.is_alphanumeric() || it == '-')).unwrap_or(0);
            let range = note.note.at..(end + word).min(file.subject.text.len());
            let mut say = |message: String, help: String| {
                let (range, statement) = (range.clone(), range.clone());
                found.push(Found { range, statement, part: None, message, help, fix: None });
            };
            let form = "write -- cicerone:allow RULE: reason".to_owned();
            if note.verb.is_none() {
                say("nothing is known by this word".to_owned(), form);
                continue;
            }
            if note.rules.is_empty() {
                say("this allows no rule".to_owned(), form);
            } else if note.reason.is_empty() {
                say("this gives no reason, so that it allows nothing".to_owned(), form);
                continue;
            }
            for (name, used) in &note.rules {
                let Some(rule) = rule::find(name) else {
                    let meant = nearest(name, rule::ALL.iter().map(|it| it.id));
                    let help = meant.map_or_else(
                        || "`cicerone lint rules` lists them".to_owned(),
                        |meant| format!("did you mean {meant}?"),
                    );
                    say(format!("there is no rule {name:?}"), help);
                    continue;
                };
                if *used == Use::Idle && levels.of(rule) != Level::Off {
                    say(format!("there is no {name} here that this would allow"), "remove it".to_owned());
                }
            }
        }
        found
    }
}

fn read<'a>(note: &'a Note, lines: &[&str]) -> Option<Reading<'a>> {
    let text = note.text.trim();
    let word = text.split(|it: char| !(it.is_alphanumeric() || it == '-')).next().unwrap_or_default();
    if OF_OTHERS.iter().any(|it| word.starts_with(it)) {
        return None;
    }
    let verb = match word {
        "allow" => Some(Verb::Here),
        "allow-file" => Some(Verb::File),
        _ => None,
    };
    let rest = text[word.len()..].trim();
    let (rules, reason) = rest.split_once(':').unwrap_or((rest, ""));
    let mut rules: Vec<(&str, Use)> =
        rules.split(',').map(str::trim).filter(|it| !it.is_empty()).map(|it| (it, Use::Idle)).collect();
    if !rules.is_empty() && rules.iter().all(|(rule, _)| OF_OTHERS.iter().any(|it| rule.starts_with(it))) {
        return None;
    }
    rules.retain(|(rule, _)| !OF_OTHERS.contains(rule));
    let own = note.place.line;
    let line = if note.trailing { own } else { next_code(lines, own) };
    Some(Reading { note, verb, rules, reason: reason.trim(), line })
}

/// The number of the first line behind `line` that is neither empty nor a comment.
fn next_code(lines: &[&str], line: usize) -> usize {
    let marks = ["--", "#", "//", "/*", "*"];
    let is_code = |text: &&&str| {
        let text = text.trim();
        !text.is_empty() && !marks.iter().any(|mark| text.starts_with(mark))
    };
    let behind = lines.iter().enumerate().skip(line);
    behind.into_iter().find(|(_, text)| is_code(text)).map_or(line, |(position, _)| position + 1)
}
