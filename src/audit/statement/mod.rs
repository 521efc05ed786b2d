//! The statements of a text, as far as they bear on indexes, each with its place.
//!
//! The grammar is squawk's, which recovers from errors. A statement with a syntax error is never half believed: it comes
//! out as [`Unread`] and nothing else.

mod body;
mod change;
mod constraint;
mod dump;
mod figure;
mod load;
mod read;
mod rewrite;
mod setting;

use std::ops::Range;
use std::sync::Arc;

use crate::sql::{IndexShape, KeyKind, TableRef};

use super::host::IndexNames;
use super::place::{Lines, Place};
use super::prepass::{Open, Script};

pub(in crate::audit) use body::show_unknown;
pub use load::STACK;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Place of its first word.
    pub place: Place,
    /// Byte of its first word.
    pub at: usize,
    /// Byte behind its last word.
    pub end: usize,
    /// The part of its file that it stands in, by position in [`Document::parts`](super::document::Document::parts).
    pub part: usize,
    /// Whether the server runs it when the file is run.
    pub nesting: Nesting,
    /// Whether something stands in it that somebody fills in before it is sent: `:name`, `${name}`, `{{ name }}`.
    pub to_fill_in: bool,
    /// What it does.
    pub kind: StatementKind,
}

/// Where a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nesting {
    /// In the file itself.
    Direct,
    /// In a DO block, or in a string that one executes: run, under whatever condition stands around it.
    Block,
    /// Put together at run time; parts that are not known are written `…`.
    Dynamic,
    /// In a routine, which runs when somebody calls it.
    Routine,
}

/// What a statement does. Names are folded and unquoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementKind {
    /// CREATE INDEX
    CreateIndex(Box<IndexStatement>),
    /// DROP INDEX
    DropIndex {
        /// The indexes.
        names: Vec<TableRef>,
        /// CONCURRENTLY
        concurrently: bool,
        /// CASCADE
        cascade: bool,
    },
    /// ALTER INDEX … RENAME TO
    RenameIndex {
        /// From.
        index: TableRef,
        /// To.
        to: String,
    },
    /// ALTER INDEX … ATTACH PARTITION
    AttachIndex(Box<Attachment>),
    /// CREATE TABLE
    CreateTable(Box<TableStatement>),
    /// A view, a materialized view, a sequence, a foreign table: something else that takes a name.
    CreateRelation(TableRef),
    /// ALTER TABLE
    AlterTable {
        /// The table.
        table: TableRef,
        /// What is done, as far as it bears on indexes.
        actions: Vec<TableAction>,
    },
    /// DROP TABLE, VIEW, MATERIALIZED VIEW
    DropTable(Vec<TableRef>),
    /// DROP SCHEMA
    DropSchema(Vec<String>),
    /// ALTER SCHEMA … RENAME TO
    RenameSchema {
        /// From.
        from: String,
        /// To.
        to: String,
    },
    /// SET search_path, also by `set_config`.
    SearchPath {
        /// The first schema, `None` for an empty path.
        first: Option<String>,
        /// How long it holds.
        scope: Scope,
    },
    /// Any other SET of a parameter, also by `set_config`, and RESET.
    Set(Setting),
    /// BEGIN, START TRANSACTION
    Begin,
    /// COMMIT, END
    Commit,
    /// ROLLBACK, ABORT
    Rollback,
    /// REINDEX
    Reindex {
        /// CONCURRENTLY
        concurrently: bool,
        /// What is built anew.
        target: Reindexed,
    },
    /// ANALYZE, VACUUM (ANALYZE): the tables, none for all of them.
    Analyze(Vec<TableRef>),
    /// A change of data.
    Dml(Box<Change>),
    /// A query, or CALL, that calls routines.
    Call(Call),
    /// DO; what is in it follows as statements of their own.
    Do,
    /// CREATE FUNCTION or PROCEDURE: its name. What is in it follows as statements of their own.
    Routine(TableRef),
    /// Anything else: its first words.
    Other(String),
}

/// An index that becomes a part of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Index of the partitioned table.
    pub parent: TableRef,
    /// Index of the partition.
    pub child: TableRef,
}

/// A parameter that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name, in lower case; `all` for RESET ALL.
    pub name: String,
    /// As it is written, without quotes; `None` for DEFAULT and RESET.
    pub value: Option<String>,
    /// How long it holds.
    pub scope: Scope,
}

/// How long a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Until the session ends or sets it again.
    Session,
    /// Until the transaction ends; without one it does nothing.
    Local,
}

/// What a REINDEX builds anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reindexed {
    /// One index.
    Index(TableRef),
    /// All indexes of a table.
    Table(TableRef),
    /// All of a schema, a database, or of the system's catalogs: the word.
    Many(&'static str),
}

