//! What happened. The journal is a list of these, and every reader folds the same list.
//!
//! Events are facts in the past participle, in families of at most twelve. They hold everything that a later
//! reader needs: no event points at memory, a file or a clock.

use serde::{Deserialize, Serialize};

use super::blocker::Blocker;
use super::catalog::{Difference, IndexFlags};
use super::check::CheckResult;
use super::failure::Failure;
use super::id::{BackendId, CheckId, Digest, EntryKey, Oid, Person, RunId, Seq, StepId};
use super::plan::Plan;
use super::playbook::Playbook;
use super::progress::{Phase, Wait};
use super::target::{BudgetPolicy, Environment, Mode, Operator, RunSettings, Target, TargetIdentity};
use super::unit::{Bytes, Millis};

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
    /// The run is to end before its end.
    AbortRequested {
        /// Who or which signal.
        by: Person,
        /// Why.
        reason: String,
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

/// A build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BuildEvent {
    /// A worker took it; nothing was sent yet.
    Started {
        /// Which.
        entry: EntryKey,
        /// Attempt, from 1.
        attempt: u32,
    },
    /// The statement is about to be sent. Durable before it is.
    Intended {
        /// Which.
        entry: EntryKey,
        /// Attempt.
        attempt: u32,
        /// Full text as it will be sent.
        statement: String,
        /// What the name meant, re-read under the item lock.
        before: Before,
        /// The building backend.
        backend: BackendId,
        /// Table that it will be built on.
        table_oid: Oid,
    },
    /// The unfinished index showed up in the progress view.
    Located {
        /// Which.
        entry: EntryKey,
        /// Its OID: this is what rollback may drop.
        oid: Oid,
    },
    /// The server entered another phase.
    PhaseEntered {
        /// Which.
        entry: EntryKey,
        /// The phase.
        phase: Phase,
    },
    /// It waits for these sessions, or (deadlock ahead) is about to be killed by one.
    HeldUp {
        /// Which.
        entry: EntryKey,
        /// By whom.
        blockers: Vec<Blocker>,
    },
    /// A wait budget is spent.
    BudgetSpent {
        /// Which.
        entry: EntryKey,
        /// Which wait.
        wait: Wait,
        /// How long it has waited.
        waited: Millis,
        /// What follows.
        policy: BudgetPolicy,
    },
    /// A build of ours that outlived its client is watched again.
    Adopted {
        /// Which.
        entry: EntryKey,
        /// Who builds.
        backend: BackendId,
        /// OID, when it shows.
        oid: Option<Oid>,
    },
    /// A person, or a spent budget, wants it cancelled.
    StopRequested {
        /// Which.
        entry: EntryKey,
        /// Who.
        by: Person,
    },
    /// The server answered, or will not any more.
    StatementEnded {
        /// Which.
        entry: EntryKey,
        /// How. Never taken as success.
        result: Result<(), Failure>,
    },
    /// The catalogs were read on a fresh connection, and this is what is so.
    Concluded {
        /// Which.
        entry: EntryKey,
        /// What is so.
        conclusion: Conclusion,
        /// What follows.
        next: Next,
    },
    /// Left out.
    Skipped {
        /// Which.
        entry: EntryKey,
        /// Who.
        by: Person,
        /// Why.
        reason: String,
    },
    /// A person, or the run's settings, want another attempt.
    RetryRequested {
        /// Which.
        entry: EntryKey,
        /// Who.
        by: Person,
        /// A leftover that must go first: exactly this one.
        clean: Option<Oid>,
    },
}

/// What a name meant just before our statement, under the item lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "before", rename_all = "snake_case")]
pub enum Before {
    /// Nothing: whatever is there afterwards is ours.
    Absent,
}

/// What the catalogs say after a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "conclusion", rename_all = "snake_case")]
pub enum Conclusion {
    /// Valid, ready, live, right table, same definition, same target: done.
    Verified {
        /// Its OID.
        oid: Oid,
        /// Its size.
        size: Bytes,
        /// Whether this run made it.
        origin: Origin,
    },
    /// Not valid and nobody builds it.
    Leftover {
        /// Its OID.
        oid: Oid,
        /// Flags.
        flags: IndexFlags,
        /// Space that it keeps.
        size: Bytes,
        /// Whether this run made it and may drop it.
        origin: Origin,
    },
    /// There is no such index.
    Absent,
    /// Another definition or another table.
    Drift {
        /// What differs.
        differences: Vec<Difference>,
    },
    /// Somebody else builds it.
    BuiltElsewhere {
        /// Who.
        backend: BackendId,
    },
    /// It is still being built by our own orphan.
    StillBuilding {
        /// Who.
        backend: BackendId,
        /// OID, when it shows.
        oid: Option<Oid>,
    },
    /// The catalogs could not be read, or the target is another one: nothing is known.
    Unknown {
        /// Why. Untrusted.
        why: String,
    },
}

/// Whether something is ours to drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Made by this run: in the ledger.
    Ours,
    /// It was there before, or somebody else made it.
    NotOurs,
}

