//! Everything that a frame or a key is judged by, and the questions that both ask.

use crate::domain::blocker::{Bites, Blocker, Holder};
use crate::domain::check::Verdict;
use crate::domain::event::{Origin, StepOutcome};
use crate::domain::id::{EntryKey, Person, StepId};
use crate::domain::plan::{ItemState, PlanItem};
use crate::domain::playbook::{Step, StepKind};
use crate::domain::sample::{BuildSample, Link, Samples};
use crate::domain::state::{BuildRecord, BuildStatus, CheckRecord, StepRecord, StepStatus};
use crate::domain::target::{Environment, Mode};
use crate::domain::unit::Millis;

use super::UiOptions;
use super::keymap::{Action, See};
use super::picture::Picture;
use super::show::{Room, Show};
use super::trend::Trend;
use super::ui_state::{HolderKey, Look, Screen, Times, UiState, WHOLE};

/// Older than this, the age of the data is shown in bold.
pub(super) const AGED: Millis = Millis(3_000);
/// Older than this, the picture is no ground for an act.
pub(super) const STALE: Millis = Millis(10_000);

/// A moment of the console.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    /// The run.
    pub(super) picture: &'a Picture,
    /// The newest readings.
    pub(super) samples: &'a Samples,
    /// How fast things went lately.
    pub(super) trend: &'a Trend,
    /// The console's own state.
    pub(super) ui: &'a UiState,
    /// Looks, and first words.
    pub(super) options: &'a UiOptions,
    /// Whose keys these are.
    pub(super) operator: &'a Person,
    /// Wall time.
    pub(super) now: jiff::Timestamp,
}

/// A step with its place in the playbook.
#[derive(Clone)]
pub(super) struct StepRow<'a> {
    /// `3.1`, or `3` where the phase has one step.
    pub(super) number: String,
    /// The step.
    pub(super) step: &'a Step,
    /// What became of it so far.
    pub(super) record: Option<&'a StepRecord>,
}

impl<'a> Scene<'a> {
    /// Texts for this terminal.
    pub(super) fn show(&self) -> Show {
        let room = if self.is_whole() { Room::Whole } else { Room::Cells };
        Show(self.options.charset, room)
    }

    /// Whether this is for lines that have no end and a page that has none: nothing is cut, nothing left out.
    pub(super) fn is_whole(&self) -> bool {
        self.ui.view.size == WHOLE
    }

