//! This machine: clock, ids, disk space, backup probes, and whether a process outlives its session.
//!
//! [`clock`] is the only place in the program that asks what time it is. [`probe`] runs the commands that an operator
//! has configured for what SQL cannot tell: free space on the server's volumes and the age of the last backup.

pub mod clock;
pub mod disk;
pub mod ids;
pub mod logout;
pub mod probe;
mod probes;

pub use clock::SystemClock;
pub use ids::RandomIds;
pub use probes::{HostProbes, OperatorFigure, ServerPlace};
