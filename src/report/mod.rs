//! Journal and events for people and pipelines.
//!
//! - [`plain`]: one dated line per event, for a pipe, a CI log, a screen reader.
//! - [`jsonl`]: versioned JSON Lines, one object per line.
//! - [`document`]: the report of a run, from its journal alone, as Markdown and as JSON.
//!
//! All of them fold the same events as the engine and write to a writer that they are handed. Text that comes from
//! a server, a registry or a person is made visible with [`crate::text::Untrusted`] before it is written.

pub mod document;
pub mod jsonl;
mod line;
pub mod plain;
mod reporter;
#[cfg(test)]
mod script;
mod word;

pub use reporter::{DropHolders, Reporter, RunEnd};
pub use word::Word;
