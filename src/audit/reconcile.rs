//! Migrations, a registry and a database beside each other.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::candidate::{Exclusion, Verdict, of_live, of_series};
use super::inventory::{Entry, Inventory, Origin, Standing};
use super::live;
use super::statement::ConstraintKind;
use crate::domain::catalog::{Definition, Expected};
use crate::domain::id::{EntryKey, QualifiedName};
use crate::domain::live::{LiveIndex, LiveIndexes};
use crate::domain::registry::{IndexEntry, Registry};
use crate::sql::{IndexShape, KeyKind, quote_ident};

/// What is compared. Whoever is absent lacks nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sides<'a> {
    /// What the files say.
    pub migrations: Option<&'a Inventory>,
    /// What should be there.
    pub registry: Option<&'a Registry>,
    /// What is there.
    pub live: Option<&'a LiveIndexes>,
}

impl Sides<'_> {
    /// How many there are.
    pub fn count(&self) -> usize {
        [self.migrations.is_some(), self.registry.is_some(), self.live.is_some()]
            .iter()
            .filter(|it| **it)
            .count()
    }
}

/// What the server makes of statements, by index.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// Of those of the files.
    pub migrations: BTreeMap<EntryKey, Expected>,
    /// Of those of the registry.
    pub registry: BTreeMap<EntryKey, Expected>,
}

/// Where the sides agree and where they do not. Names are `schema.index`, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// Everywhere where they belong, with the same definition.
    pub same: usize,
    /// In the migrations and nowhere else.
    pub migrations_only: Vec<String>,
    /// In the registry and nowhere else.
    pub registry_only: Vec<String>,
    /// In the database and nowhere else.
    pub live_only: Vec<String>,
    /// In migrations and registry, and not in the database.
    pub not_live: Vec<String>,
    /// In migrations and database, and not in the registry, which could hold them.
    pub not_in_registry: Vec<String>,
    /// In registry and database, and not in the migrations: no fault, that is what a rollout brings about.
    pub not_in_migrations: Vec<String>,
    /// With other definitions.
    pub differing: Vec<Difference>,
    /// Whose definitions could not be compared.
    pub not_compared: Vec<NotCompared>,
}

/// One index with several definitions, as statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which index.
    pub index: String,
    /// In the migrations.
    pub migrations: Option<String>,
    /// In the registry.
    pub registry: Option<String>,
    /// In the database.
    pub live: Option<String>,
    /// What differs, where the server could say it.
    pub what: Vec<String>,
}

/// One index whose definitions nobody could compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotCompared {
    /// Which index.
    pub index: String,
    /// Why not.
    pub why: String,
}

impl Reconciled {
    /// Whether nobody has to look at anything.
    pub fn agrees(&self) -> bool {
        let lists = [
            &self.migrations_only,
            &self.registry_only,
            &self.live_only,
            &self.not_live,
            &self.not_in_registry,
        ];
        lists.iter().all(|it| it.is_empty()) && self.differing.is_empty() && self.not_compared.is_empty()
    }
}

/// One index on each side.
#[derive(Clone, Copy, Default)]
struct Row<'a> {
    migrations: Option<(&'a Entry, &'a Standing)>,
    registry: Option<&'a IndexEntry>,
    live: Option<&'a LiveIndex>,
}

impl Row<'_> {
    fn sides(&self) -> usize {
        [self.migrations.is_some(), self.registry.is_some(), self.live.is_some()]
            .iter()
            .filter(|it| **it)
            .count()
    }
}

/// All indexes of the sides, by name.
fn rows(sides: Sides<'_>) -> BTreeMap<String, Row<'_>> {
    let mut rows: BTreeMap<String, Row<'_>> = BTreeMap::new();
    for entry in sides.migrations.iter().flat_map(|it| &it.entries) {
        if let Some(standing) = &entry.alive {
            let key = QualifiedName::new(&*standing.index.schema, &*standing.index.name).key();
            rows.entry(key.0).or_default().migrations = Some((entry, standing));
        }
    }
    for entry in sides.registry.iter().flat_map(|it| &it.entries) {
        rows.entry(entry.key.0.clone()).or_default().registry = Some(entry);
    }
    for index in sides.live.iter().flat_map(|it| &it.indexes) {
        rows.entry(index.facts.name.key().0).or_default().live = Some(index);
    }
    rows
}

/// A statement that the server is to be asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Which index.
    pub index: QualifiedName,
    /// Its table.
    pub table: QualifiedName,
    /// What it says.
    pub shape: IndexShape,
}

