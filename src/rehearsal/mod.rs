//! Throwaway server, sample data, injected faults.
