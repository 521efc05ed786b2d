//! `cicerone audit`: what migrations, dumps and folders of SQL say about indexes, without a server.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::audit::inventory::{Chapter, take};
use crate::domain::registry::Registry;

use super::args::{AuditArgs, AuditFormat, Output};
use super::error::CliError;
use super::exit::Exit;
use super::folder;
use super::source;
use super::stream::print_json;

mod answer;
mod markdown;
mod plain;
mod reconcile;

use answer::Answer;

/// Reads `paths` and prints every index that they speak of. With a registry it says where both differ.
///
/// # Errors
///
/// A path, the registry or the file of domains cannot be read; `out` cannot be written.
pub fn audit(
    args: &AuditArgs,
    registry: Option<&[PathBuf]>,
    output: Output,
    width: usize,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let registry = registry.map(load_registry).transpose()?;
    let domains = Domains::read(args.domains.as_deref(), registry.as_ref())?;
    let folder = folder::read_all(&args.paths)?;
    let chapters: Vec<Chapter<'_>> =
        folder.files.iter().map(|file| Chapter { statements: &file.document.statements }).collect();
    let inventory = take(&chapters);
    let reconciled = registry.as_ref().map(|registry| reconcile::reconcile(registry, &inventory));
    let answer = Answer::of(&folder, &inventory, &domains, reconciled);
    match (output, args.format) {
        (Output::Json, _) => print_json(&mut *out, &answer)?,
        (Output::Plain, AuditFormat::Table) => out.write_all(plain::page(&answer, width).as_bytes())?,
        (Output::Plain, AuditFormat::Markdown) => out.write_all(markdown::page(&answer).as_bytes())?,
    }
    Ok(if answer.has_findings() { Exit::Findings } else { Exit::Verified })
}

fn load_registry(paths: &[PathBuf]) -> Result<Registry, CliError> {
    let sources = source::read(paths).map_err(|errors| {
        let mut error = CliError::usage("the registry cannot be read");
        for cause in errors {
            error = error.cause(cause.to_string());
        }
        error
    })?;
    crate::domain::registry::load(&sources).map_err(|found| {
        CliError::usage("the registry has mistakes")
            .cause(crate::domain::diagnostic::render(&found, &sources))
            .hint("`cicerone registry check` shows them all")
    })
}

/// Which part of the product a table belongs to.
pub(super) struct Domains {
    tables: BTreeMap<String, String>,
}

impl Domains {
    /// From a TOML file of `table = "domain"`, else from the registry's own entries.
    fn read(file: Option<&Path>, registry: Option<&Registry>) -> Result<Self, CliError> {
        let mut tables = BTreeMap::new();
        for entry in registry.iter().flat_map(|it| &it.entries) {
            let table = format!("{}.{}", entry.table.schema, entry.table.name);
            tables.entry(table).or_insert_with(|| entry.domain.clone());
        }
        if let Some(file) = file {
            let wrong = |what: String| {
                CliError::usage(format!("the domains in {} cannot be used", file.display()))
                    .cause(what)
                    .hint("write one line for each table: \"schema.table\" = \"domain\"")
            };
            let text = fs_err::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
            let read: BTreeMap<String, String> =
                toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
            tables.extend(read);
        }
        Ok(Self { tables })
    }

    /// The domain of a table: said with its schema, without, or for all tables of a schema as `schema.*`.
    pub(super) fn of(&self, schema: &str, table: &str) -> Option<&str> {
        [format!("{schema}.{table}"), table.to_owned(), format!("{schema}.*")]
            .iter()
            .find_map(|key| self.tables.get(key))
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
