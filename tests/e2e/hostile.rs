//! Names that try to act on a terminal, and secrets that try to get out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{ANSWERED, Ended, Home, Running, run};
use crate::server;

/// Escape sequence, title change, newline, C1 control, right-to-left override, zero width joiner, quotes.
const EVIL: &str = "e\u{1b}[31m\u{1b}]0;owned\u{7}\n\u{9b}2J\u{202e}x\u{200d}\"'`|";

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Everything that a terminal would act on or that hides.
fn harmful(c: char) -> bool {
    let hides =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    (c.is_control() && c != '\n') || hides
}

#[track_caller]
fn harmless(what: &str, text: &str) {
    for line in text.lines() {
        assert!(!line.contains(harmful), "{what}: {line:?}");
    }
}

#[track_caller]
fn all_harmless(ended: &Ended) {
    harmless("stdout", &ended.stdout);
    harmless("stderr", &ended.stderr);
}

/// Files below a folder, deepest last.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn toml(text: &str) -> String {
    let escaped: Vec<String> = text.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
    format!("\"{}\"", escaped.concat())
}

fn registry(table: &str) -> String {
    let entry = |name: &str, sql: &str| {
        format!(
            "[[index]]\nname = {}\ndomain = {}\ntable = {}\nsql = {}\ndescription = {}\nqueries = [{}]\n",
            toml(name),
            toml(EVIL),
            toml(table),
            toml(sql),
            toml(EVIL),
            toml(&format!("SELECT 1 FROM {} WHERE a = 1 -- {EVIL}", quoted(table))),
        )
    };
    let sql = |name: &str, rest: &str| {
        format!("CREATE INDEX CONCURRENTLY {} ON {} {rest}", quoted(name), quoted(table))
    };
    let plain = format!("plain {EVIL}");
    let partial = format!("partial {EVIL}");
    let drifted = format!("drifted {EVIL}");
    format!(
        "version = 1\n{}{}{}",
        entry(&plain, &sql(&plain, "(a)")),
        entry(&partial, &sql(&partial, "(b) WHERE b <> 'it''s \u{1b}[0m'")),
        entry(&drifted, &sql(&drifted, "(a, b)")),
    )
}

#[tokio::test]
async fn no_name_acts_on_a_terminal() {
    let (home, database) = (Home::new(), server::small().await);
    let table = format!("t {EVIL}");
    let role = format!("{} {EVIL}", database.name);
    home.file("registry.toml", &registry(&table));
    let session = database.connect().await;
    let statements = format!(
        "CREATE TABLE {table} (a int, b text); INSERT INTO {table} SELECT i, 'x' || i FROM generate_series(1, 500) i; \
         CREATE INDEX {drifted} ON {table} (b, a); ANALYZE; CREATE ROLE {role} SUPERUSER LOGIN",
        table = quoted(&table),
        drifted = quoted(&format!("drifted {EVIL}")),
        role = quoted(&role),
    );
    session.batch_execute(&statements).await.expect("names like these are legal");
    let blocker = database.connect().await;
    let hold = format!(
        "SET SESSION AUTHORIZATION {role}; SET application_name = 'app \u{1b}[5m'; BEGIN; UPDATE {table} SET b = b WHERE a = 1 /* {text} */",
        role = quoted(&role),
        table = quoted(&table),
        text = EVIL.replace(['*', '/'], "")
    );
    blocker.batch_execute(&hold).await.expect("a write");

    let dsn = database.conninfo();
    for arguments in [
        &["registry", "check"][..],
        &["plan", "--dsn", &dsn],
        &["preflight", "--dsn", &dsn],
        &["verify", "--dsn", &dsn],
    ] {
        for output in ["plain", "json"] {
            let mut command = home.cicerone(arguments);
            command.args(["--output", output]);
            let ended = run(command).await;
            all_harmless(&ended);
            assert!(
                ended.stdout.contains("plain e")
                    || ended.stdout.contains("partial e")
                    || arguments[0] != "plan",
                "{ended}"
            );
        }
    }
    let mut command = home.rollout(&dsn, &ANSWERED);
    command.args([
        "--waive",
        "drift=it is meant to be there",
        "--waive",
        "blockers=it ends soon",
        "--sign-off",
        EVIL,
    ]);
    let bare: Vec<_> = command.as_std().get_args().map(ToOwned::to_owned).collect();
    let mut command = home.cicerone(&[]);
    // A sign-off is given once; this one is as hostile as the names.
    command.args(bare.iter().enumerate().filter(|(at, _)| ![5, 6].contains(at)).map(|(_, it)| it));
    let mut process = Running::start(command);
    process.says("held up by").await;
    blocker.batch_execute("COMMIT").await.expect("released");
    let ended = process.end().await.with_code(4);
    all_harmless(&ended);
    assert!(ended.last_line().starts_with("2 of 3 verified"), "{ended}");
    all_harmless(&home.run(&["status"]).await);
    all_harmless(&home.run(&["report"]).await);
    nothing_harmful_is_kept(&home.only_run());
    let mut undo = home.cicerone(&["rollback", "--dsn", &dsn, "--confirm", &database.name]);
    undo.args(["--reason", &format!("because of this: {EVIL}")]);
    let ended = run(undo).await.with_code(0);
    all_harmless(&ended);
    session
        .batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}", role = quoted(&role)))
        .await
        .expect("gone");
}

