//! What can be wrong with a connection string, a file or a variable: what, where, how to fix it. Never a secret.

use std::io;
use std::path::PathBuf;

use super::setting::Source;

/// A connection description that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnInfoError {
    /// A keyword that libpq does not know either.
    #[error("unknown connection keyword \"{keyword}\" ({from})")]
    UnknownKeyword {
        /// The keyword.
        keyword: String,
        /// Where it stands.
        from: Source,
    },
    /// A keyword that libpq knows and Cicerone refuses.
    #[error("connection keyword \"{keyword}\" ({from}) is not supported: {reason}")]
    Refused {
        /// The keyword.
        keyword: &'static str,
        /// Where it stands.
        from: Source,
        /// Why, and what to do instead.
        reason: &'static str,
    },
    /// A value outside the keyword's set.
    #[error("invalid value \"{value}\" for \"{keyword}\" ({from}): expected {expected}")]
    InvalidValue {
        /// The keyword.
        keyword: &'static str,
        /// The value as given.
        value: String,
        /// Where it stands.
        from: Source,
        /// What would be right.
        expected: &'static str,
    },
    /// A keyword/value string that does not follow the grammar. `at` is a byte offset.
    #[error("connection string, character {at}: {problem}")]
    Syntax {
        /// Byte offset into the string.
        at: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A URI that does not follow the grammar.
    #[error("connection URI: {problem}")]
    Uri {
        /// What is wrong.
        problem: &'static str,
    },
    /// A password in a string that came from the command line.
    #[error(
        "the connection string on the command line holds a password, and every user of this machine can read it there; \
         put it into ~/.pgpass (mode 600), a service file, or PGPASSWORD"
    )]
    PasswordOnArgv,
    /// A service that no service file defines.
    #[error("service \"{name}\" is not defined in {}", searched(.files))]
    UnknownService {
        /// The service.
        name: String,
        /// Files that were searched, in order.
        files: Vec<PathBuf>,
    },
    /// A line of a service file that is neither a section nor `keyword=value`.
    #[error("{}:{line}: {problem}", .file.display())]
    ServiceFile {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A file that could not be read.
    #[error("cannot read {what} {}: {source}", .file.display())]
    Unreadable {
        /// What the file is for.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A passfile or client key that does not keep its secret.
    #[error("{what} {} {fault}; fix it with: chmod 600 {}", .file.display(), .file.display())]
    LooseFile {
        /// What the file is for.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: PassfileFault,
    },
    /// `host`, `hostaddr` and `port` lists of different lengths.
    #[error(
        "{given} values in \"{keyword}\" for {hosts} hosts: give one for each host, or (port) a single one"
    )]
    ListLength {
        /// `port` or `hostaddr`.
        keyword: &'static str,
        /// Values given.
        given: usize,
        /// Hosts given.
        hosts: usize,
    },
    /// Neither the string nor the environment nor the system names a user.
    #[error("no user name: give \"user\" or set PGUSER (the system knows no name for this user id)")]
    NoUser,
    /// `sslmode` allow or prefer over TCP.
    #[error(
        "sslmode={mode} ({from}) is refused for {host}: a server, or somebody in between, that answers \"no TLS\" would get \
         the password in clear; use sslmode=verify-full (or require, which verifies as well)"
    )]
    OpportunisticTls {
        /// `allow` or `prefer`.
        mode: String,
        /// Where it stands.
        from: Source,
        /// The host.
        host: String,
    },
    /// `sslmode=disable` over TCP without consent, or to another machine.
    #[error(
        "sslmode=disable is refused for {host}: clear text needs --insecure-plaintext and a loopback address; \
         use a unix socket or sslmode=verify-full"
    )]
    Plaintext {
        /// The host.
        host: String,
    },
}

/// Why a file that holds a secret is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassfileFault {
    /// A pipe, folder, device or socket.
    #[error("is not a regular file")]
    NotRegular,
    /// Somebody else owns it.
    #[error("belongs to user id {owner}, not to you")]
    ForeignOwner {
        /// The owner.
        owner: u32,
    },
    /// Group or others have access.
    #[error("is accessible to others (mode {mode:03o})")]
    OpenMode {
        /// Permission bits.
        mode: u32,
    },
}

fn searched(files: &[PathBuf]) -> String {
    if files.is_empty() {
        return "any file: set PGSERVICEFILE, or HOME for ~/.pg_service.conf".to_owned();
    }
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}
