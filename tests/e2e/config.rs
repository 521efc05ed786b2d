//! A configuration file before a real console: what it says is so, and one that is not in order starts nothing.

use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use crate::console::{GATE, abort, open};
use crate::program::{Ended, Home, run};
use crate::server::{self, Database};

/// Writes the user's own file.
fn configure(home: &Home, text: &str) {
    fs_err::create_dir_all(home.path().join("config/cicerone")).expect("a folder");
    home.file("config/cicerone/config.toml", text);
}

/// A target for a database of a test.
fn target(database: &Database, more: &str) -> String {
    let conninfo = database.conninfo();
    let part = |word: &str| {
        let value = conninfo.split_whitespace().find_map(|part| part.strip_prefix(&format!("{word}=")));
        value.unwrap_or_else(|| panic!("no {word} in {conninfo}")).trim_matches('\'').to_owned()
    };
    format!(
        "[targets.test]\nhost = \"{}\"\nport = {}\ndatabase = \"{}\"\nuser = \"{}\"\n{more}",
        part("host"),
        part("port"),
        part("dbname"),
        part("user")
    )
}

/// The parameters of the SGR sequence that stands before a text where it is written first.
fn before(raw: &str, text: &str) -> Vec<u32> {
    let written = raw.find(text).unwrap_or_else(|| panic!("no {text:?} in {raw:?}"));
    let (_, look) = raw[..written].rsplit_once("\x1b[").expect("a sequence");
    let look = look.strip_suffix('m').unwrap_or_else(|| panic!("not right before it: {look:?}"));
    look.split(';').map(|it| it.parse().unwrap_or(0)).collect()
}

fn console(home: &Home, arguments: &[&str]) -> Command {
    home.cicerone(&[&["console", "index-rollout"], arguments].concat())
}

#[tokio::test]
async fn a_target_of_the_file_gives_the_console_its_word_its_colour_and_its_server() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let more = "environment = \"canary\"\ncolour = \"magenta\"\nregistry = \"../../registry.toml\"\n";
    configure(&home, &format!("target = \"test\"\n{}", target(&database, more)));
    let mut pty = open(&console(&home, &[]));
    pty.shows(GATE).await;
    let bar = pty.screen().lines().next().unwrap_or_default().to_owned();
    assert!(bar.starts_with(" CANARY ") && bar.contains(&database.name), "{bar}");
    // Bright magenta, reversed: beside the word, not instead of it.
    let look = before(&pty.raw(), " CANARY ");
    assert!(look.contains(&7) && look.contains(&95), "{look:?}");
    abort(&mut pty).await.with_code(6);

    let mut pty = open(&console(&home, &["--new-run", "--theme", "mono"]));
    pty.shows(GATE).await;
    assert!(pty.screen().starts_with(" CANARY "), "{}", pty.screen());
    let look = before(&pty.raw(), " CANARY ");
    assert!(look.contains(&7) && !look.iter().any(|it| matches!(it, 30..=38 | 90..=97)), "{look:?}");
    abort(&mut pty).await.with_code(6);
}

#[tokio::test]
async fn a_key_of_ones_own_works_and_its_shipped_key_does_nothing() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    configure(&home, "[keys]\nlog = \"o\"\nleave = [\"v\", \"F3\"]\n");
    let mut pty = open(&console(&home, &["--dsn", &database.conninfo()]));
    pty.shows(GATE).await;
    pty.shows("[v] leave").await;
    // What comes after it shows that it was taken and did nothing.
    pty.types("lqo").await;
    pty.shows("── log ").await;
    pty.shows("checks done in").await;
    assert!(pty.is_up());
    pty.types("?").await;
    pty.shows("the full log").await;
    assert!(pty.screen().contains("  o         look   the full log"), "{}", pty.screen());
    pty.types("?o").await;
    pty.shows(" PRE-FLIGHT ").await;
    pty.types("v").await;
    pty.panel("type detach or pause").await;
    pty.types(crate::support::pty::ESC).await;
    pty.hides("type detach or pause").await;
    // `q` is nobody's key here, so the run is ended by its command.
    pty.types(&format!(":abort{}", crate::support::pty::ENTER)).await;
    pty.panel("type abort").await;
    pty.types(&format!("abort{0}enough was seen{0}", crate::support::pty::ENTER)).await;
    pty.shows(" ENDED ").await;
    pty.types("v").await;
    pty.ends().await.with_code(6);
}

