//! How wide columns are, and where the words of a cell break.
//!
//! A column that needs no more than its share gets what it needs, and leaves the rest to the others; what then still does
//! not fit breaks between words, and inside of a word that is wider than its column. The rules are those of the crate
//! comfy-table, with which the tests compare; pages of many thousands of rows are why it is done here: a cell costs
//! nothing but its text.

use std::io;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{Side, Table};

/// Cells on both sides of a column.
const PADDING: usize = 1;
/// With no more cells left on a line, the next word begins another one.
const LEAST_FREE: usize = 2;
/// A column that could be narrower by so much is, once its words are broken.
const WORTH_IT: usize = 3;
/// No column is wider.
const WIDEST: usize = u16::MAX as usize;

/// Rows of cells below a header, without lines, in `width` cells.
pub(super) fn write(out: &mut dyn io::Write, table: &Table<'_>, width: usize) -> io::Result<()> {
    let widths = Widths::of(table, width).settled();
    let mut text = String::new();
    for row in 0..table.rows() {
        text.clear();
        line_up(&mut text, table, row, &widths);
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Adds the lines of one row.
fn line_up(text: &mut String, table: &Table<'_>, row: usize, widths: &[usize]) {
    let cells: Vec<Vec<&str>> =
        table.row(row).zip(widths).map(|(cell, width)| broken(cell, *width)).collect();
    for line in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
        let from = text.len();
        for ((cell, width), (_, side)) in cells.iter().zip(widths).zip(table.columns) {
            let part = cell.get(line).copied().unwrap_or_default();
            let free = width.saturating_sub(cells_of(part));
            let (before, behind) = match side {
                Side::Left => (0, free),
                Side::Right => (free, 0),
            };
            text.extend(std::iter::repeat_n(' ', PADDING + before));
            text.push_str(part);
            text.extend(std::iter::repeat_n(' ', behind + PADDING));
        }
        let end = from + text[from..].trim_end().len();
        text.truncate(end);
        text.push('\n');
    }
}

struct Widths<'a> {
    table: &'a Table<'a>,
    /// What each column needs for its longest line.
    needed: Vec<usize>,
    decided: Vec<Option<usize>>,
    /// Cells that no column has yet, and columns that have none.
    free: usize,
    open: usize,
}

impl<'a> Widths<'a> {
    fn of(table: &'a Table<'a>, width: usize) -> Self {
        let columns = table.columns.len();
        let mut needed = vec![1; columns];
        for row in 0..table.rows() {
            for (needed, cell) in needed.iter_mut().zip(table.row(row)) {
                let longest = cell.split('\n').map(cells_of).max().unwrap_or(0);
                *needed = (*needed).max(longest.min(WIDEST));
            }
        }
        let free = width.min(WIDEST).saturating_sub(2 * PADDING * columns);
        Self { table, needed, decided: vec![None; columns], free, open: columns }
    }

    /// What each open column would get if all got the same.
    fn share(&self) -> usize {
        self.free.checked_div(self.open).unwrap_or(0)
    }

    fn decide(&mut self, column: usize, width: usize) {
        self.decided[column] = Some(width.max(1));
        self.free = self.free.saturating_sub(width);
        self.open -= 1;
    }

    fn settled(mut self) -> Vec<usize> {
        // Whatever one column leaves is there for the others, so that each round may find another one that fits.
        while self.share() > 0
            && self.round(|this, column| (this.needed[column] <= this.share()).then_some(this.needed[column]))
        {
        }
        while self.open > 0
            && self.round(|this, column| {
                let longest = this.longest(column, this.share());
                (this.share().saturating_sub(longest) >= WORTH_IT).then_some(longest)
            })
        {}
        let free = self.free.max(self.open);
        let (each, mut more) =
            (free.checked_div(self.open).unwrap_or(0), free.checked_rem(self.open).unwrap_or(0));
        let rest = |decided: Option<usize>| {
            decided.unwrap_or_else(|| {
                let one = usize::from(more > 0);
                more = more.saturating_sub(1);
                each + one
            })
        };
        self.decided.into_iter().map(rest).collect()
    }

    /// Decides each open column for which `width` finds one. Whether there were any and others are left.
    fn round(&mut self, width: impl Fn(&Self, usize) -> Option<usize>) -> bool {
        let mut found = false;
        for column in 0..self.decided.len() {
            if self.decided[column].is_some() {
                continue;
            }
            if let Some(width) = width(self, column) {
                self.decide(column, width);
                if self.open == 0 {
                    return false;
                }
                found = true;
            }
        }
        found
    }

    /// The longest line of a column that is broken to `width`.
    fn longest(&self, column: usize, width: usize) -> usize {
        let cells = (0..self.table.rows()).filter_map(|row| self.table.row(row).nth(column));
        cells.flat_map(|cell| broken(cell, width)).map(cells_of).max().unwrap_or(0)
    }
}

