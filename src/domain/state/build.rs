//! How a build's record moves from one event to the next.

use super::record::{AfterCleaning, BuildRecord, BuildStatus, DropEnd, LedgerItem, Left, Stage};
use crate::domain::blocker::{Bites, Blocker};
use crate::domain::event::{Conclusion, DropConclusion, DropPurpose, Next, Origin};
use crate::domain::failure::FailureClass;
use crate::domain::id::{Oid, Person};
use crate::domain::observe::ENGINE;
use crate::domain::progress::{Phase, Wait};
use crate::domain::unit::Millis;

/// A build keeps at most this many blockers, so that a busy table cannot grow the state without bound.
const MAX_BLOCKERS_KEPT: usize = 50;

impl BuildRecord {
    pub(super) fn new(at: jiff::Timestamp) -> Self {
        Self {
            attempts: 0,
            status: BuildStatus::Retrying { not_before: at },
            intent: None,
            oid: None,
            started_at: at,
            finished_at: None,
            phases: Vec::new(),
            blockers: Vec::new(),
            held_since: None,
            failure: None,
            size: None,
            plans: (Vec::new(), Vec::new()),
            checked: None,
        }
    }

    pub(super) fn start(&mut self, attempt: u32) {
        self.attempts = attempt;
        self.status = BuildStatus::Running { stage: Stage::Preparing, stopping: None, over_budget: None };
        self.intent = None;
        self.oid = None;
        self.failure = None;
        self.checked = None;
        self.phases.clear();
        self.held_since = None;
        self.finished_at = None;
    }

    /// What a take-over makes of it: attempts count anew, and what was not known is looked at again.
    pub(super) fn take_over(&mut self, at: jiff::Timestamp) {
        self.set_budget(None);
        match self.status {
            BuildStatus::Running { .. } | BuildStatus::Retrying { .. } | BuildStatus::Cleaning { .. } => {
                self.attempts = 0;
            }
            BuildStatus::Unknown { .. } => {
                self.attempts = 0;
                self.look_again(at);
            }
            BuildStatus::Verified { .. }
            | BuildStatus::Failed { .. }
            | BuildStatus::Skipped { .. }
            | BuildStatus::RolledBack => {}
        }
    }

    /// Another attempt, except that a statement whose end nobody knows is looked for before anything is sent.
    pub(super) fn look_again(&mut self, at: jiff::Timestamp) {
        self.status = if self.intent.is_some() {
            BuildStatus::Running { stage: Stage::Reading, stopping: None, over_budget: None }
        } else {
            BuildStatus::Retrying { not_before: at }
        };
        self.finished_at = None;
    }

    /// Notes who holds it up, each once.
    pub(super) fn hold_up(&mut self, blockers: &[Blocker], at: jiff::Timestamp) {
        if blockers.iter().any(|blocker| blocker.bites == Bites::Now) {
            self.held_since.get_or_insert(at);
        }
        for blocker in blockers {
            let known = self.blockers.iter().any(|b| {
                b.stage == blocker.stage && b.backend() == blocker.backend() && b.why == blocker.why
            });
            if !known && self.blockers.len() < MAX_BLOCKERS_KEPT {
                self.blockers.push(blocker.clone());
            }
        }
    }

    pub(super) fn set_stage(&mut self, to: Stage) {
        match &mut self.status {
            BuildStatus::Running { stage, .. } => *stage = to,
            BuildStatus::Retrying { .. }
            | BuildStatus::Cleaning { .. }
            | BuildStatus::Verified { .. }
            | BuildStatus::Failed { .. }
            | BuildStatus::Skipped { .. }
            | BuildStatus::Unknown { .. }
            | BuildStatus::RolledBack => {
                self.status = BuildStatus::Running { stage: to, stopping: None, over_budget: None };
            }
        }
    }

    /// Which wait is over its budget.
    pub(super) fn set_budget(&mut self, spent: Option<Wait>) {
        if let BuildStatus::Running { over_budget, .. } = &mut self.status {
            *over_budget = spent;
        }
    }

    /// A budget that it has spent while it runs.
    fn over_budget(&self) -> Option<Wait> {
        if let BuildStatus::Running { over_budget, .. } = self.status { over_budget } else { None }
    }

    /// Whether somebody asked for this build to be stopped.
    pub fn stopping(&self) -> Option<&Person> {
        match &self.status {
            BuildStatus::Running { stopping, .. } => stopping.as_ref(),
            BuildStatus::Retrying { .. }
            | BuildStatus::Cleaning { .. }
            | BuildStatus::Verified { .. }
            | BuildStatus::Failed { .. }
            | BuildStatus::Skipped { .. }
            | BuildStatus::Unknown { .. }
            | BuildStatus::RolledBack => None,
        }
    }

