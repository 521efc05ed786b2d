//! Pure facts, the one fold, and the decisions taken from it.
//!
//! Nothing here reads a clock, a file, the environment or the network. Every reader (engine, console, headless
//! output, report, resume) folds the same [`event::Event`]s with [`state::RunState::apply`].

pub mod blocker;
pub mod budget;
pub mod catalog;
pub mod check;
pub mod command;
pub mod decide;
pub mod diagnostic;
pub(crate) mod document;
pub mod effect;
pub mod estimate;
pub mod event;
pub mod failure;
pub mod id;
pub mod live;
pub mod observe;
pub mod plan;
pub mod playbook;
pub mod progress;
pub mod registry;
pub mod sample;
pub mod schedule;
pub mod state;
pub mod survey;
pub mod target;
pub mod unit;
pub mod window;
