//! What the fold keeps of steps, checks, builds, drops and the run as a whole.

use serde::{Deserialize, Serialize};

use crate::domain::blocker::Blocker;
use crate::domain::check::{CheckResult, Waiver};
use crate::domain::event::{
    Before, Conclusion, DropConclusion, DropPurpose, Ending, Origin, PlanReading, StepOutcome,
};
use crate::domain::failure::Failure;
use crate::domain::id::{BackendId, Digest, EntryKey, Oid, Person, RunId, StepId};
use crate::domain::observe::ENGINE;
use crate::domain::playbook::Playbook;
use crate::domain::progress::{Phase, Wait};
use crate::domain::target::{Environment, Mode, Operator, RunSettings};
use crate::domain::unit::{Bytes, Millis};

/// What was opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// This run.
    pub run: RunId,
    /// When it was opened.
    pub opened_at: jiff::Timestamp,
    /// Version of the program that opened it.
    pub version: String,
    /// Everybody who drove it, the first one first.
    pub operators: Vec<Operator>,
    /// What it may do.
    pub mode: Mode,
    /// The environment word.
    pub environment: Environment,
    /// The playbook.
    pub playbook: Playbook,
    /// Settings.
    pub settings: RunSettings,
    /// Where the registry was read.
    pub registry_path: String,
    /// Hash of its bytes.
    pub registry: Digest,
}

/// A step that began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// When, first.
    pub started_at: jiff::Timestamp,
    /// Where it is.
    pub status: StepStatus,
    /// Who said go, and what was typed.
    pub confirmed: Option<(Person, String)>,
    /// When it ended.
    pub finished_at: Option<jiff::Timestamp>,
}

/// Where a step is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum StepStatus {
    /// At work.
    Running,
    /// Waits for a person.
    Held {
        /// For what.
        why: String,
    },
    /// Ended.
    Finished {
        /// How.
        outcome: StepOutcome,
    },
}

/// A check with its newest answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckRecord {
    /// The answer.
    pub result: CheckResult,
    /// Whether it belongs to the pass that goes on, or to an earlier one.
    pub pass: Pass,
    /// A person's decision to go on all the same; void when the finding changes.
    pub waiver: Option<Waiver>,
}

/// Which pass an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// The one that goes on or ended last.
    Current,
    /// An earlier one: asked again, not answered yet.
    Earlier,
}

impl CheckRecord {
    /// Whether the gate stays closed because of it.
    pub fn closes_gate(&self) -> bool {
        self.result.verdict.blocks() && self.waiver.is_none()
    }
}

/// A build as far as it got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// Attempts so far.
    pub attempts: u32,
    /// Where it is.
    pub status: BuildStatus,
    /// Statement and backend of the newest attempt, once intended.
    pub intent: Option<Intent>,
    /// The index, once it is known.
    pub oid: Option<Oid>,
    /// When the first attempt began.
    pub started_at: jiff::Timestamp,
    /// When it was concluded for good.
    pub finished_at: Option<jiff::Timestamp>,
    /// Phases of the newest attempt with the time they were entered.
    pub phases: Vec<(Phase, jiff::Timestamp)>,
    /// Everybody who held it up, each once.
    pub blockers: Vec<Blocker>,
    /// Since when somebody holds it up; absent while it works.
    pub held_since: Option<jiff::Timestamp>,
    /// Newest failure of a statement.
    pub failure: Option<Failure>,
    /// Size once verified.
    pub size: Option<Bytes>,
    /// What the planner said before and after.
    pub plans: (Vec<PlanReading>, Vec<PlanReading>),
    /// Newest reading in the verify step.
    pub checked: Option<Conclusion>,
}

/// An intent that reached the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When.
    pub at: jiff::Timestamp,
    /// Full text.
    pub statement: String,
    /// The building backend.
    pub backend: BackendId,
    /// What the name meant before.
    pub before: Before,
    /// The table.
    pub table_oid: Oid,
}

/// Where a build is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum BuildStatus {
    /// A worker has it, or had it when the process died.
    Running {
        /// How far, as the events tell.
        stage: Stage,
        /// A stop was asked for.
        stopping: Option<Person>,
        /// A budget that was spent, and what for.
        over_budget: Option<Wait>,
    },
    /// It waits for its next attempt.
    Retrying {
        /// Not before this.
        not_before: jiff::Timestamp,
    },
    /// Its leftover must go first.
    Cleaning {
        /// The leftover.
        oid: Oid,
        /// What comes after.
        then: AfterCleaning,
    },
    /// Done: read back, valid, ready, live, right table, same definition.
    Verified {
        /// Whether this run made it.
        origin: Origin,
    },
    /// Not done, and no other attempt.
    Failed {
        /// Why, for an operator.
        sentence: String,
        /// What is on the server.
        left: Left,
    },
    /// Left out.
    Skipped {
        /// Why.
        reason: String,
    },
    /// Not known.
    Unknown {
        /// Why. Untrusted.
        why: String,
    },
    /// Made by this run, verified, then dropped by its rollback.
    RolledBack,
}

/// How far a running build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing was sent.
    Preparing,
    /// The intent is on disk: the statement may have been sent.
    Sent,
    /// Nobody of ours waits for its answer; it is watched.
    Watched,
    /// The server answered; the catalogs are being read.
    Reading,
}

/// What follows a drop of a leftover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "then", rename_all = "snake_case")]
pub enum AfterCleaning {
    /// Another attempt.
    Retry {
        /// Not before this.
        not_before: jiff::Timestamp,
    },
    /// Nothing more.
    Stop {
        /// Why, for an operator.
        sentence: String,
    },
}

