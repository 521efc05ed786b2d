//! The files that are looked at together, with what rules want to know about them.

use std::collections::BTreeSet;
use std::ops::Range;

use super::sent::{Home, Runner, Sent, Timeout, follow, is_marked_for_sqlx};
use crate::audit::document::{Direction, Document, Part, PartKind};
use crate::audit::host::{Act as Doing, Home as Stand, Known, Language, TableName, Turn};
use crate::audit::inventory::{Chapter, Entry, Inventory, take};
use crate::audit::statement::{Nesting, Statement, StatementKind, TableAction};
use crate::audit::{Lines, Place, words};
use crate::sql::{TableRef, fold};

/// One file as it was read.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// As it is shown, with `/`.
    pub path: &'a str,
    /// What places count in.
    pub text: &'a str,
    /// What it is written in; `None` for SQL.
    pub language: Option<Language>,
    /// What it says.
    pub document: &'a Document,
}

/// All files, in the order of the series.
pub struct Series<'a> {
    /// Each with its statements.
    pub files: Vec<File<'a>>,
    /// The indexes of all of them.
    pub inventory: Inventory,
    tables: Vec<KnownTable>,
}

/// One file with its statements, those that lead on and those that undo.
pub struct File<'a> {
    /// The file.
    pub subject: Subject<'a>,
    /// In the order of the file.
    pub acts: Vec<Act<'a>>,
    lines: Lines,
    made: Vec<Made>,
    gone: Vec<Made>,
}

/// One statement, and how it reaches the server.
pub struct Act<'a> {
    /// The statement.
    pub statement: &'a Statement,
    /// The text that it is handed over in.
    pub part: Option<&'a Part>,
    /// Forward or back.
    pub direction: Direction,
    /// How it is sent.
    pub sent: Sent,
    /// Timeouts that hold when it is sent.
    pub timeouts: Vec<Timeout>,
}

/// A table that a file makes or drops.
#[derive(Debug, Clone)]
struct Made {
    at: usize,
    direction: Direction,
    table: TableRef,
}

/// A table that some file makes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KnownTable {
    table: TableRef,
    nature: Nature,
}

/// What is known of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// An ordinary table, a partition, or a materialized view.
    Plain,
    /// The parent of partitions.
    Partitioned,
    /// Gone with the session.
    Temporary,
}

impl<'a> Series<'a> {
    /// Takes stock of the files.
    pub fn of(subjects: Vec<Subject<'a>>) -> Self {
        let chapters: Vec<Chapter<'_>> =
            subjects.iter().map(|it| Chapter { statements: &it.document.statements }).collect();
        let inventory = take(&chapters);
        let folder = |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let sqlx: BTreeSet<String> =
            subjects.iter().filter(|it| is_marked_for_sqlx(it.text)).map(|it| folder(it.path)).collect();
        let files: Vec<File<'a>> = subjects
            .into_iter()
            .map(|subject| {
                let known = sqlx.contains(&folder(subject.path));
                File::of(subject, if known { Runner::Sqlx } else { Runner::Unsaid })
            })
            .collect();
        let tables = files.iter().flat_map(|file| known_tables(&file.acts)).collect();
        Self { files, inventory, tables }
    }

    /// What the series says of a table: `None` when no file makes it, or several tables answer to the name.
    pub fn nature(&self, table: &TableRef) -> Option<Nature> {
        let mut found = self.tables.iter().filter(|it| same(&it.table, table)).map(|it| it.nature);
        let first = found.next()?;
        found.all(|it| it == first).then_some(first)
    }

    /// The index of a name, when one statement of the series alone makes one of that name.
    pub fn index(&self, name: &TableRef) -> Option<&Entry> {
        let mut found = self.inventory.entries.iter().filter(|it| {
            it.index.name == name.name && name.schema.as_ref().is_none_or(|schema| *schema == it.index.schema)
        });
        let first = found.next()?;
        found.all(|it| it.table == first.table).then_some(first)
    }

    /// `path:line:column` of an entry of the inventory.
    pub fn spot(&self, entry: &Entry) -> String {
        let path = self.files.get(entry.spot.file).map_or("", |file| file.subject.path);
        format!("{path}:{}", entry.spot.place)
    }
}

impl<'a> File<'a> {
    fn of(subject: Subject<'a>, runner: Runner) -> Self {
        let document = subject.document;
        let home = Home { text: subject.text, language: subject.language, document, runner };
        let mut acts = Vec::new();
        for (direction, statements) in
            [(Direction::Up, &document.statements), (Direction::Down, &document.undoing)]
        {
            // What only describes a schema does nothing.
            let done = |it: &&Statement| document.part(it).is_none_or(|part| part.home == Stand::Operation);
            let done: Vec<&Statement> = statements.iter().filter(done).collect();
            let sent = follow(home, done.iter().copied());
            acts.extend(done.into_iter().zip(sent).map(|(statement, (sent, timeouts))| Act {
                statement,
                part: document.part(statement),
                direction,
                sent,
                timeouts,
            }));
        }
        acts.sort_by_key(|it| Turn::order(it.part.and_then(|part| part.turn), it.statement.at));
        let (mut made, mut gone) = (Vec::new(), Vec::new());
        for act in &acts {
            note(act, &mut made, &mut gone);
        }
        for it in &document.made {
            let TableName::Given(name) = &it.table else { continue };
            let schema = it.schema.as_ref().and_then(Known::get).cloned();
            let table = match name.split_once('.') {
                Some((within, name)) if schema.is_none() => {
                    TableRef { schema: Some(within.to_owned()), name: name.to_owned() }
                }
                Some(_) | None => TableRef { schema, name: name.clone() },
            };
            let direction = match it.direction {
                crate::audit::host::Direction::Down => Direction::Down,
                crate::audit::host::Direction::Up
                | crate::audit::host::Direction::Change
                | crate::audit::host::Direction::Unsaid => Direction::Up,
            };
            let found = Made { at: it.range.start, direction, table };
            match it.act {
                Doing::Create => made.push(found),
                Doing::Drop => gone.push(found),
                Doing::Rename => {}
            }
        }
        Self { subject, acts, lines: Lines::of(subject.text), made, gone }
    }

