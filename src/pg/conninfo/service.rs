//! Service files: named sections of `keyword=value` lines.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::ConnInfoError;
use super::setting::Source;

/// The pairs of service `name`: the user's file first, then the system's, as in libpq.
pub(super) fn load(
    environment: &Environment,
    name: &str,
    explicit_file: Option<&str>,
) -> Result<(Vec<(String, String)>, Source), ConnInfoError> {
    let files = candidates(environment, explicit_file);
    for file in &files {
        let read = environment.read_optional(file);
        let text = read.map_err(|source| ConnInfoError::Unreadable {
            what: "service file",
            file: file.clone(),
            source,
        })?;
        let Some(text) = text else { continue };
        if let Some(pairs) = section(&text.text, name, file)? {
            return Ok((pairs, Source::Service { name: name.to_owned(), file: file.clone() }));
        }
    }
    Err(ConnInfoError::UnknownService { name: name.to_owned(), files })
}

fn candidates(environment: &Environment, explicit_file: Option<&str>) -> Vec<PathBuf> {
    let user = explicit_file.map(PathBuf::from).or_else(|| environment.in_home(".pg_service.conf"));
    // Where Debian and the PGDG packages compile libpq to look; PGSYSCONFDIR overrides it.
    let system = environment.var("PGSYSCONFDIR").unwrap_or("/etc/postgresql-common");
    user.into_iter().chain([Path::new(system).join("pg_service.conf")]).collect()
}

fn section(text: &str, wanted: &str, file: &Path) -> Result<Option<Vec<(String, String)>>, ConnInfoError> {
    let mut found: Option<Vec<(String, String)>> = None;
    for (index, raw) in text.lines().enumerate() {
        let line = raw.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = |problem| ConnInfoError::ServiceFile { file: file.to_owned(), line: index + 1, problem };
        if let Some(rest) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            let name =
                rest.strip_suffix(']').ok_or_else(|| fault("a section name is not closed with \"]\""))?;
            found = (name == wanted).then(Vec::new);
            continue;
        }
        let Some(pairs) = &mut found else { continue };
        let (key, value) = line.split_once('=').ok_or_else(|| fault("expected keyword=value"))?;
        match key.trim() {
            "service" | "servicefile" => return Err(fault("a service cannot refer to another one")),
            key => pairs.push((key.to_owned(), value.trim_start().to_owned())),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# a comment\n[one]\nhost=a\n\n[two]\nhost = b\nport=5433\n[one]\nhost=never\n";

    #[test]
    fn the_first_section_of_that_name_counts() {
        let pairs = |name| section(FILE, name, Path::new("f")).unwrap();
        assert_eq!(pairs("one"), Some(vec![("host".to_owned(), "a".to_owned())]));
        assert_eq!(pairs("two").map(|found| found.len()), Some(2));
        assert_eq!(pairs("three"), None);
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        for (text, line) in [("[a]\nhost\n", 2), ("[a\n", 1), ("[a]\n\nservice=b\n", 3)] {
            match section(text, "a", Path::new("f")) {
                Err(ConnInfoError::ServiceFile { line: found, .. }) => assert_eq!(found, line),
                _ => panic!("{text:?} was accepted"),
            }
        }
    }
}
