//! The answer as data: printed as JSON, and the source of tables and Markdown.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Domains;
use super::live::LiveAnswer;
use crate::audit::Place;
use crate::audit::host::Language;
use crate::audit::inventory::{Entry, FateKind, Inventory, Naming, Origin, Relation, Spot, TableKind};
use crate::audit::layout::Tool;
use crate::audit::reconcile::Reconciled;
use crate::audit::statement::{ConstraintKind, Nesting};
use crate::cli::enrolment::Enrolled;
use crate::cli::folder::{File, Folder};

/// Everything that was found. Fields are only ever added within a version.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) version: u32,
    pub(super) kind: &'static str,
    pub(super) totals: Totals,
    pub(super) files: Vec<FileAnswer>,
    pub(super) indexes: Vec<IndexAnswer>,
    /// Indexes that constraints make.
    pub(super) constraints: Vec<IndexAnswer>,
    /// Indexes that no word asks for: a framework makes them by itself, as Django does for foreign keys.
    pub(super) implied: Vec<IndexAnswer>,
    pub(super) tables: Vec<TableAnswer>,
    /// Names that several indexes have at the end, each in a schema of its own.
    pub(super) same_names: BTreeMap<String, Vec<String>>,
    /// What could not be read, with its place.
    pub(super) unread: Vec<UnreadAnswer>,
    /// Where migrations, registry and database agree and where they do not; absent when there is only one of them.
    pub(super) reconciled: Option<Reconciled>,
    #[serde(skip)]
    pub(super) with_registry: bool,
    /// The database for itself.
    pub(super) live: Option<LiveAnswer>,
    /// What `--write-registry` did.
    pub(super) written: Option<Enrolled>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Totals {
    pub(super) files: usize,
    pub(super) statements: usize,
    /// CREATE INDEX statements.
    pub(super) indexes: usize,
    pub(super) functional: usize,
    pub(super) performance: usize,
    pub(super) unique: usize,
    pub(super) partial: usize,
    pub(super) concurrent: usize,
    pub(super) unnamed: usize,
    pub(super) too_long: usize,
    /// There at the end of the series.
    pub(super) standing: usize,
    pub(super) dropped: usize,
    pub(super) duplicates: usize,
    pub(super) covered: usize,
    /// Indexes of constraints, not counted above.
    pub(super) constraints: usize,
    /// Indexes that frameworks make by themselves, not counted above.
    pub(super) implied: usize,
    pub(super) unread: usize,
    /// Indexes that models and pictures of the schema describe, not counted above.
    pub(super) described: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct FileAnswer {
    pub(super) path: String,
    pub(super) layout: Tool,
    /// What it is written in.
    pub(super) language: &'static str,
    pub(super) bytes: usize,
    pub(super) statements: usize,
    /// Statements of parts that undo; they are not counted.
    pub(super) undoing: usize,
    /// Indexes that a model or `schema.rb` describes beside the migrations that make them; they are not counted.
    pub(super) described: usize,
    /// The tool runs it outside of a transaction because the file or its settings say so.
    pub(super) outside_transaction: bool,
    pub(super) placeholders: usize,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a keyword of the statement, as JSON")]
pub(super) struct IndexAnswer {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) schema: String,
    /// As the server has it.
    pub(super) name: String,
    /// `written`, `invented` by the server, or `cut` to 63 bytes.
    pub(super) naming: &'static str,
    /// As written, when the server cuts it.
    pub(super) written_name: Option<String>,
    pub(super) table_schema: String,
    pub(super) table: String,
    /// `plain`, `partitioned`, `partition` or `temporary`.
    pub(super) table_kind: &'static str,
    pub(super) only: bool,
    pub(super) method: String,
    pub(super) keys: Vec<String>,
    pub(super) include: Vec<String>,
    pub(super) predicate: Option<String>,
    pub(super) unique: bool,
    pub(super) partial: bool,
    pub(super) concurrently: bool,
    pub(super) if_not_exists: bool,
    pub(super) nulls_not_distinct: bool,
    /// `functional` or `performance`.
    pub(super) class: &'static str,
    pub(super) reason: &'static str,
    pub(super) domain: Option<String>,
    /// `direct`, `block`, `dynamic` or `routine`.
    pub(super) found_in: &'static str,
    /// What becomes of it, in order.
    pub(super) later: Vec<LaterAnswer>,
    /// Its name at the end, with its schema; absent when it is gone.
    pub(super) standing_as: Option<String>,
    pub(super) duplicates: Vec<String>,
    pub(super) covered_by: Vec<String>,
    pub(super) problems: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct LaterAnswer {
    pub(super) what: String,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct TableAnswer {
    pub(super) table: String,
    pub(super) domain: Option<String>,
    pub(super) indexes: usize,
    pub(super) functional: usize,
    pub(super) performance: usize,
    pub(super) standing: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct UnreadAnswer {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) why: String,
    /// Something is wrong with the file; else it is only out of reach.
    pub(super) broken: bool,
}

/// What stands beside the files.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) reconciled: Option<Reconciled>,
    pub(super) with_registry: bool,
    pub(super) live: Option<LiveAnswer>,
    pub(super) written: Option<Enrolled>,
}

impl Answer {
    pub(super) fn of(folder: &Folder, inventory: &Inventory, domains: &Domains, beside: Beside) -> Self {
        let shown = |entry: &Entry| index(entry, folder, inventory, domains);
        let (statements, others): (Vec<&Entry>, Vec<&Entry>) =
            inventory.entries.iter().partition(|entry| entry.is_statement());
        let (implied, others): (Vec<&Entry>, Vec<&Entry>) =
            others.into_iter().partition(|entry| entry.origin == Origin::Implied);
        let indexes: Vec<IndexAnswer> = statements.iter().map(|it| shown(it)).collect();
        let unread = unread(folder);
        let mut answer = Self {
            version: 1,
            kind: "audit",
            totals: Totals::default(),
            files: folder.files.iter().map(file).collect(),
            constraints: others.iter().map(|it| shown(it)).collect(),
            implied: implied.iter().map(|it| shown(it)).collect(),
            tables: tables(&indexes),
            indexes,
            same_names: inventory
                .same_names
                .iter()
                .map(|(name, positions)| {
                    (name.clone(), positions.iter().map(|it| standing_as(&inventory.entries[*it])).collect())
                })
                .collect(),
            unread,
            reconciled: beside.reconciled,
            with_registry: beside.with_registry,
            live: beside.live,
            written: beside.written,
        };
        answer.totals = totals(&answer);
        answer
    }

    /// Whether something could not be read, or the registry says something else.
    pub(super) fn has_findings(&self) -> bool {
        self.unread.iter().any(|it| it.broken)
            || self.reconciled.as_ref().is_some_and(|it| !it.agrees())
            || self.live.as_ref().is_some_and(|it| it.totals.not_valid > 0)
            || self.written.as_ref().is_some_and(Enrolled::has_findings)
    }
}

fn totals(answer: &Answer) -> Totals {
    let count = |wanted: fn(&IndexAnswer) -> bool| answer.indexes.iter().filter(|it| wanted(it)).count();
    Totals {
        files: answer.files.len(),
        statements: answer.files.iter().map(|it| it.statements).sum(),
        indexes: answer.indexes.len(),
        functional: count(|it| it.class == "functional"),
        performance: count(|it| it.class == "performance"),
        unique: count(|it| it.unique),
        partial: count(|it| it.partial),
        concurrent: count(|it| it.concurrently),
        unnamed: count(|it| it.naming == "invented"),
        too_long: count(|it| it.naming == "cut"),
        standing: count(|it| it.standing_as.is_some()),
        dropped: count(|it| it.later.iter().any(|later| later.what.starts_with("dropped"))),
        duplicates: count(|it| !it.duplicates.is_empty()),
        covered: count(|it| !it.covered_by.is_empty()),
        constraints: answer.constraints.len(),
        implied: answer.implied.len(),
        unread: answer.unread.len(),
        described: answer.files.iter().map(|it| it.described).sum(),
    }
}

fn file(file: &File) -> FileAnswer {
    FileAnswer {
        path: file.path.clone(),
        layout: file.tool,
        language: file.language.map_or("SQL", Language::name),
        bytes: file.bytes,
        statements: file.statements().0,
        undoing: file.statements().1,
        described: file.document.described,
        outside_transaction: file.outside,
        placeholders: file.document.placeholders,
    }
}

pub(super) fn unread(folder: &Folder) -> Vec<UnreadAnswer> {
    let whole = |(file, why): &(String, String), broken| UnreadAnswer {
        file: file.clone(),
        line: 1,
        column: 1,
        why: format!("not read: {why}"),
        broken,
    };
    let unreadable = folder.unreadable.iter().map(|it| whole(it, true));
    let aside = folder.aside.iter().map(|it| whole(it, false));
    let parts = folder.files.iter().flat_map(|file| {
        file.document.unread.iter().map(|it| UnreadAnswer {
            file: file.path.clone(),
            line: it.place.line,
            column: it.place.column,
            why: it.why.to_string(),
            broken: it.why.is_broken(),
        })
    });
    unreadable.chain(aside).chain(parts).collect()
}

fn qualified(relation: &Relation) -> String {
    format!("{}.{}", relation.schema, relation.name)
}

fn standing_as(entry: &Entry) -> String {
    qualified(entry.alive.as_ref().map_or(&entry.index, |standing| &standing.index))
}

fn index(entry: &Entry, folder: &Folder, inventory: &Inventory, domains: &Domains) -> IndexAnswer {
    let path = |spot: Spot| folder.files.get(spot.file).map_or_else(String::new, |it| it.path.clone());
    let Place { line, column } = entry.spot.place;
    let (class, reason) = entry.class().words();
    let others = |positions: &[usize]| {
        positions.iter().map(|it| standing_as(&inventory.entries[*it])).collect::<Vec<_>>()
    };
    let (naming, written_name) = match &entry.naming {
        Naming::Written => ("written", None),
        Naming::Cut(written) => ("cut", Some(written.clone())),
        Naming::Invented => ("invented", None),
    };
    let shape = &entry.shape;
    IndexAnswer {
        file: path(entry.spot),
        line,
        column,
        schema: entry.index.schema.clone(),
        name: entry.index.name.clone(),
        naming,
        written_name,
        table_schema: entry.table.schema.clone(),
        table: entry.table.name.clone(),
        table_kind: match entry.table_kind {
            TableKind::Plain => "plain",
            TableKind::Partitioned => "partitioned",
            TableKind::Partition => "partition",
            TableKind::Temporary => "temporary",
        },
        only: shape.only,
        method: shape.method.clone(),
        keys: shape.keys.iter().map(crate::sql::IndexKey::render).collect(),
        include: shape.include.clone(),
        predicate: shape.predicate.clone(),
        unique: shape.unique,
        partial: shape.is_partial(),
        concurrently: shape.concurrently,
        if_not_exists: shape.if_not_exists,
        nulls_not_distinct: shape.nulls_not_distinct,
        class,
        reason,
        domain: domains.of(&entry.table.schema, &entry.table.name).map(str::to_owned),
        found_in: match entry.nesting {
            Nesting::Direct => "direct",
            Nesting::Block => "block",
            Nesting::Dynamic => "dynamic",
            Nesting::Routine => "routine",
        },
        later: entry
            .fates
            .iter()
            .map(|fate| LaterAnswer {
                what: what(&fate.what),
                file: path(fate.spot),
                line: fate.spot.place.line,
                column: fate.spot.place.column,
            })
            .collect(),
        standing_as: entry.alive.as_ref().map(|standing| qualified(&standing.index)),
        duplicates: others(&entry.duplicates),
        covered_by: others(&entry.covered_by),
        problems: entry.problems.clone(),
    }
}

fn what(kind: &FateKind) -> String {
    match kind {
        FateKind::Dropped => "dropped".to_owned(),
        FateKind::WentWith(what) => format!("dropped with {what}"),
        FateKind::Renamed(to) => format!("renamed to {to}"),
        FateKind::TableRenamed(to) => format!("its table became {to}"),
        FateKind::Recreated => "created again".to_owned(),
        FateKind::BecameConstraint(kind) => format!("made the index of a {}", constraint(*kind)),
        FateKind::Skipped => "not created: the name is taken, and IF NOT EXISTS says so".to_owned(),
        FateKind::Refused => "refused by the server: the name is taken".to_owned(),
        FateKind::Attached(parent) => format!("attached to {parent}"),
    }
}

fn constraint(kind: ConstraintKind) -> &'static str {
    match kind {
        ConstraintKind::PrimaryKey => "PRIMARY KEY",
        ConstraintKind::Unique => "UNIQUE constraint",
        ConstraintKind::Exclude => "EXCLUDE constraint",
    }
}

fn tables(indexes: &[IndexAnswer]) -> Vec<TableAnswer> {
    let mut found: BTreeMap<String, TableAnswer> = BTreeMap::new();
    for index in indexes {
        let table = format!("{}.{}", index.table_schema, index.table);
        let row = found.entry(table.clone()).or_insert_with(|| TableAnswer {
            table,
            domain: index.domain.clone(),
            indexes: 0,
            functional: 0,
            performance: 0,
            standing: 0,
        });
        row.indexes += 1;
        row.functional += usize::from(index.class == "functional");
        row.performance += usize::from(index.class == "performance");
        row.standing += usize::from(index.standing_as.is_some());
    }
    found.into_values().collect()
}

impl IndexAnswer {
    /// What is remarkable about it, in words.
    pub(super) fn notes(&self) -> String {
        let mut notes: Vec<String> = Vec::new();
        if self.naming == "invented" {
            notes.push("unnamed: the server gives this name".to_owned());
        }
        if let Some(written) = &self.written_name {
            notes.push(format!("written as {written}, {} bytes: the server cuts it", written.len()));
        }
        match self.found_in {
            "block" => notes.push("in a DO block or an executed string".to_owned()),
            "dynamic" => notes.push("put together at run time".to_owned()),
            "routine" => notes.push("in a routine: made when it is called".to_owned()),
            _ => {}
        }
        if self.table_kind != "plain" {
            notes.push(format!("{} table{}", self.table_kind, if self.only { ", ON ONLY" } else { "" }));
        }
        notes.extend(self.later.iter().map(|it| format!("{} ({}:{})", it.what, it.file, it.line)));
        if !self.duplicates.is_empty() {
            notes.push(format!("the same as {}", self.duplicates.join(", ")));
        }
        if !self.covered_by.is_empty() {
            notes.push(format!("covered by {}", self.covered_by.join(", ")));
        }
        notes.extend(self.problems.iter().cloned());
        notes.join("; ")
    }

    /// Method, keys and options on one line.
    pub(super) fn definition(&self) -> String {
        let mut text = format!("{} ({})", self.method, self.keys.join(", "));
        if !self.include.is_empty() {
            text = format!("{text} INCLUDE ({})", self.include.join(", "));
        }
        if self.nulls_not_distinct {
            text.push_str(" NULLS NOT DISTINCT");
        }
        if let Some(predicate) = &self.predicate {
            text = format!("{text} WHERE {predicate}");
        }
        text
    }

    /// UNIQUE and CONCURRENTLY.
    pub(super) fn traits(&self) -> String {
        let all = [("unique", self.unique), ("partial", self.partial), ("concurrently", self.concurrently)];
        all.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect::<Vec<_>>().join(" ")
    }
}
