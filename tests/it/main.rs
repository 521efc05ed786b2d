//! Tests.

mod sample_registry;
