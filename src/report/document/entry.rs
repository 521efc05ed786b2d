//! One registry entry in the report.

use jiff::Timestamp;
use serde::Serialize;

use super::history::{Attempt, History};
use crate::domain::estimate::Estimate;
use crate::domain::event::{Origin, PlanReading, PlannedQuery};
use crate::domain::failure::Failure;
use crate::domain::id::{EntryKey, Oid, QualifiedName};
use crate::domain::plan::{Importance, PlanItem};
use crate::domain::progress::Phase;
use crate::domain::state::{BuildRecord, BuildStatus, Left};
use crate::domain::unit::{Bytes, Millis, Rows};
use crate::report::line;

/// One registry entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntryReport {
    /// Which.
    pub key: EntryKey,
    /// Its table.
    pub table: QualifiedName,
    /// Registry domain.
    pub domain: String,
    /// Whether a screen does not work without it.
    pub critical: Importance,
    /// What is so at the end.
    pub state: EntryState,
    /// More about it, where there is more to say. Safe to print.
    pub detail: Option<String>,
    /// The statement that was sent last, or would be.
    pub statement: String,
    /// Attempts.
    pub attempts: u32,
    /// Failed statements, oldest first.
    pub failures: Vec<FailureReport>,
    /// OID, once known.
    pub oid: Option<Oid>,
    /// Size, once verified.
    pub size: Option<Bytes>,
    /// Rows of the table by its statistics.
    pub rows: Option<Rows>,
    /// What was predicted.
    pub estimate: Option<Estimate>,
    /// When the first attempt began.
    pub started_at: Option<Timestamp>,
    /// Time of all attempts, from the first one's beginning to the last one's end.
    pub elapsed: Option<Millis>,
    /// Time that the server worked in the last attempt.
    pub working: Option<Millis>,
    /// Time that the last attempt waited for others.
    pub waiting: Option<Millis>,
    /// Time by phase in the last attempt.
    pub phases: Vec<PhaseTime>,
    /// Who held it up, each once. Safe to print.
    pub blockers: Vec<String>,
    /// Its queries as the planner saw them.
    pub queries: Vec<QueryReport>,
}

/// What is so with an entry at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Made by this run and verified.
    Built,
    /// Right, and most likely made by this run, which did not see it being made: a rollback leaves it unless it is
    /// named.
    Presumed,
    /// It was there before, or somebody else made it, and it is right.
    Present,
    /// Not done; nothing of it is on the server.
    Failed,
    /// Not done; an invalid index is on the server.
    Leftover,
    /// Left out.
    Skipped,
    /// Nobody knows.
    Unknown,
    /// Made by this run, then dropped by its rollback.
    RolledBack,
    /// At work when this was written.
    Running,
    /// Not begun, or waiting for another attempt.
    NotDone,
}

impl EntryState {
    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Built => "built, verified",
            Self::Presumed => "verified, likely by this run",
            Self::Present => "present before",
            Self::Failed => "FAILED",
            Self::Leftover => "FAILED, invalid index left",
            Self::Skipped => "left out",
            Self::Unknown => "NOT KNOWN",
            Self::RolledBack => "rolled back",
            Self::Running => "running",
            Self::NotDone => "not done",
        }
    }

    fn of(record: Option<&BuildRecord>) -> Self {
        match record.map(|record| &record.status) {
            Some(BuildStatus::Verified { origin: Origin::Ours }) => Self::Built,
            Some(BuildStatus::Verified { origin: Origin::Presumed }) => Self::Presumed,
            Some(BuildStatus::Verified { origin: Origin::NotOurs }) => Self::Present,
            Some(BuildStatus::Failed { left: Left::Leftover, .. }) => Self::Leftover,
            Some(BuildStatus::Failed { left: Left::Nothing, .. }) => Self::Failed,
            Some(BuildStatus::Skipped { .. }) => Self::Skipped,
            Some(BuildStatus::Unknown { .. }) => Self::Unknown,
            Some(BuildStatus::RolledBack) => Self::RolledBack,
            Some(BuildStatus::Running { .. } | BuildStatus::Cleaning { .. }) => Self::Running,
            Some(BuildStatus::Retrying { .. }) | None => Self::NotDone,
        }
    }
}

/// A failed statement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailureReport {
    /// When it ended.
    pub at: Option<Timestamp>,
    /// How.
    #[serde(flatten)]
    pub failure: Failure,
}

