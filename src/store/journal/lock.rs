//! One writer per journal: `flock` on the journal itself, and a small file beside it that says who holds it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::JournalError;
use super::error::Holder;
use crate::store::file;

/// Locks the journal for this process, for as long as the file (or a copy of its descriptor) stays open.
///
/// The lock lies on the journal's own inode, so that removing a lock file cannot make two writers.
pub(super) fn acquire(journal: &File, path: &Path) -> Result<(), JournalError> {
    let failed = |source: io::Error| JournalError::Io { doing: "lock", path: path.to_owned(), source };
    match rustix::fs::flock(journal, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let holder = Holder { pid: holder_pid(&holder_path(path)) };
            return Err(JournalError::Busy { path: path.to_owned(), holder });
        }
        Err(errno) => return Err(failed(errno.into())),
    }
    name_holder(&holder_path(path)).map_err(failed)
}

/// `<journal>.writer`: the holder's process id in decimal. Says who, never whether: that is the lock's part.
fn holder_path(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".writer");
    name.into()
}

fn name_holder(path: &Path) -> io::Result<()> {
    let mut file = match file::create_private(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => file::open_append(path)?,
        other => other?,
    };
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

fn holder_pid(path: &Path) -> Option<u32> {
    let bytes = file::read_whole(path).ok()?;
    std::str::from_utf8(&bytes).ok()?.trim_end().parse().ok()
}
