//! (d) Verification, result and signature.

use crate::domain::event::{Conclusion, PlanReading, UsesIndex};
use crate::domain::plan::{ItemState, PlanItem};
use crate::domain::state::{BuildRecord, BuildStatus};
use crate::domain::target::Mode;
use crate::text::{cut, plural};

use super::super::picture::Engine;
use super::super::scene::Scene;
use super::super::show::{since, size};
use super::line::{Block, Chosen, Column, Line, Row, Tone, Word};
use super::stack::{self, Source, Wish, numbers, stack, words};
use super::{WIDE, build_detail, builds, log_pane, pane_title, paragraph, scrolled};

/// Cells of `UNKNOWN`.
const STATE_WIDTH: usize = 7;

/// The screen.
pub(super) fn body(scene: &Scene<'_>, width: usize, height: usize) -> Vec<Block> {
    let entries = scene.entries();
    let chosen = scene.entry();
    let at = entries.iter().position(|item| chosen.is_some_and(|chosen| chosen.key == item.key));
    let columns = columns(width);
    let widths: Vec<usize> = columns.iter().map(|column| column.width).collect();
    let source = Source {
        state_width: STATE_WIDTH,
        columns,
        total: entries.len(),
        at: at.unwrap_or(0),
        row: Box::new(|index| row(scene, entries[index], at == Some(index), &widths)),
        empty: "nothing to verify yet".to_owned(),
    };
    let mut wishes = vec![Wish::detail("result", result(scene, width))];
    if let Some(item) = chosen {
        let title = pane_title(scene, scene.show().name(item.name.as_str(), 50));
        let mut wish = Wish::detail(title, scrolled(scene, detail(scene, item, width)));
        wish.first = wish.first.min((height / 3).max(2));
        // Once the run is over its result has the room that it takes, and the entry gets what is left.
        wishes.insert(usize::from(scene.picture.over()), wish);
    }
    wishes.push(log_pane(scene, width, height));
    stack(height, heading(scene), &source, wishes)
}

fn heading(scene: &Scene<'_>) -> (Line, Line) {
    let tally = scene.picture.run.tally();
    let read = scene.picture.run.builds.values().filter(|it| it.checked.is_some() && !dropped(it)).count();
    let mut line = Line::of(Tone::Strong, " VERIFY  ")
        .then(Tone::Plain, format!("{} of {} valid   {read} read again", tally.verified, tally.total));
    if tally.leftovers > 0 {
        line = line.then(Tone::Bad, format!("   {} INVALID", tally.leftovers));
    }
    let (asked, used) = planner(scene);
    if asked > 0 {
        let text = format!("   {}: {used} use it", plural(asked, "query", "queries"));
        line = line.then(if used < asked { Tone::Warn } else { Tone::Plain }, text);
    }
    let right = scene.picture.run.run.as_ref().map_or_else(Line::default, |run| {
        let end = scene.picture.run.control.closed.as_ref().map_or(scene.now, |(at, _)| *at);
        Line::of(Tone::Dim, format!("run {} ", since(run.opened_at, end)))
    });
    (line, right)
}

fn planner(scene: &Scene<'_>) -> (usize, usize) {
    let there = scene.picture.run.builds.values().filter(|record| !dropped(record));
    let readings = there.flat_map(|record| &record.plans.1);
    let mut tally = (0, 0);
    for reading in readings {
        tally.0 += 1;
        tally.1 += usize::from(reading.reading.as_ref().is_ok_and(|plan| plan.uses == UsesIndex::Yes));
    }
    tally
}

fn columns(width: usize) -> Vec<Column> {
    let columns = if width >= WIDE {
        vec![
            words("INDEX", 0),
            words("TABLE", 16),
            words("VALID", 5),
            numbers("SIZE", 9),
            words("PLAN", 20),
            numbers("COST BEFORE", 11),
            numbers("AFTER", 9),
        ]
    } else {
        vec![
            words("INDEX", 0),
            words("VALID", 5),
            numbers("SIZE", 9),
            words("PLAN", 11),
            numbers("BEFORE", 6),
            numbers("AFTER", 6),
        ]
    };
    stack::columns(width, STATE_WIDTH, 0, columns)
}

