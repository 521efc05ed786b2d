//! The answer as data: printed as JSON, and the source of tables and Markdown.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::Domains;
use super::live::LiveAnswer;
use crate::audit::Place;
use crate::audit::host::Language;
use crate::audit::inventory::{
    Class, Entry, Fate, FateKind, Inventory, Naming, Origin, Relation, Spot, TableKind,
};
use crate::audit::layout::Tool;
use crate::audit::reconcile::Reconciled;
use crate::audit::statement::{ConstraintKind, Nesting};
use crate::cli::enrolment::Enrolled;
use crate::cli::folder::{File, Folder};

/// Everything that was found. Fields are only ever added within a version.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    pub(super) version: u32,
    pub(super) kind: &'static str,
    pub(super) totals: Totals,
    pub(super) files: Vec<FileAnswer<'a>>,
    pub(super) indexes: Listed<'a>,
    /// Indexes that constraints make.
    pub(super) constraints: Listed<'a>,
    /// Indexes that no word asks for: a framework makes them by itself, as Django does for foreign keys.
    pub(super) implied: Listed<'a>,
    pub(super) tables: Vec<TableAnswer<'a>>,
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

/// What the answer is made of.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) folder: &'a Folder,
    pub(super) inventory: &'a Inventory,
    pub(super) domains: &'a Domains,
}

/// Indexes that are put into words one at a time: those of a dump are larger than the dump.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a> {
    found: Found<'a>,
    belongs: fn(&Entry) -> bool,
}

impl<'a> Listed<'a> {
    pub(super) fn iter(&self) -> impl Iterator<Item = IndexAnswer<'a>> + use<'a> {
        let found = self.found;
        self.entries().map(move |entry| index(entry, &found))
    }

    fn entries(&self) -> impl Iterator<Item = &'a Entry> + use<'a> {
        let belongs = self.belongs;
        self.found.inventory.entries.iter().filter(move |entry| belongs(entry))
    }
}

impl Serialize for Listed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
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
pub(super) struct FileAnswer<'a> {
    pub(super) path: &'a str,
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
pub(super) struct IndexAnswer<'a> {
    pub(super) file: &'a str,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) schema: &'a str,
    /// As the server has it.
    pub(super) name: &'a str,
    /// `written`, `invented` by the server, or `cut` to 63 bytes.
    pub(super) naming: &'static str,
    /// As written, when the server cuts it.
    pub(super) written_name: Option<&'a str>,
    pub(super) table_schema: &'a str,
    pub(super) table: &'a str,
    /// `plain`, `partitioned`, `partition` or `temporary`.
    pub(super) table_kind: &'static str,
    pub(super) only: bool,
    pub(super) method: &'a str,
    pub(super) keys: Vec<String>,
    pub(super) include: &'a [String],
    pub(super) predicate: Option<&'a str>,
    pub(super) unique: bool,
    pub(super) partial: bool,
    pub(super) concurrently: bool,
    pub(super) if_not_exists: bool,
    pub(super) nulls_not_distinct: bool,
    /// `functional` or `performance`.
    pub(super) class: &'static str,
    pub(super) reason: &'static str,
    pub(super) domain: Option<&'a str>,
    /// `direct`, `block`, `dynamic` or `routine`.
    pub(super) found_in: &'static str,
    /// What becomes of it, in order.
    pub(super) later: Vec<LaterAnswer<'a>>,
    /// Its name at the end, with its schema; absent when it is gone.
    pub(super) standing_as: Option<String>,
    pub(super) duplicates: Vec<String>,
    pub(super) covered_by: Vec<String>,
    pub(super) problems: &'a [String],
}

#[derive(Debug, Serialize)]
pub(super) struct LaterAnswer<'a> {
    pub(super) what: String,
    pub(super) file: &'a str,
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct TableAnswer<'a> {
    pub(super) table: String,
    pub(super) domain: Option<&'a str>,
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

