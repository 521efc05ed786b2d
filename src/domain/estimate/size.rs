//! Size of an index that was just built.

use crate::domain::catalog::TableFacts;
use crate::sql::IndexShape;

use super::Guess;
use super::width::Work;

const PAGE: f64 = 8192.0;
/// Room for tuples on a btree leaf: a page without its header and its special space.
const LEAF: f64 = 8152.0;
/// Inner pages on top of the leaves.
const INNER: f64 = 1.005;
/// A btree of a posting list never grows beyond this (deduplication, 13 and later).
const POSTING: f64 = 812.0;

/// Bytes of the whole index.
pub(super) fn index(shape: &IndexShape, table: &TableFacts, work: &Work, major: u32) -> Guess {
    let size = match shape.method.as_str() {
        "btree" => btree(shape, work, major),
        // 27-34 bytes a row whatever the key; the number of buckets is a power of two.
        "hash" => work.rows.times(25.0, 30.0, 45.0),
        "brin" => brin(shape, table),
        "gin" if work.trigrams => work.rows.each(work.width, |rows, width| rows * width).times(1.5, 3.7, 6.0),
        // 13-19 bytes a row for jsonb of six keys and for short arrays; few common keys compress to nearly nothing.
        "gin" => work.rows.each(work.width.times(0.05, 0.15, 1.0), |rows, width| rows * (width + 8.0)),
        "gist" | "spgist" if work.trigrams => {
            work.rows.each(work.width, |rows, width| rows * width).times(2.5, 5.6, 9.0)
        }
        "gist" | "spgist" => plain(work, 0.7).times(0.6, 1.0, 2.0),
        _ => work.rows.times(4.0, 30.0, 150.0),
    };
    let least = if shape.method == "brin" { 3.0 } else { 2.0 };
    size.each(Guess::exact(least * PAGE), f64::max)
}

fn brin(shape: &IndexShape, table: &TableFacts) -> Guess {
    let ranges = (table.size.0 as f64 / PAGE / 128.0).ceil();
    let columns = shape.keys.len() as f64;
    Guess::exact(3.0 * PAGE + ranges * (8.0 + 24.0 * columns)).times(0.8, 1.0, 4.0)
}

fn btree(shape: &IndexShape, work: &Work, major: u32) -> Guess {
    let fill = parameter(shape, "fillfactor").and_then(|it| it.parse().ok()).unwrap_or(90.0) / 100.0;
    let plain = plain(work, fill);
    // 16 bytes of numeric or half-null text came out up to 1.43 times the formula; fixed widths within 2 %.
    let (under, over) = if work.certain { (0.93, 1.1) } else { (0.75, 1.45) };
    let plain = plain.times(under, 1.0, over);
    let off = matches!(parameter(shape, "deduplicate_items").as_deref(), Some("off" | "false" | "no" | "0"));
    if major < 13 || shape.unique || !shape.include.is_empty() || off {
        return plain;
    }
    let Some(distinct) = work.distinct else {
        // Nothing known of duplicates: they can only make it smaller, down to six bytes a row.
        return Guess { low: plain.low.min(leaves(work.rows.low * 6.3, fill)), ..plain };
    };
    let at =
        |rows: f64, width: f64, distinct: f64| deduplicated(rows, tuple(width, work.nulls), distinct, fill);
    Guess {
        low: plain.low.min(at(work.rows.low, work.width.low, distinct.low) * under),
        likely: plain.likely.min(at(work.rows.likely, work.width.likely, distinct.likely)),
        // The planner's number of distinct keys is a guess from a sample that is seldom too high.
        high: plain.high.min(at(work.rows.high, work.width.high, distinct.likely * 4.0) * over),
    }
}

/// One tuple a row.
fn plain(work: &Work, fill: f64) -> Guess {
    work.rows.each(work.width, |rows, width| leaves(rows * (tuple(width, work.nulls) + 4.0), fill))
}

/// Posting lists: the key once, six bytes a row, split where a list would pass [`POSTING`].
fn deduplicated(rows: f64, tuple: f64, distinct: f64, fill: f64) -> f64 {
    let distinct = distinct.clamp(1.0, rows.max(1.0));
    let each = rows / distinct;
    let capacity = ((POSTING - tuple) / 6.0).max(1.0);
    let lists = (each / capacity).max(1.0);
    leaves(distinct * (lists * (tuple + 4.0) + 6.0 * each), fill)
}

/// An index tuple: eight bytes of header, 16 with a null bitmap, and the keys, aligned to eight.
fn tuple(width: f64, nulls: f64) -> f64 {
    let aligned = (width / 8.0).ceil() * 8.0;
    // Of a key that is always null only the bitmap is left.
    (1.0 - nulls) * (8.0 + aligned) + nulls * (16.0 + aligned.min(width))
}

fn leaves(bytes: f64, fill: f64) -> f64 {
    let leaves = (bytes / (LEAF * fill.clamp(0.1, 1.0))).ceil().max(1.0);
    // The page that describes the tree, and above several leaves a root.
    let above = 1.0 + if leaves > 1.0 { 1.0 } else { 0.0 };
    ((leaves * INNER).floor() + above) * PAGE
}

fn parameter(shape: &IndexShape, name: &str) -> Option<String> {
    let (_, value) = shape.with.iter().find(|(it, _)| it.eq_ignore_ascii_case(name))?;
    value.as_deref().map(|it| it.trim_matches('\'').to_ascii_lowercase())
}
