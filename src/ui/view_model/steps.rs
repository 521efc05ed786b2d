//! (b) The playbook: what is done, what waits for whom, what comes.

use crate::domain::event::StepOutcome;
use crate::domain::playbook::{OnFailure, StepKind};
use crate::domain::state::StepStatus;
use crate::text::{cut, plural};

use super::super::scene::{Scene, StepRow, step_word};
use super::super::show::since;
use super::line::{Block, Chosen, Column, Line, Row, Tone};
use super::stack::{self, Source, Wish, stack, words};
use super::{WIDE, log_pane, pane_title, paragraph, scrolled};

const STATE_WIDTH: usize = 5;

/// The screen.
pub(super) fn body(scene: &Scene<'_>, width: usize, height: usize) -> Vec<Block> {
    let steps = scene.steps();
    let chosen = scene.step();
    let at = steps.iter().position(|row| chosen.as_ref().is_some_and(|chosen| chosen.step.id == row.step.id));
    let columns = columns(width);
    let widths: Vec<usize> = columns.iter().map(|column| column.width).collect();
    let source = Source {
        state_width: STATE_WIDTH,
        columns,
        total: steps.len(),
        at: at.unwrap_or(0),
        row: Box::new(|index| row(scene, &steps[index], at == Some(index), &widths)),
        empty: "no playbook yet".to_owned(),
    };
    let mut wishes = Vec::new();
    if let Some(step) = &chosen {
        let title = format!("{} {}", step.number, scene.show().whole(&step.step.title));
        wishes.push(Wish::detail(pane_title(scene, title), scrolled(scene, detail(scene, step, width))));
    }
    wishes.push(log_pane(scene, width, height));
    stack(height, heading(scene), &source, wishes)
}

fn heading(scene: &Scene<'_>) -> (Line, Line) {
    let Some(run) = &scene.picture.run.run else {
        return (Line::of(Tone::Strong, " PLAYBOOK"), Line::default());
    };
    let show = scene.show();
    let left = Line::of(Tone::Strong, " PLAYBOOK  ").then(Tone::Plain, show.whole(&run.playbook.title));
    let end = scene.picture.run.control.closed.as_ref().map_or(scene.now, |(at, _)| *at);
    let name = show.name(&run.playbook.name, 24);
    // Its clock runs in the rule above.
    let window = match scene.picture.run.control.window {
        Some(end) => format!("window to {} ", end.strftime("%H:%MZ")),
        None => format!("since {} ", since(run.opened_at, end)),
    };
    let right = Line::of(Tone::Dim, format!("{name}  {window}"));
    (left, right)
}

fn columns(width: usize) -> Vec<Column> {
    let columns = if width >= WIDE {
        vec![
            words("STEP", 5),
            words("", 30),
            words("WHAT", 0),
            words("TOOK", 9),
            words("BY", 10),
            words("ON FAILURE", 10),
        ]
    } else {
        vec![words("STEP", 5), words("", 24), words("WHAT", 0), words("TOOK", 8), words("BY", 6)]
    };
    stack::columns(width, STATE_WIDTH, 2, columns)
}

fn row(scene: &Scene<'_>, row: &StepRow<'_>, chosen: bool, widths: &[usize]) -> Row {
    let took = row.record.map_or_else(
        || "-".to_owned(),
        |record| since(record.started_at, record.finished_at.unwrap_or(scene.now)),
    );
    let by = row.record.map_or_else(
        || "-".to_owned(),
        |record| record.confirmed.as_ref().map_or_else(|| "auto".to_owned(), |(by, _)| by.0.clone()),
    );
    let failure = match row.step.on_failure {
        OnFailure::Stop => "stop",
        OnFailure::Warn => "go on",
        OnFailure::Ask => "ask",
    };
    let texts = [
        row.number.clone(),
        scene.show().whole(&row.step.title),
        what(scene, row),
        took,
        scene.show().name(&by, 10),
        failure.to_owned(),
    ];
    Row {
        chosen: if chosen { Chosen::Yes } else { Chosen::No },
        word: step_word(row.record),
        cells: texts.iter().zip(widths).map(|(text, width)| cut(text, *width)).collect(),
    }
}