impl<'a> Answer<'a> {
    pub(super) fn of(found: Found<'a>, beside: Beside) -> Self {
        let Found { folder, inventory, .. } = found;
        let listed = |belongs| Listed { found, belongs };
        let indexes = listed(Entry::is_statement);
        let names =
            |positions: &[usize]| positions.iter().map(|it| standing_as(&inventory.entries[*it])).collect();
        let mut answer = Self {
            version: 1,
            kind: "audit",
            totals: Totals::default(),
            files: folder.files.iter().map(file).collect(),
            indexes,
            constraints: listed(|it| !it.is_statement() && it.origin != Origin::Implied),
            implied: listed(|it| it.origin == Origin::Implied),
            tables: tables(&indexes),
            same_names: inventory.same_names.iter().map(|(name, all)| (name.clone(), names(all))).collect(),
            unread: unread(folder),
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

fn totals(answer: &Answer<'_>) -> Totals {
    let mut totals = Totals {
        files: answer.files.len(),
        statements: answer.files.iter().map(|it| it.statements).sum(),
        constraints: answer.constraints.entries().count(),
        implied: answer.implied.entries().count(),
        unread: answer.unread.len(),
        described: answer.files.iter().map(|it| it.described).sum(),
        ..Totals::default()
    };
    for entry in answer.indexes.entries() {
        let gone = |fate: &Fate| matches!(fate.what, FateKind::Dropped | FateKind::WentWith(_));
        totals.indexes += 1;
        totals.functional += usize::from(entry.class() != Class::Performance);
        totals.performance += usize::from(entry.class() == Class::Performance);
        totals.unique += usize::from(entry.shape.unique);
        totals.partial += usize::from(entry.shape.is_partial());
        totals.concurrent += usize::from(entry.shape.concurrently);
        totals.unnamed += usize::from(entry.naming == Naming::Invented);
        totals.too_long += usize::from(matches!(entry.naming, Naming::Cut(_)));
        totals.standing += usize::from(entry.alive.is_some());
        totals.dropped += usize::from(entry.fates.iter().any(gone));
        totals.duplicates += usize::from(!entry.duplicates.is_empty());
        totals.covered += usize::from(!entry.covered_by.is_empty());
    }
    totals
}

fn file(file: &File) -> FileAnswer<'_> {
    let (statements, undoing) = file.document.count();
    FileAnswer {
        path: &file.path,
        layout: file.tool,
        language: file.language.map_or("SQL", Language::name),
        bytes: file.bytes,
        statements,
        undoing,
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

fn index<'a>(entry: &'a Entry, found: &Found<'a>) -> IndexAnswer<'a> {
    let Found { folder, inventory, domains } = *found;
    let path = |spot: Spot| folder.files.get(spot.file).map_or("", |it| it.path.as_str());
    let Place { line, column } = entry.spot.place;
    let (class, reason) = entry.class().words();
    let others = |positions: &[usize]| {
        positions.iter().map(|it| standing_as(&inventory.entries[*it])).collect::<Vec<_>>()
    };
    let (naming, written_name) = match &entry.naming {
        Naming::Written => ("written", None),
        Naming::Cut(written) => ("cut", Some(written.as_str())),
        Naming::Invented => ("invented", None),
    };
    let shape = &entry.shape;
    IndexAnswer {
        file: path(entry.spot),
        line,
        column,
        schema: &entry.index.schema,
        name: &entry.index.name,
        naming,
        written_name,
        table_schema: &entry.table.schema,
        table: &entry.table.name,
        table_kind: match entry.table_kind {
            TableKind::Plain => "plain",
            TableKind::Partitioned => "partitioned",
            TableKind::Partition => "partition",
            TableKind::Temporary => "temporary",
        },
        only: shape.only,
        method: &shape.method,
        keys: shape.keys.iter().map(crate::sql::IndexKey::render).collect(),
        include: &shape.include,
        predicate: shape.predicate.as_deref(),
        unique: shape.unique,
        partial: shape.is_partial(),
        concurrently: shape.concurrently,
        if_not_exists: shape.if_not_exists,
        nulls_not_distinct: shape.nulls_not_distinct,
        class,
        reason,
        domain: domains.of(&entry.table.schema, &entry.table.name),
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
        problems: &entry.problems,
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
        FateKind::TakenBack => "taken back by a ROLLBACK".to_owned(),
    }
}

fn constraint(kind: ConstraintKind) -> &'static str {
    match kind {
        ConstraintKind::PrimaryKey => "PRIMARY KEY",
        ConstraintKind::Unique => "UNIQUE constraint",
        ConstraintKind::Exclude => "EXCLUDE constraint",
    }
}

fn tables<'a>(indexes: &Listed<'a>) -> Vec<TableAnswer<'a>> {
    let mut found: BTreeMap<&Relation, TableAnswer<'a>> = BTreeMap::new();
    for entry in indexes.entries() {
        let row = found.entry(&entry.table).or_insert_with(|| TableAnswer {
            table: qualified(&entry.table),
            domain: indexes.found.domains.of(&entry.table.schema, &entry.table.name),
            indexes: 0,
            functional: 0,
            performance: 0,
            standing: 0,
        });
        row.indexes += 1;
        row.functional += usize::from(entry.class() != Class::Performance);
        row.performance += usize::from(entry.class() == Class::Performance);
        row.standing += usize::from(entry.alive.is_some());
    }
    let mut tables: Vec<TableAnswer<'a>> = found.into_values().collect();
    tables.sort_by(|one, two| one.table.cmp(&two.table));
    tables
}

impl IndexAnswer<'_> {
    /// What is remarkable about it, in words.
    pub(super) fn notes(&self) -> String {
        let mut notes: Vec<String> = Vec::new();
        if self.naming == "invented" {
            notes.push("unnamed: the server gives this name".to_owned());
        }
        if let Some(written) = self.written_name {
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
        if let Some(predicate) = self.predicate {
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
