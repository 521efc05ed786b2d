//! Free space on volumes of this machine, for a server that runs on it.

use std::io;
use std::path::Path;

use crate::domain::unit::Bytes;
use crate::ports::DiskSpace;

/// Space at a path, called `what`; symlinks are followed, so `pg_wal` and tablespaces on volumes of their own are read there.
///
/// Free is what an ordinary user may still fill; what the file system keeps for root is not in it. Needs the right to enter
/// the folders above the path, not the path itself: a data directory of mode 0700 can be asked about, `pg_wal` in it cannot.
pub fn space(what: &str, path: &Path) -> io::Result<DiskSpace> {
    let volume = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(volume.f_frsize));
    Ok(DiskSpace { what: what.to_owned(), free: bytes(volume.f_bavail), total: Some(bytes(volume.f_blocks)) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn space_of_a_real_volume_agrees_with_df() {
        let dir = tempfile::tempdir().unwrap();
        let found = space("data", dir.path()).unwrap();
        let total = found.total.unwrap();
        assert!(total.0 > 0 && found.free.0 <= total.0);
        let df = std::process::Command::new("df").arg("-kP").arg(dir.path()).output().unwrap();
        let df = crate::host::probe::disk::parse(&String::from_utf8(df.stdout).unwrap()).unwrap();
        // Other programs write meanwhile.
        assert!(df[0].free.0.abs_diff(found.free.0) < total.0 / 20, "df says {:?}, statvfs {found:?}", df[0]);
        assert_eq!(df[0].total.unwrap().0 / 1024, total.0 / 1024);
    }

    #[test]
    fn links_are_followed_to_the_volume_behind_them() {
        let dir = tempfile::tempdir().unwrap();
        symlink("/proc", dir.path().join("pg_wal")).unwrap();
        let here = space("wal", dir.path()).unwrap();
        let behind = space("wal", &dir.path().join("pg_wal")).unwrap();
        assert_ne!(here.total, behind.total, "/proc is a file system of its own");
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_never_zero() {
        assert!(space("data", Path::new("/nonexistent")).is_err());
    }
}