/// The lines of a cell in a column of `width` cells.
fn broken(cell: &str, width: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    for line in cell.split('\n') {
        if cells_of(line) > width { break_line(line, width.max(1), &mut lines) } else { lines.push(line) }
    }
    lines
}

/// Breaks a line between words. What is pushed are parts of it, one behind the other.
fn break_line<'a>(line: &'a str, width: usize, lines: &mut Vec<&'a str>) {
    // The line at hand, in bytes and cells, and the word at hand, or what is left of it.
    let (mut from, mut to, mut taken) = (0, 0, 0);
    let mut at = 0;
    let mut end = line.find(' ').unwrap_or(line.len());
    loop {
        let word = &line[at..end];
        let long = cells_of(word);
        let fresh = from == to;
        let free = width.saturating_sub(taken).saturating_sub(usize::from(!fresh));
        if long + taken + usize::from(!fresh) > width {
            if !fresh && (free <= LEAST_FREE || long <= width) {
                lines.push(&line[from..to]);
                (from, to, taken) = (0, 0, 0);
                if long > width {
                    continue;
                }
            } else if long > width {
                let mut split = at + fitting(word, free);
                if fresh && split == at {
                    // Wider than the whole column.
                    split += word.chars().next().map_or(0, char::len_utf8);
                }
                lines.push(&line[if fresh { at } else { from }..split]);
                (from, to, taken) = (0, 0, 0);
                at = split;
                continue;
            }
        }
        if from == to {
            (from, to, taken) = (at, end, long);
        } else {
            (to, taken) = (end, taken + 1 + long);
        }
        if taken > width.saturating_sub(LEAST_FREE) {
            lines.push(&line[from..to]);
            (from, to, taken) = (0, 0, 0);
        }
        if end == line.len() {
            break;
        }
        at = end + 1;
        end = line[at..].find(' ').map_or(line.len(), |length| at + length);
    }
    if from != to {
        lines.push(&line[from..to]);
    }
}

/// Bytes of `word` that fit into `width` cells.
fn fitting(word: &str, width: usize) -> usize {
    if is_plain(word) {
        return word.len().min(width);
    }
    let mut taken = 0;
    for (at, cluster) in word.grapheme_indices(true) {
        taken += cluster.width();
        if taken > width {
            return at;
        }
    }
    word.len()
}

/// Cells that a text takes.
fn cells_of(text: &str) -> usize {
    if is_plain(text) { text.len() } else { text.width() }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use comfy_table::{CellAlignment, ContentArrangement, presets};

    use super::super::table;
    use super::*;

    fn of_comfy_table(columns: &[(&'static str, Side)], rows: &[Vec<String>], width: usize) -> String {
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(width).unwrap_or(u16::MAX))
            .set_header(columns.iter().map(|(title, _)| *title).collect::<Vec<_>>());
        for row in rows {
            table.add_row(row);
        }
        for (at, (_, side)) in columns.iter().enumerate() {
            if let (Side::Right, Some(column)) = (side, table.column_mut(at)) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
    }

    const WORDS: [&str; 16] = [
        "a",
        "of",
        "index",
        "public.people_of_the_world",
        "btree",
        "(lower(name))",
        "",
        " ",
        "größe",
        "漢字かな交じり文",
        "🙂‍↕️",
        "e\u{301}",
        "\n",
        "idx_a_very_long_name_that_no_column_is_wide_enough_for_at_any_time",
        "12",
        "-",
    ];

    fn text(chance: &mut fastrand::Rng) -> String {
        let most = [1, 3, 12][chance.usize(0..3)];
        let words: Vec<&str> =
            (0..chance.usize(0..most)).map(|_| WORDS[chance.usize(0..WORDS.len())]).collect();
        words.join([" ", ""][chance.usize(0..2)])
    }

    #[test]
    fn pages_are_those_of_comfy_table() {
        let mut chance = fastrand::Rng::with_seed(20_261_120);
        for _ in 0..600 {
            let columns: Vec<(&'static str, Side)> = (0..chance.usize(1..7))
                .map(|_| {
                    (
                        ["NAME", "A LONGER TITLE", "X"][chance.usize(0..3)],
                        [Side::Left, Side::Right][chance.usize(0..2)],
                    )
                })
                .collect();
            let rows: Vec<Vec<String>> = (0..chance.usize(0..8))
                .map(|_| columns.iter().map(|_| text(&mut chance)).collect())
                .collect();
            let width = chance.usize(8..160);
            let (ours, theirs) = (table(&columns, &rows, width), of_comfy_table(&columns, &rows, width));
            assert_eq!(ours, theirs, "{rows:?} in {width}");
        }
    }
}
