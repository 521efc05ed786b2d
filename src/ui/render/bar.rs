//! The bar and the strip of phases.

use super::super::Theme;
use super::super::view_model::line::Line;
use super::paint::Paint;

pub(super) fn render((left, right): &(Line, Line), strip: &Line, paint: &mut Paint<'_>) {
    let width = paint.area.width;
    let style = Theme::bar();
    let blank = " ".repeat(usize::from(width));
    paint.text(0, 0, &blank, width, style);
    let right_width = u16::try_from(right.width()).unwrap_or(u16::MAX).min(width);
    paint.styled_line(0, 0, left, width - right_width, style);
    paint.line_at_right(0, width, 0, right, style);
    paint.line(0, 1, strip, width);
}