    /// Whether a statement of this run that nobody watched may have made an index. It did not when the server said that
    /// somebody else took the name first, or when its own index was seen to be another one.
    pub fn may_have_made(&self, oid: Oid, table: Oid) -> bool {
        let taken = self.failure.as_ref().is_some_and(|failure| failure.class == FailureClass::NameTaken);
        let other = self.oid.is_some_and(|seen| seen != oid);
        self.intent.as_ref().is_some_and(|intent| intent.table_oid == table) && !taken && !other
    }

    /// Whether the engine itself called it off, with budget left: somebody builds on the table, and it would have got
    /// that build killed.
    pub fn gave_way(&self) -> bool {
        let cancelled = self.failure.as_ref().is_some_and(|it| it.class == FailureClass::Cancelled);
        let by_us = self.stopping().is_some_and(|by| by.0 == ENGINE);
        let in_time = matches!(self.status, BuildStatus::Running { over_budget: None, .. });
        cancelled && by_us && in_time
    }

    /// The wait for which the engine had it cancelled, since its budget was spent.
    pub fn called_off(&self) -> Option<Wait> {
        let cancelled = self.failure.as_ref().is_some_and(|it| it.class == FailureClass::Cancelled);
        match &self.status {
            BuildStatus::Running { stopping: Some(by), over_budget, .. } if cancelled && by.0 == ENGINE => {
                *over_budget
            }
            BuildStatus::Running { .. }
            | BuildStatus::Retrying { .. }
            | BuildStatus::Cleaning { .. }
            | BuildStatus::Verified { .. }
            | BuildStatus::Failed { .. }
            | BuildStatus::Skipped { .. }
            | BuildStatus::Unknown { .. }
            | BuildStatus::RolledBack => None,
        }
    }

    /// Takes a conclusion in and returns what belongs into the ledger.
    pub(super) fn conclude(
        &mut self,
        conclusion: &Conclusion,
        next: &Next,
        at: jiff::Timestamp,
    ) -> Option<LedgerItem> {
        let (seen, origin) = match conclusion {
            Conclusion::Verified { oid, size, origin } => {
                self.size = Some(*size);
                (Some(*oid), *origin)
            }
            Conclusion::Leftover { oid, origin, .. } => (Some(*oid), *origin),
            Conclusion::Absent
            | Conclusion::Drift { .. }
            | Conclusion::BuiltElsewhere { .. }
            | Conclusion::StillBuilding { .. }
            | Conclusion::Unknown { .. } => (None, Origin::NotOurs),
        };
        self.oid = seen.or(self.oid);
        if let Conclusion::BuiltElsewhere { .. } = conclusion {
            // Whatever stands under the name from here on is theirs, also when their build fails.
            self.intent = None;
        }
        let never_sent = self.intent.is_none() && self.failure.is_none();
        if *conclusion == Conclusion::Absent {
            // It left nothing: whatever has the name from here on is not of this statement.
            self.intent = None;
        }
        if (never_sent || self.gave_way()) && matches!(next, Next::Retry { .. } | Next::DropThenRetry { .. })
        {
            self.attempts = self.attempts.saturating_sub(1);
        }
        let leftover = if let Conclusion::Leftover { oid, .. } = conclusion { Some(*oid) } else { None };
        self.status = match (next, conclusion) {
            (Next::Done, Conclusion::Verified { origin, .. }) => BuildStatus::Verified { origin: *origin },
            (Next::Done, _) | (Next::GiveUp { .. }, Conclusion::Unknown { .. }) => {
                BuildStatus::Unknown { why: conclusion.sentence() }
            }
            (Next::Retry { not_before }, _) => BuildStatus::Retrying { not_before: *not_before },
            (Next::DropThenRetry { not_before }, _) => match leftover {
                Some(oid) => {
                    BuildStatus::Cleaning { oid, then: AfterCleaning::Retry { not_before: *not_before } }
                }
                None => BuildStatus::Retrying { not_before: *not_before },
            },
            (Next::DropThenStop { sentence }, _) => match leftover {
                Some(oid) => {
                    BuildStatus::Cleaning { oid, then: AfterCleaning::Stop { sentence: sentence.clone() } }
                }
                None => BuildStatus::Failed { sentence: sentence.clone(), left: Left::Nothing },
            },
            // Seen again: a stop that was asked for meanwhile still holds, and so does a budget that our own build
            // spent: the observer tells of it once.
            (Next::Watch, _) => BuildStatus::Running {
                stage: Stage::Watched,
                stopping: self.stopping().cloned(),
                over_budget: self.over_budget().filter(|_| self.intent.is_some()),
            },
            (Next::GiveUp { sentence }, _) => BuildStatus::Failed {
                sentence: sentence.clone(),
                left: if leftover.is_some() { Left::Leftover } else { Left::Nothing },
            },
        };
        if !matches!(self.status, BuildStatus::Running { .. }) {
            self.finished_at = Some(at);
        }
        let table_oid = self.intent.as_ref().map(|intent| intent.table_oid);
        match (seen, table_oid, origin) {
            (Some(oid), Some(table_oid), Origin::Ours) => Some(LedgerItem { oid, table_oid, seen_at: at }),
            _ => None,
        }
    }