/// A change of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it says.
    pub dml: Dml,
    /// The tables that are changed: several for TRUNCATE, none for a query whose WITH changes some.
    pub tables: Vec<TableRef>,
    /// Which rows.
    pub rows: Rows,
    /// Tables that the rows of INSERT … SELECT and MERGE come from.
    pub reads: Vec<TableRef>,
    /// How often it is done.
    pub repeat: Repeat,
    /// Changes in its WITH.
    pub within: Vec<Change>,
}

/// Which rows are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// All of the table: no condition, or one that always holds.
    All,
    /// Those that a condition or a query finds.
    Chosen,
    /// As many as are written in the statement.
    Written,
    /// Those that COPY reads.
    Loaded,
    /// None: a COPY without a row.
    None,
}

/// How often a statement is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repeat {
    /// Once.
    Once,
    /// In a loop.
    Loop,
}

/// A call of routines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What calls.
    pub caller: Caller,
    /// The routines, each once.
    pub routines: Vec<TableRef>,
    /// How often.
    pub repeat: Repeat,
}

/// What calls a routine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A query or an expression.
    Query,
    /// CALL
    Call,
}

/// Kinds of changes of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dml {
    /// INSERT … VALUES
    InsertValues,
    /// INSERT … SELECT
    InsertSelect,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
    /// MERGE
    Merge,
    /// COPY … FROM
    CopyFrom,
    /// TRUNCATE
    Truncate,
    /// A query with a data-modifying WITH.
    ModifyingWith,
}

/// CREATE INDEX with what the server makes of its keys when it has to find a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexStatement {
    /// What it says.
    pub shape: Arc<IndexShape>,
    /// For each computed key the word that it adds to an invented name; a column adds its own name.
    pub words: Vec<String>,
    /// What the server would refuse or change about it, as far as it can be seen without a server.
    pub problems: Vec<String>,
    /// Whether anybody asks for it.
    pub wording: Wording,
}

impl IndexStatement {
    /// For each key and INCLUDE column the word that it adds to an invented name.
    pub fn name_parts(&self) -> Vec<String> {
        name_parts(&self.shape, &self.words)
    }
}

fn name_parts(shape: &IndexShape, words: &[String]) -> Vec<String> {
    let mut words = words.iter();
    let keys = shape.keys.iter().filter_map(|key| match &key.kind {
        KeyKind::Column(name) => Some(name),
        KeyKind::Expression => words.next(),
    });
    keys.chain(&shape.include).cloned().collect()
}

/// Whether a word of the text asks for an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// A statement, a call, an option of a column.
    Said,
    /// Nothing: the framework makes it by itself, as Django does for foreign keys.
    Implied,
}

/// CREATE TABLE
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStatement {
    /// The table.
    pub table: TableRef,
    /// IF NOT EXISTS, TEMPORARY and PARTITION BY.
    pub traits: TableTraits,
    /// Its parent, when it is a partition.
    pub partition_of: Option<TableRef>,
    /// Constraints that make an index, in the order in which the server makes them.
    pub constraints: Vec<Constraint>,
    /// Columns of a serial or identity type: each takes the name of a sequence.
    pub sequences: Vec<String>,
    /// Tables whose indexes it copies with `LIKE … INCLUDING`.
    pub like: Vec<TableRef>,
}

/// What is said of a table besides its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableTraits {
    /// IF NOT EXISTS
    pub if_not_exists: bool,
    /// TEMPORARY
    pub temporary: bool,
    /// PARTITION BY
    pub partitioned: bool,
}

/// A constraint that is backed by an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its kind.
    pub kind: ConstraintKind,
    /// Its name, when written.
    pub name: Option<String>,
    /// Place of its first word.
    pub place: Place,
    /// Byte of its first word.
    pub at: usize,
    /// `USING INDEX`
    pub using_index: Option<String>,
    /// The index: unique, with its keys; without a name and a table.
    pub shape: Arc<IndexShape>,
    /// As in [`IndexStatement::words`].
    pub words: Vec<String>,
    /// When it is checked.
    pub checked: Checked,
}

impl Constraint {
    /// As [`IndexStatement::name_parts`].
    pub fn name_parts(&self) -> Vec<String> {
        name_parts(&self.shape, &self.words)
    }
}

/// When a constraint is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// With each row.
    AtOnce,
    /// DEFERRABLE: with each statement, or later on request.
    Deferrable,
    /// INITIALLY DEFERRED: at the end of the transaction.
    Deferred,
}

/// Kinds of constraints that are backed by an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintKind {
    /// PRIMARY KEY
    PrimaryKey,
    /// UNIQUE
    Unique,
    /// EXCLUDE
    Exclude,
}

/// One action of ALTER TABLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableAction {
    /// ADD PRIMARY KEY, UNIQUE, EXCLUDE, also with a new column.
    Add(Box<Constraint>),
    /// DROP CONSTRAINT
    DropConstraint(String),
    /// RENAME CONSTRAINT: from, to.
    RenameConstraint(String, String),
    /// DROP COLUMN
    DropColumn(String),
    /// RENAME COLUMN: from, to.
    RenameColumn(String, String),
    /// RENAME TO
    Rename(String),
    /// Indexes whose names a framework made of table and columns get the names that it makes of them now.
    NamesFollow(NamesFollow),
    /// SET SCHEMA
    SetSchema(String),
    /// ATTACH PARTITION
    Attach(TableRef),
    /// DETACH PARTITION
    Detach(TableRef),
}

