//! The series, statement by statement, in a small picture of the catalogs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Chapter, Entry, Fate, FateKind, Naming, Origin, Relation, Spot, Standing, TableKind};
use crate::audit::invent::{self, Label, clip};
use crate::audit::statement::{
    Constraint, ConstraintKind, IndexStatement, Nesting, Scope, Statement, StatementKind, TableAction,
    TableStatement, Wording,
};
use crate::sql::{IndexShape, KeyKind, TableRef};

/// Replays all statements and returns every index that they speak of.
pub(super) fn replay(series: &[Chapter<'_>]) -> Vec<Entry> {
    let mut world = World::default();
    for (file, chapter) in series.iter().enumerate() {
        // A file is a session of its own.
        (world.path, world.lasting) = (None, None);
        let takes_back = chapter.statements.iter().any(|it| it.kind == StatementKind::Rollback);
        let mut before = None;
        for statement in chapter.statements {
            // A routine's COMMIT is its own.
            let direct = statement.nesting == Nesting::Direct;
            if direct && statement.kind == StatementKind::Begin {
                before = before.or_else(|| takes_back.then(|| world.clone()));
            } else if direct && statement.kind == StatementKind::Commit {
                before = None;
                world.path = world.lasting.clone();
            } else if direct && statement.kind == StatementKind::Rollback {
                if let Some(before) = before.take() {
                    world.go_back_to(before, Spot { file, place: statement.place });
                }
                world.path = world.lasting.clone();
            } else {
                world.statement(file, statement);
            }
        }
        if let Some(last) = chapter.statements.last() {
            world.end_session(Spot { file, place: last.place });
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
        | StatementKind::SearchPath { .. }
        | StatementKind::Begin
        | StatementKind::Commit
        | StatementKind::Rollback => true,
        StatementKind::Set(_)
        | StatementKind::Reindex { .. }
        | StatementKind::Analyze(_)
        | StatementKind::Dml(_)
        | StatementKind::Do
        | StatementKind::Call(_)
        | StatementKind::Routine(_)
        | StatementKind::Other(_) => false,
    }
}

/// The schema of temporary tables.
const TEMPORARY: &str = "pg_temp";

/// What is known of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    partitioned: bool,
    temporary: bool,
    pub(super) partition_of: Option<Arc<Relation>>,
}

/// An index of a partition that came with one of its parent, and is no entry of its own.
#[derive(Debug, Clone)]
pub(super) struct Inherited {
    pub(super) index: Arc<Relation>,
    pub(super) table: Arc<Relation>,
    /// The parent's index, by position in `World::entries`.
    pub(super) of: usize,
}

#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) entries: Vec<Entry>,
    /// The words of an index's columns as the server keeps them, by position, where the shape does not say them: a copy is
    /// named after them.
    words: BTreeMap<usize, Vec<String>>,
    /// Indexes that partitions have because their parent has them.
    pub(super) inherited: Vec<Inherited>,
    /// Indexes of partitions that belong to one of the parent: by position, the child first.
    pub(super) attached: Vec<(usize, usize)>,
    /// All names of relations but those of `standing`.
    pub(super) names: BTreeSet<Arc<Relation>>,
    pub(super) tables: BTreeMap<Arc<Relation>, Table>,
    /// Tables that have partitions.
    pub(super) parents: BTreeSet<Arc<Relation>>,
    /// Indexes that were dropped, by their last name.
    dropped: BTreeMap<Arc<Relation>, usize>,
    /// Indexes that are there, by name.
    pub(super) standing: BTreeMap<Arc<Relation>, usize>,
    /// First schema of the search path, when one is set.
    path: Option<String>,
    /// The one that is left when a transaction with its own ends.
    lasting: Option<String>,
}

