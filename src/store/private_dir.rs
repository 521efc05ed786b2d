//! Directories that only their owner can enter, below parents in which nobody else can swap them.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A directory cannot be trusted with a run's files.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// The system refused a file operation.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Relative paths mean something else after a change of directory.
    #[error("{} is not an absolute path; give the whole path of the state folder", path.display())]
    Relative {
        /// The path.
        path: PathBuf,
    },
    /// Others could replace what lies below.
    #[error(
        "others may write to {} (mode {mode:04o}), so a run's files below {} could be replaced; \
         run `chmod go-w` on it or choose another state folder",
        parent.display(), path.display()
    )]
    WritableParent {
        /// The directory that was to be used.
        path: PathBuf,
        /// The directory above it (or itself) that others may write to.
        parent: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file or a symlink has the name.
    #[error("{} is {found}, not a directory; remove it or choose another state folder", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// It belongs to somebody else.
    #[error("{} belongs to user {owner}, this process runs as user {own}; choose another state folder", path.display())]
    ForeignOwner {
        /// The directory.
        path: PathBuf,
        /// Its owner's user id.
        owner: u32,
        /// Our user id.
        own: u32,
    },
}

/// Makes `path` a directory of ours that nobody else can enter (0700, whatever the umask); what is missing above it is
/// created in the same way. Gives the path free of symlinks.
///
/// A directory above it may be a symlink or belong to anybody, but may not be writable by others unless it is sticky.
pub(super) fn ensure_root(path: &Path) -> Result<PathBuf, DirError> {
    if !path.is_absolute() {
        return Err(DirError::Relative { path: path.to_owned() });
    }
    let mut existing = path;
    let mut missing = Vec::new();
    while !existing.exists() {
        if fs::symlink_metadata(existing).is_ok() {
            return Err(DirError::NotADirectory { path: existing.to_owned(), found: "a dangling symlink" });
        }
        let (Some(parent), Some(name)) = (existing.parent(), existing.file_name()) else { break };
        missing.push(name);
        existing = parent;
    }
    let mut real = fs::canonicalize(existing).map_err(failed("resolve", existing))?;
    check_parents(&real, path)?;
    for name in missing.into_iter().rev() {
        real.push(name);
        ensure(&real)?;
    }
    ensure(&real)?;
    Ok(real)
}

/// Makes `path`, whose parent is a private directory already, a private directory too.
pub(super) fn ensure(path: &Path) -> Result<(), DirError> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(source) => return Err(failed("create", path)(source)),
    }
    check_own(path)
}

/// Makes a new private directory; fails when the name is taken.
pub(super) fn create_new(path: &Path) -> Result<(), DirError> {
    fs::DirBuilder::new().mode(0o700).create(path).map_err(failed("create", path))?;
    check_own(path)
}

/// Checks that `path` is itself a directory (no symlink) of this user, and takes everybody else's rights from it.
pub(super) fn check_own(path: &Path) -> Result<(), DirError> {
    let meta = fs::symlink_metadata(path).map_err(failed("look at", path))?;
    if !meta.is_dir() {
        let found = if meta.is_symlink() { "a symlink" } else { "a file" };
        return Err(DirError::NotADirectory { path: path.to_owned(), found });
    }
    let own = rustix::process::geteuid().as_raw();
    if meta.uid() != own {
        return Err(DirError::ForeignOwner { path: path.to_owned(), owner: meta.uid(), own });
    }
    if meta.mode() & 0o777 != 0o700 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .map_err(failed("close to others", path))?;
    }
    Ok(())
}

/// Looks at every directory above `real` for one in which others could rename or replace entries.
fn check_parents(real: &Path, asked: &Path) -> Result<(), DirError> {
    for parent in real.ancestors() {
        let meta = fs::metadata(parent).map_err(failed("look at", parent))?;
        let own = rustix::process::geteuid().as_raw();
        let last_and_ours = parent == asked && meta.uid() == own;
        if last_and_ours {
            // It is closed to others right after this check.
            continue;
        }
        if others_may_write(meta.mode(), meta.uid(), meta.gid(), own) {
            let (path, parent) = (asked.to_owned(), parent.to_owned());
            return Err(DirError::WritableParent { path, parent, mode: meta.mode() & 0o7777 });
        }
    }
    Ok(())
}

