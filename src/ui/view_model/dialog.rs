//! An open panel: what exactly would be sent, to whom, what it costs, whether it can be undone, and what to type.

use crate::domain::id::{BackendId, CheckId, EntryKey, StepId};
use crate::domain::plan::ItemState;
use crate::domain::playbook::StepKind;
use crate::domain::target::{AbortPolicy, LeftoverPolicy, Mode};
use crate::domain::unit::{Bytes, Millis};
use crate::text::{cut, plural};

use super::super::Home;
use super::super::panel::{Panel, Purpose, Reach, Work};
use super::super::picture::end_session_statement;
use super::super::scene::Scene;
use super::super::show::{about, clock, since, size, wrap};
use super::build_detail::blocker_lines;
use super::line::{Line, Tone};
use crate::domain::event::{DropPurpose, SessionEnd};

/// A panel as text.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ui) struct Dialog {
    /// What would happen.
    pub(in crate::ui) title: String,
    /// Where.
    pub(in crate::ui) target: String,
    /// What exactly.
    pub(in crate::ui) lines: Vec<Line>,
    /// What to type.
    pub(in crate::ui) fields: Vec<FieldView>,
    /// Cells inside its frame.
    pub(in crate::ui) width: usize,
}

/// A field as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) struct FieldView {
    /// What it asks for, with the text that is wanted where there is one.
    pub(in crate::ui) label: String,
    /// What was typed; its end when it is long.
    pub(in crate::ui) text: String,
    /// What is missing.
    pub(in crate::ui) said: String,
    /// Whether it takes the keys.
    pub(in crate::ui) active: Active,
}

/// Whether a field takes the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum Active {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Widest panel.
const WIDEST: usize = 96;

/// The panel of this moment.
pub(super) fn dialog(panel: &Panel, scene: &Scene<'_>, width: usize, height: usize) -> Dialog {
    let inside = if scene.is_whole() { width } else { width.saturating_sub(8).min(WIDEST) };
    let (title, mut lines) = match &panel.purpose {
        Purpose::Arm => arm(scene, inside),
        Purpose::Go { step } => go(scene, step, inside),
        Purpose::SignOff => sign_off(scene, inside),
        Purpose::Waive { check, .. } => waive(scene, check, inside),
        Purpose::Stop { entry, work } => stop(scene, entry, *work, inside),
        Purpose::Undo { entries, reach } => undo(scene, entries, *reach, inside),
        Purpose::EndSession { backend, .. } => end_session(scene, *backend, inside),
        Purpose::Skip { entry } => skip(scene, entry, inside),
        Purpose::Retry { entry, leftover } => retry(scene, entry, *leftover, inside),
        Purpose::Resume => resume(scene, inside),
        Purpose::Abort => abort(scene, inside),
        Purpose::Leave => leave(scene, inside),
    };
    let fields: Vec<FieldView> = panel
        .fields
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let active = index == panel.at;
            let said = match (&panel.said, active) {
                (Some(said), true) => scene.show().whole(said),
                (None, true) if !field.text.is_empty() => field.missing().unwrap_or_default(),
                (Some(_), false) | (None, _) => String::new(),
            };
            FieldView {
                label: label(field, inside),
                text: tail(&scene.show().whole(&field.text), inside.saturating_sub(4)),
                said,
                active: if active { Active::Yes } else { Active::No },
            }
        })
        .collect();
    // Title bars, status, hints and frame take eight rows; the fields are never what gives way.
    let room = height.saturating_sub(9 + 2 * fields.len());
    lines.truncate(room);
    Dialog { title, target: target(scene), lines, fields, width: inside }
}

fn label(field: &super::super::panel::Field, width: usize) -> String {
    use super::super::panel::Rule;
    match &field.rule {
        // The wanted name stands beside its field: the title may have had to cut it.
        Rule::Exact(wanted) if !field.label.ends_with(wanted.as_str()) => {
            cut(&format!("{}: {wanted}", field.label), width)
        }
        Rule::Exact(_) | Rule::OneOf(_) | Rule::Reason | Rule::Name => field.label.clone(),
    }
}

/// The end of a text, in at most `width` cells.
fn tail(text: &str, width: usize) -> String {
    let mut start = 0;
    for (index, _) in text.char_indices() {
        start = index;
        if crate::text::cell_width(&text[index..]) <= width {
            break;
        }
    }
    text[start..].to_owned()
}

