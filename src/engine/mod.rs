//! Coordinator, workers and observer: turns effects into work and outcomes into events.
//!
//! One coordinator owns the state and the journal and linearises everything. The order for anything risky:
//! decide, append and fsync, apply, publish, act, journal the outcome. Workers never touch the state: they send
//! outcomes and wait for the acknowledgement that the fact is on disk. If the journal cannot be written, nothing new
//! starts, and what runs is never torn down because of it.

mod build;
mod coordinator;
mod inquiry;
mod observer;
mod preflight;
mod readback;
mod reconcile;
mod recorder;
mod removal;
mod supervisor;
mod volumes;
mod world;

pub use coordinator::{Engine, EngineEnd, Opening, is_closing, open};
pub use inquiry::read_plan;
pub use preflight::{Asked, run_checks};
pub use recorder::EngineHandle;
pub use world::{Hands, Outlets, World};
