//! The baseline beside a project: found, applied, written.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::git::Changes;
use super::{Scope, place};
use crate::audit::Place;
use crate::cli::args::GuardArgs;
use crate::cli::error::CliError;
use crate::cli::folder::Folder;
use crate::cli::project::Project;
use crate::cli::source;
use crate::domain::diagnostic;
use crate::guard::{Baseline, Entry, File, Finding, Kind, Known, Pass, fingerprint};

/// How the file is called where nobody says otherwise.
const NAME: &str = "cicerone-guard-baseline.toml";

/// The baseline of a project.
#[derive(Debug)]
pub(super) struct Old {
    /// Where it is, or would be.
    pub(super) path: PathBuf,
    /// Whether the file is there.
    pub(super) is_there: bool,
    pub(super) baseline: Baseline,
    /// Entries that stay: they still know something, or their files were not looked at.
    kept: Vec<Entry>,
    /// Entries that know nothing any more.
    pub(super) stale: usize,
}

impl Old {
    /// Reads it, when it is there.
    ///
    /// # Errors
    ///
    /// It is named and not there, cannot be read, or has mistakes.
    pub(super) fn load(args: &GuardArgs, project: &Project) -> Result<Self, CliError> {
        let said =
            args.baseline.clone().or_else(|| project.guard.baseline.as_ref().map(|it| project.beside(it)));
        let path = said.clone().unwrap_or_else(|| project.beside(NAME));
        let is_there = path.exists();
        let mut old = Self { path, is_there, baseline: Baseline::default(), kept: Vec::new(), stale: 0 };
        if !is_there {
            return if said.is_some() && !args.write_baseline {
                Err(CliError::usage(format!("the baseline {} is not there", old.path.display()))
                    .hint("write it once with --write-baseline, or leave it out"))
            } else {
                Ok(old)
            };
        }
        let sources = source::read(std::slice::from_ref(&old.path)).map_err(|errors| {
            let error = CliError::usage(format!("the baseline {} cannot be read", old.path.display()));
            errors.iter().fold(error, |error, cause| error.cause(cause.to_string()).hint(cause.hint()))
        })?;
        for source in &sources {
            let (baseline, found) = Baseline::read(source);
            if !found.is_empty() {
                return Err(CliError::usage("the baseline has mistakes")
                    .cause(diagnostic::render(&found, &sources))
                    .hint(
                        "take the older version of it from your repository, or delete it and write it anew",
                    ));
            }
            old.baseline = baseline;
        }
        Ok(old)
    }

    /// The baseline's folder, absolute.
    fn folder(&self) -> PathBuf {
        place::absolute(&self.path).and_then(|it| it.parent().map(Path::to_owned)).unwrap_or_default()
    }

    /// What a finding would be known by.
    fn known(&self, finding: &Finding, files: &[File<'_>], folder: &Folder) -> Known {
        let real = finding.file.and_then(|it| folder.files.get(it)).map(|it| it.real.clone());
        let path = real.unwrap_or_else(|| PathBuf::from(&finding.path));
        let file = place::absolute(&path).unwrap_or(path);
        Known {
            file: place::way(&self.folder(), &file),
            kind: finding.kind,
            hash: fingerprint(finding, files),
        }
    }

    /// Lets pass what was there before, and adds what the baseline has and nothing matches.
    pub(super) fn apply(
        &mut self,
        files: &[File<'_>],
        folder: &Folder,
        scope: &Scope,
        changes: Option<&Changes>,
        findings: &mut Vec<Finding>,
    ) {
        if !self.is_there {
            return;
        }
        let open: Vec<usize> = (0..findings.len())
            .filter(|it| findings[*it].pass.is_none() && findings[*it].kind.may_be_old())
            .collect();
        let known: Vec<Known> = open.iter().map(|it| self.known(&findings[*it], files, folder)).collect();
        let home = self.folder();
        let at = |file: &str| home.join(file);
        let matched = self.baseline.matched(&known, |file| !at(file).exists());
        for ((position, entry), known) in open.into_iter().zip(matched.findings).zip(known) {
            let Some(entry) = entry.and_then(|it| self.baseline.entries.get(it)) else { continue };
            let Some(finding) = findings.get_mut(position) else { continue };
            finding.pass = Some(Pass::Baseline);
            self.kept.push(Entry { known, line: finding.place.line, ..entry.clone() });
        }
        for entry in matched.left.iter().filter_map(|it| self.baseline.entries.get(*it)) {
            let path = at(&entry.known.file);
            let there = path.exists();
            let seen = scope.judges(&path);
            let differs = changes.is_none_or(|it| it.has(&path) != Some(false));
            if there && !(seen && differs) {
                self.kept.push(entry.clone());
                continue;
            }
            self.stale += 1;
            findings.push(Finding {
                file: None,
                path: self.path.to_string_lossy().into_owned(),
                range: 0..0,
                place: Place { line: entry.at, column: 1 },
                kind: Kind::StaleBaseline,
                what: format!("{} of {}", entry.known.kind.word(), entry.known.file),
                message: format!(
                    "nothing of this kind and text is there any more (it was at line {}: {})",
                    entry.line, entry.what
                ),
                help: "take it out: cicerone guard --write-baseline".to_owned(),
                pass: None,
            });
        }
    }

    /// Writes the baseline: the first one with everything that may be old, a later one with what is left of it. Returns the number of its
    /// entries.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(super) fn write(
        &mut self,
        files: &[File<'_>],
        folder: &Folder,
        findings: &mut Vec<Finding>,
    ) -> Result<usize, CliError> {
        let mut entries = std::mem::take(&mut self.kept);
        if self.is_there {
            findings.retain(|it| it.kind != Kind::StaleBaseline);
        } else {
            for finding in findings.iter_mut().filter(|it| it.pass.is_none() && it.kind.may_be_old()) {
                let known = self.known(finding, files, folder);
                let (line, what) = (finding.place.line, finding.what.clone());
                entries.push(Entry { known, line, what, at: 0 });
                finding.pass = Some(Pass::Baseline);
            }
        }
        self.baseline = Baseline { entries };
        let failed = |error: &std::io::Error| {
            CliError::usage(format!("the baseline {} cannot be written", self.path.display())).because(error)
        };
        whole(&self.path, &self.baseline.write()).map_err(|error| failed(&error))?;
        self.is_there = true;
        Ok(self.baseline.entries.len())
    }
}

/// Writes a file as a whole: whoever reads it sees the old one or the new one.
fn whole(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    // A link stays a link.
    let path = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = std::fs::metadata(&path).map_or(0o644, |it| it.permissions().mode() & 0o777);
    let mut file = tempfile::Builder::new()
        .prefix(".cicerone-guard-")
        .permissions(std::fs::Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}
