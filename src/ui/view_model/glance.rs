//! What stands in the rule under the bar on every screen: how long it has taken, what is left or why that is not
//! known, the way back, who has the run in hand, and the window.

use crate::domain::plan::ItemState;
use crate::domain::progress::Eta;
use crate::domain::state::{AfterCleaning, BuildStatus};
use crate::domain::target::Mode;
use crate::domain::unit::Millis;
use crate::text::{cell_width, plural};

use super::super::Hand;
use super::super::keymap::{Action, BINDINGS, Deed};
use super::super::scene::Scene;
use super::super::show::{about, clock, since};
use super::line::{Line, Tone};

/// A segment in a long form and in one for narrow screens.
struct Segment {
    tone: Tone,
    long: String,
    short: String,
}

impl Segment {
    fn new(tone: Tone, long: impl Into<String>, short: impl Into<String>) -> Self {
        Self { tone, long: long.into(), short: short.into() }
    }

    fn one(tone: Tone, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(tone, text.clone(), text)
    }
}

/// Cells around a segment: two of the rule, a blank at each side.
const AROUND: usize = 4;

/// The segments that fit, the most telling ones first, and their long forms as far as there is room.
pub(super) fn glance(scene: &Scene<'_>, width: usize) -> Vec<Line> {
    let mut left = width;
    let mut shown: Vec<(&Segment, &String)> = Vec::new();
    let segments = segments(scene);
    for segment in &segments {
        if let Some(rest) = left.checked_sub(cell_width(&segment.short) + AROUND) {
            left = rest;
            shown.push((segment, &segment.short));
        }
    }
    for (segment, text) in shown.iter_mut().rev() {
        let more = cell_width(&segment.long).saturating_sub(cell_width(text));
        if let Some(rest) = left.checked_sub(more) {
            left = rest;
            *text = &segment.long;
        }
    }
    shown.into_iter().map(|(segment, text)| Line::of(segment.tone, text.clone())).collect()
}

/// In the order of their weight.
fn segments(scene: &Scene<'_>) -> Vec<Segment> {
    let Some(run) = &scene.picture.run.run else { return Vec::new() };
    let closed = scene.picture.run.control.closed.as_ref();
    let elapsed = since(run.opened_at, closed.map_or(scene.now, |(at, _)| *at));
    let mut segments = vec![Segment::new(Tone::Plain, format!("elapsed {elapsed}"), elapsed.clone())];
    if !scene.picture.over() {
        segments.push(left(scene));
    }
    segments.extend(undo(scene));
    segments.extend(watching(scene));
    if !scene.picture.over() {
        segments.extend(window(scene));
    }
    segments
}

/// Work left of the whole queue, or why that cannot be said.
fn left(scene: &Scene<'_>) -> Segment {
    match queue(scene) {
        Queue::NoPlan => Segment::one(Tone::Dim, "left: no plan yet"),
        Queue::Nothing => Segment::one(Tone::Plain, "nothing left to build"),
        Queue::NoGround { waits: true } => {
            Segment::new(Tone::Plain, "left unknown: it ends when others do", "left unknown")
        }
        Queue::NoGround { waits: false } => {
            Segment::new(Tone::Plain, "left unknown: no estimate of the tables", "left unknown")
        }
        Queue::Left { likely, waits: true, blank: _ } => {
            let likely = about(likely);
            Segment::new(Tone::Plain, format!("left {likely} + the wait"), format!("left {likely} + wait"))
        }
        Queue::Left { likely, waits: false, blank: true } => {
            Segment::one(Tone::Plain, format!("left {} + unknown", about(likely)))
        }
        Queue::Left { likely, waits: false, blank: false } => {
            Segment::one(Tone::Plain, format!("left {}", about(likely)))
        }
    }
}

/// The way back, whenever there is one.
fn undo(scene: &Scene<'_>) -> Option<Segment> {
    let made = scene.picture.run.ledger.len();
    // A throwaway server ends with its run.
    let nothing_left = scene.picture.over() && scene.mode() == Mode::Rehearsal;
    if made == 0 || scene.mode() == Mode::DryRun || nothing_left {
        return None;
    }
    let things = plural(made, "index", "indexes");
    if scene.picture.over() {
        return Some(Segment::new(
            Tone::Plain,
            format!("undo {things}: cicerone rollback"),
            format!("undo {made}: cicerone rollback"),
        ));
    }
    let here = |binding: &super::super::keymap::Binding| {
        binding.action == Action::Do(Deed::Undo) && binding.on(scene.screen())
    };
    let key = if BINDINGS.iter().any(here) { "[u]" } else { ":undo all" };
    let armed = if scene.ui.arm.left(scene.now).is_some() { "" } else { ":arm, " };
    Some(Segment::new(
        Tone::Plain,
        format!("undo {things}: {armed}{key}"),
        format!("undo {made}: {armed}{key}"),
    ))
}

