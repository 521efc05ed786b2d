//! Indexes that were found become entries of a registry's file.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::audit::candidate::{self, Exclusion, Verdict};
use crate::audit::inventory::{Inventory, Spot};
use crate::domain::diagnostic::{Source, render};
use crate::domain::id::QualifiedName;
use crate::domain::live::LiveIndexes;
use crate::domain::registry::{AddError, Addition, Draft, Fate, add};

use super::args::Output;
use super::audit::Domains;
use super::error::CliError;
use super::source;
use super::stream::print_json;

mod file;
mod page;

/// The domain of a table that nobody gave one.
pub(super) const NO_DOMAIN: &str = "unassigned";

/// Where entries go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// A file.
    File(PathBuf),
    /// Standard output: a registry of its own.
    Stdout,
}

/// What is done with a file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// New entries come behind its own.
    Add,
    /// It stays as it is, and nothing is written.
    Refuse,
}

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// Yes.
    Write,
    /// Only what would change is shown.
    Show,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    /// What a registry can hold.
    pub(super) drafts: Vec<Draft>,
    /// What stays out.
    pub(super) left_out: Vec<LeftOut>,
    /// What a registry could hold, and no entry can be made of.
    pub(super) refused: Vec<LeftOut>,
    /// What was not even looked at: whose, and how many.
    pub(super) others: BTreeMap<&'static str, usize>,
}

/// An index that stays out of the registry.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LeftOut {
    pub(super) index: String,
    pub(super) table: String,
    /// Where it was found.
    pub(super) from: String,
    pub(super) why: String,
    /// Schema and name of its table.
    #[serde(skip)]
    pub(super) on: (String, String),
}

impl Harvest {
    /// From a series of files; `path` names them.
    pub(super) fn of_series(inventory: &Inventory, path: impl Fn(Spot) -> String, domains: &Domains) -> Self {
        let (candidates, left_out) = candidate::of_series(inventory);
        let place = |spot: Spot| format!("{}:{}", path(spot), spot.place.line);
        let drafts = candidates.into_iter().map(|it| {
            let comment = match &it.remark {
                Some(remark) => format!("{}: {remark}", place(it.spot)),
                None => place(it.spot),
            };
            let domain = domains.of(&it.table.schema, &it.table.name).unwrap_or(NO_DOMAIN).to_owned();
            Draft { index: it.index, table: it.table, shape: it.shape, domain, comment }
        });
        let left_out = left_out.into_iter().map(|it| {
            let why = if let Exclusion::Gone(what, at) = &it.why {
                format!("{what} ({})", place(*at))
            } else {
                it.why.to_string()
            };
            LeftOut::of(&it.index, &it.table, place(it.spot), why)
        });
        Self { drafts: drafts.collect(), left_out: left_out.collect(), ..Self::default() }
    }

    /// From a database.
    pub(super) fn of_live(live: &LiveIndexes, domains: &Domains) -> Self {
        let others = live.others.iter().map(|(owner, count)| (owner.words(), *count)).collect();
        let mut harvest = Self { others, ..Self::default() };
        let from = format!("database {}", live.identity.database);
        for (index, verdict) in candidate::of_live(live) {
            let (name, table) = (&index.facts.name, &index.facts.table);
            let out = |why: String| LeftOut::of(name, table, from.clone(), why);
            match verdict {
                Verdict::Entry(shape) => harvest.drafts.push(Draft {
                    index: name.clone(),
                    table: table.clone(),
                    shape: *shape,
                    domain: domains.of(&table.schema, &table.name).unwrap_or(NO_DOMAIN).to_owned(),
                    comment: from.clone(),
                }),
                Verdict::Out(why) => harvest.left_out.push(out(why.to_string())),
                Verdict::Unreadable(why) => harvest.refused.push(out(why)),
            }
        }
        harvest
    }
}

impl LeftOut {
    pub(super) fn of(index: &QualifiedName, table: &QualifiedName, from: String, why: String) -> Self {
        let on = (table.schema.clone(), table.name.clone());
        Self { index: qualified(index), table: qualified(table), from, why, on }
    }
}

fn qualified(name: &QualifiedName) -> String {
    format!("{}.{}", name.schema, name.name)
}

