//! The console on a real terminal: everything by keyboard, what is seen judged by a terminal's own reading of it,
//! what was done by the server's log and catalogs.

use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;

use crate::program::{Home, run};
use crate::server::{self, Database};
use crate::support::cluster::{binaries, surroundings};
use crate::support::pty::{ENTER, ESC, Left, Pty};
use crate::support::wait::{eventually, until};

/// What every screen is made for.
const SIZE: (u16, u16) = (80, 24);
/// The gate of a real target without a backup.
pub(crate) const GATE: &str = "GATE CLOSED  1 UNKNOWN";

pub(crate) fn console(home: &Home, dsn: &str, more: &[&str]) -> Command {
    let mut command = home.cicerone(&["console", "index-rollout", "--dsn", dsn, "--environment", "stage"]);
    command.args(more);
    command
}

pub(crate) fn open(command: &Command) -> Pty {
    Pty::start(command.as_std(), SIZE)
}

/// Arms, by the name of the database.
pub(crate) async fn arm(pty: &mut Pty, database: &str) {
    pty.types(":arm").await;
    pty.types(ENTER).await;
    pty.panel("type the database name").await;
    pty.types(&format!("{database}{ENTER}")).await;
    pty.shows("[ARMED").await;
}

/// Says go at the held step.
async fn go(pty: &mut Pty) {
    pty.shows("[s] waiting for you at 2").await;
    pty.types("s").await;
    pty.panel("type go").await;
    pty.types(&format!("go{ENTER}")).await;
}

/// Waives the missing backup of a test's database; armed already.
async fn waive(pty: &mut Pty) {
    pty.types("w").await;
    pty.panel("reason, kept in the report").await;
    pty.types(&format!("restored by hand at 02{ENTER}")).await;
}

/// Signs; armed already.
async fn sign(pty: &mut Pty) {
    pty.shows("[s] your signature at 5").await;
    pty.types("s").await;
    pty.panel("your name").await;
    pty.types(&format!("Jane Doe{ENTER}all of it is valid{ENTER}")).await;
}

/// Leaves a run that is over: one key.
async fn leave(pty: &mut Pty) -> Left {
    pty.shows(" DONE  ").await;
    pty.types("q").await;
    pty.ends().await
}

/// Ends a run that is not.
pub(crate) async fn abort(pty: &mut Pty) -> Left {
    ask_for_the_end(pty).await;
    pty.shows(" ENDED ").await;
    pty.types("q").await;
    pty.ends().await
}

async fn ask_for_the_end(pty: &mut Pty) {
    pty.types(&format!(":abort{ENTER}")).await;
    pty.panel("type abort").await;
    pty.types(&format!("abort{ENTER}enough was seen{ENTER}")).await;
}

/// Leaves a run that goes on.
async fn detach(pty: &mut Pty) -> Left {
    pty.types("q").await;
    pty.panel("type detach or pause").await;
    pty.types(&format!("detach{ENTER}")).await;
    pty.ends().await
}

/// Waits for so many frames more: as many seconds on a screen with a clock.
pub(crate) async fn frames(pty: &mut Pty, count: usize) {
    for _ in 0..count {
        let before = pty.screen();
        pty.until("the clock goes on", |now| now != before).await;
    }
}

/// A console on the small database, past gate and go, and ARMED.
pub(crate) async fn building(home: &Home, database: &Database) -> Pty {
    let mut pty = open(&console(home, &database.conninfo(), &[]));
    pty.shows(GATE).await;
    arm(&mut pty, &database.name).await;
    waive(&mut pty).await;
    go(&mut pty).await;
    pty
}

