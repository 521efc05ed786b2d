//! Throwaway server, sample data, injected faults.
//!
//! `surroundings` -> `discover` (else `fetch`) -> `cluster`, whose server lives and dies with a `guard` process.

pub mod cluster;
pub mod connect;
pub mod discover;
#[cfg(test)]
mod fake_program;
pub mod fault;
pub mod fetch;
mod folder;
pub mod guard;
pub mod sample;
mod server;
pub mod surroundings;
pub mod user;

pub use server::StartFailure;
