//! Everything outside the connection string that libpq would look at, as a value.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags};

/// Longest file that is read: service files and passfiles are a few kilobytes.
const FILE_LIMIT: u64 = 1 << 20;

/// What the process was started with. `cli` fills it, tests make one up.
pub struct Environment {
    /// Environment variables; only `PG*` are looked at.
    pub vars: BTreeMap<String, String>,
    /// Home folder, for `~/.pgpass`, `~/.pg_service.conf` and `~/.postgresql`.
    pub home: Option<PathBuf>,
    /// Name of the operating system's user: libpq's default for `user`.
    pub os_user: Option<String>,
    /// Effective user id: a passfile has to belong to it.
    pub uid: u32,
    /// Reader of files.
    pub files: Box<dyn Files + Send + Sync>,
}

impl Environment {
    /// The variable, unless it is missing or empty: libpq treats an empty variable as a missing one for most of them.
    pub(super) fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A file below the home folder.
    pub(super) fn in_home(&self, relative: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(relative))
    }

    /// Reads a file that may be missing.
    pub(super) fn read_optional(&self, path: &Path) -> io::Result<Option<FileText>> {
        match self.files.read(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// A file, with what decides whether it may be trusted. Both come from one open file, so nobody can swap it in between.
pub struct FileText {
    /// Content; empty when the file is not a regular one.
    pub text: String,
    /// Owner's user id.
    pub owner: u32,
    /// Permission bits, e.g. `0o600`.
    pub mode: u32,
    /// Regular or something else.
    pub kind: FileKind,
}

/// Kind of a file as far as secrets are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A pipe, folder, device or socket.
    Other,
}

/// Reads files for [`Environment`].
pub trait Files {
    /// Content and permissions of the file at `path`; follows symbolic links as libpq does.
    fn read(&self, path: &Path) -> io::Result<FileText>;
}

/// The real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OnDisk;

impl Files for OnDisk {
    fn read(&self, path: &Path) -> io::Result<FileText> {
        // O_NONBLOCK: opening a named pipe without a writer would hang.
        let flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file =
            std::fs::OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
        let facts = rustix::fs::fstat(&file)?;
        let regular = FileType::from_raw_mode(facts.st_mode) == FileType::RegularFile;
        let kind = if regular { FileKind::Regular } else { FileKind::Other };
        let mut text = String::new();
        if kind == FileKind::Regular {
            let read = file.by_ref().take(FILE_LIMIT + 1).read_to_string(&mut text)?;
            if read as u64 > FILE_LIMIT {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 1 MiB"));
            }
        }
        Ok(FileText { text, owner: facts.st_uid, mode: facts.st_mode & 0o7777, kind })
    }
}
