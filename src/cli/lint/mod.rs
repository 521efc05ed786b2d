//! `cicerone lint`: what goes wrong with indexes in migrations, without a server.

mod answer;
mod fix;
mod settings;
mod text;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::lint::{Finding, Series, Severity, Subject, check, explain, rule};
use crate::text::nearest;

use super::args::{FailOn, FindingFormat, LintArgs, LintVerb, Output};
use super::error::CliError;
use super::exit::Exit;
use super::finding::{Format, Item, Pardon, Report, Rule};
use super::folder::{self, Folder, Wanted};
use super::stream::print_json;

use settings::Settings;

/// Looks at files, or speaks of the rules. Ends with 0, or with 1 when something was found that is as bad as was said.
///
/// # Errors
///
/// A path or the settings cannot be used; `out` cannot be written.
pub fn lint(args: &LintArgs, output: Output, out: &mut dyn Write) -> Result<Exit, CliError> {
    match &args.verb {
        Some(LintVerb::Rules) => return rules(output, out),
        Some(LintVerb::Explain { rule }) => return explained(rule, output, out),
        None => {}
    }
    if args.paths.is_empty() {
        return Err(CliError::usage("nothing to look at")
            .hint("name files or folders, or - for standard input; `cicerone lint rules` lists the rules"));
    }
    let settings = Settings::find(args.settings.as_deref(), args.paths.first().map(PathBuf::as_path))?;
    let fail_on = args.fail_on.map_or(settings.fail_on, Into::into);
    let mut folder = read(args)?;
    let mut findings = look(&folder, &settings);
    if args.fix {
        if args.paths.iter().any(|it| it == Path::new("-")) {
            return Err(CliError::usage("standard input cannot be corrected").hint("name the file"));
        }
        let files = fix::corrected(&folder, &findings);
        if args.diff {
            out.write_all(fix::diff(&files).as_bytes())?;
            return Ok(if files.is_empty() { verdict(&findings, fail_on) } else { Exit::Findings });
        }
        // What is left is what the files say now, not what they were meant to say.
        for _ in 0..ROUNDS {
            let files = fix::corrected(&folder, &findings);
            if files.is_empty() {
                break;
            }
            fix::write(&files)?;
            folder = read(args)?;
            findings = look(&folder, &settings);
        }
    }
    let told = Told { folder: &folder, findings: &findings };
    match (output, args.format) {
        (Output::Json, _) | (Output::Plain, FindingFormat::Json) => {
            print_json(&mut *out, &answer::Answer::of(&told))?;
        }
        (Output::Plain, FindingFormat::Sarif) => told.report().print(Format::Sarif, out)?,
        (Output::Plain, FindingFormat::Github) => told.report().print(Format::Github, out)?,
        (Output::Plain, FindingFormat::Junit) => told.report().print(Format::Junit, out)?,
        (Output::Plain, FindingFormat::Text) => out.write_all(text::page(&told).as_bytes())?,
    }
    Ok(verdict(&findings, fail_on))
}

/// Rounds of corrections: one may make way for another that changes the same bytes.
const ROUNDS: usize = 8;

/// Everything that was found, and where.
struct Told<'a> {
    folder: &'a Folder,
    findings: &'a [Finding],
}

impl Told<'_> {
    fn report(&self) -> Report<'_> {
        let rules = rule::ALL.iter();
        let unreadable = self.folder.unreadable.iter().map(|(path, _)| path.as_str());
        let items = self.findings.iter().map(|it| Item {
            rule: it.rule,
            severity: it.severity,
            path: &it.path,
            place: it.place,
            end: it.end,
            message: it.message.clone(),
            help: &it.help,
            pardon: it.allowed.as_deref().map(Pardon::Note),
        });
        Report {
            command: "lint",
            rules: rules
                .map(|it| Rule { id: it.id, severity: it.severity, summary: it.summary, why: it.why })
                .collect(),
            files: unreadable.chain(self.folder.files.iter().map(|it| it.path.as_str())).collect(),
            findings: items.collect(),
        }
    }
}

fn verdict(findings: &[Finding], fail_on: Option<Severity>) -> Exit {
    let counts = |it: &Finding| fail_on.is_some_and(|least| it.severity >= least) && it.allowed.is_none();
    if findings.iter().any(counts) { Exit::Findings } else { Exit::Verified }
}

impl From<FailOn> for Option<Severity> {
    fn from(value: FailOn) -> Self {
        match value {
            FailOn::Note => Some(Severity::Note),
            FailOn::Warning => Some(Severity::Warning),
            FailOn::Error => Some(Severity::Error),
            FailOn::Never => None,
        }
    }
}

fn read(args: &LintArgs) -> Result<Folder, CliError> {
    let dash = Path::new("-");
    if !args.paths.iter().any(|it| it == dash) {
        return folder::read_all(&args.paths, Wanted::Everything);
    }
    if args.paths.len() > 1 {
        return Err(CliError::usage("standard input is looked at alone")
            .hint("leave the other paths out, or write the text into a file"));
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::usage("standard input cannot be read").because(&error))?;
    folder::read_text(&args.stdin_name, &bytes)
}

fn look(folder: &Folder, settings: &Settings) -> Vec<Finding> {
    let subjects = folder.files.iter().map(|file| Subject {
        path: &file.path,
        text: &file.text,
        language: file.language,
        document: &file.document,
    });
    let series = Series::of(subjects.collect());
    let levels: Vec<_> = folder.files.iter().map(|file| settings.levels(&file.path)).collect();
    check(&series, &folder.unreadable, &levels, &super::names::of_notes())
}

fn rules(output: Output, out: &mut dyn Write) -> Result<Exit, CliError> {
    match output {
        Output::Json => print_json(&mut *out, &answer::Rulebook::all())?,
        Output::Plain => {
            let widest = rule::ALL.iter().map(|it| it.id.len()).max().unwrap_or(0);
            for it in rule::ALL {
                writeln!(out, "{:widest$}  {:7}  {}", it.id, it.severity.word(), it.summary)?;
            }
        }
    }
    Ok(Exit::Verified)
}

fn explained(name: &str, output: Output, out: &mut dyn Write) -> Result<Exit, CliError> {
    let Some(rule) = rule::find(name) else {
        let error = CliError::usage(format!("there is no rule {name:?}"));
        return Err(match nearest(name, rule::ALL.iter().map(|it| it.id)) {
            Some(meant) => error.hint(format!("did you mean {meant}?")),
            None => error.hint("`cicerone lint rules` lists them"),
        });
    };
    match output {
        Output::Json => print_json(&mut *out, &answer::RuleAnswer::of(rule))?,
        Output::Plain => out.write_all(explain(rule).as_bytes())?,
    }
    Ok(Exit::Verified)
}

#[cfg(test)]
mod tests;
