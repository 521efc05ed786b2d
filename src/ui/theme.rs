//! Tones as terminal styles: 16 named colours or none, never a painted background but reverse.

use ratatui::style::{Color, Modifier, Style};

use super::Theme;
use super::view_model::line::Tone;

impl Theme {
    /// How a tone looks.
    pub(super) fn style(self, tone: Tone) -> Style {
        match self {
            Self::Default => coloured(tone),
            Self::Mono => mono(tone),
        }
    }

    /// The bar at the top.
    pub(super) fn bar() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The row under the cursor, in addition to its mark.
    pub(super) fn chosen() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }
}

fn coloured(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Dim => Style::new().fg(Color::DarkGray),
        Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Warn => Style::new().fg(Color::Yellow),
        Tone::Bad => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        Tone::Busy => Style::new().fg(Color::Cyan),
    }
}

fn mono(tone: Tone) -> Style {
    match tone {
        Tone::Plain | Tone::Dim | Tone::Good | Tone::Busy => Style::new(),
        Tone::Strong | Tone::Warn | Tone::Bad => Style::new().add_modifier(Modifier::BOLD),
    }
}