fn row(scene: &Scene<'_>, item: &PlanItem, chosen: bool, widths: &[usize]) -> Row {
    let record = scene.build(&item.key);
    let name = scene.show().name(item.name.as_str(), widths.first().copied().unwrap_or(20));
    let there = record.filter(|record| !dropped(record));
    let bytes = there.and_then(|record| record.size).map_or_else(|| "-".to_owned(), size);
    let none = Vec::new();
    let before = record.map_or(&none, |record| &record.plans.0);
    let after = there.map_or(&none, |record| &record.plans.1);
    let mut texts = vec![
        name,
        valid(record).to_owned(),
        bytes,
        uses(scene, after),
        worst_cost(before),
        worst_cost(after),
    ];
    if widths.len() > texts.len() {
        texts.insert(1, scene.show().name(&item.table.name, 16));
    }
    let mut word = builds::word(scene, item);
    let unused =
        after.iter().any(|reading| reading.reading.as_ref().map_or(true, |plan| plan.uses == UsesIndex::No));
    if word == Word::Ok && unused {
        word = Word::Warn;
    }
    Row {
        chosen: if chosen { Chosen::Yes } else { Chosen::No },
        word,
        cells: texts.iter().zip(widths).map(|(text, width)| cut(text, *width)).collect(),
    }
}

/// Whether what was read of an index is about one that this run has dropped since.
fn dropped(record: &BuildRecord) -> bool {
    record.status == BuildStatus::RolledBack
}

fn valid(record: Option<&BuildRecord>) -> &'static str {
    if record.is_some_and(dropped) {
        return "gone";
    }
    match record.and_then(|record| record.checked.as_ref()) {
        Some(Conclusion::Verified { .. }) => "yes",
        Some(Conclusion::Leftover { .. }) => "NO",
        Some(Conclusion::Absent) => "none",
        Some(Conclusion::Drift { .. }) => "other",
        Some(Conclusion::BuiltElsewhere { .. } | Conclusion::StillBuilding { .. }) => "build",
        Some(Conclusion::Unknown { .. }) => "?",
        None => "-",
    }
}

/// What the planner does with the entry's queries, the worst of them.
fn uses(scene: &Scene<'_>, after: &[PlanReading]) -> String {
    if after.is_empty() {
        return "-".to_owned();
    }
    let worst = after.iter().find(|reading| match &reading.reading {
        Ok(plan) => plan.uses == UsesIndex::No,
        Err(_) => true,
    });
    match worst.map(|reading| &reading.reading) {
        None => "uses it".to_owned(),
        Some(Ok(plan)) => format!("no: {}", scene.show().whole(&plan.node)),
        Some(Err(_)) => "no plan".to_owned(),
    }
}

fn worst_cost(readings: &[PlanReading]) -> String {
    let costs = readings.iter().filter_map(|reading| reading.reading.as_ref().ok()).map(|plan| plan.cost);
    let worst =
        costs.fold(None, |worst: Option<f64>, cost| Some(worst.map_or(cost, |worst| worst.max(cost))));
    worst.map_or_else(|| "-".to_owned(), figure)
}

/// A planner's cost in at most six characters.
fn figure(cost: f64) -> String {
    if cost < 100_000.0 { format!("{cost:.0}") } else { crate::text::count(cost as u64) }
}

