//! The tables of Django's models, which other files than the one at hand may name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use super::File;
use crate::audit::document::{Tables, declare_tables};
use crate::audit::host::{DeclaredTable, DjangoFile, Known, Language, settle_models};

/// `db_table` of the models of all files, by app and model in lower case.
pub(super) struct Models {
    tables: BTreeMap<(String, String), String>,
}

impl Models {
    pub(super) fn of(files: &[File]) -> Self {
        let mut tables = BTreeMap::new();
        for file in files {
            let app = app(file);
            for model in &file.document.models {
                if let Some(Known::Known(table)) = &model.table {
                    tables.insert((app.clone(), model.name.to_lowercase()), table.clone());
                }
            }
        }
        Self { tables }
    }

    /// As a file sees them.
    pub(super) fn beside(&self, file: &File) -> App<'_> {
        App { models: self, label: app(file) }
    }
}

/// Goes through Django's migrations as Django does: tables and columns behind the names of models and fields, and the
/// indexes that Django makes by itself. A migration that stands for others which are there too says nothing any more.
pub(super) fn settle(files: &mut [File]) {
    let mut found: Vec<&mut File> =
        files.iter_mut().filter(|file| is_migration(file) && !app(file).is_empty()).collect();
    let mut tables: Vec<Vec<DeclaredTable>> = found.iter().map(|_| Vec::new()).collect();
    let mut series: Vec<DjangoFile<'_>> = found
        .iter_mut()
        .zip(&mut tables)
        .map(|(file, tables)| DjangoFile {
            app: app(file),
            name: stem(&file.path).to_owned(),
            replaces: &file.replaces,
            changes: &file.changes,
            declared: &mut file.declared,
            tables,
        })
        .collect();
    let doubled = settle_models(&mut series);
    for (file, tables) in found.iter_mut().zip(&tables) {
        declare_tables(&mut file.document, tables);
    }
    for position in doubled {
        if let Some(file) = found.get_mut(position) {
            file.document.statements.clear();
            file.document.undoing.clear();
        }
    }
}

fn is_migration(file: &File) -> bool {
    file.language == Some(Language::Python) && is_in_migrations(&whole(file))
}

fn is_in_migrations(path: &str) -> bool {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    folder == "migrations" || folder.ends_with("/migrations")
}

/// The path of a file, from far enough above to see its app: whoever stands in the app's folder does not name it.
fn whole(file: &File) -> Cow<'_, str> {
    let path = file.path.as_str();
    if !path.starts_with('/') && !path.contains('/') || path.starts_with("migrations/") {
        let real = fs_err::canonicalize(&file.real).ok();
        if let Some(whole) = real
            .as_deref()
            .and_then(Path::to_str)
            .filter(|it| is_in_migrations(it) || it.ends_with("/models.py"))
        {
            return Cow::Owned(whole.to_owned());
        }
    }
    Cow::Borrowed(path)
}

/// The name of a file without its ending.
fn stem(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The models of one app.
pub(super) struct App<'a> {
    models: &'a Models,
    label: String,
}

impl Tables for App<'_> {
    fn of_model(&self, model: &str) -> Option<String> {
        // `app.Model` names another app's.
        let (app, model) = model.rsplit_once('.').unwrap_or((&self.label, model));
        let key = (app.to_lowercase(), model.to_lowercase());
        let named = self.models.tables.get(&key).cloned();
        named.or_else(|| (!app.is_empty()).then(|| format!("{}_{}", key.0, key.1)))
    }
}

/// The app that a file belongs to: the folder that holds its `migrations` or `models`, or its `models.py`.
fn app(file: &File) -> String {
    app_of(&whole(file))
}

fn app_of(path: &str) -> String {
    let folders: Vec<&str> = path.split('/').collect();
    let inner = folders.iter().rposition(|it| matches!(*it, "migrations" | "models"));
    let at = inner.unwrap_or(folders.len().saturating_sub(1));
    at.checked_sub(1).and_then(|at| folders.get(at)).map_or_else(String::new, |it| it.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_of_a_file_is_the_folder_around_its_migrations_or_models() {
        for (path, wanted) in [
            ("shop/orders/migrations/0001_initial.py", "orders"),
            ("orders/models.py", "orders"),
            ("src/Orders/models/line.py", "orders"),
            ("migrations/0001_initial.py", ""),
            ("0001_initial.py", ""),
        ] {
            assert_eq!(app_of(path), wanted, "{path}");
        }
    }
}
