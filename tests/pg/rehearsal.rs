//! The throwaway server itself: it starts, it serves, and it never outlives whoever started it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cicerone::rehearsal::cluster::Cluster;
use cicerone::rehearsal::connect::connect;
use cicerone::rehearsal::discover::SUPPORTED;
use cicerone::rehearsal::guard::Listen;

use crate::support::cluster::{database, own_cluster, spec};
use crate::support::wait::eventually;

const MAJOR: u32 = 15;

fn is_alive(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}/cwd")).symlink_metadata().is_ok()
}

#[tokio::test]
async fn a_stopped_cluster_leaves_neither_process_nor_folder() {
    let cluster = own_cluster(MAJOR, &[]).await;
    let (folder, postmaster) = (cluster.folder().to_owned(), cluster.postmaster_pid());
    assert!(folder.is_dir() && is_alive(postmaster));
    cluster.stop().await;
    assert!(!folder.exists() && !is_alive(postmaster));
}

#[tokio::test]
async fn a_dropped_cluster_goes_by_itself() {
    let cluster = own_cluster(MAJOR, &[]).await;
    let (folder, postmaster) = (cluster.folder().to_owned(), cluster.postmaster_pid());
    drop(cluster);
    eventually("server and folder are gone", || !folder.exists() && !is_alive(postmaster)).await;
}

#[tokio::test]
async fn open_sessions_do_not_hold_up_the_end() {
    let cluster = own_cluster(MAJOR, &[]).await;
    let folder = cluster.folder().to_owned();
    let session = connect(&cluster.conninfo("postgres"), "test").await.expect("a session");
    session.batch_execute("BEGIN; CREATE TABLE t (i int)").await.expect("an open transaction");
    cluster.stop().await;
    assert!(!folder.exists());
}

#[tokio::test]
async fn settings_of_the_caller_win() {
    let cluster = own_cluster(MAJOR, &[("work_mem", "7MB"), ("max_connections", "23")]).await;
    let session = connect(&cluster.conninfo("postgres"), "test").await.expect("a session");
    for (name, value) in [("work_mem", "7MB"), ("max_connections", "23"), ("fsync", "off")] {
        let row = session.query_one("SELECT current_setting($1)", &[&name]).await.expect("a setting");
        assert_eq!(row.get::<_, String>(0), value);
    }
    cluster.stop().await;
}

#[tokio::test]
async fn a_wrong_setting_is_reported_in_the_servers_words_and_nothing_stays() {
    let mut spec = spec(MAJOR, &[("shared_buffers", "a lot")]);
    let parent = private_parent();
    spec.parent_dir = parent.path().to_owned();
    let error = Cluster::start(spec).await.expect_err("the setting is no size");
    assert!(error.to_string().contains("shared_buffers"), "{error}");
    assert_eq!(std::fs::read_dir(parent.path()).expect("the parent folder").count(), 0);
}

#[tokio::test]
async fn only_the_private_folder_leads_to_the_server_unless_loopback_is_asked_for() {
    let cluster = own_cluster(MAJOR, &[]).await;
    assert_eq!(cluster.conninfo_tcp("postgres"), None);
    let session = connect(&cluster.conninfo("postgres"), "test").await.expect("a session");
    let row = session.query_one("SELECT current_setting('listen_addresses')", &[]).await.expect("a setting");
    assert_eq!(row.get::<_, String>(0), "");
    cluster.stop().await;

    let mut spec = spec(MAJOR, &[]);
    spec.listen = Listen::Loopback;
    let cluster = Cluster::start(spec).await.expect("a server");
    let conninfo = cluster.conninfo_tcp("postgres").expect("a loopback address");
    let session = connect(&conninfo, "test").await.expect("a session over TCP");
    assert!(session.query_one("SELECT inet_client_addr()::text", &[]).await.is_ok());
    cluster.stop().await;
}

#[tokio::test]
async fn a_killed_process_takes_its_server_along() {
    let mut holder = Holder::start();
    assert!(holder.folder.is_dir() && is_alive(holder.postmaster));
    holder.process.kill().expect("SIGKILL");
    holder.process.wait().expect("an end");
    let (folder, postmaster) = (holder.folder.clone(), holder.postmaster);
    eventually("server and folder are gone", || !folder.exists() && !is_alive(postmaster)).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_killed_guard_takes_its_server_along_and_the_next_start_sweeps_its_folder() {
    let parent = private_parent();
    let mut spec = spec(MAJOR, &[]);
    spec.parent_dir = parent.path().to_owned();
    let cluster = Cluster::start(spec.clone()).await.expect("a server");
    let (folder, postmaster) = (cluster.folder().to_owned(), cluster.postmaster_pid());
    let guard =
        i32::try_from(cluster.guard_pid()).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
    rustix::process::kill_process(guard, rustix::process::Signal::KILL).expect("SIGKILL");
    eventually("the server is gone", || !is_alive(postmaster)).await;
    assert!(folder.is_dir(), "nobody was left to remove it");
    let next = Cluster::start(spec).await.expect("a server");
    assert!(!folder.exists());
    next.stop().await;
}

#[tokio::test]
async fn terminal_signals_do_not_end_the_guard() {
    let cluster = own_cluster(MAJOR, &[]).await;
    let guard =
        i32::try_from(cluster.guard_pid()).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM, rustix::process::Signal::HUP]
    {
        rustix::process::kill_process(guard, signal).expect("delivered");
    }
    let session = connect(&cluster.conninfo("postgres"), "test").await.expect("a session");
    assert!(session.simple_query("SELECT 1").await.is_ok());
    let folder = cluster.folder().to_owned();
    cluster.stop().await;
    assert!(!folder.exists());
}

#[tokio::test]
async fn every_supported_major_starts_and_serves() {
    for major in SUPPORTED {
        let database = database(major).await;
        let session = database.connect().await;
        let row =
            session.query_one("SELECT current_setting('server_version_num')::int", &[]).await.expect("a row");
        assert_eq!(row.get::<_, i32>(0) / 10_000, i32::try_from(major).expect("a small number"));
    }
}

/// A folder for private folders that the server's user can search, whatever the umask.
fn private_parent() -> tempfile::TempDir {
    let parent = tempfile::tempdir().expect("folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(parent.path(), open).expect("permissions");
    parent
}

/// This test binary once more, holding a server until it is killed.
struct Holder {
    process: Child,
    folder: std::path::PathBuf,
    postmaster: i32,
}

impl Holder {
    fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().expect("our own path"))
            .args(["--exact", "rehearsal::hold_a_server_until_killed", "--nocapture"])
            .env("CICERONE_TEST_HOLD", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("this binary runs");
        let output = std::io::BufReader::new(process.stdout.take().expect("a pipe"));
        let line = std::io::BufRead::lines(output)
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("HOLDING ")?.1.to_owned()))
            .expect("the server's whereabouts");
        let (postmaster, folder) = line.split_once(' ').expect("two words");
        Self { process, folder: folder.into(), postmaster: postmaster.parse().expect("a pid") }
    }
}

/// Not a test of its own: the process that `a_killed_process_takes_its_server_along` kills.
#[tokio::test]
async fn hold_a_server_until_killed() {
    #[expect(clippy::disallowed_methods, reason = "tells the child process apart from an ordinary run")]
    if std::env::var_os("CICERONE_TEST_HOLD").is_none() {
        return;
    }
    let cluster = own_cluster(MAJOR, &[]).await;
    println!("HOLDING {} {}", cluster.postmaster_pid(), cluster.folder().display());
    tokio::time::sleep(Duration::from_mins(2)).await;
    cluster.stop().await;
}
