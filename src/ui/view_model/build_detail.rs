//! Detail of one entry: its phases, who it waits for, what went wrong, what was sent.

use crate::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use crate::domain::budget;
use crate::domain::catalog::Difference;
use crate::domain::plan::{ItemState, PlanItem};
use crate::domain::progress::{Eta, Phase};
use crate::domain::sample::BuildSample;
use crate::domain::state::{BuildRecord, BuildStatus, Left};
use crate::domain::unit::Millis;
use crate::text::{count, span};

use super::super::scene::Scene;
use super::super::show::{about, clock, since, size};
use super::footer::holder_words;
use super::line::{Line, Tone};
use super::{WIDE, paragraph};

/// Cells of a sparkline.
const SPARK: usize = 40;

/// Title of the pane.
pub(super) fn title(scene: &Scene<'_>, item: &PlanItem) -> String {
    let name = scene.show().name(item.name.as_str(), 44);
    let Some(record) = scene.build(&item.key).filter(|record| record.attempts > 0) else {
        return format!("{name} on {}", scene.show().name(&item.table.name, 24));
    };
    let most = scene.picture.run.run.as_ref().map_or(1, |run| run.settings.attempts);
    let pid =
        record.intent.as_ref().map(|intent| format!("  pid {}", intent.backend.pid)).unwrap_or_default();
    format!("{name}{pid}  try {} of {most}", record.attempts)
}

/// Its lines, the most urgent first.
pub(super) fn lines(scene: &Scene<'_>, item: &PlanItem, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let record = scene.build(&item.key);
    let sample = scene.sample(&item.key);
    lines.extend(question(scene, item, width));
    match record {
        Some(record) if matches!(record.status, BuildStatus::Running { .. }) => {
            if width >= WIDE {
                lines.extend(phase_table(scene, record));
            } else {
                lines.push(phase_line(scene, record));
            }
            lines.extend(before(record));
            lines.extend(waits(scene, item, sample, width));
            lines.extend(clocks(sample));
            lines.extend(speed(scene, item));
        }
        Some(record) => lines.extend(settled(scene, record, width)),
        None => {}
    }
    if let Some(drop) = scene.picture.run.drops.get(&item.key) {
        let text = match &drop.conclusion {
            None => format!("drop since {}", scene.time(drop.started_at)),
            Some(conclusion) => format!("drop: {}", conclusion.sentence()),
        };
        lines.extend(paragraph(Tone::Plain, &scene.show().whole(&text), width));
        lines.extend(drop.blockers.iter().flat_map(|blocker| blocker_lines(scene, blocker, width)));
    }
    if record.is_none_or(|record| record.attempts == 0) {
        lines.extend(planned(scene, item, width));
    }
    let statement =
        record.and_then(|record| record.intent.as_ref()).map_or(&item.statement, |it| &it.statement);
    lines.extend(paragraph(Tone::Dim, &scene.show().bare_statement(statement), width));
    lines
}

/// What a person is asked of a build or drop that waits over its budget.
fn question(scene: &Scene<'_>, item: &PlanItem, width: usize) -> Vec<Line> {
    let run = &scene.picture.run;
    let asked = budget::questions(run).into_iter().find(|(key, _)| *key == item.key);
    let Some((_, wait)) = asked else { return Vec::new() };
    let drop = run.drops.get(&item.key).filter(|drop| drop.conclusion.is_none()).map(|drop| drop.started_at);
    let build = || {
        let record = scene.build(&item.key)?;
        record.phases.last().map(|(_, at)| *at).or(record.held_since)
    };
    let waited = drop
        .or_else(build)
        .map(|at| format!(" {}", span(Millis::between(at, scene.now).0)))
        .unwrap_or_default();
    let text = format!("Waits{waited} for {}, over its budget: x stops it, or let it wait.", wait.words());
    paragraph(Tone::Warn, &text, width)
}

