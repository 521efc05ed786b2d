//! The command line with files under it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches};

use crate::domain::target::Environment;
use crate::ui::{Hue, Keymap, Wish};

use super::super::args::{self, Cli, LookArgs, Said};
use super::super::error::CliError;
use super::super::surrounding::Surrounding;
use super::choice::{Chosen, choose};
use super::load::Value;
use super::setting::{CONNECTION, Connection, SETTINGS, Section, Setting, command, flag};
use super::stack::{self, Config, Looked, shown};

/// A command line that is ready to be carried out.
pub struct Parsed {
    /// With every value from wherever it was said most strongly.
    pub cli: Cli,
    /// Where those were said.
    pub setup: Setup,
}

/// Where values come from.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Files, weakest first.
    pub files: Vec<Looked>,
    /// The target, when one was chosen.
    pub target: Option<String>,
    /// Every value of the table, in its order.
    pub rows: Vec<Row>,
}

/// A value and where it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// As the file has it, e.g. `console.theme`.
    pub key: String,
    /// As it was said, several in one line; absent when nobody said anything and the program decides.
    pub value: Option<String>,
    /// A flag, a variable, a file and its line, or `default`.
    pub from: String,
}

/// Why there is nothing to carry out.
pub enum ParseError {
    /// Clap's answer; help and version are answers too.
    Usage(clap::Error),
    /// Something in the files, or between them and the command line.
    Config(Box<CliError>),
}

impl From<clap::Error> for ParseError {
    fn from(error: clap::Error) -> Self {
        Self::Usage(error)
    }
}

impl From<CliError> for ParseError {
    fn from(error: CliError) -> Self {
        Self::Config(Box::new(error))
    }
}

/// Whether a command is carried out with files that are not in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Files {
    /// It is not.
    Needed,
    /// It is: it says where they are, or has no use for them.
    Unneeded,
}

impl Files {
    fn of(matches: &ArgMatches) -> Self {
        match matches.subcommand() {
            Some(("paths" | "completions" | "man", _)) => Self::Unneeded,
            Some(("config", inner)) if inner.subcommand_name() == Some("check") => Self::Unneeded,
            _ => Self::Needed,
        }
    }
}

/// Reads arguments, variables and files.
pub fn parse(arguments: &[OsString], around: &Surrounding) -> Result<Parsed, ParseError> {
    parse_over(Path::new(stack::SYSTEM), arguments, around)
}

/// The same with the system's file elsewhere.
pub(super) fn parse_over(
    system: &Path,
    arguments: &[OsString],
    around: &Surrounding,
) -> Result<Parsed, ParseError> {
    let plain = without_empty(command(), around);
    let mut matches = plain.clone().try_get_matches_from(arguments)?;
    let given = matches.get_one::<PathBuf>("config").cloned();
    let (files, config) = stack::read(system, given.as_deref(), around, &plain);
    let config = match (config, Files::of(&matches)) {
        (Ok(config), _) => config,
        (Err(_), Files::Unneeded) => Config::default(),
        (Err(error), Files::Needed) => return Err(error.into()),
    };
    let chosen = match (choose(&config, &matches), Files::of(&matches)) {
        (Ok(chosen), _) => chosen,
        (Err(_), Files::Unneeded) => None,
        (Err(error), Files::Needed) => return Err(error.into()),
    };
    let under = |setting: &Setting| -> Option<&Value> {
        let target = chosen.as_ref().map(|chosen| &chosen.target.values);
        match setting.section {
            Section::Top | Section::Console => config.values.get(setting.arg),
            Section::Target => target?.get(setting.arg),
        }
    };
    let mut whole = plain;
    for (setting, value) in SETTINGS.iter().filter_map(|setting| Some((setting, under(setting)?))) {
        whole = whole.mut_arg(setting.arg, |arg| {
            let arg = arg.default_values(value.words.clone());
            if setting.is_of_the_server() { arg.env(Resettable::Reset) } else { arg }
        });
    }
    matches = whole.clone().try_get_matches_from(arguments)?;
    let mut rows = rows(&whole, &matches, chosen.as_ref(), under);
    rows.extend(way(&matches, chosen.as_ref(), around));
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let Some(chosen) = &chosen {
        cli.target.dsn = Some(chosen.conninfo());
    }
    let look = &mut cli.run.look;
    if matches.value_source("theme") == Some(ValueSource::CommandLine) {
        look.theme_said = Said::ByHand;
    }
    look.keymap = keymap(&config, look)?;
    rows.extend(moved(&config, look, &matches));
    look.hues = hues(&config, &cli.target);
    let setup = Setup { files, target: chosen.map(|chosen| chosen.name), rows };
    Ok(Parsed { cli, setup })
}

/// The command line without variables that are empty: each is as good as none.
fn without_empty(command: clap::Command, around: &Surrounding) -> clap::Command {
    let empty: Vec<OsString> =
        around.vars().filter(|(_, value)| value.is_empty()).map(|(name, _)| name).collect();
    command.mut_args(|arg| {
        let is_empty = arg.get_env().is_some_and(|name| empty.iter().any(|it| it == name));
        if is_empty { arg.env(Resettable::Reset) } else { arg }
    })
}

