//! The engine against real servers with real faults.
//!
//! The engine is never its own witness: what it says of an index is held against `pg_index`, read by a plain
//! session, and what it sent against the server's log.

mod chaos;
mod definition;
mod failure;
mod harness;
mod holder;
mod loss;
mod majors;
mod order;
mod plan_state;
mod rival;
mod rollback;
mod sample;
mod wait;
mod witness;

/// The newest server that the machine itself has.
const MAJOR: u32 = 15;
