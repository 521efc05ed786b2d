//! What becomes of indexes when something is done to their table, a column of it, or its schema.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::mention;
use super::replay::{World, relation};
use super::{FateKind, Relation, Spot};
use crate::audit::statement::{NamesFollow, Was};
use crate::sql::{IndexKey, KeyKind};

impl World {
    /// Indexes of a table that are there.
    fn standing_on(&self, table: &Relation) -> Vec<Arc<Relation>> {
        let on_it = self.standing.iter().filter(|(_, position)| self.entries[**position].stands_on(table));
        on_it.map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn drop_table(&mut self, table: &Relation, spot: Spot, with: &str) {
        for index in self.standing_on(table) {
            self.end(&index, spot, &FateKind::WentWith(with.to_owned()));
        }
        let children = self.partitions(table);
        self.names.remove(table);
        self.tables.remove(table);
        self.disinherit(|it| *it.table == *table);
        for child in children {
            self.drop_table(&child, spot, with);
        }
    }

    pub(super) fn drop_column(&mut self, table: &Relation, column: &str, spot: Spot) {
        for index in self.standing_on(table) {
            let uses = self
                .standing
                .get(&index)
                .is_some_and(|position| mention::uses(&self.entries[*position].shape, column));
            if uses {
                self.end(&index, spot, &FateKind::WentWith(format!("column {column}")));
            }
        }
        for child in self.partitions(table) {
            self.drop_column(&child, column, spot);
        }
    }

    pub(super) fn rename_column(&mut self, table: &Relation, from: &str, to: &str) {
        for index in self.standing_on(table) {
            let Some(position) = self.standing.get(&index).copied() else { continue };
            self.keep_words(position);
            mention::rename(Arc::make_mut(&mut self.entries[position].shape), from, to);
        }
        for child in self.partitions(table) {
            self.rename_column(&child, from, to);
        }
    }

    /// Indexes that were called as the framework calls them are called so anew.
    pub(super) fn names_follow(&mut self, table: &Relation, following: &NamesFollow, spot: Spot) {
        for index in self.standing_on(table) {
            let Some(entry) = self.standing.get(&index).and_then(|position| self.entries.get(*position))
            else {
                continue;
            };
            let column = |key: &IndexKey| match &key.kind {
                KeyKind::Column(name) => Some(name.clone()),
                KeyKind::Expression => None,
            };
            let Some(columns) = entry.shape.keys.iter().map(column).collect::<Option<Vec<String>>>() else {
                continue;
            };
            let old = match &following.was {
                Was::Table(name) => following.names.name(name, &columns),
                Was::Column(from, to) => {
                    let before = |it: &String| if it == to { from.clone() } else { it.clone() };
                    let before: Vec<String> = columns.iter().map(before).collect();
                    following.names.name(&table.name, &before)
                }
            };
            let new = following.names.name(&table.name, &columns);
            if let (Some(old), Some(new)) = (old, new)
                && index.name == old
                && old != new
            {
                self.rename_index(&index, spot, &new);
            }
        }
    }

    pub(super) fn move_table(&mut self, from: &Relation, to: &Arc<Relation>, spot: Spot) {
        // The server refuses to bring a name where it is taken, and moves nothing.
        let is_taken = |index: &Relation| self.standing.contains_key(&*relation(&to.schema, &index.name));
        if from.schema != to.schema && self.standing_on(from).iter().any(|index| is_taken(index)) {
            return;
        }
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
        for index in self.inherited.iter_mut().filter(|it| *it.table == *from) {
            index.table = to.clone();
        }
    }

    pub(super) fn drop_schema(&mut self, schema: &str, spot: Spot) {
        let gone: Vec<Arc<Relation>> =
            self.standing.keys().filter(|it| it.schema == schema).cloned().collect();
        for index in gone {
            self.end(&index, spot, &FateKind::WentWith(format!("schema {schema}")));
        }
        self.names.retain(|it| it.schema != schema);
        self.tables.retain(|it, _| it.schema != schema);
        self.inherited.retain(|it| it.table.schema != schema);
    }

    pub(super) fn rename_schema(&mut self, from: &str, to: &str, spot: Spot) {
        let mut moved: BTreeSet<Arc<Relation>> = self.tables.keys().chain(&self.names).cloned().collect();
        moved.extend(self.entries.iter().filter_map(|it| it.alive.as_ref()).map(|it| it.table.clone()));
        for table in moved.into_iter().filter(|it| it.schema == from) {
            let there = relation(to, &table.name);
            self.move_table(&table, &there, spot);
        }
    }
}