impl World {
    fn statement(&mut self, file: usize, statement: &Statement) {
        let spot = Spot { file, place: statement.place };
        match &statement.kind {
            StatementKind::SearchPath { first, scope } => {
                if *scope == Scope::Session {
                    self.lasting.clone_from(first);
                }
                self.path.clone_from(first);
            }
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
                let (parent, child) = (self.index(&attached.parent), self.index(&attached.child));
                self.attach_index(&child, &parent, spot);
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
        // Temporary ones come before all others.
        let temporary = relation(TEMPORARY, clip(&name.name));
        if name.schema.is_none() && self.names.contains(&temporary) {
            return temporary;
        }
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

    pub(super) fn invent(&self, table: &Relation, parts: &[String], label: Label) -> Arc<Relation> {
        let taken = |name: &str| self.taken(&relation(&table.schema, name));
        relation(&table.schema, &invent::name(&table.name, parts, label, taken))
    }

    fn create_index(&mut self, spot: Spot, nesting: Nesting, index: &IndexStatement) -> usize {
        let table = self.table(&index.shape.table);
        let written = index.shape.name.as_deref();
        let parts = if written.is_none() { index.name_parts() } else { Vec::new() };
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
        self.remember(position, &index.words, || index.name_parts());
        if !index.shape.only {
            self.partitions_follow(position, spot);
        }
        position
    }

    /// Keeps the words of an index that has computed keys.
    fn remember(&mut self, position: usize, computed: &[String], parts: impl FnOnce() -> Vec<String>) {
        if !computed.is_empty() {
            self.words.insert(position, invent::distinct(&parts()));
        }
    }

    /// The index's own columns keep their names when those of the table get others.
    pub(super) fn keep_words(&mut self, position: usize) {
        let words = self.words_of(position);
        self.words.insert(position, words);
    }

    pub(super) fn words_of(&self, position: usize) -> Vec<String> {
        let plain = || self.entries.get(position).map(|it| invent::distinct(&columns(&it.shape)));
        self.words.get(&position).cloned().or_else(plain).unwrap_or_default()
    }

    /// What was done since is taken back.
    fn go_back_to(&mut self, mut before: Self, spot: Spot) {
        let kept = before.entries.len();
        let (entries, words) = (std::mem::take(&mut self.entries), std::mem::take(&mut self.words));
        before.words.extend(words.into_iter().filter(|(position, _)| *position >= kept));
        before.entries.extend(entries.into_iter().skip(kept).map(|mut entry| {
            entry.alive = None;
            entry.fates.push(Fate { spot, what: FateKind::TakenBack });
            entry
        }));
        *self = before;
    }

    /// Temporary tables go with their session.
    fn end_session(&mut self, spot: Spot) {
        let is_temporary = |it: &&Arc<Relation>| it.schema == TEMPORARY;
        let gone: Vec<Arc<Relation>> = self.standing.keys().filter(is_temporary).cloned().collect();
        for index in gone {
            self.end(&index, spot, &FateKind::WentWith("its session".to_owned()));
        }
        self.names.retain(|it| it.schema != TEMPORARY);
        self.tables.retain(|it, _| it.schema != TEMPORARY);
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

    fn create_table(&mut self, spot: Spot, nesting: Nesting, made: &TableStatement) {
        let mut table = self.here(&made.table);
        if made.traits.temporary && made.table.schema.is_none() {
            table = relation(TEMPORARY, &table.name);
        }
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
        // What comes from the parent is there before the table's own.
        for of in partition_of.iter().flat_map(|parent| self.inheritable(parent)).collect::<Vec<_>>() {
            self.inherit(of, &table);
        }
        for constraint in &made.constraints {
            self.constraint(Spot { file: spot.file, place: constraint.place }, nesting, &table, constraint);
        }
        for source in made.like.iter().map(|it| self.table(it)).collect::<Vec<_>>() {
            for of in self.indexes_of(&source) {
                self.copy(of, spot, nesting, &table, None);
            }
        }
    }

    /// Gives a table an index like another one.
    pub(super) fn copy(
        &mut self,
        of: usize,
        spot: Spot,
        nesting: Nesting,
        table: &Arc<Relation>,
        name: Option<&str>,
    ) {
        let Some(entry) = self.entries.get(of) else { return };
        let origin =
            if matches!(entry.origin, Origin::Constraint(_)) { entry.origin } else { Origin::Copied };
        let shape = Arc::new(IndexShape { name: None, only: false, ..(*entry.shape).clone() });
        let words = self.words_of(of);
        let position = self.add(spot, nesting, origin, table, shape, (name, &words));
        if self.words.contains_key(&of) {
            self.words.insert(position, words);
        }
    }

    /// Indexes of a table, by position, in the order in which they were made.
    pub(super) fn indexes_of(&self, table: &Relation) -> Vec<usize> {
        let mut found: Vec<usize> = self.standing.values().copied().collect();
        found.retain(|at| self.entries[*at].stands_on(table));
        found.sort_unstable();
        found
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
        let origin = Origin::Constraint(constraint.kind);
        let parts = constraint.name_parts();
        let shape = constraint.shape.clone();
        let position = self.add(spot, nesting, origin, table, shape, (constraint.name.as_deref(), &parts));
        self.remember(position, &constraint.words, || parts);
        if !constraint.shape.only {
            self.partitions_follow(position, spot);
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
            TableAction::NamesFollow(names) => self.names_follow(&table, names, spot),
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
            TableAction::Attach(child) => self.attach(&self.table(child), &table, spot),
            TableAction::Detach(child) => self.detach(&self.table(child), spot, nesting),
        }
        table
    }

    pub(super) fn note(&mut self, index: &Relation, spot: Spot, what: FateKind) {
        if let Some(entry) = self.standing.get(index).and_then(|position| self.entries.get_mut(*position)) {
            entry.fates.push(Fate { spot, what });
        }
    }

    pub(super) fn end(&mut self, index: &Arc<Relation>, spot: Spot, what: &FateKind) {
        self.note(index, spot, what.clone());
        let Some(position) = self.standing.remove(index) else { return };
        if *what == FateKind::Dropped {
            self.dropped.insert(index.clone(), position);
        }
        if let Some(entry) = self.entries.get_mut(position) {
            entry.alive = None;
        }
        self.forsake(position, spot);
    }

    pub(super) fn rename_index(&mut self, index: &Relation, spot: Spot, to: &str) {
        let to = relation(&index.schema, clip(to));
        self.note(index, spot, FateKind::Renamed(to.name.clone()));
        let Some(position) = self.standing.remove(index) else { return };
        self.standing.insert(to.clone(), position);
        if let Some(standing) = self.entries.get_mut(position).and_then(|entry| entry.alive.as_mut()) {
            standing.index = to;
        }
    }
}

pub(super) fn relation(schema: &str, name: &str) -> Arc<Relation> {
    Arc::new(Relation { schema: schema.to_owned(), name: name.to_owned() })
}

/// The columns of an index. Those that are computed are kept with what the server calls them.
fn columns(shape: &IndexShape) -> Vec<String> {
    let keys = shape.keys.iter().filter_map(|key| match &key.kind {
        KeyKind::Column(name) => Some(name),
        KeyKind::Expression => None,
    });
    keys.chain(&shape.include).cloned().collect()
}

pub(super) fn label(origin: Origin) -> Label {
    match origin {
        Origin::Statement | Origin::Implied | Origin::Copied => Label::Index,
        Origin::Constraint(ConstraintKind::PrimaryKey) => Label::PrimaryKey,
        Origin::Constraint(ConstraintKind::Unique) => Label::Unique,
        Origin::Constraint(ConstraintKind::Exclude) => Label::Exclude,
    }
}
