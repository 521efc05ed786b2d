//! Indexes that are declared in the words of a framework, as the statements that the framework sends.

use std::ops::Range;
use std::sync::Arc;

use super::super::host::{
    Act, Backing, Cause, DeclaredIndex, Framework, Home, IndexName, Key, KeyKind as HostKey, Known, TableName,
};
use super::super::statement::{
    Checked, Constraint, ConstraintKind, IndexStatement, Nesting, Statement, StatementKind, TableAction,
    Unread, Why, Wording,
};
use super::{Document, Part, PartKind, Tables, host};
use crate::sql::{IndexKey, IndexShape, KeyKind, NullsOrder, SortOrder, TableRef, quote_ident, read_keys};

/// How a part that is not known is shown, as in statements put together at run time.
const UNKNOWN: &str = "…";

/// What a picture of the whole schema is, such as `schema.rb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshots {
    /// The only source: its indexes count.
    Counted,
    /// Beside the migrations that it is a picture of: each of its indexes is one of theirs.
    Described,
}

/// Adds the declarations of a file to what it says. What a model or a snapshot only describes is counted as that.
pub fn declare(
    document: &mut Document,
    declared: &[DeclaredIndex],
    snapshots: Snapshots,
    tables: &dyn Tables,
) {
    for made in &mut document.made {
        if let TableName::OfModel(model) = &made.table
            && let Some(table) = tables.of_model(model)
        {
            made.table = TableName::Given(table);
        }
    }
    for index in declared {
        let counted = match index.home {
            Home::Operation => true,
            Home::Model => false,
            Home::Snapshot => snapshots == Snapshots::Counted,
        };
        if !counted {
            document.described += 1;
            continue;
        }
        // The statement of a list's entry speaks for itself.
        if index.fragment.is_some() {
            continue;
        }
        let (kind, nesting) = match statement(index, tables) {
            Ok(found) => found,
            Err(what) => {
                document.unread.push(Unread {
                    place: index.place,
                    at: index.range.start,
                    why: Why::Declaration(what),
                });
                continue;
            }
        };
        let part = Part {
            kind: PartKind::Declared(index.framework),
            direction: host::direction(index.direction),
            transaction: index.transaction,
            turn: index.turn,
            home: index.home,
            cause: index.cause,
            range: index.range.clone(),
            statements: 0,
        };
        let Range { start: at, end } = index.range.clone();
        document.add(
            part,
            vec![Statement { place: index.place, at, end, part: 0, nesting, to_fill_in: false, kind }],
        );
    }
    document.settle();
}

/// A declaration as it is put together: whether all of it is known.
struct Draft<'a> {
    index: &'a DeclaredIndex,
    nesting: Nesting,
    problems: Vec<String>,
}

fn statement(index: &DeclaredIndex, tables: &dyn Tables) -> Result<(StatementKind, Nesting), String> {
    let mut draft = Draft { index, nesting: Nesting::Direct, problems: Vec::new() };
    let table = draft.table(tables);
    let name = draft.name(table.as_ref());
    let kind = match index.act {
        Act::Create => {
            let Some(table) = table else { return Err("the table of this index".to_owned()) };
            draft.create(name, table)
        }
        Act::Drop | Act::Rename => {
            let Some(name) = name else { return Err("which index this is about".to_owned()) };
            let schema = table.as_ref().and_then(|table| table.schema.clone());
            let named = TableRef { schema, name: name.clone() };
            match (index.act, &index.renamed, index.backing, table) {
                (Act::Rename, Some(to), _, _) => {
                    let to = draft.known(Some(to)).unwrap_or_else(|| UNKNOWN.to_owned());
                    StatementKind::RenameIndex { index: named, to }
                }
                (Act::Rename, None, _, _) => return Err("the new name of this index".to_owned()),
                (_, _, Backing::UniqueConstraint | Backing::PrimaryKey | Backing::Exclusion, Some(table)) => {
                    StatementKind::AlterTable { table, actions: vec![TableAction::DropConstraint(name)] }
                }
                _ => StatementKind::DropIndex {
                    names: vec![named],
                    concurrently: draft.flag(&index.concurrently),
                    cascade: false,
                },
            }
        }
    };
    Ok((kind, draft.nesting))
}

