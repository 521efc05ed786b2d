//! Files as texts, read as the command line reads them.

use super::{ALL_RULES, Finding, Levels, Series, Subject, check};
use crate::audit::Lines;
use crate::audit::document::{
    Direction, Document, Halves, Snapshots, Tables, declare, language, of_host, of_sql,
};
use crate::audit::host::{Marker, Transaction, extract};
use crate::audit::layout;
use crate::audit::prepass::prepare;
use crate::audit::statement::read;

/// Files that say how others are run.
const SETTINGS: [&str; 2] = ["metadata.toml", ".sql.conf"];

struct Unknown;

impl Tables for Unknown {
    fn of_model(&self, model: &str) -> Option<String> {
        Some(format!("app_{}", model.to_lowercase()))
    }
}

fn document(path: &str, text: &str, files: &[(&str, &str)]) -> Document {
    if let Some(language) = language(path) {
        let found = extract(language, text);
        let mut document = of_host(text, &found);
        declare(&mut document, &found.declared, Snapshots::Counted, &Unknown);
        return document;
    }
    let place = layout::place(path, text, |name| files.iter().any(|(path, _)| *path == name));
    let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let beside = [format!("{folder}metadata.toml"), format!("{path}.conf")];
    let settings = files.iter().find(|(name, _)| beside.iter().any(|it| it == name)).map(|(_, text)| *text);
    let outside = layout::runs_outside(place.tool, text, settings);
    let script = prepare(text);
    let lines = Lines::of(text);
    let reading = read(&script, 0..script.pieces.len(), &lines);
    let halves = Halves {
        tool: place.tool,
        direction: match place.direction {
            layout::Direction::Up => Direction::Up,
            layout::Direction::Down => Direction::Down,
        },
        undoing: layout::undoing(place.tool, text),
        transaction: if outside { Transaction::Outside(Marker::File) } else { Transaction::Unsaid },
    };
    of_sql(text, &script, &lines, reading, &halves)
}

/// What all rules find in these files; settings files count and are not looked at.
pub(super) fn findings(files: &[(&str, &str)]) -> Vec<Finding> {
    let read: Vec<(&str, &str, Document)> = files
        .iter()
        .filter(|(path, _)| !SETTINGS.iter().any(|ending| path.ends_with(ending)))
        .map(|(path, text)| (*path, *text, document(path, text, files)))
        .collect();
    let subjects = read
        .iter()
        .map(|(path, text, document)| Subject { path, text, language: language(path), document })
        .collect();
    check(&Series::of(subjects), &[], &[] as &[Levels], &names())
}

/// What notes can call findings: the rules, and two of other commands.
fn names() -> Vec<&'static str> {
    let others = [ALL_RULES, "data-change", "performance-index"];
    others.into_iter().chain(super::rule::ALL.iter().map(|it| it.id)).collect()
}

/// Where one rule finds something that is not allowed: `path:line:column`.
pub(super) fn places(rule: &str, files: &[(&str, &str)]) -> Vec<String> {
    findings(files)
        .into_iter()
        .filter(|it| it.rule == rule && it.allowed.is_none())
        .map(|it| format!("{}:{}", it.path, it.place))
        .collect()
}
