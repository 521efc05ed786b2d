//! What can go wrong with a journal.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::LineFault;

/// A journal cannot be created, opened or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused a file operation.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: `create`, `read`, `lock`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Another process writes this journal.
    #[error("{} is being written by {holder}; one run has one writer", path.display())]
    Busy {
        /// The journal.
        path: PathBuf,
        /// Who holds it.
        holder: Holder,
    },
    /// A line in the middle does not fit the chain: edited, damaged, or not ours.
    #[error("{} line {line}: {fault}; lines follow it, so this is no torn tail and nothing was changed", path.display())]
    Broken {
        /// The journal.
        path: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// What is wrong with it.
        fault: LineFault,
    },
}

/// Who holds a journal's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Process id, when the holder has got as far as writing it down.
    pub pid: Option<u32>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

/// A record was not appended, or nobody can tell whether it is durable. In both cases: do not act on it.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The body cannot be written as JSON. Nothing was written, the journal stays usable.
    #[error("the record cannot be written as JSON: {0}")]
    Encode(#[source] serde_json::Error),
    /// Writing failed, some of the line may be in the file. The journal is sealed from here on.
    #[error("writing to the journal failed, nothing new will be started: {0}")]
    Write(#[source] io::Error),
    /// The line is written but perhaps not durable. The journal is sealed from here on.
    #[error("the journal could not be made durable, nothing new will be started: {0}")]
    Sync(#[source] io::Error),
    /// An earlier append failed.
    #[error("the journal was sealed by an earlier error, nothing new will be started")]
    Sealed,
}
