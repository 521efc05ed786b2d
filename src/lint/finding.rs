//! What a rule finds.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::audit::Place;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what is wanted.
    Warning,
    /// It fails, or it stops others.
    Error,
}

impl Severity {
    /// All, the mildest first.
    pub const ALL: [Self; 3] = [Self::Note, Self::Warning, Self::Error];

    /// As it is written in files and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    /// How bad it is, as configured.
    pub severity: Severity,
    /// The file, by its position in the series; `None` for one that could not be opened.
    pub file: Option<usize>,
    /// Path of the file.
    pub path: String,
    /// Bytes of the file's text.
    pub range: Range<usize>,
    /// Where it begins.
    pub place: Place,
    /// Where it ends, behind the last character.
    pub end: Place,
    /// What is so. May quote the file.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// A change that is certainly right.
    pub fix: Option<Fix>,
    /// Why a note allows it; `None` when none does.
    pub allowed: Option<String>,
}

/// A change of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, for people.
    pub what: &'static str,
    /// The edits, in the order of the file. All of them or none.
    pub edits: Vec<Edit>,
}

/// Bytes that are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Bytes of the file's text; empty to insert.
    pub range: Range<usize>,
    /// What stands there then.
    pub text: String,
}
