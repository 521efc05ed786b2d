//! A newcomer's walk through a rehearsal with three faults: a terminal of 80 by 24, the keyboard, and no other guide than
//! what the screen says. Whatever is mistyped on the way changes nothing; the throwaway server's own log is the witness.

use std::path::{Path, PathBuf};

use cicerone::rehearsal::connect::connect;
use tokio_postgres::Client;

use crate::console::open;
use crate::rehearse::Stage;
use crate::server::{LOGGING, Log};
use crate::support::pty::{ENTER, ESC, Pty};
use crate::support::wait::eventually;

/// The throwaway server of a rehearsal, found by its folder.
struct Server {
    folder: PathBuf,
    conninfo: String,
}

impl Server {
    fn of(stage: &Stage) -> Self {
        let mut folders = fs_err::read_dir(stage.servers.path()).expect("the folder of servers");
        let folder = folders.next().expect("a server").expect("an entry").path();
        // Line 4 is the port, line 5 the folder of the socket.
        let postmaster =
            fs_err::read_to_string(folder.join("data/postmaster.pid")).expect("a server that runs");
        let line = |number: usize| postmaster.lines().nth(number - 1).expect("a line").to_owned();
        let conninfo = format!("host='{}' port={} user=postgres dbname=app", line(5), line(4));
        Self { folder, conninfo }
    }

    async fn connect(&self) -> Client {
        connect(&self.conninfo, "witness").await.expect("a session")
    }

    /// Has every statement written down from now on.
    async fn writes_down_everything(&self) {
        let session = self.connect().await;
        for (name, value) in LOGGING.iter().filter(|(name, _)| *name != "max_connections") {
            session.batch_execute(&format!("ALTER SYSTEM SET {name} = '{value}'")).await.expect("set");
        }
        session.batch_execute("SELECT pg_reload_conf()").await.expect("reloaded");
        // A session learns of it before its next statement.
        let witnessed = || {
            String::from_utf8_lossy(&fs_err::read(self.folder.join("server.log")).expect("a log"))
                .contains("reloading configuration files")
        };
        eventually("the server has read its settings again", witnessed).await;
    }

    /// How many indexes are valid, and how many there are.
    async fn indexes(&self) -> (i64, i64) {
        let sql = "SELECT count(*) FILTER (WHERE indisvalid AND indisready AND indislive), count(*) FROM pg_index \
            JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace";
        let row = self.connect().await.query_one(sql, &[]).await.expect("the indexes");
        (row.get(0), row.get(1))
    }

    fn log(&self) -> Log {
        Log::read(&self.folder.join("server.log"), "app")
    }

    /// Statements of the run that change what exists; the settings above are this test's own.
    fn changes(&self) -> Vec<String> {
        let changes = self.log().changes().into_iter().map(|it| it.sql);
        changes.filter(|sql| !sql.starts_with("ALTER SYSTEM")).collect()
    }

    /// Statements that end somebody; the fault looks for its victim in the statement that strikes.
    fn signals(&self) -> Vec<String> {
        let signals = self.log().signals().into_iter();
        signals.filter(|sql| !sql.contains("pg_stat_progress_create_index")).collect()
    }

    fn nothing_has_changed(&self) {
        assert_eq!((self.changes(), self.signals()), (Vec::new(), Vec::new()));
    }
}

/// Wrong keys and a wrong word where a go is waited for.
async fn mistakes_at_the_gate(pty: &mut Pty, server: &Server) {
    for key in ["y", "Y", ESC, " ", ENTER, ".", "u", "x", "K", "w", "n"] {
        pty.types(key).await;
    }
    pty.types(&format!(":go{ENTER}")).await;
    pty.shows("no such command: go").await;
    pty.types(&format!("{ESC}s")).await;
    pty.panel("type go").await;
    pty.types(&format!("yes{ENTER}")).await;
    pty.shows("not the same yet").await;
    pty.shows("[Esc] leaves all as it is").await;
    pty.types(ESC).await;
    pty.shows("closed: all is as it was").await;
    server.nothing_has_changed();
}

/// Arms as the screen says, after two slips.
async fn arm(pty: &mut Pty) {
    pty.types("K").await;
    pty.shows("not now: SAFE: type :arm first").await;
    pty.types(&format!(":amr{ENTER}")).await;
    pty.shows("no such command: amr. [?] lists them").await;
    pty.types(&format!(":arm{ENTER}")).await;
    pty.panel("type the database name: app").await;
    pty.types(&format!("postgres{ENTER}")).await;
    pty.shows("not the same yet").await;
    pty.shows("[Ctrl-U] clears").await;
    pty.types(&format!("\x15app{ENTER}")).await;
    pty.shows("[ARMED").await;
}

