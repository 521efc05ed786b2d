//! Rehearsals: a server of their own from first to last, real faults, and nothing left behind.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cicerone::rehearsal::connect::connect;
use rustix::process::Signal;
use tokio::process::Command;

use crate::console::{abort, open};
use crate::program::{Ended, Home, Running, run};
use crate::server::MAJOR;
use crate::support::cluster::{binaries, surroundings};
use crate::support::wait::eventually;

/// A home, and a folder for throwaway servers that whoever runs them can search.
pub(crate) struct Stage {
    pub(crate) home: Home,
    pub(crate) servers: tempfile::TempDir,
    programs: PathBuf,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let servers = tempfile::tempdir().expect("a folder");
        fs_err::set_permissions(servers.path(), PermissionsExt::from_mode(0o755)).expect("permissions");
        Self { home: Home::new(), servers, programs: binaries(MAJOR, &surroundings()).folder }
    }

    /// With two tables and three entries, the first of which takes some tenths of a second to build.
    fn with_own_tables() -> Self {
        let stage = Self::new();
        stage.home.file("tables.sql", include_str!("faults.sql"));
        stage.home.file("registry.toml", include_str!("faults.toml"));
        stage
    }

    pub(crate) fn rehearse(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.cicerone(&["rehearse"]);
        command
            .arg("--pg-bin")
            .arg(&self.programs)
            .arg("--temp-dir")
            .arg(self.servers.path())
            .args(arguments);
        command
    }

    fn own(&self, arguments: &[&str]) -> Command {
        let mut command = self.rehearse(&["--schema", "tables.sql", "--jobs", "2"]);
        command.args(arguments);
        command
    }

    #[track_caller]
    pub(crate) fn nothing_is_left(&self) {
        assert_eq!(entries(self.servers.path()), [""; 0]);
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).expect("the folder");
    entries.map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn the_sample_is_rehearsed_from_pre_flight_to_sign_off() {
    let stage = Stage::new();
    let ended = run(stage.rehearse(&["--scale", "0.02"])).await.with_code(0);
    assert!(ended.last_line().starts_with("82 of 82 verified  REHEARSAL  report /"), "{ended}");
    let run = stage.home.only_run();
    for file in ["journal.jsonl", "report.md", "report.json"] {
        assert!(ended.last_line().contains("journal.jsonl") && run.join(file).is_file(), "{file}");
    }
    let report = fs_err::read_to_string(run.join("report.md")).expect("the report");
    assert!(report.contains("REHEARSAL"), "{report}");
    stage.nothing_is_left();
}

#[tokio::test]
async fn a_registry_of_ones_own_is_rehearsed_on_ones_own_tables() {
    let stage = Stage::with_own_tables();
    let ended = run(stage.own(&[])).await.with_code(0);
    assert!(ended.last_line().starts_with("3 of 3 verified  REHEARSAL"), "{ended}");
    stage.nothing_is_left();
    stage.home.file("tables.sql", "CREATE TABEL visits ();");
    let ended = run(stage.own(&[])).await.with_code(2);
    assert!(
        ended.stderr.contains("tables.sql could not be loaded") && ended.stderr.contains("TABEL"),
        "{ended}"
    );
    stage.nothing_is_left();
}

async fn with_fault(stage: &Stage, fault: &str, hold: &str, more: &[&str]) -> Ended {
    let mut command = stage.own(&["--fault", fault, "--fault-hold", hold]);
    command.args(more);
    let ended = run(command).await;
    stage.nothing_is_left();
    ended
}

#[tokio::test]
async fn builds_wait_for_whoever_holds_them_up_and_then_finish() {
    for (fault, told) in
        [("open-snapshot", "fault: open snapshot"), ("writer", "fault: writer"), ("vacuum", "fault: vacuum")]
    {
        let ended = with_fault(&Stage::with_own_tables(), fault, "3s", &[]).await.with_code(0);
        assert!(ended.stdout.contains(told), "{told}: {ended}");
        assert!(ended.stderr.contains(&format!("Fault {fault}: over")), "{ended}");
        assert!(ended.last_line().starts_with("3 of 3 verified"), "{ended}");
    }
}

#[tokio::test]
async fn a_build_that_was_struck_is_cleaned_up_and_built_again() {
    for (fault, told) in [("cancel", "57014"), ("terminate", "57P01"), ("kill-server", "attempt 2")] {
        let ended = with_fault(&Stage::with_own_tables(), fault, "20s", &[]).await.with_code(0);
        assert!(ended.stderr.contains(&format!("Fault {fault}: struck pid ")), "{ended}");
        assert!(ended.stdout.contains(told) && ended.stdout.contains("attempt 2"), "{told}: {ended}");
        assert!(ended.last_line().starts_with("3 of 3 verified"), "{ended}");
    }
}

