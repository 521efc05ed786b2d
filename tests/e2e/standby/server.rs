//! A hot standby of a test's own server, made as a backup is: its files are copied while it runs.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cicerone::rehearsal::cluster::{Cluster, SUPERUSER};
use cicerone::rehearsal::connect::connect;
use cicerone::rehearsal::user::{SystemUser, server_user};
use tokio_postgres::Client;

use crate::server::{LOGGING, MAJOR};
use crate::support::cluster::{binaries, own_cluster, scratch, surroundings};
use crate::support::wait::{eventually, until};

/// Ends the server, and takes its folder away, when nobody holds its standard input any more: neither outlives a test, not
/// even one that is killed.
const KEEPER: &str = "\"$0\" \"$@\" >\"$CICERONE_TEST_LOG\" 2>&1 </dev/null & server=$!; cat >/dev/null; \
                      kill -INT $server; wait $server; rm -rf \"$CICERONE_TEST_FOLDER\"";

/// A server that follows another one.
pub(super) struct Standby {
    keeper: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Drop for Standby {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// A server that another one can follow.
pub(super) async fn primary() -> Cluster {
    let mut settings = LOGGING.to_vec();
    settings.extend([("wal_keep_size", "256MB"), ("full_page_writes", "on"), ("fsync", "off")]);
    own_cluster(MAJOR, &settings).await
}

impl Standby {
    /// One that has all that the primary had when this was called.
    pub(super) async fn of(primary: &Cluster) -> Self {
        let user = server_user(&surroundings()).expect("an account that can run a server");
        let folder = tempfile::tempdir_in(scratch()).expect("a folder");
        let data = folder.path().join("data");
        let session = connect(&primary.conninfo("postgres"), "test").await.expect("a session");
        session.batch_execute("SELECT pg_backup_start('standby', true)").await.expect("a backup begins");
        copy(&primary.folder().join("data"), &data, Path::new(""));
        let ended = session.query_one("SELECT labelfile FROM pg_backup_stop(false)", &[]).await;
        let label: String = ended.expect("a backup ends").get(0);
        fs_err::write(data.join("backup_label"), label).expect("its label");
        fs_err::write(data.join("standby.signal"), "").expect("its signal");
        own(folder.path(), user.as_ref());
        let position = session.query_one("SELECT pg_current_wal_lsn()::text", &[]).await.expect("a position");
        let port = primary.port();
        let conninfo = format!(
            "host={} port={port} user={SUPERUSER} application_name=follower",
            primary.socket_dir().display()
        );
        let standby = Self { keeper: start(folder.path(), port, &conninfo, user.as_ref()), folder, port };
        let socket = standby.folder.path().join(format!(".s.PGSQL.{port}"));
        eventually("the standby listens", || socket.exists()).await;
        let session = standby.session("postgres").await;
        until(&session, &format!("SELECT pg_last_wal_replay_lsn() >= '{}'", position.get::<_, String>(0)))
            .await;
        standby
    }

    /// Folder of its socket.
    pub(super) fn host(&self) -> String {
        self.folder.path().display().to_string()
    }

    pub(super) fn conninfo(&self, database: &str) -> String {
        format!("host={} port={} user={SUPERUSER} dbname={database}", self.host(), self.port)
    }

    pub(super) async fn session(&self, database: &str) -> Client {
        let mut last = None;
        for _ in 0..300 {
            match connect(&self.conninfo(database), "witness").await {
                Ok(session) => return session,
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("no session on the standby: {last:?}\n{}", self.log());
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn log(&self) -> String {
        fs_err::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Makes it a primary.
    pub(super) async fn promote(&self) {
        let session = self.session("postgres").await;
        until(&session, "SELECT pg_promote()").await;
        until(&session, "SELECT NOT pg_is_in_recovery()").await;
    }
}

/// Copies what a backup has to have: the log of changes is streamed.
fn copy(from: &Path, to: &Path, inside: &Path) {
    fs_err::create_dir(to.join(inside)).expect("a folder");
    for entry in fs_err::read_dir(from.join(inside)).expect("files") {
        let entry = entry.expect("a file");
        let inside = inside.join(entry.file_name());
        let left_out = ["postmaster.pid", "postmaster.opts"].map(Path::new).contains(&inside.as_path());
        if entry.file_type().expect("a type").is_dir() {
            copy(from, to, &inside);
        } else if !left_out && !inside.starts_with("pg_wal") && !inside.starts_with("pg_replslot") {
            // Files come and go under a backup.
            match fs_err::copy(entry.path(), to.join(&inside)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
                Ok(_) | Err(_) => {}
            }
        }
    }
}

/// Gives a folder and all in it to the server's account.
fn own(path: &Path, user: Option<&SystemUser>) {
    if let Some(user) = user {
        std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid)).expect("another owner");
    }
    if path.is_dir() {
        fs_err::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .expect("its rights");
        for entry in fs_err::read_dir(path).expect("files") {
            own(&entry.expect("a file").path(), user);
        }
    }
}

fn start(folder: &Path, port: u16, primary: &str, user: Option<&SystemUser>) -> Child {
    let program = binaries(MAJOR, &surroundings()).folder.join("postgres");
    let mut command = Command::new("sh");
    command.arg("-c").arg(KEEPER).arg(program).arg("-D").arg(folder.join("data"));
    for (name, value) in [
        ("port", port.to_string()),
        ("unix_socket_directories", folder.display().to_string()),
        ("listen_addresses", String::new()),
        ("primary_conninfo", primary.to_owned()),
        ("hot_standby", "on".to_owned()),
        ("wal_receiver_status_interval", "1s".to_owned()),
    ] {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.env("CICERONE_TEST_LOG", folder.join("server.log")).env("CICERONE_TEST_FOLDER", folder);
    command.current_dir("/").stdin(Stdio::piped());
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command.spawn().expect("the standby starts")
}
