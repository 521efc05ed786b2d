//! What a person wants. Every command of console and headless passes [`super::decide`].

use serde::{Deserialize, Serialize};

use super::event::SessionEnd;
use super::id::{BackendId, CheckId, EntryKey, Person, StepId};

/// A command with its author.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Who wants it.
    pub by: Person,
    /// What.
    pub verb: Verb,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Verb {
    /// Go on at a step that waits for a person.
    Confirm {
        /// The step.
        step: StepId,
        /// What was typed.
        typed: String,
    },
    /// Make plan and checks anew.
    Recheck,
    /// Go on although a check does not pass.
    Waive {
        /// The check.
        check: CheckId,
        /// Why.
        reason: String,
    },
    /// Start nothing new.
    Pause,
    /// Go on.
    Resume,
    /// Cancel a running build or drop of ours.
    Stop {
        /// The entry.
        entry: EntryKey,
    },
    /// Leave an entry out.
    Skip {
        /// The entry.
        entry: EntryKey,
        /// Why.
        reason: String,
    },
    /// Another attempt; a leftover that is in the way is dropped first when `repair` says so.
    Retry {
        /// The entry.
        entry: EntryKey,
        /// What to do with a leftover that is not ours.
        leftover: super::target::LeftoverPolicy,
    },
    /// Drop what this run made.
    Roll {
        /// Which entries; empty for all.
        entries: Vec<EntryKey>,
        /// Why.
        reason: String,
    },
    /// Cancel or end somebody else's session.
    EndSession {
        /// Exactly this backend.
        backend: BackendId,
        /// What it was when the operator decided. Untrusted.
        description: String,
        /// How.
        how: SessionEnd,
        /// Why.
        reason: String,
    },
    /// Sign.
    SignOff {
        /// Name as typed.
        name: String,
        /// Reason or remark.
        reason: String,
    },
    /// Take the run in hand.
    TakeControl,
    /// Nobody has it in hand any more.
    LoseControl {
        /// How it came.
        why: String,
    },
    /// Say when the maintenance window ends.
    SetWindow {
        /// Its end; absent: none.
        end: Option<jiff::Timestamp>,
    },
    /// Nobody will answer the step that waits for a person: close the run there, to be taken over later.
    EndHere,
    /// Nobody is here to say whether to go on waiting: stop what waits over its budget, and end.
    EndUnanswered,
    /// End the run before its end.
    Abort {
        /// Why.
        reason: String,
    },
}

/// Why a command is not carried out: what is so, not what went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The run is over.
    #[error("the run is over")]
    RunIsOver,
    /// Nothing connected yet, or no plan yet.
    #[error("not ready yet: {what}")]
    NotReady {
        /// What is missing.
        what: String,
    },
    /// No such step, check, entry or session in this run.
    #[error("there is no {what} in this run")]
    Unknown {
        /// What was named.
        what: String,
    },
    /// That step does not wait for anybody.
    #[error("step {step} does not wait for a person")]
    NotHeld {
        /// The step.
        step: String,
    },
    /// The gate is closed.
    #[error("the gate is closed: {why}")]
    GateClosed {
        /// Which checks.
        why: String,
    },
    /// What is left to drop has no witness.
    #[error("nobody saw this run make {entries}: name what is to be dropped")]
    NotProven {
        /// Which.
        entries: String,
    },
    /// Somebody else has the run in hand.
    #[error("{who} has the run in hand: this console only watches")]
    NotInControl {
        /// Who.
        who: String,
    },
    /// It is already so.
    #[error("already {what}")]
    Already {
        /// What is so.
        what: String,
    },
    /// A reason of at least ten letters is wanted.
    #[error("a reason of at least ten letters is needed")]
    NeedsReason,
    /// Never waivable.
    #[error("{check} cannot be waived: {why}")]
    NotWaivable {
        /// The check.
        check: String,
        /// Why.
        why: String,
    },
    /// It is not in the ledger.
    #[error("{entry} was not made by this run, so this run will not drop it")]
    NotOurs {
        /// The entry.
        entry: String,
    },
    /// Nothing of it runs.
    #[error("{entry} is not running")]
    NotRunning {
        /// The entry.
        entry: String,
    },
    /// It runs.
    #[error("{entry} is running: stop it first")]
    Running {
        /// The entry.
        entry: String,
    },
    /// The mode does not allow it.
    #[error("a dry run cannot {what}")]
    DryRun {
        /// What.
        what: String,
    },
    /// The plan is too old or no longer true.
    #[error("the plan is stale: {why}")]
    PlanStale {
        /// What changed.
        why: String,
    },
}
