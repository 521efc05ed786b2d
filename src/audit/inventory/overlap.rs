//! Indexes that say the same as others, or less.

use std::collections::BTreeMap;

use super::Entry;
use crate::audit::lexis::{Kind, lexeme};
use crate::sql::{IndexKey, IndexShape, KeyKind, NullsOrder, SortOrder, fold};

/// A key as far as it decides which queries an index serves.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    text: String,
    collation: Option<String>,
    opclass: Option<String>,
    descending: bool,
    nulls_first: bool,
}

/// An index as far as it decides that.
struct Served<'a> {
    shape: &'a IndexShape,
    keys: Vec<Key>,
    predicate: Option<String>,
}

impl<'a> Served<'a> {
    fn of(shape: &'a IndexShape) -> Self {
        let keys = shape.settled().keys.iter().map(key).collect();
        Self { shape, keys, predicate: shape.predicate.as_deref().map(normal) }
    }
}

/// Notes for each index that is there at the end which others make it superfluous.
pub(super) fn mark(entries: &mut [Entry]) {
    let mut tables: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (position, entry) in entries.iter().enumerate() {
        if let Some(standing) = &entry.alive {
            tables.entry(&standing.table).or_default().push(position);
        }
    }
    let mut found: Vec<(usize, usize, Overlap)> = Vec::new();
    for positions in tables.values() {
        let served: Vec<Served<'_>> = positions.iter().map(|it| Served::of(&entries[*it].shape)).collect();
        for (one, left) in served.iter().enumerate() {
            for (two, right) in served.iter().enumerate().filter(|(two, _)| *two != one) {
                found.extend(overlap(left, right).map(|it| (positions[one], positions[two], it)));
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

fn overlap(left: &Served<'_>, right: &Served<'_>) -> Option<Overlap> {
    let (one, two) = (left.shape, right.shape);
    let leading = right.keys.get(..left.keys.len()) == Some(&left.keys);
    if !leading || left.keys.is_empty() || one.method != two.method || left.predicate != right.predicate {
        return None;
    }
    if left.keys.len() == right.keys.len()
        && one.unique == two.unique
        && one.nulls_not_distinct == two.nulls_not_distinct
        && sorted(&one.include) == sorted(&two.include)
    {
        return Some(Overlap::Same);
    }
    let carried = one.include.iter().all(|column| {
        let text = crate::sql::quote_ident(column);
        two.include.contains(column) || right.keys.iter().any(|key| key.text == text)
    });
    (one.method == "btree" && carried && !one.unique).then_some(Overlap::Less)
}

/// Whether the server takes an index of a partition for its part of one of the parent: order and NULLS make no difference to it.
pub(super) fn is_part(own: &IndexShape, parent: &IndexShape) -> bool {
    let (left, right) = (Served::of(own), Served::of(parent));
    let same = |(one, two): (&Key, &Key)| {
        one.text == two.text && one.collation == two.collation && one.opclass == two.opclass
    };
    left.keys.len() == right.keys.len()
        && left.keys.iter().zip(&right.keys).all(same)
        && own.include == parent.include
        && left.predicate == right.predicate
        && own.method == parent.method
        && own.unique == parent.unique
        && own.nulls_not_distinct == parent.nulls_not_distinct
}

fn sorted(columns: &[String]) -> Vec<&String> {
    let mut columns: Vec<&String> = columns.iter().collect();
    columns.sort();
    columns
}

fn key(key: &IndexKey) -> Key {
    let descending = key.order == Some(SortOrder::Desc);
    Key {
        // A column is written one way only.
        text: if key.kind == KeyKind::Expression { normal(&key.text) } else { key.text.clone() },
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