#[tokio::test]
async fn a_rehearsal_goes_from_the_first_frame_to_sign_off_by_keyboard() {
    let home = Home::new();
    let programs = binaries(server::MAJOR, &surroundings()).folder;
    let mut command = home.cicerone(&["rehearse", "--scale", "0.1", "--pg-bin"]);
    command.arg(programs);
    let mut pty = open(&command);
    pty.until("the screen is up", |screen| screen.contains("REHEARSAL") && screen.contains("[SAFE]")).await;
    assert!(pty.is_up());
    go(&mut pty).await;
    pty.shows(" INDEXES ").await;
    pty.shows(">3 BUILD").await;
    pty.shows("82 of 82 verified").await;
    // Nobody signs while SAFE.
    pty.shows(":arm, then [s]").await;
    pty.types("s").await;
    pty.shows("not now: SAFE").await;
    arm(&mut pty, "app").await;
    // A wish to leave that was taken back is none.
    pty.types("q").await;
    pty.panel("type detach or pause").await;
    pty.types(ESC).await;
    pty.hides("type detach or pause").await;
    sign(&mut pty).await;
    pty.shows("SIGNED by Jane Doe").await;
    // However long the path is, all of it is there.
    pty.until("the report's path is shown", |screen| {
        screen.split_whitespace().collect::<String>().contains("/report.mdjournal.jsonlliesbesideit")
    })
    .await;
    pty.shows("ENDED").await;
    frames(&mut pty, 3).await;
    let left = leave(&mut pty).await.with_code(0);
    let last = left.text.replace('\n', "");
    assert!(last.contains("82 of 82 verified  REHEARSAL  report /"), "{last}");
    let run = home.only_run();
    assert!(left.text.contains(&*run.file_name().expect("an id").to_string_lossy()), "{}", left.text);
    assert!(fs_err::read_to_string(run.join("report.md")).expect("a report").contains("Jane Doe"));
}

#[tokio::test]
async fn the_first_frame_waits_for_no_server_and_leaving_waits_for_none_either() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let home = Home::with_small_registry();
    let dsn = format!("host=127.0.0.1 port={port} dbname=app user=nobody");
    let mut pty = open(&console(&home, &dsn, &["--insecure-plaintext"]));
    pty.shows(&format!("connecting to 127.0.0.1:{port}/app")).await;
    pty.shows("[q] leave").await;
    frames(&mut pty, 2).await;
    pty.types("q").await;
    let asked = tokio::time::timeout(Duration::from_secs(10), pty.ends()).await;
    asked.expect("nobody waits for a silent server").with_code(6);
}

#[tokio::test]
async fn a_waiver_opens_the_gate_and_undo_drops_exactly_what_is_named() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let before = database.indexes().await;
    let mut pty = open(&console(&home, &database.conninfo(), &[]));
    pty.shows(GATE).await;
    pty.shows("STAGE").await;
    pty.types("w").await;
    pty.shows("not now: SAFE").await;
    arm(&mut pty, &database.name).await;
    waive(&mut pty).await;
    pty.shows("[s] waiting for you at 2").await;
    assert_eq!(database.indexes().await, before);
    go(&mut pty).await;
    pty.shows("4 of 4 verified").await;
    assert_eq!(database.indexes().await.len(), before.len() + 4);

    pty.shows("[s] your signature at 5").await;
    pty.types("/open").await;
    pty.types(ENTER).await;
    pty.shows("> OK      idx_orders_open").await;
    pty.types("u").await;
    pty.panel("type the index name").await;
    // Another one's name is not its name.
    pty.types(&format!("idx_orders_customer{ENTER}")).await;
    pty.shows("not the same yet").await;
    pty.types("\x15").await;
    pty.types(&format!("idx_orders_open{ENTER}nobody asks for these{ENTER}")).await;
    pty.shows("3 of 4 verified").await;
    let left = database.indexes().await;
    assert!(!left.contains(&"idx_orders_open".to_owned()), "{left:?}");
    assert_eq!(left.len(), before.len() + 3, "{left:?}");

    pty.shows("[s] your signature at 5").await;
    pty.types(ESC).await;
    pty.types(&format!(":undo all{ENTER}")).await;
    pty.panel("type the database name").await;
    pty.types(&format!("{}{ENTER}back to the beginning{ENTER}", database.name)).await;
    let left = leave(&mut pty).await.with_code(0);
    assert!(left.text.contains("0 of 4 verified"), "{}", left.text);
    assert_eq!(database.indexes().await, before);
}

#[tokio::test]
async fn flags_answer_on_the_screen_what_they_answer_without_one_and_the_rest_waits() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let waiver = "backup=restored by hand at 02";
    let mut pty = open(&console(&home, &database.conninfo(), &["--waive", waiver]));
    pty.shows("[s] waiting for you at 2").await;
    pty.types("l").await;
    pty.shows("--waive backup answers preflight.checks").await;
    pty.shows("waived backup: restored by hand at 02").await;
    pty.types("l").await;
    assert_eq!(database.log().changes().len(), 0, "a waiver is no go");
    abort(&mut pty).await.with_code(6);

    let all =
        ["--new-run", "--waive", waiver, "--go", "--sign-off", "Jane Doe", "--reason", "CHG-1234 is done"];
    let mut pty = open(&console(&home, &database.conninfo(), &all));
    pty.shows("SIGNED by Jane Doe").await;
    pty.shows("CHG-1234 is done").await;
    let left = leave(&mut pty).await.with_code(0);
    assert!(left.text.contains("4 of 4 verified"), "{}", left.text);
}

