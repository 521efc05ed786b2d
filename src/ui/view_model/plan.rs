//! The plan: what is there, what would be built, and what it is reckoned to cost.

use crate::domain::estimate::{Estimate, SpaceNeed, need};
use crate::domain::plan::{Importance, ItemState, Plan, PlanItem};
use crate::domain::state::BuildStatus;
use crate::domain::unit::Bytes;
use crate::text::{count, cut, plural, span};

use super::super::scene::Scene;
use super::super::show::{about, size};
use super::line::{Block, Chosen, Column, Line, Row, Tone};
use super::stack::{self, Source, Wish, numbers, stack, words};
use super::{VERY_WIDE, WIDE, build_detail, builds, pane_title, paragraph, preflight, scrolled};

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
        empty: empty(scene),
    };
    let mut wishes = Vec::new();
    if let Some(plan) = &scene.picture.run.plan {
        let mut wish = Wish::detail("needs", needs(scene, plan, width));
        wish.first = wish.first.min(3);
        wishes.push(wish);
    }
    if let Some(item) = chosen {
        let title = pane_title(scene, scene.show().name(item.name.as_str(), 50));
        wishes.push(Wish::detail(title, scrolled(scene, detail(scene, item, width))));
    }
    stack(height, heading(scene), &source, wishes)
}

fn empty(scene: &Scene<'_>) -> String {
    match (&scene.picture.run.plan, scene.ui.filter.is_empty()) {
        (None, _) => "no plan yet: it is made when the run is connected".to_owned(),
        (Some(_), true) => "the registry has no entries".to_owned(),
        (Some(_), false) => "no entry matches the filter".to_owned(),
    }
}

fn heading(scene: &Scene<'_>) -> (Line, Line) {
    let Some(plan) = &scene.picture.run.plan else {
        return (Line::of(Tone::Strong, " PLAN"), Line::default());
    };
    let counts = preflight::plan_counts(scene).unwrap_or_default();
    let counts = counts.trim_start_matches("plan: ").to_owned();
    let id: String = plan.id.as_str().chars().take(8).collect();
    let made = format!("{} made {} ", id, scene.time(plan.made_at));
    let right = if scene.ui.filter.is_empty() { Line::of(Tone::Dim, made) } else { super::matches(scene) };
    (Line::of(Tone::Strong, " PLAN  ").then(Tone::Plain, counts), right)
}

fn columns(width: usize) -> Vec<Column> {
    let columns = if width >= WIDE {
        let table = if width >= VERY_WIDE { 30 } else { 16 };
        vec![
            words("INDEX", 0),
            words("TABLE", table),
            numbers("ROWS", 7),
            numbers("TABLE SIZE", 10),
            numbers("SIZE", 10),
            numbers("SORT", 10),
            numbers("WAL", 10),
            numbers("TIME", 9),
        ]
    } else {
        vec![
            words("INDEX", 0),
            words("TABLE", 12),
            numbers("ROWS", 7),
            numbers("SIZE", 10),
            numbers("TIME", 9),
        ]
    };
    stack::columns(width, STATE_WIDTH, 0, columns)
}

fn row(scene: &Scene<'_>, item: &PlanItem, chosen: bool, widths: &[usize]) -> Row {
    let show = scene.show();
    let name = show.name(item.name.as_str(), widths.first().copied().unwrap_or(20));
    let table = show.name(&item.table.name, widths.get(1).copied().unwrap_or(12));
    let dash = || "-".to_owned();
    let rows = item.rows.map_or_else(dash, |rows| count(rows.0));
    let built = is_built(scene, item);
    let figure = |of: fn(&Estimate) -> String| match &item.estimate {
        Some(estimate) if built => of(estimate),
        None if built => "?".to_owned(),
        Some(_) | None => dash(),
    };
    let index = match &item.state {
        ItemState::Present { size: bytes, .. } => size(*bytes),
        ItemState::ToBuild
        | ItemState::Leftover { .. }
        | ItemState::Building { .. }
        | ItemState::Drift { .. }
        | ItemState::Blocked { .. }
        | ItemState::Duplicate { .. } => figure(|it| roughly(it.index.likely)),
    };
    let time = figure(|it| about(it.time.likely));
    let texts = if widths.len() > 5 {
        let table_size = item.table_size.map_or_else(dash, size);
        let sort = figure(|it| roughly(it.temp.likely));
        let wal = figure(|it| roughly(it.wal.likely));
        vec![name, table, rows, table_size, index, sort, wal, time]
    } else {
        vec![name, table, rows, index, time]
    };
    Row {
        chosen: if chosen { Chosen::Yes } else { Chosen::No },
        word: builds::word(scene, item),
        cells: texts.iter().zip(widths).map(|(text, width)| cut(text, *width)).collect(),
    }
}

/// Whether the plan has it built, now or once its leftover is gone. A leftover that is kept costs nothing.
fn is_built(scene: &Scene<'_>, item: &PlanItem) -> bool {
    let settings = scene.picture.run.plan.as_ref().map(|plan| &plan.settings);
    settings.is_some_and(|settings| item.state.is_work(settings.leftovers))
}

fn roughly(bytes: Bytes) -> String {
    if bytes.0 == 0 { "none".to_owned() } else { format!("~{}", size(bytes)) }
}

/// What all of it needs: the plan as it was made, not what is left of it.
fn needs(scene: &Scene<'_>, plan: &Plan, width: usize) -> Vec<Line> {
    let need = need(plan, &[]);
    let mut lines = Vec::new();
    for (place, SpaceNeed { kept, passing, high }) in &need.spaces {
        let kept = if kept.0 == 0 { String::new() } else { format!("{} to keep, ", roughly(*kept)) };
        let place = scene.show().name(place, 24);
        let text = format!("{place}: {kept}{} in passing, at most {}", roughly(*passing), size(*high));
        lines.extend(paragraph(Tone::Plain, &text, width));
    }
    if need.time.likely.0 > 0 {
        let text = format!(
            "working time {} ({} to {}), and waits on top",
            about(need.time.likely),
            span(need.time.low.0),
            span(need.time.high.0)
        );
        lines.extend(paragraph(Tone::Plain, &text, width));
    }
    if !need.unknown.is_empty() {
        let text = format!(
            "{} without an estimate: ANALYZE their tables",
            plural(need.unknown.len(), "entry", "entries")
        );
        lines.extend(paragraph(Tone::Warn, &text, width));
    }
    if lines.is_empty() {
        lines.push(Line::of(Tone::Dim, " nothing is to be built"));
    }
    lines
}

fn detail(scene: &Scene<'_>, item: &PlanItem, width: usize) -> Vec<Line> {
    let show = scene.show();
    let critical = match item.critical {
        Importance::Critical => "  critical",
        Importance::Normal => "",
    };
    let so = match scene.build(&item.key).map(|record| &record.status) {
        Some(BuildStatus::Verified { .. }) => "built since, and verified".to_owned(),
        Some(_) => format!("{}: the builds screen has it", builds::word(scene, item).text()),
        None => builds::plan_words(scene, item),
    };
    let text =
        format!("{so}, on {}.{}  domain {}{critical}", item.table.schema, item.table.name, item.domain);
    let mut lines = paragraph(Tone::Strong, &show.whole(&text), width);
    lines.extend(build_detail::planned(scene, item, width));
    lines.extend(paragraph(Tone::Dim, &show.bare_statement(&item.statement), width));
    for query in &item.queries {
        lines.extend(paragraph(Tone::Dim, &format!("for {}", show.statement(query)), width));
    }
    lines
}
