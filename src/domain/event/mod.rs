//! What happened. The journal is a list of these, and every reader folds the same list.
//!
//! Events are facts in the past participle, in families of at most twelve. They hold everything that a later
//! reader needs: no event points at memory, a file or a clock.

use serde::{Deserialize, Serialize};

use super::check::CheckResult;
use super::id::{CheckId, Digest, EntryKey, Person, RunId, Seq, StepId};
use super::plan::Plan;
use super::playbook::Playbook;
use super::target::{Environment, Mode, Operator, RunSettings, Target, TargetIdentity};
use super::unit::Millis;

mod build;
mod inquiry;
mod removal;

pub use build::{Before, BuildEvent, Conclusion, Next, Origin};
pub use inquiry::{
    Moment, PlanReading, PlannedQuery, SessionEnd, SessionEvent, Signalled, UsesIndex, VerifyEvent,
};
pub use removal::{DropConclusion, DropEvent, DropPurpose, RollbackEvent};

/// One journaled fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the journal.
    pub seq: Seq,
    /// Wall time of the machine that ran the engine.
    pub at: jiff::Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Families of events: `{"family":"build","type":"started",…}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "a run has a few hundred events; boxes would only clutter every match"
)]
pub enum EventKind {
    /// The run as a whole.
    Run(RunEvent),
    /// A step of the playbook.
    Step(StepEvent),
    /// A pre-flight check.
    Check(CheckEvent),
    /// A build.
    Build(BuildEvent),
    /// A drop of a leftover or a rollback's.
    Drop(DropEvent),
    /// Verification.
    Verify(VerifyEvent),
    /// Rollback as a whole.
    Rollback(RollbackEvent),
    /// Somebody else's session.
    Session(SessionEvent),
}

/// The run as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "Opened occurs once in a run")]
pub enum RunEvent {
    /// First event of every journal.
    Opened {
        /// This run.
        run: RunId,
        /// Version of the program.
        version: String,
        /// Who started it.
        operator: Operator,
        /// What it may do.
        mode: Mode,
        /// The environment word.
        environment: Environment,
        /// The playbook, whole.
        playbook: Playbook,
        /// Settings.
        settings: RunSettings,
        /// Where the registry was read.
        registry_path: String,
        /// Hash of its bytes.
        registry: Digest,
    },
    /// A process took an unfinished or closed journal over.
    TakenOver {
        /// Who.
        operator: Operator,
        /// Version of the program.
        version: String,
        /// Bytes of a torn last line that were cut and kept aside.
        torn: u64,
    },
    /// Connected, and this is where.
    TargetSeen {
        /// The target.
        target: Target,
    },
    /// A later connection led elsewhere: nothing more is sent.
    TargetChanged {
        /// What differs.
        changes: Vec<String>,
        /// What is there now.
        now: TargetIdentity,
    },
    /// Catalogs read, plan made.
    Planned {
        /// The plan, whole.
        plan: Box<Plan>,
    },
    /// Nothing new starts; what runs goes on.
    Paused {
        /// Who.
        by: Person,
    },
    /// The queue goes on.
    Unpaused {
        /// Who.
        by: Person,
    },
    /// Somebody at a console has the run in hand: only their commands count.
    ControlTaken {
        /// Who.
        by: Person,
        /// Who had it before, when somebody did.
        from: Option<Person>,
    },
    /// Nobody has the run in hand any more.
    ControlLost {
        /// Who had it.
        by: Person,
        /// How it came: left, the connection broke, or nothing was heard for too long.
        why: String,
    },
    /// When the maintenance window ends: nothing new starts after that.
    WindowSet {
        /// Who.
        by: Person,
        /// Its end; absent: none.
        end: Option<jiff::Timestamp>,
    },
    /// The run is to end before its end.
    AbortRequested {
        /// Who or which signal.
        by: Person,
        /// Why.
        reason: String,
    },
    /// Nobody was there to say whether to go on waiting: what waits over its budget is stopped, and the run ends.
    Unanswered {
        /// The step that it was at.
        step: StepId,
        /// What waited.
        entries: Vec<EntryKey>,
    },
    /// A person signed.
    SignedOff {
        /// Name as typed.
        by: Person,
        /// Reason or remark as typed.
        reason: String,
    },
    /// A task of the engine panicked: a bug, and a fact that the report must show.
    TaskPanicked {
        /// Which task.
        task: String,
        /// The panic's message. Untrusted.
        message: String,
    },
    /// Last event of an orderly end.
    Closed {
        /// How it ended.
        ending: Ending,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "snake_case")]
pub enum Ending {
    /// Every step came to its end.
    Finished,
    /// A step failed and its policy is to stop.
    StoppedAt {
        /// The step.
        step: StepId,
    },
    /// A step needs a person and there was none.
    NeedsPerson {
        /// The step.
        step: StepId,
    },
    /// Aborted by a person or a signal.
    Aborted,
    /// Everything that this run made was dropped.
    RolledBack,
    /// Nothing more is known or sent: the target changed or cannot be reached.
    Unknown {
        /// Why.
        why: String,
    },
}

/// A step of the playbook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StepEvent {
    /// It began (again, after a recheck).
    Started {
        /// Which.
        step: StepId,
    },
    /// It waits for a person.
    Held {
        /// Which.
        step: StepId,
        /// For what.
        why: String,
    },
    /// A person said go.
    Confirmed {
        /// Which.
        step: StepId,
        /// Who.
        by: Person,
        /// What was typed or which flag answered.
        typed: String,
    },
    /// It ended.
    Finished {
        /// Which.
        step: StepId,
        /// How.
        outcome: StepOutcome,
    },
    /// A person asked for checks and plan to be made anew.
    Reopened {
        /// Which.
        step: StepId,
        /// Who.
        by: Person,
    },
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum StepOutcome {
    /// As wanted.
    Done,
    /// Not as wanted; the playbook goes on.
    Warned {
        /// What is missing.
        reason: String,
    },
    /// Not as wanted; the playbook stops.
    Failed {
        /// What is missing.
        reason: String,
    },
    /// Left out.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// A pre-flight check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CheckEvent {
    /// It was answered.
    Judged {
        /// The answer.
        result: CheckResult,
    },
    /// Every check of this pass was answered.
    PassEnded {
        /// How long the pass took.
        took: Millis,
    },
    /// A person goes on all the same.
    Waived {
        /// Which.
        check: CheckId,
        /// Who.
        by: Person,
        /// Why.
        reason: String,
    },
}
