//! What a project says once for everybody who checks it: `cicerone.toml`, beside its migrations or above them.
//!
//! It is not the operator's config.toml: that one says where and how to run, this one belongs to the repository.

mod guard;

use std::path::{Path, PathBuf};

pub(super) use guard::GuardSettings;

use super::error::CliError;
use super::source;
use crate::domain::diagnostic::{self, Diagnostic, Source};
use crate::domain::document;

/// How the file is called where it is looked for; the first that is there counts.
const NAMES: [&str; 2] = ["cicerone.toml", ".cicerone.toml"];
/// Larger than anybody writes.
const MAX_BYTES: usize = 1 << 20;

/// The project's file, as far as it says something. Everything is as by default where there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Project {
    /// The file; `None` when there is none.
    pub(super) file: Option<PathBuf>,
    /// `[guard]`
    pub(super) guard: GuardSettings,
}

impl Project {
    /// Reads the file that is named, or the first one found in the folder of the first of `paths` and those above it. The search
    /// ends at the root of a repository.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or has mistakes: all of them are told, each with its place.
    pub(super) fn load(named: Option<&Path>, paths: &[PathBuf]) -> Result<Self, CliError> {
        let here = PathBuf::from(".");
        let first = paths.first().unwrap_or(&here);
        let Some(file) = file(named, first) else {
            return Ok(Self::default());
        };
        let sources = source::read(std::slice::from_ref(&file)).map_err(|errors| {
            let error = CliError::usage(format!("the project's file {} cannot be read", file.display()));
            errors.iter().fold(error, |error, cause| error.cause(cause.to_string()).hint(cause.hint()))
        })?;
        let mut project = Self::default();
        for source in &sources {
            let (read, found) = Self::read(source);
            if !found.is_empty() {
                return Err(CliError::usage("the project's file has mistakes")
                    .cause(diagnostic::render(&found, &sources)));
            }
            project = read;
        }
        Ok(Self { file: Some(file), ..project })
    }

    /// Its sections; each module of this folder reads one.
    fn read(source: &Source) -> (Self, Vec<Diagnostic>) {
        let (read, found) = document::read(source, MAX_BYTES, |top| {
            top.only(&["guard", "lint"]);
            Self { file: None, guard: guard::read(top.table("guard", "[guard]").as_ref()) }
        });
        (read.unwrap_or_default(), found)
    }

    /// A path that the file names, from where the file is.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        let folder = self.file.as_deref().and_then(Path::parent);
        // A folder without a name is the one that we are in.
        match folder.filter(|it| !it.as_os_str().is_empty()) {
            Some(folder) => folder.join(path),
            None => PathBuf::from(path),
        }
    }
}

/// The project's file: the one that is named, else the first one in the folder of `path` or above.
pub(super) fn file(named: Option<&Path>, path: &Path) -> Option<PathBuf> {
    named.map(Path::to_owned).or_else(|| above(path).map(shown))
}

/// From here, where it is here or below.
fn shown(path: PathBuf) -> PathBuf {
    let here = fs_err::canonicalize(".").ok();
    here.and_then(|here| path.strip_prefix(here).map(Path::to_owned).ok()).unwrap_or(path)
}

/// The file in the folder of `path` or above it, at most up to the root of its repository.
fn above(path: &Path) -> Option<PathBuf> {
    let start = fs_err::canonicalize(path).ok()?;
    let folder = if start.is_dir() { start.as_path() } else { start.parent()? };
    let last = folder.ancestors().find(|it| it.join(".git").exists());
    for folder in folder.ancestors() {
        if let Some(file) = NAMES.iter().map(|name| folder.join(name)).find(|it| it.is_file()) {
            return Some(file);
        }
        if Some(folder) == last {
            break;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_found_upwards_to_the_root_of_the_repository() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("repository/db/migrations");
        fs_err::create_dir_all(&inner).unwrap();
        fs_err::create_dir(root.path().join("repository/.git")).unwrap();
        let write = |path: &str, name: &str| {
            fs_err::write(root.path().join(path).join(NAMES[0]), format!("[guard]\nkeep = [\"{name}\"]\n"))
                .unwrap();
        };
        let kept = || {
            let project = Project::load(None, std::slice::from_ref(&inner)).unwrap();
            project.guard.keep.iter().map(|it| it.name.name.clone()).collect::<Vec<_>>()
        };
        write("", "outside");
        assert_eq!(kept(), [""; 0]);
        write("repository", "root");
        assert_eq!(kept(), ["root"]);
        write("repository/db", "db");
        assert_eq!(kept(), ["db"]);
        let named = root.path().join(NAMES[0]);
        let project = Project::load(Some(&named), &[inner]).unwrap();
        assert_eq!(
            (project.guard.keep[0].name.name.as_str(), project.beside("a")),
            ("outside", root.path().join("a"))
        );
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(NAMES[0]);
        fs_err::write(
            &file,
            "[gaurd]\n[guard]\nkeep = [\"a.b.c\", \"\"]\nkeeps = 1\nseeds = \"maybe\"\nbaseline = 3\n",
        )
        .unwrap();
        let error = Project::load(Some(&file), &[]).unwrap_err().to_string();
        for wanted in [
            ":1:2",
            "did you mean `guard`?",
            ":3:9",
            "schema.index",
            ":3:18",
            ":4:1",
            "did you mean `keep`?",
            ":5:9",
            "\"allow\" or \"refuse\"",
            ":6:12",
        ] {
            assert!(error.contains(wanted), "{wanted}\n{error}");
        }
        let missing = Project::load(Some(&folder.path().join("no.toml")), &[]).unwrap_err();
        assert_eq!(missing.exit, crate::cli::exit::Exit::Usage);
    }
}