#[tokio::test]
async fn whoever_holds_a_build_up_is_named_and_ended_by_name() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut writer = database.connect().await;
    let pid: i32 = writer.query_one("SELECT pg_backend_pid()", &[]).await.expect("a pid").get(0);
    let hold = writer.transaction().await.expect("a transaction");
    hold.batch_execute("UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    let mut pty = building(&home, &database).await;
    pty.shows(&format!("pid {pid} witness holds up")).await;
    pty.shows("UPDATE orders SET state = state").await;
    pty.types("b").await;
    pty.shows(" BLOCKERS  ").await;
    pty.types("K").await;
    pty.panel("type cancel (its statement) or terminate").await;
    pty.types(&format!("terminate{ENTER}{pid} somebody{ENTER}")).await;
    pty.shows("not the same yet").await;
    pty.types(&format!("\x15{pid} witness{ENTER}the batch can be repeated{ENTER}.")).await;
    pty.shows("4 of 4 verified").await;
    assert!(hold.batch_execute("SELECT 1").await.is_err(), "its session was ended");
    let signals: Vec<String> = signals(&database);
    assert_eq!(signals.len(), 1, "{signals:?}");
    pty.shows("[s] your signature at 5").await;
    abort(&mut pty).await.with_code(6);
}

/// Statements that cancel or end somebody.
pub(crate) fn signals(database: &Database) -> Vec<String> {
    database.log().signals()
}

#[tokio::test]
async fn a_statement_is_copied_to_the_clipboard_and_stands_as_text_until_the_next_key() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    for (multiplexer, wrapped) in [(None, false), (Some("/tmp/tmux-0/default,1,0"), true)] {
        let mut command = console(&home, &database.conninfo(), &["--new-run"]);
        if let Some(multiplexer) = multiplexer {
            command.env("TMUX", multiplexer);
        }
        let mut pty = open(&command);
        pty.shows(GATE).await;
        pty.types("3y").await;
        pty.shows("Any key goes back").await;
        assert!(!pty.is_up(), "the shell's own screen is in view, to be marked and scrolled");
        assert!(pty.screen().contains("CREATE INDEX CONCURRENTLY idx_"), "{}", pty.screen());
        assert!(pty.raw().contains("\x1b]52;c;Q1JFQVRFIElOREVYIENPTkNVUlJFTlRMWS"), "{:?}", pty.raw());
        assert_eq!(pty.raw().contains("\x1bPtmux;\x1b\x1b]52;c;"), wrapped);
        // The key that comes back does nothing else.
        pty.types("q").await;
        pty.shows(" INDEXES ").await;
        assert!(pty.is_up());
        pty.types("1Y").await;
        pty.shows("Any key goes back").await;
        pty.sends(b"\x1b[200~q\x1b[201~");
        pty.shows(" PRE-FLIGHT ").await;
        abort(&mut pty).await.with_code(6);
    }
}

#[tokio::test]
async fn a_pane_that_is_longer_than_a_terminal_takes_at_once_is_copied_to_its_end() {
    let (home, database) = (Home::new(), server::sample().await);
    let mut pty = open(&console(&home, &database.conninfo(), &["--registry", server::REGISTRY]));
    pty.shows(GATE).await;
    pty.types("3Y").await;
    pty.shows("Any key goes back").await;
    let raw = pty.raw();
    let text = raw.rsplit("\x1b]52;c;").next().expect("a clipboard");
    let rows = text.lines().filter(|line| line.contains(" TODO ") && line.contains(" to build ")).count();
    assert_eq!(rows, 82, "{text}");
    pty.types("j").await;
    abort(&mut pty).await.with_code(6);
}

#[tokio::test]
async fn a_report_is_written_while_the_run_waits() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut pty = open(&console(&home, &database.conninfo(), &[]));
    pty.shows(GATE).await;
    let report = home.only_run().join("report.md");
    assert!(!report.exists());
    pty.types("e").await;
    pty.shows("the report is written").await;
    assert!(fs_err::read_to_string(&report).expect("a report").contains("backup"));
    pty.types("l").await;
    pty.until("all of its path is in the log", |screen| {
        screen.split_whitespace().collect::<String>().contains("/report.md")
    })
    .await;
    abort(&mut pty).await.with_code(6);
}

