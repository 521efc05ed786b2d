//! From files to a registry, or to everything that is wrong with them.

use std::collections::HashMap;
use std::ops::Range;

use super::format::{BACKFILL_KEYS, DEFAULTS_KEYS, FILE_KEYS, INDEX_KEYS};
use super::{BackfillEntry, IndexEntry, Origin, Registry};
use crate::domain::diagnostic::{Code, Diagnostic, Severity, Source};
use crate::domain::document::{self, Document, Table, Text};
use crate::domain::id::{IndexName, QualifiedName};
use crate::sql::{self, IndexShape, MAX_IDENT_BYTES, SqlProblemKind};

/// Largest file that is read.
pub const MAX_FILE_BYTES: usize = 4 << 20;
/// Most entries of one registry, all files together.
pub const MAX_ENTRIES: usize = 5_000;

/// The one version of the format so far.
const VERSION: u32 = 1;
/// Rows of one batch of a backfill that does not say.
const DEFAULT_BATCH: u32 = 200;
const DEFAULT_SCHEMA: &str = "public";

/// Reads one registry out of one or several files.
///
/// # Errors
///
/// Every mistake in every file, and the warnings beside them, in the order of the files.
pub fn load(sources: &[Source]) -> Result<Registry, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let mut read = Vec::new();
    for source in sources {
        let (content, mistakes) = document::read(source, MAX_FILE_BYTES, |top| read_file(&top));
        found.extend(mistakes);
        read.extend(content.unwrap_or_default());
    }
    found.extend(duplicate_names(&read));
    let mut entries = Vec::new();
    let mut backfills = Vec::new();
    for item in read {
        match item.content {
            Some(Content::Index(entry)) => entries.push((*entry, item.place)),
            Some(Content::Backfill(entry)) => backfills.push(entry),
            None => {}
        }
    }
    found.extend(duplicate_definitions(&entries));
    if entries.is_empty() && backfills.is_empty() && found.is_empty() {
        found.push(nothing(sources));
    }
    sort_by_file(&mut found, sources);
    if found.iter().any(|it| it.severity == Severity::Error) {
        return Err(found);
    }
    let entries = entries.into_iter().map(|(entry, _)| entry).collect();
    Ok(Registry { entries, backfills, digest: document::digest(sources), warnings: found })
}

/// What one entry came to. `content` is missing when something in it is wrong; its name counts all the same.
struct Item {
    name: Option<(Namespace, String)>,
    place: Place,
    content: Option<Content>,
}

enum Content {
    Index(Box<IndexEntry>),
    Backfill(BackfillEntry),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Namespace {
    Index,
    Backfill,
}

/// Where a name stands, for mistakes that are only seen with all files at hand.
#[derive(Clone)]
struct Place {
    file: String,
    line: u32,
    column: u32,
    span: Range<usize>,
}

impl Place {
    fn of(document: &Document<'_>, span: Range<usize>) -> Self {
        let (line, column) = document.place(span.start);
        Self { file: document.path().to_owned(), line, column, span }
    }

    fn diagnostic(&self, code: Code, message: String, hint: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: code.severity(),
            code,
            file: self.file.clone(),
            line: self.line,
            column: self.column,
            span: self.span.clone(),
            message,
            hint: Some(hint.into()),
        }
    }
}

fn read_file(top: &Table<'_>) -> Vec<Item> {
    top.only(&FILE_KEYS);
    top.check_version(VERSION);
    let schema = top.table("defaults", "[defaults]").and_then(|defaults| {
        defaults.only(&DEFAULTS_KEYS);
        defaults.filled_text("schema")
    });
    if let Some(schema) = &schema {
        check_length(top.document, schema);
    }
    let schema = schema.map_or(DEFAULT_SCHEMA, |schema| schema.value);
    let indexes = top.tables("index", "[[index]]");
    let backfills = top.tables("backfill", "[[backfill]]");
    if let Some(over) = indexes.iter().chain(&backfills).nth(MAX_ENTRIES) {
        let message = format!("there are more than {MAX_ENTRIES} entries in this file");
        top.document.report(
            over.span.clone(),
            Code::TooManyEntries,
            message,
            "split the registry by database or by team",
        );
        return Vec::new();
    }
    let indexes = indexes.iter().map(|table| read_index(table, schema));
    indexes.chain(backfills.iter().map(|table| read_backfill(table, schema))).collect()
}

