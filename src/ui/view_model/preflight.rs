//! (a) Checks, what they found, and what the plan would do.

use crate::domain::check::{Verdict, Waivable};
use crate::domain::plan::{ItemState, PlanItem};
use crate::domain::state::{CheckRecord, Pass};
use crate::text::{cell_width, count, fit_left, fit_right, span};

use super::super::scene::Scene;
use super::super::show::{about, size};
use super::line::{Block, Chosen, Column, Line, Row, Tone, Word};
use super::stack::{self, Source, Wish, stack, words};
use super::{WIDE, pane_title, paragraph, scrolled};

/// Cells of `UNKNOWN`.
const STATE_WIDTH: usize = 7;

/// The screen.
pub(super) fn body(scene: &Scene<'_>, width: usize, height: usize) -> Vec<Block> {
    let checks = scene.checks();
    let chosen = scene.check();
    let columns = columns(width);
    let widths: Vec<usize> = columns.iter().map(|column| column.width).collect();
    let at = checks.iter().position(|check| chosen.is_some_and(|chosen| chosen.result.id == check.result.id));
    let source = Source {
        state_width: STATE_WIDTH,
        columns,
        total: checks.len(),
        at: at.unwrap_or(0),
        row: Box::new(|index| row(scene, checks[index], at == Some(index), &widths)),
        empty: empty(scene),
    };
    let mut wishes = Vec::new();
    if let Some(check) = chosen {
        let title = pane_title(scene, scene.show().whole(&check.result.title));
        wishes.push(Wish::detail(title, scrolled(scene, detail(scene, check, width))));
    }
    if width >= WIDE {
        wishes.push(plan_pane(scene, width));
    } else {
        wishes.extend(plan_line(scene));
    }
    stack(height, heading(scene), &source, wishes)
}

fn empty(scene: &Scene<'_>) -> String {
    if !scene.ui.filter.is_empty() {
        return "no check matches the filter".to_owned();
    }
    let run = &scene.picture.run;
    match (run.target.is_some(), run.plan.is_some()) {
        (false, _) => "not connected yet".to_owned(),
        (true, false) => "reading the catalogs for the plan".to_owned(),
        (true, true) => "asking the first check".to_owned(),
    }
}

fn heading(scene: &Scene<'_>) -> (Line, Line) {
    let tally = scene.check_tally();
    let mut line = Line::of(Tone::Strong, " PRE-FLIGHT  ");
    for (number, word, always) in [
        (tally.ok, Word::Ok, true),
        (tally.warn, Word::Warn, true),
        (tally.waived, Word::Waived, false),
        (tally.unknown, Word::Unknown, false),
        (tally.fail, Word::Fail, true),
    ] {
        if number > 0 || always {
            let tone = if number == 0 { Tone::Plain } else { word.tone() };
            line = line.then(tone, format!(" {number} {} ", word.text()));
        }
    }
    let right = match scene.picture.pass {
        Some((at, took)) => {
            Line::of(Tone::Dim, format!("last full pass {}, {} ", scene.time(at), span(took.0)))
        }
        None => Line::default(),
    };
    (line, right)
}

fn columns(width: usize) -> Vec<Column> {
    let columns = if width >= WIDE {
        vec![words("CHECK", 26), words("FOUND", 0), words("WANTED", 21), words("AGE", 8), words("SOURCE", 19)]
    } else {
        vec![words("CHECK", 21), words("FOUND", 0), words("WANTED", 16)]
    };
    stack::columns(width, STATE_WIDTH, 1, columns)
}

fn row(scene: &Scene<'_>, check: &CheckRecord, chosen: bool, widths: &[usize]) -> Row {
    let show = scene.show();
    let result = &check.result;
    let wanted = match &check.waiver {
        Some(waiver) => format!("waived by {}", waiver.by.0),
        None => result.wanted.clone(),
    };
    let texts = [
        result.title.clone(),
        result.found.clone(),
        wanted,
        super::super::show::since(result.evidence.at, scene.now),
        result.evidence.source.clone(),
    ];
    let cells =
        texts.iter().zip(widths).map(|(text, width)| crate::text::cut(&show.whole(text), *width)).collect();
    Row { chosen: if chosen { Chosen::Yes } else { Chosen::No }, word: word(check), cells }
}

fn word(check: &CheckRecord) -> Word {
    if check.pass == Pass::Earlier {
        return Word::Run;
    }
    match (check.result.verdict, &check.waiver) {
        (Verdict::Pass, _) => Word::Ok,
        (_, Some(_)) => Word::Waived,
        (Verdict::Warn, None) => Word::Warn,
        (Verdict::Unknown, None) => Word::Unknown,
        (Verdict::Stop, None) => Word::Fail,
    }
}

fn detail(scene: &Scene<'_>, check: &CheckRecord, width: usize) -> Vec<Line> {
    let show = scene.show();
    let result = &check.result;
    let mut lines = Vec::new();
    let text = format!("found {}; wanted {}", result.found, result.wanted);
    lines.extend(paragraph(Tone::Plain, &show.whole(&text), width));
    if let Some(advice) = &result.advice {
        lines.extend(paragraph(Tone::Strong, &show.whole(advice), width));
    }
    if let Some(waiver) = &check.waiver {
        let text = format!("waived by {} at {}: {}", waiver.by.0, scene.time(waiver.at), waiver.reason);
        lines.extend(paragraph(Tone::Warn, &show.whole(&text), width));
    } else if result.verdict.blocks() && result.waivable == Waivable::Never {
        lines.extend(paragraph(Tone::Bad, "this one can never be waived", width));
    }
    for text in &result.details {
        lines.extend(paragraph(Tone::Plain, &show.whole(text), width));
    }
    let evidence = &result.evidence;
    let text = format!(
        "read {} in {} from {}",
        scene.time(evidence.at),
        span(evidence.took.0),
        show.whole(&evidence.source)
    );
    lines.extend(paragraph(Tone::Dim, &text, width));
    if let Some(query) = &evidence.query {
        lines.extend(paragraph(Tone::Dim, &show.statement(query), width));
    }
    lines
}

