//! Finds the server binaries of this machine.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::surroundings::{SYSTEM_CACHE, Surroundings};

/// Majors that a rehearsal runs on: those whose CONCURRENTLY behaviour and progress view the engine knows.
pub const SUPPORTED: std::ops::RangeInclusive<u32> = 12..=18;

/// Version of a server binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BinaryVersion {
    /// First part: 15 of 15.18.
    pub major: u32,
    /// Second part: 18 of 15.18; 0 for development versions.
    pub minor: u32,
}

impl fmt::Display for BinaryVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl BinaryVersion {
    /// Reads what `postgres --version` prints, e.g. `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
    fn parse(printed: &str) -> Option<Self> {
        let version = printed.split("(PostgreSQL) ").nth(1)?.split_whitespace().next()?;
        let digits = |text: &str| -> Option<u32> {
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            text.get(..end)?.parse().ok()
        };
        let major = digits(version)?;
        let minor = version.split_once('.').and_then(|(_, rest)| digits(rest)).unwrap_or(0);
        Some(Self { major, minor })
    }
}

/// A folder with `initdb` and `postgres` of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binaries {
    /// The folder, without symbolic links.
    pub folder: PathBuf,
    /// What `postgres --version` says.
    pub version: BinaryVersion,
}

impl Binaries {
    /// Looks at one folder. `None` unless both programs are there and `postgres` runs.
    pub fn at(folder: &Path) -> Option<Self> {
        let folder = fs_err::canonicalize(folder).ok()?;
        if !folder.join("initdb").is_file() {
            return None;
        }
        // Distributions put a symbolic link to `postgres` alone into a folder of their own: follow it.
        let postgres = fs_err::canonicalize(folder.join("postgres")).ok()?;
        let output = Command::new(&postgres).arg("--version").env("LC_ALL", "C").output().ok()?;
        let version = BinaryVersion::parse(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { folder, version })
    }
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// `--pg-bin`: this folder and no other.
    pub folder: Option<PathBuf>,
    /// `--pg-version`: this major and no other.
    pub major: Option<u32>,
}

/// Why no binaries were chosen. Fetching may help unless a folder was named.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DiscoverError {
    /// The named folder holds no server.
    #[error("{} holds no PostgreSQL server: `initdb` and a `postgres` that runs are needed", .0.display())]
    NotAServer(PathBuf),
    /// The named folder holds another version than the one asked for, or one that is not supported.
    #[error("{} holds PostgreSQL {found}, which is not {wanted}", .folder.display())]
    OtherVersion {
        /// The folder.
        folder: PathBuf,
        /// Its version.
        found: BinaryVersion,
        /// The major asked for, or the range of supported ones.
        wanted: String,
    },
    /// Nothing suitable on this machine.
    #[error("no PostgreSQL {wanted} server on this machine{}", others(.found))]
    NotFound {
        /// The major asked for, or the range of supported ones.
        wanted: String,
        /// Versions that were found and do not fit.
        found: Vec<BinaryVersion>,
    },
}

fn others(found: &[BinaryVersion]) -> String {
    if found.is_empty() {
        return String::new();
    }
    let list: Vec<String> = found.iter().map(ToString::to_string).collect();
    format!(" (found {})", list.join(", "))
}

/// Chooses the newest supported server, or the newest of the major asked for.
pub fn discover(surroundings: &Surroundings, wanted: &Wanted) -> Result<Binaries, DiscoverError> {
    let fits = |version: BinaryVersion| {
        SUPPORTED.contains(&version.major) && wanted.major.is_none_or(|major| major == version.major)
    };
    let asked = wanted
        .major
        .map_or_else(|| format!("{} to {}", SUPPORTED.start(), SUPPORTED.end()), |major| major.to_string());
    if let Some(folder) = &wanted.folder {
        let binaries = Binaries::at(folder).ok_or_else(|| DiscoverError::NotAServer(folder.clone()))?;
        if fits(binaries.version) {
            return Ok(binaries);
        }
        let found = binaries.version;
        return Err(DiscoverError::OtherVersion { folder: folder.clone(), found, wanted: asked });
    }
    let all = installed(surroundings);
    let newest = all.iter().filter(|binaries| fits(binaries.version)).max_by_key(|binaries| binaries.version);
    newest.cloned().ok_or_else(|| DiscoverError::NotFound {
        wanted: asked,
        found: all.iter().map(|binaries| binaries.version).collect(),
    })
}

/// Every server of this machine, each folder once, in order of search.
pub fn installed(surroundings: &Surroundings) -> Vec<Binaries> {
    let mut found: Vec<Binaries> = Vec::new();
    for folder in folders(surroundings) {
        let Ok(real) = fs_err::canonicalize(&folder) else { continue };
        if found.iter().any(|binaries| binaries.folder == real) {
            continue;
        }
        found.extend(Binaries::at(&real));
    }
    found
}

