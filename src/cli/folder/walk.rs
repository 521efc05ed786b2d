//! The files below some paths.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use crate::audit::document::language;
use crate::cli::error::CliError;

/// Endings of files of SQL.
const SQL: [&str; 4] = ["sql", "psql", "pgsql", "ddl"];

/// Files with the names that they are shown under.
pub(super) type Found = Vec<(String, PathBuf)>;

/// All files below `paths` that are SQL or a program in a language that is read, each once. What `.gitignore` leaves out
/// is left out; links are not followed, unless they are named.
pub(super) fn walk(paths: &[PathBuf]) -> Result<(Found, Vec<(String, String)>), CliError> {
    let (mut found, mut unreadable, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for root in paths {
        let metadata = fs_err::metadata(root).map_err(|error| {
            CliError::usage(format!("{} cannot be read", root.display()))
                .because(&error)
                .hint("name files or folders that are there")
        })?;
        let mut builder = WalkBuilder::new(root);
        builder.hidden(true).require_git(false).follow_links(false).sort_by_file_path(Path::cmp);
        for entry in builder.build() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    unreadable.push((root.display().to_string(), error.to_string()));
                    continue;
                }
            };
            let path = entry.path();
            let is_file = entry.file_type().is_some_and(|it| it.is_file())
                || (entry.depth() == 0 && metadata.is_file());
            // What is named is read, whatever it is called.
            if !is_file || !(is_read(path) || entry.depth() == 0) {
                continue;
            }
            let real = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            if seen.insert(real) {
                let name = path.to_string_lossy().replace('\\', "/");
                found.push((
                    name.strip_prefix("./").map_or_else(|| name.clone(), str::to_owned),
                    path.to_owned(),
                ));
            }
        }
    }
    Ok((found, unreadable))
}

fn is_read(path: &Path) -> bool {
    let sql = path.extension().is_some_and(|it| SQL.iter().any(|ending| it.eq_ignore_ascii_case(ending)));
    sql || language(&path.to_string_lossy()).is_some()
}
