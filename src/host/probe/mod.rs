//! Commands that an operator has configured for what SQL cannot tell, and how their output is read.
//!
//! A probe is an argument list, never a shell line: nothing of it is expanded. What it prints is untrusted text.

pub mod backup;
pub mod command;
pub mod disk;
mod json_time;
