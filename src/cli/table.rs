//! Tables of words that were made safe, as wide as the reader's terminal and no wider.

use std::io::IsTerminal;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::text::Untrusted;

use super::surrounding::Surrounding;

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
pub(super) fn table(columns: &[(&str, Side)], rows: Vec<Vec<String>>, width: usize) -> String {
    let mut table = Table::new();
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
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Somebody else's text in at most so many cells.
pub(super) fn safe(text: &str, width: Option<usize>) -> String {
    Untrusted::from(text).display_safe(width).into()
}