/// What the names of indexes follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamesFollow {
    /// What they were made of.
    pub was: Was,
    /// How they are made.
    pub names: IndexNames,
}

/// What had another name before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Was {
    /// The table: its old name.
    Table(String),
    /// A column: its old name and its new one.
    Column(String, String),
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Where.
    pub place: Place,
    /// Byte.
    pub at: usize,
    /// Why.
    pub why: Why,
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The grammar does not allow it.
    #[error("syntax error in {statement}: {message}")]
    Syntax {
        /// First words of the statement.
        statement: String,
        /// The parser's own words.
        message: String,
    },
    /// Nested or chained beyond what the parser can take.
    #[error("nested too deeply to be parsed")]
    TooDeep,
    /// No end.
    #[error("{} is never closed", match .0 {
        Open::Text => "a string",
        Open::Name => "a quoted name",
        Open::Dollar => "a dollar-quoted string",
        Open::Copy => "the data of a COPY",
    })]
    Unclosed(Open),
    /// Another file is brought in.
    #[error("`{0}` brings in another file, which is not followed")]
    Include(String),
    /// SQL that is put together at run time from nothing that is written here.
    #[error("what is executed here is known at run time only")]
    RunTime,
    /// A body in a language that is not read.
    #[error("a body in {0} is not read")]
    Language(String),
    /// The program around the SQL is no program.
    #[error("{0}")]
    Program(String),
    /// It is SQL of another server.
    #[error(
        "names in backticks, as in MySQL: this is no SQL of PostgreSQL, and what it says is not believed"
    )]
    Backticks,
    /// It is there and not for reading.
    #[error("{0}")]
    OutOfReach(String),
    /// A string that begins like SQL and is none as it stands there.
    #[error("this string begins like SQL and cannot be read as a whole statement: {0}")]
    Fragment(String),
    /// A declaration of the program that only running it would tell.
    #[error("{0} is known only when the program runs")]
    Declaration(String),
}

impl Why {
    /// Whether something is wrong with the text, rather than out of reach.
    pub fn is_broken(&self) -> bool {
        match self {
            Self::Syntax { .. } | Self::TooDeep | Self::Unclosed(_) | Self::Program(_) => true,
            Self::Include(_)
            | Self::RunTime
            | Self::Language(_)
            | Self::OutOfReach(_)
            | Self::Backticks
            | Self::Fragment(_)
            | Self::Declaration(_) => false,
        }
    }
}

/// What a text says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// In the order of the text.
    pub statements: Vec<Statement>,
    /// In the order of the text.
    pub unread: Vec<Unread>,
    /// Bytes of statements that were read and let go of, in the order of the text.
    pub let_go: Vec<Range<usize>>,
}

impl Reading {
    /// Lets go of the statements of the file itself that are not asked for: most of a dump's bear on no index, and all
    /// of them together are larger than the dump.
    pub fn keep(&mut self, asked: impl Fn(&Statement) -> bool) {
        let Self { statements, let_go, .. } = self;
        statements.retain(|it| {
            let keeps = it.nesting != Nesting::Direct || asked(it);
            if !keeps {
                let_go.push(it.at..it.end);
            }
            keeps
        });
        statements.shrink_to_fit();
    }

    /// What was read in batches, which are in the order of the text.
    pub fn of(batches: Vec<Self>) -> Self {
        let mut whole = Self::default();
        whole.statements.reserve_exact(batches.iter().map(|it| it.statements.len()).sum());
        for mut batch in batches {
            whole.statements.append(&mut batch.statements);
            whole.unread.append(&mut batch.unread);
            whole.let_go.append(&mut batch.let_go);
        }
        whole
    }
}

/// Reads the pieces `which` of a script. Needs a stack of [`STACK`] bytes: the parser descends recursively.
pub fn read(script: &Script<'_>, which: Range<usize>, lines: &Lines) -> Reading {
    let mut reader = read::Reader::new(&script.text, lines);
    for piece in script.pieces.get(which).unwrap_or_default() {
        reader.piece(piece);
    }
    reader.reading
}

/// What is to be said of a script besides its statements.
pub fn loose_ends(script: &Script<'_>, lines: &Lines) -> Vec<Unread> {
    let unread = |at: usize, why: Why| Unread { place: lines.place(&script.text, at), at, why };
    let open = script.open.iter().map(|(at, what)| unread(*at, Why::Unclosed(*what)));
    let includes = script.includes.iter().map(|(at, line)| unread(*at, Why::Include(line.clone())));
    open.chain(includes).collect()
}

#[cfg(test)]
mod tests;