/// A console that is refused: on a terminal, so that nothing but the file is in its way.
async fn refused(home: &Home, arguments: &[&str]) -> String {
    let mut pty = open(&console(home, arguments));
    let left = pty.ends().await.with_code(2);
    assert!(!left.text.contains("[SAFE]"), "{}", left.text);
    assert_eq!((home.runs().len(), home.engines().len()), (0, 0), "nothing was started");
    assert!(!home.path().join("state").exists(), "not even a folder was made");
    left.text
}

#[tokio::test]
async fn a_dangerous_key_is_refused_with_its_place_and_nothing_is_started() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    for (line, part) in [
        ("undo = \"z\"", "`undo` stays on `u`"),
        ("log = \"Enter\"", "nothing can be put on `Enter`"),
        ("log = \"O\"", "nothing can be put on `O`"),
        ("log = \"x\"", "`x` is the key of `stop` and of nothing else"),
    ] {
        configure(&home, &format!("# mine\n[keys]\n{line}\n"));
        let said = refused(&home, &["--dsn", &database.conninfo()]).await.replace('\n', "");
        assert!(said.contains(part), "{said}");
        assert!(said.contains("config/cicerone/config.toml:3:"), "{said}");
    }
    configure(&home, "");
    let said = refused(&home, &["--dsn", &database.conninfo(), "--key", "pause=Ctrl-C"]).await;
    assert!(said.contains("nothing can be put on `Ctrl-C`"), "{said}");
    assert_eq!(database.log().all().filter(|(_, sql)| sql.contains("pg_")).count(), 0, "nobody connected");
}

#[tokio::test]
async fn a_file_that_is_not_in_order_starts_no_engine_and_says_every_mistake() {
    let home = Home::with_small_registry();
    configure(
        &home,
        "[console]\nthem = \"mono\"\nrefresh = \"1h\"\n[targets.a]\nhost = \"h\"\npassword = \"geheim\"\n",
    );
    for arguments in [&["console"][..], &["run", "index-rollout"], &["rehearse"], &["attach"], &["config"]] {
        let ended = home.run(arguments).await.with_code(2);
        for part in [
            "did you mean `theme`?",
            "write a time from 500ms to 10s",
            "`password` is a secret",
            ":2:1",
            ":3:11",
            ":6:1",
        ] {
            assert!(ended.stderr.contains(part), "{part}\n{ended}");
        }
    }
    assert!(!home.path().join("state").exists());
    let paths = home.run(&["paths"]).await.with_code(0);
    assert!(
        paths.stdout.contains("not in order") && paths.stdout.contains("config/cicerone/config.toml"),
        "{paths}"
    );
    let file = home.path().join("config/cicerone/config.toml");
    home.run(&["config", "check", &file.to_string_lossy()]).await.with_code(2).says("`password` is a secret");
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended}"))
}

/// Value and origin of a key that `cicerone config` shows.
fn row(shown: &Value, key: &str) -> (String, String) {
    let rows = shown["values"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("no {key} in {shown}"));
    let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
    (text("value"), text("from"))
}

