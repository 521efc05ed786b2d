//! Tables of words that were made safe, as wide as the reader's terminal and no wider.

use std::fmt::{self, Write};
use std::io::{self, IsTerminal};

use crate::text::{Untrusted, is_harmless};

use super::surrounding::Surrounding;

mod layout;

/// Width of a table that nobody is known to look at, such as a log of a pipeline.
const UNSEEN: usize = 120;
/// Narrower than this nothing is laid out; lines then run over the edge.
const LEAST: usize = 60;

/// Cells that a line of standard output may take: the terminal's, else `COLUMNS`, else 120.
pub fn width(around: &Surrounding) -> usize {
    let terminal = || {
        let wide = std::io::stdout().is_terminal().then(crossterm::terminal::size)?.ok()?.0;
        (wide > 0).then_some(usize::from(wide))
    };
    let columns = || around.text("COLUMNS")?.parse().ok();
    terminal().or_else(columns).unwrap_or(UNSEEN).max(LEAST)
}

/// On which side the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// A table without lines. Cells that do not fit wrap inside their column. The text must be safe already.
pub(super) fn table(columns: &[(&'static str, Side)], rows: &[Vec<String>], width: usize) -> String {
    let mut table = Table::new(columns);
    for row in rows {
        let cells = row.iter().map(String::as_str).chain(std::iter::repeat(""));
        cells.take(columns.len()).for_each(|cell| table.cell(format_args!("{cell}")));
    }
    let mut page = Vec::new();
    // Memory takes everything.
    let _ = table.write(&mut page, width);
    String::from_utf8_lossy(&page).into_owned()
}

/// A table that is filled cell by cell, row after row, and may have many thousands of rows: all cells are one text.
pub(super) struct Table<'a> {
    columns: &'a [(&'static str, Side)],
    text: String,
    /// Where each cell ends.
    ends: Vec<usize>,
}

impl<'a> Table<'a> {
    pub(super) fn new(columns: &'a [(&'static str, Side)]) -> Self {
        let mut table = Self { columns, text: String::new(), ends: Vec::new() };
        for (title, _) in columns {
            table.cell(format_args!("{title}"));
        }
        table
    }

    /// Adds a cell with text that is safe already.
    pub(super) fn cell(&mut self, text: fmt::Arguments<'_>) {
        // Memory takes everything.
        let _ = self.text.write_fmt(text);
        self.ends.push(self.text.len());
    }

    /// Adds a cell with somebody else's text.
    pub(super) fn foreign(&mut self, text: fmt::Arguments<'_>) {
        let from = self.text.len();
        self.cell(text);
        if !is_harmless(&self.text[from..]) {
            let safe = safe(&self.text[from..], None);
            self.text.truncate(from);
            self.text.push_str(&safe);
            self.ends.pop();
            self.ends.push(self.text.len());
        }
    }

    /// Writes it in lines of `width` cells, line by line.
    pub(super) fn write(&self, out: &mut dyn io::Write, width: usize) -> io::Result<()> {
        layout::write(out, self, width)
    }

    /// The cells of a row; the first row are the titles.
    fn row(&self, number: usize) -> impl Iterator<Item = &str> {
        let first = number * self.columns.len();
        (first..first + self.columns.len()).map(|cell| self.at(cell))
    }

    fn rows(&self) -> usize {
        self.ends.len().div_ceil(self.columns.len().max(1))
    }

    fn at(&self, cell: usize) -> &str {
        let start = cell.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(cell).and_then(|end| self.text.get(start..*end)).unwrap_or_default()
    }
}

/// Somebody else's text in at most so many cells.
pub(super) fn safe(text: &str, width: Option<usize>) -> String {
    Untrusted::from(text).display_safe(width).into()
}
