//! Tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod architecture;
mod documents;
mod preflight_doc;
mod sample_registry;
mod schemas;