    /// How the key of an action is written.
    pub(super) fn key(&self, action: Action) -> &'a str {
        self.options.keys.key(action)
    }

    /// A time as the operator wants times.
    pub(super) fn time(&self, at: jiff::Timestamp) -> String {
        match self.ui.view.times {
            Times::Utc => super::show::time(at),
            Times::Local => super::show::local(at, &self.options.zone),
            Times::Relative => super::show::relative(at, self.now),
        }
    }

    /// Time of day in the bar: `03:22:10Z`, or `03:22Z` where nothing moves by itself.
    pub(super) fn wall_clock(&self) -> String {
        if self.options.calm() { super::show::minute(self.now) } else { super::show::time(self.now) }
    }

    /// What the run may do.
    pub(super) fn mode(&self) -> Mode {
        self.picture.mode(self.options.mode)
    }

    /// The environment word.
    pub(super) fn environment(&self) -> &'a Environment {
        let target = self.picture.run.target.as_ref().map(|target| &target.environment);
        let opened = self.picture.run.run.as_ref().map(|run| &run.environment);
        target.or(opened).unwrap_or(&self.options.environment)
    }

    /// The database's name, raw, once it is known.
    pub(super) fn database(&self) -> Option<&'a str> {
        self.picture.run.target.as_ref().map(|target| target.identity.database.as_str())
    }

    /// The screen in view.
    pub(super) fn screen(&self) -> Screen {
        match self.ui.look.last() {
            None => self.current_screen(),
            Some(Look::At(screen)) => *screen,
            Some(Look::Phase(phase)) => self.phase_screen(*phase),
        }
    }

    /// The screen that help is about.
    pub(super) fn screen_below_help(&self) -> Screen {
        let below = self.ui.look.iter().rev().find(|look| **look != Look::At(Screen::Help));
        match below {
            None => self.current_screen(),
            Some(Look::At(screen)) => *screen,
            Some(Look::Phase(phase)) => self.phase_screen(*phase),
        }
    }

    fn current_screen(&self) -> Screen {
        match self.picture.run.current_step() {
            Some(step) => screen_of(&step.kind),
            None if self.picture.run.run.is_some() => Screen::Verify,
            None => Screen::Preflight,
        }
    }

    fn phase_screen(&self, phase: usize) -> Screen {
        let Some(run) = &self.picture.run.run else { return Screen::Preflight };
        let Some(phase) = run.playbook.phases.get(phase) else { return Screen::Steps };
        let current = self.picture.run.current_step().filter(|step| phase.steps.contains(step));
        let telling = phase.steps.iter().find(|step| !matches!(step.kind, StepKind::Confirm { .. }));
        current.or(telling).map_or(Screen::Steps, |step| screen_of(&step.kind))
    }

    /// Number of the phase that the run is in, from 0.
    pub(super) fn current_phase(&self) -> Option<usize> {
        let current = self.picture.run.current_step()?;
        let run = self.picture.run.run.as_ref()?;
        run.playbook.phases.iter().position(|phase| phase.steps.iter().any(|step| step.id == current.id))
    }

    /// The step that the run is at, and its record.
    pub(super) fn current(&self) -> Option<(&'a Step, Option<&'a StepRecord>)> {
        let step = self.picture.run.current_step()?;
        Some((step, self.picture.run.steps.get(&step.id)))
    }

    /// For what a person is waited for, when somebody is.
    pub(super) fn held(&self) -> Option<(&'a Step, &'a str)> {
        match self.current()? {
            (step, Some(StepRecord { status: StepStatus::Held { why }, .. })) => Some((step, why)),
            (_, _) => None,
        }
    }

    /// Every step in order.
    pub(super) fn steps(&self) -> Vec<StepRow<'a>> {
        let phases = self.picture.run.run.iter().flat_map(|run| run.playbook.phases.iter().enumerate());
        phases
            .flat_map(|(phase, steps)| {
                let several = steps.steps.len() > 1;
                steps.steps.iter().enumerate().map(move |(index, step)| StepRow {
                    number: if several {
                        format!("{}.{}", phase + 1, index + 1)
                    } else {
                        (phase + 1).to_string()
                    },
                    step,
                    record: self.picture.run.steps.get(&step.id),
                })
            })
            .collect()
    }

    /// Number of a step for a person.
    pub(super) fn step_number(&self, id: &StepId) -> String {
        let found = self.steps().into_iter().find(|row| &row.step.id == id);
        found.map_or_else(|| self.show().name(&id.0, 20), |row| row.number)
    }

    /// Checks that pass the filter.
    pub(super) fn checks(&self) -> Vec<&'a CheckRecord> {
        let checks = self.picture.run.checks.iter();
        checks.filter(|check| self.passes(&[&check.result.title, &check.result.id.0])).collect()
    }

    /// Entries that pass the filter, in the order of the screen.
    pub(super) fn entries(&self) -> Vec<&'a PlanItem> {
        let Some(plan) = &self.picture.run.plan else { return Vec::new() };
        let by_key: std::collections::HashMap<&EntryKey, &PlanItem> =
            plan.items.iter().map(|item| (&item.key, item)).collect();
        self.ui
            .view
            .order
            .iter()
            .filter_map(|key| by_key.get(key).copied())
            .filter(|item| self.passes(&[&item.key.0, &item.table.name, &item.domain]))
            .collect()
    }

    /// Whether one of a row's texts has what the filter means.
    pub(super) fn passes(&self, texts: &[&str]) -> bool {
        let filter = self.ui.filter.to_lowercase();
        filter.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(&filter))
    }

    /// Whether a log line passes the filter.
    pub(super) fn log_passes(&self, text: &str) -> bool {
        self.passes(&[text])
    }

    /// Everybody who holds up something of ours now or will: those who do now first, in a steady order.
    pub(super) fn holders(&self) -> Vec<(&'a EntryKey, &'a Blocker)> {
        let mut holders: Vec<(&EntryKey, &Blocker)> = self
            .samples
            .builds
            .iter()
            .flat_map(|(key, sample)| sample.blockers.iter().map(move |blocker| (key, blocker)))
            .collect();
        for (key, drop) in self.picture.run.drops.iter().filter(|(_, drop)| drop.conclusion.is_none()) {
            if !self.samples.builds.contains_key(key) {
                holders.extend(drop.blockers.iter().map(|blocker| (key, blocker)));
            }
        }
        let order =
            |blocker: &Blocker| (blocker.bites != Bites::Now, blocker.since.unwrap_or(jiff::Timestamp::MAX));
        holders.sort_by_key(|(_, blocker)| order(blocker));
        holders
    }

    /// The check under the cursor; without one, the first that keeps the gate closed.
    pub(super) fn check(&self) -> Option<&'a CheckRecord> {
        let checks = self.checks();
        let chosen = checks.iter().find(|check| Some(&check.result.id) == self.ui.cursor.check.as_ref());
        let telling = checks.iter().find(|check| check.closes_gate());
        chosen.or(telling).or(checks.first()).copied()
    }

    /// The step under the cursor; without one, the current.
    pub(super) fn step(&self) -> Option<StepRow<'a>> {
        let current = self.picture.run.current_step().map(|step| &step.id);
        let wanted = self.ui.cursor.step.as_ref().or(current);
        let steps = self.steps();
        steps.iter().find(|row| Some(&row.step.id) == wanted).or(steps.last()).cloned()
    }

    /// The entry under the cursor; without one, the first of the list.
    pub(super) fn entry(&self) -> Option<&'a PlanItem> {
        let entries = self.entries();
        let chosen = entries.iter().find(|item| Some(&item.key) == self.ui.cursor.entry.as_ref());
        chosen.or(entries.first()).copied()
    }

    /// The blocker under the cursor; without one, the first.
    pub(super) fn holder(&self) -> Option<(&'a EntryKey, &'a Blocker)> {
        let holders = self.holders();
        let chosen =
            holders.iter().find(|(_, blocker)| Some(&holder_key(blocker)) == self.ui.cursor.holder.as_ref());
        match (&self.ui.cursor.holder, chosen) {
            (_, Some(chosen)) => Some(*chosen),
            (None, None) => holders.first().copied(),
            // The chosen one is gone: nobody takes its place under the cursor.
            (Some(_), None) => None,
        }
    }

    /// An entry's build, as far as it got.
    pub(super) fn build(&self, key: &EntryKey) -> Option<&'a BuildRecord> {
        self.picture.run.builds.get(key)
    }

    /// An entry's newest reading.
    pub(super) fn sample(&self, key: &EntryKey) -> Option<&'a BuildSample> {
        self.samples.builds.get(key)
    }

    /// An entry of the plan.
    pub(super) fn item(&self, key: &EntryKey) -> Option<&'a PlanItem> {
        self.picture.run.plan.as_ref()?.item(key)
    }

    /// Builds that a worker has.
    pub(super) fn running(&self) -> Vec<&'a EntryKey> {
        let builds = self.picture.run.builds.iter();
        builds
            .filter(|(_, record)| matches!(record.status, BuildStatus::Running { .. }))
            .map(|(key, _)| key)
            .collect()
    }

    /// Whether an index is this run's own to drop.
    pub(super) fn ours(&self, key: &EntryKey) -> Origin {
        if self.picture.run.ledger.contains_key(key) { Origin::Ours } else { Origin::NotOurs }
    }

    /// Age of the newest reading.
    pub(super) fn data_age(&self) -> Option<Millis> {
        self.samples.at.map(|at| Millis::between(at, self.now))
    }

    /// Why the picture is no ground for an act, if it is none.
    pub(super) fn blind(&self) -> Option<String> {
        if let Some(frozen) = &self.ui.freeze {
            let key = self.key(Action::See(See::Freeze));
            return Some(format!("the picture is frozen since {}: [{key}] first", self.time(frozen.at)));
        }
        if let Link::Lost { since, .. } = &self.samples.link {
            return Some(format!("the link is lost since {}", self.time(*since)));
        }
        let age = self.data_age().filter(|age| *age > STALE)?;
        Some(format!("the picture is {} old", super::show::clock(age)))
    }
}

