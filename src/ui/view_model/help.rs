//! Help for a screen, made from the keymap: what each key does, and why one cannot act now.

use crate::text::{cell_width, fit_left};

use super::super::allowed::{allowed, level};
use super::super::command_line::COMMANDS;
use super::super::scene::Scene;
use super::super::ui_state::Screen;
use super::line::{Block, Line, Pane, Tone};

/// Cells of the column of keys.
const KEY_CELLS: usize = 9;
const LEVELS: [&str; 2] = [
    "  look   one key, at any time          hold   one key, at once, shown in the log",
    "  go     a panel; type the word        armed  :arm, then a panel; type the name",
];

/// The help screen.
pub(super) fn body(scene: &Scene<'_>, width: usize, height: usize) -> Vec<Block> {
    let screen = scene.screen_below_help();
    // How a level is asked for comes first: whoever looks for it may not know that there is more below.
    let mut lines: Vec<Line> = LEVELS.iter().map(|text| Line::of(Tone::Plain, *text)).collect();
    lines.push(Line::of(Tone::Strong, "  KEY       LEVEL  WHAT"));
    for binding in scene.options.keys.bindings().iter().filter(|binding| binding.on(screen)) {
        let able = allowed(binding.action, scene);
        let tone = if able.is_ok() { Tone::Plain } else { Tone::Dim };
        let mut shown = &*binding.shown;
        if cell_width(shown) > KEY_CELLS {
            // Keys of ones own may be many: they stand above what they do, and nothing is cut.
            lines.push(Line::of(tone, format!("  {shown}")));
            shown = "";
        }
        let text = format!(
            "  {} {} {}",
            fit_left(shown, KEY_CELLS),
            fit_left(level(binding.action, scene).words(), 6),
            binding.what
        );
        lines.push(Line::of(tone, text));
        if let Err(why) = able {
            let why = scene.show().whole(&format!("not now: {why}"));
            lines.extend(
                super::super::show::wrap(&why, width.saturating_sub(20))
                    .into_iter()
                    .map(|line| Line::of(Tone::Warn, format!("                   {line}"))),
            );
        }
    }
    lines.push(Line::default());
    for (command, what) in COMMANDS {
        let text = format!("{} {what}", fit_left(&format!(":{command}"), 10));
        let wrapped = super::super::show::wrap(&text, width.saturating_sub(3));
        lines.extend(wrapped.into_iter().map(|line| Line::of(Tone::Plain, format!("  {line}"))));
    }
    let rows = height.saturating_sub(1);
    let skip = scene.ui.cursor.line.min(lines.len().saturating_sub(rows));
    let more = if lines.len() > rows {
        let keys = super::scroll_keys(scene);
        format!("  {}-{} of {}  ({keys} scroll, Esc back)", skip + 1, skip + rows, lines.len())
    } else {
        "  (Esc back)".to_owned()
    };
    let title = format!("keys of {}{more}", name(screen));
    vec![Block::Pane(Pane::new(title, lines.into_iter().skip(skip).take(rows).collect()))]
}

fn name(screen: Screen) -> &'static str {
    match screen {
        Screen::Preflight => "the pre-flight",
        Screen::Plan => "the plan",
        Screen::Steps => "the playbook",
        Screen::Builds => "the builds",
        Screen::Blockers => "the blockers",
        Screen::Verify => "the verification",
        Screen::Log => "the log",
        Screen::Help => "this help",
    }
}
