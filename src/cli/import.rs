//! `cicerone import`: the indexes of migrations, dumps or a database become entries of a registry.

use std::io::Write;
use std::path::PathBuf;

use crate::pg::connect::Access;
use crate::text::matches;

use super::args::{ImportArgs, Output, RunArgs, TargetArgs};
use super::audit::{self, Domains};
use super::enrolment::{self, Existing, Hand, Harvest};
use super::error::CliError;
use super::exit::Exit;
use super::inspect::unreachable;
use super::surrounding::Surrounding;
use super::wiring::{self, Reach};

/// What the rest of the command line says about it.
pub(super) struct Setting<'a> {
    /// `--registry`, its default included.
    pub(super) registry: &'a [PathBuf],
    /// Whether somebody said that.
    pub(super) said: bool,
    /// Whether anything is written.
    pub(super) hand: Hand,
    /// How the answer is printed.
    pub(super) output: Output,
}

/// Reads files and puts their indexes into a registry.
///
/// # Errors
///
/// A path, the registry or the file of domains cannot be read, a pattern means no table, or the file cannot be written.
pub(super) fn of_files(
    args: &ImportArgs,
    setting: &Setting<'_>,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let series = audit::Series::read(&args.paths)?;
    let domains = domains(args, setting)?;
    let mut harvest = Harvest::of_series(&series.inventory, |spot| series.path(spot), &domains);
    choose(&mut harvest, args, &[])?;
    let exit = finish(harvest, args, setting, out)?;
    let unread = series.unread();
    for (place, _) in &unread {
        super::stream::say(&format!("not read: {place}"));
    }
    Ok(if unread.iter().any(|(_, broken)| *broken) { Exit::Findings } else { exit })
}

/// Reads the target's database and puts its indexes into a registry.
///
/// # Errors
///
/// Those of [`of_files`], and the server cannot be reached or asked.
pub(super) async fn of_database(
    args: &ImportArgs,
    setting: &Setting<'_>,
    target: &TargetArgs,
    run: &RunArgs,
    around: &Surrounding,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let domains = domains(args, setting)?;
    let reach = Reach::resolve(target, run, around)?;
    let reader = wiring::reader(&reach, Access::ReadOnly, "cicerone/import", around)?;
    let live = reader.catalog.live().await.map_err(unreachable)?;
    reader.tasks.close();
    let mut harvest = Harvest::of_live(&live, &domains);
    let known: Vec<(String, String)> = live.tables.into_iter().map(|it| (it.schema, it.name)).collect();
    choose(&mut harvest, args, &known)?;
    finish(harvest, args, setting, out)
}

/// Domains from the file, else from entries that are there already.
fn domains(args: &ImportArgs, setting: &Setting<'_>) -> Result<Domains, CliError> {
    let destination = enrolment::destination(args.into.as_deref(), setting.registry)?;
    let said = if setting.said { setting.registry } else { &[] };
    enrolment::domains(args.domains.as_deref(), said, &destination)
}

/// Puts what was found into the registry and says so.
pub(super) fn finish(
    harvest: Harvest,
    args: &ImportArgs,
    setting: &Setting<'_>,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let destination = enrolment::destination(args.into.as_deref(), setting.registry)?;
    let existing = if args.merge { Existing::Add } else { Existing::Refuse };
    let others = if setting.said { setting.registry } else { &[] };
    let others: Vec<PathBuf> = others.iter().filter(|file| file.exists()).cloned().collect();
    let enrolled = enrolment::enrol(harvest, &destination, &others, existing, setting.hand)?;
    enrolment::print(&enrolled, setting.output, out)?;
    Ok(if enrolled.has_findings() { Exit::Findings } else { Exit::Verified })
}

/// Keeps what `--schema` and `--table` mean. Each must mean something: a table that was found, or one of `known`.
pub(super) fn choose(
    harvest: &mut Harvest,
    args: &ImportArgs,
    known: &[(String, String)],
) -> Result<(), CliError> {
    let mut tables: Vec<(String, String)> = known.to_vec();
    tables.extend(harvest.drafts.iter().map(|it| (it.table.schema.clone(), it.table.name.clone())));
    tables.extend(harvest.left_out.iter().chain(&harvest.refused).map(|it| it.on.clone()));
    let schema = |pattern: &str, (schema, _): &(String, String)| matches(pattern, schema);
    for (flag, patterns, means) in [
        ("--schema", &args.schemas, &schema as &dyn Fn(&str, &(String, String)) -> bool),
        ("--table", &args.tables, &table),
    ] {
        if let Some(nothing) = patterns.iter().find(|pattern| !tables.iter().any(|it| means(pattern, it))) {
            return Err(CliError::usage(format!("{flag} {nothing}: no table is meant by that"))
                .cause(match tables.first() {
                    Some((schema, name)) => format!("a table that was found: {schema}.{name}"),
                    None => "no table was found at all".to_owned(),
                })
                .hint("names are meant as the catalogs have them; * and ? stand for letters"));
        }
    }
    let wanted = |it: &(String, String)| {
        (args.schemas.is_empty() || args.schemas.iter().any(|pattern| schema(pattern, it)))
            && (args.tables.is_empty() || args.tables.iter().any(|pattern| table(pattern, it)))
    };
    harvest.drafts.retain(|it| wanted(&(it.table.schema.clone(), it.table.name.clone())));
    harvest.left_out.retain(|it| wanted(&it.on));
    harvest.refused.retain(|it| wanted(&it.on));
    Ok(())
}

/// A pattern of a table, with its schema or without.
fn table(pattern: &str, (schema, name): &(String, String)) -> bool {
    matches(pattern, name)
        || pattern
            .split_once('.')
            .is_some_and(|(of_schema, of_table)| matches(of_schema, schema) && matches(of_table, name))
}

#[cfg(test)]
mod tests;