/// Whether somebody else can rename entries of a directory.
///
/// A directory of ours that is writable by the group with our own number is none: systems that give each user a group
/// of their own create directories with umask 002, `~/.local/state` among them. Root has no such group.
fn others_may_write(mode: u32, owner: u32, group: u32, own: u32) -> bool {
    const STICKY: u32 = 0o1000;
    let private_group = own != 0 && owner == own && group == own;
    let writable = if private_group { mode & 0o002 } else { mode & 0o022 };
    writable != 0 && mode & STICKY == 0
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DirError {
    let path = path.to_owned();
    move |source| DirError::Io { doing, path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn everything_created_is_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let root = ensure_root(&dir.path().join("state/cicerone")).unwrap();
        assert_eq!(mode(&root), 0o700);
        assert_eq!(mode(root.parent().unwrap()), 0o700);
    }

    #[test]
    fn a_directory_of_ours_that_is_too_open_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("cicerone");
        fs::create_dir(&root).unwrap();
        set_mode(&root, 0o755);
        ensure_root(&root).unwrap();
        assert_eq!(mode(&root), 0o700);
    }

    #[test]
    fn parents_that_others_may_write_to_are_refused_unless_sticky() {
        let dir = tempfile::tempdir().unwrap();
        let parent = dir.path().join("shared");
        fs::create_dir(&parent).unwrap();
        for (bits, refused) in [(0o777, true), (0o757, true), (0o1777, false), (0o755, false)] {
            set_mode(&parent, bits);
            let result = ensure_root(&parent.join(format!("a{bits:o}/cicerone")));
            assert_eq!(
                matches!(result, Err(DirError::WritableParent { .. })),
                refused,
                "{bits:o}: {result:?}"
            );
        }
        set_mode(&parent, 0o777);
        let error = ensure_root(&parent.join("b")).unwrap_err().to_string();
        assert!(error.contains("0777") && error.contains("chmod go-w"), "{error}");
    }

    #[test]
    fn only_a_group_of_ones_own_may_write_to_a_parent() {
        assert!(!others_may_write(0o775, 1000, 1000, 1000));
        assert!(others_may_write(0o777, 1000, 1000, 1000));
        assert!(others_may_write(0o775, 1000, 100, 1000));
        assert!(others_may_write(0o775, 1001, 1000, 1000));
        assert!(others_may_write(0o775, 0, 0, 0));
        assert!(!others_may_write(0o1777, 0, 0, 1000));
    }

    #[test]
    fn symlinks_above_are_followed_and_symlinks_below_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        fs::create_dir(&real).unwrap();
        symlink(&real, dir.path().join("home")).unwrap();
        let root = ensure_root(&dir.path().join("home/cicerone")).unwrap();
        assert_eq!(root, real.canonicalize().unwrap().join("cicerone"));

        symlink(&real, root.join("target")).unwrap();
        assert!(matches!(
            ensure(&root.join("target")),
            Err(DirError::NotADirectory { found: "a symlink", .. })
        ));
        symlink("/nonexistent", dir.path().join("dangling")).unwrap();
        assert!(matches!(ensure_root(&dir.path().join("dangling/x")), Err(DirError::NotADirectory { .. })));
        fs::write(root.join("file"), "").unwrap();
        assert!(matches!(ensure(&root.join("file")), Err(DirError::NotADirectory { found: "a file", .. })));
    }

    #[test]
    fn relative_paths_are_refused() {
        assert!(matches!(ensure_root(Path::new("state")), Err(DirError::Relative { .. })));
    }

    #[test]
    fn directories_of_others_are_refused() {
        // Root can give a directory away; for anybody else the root directory is a stranger's.
        let dir = tempfile::tempdir().unwrap();
        let own = rustix::process::geteuid().as_raw();
        let foreign = if own == 0 { dir.path() } else { Path::new("/") };
        if own == 0 {
            std::os::unix::fs::chown(foreign, Some(1), None).unwrap();
        }
        assert!(matches!(check_own(foreign), Err(DirError::ForeignOwner { own: found, .. }) if found == own));
    }
}