fn target(scene: &Scene<'_>) -> String {
    let environment = super::bar::environment(scene);
    match scene.database() {
        Some(database) => format!("{environment} {}", scene.show().name(database, 24)),
        None => environment,
    }
}

type Content = (String, Vec<Line>);

fn text(lines: &mut Vec<Line>, tone: Tone, text: &str, width: usize) {
    lines.extend(wrap(text, width).into_iter().map(|line| Line::of(tone, line)));
}

/// A statement, indented, at most three lines of it.
fn sql(lines: &mut Vec<Line>, statement: &str, width: usize) {
    let wrapped = wrap(statement, width.saturating_sub(2));
    let more = wrapped.len() > 3;
    for (index, line) in wrapped.into_iter().take(3).enumerate() {
        let mark = if more && index == 2 { " .." } else { "" };
        lines.push(Line::of(Tone::Strong, format!("  {line}{mark}")));
    }
}

fn arm(scene: &Scene<'_>, width: usize) -> Content {
    let mut lines = Vec::new();
    let possible = match scene.mode() {
        Mode::DryRun => {
            "For 15 minutes without a key a check can be waived, as it would be in a live run. This is a dry run: \
             undo and ending a session stay impossible, and nothing is sent that changes anything."
        }
        Mode::Live | Mode::Rehearsal => {
            "For 15 minutes without a key these become possible: undo, waive, end a session, sign off. \
             Each still opens a panel and asks for the name of its thing."
        }
    };
    text(&mut lines, Tone::Plain, possible, width);
    text(&mut lines, Tone::Plain, "SAFE again by :safe, a lost link, or another driver of the run.", width);
    ("ARM".to_owned(), lines)
}

fn go(scene: &Scene<'_>, id: &StepId, width: usize) -> Content {
    let show = scene.show();
    let steps = scene.steps();
    let mut lines = Vec::new();
    let position = steps.iter().position(|row| &row.step.id == id);
    let step = position.map(|index| &steps[index]);
    let title =
        step.map_or_else(String::new, |row| format!("GO  {} {}", row.number, show.whole(&row.step.title)));
    if let Some((_, why)) = scene.held() {
        text(&mut lines, Tone::Strong, &show.whole(why), width);
    }
    // Everything up to the next person is what this word lets loose.
    let next = position.map(|index| &steps[index + 1..]).unwrap_or_default();
    let own = step.filter(|row| !matches!(row.step.kind, StepKind::Confirm { .. }));
    let until = next
        .iter()
        .position(|row| matches!(row.step.kind, StepKind::Confirm { .. } | StepKind::SignOff { .. }))
        .unwrap_or(next.len());
    let loose: Vec<_> = own.into_iter().chain(&next[..until]).collect();
    let names: Vec<String> =
        loose.iter().map(|row| format!("{} {}", row.number, show.whole(&row.step.title))).collect();
    if !names.is_empty() {
        text(&mut lines, Tone::Plain, &format!("Then, without asking again: {}", names.join(", ")), width);
    }
    if loose.iter().any(|row| matches!(row.step.kind, StepKind::BuildIndexes { .. })) {
        builds_to_come(scene, &mut lines, width);
    }
    (title, lines)
}

fn builds_to_come(scene: &Scene<'_>, lines: &mut Vec<Line>, width: usize) {
    let Some(plan) = &scene.picture.run.plan else { return };
    let todo: Vec<_> = plan
        .items
        .iter()
        .filter(|item| item.state == ItemState::ToBuild && !scene.picture.run.builds.contains_key(&item.key))
        .collect();
    let Some(first) = todo.first() else {
        text(lines, Tone::Plain, "Nothing is left to build.", width);
        return;
    };
    let jobs = scene.picture.run.run.as_ref().map_or(1, |run| run.settings.jobs.max(1));
    text(
        lines,
        Tone::Plain,
        &format!("{}, {jobs} at a time, such as", plural(todo.len(), "statement", "statements")),
        width,
    );
    sql(lines, &scene.show().statement(&first.statement), width);
    let estimates: Vec<_> = todo.iter().filter_map(|item| item.estimate).collect();
    let bytes: Bytes = estimates.iter().map(|estimate| estimate.index.likely).sum();
    let wal: Bytes = estimates.iter().map(|estimate| estimate.wal.likely).sum();
    let work = estimates.iter().fold(Millis(0), |sum, estimate| sum + estimate.time.likely);
    if !estimates.is_empty() {
        let blind = todo.len() - estimates.len();
        let blind = if blind > 0 { format!(" ({blind} without an estimate)") } else { String::new() };
        let cost = format!(
            "Costs   ~{} of disk, ~{} of WAL, {} of work{blind}, plus waits",
            size(bytes),
            size(wal),
            about(work)
        );
        text(lines, Tone::Plain, &cost, width);
    }
    text(
        lines,
        Tone::Plain,
        "Waits   for open writes and snapshots; application traffic never waits for it",
        width,
    );
    text(lines, Tone::Plain, "Undo    [u] drops exactly what this run made", width);
}

