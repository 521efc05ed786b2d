//! The table of all that can be set up.

use std::fmt::Write as _;

use clap::{ArgAction, CommandFactory};

use super::super::args::Cli;

/// A table of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Above all tables.
    Top,
    /// `[console]`
    Console,
    /// `[targets.NAME]`
    Target,
}

impl Section {
    /// As it is called in messages and documents.
    pub fn title(self) -> &'static str {
        match self {
            Self::Top => "the top level",
            Self::Console => "[console]",
            Self::Target => "[targets.NAME]",
        }
    }
}

/// How a value is written in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Switch,
    /// A string that is a path, from the file's folder when it is relative.
    Path,
    /// One such, or a list.
    Paths,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Where in the file.
    pub section: Section,
    /// Its key there.
    pub key: &'static str,
    /// The argument that says the same; its flag is known to clap.
    pub arg: &'static str,
    /// The variable that says the same.
    pub variable: &'static str,
    /// How it is written.
    pub kind: Kind,
}

impl Setting {
    /// Whether it says what a server is, rather than how one works on it. A variable may have been meant for another server:
    /// over what a target says of its own it does not count.
    pub fn is_of_the_server(&self) -> bool {
        matches!(
            self.arg,
            "environment"
                | "environment_colour"
                | "registry"
                | "role"
                | "insecure_plaintext"
                | "via_tunnel"
                | "server_is_here"
                | "disk_command"
                | "backup_command"
        )
    }
}

const fn setting(
    section: Section,
    key: &'static str,
    arg: &'static str,
    variable: &'static str,
    kind: Kind,
) -> Setting {
    Setting { section, key, arg, variable, kind }
}

const fn console(key: &'static str, variable: &'static str, kind: Kind) -> Setting {
    setting(Section::Console, key, key, variable, kind)
}

const fn target(key: &'static str, variable: &'static str, kind: Kind) -> Setting {
    setting(Section::Target, key, key, variable, kind)
}

/// Every value that has a flag and a variable of its own.
pub const SETTINGS: &[Setting] = &[
    setting(Section::Top, "target", "target_name", "CICERONE_TARGET", Kind::Text),
    setting(Section::Top, "state_dir", "state_dir", "CICERONE_STATE_DIR", Kind::Path),
    console("theme", "CICERONE_THEME", Kind::Text),
    console("color", "CICERONE_COLOR", Kind::Text),
    console("plain", "CICERONE_PLAIN", Kind::Switch),
    console("ascii", "CICERONE_ASCII", Kind::Switch),
    console("refresh", "CICERONE_REFRESH", Kind::Text),
    console("esc_delay", "CICERONE_ESC_DELAY", Kind::Text),
    console("times", "CICERONE_TIMES", Kind::Text),
    console("notify", "CICERONE_NOTIFY", Kind::Text),
    console("mouse", "CICERONE_MOUSE", Kind::Switch),
    console("low_bandwidth", "CICERONE_LOW_BANDWIDTH", Kind::Switch),
    console("reduced_motion", "CICERONE_REDUCED_MOTION", Kind::Switch),
    target("environment", "CICERONE_ENVIRONMENT", Kind::Text),
    setting(Section::Target, "colour", "environment_colour", "CICERONE_ENVIRONMENT_COLOUR", Kind::Text),
    target("registry", "CICERONE_REGISTRY", Kind::Paths),
    target("role", "CICERONE_ROLE", Kind::Text),
    target("insecure_plaintext", "CICERONE_INSECURE_PLAINTEXT", Kind::Switch),
    target("via_tunnel", "CICERONE_VIA_TUNNEL", Kind::Switch),
    target("server_is_here", "CICERONE_SERVER_IS_HERE", Kind::Switch),
    target("disk_command", "CICERONE_DISK_COMMAND", Kind::Text),
    target("backup_command", "CICERONE_BACKUP_COMMAND", Kind::Text),
    target("backup_max_age", "CICERONE_BACKUP_MAX_AGE", Kind::Text),
    target("jobs", "CICERONE_JOBS", Kind::Number),
    target("attempts", "CICERONE_ATTEMPTS", Kind::Number),
    target("lock_tries", "CICERONE_LOCK_TRIES", Kind::Number),
    target("first_lock_budget", "CICERONE_FIRST_LOCK_BUDGET", Kind::Text),
    target("writers_budget", "CICERONE_WRITERS_BUDGET", Kind::Text),
    target("snapshots_budget", "CICERONE_SNAPSHOTS_BUDGET", Kind::Text),
    target("on_budget", "CICERONE_ON_BUDGET", Kind::Text),
    target("on_abort", "CICERONE_ON_ABORT", Kind::Text),
    target("on_detach", "CICERONE_ON_DETACH", Kind::Text),
    target("maintenance_work_mem", "CICERONE_MAINTENANCE_WORK_MEM", Kind::Text),
    target("parallel_workers", "CICERONE_PARALLEL_WORKERS", Kind::Number),
    target("memory_budget", "CICERONE_MEMORY_BUDGET", Kind::Text),
];

