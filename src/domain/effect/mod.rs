//! What is to be done next, from the state alone.
//!
//! A process that took a journal over asks the same question as the one that wrote it: what the state shows as
//! begun and nobody is at work on is *reconciled* with the catalogs, never begun again.

use std::collections::BTreeSet;

use super::catalog::Uniqueness;
use super::event::{
    BuildEvent, DropConclusion, DropEvent, DropPurpose, Ending, EventKind, Moment, RollbackEvent, RunEvent,
    StepEvent,
};
use super::id::{EntryKey, Oid, Person, StepId};
use super::observe::ENGINE;
use super::plan::{Importance, ItemState, LeftoverHarm, Plan, PlanItem, SnapshotEffect};
use super::schedule::has_room_to_drop;
use super::state::{AfterCleaning, BuildRecord, BuildStatus, RollbackRecord, RollbackScope, RunState, Stage};
use super::target::{AbortPolicy, Mode};

#[cfg(test)]
mod simulation;
mod step;
#[cfg(test)]
mod tests;

/// A task that panics is looked into by another one. After this many in one process that leads nowhere.
const MOST_PANICS: u32 = 10;

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
    /// Cancel a build or drop of ours.
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

impl EffectKey {
    /// Whether it may be at work on an entry, and not only reads.
    pub fn acts(&self) -> bool {
        match self {
            Self::Entry(_) | Self::Cancel(_) => true,
            Self::Connect | Self::Plan | Self::Checks | Self::Explain | Self::Verify => false,
        }
    }
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
            (!in_flight.iter().any(EffectKey::acts)).then(|| close(unseen(state)))
        } else {
            at.once(Effect::Connect)
        };
    }
    if state.control.panics_here >= MOST_PANICS {
        let why = "tasks of the engine panic again and again: see the log".to_owned();
        return in_flight.is_empty().then(|| close(Ending::Unknown { why }));
    }
    if let Some(effect) = at.loose_end() {
        return Some(effect);
    }
    if let Some((_, step)) = &state.control.unanswered {
        return at.leave(step);
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
    if at.is_other_plan() {
        let step = state.current_step()?.id.clone();
        return in_flight.is_empty().then(|| close(Ending::StoppedAt { step }));
    }
    at.step()
}