/// Ends the session that the screen names as the one that holds builds up, by what its panel asks for.
async fn end_session(pty: &mut Pty, application: &str) {
    pty.types("g").await;
    let under_cursor =
        |screen: &str| screen.lines().any(|line| line.starts_with(" > WAIT") && line.contains(application));
    while !under_cursor(&pty.screen()) {
        pty.types("j").await;
    }
    pty.types("K").await;
    pty.panel("type cancel (its statement) or terminate (the session)").await;
    pty.types(&format!("kill{ENTER}")).await;
    pty.shows("not yet: cancel or terminate").await;
    pty.types(&format!("\x15terminate{ENTER}{application}{ENTER}")).await;
    pty.shows("not the same yet").await;
    let screen = pty.screen();
    let asked =
        screen.lines().find_map(|line| line.split_once("type pid and application: ")).expect("a label");
    let name = asked.1.trim_end_matches(['│', ' ']).to_owned();
    pty.types(&format!("\x15{name}{ENTER}too old{ENTER}")).await;
    pty.shows("not yet: 4 more letters").await;
    pty.types(&format!(" to wait for{ENTER}")).await;
    pty.hides("type what is asked").await;
}

/// Signs as the screen says, the first time without saying much.
async fn sign(pty: &mut Pty) {
    pty.shows("[s] your signature at 5").await;
    pty.types("s").await;
    pty.panel("your name").await;
    pty.types(ENTER).await;
    pty.shows("not yet: a name is needed").await;
    pty.types(&format!("Jane Doe{ENTER}fine{ENTER}")).await;
    pty.shows("not yet: 6 more letters").await;
    pty.types(&format!(" with three faults{ENTER}")).await;
}

/// The report's path, whole, as the last lines on the terminal have it.
fn report(text: &str) -> PathBuf {
    let text = text.replace('\n', "");
    let (_, path) = text.rsplit_once("  report ").expect("a report");
    Path::new(path.split("  ").next().expect("a path")).to_owned()
}

#[tokio::test]
async fn a_newcomer_walks_through_three_faults_by_what_the_screen_says_and_mistakes_change_nothing() {
    let stage = Stage::new();
    let faults = ["--fault", "writer", "--fault", "open-snapshot", "--fault", "cancel"];
    let mut command = stage.rehearse(&["--scale", "0.1", "--fault-hold", "10min"]);
    let mut pty = open(command.args(faults));
    pty.shows("[s] waiting for you at 2").await;
    let server = Server::of(&stage);
    server.writes_down_everything().await;
    let before = server.indexes().await;
    pty.shows("[?] help").await;
    pty.types("?").await;
    pty.shows("armed  :arm, then a panel; type the name").await;
    pty.types(ESC).await;
    mistakes_at_the_gate(&mut pty, &server).await;

    pty.types("s").await;
    pty.panel("type go").await;
    pty.types(&format!("go{ENTER}")).await;
    pty.until("the screen says who holds builds up, and the key that shows more", |screen| {
        screen.contains("fault: writer holds up") && screen.contains("[b] blockers")
    })
    .await;
    pty.types("b").await;
    pty.shows("[K] end the session").await;
    arm(&mut pty).await;
    assert_eq!(server.signals(), [""; 0]);
    end_session(&mut pty, "fault: writer").await;
    pty.shows("the session under the cursor is gone; move to choose another").await;
    end_session(&mut pty, "shot").await;
    sign(&mut pty).await;
    pty.shows(" ENDED ").await;
    pty.shows("[q] leaves").await;
    the_server_says_so(&server, before).await;

    pty.types("q").await;
    let left = pty.ends().await.with_code(0);
    assert!(left.text.contains("82 of 82 verified"), "{}", left.text);
    for end in ["writer: its session was ended", "open-snapshot: its session was ended", "cancel: struck pid"]
    {
        assert!(left.text.contains(end), "{}", left.text);
    }
    let report = fs_err::read_to_string(report(&left.text)).expect("the report");
    assert!(
        report.contains("82 of 82") && report.contains("Jane Doe") && report.contains("57014"),
        "{report}"
    );
    eventually("server and engine are gone", || stage.home.engines().is_empty()).await;
}

/// All that was asked for, each once, and nothing else.
async fn the_server_says_so(server: &Server, before: (i64, i64)) {
    assert_eq!(server.indexes().await, (before.0 + 82, before.1 + 82));
    let changes = server.changes();
    let of = |head: &str| changes.iter().filter(|sql| sql.contains(head)).count();
    // One was cancelled by the fault: what it left was dropped, and it was built again.
    assert_eq!((of("CREATE INDEX CONCURRENTLY"), of("DROP INDEX CONCURRENTLY")), (83, 1));
    assert_eq!(changes.len(), 84, "{changes:#?}");
    let signals = server.signals();
    assert!(
        signals.len() == 2 && signals.iter().all(|sql| sql.contains("pg_terminate_backend")),
        "{signals:?}"
    );
}