#[tokio::test]
async fn a_full_disk_is_seen_before_and_survived() {
    let stage = Stage::with_own_tables();
    let ended = with_fault(&stage, "disk-full", "60s", &[]).await;
    if !rustix::process::geteuid().is_root() {
        ended.with_code(2).says("only root on Linux may do");
        return;
    }
    ended.with_code(3).says("disk_headroom FAIL");
    let waived = ["--waive", "disk_headroom=the rehearsal wants it to be full"];
    let ended = with_fault(&stage, "disk-full", "60s", &waived).await.with_code(4);
    assert!(ended.stdout.contains("53100"), "{ended}");
    assert!(
        ended.last_line().contains(" of 3 verified") && !ended.last_line().contains("leftover"),
        "{ended}"
    );
}

#[tokio::test]
async fn the_server_alone_says_where_it_is_and_goes_when_told() {
    let stage = Stage::new();
    let mut process = Running::start(stage.rehearse(&["--only-server", "--scale", "0.001"]));
    for place in ["host='/", "host='127.0.0.1'"] {
        let dsn = process.says(place).await;
        let session = connect(&dsn, "test").await.expect("a session");
        let row = session.query_one("SELECT count(*) FROM leads", &[]).await.expect("the sample");
        assert!(row.get::<_, i64>(0) > 0);
    }
    process.signal(Signal::TERM);
    process.end().await.with_code(0);
    stage.nothing_is_left();
}

#[tokio::test]
async fn a_rehearsal_that_is_killed_takes_its_server_along() {
    let stage = Stage::with_own_tables();
    let mut process = Running::start(stage.own(&["--fault", "writer"]));
    process.says("visits_place WAIT").await;
    assert_eq!(entries(stage.servers.path()).len(), 1);
    process.signal(Signal::KILL);
    process.end().await;
    eventually("server and folder are gone", || entries(stage.servers.path()).is_empty()).await;
}

#[tokio::test]
async fn a_rehearsal_outlives_its_terminal_and_its_server_goes_with_its_engine() {
    let stage = Stage::with_own_tables();
    let mut pty = open(&stage.own(&[]));
    pty.shows("[s] waiting for you at 2").await;
    pty.hangs_up();
    pty.ends().await;
    assert_eq!(entries(stage.servers.path()).len(), 1, "the engine needs it");
    let mut pty = open(&stage.home.cicerone(&["attach"]));
    pty.shows("[s] waiting for you at 2").await;
    abort(&mut pty).await.with_code(6);
    eventually("engine, server and folder are gone", || {
        entries(stage.servers.path()).is_empty() && stage.home.engines().is_empty()
    })
    .await;

    let mut pty = open(&stage.own(&[]));
    pty.shows("[s] waiting for you at 2").await;
    stage.home.end_engines(Signal::KILL);
    pty.shows("the engine does not answer any more").await;
    pty.types("q").await;
    pty.ends().await.with_code(7);
    eventually("server and folder are gone", || entries(stage.servers.path()).is_empty()).await;
}

#[tokio::test]
async fn an_ordinary_user_rehearses_too() {
    let stage = Stage::with_own_tables();
    let mut command = stage.own(&[]);
    if rustix::process::geteuid().is_root() {
        command = as_nobody(&stage, &command);
    }
    run(command).await.with_code(0).says("3 of 3 verified");
    stage.nothing_is_left();
}

/// The same command as an account without rights, in a home of its own; everybody may look into the test's folders.
fn as_nobody(stage: &Stage, command: &Command) -> Command {
    let accounts = fs_err::read_to_string("/etc/passwd").expect("accounts");
    let nobody =
        accounts.lines().find(|line| line.starts_with("nobody:")).expect("an account without rights");
    let ids: Vec<u32> = nobody.split(':').skip(2).take(2).map(|id| id.parse().expect("a number")).collect();
    for folder in [stage.home.path(), stage.servers.path()] {
        std::os::unix::fs::chown(folder, Some(ids[0]), Some(ids[1])).expect("handed over");
    }
    // The binary of the build may lie where only root can look.
    let binary = stage.home.path().join("cicerone");
    let built = command.as_std().get_program();
    fs_err::hard_link(built, &binary).or_else(|_| fs_err::copy(built, &binary).map(drop)).expect("a binary");
    let mut theirs = Command::new(&binary);
    let vars = command.as_std().get_envs().filter_map(|(name, value)| Some((name, value?)));
    theirs.args(command.as_std().get_args()).env_clear().envs(vars).current_dir(stage.home.path());
    theirs.uid(ids[0]).gid(ids[1]).kill_on_drop(true);
    theirs
}
