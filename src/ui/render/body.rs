//! The blocks of a screen, one below the other.

use super::super::view_model::line::{Block, Tone};
use super::paint::Paint;
use super::table;

pub(super) fn render(blocks: &[Block], top: u16, bottom: u16, paint: &mut Paint<'_>) {
    let mut y = top;
    for block in blocks {
        if y >= bottom {
            return;
        }
        y = match block {
            Block::Gap => y + 1,
            Block::Heading(left, right) => {
                let width = paint.area.width;
                paint.line(0, y, left, width);
                let used = u16::try_from(left.width()).unwrap_or(u16::MAX).saturating_add(1);
                paint.line_at_right(used, width, y, right, ratatui::style::Style::new());
                y + 1
            }
            Block::Table(rows) => table::render(rows, y, bottom, paint),
            Block::Pane(pane) => {
                paint.rule(y, &pane.title, Tone::Strong);
                let mut y = y + 1;
                for line in &pane.lines {
                    if y >= bottom {
                        break;
                    }
                    paint.line(0, y, line, paint.area.width);
                    y += 1;
                }
                y
            }
        };
    }
}