/// Counts of checks by what they say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CheckTally {
    pub(super) ok: usize,
    pub(super) warn: usize,
    pub(super) unknown: usize,
    pub(super) fail: usize,
    pub(super) waived: usize,
}

impl Scene<'_> {
    /// Counts over all checks; a waived one counts as waived only.
    pub(super) fn check_tally(&self) -> CheckTally {
        let mut tally = CheckTally::default();
        for check in &self.picture.run.checks {
            let counter = match (check.result.verdict, &check.waiver) {
                (Verdict::Pass, _) => &mut tally.ok,
                (_, Some(_)) => &mut tally.waived,
                (Verdict::Warn, None) => &mut tally.warn,
                (Verdict::Unknown, None) => &mut tally.unknown,
                (Verdict::Stop, None) => &mut tally.fail,
            };
            *counter += 1;
        }
        tally
    }
}

fn screen_of(kind: &StepKind) -> Screen {
    match kind {
        StepKind::Checks { .. } => Screen::Preflight,
        StepKind::Confirm { .. } => Screen::Steps,
        StepKind::BuildIndexes { .. } => Screen::Builds,
        StepKind::Verify { .. } | StepKind::SignOff { .. } => Screen::Verify,
    }
}

/// Identity of a blocker.
pub(super) fn holder_key(blocker: &Blocker) -> HolderKey {
    match &blocker.holder {
        Holder::Session { backend, .. } => HolderKey::Session(*backend),
        Holder::Prepared { gid, .. } => HolderKey::Prepared(gid.clone()),
    }
}

