//! Draws a view model. Pure: no state, no clock, no I/O.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::Theme;

/// A finished frame.
pub(super) struct Frame {
    pub(super) buffer: Buffer,
    pub(super) cursor: Option<Position>,
}

/// Draws everything.
pub(super) fn frame(view: &(Vec<String>, (u16, u16)), _theme: Theme) -> Frame {
    let (lines, (width, height)) = view;
    let mut buffer = Buffer::empty(Rect::new(0, 0, *width, *height));
    for (y, line) in (0..*height).zip(lines) {
        buffer.set_stringn(0, y, line, usize::from(*width), Style::new());
    }
    Frame { buffer, cursor: None }
}
