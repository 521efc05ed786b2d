//! The files below some paths.

use std::collections::BTreeSet;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, Error, WalkBuilder};

use crate::audit::document::language;
use crate::cli::error::CliError;

/// Endings of files of SQL.
const SQL: [&str; 4] = ["sql", "psql", "pgsql", "ddl"];

/// What is below some paths.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Files with the names that they are shown under.
    pub(super) files: Vec<(String, PathBuf)>,
    /// What cannot be read, and why.
    pub(super) unreadable: Vec<(String, String)>,
    /// What is left alone, and why.
    pub(super) aside: Vec<(String, String)>,
    /// Files and folders that were met, by their own paths.
    met: BTreeSet<PathBuf>,
    /// Links that were met, with what they lead to.
    links: Vec<(String, PathBuf)>,
}

/// All files below `paths` that are SQL or a program in a language that is read, each once. What `.gitignore` leaves out
/// is left out; links are not followed, unless they are named.
///
/// # Errors
///
/// One of `paths` is not there, or is neither a file nor a folder.
pub(super) fn walk(paths: &[PathBuf]) -> Result<Found, CliError> {
    let mut found = Found::default();
    for root in paths {
        let metadata = fs_err::metadata(root).map_err(|error| {
            CliError::usage(format!("{} cannot be read", root.display()))
                .because(&error)
                .hint("name files or folders that are there")
        })?;
        // A shell hands over what another command writes as a pipe.
        if metadata.is_file() || metadata.file_type().is_fifo() {
            found.file(root);
            continue;
        }
        if !metadata.is_dir() {
            return Err(CliError::usage(format!("{} is neither a file nor a folder", root.display()))
                .hint("name files or folders that are there"));
        }
        let mut builder = WalkBuilder::new(root);
        builder.hidden(true).require_git(false).follow_links(false).sort_by_file_path(Path::cmp);
        for entry in builder.build() {
            match entry {
                Ok(entry) => found.entry(&entry),
                Err(error) => {
                    let (path, why) = located(&error);
                    found.unreadable.push((shown(path.unwrap_or(root)), why));
                }
            }
        }
    }
    found.settle();
    Ok(found)
}

impl Found {
    fn entry(&mut self, entry: &DirEntry) {
        let path = entry.path();
        match entry.file_type() {
            Some(kind) if kind.is_dir() => drop(self.met.insert(own(path))),
            Some(kind) if kind.is_symlink() && entry.depth() > 0 => match fs_err::canonicalize(path) {
                Ok(to) if is_read(path) || to.is_dir() => self.links.push((shown(path), to)),
                Err(error) if is_read(path) => self.unreadable.push((shown(path), error.to_string())),
                Ok(_) | Err(_) => {}
            },
            // A named link to a folder.
            Some(kind) if kind.is_symlink() => drop(self.met.insert(own(path))),
            Some(kind) if is_read(path) && kind.is_file() => self.file(path),
            // Reading a pipe waits for somebody to write.
            Some(_) if is_read(path) => self.unreadable.push((shown(path), "it is no file".to_owned())),
            Some(_) | None => {}
        }
    }

    fn file(&mut self, path: &Path) {
        if self.met.insert(own(path)) {
            self.files.push((shown(path), path.to_owned()));
        }
    }

    /// Says what links lead out of everything that was met.
    fn settle(&mut self) {
        for (name, to) in std::mem::take(&mut self.links) {
            if !to.ancestors().any(|it| self.met.contains(it)) {
                let why = format!("a link to {}, which is not followed", to.display());
                self.aside.push((name, why));
            }
        }
    }
}

/// The path without links.
fn own(path: &Path) -> PathBuf {
    fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn shown(path: &Path) -> String {
    let name = path.to_string_lossy();
    name.strip_prefix("./").unwrap_or(&name).to_owned()
}

/// Where walking failed, and why.
fn located(error: &Error) -> (Option<&Path>, String) {
    match error {
        Error::WithPath { path, err } => (Some(path), err.to_string()),
        Error::WithDepth { err, .. } | Error::WithLineNumber { err, .. } => located(err),
        Error::Partial(_)
        | Error::Loop { .. }
        | Error::Io(_)
        | Error::Glob { .. }
        | Error::UnrecognizedFileType(_)
        | Error::InvalidDefinition => (None, error.to_string()),
    }
}

fn is_read(path: &Path) -> bool {
    let sql = path.extension().is_some_and(|it| SQL.iter().any(|ending| it.eq_ignore_ascii_case(ending)));
    sql || language(&path.to_string_lossy()).is_some()
}
