//! State, readings and the console's own state become plain text. Pure.
//!
//! Everything that comes from outside is made safe here; drawing only places what it is given.

mod bar;
mod blockers;
mod build_detail;
mod builds;
mod dialog;
mod footer;
mod glance;
mod help;
pub(in crate::ui) mod line;
mod logs;
mod plan;
mod preflight;
mod server;
mod small;
mod stack;
mod steps;
mod verify;

use super::Charset;
use super::keymap::{Action, Motion};
use super::scene::Scene;
use super::ui_state::{Prompt, Screen};
use line::{Block, Line, Tone};

pub(in crate::ui) use dialog::{Active, Dialog};
pub(in crate::ui) use logs::lines as log_lines;

/// A whole frame as text.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ui) struct ViewModel {
    /// Cells and rows.
    pub(in crate::ui) size: (u16, u16),
    /// Characters for lines and bars.
    pub(in crate::ui) charset: Charset,
    /// What is shown.
    pub(in crate::ui) shape: Shape,
}

/// What is shown at a size.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ui) enum Shape {
    /// Everything.
    Full(Box<Full>),
    /// One line that tells it all, and more lines while there is room.
    Small(Vec<Line>),
}

/// A frame with all its parts.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ui) struct Full {
    /// Target at the left; safety, clock and age at the right.
    pub(in crate::ui) bar: (Line, Line),
    /// Phases.
    pub(in crate::ui) strip: Line,
    /// In the rule below the strip.
    pub(in crate::ui) top: Top,
    /// The screen.
    pub(in crate::ui) body: Vec<Block>,
    /// In the rule above the footer.
    pub(in crate::ui) message: Option<Line>,
    /// What is so.
    pub(in crate::ui) status: Line,
    /// The last statement that changed something.
    pub(in crate::ui) sql: (Line, Line),
    /// Keys, or the line being typed.
    pub(in crate::ui) bottom: Bottom,
    /// An open panel.
    pub(in crate::ui) dialog: Option<Dialog>,
}

/// The rule below the strip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) enum Top {
    /// With what is worth knowing everywhere in it.
    Ruled(Vec<Line>),
    /// There is no room for it.
    Plain,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) enum Bottom {
    /// Keys that are worth knowing here.
    Hints(Line),
    /// A prompt and what was typed.
    Prompt(char, String),
}

/// Below this many rows there is no rule under the strip.
const RULED_FROM: u16 = 16;
/// Below this the screen is one line.
pub(in crate::ui) const LEAST_FULL: (u16, u16) = (60, 12);

/// The frame of a moment.
pub(in crate::ui) fn view_model(scene: &Scene<'_>) -> ViewModel {
    let size @ (width, height) = scene.ui.view.size;
    let shape = if width < LEAST_FULL.0 || height < LEAST_FULL.1 {
        Shape::Small(small::lines(scene, usize::from(width), usize::from(height)))
    } else {
        Shape::Full(Box::new(full(scene, usize::from(width), height)))
    };
    ViewModel { size, charset: scene.options.charset, shape }
}

fn full(scene: &Scene<'_>, width: usize, height: u16) -> Full {
    let (top, outside) =
        if height >= RULED_FROM { (Top::Ruled(glance::glance(scene, width)), 7) } else { (Top::Plain, 6) };
    let bottom = match &scene.ui.prompt {
        Some(Prompt::Command(text, _)) => Bottom::Prompt(':', scene.show().whole(text)),
        Some(Prompt::Filter(text)) => Bottom::Prompt('/', scene.show().whole(text)),
        None => Bottom::Hints(footer::hints(scene, width)),
    };
    let body_height = usize::from(height) - outside;
    Full {
        bar: bar::bar(scene, width),
        strip: bar::strip(scene, width),
        top,
        body: body(scene, width, body_height),
        message: footer::message(scene),
        status: footer::status(scene, width),
        sql: footer::sql(scene, width),
        bottom,
        dialog: scene.ui.panel.as_ref().map(|panel| dialog::dialog(panel, scene, width, usize::from(height))),
    }
}