fn nothing_harmful_is_kept(folder: &Path) {
    for path in files(folder).iter().filter(|path| !path.starts_with(folder.join("inputs"))) {
        let text = fs_err::read_to_string(path).expect("text");
        if path.extension().is_some_and(|it| it == "md" || it == "log") {
            harmless(&path.to_string_lossy(), &text);
        } else {
            // Machines read these; what JSON leaves as it is may stand there, controls may not.
            assert!(
                !text.chars().any(|c| c.is_control() && c != '\n' && !('\u{80}'..'\u{a0}').contains(&c)),
                "{}",
                path.display()
            );
        }
    }
}

#[tokio::test]
async fn json_lines_keep_their_shape() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut command = home.rollout(&database.conninfo(), &ANSWERED);
    command.args(["--output", "json"]);
    let ended = run(command).await.with_code(0);
    assert!(ended.stdout.is_ascii());
    let lines: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert_eq!(
        lines[0],
        serde_json::json!({ "type": "version", "format": 1, "cicerone": env!("CARGO_PKG_VERSION") })
    );
    let end = lines.last().expect("an end");
    assert_eq!((&end["type"], &end["verified"], &end["total"]), (&"end".into(), &4.into(), &4.into()));
    let events: Vec<&Value> =
        lines.iter().filter(|line| line["type"] == "event").map(|it| &it["event"]).collect();
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], at + 1, "every record of the journal, in order");
    }
    // The samples depend on what was seen in time; everything else is the same each time.
    let mut shapes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in events {
        let name =
            format!("{} {}", event["family"].as_str().unwrap_or("?"), event["type"].as_str().unwrap_or("?"));
        let seen = ["build located", "build phase_entered", "build held_up"].contains(&name.as_str());
        if !seen {
            shapes
                .entry(name)
                .or_default()
                .extend(event.as_object().into_iter().flat_map(|it| it.keys().cloned()));
        }
    }
    shapes.insert("end".to_owned(), end.as_object().into_iter().flat_map(|it| it.keys().cloned()).collect());
    insta::assert_debug_snapshot!("json-lines", shapes);
}

#[tokio::test]
async fn secrets_stay_where_they_are() {
    const CANARY: &str = "c4n4ry-in-a-c0al-m1ne";
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let dsn = database.conninfo();
    let writer = database.connect().await;
    writer.batch_execute("BEGIN; UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    let passfile = home.file("passfile", &format!("*:*:*:*:{CANARY}\n"));
    fs_err::set_permissions(&passfile, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("permissions");
    let mut command = home.rollout(&dsn, &ANSWERED);
    command.env("PGPASSFILE", &passfile).env("PGPASSWORD", CANARY).env("CICERONE_LOG", "trace");
    // What a probe gets to see.
    let probe = home.script("probe", "env > \"$HOME/probe.env\"\ndf -kP\n");
    command.args(["--disk-command", &probe]);
    let mut process = Running::start(command);
    process.says("idx_orders_customer WAIT").await;
    let visible = command_lines();
    assert!(visible.iter().any(|line| line.contains("index-rollout")), "{visible:?}");
    assert!(!visible.iter().any(|line| line.contains(CANARY)), "{visible:?}");
    writer.batch_execute("COMMIT").await.expect("released");
    let ended = process.end().await;
    assert!(!format!("{ended}").contains(CANARY), "{ended}");
    for verb in [&["plan", "--dsn", &dsn][..], &["preflight", "--dsn", &dsn], &["status"], &["report"]] {
        let mut command = home.cicerone(verb);
        command.env("PGPASSWORD", CANARY);
        let ended = run(command).await;
        assert!(!format!("{ended}").contains(CANARY), "{ended}");
    }
    // Given where it does not belong: refused, and not repeated.
    for wrong in [format!("{dsn} password={CANARY}"), format!("postgresql://postgres:{CANARY}@localhost/app")]
    {
        let ended = home.run(&["plan", "--dsn", &wrong]).await.with_code(2);
        assert!(ended.stderr.contains("PGPASSFILE") || ended.stderr.contains("pgpass"), "{ended}");
        assert!(!format!("{ended}").contains(CANARY), "{ended}");
    }
    for path in files(&home.path().join("state")) {
        let bytes = fs_err::read(&path).expect("a file");
        let told = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!told, "{}", path.display());
    }
    let probe = fs_err::read_to_string(home.path().join("probe.env")).expect("the probe ran");
    assert!(probe.contains("HOME=") && !probe.contains(CANARY), "{probe}");
    assert!(!fs_err::read_to_string(database.cluster.log_path()).expect("the log").contains(CANARY));
}

/// What every process of this machine was started with, as anybody can read it.
fn command_lines() -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs_err::read_dir("/proc").into_iter().flatten().flatten() {
        let bytes = fs_err::read(entry.path().join("cmdline")).unwrap_or_default();
        lines.push(String::from_utf8_lossy(&bytes).replace('\0', " "));
    }
    lines
}