/// Said to whoever cannot command.
fn watching(scene: &Scene<'_>) -> Option<Segment> {
    match &scene.picture.hand {
        Hand::Ours => None,
        Hand::Theirs { holder: Some(holder) } => {
            let who = scene.show().name(&holder.0, 16);
            Some(Segment::new(Tone::Warn, format!("WATCHING: {who} has it, :control takes it"), "WATCHING"))
        }
        Hand::Theirs { holder: None } => {
            Some(Segment::new(Tone::Warn, "WATCHING: nobody has it, :control takes it", "WATCHING"))
        }
    }
}

/// The window's clock, and whether the queue is likely to outlast it.
fn window(scene: &Scene<'_>) -> Option<Segment> {
    let end = scene.picture.run.control.window?;
    let at = end.strftime("%H:%MZ");
    let Some(left) = crate::domain::window::left(end, scene.now) else {
        let control = &scene.picture.run.control;
        let holds = control.paused.is_some() || control.abort.is_some();
        let (long, short) = if holds {
            ("nothing new starts", "window closed")
        } else {
            ("the queue GOES ON", "window closed, queue GOES ON")
        };
        return Some(Segment::new(Tone::Bad, format!("window closed {at}: {long}"), short));
    };
    let late = matches!(queue(scene), Queue::Left { likely, .. } if likely > left);
    let (tone, late) = if late { (Tone::Warn, ", too short") } else { (Tone::Plain, "") };
    let left = clock(left);
    Some(Segment::new(tone, format!("window closes {at}, {left} left{late}"), format!("window {left}")))
}

/// What is left of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    /// Nothing was planned yet.
    NoPlan,
    /// All is settled.
    Nothing,
    /// There is work, and nothing to reckon it from.
    NoGround {
        /// Whether somebody is waited for.
        waits: bool,
    },
    /// There is work.
    Left {
        /// Most likely, shared by the jobs.
        likely: Millis,
        /// Whether somebody is waited for: that time comes on top.
        waits: bool,
        /// Whether of some entries nothing is known.
        blank: bool,
    },
}

/// A sum of estimates, shared by the jobs, and never less than the longest of them.
pub(super) fn queue(scene: &Scene<'_>) -> Queue {
    let Some(plan) = &scene.picture.run.plan else { return Queue::NoPlan };
    let jobs = u64::from(scene.picture.run.run.as_ref().map_or(1, |run| run.settings.jobs.max(1)));
    let (mut sum, mut longest, mut waits, mut blank, mut work) = (0_u64, 0_u64, false, false, false);
    for item in &plan.items {
        let predicted = || item.estimate.map(|estimate| estimate.time.likely);
        let left = match scene.build(&item.key).map(|record| &record.status) {
            Some(BuildStatus::Running { .. }) => match scene.sample(&item.key).map(|sample| sample.eta) {
                Some(Eta::Left(band)) => Some(band.likely),
                Some(Eta::Waiting { work_left, .. }) => {
                    waits = true;
                    work_left
                }
                Some(Eta::NoGround) | None => predicted(),
            },
            Some(
                BuildStatus::Retrying { .. }
                | BuildStatus::Cleaning { then: AfterCleaning::Retry { .. }, .. },
            ) => predicted(),
            None if item.state.is_work(plan.settings.leftovers) => predicted(),
            None if matches!(item.state, ItemState::Building { .. }) => {
                // It is waited for, and read again when it has ended.
                waits = true;
                None
            }
            Some(
                BuildStatus::Cleaning { then: AfterCleaning::Stop { .. }, .. }
                | BuildStatus::Verified { .. }
                | BuildStatus::Failed { .. }
                | BuildStatus::Skipped { .. }
                | BuildStatus::Unknown { .. }
                | BuildStatus::RolledBack,
            )
            | None => continue,
        };
        work = true;
        match left {
            Some(left) => {
                sum = sum.saturating_add(left.0);
                longest = longest.max(left.0);
            }
            None => blank = true,
        }
    }
    match (work, sum) {
        (false, _) => Queue::Nothing,
        (true, 0) => Queue::NoGround { waits },
        (true, _) => Queue::Left { likely: Millis((sum / jobs).max(longest)), waits, blank },
    }
}