#[tokio::test]
async fn a_flag_is_stronger_than_a_variable_that_than_a_file_and_that_than_nothing() {
    let home = Home::new();
    configure(
        &home,
        "target = \"a\"\n[console]\ntheme = \"mono\"\nrefresh = \"2s\"\nmouse = true\n[targets.a]\nhost = \"/tmp\"\njobs = 3\n",
    );
    let mut command = home.cicerone(&["config", "--output", "json", "--refresh", "5s"]);
    command.env("CICERONE_REFRESH", "3s").env("CICERONE_THEME", "high-contrast").env("CICERONE_MOUSE", "no");
    command.env("CICERONE_KEYS", "log=o freeze=z").env("PGUSER", "ada").env("PGPASSWORD", "geheim");
    let ended = run(command).await.with_code(0);
    assert!(!ended.stdout.contains("geheim"), "{ended}");
    let shown = json(&ended);
    let of = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    let file = home.path().join("config/cicerone/config.toml");
    let at = |line: u32| format!("{}:{line}", file.display());
    assert_eq!(
        (&shown["version"], &shown["kind"], &shown["target"]),
        (&1.into(), &"config".into(), &"a".into())
    );
    assert_eq!(row(&shown, "console.refresh"), of("5s", "--refresh"));
    assert_eq!(row(&shown, "console.theme"), of("high-contrast", "CICERONE_THEME"));
    assert_eq!(row(&shown, "console.mouse"), of("no", "CICERONE_MOUSE"));
    assert_eq!(row(&shown, "targets.a.jobs"), of("3", &at(8)));
    assert_eq!(row(&shown, "targets.a.host"), of("/tmp", &at(7)));
    assert_eq!(row(&shown, "targets.a.user"), of("ada", "PGUSER"));
    assert_eq!(row(&shown, "keys.log"), of("o", "CICERONE_KEYS"));
    assert_eq!(row(&shown, "console.notify"), of("-", "default"));

    // A connection string in a variable is stronger than the file's target, and no flag may leave it in doubt.
    let mut command = home.cicerone(&["config", "--output", "json"]);
    command.env("CICERONE_DSN", "host=h password=geheim");
    let ended = run(command).await.with_code(0);
    assert!(!ended.stdout.contains("geheim"), "{ended}");
    assert_eq!(json(&ended)["target"], Value::Null);
    let mut command = home.cicerone(&["config"]);
    command.env("CICERONE_DSN", "host=h").env("CICERONE_TARGET", "a");
    run(command).await.with_code(2).says("both a target (a) and a connection string");
}

#[tokio::test]
async fn every_setting_is_also_taken_from_its_variable() {
    use cicerone::cli::config::{Kind, SETTINGS};
    let home = Home::new();
    configure(&home, "[targets.a]\nhost = \"/tmp\"\n");
    let mut command = home.cicerone(&["config", "--output", "json"]);
    let value = |variable: &str, kind: Kind| match (kind, variable) {
        (_, "CICERONE_TARGET") => "a",
        (_, "CICERONE_THEME") => "mono",
        (_, "CICERONE_COLOR") => "never",
        (_, "CICERONE_TIMES") => "local",
        (_, "CICERONE_NOTIFY") => "bell",
        (_, "CICERONE_ENVIRONMENT_COLOUR") => "blue",
        (_, "CICERONE_ON_BUDGET") => "ask",
        (_, "CICERONE_ON_ABORT") => "finish-running",
        (_, "CICERONE_ON_DETACH") => "abort",
        (_, "CICERONE_ESC_DELAY") => "70ms",
        (_, "CICERONE_MAINTENANCE_WORK_MEM" | "CICERONE_MEMORY_BUDGET") => "1GB",
        (Kind::Switch, _) => "true",
        (Kind::Number, _) => "7",
        (Kind::Path | Kind::Paths, _) => "/somewhere",
        (Kind::Text, _) => "7s",
    };
    for setting in SETTINGS {
        command.env(setting.variable, value(setting.variable, setting.kind));
    }
    let shown = json(&run(command).await.with_code(0));
    for setting in SETTINGS {
        let rows = shown["values"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["from"] == setting.variable);
        let row = row.unwrap_or_else(|| panic!("{} is not taken", setting.variable));
        assert_eq!(row["value"], value(setting.variable, setting.kind), "{}", setting.variable);
    }
}

#[tokio::test]
async fn a_variable_that_is_empty_is_as_good_as_none_and_a_blank_environment_is_none_at_all() {
    use cicerone::cli::config::SETTINGS;
    let home = Home::new();
    configure(
        &home,
        "[console]\ntheme = \"mono\"\n[targets.a]\nhost = \"/tmp\"\nenvironment = \"dev\"\njobs = 3\n",
    );
    let shown = json(&home.run(&["config", "--output", "json"]).await.with_code(0));
    let mut command = home.cicerone(&["config", "--output", "json"]);
    for variable in SETTINGS.iter().map(|setting| setting.variable) {
        command.env(variable, "");
    }
    for variable in ["CICERONE_KEYS", "CICERONE_CONFIG", "CICERONE_DSN", "CICERONE_LOG"] {
        command.env(variable, "");
    }
    assert_eq!(json(&run(command).await.with_code(0)), shown);
    for arguments in [&["config", "--environment", " "][..], &["config", "--environment="]] {
        home.run(arguments).await.with_code(2).says("such as prod, stage or dev");
    }
    let mut command = home.cicerone(&["config"]);
    command.env("CICERONE_ENVIRONMENT", "  ");
    run(command).await.with_code(2).says("such as prod, stage or dev");
}

