//! A throwaway server, seen from the process that uses it.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::discover::Binaries;
use super::guard::{Listen, Orders, Ready, Report, SUBCOMMAND};
use super::server::StartFailure;
use super::user::SystemUser;

/// What a throwaway server is made of.
#[derive(Debug, Clone)]
pub struct ClusterSpec {
    /// The server programs.
    pub binaries: Binaries,
    /// Folder that the server's private folder is made in; its user must be able to search it.
    pub parent_dir: PathBuf,
    /// Configuration settings behind the built-in ones; the last one of a name counts.
    pub settings: Vec<(String, String)>,
    /// Where the server listens.
    pub listen: Listen,
    /// Our own binary, which becomes the guard.
    pub guard_exe: PathBuf,
    /// Account to run as, from [`super::user::server_user`].
    pub run_as: Option<SystemUser>,
    /// Folder for initialised data directories to copy from; saves 0.4 s a start from the second one on.
    pub templates: Option<PathBuf>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The guard could not be started.
    #[error("cannot run {} as the server's guard", .program.display())]
    Guard {
        /// Our own binary.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The guard ended without a word.
    #[error("the server's guard ended before it reported")]
    Silent,
    /// The guard could not start the server; nothing is left of it.
    #[error(transparent)]
    Start(#[from] StartFailure),
}

/// Name of the bootstrap superuser, which trust authentication lets in through the private folder.
pub const SUPERUSER: &str = "postgres";

/// A running throwaway server. It goes when this value does, or when the process ends in whatever way.
#[derive(Debug)]
pub struct Cluster {
    ready: Ready,
    listen: Listen,
    guard: Child,
    /// The pipe whose end the guard waits for.
    lifeline: Option<ChildStdin>,
}

impl Cluster {
    /// Makes a data directory and starts a server in it. Takes 0.4 to 0.6 s on a quiet machine.
    pub async fn start(spec: ClusterSpec) -> Result<Self, ClusterError> {
        let program = spec.guard_exe.clone();
        let started = tokio::task::spawn_blocking(move || start(&spec)).await;
        started.unwrap_or_else(|join| Err(ClusterError::Guard { program, source: io::Error::other(join) }))
    }

    /// Folder of the unix socket.
    pub fn socket_dir(&self) -> &Path {
        &self.ready.socket_dir
    }

    /// Port of the socket's name, and of 127.0.0.1 with [`Listen::Loopback`].
    pub fn port(&self) -> u16 {
        self.ready.port
    }

    /// The private folder. Only its owner and root can look into it.
    pub fn folder(&self) -> &Path {
        &self.ready.folder
    }

    /// The server's log.
    pub fn log_path(&self) -> PathBuf {
        self.ready.folder.join("server.log")
    }

    /// Process id of the postmaster.
    pub fn postmaster_pid(&self) -> i32 {
        self.ready.postmaster
    }

    /// Process id of the guard.
    pub fn guard_pid(&self) -> u32 {
        self.guard.id()
    }

    /// Another end of the pipe that the guard waits for: the server lives as long as anybody has one.
    pub fn lifeline(&self) -> io::Result<OwnedFd> {
        let end = self.lifeline.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        end.as_fd().try_clone_to_owned()
    }

    /// Leaves the server to whoever else has a lifeline.
    pub fn leave(mut self) {
        drop(self.lifeline.take());
    }

    /// Connection string through the socket, in libpq's keyword form.
    pub fn conninfo(&self, database: &str) -> String {
        self.conninfo_at(&self.ready.socket_dir.display().to_string(), database)
    }

    /// Connection string through 127.0.0.1; `None` when the server has only its socket.
    pub fn conninfo_tcp(&self, database: &str) -> Option<String> {
        (self.listen == Listen::Loopback).then(|| self.conninfo_at("127.0.0.1", database))
    }

    fn conninfo_at(&self, host: &str, database: &str) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        format!("host={} port={} user={SUPERUSER} dbname={}", quoted(host), self.ready.port, quoted(database))
    }

    /// Shuts the server down and waits until it and its folder are gone: 0.1 s, at most 14 s.
    pub async fn stop(mut self) {
        drop(self.lifeline.take());
        let mut guard = self.guard;
        tokio::task::spawn_blocking(move || guard.wait().is_ok()).await.ok();
    }
}

fn start(spec: &ClusterSpec) -> Result<Cluster, ClusterError> {
    let failed = |source: io::Error| ClusterError::Guard { program: spec.guard_exe.clone(), source };
    let orders = Orders {
        binaries: spec.binaries.folder.clone(),
        parent_dir: spec.parent_dir.clone(),
        settings: spec.settings.clone(),
        listen: spec.listen,
        superuser: SUPERUSER.to_owned(),
        run_as: spec.run_as.clone(),
        templates: spec.templates.clone(),
    };
    let orders = serde_json::to_string(&orders).map_err(|error| failed(error.into()))?;
    let mut guard = Command::new(&spec.guard_exe)
        .arg(SUBCOMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // So that the server holds no file system of ours busy.
        .current_dir("/")
        .spawn()
        .map_err(failed)?;
    let mut lifeline = guard.stdin.take().ok_or(ClusterError::Silent)?;
    writeln!(lifeline, "{orders}").map_err(failed)?;
    let output = guard.stdout.take().ok_or(ClusterError::Silent)?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).map_err(failed)?;
    match serde_json::from_str(&line) {
        Ok(Report::Ready(ready)) => {
            Ok(Cluster { ready, listen: spec.listen, guard, lifeline: Some(lifeline) })
        }
        Ok(Report::Failed(failure)) => {
            guard.wait().ok();
            Err(failure.into())
        }
        Err(_) => {
            drop(lifeline);
            guard.wait().ok();
            Err(ClusterError::Silent)
        }
    }
}
