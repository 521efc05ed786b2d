//! Indexes that must stand at the end of the series, as they were when they were made.

use super::finding::{Finding, Kind};
use super::judge::File;
use super::rules::{same, shown};
use crate::audit::Place;
use crate::audit::inventory::{Class, Entry, FateKind, Inventory, Spot};
use crate::sql::{IndexKey, TableRef};

/// An index that must stay, and where somebody says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name; without a schema, of any one.
    pub name: TableRef,
    /// Where it stands in the project's file.
    pub place: Place,
}

const HELP: &str =
    "bring it back in a later migration; if it is to go, take it off `keep` in the same change";
const CHANGED: &str = "if it is meant to be another one from now on, say why in a comment before this statement: \
    cicerone:allow kept-index: REASON";

/// What of `kept` does not stand at the end of the series, or stands as another index. `project` is the path of the project's file.
pub fn missing(files: &[File<'_>], inventory: &Inventory, kept: &[Kept], project: &str) -> Vec<Finding> {
    kept.iter().filter_map(|it| judge(files, inventory, it, project)).collect()
}

fn judge(files: &[File<'_>], inventory: &Inventory, kept: &Kept, project: &str) -> Option<Finding> {
    let named = |name: &crate::audit::inventory::Relation| {
        same(&kept.name, &TableRef { schema: Some(name.schema.clone()), name: name.name.clone() })
    };
    let lives = |entry: &&Entry| entry.alive.as_ref().is_some_and(|it| named(&it.index));
    // Whatever had this name once, in the order of the series.
    let had = |entry: &&Entry| {
        named(&entry.index)
            || lives(entry)
            || entry
                .fates
                .iter()
                .any(|fate| matches!(&fate.what, FateKind::Renamed(to) if *to == kept.name.name))
    };
    let was: Vec<&Entry> = inventory.entries.iter().filter(had).filter(|it| !never(it)).collect();
    let name = shown(&kept.name);
    let what = format!("index {name}");
    let Some(now) = inventory.entries.iter().rfind(lives) else {
        let (spot, why) = match was.last().and_then(|entry| end(entry, &kept.name.name)) {
            Some((spot, why)) => (Some(spot), why),
            None => (None, "nothing in the series makes it".to_owned()),
        };
        let message = format!("it has to stay, and does not stand at the end: {why}");
        return Some(finding(files, spot, kept, project, (what, message, HELP)));
    };
    let first = was.first().filter(|it| !std::ptr::eq(**it, now))?;
    let changed = difference(first, now)?;
    let message = format!("it has to stay, and is another one since here: {changed}");
    Some(finding(files, Some(now.spot), kept, project, (what, message, CHANGED)))
}

/// Whether a statement made nothing: its name was taken, or nobody runs it.
fn never(entry: &Entry) -> bool {
    entry.nesting == crate::audit::statement::Nesting::Routine
        || entry
            .fates
            .iter()
            .any(|it| matches!(it.what, FateKind::Skipped | FateKind::Refused | FateKind::TakenBack))
}

/// What took the name away from it.
fn end(entry: &Entry, name: &str) -> Option<(Spot, String)> {
    entry.fates.iter().rev().find_map(|fate| {
        let why = match &fate.what {
            FateKind::Dropped => "it is dropped here".to_owned(),
            FateKind::WentWith(what) => format!("it goes with {what} here"),
            FateKind::Renamed(to) if to != name => format!("it is renamed to {to} here"),
            FateKind::Renamed(_)
            | FateKind::TableRenamed(_)
            | FateKind::Recreated
            | FateKind::BecameConstraint(_)
            | FateKind::Skipped
            | FateKind::Refused
            | FateKind::TakenBack
            | FateKind::Attached(_) => return None,
        };
        Some((fate.spot, why))
    })
}

/// What is no longer as it was.
fn difference(first: &Entry, now: &Entry) -> Option<String> {
    if matches!(first.class(), Class::Functional(_)) && now.class() == Class::Performance {
        return Some("it is no longer UNIQUE, so that no rule about the data rests on it".to_owned());
    }
    let keys = |entry: &Entry| entry.shape.keys.iter().map(IndexKey::render).collect::<Vec<_>>().join(", ");
    let (one, other) = (&first.shape, &now.shape);
    if first.table.name != now.table.name && first.alive.as_ref().is_none_or(|it| it.table != now.table) {
        return Some(format!("it was on {} and is on {}", first.table.name, now.table.name));
    }
    if keys(first) != keys(now) {
        return Some(format!("its keys were ({}) and are ({})", keys(first), keys(now)));
    }
    if one.predicate != other.predicate {
        let shown = |it: &Option<String>| it.clone().unwrap_or_else(|| "none".to_owned());
        return Some(format!(
            "its condition was {} and is {}",
            shown(&one.predicate),
            shown(&other.predicate)
        ));
    }
    if one.nulls_not_distinct != other.nulls_not_distinct {
        return Some("what it says of nulls is another thing".to_owned());
    }
    None
}

fn finding(
    files: &[File<'_>],
    spot: Option<Spot>,
    kept: &Kept,
    project: &str,
    (what, message, help): (String, String, &str),
) -> Finding {
    let file = spot.and_then(|spot| files.get(spot.file).map(|file| (spot, file)));
    let at = file.and_then(|(spot, file)| {
        let statements = file.document.statements.iter();
        statements.filter(|it| it.place <= spot.place).max_by_key(|it| it.at).map(|it| it.at..it.end)
    });
    Finding {
        file: spot.map(|it| it.file),
        path: file.map_or(project, |(_, file)| file.path).to_owned(),
        range: at.unwrap_or(0..0),
        place: spot.map_or(kept.place, |it| it.place),
        kind: Kind::KeptIndex,
        what,
        message,
        help: help.to_owned(),
        pass: None,
    }
}