#[tokio::test]
async fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let inside = console(&home, &database.conninfo(), &[]);
    let mut shell = std::process::Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "$ ").env("LC_ALL", "C");
    for (name, value) in inside.as_std().get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    let words = std::iter::once(inside.as_std().get_program()).chain(inside.as_std().get_args());
    let line: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
    let mut pty = Pty::start(&shell, SIZE);
    pty.shows("$ ").await;
    pty.sends(format!("{}\r", line.join(" ")).as_bytes());
    pty.shows(GATE).await;
    arm(&mut pty, &database.name).await;
    for _ in 0..2 {
        pty.sends(b"\x1a");
        pty.shows("Stopped").await;
        assert!(!pty.is_up());
        // The shell reads lines and echoes them: the terminal is as it was.
        pty.sends(b"echo $((40 + 2))\r");
        pty.shows("\n42").await;
        pty.sends(b"fg\r");
        pty.until("it is back, and SAFE", |screen| screen.contains(GATE) && screen.contains("[SAFE]")).await;
        assert!(pty.is_up());
    }
    // While the shell had it, nothing that was typed reached the console.
    ask_for_the_end(&mut pty).await;
    pty.shows(" ENDED ").await;
    pty.types("q").await;
    pty.shows("0 of 4 verified").await;
    pty.sends(b"exit\r");
    assert_eq!(pty.ends().await.status.exit_code(), 6);
}

#[tokio::test]
async fn ctrl_z_without_a_shell_that_could_bring_it_back_stops_nothing() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    // The first process of its session, as a command that ssh starts is.
    let mut pty = open(&console(&home, &database.conninfo(), &[]));
    pty.shows(GATE).await;
    let before = pty.raw().matches("\x1b[?1049h").count();
    pty.sends(b"\x1a");
    crate::support::wait::eventually("the screen was given and taken back", || {
        pty.raw().matches("\x1b[?1049h").count() > before
    })
    .await;
    pty.shows(GATE).await;
    frames(&mut pty, 2).await;
    assert!(pty.is_up());
    abort(&mut pty).await.with_code(6);
}

#[tokio::test]
async fn sigterm_gives_the_terminal_back_and_leaves_the_run_alone() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut pty = open(&console(&home, &database.conninfo(), &[]));
    pty.shows(GATE).await;
    pty.signal(Signal::TERM);
    let left = pty.ends().await.with_code(143);
    assert!(left.text.contains("is left to itself"), "{}", left.text);
    let mut pty = open(&home.cicerone(&["attach"]));
    pty.shows(GATE).await;
    abort(&mut pty).await.with_code(6);
    assert_eq!(home.runs().len(), 1);
}

/// Lets a transaction of another session hold the table `orders` until it is rolled back.
macro_rules! hold_orders {
    ($session:ident, $hold:ident, $database:expr) => {
        let mut $session = $database.connect().await;
        let $hold = $session.transaction().await.expect("a transaction");
        $hold.batch_execute("UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    };
}

/// Processor time that a process has used, in ticks of 10 ms.
pub(crate) fn ticks(pid: u32) -> u64 {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime")
}

const ALL_VALID: &str =
    "SELECT count(*) = 4 FROM pg_index WHERE indexrelid::regclass::text LIKE 'idx_%' AND indisvalid";

#[tokio::test]
async fn a_run_outlives_its_terminal_and_holds_until_somebody_comes_back() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    hold_orders!(writer, hold, database);
    let mut pty = building(&home, &database).await;
    pty.shows("witness holds up").await;
    pty.hangs_up();
    let console = tokio::time::timeout(Duration::from_secs(2), pty.ends()).await.expect("within 2 s");
    assert_eq!(console.status.exit_code(), 7, "the run goes on: {console:?}");
    let engine = home.engines()[0];
    let before = ticks(engine);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let used = ticks(engine) - before;
    assert!(used < 60, "{used} ticks in 2 s");
    hold.rollback().await.expect("released");

    // The same command again comes back to it.
    let mut pty = open(&console_again(&home, &database));
    pty.shows("paused by nobody in control").await;
    pty.types("p").await;
    pty.panel("type go").await;
    pty.types(&format!("go{ENTER}")).await;
    pty.shows("4 of 4 verified").await;
    arm(&mut pty, &database.name).await;
    sign(&mut pty).await;
    leave(&mut pty).await.with_code(0);
    assert_eq!(home.runs().len(), 1);
    let changes = database.log().changes();
    assert_eq!(changes.iter().filter(|it| it.sql.contains("CREATE INDEX")).count(), 4, "{changes:?}");
    eventually("the engine is gone with its socket", || home.engines().is_empty()).await;
}

fn console_again(home: &Home, database: &Database) -> Command {
    console(home, &database.conninfo(), &[])
}

#[tokio::test]
async fn whoever_leaves_on_purpose_leaves_a_run_that_goes_on() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    hold_orders!(writer, hold, database);
    let mut pty = building(&home, &database).await;
    pty.shows("witness holds up").await;
    let left = detach(&mut pty).await.with_code(7);
    assert!(left.text.contains("it goes on"), "{}", left.text);
    hold.rollback().await.expect("released");
    until(&database.connect().await, ALL_VALID).await;
    let mut pty = open(&home.cicerone(&["attach"]));
    pty.shows("4 of 4 verified").await;
    arm(&mut pty, &database.name).await;
    sign(&mut pty).await;
    leave(&mut pty).await.with_code(0);
}

