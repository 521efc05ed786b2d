//! What is to be done next, from the state alone.
//!
//! A process that took a journal over asks the same question as the one that wrote it: what the state shows as
//! begun and nobody is at work on is *reconciled* with the catalogs, never begun again.

use std::collections::BTreeSet;

use super::event::{
    BuildEvent, DropConclusion, DropPurpose, Ending, EventKind, Moment, RollbackEvent, RunEvent, StepEvent,
    StepOutcome,
};
use super::id::{EntryKey, Oid, Person};
use super::plan::{Importance, ItemState, LeftoverHarm, Plan, PlanItem, SnapshotEffect};
use super::playbook::{OnFailure, Step, StepKind};
use super::schedule;
use super::state::{BuildRecord, BuildStatus, RollbackScope, RunState, Stage, StepRecord, StepStatus};
use super::target::{AbortPolicy, LeftoverPolicy, Mode};

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "made and taken apart at once, never stored")]
pub enum Effect {
    /// Nothing but to write down what follows from the state.
    Record(EventKind),
    /// Find out where we are.
    Connect,
    /// Read the catalogs and plan.
    MakePlan,
    /// Answer the pre-flight checks.
    RunChecks,
    /// Ask the planner about these entries' queries.
    Explain {
        /// Which.
        entries: Vec<EntryKey>,
        /// Before the builds or after them.
        moment: Moment,
    },
    /// Build.
    Build {
        /// Which.
        entry: EntryKey,
        /// Attempt, from 1.
        attempt: u32,
    },
    /// Find out what became of a build that nobody of ours waits for, and watch it while it goes on.
    Reconcile {
        /// Which.
        entry: EntryKey,
    },
    /// Cancel a build of ours.
    Cancel {
        /// Which.
        entry: EntryKey,
    },
    /// Drop exactly one index.
    Drop {
        /// Whose.
        entry: EntryKey,
        /// Exactly this one.
        oid: Oid,
        /// Why.
        purpose: DropPurpose,
    },
    /// Find out what became of a drop that nobody of ours waits for.
    ReconcileDrop {
        /// Whose.
        entry: EntryKey,
        /// Exactly this one.
        oid: Oid,
    },
    /// Read entries again on a fresh connection.
    Verify {
        /// Which.
        entries: Vec<EntryKey>,
    },
}

/// What makes an effect in flight the same as another: one at a time of each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EffectKey {
    /// Connect.
    Connect,
    /// Make the plan.
    Plan,
    /// Run the checks.
    Checks,
    /// Ask the planner.
    Explain,
    /// Build, reconcile or drop of an entry.
    Entry(EntryKey),
    /// Cancel of an entry's build.
    Cancel(EntryKey),
    /// Verify.
    Verify,
}

/// Effects that this process is at work on. Empty after a restart.
pub type InFlight = BTreeSet<EffectKey>;

impl Effect {
    /// Its key; absent for records, which are done at once.
    pub fn key(&self) -> Option<EffectKey> {
        Some(match self {
            Self::Record(_) => return None,
            Self::Connect => EffectKey::Connect,
            Self::MakePlan => EffectKey::Plan,
            Self::RunChecks => EffectKey::Checks,
            Self::Explain { .. } => EffectKey::Explain,
            Self::Build { entry, .. }
            | Self::Reconcile { entry }
            | Self::Drop { entry, .. }
            | Self::ReconcileDrop { entry, .. } => EffectKey::Entry(entry.clone()),
            Self::Cancel { entry } => EffectKey::Cancel(entry.clone()),
            Self::Verify { .. } => EffectKey::Verify,
        })
    }
}

/// The next thing to do, or none until something happens. `now` decides only whether a retry is due.
pub fn next_effect(state: &RunState, in_flight: &InFlight, now: jiff::Timestamp) -> Option<Effect> {
    let run = state.run.as_ref()?;
    if state.control.closed.is_some() {
        return None;
    }
    let at = Look { state, in_flight, now, mode: run.mode };
    if let Some(changes) = &state.control.target_changed {
        return in_flight
            .is_empty()
            .then(|| close(Ending::Unknown { why: format!("the target changed: {}", changes.join("; ")) }));
    }
    if state.control.connected.is_none() {
        // Nothing is concluded before it is proven that this is still the same target.
        return if state.control.abort.is_some() {
            in_flight.is_empty().then(|| close(Ending::Aborted))
        } else {
            at.once(Effect::Connect)
        };
    }
    if let Some(effect) = at.loose_end() {
        return Some(effect);
    }
    if state.control.abort.is_some() {
        return at.abort(run.settings.on_abort);
    }
    if state.control.rollback.as_ref().is_some_and(|rollback| rollback.finished.is_none()) {
        return at.rollback();
    }
    if state.control.rollback.as_ref().is_some_and(|rollback| rollback.scope == RollbackScope::Whole) {
        return in_flight.is_empty().then(|| close(Ending::RolledBack));
    }
    at.step()
}

