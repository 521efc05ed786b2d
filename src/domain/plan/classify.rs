//! Which one state an entry is in.
//!
//! The rules are tried in this order, and the first that holds decides:
//!
//! | # | rule | state | why before the next |
//! |---|---|---|---|
//! | 1 | no such table; partitioned; not a table | blocked | nothing else can be said about it |
//! | 2 | the name belongs to a relation that is no index | blocked | the server would refuse (42P07) |
//! | 3 | somebody builds the index of that name | building | what it looks like now is not what it will be; touching it kills the build (40P01) |
//! | 4 | index of that name on another table | drift | it is another index, whatever its flags |
//! | 5 | not valid, ready and live | leftover | no definition makes it usable |
//! | 6 | the server refuses the entry's own statement | blocked | there is no definition to compare with |
//! | 7 | definition cannot be compared | blocked | "same" would be a guess |
//! | 8 | definition differs | drift | |
//! | 9 | otherwise, an index of that name | present | |
//! | 10 | absent: the server refuses the statement | blocked | most telling reason first |
//! | 11 | absent: the role may not build | blocked | |
//! | 12 | absent: another usable index serves the same | duplicate, unless duplicates are to be built | |
//! | 13 | otherwise | to build | |

use crate::domain::catalog::{
    BuildRight, Builder, CatalogFacts, Definition, Difference, IndexFacts, IndexFlags, Persistence,
    RelationKind, TableFacts, Tie, Uniqueness,
};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::{EntryKey, Oid, QualifiedName, RunId};
use crate::domain::target::{DuplicatePolicy, RunSettings};

use super::item::{BlockedReason, BuilderKind, ItemState, LeftoverHarm};

/// Every session of this program names itself `cicerone/<run>/…`.
pub const APPLICATION_PREFIX: &str = "cicerone/";

/// What one entry is judged by.
pub(super) struct Case<'a> {
    pub(super) key: &'a EntryKey,
    pub(super) name: QualifiedName,
    pub(super) table: Option<&'a TableFacts>,
    pub(super) facts: &'a CatalogFacts,
    pub(super) settings: &'a RunSettings,
    pub(super) run: Option<&'a RunId>,
}

impl Case<'_> {
    pub(super) fn state(&self) -> ItemState {
        let table = match self.buildable_table() {
            Ok(table) => table,
            Err(reason) => return ItemState::Blocked { reason },
        };
        let index = self.facts.index_named(&self.name);
        if index.is_none()
            && let Some(kind) = self.facts.taken_names.get(self.key)
        {
            return ItemState::Blocked { reason: BlockedReason::NameTaken { kind: kind.words().to_owned() } };
        }
        if let Some(builder) = self.builder(table, index) {
            return ItemState::Building {
                builder: builder_kind(builder, self.run),
                backend: builder.backend,
                oid: index.map(|it| it.oid).or(known(builder.index_oid)),
            };
        }
        match index {
            Some(index) => self.existing(table, index),
            None => self.absent(table),
        }
    }

    fn buildable_table(&self) -> Result<&TableFacts, BlockedReason> {
        let table = self.table.ok_or(BlockedReason::NoTable)?;
        let not_a_table = |kind: &str| Err(BlockedReason::NotATable { kind: kind.to_owned() });
        match table.kind {
            RelationKind::Table | RelationKind::MaterializedView => {}
            RelationKind::PartitionedTable => return Err(BlockedReason::PartitionedTable),
            RelationKind::View
            | RelationKind::ForeignTable
            | RelationKind::Index
            | RelationKind::Sequence
            | RelationKind::Other => return not_a_table(table.kind.words()),
        }
        if table.persistence == Persistence::Temporary {
            // The server accepts it and silently builds without CONCURRENTLY (12-18).
            return not_a_table("a temporary table");
        }
        match table.name.schema.as_str() {
            "pg_catalog" | "pg_toast" | "information_schema" => not_a_table("a system catalog"),
            _ => Ok(table),
        }
    }

    /// Whoever builds the index of this name. In doubt somebody does: the harm of taking a build for a leftover is
    /// a killed build, the harm of the opposite is a wait.
    fn builder(&self, table: &TableFacts, index: Option<&IndexFacts>) -> Option<&Builder> {
        let builders = &self.facts.builders;
        if let Some(holder) = builders.iter().find(|it| it.item_lock.as_ref() == Some(self.key)) {
            return Some(holder);
        }
        let index = index?;
        let named = |it: &&Builder| known(it.index_oid) == Some(index.oid);
        if index.flags.usable() {
            // A REINDEX of a usable index leaves it usable, however it ends.
            return builders.iter().find(|it| named(it) && it.command.starts_with("CREATE"));
        }
        builders.iter().find(named).or_else(|| {
            builders.iter().find(|it| {
                let elsewhere = it.item_lock.is_some() || known(it.index_oid).is_some();
                // An index that a plain CREATE INDEX makes is not visible to anybody until it is whole.
                let plain = it.command == "CREATE INDEX";
                !elsewhere && !plain && known(it.table_oid).is_none_or(|oid| oid == table.oid)
            })
        })
    }

    fn existing(&self, table: &TableFacts, index: &IndexFacts) -> ItemState {
        let drift =
            |differences| ItemState::Drift { oid: index.oid, differences, live: index.display.clone() };
        if index.table_oid != table.oid {
            return drift(vec![Difference {
                what: "table".to_owned(),
                wanted: qualified(&table.name),
                found: qualified(&index.table),
            }]);
        }
        if !index.flags.usable() {
            return ItemState::Leftover {
                oid: index.oid,
                flags: index.flags,
                size: index.size,
                harm: harm(index.flags, index.definition.unique),
                ties: index.ties.iter().map(Tie::sentence).collect(),
            };
        }
        match self.expected() {
            Expectation::Refused(reason) => ItemState::Blocked { reason },
            Expectation::Unknown(why) => ItemState::Blocked { reason: BlockedReason::CannotCompare { why } },
            Expectation::Known(expected) => {
                let differences = expected.differences(&index.definition);
                if differences.is_empty() {
                    ItemState::Present { oid: index.oid, size: index.size }
                } else {
                    drift(differences)
                }
            }
        }
    }

    fn absent(&self, table: &TableFacts) -> ItemState {
        let expected = match self.expected() {
            Expectation::Refused(reason) => return ItemState::Blocked { reason },
            Expectation::Unknown(_) => None,
            Expectation::Known(definition) => Some(definition),
        };
        if let Some(why) = missing_right(table) {
            return ItemState::Blocked { reason: BlockedReason::NoRight { why } };
        }
        let twin = expected.and_then(|it| self.twin(table.oid, it));
        match (twin, self.settings.duplicates) {
            (Some(twin), DuplicatePolicy::Skip) => {
                ItemState::Duplicate { of: twin.name.clone(), oid: twin.oid }
            }
            (Some(_), DuplicatePolicy::Build) | (None, _) => ItemState::ToBuild,
        }
    }

    /// The oldest usable index on the table that serves the same.
    fn twin(&self, table: Oid, expected: &Definition) -> Option<&IndexFacts> {
        self.facts
            .indexes
            .iter()
            .filter(|it| it.table_oid == table && it.flags.usable() && expected.serves_like(&it.definition))
            .min_by_key(|it| it.oid)
    }

    fn expected(&self) -> Expectation<'_> {
        match self.facts.expected.get(self.key) {
            Some(Ok(definition)) => Expectation::Known(definition),
            Some(Err(failure)) if is_refusal(failure) => Expectation::Refused(BlockedReason::ServerRefuses {
                sqlstate: failure.sqlstate.as_ref().map_or_else(String::new, ToString::to_string),
                message: failure.message.clone(),
            }),
            Some(Err(failure)) => Expectation::Unknown(failure.message.clone()),
            None => Expectation::Unknown("the server was not asked".to_owned()),
        }
    }
}

