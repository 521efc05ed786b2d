//! Whether a plan still holds, and if not, what changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::id::{Digest, EntryKey};
use crate::domain::target::RunSettings;
use crate::domain::unit::Millis;

use super::identity::settled;
use super::item::PlanItem;
use super::{PLAN_LIFETIME, Plan};

/// One reason why a plan must be made anew. Texts may quote the server: untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum StaleReason {
    /// Older than [`PLAN_LIFETIME`].
    TooOld {
        /// Its age.
        age: Millis,
    },
    /// The registry's bytes are others.
    Registry {
        /// Hash then.
        was: Digest,
        /// Hash now.
        is: Digest,
    },
    /// It was made for another target.
    Target {
        /// What differs.
        changes: Vec<String>,
    },
    /// A setting is another.
    Setting {
        /// Its name, nested ones joined by a dot.
        name: String,
        /// Then.
        was: String,
        /// Now.
        is: String,
    },
    /// What is so of an entry changed.
    Entry {
        /// Which.
        key: EntryKey,
        /// Then; absent when the entry is new.
        was: Option<String>,
        /// Now; absent when the entry is gone.
        is: Option<String>,
    },
}

impl StaleReason {
    /// A diff a person can read: a heading, then `-` what was and `+` what is. Raw text.
    pub fn lines(&self) -> Vec<String> {
        let pair = |head: String, was: &str, is: &str| vec![head, format!("  - {was}"), format!("  + {is}")];
        match self {
            Self::TooOld { age } => vec![format!(
                "the plan is {} old, at most {} is allowed",
                crate::text::span(age.0),
                crate::text::span(PLAN_LIFETIME.0)
            )],
            Self::Registry { was, is } => pair("registry".to_owned(), was.as_str(), is.as_str()),
            Self::Target { changes } => {
                let mut lines = vec!["target".to_owned()];
                lines.extend(changes.iter().map(|it| format!("  ! {it}")));
                lines
            }
            Self::Setting { name, was, is } => pair(format!("setting {name}"), was, is),
            Self::Entry { key, was, is } => {
                let absent = "not in the registry";
                pair(
                    key.as_str().to_owned(),
                    was.as_deref().unwrap_or(absent),
                    is.as_deref().unwrap_or(absent),
                )
            }
        }
    }
}

impl Plan {
    /// What keeps this plan from being carried out at `now`, given a plan `fresh` from the catalogs as they are.
    /// Empty when it holds.
    pub fn stale(&self, fresh: &Self, now: jiff::Timestamp) -> Vec<StaleReason> {
        let mut reasons = Vec::new();
        let age = Millis::between(self.made_at, now);
        if age > PLAN_LIFETIME {
            reasons.push(StaleReason::TooOld { age });
        }
        if self.registry != fresh.registry {
            reasons.push(StaleReason::Registry { was: self.registry.clone(), is: fresh.registry.clone() });
        }
        let mut changes = self.target.changes(&fresh.target);
        if self.target.database != fresh.target.database {
            changes.push(format!("database was {}, is {}", self.target.database, fresh.target.database));
        }
        if !changes.is_empty() {
            reasons.push(StaleReason::Target { changes });
        }
        reasons.extend(changed_settings(&self.settings, &fresh.settings));
        reasons.extend(changed_entries(&self.items, &fresh.items));
        reasons
    }
}

fn changed_settings(was: &RunSettings, is: &RunSettings) -> Vec<StaleReason> {
    let (was, is) = (flat(was), flat(is));
    let text = |side: &BTreeMap<String, String>, name: &str| {
        side.get(name).cloned().unwrap_or_else(|| "not set".to_owned())
    };
    let mut names: Vec<&String> = was.keys().chain(is.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| was.get(*name) != is.get(*name))
        .map(|name| StaleReason::Setting { name: name.clone(), was: text(&was, name), is: text(&is, name) })
        .collect()
}

/// Every setting by its dotted name, as JSON writes its value.
fn flat(settings: &RunSettings) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    let mut open = vec![(String::new(), serde_json::to_value(settings).unwrap_or_default())];
    while let Some((path, value)) = open.pop() {
        match value {
            serde_json::Value::Object(fields) => {
                let dotted = |name| if path.is_empty() { name } else { format!("{path}.{name}") };
                open.extend(fields.into_iter().map(|(name, value)| (dotted(name), value)));
            }
            serde_json::Value::Null => {}
            leaf @ (serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_)
            | serde_json::Value::Array(_)) => {
                leaves.insert(path, leaf.to_string());
            }
        }
    }
    leaves
}

fn changed_entries(was: &[PlanItem], is: &[PlanItem]) -> Vec<StaleReason> {
    let old: BTreeMap<&EntryKey, &PlanItem> = was.iter().map(|it| (&it.key, it)).collect();
    let new: BTreeMap<&EntryKey, &PlanItem> = is.iter().map(|it| (&it.key, it)).collect();
    let gone = was.iter().filter(|it| !new.contains_key(&it.key)).map(|it| StaleReason::Entry {
        key: it.key.clone(),
        was: Some(it.state.sentence()),
        is: None,
    });
    let changed = is.iter().filter_map(|it| match old.get(&it.key) {
        None => Some(StaleReason::Entry { key: it.key.clone(), was: None, is: Some(it.state.sentence()) }),
        Some(before) => changed_entry(before, it),
    });
    gone.chain(changed).collect()
}

fn changed_entry(was: &PlanItem, is: &PlanItem) -> Option<StaleReason> {
    let (before, after) = difference(was, is)?;
    Some(StaleReason::Entry { key: is.key.clone(), was: Some(before), is: Some(after) })
}

/// The most telling difference of one entry, or none when the plan rests on the same facts.
fn difference(was: &PlanItem, is: &PlanItem) -> Option<(String, String)> {
    if settled(&was.state) != settled(&is.state) {
        let (before, after) = (was.state.sentence(), is.state.sentence());
        if before != after {
            return Some((before, after));
        }
        // The sentences leave something out, e.g. the text of a drifted predicate.
        let full = |item: &PlanItem| serde_json::to_string(&settled(&item.state)).unwrap_or_default();
        return Some((full(was), full(is)));
    }
    if was.table_oid != is.table_oid {
        let text = |item: &PlanItem| {
            item.table_oid.map_or_else(|| "no table".to_owned(), |it| format!("table oid {it}"))
        };
        return Some((text(was), text(is)));
    }
    if was.table != is.table || was.statement != is.statement {
        return Some((was.statement.clone(), is.statement.clone()));
    }
    match (&was.expected, &is.expected) {
        (before, after) if before == after => None,
        (Some(before), Some(after)) => {
            let lines: Vec<_> = after.differences(before);
            let side = |found: bool| {
                let part = |it: &crate::domain::catalog::Difference| {
                    format!("{} {}", it.what, if found { &it.found } else { &it.wanted })
                };
                lines.iter().map(part).collect::<Vec<_>>().join(", ")
            };
            Some((side(true), side(false)))
        }
        (before, _) => {
            let text =
                |known: bool| if known { "definition known" } else { "definition not known" }.to_owned();
            Some((text(before.is_some()), text(before.is_none())))
        }
    }
}
