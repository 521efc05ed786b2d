//! What a project says about the rules: `cicerone.toml` in its root, see `docs/lint.md`.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::cli::error::CliError;
use crate::cli::project;
use crate::domain::diagnostic::{Code, Source, render};
use crate::domain::document::{self, Table};
use crate::lint::{Level, Levels, Severity, rule};
use crate::text::nearest;

/// Largest file that is read.
const MAX_BYTES: usize = 256 << 10;

/// Everything that is said.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// The mildest finding that makes the command fail; `None` for none.
    pub(super) fail_on: Option<Severity>,
    levels: Levels,
    paths: Vec<Paths>,
    /// The folder that patterns count from.
    root: PathBuf,
}

/// Levels of some files.
#[derive(Debug)]
struct Paths {
    patterns: Gitignore,
    levels: Levels,
}

impl Settings {
    /// Reads the file that is named, else the one that is found above `first`, else none.
    pub(super) fn find(named: Option<&Path>, first: Option<&Path>) -> Result<Self, CliError> {
        // What is read from standard input belongs to the folder that we are in.
        let first = first.filter(|it| *it != Path::new("-")).unwrap_or(Path::new("."));
        let Some(path) = project::file(named, first) else {
            return Ok(Self { fail_on: Some(Severity::Error), ..Self::default() });
        };
        let shown = path.to_string_lossy().into_owned();
        let wrong = || CliError::usage(format!("the settings in {shown} cannot be used"));
        let text = fs_err::read_to_string(&path).map_err(|error| wrong().because(&error))?;
        let source = Source { path: shown.clone(), text };
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let root = real(folder);
        let (settings, found) = document::read(&source, MAX_BYTES, |top| Self::of(&top, root));
        match settings {
            Some(settings) if found.is_empty() => Ok(settings),
            Some(_) | None => Err(wrong()
                .cause(render(&found, &[source]))
                .hint("docs/lint.md describes the file; `cicerone lint rules` lists the rules")),
        }
    }

    fn of(top: &Table<'_>, root: PathBuf) -> Self {
        let mut settings = Self { fail_on: Some(Severity::Error), root, ..Self::default() };
        // What guard is told stands in the same file.
        top.only(&["lint", "guard"]);
        let Some(lint) = top.table("lint", "[lint]") else { return settings };
        lint.only(&["fail_on", "rules", "paths"]);
        if let Some(word) = lint.text("fail_on") {
            match Level::of(word.value) {
                Some(Level::At(severity)) => settings.fail_on = Some(severity),
                _ if word.value == "never" => settings.fail_on = None,
                Some(Level::Off) | None => {
                    let message = format!("{:?} is no severity", word.value);
                    lint.document.report(
                        word.span,
                        Code::UnknownValue,
                        message,
                        "write error, warning, note or never",
                    );
                }
            }
        }
        if let Some(rules) = lint.table("rules", "[lint.rules]") {
            settings.levels = levels(&rules);
        }
        for table in lint.tables("paths", "[[lint.paths]]") {
            table.only(&["match", "rules"]);
            let mut patterns = GitignoreBuilder::new(&settings.root);
            if !table.has("match") {
                table.missing("match", "a list of patterns, as in .gitignore");
            }
            for pattern in table.one_or_more("match") {
                if let Err(error) = patterns.add_line(None, pattern.value) {
                    let message = format!("this is no pattern: {error}");
                    table.document.report(
                        pattern.span,
                        Code::UnknownValue,
                        message,
                        "write it as in .gitignore",
                    );
                }
            }
            let levels = table.table("rules", "[lint.paths.rules]").map(|it| levels(&it)).unwrap_or_default();
            settings.paths.extend(patterns.build().ok().map(|patterns| Paths { patterns, levels }));
        }
        settings
    }

    /// The levels of one file. Of several patterns that match the last counts.
    pub(super) fn levels(&self, path: &str) -> Levels {
        let mut levels = self.levels.clone();
        let whole = real(Path::new(path));
        for paths in &self.paths {
            // Patterns speak of what is below their folder.
            let below = whole.starts_with(&self.root);
            if below && paths.patterns.matched_path_or_any_parents(&whole, false).is_ignore() {
                levels = levels.under(&paths.levels);
            }
        }
        levels
    }
}

/// The whole path without links; as far as that goes, for what need not be there.
fn real(path: &Path) -> PathBuf {
    fs_err::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

fn levels(table: &Table<'_>) -> Levels {
    let mut levels = Levels::default();
    for name in table.names() {
        if rule::find(name.value).is_none() {
            let message = format!("there is no rule {:?}", name.value);
            let hint = nearest(name.value, rule::ALL.iter().map(|it| it.id)).map_or_else(
                || "`cicerone lint rules` lists them".to_owned(),
                |meant| format!("did you mean {meant}?"),
            );
            table.document.report(name.span, Code::UnknownKey, message, hint);
            continue;
        }
        let Some(word) = table.text(name.value) else { continue };
        if let Some(level) = Level::of(word.value) {
            let _known = levels.set(name.value, level);
        } else {
            let message = format!("{:?} is no severity", word.value);
            let hint = "write off, note, warning or error";
            table.document.report(word.span, Code::UnknownValue, message, hint);
        }
    }
    levels
}
