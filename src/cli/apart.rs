//! The engine as a process of its own: how a console starts it, and what the two tell each other before they meet at the
//! engine's socket.
//!
//! The same program with the same arguments and one more variable: what that variable holds is the engine's duty. It says
//! one line of JSON on its standard output, where its socket is or why there is none, and nothing after that.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::domain::id::RunId;

use super::args::{RunArgs, TargetArgs, Verb};
use super::attended;
use super::error::CliError;
use super::exit::Exit;
use super::rehearse;
use super::surrounding::Surrounding;

/// The variable.
const DUTY: &str = "CICERONE_ENGINE";

/// What an engine is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "duty", rename_all = "snake_case")]
pub enum Duty {
    /// The target of the command line.
    Target,
    /// A throwaway server.
    Rehearsal {
        /// How to connect.
        conninfo: String,
    },
}

/// What an engine says first, and last.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "birth", rename_all = "snake_case")]
pub enum Birth {
    /// It listens.
    Listens {
        /// Its socket.
        socket: PathBuf,
        /// Its run.
        run: RunId,
        /// What a person should know of how the run was opened, a line each.
        notes: Vec<String>,
    },
    /// There is no run.
    Failed(CliError),
}

impl Duty {
    /// The duty of this process, when it is an engine.
    pub fn of_this_process(around: &Surrounding) -> Option<Self> {
        serde_json::from_str(&around.text(DUTY)?).ok()
    }
}

/// The engine's whole life.
pub async fn engine(
    command: Verb,
    duty: Duty,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<u8, CliError> {
    detach();
    let result = match (command, duty) {
        (Verb::Console { playbook }, Duty::Target) => {
            Box::pin(attended::on_target(&playbook, target, args, around)).await
        }
        (Verb::Rehearse(rehearsal), Duty::Rehearsal { conninfo }) => {
            Box::pin(rehearse::engine(&rehearsal, &conninfo, target, args, around)).await
        }
        _ => Err(CliError::usage("no engine is made of that command").with_exit(Exit::Bug)),
    };
    // Once it listens, standard output leads nowhere: then only the log has it.
    if let Err(error) = &result {
        tracing::error!(%error, "the engine ends");
        announce(&Birth::Failed(error.clone()))?;
    }
    result
}

/// Leaves the session and the terminal of whoever started this process.
pub fn detach() {
    // Fails only for the leader of a process group, which a spawned child is not.
    rustix::process::setsid().ok();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Says the one line, and closes standard output behind it.
pub fn announce(birth: &Birth) -> Result<(), CliError> {
    let line = serde_json::to_string(birth)
        .map_err(|error| CliError::usage("the engine cannot say where it is").because(&error))?;
    // A console that is gone already needs no line: the run goes on.
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    drop(out);
    if let Ok(null) = fs_err::OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&null);
    }
    Ok(())
}

/// An engine that was started and has not spoken yet.
pub struct Starting {
    child: Child,
}

/// Starts one. `lifeline` becomes its standard input: what hangs on it lives as long as the engine.
pub fn start(duty: &Duty, lifeline: Option<OwnedFd>) -> Result<Starting, CliError> {
    let failed = |error: &(dyn std::error::Error + 'static)| {
        CliError::usage("the engine cannot be started").because(error).with_exit(Exit::Bug)
    };
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let duty = serde_json::to_string(duty).map_err(|error| failed(&error))?;
    let child = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(DUTY, duty)
        .stdin(lifeline.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(false)
        .spawn()
        .map_err(|error| failed(&error))?;
    Ok(Starting { child })
}

impl Starting {
    /// Its line. An engine that ends without one is a bug, and said to be.
    pub async fn birth(mut self) -> Birth {
        let silent = || {
            let what = "the engine ended without a word";
            let error = CliError::usage(what).hint("its log lies in the run's folder").with_exit(Exit::Bug);
            Birth::Failed(error)
        };
        let Some(stdout) = self.child.stdout.take() else { return silent() };
        let mut line = String::new();
        match BufReader::new(stdout).read_line(&mut line).await {
            Ok(read) if read > 0 => serde_json::from_str(&line).unwrap_or_else(|_| silent()),
            Ok(_) | Err(_) => silent(),
        }
    }
}
