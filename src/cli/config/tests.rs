//! Files over files, flags over files, and what is refused. Variables are the process's own: tests/e2e/config.rs has them.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::domain::unit::Millis;
use crate::ui::Hue;

use super::super::args::{self, OnDetach, Said};
use super::super::surrounding::Surrounding;
use super::parse::{ParseError, Parsed, parse_over};
use super::stack::Standing;

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    /// A machine with these files: `system.toml`, `cicerone/config.toml` of the user, and others.
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("cicerone")).unwrap();
        for (name, text) in files {
            fs_err::write(folder.path().join(name), text).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn parse(&self, line: &[&str]) -> Result<Parsed, String> {
        let home = self.folder.path().to_string_lossy().into_owned();
        let around = Surrounding::of(&[("HOME", &home), ("XDG_CONFIG_HOME", &home)]);
        let arguments: Vec<OsString> = [&["cicerone"], line].concat().into_iter().map(Into::into).collect();
        parse_over(&self.path("system.toml"), &arguments, &around).map_err(|error| match error {
            ParseError::Usage(error) => error.to_string(),
            ParseError::Config(error) => error.to_string().replace(&home, "~"),
        })
    }

    fn good(&self, line: &[&str]) -> Parsed {
        self.parse(line).unwrap_or_else(|error| panic!("{error}"))
    }

    fn bad(&self, line: &[&str]) -> String {
        self.parse(line).err().unwrap_or_else(|| panic!("{line:?} was accepted"))
    }
}

fn from(parsed: &Parsed, key: &str) -> (Option<String>, String) {
    let row = parsed.setup.rows.iter().find(|row| row.key == key).unwrap_or_else(|| panic!("no row {key}"));
    (row.value.clone(), row.from.rsplit('/').next().unwrap_or_default().to_owned())
}

const USER: &str = "cicerone/config.toml";

#[test]
fn later_files_override_value_by_value_and_flags_override_all() {
    let desk = Desk::with(&[
        ("system.toml", "[console]\ntheme = \"mono\"\nrefresh = \"5s\"\nascii = true\nmouse = true\n"),
        (USER, "[console]\nrefresh = \"2s\"\n"),
        ("given.toml", "[console]\nnotify = \"bell\"\nesc_delay = \"80ms\"\n"),
    ]);
    let given = desk.path("given.toml");
    let parsed =
        desk.good(&["runs", "--config", given.to_str().unwrap(), "--mouse=false", "--esc-delay", "99ms"]);
    let look = &parsed.cli.run.look;
    assert_eq!((look.theme, look.theme_said), (Some(args::Theme::Mono), Said::SetUp));
    assert_eq!((look.refresh, look.esc_delay), (Some(Millis(2_000)), Some(Millis(99))));
    assert!(look.ascii && !look.mouse);
    assert_eq!(look.notify, Some(args::Notify::Bell));
    for (key, value, place) in [
        ("console.theme", Some("mono"), "system.toml:2"),
        ("console.refresh", Some("2s"), "config.toml:2"),
        ("console.notify", Some("bell"), "given.toml:2"),
        ("console.esc_delay", Some("99ms"), "--esc-delay"),
        ("console.mouse", Some("false"), "--mouse"),
        ("console.low_bandwidth", Some("false"), "default"),
        ("console.times", None, "default"),
    ] {
        assert_eq!(from(&parsed, key), (value.map(str::to_owned), place.to_owned()), "{key}");
    }
    let standings: Vec<Standing> = parsed.setup.files.iter().map(|file| file.standing).collect();
    assert_eq!(standings, [Standing::Read; 3]);
    let by_hand = desk.good(&["runs", "--theme", "cb"]);
    assert_eq!(by_hand.cli.run.look.theme_said, Said::ByHand);
}

