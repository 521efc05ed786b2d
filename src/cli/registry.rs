//! `cicerone registry check`: what a registry holds, or everything that is wrong with it.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::source::{self, SourceError};
use super::stream::print_json;
use crate::domain::diagnostic::{Diagnostic, Severity, Source, render};
use crate::domain::registry::{Inventory, inventory, load};
use crate::text::{Untrusted, cell_width, fit_left, fit_right, plural};

/// Everything is in order.
const OK: u8 = 0;
/// Something has to be corrected first.
const USAGE: u8 = 2;

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// The answer as JSON. Fields are only ever added within a version.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    version: u32,
    ok: bool,
    digest: Option<&'a str>,
    inventory: Option<&'a Inventory>,
    diagnostics: &'a [Diagnostic],
    unreadable: Vec<String>,
}

/// Reads a registry, says what it holds or what is wrong with it, and returns the exit code: 0 or 2.
///
/// # Errors
///
/// `out` cannot be written.
pub fn check(paths: &[PathBuf], out: &mut dyn Write, output: Output) -> io::Result<u8> {
    let sources = match source::read(paths) {
        Ok(sources) => sources,
        Err(errors) => return unreadable(&errors, out, output),
    };
    match load(&sources) {
        Ok(registry) => {
            let inventory = inventory(&registry);
            let (digest, warnings) = (registry.digest.as_str(), &registry.warnings);
            match output {
                Output::Text => {
                    write!(out, "{}", render(warnings, &sources))?;
                    write!(out, "{}", in_words(&inventory))?;
                    writeln!(out, "\nThe registry is in order{}. SHA-256 {digest}", beside(warnings))?;
                }
                Output::Json => answer(out, Some(digest), Some(&inventory), warnings, &[])?,
            }
            Ok(OK)
        }
        Err(found) => {
            match output {
                Output::Text => write!(out, "{}", mistakes(&found, &sources))?,
                Output::Json => answer(out, None, None, &found, &[])?,
            }
            Ok(USAGE)
        }
    }
}

fn unreadable(errors: &[SourceError], out: &mut dyn Write, output: Output) -> io::Result<u8> {
    match output {
        Output::Text => {
            for error in errors {
                writeln!(out, "Error: {error}\nHint: {}", error.hint())?;
            }
        }
        Output::Json => answer(out, None, None, &[], errors)?,
    }
    Ok(USAGE)
}

fn answer(
    out: &mut dyn Write,
    digest: Option<&str>,
    inventory: Option<&Inventory>,
    diagnostics: &[Diagnostic],
    errors: &[SourceError],
) -> io::Result<()> {
    let ok = inventory.is_some();
    let unreadable = errors.iter().map(ToString::to_string).collect();
    let answer = Answer { version: 1, ok, digest, inventory, diagnostics, unreadable };
    print_json(out, &answer)
}

fn mistakes(found: &[Diagnostic], sources: &[Source]) -> String {
    let errors = found.iter().filter(|it| it.severity == Severity::Error).count();
    let (errors, warnings) =
        (plural(errors, "error", "errors"), plural(found.len() - errors, "warning", "warnings"));
    format!(
        "{}{errors}, {warnings}: nothing of this registry is used until the errors are gone\n",
        render(found, sources)
    )
}

fn beside(warnings: &[Diagnostic]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    format!(", with {}", plural(warnings.len(), "warning", "warnings"))
}

fn in_words(inventory: &Inventory) -> String {
    let mut rows =
        vec![["DOMAIN".to_owned(), "INDEXES".to_owned(), "CRITICAL".to_owned(), "TABLES".to_owned()]];
    rows.extend(inventory.domains.iter().map(|it| {
        [safe(&it.domain), it.indexes.to_string(), it.critical.to_string(), it.tables.to_string()]
    }));
    let domains = columns(&rows);
    let mut rows = vec![["TABLE".to_owned(), "INDEXES".to_owned(), "CRITICAL".to_owned()]];
    rows.extend(
        inventory
            .tables
            .iter()
            .map(|it| [safe(it.table.key().as_str()), it.indexes.to_string(), it.critical.to_string()]),
    );
    let tables = columns(&rows);
    let sums = [
        format!(
            "{} on {}",
            plural(inventory.indexes, "index", "indexes"),
            plural(inventory.tables.len(), "table", "tables")
        ),
        plural(inventory.domains.len(), "domain", "domains"),
        format!("{} critical", inventory.critical),
        format!("{} unique", inventory.unique),
        format!("{} partial", inventory.partial),
        format!("{} on expressions", inventory.expression),
        format!("{} with queries", inventory.with_queries),
        plural(inventory.backfills, "backfill", "backfills"),
    ];
    format!("{domains}\n{tables}\n{}\n", sums.join(", "))
}

