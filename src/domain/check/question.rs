//! Every question that the pre-flight asks.

use crate::domain::id::CheckId;

use super::Waivable;

/// One question. The order is that of the screens: where we are, whether we may, what is there, what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// Is it the server and the database that the plan was made for?
    Identity,
    /// Does it take writes?
    Primary,
    /// Is it a version whose builds can be trusted?
    Version,
    /// Is the role more powerful than it needs to be?
    Role,
    /// May the role build on every table?
    Privileges,
    /// Would inherited settings cut a build?
    SessionSettings,
    /// Is there an entry that cannot be built?
    BlockedEntries,
    /// Does a name belong to another definition?
    Drift,
    /// Are there invalid indexes that nobody builds?
    Leftovers,
    /// Is an entry already served under another name?
    Duplicates,
    /// Does anybody build on the tables of the plan?
    Building,
    /// Would rows collide under a unique entry?
    UniqueValues,
    /// Who would hold up the builds?
    Blockers,
    /// Is there room for indexes, sort files and log?
    DiskHeadroom,
    /// Is there a fresh backup of this very server?
    Backup,
    /// Does the log archive keep up?
    WalArchive,
    /// Do standbys keep up, and can the build's commit wait for one that is gone?
    Replication,
    /// Do the builds fit the memory and the workers?
    WorkersMemory,
    /// Are there connections for all sessions of a run?
    Connections,
}

impl Question {
    /// All of them, in the order of the screens.
    pub const ALL: [Self; 19] = [
        Self::Identity,
        Self::Primary,
        Self::Version,
        Self::Role,
        Self::Privileges,
        Self::SessionSettings,
        Self::BlockedEntries,
        Self::Drift,
        Self::Leftovers,
        Self::Duplicates,
        Self::Building,
        Self::UniqueValues,
        Self::Blockers,
        Self::DiskHeadroom,
        Self::Backup,
        Self::WalArchive,
        Self::Replication,
        Self::WorkersMemory,
        Self::Connections,
    ];

    /// Name in playbooks, flags and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Primary => "primary",
            Self::Version => "version",
            Self::Role => "role",
            Self::Privileges => "privileges",
            Self::SessionSettings => "session_settings",
            Self::BlockedEntries => "blocked_entries",
            Self::Drift => "drift",
            Self::Leftovers => "leftovers",
            Self::Duplicates => "duplicates",
            Self::Building => "building",
            Self::UniqueValues => "unique_values",
            Self::Blockers => "blockers",
            Self::DiskHeadroom => "disk_headroom",
            Self::Backup => "backup",
            Self::WalArchive => "wal_archive",
            Self::Replication => "replication",
            Self::WorkersMemory => "workers_memory",
            Self::Connections => "connections",
        }
    }

    /// The question in a few words, at most 22 cells.
    pub fn title(self) -> &'static str {
        match self {
            Self::Identity => "right database",
            Self::Primary => "target is the primary",
            Self::Version => "version supported",
            Self::Role => "role",
            Self::Privileges => "rights on tables",
            Self::SessionSettings => "inherited settings",
            Self::BlockedEntries => "entries buildable",
            Self::Drift => "definitions agree",
            Self::Leftovers => "invalid indexes",
            Self::Duplicates => "same index elsewhere",
            Self::Building => "nobody else builds",
            Self::UniqueValues => "unique values",
            Self::Blockers => "blockers now and later",
            Self::DiskHeadroom => "disk head room",
            Self::Backup => "backup is fresh",
            Self::WalArchive => "log archive",
            Self::Replication => "standbys",
            Self::WorkersMemory => "memory and workers",
            Self::Connections => "free connections",
        }
    }

    /// As results and waivers name it.
    pub fn id(self) -> CheckId {
        CheckId::from(self.name())
    }

    /// Whether a person may overrule it.
    pub fn waivable(self) -> Waivable {
        match self {
            Self::Identity | Self::Primary => Waivable::Never,
            Self::Version
            | Self::Role
            | Self::Privileges
            | Self::SessionSettings
            | Self::BlockedEntries
            | Self::Drift
            | Self::Leftovers
            | Self::Duplicates
            | Self::Building
            | Self::UniqueValues
            | Self::Blockers
            | Self::DiskHeadroom
            | Self::Backup
            | Self::WalArchive
            | Self::Replication
            | Self::WorkersMemory
            | Self::Connections => Waivable::WithReason,
        }
    }
}