fn what(scene: &Scene<'_>, row: &StepRow<'_>) -> String {
    let run = &scene.picture.run;
    if let Some(StepStatus::Finished { outcome }) = row.record.map(|record| &record.status) {
        match outcome {
            StepOutcome::Done => {}
            StepOutcome::Warned { reason }
            | StepOutcome::Failed { reason }
            | StepOutcome::Skipped { reason } => return scene.show().whole(reason),
        }
    }
    let tally = run.tally();
    match &row.step.kind {
        StepKind::Checks { .. } => {
            let waived = scene.check_tally().waived;
            let waived = if waived > 0 { format!(", {waived} waived") } else { String::new() };
            format!("{}{waived}", plural(run.checks.len(), "check", "checks"))
        }
        StepKind::Confirm { prompt } | StepKind::SignOff { prompt } => scene.show().whole(prompt),
        StepKind::BuildIndexes { .. } => format!("{} of {} verified", tally.verified, tally.total),
        StepKind::Verify { .. } => format!("{} entries read again", tally.total),
    }
}

fn detail(scene: &Scene<'_>, row: &StepRow<'_>, width: usize) -> Vec<Line> {
    let show = scene.show();
    let mut lines = Vec::new();
    match row.record.map(|record| &record.status) {
        Some(StepStatus::Held { why }) => {
            lines.extend(paragraph(Tone::Warn, &format!("waits for you: {}", show.whole(why)), width));
        }
        Some(StepStatus::Finished { outcome }) => {
            let text = match outcome {
                StepOutcome::Done => "done".to_owned(),
                StepOutcome::Warned { reason } => format!("ended with a warning: {reason}"),
                StepOutcome::Failed { reason } => format!("failed: {reason}"),
                StepOutcome::Skipped { reason } => format!("left out: {reason}"),
            };
            lines.extend(paragraph(Tone::Plain, &show.whole(&text), width));
        }
        Some(StepStatus::Running) => lines.extend(paragraph(Tone::Busy, "at work", width)),
        None => lines.extend(paragraph(
            Tone::Dim,
            "not begun: it begins when the steps before it have ended",
            width,
        )),
    }
    lines.extend(paragraph(Tone::Plain, &format!("does   {}", does(scene, &row.step.kind)), width));
    if let Some((by, typed)) = row.record.and_then(|record| record.confirmed.as_ref()) {
        let text = format!("go     by {}, who typed: {typed}", by.0);
        lines.extend(paragraph(Tone::Plain, &show.whole(&text), width));
    }
    let undo = match &row.step.kind {
        StepKind::BuildIndexes { .. } => "undo   [u] drops exactly what this run made, concurrently",
        StepKind::Checks { .. }
        | StepKind::Confirm { .. }
        | StepKind::Verify { .. }
        | StepKind::SignOff { .. } => "undo   nothing to undo: this step changes nothing",
    };
    lines.extend(paragraph(Tone::Plain, undo, width));
    let failure = match row.step.on_failure {
        OnFailure::Stop => "fails  the run stops here and nothing later starts",
        OnFailure::Warn => "fails  the run says so and goes on",
        OnFailure::Ask => "fails  the run waits here for your decision",
    };
    lines.extend(paragraph(Tone::Plain, failure, width));
    lines
}

fn does(scene: &Scene<'_>, kind: &StepKind) -> String {
    match kind {
        StepKind::Checks { .. } => {
            "reads the catalogs, makes the plan and asks every check; changes nothing".to_owned()
        }
        StepKind::Confirm { prompt } => format!("asks a person: {}", scene.show().whole(prompt)),
        StepKind::BuildIndexes { jobs, attempts, .. } => {
            let settings = scene.picture.run.run.as_ref().map(|run| &run.settings);
            let jobs = jobs.or(settings.map(|settings| settings.jobs)).unwrap_or(1);
            let tries = attempts.or(settings.map(|settings| settings.attempts)).unwrap_or(1);
            let counts = super::preflight::plan_counts(scene).unwrap_or_else(|| "no plan yet".to_owned());
            format!("builds CONCURRENTLY, {jobs} at a time on different tables, {tries} tries each; {counts}")
        }
        StepKind::Verify { explain: true } => {
            "reads every index on a fresh connection and asks the planner about the entries' queries"
                .to_owned()
        }
        StepKind::Verify { explain: false } => "reads every index on a fresh connection".to_owned(),
        StepKind::SignOff { prompt } => {
            format!("asks for a name and a reason: {}", scene.show().whole(prompt))
        }
    }
}