/// Time in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// How long.
    pub time: Millis,
}

/// A query before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueryReport {
    /// As the registry has it.
    pub query: String,
    /// Its plan before the build; absent when it was not asked for.
    pub before: Option<std::result::Result<PlannedQuery, Failure>>,
    /// Its plan after the build.
    pub after: Option<std::result::Result<PlannedQuery, Failure>>,
}

pub(super) fn entry(item: &PlanItem, history: &History) -> EntryReport {
    let record = history.state.builds.get(&item.key);
    let attempts = history.attempts.get(&item.key).map(Vec::as_slice).unwrap_or_default();
    let last = attempts.last();
    let ended = last.and_then(|attempt| attempt.ended_at);
    let started_at = attempts.first().map(|attempt| attempt.started_at);
    let state = EntryState::of(record);
    EntryReport {
        key: item.key.clone(),
        table: item.table.clone(),
        domain: item.domain.clone(),
        critical: item.critical,
        state,
        detail: detail(state, record, item, last),
        statement: last
            .and_then(|attempt| attempt.statement.clone())
            .unwrap_or_else(|| item.statement.clone()),
        attempts: u32::try_from(attempts.len()).unwrap_or(u32::MAX),
        failures: failures(attempts),
        oid: record.and_then(|record| record.oid),
        size: record.and_then(|record| record.size),
        rows: item.rows,
        estimate: item.estimate,
        started_at,
        elapsed: started_at.zip(ended).map(|(from, to)| Millis::between(from, to)),
        working: last.filter(|_| ended.is_some()).map(Attempt::working),
        waiting: last.filter(|_| ended.is_some()).map(Attempt::waiting),
        phases: last.map(Attempt::phase_times).unwrap_or_default().into_iter().map(PhaseTime::from).collect(),
        blockers: history
            .blockers
            .get(&item.key)
            .into_iter()
            .flatten()
            .map(|(at, who)| line::described(who, *at))
            .collect(),
        queries: record.map(|record| queries(&record.plans.0, &record.plans.1)).unwrap_or_default(),
    }
}

impl From<(Phase, Millis)> for PhaseTime {
    fn from((phase, time): (Phase, Millis)) -> Self {
        Self { phase, time }
    }
}

fn failures(attempts: &[Attempt]) -> Vec<FailureReport> {
    attempts
        .iter()
        .filter_map(|attempt| Some(FailureReport { at: attempt.ended_at, failure: attempt.failure.clone()? }))
        .collect()
}

fn detail(
    state: EntryState,
    record: Option<&BuildRecord>,
    item: &PlanItem,
    last: Option<&Attempt>,
) -> Option<String> {
    let said = match record.map(|record| &record.status) {
        Some(BuildStatus::Failed { sentence, .. }) => Some(line::safe(sentence)),
        Some(BuildStatus::Skipped { reason }) => Some(line::safe(reason)),
        Some(BuildStatus::Unknown { why }) => Some(line::safe(why)),
        Some(
            BuildStatus::Running { .. }
            | BuildStatus::Retrying { .. }
            | BuildStatus::Cleaning { .. }
            | BuildStatus::Verified { .. }
            | BuildStatus::RolledBack,
        )
        | None => None,
    };
    let concluded = || {
        let (conclusion, _) = last?.conclusion.as_ref()?;
        (state == EntryState::NotDone).then(|| line::safe(&conclusion.sentence()))
    };
    let planned = || {
        let open = matches!(state, EntryState::NotDone | EntryState::Skipped);
        open.then(|| line::planned_item(item)).flatten().map(|(_, text)| text)
    };
    said.or_else(concluded).or_else(planned)
}

/// Pairs the readings by query, in the order in which they were first asked.
fn queries(before: &[PlanReading], after: &[PlanReading]) -> Vec<QueryReport> {
    let reading = |list: &[PlanReading], query: &str| {
        list.iter().find(|plan| plan.query == query).map(|plan| plan.reading.clone())
    };
    let mut found: Vec<QueryReport> = Vec::new();
    for plan in before.iter().chain(after) {
        if found.iter().all(|known| known.query != plan.query) {
            found.push(QueryReport {
                query: plan.query.clone(),
                before: reading(before, &plan.query),
                after: reading(after, &plan.query),
            });
        }
    }
    found
}
