//! A panel over the body, in a frame.

use ratatui::layout::{Position, Rect};

use crate::text::{cell_width, cut};

use super::super::Charset;
use super::super::view_model::line::Tone;
use super::super::view_model::{Active, Dialog};
use super::paint::Paint;

/// Draws it between two rows, and says where the text cursor stands.
pub(super) fn render(dialog: &Dialog, top: u16, bottom: u16, paint: &mut Paint<'_>) -> Option<Position> {
    let fields = u16::try_from(dialog.fields.len()).unwrap_or(u16::MAX).saturating_mul(2);
    let lines = u16::try_from(dialog.lines.len()).unwrap_or(u16::MAX);
    let wanted = fields.saturating_add(lines).saturating_add(3);
    let height = wanted.min(bottom.saturating_sub(top));
    let width = u16::try_from(dialog.width + 4).unwrap_or(u16::MAX).min(paint.area.width);
    let x = (paint.area.width - width) / 2;
    let y = top + (bottom.saturating_sub(top).saturating_sub(height)) / 2;
    let area = Rect::new(x, y, width, height);
    paint.clear(area);
    frame(dialog, area, paint);

    let inside = width.saturating_sub(4);
    let last = area.bottom().saturating_sub(2);
    let mut at = y + 1;
    let fields_from = last.saturating_sub(fields.saturating_sub(1));
    for line in &dialog.lines {
        if at + 1 >= fields_from {
            break;
        }
        paint.line(x + 2, at, line, inside);
        at += 1;
    }
    let mut cursor = None;
    at = fields_from;
    for field in &dialog.fields {
        let active = field.active == Active::Yes;
        let tone = if active { Tone::Strong } else { Tone::Plain };
        paint.text(x + 2, at, &field.label, inside, paint.theme.style(tone));
        let end = paint.text(x + 2, at + 1, &format!("> {}", field.text), inside, paint.theme.style(tone));
        if active {
            cursor = Some(Position::new(end.min(area.right().saturating_sub(2)), at + 1));
            let said = u16::try_from(cell_width(&field.said)).unwrap_or(u16::MAX);
            let room = (x + 2 + inside).saturating_sub(end + 2);
            if said > 0 && said <= room {
                let style = paint.theme.style(Tone::Warn);
                paint.text(x + 2 + inside - said, at + 1, &field.said, said, style);
            } else if said > 0 {
                paint.rule_in_frame(&field.said, area);
            }
        }
        at += 2;
    }
    cursor
}

fn frame(dialog: &Dialog, area: Rect, paint: &mut Paint<'_>) {
    let (corner, across, side) = match paint.charset {
        Charset::Ascii => (["+"; 4], "=", "|"),
        Charset::Unicode => (["┌", "┐", "└", "┘"], "─", "│"),
    };
    let style = paint.theme.style(Tone::Strong);
    let line = across.repeat(usize::from(area.width.saturating_sub(2)));
    let bottom = area.bottom().saturating_sub(1);
    for (y, left, right) in [(area.y, corner[0], corner[1]), (bottom, corner[2], corner[3])] {
        paint.text(area.x, y, &format!("{left}{line}{right}"), area.width, style);
    }
    for y in area.y + 1..bottom {
        paint.text(area.x, y, side, 1, style);
        paint.text(area.right().saturating_sub(1), y, side, 1, style);
    }
    let room = usize::from(area.width.saturating_sub(8));
    let target = cut(&dialog.target, room / 2);
    let title = cut(&dialog.title, room.saturating_sub(cell_width(&target) + 2));
    paint.text(area.x + 3, area.y, &format!(" {title} "), area.width, style);
    let target_width = u16::try_from(cell_width(&target) + 2).unwrap_or(u16::MAX);
    let at = area.right().saturating_sub(target_width + 3);
    paint.text(at, area.y, &format!(" {target} "), target_width, style);
}

impl Paint<'_> {
    /// A remark in the lower edge of a panel.
    fn rule_in_frame(&mut self, text: &str, area: Rect) {
        let y = area.bottom().saturating_sub(1);
        let text = format!(" {} ", cut(text, usize::from(area.width.saturating_sub(8))));
        self.text(area.x + 3, y, &text, area.width.saturating_sub(4), self.theme.style(Tone::Warn));
    }
}