/// Keys of the files under those of `--key`, action by action.
fn keymap(config: &Config, look: &LookArgs) -> Result<Keymap, CliError> {
    let (mut wishes, _) = config.wishes();
    let mut said: Vec<Wish> = Vec::new();
    for (action, key) in &look.keys {
        match said.iter_mut().find(|wish| wish.action == *action) {
            Some(wish) => wish.keys.push(key.clone()),
            None => said.push(Wish { action: action.clone(), keys: vec![key.clone()] }),
        }
    }
    wishes.retain(|wish| !said.iter().any(|other| other.action == wish.action));
    wishes.append(&mut said);
    Keymap::rebound(&wishes).map_err(|refused| {
        // Those of the files alone were in order: what is said here is about the flags, or about both together.
        let mut error = CliError::usage("--key (or CICERONE_KEYS) cannot be granted, so nothing was started");
        for refused in refused {
            error = error.cause(refused.message).hint(refused.hint);
        }
        error
    })
}

/// Colours of environments: what counts for this command first, then those of all targets, for runs that are attached to.
fn hues(config: &Config, target: &args::TargetArgs) -> Vec<(String, Hue)> {
    use clap::ValueEnum;
    let own = target.environment_colour.map(|hue| (word(&target.environment), hue.into()));
    let others = config.targets.values().filter_map(|target| {
        let one = |arg: &str| target.values.get(arg).and_then(|value| value.words.first());
        let hue = args::Hue::from_str(one("environment_colour")?, true).ok()?;
        Some((word(one("environment").map_or("prod", String::as_str)), hue.into()))
    });
    own.into_iter().chain(others).collect()
}

fn word(text: &str) -> String {
    let environment: Environment = match text.parse() {
        Ok(word) => word,
        Err(never) => match never {},
    };
    environment.word()
}

fn rows<'a>(
    command: &clap::Command,
    matches: &ArgMatches,
    chosen: Option<&Chosen>,
    under: impl Fn(&Setting) -> Option<&'a Value>,
) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let target = chosen.map_or("NAME", |chosen| chosen.name.as_str());
    for setting in SETTINGS {
        let raw = matches
            .get_raw(setting.arg)
            .map(|words| words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" "));
        let from = match matches.value_source(setting.arg) {
            Some(ValueSource::CommandLine) => flag(command, setting.arg),
            Some(ValueSource::EnvVariable) => setting.variable.to_owned(),
            _ => shown(under(setting).map(|value| &value.place)),
        };
        let key = match setting.section {
            Section::Top => setting.key.to_owned(),
            Section::Console => format!("console.{}", setting.key),
            Section::Target => format!("targets.{target}.{}", setting.key),
        };
        rows.push(Row { key, value: raw, from });
    }
    rows
}

/// The way to the server. A connection string may have a password in it: it is named, not shown.
fn way(matches: &ArgMatches, chosen: Option<&Chosen>, around: &Surrounding) -> Vec<Row> {
    let target = chosen.map_or("NAME", |chosen| chosen.name.as_str());
    let string = match (chosen, matches.value_source("dsn")) {
        (None, Some(ValueSource::CommandLine)) => Some("--dsn"),
        (None, Some(ValueSource::EnvVariable)) => Some("CICERONE_DSN"),
        _ => None,
    };
    let row = |part: &Connection| {
        let value = chosen.and_then(|chosen| chosen.target.connection.get(part.word));
        let (value, from) = match (string, value, around.text(part.variable)) {
            (Some(string), ..) => (None, string.to_owned()),
            (None, Some(value), _) => (Some(value.words.join(" ")), value.place.shown()),
            (None, None, Some(text)) => (Some(text), part.variable.to_owned()),
            (None, None, None) => (None, "default".to_owned()),
        };
        Row { key: format!("targets.{target}.{}", part.key), value, from }
    };
    CONNECTION.iter().map(row).collect()
}

/// Actions on other keys.
fn moved(config: &Config, look: &LookArgs, matches: &ArgMatches) -> Vec<Row> {
    let said = matches.value_source("keys");
    let by = if said == Some(ValueSource::EnvVariable) { "CICERONE_KEYS" } else { "--key" };
    let row = |action: &String, value: String, from: String| Row {
        key: format!("keys.{action}"),
        value: Some(value),
        from,
    };
    let files = config.keys.iter().filter(|(action, _)| !look.keys.iter().any(|(said, _)| said == *action));
    let files = files.map(|(action, moved)| {
        let keys: Vec<&str> = moved.keys.iter().map(|(key, _)| key.as_str()).collect();
        row(action, keys.join(" "), moved.place.shown())
    });
    let flags = look.keys.iter().map(|(action, key)| row(action, key.clone(), by.to_owned()));
    files.chain(flags).collect()
}