#[test]
fn what_is_set_up_reaches_the_console() {
    use crate::ui::{Bandwidth, Charset, Keymap, Motion, Mouse, Notify, Theme, Times, Wish};
    let desk = Desk::with(&[(
        USER,
        "[console]\ntheme = \"colour-blind\"\nascii = true\nrefresh = \"10s\"\nesc_delay = \"1s\"\ntimes = \"relative\"\nnotify = \"osc9\"\n\
         mouse = true\nlow_bandwidth = true\nreduced_motion = true\n[keys]\nlog = \"o\"\n[targets.a]\nhost = \"h\"\ncolour = \"cyan\"\n",
    )]);
    let around = Surrounding::of(&[("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8")]);
    let options = super::super::look::looks(&desk.good(&["runs"]).cli.run.look, &around);
    assert_eq!((options.theme, options.charset), (Theme::ColourBlind, Charset::Ascii));
    assert_eq!((options.refresh, options.esc_delay), (Millis(10_000), Millis(1_000)));
    assert_eq!((options.times, options.notify), (Times::Relative, Notify::Osc9));
    assert_eq!((options.mouse, options.motion), (Mouse::On, Motion::Reduced));
    assert_eq!((options.bandwidth, options.hues), (Bandwidth::Low, vec![("PROD".to_owned(), Hue::Cyan)]));
    let keys = Keymap::rebound(&[Wish { action: "log".to_owned(), keys: vec!["o".to_owned()] }]).unwrap();
    assert_eq!(options.keys, keys);
    // NO_COLOR is stronger than what is set up, and a flag is stronger than that.
    let quiet = Surrounding::of(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]);
    let theme = |line: &[&str]| super::super::look::looks(&desk.good(line).cli.run.look, &quiet).theme;
    assert_eq!(theme(&["runs"]), Theme::Mono);
    assert_eq!(theme(&["runs", "--theme", "default"]), Theme::Default);
}

#[test]
fn without_files_everything_is_as_it_is_shipped() {
    let desk = Desk::with(&[]);
    let parsed = desk.good(&["runs"]);
    assert!(parsed.setup.rows.iter().all(|row| row.from == "default"), "{:?}", parsed.setup.rows);
    assert_eq!(parsed.cli.target.environment, "prod");
    assert_eq!(parsed.cli.run.look.keymap, crate::ui::Keymap::default());
}

const TARGETS: &str = "target = \"app\"\n\n[targets.app]\nhost = \"db1.example\"\nport = 6432\ndatabase = \"my app's\"\nenvironment = \"prod\"\n\
    colour = \"red\"\nregistry = [\"a.toml\", \"/b.toml\"]\njobs = 3\non_detach = \"go-on\"\n\n\
    [targets.copy]\nservice = \"copy\"\nenvironment = \"Stage\"\ncolour = \"green\"\n";

#[test]
fn a_target_says_where_what_it_is_called_and_how_it_is_worked_on() {
    let desk = Desk::with(&[(USER, TARGETS)]);
    let app = desk.good(&["plan"]);
    assert_eq!(app.cli.target.dsn.as_deref(), Some(r"dbname='my app\'s' host='db1.example' port='6432'"));
    assert_eq!(app.cli.target.registry, [desk.path("cicerone/a.toml"), PathBuf::from("/b.toml")]);
    assert_eq!((app.cli.run.jobs, app.cli.run.on_detach), (Some(3), OnDetach::GoOn));
    assert_eq!(app.setup.target.as_deref(), Some("app"));
    let hues = [("PROD", Hue::Red), ("PROD", Hue::Red), ("STAGE", Hue::Green)];
    assert_eq!(app.cli.run.look.hues, hues.map(|(word, hue)| (word.to_owned(), hue)));
    let copy = desk.good(&["--target", "copy", "plan", "--jobs", "1"]);
    assert_eq!(copy.cli.target.dsn.as_deref(), Some("service='copy'"));
    assert_eq!((copy.cli.target.environment.as_str(), copy.cli.run.jobs), ("Stage", Some(1)));
    assert_eq!(copy.cli.target.registry, [PathBuf::from("registry.toml")]);
    assert_eq!(copy.cli.run.look.hues[0], ("STAGE".to_owned(), Hue::Green));
    assert_eq!(from(&copy, "targets.copy.service"), (Some("copy".to_owned()), "config.toml:14".to_owned()));
}

