//! The plan, printed.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::domain::estimate::{Estimate, Need, SpaceNeed, need};
use crate::domain::plan::{Importance, ItemState, PLAN_LIFETIME, Plan, PlanItem};
use crate::domain::target::Target;
use crate::domain::unit::{Band, Bytes, Millis};
use crate::text::{bytes, cell_width, count, plural, span};

use super::args::Output;
use super::stream::print_json;
use super::table::{Side, safe, table};

/// The plan as JSON. Fields are only ever added within a version.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    version: u32,
    kind: &'static str,
    target: &'a Target,
    plan: &'a Plan,
    counts: BTreeMap<String, usize>,
    need: BTreeMap<String, SpaceAnswer>,
    time_ms: Band<Millis>,
    without_estimate: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SpaceAnswer {
    kept: Bytes,
    passing: Bytes,
    at_most: Bytes,
}

/// Prints a plan, in text at most `width` cells wide where names and statements allow.
pub fn print_plan(
    plan: &Plan,
    target: &Target,
    out: &mut dyn Write,
    output: Output,
    width: usize,
) -> io::Result<()> {
    match output {
        Output::Json => {
            let need = need(plan, &[]);
            let answer = Answer {
                version: 1,
                kind: "plan",
                target,
                plan,
                counts: counts(plan).into_iter().map(|(word, it)| (word.replace(' ', "_"), it)).collect(),
                need: need.spaces.iter().map(|(place, it)| (place.clone(), space(it))).collect(),
                time_ms: need.time,
                without_estimate: need.unknown,
            };
            print_json(out, &answer)
        }
        Output::Plain => {
            header(plan, target, out)?;
            overview(plan, out, width)?;
            decisions(plan, out)?;
            builds(plan, out)?;
            totals(plan, out)
        }
    }
}

fn space(need: &SpaceNeed) -> SpaceAnswer {
    SpaceAnswer { kept: need.kept, passing: need.passing, at_most: need.high }
}

fn header(plan: &Plan, target: &Target, out: &mut dyn Write) -> io::Result<()> {
    let time = |at: jiff::Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let end = plan.made_at.checked_add(std::time::Duration::from(PLAN_LIFETIME)).unwrap_or(plan.made_at);
    writeln!(
        out,
        "Plan of {}  {}  {} on {} as {}  {}  {}",
        time(plan.made_at),
        safe(&target.environment.word(), Some(16)),
        safe(&target.identity.database, None),
        safe(&target.address, None),
        safe(&target.role, None),
        target.identity.standing.word(),
        safe(&target.version, None),
    )?;
    writeln!(out, "id {}", plan.id.as_str())?;
    writeln!(out, "holds until {}, or until registry, catalogs or settings change\n", time(end))
}