/// Order of the builds list: what needs eyes first, then what comes next, then what is settled.
pub(super) fn entry_order(picture: &Picture) -> Vec<EntryKey> {
    let Some(plan) = &picture.run.plan else { return Vec::new() };
    let mut ranked: Vec<(u8, &EntryKey)> =
        plan.items.iter().map(|item| (rank(picture, item), &item.key)).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, key)| key.clone()).collect()
}

fn rank(picture: &Picture, item: &PlanItem) -> u8 {
    match picture.run.builds.get(&item.key).map(|record| &record.status) {
        Some(BuildStatus::Running { .. } | BuildStatus::Cleaning { .. }) => 0,
        Some(BuildStatus::Failed { .. } | BuildStatus::Unknown { .. }) => 1,
        Some(BuildStatus::Retrying { .. }) => 2,
        None => match item.state {
            ItemState::ToBuild => 3,
            ItemState::Leftover { .. }
            | ItemState::Building { .. }
            | ItemState::Drift { .. }
            | ItemState::Blocked { .. } => 2,
            ItemState::Present { .. } | ItemState::Duplicate { .. } => 5,
        },
        Some(BuildStatus::Skipped { .. } | BuildStatus::RolledBack) => 4,
        Some(BuildStatus::Verified { .. }) => 5,
    }
}

/// The word of a step's state.
pub(super) fn step_word(record: Option<&StepRecord>) -> super::view_model::line::Word {
    use super::view_model::line::Word;
    match record.map(|record| &record.status) {
        None => Word::Todo,
        Some(StepStatus::Running) => Word::Run,
        Some(StepStatus::Held { .. }) => Word::Hold,
        Some(StepStatus::Finished { outcome }) => match outcome {
            StepOutcome::Done => Word::Done,
            StepOutcome::Warned { .. } => Word::Warn,
            StepOutcome::Failed { .. } => Word::Fail,
            StepOutcome::Skipped { .. } => Word::Skip,
        },
    }
}
