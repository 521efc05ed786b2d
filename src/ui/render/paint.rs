//! Text into cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::view_model::line::{Line, Tone};
use super::super::{Charset, Theme};

/// A buffer with its looks.
pub(super) struct Paint<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) area: Rect,
    pub(super) theme: Theme,
    pub(super) charset: Charset,
}

impl Paint<'_> {
    /// Text in one style, cut at `width` cells; the cell after it.
    pub(super) fn text(&mut self, x: u16, y: u16, text: &str, width: u16, style: Style) -> u16 {
        if y >= self.area.height || x >= self.area.width {
            return x;
        }
        let width = width.min(self.area.width - x);
        self.buffer.set_stringn(x, y, text, usize::from(width), style).0
    }

    /// A line of several tones, cut at `width` cells.
    pub(super) fn line(&mut self, x: u16, y: u16, line: &Line, width: u16) {
        self.styled_line(x, y, line, width, Style::new());
    }

    /// The same with a style under every tone.
    pub(super) fn styled_line(&mut self, x: u16, y: u16, line: &Line, width: u16, under: Style) {
        let end = x.saturating_add(width);
        let mut at = x;
        for span in &line.0 {
            if at >= end {
                return;
            }
            at = self.text(at, y, &span.text, end - at, under.patch(self.theme.style(span.tone)));
        }
    }

    /// A line whose end is at `right`, when there is room for all of it right of `left`.
    pub(super) fn line_at_right(&mut self, left: u16, right: u16, y: u16, line: &Line, under: Style) {
        let width = u16::try_from(line.width()).unwrap_or(u16::MAX);
        if width > 0 && width <= right.saturating_sub(left) {
            self.styled_line(right - width, y, line, width, under);
        }
    }

    /// A rule over the whole width, with a title in it.
    pub(super) fn rule(&mut self, y: u16, title: &str, tone: Tone) {
        let sign = self.horizontal();
        let rule = sign.repeat(usize::from(self.area.width));
        let dim = self.theme.style(Tone::Dim);
        self.text(0, y, &rule, self.area.width, dim);
        if !title.is_empty() {
            let room = self.area.width.saturating_sub(6);
            let title = format!(" {} ", crate::text::cut(title, usize::from(room)));
            self.text(
                2,
                y,
                &title,
                self.area.width.saturating_sub(2),
                Style::reset().patch(self.theme.style(tone)),
            );
        }
    }

    /// A rule over the whole width with several texts in it.
    pub(super) fn glance(&mut self, y: u16, lines: &[Line]) {
        self.rule(y, "", Tone::Plain);
        let mut x = 2;
        for line in lines {
            let blank = Style::reset();
            x = self.text(x, y, " ", 1, blank);
            self.styled_line(x, y, line, self.area.width.saturating_sub(x), blank);
            x = x.saturating_add(u16::try_from(line.width()).unwrap_or(u16::MAX));
            x = self.text(x, y, " ", 1, blank).saturating_add(2);
        }
    }

    /// The sign that lines are made of.
    pub(super) fn horizontal(&self) -> &'static str {
        match self.charset {
            Charset::Ascii => "-",
            Charset::Unicode => "─",
        }
    }

    /// Blanks over a rectangle.
    pub(super) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.area);
        for y in area.top()..area.bottom() {
            let blank = " ".repeat(usize::from(area.width));
            self.text(area.x, y, &blank, area.width, Style::reset());
        }
    }
}
