//! How many rows an index takes and how wide their keys are, as far as statistics tell.

use crate::domain::catalog::{ColumnStatistics, TableFacts};
use crate::sql::{IndexKey, IndexShape, KeyKind};

use super::Guess;

/// Width of a key of which nothing is known.
const UNKNOWN_WIDTH: Guess = Guess { low: 4.0, likely: 16.0, high: 64.0 };

/// Share of the rows that a predicate keeps when nothing is known of it.
const UNKNOWN_SHARE: Guess = Guess { low: 0.02, likely: 0.25, high: 1.0 };

/// The input of a build.
pub(super) struct Work {
    /// Rows that the index takes.
    pub(super) rows: Guess,
    /// Bytes of key and INCLUDE columns of a row, nulls counted as nothing.
    pub(super) width: Guess,
    /// Chance that a row has a null among its columns.
    pub(super) nulls: f64,
    /// Different keys; absent when unknown or when it has no meaning.
    pub(super) distinct: Option<Distinct>,
    /// Entries of a row in a GIN index.
    pub(super) entries: Guess,
    /// An operator class of pg_trgm.
    pub(super) trigrams: bool,
    /// Widths come from statistics of plain columns that are never null and of one of the fixed sizes.
    pub(super) certain: bool,
}

/// Number of different keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Distinct {
    /// At least: that of the most varied column.
    pub(super) low: f64,
    /// If the columns were independent.
    pub(super) likely: f64,
}

impl Work {
    pub(super) fn of(shape: &IndexShape, table: &TableFacts, all_rows: f64) -> Self {
        let kept = shape.predicate.as_deref().map_or(Guess::exact(1.0), |it| share(it, table));
        let rows = kept.each(Guess::exact(all_rows), |kept, all| kept * all);
        let trigrams =
            shape.keys.iter().any(|key| key.opclass.as_deref().is_some_and(|it| it.contains("trgm")));
        let mut work = Self {
            rows,
            width: Guess::ZERO,
            nulls: 0.0,
            distinct: Some(Distinct { low: 1.0, likely: 1.0 }),
            entries: Guess { low: 1.0, likely: 6.0, high: 40.0 },
            trigrams,
            certain: true,
        };
        for key in &shape.keys {
            match &key.kind {
                KeyKind::Column(name) => work.add_column(table.columns.get(name), all_rows),
                KeyKind::Expression => work.add_expression(key, table),
            }
        }
        for name in &shape.include {
            work.add_column(table.columns.get(name), all_rows);
        }
        if trigrams {
            // About one trigram per character.
            work.entries = work.width.times(0.5, 1.0, 1.5);
        }
        work
    }

    fn add_column(&mut self, statistics: Option<&ColumnStatistics>, rows: f64) {
        let known = statistics.and_then(|it| Some((it, f64::from(it.width?))));
        let Some((statistics, width)) = known else {
            self.width = self.width.each(UNKNOWN_WIDTH, |sum, width| sum + width);
            self.distinct = None;
            self.certain = false;
            return;
        };
        let nulls = f64::from(statistics.null_fraction).clamp(0.0, 1.0);
        self.width = self.width.each(Guess::exact(width * (1.0 - nulls)), |sum, width| sum + width);
        self.nulls = 1.0 - (1.0 - self.nulls) * (1.0 - nulls);
        let fixed = [1.0, 2.0, 4.0, 8.0, 16.0].iter().any(|it: &f64| (it - width).abs() < f64::EPSILON);
        self.certain &= fixed && nulls == 0.0;
        let count = match f64::from(statistics.distinct) {
            fraction if fraction < 0.0 => -fraction * rows,
            0.0 => {
                self.distinct = None;
                return;
            }
            count => count,
        };
        // All nulls together are one more key.
        let count = count + if nulls > 0.0 { 1.0 } else { 0.0 };
        self.distinct = self.distinct.map(|it| Distinct {
            low: it.low.max(count).min(rows.max(1.0)),
            likely: (it.likely * count).min(rows.max(1.0)),
        });
    }

    /// An expression is likely no wider than the columns in it; no more than that can be said.
    fn add_expression(&mut self, key: &IndexKey, table: &TableFacts) {
        let mentioned = words(&key.text)
            .filter_map(|word| table.columns.get(word).and_then(|it| it.width))
            .fold(None, |widest: Option<f32>, width| Some(widest.map_or(width, |it| it.max(width))));
        let width = mentioned.map_or(UNKNOWN_WIDTH, |it| Guess {
            low: UNKNOWN_WIDTH.low,
            likely: f64::from(it).min(32.0_f64.max(f64::from(it) / 2.0)),
            high: f64::from(it).max(UNKNOWN_WIDTH.high),
        });
        self.width = self.width.each(width, |sum, width| sum + width);
        self.distinct = None;
        self.certain = false;
    }
}

/// Share of the rows that a predicate keeps: known for `column IS [NOT] NULL`, a guess for everything else.
fn share(predicate: &str, table: &TableFacts) -> Guess {
    let bare = predicate.trim().trim_start_matches('(').trim_end_matches(')').to_ascii_lowercase();
    let parts: Vec<&str> = bare.split_whitespace().collect();
    let nulls =
        |column: &str| table.columns.get(column).map(|it| f64::from(it.null_fraction).clamp(0.0, 1.0));
    let known = match parts.as_slice() {
        [column, "is", "null"] => nulls(column),
        [column, "is", "not", "null"] => nulls(column).map(|it| 1.0 - it),
        _ => None,
    };
    known.map_or(UNKNOWN_SHARE, |it| Guess { low: it * 0.9, likely: it, high: (it * 1.1 + 0.001).min(1.0) })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !(char.is_alphanumeric() || char == '_')).filter(|word| !word.is_empty())
}
