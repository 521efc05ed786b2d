//! Throwaway server, sample data, injected faults.

pub mod connect;
pub mod sample;