#[test]
fn a_connection_string_by_hand_leaves_the_targets_of_files_alone_altogether() {
    let desk = Desk::with(&[(USER, TARGETS)]);
    let parsed = desk.good(&["plan", "--dsn", "host=elsewhere"]);
    assert_eq!(parsed.cli.target.dsn.as_deref(), Some("host=elsewhere"));
    // The word of another server would be worse than the most careful one.
    assert_eq!((parsed.cli.target.environment.as_str(), parsed.cli.run.jobs), ("prod", None));
    assert_eq!(parsed.setup.target, None);
    assert_eq!(from(&parsed, "targets.NAME.host"), (None, "--dsn".to_owned()));
    let said = desk.bad(&["plan", "--dsn", "host=elsewhere", "--target", "app"]);
    assert!(said.contains("both a target (app) and a connection string"), "{said}");
    let said = desk.bad(&["plan", "--target", "ap"]);
    assert!(said.contains("there is no target `ap`") && said.contains("did you mean `app`?"), "{said}");
}

#[test]
fn a_rehearsal_does_not_take_the_files_target_for_its_own() {
    let desk = Desk::with(&[(USER, TARGETS)]);
    assert_eq!(desk.good(&["rehearse"]).cli.target.registry, [PathBuf::from("registry.toml")]);
    assert_eq!(desk.good(&["rehearse", "--target", "app"]).cli.target.registry.len(), 2);
}

#[test]
fn a_later_file_adds_to_a_target() {
    let desk = Desk::with(&[
        ("system.toml", "[targets.app]\nhost = \"db1\"\nenvironment = \"prod\"\n"),
        (USER, "target = \"app\"\n[targets.app]\nuser = \"ada\"\n"),
    ]);
    assert_eq!(desk.good(&["plan"]).cli.target.dsn.as_deref(), Some("host='db1' user='ada'"));
}

