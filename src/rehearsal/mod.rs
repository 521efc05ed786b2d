//! Throwaway server, sample data, injected faults.
//!
//! `surroundings` -> `discover` (else `fetch`) -> `cluster`, whose server lives and dies with a `guard` process.

pub mod connect;
pub mod discover;
pub mod sample;
pub mod surroundings;
pub mod user;