fn read_index(table: &Table<'_>, default_schema: &str) -> Item {
    table.only(&INDEX_KEYS);
    let document = table.document;
    let name = table.required_text("name");
    let domain = table.required_text("domain");
    let table_name = table.required_text("table");
    let sql = table.required_text("sql");
    let critical = table.flag("critical").unwrap_or(false);
    let description = table.text("description").map(|text| text.value.to_owned()).unwrap_or_default();
    let queries = table.texts("queries").iter().filter_map(|query| filled(document, query)).collect();
    let fits = name.as_ref().is_some_and(|name| check_length(document, name));
    let shape = sql.as_ref().and_then(|sql| read_statement(document, sql, name.as_ref().filter(|_| !fits)));

    let place =
        Place::of(document, name.as_ref().map_or_else(|| table.span.clone(), |name| name.span.clone()));
    let resolved = match (&shape, &table_name) {
        (Some(shape), Some(field)) => agreed_table(document, shape, field, default_schema),
        (None, Some(field)) => Some(guessed_table(field, default_schema)),
        (_, None) => None,
    };
    if let (Some(shape), Some(name)) = (&shape, &name) {
        check_name(document, shape, name);
    }
    let known = name.as_ref().zip(resolved.as_ref());
    let key = known.map(|(name, table)| QualifiedName::new(&*table.schema, name.value).key());
    let item_name = key.clone().map(|key| (Namespace::Index, key.0));
    let content = match (key, name, domain, resolved, shape) {
        (Some(key), Some(name), Some(domain), Some(resolved), Some(shape)) => {
            Some(Content::Index(Box::new(IndexEntry {
                key,
                name: IndexName(name.value.to_owned()),
                domain: domain.value.to_owned(),
                table: resolved,
                shape,
                critical,
                description,
                queries,
                origin: origin(table),
            })))
        }
        _ => None,
    };
    Item { name: item_name, place, content }
}

/// Reads the statement. A name that is too long was said at the field already.
fn read_statement(
    document: &Document<'_>,
    sql: &Text<'_>,
    too_long: Option<&Text<'_>>,
) -> Option<IndexShape> {
    let shape = match sql::parse_create_index(sql.value) {
        Ok(shape) => shape,
        Err(problems) => {
            for problem in problems {
                let said = matches!(&problem.kind, SqlProblemKind::NameTooLong { name, .. }
                    if too_long.is_some_and(|field| field.value == name));
                if !said {
                    let span = document.inside(sql, &problem.span);
                    document.report(span, Code::Sql, problem.kind.to_string(), problem.kind.hint());
                }
            }
            return None;
        }
    };
    if shape.only {
        let message = "ON ONLY is for partitioned tables, whose indexes PostgreSQL cannot build concurrently";
        let hint =
            "give each partition an entry of its own; their indexes can be attached to the parent's later";
        document.report(word_span(document, sql, "ONLY"), Code::PartitionedParent, message.to_owned(), hint);
        return None;
    }
    Some(shape)
}

/// Place of the first occurrence of a keyword in a statement.
fn word_span(document: &Document<'_>, sql: &Text<'_>, word: &str) -> Range<usize> {
    let upper = sql.value.to_ascii_uppercase();
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = upper.as_bytes();
    let at = upper.match_indices(word).map(|(at, _)| at).find(|at| {
        !is_word(at.checked_sub(1).and_then(|it| bytes.get(it))) && !is_word(bytes.get(at + word.len()))
    });
    at.map_or_else(|| sql.span.clone(), |at| document.inside(sql, &(at..at + word.len())))
}

