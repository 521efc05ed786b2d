//! A terminal too small for screens: one line that tells it all, then what there is room for.

use crate::text::cut;

use super::super::keymap::{Action, Way};
use super::super::scene::{Scene, step_word};
use super::super::show::time;
use super::footer;
use super::line::{Line, Tone};

/// As many lines as there is room for, the most telling first.
pub(super) fn lines(scene: &Scene<'_>, width: usize, height: usize) -> Vec<Line> {
    if let Some(panel) = &scene.ui.panel {
        return ask(scene, panel, height);
    }
    let status = footer::status(scene, width);
    let tally = scene.picture.run.tally();
    let step = scene
        .current()
        .map(|(step, record)| format!("{} {}", scene.step_number(&step.id), step_word(record).text()));
    let done = if tally.total > 0 { format!(" {}/{}", tally.verified, tally.total) } else { String::new() };
    let mut first = Line::of(super::bar::environment_tone(scene), super::bar::environment(scene))
        .then(Tone::Plain, format!(" {}{done} ", step.unwrap_or_default()));
    first = match footer::worst_blocker(scene) {
        Some((_, blocker)) => first.then(Tone::Warn, footer::holder_words(scene, &blocker.holder)),
        None => first.then(Tone::Dim, time(scene.now)),
    };
    let mut lines = vec![first, status];
    if let Some(message) = footer::message(scene) {
        lines.insert(1, message);
    }
    lines.push(super::bar::left(scene, width));
    lines.push(super::bar::right(scene, super::bar::Author::Named));
    lines.push(footer::sql(scene, width).0);
    let leave = scene.key(Action::Way(Way::Leave));
    lines.push(Line::of(Tone::Dim, format!(" 60x12 shows the screens. [{leave}] leave")));
    lines.truncate(height.max(1));
    for line in &mut lines {
        for span in &mut line.0 {
            span.text = cut(&span.text, width);
        }
    }
    lines
}

/// A panel that was opened here, or before the terminal shrank. Only the one that ends the run can be sent.
fn ask(scene: &Scene<'_>, panel: &super::super::panel::Panel, height: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    match panel.fields.get(panel.at) {
        Some(field) if panel.purpose == super::super::panel::Purpose::Abort => {
            lines.push(Line::of(Tone::Strong, "END THE RUN? [Esc] stays"));
            lines.push(Line::plain(field.label.clone()));
            lines.push(Line::plain(format!("> {}", scene.show().whole(&field.text))));
            lines.extend(panel.said.iter().map(|said| Line::of(Tone::Warn, said.clone())));
        }
        Some(field) if panel.purpose == super::super::panel::Purpose::Leave => {
            lines.push(Line::of(Tone::Strong, "LEAVE? [Esc] stays"));
            lines.push(Line::plain(field.label.clone()));
            lines.push(Line::plain(format!("> {}", scene.show().whole(&field.text))));
            lines.extend(panel.said.iter().map(|said| Line::of(Tone::Warn, said.clone())));
        }
        Some(_) | None => {
            lines.push(Line::of(Tone::Strong, "a panel is open: 60x12 is needed"));
            lines.push(Line::plain("[Esc] closes it"));
        }
    }
    lines.truncate(height.max(1));
    lines
}
