//! The engine against real servers with real faults.
//!
//! The engine is never its own witness: what it says of an index is held against `pg_index`, read by a plain
//! session, and what it sent against the server's log.

mod definition;
mod harness;
mod holder;
mod majors;
mod plan_state;
mod wait;
mod witness;

/// The newest server that the machine itself has.
const MAJOR: u32 = 15;