fn check_name(document: &Document<'_>, shape: &IndexShape, field: &Text<'_>) {
    let Some(made) = &shape.name else { return };
    if field.value == made {
        return;
    }
    let message = format!("the entry is named `{}`, but its statement makes `{made}`", field.value);
    let hint = if sql::fold(field.value) == *made {
        format!("write name = '{made}': without quotes PostgreSQL folds the name to lower case")
    } else {
        "make both the same".to_owned()
    };
    document.report(field.span.clone(), Code::NameMismatch, message, hint);
}

/// The table, when the field and the statement mean the same one.
fn agreed_table(
    document: &Document<'_>,
    shape: &IndexShape,
    field: &Text<'_>,
    default_schema: &str,
) -> Option<QualifiedName> {
    let stated = &shape.table;
    let matching = readings(field.value).into_iter().find(|(schema, name)| {
        *name == stated.name && schema.as_ref().zip(stated.schema.as_ref()).is_none_or(|(a, b)| a == b)
    });
    let Some((schema, name)) = matching else {
        let of_statement = match &stated.schema {
            Some(schema) => format!("{schema}.{}", stated.name),
            None => stated.name.clone(),
        };
        let message = format!(
            "the entry is for the table `{}`, but its statement is for `{of_statement}`",
            field.value
        );
        document.report(field.span.clone(), Code::TableMismatch, message, "make both the same");
        return None;
    };
    let schema = stated.schema.clone().or(schema).unwrap_or_else(|| default_schema.to_owned());
    Some(QualifiedName { schema, name })
}

/// The table that a field means, as far as the field alone can say.
fn guessed_table(field: &Text<'_>, default_schema: &str) -> QualifiedName {
    let (schema, name) =
        readings(field.value).into_iter().next().unwrap_or_else(|| (None, field.value.to_owned()));
    QualifiedName { schema: schema.unwrap_or_else(|| default_schema.to_owned()), name }
}

/// What a `table` field can mean: SQL with its quotes and folding, or a name just as the catalog holds it.
fn readings(field: &str) -> Vec<(Option<String>, String)> {
    let mut readings = Vec::new();
    match split_identifiers(field).as_slice() {
        [name] => readings.push((None, sql::fold(name).into_owned())),
        [schema, name] => readings.push((Some(sql::fold(schema).into_owned()), sql::fold(name).into_owned())),
        _ => {}
    }
    if let Some((schema, name)) = field.split_once('.') {
        readings.push((Some(schema.to_owned()), name.to_owned()));
    }
    readings.push((None, field.to_owned()));
    readings
}

/// Splits at the dots outside quotes.
fn split_identifiers(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(|char: char| {
        quoted ^= char == '"';
        char == '.' && !quoted
    })
    .collect()
}

fn read_backfill(table: &Table<'_>, default_schema: &str) -> Item {
    table.only(&BACKFILL_KEYS);
    let key = table.required_text("key");
    let target = table.required_text("table");
    let sql = table.required_text("sql");
    let optional = |key: &str| table.text(key).map(|text| text.value.to_owned()).unwrap_or_default();
    let (domain, description) = (optional("domain"), optional("description"));
    let batch_size = table.number("batch_size", 1..=100_000).unwrap_or(DEFAULT_BATCH);
    let place =
        Place::of(table.document, key.as_ref().map_or_else(|| table.span.clone(), |key| key.span.clone()));
    let name = key.as_ref().map(|key| (Namespace::Backfill, key.value.to_owned()));
    let content = match (key, target, sql) {
        (Some(key), Some(target), Some(sql)) => Some(Content::Backfill(BackfillEntry {
            key: key.value.to_owned(),
            domain,
            table: guessed_table(&target, default_schema),
            sql: sql.value.to_owned(),
            batch_size,
            description,
            origin: origin(table),
        })),
        _ => None,
    };
    Item { name, place, content }
}

