//! The indexes that Django makes by itself, and the columns and tables behind the names of fields and models.
//!
//! Migrations are gone through in order, as Django 5.2 goes through them for PostgreSQL from nothing: a field with `db_index`,
//! a foreign key and a slug have an index; one of text has a second one for LIKE; a unique field is a constraint of the column
//! when it is made, and one with a name of its own when it becomes unique. What a migration puts off to its end stands here
//! where its field stands.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::declared::{Act, Backing, Cause, DeclaredIndex, Framework, IndexName, KeyKind, TableName};
use super::super::fact::Known;
use super::super::table::{DeclaredTable, TableAct};
use super::digest;
use super::field::{FieldSort, Keeping, ModelAct, ModelChange, ModelField, NewModel};
use super::making::{Out, like, make, together};

/// A migration in its place of the series.
pub struct DjangoFile<'a> {
    /// The label of its app, in lower case.
    pub app: String,
    /// Its name: the file's without its ending.
    pub name: String,
    /// The migrations that it stands for, as `app.name`.
    pub replaces: &'a [String],
    /// What it does to models.
    pub changes: &'a [ModelChange],
    /// What it declares: tables and columns are put in, and what Django makes by itself is added.
    pub declared: &'a mut Vec<DeclaredIndex>,
    /// What it does to tables: what follows from its changes of models is added.
    pub tables: &'a mut Vec<DeclaredTable>,
}

