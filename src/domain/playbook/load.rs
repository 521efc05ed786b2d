//! From a file to a playbook, or to everything that is wrong with it.

use std::collections::BTreeMap;

use super::format::{FILE_KEYS, KINDS, PHASE_KEYS, STEP_KEYS};
use super::{OnFailure, Playbook, PlaybookPhase, Step, StepKind};
use crate::domain::diagnostic::{Code, Diagnostic, Source};
use crate::domain::document::{self, Table, Text};
use crate::domain::id::{CheckId, StepId};
use crate::domain::target::BudgetPolicy;
use crate::domain::unit::Millis;
use crate::text::{nearest, parse_span};

/// Largest file that is read.
const MAX_FILE_BYTES: usize = 256 << 10;
/// Longest name of a phase or step.
const MAX_NAME: usize = 40;
const VERSION: u32 = 1;

/// Reads one playbook.
///
/// # Errors
///
/// Every mistake in the file, in its order.
pub fn load(source: &Source) -> Result<Playbook, Vec<Diagnostic>> {
    let (read, found) = document::read(source, MAX_FILE_BYTES, |top| read_file(&top));
    match read.flatten() {
        Some((name, title, phases)) if found.is_empty() => {
            Ok(Playbook { name, title, digest: document::digest(std::slice::from_ref(source)), phases })
        }
        Some(_) | None => Err(found),
    }
}

fn read_file(top: &Table<'_>) -> Option<(String, String, Vec<PlaybookPhase>)> {
    top.only(&FILE_KEYS);
    top.check_version(VERSION);
    let named = read_name(top);
    let tables = top.tables("phase", "[[phase]]");
    if tables.is_empty() && !top.has("phase") {
        let hint = "add a [[phase]] with a [[phase.step]]";
        top.document.report(top.span.clone(), Code::Nothing, "there is no phase".to_owned(), hint);
    }
    let mut taken = Names::default();
    let phases = tables.iter().filter_map(|table| read_phase(table, &mut taken)).collect();
    let (name, title) = named?;
    Some((name, title, phases))
}

fn read_phase(table: &Table<'_>, taken: &mut Names) -> Option<PlaybookPhase> {
    table.only(&PHASE_KEYS);
    let named = read_name(table);
    if let Some((name, _)) = &named {
        taken.check(table, name);
    }
    let steps = table.tables("step", "[[phase.step]]");
    if steps.is_empty() && !table.has("step") {
        let hint = "add a [[phase.step]] with name and kind";
        table.document.report(table.span.clone(), Code::Nothing, "the phase has no step".to_owned(), hint);
    }
    let phase = named.as_ref().map(|(name, _)| name.as_str()).unwrap_or_default();
    let mut taken = Names::default();
    let steps = steps.iter().filter_map(|step| read_step(step, phase, &mut taken)).collect();
    let (name, title) = named?;
    Some(PlaybookPhase { name, title, steps })
}

fn read_step(table: &Table<'_>, phase: &str, taken: &mut Names) -> Option<Step> {
    let named = read_name(table);
    if let Some((name, _)) = &named {
        taken.check(table, name);
    }
    let on_failure = choice(table, "on_failure", &ON_FAILURE).unwrap_or_default();
    let kind = read_kind(table);
    let (name, title) = named?;
    Some(Step { id: StepId(format!("{phase}.{name}")), title, kind: kind?, on_failure })
}

fn read_kind(table: &Table<'_>) -> Option<StepKind> {
    let kind = table.required_text("kind")?;
    let words: Vec<&'static str> = KINDS.iter().map(|(word, _)| *word).collect();
    let Some((word, own)) = KINDS.iter().find(|(word, _)| *word == kind.value) else {
        unknown(table, "kind", &kind, &words);
        return None;
    };
    let known: Vec<&'static str> = STEP_KEYS.iter().chain(*own).copied().collect();
    table.only(&known);
    let prompt = || table.required_text("prompt").map(|text| text.value.to_owned());
    match *word {
        "checks" => Some(StepKind::Checks { require: checks(table) }),
        "confirm" => Some(StepKind::Confirm { prompt: prompt()? }),
        "build_indexes" => Some(build_indexes(table)),
        "verify" => Some(StepKind::Verify { explain: table.flag("explain").unwrap_or(false) }),
        "signoff" => Some(StepKind::SignOff { prompt: prompt()? }),
        _ => None,
    }
}

