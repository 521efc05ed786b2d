//! SQL and indexes inside of other languages: text in, facts out.
//!
//! Migrations are written in Python, Ruby, JavaScript, TypeScript, Go and Java, and their SQL is in strings that are put
//! together. [`extract`] parses such a file with the language's grammar, puts the strings together as the program would,
//! and tells those that are SQL with the place that every byte of them comes from; beside them the indexes that are
//! declared in the words of alembic, Django and Rails. What only running the program would say is a hole or
//! [`Known::Unknown`], never a guess.
//!
//! Nothing here recurses with the depth of a file, and the work is bounded by its length.

mod alembic;
mod binding;
mod call;
mod change;
mod compose;
mod composed;
mod declared;
mod django;
mod fact;
mod format;
mod gate;
mod language;
mod list;
mod literal;
mod made;
mod marker;
mod operation;
mod rails;
mod reach;
mod revision;
mod script;
mod shape;
mod strict;
mod table;
mod tree;
mod turn;
mod unroll;
mod usage;
mod value;
mod walk;

#[cfg(test)]
mod tests;

pub use composed::{Composed, Hole, PLACEHOLDER, Piece, PieceKind};
pub use declared::{Act, Backing, Cause, DeclaredIndex, Framework, Home, IndexName, Key, KeyKind, TableName};
pub use django::{
    Certainty, DjangoFile, FieldSort, Keeping, ModelAct, ModelChange, ModelField, NewModel, Sent,
    settle_models,
};
pub use fact::{
    Direction, Extract, Fragment, Known, Marker, Model, Problem, ProblemKind, Transaction, Turn, Unknown, Use,
};
pub use language::Language;
pub use made::MadeTable;
pub use revision::Revision;
pub use table::{DeclaredTable, IndexNames, TableAct};

use crate::audit::Place;

/// Longest file that is read, in bytes. Nobody writes so much by hand.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// What is said of a file that is made of others, which are read instead.
#[must_use]
pub fn generated() -> Extract {
    let problem = Problem { range: 0..0, place: Place { line: 1, column: 1 }, kind: ProblemKind::Minified };
    Extract { problems: vec![problem], ..Extract::default() }
}

/// Reads a file of a host language.
///
/// What cannot be read is in `problems` with its place; what was found beside it stays.
#[must_use]
pub fn extract(language: Language, text: &str) -> Extract {
    let tree = match tree::parse(language, text) {
        Ok(tree) => tree,
        Err(kind) => {
            let problem = Problem { range: 0..0, place: Place { line: 1, column: 1 }, kind };
            return Extract { problems: vec![problem], ..Extract::default() };
        }
    };
    let source = tree::Source::new(language, text, &tree);
    if language == Language::Python {
        strict::check(&source);
    }
    let mut found = walk::walk(&source);
    found.fragments.sort_by_key(|fragment| Turn::order(fragment.turn, fragment.range.start));
    found.declared.sort_by_key(|index| Turn::order(index.turn, index.range.start));
    found.tables.sort_by_key(|table| Turn::order(table.turn, table.range.start));
    found.changes.sort_by_key(|change| change.range.start);
    found.comments = tree::comments(text, &tree);
    if language == Language::Python {
        found.revision = revision::revision(&source, tree.root_node());
    }
    found.problems = source.problems.take();
    found.problems.sort_by_key(|problem| problem.range.start);
    found
}
