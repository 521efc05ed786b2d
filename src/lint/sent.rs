//! How a statement reaches the server: in a transaction, together with others, or by itself; and the timeouts that hold.

use std::collections::BTreeMap;

use crate::audit::Place;
use crate::audit::document::{Direction, Document, Part, PartKind};
use crate::audit::host::{Framework, Language, Transaction, Use};
use crate::audit::layout::Tool;
use crate::audit::statement::{Nesting, Scope, Statement, StatementKind};

/// How a statement reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// By itself and outside of a transaction: the file or its tool says so.
    Alone,
    /// Nothing says: by itself, if the file is run as psql runs it.
    Unsaid,
    /// In a transaction.
    Inside(Wrapper),
    /// In one query with others, so many in all: the server makes them one transaction.
    Together(usize),
}

/// What opens the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapper {
    /// BEGIN at this place.
    Begin(Place),
    /// The tool or the framework; its name.
    Tool(&'static str),
    /// Flyway refuses statements of both kinds in one migration.
    FlywayMixed,
    /// A DO block.
    Block,
    /// A function or procedure.
    Routine,
}

/// A timeout that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout {
    /// Its name.
    pub name: &'static str,
    /// Its length in milliseconds, above 0.
    pub millis: u64,
    /// Where it was set.
    pub place: Place,
    /// Byte where it was set.
    pub at: usize,
}

/// Timeouts that end a statement that waits or builds.
const TIMEOUTS: [&str; 3] = ["lock_timeout", "statement_timeout", "transaction_timeout"];

/// Whether other files of the folder say that it is sqlx that runs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    /// One of them is marked as only sqlx marks it.
    Sqlx,
    /// Nothing says.
    Unsaid,
}

/// A file as far as it decides how its statements are sent.
#[derive(Clone, Copy)]
pub(super) struct Home<'a> {
    pub(super) text: &'a str,
    pub(super) language: Option<Language>,
    pub(super) document: &'a Document,
    pub(super) runner: Runner,
}

/// For each of `statements`, which are those of one direction in the order of the file, how it is sent and what holds.
pub(super) fn follow<'a>(
    home: Home<'a>,
    statements: impl Iterator<Item = &'a Statement>,
) -> Vec<(Sent, Vec<Timeout>)> {
    let mut sessions: BTreeMap<Stream, Session> = BTreeMap::new();
    let mut out = Vec::new();
    for statement in statements {
        let part = home.document.part(statement);
        let session = sessions.entry(Stream::of(statement, part)).or_default();
        let around = part.map_or(Around::Unsaid, |part| around(home, part, statement));
        out.push((session.sent(statement, around), session.holding()));
        session.step(statement, around);
    }
    out
}

/// Texts of one stream are run one after the other in one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stream {
    /// A half of a file of SQL, or a string that nobody is seen to run: by its part.
    Part(usize),
    /// What a program is seen to run.
    Program,
}

impl Stream {
    fn of(statement: &Statement, part: Option<&Part>) -> Self {
        match part.map(|part| &part.kind) {
            Some(PartKind::Declared(_) | PartKind::Text(Use::Executed(_))) => Self::Program,
            Some(PartKind::File(_) | PartKind::Text(_)) | None => Self::Part(statement.part),
        }
    }
}

/// How a text is handed over, before its own BEGIN and COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    Unsaid,
    Alone,
    Inside(Wrapper),
    Together(usize),
}

