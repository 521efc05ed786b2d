//! What the guard finds.

use std::ops::Range;

use serde::Serialize;

use crate::audit::Place;

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An index that no rule about the data rests on.
    PerformanceIndex,
    /// A statement that changes rows, or calls what does.
    DataChange,
    /// Rows that are written out.
    Seed,
    /// Something that is broken: SQL that does not parse, a program that does not compile, a file that cannot be opened.
    NotRead,
    /// Something whole that cannot be judged without running it.
    OutOfReach,
    /// An index of the `keep` list that does not stand, or is another one.
    KeptIndex,
    /// A note to this program that is none, or allows nothing.
    BadNote,
    /// An entry of the baseline that nothing matches any more.
    StaleBaseline,
}

/// What notes can call the findings; `guard` is all of those that a note can allow.
pub const NAMES: [&str; 7] =
    ["guard", "performance-index", "data-change", "seed", "not-read", "not-judged", "kept-index"];

impl Kind {
    /// As it is written in notes, answers and baselines.
    pub fn word(self) -> &'static str {
        match self {
            Self::PerformanceIndex => "performance-index",
            Self::DataChange => "data-change",
            Self::Seed => "seed",
            Self::NotRead => "not-read",
            Self::OutOfReach => "not-judged",
            Self::KeptIndex => "kept-index",
            Self::BadNote => "bad-note",
            Self::StaleBaseline => "stale-baseline",
        }
    }

    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::PerformanceIndex,
        Self::DataChange,
        Self::Seed,
        Self::NotRead,
        Self::OutOfReach,
        Self::KeptIndex,
        Self::BadNote,
        Self::StaleBaseline,
    ];

    /// By its word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.word() == word)
    }

    /// What it is, in a line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::PerformanceIndex => "an index in a migration that no rule about the data rests on",
            Self::DataChange => "a statement in a migration that changes rows, or calls what does",
            Self::Seed => "rows that a migration writes out",
            Self::NotRead => {
                "SQL that does not parse, a program that does not compile, a file that cannot be opened"
            }
            Self::OutOfReach => "something in a migration that only running it would tell",
            Self::KeptIndex => {
                "an index to keep that is not there at the end of the series, or is another one"
            }
            Self::BadNote => "a comment to this program that gives no reason, allows nothing or is misspelt",
            Self::StaleBaseline => "an entry of the baseline that nothing matches any more",
        }
    }

    /// Why it is one, in a paragraph.
    pub fn why(self) -> &'static str {
        match self {
            Self::PerformanceIndex => {
                "An index that is there for speed can be built at any time and by itself, CONCURRENTLY and watched. A migration \
                 that builds it holds up its deployment, and its table where it is not CONCURRENTLY; one that fails leaves an \
                 invalid index behind. It belongs into the registry."
            }
            Self::DataChange => {
                "A change of many rows in a migration is one transaction: it holds its rows, and what waits for them, until the end, \
                 and nobody can pause it. A backfill in batches can be watched, stopped and gone on with."
            }
            Self::Seed => {
                "Rows that are written out are few, and a migration may bring them; this project refuses that, too."
            }
            Self::NotRead => {
                "Nothing is known about what cannot be read: to pass it over would say that all is well."
            }
            Self::OutOfReach => {
                "SQL that is put together when it runs, or that stands in another file, can change anything; this project refuses it."
            }
            Self::KeptIndex => {
                "The project rests on this index: the rule about the data that it enforces is gone when it is dropped, or made anew \
                 with other keys, another condition or no longer UNIQUE."
            }
            Self::BadNote => {
                "A comment that allows nothing misleads whoever reads it, and would hide the next finding."
            }
            Self::StaleBaseline => {
                "The baseline only shrinks: an entry that is left there would let the same thing come back unseen."
            }
        }
    }

    /// Whether what was there before the guard may stay: what is wrong now has to be put right now.
    pub fn may_be_old(self) -> bool {
        match self {
            Self::PerformanceIndex | Self::DataChange | Self::Seed | Self::NotRead | Self::OutOfReach => true,
            Self::KeptIndex | Self::BadNote | Self::StaleBaseline => false,
        }
    }
}

/// Something that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, by its position; `None` for one that is none of those that were read.
    pub file: Option<usize>,
    /// Path of the file.
    pub path: String,
    /// Bytes of the file's text.
    pub range: Range<usize>,
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
    /// The thing itself in a few words, which may quote the file: `UPDATE leads`.
    pub what: String,
    /// Why it is a finding.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// Why it is none after all; `None` when it is one.
    pub pass: Option<Pass>,
}

/// Why something passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pass {
    /// It stands in a routine, which the migration makes and does not run.
    Routine,
    /// Its rows are written out.
    Seed,
    /// Its table is made by the same file.
    NewTable,
    /// Its table is gone with the session.
    Temporary,
    /// A COPY without a row.
    NoRows,
    /// The project has it on its `keep` list.
    Kept,
    /// Nobody can tell without running it.
    OutOfReach,
    /// A note allows it: the reason.
    Allowed(String),
    /// The baseline has it.
    Baseline,
    /// Its file is the same as it was.
    Unchanged,
}

impl Pass {
    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Routine => "it stands in a routine, which is made here and not run".to_owned(),
            Self::Seed => "its rows are written out: that is seeding".to_owned(),
            Self::NewTable => "its table is made in the same file".to_owned(),
            Self::Temporary => "its table is temporary".to_owned(),
            Self::NoRows => "it brings no rows".to_owned(),
            Self::Kept => "it is on the list of indexes to keep".to_owned(),
            Self::OutOfReach => "it can be judged only by running it".to_owned(),
            Self::Allowed(reason) => format!("a note allows it: {reason}"),
            Self::Baseline => "it is in the baseline".to_owned(),
            Self::Unchanged => "its file did not change".to_owned(),
        }
    }

    /// For programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Routine => "routine",
            Self::Seed => "seed",
            Self::NewTable => "new-table",
            Self::Temporary => "temporary",
            Self::NoRows => "no-rows",
            Self::Kept => "kept",
            Self::OutOfReach => "not-judged",
            Self::Allowed(_) => "allowed",
            Self::Baseline => "baseline",
            Self::Unchanged => "unchanged",
        }
    }
}