#[tokio::test]
async fn a_pause_on_the_way_out_is_said_once_the_journal_has_it() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut pty = open(&console(&home, &database.conninfo(), &[]));
    pty.shows(GATE).await;
    pty.types("q").await;
    pty.panel("type detach or pause").await;
    pty.types(&format!("pause{ENTER}")).await;
    let left = pty.ends().await.with_code(7);
    assert!(left.text.contains("running builds finish, nothing new starts"), "{}", left.text);
    let journal = fs_err::read_to_string(home.only_run().join("journal.jsonl")).expect("a journal");
    assert!(journal.contains("\"paused\""), "{journal}");
}

#[tokio::test]
async fn a_size_that_comes_back_at_once_leaves_no_traces() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut pty = open(&console(&home, &database.conninfo(), &[]));
    pty.shows(GATE).await;
    frames(&mut pty, 1).await;
    for _ in 0..5 {
        // The terminal cuts what is on it, and no look at the size in between sees that.
        pty.resize((20, 5));
        pty.resize((80, 24));
        pty.shows("PRE-FLIGHT   17 OK").await;
        pty.shows("[q] leave").await;
        pty.shows("backup is fresh ───").await;
    }
    abort(&mut pty).await.with_code(6);
}

#[tokio::test]
async fn two_consoles_see_one_run_and_one_of_them_has_it_in_hand() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut first = open(&console(&home, &database.conninfo(), &[]));
    first.shows(GATE).await;
    let mut second = open(&home.cicerone(&["attach"]));
    second.shows(GATE).await;
    second.shows("WATCHING").await;
    second.types("p").await;
    second.shows("not now: this console only watches").await;
    second.types(&format!(":control{ENTER}")).await;
    second.shows("this console has the run in hand").await;
    second.types("p").await;
    second.shows("[p] go on..").await;
    first.shows("WATCHING").await;
    first.types(&format!(":control{ENTER}")).await;
    first.shows("this console has the run in hand").await;
    abort(&mut first).await.with_code(6);
    second.shows(" ENDED ").await;
    second.types("q").await;
    second.ends().await.with_code(6);
}

#[tokio::test]
async fn a_console_of_another_mode_does_not_join_a_run_that_an_engine_drives() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut live = open(&console(&home, &database.conninfo(), &[]));
    live.shows(GATE).await;
    let mut dry = open(&console(&home, &database.conninfo(), &["--dry-run"]));
    let left = dry.ends().await.with_code(2);
    assert!(left.text.contains("was opened in another mode"), "{}", left.text);
    let status = run(home.cicerone(&["runs"])).await;
    assert!(status.stdout.contains("an engine drives it"), "{status}");
    abort(&mut live).await.with_code(6);
}

#[tokio::test]
async fn a_run_whose_flags_answer_for_it_holds_when_its_terminal_goes() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    hold_orders!(writer, hold, database);
    let flags = ["--go", "--waive", "backup=restored by hand at 02"];
    let mut pty = open(&console(&home, &database.conninfo(), &flags));
    pty.until("the screen is up", |screen| screen.contains("[SAFE]")).await;
    pty.hangs_up();
    assert_eq!(pty.ends().await.status.exit_code(), 7);
    let held = || fs_err::read_to_string(home.only_run().join("journal.jsonl")).expect("a journal");
    eventually("it holds", || held().contains("nobody in control")).await;
    hold.rollback().await.expect("released");
    let mut pty = open(&console_again(&home, &database));
    pty.shows("[p] go on..").await;
    abort(&mut pty).await.with_code(6);
}

