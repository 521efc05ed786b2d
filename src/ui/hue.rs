//! Colours that an operator gives to places. The terminal's own, so that its palette decides how they look.

use ratatui::style::Color;

/// Colour of an environment word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hue {
    /// Red.
    Red,
    /// Yellow.
    Yellow,
    /// Green.
    Green,
    /// Cyan.
    Cyan,
    /// Blue.
    Blue,
    /// Magenta.
    Magenta,
}

impl Hue {
    /// One of the 16 named colours; the bright one where that can be read on light and on dark alike.
    pub(super) fn color(self) -> Color {
        match self {
            Self::Red => Color::LightRed,
            Self::Yellow => Color::Yellow,
            Self::Green => Color::Green,
            Self::Cyan => Color::Cyan,
            Self::Blue => Color::Blue,
            Self::Magenta => Color::LightMagenta,
        }
    }
}
