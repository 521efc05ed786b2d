//! Which target is meant.

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::super::error::CliError;
use super::load::Target;
use super::stack::Config;

/// A target that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) name: String,
    pub(super) target: Target,
}

/// How strongly something was said; nothing is weaker than a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    No,
    InFile,
    InVariable,
    ByFlag,
}

fn said(matches: &ArgMatches, arg: &str) -> Said {
    match matches.value_source(arg) {
        Some(ValueSource::CommandLine) => Said::ByFlag,
        Some(ValueSource::EnvVariable) => Said::InVariable,
        _ => Said::No,
    }
}

/// `--target`, CICERONE_TARGET, or the file's own; unless `--dsn` or CICERONE_DSN says more strongly where to go.
/// A rehearsal has a server of its own: there only a target that was asked for counts, for its registry.
pub(super) fn choose(config: &Config, matches: &ArgMatches) -> Result<Option<Chosen>, CliError> {
    let file = config.values.get("target_name").and_then(|value| value.words.first());
    let (said_target, name) = match (said(matches, "target_name"), matches.get_one::<String>("target_name")) {
        (by @ (Said::ByFlag | Said::InVariable), Some(name)) => (by, Some(name)),
        _ if file.is_some() && matches.subcommand_name() != Some("rehearse") => (Said::InFile, file),
        _ => (Said::No, None),
    };
    let Some(name) = name else { return Ok(None) };
    let dsn = said(matches, "dsn");
    if dsn > said_target {
        return Ok(None);
    }
    if dsn == said_target {
        return Err(CliError::usage(format!(
            "both a target ({name}) and a connection string say where to go"
        ))
        .hint("give one of them: --target or --dsn, CICERONE_TARGET or CICERONE_DSN"));
    }
    let Some(target) = config.targets.get(name) else {
        let (what, hint) = config.no_target(name);
        return Err(CliError::usage(what).hint(hint));
    };
    Ok(Some(Chosen { name: name.clone(), target: target.clone() }))
}

impl Chosen {
    /// The way to it, as libpq reads it.
    pub(super) fn conninfo(&self) -> String {
        let parts = self.target.connection.iter().flat_map(|(word, value)| {
            value.words.iter().map(move |text| {
                let text = text.replace('\\', "\\\\").replace('\'', "\\'");
                format!("{word}='{text}'")
            })
        });
        parts.collect::<Vec<_>>().join(" ")
    }
}