fn overview(plan: &Plan, out: &mut dyn Write, width: usize) -> io::Result<()> {
    use Side::{Left, Right};
    let names = [("STATE", Left), ("INDEX", Left), ("TABLE", Left), ("ROWS", Right)];
    let few = [("SIZE", Right), ("INDEX", Right), ("TIME", Right)];
    let all = [
        ("TABLE SIZE", Right),
        ("INDEX SIZE", Right),
        ("SORT FILES", Right),
        ("LOG", Right),
        ("TIME", Right),
    ];
    let items = plan.by_urgency();
    let laid_out = |figures: &[(&'static str, Side)]| {
        let columns: Vec<_> = names.iter().chain(figures).copied().collect();
        let rows: Vec<_> = items.iter().map(|item| row(item, figures.len() == all.len())).collect();
        (columns, rows)
    };
    // Every figure where all names still fit; else the names come first.
    let (mut columns, mut rows) = laid_out(&all);
    if !fits(&columns, &rows, width) {
        (columns, rows) = laid_out(&few);
    }
    let (index_width, table_width) = name_widths(&columns, &rows, width);
    for (row, item) in rows.iter_mut().zip(&items) {
        row[INDEX] = safe(item.name.as_str(), Some(index_width));
        row[TABLE] = safe(&item.table.name, Some(table_width));
    }
    write!(out, "{}", table(&columns, &rows, width))
}

/// Columns of names, which take what the others leave.
const INDEX: usize = 1;
const TABLE: usize = 2;
const NAMES: [usize; 2] = [INDEX, TABLE];
/// Cells around the text of each column.
const PADDING: usize = 2;

fn row(item: &PlanItem, wide: bool) -> Vec<String> {
    let built = matches!(item.state, ItemState::ToBuild | ItemState::Leftover { .. });
    let figure = |of: fn(&Estimate) -> String| match &item.estimate {
        Some(estimate) if built => of(estimate),
        None if built => unknown(),
        Some(_) | None => "-".to_owned(),
    };
    let mut row = vec![
        item.state.word().to_owned(),
        safe(item.name.as_str(), None),
        safe(&item.table.name, None),
        item.rows.map_or_else(unknown, |it| count(it.0)),
        item.table_size.map_or_else(unknown, size),
    ];
    row.push(if let ItemState::Present { size, .. } = &item.state {
        bytes(size.0)
    } else {
        figure(|it| about(it.index.likely))
    });
    if wide {
        row.push(figure(|it| about(it.temp.likely)));
        row.push(figure(|it| about(it.wal.likely)));
    }
    row.push(figure(|it| format!("~{}", span(it.time.likely.0))));
    row
}

/// Cells for the names of indexes and tables. Names that do not fit are cut in their middle.
fn name_widths(columns: &[(&str, Side)], rows: &[Vec<String>], width: usize) -> (usize, usize) {
    let others: usize =
        widths(columns, rows).enumerate().filter(|(at, _)| !NAMES.contains(at)).map(|it| it.1).sum();
    let names = width.saturating_sub(others + PADDING * columns.len()).max(24);
    let table_width = widths(columns, rows).nth(TABLE).unwrap_or(0).min(names * 2 / 5);
    (names - table_width, table_width)
}

fn fits(columns: &[(&str, Side)], rows: &[Vec<String>], width: usize) -> bool {
    widths(columns, rows).map(|it| it + PADDING).sum::<usize>() <= width
}

fn widths(columns: &[(&str, Side)], rows: &[Vec<String>]) -> impl Iterator<Item = usize> {
    columns.iter().enumerate().map(|(at, (title, _))| {
        let cells = rows.iter().map(|row| cell_width(&row[at]));
        cells.max().unwrap_or(0).max(cell_width(title))
    })
}

fn size(it: Bytes) -> String {
    if it.0 == 0 { "none".to_owned() } else { bytes(it.0) }
}

fn about(size: Bytes) -> String {
    if size.0 == 0 { "none".to_owned() } else { format!("~{}", bytes(size.0)) }
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// Entries that a person must look at, with the reason and the diff.
fn decisions(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let quiet = |it: &ItemState| matches!(it, ItemState::ToBuild | ItemState::Present { .. });
    let open: Vec<&PlanItem> = plan.by_urgency().into_iter().filter(|it| !quiet(&it.state)).collect();
    if open.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nTo be decided")?;
    for item in open {
        let name = safe(item.name.as_str(), None);
        writeln!(out, "  {} {name}: {}", item.state.word(), safe(&item.state.sentence(), None))?;
        for line in item.state.diff() {
            writeln!(out, "      {}", safe(&line, None))?;
        }
        if let ItemState::Drift { live, .. } = &item.state {
            writeln!(out, "      live      {}", safe(live, None))?;
            writeln!(out, "      registry  {}", safe(&item.statement, None))?;
        }
        if let Some(advice) = item.state.advice() {
            writeln!(out, "      do: {advice}")?;
        }
    }
    Ok(())
}

/// What would be sent, with every figure and its band.
fn builds(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let mut first = true;
    for item in plan.work() {
        if std::mem::take(&mut first) {
            writeln!(out, "\nTo be built")?;
        }
        let critical = if item.critical == Importance::Critical { "  critical" } else { "" };
        writeln!(out, "  {}{critical}", safe(item.key.as_str(), None))?;
        if matches!(item.state, ItemState::Leftover { .. }) {
            writeln!(out, "      first dropped concurrently: the leftover of that name")?;
        }
        writeln!(out, "      {}", safe(&item.statement, None))?;
        match &item.estimate {
            Some(it) => {
                writeln!(out, "      index {}, sort files {}", band(it.index, size), band(it.temp, size))?;
                writeln!(out, "      log {}, time {}", band(it.wal, size), band(it.time, |it| span(it.0)))?;
            }
            None => writeln!(out, "      no estimate: the table was never analysed")?,
        }
    }
    Ok(())
}

fn band<T: Copy + PartialEq>(band: Band<T>, show: impl Fn(T) -> String) -> String {
    if band.low == band.high {
        return show(band.likely);
    }
    format!("~{} ({} to {})", show(band.likely), show(band.low), show(band.high))
}

fn totals(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let parts: Vec<String> =
        counts(plan).into_iter().map(|(word, count)| format!("{count} {word}")).collect();
    writeln!(out, "\n{}: {}", plural(plan.items.len(), "entry", "entries"), parts.join(", "))?;
    let Need { spaces, time, unknown, .. } = need(plan, &[]);
    for (place, it) in &spaces {
        writeln!(
            out,
            "needs on {}: {} to keep, {} in passing, at most {}",
            safe(place, None),
            about(it.kept),
            about(it.passing),
            bytes(it.high.0)
        )?;
    }
    if !spaces.is_empty() {
        writeln!(
            out,
            "working time, one build after the other: {}; waits for other sessions come on top",
            band(time, |it| span(it.0))
        )?;
    }
    if !unknown.is_empty() {
        writeln!(
            out,
            "{} without an estimate: run ANALYZE on their tables",
            plural(unknown.len(), "entry", "entries")
        )?;
    }
    Ok(())
}

fn counts(plan: &Plan) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for item in &plan.items {
        *counts.entry(item.state.word()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests;
