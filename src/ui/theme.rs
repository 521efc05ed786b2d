//! Tones as terminal styles: 16 named colours or none, never a painted background but reverse.

use ratatui::style::{Color, Modifier, Style};

use super::Theme;
use super::view_model::line::Tone;

impl Theme {
    /// The one of a name.
    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "default" => Some(Self::Default),
            "mono" => Some(Self::Mono),
            "high-contrast" => Some(Self::HighContrast),
            "colour-blind" | "color-blind" | "cb" => Some(Self::ColourBlind),
            _ => None,
        }
    }

    /// How a tone looks.
    pub(super) fn style(self, tone: Tone) -> Style {
        match self {
            Self::Default => coloured(tone),
            Self::Mono => mono(tone),
            Self::HighContrast => high_contrast(tone),
            Self::ColourBlind => colour_blind(tone),
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

/// What asks for a person is bright red or magenta: of the 16 these two can be read in every palette, on light and on
/// dark. Yellow cannot on white, white and black each on one of the two, and bright black is the background of some
/// palettes (Solarized).
fn coloured(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Dim => Style::new().add_modifier(Modifier::DIM),
        Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Warn => Style::new().fg(Color::LightMagenta),
        Tone::Bad => Style::new().fg(Color::LightRed).add_modifier(Modifier::BOLD),
        Tone::Busy => Style::new().fg(Color::Cyan),
        Tone::Hue(hue) => Style::new().fg(hue.color()).add_modifier(Modifier::BOLD),
    }
}

fn mono(tone: Tone) -> Style {
    match tone {
        Tone::Plain | Tone::Dim | Tone::Good | Tone::Busy => Style::new(),
        Tone::Strong | Tone::Warn | Tone::Bad | Tone::Hue(_) => Style::new().add_modifier(Modifier::BOLD),
    }
}

/// The terminal's own text on its own background: no pair of colours is easier to read. Nothing is faint, and what asks for
/// a person looks different.
fn high_contrast(tone: Tone) -> Style {
    match tone {
        Tone::Plain | Tone::Dim | Tone::Good => Style::new(),
        Tone::Strong | Tone::Busy | Tone::Hue(_) => Style::new().add_modifier(Modifier::BOLD),
        Tone::Warn => Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        Tone::Bad => Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED),
    }
}

/// Blue and yellow are told apart with every kind of colour blindness but the rarest. On a white background yellow is
/// faint, so it is never alone.
fn colour_blind(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Dim => Style::new().add_modifier(Modifier::DIM),
        Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
        Tone::Good | Tone::Busy => Style::new().fg(Color::LightBlue),
        // Chosen by who reads it, and said by its word.
        Tone::Hue(hue) => Style::new().fg(hue.color()).add_modifier(Modifier::BOLD),
        Tone::Warn => Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        Tone::Bad => Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED),
    }
}