/// One part of the way to a server. All of them together are what `--dsn` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Its key in `[targets.NAME]`.
    pub key: &'static str,
    /// libpq's word for it.
    pub word: &'static str,
    /// libpq's variable, which fills in what a target leaves out.
    pub variable: &'static str,
    /// How it is written.
    pub kind: Kind,
}

const fn part(key: &'static str, word: &'static str, variable: &'static str, kind: Kind) -> Connection {
    Connection { key, word, variable, kind }
}

/// The way to a server. No secret among them.
pub const CONNECTION: &[Connection] = &[
    part("host", "host", "PGHOST", Kind::Text),
    part("hostaddr", "hostaddr", "PGHOSTADDR", Kind::Text),
    part("port", "port", "PGPORT", Kind::Number),
    part("database", "dbname", "PGDATABASE", Kind::Text),
    part("user", "user", "PGUSER", Kind::Text),
    part("service", "service", "PGSERVICE", Kind::Text),
    part("passfile", "passfile", "PGPASSFILE", Kind::Path),
    part("sslmode", "sslmode", "PGSSLMODE", Kind::Text),
    part("sslrootcert", "sslrootcert", "PGSSLROOTCERT", Kind::Path),
    part("sslcert", "sslcert", "PGSSLCERT", Kind::Path),
    part("sslkey", "sslkey", "PGSSLKEY", Kind::Path),
    part("target_session_attrs", "target_session_attrs", "PGTARGETSESSIONATTRS", Kind::Text),
];

/// The command line with all variables, and with flags that can say no as well as yes.
pub fn command() -> clap::Command {
    let mut command = Cli::command();
    for setting in SETTINGS {
        command = command.mut_arg(setting.arg, |arg| {
            let arg = arg.env(setting.variable);
            if setting.kind != Kind::Switch {
                return arg;
            }
            // `--mouse`, and `--mouse=false` against a file that says true.
            arg.action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .value_name("true|false")
                .default_value("false")
                .default_missing_value("true")
                .value_parser(yes_or_no)
                .hide_default_value(true)
                .hide_possible_values(true)
        });
    }
    command
}

/// An empty variable is as good as none.
fn yes_or_no(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" | "" => Ok(false),
        _ => Err("write true or false"),
    }
}

/// The flag of an argument, e.g. `--theme`.
pub(super) fn flag(command: &clap::Command, arg: &str) -> String {
    let found = command.get_arguments().find(|it| it.get_id().as_str() == arg);
    found.and_then(clap::Arg::get_long).map(|long| format!("--{long}")).unwrap_or_default()
}