#[tokio::test]
async fn an_engine_that_dies_is_said_to_be_gone_and_the_same_command_goes_on() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    hold_orders!(writer, hold, database);
    let mut pty = building(&home, &database).await;
    pty.shows("witness holds up").await;
    home.end_engines(rustix::process::Signal::KILL);
    pty.shows("the engine does not answer any more").await;
    pty.types("q").await;
    let left = pty.ends().await.with_code(7);
    assert!(left.text.contains("is gone"), "{}", left.text);
    hold.rollback().await.expect("released");
    let mut pty = open(&console_again(&home, &database));
    pty.shows("4 of 4 verified").await;
    arm(&mut pty, &database.name).await;
    sign(&mut pty).await;
    leave(&mut pty).await.with_code(0);
    assert_eq!(home.runs().len(), 1);
}

#[tokio::test]
async fn no_size_ends_a_run() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut pty = Pty::start(console(&home, &database.conninfo(), &[]).as_std(), (40, 10));
    pty.shows("60x12 shows the screens").await;
    for size in [(20, 5), (1, 1), (300, 100), (2, 40), (200, 1), (59, 11)] {
        let before = pty.written();
        pty.resize(size);
        crate::support::wait::eventually("it is drawn anew", || pty.written() > before).await;
        frames_of_any_size(&mut pty).await;
    }
    pty.resize((300, 100));
    pty.shows(GATE).await;
    arm(&mut pty, &database.name).await;
    pty.types("w").await;
    pty.panel("reason, kept in the report").await;
    // A panel that cannot be shown cannot be meant.
    pty.resize((40, 10));
    pty.shows("a panel is open").await;
    pty.resize(SIZE);
    pty.panel("reason, kept in the report").await;
    pty.types(&format!("restored by hand at 02{ENTER}")).await;
    go(&mut pty).await;
    for size in [(100, 30), (20, 5), (120, 40), (1, 1), (80, 24)] {
        pty.resize(size);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    pty.shows("4 of 4 verified").await;
    pty.shows("[s] your signature at 5").await;
    abort(&mut pty).await.with_code(6);
}

async fn frames_of_any_size(pty: &mut Pty) {
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(pty.is_running() && pty.is_up(), "{}", pty.screen());
}

#[tokio::test]
async fn without_a_terminal_it_runs_headless_and_says_so() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let words = "No terminal that could show a console";
    run(console(&home, &database.conninfo(), &["--new-run"])).await.with_code(3).says(words).says("backup");
}

#[tokio::test]
async fn a_dry_run_walks_the_phases_to_the_end_and_writes_nothing() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let before = database.relations().await;
    let mut pty = open(&console(&home, &database.conninfo(), &["--dry-run"]));
    pty.shows("DRY RUN").await;
    pty.shows(GATE).await;
    for (keys, told) in [("3x", "this is a dry run"), ("3u", "this is a dry run")] {
        pty.types(keys).await;
        pty.shows(told).await;
        pty.types(".").await;
        pty.hides(told).await;
    }
    // The gate is opened as it would be in a live run, and every phase after it is gone through.
    arm(&mut pty, &database.name).await;
    waive(&mut pty).await;
    pty.shows(" DONE  ").await;
    pty.shows("4 indexes would be built, nothing was changed").await;
    for (phase, told) in [
        ("1", "1 WAIVED"),
        ("2", "dry run: nothing to confirm"),
        ("3", " INDEXES "),
        ("4", " VERIFY "),
        ("5", " VERIFY "),
        ("0", "dry run: 4 would be"),
    ] {
        pty.types(phase).await;
        pty.shows(told).await;
        pty.shows("a dry run sends nothing that changes anything").await;
    }
    // Nothing acts any more either.
    pty.types("3u").await;
    pty.shows("not now: the run is over").await;
    let left = leave(&mut pty).await.with_code(0);
    assert!(left.text.contains("DRY RUN"), "{}", left.text);
    assert_eq!(database.relations().await, before);
    assert_eq!(database.log().changes().len(), 0);
    assert_eq!(signals(&database), [""; 0]);
}