fn detail(scene: &Scene<'_>, item: &PlanItem, width: usize) -> Vec<Line> {
    let show = scene.show();
    let record = scene.build(&item.key);
    if record.is_some_and(dropped) {
        return build_detail::lines(scene, item, width);
    }
    let mut lines = Vec::new();
    if let Some(conclusion) = record.and_then(|record| record.checked.as_ref()) {
        let tone = if matches!(conclusion, Conclusion::Verified { .. }) { Tone::Good } else { Tone::Bad };
        let text = format!("read again: {}", conclusion.sentence());
        lines.extend(paragraph(tone, &show.whole(&text), width));
    }
    if let Some(record) = record {
        for (after, moment) in [(false, "before"), (true, "after")] {
            let readings = if after { &record.plans.1 } else { &record.plans.0 };
            for reading in readings {
                let text = match &reading.reading {
                    Ok(plan) => format!(
                        "{moment}: {} cost {:.0}{}  {}",
                        show.whole(&plan.node),
                        plan.cost,
                        if after && plan.uses == UsesIndex::No { ", NOT this index" } else { "" },
                        show.statement(&reading.query)
                    ),
                    Err(failure) => format!("{moment}: {}", show.failure(failure)),
                };
                lines.push(Line::plain(format!(" {}", cut(&text, width.saturating_sub(2)))));
            }
        }
    }
    if lines.is_empty() {
        lines = build_detail::lines(scene, item, width);
    }
    lines
}

/// What a run comes to that could not build anything: never a "not all".
fn dry_result(scene: &Scene<'_>) -> Line {
    let plan = scene.picture.run.plan.iter().flat_map(|plan| &plan.items);
    let count = plan.filter(|item| item.state == ItemState::ToBuild).count();
    let would = plural(count, "index", "indexes");
    Line::of(Tone::Good, format!(" DRY RUN   {would} would be built, nothing was changed"))
}

fn result(scene: &Scene<'_>, width: usize) -> Vec<Line> {
    let tally = scene.picture.run.tally();
    let control = &scene.picture.run.control;
    let bad = tally.failed + tally.unknown + tally.leftovers;
    let (tone, word) = match (bad, tally.rolled_back, tally.verified == tally.total) {
        (0, _, true) => (Tone::Good, "ALL VERIFIED"),
        (0, 0, false) => (Tone::Warn, "NOT ALL"),
        (0, _, false) => (Tone::Warn, "ROLLED BACK"),
        (_, _, _) => (Tone::Bad, "PARTIAL"),
    };
    let mut text = format!(" {word}   {} of {} verified", tally.verified, tally.total);
    for (count, what) in [
        (tally.failed, "failed"),
        (tally.skipped, "left out"),
        (tally.unknown, "not known"),
        (tally.leftovers, "leftover"),
        (tally.rolled_back, "rolled back"),
    ] {
        if count > 0 {
            text = format!("{text}   {count} {what}");
        }
    }
    let mut lines = vec![match scene.mode() {
        Mode::DryRun => dry_result(scene),
        Mode::Live | Mode::Rehearsal => Line::of(tone, text),
    }];
    match &control.sign_off {
        Some(sign) => {
            let text = format!("SIGNED by {} at {}: {}", sign.by.0, scene.time(sign.at), sign.reason);
            lines.extend(paragraph(Tone::Good, &scene.show().whole(&text), width));
        }
        None if scene.mode() == Mode::DryRun => lines.push(Line::plain(" SIGN-OFF: a dry run asks for none")),
        None if scene.picture.over() => lines.push(Line::plain(" SIGN-OFF: no")),
        None if super::super::allowed::at_sign_off(scene) => {
            lines.push(Line::of(Tone::Warn, " SIGN-OFF: not yet. Type :arm, then press [s]"));
        }
        None => lines.push(Line::plain(" SIGN-OFF: not yet, the run asks for it at its end")),
    }
    if let Engine::Ended(words) = &scene.picture.engine {
        for words in words {
            lines.extend(paragraph(Tone::Plain, &scene.show().whole(words), width));
        }
    }
    for (_, text) in control.sessions.iter().rev().take(2) {
        lines.extend(paragraph(Tone::Dim, &scene.show().whole(text), width));
    }
    lines
}
