//! Checking a journal's chain without a lock and without knowing its bodies.

use std::path::Path;

use serde::Serialize;

use super::replay::{self, End};
use super::{JournalError, LineFault};
use crate::domain::id::Digest;
use crate::store::file;

/// What a check of the chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Records up to the first problem.
    pub records: u64,
    /// Hash of the last of them: compare it with the one in the signed-off report or in the server's log.
    pub head: Digest,
    /// The first problem, if any.
    pub problem: Option<Problem>,
}

/// Something that does not fit the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Line number, from 1.
    pub line: u64,
    /// Bytes from the start of that line to the end of the file.
    pub length: u64,
    /// Whether the next writer may cut it.
    pub kind: ProblemKind,
    /// What is wrong, in words.
    pub sentence: String,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// Only the last line is bad: a crash of the machine, a full disk, or a writer in the middle of a line.
    TornTail,
    /// A line in the middle is bad: the file was damaged or edited.
    Broken,
    /// A later program went on writing here.
    LaterFormat,
}

/// Follows the chain from the first byte to the last. Reads only.
pub fn verify(path: &Path) -> Result<VerifyReport, JournalError> {
    let bytes = file::read_whole(path).map_err(|source| JournalError::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    })?;
    let scan = replay::scan(&bytes);
    let problem = match &scan.end {
        End::Clean => None,
        End::Torn(fault) => Some((ProblemKind::TornTail, fault)),
        End::Broken(fault @ LineFault::Version(_)) => Some((ProblemKind::LaterFormat, fault)),
        End::Broken(fault) => Some((ProblemKind::Broken, fault)),
    };
    let problem = problem.map(|(kind, fault)| Problem {
        line: scan.bad_line(),
        length: (bytes.len() - scan.good) as u64,
        kind,
        sentence: fault.to_string(),
    });
    Ok(VerifyReport { records: scan.bodies.len() as u64, head: scan.head, problem })
}