fn build_indexes(table: &Table<'_>) -> StepKind {
    let domains: Vec<String> = table
        .texts("only_domains")
        .into_iter()
        .filter_map(|text| table.not_blank("only_domains", text))
        .map(|text| text.value.to_owned())
        .collect();
    if table.has("only_domains") && domains.is_empty() {
        let hint = "name at least one domain, or remove the key to build all";
        let span = table.value_span("only_domains");
        table.document.report(span, Code::EmptyValue, "`only_domains` is empty".to_owned(), hint);
    }
    StepKind::BuildIndexes {
        only_domains: Some(domains).filter(|domains| !domains.is_empty()),
        jobs: table.number("jobs", 1..=64),
        attempts: table.number("attempts", 1..=100),
        first_lock: span(table, "first_lock"),
        writers: span(table, "writers"),
        old_snapshots: span(table, "old_snapshots"),
        on_budget: choice(table, "on_budget", &ON_BUDGET),
    }
}

fn checks(table: &Table<'_>) -> Vec<CheckId> {
    let texts = table.texts("require").into_iter();
    texts.filter(|text| check_name(table, text)).map(|text| CheckId::from(text.value)).collect()
}

fn span(table: &Table<'_>, key: &str) -> Option<Millis> {
    let text = table.filled_text(key)?;
    let millis = parse_span(text.value).filter(|millis| *millis > 0);
    if millis.is_none() {
        let message = format!("`{}` is no span of time", text.value);
        let hint = "write a whole number above 0 and a unit: ms, s, min, h or d, such as \"10min\"";
        table.document.report(text.span, Code::OutOfRange, message, hint);
    }
    millis.map(Millis)
}

/// Name and title; the title is the name where none is given.
fn read_name(table: &Table<'_>) -> Option<(String, String)> {
    let title = table.filled_text("title");
    let name = table.required_text("name").filter(|name| check_name(table, name))?;
    let title = title.map_or(name.value, |title| title.value).to_owned();
    Some((name.value.to_owned(), title))
}

fn check_name(table: &Table<'_>, name: &Text<'_>) -> bool {
    let word = name.value;
    let good = word.len() <= MAX_NAME
        && word.starts_with(|first: char| first.is_ascii_lowercase())
        && word
            .chars()
            .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || matches!(char, '_' | '-'));
    if !good {
        let message = format!("`{word}` cannot be a name");
        let hint = format!("small letters, digits, `_` and `-`, a letter first, at most {MAX_NAME} of them");
        table.document.report(name.span.clone(), Code::BadName, message, hint);
    }
    good
}

/// Names that must differ, with the line of each.
#[derive(Default)]
struct Names(BTreeMap<String, u32>);

impl Names {
    fn check(&mut self, table: &Table<'_>, name: &str) {
        let span = table.value_span("name");
        let line = table.document.place(span.start).0;
        match self.0.get(name) {
            Some(first) => {
                let message = format!("`{name}` is already in line {first}");
                table.document.report(span, Code::DuplicateName, message, "give it another name");
            }
            None => {
                self.0.insert(name.to_owned(), line);
            }
        }
    }
}

const ON_FAILURE: [(&str, OnFailure); 3] =
    [("stop", OnFailure::Stop), ("warn", OnFailure::Warn), ("ask", OnFailure::Ask)];
const ON_BUDGET: [(&str, BudgetPolicy); 3] = [
    ("keep_waiting", BudgetPolicy::KeepWaiting),
    ("ask", BudgetPolicy::Ask),
    ("cancel_and_clean", BudgetPolicy::CancelAndClean),
];

fn choice<T: Copy>(table: &Table<'_>, key: &str, choices: &[(&'static str, T)]) -> Option<T> {
    let text = table.text(key)?;
    let chosen = choices.iter().find(|(word, _)| *word == text.value);
    if chosen.is_none() {
        let words: Vec<&'static str> = choices.iter().map(|(word, _)| *word).collect();
        unknown(table, key, &text, &words);
    }
    chosen.map(|(_, value)| *value)
}

fn unknown(table: &Table<'_>, key: &str, text: &Text<'_>, words: &[&'static str]) {
    let valid = format!("valid are: {}", words.join(", "));
    let hint = match nearest(text.value, words.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? {valid}"),
        None => valid,
    };
    let message = format!("`{}` is no {key} that this program knows", text.value);
    table.document.report(text.span.clone(), Code::UnknownValue, message, hint);
}
