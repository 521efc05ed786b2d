//! What the integration tests share.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub(crate) mod cluster;
pub(crate) mod pty;
pub(crate) mod wait;