fn close(ending: Ending) -> Effect {
    Effect::Record(EventKind::Run(RunEvent::Closed { ending }))
}

fn record_step(event: StepEvent) -> Effect {
    Effect::Record(EventKind::Step(event))
}

struct Look<'a> {
    state: &'a RunState,
    in_flight: &'a InFlight,
    now: jiff::Timestamp,
    mode: Mode,
}

impl Look<'_> {
    /// An effect unless it is in flight already.
    fn once(&self, effect: Effect) -> Option<Effect> {
        let busy = effect.key().is_some_and(|key| self.in_flight.contains(&key));
        (!busy).then_some(effect)
    }

    fn idle(&self, key: &EntryKey) -> bool {
        !self.in_flight.contains(&EffectKey::Entry(key.clone()))
    }

    /// Whatever was begun and nobody is at work on, stops that were asked for, and leftovers that must go.
    fn loose_end(&self) -> Option<Effect> {
        for (key, record) in &self.state.builds {
            if let BuildStatus::Running { stopping, stage, .. } = &record.status {
                if self.idle(key) {
                    return Some(Effect::Reconcile { entry: key.clone() });
                }
                let cancel = Effect::Cancel { entry: key.clone() };
                let on_server = matches!(stage, Stage::Sent | Stage::Watched);
                if stopping.is_some()
                    && on_server
                    && record.intent.is_some()
                    && let Some(effect) = self.once(cancel)
                {
                    return Some(effect);
                }
            }
        }
        for (key, drop) in &self.state.drops {
            if drop.conclusion.is_none() && self.idle(key) {
                return Some(Effect::ReconcileDrop { entry: key.clone(), oid: drop.oid });
            }
        }
        for (key, record) in &self.state.builds {
            if let BuildStatus::Cleaning { oid, .. } = &record.status
                && self.idle(key)
                && self.mode != Mode::DryRun
                && self.table_is_free(key)
            {
                return Some(Effect::Drop { entry: key.clone(), oid: *oid, purpose: DropPurpose::Leftover });
            }
        }
        None
    }

    fn table_is_free(&self, key: &EntryKey) -> bool {
        let table = self.state.plan.as_ref().and_then(|plan| plan.item(key)).and_then(|item| item.table_oid);
        table.is_none_or(|oid| !self.state.busy_tables().contains(&oid))
    }

    fn at_work(&self) -> bool {
        !self.in_flight.is_empty()
            || self.state.builds.values().any(|record| {
                matches!(record.status, BuildStatus::Running { .. } | BuildStatus::Cleaning { .. })
            })
    }

    fn abort(&self, policy: AbortPolicy) -> Option<Effect> {
        if policy == AbortPolicy::CancelRunning
            && let Some(effect) = self.stop_running(&Person("abort".to_owned()), |_| true)
        {
            return Some(effect);
        }
        (!self.at_work()).then(|| close(Ending::Aborted))
    }

    fn stop_running(&self, by: &Person, which: impl Fn(&EntryKey) -> bool) -> Option<Effect> {
        self.state.builds.iter().find_map(|(key, record)| {
            let stoppable = matches!(
                &record.status,
                BuildStatus::Running { stopping: None, stage: Stage::Preparing | Stage::Sent, .. }
            ) || (matches!(
                &record.status,
                BuildStatus::Running { stopping: None, stage: Stage::Watched, .. }
            ) && record.intent.is_some());
            (stoppable && which(key)).then(|| {
                Effect::Record(EventKind::Build(BuildEvent::StopRequested {
                    entry: key.clone(),
                    by: by.clone(),
                }))
            })
        })
    }

    fn rollback(&self) -> Option<Effect> {
        let rollback = self.state.control.rollback.as_ref()?;
        let wanted = |key: &EntryKey| rollback.entries.contains(key);
        if let Some(effect) = self.stop_running(&rollback.by, wanted) {
            return Some(effect);
        }
        let jobs = self.state.run.as_ref().map_or(1, |run| run.settings.jobs.max(1) as usize);
        let dropping = self.state.drops.values().filter(|drop| drop.conclusion.is_none()).count();
        for key in &rollback.entries {
            if let Some(made) = self.state.ledger.get(key)
                && dropping < jobs
                && self.idle(key)
                && self.table_is_free(key)
            {
                return Some(Effect::Drop {
                    entry: key.clone(),
                    oid: made.oid,
                    purpose: DropPurpose::Rollback,
                });
            }
        }
        let pending = rollback.entries.iter().any(|key| self.state.ledger.contains_key(key));
        if pending || self.at_work() {
            return None;
        }
        let tried = || {
            self.state
                .drops
                .values()
                .filter(|drop| drop.purpose == DropPurpose::Rollback && drop.started_at >= rollback.at)
        };
        let dropped = tried().filter(|drop| drop.conclusion == Some(DropConclusion::Gone)).count();
        let left = tried().count() - dropped;
        Some(Effect::Record(EventKind::Rollback(RollbackEvent::Finished {
            dropped: u32::try_from(dropped).unwrap_or(u32::MAX),
            left: u32::try_from(left).unwrap_or(u32::MAX),
        })))
    }

    fn step(&self) -> Option<Effect> {
        let Some(step) = self.state.current_step() else {
            return (!self.at_work()).then(|| close(Ending::Finished));
        };
        let Some(record) = self.state.steps.get(&step.id) else {
            if let Some(stopped) = self.failed_step() {
                return Some(stopped);
            }
            return Some(record_step(StepEvent::Started { step: step.id.clone() }));
        };
        match &step.kind {
            StepKind::Checks { require } => self.checks(step, record, require),
            StepKind::Confirm { prompt } => self.confirm(step, record, prompt),
            StepKind::BuildIndexes { only_domains, .. } => {
                self.build_indexes(step, record, only_domains.as_deref())
            }
            StepKind::Verify { explain } => self.verify(step, record, *explain),
            StepKind::SignOff { prompt, .. } => self.sign_off(step, record, prompt),
        }
    }

    /// A step that failed under the policy `stop` ends the run before the next one begins.
    fn failed_step(&self) -> Option<Effect> {
        let run = self.state.run.as_ref()?;
        run.playbook.steps().find_map(|step| {
            let record = self.state.steps.get(&step.id)?;
            let failed =
                matches!(record.status, StepStatus::Finished { outcome: StepOutcome::Failed { .. } });
            (failed && step.on_failure == OnFailure::Stop)
                .then(|| close(Ending::StoppedAt { step: step.id.clone() }))
        })
    }

    fn hold(step: &Step, record: &StepRecord, why: String) -> Option<Effect> {
        let same = matches!(&record.status, StepStatus::Held { why: known } if *known == why);
        (!same).then(|| record_step(StepEvent::Held { step: step.id.clone(), why }))
    }

    fn finish(step: &Step, outcome: StepOutcome) -> Effect {
        record_step(StepEvent::Finished { step: step.id.clone(), outcome })
    }

    fn checks(&self, step: &Step, record: &StepRecord, require: &[super::id::CheckId]) -> Option<Effect> {
        if self.state.control.plan_for.as_ref() != Some(&step.id) {
            // Held without a plan: none could be made. A recheck begins anew.
            let held = matches!(record.status, StepStatus::Held { .. });
            return if held { None } else { self.once(Effect::MakePlan) };
        }
        if self.state.control.checks_took.is_none() {
            return self.once(Effect::RunChecks);
        }
        let mut closed: Vec<String> = self
            .state
            .closed_gates()
            .map(|check| format!("{} {}", check.result.verdict.word(), check.result.title))
            .collect();
        for check in &self.state.checks {
            let warned = check.result.verdict == super::check::Verdict::Warn && check.waiver.is_none();
            if warned && require.contains(&check.result.id) {
                closed.push(format!("{} {} (required)", check.result.verdict.word(), check.result.title));
            }
        }
        if closed.is_empty() {
            return Some(Self::finish(step, StepOutcome::Done));
        }
        Self::hold(step, record, format!("gate closed: {}", closed.join(", ")))
    }

    fn confirm(&self, step: &Step, record: &StepRecord, prompt: &str) -> Option<Effect> {
        if record.confirmed.is_some() {
            return Some(Self::finish(step, StepOutcome::Done));
        }
        if self.mode == Mode::DryRun {
            let reason = "dry run: nothing to confirm".to_owned();
            return Some(Self::finish(step, StepOutcome::Skipped { reason }));
        }
        Self::hold(step, record, prompt.to_owned())
    }

    fn sign_off(&self, step: &Step, record: &StepRecord, prompt: &str) -> Option<Effect> {
        if self.state.control.sign_off.is_some() {
            return Some(Self::finish(step, StepOutcome::Done));
        }
        if self.mode == Mode::DryRun {
            let reason = "dry run: nothing to sign".to_owned();
            return Some(Self::finish(step, StepOutcome::Skipped { reason }));
        }
        Self::hold(step, record, prompt.to_owned())
    }

    fn build_indexes(&self, step: &Step, record: &StepRecord, domains: Option<&[String]>) -> Option<Effect> {
        let Some(plan) = &self.state.plan else { return self.once(Effect::MakePlan) };
        let items: Vec<&PlanItem> = plan
            .items
            .iter()
            .filter(|item| domains.is_none_or(|wanted| wanted.contains(&item.domain)))
            .collect();
        if self.mode == Mode::DryRun {
            let count = items.iter().filter(|item| item.state == ItemState::ToBuild).count();
            let reason = format!("dry run: {count} would be built");
            return Some(Self::finish(step, StepOutcome::Skipped { reason }));
        }
        if self.state.control.plan_for.as_ref() != Some(&step.id) {
            // The catalogs are read once more before anything starts. A plan that is no longer true holds the
            // step: `observe` says so.
            if matches!(record.status, StepStatus::Held { .. }) {
                return None;
            }
            return self.once(Effect::MakePlan);
        }
        if let Some(effect) = self.explain_missing(&items, Moment::Before) {
            return self.once(effect);
        }
        if self.in_flight.contains(&EffectKey::Explain) {
            return None;
        }
        for item in &items {
            if let Some(effect) = self.settle(item) {
                return Some(effect);
            }
        }
        if self.state.control.paused.is_none()
            && let Some((entry, attempt)) = schedule::next_build(self.state, &items, self.in_flight, self.now)
        {
            return Some(Effect::Build { entry, attempt });
        }
        let settled = items.iter().all(|item| self.state.builds.get(&item.key).is_some_and(is_settled));
        if !settled || self.at_work() {
            return None;
        }
        Self::end_of_work(step, record, self.missing(&items, "built"))
    }

    /// Entries that there is nothing to build for are said so; leftovers and builds of others find their way.
    fn settle(&self, item: &PlanItem) -> Option<Effect> {
        if self.state.builds.contains_key(&item.key) {
            return None;
        }
        let skip = |reason: String| {
            Some(Effect::Record(EventKind::Build(BuildEvent::Skipped {
                entry: item.key.clone(),
                by: Person("plan".to_owned()),
                reason,
            })))
        };
        let settings = &self.state.run.as_ref()?.settings;
        match &item.state {
            ItemState::ToBuild | ItemState::Present { .. } => None,
            ItemState::Building { .. } => {
                self.idle(&item.key).then(|| Effect::Reconcile { entry: item.key.clone() })
            }
            ItemState::Leftover { oid, ties, harm, .. } => {
                let ours = self.state.ledger.get(&item.key).is_some_and(|made| made.oid == *oid);
                if ties.is_empty() && (ours || settings.leftovers == LeftoverPolicy::Repair) {
                    return Some(Effect::Record(EventKind::Build(BuildEvent::RetryRequested {
                        entry: item.key.clone(),
                        by: Person(if ours { "ledger" } else { "leftover policy" }.to_owned()),
                        clean: Some(*oid),
                    })));
                }
                let why = match harm {
                    LeftoverHarm::RejectsWrites => "it rejects writes",
                    LeftoverHarm::CostsWrites => "every write pays for it",
                    LeftoverHarm::TakesSpace => "it keeps the name and its space",
                };
                skip(format!("an invalid index that this run did not make has the name, and {why}"))
            }
            ItemState::Drift { differences, .. } => skip(format!(
                "the name belongs to another index: {}",
                differences
                    .iter()
                    .map(|d| format!("{} is {}, not {}", d.what, d.found, d.wanted))
                    .collect::<Vec<_>>()
                    .join("; ")
            )),
            ItemState::Blocked { reason } => skip(reason.sentence()),
            ItemState::Duplicate { of, .. } => {
                skip(format!("{}.{} already has this definition", of.schema, of.name))
            }
        }
    }

    fn explain_missing(&self, items: &[&PlanItem], moment: Moment) -> Option<Effect> {
        let entries: Vec<EntryKey> = items
            .iter()
            .filter(|item| !item.queries.is_empty() && item.table_oid.is_some())
            .filter(|item| {
                let record = self.state.builds.get(&item.key);
                match moment {
                    Moment::Before => {
                        item.state == ItemState::ToBuild
                            && record.is_none_or(|r| r.plans.0.is_empty() && r.attempts == 0)
                    }
                    Moment::After => record.is_some_and(|r| {
                        r.plans.1.is_empty() && matches!(r.status, BuildStatus::Verified { .. })
                    }),
                }
            })
            .map(|item| item.key.clone())
            .collect();
        (!entries.is_empty()).then_some(Effect::Explain { entries, moment })
    }

    fn verify(&self, step: &Step, record: &StepRecord, explain: bool) -> Option<Effect> {
        if self.mode == Mode::DryRun {
            let reason = "dry run: nothing to verify".to_owned();
            return Some(Self::finish(step, StepOutcome::Skipped { reason }));
        }
        let items: Vec<&PlanItem> = self.state.plan.iter().flat_map(|plan| &plan.items).collect();
        let unread: Vec<EntryKey> = self
            .state
            .builds
            .iter()
            .filter(|(_, r)| matches!(r.status, BuildStatus::Verified { .. }) && r.checked.is_none())
            .map(|(key, _)| key.clone())
            .collect();
        if !unread.is_empty() {
            return self.once(Effect::Verify { entries: unread });
        }
        if explain && let Some(effect) = self.explain_missing(&items, Moment::After) {
            return self.once(effect);
        }
        if self.at_work() {
            return None;
        }
        Self::end_of_work(step, record, self.missing(&items, "verified"))
    }

    /// What is not right yet, or none when everything is.
    fn missing(&self, items: &[&PlanItem], done: &str) -> Option<String> {
        let right = items
            .iter()
            .filter(|item| {
                self.state
                    .builds
                    .get(&item.key)
                    .is_some_and(|record| matches!(record.status, BuildStatus::Verified { .. }))
            })
            .count();
        (right < items.len()).then(|| format!("{right} of {} {done}", items.len()))
    }

    fn end_of_work(step: &Step, record: &StepRecord, missing: Option<String>) -> Option<Effect> {
        let Some(reason) = missing else { return Some(Self::finish(step, StepOutcome::Done)) };
        if step.on_failure == OnFailure::Warn || record.confirmed.is_some() {
            return Some(Self::finish(step, StepOutcome::Warned { reason }));
        }
        Self::hold(step, record, format!("{reason}: retry, skip, roll back, or go on as it is"))
    }
}