/// `1-3 ok  >4 load tree 37%  5-9 todo`, with the time in the phase.
fn phase_line(scene: &Scene<'_>, record: &BuildRecord) -> Line {
    let times = record.phase_times(scene.now);
    let Some((phase, in_phase)) = times.last().copied() else {
        return Line::of(Tone::Dim, " nothing was sent yet: the lock is probed first");
    };
    let number = phase.number();
    let mut line = Line::plain(" ");
    if number > 1 {
        line = line.then(Tone::Good, format!("{} ok  ", range(1, number - 1)));
    }
    let tone = if phase.wait().is_some() { Tone::Warn } else { Tone::Busy };
    line = line.then(tone, format!(">{} {}  ", super::builds::phase_words(phase), clock(in_phase)));
    if number < Phase::LAST_NUMBER {
        line = line.then(Tone::Dim, format!("{} todo", range(number + 1, Phase::LAST_NUMBER)));
    }
    line
}

fn range(from: u32, to: u32) -> String {
    if from == to { from.to_string() } else { format!("{from}-{to}") }
}

/// Every phase with its time, in two columns; one below the other where there is no end to the page.
fn phase_table(scene: &Scene<'_>, record: &BuildRecord) -> Vec<Line> {
    let times = record.phase_times(scene.now);
    let current = times.last().map(|(phase, _)| *phase);
    let cell = |phase: Phase| {
        let spent: Vec<&(Phase, Millis)> = times.iter().filter(|(known, _)| *known == phase).collect();
        let total = Millis(spent.iter().map(|(_, time)| time.0).sum());
        let (mark, tone, state) = if current == Some(phase) {
            (">", if phase.wait().is_some() { Tone::Warn } else { Tone::Busy }, "now")
        } else if !spent.is_empty() || current.is_some_and(|now| now > phase && now != Phase::Other) {
            (" ", Tone::Good, "ok")
        } else {
            (" ", Tone::Dim, "todo")
        };
        let time = if spent.is_empty() { "-".to_owned() } else { clock(total) };
        if scene.is_whole() {
            return (tone, format!("{mark}{} {time} {state}", super::builds::phase_words(phase)));
        }
        (tone, format!("{mark} {} {:<16} {time:>8}  {state:<4}", phase.number(), phase.words()))
    };
    let phases: Vec<Phase> = Phase::ORDER.into_iter().filter(|phase| phase.number() > 0).collect();
    let half = if scene.is_whole() { phases.len() } else { phases.len().div_ceil(2) };
    (0..half)
        .map(|index| {
            let (tone, text) = cell(phases[index]);
            let line = Line::plain(" ").then(tone, format!("{text:<46}"));
            match phases.get(index + half) {
                Some(phase) => {
                    let (tone, text) = cell(*phase);
                    line.then(tone, text)
                }
                None => line,
            }
        })
        .collect()
}

/// Who the build waits for now, and who will matter later.
fn waits(scene: &Scene<'_>, item: &PlanItem, sample: Option<&BuildSample>, width: usize) -> Vec<Line> {
    let Some(sample) = sample else { return Vec::new() };
    let mut lines = Vec::new();
    let now: Vec<&Blocker> = sample.blockers.iter().filter(|blocker| blocker.bites == Bites::Now).collect();
    for blocker in &now {
        lines.extend(blocker_lines(scene, blocker, width));
    }
    if let Some(wait) = sample.phase.wait() {
        if now.is_empty() {
            let text = format!("waits for {}; nobody to name yet", wait.words());
            lines.extend(paragraph(Tone::Warn, &text, width));
        }
        let table = scene.show().name(&item.table.name, 30);
        let text = format!("No time can be given: it ends when they do. {table} stays in use.");
        lines.extend(paragraph(Tone::Plain, &text, width));
    }
    for blocker in sample.blockers.iter().filter(|blocker| blocker.bites == Bites::Later) {
        let text = format!("later: {} {}", holder_words(scene, &blocker.holder), blocker.stage.sentence());
        lines.extend(paragraph(Tone::Dim, &text, width));
    }
    lines
}

