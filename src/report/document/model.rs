//! The report's facts, as they go into JSON. Text is as the journal has it, raw; the writers make it safe.

use jiff::Timestamp;
use serde::Serialize;

use super::entry::EntryReport;
use crate::domain::check::{CheckResult, Waiver};
use crate::domain::event::Ending;
use crate::domain::id::{Digest, EntryKey, Oid, Person, PlanId, RunId, StepId};
use crate::domain::progress::Phase;
use crate::domain::state::{StepStatus, Tally};
use crate::domain::target::{Environment, Mode, Operator, RunSettings, Target};
use crate::domain::unit::{Bytes, Millis};

/// Version of the JSON report.
pub(super) const FORMAT: u32 = 1;

/// Everything about one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Version of this format.
    pub format: u32,
    /// What the reader must know before anything else.
    pub mark: Option<Mark>,
    /// The run.
    pub run: Option<RunReport>,
    /// Where it ran.
    pub target: Option<TargetReport>,
    /// What was planned.
    pub plan: Option<PlanReport>,
    /// What came of it.
    pub result: OutcomeReport,
    /// Steps of the playbook that began.
    pub steps: Vec<StepReport>,
    /// Newest answer of each check.
    pub checks: Vec<CheckReport>,
    /// Every waiver that was given, also those that cover nothing any more.
    pub waivers: Vec<WaiverReport>,
    /// One per registry entry, in registry order.
    pub entries: Vec<EntryReport>,
    /// Where the time went, over all builds of this run.
    pub phases: Vec<PhaseTotal>,
    /// Predicted against actual working time.
    pub accuracy: Option<Accuracy>,
    /// What this run made that is still there: exactly what a rollback drops.
    pub rollback: Vec<RollbackItem>,
    /// Decisions of people, and whatever did not go as planned. Safe to print.
    pub moments: Vec<Moment>,
    /// The signature.
    pub sign_off: Option<SignOffReport>,
    /// The record behind all this.
    pub journal: JournalFacts,
}

/// A run that changed nothing that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// On a throwaway server.
    Rehearsal,
    /// Nothing was written to the server.
    DryRun,
}

/// The run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// Its id.
    pub id: RunId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed; absent while it goes on, or when it was cut.
    pub closed_at: Option<Timestamp>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// Version of the program that opened it.
    pub version: String,
    /// Everybody who drove it.
    pub operators: Vec<Operator>,
    /// What it was allowed to do.
    pub mode: Mode,
    /// The environment word.
    pub environment: Environment,
    /// Short name of the playbook.
    pub playbook: String,
    /// Its title.
    pub playbook_title: String,
    /// Hash of its bytes.
    pub playbook_digest: Digest,
    /// Where the registry was read.
    pub registry_path: String,
    /// Hash of its bytes.
    pub registry_digest: Digest,
    /// Settings.
    pub settings: RunSettings,
}

/// Where it ran.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetReport {
    /// The target as it was met last.
    #[serde(flatten)]
    pub target: Target,
    /// What it turned into, if it did.
    pub changes: Vec<String>,
}

/// What was planned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanReport {
    /// Hash of all that it was made from.
    pub id: PlanId,
    /// When.
    pub made_at: Timestamp,
    /// Entries by what was so with them, in the plan's own words.
    pub states: Vec<(String, u32)>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutcomeReport {
    /// Counts.
    #[serde(flatten)]
    pub tally: Tally,
    /// One sentence. Safe to print.
    pub sentence: String,
    /// Size of what this run built.
    pub built: Bytes,
    /// From opening to closing or the last record.
    pub elapsed: Millis,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepReport {
    /// Which.
    pub id: StepId,
    /// Its title.
    pub title: String,
    /// Where it is.
    pub status: StepStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, when it has ended.
    pub took: Option<Millis>,
    /// Who said go.
    pub confirmed_by: Option<Person>,
    /// What they typed, or which flag answered.
    pub confirmed_with: Option<String>,
}

/// A check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The newest answer.
    #[serde(flatten)]
    pub result: CheckResult,
    /// The waiver that covers it.
    pub waiver: Option<Waiver>,
}

/// A waiver.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WaiverReport {
    /// When.
    pub at: Timestamp,
    /// Which check.
    pub check: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// What the check had found.
    pub found: String,
}

/// Where the time went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseTotal {
    /// The phase.
    pub phase: Phase,
    /// Whether the server worked or waited for others.
    pub waits: bool,
    /// Over all builds; they overlap, so it may exceed the run's time.
    pub sum: Millis,
    /// The longest one.
    pub longest: Millis,
    /// Whose that was.
    pub longest_of: EntryKey,
}

/// How good the predictions were. Waiting is not in it: nobody predicts other people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accuracy {
    /// Builds that had a prediction and were verified.
    pub builds: u32,
    /// Those whose working time fell into the predicted band.
    pub within_band: u32,
    /// Sum of the likely times.
    pub predicted: Millis,
    /// Sum of the actual working times.
    pub actual: Millis,
    /// Median of actual / likely.
    pub median_ratio: f64,
}

/// Something that this run made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RollbackItem {
    /// The entry.
    pub entry: EntryKey,
    /// The index. Names change hands, this does not.
    pub oid: Oid,
    /// What drops it by hand.
    pub statement: String,
}

/// A remarkable moment. Safe to print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What it is about.
    pub subject: String,
    /// The state word.
    pub word: String,
    /// What happened.
    pub text: String,
}

/// The signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignOffReport {
    /// When.
    pub at: Timestamp,
    /// Name as typed.
    pub by: Person,
    /// Reason or remark as typed.
    pub reason: String,
}

/// The journal that the report was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalFacts {
    /// Where it lies.
    pub path: String,
    /// Number of its records.
    pub records: u64,
    /// Hash of the last one.
    pub head: Digest,
}
