//! A disk that runs full: the database is moved to a file system with little room.
//!
//! Moving the database, rather than giving builds another tablespace, keeps every index where the registry says it
//! belongs. WAL stays on the roomy disk; without it the server would stop instead of failing the build.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::term::Term;
use super::{FaultError, FaultTarget, Outcome};
use crate::rehearsal::connect::connect;

const TABLESPACE: &str = "rehearsal_small_disk";
/// Room beyond the database itself: enough for small indexes, not for those of the large tables.
const ROOM: u64 = 12 << 20;

/// The mounted file system.
pub(super) struct SmallDisk {
    path: PathBuf,
}

/// Mounts the small file system and moves the database there. Nobody else may be connected to the database.
pub(super) async fn shrink(target: &FaultTarget) -> Result<SmallDisk, FaultError> {
    if !cfg!(target_os = "linux") || !rustix::process::geteuid().is_root() {
        return Err(FaultError::NeedsRoot);
    }
    let session = connect(&target.maintenance, "fault: disk full").await?;
    let size: i64 = session.query_one("SELECT pg_database_size($1::name)", &[&target.database]).await?.get(0);
    let path = target.folder.join("small-disk");
    // A file system in memory holds whole pages and some bookkeeping: 3 % more than the sum of the sizes.
    let size = u64::try_from(size).unwrap_or_default();
    mount(target, &path, size + size / 32 + ROOM)?;
    let location = path.display().to_string().replace('\'', "''");
    session.batch_execute(&format!("CREATE TABLESPACE {TABLESPACE} LOCATION '{location}'")).await?;
    let row = session.query_one("SELECT quote_ident($1)", &[&target.database]).await?;
    let database: String = row.get(0);
    session.batch_execute(&format!("ALTER DATABASE {database} SET TABLESPACE {TABLESPACE}")).await?;
    Ok(SmallDisk { path })
}

impl SmallDisk {
    /// After its time somebody makes room, so that a second try can succeed.
    pub(super) async fn hold(self, term: Term, stop: CancellationToken) -> Result<Outcome, FaultError> {
        term.passes(&stop).await;
        enlarge(&self.path)?;
        Ok(Outcome::Released)
    }
}

#[cfg(target_os = "linux")]
fn mount(target: &FaultTarget, path: &std::path::Path, size: u64) -> Result<(), FaultError> {
    use std::os::unix::fs::MetadataExt;

    let failed = |source| FaultError::Mount { path: path.to_owned(), source };
    let owner = fs_err::metadata(&target.folder).map_err(failed)?;
    fs_err::create_dir(path).map_err(failed)?;
    let options = format!("size={size},mode=0700,uid={},gid={}", owner.uid(), owner.gid());
    let options = std::ffi::CString::new(options).map_err(|error| failed(error.into()))?;
    rustix::mount::mount("tmpfs", path, "tmpfs", rustix::mount::MountFlags::NOSUID, Some(options.as_c_str()))
        .map_err(|error| failed(error.into()))
}

#[cfg(target_os = "linux")]
fn enlarge(path: &std::path::Path) -> Result<(), FaultError> {
    // Half of the machine's memory, as for any such file system without a size.
    rustix::mount::mount_remount(path, rustix::mount::MountFlags::NOSUID, c"size=50%")
        .map_err(|error| FaultError::Mount { path: path.to_owned(), source: error.into() })
}

#[cfg(not(target_os = "linux"))]
fn mount(_target: &FaultTarget, _path: &std::path::Path, _size: u64) -> Result<(), FaultError> {
    Err(FaultError::NeedsRoot)
}

#[cfg(not(target_os = "linux"))]
fn enlarge(_path: &std::path::Path) -> Result<(), FaultError> {
    Err(FaultError::NeedsRoot)
}
