//! Who holds builds and drops up, now and later, and what can be done about each.

use crate::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use crate::domain::id::EntryKey;
use crate::text::{cut, fit_left};

use super::super::scene::{Scene, holder_key};
use super::super::show::since;
use super::line::{Block, Chosen, Column, Line, Row, Tone, Word};
use super::stack::{self, Source, Wish, numbers, stack, words};
use super::{VERY_WIDE, WIDE, build_detail, log_pane, pane_title, paragraph, scrolled};

const STATE_WIDTH: usize = 5;

/// The screen.
pub(super) fn body(scene: &Scene<'_>, width: usize, height: usize) -> Vec<Block> {
    let holders = scene.holders();
    let chosen = scene.holder();
    let key = chosen.map(|(_, blocker)| holder_key(blocker));
    let at = holders.iter().position(|(entry, blocker)| {
        Some(holder_key(blocker)) == key && chosen.is_some_and(|(chosen, _)| chosen == *entry)
    });
    let columns = columns(width);
    let widths: Vec<usize> = columns.iter().map(|column| column.width).collect();
    let source = Source {
        state_width: STATE_WIDTH,
        columns,
        total: holders.len(),
        at: at.unwrap_or(0),
        row: Box::new(|index| {
            let (entry, blocker) = holders[index];
            row(scene, entry, blocker, at == Some(index), &widths)
        }),
        empty: if scene.running().is_empty() {
            "nothing of ours runs".to_owned()
        } else {
            "nobody holds anything of ours up".to_owned()
        },
    };
    let mut wishes = Vec::new();
    match chosen {
        Some((entry, blocker)) => {
            let title = format!("holds up {}", scene.show().name(&entry.0, 50));
            let lines = detail(scene, blocker, width);
            wishes.push(Wish::detail(pane_title(scene, title), scrolled(scene, lines)));
        }
        None if scene.ui.cursor.holder.is_some() => wishes.push(Wish::detail(
            "gone",
            vec![Line::plain(" the session under the cursor is gone; move to choose another")],
        )),
        None => {}
    }
    wishes.push(log_pane(scene, width, height));
    stack(height, heading(&holders), &source, wishes)
}

/// Everybody who holds something up, a line each, for beside another pane.
pub(super) fn in_short(scene: &Scene<'_>) -> Vec<Line> {
    let holders = scene.holders();
    if holders.is_empty() {
        return vec![Line::of(Tone::Dim, " nobody")];
    }
    let whole = scene.is_whole();
    let widths = if whole { [usize::MAX; 5] } else { [7, 10, 8, 16, 28] };
    holders
        .into_iter()
        .map(|(entry, blocker)| {
            let row = row(scene, entry, blocker, false, &widths);
            let fitted = |cell: &String, width| if whole { cell.clone() } else { fit_left(cell, width) };
            let cells = row.cells.iter().zip(widths).map(|(cell, width)| fitted(cell, width));
            let text = cells.collect::<Vec<_>>().join(" ");
            Line::plain(" ")
                .then(row.word.tone(), fit_left(row.word.text(), STATE_WIDTH))
                .then(Tone::Plain, text)
        })
        .collect()
}

fn heading(holders: &[(&EntryKey, &Blocker)]) -> (Line, Line) {
    let now = holders.iter().filter(|(_, blocker)| blocker.bites == Bites::Now).count();
    let later = holders.len() - now;
    let line = Line::of(Tone::Strong, " BLOCKERS  ")
        .then(if now > 0 { Tone::Warn } else { Tone::Plain }, format!("{now} now   "))
        .then(Tone::Plain, format!("{later} later"));
    (line, Line::default())
}

fn columns(width: usize) -> Vec<Column> {
    let columns = if width >= VERY_WIDE {
        vec![
            numbers("PID", 7),
            words("STATE", 20),
            numbers("AGE", 8),
            words("APP", 24),
            words("USER", 16),
            words("BUILD", 0),
            words("HOLDS", 24),
            words("LAST STATEMENT", 50),
        ]
    } else if width >= WIDE {
        vec![
            numbers("PID", 7),
            words("STATE", 16),
            numbers("AGE", 8),
            words("APP", 16),
            words("USER", 12),
            words("BUILD", 0),
            words("HOLDS", 24),
        ]
    } else {
        vec![numbers("PID", 7), words("STATE", 10), numbers("AGE", 8), words("APP", 14), words("BUILD", 0)]
    };
    let flexible = if width >= WIDE { 5 } else { 4 };
    stack::columns(width, STATE_WIDTH, flexible, columns)
}

/// `idle in transaction` in a narrow column.
fn state_words(state: &str) -> String {
    state.replace("idle in transaction", "idle in tx").replace("(aborted)", "abrt")
}

fn row(scene: &Scene<'_>, entry: &EntryKey, blocker: &Blocker, chosen: bool, widths: &[usize]) -> Row {
    let show = scene.show();
    let age = blocker.since.map_or_else(|| "-".to_owned(), |at| since(at, scene.now));
    let build = entry.0.rsplit('.').next().unwrap_or(&entry.0);
    let unseen = || "not visible".to_owned();
    let (pid, state, application, user) = match &blocker.holder {
        Holder::Session { backend, application, user, state, .. } => (
            backend.pid.to_string(),
            state.as_deref().map_or_else(unseen, state_words),
            application.clone(),
            user.clone(),
        ),
        Holder::Prepared { gid, owner } => {
            ("-".to_owned(), "prepared".to_owned(), gid.clone(), owner.clone())
        }
    };
    let statement = match &blocker.holder {
        Holder::Session { query: Some(query), .. } => show.bare_statement(query),
        Holder::Session { query: None, .. } => unseen(),
        Holder::Prepared { .. } => "-".to_owned(),
    };
    let texts: Vec<String> = if widths.len() > 5 {
        vec![pid, state, age, application, user, build.to_owned(), blocker.why.clone(), statement]
    } else {
        vec![pid, state, age, application, build.to_owned()]
    };
    let word = match (blocker.stage, blocker.bites) {
        (BlockStage::DeadlockAhead, _) => Word::Bad,
        (_, Bites::Now) => Word::Wait,
        (_, Bites::Later) => Word::Todo,
    };
    Row {
        chosen: if chosen { Chosen::Yes } else { Chosen::No },
        word,
        cells: texts.iter().zip(widths).map(|(text, width)| cut(&show.name(text, *width), *width)).collect(),
    }
}

fn detail(scene: &Scene<'_>, blocker: &Blocker, width: usize) -> Vec<Line> {
    let mut lines = build_detail::blocker_lines(scene, blocker, width);
    let when = match blocker.bites {
        Bites::Now => "It holds the build up now.",
        Bites::Later => "It will hold the build up if it is still there when the build gets to that stage.",
    };
    lines.extend(paragraph(Tone::Plain, when, width));
    let choices = match (&blocker.holder, blocker.stage) {
        (Holder::Prepared { .. }, _) => {
            "Choices: wait | have it committed or rolled back by whoever prepared it | [x] stop this build"
        }
        (Holder::Session { .. }, BlockStage::DeadlockAhead) => {
            "Choices: [K] cancel its statement now, which saves the build | let the server kill the build"
        }
        (Holder::Session { .. }, _) => {
            "Choices: wait | call its owner | [x] stop this build | [K] end the session (its open work is lost)"
        }
    };
    lines.extend(paragraph(Tone::Strong, choices, width));
    lines
}