/// The tables of `docs/config.md`.
pub fn document() -> String {
    let command = command();
    let mut text = String::new();
    for section in [Section::Top, Section::Console, Section::Target] {
        let title = if section == Section::Top { "above all tables" } else { section.title() };
        // Writing to a string does not fail.
        let _ =
            write!(text, "### `{title}`\n\n| key | flag | variable | what it says |\n|---|---|---|---|\n");
        for setting in SETTINGS.iter().filter(|setting| setting.section == section) {
            let arg = command.get_arguments().find(|it| it.get_id().as_str() == setting.arg);
            let help = arg.and_then(clap::Arg::get_help).map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(
                text,
                "| `{}` | `{}` | `{}` | {} |",
                setting.key,
                flag(&command, setting.arg),
                setting.variable,
                help.replace('|', "\\|").replace('\n', " ")
            );
        }
        text.push('\n');
    }
    text += "### The way to a server, also in `[targets.NAME]`\n\n\
        | key | within `--dsn` | variable that fills in what is left out |\n|---|---|---|\n";
    for part in CONNECTION {
        let _ = writeln!(text, "| `{}` | `{}` | `{}` |", part.key, part.word, part.variable);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_setting_has_its_flag_and_its_variable() {
        let command = command();
        command.clone().debug_assert();
        for setting in SETTINGS {
            let arg = command.get_arguments().find(|arg| arg.get_id().as_str() == setting.arg);
            let arg = arg.unwrap_or_else(|| panic!("{} has no argument", setting.key));
            assert!(arg.get_long().is_some() && arg.is_global_set(), "{}", setting.key);
            assert_eq!(arg.get_env().and_then(|it| it.to_str()), Some(setting.variable));
            assert!(setting.variable.starts_with("CICERONE_"), "{}", setting.variable);
            assert!(arg.get_action().takes_values(), "{} takes a value", setting.key);
        }
        let keys: BTreeSet<&str> = SETTINGS
            .iter()
            .filter(|it| it.section == Section::Target)
            .map(|it| it.key)
            .chain(CONNECTION.iter().map(|it| it.key))
            .collect();
        let target = SETTINGS.iter().filter(|it| it.section == Section::Target).count();
        assert_eq!(keys.len(), target + CONNECTION.len(), "a key stands there twice");
    }

    #[test]
    fn every_flag_of_the_console_can_be_set_up_in_the_file() {
        let command = command();
        // The one that has a table of its own.
        let set_up: BTreeSet<&str> = SETTINGS.iter().map(|it| it.arg).chain(["keys"]).collect();
        for arg in command.get_arguments().filter(|arg| arg.get_help_heading() == Some("Console")) {
            let id = arg.get_id().as_str();
            assert!(set_up.contains(id), "--{id} is missing in SETTINGS");
        }
    }

    #[test]
    fn completions_and_manual_pages_know_every_flag_and_command() {
        let command = command();
        let mut texts = Vec::new();
        for shell in [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command.clone(), "cicerone", &mut text);
            texts.push(String::from_utf8(text).unwrap());
        }
        let mut page = Vec::new();
        clap_mangen::Man::new(command.clone()).render(&mut page).unwrap();
        texts.push(String::from_utf8(page).unwrap().replace('\\', ""));
        for text in &texts {
            for word in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(text.contains(word), "--{word}");
            }
            for word in command.get_subcommands().map(clap::Command::get_name) {
                assert!(text.contains(word), "{word}");
            }
        }
    }

    #[test]
    fn a_switch_can_be_said_no_to() {
        use clap::FromArgMatches;
        let mouse = |words: &[&str]| {
            let matches = command().try_get_matches_from([&["cicerone"], words].concat()).unwrap();
            Cli::from_arg_matches(&matches).unwrap().run.look.mouse
        };
        assert!(mouse(&["--mouse"]) && mouse(&["--mouse=true"]) && mouse(&["runs", "--mouse"]));
        assert!(!mouse(&["--mouse=false"]) && !mouse(&[]));
    }
}