fn sign_off(scene: &Scene<'_>, width: usize) -> Content {
    let mut lines = Vec::new();
    if let Some((_, why)) = scene.held() {
        text(&mut lines, Tone::Strong, &scene.show().whole(why), width);
    }
    let tally = scene.picture.run.tally();
    let tone = if tally.verified == tally.total { Tone::Good } else { Tone::Warn };
    text(
        &mut lines,
        tone,
        &format!(
            "{} of {} verified, {} failed, {} left out, {} not known, {} leftover",
            tally.verified, tally.total, tally.failed, tally.skipped, tally.unknown, tally.leftovers
        ),
        width,
    );
    text(
        &mut lines,
        Tone::Plain,
        "Name and reason go into journal and report, and the run ends. Nothing is sent to the server.",
        width,
    );
    ("SIGN OFF".to_owned(), lines)
}

fn waive(scene: &Scene<'_>, id: &CheckId, width: usize) -> Content {
    let mut lines = Vec::new();
    let show = scene.show();
    let Some(check) = scene.picture.run.check(id) else { return ("WAIVE".to_owned(), lines) };
    let result = &check.result;
    text(&mut lines, Tone::Strong, &show.whole(&format!("found   {}", result.found)), width);
    text(&mut lines, Tone::Plain, &show.whole(&format!("wanted  {}", result.wanted)), width);
    if let Some(advice) = &result.advice {
        text(&mut lines, Tone::Plain, &show.whole(&format!("advice  {advice}")), width);
    }
    text(
        &mut lines,
        Tone::Plain,
        "The waiver covers this finding only: another answer closes the gate again. Nothing is sent to the server.",
        width,
    );
    (format!("WAIVE  {}", show.whole(&result.title)), lines)
}

fn stop(scene: &Scene<'_>, key: &EntryKey, work: Work, width: usize) -> Content {
    let mut lines = Vec::new();
    let (Work::Build(backend) | Work::Drop(_, _, backend)) = work;
    match backend {
        Some(backend) => {
            sql(&mut lines, &end_session_statement(SessionEnd::CancelStatement, backend.pid.0), width);
            let only = format!("only while it is the backend of {}", scene.time(backend.started));
            text(&mut lines, Tone::Dim, &only, width);
        }
        None => text(
            &mut lines,
            Tone::Plain,
            "It waits for its first lock: nothing was sent for it, and nothing will be.",
            width,
        ),
    }
    if let (Work::Build(Some(_)), Some(record)) = (work, scene.build(key)) {
        let spent = clock(super::builds::took(record, scene.now).unwrap_or_default());
        text(&mut lines, Tone::Plain, &format!("Costs   {spent} of build time"), width);
    }
    let leaves = match work {
        Work::Build(Some(_)) => {
            "an invalid index at most, which the run then drops CONCURRENTLY. :retry builds it again"
        }
        Work::Build(None) => "nothing on the server. :retry builds it all the same",
        Work::Drop(_, DropPurpose::Leftover, _) => {
            "the invalid index: it serves no query, costs writes, and is in the way. :retry drops it and builds anew"
        }
        Work::Drop(_, DropPurpose::Rollback, None) => "the index as it is. [u] drops it later",
        Work::Drop(_, DropPurpose::Rollback, Some(_)) => {
            "an index that most likely serves no query any more and still costs writes, until [u] drops it"
        }
    };
    text(&mut lines, Tone::Plain, &format!("Leaves  {leaves}"), width);
    let what = match work {
        Work::Build(_) => "STOP",
        Work::Drop(..) => "STOP THE DROP OF",
    };
    (format!("{what}  {}", scene.show().name(&key.0, 46)), lines)
}

