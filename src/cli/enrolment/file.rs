//! The registry's file: read once, and replaced at once when nobody has changed it meanwhile.

use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use fs_err::PathExt as _;

use crate::cli::error::CliError;

/// A file as it was read.
pub(super) struct Before {
    pub(super) text: String,
    /// Where it really is: a link stays one.
    real: PathBuf,
    metadata: std::fs::Metadata,
}

/// Reads the file; `None` when there is none and one can be made.
pub(super) fn read(path: &Path) -> Result<Option<Before>, CliError> {
    let wrong = |error: &dyn std::error::Error| {
        CliError::usage(format!("{} cannot be used as a registry", path.display())).cause(error.to_string())
    };
    let real = match path.fs_err_canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return fresh(path).map(|()| None),
        Err(error) => return Err(wrong(&error).hint("name a file that can be read and written")),
    };
    let metadata = real.fs_err_metadata().map_err(|error| wrong(&error))?;
    if metadata.is_dir() {
        return Err(CliError::usage(format!("{} is a folder", path.display()))
            .hint("name the file in it that the entries are for, e.g. indexes.toml"));
    }
    if !metadata.is_file() {
        return Err(
            CliError::usage(format!("{} is no ordinary file", path.display())).hint("name a TOML file")
        );
    }
    let bytes = fs_err::read(&real).map_err(|error| wrong(&error).hint("check who may read it: ls -l"))?;
    let text = String::from_utf8(bytes).map_err(|error| wrong(&error).hint("save it as UTF-8"))?;
    Ok(Some(Before { text, real, metadata }))
}

/// Whether a file of that name could be made.
fn fresh(path: &Path) -> Result<(), CliError> {
    if path.symlink_metadata().is_ok() {
        return Err(CliError::usage(format!("{} is a link that leads nowhere", path.display()))
            .hint("remove it, or name another file"));
    }
    let folder = folder(path);
    if folder.is_dir() {
        return Ok(());
    }
    Err(CliError::usage(format!("the folder {} does not exist", folder.display())).hint("make it first"))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Puts `text` in the file's place: whoever reads it sees the old text or the new one. Mode and owner stay.
pub(super) fn write(path: &Path, before: Option<&Before>, text: &str) -> Result<(), CliError> {
    let real = before.map_or(path, |it| &it.real);
    let failed = |error: io::Error| {
        CliError::usage(format!("{} cannot be written", path.display()))
            .because(&error)
            .hint("nothing was changed; --into names another file, and --into - prints the registry")
    };
    if before.is_some_and(|it| it.metadata.permissions().readonly()) {
        return Err(failed(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only")));
    }
    let mode = before.map_or(0o666, |it| it.metadata.mode() & 0o7777);
    let mut draft = tempfile::Builder::new()
        .prefix(".cicerone-")
        .suffix(".new")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
        .tempfile_in(folder(real))
        .map_err(failed)?;
    draft.write_all(text.as_bytes()).map_err(failed)?;
    if let Some(before) = before {
        draft.as_file().set_permissions(before.metadata.permissions()).map_err(failed)?;
        let own = draft.as_file().metadata().map_err(failed)?;
        if (own.uid(), own.gid()) != (before.metadata.uid(), before.metadata.gid()) {
            // Only root may give a file away; for anybody else it is theirs now, which is what every editor does.
            let _ = fchown(draft.as_file(), Some(before.metadata.uid()), Some(before.metadata.gid()));
        }
    }
    draft.as_file().sync_all().map_err(failed)?;
    match before {
        None => draft.persist_noclobber(real).map(drop).map_err(|error| failed(error.error)),
        Some(before) => {
            if std::fs::read(real).map_err(failed)? != before.text.as_bytes() {
                return Err(CliError::usage(format!("{} was changed while this ran", path.display()))
                    .hint("nothing was written: run it again"));
            }
            draft.persist(real).map(drop).map_err(|error| failed(error.error))
        }
    }
}