/// Who somebody is, since when, and the last statement.
pub(super) fn blocker_lines(scene: &Scene<'_>, blocker: &Blocker, width: usize) -> Vec<Line> {
    let show = scene.show();
    let tone = if blocker.stage == BlockStage::DeadlockAhead { Tone::Bad } else { Tone::Warn };
    let age = blocker.since.map(|at| format!(" {}", since(at, scene.now))).unwrap_or_default();
    let head = match blocker.bites {
        Bites::Now => "WAITING FOR",
        Bites::Later => "LATER",
    };
    match &blocker.holder {
        Holder::Session { backend, application, user, client, state, query, .. } => {
            let state = state.as_deref().unwrap_or("state not visible");
            let first = format!(
                "{head} pid {}, {}{age}, app={}",
                backend.pid,
                show.whole(state),
                show.name(application, 24),
            );
            let mut lines = paragraph(tone, &first, width);
            let from = client.as_deref().map_or("a socket", |client| client);
            lines.extend(paragraph(
                Tone::Plain,
                &format!(
                    "user={} from {}, {}. Last statement:",
                    show.name(user, 20),
                    show.name(from, 24),
                    show.whole(&blocker.why)
                ),
                width,
            ));
            let query =
                query.as_deref().map_or("not visible to this role".to_owned(), |text| show.statement(text));
            lines.push(Line::plain(crate::text::cut(&format!("   {query}"), width)));
            lines.extend(paragraph(Tone::Plain, &format!("It {}.", blocker.stage.sentence()), width));
            lines
        }
        Holder::Prepared { gid, owner } => {
            let text = format!(
                "{head} prepared transaction '{}'{age}, owner {}: no session to end; COMMIT PREPARED or ROLLBACK PREPARED ends it",
                show.name(gid, 60),
                show.name(owner, 20)
            );
            paragraph(tone, &text, width)
        }
    }
}

fn clocks(sample: Option<&BuildSample>) -> Vec<Line> {
    let Some(sample) = sample else {
        return vec![Line::of(Tone::Dim, " no reading of it yet")];
    };
    let left = match sample.eta {
        Eta::Left(band) => {
            format!("   left {} ({} to {})", about(band.likely), span(band.low.0), span(band.high.0))
        }
        Eta::Waiting { work_left: Some(work), .. } => format!("   {} of work after the wait", about(work)),
        Eta::Waiting { work_left: None, .. } | Eta::NoGround => String::new(),
    };
    let mut text = format!(" worked {}   waited {}{left}", clock(sample.working), clock(sample.waiting));
    if let Some(seen) = &sample.seen {
        for (name, counter) in [("blocks", seen.blocks), ("rows", seen.tuples), ("lockers", seen.lockers)] {
            if counter.total > 0 {
                text = format!("{text}   {name} {}/{}", count(counter.done), count(counter.total));
            }
        }
    }
    vec![Line::plain(text)]
}

/// Why this is not the first try.
fn before(record: &BuildRecord) -> Option<Line> {
    let failure = record.failure.as_ref().filter(|_| record.attempts > 1)?;
    let code = failure.sqlstate.as_ref().map(|code| format!(" ({})", code.0)).unwrap_or_default();
    let words = super::builds::failure_words(failure.class);
    Some(Line::of(Tone::Warn, format!(" the try before ended: {words}{code}")))
}

/// How fast the phase goes on, where it counts something.
fn speed(scene: &Scene<'_>, item: &PlanItem) -> Option<Line> {
    let (unit, speed) = scene.trend.build(&item.key)?;
    let newest = count(speed.newest()?);
    let best = speed.best().map(|best| format!(", at best {}", count(best))).unwrap_or_default();
    let line = Line::plain(format!(" speed {newest} {}{best}  ", unit.words()));
    if !super::server::moves(scene) {
        return Some(line);
    }
    Some(line.then(Tone::Busy, speed.line(scene.options.charset, SPARK)))
}

