//! Pure facts, the one fold, and the decisions taken from it.
//!
//! Nothing here reads a clock, a file, the environment or the network. Every reader (engine, console, headless
//! output, report, resume) folds the same [`event::Event`]s with [`state::RunState::apply`].

pub mod id;
pub mod unit;
