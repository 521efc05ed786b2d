//! The process between a rehearsal and its server: our own binary under a hidden subcommand.
//!
//! ```text
//! cicerone ──pipe──> guard (own session) ──> postgres (dies with the guard on Linux)
//! ```
//!
//! The guard makes the private folder, starts the server in it and reports one line. Then it waits for the end of the
//! pipe, which the kernel closes however the process at the other end came to its end, `kill -9` included. It shuts
//! the server down and removes the folder. Terminal signals do not reach it, and it does not end on SIGTERM, SIGINT
//! or SIGHUP, because whoever started it still needs the server to be taken down.
//!
//! Should the guard itself be killed, Linux sends the server SIGQUIT (a parent-death signal, set between fork and exec
//! by a second hidden step, as forbidding `unsafe` leaves no `pre_exec`). The folder then stays until the next start
//! sweeps it. Elsewhere the server would outlive a killed guard until that sweep.

use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use serde::{Deserialize, Serialize};
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::server::{Server, StartFailure};
use super::user::SystemUser;

/// What the guard is told, as one line of JSON on its standard input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Orders {
    /// Folder with `initdb` and `postgres`.
    pub(super) binaries: PathBuf,
    /// Folder that the private folder is made in.
    pub(super) parent_dir: PathBuf,
    /// Configuration after ours, in order; the last one wins.
    pub(super) settings: Vec<(String, String)>,
    /// Where the server listens besides its socket.
    pub(super) listen: Listen,
    /// Name of the bootstrap superuser.
    pub(super) superuser: String,
    /// Account to run as; `None` is the guard's own.
    pub(super) run_as: Option<SystemUser>,
    /// Folder of initialised data directories to copy from.
    pub(super) templates: Option<PathBuf>,
}

/// Where the server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Listen {
    /// A unix socket in the private folder and nowhere else.
    SocketOnly,
    /// The socket, and a free port of 127.0.0.1.
    Loopback,
}

/// The guard's only line on its standard output.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Report {
    /// The server accepts sessions.
    Ready(Ready),
    /// There is no server and nothing is left of it.
    Failed(StartFailure),
}

/// Where a server that accepts sessions is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ready {
    /// The private folder; data directory and log are in it.
    pub(super) folder: PathBuf,
    /// Folder of the unix socket.
    pub(super) socket_dir: PathBuf,
    /// Port, which is also part of the socket's name.
    pub(super) port: u16,
    /// Process id of the postmaster.
    pub(super) postmaster: i32,
}

/// Name of the hidden subcommand that leads here.
pub const SUBCOMMAND: &str = "rehearsal-guard";

/// First argument of the step between fork and exec.
pub(super) const BECOME_SERVER: &str = "become-server";

/// Entry point of the hidden subcommand; `arguments` are those after its name.
pub fn run(arguments: &[OsString]) -> ExitCode {
    match arguments {
        [] => serve(),
        [step, parent, program, rest @ ..] if step == BECOME_SERVER => become_server(parent, program, rest),
        _ => ExitCode::from(2),
    }
}

fn serve() -> ExitCode {
    // Fails only for the leader of a process group, which a spawned child is not.
    rustix::process::setsid().ok();
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    let (Ok(_), Ok(orders)) = (read, serde_json::from_str::<Orders>(&line)) else {
        return ExitCode::from(2);
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    match runtime.block_on(guard(orders)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn guard(orders: Orders) -> io::Result<()> {
    let _deaf = deaf_to_signals()?;
    let mut other_end = OtherEnd::of_stdin()?;
    let mut server = Server::new(orders);
    let started = tokio::select! {
        started = server.start() => Some(started),
        () = other_end.gone() => None,
    };
    if let Some(Ok(ready)) = started {
        report(&Report::Ready(ready));
        // A server that ends by itself leaves its log for the other end to read.
        other_end.gone().await;
        server.stop().await;
    } else {
        server.stop().await;
        if let Some(Err(failure)) = started {
            report(&Report::Failed(failure));
        }
    }
    Ok(())
}

fn report(report: &Report) {
    let Ok(line) = serde_json::to_string(report) else { return };
    let mut out = io::stdout().lock();
    // When nobody reads, the end of the pipe says so in a moment.
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}

/// A listener takes the place of the default action, which would end the process.
fn deaf_to_signals() -> io::Result<Vec<Signal>> {
    [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].into_iter().map(signal).collect()
}

/// The process at the other end of standard input.
struct OtherEnd(pipe::Receiver);

impl OtherEnd {
    fn of_stdin() -> io::Result<Self> {
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        pipe::Receiver::from_owned_fd(stdin).map(Self)
    }

    /// Returns when the other end has closed the pipe or ended.
    async fn gone(&mut self) {
        let mut buffer = [0_u8; 64];
        while self.0.readable().await.is_ok() {
            match self.0.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}

/// Runs between fork and exec of the server, already as its user: asks for a signal when the guard dies, then becomes
/// the server.
fn become_server(parent: &OsString, program: &OsString, arguments: &[OsString]) -> ExitCode {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::QUIT)).ok();
    // The guard may have died before the signal was asked for.
    let expected = parent.to_str().and_then(|pid| pid.parse().ok());
    if rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get()) != expected {
        return ExitCode::FAILURE;
    }
    let error = Command::new(program).args(arguments).exec();
    writeln!(io::stderr(), "cannot run {}: {error}", program.display()).ok();
    ExitCode::from(127)
}
