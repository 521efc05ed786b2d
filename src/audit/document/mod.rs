//! One file, whatever it is written in: the texts that it hands over to a server, their statements, and what could not
//! be read of it. All places are places of the file.

mod allow;
mod declared;
mod host;
mod note;
mod sql;
mod table;

use std::ops::Range;

use super::host::{Cause, Framework, Home, Language, MadeTable, Model, TableName, Transaction, Turn, Use};
use super::layout::Tool;
use super::statement::{Statement, Unread};

pub use allow::{Allow, Allowances, BadNote, NoteProblem};
pub use declared::{Snapshots, declare};
pub use host::of_host;
pub use note::{Note, notes};
pub use sql::{Halves, of_sql};
pub use table::declare_tables;

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// The texts that are handed over, each at once.
    pub parts: Vec<Part>,
    /// What leads on, in the order of the file.
    pub statements: Vec<Statement>,
    /// What only undoes, in the order of the file.
    pub undoing: Vec<Statement>,
    /// How many more there are of both, which were let go of.
    pub let_go: LetGo,
    /// What could not be read, in the order of the file.
    pub unread: Vec<Unread>,
    /// Comments that speak to this program.
    pub notes: Vec<Note>,
    /// Placeholders of a file of SQL that somebody fills in.
    pub placeholders: usize,
    /// Indexes that a model or a picture of the schema describes: migrations make them.
    pub described: usize,
    /// Models with their tables (Django).
    pub models: Vec<Model>,
    /// Tables that are made or dropped in the words of a framework.
    pub made: Vec<MadeTable>,
}

/// Statements that are counted and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LetGo {
    /// Of those that lead on.
    pub statements: usize,
    /// Of those that only undo.
    pub undoing: usize,
}

/// A text that is handed over at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Forward or back.
    pub direction: Direction,
    /// Whether it runs in a transaction.
    pub transaction: Transaction,
    /// The turn of a loop that hands it over.
    pub turn: Option<Turn>,
    /// Whether it is done where it stands, or only describes what is done elsewhere.
    pub home: Home,
    /// Whether the program says it, or an option of a column, or nothing but the habit of its framework.
    pub cause: Cause,
    /// Its bytes in the file.
    pub range: Range<usize>,
    /// Complete statements in it, those of blocks and routines not counted.
    pub statements: usize,
}

/// Kinds of parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartKind {
    /// A half of a file of SQL, as this tool runs it.
    File(Tool),
    /// A string of a program, and what it does with it.
    Text(Use),
    /// A declaration in the words of a framework, which sends one statement.
    Declared(Framework),
}

/// Whether something leads on or takes it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Leads on.
    Up,
    /// Only undoes.
    Down,
}

impl Document {
    /// How many statements lead on, and how many only undo.
    pub fn count(&self) -> (usize, usize) {
        (self.let_go.statements + self.statements.len(), self.let_go.undoing + self.undoing.len())
    }

    /// Lets go of all statements.
    pub fn forget(&mut self) {
        let (statements, undoing) = self.count();
        self.let_go = LetGo { statements, undoing };
        self.statements = Vec::new();
        self.undoing = Vec::new();
    }

    /// Adds statements of a part that is added with them.
    fn add(&mut self, mut part: Part, mut statements: Vec<Statement>) {
        let position = self.parts.len();
        let to = match part.direction {
            Direction::Up => &mut self.statements,
            Direction::Down => &mut self.undoing,
        };
        let direct = |it: &&Statement| it.nesting == super::statement::Nesting::Direct;
        part.statements += statements.iter().filter(direct).count();
        for statement in &mut statements {
            statement.part = position;
        }
        if to.is_empty() {
            *to = statements;
        } else {
            to.append(&mut statements);
        }
        self.parts.push(part);
    }

    /// Puts everything in the order of the file, what loops do in that of their turns.
    fn settle(&mut self) {
        let parts = &self.parts;
        let order = |it: &Statement| Turn::order(parts.get(it.part).and_then(|part| part.turn), it.at);
        for statements in [&mut self.statements, &mut self.undoing] {
            if !statements.is_sorted_by_key(order) {
                statements.sort_by_key(order);
            }
        }
        self.unread.sort_by_key(|it| it.at);
        // What cannot be read in one turn of a loop cannot in the others.
        self.unread.dedup();
    }

    /// The part of one of its statements.
    pub fn part(&self, statement: &Statement) -> Option<&Part> {
        self.parts.get(statement.part)
    }
}

/// The table of a name that a program gives, where only other files can tell.
pub trait Tables {
    /// `schema.table` or `table` of a Django model.
    fn of_model(&self, model: &str) -> Option<String>;

    /// The text of a name.
    fn text(&self, name: &TableName) -> Option<String> {
        match name {
            TableName::Given(name) => Some(name.clone()),
            TableName::OfModel(model) => self.of_model(model),
            TableName::Unsaid | TableName::Unknown(_) => None,
        }
    }
}

/// Whether a language is read, by the ending of a path. `None` for SQL.
pub fn language(path: &str) -> Option<Language> {
    Language::of_path(path)
}

#[cfg(test)]
mod program_tests;
#[cfg(test)]
mod tests;
