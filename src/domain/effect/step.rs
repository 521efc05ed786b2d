//! What a step of the playbook wants next.

use super::{Effect, EffectKey, Look, close, is_settled, record_step};
use crate::domain::check::Verdict;
use crate::domain::event::{BuildEvent, Ending, EventKind, Moment, StepEvent, StepOutcome};
use crate::domain::id::{CheckId, EntryKey, Person};
use crate::domain::plan::{ItemState, LeftoverHarm, PlanItem};
use crate::domain::playbook::{OnFailure, Step, StepKind};
use crate::domain::schedule;
use crate::domain::state::{BuildStatus, StepRecord, StepStatus};
use crate::domain::target::{LeftoverPolicy, Mode};

impl Look<'_> {
    pub(super) fn step(&self) -> Option<Effect> {
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

    fn checks(&self, step: &Step, record: &StepRecord, require: &[CheckId]) -> Option<Effect> {
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
            let warned = check.result.verdict == Verdict::Warn && check.waiver.is_none();
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
        // Repair begins with what rejects writes.
        let mut by_harm = items.clone();
        by_harm.sort_by_key(|item| super::harm(item));
        if let Some(effect) = by_harm.iter().find_map(|item| self.settle(item)) {
            return Some(effect);
        }
        if let Some(effect) = self.build_next(&items) {
            return Some(effect);
        }
        let settled = items.iter().all(|item| self.is_settled(&item.key));
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
        let items: Vec<&PlanItem> = self
            .state
            .plan
            .iter()
            .flat_map(|plan| &plan.items)
            .filter(|item| self.is_asked_for(item))
            .collect();
        // What a person wants tried again here is built here: there is no way back to the build step but a recheck.
        let begun: Vec<&PlanItem> =
            items.iter().filter(|item| self.state.builds.contains_key(&item.key)).copied().collect();
        if let Some(effect) = self.build_next(&begun) {
            return Some(effect);
        }
        let unread: Vec<EntryKey> = begun
            .iter()
            .filter(|item| {
                self.state.builds.get(&item.key).is_some_and(|record| {
                    matches!(record.status, BuildStatus::Verified { .. }) && record.checked.is_none()
                })
            })
            .map(|item| item.key.clone())
            .collect();
        if !unread.is_empty() {
            return self.once(Effect::Verify { entries: unread });
        }
        if explain && let Some(effect) = self.explain_missing(&items, Moment::After) {
            return self.once(effect);
        }
        if self.at_work() || begun.iter().any(|item| !self.is_settled(&item.key)) {
            return None;
        }
        Self::end_of_work(step, record, self.missing(&items, "verified"))
    }

    /// Whether any build step of the playbook is about an item; a playbook that builds nothing verifies everything.
    fn is_asked_for(&self, item: &PlanItem) -> bool {
        let mut builds = false;
        for step in self.state.run.iter().flat_map(|run| run.playbook.steps()) {
            if let StepKind::BuildIndexes { only_domains, .. } = &step.kind {
                builds = true;
                if only_domains.as_ref().is_none_or(|domains| domains.contains(&item.domain)) {
                    return true;
                }
            }
        }
        !builds
    }

    fn is_settled(&self, key: &EntryKey) -> bool {
        self.state.builds.get(key).is_some_and(is_settled)
    }

    fn build_next(&self, items: &[&PlanItem]) -> Option<Effect> {
        if self.state.control.paused.is_some() {
            return None;
        }
        let (entry, attempt) = schedule::next_build(self.state, items, self.in_flight, self.now)?;
        Some(Effect::Build { entry, attempt })
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