fn undo(scene: &Scene<'_>, entries: &[EntryKey], reach: Reach, width: usize) -> Content {
    let show = scene.show();
    let mut lines = Vec::new();
    let running: Vec<&EntryKey> = entries
        .iter()
        .filter(|key| !scene.picture.run.ledger.contains_key(*key) || is_running(scene, key))
        .collect();
    let intents: Vec<BackendId> = running
        .iter()
        .filter_map(|key| scene.build(key)?.intent.as_ref())
        .map(|intent| intent.backend)
        .collect();
    for backend in intents.iter().take(2) {
        let text_of = format!(
            "1 cancel our own build (pid {}, connected {})",
            backend.pid,
            scene.time(backend.started)
        );
        text(&mut lines, Tone::Plain, &text_of, width);
        sql(&mut lines, &end_session_statement(SessionEnd::CancelStatement, backend.pid.0), width);
    }
    let number = if intents.is_empty() { "" } else { "2 " };
    let many = plural(entries.len(), "index", "indexes");
    text(
        &mut lines,
        Tone::Plain,
        &format!("{number}drop what this run made, {many}, where it is there"),
        width,
    );
    for item in entries.iter().filter_map(|key| scene.item(key)).take(4) {
        let statement = show.statement(&item.drop_statement());
        lines.push(Line::of(Tone::Strong, cut(&format!("  {statement}"), width)));
    }
    if entries.len() > 4 {
        lines.push(Line::of(Tone::Dim, format!("  and {} more", entries.len() - 4)));
    }
    lines.extend(who_would_hold(scene, entries, width));
    let spent = entries
        .iter()
        .filter_map(|key| scene.build(key))
        .filter_map(|record| super::builds::took(record, scene.now))
        .fold(Millis(0), std::ops::Add::add);
    text(
        &mut lines,
        Tone::Plain,
        &format!(
            "Costs   {} of build time. Touches no rows. Indexes that were there before stay.",
            clock(spent)
        ),
        width,
    );
    let title = match (reach, entries.first()) {
        (Reach::These, Some(key)) => format!("UNDO  {}", show.name(&key.0, 46)),
        (_, _) => format!("UNDO ALL  {many}"),
    };
    (title, lines)
}

fn is_running(scene: &Scene<'_>, key: &EntryKey) -> bool {
    scene.running().contains(&key)
}

/// A drop waits for everybody who has used the table, readers too, and costs writes meanwhile.
fn who_would_hold(scene: &Scene<'_>, entries: &[EntryKey], width: usize) -> Vec<Line> {
    let mut holders: Vec<String> = Vec::new();
    for blocker in entries.iter().filter_map(|key| scene.samples.drop_holders.get(key)).flatten() {
        let age = blocker.since.map(|at| format!(" ({})", since(at, scene.now))).unwrap_or_default();
        let words = format!("{}{age}", super::footer::holder_words(scene, &blocker.holder));
        if !holders.contains(&words) {
            holders.push(words);
        }
    }
    let mut lines = Vec::new();
    let known = if holders.is_empty() {
        "nobody that is known now".to_owned()
    } else {
        holders.into_iter().take(3).collect::<Vec<_>>().join(", ")
    };
    text(
        &mut lines,
        Tone::Warn,
        &format!(
            "Waits   for every open transaction that used the table, readers too: {known}. While it waits the index still costs writes."
        ),
        width,
    );
    lines
}

fn end_session(scene: &Scene<'_>, backend: BackendId, width: usize) -> Content {
    let mut lines = Vec::new();
    sql(&mut lines, &end_session_statement(SessionEnd::CancelStatement, backend.pid.0), width);
    sql(&mut lines, &end_session_statement(SessionEnd::Terminate, backend.pid.0), width);
    text(
        &mut lines,
        Tone::Dim,
        &format!("only while it is the backend of {}", scene.time(backend.started)),
        width,
    );
    let found = scene.holders().into_iter().find(|(_, blocker)| blocker.backend() == Some(backend));
    if let Some((_, blocker)) = found {
        lines.extend(blocker_lines(scene, blocker, width));
    }
    text(
        &mut lines,
        Tone::Warn,
        "cancel ends its statement only: an idle transaction stays open. terminate loses all its open work. \
         Neither can be undone.",
        width,
    );
    (format!("END SESSION  pid {}", backend.pid), lines)
}