    /// The place of a byte.
    pub fn place(&self, at: usize) -> Place {
        self.lines.place(self.subject.text, at)
    }

    /// Whether the file itself makes the table before it comes to `act`: nobody else has it yet.
    pub fn is_new(&self, table: &TableRef, act: &Act<'_>) -> bool {
        // Strings of a program need not be run in the order in which they stand.
        let ordered = matches!(act.part.map(|it| &it.kind), Some(PartKind::File(_)));
        self.made.iter().any(|it| {
            it.direction == act.direction && same(&it.table, table) && (!ordered || it.at < act.statement.at)
        })
    }

    /// Whether the file makes or drops the table in any of its halves: it comes or goes with the migration.
    pub fn handles(&self, table: &TableRef) -> bool {
        self.made.iter().chain(&self.gone).any(|it| same(&it.table, table))
    }

    /// Bytes of the first words of a statement, enough to see what it is.
    pub fn head(&self, statement: &Statement) -> Range<usize> {
        let text = self.subject.text;
        let mut end = statement.at;
        for word in words(text, statement.at..statement.end).take(3) {
            let spelled = &text[word.clone()];
            if !spelled.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'.')) {
                break;
            }
            end = word.end;
            if spelled.eq_ignore_ascii_case("index") {
                break;
            }
        }
        statement.at..end.max(statement.at + 1).min(statement.end.max(statement.at + 1))
    }

    /// Bytes of the first mention of a name in a statement; its head where it is not found as it stands.
    pub fn mention(&self, statement: &Statement, name: &str) -> Range<usize> {
        let text = self.subject.text;
        let range = statement.at..statement.end;
        words(text, range)
            .skip(1)
            .find(|word| {
                let spelled = &text[word.clone()];
                fold(spelled) == name || spelled.trim_matches(['\'', ':', '"']) == name
            })
            .unwrap_or_else(|| self.head(statement))
    }
}

/// Whether two names may be one table: a schema that is left out may be any.
pub(super) fn same(one: &TableRef, other: &TableRef) -> bool {
    let schemas = match (&one.schema, &other.schema) {
        (Some(one), Some(other)) => one == other,
        (None, _) | (_, None) => true,
    };
    one.name == other.name && schemas
}

fn note(act: &Act<'_>, made: &mut Vec<Made>, gone: &mut Vec<Made>) {
    let statement = act.statement;
    if statement.nesting == Nesting::Routine {
        return;
    }
    let it = |table: &TableRef| Made { at: statement.at, direction: act.direction, table: table.clone() };
    if let StatementKind::CreateTable(table) = &statement.kind {
        made.push(it(&table.table));
    } else if let StatementKind::CreateRelation(name) = &statement.kind {
        made.push(it(name));
    } else if let StatementKind::DropTable(names) = &statement.kind {
        gone.extend(names.iter().map(it));
    } else if let StatementKind::AlterTable { table, actions } = &statement.kind {
        let renamed = actions.iter().filter_map(|action| match action {
            TableAction::Rename(name) => Some(TableRef { schema: table.schema.clone(), name: name.clone() }),
            TableAction::SetSchema(schema) => {
                Some(TableRef { schema: Some(schema.clone()), name: table.name.clone() })
            }
            TableAction::Add(_)
            | TableAction::DropConstraint(_)
            | TableAction::RenameConstraint(..)
            | TableAction::DropColumn(_)
            | TableAction::RenameColumn(..)
            | TableAction::NamesFollow(_)
            | TableAction::Attach(_)
            | TableAction::Detach(_) => None,
        });
        let is_new = made.iter().any(|known| known.direction == act.direction && same(&known.table, table));
        if is_new {
            let renamed: Vec<Made> = renamed.map(|name| it(&name)).collect();
            made.extend(renamed);
        }
    }
}

fn known_tables(acts: &[Act<'_>]) -> Vec<KnownTable> {
    let up = acts.iter().filter(|it| it.direction == Direction::Up).map(|it| &it.statement.kind);
    up.filter_map(|kind| {
        if let StatementKind::CreateTable(made) = kind {
            let nature = match made.traits {
                it if it.partitioned => Nature::Partitioned,
                it if it.temporary => Nature::Temporary,
                _ => Nature::Plain,
            };
            Some(KnownTable { table: made.table.clone(), nature })
        } else {
            None
        }
    })
    .collect()
}
