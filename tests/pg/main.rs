//! Tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod adapter;
mod audit;
mod engine;
mod fault;
mod lint;
mod live;
mod opclass;
mod plan;
mod rehearsal;
mod sample;