/// Whether nothing more will be tried for an entry.
pub fn is_settled(record: &BuildRecord) -> bool {
    match record.status {
        BuildStatus::Running { .. } | BuildStatus::Retrying { .. } | BuildStatus::Cleaning { .. } => false,
        BuildStatus::Verified { .. }
        | BuildStatus::Failed { .. }
        | BuildStatus::Skipped { .. }
        | BuildStatus::Unknown { .. }
        | BuildStatus::RolledBack => true,
    }
}

/// When the engine must look again although nothing happened: the earliest due retry.
pub fn wake_at(state: &RunState, now: jiff::Timestamp) -> Option<jiff::Timestamp> {
    state
        .builds
        .values()
        .filter_map(|record| {
            if let BuildStatus::Retrying { not_before } = record.status { Some(not_before) } else { None }
        })
        .filter(|due| *due > now)
        .min()
}

/// Order in which builds start, most urgent first.
pub(super) fn urgency(item: &PlanItem) -> (Importance, SnapshotOrder, std::cmp::Reverse<u64>) {
    let time = item.estimate.map_or(0, |estimate| estimate.time.likely.0);
    let order = match item.traits.snapshot {
        SnapshotEffect::Ignored => SnapshotOrder::First,
        SnapshotEffect::HoldsOthers => SnapshotOrder::Last,
    };
    (item.critical, order, std::cmp::Reverse(time))
}

/// Partial and expression builds go last among equals: every other build waits for their snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SnapshotOrder {
    /// Nobody waits for it.
    First,
    /// Others wait for it.
    Last,
}

impl Plan {
    /// How many entries would be built.
    pub fn to_build(&self) -> usize {
        self.items.iter().filter(|item| item.state == ItemState::ToBuild).count()
    }
}
