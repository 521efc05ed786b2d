//! The report of a run: everything that a reader needs who was not there, from the journal alone.
//!
//! [`Report::of`] folds the events; [`Report::to_markdown`] and [`Report::to_json`] write the same facts for people and
//! for programs. A report can be made at any time, also of a run that goes on or was cut.

mod entry;
mod escape;
mod facts;
mod history;
mod markdown;
mod model;

#[cfg(test)]
mod tests;

pub use entry::{EntryReport, EntryState, FailureReport, PhaseTime, QueryReport};
pub use model::{
    Accuracy, CheckReport, JournalFacts, Mark, Moment, OutcomeReport, PhaseTotal, PlanReport, Report,
    RollbackItem, RunReport, SignOffReport, StepReport, TargetReport, WaiverReport,
};
