//! `cicerone guard`: what does not belong into migrations, without a server.

mod answer;
mod git;
mod old;
mod place;
mod plain;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::args::{FindingFormat, GuardArgs, Output};
use super::error::CliError;
use super::exit::Exit;
use super::finding::Format;
use super::folder::{self, Folder, Wanted};
use super::project::Project;
use super::stream::print_json;
use crate::audit::Place;
use crate::audit::document::Allowances;
use crate::audit::inventory::{Chapter, Inventory, take};
use crate::guard::{File, Finding, Kind, NAMES, Pass, Rules, judge, missing};

use answer::Answer;
use git::Changes;
use old::Old;

/// Judges `paths` and prints what does not belong there.
///
/// # Errors
///
/// A path, the project's file or the baseline cannot be read; git cannot say what changed; `out` cannot be written.
pub fn guard(args: &GuardArgs, output: Output, width: usize, out: &mut dyn Write) -> Result<Exit, CliError> {
    let project = Project::load(args.settings.as_deref(), &args.paths)?;
    let series: Vec<PathBuf> = project.guard.paths.iter().map(|it| project.beside(it)).collect();
    let scope = Scope::of(&args.paths, &series)?;
    let changes = match (&args.changed_since, scope.read.first()) {
        (Some(reference), Some(first)) => Some(Changes::since(reference, first)?),
        _ => None,
    };
    let folder = folder::read_all(&scope.read, Wanted::Everything)?;
    let files: Vec<File<'_>> = folder
        .files
        .iter()
        .map(|it| File { path: &it.path, text: &it.text, document: &it.document })
        .collect();
    let chapters: Vec<Chapter<'_>> =
        folder.files.iter().map(|file| Chapter { statements: &file.document.statements }).collect();
    let inventory = take(&chapters);
    let judged: BTreeSet<usize> =
        (0..files.len()).filter(|it| scope.judges(&folder.files[*it].real)).collect();
    let mut findings = found(&project, &files, &inventory, &judged, &folder);
    notes(&files, &judged, &mut findings);
    let mut old = Old::load(args, &project)?;
    old.apply(&files, &folder, &scope, changes.as_ref(), &mut findings);
    if let Some(changes) = &changes {
        pass_unchanged(changes, &folder, &judged, &mut findings)?;
    }
    let written = if args.write_baseline { Some(old.write(&files, &folder, &mut findings)?) } else { None };
    let answer = Answer::of(&folder, &judged, &findings, &old, written);
    let paths = || {
        let read = judged.iter().filter_map(|it| folder.files.get(*it)).map(|it| it.path.as_str());
        folder.unreadable.iter().map(|(path, _)| path.as_str()).chain(read).collect()
    };
    match (output, args.format) {
        (Output::Json, _) | (Output::Plain, FindingFormat::Json) => print_json(&mut *out, &answer)?,
        (Output::Plain, FindingFormat::Sarif) => answer.report(paths()).print(Format::Sarif, out)?,
        (Output::Plain, FindingFormat::Github) => answer.report(paths()).print(Format::Github, out)?,
        (Output::Plain, FindingFormat::Junit) => answer.report(paths()).print(Format::Junit, out)?,
        (Output::Plain, FindingFormat::Text) => out.write_all(plain::page(&answer, width).as_bytes())?,
    }
    Ok(if answer.findings.is_empty() { Exit::Verified } else { Exit::Findings })
}

/// What is read, and which of it is judged.
struct Scope {
    read: Vec<PathBuf>,
    /// Absolute; everything when there is none.
    judged: Vec<PathBuf>,
}

impl Scope {
    /// The series is read as a whole whatever is named: what becomes of an index is seen in all of it.
    fn of(named: &[PathBuf], series: &[PathBuf]) -> Result<Self, CliError> {
        if named.is_empty() && series.is_empty() {
            return Err(CliError::usage("nothing is named that could be guarded")
                .hint("name files or folders of migrations, or write them as `paths` under [guard] in cicerone.toml"));
        }
        let resolved = |paths: &[PathBuf]| -> Result<Vec<PathBuf>, CliError> {
            let each = paths.iter().map(|path| {
                fs_err::canonicalize(path).map_err(|error| {
                    CliError::usage(format!("{} cannot be read", path.display()))
                        .because(&error)
                        .hint("name files or folders that are there")
                })
            });
            each.collect()
        };
        let (named_real, series_real) = (resolved(named)?, resolved(series)?);
        let beside = named.iter().zip(&named_real).filter(|(_, it)| !place::is_below(it, &series_real));
        let read = series.iter().chain(beside.map(|(path, _)| path)).cloned().collect();
        Ok(Self { read, judged: named_real })
    }

