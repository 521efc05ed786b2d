//! Creating, opening and reading a journal.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::line::GENESIS;
use super::replay::{self, End, Record, Replay, Scan, TornTail};
use super::{Journal, JournalError, lock};
use crate::domain::id::Seq;
use crate::store::file::{self, DiskFile};

/// Disk space taken up front, so that a disk that fills up during the run does not end it: more than ten times what a
/// run of a hundred indexes writes. The visible length stays that of the records.
const RESERVED_BYTES: u64 = 4 << 20;

/// An opened journal.
#[derive(Debug)]
pub struct Opened<B> {
    /// What it holds.
    pub replay: Replay<B>,
    /// Whether more can be written.
    pub access: Access<B>,
}

/// What may be done with an opened journal.
#[derive(Debug)]
pub enum Access<B> {
    /// This process is the one writer.
    Write(Journal<B>),
    /// It can only be looked at.
    ReadOnly(ReadOnlyReason),
}

/// Why a journal cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadOnlyReason {
    /// This record is of a kind that this program does not know; a decision without it would be a guess.
    UnknownKind(Seq),
}

/// Makes a new, empty journal and locks it. File and directory entry are durable on return.
///
/// Fails when the name is taken, by a symlink included, and when the disk has no room for a run's records.
pub fn create<B: Serialize>(path: &Path) -> Result<Journal<B>, JournalError> {
    let failed = |doing| move |source| JournalError::Io { doing, path: path.to_owned(), source };
    let file = file::create_private(path).map_err(failed("create"))?;
    lock::acquire(&file, path)?;
    reserve(&file).map_err(failed("reserve disk space for"))?;
    file.sync_all().and_then(|()| file::sync_dir(folder(path))).map_err(failed("make durable"))?;
    Ok(Journal::resume(DiskFile(file), Seq(0), GENESIS.into()))
}

/// Locks a journal, replays it and cuts a torn tail, whose bytes are kept in `torn.<n>` beside it.
///
/// Nothing is changed when another process writes it, when a line in the middle is broken, or when a record is of
/// an unknown kind.
pub fn open<B: Serialize + DeserializeOwned>(path: &Path) -> Result<Opened<B>, JournalError> {
    let failed = |doing| move |source| JournalError::Io { doing, path: path.to_owned(), source };
    let mut file = file::open_append(path).map_err(failed("open"))?;
    lock::acquire(&file, path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed("read"))?;
    let scan = replay::scan(&bytes);
    let mut replay = to_replay(&scan, bytes.len(), path)?;
    if let Some(seq) = replay.first_unknown() {
        return Ok(Opened { replay, access: Access::ReadOnly(ReadOnlyReason::UnknownKind(seq)) });
    }
    if let Some(torn) = &mut replay.torn {
        let kept = keep_tail(folder(path), &bytes[scan.good..]).map_err(failed("keep the torn tail of"))?;
        torn.kept_in = Some(kept);
        file.set_len(scan.good as u64).map_err(failed("cut the torn tail of"))?;
    }
    // Records that the last writer left buffered are about to be acted upon: make them durable first.
    file.sync_all().map_err(failed("make durable"))?;
    let journal = Journal::resume(DiskFile(file), Seq(scan.bodies.len() as u64), scan.head);
    Ok(Opened { replay, access: Access::Write(journal) })
}

/// Replays a journal without locking or changing it. The end may be torn because a writer is just appending.
pub fn read<B: DeserializeOwned>(path: &Path) -> Result<Replay<B>, JournalError> {
    let bytes = file::read_whole(path).map_err(|source| JournalError::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    })?;
    to_replay(&replay::scan(&bytes), bytes.len(), path)
}

/// The body of the last whole line, without following the chain: enough to list runs, not to act on.
///
/// `None` when there is no whole line, or none that reads as a journal line.
pub fn last_body<B: DeserializeOwned>(path: &Path) -> io::Result<Option<Record<B>>> {
    let mut file = file::open_read(path)?;
    let length = file.metadata()?.len();
    let mut window = 64 << 10;
    loop {
        let start = length.saturating_sub(window);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        Read::by_ref(&mut file).take(length - start).read_to_end(&mut bytes)?;
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            if start == 0 {
                return Ok(None);
            }
            window *= 8;
            continue;
        };
        let before = bytes[..end].iter().rposition(|byte| *byte == b'\n');
        match (before, start) {
            (None, 1..) => window *= 8,
            _ => return Ok(body_of(&bytes[before.map_or(0, |at| at + 1)..end])),
        }
    }
}

fn body_of<B: DeserializeOwned>(line: &[u8]) -> Option<Record<B>> {
    let body = line.splitn(4, |byte| *byte == b' ').nth(3)?;
    serde_json::from_slice::<serde::de::IgnoredAny>(body).ok()?;
    Some(replay::record(body))
}

fn to_replay<B: DeserializeOwned>(
    scan: &Scan<'_>,
    length: usize,
    path: &Path,
) -> Result<Replay<B>, JournalError> {
    let torn = match &scan.end {
        End::Clean => None,
        End::Torn(fault) => Some(TornTail {
            line: scan.bad_line(),
            length: (length - scan.good) as u64,
            fault: fault.clone(),
            kept_in: None,
        }),
        End::Broken(fault) => {
            let (path, line, fault) = (path.to_owned(), scan.bad_line(), fault.clone());
            return Err(JournalError::Broken { path, line, fault });
        }
    };
    Ok(Replay { records: scan.records(), head: scan.head.clone(), torn })
}

/// Writes the tail to the first free `torn.<n>`, durably, before it is cut.
fn keep_tail(folder: &Path, tail: &[u8]) -> io::Result<PathBuf> {
    for number in 1_u32.. {
        let path = folder.join(format!("torn.{number}"));
        match file::create_private(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(mut file) => {
                file.write_all(tail)?;
                file.sync_all()?;
                file::sync_dir(folder)?;
                return Ok(path);
            }
        }
    }
    Err(io::ErrorKind::StorageFull.into())
}

/// Reserves blocks without changing the length. File systems that cannot are taken as they are.
#[cfg(target_os = "linux")]
fn reserve(file: &File) -> io::Result<()> {
    use rustix::fs::FallocateFlags;
    use rustix::io::Errno;
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, RESERVED_BYTES) {
        Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::IO)) => Err(errno.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Elsewhere there is no way to reserve blocks behind the end of a file that keeps its length.
#[cfg(not(target_os = "linux"))]
fn reserve(_file: &File) -> io::Result<()> {
    let _ = RESERVED_BYTES;
    Ok(())
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}
