//! An index declared in the words of a framework instead of SQL.

use std::ops::Range;

use super::fact::{Direction, Known, Transaction, Turn, Unknown};
use crate::audit::Place;

/// One declaration: an index that is made, or one that is taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredIndex {
    /// Whose words.
    pub framework: Framework,
    /// Made or taken away.
    pub act: Act,
    /// What the index is called.
    pub name: IndexName,
    /// What it is called from then on, for a rename.
    pub renamed: Option<Known<String>>,
    /// The table that it is on.
    pub table: TableName,
    /// The schema, when one is given.
    pub schema: Option<Known<String>>,
    /// Its keys in order. Empty for a removal that goes by name.
    pub keys: Known<Vec<Key>>,
    /// Duplicates are refused.
    pub unique: Known<bool>,
    /// The access method, when one is given.
    pub method: Option<Known<String>>,
    /// The predicate of a partial index, as SQL where the framework takes SQL, as written where it takes an expression.
    pub predicate: Option<Known<String>>,
    /// Columns that are only carried along.
    pub include: Known<Vec<String>>,
    /// Built or dropped without blocking writes.
    pub concurrently: Known<bool>,
    /// Passed over when it is (or, for a removal, is not) there.
    pub if_exists: Known<bool>,
    /// NULLS NOT DISTINCT.
    pub nulls_not_distinct: Known<bool>,
    /// An index by itself, or one that a constraint brings along.
    pub backing: Backing,
    /// What of the program says it: whether this is done, or only describes what is done elsewhere.
    pub home: Home,
    /// Whether the program says it, or a column's option, or nothing but the framework's habit.
    pub cause: Cause,
    /// The model of Django that the declaration names.
    pub model: Option<String>,
    /// The statement, for a list entry that has one: an index into `Extract::fragments`.
    pub fragment: Option<usize>,
    /// Forward or back.
    pub direction: Direction,
    /// Whether it runs in a transaction.
    pub transaction: Transaction,
    /// The turn of a loop that does it.
    pub turn: Option<Turn>,
    /// The declaration, in bytes of the file.
    pub range: Range<usize>,
    /// Its first token.
    pub place: Place,
}

impl DeclaredIndex {
    /// Whether only running the program would tell what it is, or on what.
    pub(super) fn is_vague(&self) -> bool {
        let key = |key: &Key| matches!(key.text, Known::Unknown(_));
        matches!(self.name, IndexName::Unknown(_))
            || matches!(self.table, TableName::Unknown(_))
            || match &self.keys {
                Known::Known(keys) => keys.iter().any(key),
                Known::Unknown(_) => true,
            }
    }
}

/// Whose words a declaration is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Framework {
    /// `op.create_index`, `op.drop_index`.
    Alembic,
    /// `Index(...)`, `Column(index=True)`, `UniqueConstraint(...)`.
    SqlAlchemy,
    /// Migration operations and `Meta`.
    Django,
    /// ActiveRecord migrations and `schema.rb`.
    Rails,
    /// A list of dictionaries with name, table and sql.
    List,
    /// `table.index(...)` and `table.unique(...)` in a block of knex' schema builder.
    Knex,
    /// `queryRunner.createIndex(..., new TableIndex({...}))`.
    TypeOrm,
    /// `queryInterface.addIndex(...)`.
    Sequelize,
    /// `pgm.createIndex(...)` of node-pg-migrate.
    PgMigrate,
    /// `db.schema.createIndex(...).on(...)`.
    Kysely,
    /// `db.addIndex(...)` of db-migrate.
    DbMigrate,
}

/// What of the program says a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Home {
    /// A migration, or whatever else acts on a database: it is done.
    Operation,
    /// A model. It describes what migrations make, and nothing is done where it stands: not one index more.
    Model,
    /// A picture of the whole schema that the framework writes beside the migrations (`schema.rb`): each of its indexes is
    /// one that a migration makes, where the migrations are there.
    Snapshot,
}

/// What makes an index be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A declaration of its own.
    Said,
    /// An option of a column: `index=True`, `unique: true`, `db_index=True`.
    Option,
    /// No word of the program, only what the framework does for such a column: Django's foreign keys and slugs, `t.references`.
    Habit,
    /// The second index that Django makes beside one on a text column, for LIKE.
    Companion,
}

/// Made or taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Made.
    Create,
    /// Taken away.
    Drop,
    /// Given another name; `keys` is empty.
    Rename,
}

/// An index by itself, or one that comes with a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Backing {
    /// By itself.
    Plain,
    /// A unique constraint brings it along.
    UniqueConstraint,
    /// A primary key brings it along.
    PrimaryKey,
    /// An exclusion constraint brings it along.
    Exclusion,
}

/// What an index is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexName {
    /// As the text says.
    Given(String),
    /// The text leaves it out, and the framework always makes this one of it.
    Derived(String),
    /// The text leaves it out, and the server or a setting elsewhere decides.
    Unsaid,
    /// Only running the program would say.
    Unknown(Unknown),
}

impl IndexName {
    /// The name, when it is known.
    pub fn get(&self) -> Option<&str> {
        match self {
            Self::Given(name) | Self::Derived(name) => Some(name),
            Self::Unsaid | Self::Unknown(_) => None,
        }
    }
}

/// The table that an index is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableName {
    /// As the text says, perhaps with a schema and a dot.
    Given(String),
    /// The table of a Django model that this file does not describe: `db_table` if another file gives one, otherwise
    /// the app, an underscore and the model in lower case.
    OfModel(String),
    /// The text leaves it out, as removals by name do.
    Unsaid,
    /// Only running the program would say.
    Unknown(Unknown),
}

impl TableName {
    /// The table's name, where the text alone gives one.
    pub fn get(&self) -> Option<&str> {
        match self {
            Self::Given(name) => Some(name),
            Self::OfModel(_) | Self::Unsaid | Self::Unknown(_) => None,
        }
    }
}

/// One key of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The column's name, or the expression.
    pub text: Known<String>,
    /// Which of both.
    pub kind: KeyKind,
    /// The operator class, when one is given.
    pub opclass: Option<Known<String>>,
    /// ASC, DESC, NULLS FIRST and such, as SQL, when given.
    pub order: Option<Known<String>>,
}

/// What a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// A column.
    Column,
    /// An expression in SQL.
    Expression,
    /// A field of a model: its column is called like it, or like it with `_id` when it is a foreign key.
    Field,
    /// An expression in the words of the framework.
    HostExpression,
}

impl Key {
    /// A plain key.
    pub(super) fn plain(kind: KeyKind, text: Known<String>) -> Self {
        Self { text, kind, opclass: None, order: None }
    }
}