/// The statements of migrations and of the registry whose definitions have to be compared.
pub fn questions(sides: Sides<'_>) -> (Vec<Question>, Vec<Question>) {
    let (mut migrations, mut registry) = (Vec::new(), Vec::new());
    for row in rows(sides).values() {
        if row.sides() < 2 {
            continue;
        }
        if let Some((entry, standing)) = row.migrations.filter(|(entry, _)| comparable(entry)) {
            migrations.push(Question {
                index: QualifiedName::new(&*standing.index.schema, &*standing.index.name),
                table: QualifiedName::new(&*standing.table.schema, &*standing.table.name),
                shape: qualified(&entry.shape, row.live),
            });
        }
        if let Some(entry) = row.registry {
            registry.push(Question {
                index: QualifiedName::new(&*entry.table.schema, entry.name.as_str()),
                table: entry.table.clone(),
                shape: entry.shape.clone(),
            });
        }
    }
    (migrations, registry)
}

/// The index of an exclusion constraint says nothing of its operators.
fn comparable(entry: &Entry) -> bool {
    entry.origin != Origin::Constraint(ConstraintKind::Exclude)
}

/// Operator classes that the files leave to a search path, as the live index has them: a class of that name is what it was
/// made with.
fn qualified(shape: &IndexShape, live: Option<&LiveIndex>) -> IndexShape {
    let mut shape = shape.clone();
    let columns = live.map(|it| it.facts.definition.columns.as_slice()).unwrap_or_default();
    for (key, column) in shape.keys.iter_mut().zip(columns) {
        let Some(written) = &key.opclass else { continue };
        let (name, parameters) =
            written.split_once(" (").map_or((written.as_str(), None), |(name, rest)| (name, Some(rest)));
        let found = column.opclass.split_once(" (").map_or(column.opclass.as_str(), |(name, _)| name);
        let schema = found.strip_suffix(name).and_then(|rest| rest.strip_suffix('.'));
        if let Some(schema) = schema.filter(|it| *it != "pg_catalog" && !name.contains('.')) {
            let class = format!("{}.{name}", quote_ident(schema));
            key.opclass = Some(match parameters {
                Some(rest) => format!("{class} ({rest}"),
                None => class,
            });
        }
    }
    shape
}

/// Compares what the sides have. `words` are the server's answers to [`questions`]; what it was not asked, or did not answer, is
/// compared as it is written, and not at all where that would be a guess.
pub fn reconcile(sides: Sides<'_>, words: &Words) -> Reconciled {
    let of_files: BTreeSet<String> = sides
        .migrations
        .map(|it| of_series(it).0.into_iter().map(|it| it.index.key().0).collect())
        .unwrap_or_default();
    let of_database: BTreeSet<String> = sides
        .live
        .map(|it| {
            let entries = of_live(it)
                .into_iter()
                .filter(|(_, it)| !matches!(it, Verdict::Out(why) if *why != Exclusion::Invalid));
            entries.map(|(index, _)| index.facts.name.key().0).collect()
        })
        .unwrap_or_default();
    let mut result = Reconciled::default();
    for (key, row) in rows(sides) {
        let holds = of_files.contains(&key) || of_database.contains(&key);
        let whole = placed(&mut result, &key, row, sides, holds);
        match agreement(&key, row, words, sides.live.is_some()) {
            Agreement::Same => result.same += usize::from(whole && row.sides() > 1),
            Agreement::Differs(what) => result.differing.push(difference(key, row, what)),
            Agreement::Unknown(why) => result.not_compared.push(NotCompared { index: key, why }),
        }
    }
    result
}

/// Notes which side lacks the index; whether none does. `holds`: a registry could hold it.
fn placed(result: &mut Reconciled, key: &str, row: Row<'_>, sides: Sides<'_>, holds: bool) -> bool {
    let has = (row.migrations.is_some(), row.registry.is_some(), row.live.is_some());
    let lacks = [
        sides.migrations.is_some() && !has.0,
        sides.registry.is_some() && !has.1,
        sides.live.is_some() && !has.2,
    ];
    // A rule about the data is no business of a registry.
    if lacks == [false; 3] || (lacks == [false, true, false] && !holds) {
        return true;
    }
    let list = match has {
        // A part of a partitioned table's index comes with that.
        (false, false, true) if row.live.is_some_and(|it| it.part_of.is_some()) => return false,
        (true, false, false) => &mut result.migrations_only,
        (false, true, false) => &mut result.registry_only,
        (false, false, true) => &mut result.live_only,
        (true, true, false) => &mut result.not_live,
        (true, false, true) => &mut result.not_in_registry,
        (false, true, true) => &mut result.not_in_migrations,
        (true, true, true) | (false, false, false) => return true,
    };
    list.push(key.to_owned());
    false
}

enum Agreement {
    Same,
    Differs(Vec<String>),
    Unknown(String),
}

impl Agreement {
    /// Both: a difference outweighs what is not known.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Same, it) | (it, Self::Same) => it,
            (Self::Differs(mut one), Self::Differs(two)) => {
                one.extend(two);
                Self::Differs(one)
            }
            (Self::Differs(it), Self::Unknown(_)) | (Self::Unknown(_), Self::Differs(it)) => {
                Self::Differs(it)
            }
            (Self::Unknown(one), Self::Unknown(_)) => Self::Unknown(one),
        }
    }
}