enum Expectation<'a> {
    Known(&'a Definition),
    Refused(BlockedReason),
    Unknown(String),
}

/// Whether the server refuses the statement itself, and not merely the clone on which it was tried: a read-only
/// session, a missing TEMP right or a locked table say nothing about the statement.
fn is_refusal(failure: &Failure) -> bool {
    match failure.class {
        FailureClass::Missing
        | FailureClass::Invalid
        | FailureClass::TooLarge
        | FailureClass::BadData
        | FailureClass::InUse
        | FailureClass::NameTaken
        | FailureClass::UniqueViolation => true,
        FailureClass::Other => failure.sqlstate.is_some(),
        FailureClass::LockTimeout
        | FailureClass::Cancelled
        | FailureClass::Terminated
        | FailureClass::ServerRestart
        | FailureClass::ConnectionLost
        | FailureClass::Deadlock
        | FailureClass::DiskFull
        | FailureClass::ConfiguredLimit
        | FailureClass::OutOfMemory
        | FailureClass::TooManyConnections
        | FailureClass::Privilege
        | FailureClass::ReadOnly
        | FailureClass::Refused => false,
    }
}

fn missing_right(table: &TableFacts) -> Option<String> {
    match table.right {
        BuildRight::Granted => None,
        BuildRight::NotOwner => {
            Some(format!("the role is not a member of {}, who owns {}", table.owner, qualified(&table.name)))
        }
        BuildRight::NoCreateOnSchema => {
            Some(format!("the role has no CREATE right on schema {}", table.name.schema))
        }
    }
}

fn harm(flags: IndexFlags, unique: Uniqueness) -> LeftoverHarm {
    match (flags.ready && flags.live, unique) {
        (true, Uniqueness::Unique | Uniqueness::UniqueNullsNotDistinct) => LeftoverHarm::RejectsWrites,
        (true, Uniqueness::No) => LeftoverHarm::CostsWrites,
        (false, _) => LeftoverHarm::TakesSpace,
    }
}

/// Who a builder is, seen from `run`.
pub fn builder_kind(builder: &Builder, run: Option<&RunId>) -> BuilderKind {
    let application = builder.application.clone();
    let session = builder.application.strip_prefix(APPLICATION_PREFIX);
    match (session.and_then(|it| it.split('/').next()), run) {
        (Some(theirs), Some(ours)) if theirs == ours.as_str() => BuilderKind::Ours,
        (Some(_), _) => BuilderKind::OtherRun { application },
        // Only this program takes item locks, whatever the session calls itself.
        (None, _) if builder.item_lock.is_some() => BuilderKind::OtherRun { application },
        (None, _) => BuilderKind::Stranger { application, user: builder.user.clone() },
    }
}

/// OID 0 is PostgreSQL's "no such object".
fn known(oid: Option<Oid>) -> Option<Oid> {
    oid.filter(|it| it.0 != 0)
}

fn qualified(name: &QualifiedName) -> String {
    format!("{}.{}", name.schema, name.name)
}