impl Draft<'_> {
    fn create(&mut self, name: Option<String>, table: TableRef) -> StatementKind {
        let index = self.index;
        let (keys, words) = self.keys();
        let include = self.list(&index.include);
        let shape = IndexShape {
            unique: self.flag(&index.unique),
            concurrently: self.flag(&index.concurrently),
            if_not_exists: self.flag(&index.if_exists),
            only: false,
            name: name.clone(),
            table: table.clone(),
            method: self
                .known(index.method.as_ref())
                .map_or_else(|| "btree".to_owned(), |it| it.to_lowercase()),
            keys,
            include,
            nulls_not_distinct: self.flag(&index.nulls_not_distinct),
            with: Vec::new(),
            tablespace: None,
            predicate: self.known(index.predicate.as_ref()),
        };
        let kind = match index.backing {
            Backing::Plain => {
                let problems = std::mem::take(&mut self.problems);
                return StatementKind::CreateIndex(Box::new(IndexStatement {
                    shape: Arc::new(shape),
                    words,
                    problems,
                    wording: wording(index.cause),
                }));
            }
            Backing::UniqueConstraint => ConstraintKind::Unique,
            Backing::PrimaryKey => ConstraintKind::PrimaryKey,
            Backing::Exclusion => ConstraintKind::Exclude,
        };
        let constraint = Constraint {
            kind,
            name,
            place: index.place,
            at: index.range.start,
            using_index: None,
            shape: Arc::new(IndexShape { unique: kind != ConstraintKind::Exclude, ..shape }),
            words,
            checked: Checked::AtOnce,
        };
        StatementKind::AlterTable { table, actions: vec![TableAction::Add(Box::new(constraint))] }
    }

    /// The name, `None` when the server finds one.
    fn name(&mut self, table: Option<&TableRef>) -> Option<String> {
        match &self.index.name {
            IndexName::Given(name) | IndexName::Derived(name) => Some(name.clone()),
            IndexName::Unknown(_) => Some(self.unknown()),
            // Rails finds an index by its columns; the name that it gives them itself is the usual one.
            IndexName::Unsaid if self.index.framework == Framework::Rails && self.index.act == Act::Drop => {
                let columns: Option<Vec<&str>> = match &self.index.keys {
                    Known::Known(keys) if !keys.is_empty() => {
                        keys.iter().map(|key| key.text.get().map(String::as_str)).collect()
                    }
                    Known::Known(_) | Known::Unknown(_) => None,
                };
                Some(format!("index_{}_on_{}", table?.name, columns?.join("_and_")))
            }
            IndexName::Unsaid => None,
        }
    }

    fn table(&mut self, tables: &dyn Tables) -> Option<TableRef> {
        let schema = self.known(self.index.schema.as_ref());
        let text = match &self.index.table {
            TableName::Unknown(_) => self.unknown(),
            name @ (TableName::Given(_) | TableName::OfModel(_) | TableName::Unsaid) => tables.text(name)?,
        };
        Some(match text.split_once('.') {
            Some((within, name)) if schema.is_none() => {
                TableRef { schema: Some(within.to_owned()), name: name.to_owned() }
            }
            Some(_) | None => TableRef { schema, name: text },
        })
    }

    /// The keys, and the words that the computed ones add to an invented name.
    fn keys(&mut self) -> (Vec<IndexKey>, Vec<String>) {
        let index = self.index;
        match &index.keys {
            Known::Known(keys) => {
                let keys: Vec<IndexKey> = keys.iter().flat_map(|key| self.key(key)).collect();
                let computed = keys.iter().filter(|key| key.kind == KeyKind::Expression).count();
                (keys, vec!["expr".to_owned(); computed])
            }
            Known::Unknown(_) => {
                let text = self.unknown();
                let key = IndexKey { kind: KeyKind::Expression, ..plain(text) };
                (vec![key], vec!["expr".to_owned()])
            }
        }
    }

    /// A key. SQL text may hold several.
    fn key(&mut self, key: &Key) -> Vec<IndexKey> {
        let text = self.known(Some(&key.text)).unwrap_or_else(|| UNKNOWN.to_owned());
        let order = self.known(key.order.as_ref()).unwrap_or_default().to_ascii_uppercase();
        let opclass = self.known(key.opclass.as_ref());
        let mut keys = match key.kind {
            HostKey::Column | HostKey::Field => {
                vec![IndexKey { kind: KeyKind::Column(text.clone()), ..plain(quote_ident(&text)) }]
            }
            HostKey::Expression => spelled(&text),
            HostKey::HostExpression => vec![plain(text)],
        };
        let sorted = if order.contains("DESC") {
            Some(SortOrder::Desc)
        } else {
            order.contains("ASC").then_some(SortOrder::Asc)
        };
        let nulls = if order.contains("NULLS FIRST") {
            Some(NullsOrder::First)
        } else {
            order.contains("NULLS LAST").then_some(NullsOrder::Last)
        };
        // What the framework adds stands behind the text.
        if let Some(last) = keys.last_mut() {
            last.opclass = opclass.or(last.opclass.take());
            last.order = sorted.or(last.order);
            last.nulls = nulls.or(last.nulls);
        }
        keys
    }

    fn list(&mut self, of: &Known<Vec<String>>) -> Vec<String> {
        match of {
            Known::Known(list) => list.clone(),
            Known::Unknown(_) => vec![self.unknown()],
        }
    }

    fn known(&mut self, value: Option<&Known<String>>) -> Option<String> {
        match value? {
            Known::Known(text) => Some(text.clone()),
            Known::Unknown(_) => Some(self.unknown()),
        }
    }

    /// A switch; one that only running the program would tell is taken for off, and said.
    fn flag(&mut self, value: &Known<bool>) -> bool {
        match value {
            Known::Known(is) => *is,
            Known::Unknown(unknown) => {
                self.problems
                    .push(format!("what stands at {} is known only when the program runs", unknown.place));
                false
            }
        }
    }

    fn unknown(&mut self) -> String {
        self.nesting = Nesting::Dynamic;
        UNKNOWN.to_owned()
    }
}

fn plain(text: String) -> IndexKey {
    IndexKey { text, kind: KeyKind::Expression, collation: None, opclass: None, order: None, nulls: None }
}

/// The keys of an SQL text that a framework sends as it stands: `lower(a)`, `b DESC`, `c gin_trgm_ops`.
fn spelled(text: &str) -> Vec<IndexKey> {
    match read_keys(text) {
        Some(keys) if !keys.is_empty() => keys,
        Some(_) | None => vec![plain(format!("({})", text.trim()))],
    }
}

/// Whether a word of the program asks for the index.
fn wording(cause: Cause) -> Wording {
    match cause {
        Cause::Said | Cause::Option => Wording::Said,
        Cause::Habit | Cause::Companion => Wording::Implied,
    }
}
