//! The twin of a screen: the words of its view model as data. Plain lines and JSON are made of it, and so say the same.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::sample::Link;

use super::allowed::{allowed, level};
use super::scene::{STALE, Scene};
use super::ui_state::{Screen, WHOLE};
use super::view_model::line::{Block, Chosen, Line};
use super::view_model::{Active, Dialog, Full, Shape, Top, view_model};

/// Version of the twin's shape. Members may be added within one; readers pass over what they do not know.
const FORMAT: u32 = 1;

/// A screen as data: every row and nothing cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Twin {
    /// Which screen: as `cicerone show` names it.
    pub(super) screen: &'static str,
    /// [`FORMAT`].
    pub(super) format: u32,
    /// The moment that it shows.
    pub(super) at: jiff::Timestamp,
    /// Where, and how safe and fresh.
    pub(super) bar: Bar,
    /// Phases of the playbook, as the strip has them.
    pub(super) phases: String,
    /// What is worth knowing everywhere: time, what is left, the way back, who has the run in hand.
    pub(super) glance: Vec<String>,
    /// What is so.
    pub(super) status: Status,
    /// What the console has to say about the last key or answer.
    pub(super) message: Option<String>,
    /// The last statement that changed something, or was to.
    pub(super) last_statement: Statement,
    /// Above the table: what it is of, and its counts.
    pub(super) heading: Option<String>,
    /// Its rows.
    pub(super) table: Option<Table>,
    /// What stands below the table.
    pub(super) panes: Vec<Pane>,
    /// An open panel.
    pub(super) panel: Option<Panel>,
    /// Every key of this screen, in the order of the help.
    pub(super) keys: Vec<KeyTwin>,
    /// What no screen would have to say: that something could not be read.
    pub(super) notes: Vec<String>,
}

/// The line at the top.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Bar {
    /// Its left part: environment, address, database, standing, version.
    pub(super) target: String,
    /// Its right part: safety, clock, age.
    pub(super) state: String,
    /// The environment word.
    pub(super) environment: String,
    /// The database, once it is known.
    pub(super) database: Option<String>,
    /// Whether removing, waiving and signing are possible.
    pub(super) safety: &'static str,
    /// Whether the picture is one to act on.
    pub(super) freshness: &'static str,
    /// Age of the newest readings in milliseconds.
    pub(super) age_ms: Option<u64>,
}

/// The line above the last statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Status {
    /// The state word.
    pub(super) word: String,
    /// What is so.
    pub(super) text: String,
}

/// The last statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Statement {
    /// With its time.
    pub(super) text: String,
    /// How it goes or went; empty before there is one.
    pub(super) end: String,
}

/// Rows and columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Table {
    /// Titles in order. The first one names the row.
    pub(super) columns: Vec<&'static str>,
    /// All rows.
    pub(super) rows: Vec<Row>,
    /// What is said when there is none.
    pub(super) empty: Option<String>,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    /// The state word.
    pub(super) state: &'static str,
    /// Whether the cursor is on it.
    pub(super) cursor: bool,
    /// By the title of their column.
    pub(super) cells: BTreeMap<&'static str, String>,
}

/// A titled group of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Pane {
    /// Its title.
    pub(super) title: String,
    /// Its lines.
    pub(super) lines: Vec<String>,
}

/// An open panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Panel {
    /// What would happen.
    pub(super) title: String,
    /// Where.
    pub(super) target: String,
    /// What exactly.
    pub(super) lines: Vec<String>,
    /// What to type.
    pub(super) fields: Vec<Field>,
}

/// A field of a panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Field {
    /// What it asks for.
    pub(super) label: String,
    /// What was typed.
    pub(super) text: String,
    /// What is missing.
    pub(super) said: String,
    /// Whether it is the one that takes what is typed.
    pub(super) active: bool,
}

/// A key and what it does here and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct KeyTwin {
    /// How it is written.
    pub(super) key: String,
    /// What it does.
    pub(super) what: &'static str,
    /// How it is asked for: look, hold, go or armed.
    pub(super) level: &'static str,
    /// Why it cannot act now; none when it can.
    pub(super) disabled: Option<String>,
}