fn skip(scene: &Scene<'_>, key: &EntryKey, width: usize) -> Content {
    let mut lines = Vec::new();
    text(
        &mut lines,
        Tone::Plain,
        "The entry is not built in this run, and the report says so. Nothing is sent to the server.",
        width,
    );
    (format!("SKIP  {}", scene.show().name(&key.0, 46)), lines)
}

fn retry(scene: &Scene<'_>, key: &EntryKey, leftover: LeftoverPolicy, width: usize) -> Content {
    let mut lines = Vec::new();
    if let Some(item) = scene.item(key) {
        let show = scene.show();
        if leftover == LeftoverPolicy::Repair {
            text(
                &mut lines,
                Tone::Warn,
                "This run did not make the leftover that is in the way. It is dropped first:",
                width,
            );
            sql(&mut lines, &show.statement(&item.drop_statement()), width);
        }
        sql(&mut lines, &show.statement(&item.statement), width);
        if let Some(estimate) = item.estimate {
            text(
                &mut lines,
                Tone::Plain,
                &format!(
                    "Costs   {} of work, ~{} of disk",
                    about(estimate.time.likely),
                    size(estimate.index.likely)
                ),
                width,
            );
        }
    }
    (format!("RETRY  {}", scene.show().name(&key.0, 46)), lines)
}

fn resume(scene: &Scene<'_>, width: usize) -> Content {
    let mut lines = Vec::new();
    let tally = scene.picture.run.tally();
    text(
        &mut lines,
        Tone::Plain,
        &format!("The queue goes on: {} to do, {} at work.", tally.waiting, tally.running),
        width,
    );
    builds_to_come(scene, &mut lines, width);
    ("GO ON".to_owned(), lines)
}

fn leave(scene: &Scene<'_>, width: usize) -> Content {
    let mut lines = Vec::new();
    let builds = plural(scene.running().len(), "build", "builds");
    let at_work = format!("The run is a process of its own, with {builds} at work: none is stopped by it.");
    text(&mut lines, Tone::Plain, &at_work, width);
    let detach = "detach: it goes on, up to the next step that waits for a person.";
    text(&mut lines, Tone::Plain, detach, width);
    text(&mut lines, Tone::Plain, "pause: running builds finish, nothing new starts.", width);
    text(&mut lines, Tone::Plain, "`cicerone attach` comes back to it. `:abort` ends it.", width);
    ("LEAVE THE RUN".to_owned(), lines)
}

fn abort(scene: &Scene<'_>, width: usize) -> Content {
    let mut lines = Vec::new();
    let running = scene.running();
    let policy = scene.picture.run.run.as_ref().map(|run| run.settings.on_abort).unwrap_or_default();
    text(
        &mut lines,
        Tone::Plain,
        match scene.options.home {
            Home::Here => {
                "The engine shares this process: leaving ends the run. Nothing new starts from then on."
            }
            Home::Apart => "The run ends for everybody who watches it. Nothing new starts from then on.",
        },
        width,
    );
    let builds = plural(running.len(), "build", "builds");
    let so = match (policy, running.is_empty()) {
        (_, true) => "No build is at work.".to_owned(),
        (AbortPolicy::FinishRunning, false) => {
            format!("{builds} at work: each runs to its end first, then the console closes.")
        }
        (AbortPolicy::CancelRunning, false) => {
            format!("{builds} at work: each is cancelled, what it leaves is read, then the console closes.")
        }
    };
    text(&mut lines, if running.is_empty() { Tone::Plain } else { Tone::Warn }, &so, width);
    for key in running.iter().take(3) {
        lines.push(Line::plain(format!("  {}", scene.show().name(&key.0, width.saturating_sub(2)))));
    }
    text(
        &mut lines,
        Tone::Plain,
        "What this run made stays. The same command takes an ended run up again.",
        width,
    );
    ("END THE RUN?".to_owned(), lines)
}
