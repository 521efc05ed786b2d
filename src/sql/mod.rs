//! Identifiers and the CREATE INDEX shape.
//!
//! [`parse_create_index`] reads exactly one `CREATE [UNIQUE] INDEX CONCURRENTLY` into an [`IndexShape`]; the shape
//! renders the only index statements that this program can send. The text a person wrote is never sent itself.

mod ident;
mod keyword;
mod nesting;
mod parse;
mod problem;
mod render;
mod settle;
mod shape;

pub(crate) use ident::is_bare_name;
pub use ident::{MAX_IDENT_BYTES, fold, quote_ident, quote_qualified};
pub use nesting::{MAX_NESTING, MAX_SQL_BYTES, MAX_TOKENS};
pub use parse::parse_create_index;
pub(crate) use parse::{
    first_words, name_parts, only_name, read_create_index, read_key_expression, read_keys, significant,
    span_of,
};
pub use problem::{SqlProblem, SqlProblemKind};
pub(crate) use render::one_line;
pub use settle::needless_opclasses;
pub use shape::{IndexKey, IndexShape, KeyKind, NullsOrder, SortOrder, TableRef, drop_concurrently};
