//! Faults that really happen to a throwaway server, for people and tests to see what a rollout makes of them.
//!
//! Nothing is faked: another session really holds a snapshot, a file system really is full, a process really dies.
//! Every fault ends by itself after the time given to [`FaultTarget::holding`], or earlier when it is told to.

mod disk;
mod holder;
mod strike;
mod term;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use term::Since;

use super::cluster::Cluster;
use super::connect::ConnectError;
use crate::domain::id::Pid;
use term::Term;

/// A fault, by the name that `--fault` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A session idles in a REPEATABLE READ transaction: builds wait for it at their very end.
    OpenSnapshot,
    /// A session idles after an UPDATE of the table: builds on it wait before they scan.
    Writer,
    /// A slow VACUUM of the table: builds on it cannot even get its lock.
    Vacuum,
    /// Somebody cancels the first build that is seen (SQLSTATE 57014).
    Cancel,
    /// Somebody terminates the session of the first build that is seen (SQLSTATE 57P01).
    Terminate,
    /// The disk under the database has little room left (SQLSTATE 53100). Needs root and Linux.
    DiskFull,
    /// One backend is killed while a build runs; the server drops all sessions and recovers.
    KillServer,
}

/// When a fault has to be injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// While nobody uses the database: it is moved to another disk.
    BeforeTheRun,
    /// At any time.
    Anytime,
}

impl Fault {
    /// All of them, in the order of the help text.
    pub const ALL: [Self; 7] = [
        Self::OpenSnapshot,
        Self::Writer,
        Self::Vacuum,
        Self::Cancel,
        Self::Terminate,
        Self::DiskFull,
        Self::KillServer,
    ];

