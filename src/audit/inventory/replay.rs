//! The series, statement by statement, in a small picture of the catalogs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Chapter, Entry, Fate, FateKind, Naming, Origin, Relation, Spot, Standing, TableKind};
use crate::audit::invent::{self, Label, clip};
use crate::audit::statement::{
    Constraint, ConstraintKind, IndexStatement, Nesting, Statement, StatementKind, TableAction,
    TableStatement, Wording,
};
use crate::sql::{IndexShape, KeyKind, TableRef};

/// Replays all statements and returns every index that they speak of.
pub(super) fn replay(series: &[Chapter<'_>]) -> Vec<Entry> {
    let mut world = World::default();
    for (file, chapter) in series.iter().enumerate() {
        // A file is a session of its own.
        world.path = None;
        for statement in chapter.statements {
            world.statement(file, statement);
        }
    }
    world.entries
}

/// Whether a statement says anything of tables, names and indexes.
pub(super) fn heeds(kind: &StatementKind) -> bool {
    match kind {
        StatementKind::AlterTable { actions, .. } => !actions.is_empty(),
        StatementKind::CreateIndex(_)
        | StatementKind::DropIndex { .. }
        | StatementKind::RenameIndex { .. }
        | StatementKind::AttachIndex(_)
        | StatementKind::CreateTable(_)
        | StatementKind::CreateRelation(_)
        | StatementKind::DropTable(_)
        | StatementKind::DropSchema(_)
        | StatementKind::RenameSchema { .. }
        | StatementKind::SearchPath { .. } => true,
        StatementKind::Set(_)
        | StatementKind::Begin
        | StatementKind::Commit
        | StatementKind::Rollback
        | StatementKind::Reindex { .. }
        | StatementKind::Analyze(_)
        | StatementKind::Dml(_)
        | StatementKind::Do
        | StatementKind::Call(_)
        | StatementKind::Routine(_)
        | StatementKind::Other(_) => false,
    }
}

/// What is known of a table.
#[derive(Debug, Clone, Default)]
struct Table {
    partitioned: bool,
    temporary: bool,
    partition_of: Option<Arc<Relation>>,
}

#[derive(Default)]
struct World {
    entries: Vec<Entry>,
    /// All names of relations but those of `standing`.
    names: BTreeSet<Arc<Relation>>,
    tables: BTreeMap<Arc<Relation>, Table>,
    /// Tables that have partitions.
    parents: BTreeSet<Arc<Relation>>,
    /// Indexes that were dropped, by their last name.
    dropped: BTreeMap<Arc<Relation>, usize>,
    /// Indexes that are there, by name.
    standing: BTreeMap<Arc<Relation>, usize>,
    /// First schema of the search path, when one is set.
    path: Option<String>,
}

impl World {
    fn statement(&mut self, file: usize, statement: &Statement) {
        let spot = Spot { file, place: statement.place };
        match &statement.kind {
            StatementKind::SearchPath { first, .. } => self.path.clone_from(first),
            StatementKind::CreateIndex(index) => {
                let position = self.create_index(spot, statement.nesting, index);
                self.entries[position].to_fill_in = statement.to_fill_in;
            }
            // What a routine does is done when it is called, if ever.
            _ if statement.nesting == Nesting::Routine => {}
            StatementKind::DropIndex { names, .. } => {
                for name in names {
                    self.end(&self.index(name), spot, &FateKind::Dropped);
                }
            }
            StatementKind::RenameIndex { index, to } => self.rename_index(&self.index(index), spot, to),
            StatementKind::AttachIndex(attached) => {
                let parent = attached.parent.name.clone();
                self.note(&self.index(&attached.child), spot, FateKind::Attached(parent));
            }
            StatementKind::CreateTable(table) => self.create_table(spot, statement.nesting, table),
            StatementKind::CreateRelation(name) => {
                let relation = self.here(name);
                self.names.insert(relation);
            }
            StatementKind::AlterTable { table, actions } => {
                let mut table = self.table(table);
                for action in actions {
                    table = self.table_action(spot, statement.nesting, table, action);
                }
            }
            StatementKind::DropTable(names) => {
                for name in names {
                    let table = self.table(name);
                    self.drop_table(&table, spot, &format!("table {}", table.name));
                }
            }
            StatementKind::DropSchema(schemas) => {
                for schema in schemas {
                    self.drop_schema(schema, spot);
                }
            }
            StatementKind::RenameSchema { from, to } => self.rename_schema(from, to, spot),
            StatementKind::Set(_)
            | StatementKind::Begin
            | StatementKind::Commit
            | StatementKind::Rollback
            | StatementKind::Reindex { .. }
            | StatementKind::Analyze(_)
            | StatementKind::Dml(_)
            | StatementKind::Do
            | StatementKind::Call(_)
            | StatementKind::Routine(_)
            | StatementKind::Other(_) => {}
        }
    }

    /// A name that is about to be made.
    fn here(&self, name: &TableRef) -> Arc<Relation> {
        let schema = name.schema.as_deref().or(self.path.as_deref()).unwrap_or("public");
        relation(clip(schema), clip(&name.name))
    }

    /// A table that is there already. Where no schema is said and none is set, the one that has it.
    fn table(&self, name: &TableRef) -> Arc<Relation> {
        let here = self.here(name);
        let there = self.tables.get_key_value(&here).map(|(it, _)| it).or_else(|| self.names.get(&here));
        if let Some(there) = there {
            return there.clone();
        }
        if name.schema.is_some() {
            return here;
        }
        let known = self.tables.keys().chain(&self.names);
        let mut elsewhere = known.filter(|it| it.name == here.name).collect::<BTreeSet<_>>().into_iter();
        match (elsewhere.next(), elsewhere.next()) {
            (Some(only), None) => only.clone(),
            _ => here,
        }
    }

    /// An index that is there already.
    fn index(&self, name: &TableRef) -> Arc<Relation> {
        let here = self.here(name);
        if name.schema.is_some() || self.standing.contains_key(&here) {
            return here;
        }
        let mut elsewhere = self.standing.keys().filter(|it| it.name == here.name);
        match (elsewhere.next(), elsewhere.next()) {
            (Some(only), None) => only.clone(),
            _ => here,
        }
    }

    fn taken(&self, relation: &Relation) -> bool {
        self.names.contains(relation) || self.standing.contains_key(relation)
    }

    fn invent(&self, table: &Relation, parts: &[String], label: Label) -> Arc<Relation> {
        let taken = |name: &str| self.taken(&relation(&table.schema, name));
        relation(&table.schema, &invent::name(&table.name, parts, label, taken))
    }

    fn create_index(&mut self, spot: Spot, nesting: Nesting, index: &IndexStatement) -> usize {
        let table = self.table(&index.shape.table);
        let written = index.shape.name.as_deref();
        let parts = if written.is_none() || !index.shape.only { index.name_parts() } else { Vec::new() };
        let position = self.add(
            spot,
            nesting,
            match index.wording {
                Wording::Said => Origin::Statement,
                Wording::Implied => Origin::Implied,
            },
            &table,
            index.shape.clone(),
            (written, &parts),
        );
        self.entries[position].problems.clone_from(&index.problems);
        if !index.shape.only && self.entries[position].alive.is_some() {
            self.partitions_follow(&table, &parts, Label::Index);
        }
        position
    }

    /// Adds an index, and lets it stand when it is made where it stands and its name is free.
    fn add(
        &mut self,
        spot: Spot,
        nesting: Nesting,
        origin: Origin,
        table: &Arc<Relation>,
        shape: Arc<IndexShape>,
        (written, parts): (Option<&str>, &[String]),
    ) -> usize {
        let (index, naming) = match written {
            Some(name) if clip(name) == name => (relation(&table.schema, name), Naming::Written),
            Some(name) => (relation(&table.schema, clip(name)), Naming::Cut(name.to_owned())),
            None => (self.invent(table, parts, label(origin)), Naming::Invented),
        };
        let mut fates = Vec::new();
        // What is written in full may have that letter in its name.
        let open = nesting == Nesting::Dynamic && (index.name.contains('…') || table.name.contains('…'));
        let known = nesting != Nesting::Routine && !open;
        let free = !self.taken(&index);
        if known && !free {
            let what = if shape.if_not_exists { FateKind::Skipped } else { FateKind::Refused };
            fates.push(Fate { spot, what });
        }
        let stands = known && free;
        let position = self.entries.len();
        if stands {
            self.recreate(spot, origin, &index);
            self.standing.insert(index.clone(), position);
        }
        self.entries.push(Entry {
            spot,
            origin,
            nesting,
            to_fill_in: false,
            alive: stands.then(|| Standing { index: index.clone(), table: table.clone() }),
            index,
            naming,
            table: table.clone(),
            table_kind: self.table_kind(table),
            shape,
            problems: Vec::new(),
            fates,
            duplicates: Vec::new(),
            covered_by: Vec::new(),
        });
        position
    }

    /// An earlier one of the same name that was dropped is told that it came back.
    fn recreate(&mut self, spot: Spot, origin: Origin, index: &Relation) {
        if origin == Origin::Statement
            && let Some(earlier) =
                self.dropped.remove(index).and_then(|position| self.entries.get_mut(position))
        {
            earlier.fates.push(Fate { spot, what: FateKind::Recreated });
        }
    }

    fn table_kind(&self, table: &Relation) -> TableKind {
        match self.tables.get(table) {
            Some(it) if it.partitioned => TableKind::Partitioned,
            Some(it) if it.temporary => TableKind::Temporary,
            Some(it) if it.partition_of.is_some() => TableKind::Partition,
            Some(_) | None => TableKind::Plain,
        }
    }

    /// Names that an index of a partitioned table takes for its partitions.
    fn partitions_follow(&mut self, table: &Relation, parts: &[String], label: Label) {
        if !self.parents.contains(table) {
            return;
        }
        let children = self.partitions_of(table);
        for child in children {
            let index = self.invent(&child, parts, label);
            self.names.insert(index);
            self.partitions_follow(&child, parts, label);
        }
    }

    fn partitions_of(&self, table: &Relation) -> Vec<Arc<Relation>> {
        let parts = self.tables.iter().filter(|(_, it)| it.partition_of.as_deref() == Some(table));
        parts.map(|(name, _)| name.clone()).collect()
    }

    fn create_table(&mut self, spot: Spot, nesting: Nesting, made: &TableStatement) {
        let table = self.here(&made.table);
        if made.traits.if_not_exists && self.taken(&table) {
            return;
        }
        self.names.insert(table.clone());
        let partition_of = made.partition_of.as_ref().map(|it| self.table(it));
        for column in &made.sequences {
            let sequence = self.invent(&table, std::slice::from_ref(column), Label::Sequence);
            self.names.insert(sequence);
        }
        self.parents.extend(partition_of.clone());
        let known = Table {
            partitioned: made.traits.partitioned,
            temporary: made.traits.temporary,
            partition_of: partition_of.clone(),
        };
        self.tables.insert(table.clone(), known);
        // The server makes the primary key first, and the others in the order of the text.
        let (first, others): (Vec<_>, Vec<_>) =
            made.constraints.iter().partition(|it| it.kind == ConstraintKind::PrimaryKey);
        for constraint in first.into_iter().chain(others) {
            self.constraint(Spot { file: spot.file, place: constraint.place }, nesting, &table, constraint);
        }
        for source in made.like.iter().map(|it| self.table(it)).collect::<Vec<_>>() {
            for (origin, shape, parts) in self.indexes_of(&source) {
                let copied = Arc::new(IndexShape { name: None, ..(*shape).clone() });
                let origin = if matches!(origin, Origin::Constraint(_)) { origin } else { Origin::Copied };
                self.add(spot, nesting, origin, &table, copied, (None, &parts));
            }
        }
        if let Some(parent) = partition_of {
            for (origin, _, parts) in self.indexes_of(&parent) {
                let index = self.invent(&table, &parts, label(origin));
                self.names.insert(index);
            }
        }
    }

    /// Indexes of a table with what an invented name of a copy is made of.
    fn indexes_of(&self, table: &Relation) -> Vec<(Origin, Arc<IndexShape>, Vec<String>)> {
        let mut found: Vec<&Entry> = self
            .standing
            .values()
            .filter_map(|position| self.entries.get(*position))
            .filter(|it| it.stands_on(table) && !it.shape.only)
            .collect();
        found.sort_by_key(|it| it.spot);
        found.into_iter().map(|it| (it.origin, it.shape.clone(), words(&it.shape))).collect()
    }

    fn constraint(&mut self, spot: Spot, nesting: Nesting, table: &Arc<Relation>, constraint: &Constraint) {
        if let Some(index) = &constraint.using_index {
            let index = relation(&table.schema, clip(index));
            self.note(&index, spot, FateKind::BecameConstraint(constraint.kind));
            if let Some(name) = constraint.name.as_deref().filter(|name| clip(name) != index.name) {
                self.rename_index(&index, spot, name);
            }
            return;
        }
        let shape = IndexShape {
            name: constraint.name.clone(),
            table: TableRef { schema: Some(table.schema.clone()), name: table.name.clone() },
            ..(*constraint.shape).clone()
        };
        let origin = Origin::Constraint(constraint.kind);
        let parts = constraint.name_parts();
        self.add(spot, nesting, origin, table, Arc::new(shape), (constraint.name.as_deref(), &parts));
        if !constraint.shape.only {
            self.partitions_follow(table, &parts, label(origin));
        }
    }

    fn table_action(
        &mut self,
        spot: Spot,
        nesting: Nesting,
        table: Arc<Relation>,
        action: &TableAction,
    ) -> Arc<Relation> {
        match action {
            TableAction::Add(constraint) => {
                let at = Spot { file: spot.file, place: constraint.place };
                self.constraint(at, nesting, &table, constraint);
            }
            TableAction::DropConstraint(name) => {
                let index = relation(&table.schema, clip(name));
                self.end(&index, spot, &FateKind::Dropped);
            }
            TableAction::RenameConstraint(from, to) => {
                let index = relation(&table.schema, clip(from));
                self.rename_index(&index, spot, to);
            }
            TableAction::DropColumn(column) => self.drop_column(&table, column, spot),
            TableAction::RenameColumn(from, to) => self.rename_column(&table, from, to),
            TableAction::Rename(to) => {
                let index = self.standing.contains_key(&table);
                let to = relation(&table.schema, clip(to));
                // ALTER TABLE renames indexes too.
                if index {
                    self.rename_index(&table, spot, &to.name);
                } else {
                    self.move_table(&table, &to, spot);
                }
                return to;
            }
            TableAction::SetSchema(schema) => {
                let to = relation(clip(schema), &table.name);
                self.move_table(&table, &to, spot);
                return to;
            }
            TableAction::Attach(child) => {
                let child = self.table(child);
                self.parents.insert(table.clone());
                self.tables.entry(child).or_default().partition_of = Some(table.clone());
            }
        }
        table
    }

    fn note(&mut self, index: &Relation, spot: Spot, what: FateKind) {
        if let Some(entry) = self.standing.get(index).and_then(|position| self.entries.get_mut(*position)) {
            entry.fates.push(Fate { spot, what });
        }
    }

    fn end(&mut self, index: &Arc<Relation>, spot: Spot, what: &FateKind) {
        self.note(index, spot, what.clone());
        let Some(position) = self.standing.remove(index) else { return };
        if *what == FateKind::Dropped {
            self.dropped.insert(index.clone(), position);
        }
        if let Some(entry) = self.entries.get_mut(position) {
            entry.alive = None;
        }
    }

    fn rename_index(&mut self, index: &Relation, spot: Spot, to: &str) {
        let to = relation(&index.schema, clip(to));
        self.note(index, spot, FateKind::Renamed(to.name.clone()));
        let Some(position) = self.standing.remove(index) else { return };
        self.standing.insert(to.clone(), position);
        if let Some(standing) = self.entries.get_mut(position).and_then(|entry| entry.alive.as_mut()) {
            standing.index = to;
        }
    }

    /// Indexes of a table that are there.
    fn standing_on(&self, table: &Relation) -> Vec<Arc<Relation>> {
        let on_it = self.standing.iter().filter(|(_, position)| self.entries[**position].stands_on(table));
        on_it.map(|(name, _)| name.clone()).collect()
    }

    fn drop_table(&mut self, table: &Relation, spot: Spot, with: &str) {
        for index in self.standing_on(table) {
            self.end(&index, spot, &FateKind::WentWith(with.to_owned()));
        }
        let children = self.partitions_of(table);
        self.names.remove(table);
        self.tables.remove(table);
        for child in children {
            self.drop_table(&child, spot, with);
        }
    }

    fn drop_column(&mut self, table: &Relation, column: &str, spot: Spot) {
        for index in self.standing_on(table) {
            let uses = self
                .standing
                .get(&index)
                .is_some_and(|position| uses(&self.entries[*position].shape, column));
            if uses {
                self.end(&index, spot, &FateKind::WentWith(format!("column {column}")));
            }
        }
    }

    fn rename_column(&mut self, table: &Relation, from: &str, to: &str) {
        for index in self.standing_on(table) {
            let Some(position) = self.standing.get(&index).copied() else { continue };
            let shape = Arc::make_mut(&mut self.entries[position].shape);
            for key in &mut shape.keys {
                if key.kind == KeyKind::Column(from.to_owned()) {
                    key.kind = KeyKind::Column(to.to_owned());
                    key.text = crate::sql::quote_ident(to);
                }
            }
            for column in &mut shape.include {
                if column == from {
                    to.clone_into(column);
                }
            }
        }
    }

    fn move_table(&mut self, from: &Relation, to: &Arc<Relation>, spot: Spot) {
        for index in self.standing_on(from) {
            let shown = format!("{}.{}", to.schema, to.name);
            self.note(&index, spot, FateKind::TableRenamed(shown));
            let Some(position) = self.standing.remove(&index) else { continue };
            let index = relation(&to.schema, &index.name);
            if let Some(standing) = self.entries.get_mut(position).and_then(|entry| entry.alive.as_mut()) {
                standing.index = index.clone();
                standing.table = to.clone();
            }
            self.standing.insert(index, position);
        }
        if self.parents.remove(from) {
            self.parents.insert(to.clone());
        }
        if self.names.remove(from) {
            self.names.insert(to.clone());
        }
        if let Some(table) = self.tables.remove(from) {
            self.tables.insert(to.clone(), table);
        }
        for table in self.tables.values_mut() {
            if table.partition_of.as_deref() == Some(from) {
                table.partition_of = Some(to.clone());
            }
        }
    }

    fn drop_schema(&mut self, schema: &str, spot: Spot) {
        let gone: Vec<Arc<Relation>> =
            self.standing.keys().filter(|it| it.schema == schema).cloned().collect();
        for index in gone {
            self.end(&index, spot, &FateKind::WentWith(format!("schema {schema}")));
        }
        self.names.retain(|it| it.schema != schema);
        self.tables.retain(|it, _| it.schema != schema);
    }

    fn rename_schema(&mut self, from: &str, to: &str, spot: Spot) {
        let mut moved: BTreeSet<Arc<Relation>> = self.tables.keys().chain(&self.names).cloned().collect();
        moved.extend(self.entries.iter().filter_map(|it| it.alive.as_ref()).map(|it| it.table.clone()));
        for table in moved.into_iter().filter(|it| it.schema == from) {
            let there = relation(to, &table.name);
            self.move_table(&table, &there, spot);
        }
    }
}

fn relation(schema: &str, name: &str) -> Arc<Relation> {
    Arc::new(Relation { schema: schema.to_owned(), name: name.to_owned() })
}

/// The words of an index that is copied: PostgreSQL names the copy after the columns of the original.
fn words(shape: &IndexShape) -> Vec<String> {
    let keys = shape.keys.iter().map(|key| match &key.kind {
        KeyKind::Column(name) => name.clone(),
        KeyKind::Expression => "expr".to_owned(),
    });
    keys.chain(shape.include.iter().cloned()).collect()
}

fn uses(shape: &IndexShape, column: &str) -> bool {
    let quoted = crate::sql::quote_ident(column);
    let mentions = |text: &str| {
        text.split(|it: char| !(it.is_alphanumeric() || matches!(it, '_' | '$' | '"')))
            .any(|word| word == quoted)
    };
    shape.include.iter().any(|it| it == column)
        || shape.keys.iter().any(|key| key.kind == KeyKind::Column(column.to_owned()) || mentions(&key.text))
        || shape.predicate.as_deref().is_some_and(mentions)
}

fn label(origin: Origin) -> Label {
    match origin {
        Origin::Statement | Origin::Implied | Origin::Copied => Label::Index,
        Origin::Constraint(ConstraintKind::PrimaryKey) => Label::PrimaryKey,
        Origin::Constraint(ConstraintKind::Unique) => Label::Unique,
        Origin::Constraint(ConstraintKind::Exclude) => Label::Exclude,
    }
}