fn body(scene: &Scene<'_>, width: usize, height: usize) -> Vec<Block> {
    match scene.screen() {
        Screen::Preflight => preflight::body(scene, width, height),
        Screen::Plan => plan::body(scene, width, height),
        Screen::Steps => steps::body(scene, width, height),
        Screen::Builds => builds::body(scene, width, height),
        Screen::Blockers => blockers::body(scene, width, height),
        Screen::Verify => verify::body(scene, width, height),
        Screen::Log => logs::body(scene, width, height),
        Screen::Help => help::body(scene, width, height),
    }
}

/// Lines of the log below a screen that has room for all of it: the log has a screen of its own.
const LOG_LINES: usize = 60;
/// From this width on, columns are added.
const WIDE: usize = 100;

/// From this width on, panes stand side by side.
const VERY_WIDE: usize = 160;

/// Two columns of lines: the left one is cut at `room` cells.
fn side_by_side(scene: &Scene<'_>, left: Vec<Line>, room: usize, right: Vec<Line>) -> Vec<Line> {
    if right.is_empty() {
        return left;
    }
    let bar = match scene.options.charset {
        Charset::Ascii => "|",
        Charset::Unicode => "│",
    };
    let rows = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    (0..rows)
        .map(|_| {
            let mut line = left.next().unwrap_or_default().cut(room.saturating_sub(2));
            let blank = room.saturating_sub(2 + line.width());
            line = line.then(Tone::Plain, " ".repeat(blank)).then(Tone::Dim, format!("{bar} "));
            line.0.extend(right.next().unwrap_or_default().0);
            line
        })
        .collect()
}

/// How many entries the filter leaves: the counts beside it are of all.
fn matches(scene: &Scene<'_>) -> Line {
    if scene.ui.filter.is_empty() {
        return Line::default();
    }
    let all = scene.picture.run.plan.as_ref().map_or(0, |plan| plan.items.len());
    Line::of(Tone::Warn, format!("filter: {} of {all} ", scene.entries().len()))
}

/// Detail lines from the line that the operator scrolled to.
fn scrolled(scene: &Scene<'_>, lines: Vec<Line>) -> Vec<Line> {
    if scene.ui.focus == super::ui_state::Focus::List || scene.is_whole() {
        return lines;
    }
    let skip = scene.ui.cursor.line.min(lines.len().saturating_sub(1));
    lines.into_iter().skip(skip).collect()
}

/// Title of a pane that takes the movement keys now, or not.
fn pane_title(scene: &Scene<'_>, title: String) -> String {
    match scene.ui.focus {
        super::ui_state::Focus::List => title,
        super::ui_state::Focus::Detail => format!("{title}  ({} scroll, Esc back)", scroll_keys(scene)),
    }
}

/// The keys that move by a line, as in `j/k`.
fn scroll_keys(scene: &Scene<'_>) -> String {
    let key = |motion| scene.key(Action::Move(motion));
    format!("{}/{}", key(Motion::Down), key(Motion::Up))
}

/// A paragraph as lines of one tone, indented by one cell.
fn paragraph(tone: Tone, text: &str, width: usize) -> Vec<Line> {
    let wrapped = super::show::wrap(text, width.saturating_sub(2).max(10));
    wrapped.into_iter().map(|line| Line::of(tone, format!(" {line}"))).collect()
}

/// The newest lines of the log for a pane, oldest first.
fn log_pane(scene: &Scene<'_>, width: usize, most: usize) -> stack::Wish {
    let log = &scene.picture.log;
    let most = if scene.is_whole() { LOG_LINES } else { most };
    let skip = log.len().saturating_sub(most);
    let lines = log.iter().skip(skip).map(|line| logs::line(scene, line, width)).collect();
    stack::Wish::tail("log", lines)
}