#[tokio::test]
async fn what_a_target_says_of_its_server_is_not_relabelled_by_a_variable() {
    let home = Home::new();
    configure(
        &home,
        "target = \"copy\"\n[targets.app]\nhost = \"/tmp\"\nenvironment = \"prod\"\nregistry = \"/app.toml\"\n\
         insecure_plaintext = false\njobs = 3\n[targets.copy]\nhost = \"/tmp\"\n",
    );
    let file = home.path().join("config/cicerone/config.toml").to_string_lossy().into_owned();
    let shown = async |arguments: &[&str]| {
        let mut command = home.cicerone(&[&["config", "--output", "json"], arguments].concat());
        for (variable, value) in [
            ("CICERONE_ENVIRONMENT", "stage"),
            ("CICERONE_REGISTRY", "/other.toml"),
            ("CICERONE_INSECURE_PLAINTEXT", "true"),
            ("CICERONE_ROLE", "builder"),
            ("CICERONE_JOBS", "7"),
        ] {
            command.env(variable, value);
        }
        json(&run(command).await.with_code(0))
    };
    let of = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    let app = shown(&["--target", "app"]).await;
    assert_eq!(row(&app, "targets.app.environment"), of("prod", &format!("{file}:4")));
    assert_eq!(row(&app, "targets.app.registry"), of("/app.toml", &format!("{file}:5")));
    assert_eq!(row(&app, "targets.app.insecure_plaintext"), of("false", &format!("{file}:6")));
    // What it leaves out is filled in, and how one works is up to whoever does.
    assert_eq!(row(&app, "targets.app.role"), of("builder", "CICERONE_ROLE"));
    assert_eq!(row(&app, "targets.app.jobs"), of("7", "CICERONE_JOBS"));
    let app = shown(&["--target", "app", "--environment", "dev"]).await;
    assert_eq!(row(&app, "targets.app.environment"), of("dev", "--environment"));
    let copy = shown(&[]).await;
    assert_eq!(row(&copy, "targets.copy.environment"), of("stage", "CICERONE_ENVIRONMENT"));
    assert_eq!(row(&copy, "targets.copy.registry"), of("/other.toml", "CICERONE_REGISTRY"));
}

#[tokio::test]
async fn paths_follow_the_variables_and_make_nothing() {
    let home = Home::new();
    let mut command = home.cicerone(&["paths", "--output", "json"]);
    command.env("XDG_RUNTIME_DIR", "/run/user/7");
    let shown = json(&run(command).await.with_code(0));
    let all = shown["paths"].as_array().expect("paths");
    let of = |name: &str| {
        let found: Vec<&str> =
            all.iter().filter(|it| it["name"] == name).filter_map(|it| it["path"].as_str()).collect();
        found
    };
    let under = |path: &str| home.path().join(path).to_string_lossy().into_owned();
    assert_eq!(of("configuration"), ["/etc/cicerone/config.toml", &under("config/cicerone/config.toml")]);
    assert_eq!(of("state"), [under("state/cicerone")]);
    assert_eq!(of("journal"), [under("state/cicerone/TARGET/runs/RUN/journal.jsonl")]);
    assert_eq!(of("long sockets"), ["/run/user/7/cicerone"]);
    assert!(!Path::new(&under("state")).exists(), "it only says where");
    let elsewhere = home.run(&["paths", "--state-dir", "/srv/cicerone"]).await.with_code(0);
    assert!(elsewhere.stdout.contains("/srv/cicerone/TARGET/runs/RUN/report.md"), "{elsewhere}");
    let mut command = home.cicerone(&["paths"]);
    command.env_remove("XDG_STATE_HOME").env_remove("XDG_CONFIG_HOME");
    let ended = run(command).await.with_code(0);
    assert!(ended.stdout.contains(&under(".local/state/cicerone")), "{ended}");
    assert!(ended.stdout.contains(&under(".config/cicerone/config.toml")), "{ended}");
}
