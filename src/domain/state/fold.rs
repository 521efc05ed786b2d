//! One event into the state.

use super::{
    AfterCleaning, BuildRecord, BuildStatus, CheckRecord, DropEnd, DropRecord, Intent, LedgerItem, Pass,
    RollbackRecord, RollbackScope, RunInfo, RunState, SignOff, Stage, StepRecord, StepStatus,
};

use crate::domain::check::Waiver;
use crate::domain::event::{
    BuildEvent, CheckEvent, DropConclusion, DropEvent, DropPurpose, Event, EventKind, Origin, RollbackEvent,
    RunEvent, SessionEvent, StepEvent, VerifyEvent,
};
use crate::domain::id::{EntryKey, Person, StepId};
use crate::domain::observe::ENGINE;
use crate::domain::plan::{ItemState, Plan};
use crate::domain::playbook::StepKind;
use crate::domain::progress::Phase;

impl RunState {
    /// Folds a whole journal.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut state = Self::default();
        for event in events {
            state.apply(event);
        }
        state
    }

    /// Takes one event in. Total: an event that does not fit changes nothing but the position.
    pub fn apply(&mut self, event: &Event) {
        let at = event.at;
        match &event.kind {
            EventKind::Run(e) => self.apply_run(e, at),
            EventKind::Step(e) => self.apply_step(e, at),
            EventKind::Check(e) => self.apply_check(e, at),
            EventKind::Build(e) => self.apply_build(e, at),
            EventKind::Drop(e) => self.apply_drop(e, at),
            EventKind::Verify(e) => self.apply_verify(e, at),
            EventKind::Rollback(e) => self.apply_rollback(e, at),
            EventKind::Session(e) => self.apply_session(e),
        }
        self.last = Some((event.seq, at));
    }

    fn apply_run(&mut self, event: &RunEvent, at: jiff::Timestamp) {
        match event {
            RunEvent::Opened {
                run,
                version,
                operator,
                mode,
                environment,
                playbook,
                settings,
                registry_path,
                registry,
            } => {
                self.run = Some(RunInfo {
                    run: run.clone(),
                    opened_at: at,
                    version: version.clone(),
                    operators: vec![operator.clone()],
                    mode: *mode,
                    environment: environment.clone(),
                    playbook: playbook.clone(),
                    settings: settings.clone(),
                    registry_path: registry_path.clone(),
                    registry: registry.clone(),
                });
            }
            RunEvent::TakenOver { operator, .. } => {
                if let Some(run) = &mut self.run {
                    run.operators.push(operator.clone());
                }
                // Whoever takes over says anew how long they have.
                self.control.window = None;
                self.take_over(at);
            }
            RunEvent::TargetSeen { target } => {
                self.target = Some(target.clone());
                self.control.connected = Some(at);
            }
            RunEvent::TargetChanged { changes, .. } => self.control.target_changed = Some(changes.clone()),
            RunEvent::Planned { plan } => self.take_plan(plan, at),
            RunEvent::Paused { by } => self.control.paused = Some(by.clone()),
            RunEvent::Unpaused { .. } => self.control.paused = None,
            RunEvent::ControlTaken { by, .. } => self.control.controller = Some(by.clone()),
            RunEvent::ControlLost { .. } => self.control.controller = None,
            RunEvent::WindowSet { end, .. } => self.control.window = *end,
            RunEvent::AbortRequested { by, reason } => {
                self.control.abort = Some((by.clone(), reason.clone()));
            }
            RunEvent::Unanswered { step, .. } => self.control.unanswered = Some((at, step.clone())),
            RunEvent::SignedOff { by, reason } => {
                self.control.sign_off = Some(SignOff { at, by: by.clone(), reason: reason.clone() });
            }
            RunEvent::TaskPanicked { task, message } => {
                self.control.panics.push(format!("{task}: {message}"));
                self.control.panics_here += 1;
            }
            RunEvent::Closed { ending } => self.control.closed = Some((at, ending.clone())),
        }
    }

    /// Whoever takes over decides anew whether to pause, abort or end, and every question that waited for an answer
    /// is asked again.
    fn take_over(&mut self, at: jiff::Timestamp) {
        self.control.closed = None;
        self.control.abort = None;
        self.control.unanswered = None;
        self.control.paused = None;
        self.control.controller = None;
        self.control.target_changed = None;
        self.control.plan_for = None;
        self.control.connected = None;
        self.control.panics_here = 0;
        for record in self.steps.values_mut() {
            if let StepStatus::Held { .. } = record.status {
                record.status = StepStatus::Running;
            }
        }
        let checking = self.current_step().is_some_and(|step| matches!(step.kind, StepKind::Checks { .. }));
        if checking {
            self.ask_again();
        }
        for record in self.builds.values_mut() {
            record.take_over(at);
        }
        for drop in self.drops.values_mut().filter(|drop| drop.conclusion.is_none()) {
            drop.take_over();
        }
    }

    /// Answers of an earlier pass stand until they are given anew.
    fn ask_again(&mut self) {
        self.control.checks_took = None;
        for check in &mut self.checks {
            check.pass = Pass::Earlier;
        }
    }

    /// A new plan speaks for every entry that nothing of ours is at work on and that is not settled.
    fn take_plan(&mut self, plan: &Plan, at: jiff::Timestamp) {
        for item in &plan.items {
            let waits = self
                .builds
                .get(&item.key)
                .is_some_and(|record| matches!(record.status, BuildStatus::Retrying { .. }));
            // A leftover that was dropped while the plan was read is as good as none.
            let dropped = self.drops.get(&item.key).is_some_and(|drop| {
                drop.conclusion == Some(DropConclusion::Gone)
                    && matches!(item.state, ItemState::Leftover { oid, .. } if oid == drop.oid)
            });
            if waits && !dropped && !matches!(item.state, ItemState::ToBuild | ItemState::Present { .. }) {
                self.builds.remove(&item.key);
            }
            if let ItemState::Present { oid, size } = &item.state {
                let ours = self.ledger.get(&item.key).is_some_and(|made| made.oid == *oid);
                let record = self.builds.entry(item.key.clone()).or_insert_with(|| BuildRecord::new(at));
                if !matches!(record.status, BuildStatus::Running { .. } | BuildStatus::Verified { .. }) {
                    let presumed = item.table_oid.is_some_and(|table| record.may_have_made(*oid, table));
                    let origin = match (ours, presumed) {
                        (true, _) => Origin::Ours,
                        (false, true) => Origin::Presumed,
                        (false, false) => Origin::NotOurs,
                    };
                    record.status = BuildStatus::Verified { origin };
                    record.oid = Some(*oid);
                    record.size = Some(*size);
                    record.finished_at = Some(at);
                }
            }
        }
        self.plan = Some(plan.clone());
        self.control.plan_for = self.current_step().map(|step| step.id.clone());
    }

    fn apply_step(&mut self, event: &StepEvent, at: jiff::Timestamp) {
        match event {
            StepEvent::Started { step } => {
                self.steps.entry(step.clone()).or_insert_with(|| StepRecord::new(at)).status =
                    StepStatus::Running;
            }
            StepEvent::Held { step, why } => {
                self.steps.entry(step.clone()).or_insert_with(|| StepRecord::new(at)).status =
                    StepStatus::Held { why: why.clone() };
            }
            StepEvent::Confirmed { step, by, typed } => {
                if let Some(record) = self.steps.get_mut(step) {
                    record.confirmed = Some((by.clone(), typed.clone()));
                    record.status = StepStatus::Running;
                }
            }
            StepEvent::Finished { step, outcome } => {
                let record = self.steps.entry(step.clone()).or_insert_with(|| StepRecord::new(at));
                record.status = StepStatus::Finished { outcome: outcome.clone() };
                record.finished_at = Some(at);
            }
            StepEvent::Reopened { step, .. } => {
                // Whatever was confirmed on the ground of the old answers is confirmed no more.
                let later: Vec<StepId> = self
                    .step_order()
                    .skip_while(|known| known != step)
                    .filter(|known| self.steps.contains_key(known))
                    .collect();
                for step in later {
                    self.steps.remove(&step);
                }
                self.plan = None;
                self.control.plan_for = None;
                self.ask_again();
                for record in self.builds.values_mut() {
                    record.checked = None;
                }
            }
        }
    }

    fn apply_check(&mut self, event: &CheckEvent, at: jiff::Timestamp) {
        match event {
            CheckEvent::Judged { result } => {
                let known = self.checks.iter_mut().find(|check| check.result.id == result.id);
                if let Some(check) = known {
                    // A waiver covers what was found when it was given, nothing else.
                    if check.waiver.as_ref().is_some_and(|waiver| waiver.found != result.found) {
                        check.waiver = None;
                    }
                    check.result = result.clone();
                    check.pass = Pass::Current;
                } else {
                    self.checks.push(CheckRecord {
                        result: result.clone(),
                        pass: Pass::Current,
                        waiver: None,
                    });
                }
            }
            CheckEvent::PassEnded { took } => {
                self.checks.retain(|check| check.pass == Pass::Current);
                self.control.checks_took = Some(*took);
            }
            CheckEvent::Waived { check, by, reason } => {
                if let Some(record) = self.checks.iter_mut().find(|record| &record.result.id == check) {
                    record.waiver = Some(Waiver {
                        by: by.clone(),
                        reason: reason.clone(),
                        found: record.result.found.clone(),
                        at,
                    });
                }
            }
        }
    }

    fn apply_build(&mut self, event: &BuildEvent, at: jiff::Timestamp) {
        let key = event.entry().clone();
        let record = self.builds.entry(key.clone()).or_insert_with(|| BuildRecord::new(at));
        match event {
            BuildEvent::Started { attempt, .. } => record.start(*attempt),
            BuildEvent::Intended { statement, before, backend, table_oid, .. } => {
                record.intent = Some(Intent {
                    at,
                    statement: statement.clone(),
                    backend: *backend,
                    before: *before,
                    table_oid: *table_oid,
                });
                record.set_stage(Stage::Sent);
                record.set_budget(None);
                record.held_since = None;
                record.phases.push((Phase::FirstLock, at));
            }
            BuildEvent::Located { oid, .. } => {
                // Only what our own intent made is ours: before it, under the item lock, the name was free.
                if let Some(intent) = &record.intent {
                    record.oid = Some(*oid);
                    let item = LedgerItem { oid: *oid, table_oid: intent.table_oid, seen_at: at };
                    self.ledger.insert(key, item);
                }
            }
            BuildEvent::PhaseEntered { phase, .. } => {
                if record.phases.last().is_none_or(|(last, _)| last != phase) {
                    record.phases.push((*phase, at));
                }
                record.set_budget(None);
                record.held_since = None;
            }
            BuildEvent::HeldUp { blockers, .. } => record.hold_up(blockers, at),
            BuildEvent::BudgetSpent { wait, .. } => record.set_budget(Some(*wait)),
            BuildEvent::Adopted { oid, .. } => {
                record.oid = oid.or(record.oid);
                record.set_stage(Stage::Watched);
                // Our own orphan at work is as good a witness as our worker.
                if let (Some(oid), Some(intent)) = (oid, &record.intent) {
                    let item = LedgerItem { oid: *oid, table_oid: intent.table_oid, seen_at: at };
                    self.ledger.insert(key, item);
                }
            }
            BuildEvent::StopRequested { by, .. } => {
                if let BuildStatus::Running { stopping, .. } = &mut record.status {
                    request_stop(stopping, by);
                }
            }
            BuildEvent::StatementEnded { result, .. } => {
                record.failure = result.as_ref().err().cloned();
                record.set_stage(Stage::Reading);
                record.held_since = None;
            }
            BuildEvent::Concluded { conclusion, next, .. } => {
                let made = record.conclude(conclusion, next, at);
                if let Some(item) = made {
                    self.ledger.insert(key, item);
                }
            }
            BuildEvent::Skipped { reason, .. } => {
                record.status = BuildStatus::Skipped { reason: reason.clone() };
                record.finished_at = Some(at);
            }
            BuildEvent::RetryRequested { clean, .. } => {
                record.attempts = 0;
                match (clean, &record.status) {
                    (Some(oid), _) => {
                        let then = AfterCleaning::Retry { not_before: at };
                        record.status = BuildStatus::Cleaning { oid: *oid, then };
                        record.finished_at = None;
                    }
                    (None, BuildStatus::Unknown { .. }) => record.look_again(at),
                    (None, _) => {
                        record.status = BuildStatus::Retrying { not_before: at };
                        record.finished_at = None;
                    }
                }
            }
        }
    }

    fn apply_drop(&mut self, event: &DropEvent, at: jiff::Timestamp) {
        match event {
            DropEvent::Started { entry, oid, purpose } => {
                self.drops.insert(
                    entry.clone(),
                    DropRecord {
                        oid: *oid,
                        purpose: *purpose,
                        started_at: at,
                        backend: None,
                        blockers: Vec::new(),
                        stopping: None,
                        over_budget: None,
                        result: None,
                        conclusion: None,
                    },
                );
            }
            DropEvent::Intended { entry, backend, .. } => {
                if let Some(record) = self.drops.get_mut(entry) {
                    // Another try: what was said of the one before is over.
                    record.backend = Some(*backend);
                    record.over_budget = None;
                    record.result = None;
                }
            }
            DropEvent::HeldUp { entry, blockers } => {
                if let Some(record) = self.drops.get_mut(entry) {
                    record.blockers.clone_from(blockers);
                }
            }
            DropEvent::StopRequested { entry, by } => {
                if let Some(record) = self.drops.get_mut(entry) {
                    request_stop(&mut record.stopping, by);
                }
            }
            DropEvent::BudgetSpent { entry, wait, .. } => {
                if let Some(record) = self.drops.get_mut(entry) {
                    record.over_budget = Some(*wait);
                }
            }
            DropEvent::StatementEnded { entry, result } => {
                if let Some(record) = self.drops.get_mut(entry) {
                    record.result = Some(result.clone());
                }
            }
            DropEvent::Concluded { entry, oid, conclusion } => {
                let left_to_others = self.control.unanswered.is_some();
                let ended = self.drops.get_mut(entry).map(|record| {
                    record.conclusion = Some(conclusion.clone());
                    // With nobody there to ask, what could not be dropped is left to whoever takes over.
                    let end = if left_to_others { DropEnd::CutOff } else { record.end(conclusion) };
                    (record.purpose, end)
                });
                let gone = *conclusion == DropConclusion::Gone;
                if gone && self.ledger.get(entry).is_some_and(|made| made.oid == *oid) {
                    self.ledger.remove(entry);
                }
                if let Some(record) = self.builds.get_mut(entry) {
                    record.after_drop(conclusion, ended, at);
                }
                // A leftover that would not go, and a drop whose process died, are tried once more by the rollback.
                let tried = gone || matches!(ended, None | Some((DropPurpose::Rollback, DropEnd::Heard)));
                if tried && let Some(rollback) = &mut self.control.rollback {
                    rollback.entries.retain(|key| key != entry);
                }
            }
        }
    }

    fn apply_verify(&mut self, event: &VerifyEvent, at: jiff::Timestamp) {
        match event {
            VerifyEvent::Explained { entry, moment, plans } => {
                let record = self.builds.entry(entry.clone()).or_insert_with(|| BuildRecord::new(at));
                match moment {
                    crate::domain::event::Moment::Before => record.plans.0.clone_from(plans),
                    crate::domain::event::Moment::After => record.plans.1.clone_from(plans),
                }
            }
            VerifyEvent::Checked { entry, conclusion } => {
                let record = self.builds.entry(entry.clone()).or_insert_with(|| BuildRecord::new(at));
                record.checked = Some(conclusion.clone());
                record.recheck(conclusion);
            }
        }
    }

    fn apply_rollback(&mut self, event: &RollbackEvent, at: jiff::Timestamp) {
        match event {
            RollbackEvent::Requested { by, reason, entries } => {
                for key in entries {
                    if let Some((oid, table_oid)) = self.presumed(key) {
                        self.ledger.insert(key.clone(), LedgerItem { oid, table_oid, seen_at: at });
                    }
                }
                let running = self.builds.keys().filter(|key| self.is_at_work_on(key));
                let whole = self.ledger.keys().chain(running).all(|key| entries.contains(key));
                self.drops.retain(|key, drop| drop.conclusion.is_none() || !entries.contains(key));
                self.control.rollback = Some(RollbackRecord {
                    at,
                    by: by.clone(),
                    reason: reason.clone(),
                    entries: entries.clone(),
                    scope: if whole { RollbackScope::Whole } else { RollbackScope::Some },
                    finished: None,
                });
            }
            RollbackEvent::Finished { dropped, left } => {
                if let Some(rollback) = &mut self.control.rollback {
                    rollback.finished = Some((*dropped, *left));
                    rollback.entries.clear();
                }
            }
        }
    }

    fn apply_session(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::EndRequested { backend, description, how, by, reason } => {
                let how = match how {
                    crate::domain::event::SessionEnd::CancelStatement => "cancel the statement of",
                    crate::domain::event::SessionEnd::Terminate => "end",
                };
                self.control.sessions.push((
                    *backend,
                    format!("{} asked to {how} pid {} ({description}): {reason}", by.0, backend.pid),
                ));
            }
            SessionEvent::EndAttempted { backend, result } => {
                let text = match result {
                    Ok(crate::domain::event::Signalled::Sent) => "the signal was sent".to_owned(),
                    Ok(crate::domain::event::Signalled::Gone) => {
                        "that backend was gone, nothing was sent".to_owned()
                    }
                    Err(failure) => failure.message.clone(),
                };
                self.control.sessions.push((*backend, format!("pid {}: {text}", backend.pid)));
            }
        }
    }
}

/// What a person stops stays stopped: another attempt may follow a stop of the engine, which is why it never takes the
/// place of a person's.
fn request_stop(stopping: &mut Option<Person>, by: &Person) {
    if stopping.is_none() || by.0 != ENGINE {
        *stopping = Some(by.clone());
    }
}

impl BuildEvent {
    /// The entry that an event is about.
    pub fn entry(&self) -> &EntryKey {
        match self {
            Self::Started { entry, .. }
            | Self::Intended { entry, .. }
            | Self::Located { entry, .. }
            | Self::PhaseEntered { entry, .. }
            | Self::HeldUp { entry, .. }
            | Self::BudgetSpent { entry, .. }
            | Self::Adopted { entry, .. }
            | Self::StopRequested { entry, .. }
            | Self::StatementEnded { entry, .. }
            | Self::Concluded { entry, .. }
            | Self::Skipped { entry, .. }
            | Self::RetryRequested { entry, .. } => entry,
        }
    }
}
