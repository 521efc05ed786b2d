//! What is copied: to the terminal's clipboard, and as plain text that can be marked by hand.

use crate::domain::blocker::Holder;
use crate::text::Untrusted;

use super::ability::Family;
use super::scene::Scene;
use super::ui_state::Screen;
use super::view_model::view_model;
use super::{Multiplexer, Theme, render};

/// Terminals refuse or cut longer clipboards than this, in bytes of base64.
const LONGEST: usize = 74_000;
/// Rows of the screen that a whole pane is drawn on to be copied.
const TALL: u16 = 400;
/// Rows above the body, and below it.
const AROUND: (usize, usize) = (3, 4);

/// The statement of the row under the cursor, or what comes closest to one. Safe for a terminal.
pub(super) fn row(scene: &Scene<'_>) -> Option<String> {
    let raw = match scene.screen_below_help() {
        Screen::Preflight => {
            let result = &scene.check()?.result;
            let said = || format!("{}: {} (wanted {})", result.title, result.found, result.wanted);
            result.evidence.query.clone().unwrap_or_else(said)
        }
        Screen::Steps => {
            let row = scene.step()?;
            format!("{} {}", row.number, row.step.title)
        }
        Screen::Builds | Screen::Plan | Screen::Verify => scene.entry()?.statement.clone(),
        Screen::Blockers => {
            let (_, blocker) = scene.holder()?;
            match &blocker.holder {
                Holder::Session { query: Some(query), .. } => query.clone(),
                Holder::Session { .. } | Holder::Prepared { .. } => blocker.line(),
            }
        }
        Screen::Log => scene.picture.log.iter().rfind(|line| scene.log_passes(&line.text))?.text.clone(),
        Screen::Help => return None,
    };
    let lines: Vec<String> =
        raw.lines().map(|line| Untrusted::from(line).display_safe(None).into()).collect();
    Some(lines.join("\n"))
}

/// All of the screen in view, rows that do not fit included. Safe for a terminal.
pub(super) fn pane(scene: &Scene<'_>) -> String {
    if scene.is_whole() {
        return super::twin::twin(scene).lines().join("\n");
    }
    let mut ui = scene.ui.clone();
    ui.panel = None;
    ui.prompt = None;
    ui.view.size = (ui.view.size.0.max(80), TALL);
    let tall = Scene { ui: &ui, ..*scene };
    let (buffer, _) = render::frame(&view_model(&tall), Theme::Mono);
    let mut lines: Vec<String> = Vec::new();
    for y in AROUND.0..usize::from(TALL) - AROUND.1 {
        let line = text_of(&buffer, u16::try_from(y).unwrap_or(u16::MAX));
        // Panes stand at the bottom of a screen: the gap above them is none here.
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

fn text_of(buffer: &ratatui::buffer::Buffer, y: u16) -> String {
    let mut line = String::new();
    let mut skip = 0;
    for x in 0..buffer.area.width {
        let symbol = buffer[(x, y)].symbol();
        if skip == 0 {
            line.push_str(symbol);
            skip = crate::text::cell_width(symbol).max(1);
        }
        skip -= 1;
    }
    line.trim_end().to_owned()
}

/// Everything that is written to the main screen for a safe text: the clipboard's sequence, the text, and the way back.
pub(super) fn aside(text: &str, family: Family, multiplexer: Multiplexer) -> String {
    let encoded = base64(text.as_bytes());
    let (clipboard, said) = if !family.takes_osc() {
        (String::new(), "this terminal has no clipboard: mark it by hand")
    } else if encoded.len() > LONGEST {
        (String::new(), "too long for a clipboard: mark it by hand")
    } else {
        (osc52(&encoded, multiplexer), "copied, if the terminal takes it (OSC 52)")
    };
    format!("{clipboard}\n{text}\n\n-- {said}. Any key goes back. --\n")
}

/// The sequence that sets a terminal's clipboard. tmux takes it for its own one when it may, and hands the wrapped one
/// on to the terminal when that is allowed: one of the two arrives.
fn osc52(encoded: &str, multiplexer: Multiplexer) -> String {
    let plain = format!("\x1b]52;c;{encoded}\x07");
    match multiplexer {
        Multiplexer::None => plain,
        Multiplexer::Tmux => format!("{plain}{}", wrapped(&plain, multiplexer)),
    }
}

/// A sequence that is meant for the terminal itself, as what sits before it hands it on.
pub(super) fn wrapped(sequence: &str, multiplexer: Multiplexer) -> String {
    match multiplexer {
        Multiplexer::None => sequence.to_owned(),
        Multiplexer::Tmux => format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")),
    }
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= chunk.len() {
                let sign = (bits >> (18 - 6 * place)) & 0x3f;
                out.push(char::from(SIGNS[sign as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("ÿ>?", "w78+Pw=="),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn the_clipboard_is_wrapped_for_tmux_and_the_text_stands_beside_it() {
        let text = aside("DROP INDEX i", Family::Xterm, Multiplexer::None);
        assert_eq!(text.matches('\x1b').count(), 1);
        assert!(text.starts_with("\x1b]52;c;RFJPUCBJTkRFWCBp\x07\nDROP INDEX i\n"), "{text:?}");
        let text = aside("DROP INDEX i", Family::Tmux, Multiplexer::Tmux);
        assert!(text.contains("\x1bPtmux;\x1b\x1b]52;c;RFJPUCBJTkRFWCBp\x07\x1b\\"), "{text:?}");
        let long = aside(&"x".repeat(60_000), Family::Xterm, Multiplexer::None);
        assert!(!long.contains('\x1b') && long.contains("by hand"));
        for family in [Family::Linux, Family::Vt100] {
            let text = aside("DROP INDEX i", family, Multiplexer::None);
            assert!(!text.contains('\x1b') && text.contains("DROP INDEX i"), "{text:?}");
        }
    }
}