#[test]
fn every_mistake_is_told_with_its_place_and_nothing_of_the_files_counts() {
    let desk = Desk::with(&[
        ("system.toml", "[console]\nthem = \"mono\"\n"),
        (
            USER,
            "[console]\ntheme = \"mon\"\nrefresh = \"50ms\"\nmouse = \"yes\"\n[targets.app]\nhost = \"h\"\njobs = 0\ncolour = \"rde\"\n\
             [targts]\n",
        ),
    ]);
    let said = desk.bad(&["plan"]);
    for part in [
        "the configuration is not in order, so nothing was started",
        "~/system.toml:2:1",
        "unknown key `them` in [console]",
        "did you mean `theme`?",
        "~/cicerone/config.toml:2:9",
        "`mon` is no theme that this program knows",
        "did you mean `mono`? valid are: default, mono, high-contrast, colour-blind",
        "~/cicerone/config.toml:3:11",
        "write a time from 500ms to 10s",
        "~/cicerone/config.toml:4:9",
        "write true or false",
        "~/cicerone/config.toml:7:8",
        "`0` cannot be `jobs`",
        "did you mean `red`?",
        "did you mean `targets`?",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn a_target_keeps_no_secret_and_says_where_it_is() {
    for (line, part) in [
        ("password = \"geheim\"", "`password` is a secret, and this file keeps none"),
        ("sslpassword = \"geheim\"", "is a secret"),
        ("dsn = \"host=h password=geheim\"", "a target is no connection string"),
        ("host = \"postgresql://u:geheim@h/d\"", "`host` is a connection string, or has a password in it"),
        ("database = \"app password=geheim\"", "`database` is a connection string, or has a password in it"),
    ] {
        let desk = Desk::with(&[(USER, &format!("[targets.app]\n{line}\nuser = \"u\"\n"))]);
        let said = desk.bad(&["plan"]);
        assert!(said.contains(part) && said.contains("~/.pgpass"), "{said}");
    }
    let desk = Desk::with(&[(USER, "target = \"ap\"\n[targets.app]\nuser = \"u\"\n")]);
    let said = desk.bad(&["plan"]);
    assert!(said.contains("the target `app` does not say where it is"), "{said}");
    assert!(said.contains("config.toml:1:10") && said.contains("did you mean `app`?"), "{said}");
    assert_eq!(desk.good(&["paths"]).setup.files[1].standing, Standing::Broken);
}

#[test]
fn keys_of_files_are_checked_where_they_stand_and_flags_go_over_them() {
    let desk = Desk::with(&[
        ("system.toml", "[keys]\nlog = \"o\"\nfreeze = [\"z\", \"F2\"]\n"),
        (USER, "[keys]\nlog = [\"O\", \"Enter\"]\nundo = \"z\"\nfreze = \"z\"\n"),
    ]);
    let said = desk.bad(&["plan"]);
    for part in [
        "config.toml:2:8",
        "nothing can be put on `O`",
        "config.toml:2:13",
        "nothing can be put on `Enter`",
        "config.toml:3:1",
        "`undo` stays on `u`",
        "config.toml:4:1",
        "did you mean `freeze`?",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let desk = Desk::with(&[("system.toml", "[keys]\nlog = \"o\"\nfreeze = [\"z\", \"F2\"]\n")]);
    let parsed = desk.good(&["runs", "--key", "log=v", "--key", "log=l"]);
    assert_eq!(from(&parsed, "keys.freeze"), (Some("z F2".to_owned()), "system.toml:3".to_owned()));
    let logs: Vec<&str> =
        parsed.setup.rows.iter().filter(|row| row.key == "keys.log").map(|row| row.from.as_str()).collect();
    assert_eq!(logs, ["--key", "--key"]);
    let said = desk.bad(&["runs", "--key", "log=u"]);
    assert!(said.contains("--key") && said.contains("`u` is the key of `undo`"), "{said}");
}

#[test]
fn a_file_that_others_may_write_or_that_is_not_there_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::with(&[(USER, "target = \"app\"\n[targets.app]\nhost = \"h\"\n")]);
    let said = desk.bad(&["plan", "--config", "/nonexistent/config.toml"]);
    assert!(said.contains("cannot read /nonexistent/config.toml"), "{said}");
    fs_err::set_permissions(desk.path(USER), std::fs::Permissions::from_mode(0o666)).unwrap();
    let said = desk.bad(&["plan"]);
    assert!(said.contains("everybody may write it"), "{said}");
    // What says where they are, and what has no use for them, goes on.
    for line in [&["paths"][..], &["completions", "bash"], &["config", "check", "x.toml"]] {
        assert!(desk.parse(line).is_ok(), "{line:?}");
    }
    assert_eq!(desk.good(&["paths"]).setup.files[1].standing, Standing::Broken);
    assert!(desk.parse(&["config"]).is_err());
}

#[test]
fn the_example_of_the_document_is_in_order_and_has_every_key() {
    let page = include_str!("../../../docs/config.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let desk = Desk::with(&[(USER, example)]);
    desk.good(&["plan"]);
    let keys: Vec<&str> =
        super::SETTINGS.iter().map(|it| it.key).chain(super::CONNECTION.iter().map(|it| it.key)).collect();
    for key in keys {
        let named =
            example.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{key} =")));
        assert!(named, "the example has no `{key}`");
    }
    // What is commented out is in order as well.
    let all: String = example
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    Desk::with(&[(USER, &all)]).good(&["plan"]);
}
