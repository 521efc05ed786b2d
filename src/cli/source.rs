//! Files that people wrote, read from where they said.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::domain::diagnostic::Source;
use crate::text::{Untrusted, bytes};

/// Nothing larger is read at all: it is no file that a person wrote.
const MAX_BYTES: u64 = 16 << 20;

/// Why a path gives nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The system refuses it; a loop of symbolic links is told here too.
    #[error("cannot read {}: {cause}", shown(path))]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// Neither a file nor a folder: reading a pipe or a device may never end.
    #[error("{} is neither a file nor a folder", shown(path))]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A folder without any file of the format.
    #[error("the folder {} holds no file that ends in .toml", shown(path))]
    EmptyFolder {
        /// The path.
        path: PathBuf,
    },
    /// Larger than anything that a person wrote.
    #[error("{} has {}; at most {} are read", shown(path), bytes(*size), bytes(MAX_BYTES))]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
    /// Not a text.
    #[error("{} is not valid UTF-8 (byte {at})", shown(path))]
    NotUtf8 {
        /// The path.
        path: PathBuf,
        /// First byte that is not.
        at: usize,
    },
}

impl SourceError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { path, cause } if cause.kind() == io::ErrorKind::NotFound => {
                if path == Path::new("registry.toml") {
                    "run it in the folder that holds registry.toml, or name yours with --registry"
                } else {
                    "check the path"
                }
            }
            Self::Unreadable { cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => {
                "check who may read it: ls -l"
            }
            Self::Unreadable { .. } => "check what it is: ls -lL",
            Self::NotAFile { .. } => "name a file, or a folder of .toml files",
            Self::EmptyFolder { .. } => "files in folders below it are not read; name those folders too",
            Self::TooLarge { .. } => "name another file, or split it",
            Self::NotUtf8 { .. } => "save it as UTF-8",
        }
    }
}

/// Reads every file named, and of every folder named its `*.toml` files sorted by name.
///
/// Hidden files and folders below are left out; a file that is reached twice is read once.
///
/// # Errors
///
/// Every path that gives nothing to read.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Vec<SourceError>> {
    let mut sources = Vec::new();
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        for file in files(path).unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        }) {
            // What cannot be resolved cannot be read either, and says so below.
            let first = fs_err::canonicalize(&file).map_or(true, |real| seen.insert(real));
            if !first {
                continue;
            }
            match read_file(&file) {
                Ok(source) => sources.push(source),
                Err(error) => errors.push(error),
            }
        }
    }
    if errors.is_empty() { Ok(sources) } else { Err(errors) }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let unreadable = |cause| SourceError::Unreadable { path: path.to_owned(), cause };
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && file.extension().is_some_and(|extension| extension == "toml") && !file.is_dir() {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(SourceError::EmptyFolder { path: path.to_owned() });
    }
    files.sort();
    Ok(files)
}

fn read_file(path: &Path) -> Result<Source, SourceError> {
    let unreadable = |cause| SourceError::Unreadable { path: path.to_owned(), cause };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(SourceError::NotAFile { path: path.to_owned() });
    }
    if metadata.len() > MAX_BYTES {
        return Err(SourceError::TooLarge { path: path.to_owned(), size: metadata.len() });
    }
    let content = std::fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(content).map_err(|error| SourceError::NotUtf8 {
        path: path.to_owned(),
        at: error.utf8_error().valid_up_to(),
    })?;
    Ok(Source { path: path.to_string_lossy().into_owned(), text })
}

fn shown(path: &Path) -> String {
    Untrusted::from(&*path.to_string_lossy()).display_safe(None).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            fs_err::write(folder.path().join(file), *file).unwrap();
        }
        folder
    }

    fn names(sources: &[Source]) -> Vec<&str> {
        sources.iter().map(|source| source.text.as_str()).collect()
    }

    #[test]
    fn a_folder_gives_its_toml_files_sorted_and_nothing_else() {
        let folder = folder(&["b.toml", "a.toml", ".hidden.toml", "notes.md"]);
        fs_err::create_dir(folder.path().join("sub.toml")).unwrap();
        assert_eq!(names(&read(&[folder.path().to_owned()]).unwrap()), ["a.toml", "b.toml"]);
    }

    #[test]
    fn a_file_that_is_named_twice_is_read_once() {
        let folder = folder(&["a.toml"]);
        let file = folder.path().join("a.toml");
        std::os::unix::fs::symlink(&file, folder.path().join("b.toml")).unwrap();
        let paths = [file.clone(), folder.path().to_owned(), file];
        assert_eq!(names(&read(&paths).unwrap()), ["a.toml"]);
    }

    #[test]
    fn every_path_that_cannot_be_read_is_told() {
        let folder = folder(&[]);
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink(at("loop"), at("loop")).unwrap();
        fs_err::write(at("binary.toml"), b"a\xff").unwrap();
        fs_err::create_dir(at("empty")).unwrap();
        let paths = [at("missing"), at("loop"), at("binary.toml"), at("empty"), PathBuf::from("/dev/null")];
        let errors = read(&paths).unwrap_err();
        let told: Vec<String> = errors.iter().map(|error| format!("{error}. {}", error.hint())).collect();
        for (told, expected) in
            told.iter().zip(["No such file", "symbolic links", "UTF-8 (byte 1)", "no file", "neither"])
        {
            assert!(told.contains(expected), "{told}");
        }
        assert_eq!(told.len(), 5);
    }
}
