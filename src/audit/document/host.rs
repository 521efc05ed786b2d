//! A file of a host language: the strings that are SQL, put in the place where the file has them.

use std::ops::Range;

use super::super::host::{self, Composed, Extract, Fragment, Language, PLACEHOLDER, ProblemKind, Use};
use super::super::parameter;
use super::super::place::Lines;
use super::super::prepass::prepare;
use super::super::statement::{
    Nesting, Reading, Statement, StatementKind, TableAction, Unread, Why, loose_ends, read, show_unknown,
};
use super::{Direction, Document, Part, PartKind, notes};

/// Reads the SQL of a file. Its declarations wait for [`declare`](super::declare). Needs the stack that
/// [`read`] needs.
pub fn of_host(text: &str, extract: &Extract) -> Document {
    let lines = Lines::of(text);
    let mut document = Document {
        models: extract.models.clone(),
        made: extract.made.clone(),
        notes: notes(text, &lines, extract.comments.iter().cloned()),
        ..Document::default()
    };
    let matters = !extract.fragments.is_empty()
        || !extract.declared.is_empty()
        || ["create index", "CREATE INDEX", "add_index", "addIndex", "createIndex"]
            .iter()
            .any(|it| memchr::memmem::find(text.as_bytes(), it.as_bytes()).is_some());
    for problem in &extract.problems {
        document.unread.push(Unread {
            place: problem.place,
            at: problem.range.start,
            why: why(&problem.kind, matters),
        });
    }
    for fragment in &extract.fragments {
        let reading = fragment_reading(text, &lines, fragment);
        if is_prose(fragment, &reading) {
            continue;
        }
        document.unread.extend(reading.unread);
        let part = Part {
            kind: PartKind::Text(fragment.used.clone()),
            direction: direction(fragment.direction),
            transaction: fragment.transaction,
            turn: fragment.turn,
            home: host::Home::Operation,
            cause: host::Cause::Said,
            range: fragment.range.clone(),
            statements: 0,
        };
        document.add(part, reading.statements);
        let at = |offset| fragment.sql.locate(offset).unwrap_or(fragment.range.start);
        let comments = super::note::in_sql(fragment.sql.text());
        document.notes.extend(notes(text, &lines, comments.into_iter().map(|it| at(it.start)..at(it.end))));
    }
    super::table::declare_tables(&mut document, &extract.tables);
    document.notes.sort_by_key(|note| note.at);
    document.notes.dedup();
    document.settle();
    document
}

/// The grammars are no compilers: those of other languages than Python refuse some programs that are right (`export type
/// *`, `using` as a name). Only where SQL is at stake is such a file called broken.
fn why(kind: &ProblemKind, matters: bool) -> Why {
    match kind {
        ProblemKind::Minified
        | ProblemKind::UnknownCall(_)
        | ProblemKind::UnknownTurns
        | ProblemKind::UnknownItem
        | ProblemKind::ChangedTurns
        | ProblemKind::TooManyTurns
        | ProblemKind::UnknownChoice => Why::OutOfReach(kind.to_string()),
        ProblemKind::Syntax { language } | ProblemKind::Missing { language, .. }
            if *language != Language::Python.name() && !matters =>
        {
            Why::OutOfReach(kind.to_string())
        }
        ProblemKind::Syntax { .. }
        | ProblemKind::Missing { .. }
        | ProblemKind::DoesNotCompile(_)
        | ProblemKind::TooLong { .. }
        | ProblemKind::TooMuchWork
        | ProblemKind::TooMuchText => Why::Program(kind.to_string()),
    }
}

/// What is run when nobody goes back.
pub(super) fn direction(of: host::Direction) -> Direction {
    match of {
        host::Direction::Down => Direction::Down,
        host::Direction::Up | host::Direction::Change | host::Direction::Unsaid => Direction::Up,
    }
}

