//! Findings for other programs than ours: code scanning, annotations, test reports. Commands that find things in files
//! hand them over in one shape.

mod github;
mod junit;
mod sarif;

use std::io::Write;

use crate::audit::Place;
use crate::lint::Severity;

use super::error::CliError;
use super::stream::print_json;

/// Formats that are told in one way for all commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
    /// JUnit XML.
    Junit,
}

/// Everything that a command found.
#[derive(Debug)]
pub(super) struct Report<'a> {
    /// Its name: `lint`.
    pub(super) command: &'static str,
    /// What it looks for, whether it was found or not.
    pub(super) rules: Vec<Rule>,
    /// Paths of all files that it looked at.
    pub(super) files: Vec<&'a str>,
    /// What it found, in the order of the files.
    pub(super) findings: Vec<Item<'a>>,
}

/// Something that is looked for.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    /// A line.
    pub(super) summary: &'static str,
    /// A paragraph.
    pub(super) why: &'static str,
}

/// Something that was found.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) rule: &'static str,
    pub(super) severity: Severity,
    pub(super) path: &'a str,
    pub(super) place: Place,
    /// Behind the last character.
    pub(super) end: Place,
    pub(super) message: String,
    pub(super) help: &'a str,
    /// Why it counts for nothing; `None` when it counts.
    pub(super) pardon: Option<Pardon<'a>>,
}

/// Why a finding counts for nothing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pardon<'a> {
    /// A note beside it says so, with this reason.
    Note(&'a str),
    /// Something outside of the file says so.
    Elsewhere(&'a str),
}

impl Report<'_> {
    /// Prints it.
    ///
    /// # Errors
    ///
    /// `out` cannot be written.
    pub(super) fn print(&self, format: Format, out: &mut dyn Write) -> Result<(), CliError> {
        match format {
            Format::Sarif => print_json(&mut *out, &sarif::log(self))?,
            Format::Github => out.write_all(github::annotations(self).as_bytes())?,
            Format::Junit => out.write_all(junit::report(self).as_bytes())?,
        }
        Ok(())
    }

    fn open(&self) -> impl Iterator<Item = &Item<'_>> {
        self.findings.iter().filter(|it| it.pardon.is_none())
    }
}