/// What follows a conclusion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "next", rename_all = "snake_case")]
pub enum Next {
    /// Nothing: it is done.
    Done,
    /// Another attempt.
    Retry {
        /// Not before this.
        not_before: jiff::Timestamp,
    },
    /// The leftover is dropped first, then another attempt.
    DropThenRetry {
        /// Not before this.
        not_before: jiff::Timestamp,
    },
    /// The leftover is dropped, and that is all.
    DropThenStop {
        /// Why there is no other attempt, for an operator.
        sentence: String,
    },
    /// It is watched until its backend ends.
    Watch,
    /// No other attempt.
    GiveUp {
        /// Why, for an operator.
        sentence: String,
    },
}

/// A drop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DropEvent {
    /// A worker took it; nothing was sent yet.
    Started {
        /// Whose index.
        entry: EntryKey,
        /// Exactly this one.
        oid: Oid,
        /// Why.
        purpose: DropPurpose,
    },
    /// DROP INDEX CONCURRENTLY is about to be sent. Durable before it is.
    Intended {
        /// Whose index.
        entry: EntryKey,
        /// Exactly this one.
        oid: Oid,
        /// Full text.
        statement: String,
        /// The dropping backend.
        backend: BackendId,
    },
    /// It waits for these sessions.
    HeldUp {
        /// Whose index.
        entry: EntryKey,
        /// By whom.
        blockers: Vec<Blocker>,
    },
    /// The server answered, or will not any more.
    StatementEnded {
        /// Whose index.
        entry: EntryKey,
        /// How. Never taken as success.
        result: Result<(), Failure>,
    },
    /// The catalogs were read on a fresh connection, and this is what is so.
    Concluded {
        /// Whose index.
        entry: EntryKey,
        /// Exactly this one.
        oid: Oid,
        /// What is so.
        conclusion: DropConclusion,
    },
}

/// Why something is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropPurpose {
    /// An invalid index of ours, or one that the operator told us to repair.
    Leftover,
    /// Rollback of what this run made.
    Rollback,
}

/// What the catalogs say after a drop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "conclusion", rename_all = "snake_case")]
pub enum DropConclusion {
    /// The OID is gone.
    Gone,
    /// Untouched.
    Untouched {
        /// Why, for an operator.
        why: String,
    },
    /// Cut in the middle: it serves no query any more and still costs. Finish the drop, or REINDEX CONCURRENTLY.
    Interrupted {
        /// Flags now.
        flags: IndexFlags,
        /// Why, for an operator.
        why: String,
    },
    /// Refused by us before anything was sent.
    Refused {
        /// Why, for an operator.
        why: String,
    },
    /// Not known.
    Unknown {
        /// Why. Untrusted.
        why: String,
    },
}

/// Verification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum VerifyEvent {
    /// The planner was asked about an entry's queries.
    Explained {
        /// Which.
        entry: EntryKey,
        /// Before the build or after it.
        moment: Moment,
        /// One reading per query of the entry.
        plans: Vec<PlanReading>,
    },
    /// The final look at an entry on a fresh connection.
    Checked {
        /// Which.
        entry: EntryKey,
        /// What is so.
        conclusion: Conclusion,
    },
}

/// When the planner was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before the build.
    Before,
    /// After it.
    After,
}

/// What the planner says of one query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanReading {
    /// The query as the registry has it.
    pub query: String,
    /// What came of it.
    pub reading: Result<PlannedQuery, Failure>,
}

/// A generic plan in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedQuery {
    /// Whether the entry's index is in it.
    pub uses: UsesIndex,
    /// The node that reads the entry's table, e.g. `Index Scan` or `Seq Scan`.
    pub node: String,
    /// Planner's total cost.
    pub cost: f64,
}

/// Whether a plan uses an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsesIndex {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Rollback as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RollbackEvent {
    /// A person wants everything, or some, of what this run made to go.
    Requested {
        /// Who.
        by: Person,
        /// Why.
        reason: String,
        /// Which entries, all of the ledger.
        entries: Vec<EntryKey>,
    },
    /// Nothing of it is left to try.
    Finished {
        /// Dropped, proven gone.
        dropped: u32,
        /// Still there, or not known.
        left: u32,
    },
}

/// Somebody else's session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SessionEvent {
    /// A person wants it cancelled or ended. Durable before it is.
    EndRequested {
        /// Which.
        backend: BackendId,
        /// What it was, for the report. Untrusted.
        description: String,
        /// How.
        how: SessionEnd,
        /// Who.
        by: Person,
        /// Why.
        reason: String,
    },
    /// What came of it.
    EndAttempted {
        /// Which.
        backend: BackendId,
        /// Whether the server took the signal.
        result: Result<Signalled, Failure>,
    },
}

/// How a session is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// `pg_cancel_backend`: its statement.
    CancelStatement,
    /// `pg_terminate_backend`: the session, its open work is lost.
    Terminate,
}

/// What became of a signal to a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signalled {
    /// Sent to exactly that backend. Not proof that it ended.
    Sent,
    /// That backend no longer exists: nothing was sent.
    Gone,
}