/// Counts of the plan by state, in the order of their weight.
pub(super) fn plan_counts(scene: &Scene<'_>) -> Option<String> {
    let plan = scene.picture.run.plan.as_ref()?;
    let order = ["to build", "present", "building", "leftover", "drift", "duplicate", "blocked"];
    let counts: Vec<String> = order
        .iter()
        .filter_map(|word| {
            let count = plan.items.iter().filter(|item| item.state.word() == *word).count();
            (count > 0).then(|| format!("{count} {word}"))
        })
        .collect();
    Some(format!("plan: {}", if counts.is_empty() { "no entries".to_owned() } else { counts.join(", ") }))
}

fn plan_line(scene: &Scene<'_>) -> Option<Wish> {
    let counts = plan_counts(scene)?;
    let plan = scene.picture.run.plan.as_ref()?;
    let odd: Vec<Line> = plan
        .items
        .iter()
        .filter(|item| !matches!(item.state, ItemState::ToBuild | ItemState::Present { .. }))
        .map(|item| {
            let name = scene.show().name(item.name.as_str(), 40);
            Line::plain(format!(" {name}  {}", super::builds::plan_words(scene, item)))
        })
        .collect();
    let lines = if odd.is_empty() { vec![Line::of(Tone::Dim, " nothing in the way")] } else { odd };
    let mut wish = Wish::filler(counts, lines);
    wish.least = 1;
    wish.first = 2;
    Some(wish)
}

fn plan_pane(scene: &Scene<'_>, width: usize) -> Wish {
    let Some(plan) = &scene.picture.run.plan else {
        return Wish::filler("plan", vec![Line::of(Tone::Dim, " no plan yet")]);
    };
    let mut items: Vec<&PlanItem> = plan.items.iter().collect();
    // What an operator must know of comes first; what is there already comes last.
    items.sort_by_key(|item| match item.state {
        ItemState::Leftover { .. } | ItemState::Drift { .. } | ItemState::Blocked { .. } => 0,
        ItemState::Building { .. } | ItemState::Duplicate { .. } => 1,
        ItemState::ToBuild => 2,
        ItemState::Present { .. } => 3,
    });
    let widest = |name: fn(&PlanItem) -> &str| {
        let widths = items.iter().map(|item| cell_width(&scene.show().whole(name(item))));
        widths.max().unwrap_or_default()
    };
    let (name_width, table_width) = if scene.is_whole() {
        (widest(|item| item.name.as_str()), widest(|item| &item.table.name))
    } else {
        (width.saturating_sub(90).clamp(24, 50), 16)
    };
    let head = format!(
        "   {} {} {} {} {} {} STATE",
        fit_left("INDEX", name_width),
        fit_left("TABLE", table_width),
        fit_right("ROWS", 7),
        fit_right("TABLE SIZE", 10),
        fit_right("INDEX SIZE", 11),
        fit_right("TIME", 10),
    );
    let mut lines = vec![Line::of(Tone::Strong, head)];
    lines.extend(items.into_iter().map(|item| plan_row(scene, item, name_width, table_width)));
    let mut wish = Wish::filler(plan_counts(scene).unwrap_or_default(), lines);
    wish.first = 7;
    wish
}

fn plan_row(scene: &Scene<'_>, item: &PlanItem, name_width: usize, table_width: usize) -> Line {
    let show = scene.show();
    let estimate = item.estimate.as_ref();
    let builds = item.state == ItemState::ToBuild;
    let index_size = match (&item.state, estimate) {
        (ItemState::Present { size: bytes, .. } | ItemState::Leftover { size: bytes, .. }, _) => size(*bytes),
        (_, Some(estimate)) if builds => format!("~{}", size(estimate.index.likely)),
        (_, _) => "-".to_owned(),
    };
    let time = match estimate {
        Some(estimate) if builds => about(estimate.time.likely),
        Some(_) | None => "-".to_owned(),
    };
    let tone = match item.state {
        ItemState::ToBuild => Tone::Plain,
        ItemState::Present { .. } => Tone::Dim,
        ItemState::Leftover { .. }
        | ItemState::Building { .. }
        | ItemState::Drift { .. }
        | ItemState::Blocked { .. }
        | ItemState::Duplicate { .. } => Tone::Warn,
    };
    let dash = || "-".to_owned();
    Line::of(
        tone,
        format!(
            "   {} {} {} {} {} {} {}",
            fit_left(&show.name(item.name.as_str(), name_width), name_width),
            fit_left(&show.name(&item.table.name, table_width), table_width),
            fit_right(&item.rows.map_or_else(dash, |rows| count(rows.0)), 7),
            fit_right(&item.table_size.map_or_else(dash, size), 10),
            fit_right(&index_size, 11),
            fit_right(&time, 10),
            super::builds::plan_words(scene, item),
        ),
    )
}
