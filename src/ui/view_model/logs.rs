//! The log: as a screen of its own, and its lines for panes.

use crate::text::cut;

use super::super::log::LogLine;
use super::super::scene::Scene;
use super::super::show::wrap;
use super::line::{Block, Line, Pane, Tone};

/// One line of the log.
pub(super) fn line(scene: &Scene<'_>, line: &LogLine, width: usize) -> Line {
    let who = scene.show().name(&line.who, 8);
    let head = format!(" {} {who:<8} ", scene.time(line.at));
    let room = width.saturating_sub(crate::text::cell_width(&head));
    Line::of(Tone::Dim, head).then(line.tone, cut(&scene.show().whole(&line.text), room))
}

/// The same with nothing cut: what does not fit goes on below its beginning.
fn whole_line(scene: &Scene<'_>, line: &LogLine, width: usize) -> Vec<Line> {
    let who = scene.show().name(&line.who, 8);
    let head = format!(" {} {who:<8} ", scene.time(line.at));
    let indent = crate::text::cell_width(&head);
    let wrapped = wrap(&scene.show().whole(&line.text), width.saturating_sub(indent + 1).max(20));
    let first = |index: usize| if index == 0 { head.clone() } else { " ".repeat(indent) };
    let lines = wrapped.into_iter().enumerate();
    lines.map(|(index, text)| Line::of(Tone::Dim, first(index)).then(line.tone, text)).collect()
}

/// Every line of the log that passes the filter.
pub(in crate::ui) fn lines(scene: &Scene<'_>, width: usize) -> Vec<Line> {
    let passing = scene.picture.log.iter().filter(|line| scene.log_passes(&line.text));
    passing.flat_map(|line| whole_line(scene, line, width)).collect()
}

/// The whole log, newest at the bottom.
pub(super) fn body(scene: &Scene<'_>, width: usize, height: usize) -> Vec<Block> {
    let lines = lines(scene, width);
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
    vec![Block::Pane(Pane::new(title, shown.to_vec()))]
}