fn settled(scene: &Scene<'_>, record: &BuildRecord, width: usize) -> Vec<Line> {
    let show = scene.show();
    let (tone, text) = match &record.status {
        BuildStatus::Verified { .. } => {
            let bytes = record.size.map(|bytes| format!(", {}", size(bytes))).unwrap_or_default();
            (Tone::Good, format!("valid, ready and live, with the registry's definition{bytes}"))
        }
        BuildStatus::Failed { sentence, left } => {
            let left = match left {
                Left::Leftover => ". An invalid index is left: it slows writes and serves no reads",
                Left::Nothing => "",
            };
            (Tone::Bad, format!("{sentence}{left}"))
        }
        BuildStatus::Skipped { reason } => (Tone::Plain, format!("left out: {reason}")),
        BuildStatus::Unknown { why } => (Tone::Bad, format!("not known: {why}")),
        BuildStatus::RolledBack => (Tone::Plain, "made by this run, then dropped by its rollback".to_owned()),
        BuildStatus::Retrying { not_before } if record.attempts > 0 => {
            (Tone::Warn, format!("waits for its next try, not before {}", scene.time(*not_before)))
        }
        BuildStatus::Retrying { .. } => (Tone::Plain, "waits for its turn".to_owned()),
        BuildStatus::Cleaning { oid, .. } => {
            (Tone::Warn, format!("its leftover (OID {oid}) is dropped first, concurrently"))
        }
        BuildStatus::Running { .. } => return Vec::new(),
    };
    let mut lines = paragraph(tone, &show.whole(&text), width);
    if let Some(failure) = &record.failure {
        lines.extend(paragraph(Tone::Plain, &format!("server: {}", show.failure(failure)), width));
        lines.extend(paragraph(Tone::Plain, failure.class.sentence(), width));
    }
    let times: Vec<String> = record
        .phase_times(record.finished_at.unwrap_or(scene.now))
        .iter()
        .filter(|(_, time)| time.0 >= 1_000)
        .map(|(phase, time)| format!("{} {}", phase.words(), span(time.0)))
        .collect();
    if !times.is_empty() {
        lines.extend(paragraph(Tone::Dim, &times.join("   "), width));
    }
    for blocker in record.blockers.iter().take(3) {
        lines.extend(paragraph(Tone::Dim, &show.whole(&format!("was held up by {}", blocker.line())), width));
    }
    lines
}

pub(super) fn planned(scene: &Scene<'_>, item: &PlanItem, width: usize) -> Vec<Line> {
    let show = scene.show();
    let mut lines = Vec::new();
    match &item.state {
        ItemState::Leftover { oid, flags, size: bytes, ties, .. } => {
            let ties = if ties.is_empty() { String::new() } else { format!(". Tied to {}", ties.join(", ")) };
            let text = format!(
                "an invalid index (OID {oid}, {}) that nobody builds: it died in {}{ties}. :retry drops it and builds anew",
                size(*bytes),
                flags.died_in()
            );
            lines.extend(paragraph(Tone::Bad, &show.whole(&text), width));
        }
        ItemState::Drift { differences, live, .. } => {
            for Difference { what, wanted, found } in differences {
                let text = format!("{what}: registry {wanted}, server {found}");
                lines.extend(paragraph(Tone::Bad, &show.whole(&text), width));
            }
            lines.extend(paragraph(Tone::Plain, &format!("live: {}", show.statement(live)), width));
        }
        ItemState::Blocked { .. } | ItemState::Duplicate { .. } | ItemState::Building { .. } => {
            lines.extend(paragraph(Tone::Warn, &super::builds::plan_words(scene, item), width));
        }
        ItemState::ToBuild | ItemState::Present { .. } => {}
    }
    if let Some(estimate) = item.estimate.filter(|_| item.state == ItemState::ToBuild) {
        let rows = item.rows.map(|rows| format!("{} rows, ", count(rows.0))).unwrap_or_default();
        let table = item.table_size.map(size).unwrap_or_default();
        let text = format!(
            "table {rows}{table}. Estimates: index {} ({} to {}), time {} ({} to {}), sort files {}, WAL {}",
            size(estimate.index.likely),
            size(estimate.index.low),
            size(estimate.index.high),
            about(estimate.time.likely),
            span(estimate.time.low.0),
            span(estimate.time.high.0),
            size(estimate.temp.likely),
            size(estimate.wal.likely),
        );
        lines.extend(paragraph(Tone::Plain, &text, width));
    }
    lines
}