/// Folders worth a look: `PATH` (also where its `postgres` and `initdb` really live), `pg_config`, the folders of
/// distributions, Homebrew, Postgres.app, and what was fetched before.
fn folders(surroundings: &Surroundings) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for folder in surroundings.path_folders() {
        let linked = ["postgres", "initdb"]
            .iter()
            .filter_map(|name| fs_err::canonicalize(folder.join(name)).ok()?.parent().map(Path::to_owned));
        folders.extend(linked);
    }
    folders.extend(surroundings.which("pg_config").and_then(|program| config_folder(&program)));
    for (parent, prefix, below) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr/libexec", "postgresql", ""),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        folders.extend(children(&surroundings.system(parent), prefix, below));
    }
    folders.extend(["/usr/local/pgsql/bin", "/usr/bin"].map(|path| surroundings.system(path)));
    // An ordinary user may use what root fetched, but not the other way round.
    let caches = [surroundings.server_cache(), Some(surroundings.system(SYSTEM_CACHE))];
    for cache in caches.into_iter().flatten() {
        folders.extend(children(&cache, "", "bin"));
    }
    folders
}

fn children(parent: &Path, prefix: &str, below: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs_err::read_dir(parent) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            // A name that starts with a dot is a download that has not arrived yet.
            name.to_str().is_some_and(|name| name.starts_with(prefix) && !name.starts_with('.'))
        })
        .map(|entry| entry.path().join(below))
        .collect();
    folders.sort();
    folders
}

fn config_folder(program: &Path) -> Option<PathBuf> {
    let output = Command::new(program).arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(folder.trim()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::rehearsal::fake_program::Turn;

    /// A folder of programs that answer like a server of `version`.
    fn fake_server(turn: &Turn, folder: &Path, version: &str) {
        for name in ["initdb", "postgres"] {
            turn.write_program(&folder.join(name), &format!("echo 'postgres (PostgreSQL) {version}'"));
        }
    }

    struct Root {
        folder: tempfile::TempDir,
        turn: Turn,
    }

    impl Root {
        fn path(&self) -> &Path {
            self.folder.path()
        }
    }

    fn machine(servers: &[(&str, &str)]) -> (Root, Surroundings) {
        let root = Root { turn: Turn::take(), folder: tempfile::tempdir().expect("folder") };
        for (folder, version) in servers {
            fake_server(&root.turn, &root.path().join(folder), version);
        }
        let surroundings =
            Surroundings { system_root: root.path().to_owned(), euid: 0, ..Surroundings::default() };
        (root, surroundings)
    }

    #[test]
    fn versions_are_read_from_what_servers_print() {
        let parse = |text| BinaryVersion::parse(text).map(|version| (version.major, version.minor));
        assert_eq!(parse("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some((15, 18)));
        assert_eq!(parse("postgres (PostgreSQL) 19devel\n"), Some((19, 0)));
        assert_eq!(parse("postgres (PostgreSQL) 18beta1\n"), Some((18, 0)));
        assert_eq!(parse("psql 15.18"), None);
    }

    #[test]
    fn the_newest_supported_server_wins() {
        let (_root, surroundings) = machine(&[
            ("usr/lib/postgresql/14/bin", "14.23"),
            ("usr/pgsql-17/bin", "17.10"),
            ("usr/lib/postgresql/19/bin", "19.1"),
            ("var/cache/cicerone/pg/16.14/bin", "16.14"),
        ]);
        let found = discover(&surroundings, &Wanted::default()).expect("a server");
        assert_eq!(found.version, BinaryVersion { major: 17, minor: 10 });
        let asked = Wanted { major: Some(16), ..Wanted::default() };
        assert_eq!(discover(&surroundings, &asked).expect("fetched before").version.minor, 14);
    }

    #[test]
    fn a_missing_major_names_what_is_there() {
        let (_root, surroundings) = machine(&[("usr/lib/postgresql/14/bin", "14.23")]);
        let wanted = Wanted { major: Some(18), ..Wanted::default() };
        let error = discover(&surroundings, &wanted).expect_err("only 14 is there");
        assert_eq!(error.to_string(), "no PostgreSQL 18 server on this machine (found 14.23)");
    }

    #[test]
    fn a_link_in_the_path_leads_to_the_real_folder() {
        let (root, mut surroundings) = machine(&[("opt/pg/bin", "15.2")]);
        let links = root.path().join("links");
        fs_err::create_dir_all(&links).expect("folder");
        symlink(root.path().join("opt/pg/bin/postgres"), links.join("postgres")).expect("link");
        surroundings.path = Some(links.into_os_string());
        let found = discover(&surroundings, &Wanted::default()).expect("a server");
        assert!(found.folder.ends_with("opt/pg/bin"), "{}", found.folder.display());
    }

    #[test]
    fn a_named_folder_is_the_only_one_looked_at() {
        let (root, surroundings) = machine(&[("usr/lib/postgresql/15/bin", "15.18")]);
        let wanted = Wanted { folder: Some(root.path().join("nowhere")), ..Wanted::default() };
        let error = discover(&surroundings, &wanted).expect_err("there is nothing");
        assert!(matches!(error, DiscoverError::NotAServer(_)));
        let old = root.path().join("old");
        fake_server(&root.turn, &old, "9.6.24");
        let wanted = Wanted { folder: Some(old), ..Wanted::default() };
        let error = discover(&surroundings, &wanted).expect_err("too old");
        assert!(matches!(error, DiscoverError::OtherVersion { .. }), "{error}");
    }

    #[test]
    fn client_programs_alone_are_no_server() {
        let (root, surroundings) = machine(&[]);
        let clients = root.path().join("usr/lib/postgresql/16/bin");
        fake_server(&root.turn, &clients, "16.1");
        fs_err::remove_file(clients.join("initdb")).expect("removed");
        assert!(installed(&surroundings).is_empty());
    }
}
