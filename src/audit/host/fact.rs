//! What a file of a host language is found to hold.

use std::ops::Range;

use super::composed::Composed;
use super::declared::DeclaredIndex;
use super::django::ModelChange;
use super::made::MadeTable;
use super::revision::Revision;
use super::table::DeclaredTable;
use crate::audit::Place;

/// Everything that was found in one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extract {
    /// SQL in strings, in the order of the file.
    pub fragments: Vec<Fragment>,
    /// Indexes declared in the framework's own words, in the order of the file.
    pub declared: Vec<DeclaredIndex>,
    /// What is done to tables and columns in the framework's own words, in the order of the file.
    pub tables: Vec<DeclaredTable>,
    /// Models whose tables this file names (Django).
    pub models: Vec<Model>,
    /// Tables made or dropped in the framework's own words.
    pub made: Vec<MadeTable>,
    /// What a migration of Django does to models, in the order of the file: [`settle_models`](super::settle_models) takes it.
    pub changes: Vec<ModelChange>,
    /// Migrations of Django that this one stands for (`replaces`), as `app.name`.
    pub replaces: Vec<String>,
    /// Whether the framework runs this file in a transaction; single statements may differ.
    pub transaction: Transaction,
    /// The link of alembic's chain that the file is.
    pub revision: Option<Revision>,
    /// Comments that hold `cicerone:`, in bytes of the file.
    pub comments: Vec<Range<usize>>,
    /// What could not be read. What was found elsewhere in the file stays valid.
    pub problems: Vec<Problem>,
}

/// One string that is SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The text that the database would get, and where each byte of it comes from.
    pub sql: Composed,
    /// The expression in the file, in bytes.
    pub range: Range<usize>,
    /// Its first token.
    pub place: Place,
    /// What the program does with it.
    pub used: Use,
    /// Forward or back.
    pub direction: Direction,
    /// Whether it runs in a transaction.
    pub transaction: Transaction,
    /// The turn of a loop that does it.
    pub turn: Option<Turn>,
}

/// One of the turns of a loop: the same place of the program more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn {
    /// The outermost loop, by its first byte in the file.
    pub start: usize,
    /// Which one, counted over all loops of the file in the order in which they are gone through.
    pub count: u32,
}

impl Turn {
    /// Where something comes in the order of things: what loops do stands in the place of the outermost loop.
    #[must_use]
    pub fn order(turn: Option<Self>, at: usize) -> (usize, u32, usize) {
        turn.map_or((at, 0, at), |turn| (turn.start, turn.count, at))
    }
}

/// What a program does with a string. Messages, comparisons, patterns and strings that stand alone are no fragments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// Handed to a call that runs SQL: `op.execute`, `cursor.execute`, `RunSQL`, `db.Exec`. The call as written.
    Executed(String),
    /// Handed to another call.
    Argument(String),
    /// Bound to a name.
    Named(String),
    /// The value of a key in a dictionary, hash or object.
    Value(String),
    /// Anything else: returned, an item of a list.
    Other,
}

/// Forward or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// `upgrade`, `up`, the first half of `RunSQL`.
    Up,
    /// `downgrade`, `down`, `reverse_sql`.
    Down,
    /// Rails' `change` and Django's operations: forward as written, the way back is derived.
    Change,
    /// Nothing says.
    #[default]
    Unsaid,
}

/// Whether the framework wraps a statement in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub enum Transaction {
    /// It does, as it does by default.
    Inside,
    /// A marker in the file turns that off.
    Outside(Marker),
    /// Nothing in the file says.
    #[default]
    Unsaid,
}

/// What turns the transaction off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Marker {
    /// Alembic's `with op.get_context().autocommit_block():`.
    AutocommitBlock,
    /// Django's `atomic = False`.
    AtomicFalse,
    /// Rails' `disable_ddl_transaction!`.
    DisableDdlTransaction,
    /// `transaction = false` or `{ transaction: false }` (TypeORM, knex).
    TransactionFalse,
    /// node-pg-migrate's `pgm.noTransaction()`.
    NoTransaction,
    /// goose's `AddMigrationNoTx`, `AddMigrationNoTxContext` and their named forms.
    GooseNoTx,
    /// Flyway's `canExecuteInTransaction` that returns false.
    FlywayOutside,
    /// A comment or a settings file of a tool for files of SQL.
    File,
}

/// A model with the table that it is kept in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its name, as written.
    pub name: String,
    /// Its `db_table`; `None` when the framework derives it from the app and the model.
    pub table: Option<Known<String>>,
    /// Where the table is said.
    pub place: Place,
}

/// A value that the text says, or the reason why it cannot be known from the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// As the text says.
    Known(T),
    /// Only running the program would say.
    Unknown(Unknown),
}

impl<T> Known<T> {
    /// The value, when there is one.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

/// A part of the file that only running the program would give a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The expression, in bytes of the file.
    pub range: Range<usize>,
    /// Its first token.
    pub place: Place,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, in bytes of the file.
    pub range: Range<usize>,
    /// Its start.
    pub place: Place,
    /// What.
    pub kind: ProblemKind,
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The grammar does not allow what is there.
    #[error("this is no {language}: the syntax is wrong here")]
    Syntax {
        /// Whose syntax.
        language: &'static str,
    },
    /// Something has to be there and is not.
    #[error("this is no {language}: {what} is missing here")]
    Missing {
        /// Whose syntax.
        language: &'static str,
        /// The token.
        what: String,
    },
    /// The grammar reads it, the language's compiler does not.
    #[error("Python does not compile this: {0}")]
    DoesNotCompile(&'static str),
    /// By its name it makes or drops an index, in a migration, and what it does stands elsewhere.
    #[error("{0} makes or drops an index by its name; what it does is not in this file, and it was not read")]
    UnknownCall(String),
    /// The file is longer than is read.
    #[error("the file has {bytes} bytes; at most {} are read", super::MAX_BYTES)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A loop that does something with indexes goes over what the file does not say.
    #[error(
        "this is gone through by a loop, and only running the program would tell what it is: what the loop does with \
         indexes is told once"
    )]
    UnknownTurns,
    /// One of the things that a loop goes over is not said by the file.
    #[error(
        "a loop that does something with indexes goes over this, and only running the program would tell what it is"
    )]
    UnknownItem,
    /// What a loop goes over is not what it was when it was written.
    #[error(
        "a loop that does something with indexes goes over what is changed here: it is not followed, and what it does is told once"
    )]
    ChangedTurns,
    /// More turns than are followed.
    #[error(
        "a loop that does something with indexes has more turns than are followed (at most {} in a file): what it does is told once",
        super::turn::MOST_TURNS
    )]
    TooManyTurns,
    /// Not every turn of a loop need come to what it does.
    #[error(
        "only running the program would tell which turns of the loop do what hangs on this: it is told as if each of them did"
    )]
    UnknownChoice,
    /// Reading it takes more steps than a file of its length may.
    #[error("the file takes more work to read than one of its length should; nothing of it was read")]
    TooMuchWork,
    /// A bundle.
    #[error("minified: made of other files, and not read")]
    Minified,
    /// Constants that are used over and over make more text than is looked at.
    #[error("strings built of constants grow beyond what is read; from here on their parts are unknown")]
    TooMuchText,
}
