//! What does not belong into a migration: performance indexes, changes of data, and what nobody can read.
//!
//! Pure: files come in as they were read, verdicts go out as data. Everything that looked like a finding and is none comes
//! out too, with the reason, so that nothing is passed over in silence.

mod baseline;
mod data;
mod finding;
mod judge;
mod keep;
mod routine;
mod rules;

pub use baseline::{Baseline, Entry, Known, Matched, fingerprint};
pub use finding::{Finding, Kind, NAMES, Pass};
pub use judge::{File, judge};
pub use keep::{Kept, missing};
pub use rules::{Judgement, Rules};

#[cfg(test)]
mod tests;
