//! What is said: each change once, in the words of the screen. A clock that goes on is no change.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde::Serialize;

use crate::domain::blocker::Bites;
use crate::domain::id::{CheckId, EntryKey, StepId};
use crate::domain::unit::Millis;

use super::super::Form;
use super::super::scene::{Scene, holder_key};
use super::super::show::time;
use super::super::twin::{Pane, Panel, Statement, Status, Table, Twin, twin};
use super::super::ui_state::{HolderKey, Screen};
use super::super::view_model::line::Word;
use super::typed::Show;

/// Progress is said again after so much more of it,
const PROGRESS_STEP: u8 = 10;
/// or after so long.
const PROGRESS_PACE: Millis = Millis(30_000);
/// The pane whose lines are said when they come.
const LOG: &str = "log";

/// Panes that are about no row.
const COMMON: [&str; 5] = [LOG, "server", "needs", "result", "plan"];

/// A row by what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::ui) enum RowKey {
    /// Of the pre-flight.
    Check(CheckId),
    /// Of the playbook.
    Step(StepId),
    /// Of builds and verification.
    Entry(EntryKey),
    /// Of the blockers: whose build, and who.
    Holder(EntryKey, HolderKey),
}

/// Something that is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said {
    /// The first line of JSON.
    Version { format: u32, cicerone: &'static str },
    /// All of a screen.
    Screen { twin: Box<Twin> },
    /// The run has come to another screen.
    Comes { screen: &'static str, heading: Option<String> },
    /// Safety, clock and age.
    Bar { target: String, state: String },
    /// Phases.
    Phases { text: String },
    /// One of the things that are worth knowing everywhere.
    Glance { text: String },
    /// What is so.
    Status(Status),
    /// The last statement that changed something.
    Statement(Statement),
    /// A row that is another one now.
    Row {
        screen: &'static str,
        number: Option<usize>,
        state: &'static str,
        cells: BTreeMap<&'static str, String>,
        #[serde(skip)]
        words: String,
    },
    /// How far a build is.
    Progress { index: String, done: String, left: String },
    /// A line of the log.
    Log { logged_at: jiff::Timestamp, text: String },
    /// Somebody holds something of ours up now, besides whom the status names.
    Blocker { text: String },
    /// Somebody does no more.
    BlockerGone { text: String },
    /// What the console says about the last line or answer.
    Message { text: String },
    /// An open panel.
    Panel(Panel),
    /// What an open panel says by now: lines that it did not say before.
    PanelNow { lines: Vec<String> },
    /// Detail that was asked for.
    Pane(Pane),
    /// Text to be copied.
    Copy { text: String },
    /// About typing itself.
    Note { text: String },
}

impl Said {
    /// As lines for a person, each with its time.
    pub(super) fn lines(&self, now: jiff::Timestamp) -> Vec<String> {
        let at = time(now);
        let one = |text: String| vec![format!("{at} {text}")];
        let all = |lines: Vec<String>| lines.into_iter().map(|line| format!("{at} {line}")).collect();
        match self {
            Self::Version { cicerone, .. } => one(format!("cicerone {cicerone}")),
            Self::Screen { twin } => all(without_log(twin).lines()),
            Self::Comes { screen, heading } => {
                one(format!("screen {screen}  {}", heading.as_deref().unwrap_or_default())
                    .trim_end()
                    .to_owned())
            }
            Self::Bar { target, state } => one(format!("state {state}  {target}")),
            Self::Phases { text } => one(format!("phases {text}")),
            Self::Glance { text } => one(format!("run {text}")),
            Self::Status(status) => one(status.line()),
            Self::Statement(statement) => one(statement.line()),
            Self::Row { number: Some(number), words, .. } => one(format!("row {number}: {words}")),
            Self::Row { number: None, words, .. } => one(format!("row: {words}")),
            Self::Progress { index, done, left } => one(format!("{index}: DONE {done}; LEFT {left}")),
            // It has its own time.
            Self::Log { text, .. } => vec![text.clone()],
            Self::Blocker { text } => one(format!("WAIT  {text}")),
            Self::BlockerGone { text } => one(format!("no more: {text}")),
            Self::Message { text } | Self::Note { text } => one(text.clone()),
            Self::Panel(panel) => {
                let hint = "type what the field asks for; esc or . leaves all as it is";
                all(panel.lines().chain([hint.to_owned()]).collect())
            }
            Self::PanelNow { lines } => all(lines.clone()),
            Self::Pane(pane) => all(pane.lines().collect()),
            Self::Copy { text } => text.lines().map(ToOwned::to_owned).collect(),
        }
    }

    /// As one line of JSON in ASCII.
    pub(super) fn json(&self, now: jiff::Timestamp) -> String {
        #[derive(Serialize)]
        struct Dated<'a> {
            t: jiff::Timestamp,
            #[serde(flatten)]
            said: &'a Said,
        }
        // Nothing here is a map with keys that are no text: it cannot fail.
        let text = serde_json::to_string(&Dated { t: now, said: self }).unwrap_or_default();
        let mut ascii = String::with_capacity(text.len() + 1);
        for char in text.chars() {
            if char.is_ascii() && char != '\u{7f}' {
                ascii.push(char);
            } else {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    // Into a string: cannot fail.
                    let _ = write!(ascii, "\\u{unit:04x}");
                }
            }
        }
        ascii.push('\n');
        ascii
    }
}