/// How a run ends that is to end before its target is proven. What an earlier process began is still to be looked at, by
/// whoever takes the run over.
fn unseen(state: &RunState) -> Ending {
    if state.is_at_work() {
        Ending::Unknown { why: "it was ended before what was begun could be looked at".to_owned() }
    } else {
        Ending::Aborted
    }
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
                    && self.mode != Mode::DryRun
                    && record.intent.is_some()
                    && let Some(effect) = self.once(cancel)
                {
                    return Some(effect);
                }
            }
        }
        for (key, drop) in &self.state.drops {
            if drop.conclusion.is_some() {
                continue;
            }
            if self.idle(key) {
                return Some(Effect::ReconcileDrop { entry: key.clone(), oid: drop.oid });
            }
            if drop.stopping.is_some()
                && drop.is_on_server()
                && let Some(effect) = self.once(Effect::Cancel { entry: key.clone() })
            {
                return Some(effect);
            }
        }
        self.cleaning()
    }

    /// The next leftover to drop: as many at once as there are jobs, those that reject writes first.
    fn cleaning(&self) -> Option<Effect> {
        if self.mode == Mode::DryRun || !has_room_to_drop(self.state) {
            return None;
        }
        let next = self.state.builds.iter().filter_map(|(key, record)| {
            let BuildStatus::Cleaning { oid, then } = &record.status else { return None };
            let now = self.idle(key)
                && self.may_clean(key, then)
                && self.table_is_free(key)
                && !self.stays(key, *oid);
            now.then_some((key, *oid))
        });
        next.min_by_key(|(key, _)| self.state.plan.as_ref().and_then(|plan| plan.item(key)).map(harm))
            .map(|(key, oid)| Effect::Drop { entry: key.clone(), oid, purpose: DropPurpose::Leftover })
    }

    /// A drop that only makes room for another attempt is part of what a pause holds back.
    fn may_clean(&self, key: &EntryKey, then: &AfterCleaning) -> bool {
        match then {
            AfterCleaning::Retry { .. } => {
                self.state.control.paused.is_none() || self.state.is_ending_for(key)
            }
            AfterCleaning::Stop { .. } => true,
        }
    }

    fn table_is_free(&self, key: &EntryKey) -> bool {
        self.state.table_of(key).is_none_or(|oid| !self.state.busy_tables().contains(&oid))
    }

    /// Whether the run was bound to another plan than the one there is. What the run made changes every later plan, so
    /// this is asked only as long as it has not begun to build.
    fn is_other_plan(&self) -> bool {
        let wanted = self.state.run.as_ref().and_then(|run| run.settings.only_plan.as_ref());
        let untouched = self.state.builds.values().all(|record| record.attempts == 0);
        match (wanted, &self.state.plan) {
            (Some(wanted), Some(plan)) => untouched && plan.id != *wanted,
            _ => false,
        }
    }

    fn at_work(&self) -> bool {
        !self.in_flight.is_empty() || self.state.is_at_work()
    }

    /// Whether a leftover is left to whoever takes over: with nobody there to ask, one try is all that it gets.
    fn stays(&self, key: &EntryKey, oid: Oid) -> bool {
        let tried = self.state.drops.get(key).filter(|drop| drop.oid == oid);
        self.state.control.unanswered.is_some() && tried.is_some_and(|drop| drop.conclusion.is_some())
    }

    /// Stops what waits over its budget, takes away what it leaves as far as nobody stands in the way, and ends.
    fn leave(&self, step: &StepId) -> Option<Effect> {
        let engine = || Person(ENGINE.to_owned());
        if let Some(effect) = self.stop_running(&engine(), |_| true) {
            return Some(effect);
        }
        let since = self.state.control.unanswered.as_ref().map(|(at, _)| *at);
        let waiting = self.state.drops.iter().find(|(_, drop)| {
            let before = since.is_some_and(|since| drop.started_at < since);
            before && drop.conclusion.is_none() && drop.stopping.is_none()
        });
        if let Some((key, _)) = waiting {
            let (entry, by) = (key.clone(), engine());
            return Some(Effect::Record(EventKind::Drop(DropEvent::StopRequested { entry, by })));
        }
        if let Some(effect) = self.leave_to_others() {
            return Some(effect);
        }
        let works = self.state.builds.keys().chain(self.state.drops.keys()).any(|key| {
            let status = self.state.builds.get(key).map(|record| &record.status);
            let stays = matches!(status, Some(BuildStatus::Cleaning { oid, .. }) if self.stays(key, *oid));
            self.state.is_at_work_on(key) && !stays
        });
        let busy = works || self.in_flight.iter().any(EffectKey::acts);
        // A leftover that stays goes with the next run, which takes only such an end over.
        let stays = self.state.builds.values().any(|it| matches!(it.status, BuildStatus::Cleaning { .. }));
        let ending = match self.state.control.abort {
            Some(_) if !stays => Ending::Aborted,
            Some(_) | None => Ending::NeedsPerson { step: step.clone() },
        };
        (!busy).then(|| close(ending))
    }

    fn abort(&self, policy: AbortPolicy) -> Option<Effect> {
        if policy == AbortPolicy::CancelRunning
            && let Some(effect) = self.stop_running(&Person(ENGINE.to_owned()), |_| true)
        {
            return Some(effect);
        }
        if let Some(effect) = self.leave_to_others() {
            return Some(effect);
        }
        // An answer that is only read is not waited for: a server that is silent would hold the end up.
        let busy = self.state.is_at_work() || self.in_flight.iter().any(EffectKey::acts);
        (!busy).then(|| close(Ending::Aborted))
    }

    /// The end of a run does not wait for builds of other people.
    fn leave_to_others(&self) -> Option<Effect> {
        self.state.builds.iter().find(|(_, record)| record.is_strangers()).map(|(key, _)| {
            Effect::Record(EventKind::Build(BuildEvent::Skipped {
                entry: key.clone(),
                by: Person(ENGINE.to_owned()),
                reason: "somebody else was building it when the run ended".to_owned(),
            }))
        })
    }

    fn stop_running(&self, by: &Person, which: impl Fn(&EntryKey) -> bool) -> Option<Effect> {
        self.state.builds.iter().find_map(|(key, record)| {
            let stoppable = matches!(
                &record.status,
                BuildStatus::Running {
                    stopping: None,
                    stage: Stage::Preparing | Stage::Sent | Stage::Watched,
                    ..
                }
            ) && !record.is_strangers();
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
        let whole = rollback.scope == RollbackScope::Whole;
        if whole && let Some(effect) = self.leave_to_others() {
            return Some(effect);
        }
        let free = has_room_to_drop(self.state);
        for key in &rollback.entries {
            if let Some(made) = self.state.ledger.get(key)
                && free
                && self.mode != Mode::DryRun
                && self.idle(key)
                && !self.state.is_at_work_on(key)
                && self.table_is_free(key)
            {
                return Some(Effect::Drop {
                    entry: key.clone(),
                    oid: made.oid,
                    purpose: DropPurpose::Rollback,
                });
            }
        }
        let pending = rollback.entries.iter().any(|key| {
            self.state.ledger.contains_key(key) || !self.idle(key) || self.state.is_at_work_on(key)
        });
        if pending || (whole && self.at_work()) {
            return None;
        }
        Some(self.rolled_back(rollback))
    }

    fn rolled_back(&self, rollback: &RollbackRecord) -> Effect {
        let tried = || {
            self.state
                .drops
                .values()
                .filter(|drop| drop.purpose == DropPurpose::Rollback && drop.started_at >= rollback.at)
        };
        let dropped = tried().filter(|drop| drop.conclusion == Some(DropConclusion::Gone)).count();
        // Nobody named these, so they stay; that they do is part of the answer.
        let whole = rollback.scope == RollbackScope::Whole;
        let presumed =
            self.state.builds.keys().filter(|key| {
                (whole || rollback.entries.contains(key)) && self.state.presumed(key).is_some()
            });
        let left = tried().count() - dropped + presumed.count();
        Effect::Record(EventKind::Rollback(RollbackEvent::Finished {
            dropped: u32::try_from(dropped).unwrap_or(u32::MAX),
            left: u32::try_from(left).unwrap_or(u32::MAX),
        }))
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

/// What an entry's leftover costs for as long as it stays.
fn harm(item: &PlanItem) -> LeftoverHarm {
    match (&item.state, item.traits.unique) {
        (ItemState::Leftover { harm, .. }, _) => *harm,
        // One that this run left: whether it got as far as rejecting writes, only the catalogs know.
        (_, Uniqueness::Unique | Uniqueness::UniqueNullsNotDistinct) => LeftoverHarm::RejectsWrites,
        (_, Uniqueness::No) => LeftoverHarm::CostsWrites,
    }
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