    /// The name that `--fault` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenSnapshot => "open-snapshot",
            Self::Writer => "writer",
            Self::Vacuum => "vacuum",
            Self::Cancel => "cancel",
            Self::Terminate => "terminate",
            Self::DiskFull => "disk-full",
            Self::KillServer => "kill-server",
        }
    }

    /// What happens, for the help text.
    pub fn summary(self) -> &'static str {
        match self {
            Self::OpenSnapshot => "a report keeps an old snapshot open",
            Self::Writer => "an import keeps a transaction open that changed the table",
            Self::Vacuum => "a slow VACUUM holds the table",
            Self::Cancel => "somebody cancels the first build seen",
            Self::Terminate => "somebody terminates the session of the first build seen",
            Self::DiskFull => "the disk under the database runs full",
            Self::KillServer => "a backend is killed during a build, so that the server recovers",
        }
    }

    /// When it has to be injected.
    pub fn timing(self) -> Timing {
        match self {
            Self::DiskFull => Timing::BeforeTheRun,
            Self::OpenSnapshot
            | Self::Writer
            | Self::Vacuum
            | Self::Cancel
            | Self::Terminate
            | Self::KillServer => Timing::Anytime,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no fault; known are {names}", names = Fault::ALL.map(Fault::name).join(", "))]
pub struct UnknownFault(String);

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|fault| fault.name() == name).ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

/// Where a fault happens. Made from a throwaway [`Cluster`] and nothing else: no fault can reach another server.
#[derive(Debug, Clone)]
pub struct FaultTarget {
    conninfo: String,
    maintenance: String,
    database: String,
    folder: PathBuf,
    postmaster: i32,
    table: String,
    hold: Duration,
    since: Since,
}

impl FaultTarget {
    /// A database of a throwaway server, its table `leads`, and 20 s.
    pub fn new(cluster: &Cluster, database: &str) -> Self {
        Self {
            conninfo: cluster.conninfo(database),
            maintenance: cluster.conninfo("postgres"),
            database: database.to_owned(),
            folder: cluster.folder().to_owned(),
            postmaster: cluster.postmaster_pid(),
            table: "leads".to_owned(),
            hold: Duration::from_secs(20),
            since: Since::Injection,
        }
    }

    /// The table for [`Fault::Writer`] and [`Fault::Vacuum`], as SQL writes it.
    #[must_use]
    pub fn on_table(self, table: impl Into<String>) -> Self {
        Self { table: table.into(), ..self }
    }

    /// How long the fault lasts, or waits for a build to hit.
    #[must_use]
    pub fn holding(self, hold: Duration) -> Self {
        Self { hold, ..self }
    }

    /// From when on that time is counted; a [`Fault::Vacuum`] runs from its injection whatever is said here.
    #[must_use]
    pub fn counting(self, since: Since) -> Self {
        Self { since, ..self }
    }
}

/// Why a fault could not be injected.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// No session to the server.
    #[error("the throwaway server cannot be reached")]
    Connect(#[from] ConnectError),
    /// The server refused a statement.
    #[error("the throwaway server refused a statement of the fault")]
    Statement(#[from] tokio_postgres::Error),
    /// There is no such table.
    #[error("there is no table {0} to hold")]
    NoTable(String),
    /// Only root may limit the size of a disk.
    #[error("disk-full mounts a small file system, which only root on Linux may do")]
    NeedsRoot,
    /// The small file system could not be made.
    #[error("no small file system can be mounted at {}", .path.display())]
    Mount {
        /// The mount point.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The victim is not a backend of the throwaway server.
    #[error("process {0} is not a backend of the throwaway server")]
    NotOurs(Pid),
    /// The victim could not be killed.
    #[error("process {pid} cannot be killed")]
    Kill {
        /// The backend.
        pid: Pid,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The fault's task died.
    #[error("the task of the fault ended early")]
    Task(#[from] tokio::task::JoinError),
}

/// How a fault ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// What was held is free again.
    Released,
    /// The session that held it was ended by somebody.
    SessionEnded,
    /// A build was hit; the backend that was signalled, which is not the build's own for [`Fault::KillServer`].
    Struck(Pid),
    /// No build was seen in time.
    NothingToHit,
}

/// A fault in force. Dropping it leaves it to its own end.
#[derive(Debug)]
pub struct Injection {
    fault: Fault,
    stop: CancellationToken,
    task: JoinHandle<Result<Outcome, FaultError>>,
}

impl Injection {
    /// Which one it is.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// Waits for the fault's own end.
    pub async fn ended(self) -> Result<Outcome, FaultError> {
        self.task.await?
    }

    /// Ends the fault now.
    pub async fn stop(self) -> Result<Outcome, FaultError> {
        self.stop.cancel();
        self.task.await?
    }
}

type Rest = Pin<Box<dyn Future<Output = Result<Outcome, FaultError>> + Send>>;

/// Injects a fault. When this returns it is in force: the snapshot is open, the lock is held, the disk is small, or
/// a watcher waits for a build.
pub async fn inject(fault: Fault, target: FaultTarget) -> Result<Injection, FaultError> {
    let stop = CancellationToken::new();
    let rest: Rest = match fault {
        // A database moves only while nobody is connected to it, whoever watches for builds included.
        Fault::DiskFull => {
            let disk = disk::shrink(&target).await?;
            Box::pin(disk.hold(Term::of(&target).await?, stop.clone()))
        }
        Fault::OpenSnapshot => {
            Box::pin(holder::open_snapshot(&target).await?.hold(Term::of(&target).await?, stop.clone()))
        }
        Fault::Writer => Box::pin(holder::write(&target).await?.hold(Term::of(&target).await?, stop.clone())),
        Fault::Vacuum => {
            Box::pin(holder::vacuum(&target).await?.hold(Term::of(&target).await?, stop.clone()))
        }
        Fault::Cancel => {
            let term = Term::of(&target).await?;
            Box::pin(strike::Striker::new(target).await?.cancel(term, stop.clone()))
        }
        Fault::Terminate => {
            let term = Term::of(&target).await?;
            Box::pin(strike::Striker::new(target).await?.terminate(term, stop.clone()))
        }
        Fault::KillServer => {
            let term = Term::of(&target).await?;
            Box::pin(strike::Striker::new(target).await?.kill_server(term, stop.clone()))
        }
    };
    Ok(begun(fault, stop, rest))
}

fn begun(fault: Fault, stop: CancellationToken, rest: Rest) -> Injection {
    #[expect(clippy::disallowed_methods, reason = "joined by Injection, which hands on its result")]
    let task = tokio::spawn(rest);
    Injection { fault, stop, task }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_fault() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(fault));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "earthquake".parse::<Fault>().expect_err("not one of ours");
        assert_eq!(
            error.to_string(),
            "earthquake is no fault; known are open-snapshot, writer, vacuum, cancel, terminate, disk-full, kill-server"
        );
    }
}
