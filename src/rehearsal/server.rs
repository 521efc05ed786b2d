//! One server in one private folder, as the guard runs it: make, start, stop, remove.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::folder::PrivateFolder;
use super::guard::{BECOME_SERVER, Listen, Orders, Ready, SUBCOMMAND};
use super::user::SystemUser;

/// initdb takes 0.4 s on a quiet machine and 2 s on a busy one.
const INITDB_LIMIT: Duration = Duration::from_secs(90);
/// A server on an empty data directory is ready after 0.1 s.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How long a shutdown may take before the next, harder signal.
const STOP_STEPS: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_secs(6)),
    (Signal::QUIT, Duration::from_secs(3)),
    (Signal::KILL, Duration::from_secs(3)),
];
/// Another process may take a free port between our look and the server's bind.
const PORT_ATTEMPTS: u32 = 3;

/// Why there is no server. Crosses a pipe, so causes are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum StartFailure {
    /// The private folder cannot be made or prepared.
    #[error("cannot prepare {}: {cause}", .path.display())]
    Folder {
        /// Folder or file.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The account that runs the server cannot get to a file that it needs.
    #[error("user {user} cannot reach {}; it needs search permission on every folder above", .path.display())]
    Unreachable {
        /// Folder or file.
        path: PathBuf,
        /// Login name.
        user: String,
    },
    /// A program could not be run at all.
    #[error("cannot run {}: {cause}", .program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// initdb ended with an error.
    #[error("initdb failed: {output}")]
    Initdb {
        /// The last lines that it printed.
        output: String,
    },
    /// The server ended before it was ready.
    #[error("the server did not start: {log}")]
    Server {
        /// The last lines of its log.
        log: String,
    },
    /// A step took too long.
    #[error("{step} took more than {seconds} s")]
    TooSlow {
        /// `initdb` or `the start`.
        step: String,
        /// The limit.
        seconds: u64,
    },
}

impl StartFailure {
    pub(super) fn folder(path: &Path, cause: &impl std::fmt::Display) -> Self {
        Self::Folder { path: path.to_owned(), cause: cause.to_string() }
    }
}

/// A server and what is needed to take it down at any moment of its life.
pub(super) struct Server {
    orders: Orders,
    folder: Option<PrivateFolder>,
    /// initdb or cp, while one runs; leads its own process group.
    helper: Option<Child>,
    postmaster: Option<Child>,
}

impl Server {
    pub(super) fn new(orders: Orders) -> Self {
        Self { orders, folder: None, helper: None, postmaster: None }
    }

