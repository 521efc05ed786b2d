//! What migrations, dumps and lists say about indexes, read without a database.
//!
//! Pure: texts come in as bytes with a label, findings go out as data. Walking folders and reading files is the command
//! line's business. Nothing that cannot be read is dropped: it comes out as a problem with its place.

pub mod candidate;
pub mod document;
pub mod encoding;
pub mod host;
mod invent;
pub mod inventory;
pub mod layout;
mod lexis;
pub mod live;
mod parameter;
mod place;
pub mod prepass;
pub mod reconcile;
pub mod statement;

pub use lexis::words;
pub use place::{Lines, Place};