/// A text that nothing runs, that cannot be read, and that is a sentence as likely as a statement: it begins with one
/// capital letter, or with a word that sentences begin with.
fn is_prose(fragment: &Fragment, reading: &Reading) -> bool {
    const STATEMENTS: [&str; 12] = [
        "alter", "create", "delete", "do", "drop", "insert", "merge", "reindex", "select", "truncate",
        "update", "with",
    ];
    let text = fragment.sql.text().trim_start();
    let first: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    let mut letters = first.chars();
    let capital =
        letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase);
    let statement = STATEMENTS.iter().any(|it| first.eq_ignore_ascii_case(it));
    let wrong = reading.unread.iter().any(|it| it.why.is_broken() || matches!(it.why, Why::Fragment(_)));
    // What is executed need not be SQL: `run("set", option)`.
    let short = text.split_whitespace().take(3).count() < 3;
    let executed = matches!(fragment.used, Use::Executed(_));
    wrong && if executed { short } else { capital || !statement }
}

fn fragment_reading(text: &str, lines: &Lines, fragment: &Fragment) -> Reading {
    let sql = parameter::written_over(fragment.sql.text());
    let script = prepare(&sql);
    let inner = Lines::of(&sql);
    let mut reading = read(&script, 0..script.pieces.len(), &inner);
    reading.unread.extend(loose_ends(&script, &inner));
    let to = Home { text, lines, sql: &fragment.sql, range: fragment.range.clone() };
    for statement in &mut reading.statements {
        to.bring(statement);
    }
    // A driver may put more than a value in the place of a parameter.
    let changed = matches!(sql, std::borrow::Cow::Owned(_));
    let foreign = super::sql::backtick(fragment.sql.text()).is_some();
    if foreign && reading.unread.iter().any(|it| it.why.is_broken()) {
        reading.statements.clear();
    }
    for unread in &mut reading.unread {
        let doubtful =
            changed || !matches!(fragment.used, Use::Executed(_)) || !fragment.sql.holes().is_empty();
        unread.at = to.at(unread.at);
        unread.place = lines.place(text, unread.at);
        if foreign && unread.why.is_broken() {
            unread.why = Why::Backticks;
        } else if doubtful && unread.why.is_broken() {
            unread.why = Why::Fragment(unread.why.to_string());
        }
    }
    // What follows a broken spot of one string is rarely news.
    let wrong = |it: &Unread| it.why.is_broken() || matches!(it.why, Why::Fragment(_));
    let mut seen = false;
    reading.unread.retain(|it| !wrong(it) || !std::mem::replace(&mut seen, true));
    reading
}

/// The way from a string's bytes to the file's.
struct Home<'a> {
    text: &'a str,
    lines: &'a Lines,
    sql: &'a Composed,
    range: Range<usize>,
}

impl Home<'_> {
    fn at(&self, offset: usize) -> usize {
        self.sql.locate(offset).unwrap_or(self.range.start)
    }

    fn bring(&self, statement: &mut Statement) {
        let inside: Range<usize> = statement.at..statement.end;
        statement.at = self.at(inside.start);
        statement.end = (self.at(inside.end.saturating_sub(1)) + 1).max(statement.at + 1);
        // Its last word may come from elsewhere.
        if self.range.contains(&statement.at) && !self.range.contains(&(statement.end - 1)) {
            statement.end = self.range.end;
        }
        statement.place = self.lines.place(self.text, statement.at);
        if self.sql.is_hole(&inside) {
            statement.nesting = statement.nesting.max(Nesting::Dynamic);
            show_unknown(&mut statement.kind, PLACEHOLDER);
        }
        let constraints: Vec<_> = if let StatementKind::CreateTable(table) = &mut statement.kind {
            table.constraints.iter_mut().collect()
        } else if let StatementKind::AlterTable { actions, .. } = &mut statement.kind {
            actions
                .iter_mut()
                .filter_map(|action| if let TableAction::Add(it) = action { Some(it.as_mut()) } else { None })
                .collect()
        } else {
            Vec::new()
        };
        for constraint in constraints {
            constraint.at = self.at(constraint.at);
            constraint.place = self.lines.place(self.text, constraint.at);
        }
    }
}
