//! Free space on volumes of this machine, for a server that runs on it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::domain::unit::Bytes;

/// Free space at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSpace {
    /// The path that was asked about.
    pub path: PathBuf,
    /// Space that an ordinary user may still fill; what is kept for root is not in it.
    pub free: Bytes,
    /// Size of the volume.
    pub total: Bytes,
}

/// A place where the server writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerPath {
    /// What the server keeps there.
    pub role: PathRole,
    /// Where it really is, free of symlinks.
    pub path: PathBuf,
}

/// What a server keeps at a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathRole {
    /// The data directory: default tablespace, temporary files.
    Data,
    /// `pg_wal`.
    Wal,
    /// A tablespace, by its OID as the link in `pg_tblspc` is called.
    Tablespace(u32),
}

/// A reading of one place: what it is, and its space or why that cannot be read.
pub type Reading = (ServerPath, io::Result<DiskSpace>);

/// Space at a path; symlinks are followed. The volume of the path itself counts, not that of what is mounted below.
pub fn space(path: &Path) -> io::Result<DiskSpace> {
    let volume = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(volume.f_frsize));
    Ok(DiskSpace { path: path.to_owned(), free: bytes(volume.f_bavail), total: bytes(volume.f_blocks) })
}

/// Places of a server with this data directory, `pg_wal` and tablespaces behind their symlinks included.
///
/// Needs the right to enter the data directory (mode 0700 or 0750, owner postgres): an error means *unknown*.
pub fn server_paths(data_directory: &Path) -> io::Result<Vec<ServerPath>> {
    let real = |role, path: &Path| fs::canonicalize(path).map(|path| ServerPath { role, path });
    let mut paths =
        vec![real(PathRole::Data, data_directory)?, real(PathRole::Wal, &data_directory.join("pg_wal"))?];
    for entry in fs::read_dir(data_directory.join("pg_tblspc"))? {
        let entry = entry?;
        if let Some(oid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            paths.push(real(PathRole::Tablespace(oid), &entry.path())?);
        }
    }
    paths.sort_by(|a, b| a.role.cmp(&b.role));
    Ok(paths)
}

/// Space at each place of a server. Places on one volume share its free space: do not add them up, see [`volumes`].
pub fn server_space(data_directory: &Path) -> io::Result<Vec<Reading>> {
    let paths = server_paths(data_directory)?;
    Ok(paths.into_iter().map(|place| (place.clone(), space(&place.path))).collect())
}

/// How many different volumes the paths lie on; paths that cannot be read count as none.
pub fn volumes<'a>(paths: impl IntoIterator<Item = &'a Path>) -> usize {
    let devices: BTreeSet<u64> =
        paths.into_iter().filter_map(|path| fs::metadata(path).ok()).map(|meta| meta.dev()).collect();
    devices.len()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn space_of_a_real_volume_is_plausible_and_agrees_with_df() {
        let dir = tempfile::tempdir().unwrap();
        let found = space(dir.path()).unwrap();
        assert!(found.total.0 > 0 && found.free.0 <= found.total.0);
        let df = std::process::Command::new("df").arg("-kP").arg(dir.path()).output().unwrap();
        let df = crate::host::probe::disk::parse(&String::from_utf8(df.stdout).unwrap()).unwrap();
        let difference = df[0].free.0.abs_diff(found.free.0);
        assert!(difference < found.total.0 / 20, "df says {:?}, statvfs {found:?}", df[0]);
        assert_eq!(df[0].total.0 / 1024, found.total.0 / 1024);
    }

    #[test]
    fn wal_and_tablespaces_are_found_behind_their_links() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for name in ["data/pg_tblspc", "wal", "fast"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        symlink(root.join("wal"), root.join("data/pg_wal")).unwrap();
        symlink(root.join("fast"), root.join("data/pg_tblspc/16401")).unwrap();
        fs::write(root.join("data/pg_tblspc/note"), "").unwrap();

        let places = server_paths(&root.join("data")).unwrap();
        let expected = [
            (PathRole::Data, root.join("data")),
            (PathRole::Wal, root.join("wal")),
            (PathRole::Tablespace(16401), root.join("fast")),
        ];
        assert_eq!(places, expected.map(|(role, path)| ServerPath { role, path }));
        assert!(server_space(&root.join("data")).unwrap().iter().all(|(_, space)| space.is_ok()));
        assert_eq!(volumes(places.iter().map(|place| place.path.as_path())), 1);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_never_zero() {
        assert!(space(Path::new("/nonexistent")).is_err());
        assert!(server_paths(Path::new("/nonexistent")).is_err());
        let dir = tempfile::tempdir().unwrap();
        assert!(server_paths(dir.path()).is_err(), "a directory without pg_wal is no data directory");
    }
}