/// The twin of what the operator sees. The scene must have the size [`WHOLE`]: anything else cuts.
pub(super) fn twin(scene: &Scene<'_>) -> Twin {
    let model = view_model(scene);
    let full = match model.shape {
        Shape::Full(full) => *full,
        Shape::Small(lines) => return small(scene, &lines),
    };
    let Full { bar: (target, state), strip, top, body, message, sql, dialog, status, .. } = full;
    let mut twin = empty(scene);
    twin.bar.target = text(&target);
    twin.bar.state = text(&state);
    twin.phases = text(&strip);
    if let Top::Ruled(glance) = top {
        twin.glance = glance.iter().map(text).collect();
    }
    twin.status = status_of(&status);
    twin.message = message.as_ref().map(text);
    twin.last_statement = Statement { text: text(&sql.0), end: text(&sql.1) };
    twin.panel = dialog.map(panel);
    for block in body {
        match block {
            Block::Gap => {}
            Block::Heading(left, right) => {
                let (left, right) = (text(&left), text(&right));
                twin.heading = Some(if right.is_empty() { left } else { format!("{left}   {right}") });
            }
            Block::Table(table) => twin.table = Some(of_table(table)),
            Block::Pane(pane) => twin.panes.push(Pane {
                title: pane.title.trim().to_owned(),
                lines: pane.lines.iter().map(text).filter(|line| !line.is_empty()).collect(),
            }),
        }
    }
    twin
}

/// Everything that is not in the view model.
fn empty(scene: &Scene<'_>) -> Twin {
    let screen = scene.screen();
    let show = scene.show();
    let age = scene.data_age();
    let freshness = match (&scene.samples.link, age) {
        _ if scene.ui.freeze.is_some() => "frozen",
        _ if scene.picture.over() => "ended",
        (Link::Lost { .. }, _) => "lost",
        (Link::Connecting | Link::Up, None) => "none",
        (_, Some(age)) if age > STALE => "stale",
        (_, Some(_)) => "fresh",
    };
    let keys =
        scene.options.keys.bindings().iter().filter(|binding| binding.on(screen)).map(|binding| KeyTwin {
            key: binding.shown.to_string(),
            what: binding.what,
            level: level(binding.action, scene).words(),
            disabled: allowed(binding.action, scene).err().map(|why| show.whole(&why)),
        });
    Twin {
        screen: screen.name(),
        format: FORMAT,
        at: scene.now,
        bar: Bar {
            target: String::new(),
            state: String::new(),
            environment: show.whole(&scene.environment().word()),
            database: scene.database().map(|name| show.whole(name)),
            safety: if scene.ui.arm.left(scene.now).is_some() { "ARMED" } else { "SAFE" },
            freshness,
            age_ms: age.map(|age| age.0),
        },
        phases: String::new(),
        glance: Vec::new(),
        status: Status { word: String::new(), text: String::new() },
        message: None,
        last_statement: Statement { text: String::new(), end: String::new() },
        heading: None,
        table: None,
        panes: Vec::new(),
        panel: None,
        keys: keys.collect(),
        notes: Vec::new(),
    }
}

/// Of a screen that is too small for its parts: its lines.
fn small(scene: &Scene<'_>, lines: &[Line]) -> Twin {
    let pane = Pane { title: String::new(), lines: lines.iter().map(text).collect() };
    Twin { panes: vec![pane], ..empty(scene) }
}

fn text(line: &Line) -> String {
    line.text().trim().to_owned()
}

/// The first piece with anything in it is the state word.
fn status_of(line: &Line) -> Status {
    let mut pieces = line.0.iter().skip_while(|span| span.text.trim().is_empty());
    let word = pieces.next().map(|span| span.text.trim().to_owned()).unwrap_or_default();
    let text: String = pieces.map(|span| span.text.as_str()).collect();
    Status { word, text: text.trim().to_owned() }
}

fn of_table(table: super::view_model::line::Table) -> Table {
    // A column that needs no title on a screen has one here: cells are found by it.
    let columns: Vec<&'static str> = table
        .columns
        .iter()
        .map(|column| if column.title.is_empty() { "TITLE" } else { column.title })
        .collect();
    let rows: Vec<Row> = table
        .rows
        .into_iter()
        .map(|row| Row {
            state: row.word.text(),
            cursor: row.chosen == Chosen::Yes,
            cells: columns.iter().copied().zip(row.cells.iter().map(|cell| cell.trim().to_owned())).collect(),
        })
        .collect();
    Table { empty: rows.is_empty().then_some(table.empty), columns, rows }
}

fn panel(dialog: Dialog) -> Panel {
    let fields = dialog.fields.into_iter().map(|field| Field {
        label: field.label,
        text: field.text,
        said: field.said,
        active: field.active == Active::Yes,
    });
    Panel {
        title: dialog.title,
        target: dialog.target,
        lines: dialog.lines.iter().map(text).collect(),
        fields: fields.collect(),
    }
}

