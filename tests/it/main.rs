//! Tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it is about and nothing else")]

#[path = "../support/scripted/mod.rs"]
mod scripted;

mod architecture;
mod config_doc;
mod documents;
mod fuzz;
mod guard;
mod lint;
mod memory;
mod preflight_doc;
mod sample_registry;
mod scenario;
mod schemas;