/// Goes through a series of migrations, in order.
///
/// Gives the positions of those that stand for others which are there too: Django runs one or the other, and the others are
/// told. Nothing is left of what they declare.
pub fn settle_models(files: &mut [DjangoFile<'_>]) -> Vec<usize> {
    let there: HashSet<String> =
        files.iter().map(|file| format!("{}.{}", file.app, file.name.to_lowercase())).collect();
    let mut doubled = Vec::new();
    for (position, file) in files.iter_mut().enumerate() {
        if file.replaces.iter().any(|other| there.contains(&other.to_lowercase())) {
            doubled.push(position);
            file.changes = &[];
            file.declared.clear();
            file.tables.clear();
        }
    }
    let mut series = Series { models: BTreeMap::new(), kinds: kinds(files), constraints: HashMap::new() };
    for file in files {
        series.file(file);
    }
    doubled
}

pub(super) type Label = (String, String);

/// What a field of a model is, and where it leads to: for the columns of those that lead there.
pub(super) type Kinds = HashMap<Label, Vec<ModelField>>;

struct Series {
    models: BTreeMap<Label, State>,
    kinds: Kinds,
    /// Constraints by name, where they are no constraints but indexes or the other way round.
    constraints: HashMap<String, Backing>,
}

/// A model as it is at a point of the series.
pub(super) struct State {
    pub(super) table: String,
    pub(super) keeping: Keeping,
    fields: Vec<Held>,
    unique_together: Vec<Vec<String>>,
    index_together: Vec<Vec<String>>,
}

/// A field with what is there for it.
pub(super) struct Held {
    pub(super) field: ModelField,
    pub(super) column: String,
    /// Indexes that Django made for it: name, and what they are.
    pub(super) indexes: Vec<(String, Backing, Cause)>,
}

impl State {
    fn column(&self, field: &str) -> Option<&str> {
        if field == "pk" {
            let key = self.fields.iter().find(|held| held.field.primary);
            return key.map(|held| held.column.as_str());
        }
        let held = self.fields.iter().find(|held| held.field.name == field || held.column == field);
        held.map(|held| held.column.as_str())
    }

    pub(super) fn columns(&self, fields: &[String]) -> Vec<String> {
        fields.iter().map(|field| self.column(field).unwrap_or(field).to_owned()).collect()
    }
}

fn kinds(files: &[DjangoFile<'_>]) -> Kinds {
    let mut kinds = Kinds::new();
    for file in files {
        for change in file.changes {
            let label = (file.app.clone(), change.model.to_lowercase());
            match &change.act {
                ModelAct::Create(model) => {
                    kinds.insert(label, model.fields.clone());
                }
                ModelAct::AddField(field) | ModelAct::AlterField(field) => {
                    let fields = kinds.entry(label).or_default();
                    fields.retain(|other| other.name != field.name);
                    fields.push(field.clone());
                }
                ModelAct::Rename(to) => {
                    if let Some(fields) = kinds.get(&label).cloned() {
                        kinds.insert((file.app.clone(), to.to_lowercase()), fields);
                    }
                }
                ModelAct::Delete
                | ModelAct::Table(_)
                | ModelAct::RemoveField(_)
                | ModelAct::RenameField { .. }
                | ModelAct::UniqueTogether(_)
                | ModelAct::IndexTogether(_) => {}
            }
        }
    }
    kinds
}

/// `app.model` or `model`, as seen from an app.
pub(super) fn label(app: &str, to: &str) -> Label {
    match to.split_once('.') {
        Some((app, model)) => (app.to_lowercase(), model.to_lowercase()),
        None => (app.to_owned(), to.to_lowercase()),
    }
}

pub(super) fn column_of(field: &ModelField) -> String {
    match (&field.column, field.sort) {
        (Some(Known::Known(column)), _) => column.clone(),
        (_, FieldSort::Relation) => format!("{}_id", field.name),
        _ => field.name.clone(),
    }
}

impl Series {
    fn file(&mut self, file: &mut DjangoFile<'_>) {
        // Declarations and changes in the order of the file; what is in a new model comes after it.
        let mut said: Vec<DeclaredIndex> = std::mem::take(file.declared);
        said.reverse();
        for change in file.changes {
            while said.last().is_some_and(|index| index.range.start < change.range.start) {
                self.explicit(&file.app, said.pop(), file.declared);
            }
            let mut out = Out { change, declared: Vec::new(), tables: Vec::new() };
            self.change(&file.app, change, &mut out);
            file.declared.append(&mut out.declared);
            file.tables.append(&mut out.tables);
        }
        while let Some(index) = said.pop() {
            self.explicit(&file.app, Some(index), file.declared);
        }
        file.declared.sort_by_key(|index| index.range.start);
        file.tables.sort_by_key(|table| table.range.start);
    }

    /// Puts table and columns into what a migration declares in its own words.
    fn explicit(&mut self, app: &str, index: Option<DeclaredIndex>, to: &mut Vec<DeclaredIndex>) {
        let Some(mut index) = index else { return };
        let state = index.model.as_ref().and_then(|model| self.models.get(&label(app, model)));
        if let (Framework::Django, Some(state)) = (index.framework, state) {
            if state.keeping == Keeping::Elsewhere {
                return;
            }
            index.table = TableName::Given(state.table.clone());
            if let Known::Known(keys) = &mut index.keys {
                for key in keys.iter_mut().filter(|key| key.kind == KeyKind::Field) {
                    let column = key.text.get().and_then(|field| state.column(field)).map(str::to_owned);
                    if let Some(column) = column {
                        key.text = Known::Known(column);
                        key.kind = KeyKind::Column;
                    }
                }
            }
            if let Known::Known(include) = &mut index.include {
                *include = state.columns(include);
            }
        }
        if let Some(name) = index.name.get().map(str::to_owned) {
            match index.act {
                Act::Create => {
                    self.constraints.insert(name, index.backing);
                }
                Act::Drop => {
                    // A constraint under a condition is an index, and goes like one.
                    if let Some(backing) = self.constraints.remove(&name) {
                        index.backing = backing;
                    }
                }
                Act::Rename => {}
            }
        }
        to.push(index);
    }

    fn change(&mut self, app: &str, change: &ModelChange, out: &mut Out<'_>) {
        let label = label(app, &change.model);
        match &change.act {
            ModelAct::Create(model) => self.create(app, label, model, out),
            ModelAct::Delete => {
                if let Some(state) = self.models.remove(&label)
                    && !out.quiet(Some(&state))
                {
                    for table in state.fields.iter().filter_map(|held| many_table(&state.table, held)) {
                        out.table(None, &table, TableAct::Drop);
                    }
                    out.table(None, &state.table, TableAct::Drop);
                }
            }
            ModelAct::Rename(to) => self.rename(app, &label, to, out),
            ModelAct::Table(table) => {
                let table = match table {
                    Some(Known::Known(table)) => table.clone(),
                    Some(Known::Unknown(_)) => return,
                    None => format!("{app}_{}", label.1),
                };
                self.move_to(&label, table, out);
            }
            ModelAct::AddField(field) => {
                if let Some(state) = self.models.get_mut(&label) {
                    let held = make(&self.kinds, app, &label.1, state, field, out);
                    state.fields.retain(|other| other.field.name != field.name);
                    state.fields.push(held);
                }
            }
            ModelAct::AlterField(field) => self.alter(app, &label, field, out),
            ModelAct::RemoveField(name) => {
                let Some(state) = self.models.get_mut(&label) else { return };
                let Some(at) = state.fields.iter().position(|held| held.field.name == *name) else { return };
                let held = state.fields.remove(at);
                if out.quiet(Some(state)) || held.field.sort == FieldSort::Virtual {
                    return;
                }
                match many_table(&state.table, &held) {
                    Some(table) => out.table(None, &table, TableAct::Drop),
                    None => out.table(None, &state.table, TableAct::DropColumn(Known::Known(held.column))),
                }
            }
            ModelAct::RenameField { from, to } => {
                let Some(state) = self.models.get_mut(&label) else { return };
                let quiet = out.quiet(Some(state));
                for list in state.unique_together.iter_mut().chain(&mut state.index_together) {
                    for name in list.iter_mut().filter(|name| *name == from) {
                        name.clone_from(to);
                    }
                }
                let Some(held) = state.fields.iter_mut().find(|held| held.field.name == *from) else {
                    return;
                };
                let before = (many_table(&state.table, held), held.column.clone());
                held.field.name.clone_from(to);
                held.column = column_of(&held.field);
                match (before, many_table(&state.table, held)) {
                    _ if quiet || held.field.sort == FieldSort::Virtual => {}
                    ((Some(old), _), Some(new)) if old != new => {
                        out.table(None, &old, TableAct::Rename(Known::Known(new)));
                    }
                    ((None, old), None) if old != held.column => {
                        let (from, to) = (Known::Known(old), Known::Known(held.column.clone()));
                        out.table(None, &state.table, TableAct::RenameColumn { from, to });
                    }
                    _ => {}
                }
            }
            ModelAct::UniqueTogether(lists) => {
                let Some(state) = self.models.get_mut(&label) else { return };
                let old = std::mem::replace(&mut state.unique_together, lists.clone());
                together(state, &old, lists, "_uniq", out);
            }
            ModelAct::IndexTogether(lists) => {
                let Some(state) = self.models.get_mut(&label) else { return };
                let old = std::mem::replace(&mut state.index_together, lists.clone());
                together(state, &old, lists, "_idx", out);
            }
        }
    }

    fn create(&mut self, app: &str, label: Label, model: &NewModel, out: &mut Out<'_>) {
        let table = match &model.table {
            Some(Known::Known(table)) => table.clone(),
            Some(Known::Unknown(_)) => return,
            None => format!("{app}_{}", label.1),
        };
        let mut state = State {
            table,
            keeping: model.keeping,
            fields: Vec::new(),
            unique_together: model.unique_together.clone(),
            index_together: model.index_together.clone(),
        };
        if !out.quiet(Some(&state)) {
            out.table(None, &state.table, TableAct::Create);
        }
        for field in &model.fields {
            let held = make(&self.kinds, app, &label.1, &state, field, out);
            state.fields.push(held);
        }
        together(&state, &[], &model.unique_together, "_uniq", out);
        together(&state, &[], &model.index_together, "_idx", out);
        self.models.insert(label, state);
    }

    fn rename(&mut self, app: &str, label: &Label, to: &str, out: &mut Out<'_>) {
        let new = (app.to_owned(), to.to_lowercase());
        let Some(state) = self.models.remove(label) else { return };
        let derived = state.table == format!("{app}_{}", label.1);
        let quiet = out.quiet(Some(&state));
        let tables: Vec<String> =
            state.fields.iter().filter_map(|held| many_table(&state.table, held)).collect();
        let itself: Vec<bool> = state
            .fields
            .iter()
            .filter(|held| held.field.sort == FieldSort::Many)
            .map(|held| is_self(app, label, held))
            .collect();
        self.models.insert(new.clone(), state);
        if derived {
            self.move_to(&new, format!("{app}_{}", new.1), out);
        }
        if quiet {
            return;
        }
        let Some(state) = self.models.get(&new) else { return };
        let now = state.fields.iter().filter_map(|held| many_table(&state.table, held));
        for ((table, itself), _) in now.zip(itself).zip(tables) {
            let starts = if itself { ["from_", "to_"].as_slice() } else { &[""] };
            for start in starts {
                let column = |model: &str| Known::Known(format!("{start}{model}_id"));
                let (from, to) = (column(&label.1), column(&new.1));
                out.table(None, &table, TableAct::RenameColumn { from, to });
            }
        }
    }

    /// Puts a model into another table, and its relations of many to many with it.
    fn move_to(&mut self, label: &Label, table: String, out: &mut Out<'_>) {
        let Some(state) = self.models.get_mut(label) else { return };
        let old = std::mem::replace(&mut state.table, table);
        if old == state.table || out.quiet(Some(state)) {
            return;
        }
        out.table(None, &old, TableAct::Rename(Known::Known(state.table.clone())));
        for held in &state.fields {
            if let (Some(before), Some(after)) = (many_table(&old, held), many_table(&state.table, held))
                && before != after
            {
                out.table(None, &before, TableAct::Rename(Known::Known(after)));
            }
        }
    }

    fn alter(&mut self, app: &str, label: &Label, new: &ModelField, out: &mut Out<'_>) {
        let Some(state) = self.models.get_mut(label) else { return };
        let quiet = out.quiet(Some(state));
        let table = state.table.clone();
        let Some(held) = state.fields.iter_mut().find(|held| held.field.name == new.name) else { return };
        let old = std::mem::replace(&mut held.field, new.clone());
        let before = std::mem::replace(&mut held.column, column_of(new));
        let columned = |sort| !matches!(sort, FieldSort::Many | FieldSort::Virtual);
        if quiet || !columned(old.sort) || !columned(new.sort) {
            return;
        }
        if before != held.column {
            let (from, to) = (Known::Known(before), Known::Known(held.column.clone()));
            out.table(Some(new), &table, TableAct::RenameColumn { from, to });
        }
        let stays = |index: &(String, Backing, Cause)| match index {
            (_, Backing::UniqueConstraint | Backing::PrimaryKey | Backing::Exclusion, _) => {
                new.unique && (old.primary || !new.primary)
            }
            (_, Backing::Plain, Cause::Companion) if old.unique => new.indexed || new.unique,
            (_, Backing::Plain, _) => !old.indexed || old.unique || (new.indexed && !new.unique),
        };
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut held.indexes).into_iter().partition(stays);
        for (name, backing, cause) in gone {
            let index = out.index(Some(new), Act::Drop, &table, IndexName::Derived(name));
            (index.backing, index.cause) = (backing, cause);
        }
        held.indexes = kept;
        let columns = [held.column.clone()];
        if new.unique && !new.primary && (!old.unique || old.primary) {
            let index = out.on(Some(new), &table, &columns, "_uniq");
            (index.unique, index.backing) = (Known::Known(true), Backing::UniqueConstraint);
            held.note(index);
        }
        if (!old.indexed || old.unique) && new.indexed && !new.unique {
            let index = out.on(Some(new), &table, &columns, "");
            held.note(index);
        }
        if (!(old.indexed || old.unique) && new.indexed) || (!old.unique && new.unique) {
            like(&self.kinds, app, &table, held, out);
        }
    }
}

impl Held {
    pub(super) fn note(&mut self, index: &DeclaredIndex) {
        if let Some(name) = index.name.get() {
            self.indexes.push((name.to_owned(), index.backing, index.cause));
        }
    }
}

/// Whether a relation of many to many leads to the model that it is of.
fn is_self(app: &str, of: &Label, held: &Held) -> bool {
    held.field.to.as_deref().is_some_and(|to| to == "self" || label(app, to) == *of)
}

/// The table of a relation of many to many.
pub(super) fn many_table(table: &str, held: &Held) -> Option<String> {
    if held.field.sort != FieldSort::Many {
        return None;
    }
    match &held.field.table {
        Some(Known::Known(table)) => Some(table.clone()),
        Some(Known::Unknown(_)) => None,
        None => Some(digest::many_to_many(table, &held.field.name)),
    }
}