impl Twin {
    /// The same as lines: one fact each, no cursor movement, no bars, no rules. Safe for a terminal.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("screen {}", self.screen)];
        lines.extend(self.notes.iter().map(|note| format!("note {note}")));
        lines.push(format!("target {}", self.bar.target));
        lines.push(format!("state {}", self.bar.state));
        lines.push(format!("phases {}", self.phases));
        lines.extend(self.glance.iter().map(|text| format!("run {text}")));
        lines.push(self.status.line());
        lines.extend(self.message.iter().map(|text| format!("message {text}")));
        lines.push(self.last_statement.line());
        lines.extend(self.heading.clone());
        if let Some(table) = &self.table {
            lines.push(format!("columns STATE; {}", table.columns.join("; ")));
            lines.extend(table.empty.clone());
            lines.extend((1..).zip(&table.rows).map(|(number, row)| table.line(number, row)));
        }
        lines.extend(self.panes.iter().flat_map(Pane::lines));
        lines.extend(self.panel.iter().flat_map(Panel::lines));
        lines
    }
}

impl Status {
    pub(super) fn line(&self) -> String {
        format!("{}  {}", self.word, self.text)
    }
}

impl Statement {
    pub(super) fn line(&self) -> String {
        format!("{}   {}", self.text, self.end).trim_end().to_owned()
    }
}

impl Table {
    /// A row with the number that it is chosen by. Cells without anything to say are left out.
    pub(super) fn line(&self, number: usize, row: &Row) -> String {
        let cursor = if row.cursor { ", cursor" } else { "" };
        format!("row {number}{cursor}: {}", self.words(row))
    }

    /// State, name, and whatever else there is, by column.
    pub(super) fn words(&self, row: &Row) -> String {
        let mut cells = self.columns.iter().filter_map(|title| Some((*title, row.cells.get(title)?)));
        let name = cells.next().map(|(_, name)| name.as_str()).unwrap_or_default();
        let mut words = vec![format!("{}  {name}", row.state)];
        words.extend(
            cells
                .filter(|(_, cell)| !cell.is_empty() && *cell != "-")
                .map(|(title, cell)| format!("{title} {cell}")),
        );
        words.join("; ")
    }
}

impl Pane {
    pub(super) fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let title = (!self.title.is_empty()).then(|| format!("pane {}", self.title));
        title.into_iter().chain(self.lines.iter().cloned())
    }
}

impl Panel {
    pub(super) fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let head = [format!("panel {}", self.title), format!("on {}", self.target)];
        let fields = self.fields.iter().enumerate().map(|(index, field)| {
            let text = if field.text.is_empty() { String::new() } else { format!("; typed: {}", field.text) };
            let said = if field.said.is_empty() { String::new() } else { format!("; {}", field.said) };
            format!("field {} of {}: {}{text}{said}", index + 1, self.fields.len(), field.label)
        });
        head.into_iter().chain(self.lines.iter().cloned()).chain(fields)
    }
}

impl super::console::Console {
    /// Shows this and nothing below it.
    pub(super) fn look_only_at(&mut self, screen: Screen) {
        self.ui.look = vec![super::ui_state::Look::At(screen)];
    }
}

/// A twin without a console: what a journal says, and the newest readings where there are some.
pub fn of_journal(sight: Sight<'_>) -> Twin {
    let mut options = sight.options;
    // Whatever is read from it later is read by programs and by people with any terminal.
    options.theme = super::Theme::Mono;
    let mut console = super::console::Console::new(sight.operator, options);
    console.resize(WHOLE);
    for event in sight.events {
        console.inbound(super::Inbound::Event(event.clone()), sight.now);
    }
    console.read(sight.samples, sight.now);
    console.look_only_at(sight.screen);
    let mut twin = twin(&console.scene(sight.now));
    twin.notes = sight.notes;
    twin
}

/// What is to be shown, and of what.
#[derive(Debug)]
pub struct Sight<'a> {
    /// The run's events from the first one on.
    pub events: &'a [crate::domain::event::Event],
    /// The newest readings.
    pub samples: crate::domain::sample::Samples,
    /// The screen.
    pub screen: Screen,
    /// Whoever asks.
    pub operator: crate::domain::id::Person,
    /// Characters, zone, and first words.
    pub options: super::UiOptions,
    /// The moment.
    pub now: jiff::Timestamp,
    /// What is to be said besides.
    pub notes: Vec<String>,
}

#[cfg(test)]
#[path = "twin_tests.rs"]
mod tests;
