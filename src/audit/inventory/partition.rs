//! Partitions: the indexes that they have because their parent has them, and those that become a part of one.

use std::sync::Arc;

use super::overlap;
use super::replay::{Inherited, World, label};
use super::{FateKind, Origin, Relation, Spot};
use crate::audit::statement::Nesting;

impl World {
    /// The partitions of a table, one level down.
    pub(super) fn partitions(&self, table: &Relation) -> Vec<Arc<Relation>> {
        if !self.parents.contains(table) {
            return Vec::new();
        }
        let children = self.tables.iter().filter(|(_, it)| it.partition_of.as_deref() == Some(table));
        children.map(|(name, _)| name.clone()).collect()
    }

    /// What the partitions of an index's table get of it.
    pub(super) fn partitions_follow(&mut self, index: usize, spot: Spot) {
        let Some(standing) = self.entries.get(index).and_then(|it| it.alive.clone()) else { return };
        for child in self.partitions(&standing.table) {
            self.follow(index, &child, spot);
        }
    }

    /// One of the partition's own indexes becomes a part of the parent's, or it gets one more.
    fn follow(&mut self, index: usize, child: &Arc<Relation>, spot: Spot) {
        let own = self.indexes_of(child).into_iter().find(|own| self.fits(*own, index));
        if let Some(own) = own {
            return self.join(own, index, spot);
        }
        self.inherit(index, child);
        for grandchild in self.partitions(child) {
            self.follow(index, &grandchild, spot);
        }
    }

    /// Whether an index of a partition can be taken for its part of the parent's.
    fn fits(&self, own: usize, parent: usize) -> bool {
        let (Some(own_entry), Some(of)) = (self.entries.get(own), self.entries.get(parent)) else {
            return false;
        };
        let backs = |origin: Origin| matches!(origin, Origin::Constraint(_));
        !self.attached.iter().any(|(child, _)| *child == own)
            && (backs(own_entry.origin) || !backs(of.origin))
            && overlap::is_part(&own_entry.shape, &of.shape)
    }

    fn join(&mut self, own: usize, parent: usize, spot: Spot) {
        let name =
            |at: usize| self.entries.get(at).and_then(|it| it.alive.as_ref()).map(|it| it.index.clone());
        let (Some(child), Some(of)) = (name(own), name(parent)) else { return };
        self.attached.push((own, parent));
        self.note(&child, spot, FateKind::Attached(of.name.clone()));
    }

    /// ALTER INDEX … ATTACH PARTITION
    pub(super) fn attach_index(&mut self, child: &Relation, parent: &Relation, spot: Spot) {
        self.note(child, spot, FateKind::Attached(parent.name.clone()));
        if let (Some(own), Some(of)) = (self.standing.get(child), self.standing.get(parent)) {
            self.attached.push((*own, *of));
        }
    }

    /// Gives a partition an index of the parent's, under a name that the server finds.
    pub(super) fn inherit(&mut self, of: usize, table: &Arc<Relation>) {
        let Some(origin) = self.entries.get(of).map(|it| it.origin) else { return };
        let index = self.invent(table, &self.words_of(of), label(origin));
        self.names.insert(index.clone());
        self.inherited.push(Inherited { index, table: table.clone(), of });
    }

    /// ATTACH PARTITION
    pub(super) fn attach(&mut self, child: &Arc<Relation>, parent: &Arc<Relation>, spot: Spot) {
        self.parents.insert(parent.clone());
        self.tables.entry(child.clone()).or_default().partition_of = Some(parent.clone());
        for index in self.inheritable(parent) {
            self.follow(index, child, spot);
        }
    }

    /// What each partition of a table has a part of.
    pub(super) fn inheritable(&self, parent: &Relation) -> Vec<usize> {
        let came = self.inherited.iter().filter(|it| *it.table == *parent).map(|it| it.of);
        came.chain(self.indexes_of(parent)).collect()
    }

    /// DETACH PARTITION: what came with the parent's indexes stays, on its own.
    pub(super) fn detach(&mut self, child: &Arc<Relation>, spot: Spot, nesting: Nesting) {
        if let Some(table) = self.tables.get_mut(child) {
            table.partition_of = None;
        }
        let theirs = self.indexes_of(child);
        self.attached.retain(|(own, _)| !theirs.contains(own));
        let came: Vec<Inherited> = self.inherited.iter().filter(|it| *it.table == **child).cloned().collect();
        self.disinherit(|it| *it.table == **child);
        for index in came {
            self.copy(index.of, spot, nesting, child, Some(&index.index.name));
        }
    }

    /// An index is gone: with it goes what partitions have of it.
    pub(super) fn forsake(&mut self, index: usize, spot: Spot) {
        self.disinherit(|it| it.of == index);
        let parts: Vec<usize> =
            self.attached.iter().filter(|(_, parent)| *parent == index).map(|(child, _)| *child).collect();
        self.attached.retain(|(child, parent)| *parent != index && *child != index);
        let name = self.entries.get(index).map(|it| it.index.name.clone()).unwrap_or_default();
        for part in parts {
            let standing = self.entries.get(part).and_then(|it| it.alive.as_ref()).map(|it| it.index.clone());
            if let Some(standing) = standing {
                self.end(&standing, spot, &FateKind::WentWith(format!("index {name}")));
            }
        }
    }

    pub(super) fn disinherit(&mut self, gone: impl Fn(&Inherited) -> bool) {
        for index in self.inherited.iter().filter(|it| gone(it)) {
            self.names.remove(&index.index);
        }
        self.inherited.retain(|it| !gone(it));
    }
}