fn around(home: Home<'_>, part: &Part, statement: &Statement) -> Around {
    let outside = matches!(part.transaction, Transaction::Outside(_));
    let unread = home.document.unread.iter().filter(|it| part.range.contains(&it.at)).count();
    let count = part.statements + unread;
    let together = || if count > 1 { Around::Together(count) } else { Around::Alone };
    match &part.kind {
        PartKind::File(tool) => match tool {
            Tool::Diesel | Tool::UpDown if outside => together(),
            Tool::Diesel => Around::Inside(Wrapper::Tool("Diesel")),
            Tool::Dbmate if dbmate_outside(home.text, part.direction) => together(),
            Tool::Dbmate => Around::Inside(Wrapper::Tool("dbmate")),
            Tool::Goose | Tool::Flyway if outside => Around::Alone,
            Tool::Goose => Around::Inside(Wrapper::Tool("goose")),
            Tool::Prisma => together(),
            Tool::Flyway => flyway(home, part, statement),
            Tool::UpDown if home.runner == Runner::Sqlx => Around::Inside(Wrapper::Tool("sqlx")),
            // sqlx opens a transaction, golang-migrate sends the file as one query.
            Tool::UpDown if count > 1 => Around::Together(count),
            Tool::Plain if is_marked_for_sqlx(home.text) => together(),
            Tool::Plain if home.runner == Runner::Sqlx => Around::Inside(Wrapper::Tool("sqlx")),
            Tool::UpDown | Tool::Plain | Tool::Program => Around::Unsaid,
        },
        PartKind::Declared(framework) => match part.transaction {
            Transaction::Outside(_) => Around::Alone,
            Transaction::Inside => Around::Inside(Wrapper::Tool(framework_name(*framework))),
            Transaction::Unsaid => Around::Unsaid,
        },
        PartKind::Text(Use::Executed(_)) if count > 1 => Around::Together(count),
        PartKind::Text(Use::Executed(_)) => match part.transaction {
            Transaction::Outside(_) => Around::Alone,
            Transaction::Inside => Around::Inside(Wrapper::Tool(host_name(home.language))),
            Transaction::Unsaid => Around::Unsaid,
        },
        PartKind::Text(_) => Around::Unsaid,
    }
}

/// `-- no-transaction` as sqlx reads it: the very beginning of the file.
pub(super) fn is_marked_for_sqlx(text: &str) -> bool {
    text.starts_with("-- no-transaction")
}

/// Each half of a file of dbmate says it for itself.
fn dbmate_outside(text: &str, direction: Direction) -> bool {
    let mark = match direction {
        Direction::Up => "-- migrate:up",
        Direction::Down => "-- migrate:down",
    };
    text.lines().map(str::trim).any(|line| {
        line.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))
            && line.contains("transaction:false")
    })
}

/// Flyway leaves the transaction out by itself for a migration that holds nothing but statements which need that; it knows
/// CREATE and DROP INDEX CONCURRENTLY, and does not know REINDEX.
fn flyway(home: Home<'_>, part: &Part, statement: &Statement) -> Around {
    let document = home.document;
    let all = match part.direction {
        Direction::Up => &document.statements,
        Direction::Down => &document.undoing,
    };
    let mut own = all.iter().filter(|it| it.part == statement.part && it.nesting == Nesting::Direct);
    let known = |it: &&Statement| {
        matches!(&it.kind, StatementKind::DropIndex { concurrently: true, .. })
            || matches!(&it.kind, StatementKind::CreateIndex(index) if index.shape.concurrently)
    };
    if own.clone().all(|it| known(&it)) {
        Around::Alone
    } else if own.any(|it| known(&it)) {
        Around::Inside(Wrapper::FlywayMixed)
    } else {
        Around::Inside(Wrapper::Tool("Flyway"))
    }
}

fn framework_name(framework: Framework) -> &'static str {
    match framework {
        Framework::Alembic | Framework::SqlAlchemy => "Alembic",
        Framework::Django => "Django",
        Framework::Rails => "Rails",
        Framework::Knex => "knex",
        Framework::TypeOrm => "TypeORM",
        Framework::Sequelize => "Sequelize",
        Framework::PgMigrate => "node-pg-migrate",
        Framework::Kysely => "Kysely",
        Framework::DbMigrate => "db-migrate",
        Framework::List => "the program",
    }
}

/// Whose transaction it is around a string of a program.
fn host_name(language: Option<Language>) -> &'static str {
    match language {
        Some(Language::Ruby) => "Rails",
        Some(
            Language::Python
            | Language::JavaScript
            | Language::TypeScript
            | Language::Tsx
            | Language::Go
            | Language::Java,
        )
        | None => "the migration framework",
    }
}

/// What one session is in.
#[derive(Debug, Clone, Default)]
struct Session {
    begun: Option<Place>,
    /// The transaction that the tool opened was ended.
    ended: bool,
    held: BTreeMap<&'static str, Held>,
    /// The innermost body around what comes next: its end and what it is.
    bodies: Vec<(usize, Wrapper)>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    timeout: Timeout,
    scope: Scope,
    /// Set inside of the transaction that is open.
    inside: bool,
}