    fn judges(&self, path: &Path) -> bool {
        let both = [place::absolute(path), fs_err::canonicalize(path).ok()];
        self.judged.is_empty() || both.into_iter().flatten().any(|it| place::is_below(&it, &self.judged))
    }
}

/// Everything that was found, before anything is forgiven.
fn found(
    project: &Project,
    files: &[File<'_>],
    inventory: &Inventory,
    judged: &BTreeSet<usize>,
    folder: &Folder,
) -> Vec<Finding> {
    let settings = &project.guard;
    let by_default = Rules::default();
    let rules = Rules {
        indexes_on_new_tables: settings.indexes_on_new_tables.unwrap_or(by_default.indexes_on_new_tables),
        data_of_new_tables: settings.data_of_new_tables.unwrap_or(by_default.data_of_new_tables),
        seeds: settings.seeds.unwrap_or(by_default.seeds),
        not_judged: settings.not_judged.unwrap_or(by_default.not_judged),
        looping_functions: settings.looping_functions.clone(),
        keep: settings.keep.iter().map(|it| it.name.clone()).collect(),
    };
    let mut found: Vec<Finding> = folder.unreadable.iter().map(|(path, why)| unreadable(path, why)).collect();
    let all = judge(files, inventory, &rules);
    found.extend(all.into_iter().filter(|it| it.file.is_none_or(|file| judged.contains(&file))));
    let said_in = project.file.as_deref().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
    found.extend(missing(files, inventory, &settings.keep, &said_in));
    found
}

fn unreadable(path: &str, why: &str) -> Finding {
    Finding {
        file: None,
        path: path.to_owned(),
        range: 0..0,
        place: Place { line: 1, column: 1 },
        kind: Kind::NotRead,
        what: "not read".to_owned(),
        message: why.to_owned(),
        help: "make it readable, or leave it out with .gitignore or .ignore".to_owned(),
        pass: None,
    }
}

/// Lets pass what notes allow, and adds what is wrong with the notes.
fn notes(files: &[File<'_>], judged: &BTreeSet<usize>, findings: &mut Vec<Finding>) {
    let all = super::names::of_notes();
    for (position, file) in files.iter().enumerate() {
        if file.document.notes.is_empty() {
            continue;
        }
        let mut allowances = Allowances::read(file.document, file.text);
        for finding in findings.iter_mut().filter(|it| it.file == Some(position) && it.pass.is_none()) {
            let names = [NAMES[0], finding.kind.word()];
            if let Some(reason) = allowances.reason(&names, finding.range.start) {
                finding.pass = Some(Pass::Allowed(reason.to_owned()));
            }
        }
        if !judged.contains(&position) {
            continue;
        }
        for bad in allowances.complaints(&NAMES, &all) {
            findings.push(Finding {
                file: Some(position),
                path: file.path.to_owned(),
                range: bad.at..bad.at,
                place: bad.place,
                kind: Kind::BadNote,
                what: "note".to_owned(),
                message: bad.why.to_string(),
                help: format!("names: {}", NAMES.join(", ")),
                pass: None,
            });
        }
    }
}

/// Lets pass what stands in files that are as they were.
fn pass_unchanged(
    changes: &Changes,
    folder: &Folder,
    judged: &BTreeSet<usize>,
    findings: &mut [Finding],
) -> Result<(), CliError> {
    let mut unchanged = BTreeSet::new();
    for position in judged {
        let Some(file) = folder.files.get(*position) else { continue };
        match changes.has(&file.real) {
            Some(true) => {}
            Some(false) => {
                unchanged.insert(*position);
            }
            None => {
                return Err(CliError::usage(format!(
                    "{} is outside of the repository {}",
                    file.path,
                    changes.top().display()
                ))
                .hint("with --changed-since name paths of one repository only"));
            }
        }
    }
    for finding in findings.iter_mut().filter(|it| it.pass.is_none() && it.kind != Kind::KeptIndex) {
        let same = match finding.file {
            Some(file) => unchanged.contains(&file),
            // One that could not be opened.
            None => finding.kind == Kind::NotRead && changes.has(Path::new(&finding.path)) == Some(false),
        };
        if same {
            finding.pass = Some(Pass::Unchanged);
        }
    }
    Ok(())
}
