//! The console in lines: everything by typed lines on a terminal that shows no screen, and the screens as lines and JSON.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tokio::process::Command;

use crate::console::{GATE, console};
use crate::program::{Home, Running, run};
use crate::server::{self, Database};
use crate::support::cluster::{binaries, surroundings};
use crate::support::pty::{Left, Pty};
use crate::support::wait::eventually;

/// Longest wait for anything on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);
/// A panel takes nothing for 0.4 s; a person needs longer to hear it.
const HEARING: Duration = Duration::from_millis(600);
const WAIVER: [&str; 2] = ["--waive", "backup=restored by hand at 02"];

/// A console in lines, and how much of it was heard.
struct Ear {
    pty: Pty,
    heard: usize,
}

impl Ear {
    /// On a terminal without a cursor to move.
    fn dumb(command: &mut Command) -> Self {
        command.env("TERM", "dumb");
        Self::on(command)
    }

    fn on(command: &Command) -> Self {
        Self { pty: Pty::start(command.as_std(), (80, 24)), heard: 0 }
    }

    /// Waits until it says a text, after everything that was waited for before.
    async fn hears(&mut self, text: &str) {
        let wait = async {
            loop {
                let raw = self.pty.raw();
                let new = raw.get(self.heard..).unwrap_or_default();
                if let Some(at) = new.find(text) {
                    self.heard += at + text.len();
                    return;
                }
                assert!(self.pty.is_running(), "it ended before it said {text:?}\n{raw}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let said = tokio::time::timeout(LIMIT, wait).await.is_ok();
        assert!(said, "it never said {text:?}\n{}", self.pty.raw());
    }

    /// Types a line.
    async fn types(&mut self, line: &str) {
        self.pty.sends(format!("{line}\r").as_bytes());
        // Lines closer together than this are a paste.
        tokio::time::sleep(Duration::from_millis(60)).await;
    }

    /// Hears a panel out.
    async fn panel(&mut self, text: &str) {
        self.hears(text).await;
        tokio::time::sleep(HEARING).await;
    }

    async fn arm(&mut self, database: &str) {
        self.types("arm").await;
        self.panel("type the database name").await;
        self.types(database).await;
        self.hears("ARMED").await;
    }

    async fn abort(mut self) -> Left {
        self.types("abort").await;
        self.panel("type abort").await;
        self.types("abort").await;
        self.hears("field 2 of 2").await;
        self.types("enough was heard").await;
        self.hears("ENDED").await;
        self.types("q").await;
        self.ends().await
    }

    async fn ends(&mut self) -> Left {
        let left = self.pty.ends().await;
        assert!(!self.pty.raw().contains('\x1b'), "{:?}", self.pty.raw());
        left
    }
}

fn journal(home: &Home) -> String {
    fs_err::read_to_string(home.only_run().join("journal.jsonl")).expect("a journal")
}

/// Lines of the run's journal: every command that was taken is one.
fn journaled(home: &Home) -> usize {
    journal(home).lines().count()
}

/// Lines of the run's journal that a person made: whoever took it in hand, lost it, or commanded something.
fn by_people(home: &Home) -> Vec<String> {
    let journal = journal(home);
    let lines = journal.lines().filter(|line| {
        let body = line.splitn(4, ' ').nth(3).unwrap_or_default();
        let event: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {line}"));
        let kind = event["type"].as_str().unwrap_or_else(|| panic!("no type: {line}"));
        kind.starts_with("control_") || event.get("by").is_some() || event.get("operator").is_some()
    });
    lines.map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn a_rehearsal_goes_from_its_start_to_a_signed_report_by_typed_lines_alone() {
    let home = Home::new();
    let programs = binaries(server::MAJOR, &surroundings()).folder;
    let mut command = home.cicerone(&["rehearse", "--scale", "0.1", "--pg-bin"]);
    command.arg(programs);
    let mut ear = Ear::dumb(&mut command);
    ear.hears("shows no screen (TERM=dumb)").await;
    ear.hears("? lists keys and commands").await;
    ear.hears("HOLD  [s] waiting for you at 2").await;
    ear.types("?").await;
    ear.hears("the forward step").await;
    ear.types("esc").await;
    ear.types("s").await;
    ear.panel("field 1 of 1: type go").await;
    ear.types("go").await;
    ear.hears("screen builds").await;
    ear.hears("[s] your signature at 5").await;
    // Nobody signs while SAFE.
    ear.types("s").await;
    ear.hears("not now: SAFE").await;
    ear.arm("app").await;
    ear.types("s").await;
    ear.panel("your name").await;
    ear.types("Jane Doe").await;
    ear.hears("field 2 of 2: reason or remark").await;
    ear.types("all of it is valid").await;
    ear.hears("DONE  ").await;
    ear.types(".").await;
    ear.hears("SIGNED by Jane Doe").await;
    ear.types("q").await;
    let left = ear.ends().await.with_code(0);
    let last = left.text.replace('\n', "");
    assert!(last.contains("82 of 82 verified  REHEARSAL  report /"), "{last}");
    let report = fs_err::read_to_string(home.only_run().join("report.md")).expect("a report");
    assert!(report.contains("Jane Doe") && report.contains("82 of 82"), "{report}");
}

#[tokio::test]
async fn garbage_and_pasted_lines_change_nothing() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut ear = Ear::dumb(&mut console(&home, &database.conninfo(), &WAIVER));
    ear.hears("HOLD  [s] waiting for you at 2").await;
    let (before, commands) = (database.indexes().await, journaled(&home));
    for paste in ["s\rgo\r", "s\r\rgo\rgo\rgo", "arm\rapp\rs\rgo\ru\r", "\x1b[200~s\rgo\r\x1b[201~\r"] {
        ear.pty.sends(paste.as_bytes());
        ear.hears("dropped").await;
        // Whatever comes of it within a second goes the same way.
        tokio::time::sleep(Duration::from_millis(1_300)).await;
    }
    let mut chance = fastrand::Rng::with_seed(20_261_120);
    for _ in 0..120 {
        let letters: String = (0..chance.usize(2..12)).map(|_| char::from(chance.u8(b'!'..=b'~'))).collect();
        // One that is a word of the console is no garbage.
        ear.types(&format!("{letters} {letters}")).await;
    }
    for odd in ["\x1b[A", "\x1bOP", "go", "yes", "drop index", "9999", "K", "stop it", "undo"] {
        ear.types(odd).await;
    }
    // A panel that is open takes no paste either, and what was typed before it was heard is not for it.
    ear.types("s").await;
    ear.hears("field 1 of 1: type go").await;
    ear.types("go").await;
    ear.hears("too soon").await;
    ear.pty.sends(b"go\rgo\r");
    ear.hears("dropped").await;
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    ear.types("esc").await;
    ear.hears("closed: all is as it was").await;
    assert_eq!(journaled(&home), commands, "nothing was commanded");
    assert_eq!(database.log().changes().len(), 0);
    assert_eq!(database.indexes().await, before);
    ear.abort().await.with_code(6);
}

#[tokio::test]
async fn a_pasted_line_without_its_end_waits_for_no_enter() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut ear = Ear::dumb(&mut console(&home, &database.conninfo(), &WAIVER));
    ear.hears("HOLD  [s] waiting for you at 2").await;
    ear.types("p").await;
    ear.hears("paused the queue").await;
    // The second line comes with the first, while its panel is said, and while that is deaf.
    for pause in [0, 50, 250] {
        ear.pty.sends(b"p\r");
        tokio::time::sleep(Duration::from_millis(pause)).await;
        ear.pty.sends(b"go");
        ear.hears("field 1 of 1: type go").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        ear.types("").await;
        ear.hears("not the same yet").await;
        ear.types("esc").await;
        ear.hears("closed: all is as it was").await;
    }
    assert!(!journal(&home).contains("\"unpaused\""), "{}", journal(&home));
    // Typed, it does go on.
    ear.types("p").await;
    ear.panel("field 1 of 1: type go").await;
    ear.types("go").await;
    eventually("it goes on", || journal(&home).contains("\"unpaused\"")).await;
    ear.abort().await.with_code(6);
}

/// Lets a transaction of another session hold the table `orders` until it is rolled back.
macro_rules! hold_orders {
    ($session:ident, $hold:ident, $database:expr) => {
        let mut $session = $database.connect().await;
        let $hold = $session.transaction().await.expect("a transaction");
        $hold.batch_execute("UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    };
}

fn building(home: &Home, database: &Database) -> Command {
    console(home, &database.conninfo(), &["--go", WAIVER[0], WAIVER[1]])
}

#[tokio::test]
async fn an_end_of_input_leaves_the_run_to_its_policy_and_ctrl_c_twice_lets_it_go_on() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    hold_orders!(writer, hold, database);
    let mut ear = Ear::dumb(&mut building(&home, &database));
    ear.hears("witness holds up").await;
    ear.pty.sends(b"\x04");
    let left = ear.ends().await.with_code(7);
    assert!(left.text.contains("is left to itself"), "{}", left.text);
    assert_eq!(home.engines().len(), 1, "the run goes on");
    // The policy of this run is to hold, and whoever comes back hears that.
    let mut ear = Ear::on(&home.cicerone(&["attach", "--plain"]));
    ear.hears("screen builds").await;
    hold.rollback().await.expect("released");
    ear.types("").await;
    ear.hears("HOLD  [p] paused by").await;
    for said in ["Ctrl-C again within 2 s", "is left to itself"] {
        ear.pty.sends(b"\x03");
        if said.starts_with("Ctrl-C") {
            ear.hears(said).await;
        } else {
            let left = ear.ends().await.with_code(7);
            assert!(left.text.contains(said), "{}", left.text);
        }
    }
    assert_eq!(home.engines().len(), 1);
    let mut ear = Ear::dumb(&mut home.cicerone(&["attach"]));
    ear.hears("screen builds").await;
    ear.pty.signal(Signal::TERM);
    ear.ends().await.with_code(143);
    assert_eq!(home.engines().len(), 1);
    let mut ear = Ear::dumb(&mut home.cicerone(&["attach"]));
    ear.hears("screen builds").await;
    ear.abort().await.with_code(6);
}

#[tokio::test]
async fn screens_are_shown_as_lines_and_json_and_followed_by_programs_without_a_trace() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    hold_orders!(writer, hold, database);
    let pid: i32 = hold.query_one("SELECT pg_backend_pid()", &[]).await.expect("a pid").get(0);
    let mut ear = Ear::dumb(&mut building(&home, &database));
    ear.hears("witness holds up").await;
    let people = by_people(&home);
    assert!(people.iter().any(|line| line.contains("control_taken")), "{people:?}");
    let blockers = home.run(&["show", "blockers"]).await.with_code(0).says("BLOCKERS  ");
    assert!(blockers.stdout.contains(&format!("WAIT  {pid};")), "{blockers}");
    let builds = home.run(&["show", "builds", "--output", "json"]).await.with_code(0);
    let twin: Value = serde_json::from_str(&builds.stdout).expect("JSON");
    assert_eq!((&twin["bar"]["freshness"], &twin["notes"]), (&"fresh".into(), &Value::Array(Vec::new())));
    assert_eq!(twin["table"]["rows"].as_array().map(Vec::len), Some(4), "{twin}");
    for screen in ["preflight", "steps", "verify", "log", "help"] {
        home.run(&["show", screen]).await.with_code(0).says(&format!("screen {screen}"));
    }
    let mut follower = Running::start(home.cicerone(&["attach", "--output", "json"]));
    follower.says("\"type\":\"screen\"").await;
    // The run itself goes on meanwhile, and journals that.
    assert_eq!(by_people(&home), people, "whoever looks leaves no trace");
    hold.rollback().await.expect("released");
    follower.says("public.idx_orders_customer: it is valid").await;
    ear.hears("[s] your signature at 5").await;
    ear.abort().await.with_code(6);
    let ended = follower.end().await;
    for line in ended.stdout.lines() {
        let said: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(said["t"].is_string() && said["type"].is_string(), "{line}");
    }
    assert_eq!(ended.code(), 6, "{ended}");
    eventually("the engine has gone", || home.engines().is_empty()).await;
    // Without an engine the journal alone speaks; of a run that is over nothing is missing.
    home.run(&["show", "steps"]).await.with_code(0).says("ENDED");
}

#[tokio::test]
async fn a_terminal_that_goes_away_ends_the_console_and_not_the_run() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut ear = Ear::dumb(&mut console(&home, &database.conninfo(), &[]));
    ear.hears(GATE).await;
    ear.pty.types("s").await;
    ear.pty.hangs_up();
    tokio::time::timeout(Duration::from_secs(2), ear.pty.ends()).await.expect("it ends");
    assert_eq!(home.engines().len(), 1);
    let ended = run(home.cicerone(&["attach"])).await.with_code(2);
    assert!(ended.stderr.contains("a console needs a terminal"), "{ended}");
}
