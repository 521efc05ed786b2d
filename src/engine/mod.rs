//! Coordinator, workers and observer: turns effects into work and outcomes into events.