/// What a build that failed leaves on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// Nothing of ours.
    Nothing,
    /// An invalid index.
    Leftover,
}

/// Something that this run made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerItem {
    /// The index. Names change hands; this does not.
    pub oid: Oid,
    /// Its table.
    pub table_oid: Oid,
    /// When it was first seen.
    pub seen_at: jiff::Timestamp,
}

/// A drop as far as it got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DropRecord {
    /// Exactly this index.
    pub oid: Oid,
    /// Why.
    pub purpose: DropPurpose,
    /// When it began.
    pub started_at: jiff::Timestamp,
    /// The dropping backend, once intended.
    pub backend: Option<BackendId>,
    /// Who holds it up.
    pub blockers: Vec<Blocker>,
    /// Who asked for it to be stopped.
    #[serde(default)]
    pub stopping: Option<Person>,
    /// A budget that was spent, and what for.
    #[serde(default)]
    pub over_budget: Option<Wait>,
    /// What the server answered to the newest statement; absent while that runs, and for ever when nobody was there to
    /// hear it.
    #[serde(default)]
    pub result: Option<Result<(), Failure>>,
    /// What is so; absent while it runs.
    pub conclusion: Option<DropConclusion>,
}

/// Pause, abort, rollback, sign-off, end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Who paused the queue.
    pub paused: Option<Person>,
    /// Who has the run in hand at a console, when somebody does.
    #[serde(default)]
    pub controller: Option<Person>,
    /// When the maintenance window ends; absent: nobody said.
    #[serde(default)]
    pub window: Option<jiff::Timestamp>,
    /// Who or what wants the run to end, and why.
    pub abort: Option<(Person, String)>,
    /// Since when the run ends because nobody was there to say whether to go on waiting, and the step that it was at.
    #[serde(default)]
    pub unanswered: Option<(jiff::Timestamp, StepId)>,
    /// When the target was last proven by the process that drives the run; absent after a take-over.
    pub connected: Option<jiff::Timestamp>,
    /// Step that the newest plan was made for; absent when it must be made anew.
    pub plan_for: Option<StepId>,
    /// How long the newest pass of checks took; absent while one is wanted or goes on.
    pub checks_took: Option<Millis>,
    /// What the target turned into.
    pub target_changed: Option<Vec<String>>,
    /// A rollback.
    pub rollback: Option<RollbackRecord>,
    /// The signature.
    pub sign_off: Option<SignOff>,
    /// The end.
    pub closed: Option<(jiff::Timestamp, Ending)>,
    /// Panics of tasks.
    pub panics: Vec<String>,
    /// How many of them since the process that drives the run took it.
    #[serde(default)]
    pub panics_here: u32,
    /// Sessions of others that an operator ended, with what came of it.
    pub sessions: Vec<(BackendId, String)>,
}

/// A rollback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollbackRecord {
    /// When.
    pub at: jiff::Timestamp,
    /// Who.
    pub by: Person,
    /// Why.
    pub reason: String,
    /// Entries that are still to be tried.
    pub entries: Vec<EntryKey>,
    /// Whether it covers all that the run made, so that the run ends with it.
    pub scope: RollbackScope,
    /// Dropped and left, once it ended.
    pub finished: Option<(u32, u32)>,
}

/// What a rollback covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackScope {
    /// All of the ledger: the run ends with it.
    Whole,
    /// Some entries: the run goes on.
    Some,
}

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOff {
    /// When.
    pub at: jiff::Timestamp,
    /// Name as typed.
    pub by: Person,
    /// Reason or remark.
    pub reason: String,
}

/// How a drop ended, as far as the journal tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DropEnd {
    /// The server answered, or nothing was sent.
    Heard,
    /// The index is still there, and no answer reached the journal or the engine itself called it off: it is begun
    /// again, by this run or the next.
    CutOff,
}

impl DropRecord {
    /// Whether a statement of it may be at work on the server: it was sent, and no answer says for certain that it ended.
    pub fn is_on_server(&self) -> bool {
        self.conclusion.is_none() && self.backend.is_some() && (self.result.is_none() || self.is_in_doubt())
    }

    /// Whether the answer that there is leaves open whether the server goes on.
    fn is_in_doubt(&self) -> bool {
        matches!(&self.result, Some(Err(failure)) if failure.class.leaves_doubt())
    }

    /// An answer that leaves doubt is none for whoever takes over: the one who was about to look into it is gone.
    pub(super) fn take_over(&mut self) {
        self.over_budget = None;
        if self.is_in_doubt() {
            self.result = None;
        }
    }

    /// Whether the engine called it off although its budget was not spent: somebody builds on the table, and it would
    /// have got that build killed.
    fn gave_way(&self) -> bool {
        self.over_budget.is_none() && self.stopping.as_ref().is_some_and(|by| by.0 == ENGINE)
    }

    /// How it ended, given what the catalogs say.
    pub(super) fn end(&self, conclusion: &DropConclusion) -> DropEnd {
        let there =
            matches!(conclusion, DropConclusion::Untouched { .. } | DropConclusion::Interrupted { .. });
        if there && (self.result.is_none() || self.gave_way()) { DropEnd::CutOff } else { DropEnd::Heard }
    }
}

impl StepRecord {
    pub(super) fn new(at: jiff::Timestamp) -> Self {
        Self { started_at: at, status: StepStatus::Running, confirmed: None, finished_at: None }
    }
}
