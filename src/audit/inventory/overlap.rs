//! Indexes that say the same as others, or less.

use std::collections::BTreeMap;

use super::Entry;
use crate::audit::lexis::{Kind, lexeme};
use crate::sql::{IndexKey, IndexShape, NullsOrder, SortOrder, fold};

/// A key as far as it decides which queries an index serves.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    text: String,
    collation: Option<String>,
    opclass: Option<String>,
    descending: bool,
    nulls_first: bool,
}

/// Notes for each index that is there at the end which others make it superfluous.
pub(super) fn mark(entries: &mut [Entry]) {
    let mut tables: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (position, entry) in entries.iter().enumerate() {
        if let Some(standing) = &entry.alive {
            tables.entry(standing.table.clone()).or_default().push(position);
        }
    }
    let mut found: Vec<(usize, usize, Overlap)> = Vec::new();
    for positions in tables.values() {
        let keys: Vec<Vec<Key>> =
            positions.iter().map(|it| entries[*it].shape.settled().keys.iter().map(key).collect()).collect();
        for (one, left) in positions.iter().enumerate() {
            for (two, right) in positions.iter().enumerate().filter(|(two, _)| *two != one) {
                let overlap =
                    overlap((&entries[*left].shape, &keys[one]), (&entries[*right].shape, &keys[two]));
                found.extend(overlap.map(|it| (*left, *right, it)));
            }
        }
    }
    for (left, right, overlap) in found {
        let guards = matches!(entries[left].class(), super::Class::Functional(_));
        match overlap {
            Overlap::Same => entries[left].duplicates.push(right),
            // What keeps duplicates out is never superfluous because something else can be read faster.
            Overlap::Less if !guards => entries[left].covered_by.push(right),
            Overlap::Less => {}
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overlap {
    /// Both say the same.
    Same,
    /// The first serves less than the second.
    Less,
}

fn overlap(
    (left, left_keys): (&IndexShape, &[Key]),
    (right, right_keys): (&IndexShape, &[Key]),
) -> Option<Overlap> {
    let predicates = left.predicate.as_deref().map(normal) == right.predicate.as_deref().map(normal);
    if left.method != right.method || !predicates || left.keys.is_empty() {
        return None;
    }
    let same_keys = left_keys == right_keys;
    let mut included = (left.include.clone(), right.include.clone());
    included.0.sort();
    included.1.sort();
    if same_keys
        && included.0 == included.1
        && left.unique == right.unique
        && left.nulls_not_distinct == right.nulls_not_distinct
    {
        return Some(Overlap::Same);
    }
    let leading = right_keys.get(..left_keys.len()) == Some(left_keys);
    let carried = left.include.iter().all(|column| {
        right.include.contains(column)
            || right_keys.iter().any(|key| key.text == normal(&crate::sql::quote_ident(column)))
    });
    let prefix = left.method == "btree" && leading && carried;
    (prefix && !left.unique).then_some(Overlap::Less)
}

fn key(key: &IndexKey) -> Key {
    let descending = key.order == Some(SortOrder::Desc);
    Key {
        text: normal(&key.text),
        collation: key.collation.clone(),
        opclass: key.opclass.clone(),
        descending,
        nulls_first: key.nulls.map_or(descending, |nulls| nulls == NullsOrder::First),
    }
}

/// An expression without what makes no difference: case of bare words, spaces, parentheses around all of it.
fn normal(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let found = lexeme(text.as_bytes(), at);
        match found.kind {
            Kind::Space | Kind::Comment => {}
            Kind::Word | Kind::Quoted { .. } => {
                words.push(crate::sql::quote_ident(&fold(&text[at..found.end])));
            }
            Kind::Text { .. } | Kind::Dollar { .. } | Kind::Sign(_) => {
                words.push(text[at..found.end].to_owned());
            }
        }
        at = found.end;
    }
    while encloses(&words) {
        words.pop();
        words.remove(0);
    }
    words.join(" ")
}

/// Whether the first word opens a parenthesis that the last one closes.
fn encloses(words: &[String]) -> bool {
    let mut depth = 0_usize;
    for (position, word) in words.iter().enumerate() {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return position > 0 && position + 1 == words.len();
        }
    }
    false
}
