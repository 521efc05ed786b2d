//! The binary as a process: started in a home of its own, watched line by line, ended within a limit.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// Longest life of any process of a test on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// Four entries on two tables.
pub(crate) const SMALL: &str = include_str!("small.toml");

/// A home folder for processes of one test, with nothing in it.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

/// A console that goes leaves its engine, and no test may.
impl Drop for Home {
    fn drop(&mut self) {
        self.end_engines(Signal::KILL);
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a home") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into it and returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs_err::write(&path, text).expect("a file");
        path
    }

    /// Writes a program of the shell into it and returns its path.
    pub(crate) fn script(&self, name: &str, text: &str) -> String {
        let path = self.file(name, &format!("#!/bin/sh\n{text}"));
        let runnable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs_err::set_permissions(&path, runnable).expect("permissions");
        path.to_string_lossy().into_owned()
    }

    /// A home with the registry of the small database, which is where commands look first.
    pub(crate) fn with_small_registry() -> Self {
        let home = Self::new();
        home.file("registry.toml", SMALL);
        home
    }

    /// The binary with nothing around it but this home.
    pub(crate) fn cicerone(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cicerone"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .env("USER", "e2e")
            .env("LC_ALL", "C.UTF-8")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .current_dir(self.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// `cicerone run index-rollout` on a target, everything answered but what a test is about.
    pub(crate) fn rollout(&self, dsn: &str, more: &[&str]) -> Command {
        let mut command = self.cicerone(&["run", "index-rollout", "--dsn", dsn]);
        command.args(more);
        command
    }

    /// Runs it to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        run(self.cicerone(arguments)).await
    }

    /// Folders of runs, oldest first.
    pub(crate) fn runs(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let targets = self.path().join("state/cicerone");
        for target in fs_err::read_dir(targets).into_iter().flatten() {
            let runs = target.expect("an entry").path().join("runs");
            if runs.is_dir() {
                found.extend(fs_err::read_dir(runs).expect("runs").map(|run| run.expect("a run").path()));
            }
        }
        found.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
        found
    }

    /// Processes of engines that consoles of this home have started.
    pub(crate) fn engines(&self) -> Vec<u32> {
        let listening = self.runs().into_iter().filter(|run| run.join("engine.socket").exists());
        let writers = listening.filter_map(|run| {
            let writer = fs_err::read_to_string(run.join("journal.jsonl.writer")).ok()?;
            let pid = writer.split_whitespace().find_map(|word| word.parse::<u32>().ok())?;
            let environ = fs_err::read(format!("/proc/{pid}/environ")).ok()?;
            let is_ours = String::from_utf8_lossy(&environ).contains(&*self.path().to_string_lossy());
            is_ours.then_some(pid)
        });
        writers.collect()
    }

    /// Ends them.
    pub(crate) fn end_engines(&self, signal: Signal) {
        for pid in self.engines() {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a pid");
            // One that has just ended needs no signal.
            let _ = kill_process(pid, signal);
        }
    }

    /// The only run.
    pub(crate) fn only_run(&self) -> PathBuf {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }
}

/// What answers every step of the shipped rollout on a test's database, which has no backup.
pub(crate) const ANSWERED: [&str; 5] =
    ["--go", "--sign-off", "e2e", "--waive", "backup=a throwaway database of a test"];

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The exit code; a process that a signal ended has none.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by signal {:?}\n{self}", self.status.signal()))
    }

    /// The same process, once its exit code is what the test says.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{self}");
        self
    }

    pub(crate) fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "no {text:?} in\n{self}");
        self
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n--- stdout\n{}--- stderr\n{}---", self.status, self.stdout, self.stderr)
    }
}

/// Runs a command to its end; one that does not end fails the test with what it wrote so far.
pub(crate) async fn run(command: Command) -> Ended {
    Running::start(command).end().await
}

/// A process that runs.
pub(crate) struct Running {
    child: Child,
    out: Stream,
    err: Stream,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let out = Stream::of(child.stdout.take().expect("a pipe"));
        let err = Stream::of(child.stderr.take().expect("a pipe"));
        Self { child, out, err }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it still runs")
    }

    /// Waits until a line of standard output contains `text`.
    pub(crate) async fn says(&mut self, text: &str) -> String {
        let wait = async {
            loop {
                if let Some(line) = self.out.line_with(text) {
                    return line;
                }
                assert!(
                    self.child.try_wait().expect("a status").is_none(),
                    "it ended before it said {text:?}\n{}{}",
                    self.out.text(),
                    self.err.text()
                );
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let said = tokio::time::timeout(LIMIT, wait).await.ok();
        said.unwrap_or_else(|| panic!("it never said {text:?}\n{}{}", self.out.text(), self.err.text()))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, signal).expect("delivered");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_none()
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self) -> Ended {
        let Ok(status) = tokio::time::timeout(LIMIT, self.child.wait()).await else {
            panic!("it does not end\n--- stdout\n{}--- stderr\n{}", self.out.text(), self.err.text())
        };
        let (stdout, stderr) = (self.out.whole().await, self.err.whole().await);
        Ended { status: status.expect("a status"), stdout, stderr }
    }
}

/// What a process writes, line by line.
struct Stream {
    text: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Stream {
    fn of(pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&text);
        #[expect(clippy::disallowed_methods, reason = "a test's own task, joined when the process has ended")]
        let reader = tokio::spawn(async move {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
                into.lock().expect("no panic").append(&mut line);
            }
        });
        Self { text, reader }
    }

    fn text(&self) -> String {
        String::from_utf8(self.text.lock().expect("no panic").clone()).expect("UTF-8")
    }

    fn line_with(&self, text: &str) -> Option<String> {
        self.text().lines().find(|line| line.contains(text)).map(ToOwned::to_owned)
    }

    async fn whole(&mut self) -> String {
        (&mut self.reader).await.expect("the reader ends with the pipe");
        self.text()
    }
}