    pub(super) fn after_drop(
        &mut self,
        conclusion: &DropConclusion,
        drop: Option<(DropPurpose, DropEnd)>,
        at: jiff::Timestamp,
    ) {
        let gone = *conclusion == DropConclusion::Gone;
        let purpose = drop.map(|(purpose, _)| purpose);
        match (&self.status, gone) {
            // Nobody knows of a failure: its process died, before or while it was sent. It is begun again.
            (BuildStatus::Cleaning { .. }, false) if drop.is_some_and(|(_, end)| end == DropEnd::CutOff) => {}
            (BuildStatus::Cleaning { then: AfterCleaning::Retry { not_before }, .. }, true) => {
                self.status = BuildStatus::Retrying { not_before: *not_before };
            }
            (BuildStatus::Cleaning { then: AfterCleaning::Stop { sentence }, .. }, true) => {
                self.status = BuildStatus::Failed { sentence: sentence.clone(), left: Left::Nothing };
                self.finished_at = Some(at);
            }
            (BuildStatus::Cleaning { .. }, false) => {
                self.status = BuildStatus::Failed {
                    sentence: format!("the leftover could not be dropped: {}", conclusion.sentence()),
                    left: Left::Leftover,
                };
                self.finished_at = Some(at);
            }
            (_, true) if purpose == Some(DropPurpose::Rollback) => {
                self.status = BuildStatus::RolledBack;
                self.finished_at = Some(at);
            }
            (_, true) => self.status = BuildStatus::Retrying { not_before: at },
            (BuildStatus::Verified { .. }, false) => match conclusion {
                DropConclusion::Interrupted { why, .. } => {
                    self.status = BuildStatus::Failed {
                        sentence: format!("its rollback was cut in the middle: {why}"),
                        left: Left::Leftover,
                    };
                }
                DropConclusion::Unknown { why } => self.status = BuildStatus::Unknown { why: why.clone() },
                DropConclusion::Gone | DropConclusion::Untouched { .. } | DropConclusion::Refused { .. } => {}
            },
            (_, false) => {}
        }
    }

    /// The verify step may find that what was right is right no longer.
    pub(super) fn recheck(&mut self, conclusion: &Conclusion) {
        let verified = matches!(self.status, BuildStatus::Verified { .. });
        if let Conclusion::Leftover { oid, .. } = conclusion {
            self.oid = Some(*oid);
        }
        match conclusion {
            Conclusion::Verified { size, .. } => self.size = Some(*size),
            Conclusion::Unknown { why } if verified => {
                self.status = BuildStatus::Unknown { why: why.clone() };
            }
            other @ (Conclusion::Leftover { .. }
            | Conclusion::Absent
            | Conclusion::Drift { .. }
            | Conclusion::BuiltElsewhere { .. }
            | Conclusion::StillBuilding { .. })
                if verified =>
            {
                self.status = BuildStatus::Failed {
                    sentence: format!("verified before, but now {}", other.sentence()),
                    left: if matches!(other, Conclusion::Leftover { .. }) {
                        Left::Leftover
                    } else {
                        Left::Nothing
                    },
                };
            }
            Conclusion::Leftover { .. }
            | Conclusion::Absent
            | Conclusion::Drift { .. }
            | Conclusion::BuiltElsewhere { .. }
            | Conclusion::StillBuilding { .. }
            | Conclusion::Unknown { .. } => {}
        }
    }

    /// Time from the first attempt to the end, or to `now`.
    pub fn elapsed(&self, now: jiff::Timestamp) -> Millis {
        Millis::between(self.started_at, self.finished_at.unwrap_or(now))
    }

    /// Time spent in each phase of the newest attempt, up to `now` or the end.
    pub fn phase_times(&self, now: jiff::Timestamp) -> Vec<(Phase, Millis)> {
        let end = self.finished_at.unwrap_or(now);
        let ends = self.phases.iter().skip(1).map(|(_, at)| *at).chain(std::iter::once(end));
        self.phases.iter().zip(ends).map(|((phase, from), to)| (*phase, Millis::between(*from, to))).collect()
    }
}
