//! Files one over the other, value by value.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::domain::diagnostic::{Code, Diagnostic, Source, render};
use crate::text::nearest;
use crate::ui::{Keymap, Wish};

use super::super::error::CliError;
use super::super::source;
use super::super::surrounding::Surrounding;
use super::load::{Moved, Part, Place, Target, Values, load};

/// The file of the whole machine.
pub(super) const SYSTEM: &str = "/etc/cicerone/config.toml";

/// A file that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Its path.
    pub path: PathBuf,
    /// What became of that.
    pub standing: Standing,
}

/// What became of looking for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was read.
    Read,
    /// There is none.
    Absent,
    /// It is there and not in order.
    Broken,
}

/// All files together.
#[derive(Debug, Clone, Default)]
pub(super) struct Config {
    pub(super) sources: Vec<Source>,
    pub(super) values: Values,
    pub(super) targets: BTreeMap<String, Target>,
    pub(super) keys: BTreeMap<String, Moved>,
}

/// Whether a file has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    Exist,
    Maybe,
}

/// The user's own folder for configuration.
pub(super) fn user_folder(around: &Surrounding) -> Option<PathBuf> {
    let given = around.var("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    given.or_else(|| Some(around.home()?.join(".config")))
}

/// Reads the files of the system and of the user, and one that was given.
pub(super) fn read(
    system: &Path,
    given: Option<&Path>,
    around: &Surrounding,
    command: &clap::Command,
) -> (Vec<Looked>, Result<Config, CliError>) {
    let mut wanted = vec![(system.to_owned(), Must::Maybe)];
    wanted.extend(user_folder(around).map(|folder| (folder.join("cicerone/config.toml"), Must::Maybe)));
    wanted.extend(given.map(|path| (path.to_owned(), Must::Exist)));
    read_files(&wanted, command)
}

/// Reads files that have to be there.
pub(super) fn read_given(files: &[PathBuf], command: &clap::Command) -> Result<Config, CliError> {
    let wanted: Vec<(PathBuf, Must)> = files.iter().map(|file| (file.clone(), Must::Exist)).collect();
    read_files(&wanted, command).1
}

fn read_files(
    wanted: &[(PathBuf, Must)],
    command: &clap::Command,
) -> (Vec<Looked>, Result<Config, CliError>) {
    let mut looked = Vec::new();
    let mut config = Config::default();
    let mut found = Vec::new();
    let mut unreadable = None;
    for (path, must) in wanted {
        let standing = match fetch(path, *must) {
            Ok(None) => Standing::Absent,
            Ok(Some(source)) => {
                let before = found.len();
                let (part, mut mistakes) = load(&source, command);
                found.append(&mut mistakes);
                config.sources.push(source);
                config.lay(part);
                if found.len() > before { Standing::Broken } else { Standing::Read }
            }
            Err(error) => {
                unreadable.get_or_insert(error);
                Standing::Broken
            }
        };
        looked.push(Looked { path: path.clone(), standing });
    }
    if let Some(error) = unreadable {
        return (looked, Err(error));
    }
    if found.is_empty() {
        found = config.together();
        for file in looked.iter_mut().filter(|it| found.iter().any(|at| Path::new(&at.file) == it.path)) {
            file.standing = Standing::Broken;
        }
    }
    let result = if found.is_empty() { Ok(config) } else { Err(not_in_order(&found, &config.sources)) };
    (looked, result)
}

fn not_in_order(found: &[Diagnostic], sources: &[Source]) -> CliError {
    CliError::usage("the configuration is not in order, so nothing was started").cause(render(found, sources))
}

/// The file, if it is there.
fn fetch(path: &Path, must: Must) -> Result<Option<Source>, CliError> {
    let cannot = || CliError::usage("the configuration cannot be read, so nothing was started");
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && must == Must::Maybe => return Ok(None),
        Ok(metadata) => {
            // It can name commands to be run: whoever may write it may run them.
            let own = rustix::process::geteuid().as_raw();
            let loose = metadata.mode() & 0o002 != 0;
            let foreign = metadata.uid() != own && metadata.uid() != 0;
            if loose || foreign {
                let why = if loose { "everybody may write it" } else { "it belongs to somebody else" };
                return Err(cannot()
                    .cause(format!("{}: {why}, and it can name commands to be run", path.display()))
                    .hint(format!("make it yours alone: chown and chmod 644 {}", path.display())));
            }
        }
        // The reader has the words for it.
        Err(_) => {}
    }
    let mut sources = source::read(&[path.to_owned()]).map_err(|errors| {
        let mut error = cannot();
        for problem in &errors {
            error = error.cause(problem.to_string()).hint(problem.hint());
        }
        error
    })?;
    Ok(sources.pop())
}

impl Config {
    /// Lays a file over those before it.
    fn lay(&mut self, part: Part) {
        self.values.extend(part.values);
        self.keys.extend(part.keys);
        for (name, target) in part.targets {
            match self.targets.get_mut(&name) {
                Some(known) => {
                    known.connection.extend(target.connection);
                    known.values.extend(target.values);
                }
                None => {
                    self.targets.insert(name, target);
                }
            }
        }
    }

    /// What is wrong with all of them together.
    fn together(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if let Some(value) = self.values.get("target_name")
            && let Some(name) = value.words.first()
            && !self.targets.contains_key(name)
        {
            let (message, hint) = self.no_target(name);
            found.push(value.place.mistake(Code::UnknownValue, message, hint));
        }
        for (name, target) in &self.targets {
            if !["host", "hostaddr", "service"].iter().any(|word| target.connection.contains_key(word)) {
                let message = format!("the target `{name}` does not say where it is");
                let hint = "add `host`, a name or the folder of a socket, or `service`";
                found.push(target.place.mistake(Code::MissingKey, message, hint.to_owned()));
            }
        }
        let (wishes, places) = self.wishes();
        for refused in Keymap::rebound(&wishes).err().unwrap_or_default() {
            let Some(moved) = places.get(refused.wish) else { continue };
            let key = refused.key.and_then(|key| moved.keys.get(key)).map(|(_, place)| place);
            let place = key.unwrap_or(&moved.place);
            found.push(place.mistake(Code::BadKey, refused.message, refused.hint));
        }
        found
    }

    /// That there is no target of a name, and what to do.
    pub(super) fn no_target(&self, name: &str) -> (String, String) {
        let known: Vec<&str> = self.targets.keys().map(String::as_str).collect();
        let hint = match nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`? there are: {}", known.join(", ")),
            None if known.is_empty() => "add it as [targets.NAME] to config.toml".to_owned(),
            None => format!("there are: {}", known.join(", ")),
        };
        (format!("there is no target `{name}`"), hint)
    }

    /// Actions on other keys, and where they stand.
    pub(super) fn wishes(&self) -> (Vec<Wish>, Vec<&Moved>) {
        let wish = |(action, moved): (&String, &Moved)| Wish {
            action: action.clone(),
            keys: moved.keys.iter().map(|(key, _)| key.clone()).collect(),
        };
        (self.keys.iter().map(wish).collect(), self.keys.values().collect())
    }
}

/// A place as it is shown, for a value that has one.
pub(super) fn shown(place: Option<&Place>) -> String {
    place.map_or_else(|| "default".to_owned(), Place::shown)
}
