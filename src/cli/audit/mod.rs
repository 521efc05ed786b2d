//! `cicerone audit`: what migrations, dumps and folders of SQL say about indexes, without a server.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::audit::inventory::{Chapter, Inventory, Spot, take};
use crate::audit::reconcile::{Sides, reconcile};
use crate::domain::registry::Registry;

use super::args::{AuditArgs, AuditFormat, Output, RunArgs, TargetArgs};
use super::enrolment::{self, Destination, Enrolled, Existing, Hand, Harvest};
use super::error::CliError;
use super::exit::Exit;
use super::folder::{self, Folder, Wanted};
use super::source;
use super::stream::print_json;
use super::surrounding::Surrounding;

mod answer;
mod beside;
mod live;
mod markdown;
mod plain;

use answer::{Answer, Beside, Found};
use live::{Database, LiveAnswer};

/// Bytes of an answer that are written at once.
const AT_ONCE: usize = 1 << 16;

/// What files say, in the order of the series.
pub(super) struct Series {
    pub(super) folder: Folder,
    pub(super) inventory: Inventory,
}

impl Series {
    /// Reads everything below `paths`.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, CliError> {
        let mut folder = folder::read_all(paths, Wanted::Indexes)?;
        let chapters: Vec<Chapter<'_>> =
            folder.files.iter().map(|file| Chapter { statements: &file.document.statements }).collect();
        let inventory = take(&chapters);
        folder.files.iter_mut().for_each(|file| file.document.forget());
        Ok(Self { folder, inventory })
    }

    /// The file of a place.
    pub(super) fn path(&self, spot: Spot) -> String {
        self.folder.files.get(spot.file).map_or_else(String::new, |it| it.path.clone())
    }

    /// What could not be read: its place and why, and whether something is wrong with the file.
    pub(super) fn unread(&self) -> Vec<(String, bool)> {
        let all = answer::unread(&self.folder).into_iter();
        all.map(|it| (format!("{}:{}:{}: {}", it.file, it.line, it.column, it.why), it.broken)).collect()
    }
}

/// What the rest of the command line says about an audit.
pub struct Setting<'a> {
    /// The registry, when somebody named one.
    pub registry: Option<&'a [PathBuf]>,
    /// Where it is when nobody did.
    pub usual: &'a [PathBuf],
    /// Whether `--write-registry` writes.
    pub hand: Hand,
    /// How the answer is printed.
    pub output: Output,
    /// Cells of a line.
    pub width: usize,
}

/// Reads `paths` and prints every index that they speak of. With a registry it says where both differ.
///
/// # Errors
///
/// A path, the registry or the file of domains cannot be read; the registry or `out` cannot be written.
pub fn audit(args: &AuditArgs, setting: &Setting<'_>, out: &mut dyn Write) -> Result<Exit, CliError> {
    let gathered = Gathered::read(args, setting)?;
    gathered.print(None, args, setting, out)
}

/// The same beside the target's database.
///
/// # Errors
///
/// Those of [`audit`], and the server cannot be reached or asked.
pub async fn audit_live(
    args: &AuditArgs,
    setting: &Setting<'_>,
    target: &TargetArgs,
    run: &RunArgs,
    around: &Surrounding,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let gathered = Gathered::read(args, setting)?;
    let database = live::read(gathered.sides(args), target, run, around).await?;
    gathered.print(Some(&database), args, setting, out)
}

/// Everything that needs no server.
struct Gathered {
    series: Series,
    registry: Option<Registry>,
    domains: Domains,
    written: Option<Enrolled>,
}

impl Gathered {
    fn read(args: &AuditArgs, setting: &Setting<'_>) -> Result<Self, CliError> {
        let mut registry = match setting.registry {
            Some(paths) if args.write_registry.is_none() || paths.iter().all(|it| it.exists()) => {
                Some(load_registry(paths)?)
            }
            Some(_) | None => None,
        };
        let series = Series::read(&args.paths)?;
        let mut written = None;
        if let Some(into) = &args.write_registry {
            let (enrolled, now) = write(&series, into.as_deref(), args.domains.as_deref(), setting)?;
            written = Some(enrolled);
            registry = now.or(registry);
        }
        let domains = Domains::read(args.domains.as_deref(), registry.as_ref())?;
        Ok(Self { series, registry, domains, written })
    }

    fn sides(&self, args: &AuditArgs) -> Sides<'_> {
        Sides {
            migrations: (!args.paths.is_empty()).then_some(&self.series.inventory),
            registry: self.registry.as_ref(),
            live: None,
        }
    }

    fn print(
        self,
        database: Option<&Database>,
        args: &AuditArgs,
        setting: &Setting<'_>,
        out: &mut dyn Write,
    ) -> Result<Exit, CliError> {
        let words = database.map(|it| it.words.clone()).unwrap_or_default();
        let sides = Sides { live: database.map(|it| &it.live), ..self.sides(args) };
        let reconciled = (sides.count() > 1).then(|| reconcile(sides, &words));
        let beside = Beside {
            reconciled,
            with_registry: self.registry.is_some(),
            live: database.map(|it| LiveAnswer::of(&it.live, &self.domains)),
            written: self.written,
        };
        let Series { folder, inventory } = &self.series;
        let answer = Answer::of(Found { folder, inventory, domains: &self.domains }, beside);
        let mut out = BufWriter::with_capacity(AT_ONCE, out);
        match (setting.output, args.format) {
            (Output::Json, _) => print_json(&mut out, &answer)?,
            (Output::Plain, AuditFormat::Table) => plain::write(&mut out, &answer, setting.width)?,
            (Output::Plain, AuditFormat::Markdown) => markdown::write(&mut out, &answer)?,
        }
        out.flush()?;
        Ok(if answer.has_findings() { Exit::Findings } else { Exit::Verified })
    }
}

/// Puts what the registry does not have into it. The registry as it is then, when anything was written.
fn write(
    series: &Series,
    into: Option<&Path>,
    domains: Option<&Path>,
    setting: &Setting<'_>,
) -> Result<(Enrolled, Option<Registry>), CliError> {
    let paths = setting.registry.unwrap_or(setting.usual);
    let destination = enrolment::destination(into, paths)?;
    if destination == Destination::Stdout {
        return Err(CliError::usage("an audit prints its own answer, and no registry")
            .hint("`cicerone import PATHS --into -` prints the registry"));
    }
    let others: Vec<PathBuf> =
        setting.registry.unwrap_or_default().iter().filter(|it| it.exists()).cloned().collect();
    let domains = enrolment::domains(domains, &others, &destination)?;
    let harvest = Harvest::of_series(&series.inventory, |spot| series.path(spot), &domains);
    let enrolled = enrolment::enrol(harvest, &destination, &others, Existing::Add, setting.hand)?;
    let now = match (&destination, setting.hand) {
        (Destination::File(file), Hand::Write) if !enrolled.is_empty() => {
            let mut paths = others;
            if !paths.contains(file) {
                paths.push(file.clone());
            }
            Some(load_registry(&paths)?)
        }
        (Destination::File(_) | Destination::Stdout, _) => None,
    };
    Ok((enrolled, now))
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
    pub(super) fn read(file: Option<&Path>, registry: Option<&Registry>) -> Result<Self, CliError> {
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
        if self.tables.is_empty() {
            return None;
        }
        [format!("{schema}.{table}"), table.to_owned(), format!("{schema}.*")]
            .iter()
            .find_map(|key| self.tables.get(key))
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
