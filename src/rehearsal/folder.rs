//! The private folder of a throwaway server: data directory, socket, log, and a lock that says that its guard lives.
//!
//! A folder whose lock nobody holds has lost its guard; the next start in the same place sweeps it away.

use std::fmt::Write as _;
use std::fs::{File, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest, Sha256};

use super::guard::{Listen, Orders};
use super::server::StartFailure;
use super::user::SystemUser;

const PREFIX: &str = "cicerone-pg-";
const LOCK: &str = "guard.lock";
/// Longest path of a unix socket: 108 bytes with the closing zero on Linux, 104 on macOS and the BSDs.
const SOCKET_PATH_LIMIT: usize = 103;

/// Settings of every throwaway server. Durability is off, as the data is made anew each time, except that commits stay
/// synchronous: VACUUM cannot mark pages all-visible before the WAL of their rows is flushed. The log tells who held up
/// whom. Prepared transactions are on because they are among the things that hold up a build.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("max_connections", "60"),
    ("shared_buffers", "128MB"),
    ("max_wal_size", "2GB"),
    ("max_prepared_transactions", "8"),
    ("deadlock_timeout", "1s"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("lc_messages", "C"),
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
    ("log_line_prefix", "%m [%p] %a "),
    ("log_statement", "ddl"),
    ("log_lock_waits", "on"),
    ("log_checkpoints", "off"),
];

/// The folder, owned by the server's user and closed to everybody else.
pub(super) struct PrivateFolder {
    path: PathBuf,
    /// A second folder for the socket, when the first one's path is too long for one.
    short: std::cell::OnceCell<PathBuf>,
    /// Held for as long as the guard lives.
    _lock: File,
}

impl PrivateFolder {
    pub(super) fn create(parent: &Path, owner: Option<&SystemUser>) -> Result<Self, StartFailure> {
        let path = private(parent, owner)?;
        let lock = take_lock(&path).map_err(|error| StartFailure::folder(&path.join(LOCK), &error))?;
        Ok(Self { path, short: std::cell::OnceCell::new(), _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }

    /// Where the socket goes: the folder itself, or a short one in `/tmp` when the path would not fit.
    pub(super) fn socket_dir(&self, port: u16, owner: Option<&SystemUser>) -> Result<PathBuf, StartFailure> {
        let socket = self.path.join(format!(".s.PGSQL.{port}"));
        if socket.as_os_str().len() <= SOCKET_PATH_LIMIT {
            return Ok(self.path.clone());
        }
        if let Some(short) = self.short.get() {
            return Ok(short.clone());
        }
        let short = private(Path::new("/tmp"), owner)?;
        Ok(self.short.get_or_init(|| short).clone())
    }

    /// Writes our settings and then the caller's behind what initdb wrote; of two the last one counts.
    pub(super) fn configure(
        &self,
        orders: &Orders,
        socket_dir: &Path,
        port: u16,
    ) -> Result<(), StartFailure> {
        let file = self.data().join("postgresql.auto.conf");
        let listen = match orders.listen {
            Listen::SocketOnly => "",
            Listen::Loopback => "127.0.0.1",
        };
        let socket_dir = socket_dir.display().to_string();
        let port = port.to_string();
        let place = [("listen_addresses", listen), ("unix_socket_directories", &socket_dir), ("port", &port)];
        let theirs = orders.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let text = SETTINGS.iter().copied().chain(place).chain(theirs).fold(
            String::new(),
            |mut text, (name, value)| {
                let value = value.replace('\\', "\\\\").replace('\'', "''");
                // Writing to a String cannot fail.
                writeln!(text, "{name} = '{value}'").ok();
                text
            },
        );
        fs::write(&file, text).map_err(|error| StartFailure::folder(&file, &error))
    }

    pub(super) async fn remove(self) {
        remove(&self.path).await;
        if let Some(short) = self.short.get() {
            remove(short).await;
        }
    }
}

/// A folder with mode 0700 that belongs to the server's user.
fn private(parent: &Path, owner: Option<&SystemUser>) -> Result<PathBuf, StartFailure> {
    let path = tempfile::Builder::new()
        .prefix(PREFIX)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(|error| StartFailure::folder(parent, &error))?
        .keep();
    // macOS names the temporary folder through a link; sockets and the sweep want one name.
    let path = fs::canonicalize(&path).unwrap_or(path);
    own(&path, owner)?;
    Ok(path)
}

fn own(path: &Path, owner: Option<&SystemUser>) -> Result<(), StartFailure> {
    let Some(SystemUser { uid, gid, .. }) = owner else { return Ok(()) };
    chown(path, Some(*uid), Some(*gid)).map_err(|error| StartFailure::folder(path, &error))
}

/// The lock gets its name only when it is held, so that a sweep never finds it free while its guard is starting.
fn take_lock(folder: &Path) -> std::io::Result<File> {
    let draft = folder.join("guard.lock.new");
    let lock = fs::File::create(&draft)?.into_file();
    lock.lock()?;
    fs::rename(&draft, folder.join(LOCK))?;
    Ok(lock)
}

/// Fails when `user` cannot search the folders down to `path`. Looks at mode bits: access lists may say otherwise,
/// and then the server's own message does.
pub(super) fn check_reach(path: &Path, user: &SystemUser) -> Result<(), StartFailure> {
    let real = fs::canonicalize(path).map_err(|error| StartFailure::folder(path, &error))?;
    for folder in real.ancestors() {
        let Ok(metadata) = fs::metadata(folder) else { continue };
        let search = if metadata.uid() == user.uid {
            0o100
        } else if metadata.gid() == user.gid {
            0o010
        } else {
            0o001
        };
        if metadata.mode() & search == 0 {
            return Err(StartFailure::Unreachable { path: path.to_owned(), user: user.name.clone() });
        }
    }
    Ok(())
}

/// Removes folders of guards that were killed before they could tidy up, and a server that outlived one.
pub(super) fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)) {
            sweep_one(&entry.path());
        }
    }
}

