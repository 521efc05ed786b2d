//! What can be wrong with a statement, in words that say how to fix it.

use std::ops::Range;

use super::ident::MAX_IDENT_BYTES;
use super::nesting::{MAX_NESTING, MAX_SQL_BYTES, MAX_TOKENS};

/// One thing that is wrong with a statement, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlProblem {
    /// Bytes of the text that it is about. Empty at the place where something is missing.
    pub span: Range<usize>,
    /// What is wrong.
    pub kind: SqlProblemKind,
}

/// Why a statement is refused. `Display` says what is so, [`SqlProblemKind::hint`] what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlProblemKind {
    /// No statement at all.
    #[error("there is no statement")]
    Empty,
    /// More text than any index definition needs.
    #[error("the statement has {bytes} bytes; at most {MAX_SQL_BYTES} are read")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// More words and signs than any index definition needs.
    #[error("the statement has more than {MAX_TOKENS} words and signs")]
    TooManyTokens,
    /// Parentheses or brackets inside each other, deeper than the parser can be trusted with.
    #[error("parentheses are nested more than {MAX_NESTING} deep")]
    TooDeep,
    /// A NUL character, which no statement can carry.
    #[error("the statement contains a NUL character")]
    NulCharacter,
    /// The parser could not read it.
    #[error("syntax error: {message}")]
    Syntax {
        /// The parser's own words.
        message: String,
    },
    /// The parser gave up for a reason of its own.
    #[error("the statement could not be parsed")]
    ParserFailed,
    /// More than one statement.
    #[error("there are {count} statements; exactly one is wanted")]
    SeveralStatements {
        /// How many there are.
        count: usize,
    },
    /// BEGIN, COMMIT and their like.
    #[error("transaction control has no place here")]
    TransactionControl,
    /// Another statement than CREATE INDEX.
    #[error("this is {found}, not CREATE INDEX CONCURRENTLY")]
    NotCreateIndex {
        /// Its first words, in capitals.
        found: String,
    },
    /// A CREATE INDEX that would lock out every writer of the table.
    #[error("CONCURRENTLY is missing")]
    NotConcurrently,
    /// The server would have to invent a name.
    #[error("the index has no name")]
    Unnamed,
    /// `CREATE INDEX schema.name`, which PostgreSQL does not accept.
    #[error("the index name is qualified with a schema")]
    QualifiedIndexName,
    /// `database.schema.table`.
    #[error("the table name has more than two parts")]
    TableNameParts,
    /// An identifier that the server would cut.
    #[error("the name {name:?} has {bytes} bytes; PostgreSQL keeps {MAX_IDENT_BYTES}")]
    NameTooLong {
        /// Folded and unquoted.
        name: String,
        /// Its size.
        bytes: usize,
    },
    /// `""`
    #[error("a quoted name is empty")]
    EmptyName,
    /// `U&"…"`
    #[error("names with Unicode escapes are not supported")]
    UnicodeEscapedName,
    /// A key that PostgreSQL takes in parentheses only.
    #[error("an expression needs parentheses around it")]
    ExpressionWithoutParentheses,
    /// `USING operator` as a sort order.
    #[error("an index key sorts by ASC or DESC only")]
    SortUsing,
    /// Something else than a bare column in INCLUDE.
    #[error("INCLUDE takes plain columns only")]
    IncludeNotColumn,
    /// `$1`
    #[error("a parameter has no value here")]
    Parameter,
    /// Signs that would read as a comment once the statement stands on one line.
    #[error("these signs cannot be told from a comment")]
    LooksLikeComment,
}

impl SqlProblemKind {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty => "write one CREATE INDEX CONCURRENTLY name ON table (…)".to_owned(),
            Self::TooLong { .. } | Self::TooManyTokens | Self::TooDeep => {
                "move the logic into an IMMUTABLE function and index its result".to_owned()
            }
            Self::NulCharacter => "remove the character".to_owned(),
            Self::Syntax { .. } | Self::ParserFailed => {
                "check the statement against CREATE INDEX in PostgreSQL's manual; psql commands are not SQL".to_owned()
            }
            Self::SeveralStatements { .. } => "give each index an entry of its own".to_owned(),
            Self::TransactionControl => {
                "remove it: CREATE INDEX CONCURRENTLY cannot run inside a transaction block".to_owned()
            }
            Self::NotCreateIndex { .. } => "an entry holds exactly one CREATE [UNIQUE] INDEX CONCURRENTLY".to_owned(),
            Self::NotConcurrently => {
                "write CREATE INDEX CONCURRENTLY: without it every write to the table waits for the whole build".to_owned()
            }
            Self::Unnamed => "name the index, so that it can be found, verified and rolled back".to_owned(),
            Self::QualifiedIndexName => {
                "remove the schema: PostgreSQL puts an index into the schema of its table".to_owned()
            }
            Self::TableNameParts => "write schema.table".to_owned(),
            Self::NameTooLong { .. } => {
                format!("shorten it to {MAX_IDENT_BYTES} bytes: PostgreSQL would cut it, and two cut names can collide")
            }
            Self::EmptyName => "put a name between the quotes".to_owned(),
            Self::UnicodeEscapedName => "write the characters themselves between double quotes".to_owned(),
            Self::ExpressionWithoutParentheses => "write it as (expression)".to_owned(),
            Self::SortUsing => "write ASC or DESC; another ordering is an operator class".to_owned(),
            Self::IncludeNotColumn => {
                "name the column alone, without expression, collation, operator class or order".to_owned()
            }
            Self::Parameter => "write the value itself".to_owned(),
            Self::LooksLikeComment => "put a space or parentheses between the signs".to_owned(),
        }
    }
}