    /// Makes the folder and starts the server. May be dropped at any await; [`Self::stop`] then tidies up.
    pub(super) async fn start(&mut self) -> Result<Ready, StartFailure> {
        if let Some(user) = &self.orders.run_as {
            for path in [&self.orders.parent_dir, &self.orders.binaries] {
                super::folder::check_reach(path, user)?;
            }
        }
        super::folder::sweep(&self.orders.parent_dir);
        let folder = PrivateFolder::create(&self.orders.parent_dir, self.orders.run_as.as_ref())?;
        let (data, log) = (folder.data(), folder.log());
        self.folder = Some(folder);
        self.make_data(&data).await?;
        let mut attempt = 1;
        loop {
            let port = pick_port(self.orders.listen);
            match self.start_postmaster(&data, &log, port).await {
                Err(StartFailure::Server { log }) if log.contains("in use") && attempt < PORT_ATTEMPTS => {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn make_data(&mut self, data: &Path) -> Result<(), StartFailure> {
        let Some(templates) = self.orders.templates.clone() else { return self.initdb(data).await };
        let template = super::folder::Template::open(&templates, &self.orders)?;
        if !template.exists() {
            let draft = template.draft();
            self.initdb(&draft).await?;
            template.publish(&draft)?;
        }
        let mut copy = self.program(Path::new("cp"));
        copy.arg("-a").arg(template.path()).arg(data);
        self.run_helper(copy, "cp").await
    }

    async fn initdb(&mut self, data: &Path) -> Result<(), StartFailure> {
        // C.UTF-8 orders like C and knows the letters of Unicode; systems without it have plain C.
        let mut outcome = Ok(());
        for locale in ["C.UTF-8", "C"] {
            let mut initdb = self.program(&self.orders.binaries.join("initdb"));
            initdb.args([
                "-N",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale",
                locale,
                "-U",
                &self.orders.superuser,
            ]);
            initdb.arg("-D").arg(data);
            outcome = self.run_helper(initdb, "initdb").await;
            if !matches!(&outcome, Err(StartFailure::Initdb { output }) if output.contains("locale")) {
                break;
            }
        }
        outcome
    }

    async fn run_helper(&mut self, mut command: Command, step: &str) -> Result<(), StartFailure> {
        let program = PathBuf::from(command.as_std().get_program());
        command.process_group(0).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| StartFailure::Program { program: program.clone(), cause: error.to_string() })?;
        let errors = child.stderr.take();
        let child = self.helper.insert(child);
        let work = async {
            let mut output = Vec::new();
            if let Some(mut errors) = errors {
                tokio::io::AsyncReadExt::read_to_end(&mut errors, &mut output).await.ok();
            }
            (child.wait().await, output)
        };
        let Ok((status, output)) = timeout(INITDB_LIMIT, work).await else {
            return Err(StartFailure::TooSlow { step: step.to_owned(), seconds: INITDB_LIMIT.as_secs() });
        };
        self.helper = None;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(StartFailure::Initdb { output: tail(&output) }),
            Err(error) => Err(StartFailure::Program { program, cause: error.to_string() }),
        }
    }

    async fn start_postmaster(&mut self, data: &Path, log: &Path, port: u16) -> Result<Ready, StartFailure> {
        let Some(folder) = &self.folder else {
            return Err(StartFailure::folder(data, &"the folder is gone"));
        };
        let socket_dir = folder.socket_dir(port, self.orders.run_as.as_ref())?;
        folder.configure(&self.orders, &socket_dir, port)?;
        let folder = folder.path().to_owned();
        let postgres = self.orders.binaries.join("postgres");
        let output = fs_err::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .map_err(|error| StartFailure::folder(log, &error))?;
        let arguments = [std::ffi::OsStr::new("-D"), data.as_os_str()];
        let child = self.spawn_postmaster(&postgres, &arguments, output.into_file())?;
        let pid = child.id();
        let child = self.postmaster.insert(child);
        let ready = wait_until_ready(child, data);
        let Ok(outcome) = timeout(START_LIMIT, ready).await else {
            return Err(StartFailure::TooSlow {
                step: "the start".to_owned(),
                seconds: START_LIMIT.as_secs(),
            });
        };
        if outcome.is_err() {
            self.postmaster = None;
            let log = fs_err::read(log).map_or_else(|error| error.to_string(), |text| tail(&text));
            return Err(StartFailure::Server { log });
        }
        let postmaster = pid.and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        Ok(Ready { folder, socket_dir, port, postmaster })
    }

    /// On Linux through our own binary, which asks for the parent-death signal and then becomes `postgres`. The
    /// binary is named by the kernel's link, as the server's user may not be able to search the folder that it lies in.
    fn spawn_postmaster(
        &self,
        postgres: &Path,
        arguments: &[&std::ffi::OsStr],
        log: std::fs::File,
    ) -> Result<Child, StartFailure> {
        let failed = |error: &std::io::Error| StartFailure::Program {
            program: postgres.to_owned(),
            cause: error.to_string(),
        };
        let second = log.try_clone().map_err(|error| failed(&error))?;
        let spawn = |mut command: Command, log: std::fs::File| {
            command.args(arguments).process_group(0).stdout(Stdio::null()).stderr(log).spawn()
        };
        if cfg!(target_os = "linux") {
            let mut command = self.program(Path::new("/proc/self/exe"));
            command.args([SUBCOMMAND, BECOME_SERVER, &std::process::id().to_string()]).arg(postgres);
            if let Ok(child) = spawn(command, second) {
                return Ok(child);
            }
        }
        // Our binary may be executable for its owner only.
        spawn(self.program(postgres), log).map_err(|error| failed(&error))
    }

    /// A program run as the server's user with nothing of our environment, whose `PG*` variables are for others.
    fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC");
        command.stdin(Stdio::null()).current_dir("/");
        if let Some(SystemUser { uid, gid, .. }) = &self.orders.run_as {
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Ends whatever runs and removes what was made. Bounded: the sum of [`STOP_STEPS`] and a few seconds.
    pub(super) async fn stop(mut self) {
        if let Some(mut helper) = self.helper.take() {
            if let Some(pid) = helper.id().and_then(pid) {
                kill_process_group(pid, Signal::KILL).ok();
            }
            timeout(Duration::from_secs(2), helper.wait()).await.ok();
        }
        if let Some(mut postmaster) = self.postmaster.take() {
            stop_postmaster(&mut postmaster).await;
        }
        if let Some(folder) = self.folder.take() {
            folder.remove().await;
        }
    }
}

async fn stop_postmaster(postmaster: &mut Child) {
    for (signal, patience) in STOP_STEPS {
        // No id: it has ended and was waited for, so that the number may belong to somebody else by now.
        let Some(pid) = postmaster.id().and_then(pid) else { return };
        kill_process(pid, signal).ok();
        if timeout(patience, postmaster.wait()).await.is_ok() {
            return;
        }
    }
}

fn pid(raw: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(raw).ok()?)
}

/// The eighth line of `postmaster.pid` says `ready` from PostgreSQL 10 on. `Err` when the server ended instead.
async fn wait_until_ready(postmaster: &mut Child, data: &Path) -> Result<(), ()> {
    let file = data.join("postmaster.pid");
    loop {
        let state = fs_err::read_to_string(&file).unwrap_or_default();
        if state.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            return Ok(());
        }
        if !matches!(postmaster.try_wait(), Ok(None)) {
            return Err(());
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// A port that is free on 127.0.0.1; for a socket alone any number will do, as the folder is ours.
fn pick_port(listen: Listen) -> u16 {
    let free = || Some(std::net::TcpListener::bind(("127.0.0.1", 0)).ok()?.local_addr().ok()?.port());
    match listen {
        Listen::Loopback => free().unwrap_or(54_321),
        Listen::SocketOnly => fastrand::u16(20_000..60_000),
    }
}

/// The last lines of some output, for a message.
fn tail(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_the_last_lines() {
        let output: String = (1..=20).fold(String::new(), |text, number| format!("{text}line {number}\n\n"));
        let kept = tail(output.as_bytes());
        assert!(kept.starts_with("line 13\n") && kept.ends_with("line 20"), "{kept}");
        assert_eq!(tail(b""), "");
    }

    #[test]
    fn a_loopback_port_can_be_bound() {
        let port = pick_port(Listen::Loopback);
        assert!(std::net::TcpListener::bind(("127.0.0.1", port)).is_ok());
    }
}
