//! A file of SQL.

use std::ops::Range;

use super::super::host::{Cause, Home, Transaction};
use super::super::layout::Tool;
use super::super::lexis::{Kind, lexeme};
use super::super::place::Lines;
use super::super::prepass::Script;
use super::super::statement::{Reading, Statement, Unread, Why, loose_ends};
use super::{Direction, Document, LetGo, Part, PartKind, notes};

/// How a tool runs a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halves {
    /// Whose layout it has.
    pub tool: Tool,
    /// What the file as a whole does.
    pub direction: Direction,
    /// Bytes that only undo.
    pub undoing: Vec<Range<usize>>,
    /// Whether it runs in a transaction.
    pub transaction: Transaction,
}

/// Puts together what was read of a file of SQL.
pub fn of_sql(text: &str, script: &Script<'_>, lines: &Lines, reading: Reading, halves: &Halves) -> Document {
    let mut document = Document {
        unread: reading.unread,
        placeholders: script.placeholders.len(),
        notes: notes(text, lines, super::note::in_sql(text)),
        ..Document::default()
    };
    document.unread.extend(loose_ends(script, lines));
    // Another server's SQL is not broken: it is not for this one.
    if document.unread.iter().any(|it| it.why.is_broken())
        && let Some(at) = backtick(text)
    {
        document.unread.retain(|it| !it.why.is_broken());
        document.unread.push(Unread { place: lines.place(text, at), at, why: Why::Backticks });
        return document;
    }
    let undoes =
        |at: usize| halves.direction == Direction::Down || halves.undoing.iter().any(|it| it.contains(&at));
    let to_fill_in = |it: &Statement| {
        let next = script.placeholders.partition_point(|at| *at < it.at);
        script.placeholders.get(next).is_some_and(|at| *at < it.end)
    };
    let mut statements = reading.statements;
    for statement in &mut statements {
        statement.to_fill_in = to_fill_in(statement);
    }
    let undoes_nothing = halves.direction == Direction::Up && halves.undoing.is_empty();
    // Most files undo nothing, and a dump has too many statements to copy them for that.
    let (down, up): (Vec<Statement>, Vec<Statement>) = if undoes_nothing {
        (Vec::new(), statements)
    } else {
        statements.into_iter().partition(|it| undoes(it.at))
    };
    let (down_gone, up_gone): (Vec<Range<usize>>, Vec<Range<usize>>) =
        reading.let_go.into_iter().partition(|it| undoes(it.start));
    document.let_go = LetGo { statements: up_gone.len(), undoing: down_gone.len() };
    for (direction, statements, gone) in [(Direction::Up, up, up_gone), (Direction::Down, down, down_gone)] {
        let spans = || statements.iter().map(|it| it.at..it.end).chain(gone.iter().cloned());
        if let Some(first) = spans().map(|it| it.start).min() {
            let range = first..spans().map(|it| it.end).max().unwrap_or(0);
            let part = Part {
                kind: PartKind::File(halves.tool),
                direction,
                transaction: halves.transaction,
                turn: None,
                home: Home::Operation,
                cause: Cause::Said,
                range,
                statements: gone.len(),
            };
            document.add(part, statements);
        }
    }
    document.settle();
    document
}

/// The first backtick that is no part of a string or comment.
pub(super) fn backtick(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memchr(b'`', bytes)?;
    let mut at = 0;
    while at < bytes.len() {
        let piece = lexeme(bytes, at);
        if piece.kind == Kind::Sign(b'`') {
            return Some(at);
        }
        at = piece.end;
    }
    None
}
