//! The log: as a screen of its own, and its lines for panes.

use crate::text::cut;

use super::super::log::LogLine;
use super::super::scene::Scene;
use super::super::show::time;
use super::line::{Block, Line, Pane, Tone};

/// One line of the log.
pub(super) fn line(scene: &Scene<'_>, line: &LogLine, width: usize) -> Line {
    let who = scene.show().name(&line.who, 8);
    let head = format!(" {} {who:<8} ", time(line.at));
    let room = width.saturating_sub(crate::text::cell_width(&head));
    Line::of(Tone::Dim, head).then(line.tone, cut(&scene.show().whole(&line.text), room))
}

/// The whole log, newest at the bottom.
pub(super) fn body(scene: &Scene<'_>, width: usize, height: usize) -> Vec<Block> {
    let lines: Vec<&LogLine> = scene.picture.log.iter().filter(|line| scene.log_passes(&line.text)).collect();
    let rows = height.saturating_sub(1);
    let back = scene.ui.cursor.line.min(lines.len().saturating_sub(rows));
    let end = lines.len() - back;
    let first = end.saturating_sub(rows);
    let title = if back == 0 {
        format!("log  {} lines, newest at the bottom", lines.len())
    } else {
        format!("log  {}-{end} of {} lines", first + 1, lines.len())
    };
    let shown = lines.get(first..end).unwrap_or_default();
    let shown: Vec<Line> = shown.iter().map(|entry| line(scene, entry, width)).collect();
    vec![Block::Pane(Pane::new(title, shown))]
}