fn sweep_one(folder: &Path) {
    let lock = folder.join(LOCK);
    // Anybody may make a folder of this name in a shared place: only what our own user locked is ours.
    let ours = rustix::process::geteuid().as_raw();
    if !fs::symlink_metadata(&lock).is_ok_and(|metadata| metadata.is_file() && metadata.uid() == ours) {
        return;
    }
    let Ok(lock) = File::open(&lock) else { return };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return,
    }
    end_survivor(&folder.join("data"));
    unmount_below(folder);
    fs::remove_dir_all(folder).ok();
}

/// Ends a postmaster whose guard is gone. The pid of its file may belong to another process by now; a postmaster's
/// working directory is its data directory, which tells them apart where `/proc` exists.
fn end_survivor(data: &Path) {
    let Ok(state) = fs::read_to_string(data.join("postmaster.pid")) else { return };
    let Some(pid) = state.lines().next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw)
    else {
        return;
    };
    let directory = fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero()));
    if directory.is_ok_and(|directory| directory == data) {
        kill_process(pid, Signal::QUIT).ok();
    }
}

/// Removes a folder and what is mounted in it. Backends of a killed server may still write for a moment.
async fn remove(folder: &Path) {
    unmount_below(folder);
    for _ in 0..100 {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {}
            _ => return,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(target_os = "linux")]
fn unmount_below(folder: &Path) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    // The fifth field is the mount point. Blanks in it are escaped; our folders have none.
    for point in mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(Path::new) {
        if point.starts_with(folder) && point != folder {
            rustix::mount::unmount(point, rustix::mount::UnmountFlags::DETACH).ok();
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn unmount_below(_folder: &Path) {}

/// An initialised data directory to copy from: 0.04 s instead of 0.4 s of initdb.
pub(super) struct Template {
    path: PathBuf,
    _lock: File,
}

impl Template {
    /// Opens the place of the template for these binaries and this user. Waits for another guard that makes it.
    pub(super) fn open(templates: &Path, orders: &Orders) -> Result<Self, StartFailure> {
        let fail = |error: &std::io::Error| StartFailure::folder(templates, error);
        let uid = orders.run_as.as_ref().map_or_else(|| rustix::process::geteuid().as_raw(), |user| user.uid);
        let mut digest = Sha256::new();
        digest.update(orders.binaries.as_os_str().as_encoded_bytes());
        digest.update(orders.superuser.as_bytes());
        // A package upgrade replaces the program under the same path.
        if let Ok(metadata) = fs::metadata(orders.binaries.join("postgres")) {
            digest.update(metadata.len().to_le_bytes());
            digest.update(metadata.mtime().to_le_bytes());
        }
        let name = digest.finalize().iter().take(8).fold(format!("{uid}-"), |name, byte| {
            let mut name = name;
            write!(name, "{byte:02x}").ok();
            name
        });
        fs::create_dir_all(templates).map_err(|error| fail(&error))?;
        own(templates, orders.run_as.as_ref())?;
        let lock = fs::File::create(templates.join(format!("{name}.lock"))).map_err(|error| fail(&error))?;
        lock.file().lock().map_err(|error| fail(&error))?;
        Ok(Self { path: templates.join(name), _lock: lock.into_file() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn exists(&self) -> bool {
        self.path.join("PG_VERSION").is_file()
    }

    /// Where the data directory is made before it gets its name.
    pub(super) fn draft(&self) -> PathBuf {
        let draft = self.path.with_extension("draft");
        fs::remove_dir_all(&draft).ok();
        draft
    }

    pub(super) fn publish(&self, draft: &Path) -> Result<(), StartFailure> {
        fs::rename(draft, &self.path).map_err(|error| StartFailure::folder(&self.path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(settings: &[(&str, &str)]) -> Orders {
        Orders {
            binaries: PathBuf::from("/usr/lib/postgresql/15/bin"),
            parent_dir: PathBuf::from("/tmp"),
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            listen: Listen::SocketOnly,
            superuser: "postgres".to_owned(),
            run_as: None,
            templates: None,
        }
    }

    #[test]
    fn a_folder_whose_guard_lives_is_not_swept() {
        let parent = tempfile::tempdir().expect("folder");
        let folder = PrivateFolder::create(parent.path(), None).expect("private folder");
        let path = folder.path().to_owned();
        sweep(parent.path());
        assert!(path.is_dir());
        drop(folder);
        sweep(parent.path());
        assert!(!path.exists(), "without its guard it goes");
    }

    #[test]
    fn a_folder_without_a_lock_of_ours_is_left_alone() {
        let parent = tempfile::tempdir().expect("folder");
        let stranger = parent.path().join("cicerone-pg-stranger");
        fs::create_dir(&stranger).expect("folder");
        sweep(parent.path());
        assert!(stranger.is_dir());
    }

    #[test]
    fn the_private_folder_is_closed_to_others() {
        let parent = tempfile::tempdir().expect("folder");
        let folder = PrivateFolder::create(parent.path(), None).expect("private folder");
        assert_eq!(fs::metadata(folder.path()).expect("metadata").mode() & 0o777, 0o700);
    }

    #[test]
    fn a_socket_that_would_not_fit_goes_to_a_short_folder() {
        let parent = tempfile::tempdir().expect("folder");
        let deep = parent.path().join("d".repeat(90));
        fs::create_dir(&deep).expect("folder");
        let folder = PrivateFolder::create(&deep, None).expect("private folder");
        let socket_dir = folder.socket_dir(54_321, None).expect("socket folder");
        assert!(
            socket_dir.starts_with("/tmp") && socket_dir.as_os_str().len() < 60,
            "{}",
            socket_dir.display()
        );
        assert_eq!(folder.socket_dir(54_321, None).expect("the same one"), socket_dir);
        fs::remove_dir_all(socket_dir).expect("removed");
    }

    #[test]
    fn the_callers_settings_come_last_and_are_quoted() {
        let parent = tempfile::tempdir().expect("folder");
        let folder = PrivateFolder::create(parent.path(), None).expect("private folder");
        fs::create_dir(folder.data()).expect("folder");
        let orders = orders(&[("fsync", "on"), ("cluster_name", "it's \\ here")]);
        folder.configure(&orders, folder.path(), 20_000).expect("written");
        let text = fs::read_to_string(folder.data().join("postgresql.auto.conf")).expect("read");
        assert!(text.find("fsync = 'off'") < text.find("fsync = 'on'"));
        assert!(text.ends_with("cluster_name = 'it''s \\\\ here'\n"), "{text}");
    }

    #[test]
    fn a_closed_folder_above_is_named_before_the_server_stumbles_over_it() {
        let parent = tempfile::tempdir().expect("folder");
        let inner = parent.path().join("inner");
        fs::create_dir(&inner).expect("folder");
        fs::set_permissions(parent.path(), Permissions::from_mode(0o700)).expect("closed");
        let stranger = SystemUser { name: "nobody".to_owned(), uid: 65_534, gid: 65_534 };
        let failure = check_reach(&inner, &stranger).expect_err("the folder above is closed");
        assert!(matches!(failure, StartFailure::Unreachable { .. }), "{failure}");
        assert_eq!(check_reach(Path::new("/tmp"), &stranger), Ok(()));
    }
}
