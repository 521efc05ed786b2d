//! What the server says, asked by a plain session and read from its own log: never the engine.

use std::collections::BTreeMap;

use cicerone::rehearsal::cluster::Cluster;
use tokio_postgres::Client;

use crate::support::cluster::Database;

/// One index as `pg_index` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) oid: u32,
    pub(crate) valid: bool,
    pub(crate) ready: bool,
    pub(crate) live: bool,
}

impl Found {
    pub(crate) fn usable(&self) -> bool {
        self.valid && self.ready && self.live
    }
}

/// Every index outside the system's schemas, by name.
pub(crate) async fn indexes(session: &Client) -> BTreeMap<String, Found> {
    let sql = "SELECT c.relname::text, i.indexrelid::oid, i.indisvalid, i.indisready, i.indislive \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname !~ '^(pg_|information_schema)'";
    let rows = session.query(sql, &[]).await.unwrap();
    rows.iter()
        .map(|row| {
            let found = Found { oid: row.get(1), valid: row.get(2), ready: row.get(3), live: row.get(4) };
            (row.get(0), found)
        })
        .collect()
}

/// The index, which is there and usable.
pub(crate) async fn usable(session: &Client, index: &str) -> Found {
    let found = indexes(session).await.remove(index).unwrap_or_else(|| panic!("no index {index}"));
    assert!(found.usable(), "{index}: {found:?}");
    found
}

/// The server's log, as far as it is about one database.
pub(crate) struct Log {
    lines: Vec<Line>,
}

struct Line {
    at: String,
    pid: i32,
    text: String,
}

/// A statement of the log, with the time when the server said that it was over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) pid: i32,
    pub(crate) text: String,
    pub(crate) began: String,
    pub(crate) ended: Option<String>,
    /// What the server said instead of how long it took.
    pub(crate) error: Option<String>,
}

impl Log {
    pub(crate) fn of(database: &Database) -> Self {
        Self::read(database.cluster, &database.name)
    }

    /// `log_line_prefix` is `%m [%p] db=%d %a `: times of one length, which sort as text.
    pub(crate) fn read(cluster: &Cluster, database: &str) -> Self {
        let text = String::from_utf8_lossy(&std::fs::read(cluster.log_path()).unwrap()).into_owned();
        let ours = format!("db={database} ");
        let lines = text.lines().filter_map(|line| {
            let (at, rest) = line.split_once(" UTC [")?;
            let (pid, rest) = rest.split_once("] ")?;
            let text = rest.strip_prefix(&ours)?.to_owned();
            Some(Line { at: at.to_owned(), pid: pid.parse().ok()?, text })
        });
        Self { lines: lines.collect() }
    }

    /// Statements that contain `word`, each with its end.
    pub(crate) fn statements(&self, word: &str) -> Vec<Statement> {
        let mut found = Vec::new();
        for (place, line) in self.lines.iter().enumerate() {
            let Some((_, text)) = line.text.split_once("LOG:  ") else { continue };
            let is_statement = text.starts_with("execute ") || text.starts_with("statement: ");
            if !is_statement || !text.contains(word) {
                continue;
            }
            let over = self.lines[place + 1..].iter().find(|later| {
                later.pid == line.pid
                    && ["LOG:  duration: ", "ERROR:  ", "FATAL:  "]
                        .iter()
                        .any(|mark| later.text.contains(mark))
            });
            found.push(Statement {
                pid: line.pid,
                text: text.to_owned(),
                began: line.at.clone(),
                ended: over.map(|line| line.at.clone()),
                error: over.map(|line| line.text.clone()).filter(|text| !text.contains("LOG:  duration: ")),
            });
        }
        found
    }

    /// `CREATE INDEX` statements of our own engine.
    pub(crate) fn creates(&self) -> Vec<Statement> {
        let mut all = self.statements("INDEX CONCURRENTLY");
        all.retain(|it| it.text.contains("CREATE ") && it.text.contains("/* cicerone run="));
        all
    }

    /// How often our engine sent a CREATE for this index.
    pub(crate) fn creates_of(&self, index: &str) -> usize {
        let forms =
            [format!("INDEX CONCURRENTLY {index} ON "), format!("INDEX CONCURRENTLY \"{index}\" ON ")];
        self.creates().iter().filter(|it| forms.iter().any(|form| it.text.contains(form))).count()
    }

    /// Drops that our engine sent.
    pub(crate) fn drops(&self) -> Vec<Statement> {
        let mut all = self.statements("DROP INDEX CONCURRENTLY");
        all.retain(|it| it.text.contains("/* cicerone run="));
        all
    }

    pub(crate) fn deadlocks(&self) -> usize {
        self.lines.iter().filter(|line| line.text.contains("deadlock detected")).count()
    }
}

/// Pairs of statements that ran on one table at the same time, by the server's own clock.
pub(crate) fn overlapping(statements: &[Statement]) -> Vec<(String, String)> {
    let table = |it: &Statement| {
        let (_, rest) = it.text.split_once(" ON ").unwrap();
        rest.split_once(" USING").map_or(rest, |(table, _)| table).to_owned()
    };
    let mut found = Vec::new();
    for (place, a) in statements.iter().enumerate() {
        for b in &statements[place + 1..] {
            let a_first = a.ended.as_ref().is_some_and(|end| *end <= b.began);
            let b_first = b.ended.as_ref().is_some_and(|end| *end <= a.began);
            if table(a) == table(b) && !a_first && !b_first {
                found.push((a.text.clone(), b.text.clone()));
            }
        }
    }
    found
}
