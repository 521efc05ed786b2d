//! What migrations, dumps and lists say about indexes, read without a database.
//!
//! Pure: texts come in as bytes with a label, findings go out as data. Walking folders and reading files is the command
//! line's business. Nothing that cannot be read is dropped: it comes out as a problem with its place.

pub mod host;
mod place;

pub use place::{Lines, Place};