/// What became of everything that was found. Fields are only ever added within a version.
#[derive(Debug, Serialize)]
pub(super) struct Enrolled {
    /// The file, or `-`.
    pub(super) registry: String,
    /// `written`, `unchanged`, `shown` or `printed`.
    pub(super) outcome: &'static str,
    pub(super) added: Vec<Entry>,
    /// In the registry already, with the same definition.
    pub(super) present: Vec<String>,
    /// In the registry already, with another definition: the entry stays as it is.
    pub(super) differing: Vec<Differing>,
    pub(super) left_out: Vec<LeftOut>,
    /// Performance indexes that no entry can be made of.
    pub(super) refused: Vec<LeftOut>,
    /// Indexes that were not looked at: whose, and how many.
    pub(super) others: BTreeMap<&'static str, usize>,
    /// The text: when it was not written.
    pub(super) text: Option<String>,
    /// What changes in the file, line by line: when it is only shown.
    pub(super) diff: Option<String>,
}

/// An entry that was added.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    pub(super) index: String,
    pub(super) table: String,
    pub(super) domain: String,
    pub(super) from: String,
}

/// Two definitions of one index, as statements.
#[derive(Debug, Serialize)]
pub(super) struct Differing {
    pub(super) index: String,
    pub(super) from: String,
    pub(super) registry: String,
    pub(super) found: String,
}

impl Enrolled {
    /// Whether somebody has to look at something.
    pub(super) fn has_findings(&self) -> bool {
        !self.differing.is_empty() || !self.refused.is_empty()
    }

    /// Whether the registry has nothing, and nothing came into it.
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.present.is_empty() && self.differing.is_empty()
    }

    /// Everything for people, line by line.
    pub(super) fn page(&self) -> String {
        page::page(self)
    }
}

/// Where entries go when `into` says so, else the one file of `registry`.
pub(super) fn destination(into: Option<&Path>, registry: &[PathBuf]) -> Result<Destination, CliError> {
    match (into, registry) {
        (Some(path), _) if path == Path::new("-") => Ok(Destination::Stdout),
        (Some(path), _) => Ok(Destination::File(path.to_owned())),
        (None, [only]) if !only.is_dir() => Ok(Destination::File(only.clone())),
        (None, _) => Err(CliError::usage("the registry has several files")
            .hint("name the one that the entries are for, a new one in its folder for example")),
    }
}

/// Domains of tables: from the file that says so, else from entries of the registry, the destination's among them.
pub(super) fn domains(
    file: Option<&Path>,
    registry: &[PathBuf],
    destination: &Destination,
) -> Result<Domains, CliError> {
    let mut files = registry.to_vec();
    if let Destination::File(file) = destination {
        files.push(file.clone());
    }
    files.retain(|file| file.exists());
    // One that has mistakes is told when something is to be added to it.
    let registry = source::read(&files).ok().and_then(|sources| crate::domain::registry::load(&sources).ok());
    Domains::read(file, registry.as_ref())
}

/// Puts what was found into the registry: into `destination`, beside entries of the files `others`.
///
/// # Errors
///
/// The registry is not in order or cannot be read, the file must not be touched, or it cannot be written.
pub(super) fn enrol(
    harvest: Harvest,
    destination: &Destination,
    others: &[PathBuf],
    existing: Existing,
    hand: Hand,
) -> Result<Enrolled, CliError> {
    let before = match destination {
        Destination::Stdout => None,
        Destination::File(path) => file::read(path)?,
    };
    let path = match destination {
        Destination::Stdout => "-".to_owned(),
        Destination::File(path) => path.display().to_string(),
    };
    if before.is_some() && existing == Existing::Refuse && hand == Hand::Write {
        return Err(CliError::usage(format!("{path} is there already"))
            .hint("--merge adds to it what it does not have, and changes nothing that is there; or name another file with --into"));
    }
    let target =
        Source { path: path.clone(), text: before.as_ref().map_or_else(String::new, |it| it.text.clone()) };
    let others = other_sources(others, destination)?;
    let addition =
        add(&target, &others, &harvest.drafts).map_err(|error| refusal(error, &target, &others))?;
    let changed = addition.added() > 0 || before.is_none();
    let (mut text, mut diff, mut outcome) = (None, None, "unchanged");
    match (destination, hand) {
        (Destination::Stdout, _) => (text, outcome) = (Some(addition.text.clone()), "printed"),
        (Destination::File(_), Hand::Show) => {
            (text, diff, outcome) =
                (Some(addition.text.clone()), Some(difference(&path, &target.text, &addition.text)), "shown");
        }
        (Destination::File(file), Hand::Write) if changed => {
            file::write(file, before.as_ref(), &addition.text)?;
            outcome = "written";
        }
        (Destination::File(_), Hand::Write) => {}
    }
    Ok(answer((path, outcome), addition, harvest, (text, diff)))
}

