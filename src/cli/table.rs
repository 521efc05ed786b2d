//! Tables of words that were made safe, as wide as the reader's terminal and no wider.

use std::io::IsTerminal;

use crate::text::Untrusted;

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
pub(super) fn table(columns: &[(&str, Side)], rows: &[Vec<String>], width: usize) -> String {
    layout::page(columns, rows, width)
}

/// Somebody else's text in at most so many cells.
pub(super) fn safe(text: &str, width: Option<usize>) -> String {
    Untrusted::from(text).display_safe(width).into()
}