fn origin(table: &Table<'_>) -> Origin {
    Origin { file: table.document.path().to_owned(), line: table.document.place(table.span.start).0 }
}

fn filled(document: &Document<'_>, query: &Text<'_>) -> Option<String> {
    if query.value.trim().is_empty() {
        document.report(
            query.span.clone(),
            Code::EmptyValue,
            "a query is empty".to_owned(),
            "write one or remove it",
        );
        return None;
    }
    Some(query.value.to_owned())
}

/// Whether PostgreSQL would keep the name whole.
fn check_length(document: &Document<'_>, name: &Text<'_>) -> bool {
    let bytes = name.value.len();
    if bytes > MAX_IDENT_BYTES {
        let message = format!("the name has {bytes} bytes; PostgreSQL keeps {MAX_IDENT_BYTES}");
        let hint = "shorten it: two cut names can become one";
        document.report(name.span.clone(), Code::BadName, message, hint);
    }
    bytes <= MAX_IDENT_BYTES
}

fn duplicate_names(items: &[Item]) -> Vec<Diagnostic> {
    let mut first: HashMap<&(Namespace, String), &Place> = HashMap::new();
    let mut found = Vec::new();
    for item in items {
        let Some(name) = &item.name else { continue };
        match first.get(name) {
            Some(other) => {
                let message = format!("`{}` is already in {}:{}", name.1, other.file, other.line);
                found.push(item.place.diagnostic(
                    Code::DuplicateName,
                    message,
                    "remove one of the two or rename it",
                ));
            }
            None => {
                first.insert(name, &item.place);
            }
        }
    }
    if let Some(over) = items.get(MAX_ENTRIES) {
        let message = format!("there are more than {MAX_ENTRIES} entries in all files together");
        found.push(over.place.diagnostic(
            Code::TooManyEntries,
            message,
            "split the registry by database or by team",
        ));
    }
    found
}

/// Two names for what looks like one index. Only the server can say for sure, so this warns.
fn duplicate_definitions(entries: &[(IndexEntry, Place)]) -> Vec<Diagnostic> {
    let mut first: HashMap<String, &IndexEntry> = HashMap::new();
    let mut found = Vec::new();
    for (entry, place) in entries {
        let definition = definition(&entry.shape, &entry.table);
        match first.get(&definition) {
            Some(other) if other.key == entry.key => {}
            Some(other) => {
                let message = format!(
                    "`{}` has the same definition as `{}` in {}:{}",
                    entry.name.as_str(),
                    other.name.as_str(),
                    other.origin.file,
                    other.origin.line
                );
                let hint = "one of them is enough: the other costs time on every write and gives nothing";
                found.push(place.diagnostic(Code::DuplicateDefinition, message, hint));
            }
            None => {
                first.insert(definition, entry);
            }
        }
    }
    found
}

/// The statement without its name and without what is the default anyway.
pub(super) fn definition(shape: &IndexShape, table: &QualifiedName) -> String {
    shape.settled().render_concurrently("", &table.schema, &table.name)
}

fn nothing(sources: &[Source]) -> Diagnostic {
    let file = sources.first().map(|source| source.path.clone()).unwrap_or_default();
    let place = Place { file, line: 1, column: 1, span: 0..0 };
    place.diagnostic(
        Code::Nothing,
        "there is no entry".to_owned(),
        "add an [[index]] with name, domain, table and sql",
    )
}

fn sort_by_file(found: &mut [Diagnostic], sources: &[Source]) {
    let order: HashMap<&str, usize> =
        sources.iter().enumerate().map(|(at, source)| (source.path.as_str(), at)).collect();
    found.sort_by_key(|it| (order.get(it.file.as_str()).copied(), it.span.start, it.span.end));
}
