//! `~/.pgpass`: `host:port:database:user:password`, the first line that fits.

use std::path::{Path, PathBuf};

use super::environment::{Environment, FileKind, FileText};
use super::error::{ConnInfoError, PassfileFault};
use crate::pg::secret::Secret;

/// Content of a passfile that passed the checks.
pub(super) struct Passfile {
    text: String,
}

/// What a line has to fit.
pub(super) struct Wanted<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

impl Passfile {
    /// Reads the passfile that applies. A missing one is no error, as in libpq; `/dev/null` is the usual way to say "none".
    pub(super) fn load(
        environment: &Environment,
        explicit: Option<&str>,
    ) -> Result<Option<Self>, ConnInfoError> {
        let path = explicit.map(PathBuf::from).or_else(|| environment.in_home(".pgpass"));
        let Some(path) = path.filter(|path| path != Path::new("/dev/null")) else { return Ok(None) };
        let read = environment.read_optional(&path);
        let file = read.map_err(|source| ConnInfoError::Unreadable {
            what: "passfile",
            file: path.clone(),
            source,
        })?;
        let Some(file) = file else { return Ok(None) };
        if let Some(fault) = fault(&file, environment.uid) {
            return Err(ConnInfoError::LooseFile { what: "passfile", file: path, fault });
        }
        Ok(Some(Self { text: file.text }))
    }

    /// Password of the first line that fits.
    pub(super) fn find(&self, wanted: &Wanted<'_>) -> Option<Secret> {
        let port = wanted.port.to_string();
        let expected = [wanted.host, &port, wanted.database, wanted.user];
        self.text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
            let fields = fields(line.trim_end_matches('\r'))?;
            let fits = fields.iter().zip(expected).all(|(field, want)| field.matches(want));
            fits.then(|| Secret::new(fields[4].text.clone()))
        })
    }
}

/// Why a file cannot be trusted with a secret.
pub(super) fn fault(file: &FileText, uid: u32) -> Option<PassfileFault> {
    if file.kind != FileKind::Regular {
        return Some(PassfileFault::NotRegular);
    }
    if file.owner != uid {
        return Some(PassfileFault::ForeignOwner { owner: file.owner });
    }
    (file.mode & 0o077 != 0).then_some(PassfileFault::OpenMode { mode: file.mode & 0o777 })
}

struct Field {
    text: String,
    /// A lone, unescaped `*`.
    any: bool,
}

impl Field {
    fn matches(&self, wanted: &str) -> bool {
        self.any || self.text == wanted
    }
}

/// The five fields of a line; `\:` and `\\` stand for the character itself.
fn fields(line: &str) -> Option<[Field; 5]> {
    let mut found = Vec::with_capacity(5);
    let (mut text, mut raw_length) = (String::new(), 0);
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            // The password is the last field: it runs to the end of the line, colons and all.
            ':' if found.len() < 4 => {
                let any = raw_length == 1 && text == "*";
                found.push(Field { text: std::mem::take(&mut text), any });
                raw_length = 0;
            }
            '\\' => {
                text.push(characters.next().unwrap_or('\\'));
                raw_length += 2;
            }
            c => {
                text.push(c);
                raw_length += 1;
            }
        }
    }
    found.push(Field { text, any: false });
    found.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str, host: &str, user: &str) -> Option<String> {
        let file = Passfile { text: text.to_owned() };
        let wanted = Wanted { host, port: 5432, database: "app", user };
        file.find(&wanted).map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn the_first_fitting_line_wins() {
        let text = "# c\ndb1:5433:app:me:wrong port\ndb1:*:app:me:first\n*:*:*:*:last\r\n";
        assert_eq!(password(text, "db1", "me").as_deref(), Some("first"));
        assert_eq!(password(text, "db2", "me").as_deref(), Some("last"));
    }

    #[test]
    fn escaped_colons_and_backslashes_are_part_of_the_field() {
        let text = "fe80\\:\\:1:*:*:d\\\\u:p\\:w:x\n*:*:*:*:fallthrough\n";
        assert_eq!(password(text, "fe80::1", "d\\u").as_deref(), Some("p:w:x"));
    }

    #[test]
    fn an_escaped_star_is_no_wildcard() {
        assert_eq!(password("\\*:*:*:me:x\n", "db1", "me"), None);
    }

    #[test]
    fn short_lines_are_passed_over() {
        assert_eq!(password("db1:5432:app:me\n\ndb1:5432:app:me:\n", "db1", "me").as_deref(), Some(""));
    }

    #[test]
    fn only_a_private_regular_file_of_ones_own_is_trusted() {
        let file = |owner, mode, kind| FileText { text: String::new(), owner, mode, kind };
        assert_eq!(fault(&file(7, 0o600, FileKind::Regular), 7), None);
        assert_eq!(fault(&file(7, 0o400, FileKind::Regular), 7), None);
        assert_eq!(
            fault(&file(7, 0o640, FileKind::Regular), 7),
            Some(PassfileFault::OpenMode { mode: 0o640 })
        );
        assert_eq!(
            fault(&file(8, 0o600, FileKind::Regular), 7),
            Some(PassfileFault::ForeignOwner { owner: 8 })
        );
        assert_eq!(fault(&file(7, 0o600, FileKind::Other), 7), Some(PassfileFault::NotRegular));
    }
}