/// The first column to the left, all others to the right.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell_width(cell).max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let cell = if at == 0 { fit_left(cell, width) } else { fit_right(cell, width + 2) };
            text.push_str(&cell);
        }
        text.push('\n');
    }
    text
}

fn safe(text: &str) -> String {
    Untrusted::from(text).display_safe(Some(63)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "version = 1\n[[index]]\nname = \"i\"\ndomain = \"crm\"\ntable = \"t\"\ncritical = true\nsql = \"CREATE UNIQUE INDEX CONCURRENTLY i ON t (a) WHERE b\"\n";

    fn checked(text: &str, output: Output) -> (u8, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("registry.toml");
        fs_err::write(&file, text).unwrap();
        let mut out = Vec::new();
        let code = check(&[file], &mut out, output).unwrap();
        let shown = String::from_utf8(out).unwrap();
        (code, shown.replace(folder.path().to_str().unwrap(), "."))
    }

    #[test]
    fn a_good_registry_is_listed_by_domain_and_table() {
        let (code, shown) = checked(GOOD, Output::Text);
        assert_eq!(code, 0);
        insta::assert_snapshot!(shown, @r#"
        DOMAIN  INDEXES  CRITICAL  TABLES
        crm           1         1       1

        TABLE     INDEXES  CRITICAL
        public.t        1         1

        1 index on 1 table, 1 domain, 1 critical, 1 unique, 1 partial, 0 on expressions, 0 with queries, 0 backfills

        The registry is in order. SHA-256 d7536145d26414fe98532436cf1621121a9ed4b913ba6ce868f44cd162181049
        "#);
    }

    #[test]
    fn a_bad_registry_ends_with_2_and_every_mistake() {
        let (code, shown) =
            checked(&GOOD.replace("CONCURRENTLY ", "").replace("critical", "critcal"), Output::Text);
        assert_eq!(code, 2);
        insta::assert_snapshot!(shown, @r#"
        error: unknown key `critcal` in [[index]]
         --> ./registry.toml:6:1
          |
        6 | critcal = true
          | ^^^^^^^
          |
          = help: did you mean `critical`? valid keys: name, domain, table, sql, critical, description, queries

        error: CONCURRENTLY is missing
         --> ./registry.toml:7:22
          |
        7 | sql = "CREATE UNIQUE INDEX i ON t (a) WHERE b"
          |                      ^^^^^
          |
          = help: write CREATE INDEX CONCURRENTLY: without it every write to the table waits for the whole build

        2 errors, 0 warnings: nothing of this registry is used until the errors are gone
        "#);
    }

    #[test]
    fn json_says_the_same() {
        let (code, shown) = checked(GOOD, Output::Json);
        let answer: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((code, &answer["ok"], &answer["inventory"]["indexes"]), (0, &true.into(), &1.into()));
        let (code, shown) = checked("version = 1\nx = 1\n", Output::Json);
        let answer: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((code, &answer["ok"], &answer["inventory"]), (2, &false.into(), &serde_json::Value::Null));
        assert_eq!(answer["diagnostics"][0]["code"], "unknown-key");
        assert_eq!(answer["diagnostics"][0]["line"], 2);
    }

    #[test]
    fn a_missing_file_ends_with_2_and_a_hint() {
        for output in [Output::Text, Output::Json] {
            let mut out = Vec::new();
            assert_eq!(check(&[PathBuf::from("/nowhere.toml")], &mut out, output).unwrap(), 2);
            assert!(String::from_utf8(out).unwrap().contains("No such file"));
        }
    }
}
