//! A table of state words and columns.

use ratatui::style::Style;

use crate::text::{fit_left, fit_right};

use super::super::Theme;
use super::super::view_model::line::{Align, Chosen, Column, Row, Table, Tone};
use super::paint::Paint;

/// Cells of the cursor's mark.
const MARK: u16 = 3;

/// Draws it and says which row comes next.
pub(super) fn render(table: &Table, top: u16, bottom: u16, paint: &mut Paint<'_>) -> u16 {
    let heads: Vec<String> = table.columns.iter().map(|column| column.title.to_owned()).collect();
    let strong = paint.theme.style(Tone::Strong);
    paint.text(MARK, top, &fit_left("STATE", table.state_width), paint.area.width, strong);
    cells(&heads, table, top, strong, paint);
    if table.rows.is_empty() {
        paint.text(MARK, top + 1, &table.empty, paint.area.width, paint.theme.style(Tone::Dim));
        return top + 2;
    }
    let mut y = top + 1;
    for row in &table.rows {
        if y >= bottom {
            break;
        }
        render_row(row, table, y, paint);
        y += 1;
    }
    y
}

fn render_row(row: &Row, table: &Table, y: u16, paint: &mut Paint<'_>) {
    let style = match row.chosen {
        Chosen::Yes => Theme::chosen(),
        Chosen::No => Style::new(),
    };
    if row.chosen == Chosen::Yes {
        paint.text(1, y, ">", 1, style);
    }
    let word = style.patch(paint.theme.style(row.word.tone()));
    paint.text(MARK, y, row.word.text(), u16::try_from(table.state_width).unwrap_or(u16::MAX), word);
    cells(&row.cells, table, y, style, paint);
}

fn cells(texts: &[String], table: &Table, y: u16, style: Style, paint: &mut Paint<'_>) {
    let mut x = usize::from(MARK) + table.state_width + 1;
    for (text, Column { width, align, .. }) in texts.iter().zip(&table.columns) {
        let fitted = match align {
            Align::Left => fit_left(text, *width),
            Align::Right => fit_right(text, *width),
        };
        let at = u16::try_from(x).unwrap_or(u16::MAX);
        paint.text(at, y, &fitted, u16::try_from(*width).unwrap_or(u16::MAX), style);
        x += width + 1;
    }
}
