//! What the scripted server holds.

use std::collections::BTreeMap;
use std::time::Duration;

use cicerone::domain::catalog::{ColumnDefinition, Definition, Tie, Uniqueness};
use cicerone::domain::id::{EntryKey, Oid};
use cicerone::domain::progress::Phase;
use cicerone::domain::registry::Registry;
use cicerone::domain::target::TargetIdentity;
use cicerone::sql::IndexShape;

#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) oid: Oid,
    pub(crate) name: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub(crate) oid: Oid,
    pub(crate) name: String,
    pub(crate) table: String,
    pub(crate) valid: bool,
    pub(crate) ready: bool,
    pub(crate) live: bool,
    pub(crate) definition: Definition,
    pub(crate) ties: Vec<Tie>,
}

/// What goes wrong with one statement.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// Name of the index.
    pub(crate) index: String,
    /// Which of the statements about it, from 1; builds and drops are counted apart.
    pub(crate) attempt: u32,
    /// In which phase; the first lock for a statement that leaves nothing.
    pub(crate) at: Phase,
    /// The server's answer, unless the connection is lost.
    pub(crate) sqlstate: Option<String>,
    /// The connection breaks.
    pub(crate) lost: Option<Lost>,
    /// Whether it happens to a drop.
    pub(crate) drop: bool,
}

/// What the backend does when its client is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    GoesOn,
    Dies,
}

/// Somebody who is in the way.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    pub(crate) table: String,
    pub(crate) stage: HoldStage,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
    pub(crate) pid: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HoldStage {
    Lock,
    Writer,
    Snapshot,
    Reader,
}

/// A build that begins at the worst moment.
#[derive(Debug, Clone)]
pub(crate) struct Ambush {
    pub(crate) index: String,
    pub(crate) table: String,
    pub(crate) takes: Duration,
    /// Whether our statement is a drop.
    pub(crate) drop: bool,
}

/// A backend with or without a client.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub(crate) application: String,
    pub(crate) client: bool,
    pub(crate) lock: Option<EntryKey>,
    pub(crate) running: Option<Running>,
}

/// A statement of a backend.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    pub(crate) drop: bool,
    pub(crate) table: String,
    pub(crate) index: Option<Oid>,
    pub(crate) phase: Phase,
    pub(crate) cancelled: bool,
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) identity: TargetIdentity,
    pub(crate) registry: Registry,
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) backends: BTreeMap<i32, Backend>,
    pub(crate) holds: Vec<Hold>,
    pub(crate) faults: Vec<Fault>,
    /// Builds of strangers that begin in the moment between our last look and our statement.
    pub(crate) ambush: Vec<Ambush>,
    pub(crate) builds: BTreeMap<String, u32>,
    pub(crate) drops: BTreeMap<String, u32>,
    /// Statements as they came: `CREATE a`, `DROP a`.
    pub(crate) sent: Vec<String>,
    /// How long each working phase takes.
    pub(crate) pace: Duration,
    pub(crate) down_until: Duration,
    pub(crate) violations: Vec<String>,
    pub(crate) next: i32,
}

impl Model {
    pub(crate) fn number(&mut self) -> i32 {
        self.next += 1;
        self.next
    }

    pub(crate) fn oid(&mut self) -> Oid {
        Oid(self.number().unsigned_abs())
    }

    pub(crate) fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    pub(crate) fn index_mut(&mut self, oid: Oid) -> Option<&mut Index> {
        self.indexes.iter_mut().find(|index| index.oid == oid)
    }

    /// Definition and table of what the registry wants under a name.
    pub(crate) fn wanted(&self, name: &str) -> Option<Definition> {
        self.registry.entries.iter().find(|entry| entry.name.0 == name).map(|entry| definition(&entry.shape))
    }

    /// Backends at work on a table, except `own`.
    pub(crate) fn at_work_on(&self, table: &str, own: i32) -> Vec<i32> {
        self.backends
            .iter()
            .filter(|(pid, backend)| {
                **pid != own
                    && backend
                        .running
                        .as_ref()
                        .is_some_and(|it| it.table == table && it.phase != Phase::FirstLock)
            })
            .map(|(pid, _)| *pid)
            .collect()
    }
}

/// What the server would say of a shape, as far as scripts need it.
pub(crate) fn definition(shape: &IndexShape) -> Definition {
    let columns = shape.keys.iter().map(|key| ColumnDefinition {
        text: key.text.clone(),
        opclass: "pg_catalog.ops".to_owned(),
        collation: String::new(),
        option: 0,
    });
    Definition {
        method: shape.method.clone(),
        unique: if shape.unique { Uniqueness::Unique } else { Uniqueness::No },
        key_count: u16::try_from(shape.keys.len()).unwrap(),
        columns: columns.collect(),
        predicate: shape.predicate.clone(),
        options: Vec::new(),
        tablespace: None,
    }
}
