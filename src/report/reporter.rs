//! What every running output does.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use crate::domain::blocker::Blocker;
use crate::domain::event::Event;
use crate::domain::id::{Digest, EntryKey};
use crate::domain::sample::Samples;

/// An output that follows a run. Each folds the events for itself; none can hold up or change the run.
pub trait Reporter: Send {
    /// Takes in what happened before this process, without writing it.
    fn catch_up(&mut self, events: &[Event]);

    /// Writes what has just happened.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Offers the newest readings; most are passed over, to keep a calm pace.
    fn samples(&mut self, samples: &Samples) -> io::Result<()>;

    /// Writes who would hold up the drops of a rollback, before the first of them is sent.
    fn drop_holders(&mut self, holders: &DropHolders) -> io::Result<()>;

    /// Writes how it all ended. Nothing is written afterwards.
    fn end(&mut self, end: &RunEnd) -> io::Result<()>;
}

/// Who would hold up a drop on each table of a rollback, just before it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct DropHolders {
    /// When it was read.
    pub at: jiff::Timestamp,
    /// For every entry that is to go; or why it could not be read. Untrusted.
    pub found: Result<BTreeMap<EntryKey, Vec<Blocker>>, String>,
}

/// Where a run's files lie at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// The Markdown report.
    pub report: PathBuf,
    /// The journal.
    pub journal: PathBuf,
    /// Hash of the journal's last record.
    pub head: Digest,
}
