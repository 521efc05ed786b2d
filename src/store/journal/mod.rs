//! Append-only, hash-chained record of a run: one line per event, durable before anything is done because of it.
//!
//! The format and its version rules are in `docs/journal.md`. This module does not know what an event is: the body
//! is any type that serde can write and read.
//!
//! - [`Journal`] writes. After a write or a sync has failed it is *sealed*: nothing more is ever appended, because
//!   nobody can tell what the disk holds then.
//! - [`open()`] replays and, when it may, hands out the one writer; [`read`] replays only; [`verify()`] checks the chain
//!   without knowing the bodies.

mod error;
mod line;
mod lock;
mod open;
mod replay;
mod verify;
mod writer;

pub use error::{AppendError, Holder, JournalError};
pub use line::{GENESIS, LineFault};
pub use open::{Access, Opened, ReadOnlyReason, create, last_body, open, read};
pub use replay::{Record, Replay, TornTail};
pub use verify::{Problem, ProblemKind, VerifyReport, verify};
pub use writer::{Appended, Durability, Journal};

#[cfg(test)]
mod tests;