/// A statement of one side.
struct Said<'a> {
    side: &'static str,
    shape: &'a IndexShape,
    schema: &'a str,
    table: &'a str,
    words: Option<&'a Expected>,
}

fn agreement(key: &str, row: Row<'_>, words: &Words, asked: bool) -> Agreement {
    let key = EntryKey(key.to_owned());
    let migrations = row.migrations.filter(|(entry, _)| comparable(entry)).map(|(entry, standing)| Said {
        side: "migrations",
        shape: &entry.shape,
        schema: &standing.table.schema,
        table: &standing.table.name,
        words: words.migrations.get(&key),
    });
    let registry = row.registry.map(|entry| Said {
        side: "registry",
        shape: &entry.shape,
        schema: &entry.table.schema,
        table: &entry.table.name,
        words: words.registry.get(&key),
    });
    let mut result = Agreement::Same;
    if let Some(live) = row.live {
        for said in [&migrations, &registry].into_iter().flatten() {
            result = result.and(with_live(said, live));
        }
    }
    match (&migrations, &registry, &result) {
        // Where both are what is live, they are the same.
        (Some(_), Some(_), Agreement::Same) if row.live.is_some() => result,
        (Some(one), Some(two), Agreement::Same) => with_each_other(one, two, asked),
        _ => result,
    }
}

fn with_live(said: &Said<'_>, live: &LiveIndex) -> Agreement {
    let facts = &live.facts;
    if (said.schema, said.table) != (&*facts.table.schema, &*facts.table.name) {
        let (here, there) = (format!("{}.{}", said.schema, said.table), facts.table.key());
        return Agreement::Differs(vec![format!("table: {} {here}, database {}", said.side, there.as_str())]);
    }
    let why = match said.words {
        Some(Ok(definition)) => return judged(said.side, definition, "database", &facts.definition),
        Some(Err(failure)) => {
            format!("the server was asked about the {}, and says: {}", said.side, failure.message)
        }
        None => format!("the server was not asked about the {}", said.side),
    };
    let Ok(shape) = live::shape(live) else { return Agreement::Unknown(why) };
    as_written(said.shape, &shape, why)
}

fn with_each_other(one: &Said<'_>, two: &Said<'_>, asked: bool) -> Agreement {
    if (one.schema, one.table) != (two.schema, two.table) {
        return Agreement::Differs(vec![format!(
            "table: {} {}.{}, {} {}.{}",
            one.side, one.schema, one.table, two.side, two.schema, two.table
        )]);
    }
    if let (Some(Ok(left)), Some(Ok(right))) = (one.words, two.words) {
        return judged(one.side, left, two.side, right);
    }
    let why = format!("the server could not be asked about the {} and the {}", one.side, two.side);
    match as_written(one.shape, two.shape, why) {
        // Without any server what is written is all there is.
        Agreement::Unknown(_) if !asked => Agreement::Differs(Vec::new()),
        it @ (Agreement::Same | Agreement::Differs(_) | Agreement::Unknown(_)) => it,
    }
}

fn judged(side: &str, wanted: &Definition, other: &str, found: &Definition) -> Agreement {
    let lines: Vec<String> = wanted
        .differences(found)
        .into_iter()
        .map(|it| format!("{}: {side} {}, {other} {}", it.what, it.wanted, it.found))
        .collect();
    if lines.is_empty() { Agreement::Same } else { Agreement::Differs(lines) }
}

/// Two shapes as they are written. Where only names of columns stand in them, words that differ are two indexes; expressions
/// can be the same in other words.
fn as_written(one: &IndexShape, two: &IndexShape, why: String) -> Agreement {
    let text =
        |shape: &IndexShape| IndexShape { only: false, ..shape.settled() }.render_concurrently("", "", "");
    if text(one) == text(two) {
        return Agreement::Same;
    }
    let plain = |shape: &IndexShape| {
        let shape = shape.settled();
        shape.predicate.is_none()
            && shape.with.is_empty()
            && shape.keys.iter().all(|key| {
                matches!(key.kind, KeyKind::Column(_)) && key.opclass.is_none() && key.collation.is_none()
            })
    };
    if plain(one) && plain(two) { Agreement::Differs(Vec::new()) } else { Agreement::Unknown(why) }
}

fn difference(key: String, row: Row<'_>, what: Vec<String>) -> Difference {
    let statement = |shape: &IndexShape, schema: &str, table: &str| {
        let name = key.strip_prefix(schema).and_then(|rest| rest.strip_prefix('.')).unwrap_or(&key);
        IndexShape { only: false, ..shape.settled() }.render_concurrently(name, schema, table)
    };
    Difference {
        migrations: row
            .migrations
            .map(|(entry, standing)| statement(&entry.shape, &standing.table.schema, &standing.table.name)),
        registry: row.registry.map(|entry| statement(&entry.shape, &entry.table.schema, &entry.table.name)),
        live: row.live.map(|index| index.facts.display.clone()),
        index: key,
        what,
    }
}
