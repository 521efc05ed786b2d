//! Message, state, last statement, keys.

use ratatui::layout::Position;
use ratatui::style::Style;

use super::super::view_model::line::Tone;
use super::super::view_model::{Bottom, Full};
use super::paint::Paint;

/// Draws it from row `y` on, and says where the text cursor of a prompt stands.
pub(super) fn render(full: &Full, y: u16, paint: &mut Paint<'_>) -> Option<Position> {
    let width = paint.area.width;
    match &full.message {
        Some(message) => {
            let tone = message.0.first().map_or(Tone::Plain, |span| span.tone);
            paint.rule(y, &message.text(), if tone == Tone::Plain { Tone::Strong } else { tone });
        }
        None => paint.rule(y, "", Tone::Plain),
    }
    paint.line(0, y + 1, &full.status, width);
    let (left, right) = &full.sql;
    paint.line(0, y + 2, left, width);
    let used = u16::try_from(left.width()).unwrap_or(u16::MAX).saturating_add(1);
    paint.line_at_right(used, width, y + 2, right, Style::new());
    match &full.bottom {
        Bottom::Hints(hints) => {
            paint.line(0, y + 3, hints, width);
            None
        }
        Bottom::Prompt(sign, text) => {
            let end = paint.text(0, y + 3, &format!(" {sign}{text}"), width, Style::new());
            Some(Position::new(end.min(width.saturating_sub(1)), y + 3))
        }
    }
}
