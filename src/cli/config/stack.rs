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
            let me = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
            let file = (metadata.uid(), metadata.gid(), metadata.mode());
            if let Some((why, mend)) = exposed(file, me) {
                return Err(cannot()
                    .cause(format!("{}: {why}, and it can name commands to be run", path.display()))
                    .hint(format!("make it yours alone: {mend} {}", path.display())));
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

/// Why a file of this owner, group and mode is not read by this user and group, if it is not, and what mends that. It can
/// name commands to be run: whoever may write it may run them. Many systems give each user a group of their own, and let it
/// write by default: that is nobody else.
fn exposed((owner, group, mode): (u32, u32, u32), me: (u32, u32)) -> Option<(&'static str, &'static str)> {
    if owner != me.0 && owner != 0 {
        Some(("it belongs to somebody else", "chown and chmod 644"))
    } else if mode & 0o002 != 0 {
        Some(("everybody may write it", "chmod go-w"))
    } else if mode & 0o020 != 0 && (owner, group) != me {
        Some(("its group may write it", "chmod g-w"))
    } else {
        None
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_anybody_else_may_write_is_refused() {
        let me = (1_000, 1_000);
        let why = |owner, group, mode| exposed((owner, group, mode), me).map(|(why, _)| why);
        for (owner, group, mode) in
            [(1_000, 1_000, 0o600), (1_000, 50, 0o644), (0, 0, 0o644), (1_000, 1_000, 0o664)]
        {
            assert_eq!(why(owner, group, 0o100_000 | mode), None, "{owner} {group} {mode:o}");
        }
        let group = Some("its group may write it");
        assert_eq!(why(1_000, 50, 0o664), group, "a group of several");
        assert_eq!(why(0, 0, 0o664), group);
        assert_eq!(why(0, 1_000, 0o664), group, "ours is not the owner's own");
        assert_eq!(why(1_000, 1_000, 0o666), Some("everybody may write it"));
        assert_eq!(why(1_001, 1_000, 0o600), Some("it belongs to somebody else"));
        assert_eq!(exposed((1_000, 50, 0o664), me).map(|(_, mend)| mend), Some("chmod g-w"));
    }
}
