//! The table of builds that may be fetched.

use std::io::Read;
use std::path::Path;

use fs_err as fs;
use serde::Deserialize;
use sha2::{Digest, Sha256, Sha512};

use super::error::FetchError;

/// A package client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ClientKind {
    /// The package client of Node.
    Npm,
    /// The package client of Python.
    Pip,
}

/// One build: exactly one file, known by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pin {
    /// Who can fetch it.
    pub(super) client: ClientKind,
    /// System and processor, e.g. `linux-x64`.
    pub(super) platform: String,
    /// PostgreSQL's version, e.g. `16.14`.
    pub(super) version: String,
    /// What the client is asked for.
    pub(super) package: String,
    /// Folder of the installation in the archive, where the client's own convention does not say.
    pub(super) folder: Option<String>,
    /// Lower-case hex: SHA-512 for npm, SHA-256 for pip.
    pub(super) digest: String,
}

impl Pin {
    pub(super) fn major(&self) -> Option<u32> {
        self.version.split('.').next()?.parse().ok()
    }

    /// Folder in the cache.
    pub(super) fn folder_name(&self) -> String {
        let client = match self.client {
            ClientKind::Npm => "npm",
            ClientKind::Pip => "pip",
        };
        format!("{}-{client}", self.version)
    }

    /// Fails unless the file is the pinned one, byte for byte.
    pub(super) fn check(&self, file: &Path) -> Result<(), FetchError> {
        let found = match self.client {
            ClientKind::Npm => digest_of::<Sha512>(file),
            ClientKind::Pip => digest_of::<Sha256>(file),
        };
        let found = found.map_err(|source| FetchError::folder(file, source))?;
        if found == self.digest {
            return Ok(());
        }
        Err(FetchError::Digest { wanted: self.digest.clone(), found })
    }
}

fn digest_of<D: Digest>(file: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(file)?;
    let mut digest = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        digest.update(buffer.get(..length).unwrap_or_default());
    }
    let nibble = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    Ok(digest.finalize().iter().flat_map(|byte| [nibble(byte >> 4), nibble(byte & 15)]).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    build: Vec<Pin>,
}

/// Builds for this machine of `major`, or of the newest major, the preferred client first.
pub(super) fn for_machine(major: Option<u32>) -> Result<Vec<Pin>, FetchError> {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    for_platform(&format!("{system}-{processor}"), major)
}

fn for_platform(platform: &str, major: Option<u32>) -> Result<Vec<Pin>, FetchError> {
    let mut pins: Vec<Pin> = table()?.into_iter().filter(|pin| pin.platform == platform).collect();
    let major = major.or_else(|| pins.iter().filter_map(Pin::major).max());
    pins.retain(|pin| pin.major() == major);
    Ok(pins)
}

fn table() -> Result<Vec<Pin>, FetchError> {
    Ok(toml::from_str::<Table>(include_str!("pins.toml"))?.build)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_has_a_digest_of_its_clients_kind() {
        for pin in table().expect("the table is well-formed") {
            let length = match pin.client {
                ClientKind::Npm => 128,
                ClientKind::Pip => 64,
            };
            assert_eq!(pin.digest.len(), length, "{}", pin.package);
            assert!(pin.digest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
        }
    }

    #[test]
    fn an_npm_package_carries_the_version_that_it_is_listed_under() {
        for pin in table().expect("the table is well-formed") {
            if pin.client == ClientKind::Npm {
                let package = format!("/{}@{}.", pin.platform, pin.version);
                assert!(pin.package.contains(&package), "{} in {}", package, pin.package);
            }
        }
    }

    #[test]
    fn every_supported_major_is_pinned_for_linux() {
        for major in crate::rehearsal::discover::SUPPORTED {
            let pins = for_platform("linux-x64", Some(major)).expect("the table is well-formed");
            assert_eq!(pins.first().map(|pin| pin.client), Some(ClientKind::Npm), "{major}");
        }
    }

    #[test]
    fn without_a_wish_it_is_the_newest_by_npm_then_by_pip() {
        let pins = for_platform("linux-x64", None).expect("the table is well-formed");
        let clients: Vec<ClientKind> = pins.iter().map(|pin| pin.client).collect();
        assert_eq!(clients, [ClientKind::Npm, ClientKind::Pip]);
        assert!(pins.iter().all(|pin| pin.major() == Some(18)));
    }

    #[test]
    fn another_file_of_the_same_name_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("build.tgz");
        fs::write(&file, b"something else").expect("written");
        let pin = table().expect("the table is well-formed").swap_remove(0);
        assert!(matches!(pin.check(&file), Err(FetchError::Digest { .. })));
    }

    #[test]
    fn a_machine_without_builds_has_no_pins() {
        assert_eq!(for_platform("freebsd-x64", None).expect("the table is well-formed"), []);
    }
}
