//! The engine's door: a unix socket through which consoles of the same user look on and one of them commands.
//!
//! The engine is a process of its own, without a terminal; a console comes and goes. Whatever a console does, it is told
//! the run's whole history first and then each fact as it is journaled; it folds them as the engine does. Nobody is
//! waited for: a console that does not take what it is sent is shown out.
//!
//! ```text
//! console                                   engine
//!   Hello{protocol, build, person, wants} ->
//!                                         <- Welcome{run, role, …}, every Event so far, CaughtUp
//!   Command, Take, Beat                   ->
//!                                         <- Event, Samples, Refused, Lease, Note, Ended
//! ```
//!
//! Each message is one JSON text behind its length as four bytes, most significant first.

mod door;
mod hub;
pub mod message;
mod visit;

#[cfg(test)]
mod tests;

pub use door::{Door, DoorError, Facts};
pub use hub::{GuestId, Hub, Knock, Parting};
pub use message::{FromEngine, Hello, Role, ToEngine, Welcome};
pub use visit::{Ears, Mouth, Visit, VisitError, visit};

use std::time::Duration;

use tokio_util::codec::LengthDelimitedCodec;

/// Version of the messages. Another one is not understood.
pub const PROTOCOL: u32 = 1;

/// How often a console says that it is there.
pub const BEAT: Duration = Duration::from_secs(5);

/// A controller of whom nothing was heard for that long has the run in hand no more.
pub const LEASE: Duration = Duration::from_secs(15);

/// Longest message: the plan of some ten thousand entries.
const LONGEST: usize = 64 << 20;

fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(LONGEST).new_codec()
}
