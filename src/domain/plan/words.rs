//! Plan states in words. Names in them come from outside: pass every line through [`crate::text`] before it is shown.

use crate::domain::catalog::Difference;
use crate::domain::target::LeftoverPolicy;

use super::item::{BlockedReason, BuilderKind, ItemState, LeftoverHarm};

impl ItemState {
    /// The word on screens and in output.
    pub fn word(&self) -> &'static str {
        match self {
            Self::ToBuild => "to build",
            Self::Present { .. } => "present",
            Self::Leftover { .. } => "leftover",
            Self::Building { .. } => "building",
            Self::Drift { .. } => "drift",
            Self::Blocked { .. } => "blocked",
            Self::Duplicate { .. } => "duplicate",
        }
    }

    /// What is so, in one line without figures that change by themselves. Raw text.
    pub fn sentence(&self) -> String {
        match self {
            Self::ToBuild => "absent, would be built".to_owned(),
            Self::Present { oid, .. } => format!("valid with the same definition (oid {oid})"),
            Self::Leftover { oid, flags, harm, ties, .. } => {
                let mut line =
                    format!("invalid index oid {oid}, died in {}: {}", flags.died_in(), harm.sentence());
                if !ties.is_empty() {
                    line.push_str("; cannot be dropped, it ");
                    line.push_str(&ties.join(", "));
                }
                line
            }
            Self::Building { builder, backend, .. } => {
                format!("pid {} builds it: {}", backend.pid, builder.sentence())
            }
            Self::Drift { oid, differences, .. } => {
                let what: Vec<&str> = differences.iter().map(|it| it.what.as_str()).collect();
                format!("oid {oid} has this name and differs in {}", what.join(", "))
            }
            Self::Blocked { reason } => reason.sentence(),
            Self::Duplicate { of, oid } => {
                format!("{}.{} (oid {oid}) already has this definition", of.schema, of.name)
            }
        }
    }

    /// More lines for those who must decide: the diff of a drift, `-` the live index, `+` the registry's. Raw text.
    pub fn diff(&self) -> Vec<String> {
        match self {
            Self::Drift { differences, .. } => differences.iter().flat_map(Difference::diff).collect(),
            Self::ToBuild
            | Self::Present { .. }
            | Self::Leftover { .. }
            | Self::Building { .. }
            | Self::Blocked { .. }
            | Self::Duplicate { .. } => Vec::new(),
        }
    }

    /// What an operator may do about it; absent where nothing is to be decided.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::ToBuild | Self::Present { .. } => None,
            Self::Leftover { ties, .. } if !ties.is_empty() => {
                Some("something needs it: rebuild it in place with REINDEX INDEX CONCURRENTLY")
            }
            Self::Leftover { .. } => Some("allow repair: it is then dropped concurrently and built anew"),
            Self::Building { builder: BuilderKind::Ours, .. } => {
                Some("nothing: the server goes on without us, the run watches it to its end")
            }
            Self::Building { .. } => Some("wait for its end, then read the plan again"),
            Self::Drift { .. } => {
                Some("rename the entry, correct the registry, or drop the live index yourself")
            }
            Self::Blocked { reason } => Some(reason.advice()),
            Self::Duplicate { .. } => Some("leave the entry out, or say that duplicates are to be built"),
        }
    }

    /// Place in listings by need of attention, smallest first.
    pub(super) fn urgency(&self) -> u8 {
        match self {
            Self::Leftover { harm: LeftoverHarm::RejectsWrites, .. } => 0,
            Self::Leftover { harm: LeftoverHarm::CostsWrites, .. } => 1,
            Self::Leftover { harm: LeftoverHarm::TakesSpace, .. } => 2,
            Self::Drift { .. } => 3,
            Self::Blocked { .. } => 4,
            Self::Building { .. } => 5,
            Self::Duplicate { .. } => 6,
            Self::ToBuild => 7,
            Self::Present { .. } => 8,
        }
    }

    /// Whether a run builds it.
    pub fn is_work(&self, policy: LeftoverPolicy) -> bool {
        match self {
            Self::ToBuild => true,
            Self::Leftover { ties, .. } => policy == LeftoverPolicy::Repair && ties.is_empty(),
            Self::Present { .. }
            | Self::Building { .. }
            | Self::Drift { .. }
            | Self::Blocked { .. }
            | Self::Duplicate { .. } => false,
        }
    }
}

impl LeftoverHarm {
    /// What it costs while it stays.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::RejectsWrites => "it rejects inserts of duplicates although no query may use it",
            Self::CostsWrites => "every write maintains it for nothing",
            Self::TakesSpace => "it keeps its name and space and turns off HOT updates of its columns",
        }
    }
}

impl BuilderKind {
    /// Who it is. Raw text.
    pub fn sentence(&self) -> String {
        match self {
            Self::Ours => "a build of this run whose client died".to_owned(),
            Self::OtherRun { application } => format!("another run ({application})"),
            Self::Stranger { application, user } => format!("{application} as {user}"),
        }
    }
}

impl BlockedReason {
    /// What stands in the way. Raw text.
    pub fn sentence(&self) -> String {
        match self {
            Self::NoTable => "there is no such table".to_owned(),
            Self::ServerRefuses { sqlstate, message } => {
                format!("the server refuses it: {sqlstate} {message}")
            }
            Self::PartitionedTable => "the table is a partitioned parent".to_owned(),
            Self::NotATable { kind } => format!("it is {kind}"),
            Self::NameTaken { kind } => format!("the index name belongs to {kind}"),
            Self::NoRight { why } => why.clone(),
            Self::CannotCompare { why } => {
                format!("an index of this name exists and cannot be compared: {why}")
            }
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoTable => "correct table or schema in the registry, or run the migration that makes it",
            Self::ServerRefuses { .. } => "correct the entry's sql, or run the migration that it needs",
            Self::PartitionedTable => {
                "write one entry for each partition, then attach them to an index ON ONLY"
            }
            Self::NotATable { .. } => "name an ordinary table or a materialized view",
            Self::NameTaken { .. } => "give the index another name",
            Self::NoRight { .. } => "grant it, or set a build role that owns the table",
            Self::CannotCompare { .. } => {
                "grant TEMP on the database and SELECT on the table, then read the plan again"
            }
        }
    }
}

impl Difference {
    /// A diff a person can read: `-` is the live index, `+` the registry's. Raw text.
    pub fn diff(&self) -> [String; 3] {
        [self.what.clone(), format!("  - {}", self.found), format!("  + {}", self.wanted)]
    }
}