impl Session {
    fn sent(&mut self, statement: &Statement, around: Around) -> Sent {
        self.bodies.retain(|(end, _)| statement.end <= *end);
        if let Some((_, wrapper)) = self.bodies.last() {
            return Sent::Inside(*wrapper);
        }
        match (around, self.begun) {
            (Around::Together(count), _) => Sent::Together(count),
            (_, Some(place)) => Sent::Inside(Wrapper::Begin(place)),
            (Around::Inside(wrapper), None) if !self.ended => Sent::Inside(wrapper),
            (Around::Alone, None) => Sent::Alone,
            (Around::Unsaid | Around::Inside(_), None) => Sent::Unsaid,
        }
    }

    fn holding(&self) -> Vec<Timeout> {
        self.held.values().map(|it| it.timeout).collect()
    }

    fn in_transaction(&self, around: Around) -> bool {
        let tool = matches!(around, Around::Inside(_)) && !self.ended;
        tool || self.begun.is_some() || matches!(around, Around::Together(_))
    }

    fn step(&mut self, statement: &Statement, around: Around) {
        if !self.bodies.is_empty() {
            return;
        }
        match &statement.kind {
            StatementKind::Do => self.bodies.push((statement.end, Wrapper::Block)),
            StatementKind::Routine(_) => self.bodies.push((statement.end, Wrapper::Routine)),
            StatementKind::Begin => self.begun = Some(statement.place),
            StatementKind::Commit => {
                self.end();
                self.held.retain(|_, it| it.scope == Scope::Session);
                self.held.values_mut().for_each(|it| it.inside = false);
            }
            StatementKind::Rollback => {
                self.end();
                self.held.retain(|_, it| !it.inside);
            }
            StatementKind::Set(setting) if setting.name == "all" => self.held.clear(),
            StatementKind::Other(words) if words.starts_with("DISCARD ALL") => self.held.clear(),
            StatementKind::Set(setting) => {
                let inside = self.in_transaction(around);
                let Some(name) = TIMEOUTS.into_iter().find(|it| *it == setting.name) else { return };
                if setting.scope == Scope::Local && !inside {
                    return;
                }
                // A value that is not known may be anything.
                match setting.value.as_deref().and_then(millis) {
                    Some(millis) if millis > 0 => {
                        let timeout = Timeout { name, millis, place: statement.place, at: statement.at };
                        self.held.insert(name, Held { timeout, scope: setting.scope, inside });
                    }
                    Some(_) | None => {
                        self.held.remove(name);
                    }
                }
            }
            StatementKind::CreateIndex(_)
            | StatementKind::DropIndex { .. }
            | StatementKind::RenameIndex { .. }
            | StatementKind::AttachIndex(_)
            | StatementKind::CreateTable(_)
            | StatementKind::CreateRelation(_)
            | StatementKind::AlterTable { .. }
            | StatementKind::DropTable(_)
            | StatementKind::DropSchema(_)
            | StatementKind::RenameSchema { .. }
            | StatementKind::SearchPath { .. }
            | StatementKind::Reindex { .. }
            | StatementKind::Analyze(_)
            | StatementKind::Dml(_)
            | StatementKind::Call(_)
            | StatementKind::Other(_) => {}
        }
    }

    fn end(&mut self) {
        self.begun = None;
        self.ended = true;
    }
}

/// A length of time as the server reads it: milliseconds, or a number with a unit.
fn millis(value: &str) -> Option<u64> {
    let value = value.trim();
    let digits = value.find(|it: char| !(it.is_ascii_digit() || it == '.')).unwrap_or(value.len());
    let number: f64 = value[..digits].parse().ok()?;
    let factor = match value[digits..].trim() {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    Some((number * factor).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_the_server_reads_them() {
        for (text, wanted) in [
            ("2s", Some(2_000)),
            ("500", Some(500)),
            ("1.5 min", Some(90_000)),
            ("0", Some(0)),
            ("24h", Some(86_400_000)),
            ("1d", Some(86_400_000)),
            ("100us", Some(0)),
            ("soon", None),
            ("2 S", None),
            ("", None),
        ] {
            assert_eq!(millis(text), wanted, "{text}");
        }
    }
}