fn without_log(twin: &Twin) -> Twin {
    let mut twin = twin.clone();
    if twin.screen != LOG {
        twin.panes.retain(|pane| pane.title != LOG);
    }
    twin
}

/// What was said so far.
#[derive(Debug)]
pub(super) struct Teller {
    waiting: Vec<Said>,
    asked: Show,
    hurry: Hurry,
    /// Before everything so far was told, only how it stands is said.
    caught_up: CaughtUp,
    logged: u64,
    screen: Option<Screen>,
    bar: String,
    phases: String,
    glance: Vec<String>,
    status: String,
    statement: String,
    message: Option<jiff::Timestamp>,
    rows: HashMap<RowKey, String>,
    progress: HashMap<RowKey, (u8, jiff::Timestamp)>,
    blockers: BTreeMap<String, String>,
    panel: Option<Vec<String>>,
    numbered: Vec<RowKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hurry {
    No,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CaughtUp {
    NotYet,
    Now,
    Yes,
}

impl Teller {
    pub(super) fn new(form: Form) -> Self {
        let waiting = match form {
            Form::Json => vec![Said::Version { format: 1, cicerone: env!("CARGO_PKG_VERSION") }],
            Form::Lines | Form::Screen => Vec::new(),
        };
        Self {
            waiting,
            asked: Show::Changes,
            hurry: Hurry::No,
            caught_up: CaughtUp::NotYet,
            logged: 0,
            screen: None,
            bar: String::new(),
            phases: String::new(),
            glance: Vec::new(),
            status: String::new(),
            statement: String::new(),
            message: None,
            rows: HashMap::new(),
            progress: HashMap::new(),
            blockers: BTreeMap::new(),
            panel: None,
            numbered: Vec::new(),
        }
    }

    /// Says something about typing.
    pub(super) fn note(&mut self, text: &str) {
        self.waiting.push(Said::Note { text: text.to_owned() });
    }

    /// Says a text that is to be copied.
    pub(super) fn copy(&mut self, text: &str) {
        self.waiting.push(Said::Copy { text: text.to_owned() });
    }

    /// What is to be said next time besides changes.
    pub(super) fn ask(&mut self, show: Show) {
        self.asked = self.asked.max(show);
    }

    /// Something happened: it is not left for the next second.
    pub(super) fn hurry(&mut self) {
        self.hurry = Hurry::Yes;
    }

    /// Whether something happened.
    pub(super) fn is_hurried(&self) -> bool {
        self.hurry == Hurry::Yes
    }

    /// Everything so far was told to this console.
    pub(super) fn catch_up(&mut self) {
        if self.caught_up == CaughtUp::NotYet {
            self.caught_up = CaughtUp::Now;
        }
    }

    /// Rows by the numbers that were said last.
    pub(super) fn numbered(&self) -> &[RowKey] {
        &self.numbered
    }

    /// Whether an open panel was said.
    pub(super) fn has_told_panel(&self) -> bool {
        self.panel.is_some()
    }

    /// An open panel is said anew.
    pub(super) fn forget_panel(&mut self) {
        self.panel = None;
    }

    /// What there is to say of this moment.
    pub(super) fn tell(&mut self, scene: &Scene<'_>) -> Vec<Said> {
        self.hurry = Hurry::No;
        let asked = std::mem::replace(&mut self.asked, Show::Changes);
        let twin = twin(scene);
        let keys = row_keys(scene);
        let mut said = std::mem::take(&mut self.waiting);
        if self.caught_up == CaughtUp::Now {
            self.caught_up = CaughtUp::Yes;
            self.logged = scene.picture.said;
            said.push(self.whole(scene, &twin, &keys));
            return said;
        }
        if self.caught_up == CaughtUp::Yes {
            self.log(scene, &twin, &mut said);
        }
        self.message(scene, &twin, &mut said);
        if asked == Show::Screen {
            said.push(self.whole(scene, &twin, &keys));
            return said;
        }
        if self.caught_up == CaughtUp::Yes {
            self.surroundings(&twin, &mut said);
            self.table(scene, &twin, &keys, &mut said);
            self.held_up(scene, &twin, &mut said);
        }
        self.standing(&twin, asked, &mut said);
        if asked == Show::Row {
            self.row_in_hand(&twin, &keys, &mut said);
        }
        self.panel(&twin, &mut said);
        said
    }

    /// All of the screen: what comes after is told from here.
    fn whole(&mut self, scene: &Scene<'_>, twin: &Twin, keys: &[RowKey]) -> Said {
        let mut silent = Vec::new();
        self.screen = Some(scene.screen());
        self.numbered = keys.to_vec();
        self.rows.clear();
        self.surroundings(twin, &mut silent);
        self.table(scene, twin, keys, &mut silent);
        self.held_up(scene, twin, &mut silent);
        self.standing(twin, Show::Changes, &mut silent);
        self.message = scene.ui.message.as_ref().map(|message| message.at);
        self.panel = twin.panel.as_ref().map(panel_lines);
        Said::Screen { twin: Box::new(twin.clone()) }
    }

    /// Lines of the log that are new.
    fn log(&mut self, scene: &Scene<'_>, twin: &Twin, said: &mut Vec<Said>) {
        let log = &scene.picture.log;
        let new = usize::try_from(scene.picture.said.saturating_sub(self.logged)).unwrap_or(usize::MAX);
        self.logged = self.logged.max(scene.picture.said);
        let from = log.len().saturating_sub(new);
        for line in log.iter().skip(from) {
            // What the console says to whoever typed is said as that.
            let text = scene.show().whole(&line.text);
            if line.who == "console" && twin.message.as_ref() == Some(&text) {
                continue;
            }
            let text = format!("{} {}  {text}", scene.time(line.at), scene.show().whole(&line.who));
            said.push(Said::Log { logged_at: line.at, text });
        }
    }

    fn message(&mut self, scene: &Scene<'_>, twin: &Twin, said: &mut Vec<Said>) {
        let at = scene.ui.message.as_ref().map(|message| message.at);
        if at != self.message {
            said.extend(twin.message.clone().map(|text| Said::Message { text }));
            self.message = at;
        }
    }

    /// Bar, phases, and what is worth knowing everywhere.
    fn surroundings(&mut self, twin: &Twin, said: &mut Vec<Said>) {
        // An age that grows is no news until it is too old: then there is a word for it.
        let bar = without_numbers(&twin.bar.state).replace("#s", "").replace(" -", "").trim().to_owned();
        if bar != self.bar {
            self.bar = bar;
            said.push(Said::Bar { target: twin.bar.target.clone(), state: twin.bar.state.clone() });
        }
        let phases = without_numbers(&twin.phases);
        if phases != self.phases {
            self.phases = phases;
            said.push(Said::Phases { text: twin.phases.clone() });
        }
        let glance: Vec<String> = twin.glance.iter().map(|text| without_amounts(text)).collect();
        for (text, now) in twin.glance.iter().zip(&glance) {
            if !self.glance.contains(now) {
                said.push(Said::Glance { text: text.clone() });
            }
        }
        self.glance = glance;
    }

    /// Status and last statement.
    fn standing(&mut self, twin: &Twin, asked: Show, said: &mut Vec<Said>) {
        let all = asked == Show::Standing;
        if all {
            said.push(Said::Bar { target: twin.bar.target.clone(), state: twin.bar.state.clone() });
            said.push(Said::Phases { text: twin.phases.clone() });
            said.extend(twin.glance.iter().map(|text| Said::Glance { text: text.clone() }));
        }
        if twin.last_statement.text != self.statement || all {
            let first = self.statement.is_empty() && !all;
            self.statement.clone_from(&twin.last_statement.text);
            if !first {
                said.push(Said::Statement(twin.last_statement.clone()));
            }
        }
        let status = if twin.status.word == Word::Run.text() {
            // How many are at work changes with every build, and their rows say so.
            format!("{} {}", twin.status.word, without_numbers(&twin.status.text).replace("builds", "build"))
        } else {
            format!("{} {}", twin.status.word, without_clocks(&twin.status.text))
        };
        if status != self.status || all {
            self.status = status;
            said.push(Said::Status(twin.status.clone()));
        }
    }

    /// Rows of the screen in view whose state is another one.
    fn table(&mut self, scene: &Scene<'_>, twin: &Twin, keys: &[RowKey], said: &mut Vec<Said>) {
        let screen = scene.screen();
        let comes = self.screen != Some(screen);
        if comes {
            self.screen = Some(screen);
            self.rows.clear();
            self.numbered.clear();
            said.push(Said::Comes { screen: twin.screen, heading: twin.heading.clone() });
        }
        let Some(table) = &twin.table else { return };
        let known = std::mem::take(&mut self.rows);
        for (key, row) in keys.iter().zip(&table.rows) {
            let place: Vec<&str> =
                telling(screen).iter().filter_map(|title| row.cells.get(title)).map(String::as_str).collect();
            let state = format!("{} {}", row.state, without_clocks(&place.join(" ")));
            let changed = known.get(key).is_some_and(|before| *before != state);
            // On a list that fills while one looks, new rows are news.
            let appeared = !known.contains_key(key) && !comes && screen == Screen::Preflight;
            if changed || appeared {
                said.push(self.row(twin.screen, table, key, row));
            }
            self.progress(scene, key, row, changed || comes, said);
            self.rows.insert(key.clone(), state);
        }
    }

    fn row(&self, screen: &'static str, table: &Table, key: &RowKey, row: &super::super::twin::Row) -> Said {
        Said::Row {
            screen,
            number: self.numbered.iter().position(|known| known == key).map(|index| index + 1),
            state: row.state,
            cells: row.cells.clone(),
            words: table.words(row),
        }
    }

    fn progress(
        &mut self,
        scene: &Scene<'_>,
        key: &RowKey,
        row: &super::super::twin::Row,
        said_now: bool,
        said: &mut Vec<Said>,
    ) {
        let percent = row.cells.get("DONE").and_then(|cell| cell.trim_end_matches('%').parse::<u8>().ok());
        let Some(percent) = percent.filter(|_| row.state == Word::Run.text()) else {
            self.progress.remove(key);
            return;
        };
        let (last, at) = *self.progress.entry(key.clone()).or_insert((percent, scene.now));
        let due = percent >= last.saturating_add(PROGRESS_STEP)
            || percent != last && Millis::between(at, scene.now) >= PROGRESS_PACE;
        if said_now || due {
            self.progress.insert(key.clone(), (percent, scene.now));
        }
        if due && !said_now {
            let cell = |title| row.cells.get(title).cloned().unwrap_or_default();
            said.push(Said::Progress { index: cell("INDEX"), done: cell("DONE"), left: cell("LEFT") });
        }
    }

    /// Who holds what up now: whoever the status does not name, and whoever has gone.
    fn held_up(&mut self, scene: &Scene<'_>, twin: &Twin, said: &mut Vec<Said>) {
        let mut now = BTreeMap::new();
        for (entry, blocker) in scene.holders().into_iter().filter(|(_, it)| it.bites == Bites::Now) {
            let text = scene.show().whole(&format!("{} is held up by {}", entry.0, blocker.line()));
            now.insert(format!("{entry:?} {:?}", holder_key(blocker)), (text, blocker.backend()));
        }
        for (key, (text, backend)) in &now {
            let named = backend.is_some_and(|it| twin.status.text.contains(&format!("pid {} ", it.pid)));
            if !self.blockers.contains_key(key) && !named {
                said.push(Said::Blocker { text: text.clone() });
            }
        }
        let known = std::mem::take(&mut self.blockers);
        for (key, text) in known {
            if !now.contains_key(&key) {
                said.push(Said::BlockerGone { text });
            }
        }
        self.blockers = now.into_iter().map(|(key, (text, _))| (key, text)).collect();
    }

    /// The row under the cursor with its detail.
    fn row_in_hand(&self, twin: &Twin, keys: &[RowKey], said: &mut Vec<Said>) {
        let Some(table) = &twin.table else {
            said.push(Said::Note { text: "this screen has no rows".to_owned() });
            return;
        };
        let chosen = keys.iter().zip(&table.rows).find(|(_, row)| row.cursor);
        if let Some((key, row)) = chosen {
            said.push(self.row(twin.screen, table, key, row));
        }
        said.extend(table.empty.clone().map(|text| Said::Note { text }));
        // The others are about all rows.
        let own = twin
            .panes
            .iter()
            .find(|pane| !COMMON.contains(&pane.title.split(':').next().unwrap_or_default()));
        said.extend(own.cloned().map(Said::Pane));
    }

    fn panel(&mut self, twin: &Twin, said: &mut Vec<Said>) {
        let Some(panel) = &twin.panel else {
            self.panel = None;
            return;
        };
        let lines = panel_lines(panel);
        match &self.panel {
            None => said.push(Said::Panel(panel.clone())),
            Some(known) => {
                let new: Vec<String> = panel
                    .lines()
                    .zip(&lines)
                    .filter(|(_, bare)| !known.contains(bare))
                    .map(|(line, _)| line)
                    .collect();
                if !new.is_empty() {
                    said.push(Said::PanelNow { lines: new });
                }
            }
        }
        self.panel = Some(lines);
    }
}

/// Lines of a panel as they are compared: a field that takes what is typed next is another line.
fn panel_lines(panel: &Panel) -> Vec<String> {
    panel.lines().map(|line| without_clocks(&line)).collect()
}

/// Columns whose change is news. All others are amounts that go on by themselves.
fn telling(screen: Screen) -> &'static [&'static str] {
    match screen {
        Screen::Preflight => &["FOUND"],
        Screen::Builds => &["WHERE"],
        Screen::Blockers => &["STATE"],
        Screen::Verify => &["VALID", "PLAN"],
        Screen::Steps | Screen::Plan | Screen::Log | Screen::Help => &[],
    }
}

/// Rows of the screen in view, in their order.
pub(in crate::ui) fn row_keys(scene: &Scene<'_>) -> Vec<RowKey> {
    match scene.screen() {
        Screen::Preflight => {
            scene.checks().into_iter().map(|check| RowKey::Check(check.result.id.clone())).collect()
        }
        Screen::Steps => scene.steps().into_iter().map(|row| RowKey::Step(row.step.id.clone())).collect(),
        Screen::Builds | Screen::Plan | Screen::Verify => {
            scene.entries().into_iter().map(|item| RowKey::Entry(item.key.clone())).collect()
        }
        Screen::Blockers => scene
            .holders()
            .into_iter()
            .map(|(entry, blocker)| RowKey::Holder(entry.clone(), holder_key(blocker)))
            .collect(),
        Screen::Log | Screen::Help => Vec::new(),
    }
}

/// The same with every number as one sign.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        let number = char.is_ascii_digit() || (out.ends_with('#') && matches!(char, ':' | '.' | '/'));
        if !number {
            out.push(char);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}

/// The same with every amount of time or size as one sign: `~00:01:12` and `~59 s` are the same there.
fn without_amounts(text: &str) -> String {
    let words = text.split(' ').filter(|word| !["s", "m", "h", "ms"].contains(word));
    words.map(without_numbers).collect::<Vec<_>>().join(" ")
}

/// The same without times of the form `00:12:03`.
fn without_clocks(text: &str) -> String {
    let is_clock = |word: &str| {
        let word = word.trim_matches(|char: char| !char.is_ascii_digit());
        word.len() >= 8
            && word.matches(':').count() == 2
            && word.chars().all(|char| char.is_ascii_digit() || char == ':')
    };
    text.split(' ').filter(|word| !is_clock(word)).collect::<Vec<_>>().join(" ")
}
