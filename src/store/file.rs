//! Files that nobody else can plant, read or redirect, and the layer on which a disk can be made to fail.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Mode, OFlags};

/// Where a journal's bytes go. A layer of its own, so that tests can fail any write or sync.
///
/// Both methods are called once per record and never again after they have failed.
pub trait LogFile: Send {
    /// Appends all of `bytes`, or fails with any part of them written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns once everything appended so far would survive a loss of power.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file opened for appending.
#[derive(Debug)]
pub struct DiskFile(pub(super) File);

impl LogFile for DiskFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        // fdatasync: the length of an appended file is data that it flushes, times of access are not.
        self.0.sync_data()
    }
}

/// Owner may read and write, nobody else anything.
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Creates a file of mode 0600 whatever the umask; fails when anything, a dangling symlink included, has that name.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::APPEND;
    let file = open(path, flags, PRIVATE_FILE)?;
    rustix::fs::fchmod(&file, PRIVATE_FILE)?;
    Ok(file)
}

/// Opens an existing regular file for reading and appending.
pub(super) fn open_append(path: &Path) -> io::Result<File> {
    regular(open(path, OFlags::RDWR | OFlags::APPEND, Mode::empty())?)
}

/// Opens an existing regular file for reading.
pub(super) fn open_read(path: &Path) -> io::Result<File> {
    regular(open(path, OFlags::RDONLY, Mode::empty())?)
}

/// All bytes of a regular file that is not reached through a symlink in its last component.
pub(super) fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_read(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes the names in a directory durable. A created file is not there after a power loss without this.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::from(rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
        .sync_all()
}

/// Numbers drafts.
static DRAFTS: AtomicU64 = AtomicU64::new(0);

/// Puts `bytes` under `path` at once: readers see the old content or the new, never a half.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut draft = name.to_owned();
    // Two writers of one process must not share a draft.
    let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
    draft.push(format!(".{}-{number}.new", std::process::id()));
    let draft = folder.join(draft);
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_private(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    sync_dir(folder)
}

fn open(path: &Path, flags: OFlags, mode: Mode) -> io::Result<File> {
    // NONBLOCK: a FIFO planted under the name would otherwise hold us for ever; it means nothing to a regular file.
    let guard = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(File::from(rustix::fs::open(path, flags | guard, mode)?))
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn created_file_is_private_and_never_goes_through_a_planted_link() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        create_private(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(create_private(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);

        let link = dir.path().join("link");
        symlink(dir.path().join("elsewhere"), &link).unwrap();
        assert!(create_private(&link).is_err());
        assert!(!dir.path().join("elsewhere").exists());
        let link_to_real = dir.path().join("link2");
        symlink(&path, &link_to_real).unwrap();
        assert!(open_append(&link_to_real).is_err());
        assert!(open_read(&link_to_real).is_err());
    }

    #[test]
    fn replacing_leaves_one_private_file_with_the_new_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.md");
        replace(&path, b"old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(read_whole(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_under_the_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(open_read(dir.path()).is_err());
    }
}
