//! The real binary against real servers: what it prints, what it ends with, and what the server saw of it.
//!
//! Every process gets an environment of its own with nothing in it but what the test says. The server's log is the
//! witness for what was done; a session that is not Cicerone's is the witness for what is there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod program;
mod server;
mod wire;

mod audit;
mod broken;
mod budget;
mod config;
mod console;
mod console_stray;
mod detach;
mod exit_code;
mod hangup;
mod hostile;
mod import;
mod kill;
mod lint;
mod look;
mod permission;
mod plain;
mod rehearse;
mod rival;
mod rollback;
mod signal;
mod ssh;
mod stall;
mod standby;
mod terminals;
mod walk;
mod window;