fn other_sources(paths: &[PathBuf], destination: &Destination) -> Result<Vec<Source>, CliError> {
    let real = |path: &Path| fs_err::canonicalize(path).ok();
    let target = match destination {
        Destination::File(path) => real(path),
        Destination::Stdout => None,
    };
    let paths: Vec<PathBuf> =
        paths.iter().filter(|path| target.is_none() || real(path) != target).cloned().collect();
    let sources = source::read(&paths).map_err(|errors| {
        let mut error = CliError::usage("the registry cannot be read");
        for problem in &errors {
            error = error.cause(problem.to_string()).hint(problem.hint());
        }
        error
    })?;
    // The file may also be one of a folder.
    Ok(sources.into_iter().filter(|it| target.is_none() || real(it.path.as_ref()) != target).collect())
}

fn refusal(error: AddError, target: &Source, others: &[Source]) -> CliError {
    let what = CliError::usage(format!("nothing can be added to {}", target.path));
    match error {
        AddError::NotInOrder(found) => {
            let mut sources = vec![target.clone()];
            sources.extend(others.iter().cloned());
            what.cause(render(&found, &sources)).hint("correct the registry first: nothing was written")
        }
        AddError::TooMuch { .. } => what.cause(error.to_string()).hint(
            "split the registry: --schema and --table choose, --into names a file in the registry's folder",
        ),
        AddError::NoPlace(_) => {
            what.cause(error.to_string()).hint("write each entry as a table of its own, under [[index]]")
        }
    }
}

fn difference(path: &str, old: &str, new: &str) -> String {
    similar::TextDiff::from_lines(old, new).unified_diff().header(path, path).to_string()
}

fn answer(
    (registry, outcome): (String, &'static str),
    addition: Addition,
    Harvest { mut left_out, mut refused, others, .. }: Harvest,
    (text, diff): (Option<String>, Option<String>),
) -> Enrolled {
    let (mut added, mut present, mut differing) = (Vec::new(), Vec::new(), Vec::new());
    for (draft, fate) in addition.fates {
        let (index, table) = (qualified(&draft.index), qualified(&draft.table));
        let from = draft.comment.clone();
        let out = |why: String| LeftOut::of(&draft.index, &draft.table, draft.comment.clone(), why);
        match fate {
            Fate::Added => added.push(Entry { index, table, domain: draft.domain, from }),
            Fate::Present => present.push(index),
            Fate::Differs { registry, found } => differing.push(Differing { index, from, registry, found }),
            Fate::SameAs(other) => {
                let why = format!(
                    "it says the same as {}, which the registry has: one of them is enough",
                    other.as_str()
                );
                left_out.push(out(why));
            }
            Fate::Refused(why) => refused.push(out(why.join("; "))),
        }
    }
    Enrolled { registry, outcome, added, present, differing, left_out, refused, others, text, diff }
}

/// The answer of a command that does nothing else.
#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    kind: &'static str,
    #[serde(flatten)]
    enrolled: &'a Enrolled,
}

/// Prints what became of everything. A registry that goes to standard output has that for itself.
pub(super) fn print(enrolled: &Enrolled, output: Output, out: &mut dyn Write) -> Result<(), CliError> {
    match (output, &enrolled.text, enrolled.outcome) {
        (Output::Json, _, _) => print_json(out, &Answer { version: 1, kind: "import", enrolled })?,
        (Output::Plain, Some(text), "printed") => {
            out.write_all(text.as_bytes())?;
            super::stream::say(&enrolled.page());
        }
        (Output::Plain, _, _) => out.write_all(enrolled.page().as_bytes())?,
    }
    Ok(())
}
