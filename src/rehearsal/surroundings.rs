//! What the process knows of its surroundings, handed in as values: nothing here reads the environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where root keeps fetched servers: outside of its home, as another account runs them.
pub(super) const SYSTEM_CACHE: &str = "/var/cache/cicerone/pg";

/// The values of the environment that finding, fetching and running a server depend on.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `PATH`.
    pub path: Option<OsString>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_CACHE_HOME`.
    pub xdg_cache_home: Option<PathBuf>,
    /// `SUDO_UID`, when the process was started through sudo.
    pub sudo_uid: Option<u32>,
    /// Effective user id of this process; 0 is root.
    pub euid: u32,
    /// Folder that system paths are looked up in: `/` outside of tests.
    pub system_root: PathBuf,
}

impl Surroundings {
    /// Reads the values through `lookup`, which the composition root backs with the real environment.
    pub fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| lookup(name).filter(|value| !value.is_empty());
        Self {
            path: text("PATH"),
            home: text("HOME").map(PathBuf::from),
            xdg_cache_home: text("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()),
            sudo_uid: text("SUDO_UID").and_then(|value| value.to_str()?.parse().ok()),
            euid: rustix::process::geteuid().as_raw(),
            system_root: PathBuf::from("/"),
        }
    }

    /// `true` for root, whom PostgreSQL refuses.
    pub fn is_root(&self) -> bool {
        self.euid == 0
    }

    /// Where fetched servers are kept: a place that the server's user can read, so not below root's home.
    /// `None` without any home folder.
    pub fn server_cache(&self) -> Option<PathBuf> {
        if self.is_root() {
            return Some(self.system(SYSTEM_CACHE));
        }
        let cache = self.xdg_cache_home.clone().or_else(|| Some(self.home.as_ref()?.join(".cache")))?;
        Some(cache.join("cicerone/pg"))
    }

    /// An absolute system path, below [`Self::system_root`].
    pub(crate) fn system(&self, path: &str) -> PathBuf {
        let root = if self.system_root.as_os_str().is_empty() { Path::new("/") } else { &self.system_root };
        root.join(path.trim_start_matches('/'))
    }

    /// The first file called `program` in `PATH`.
    pub(crate) fn which(&self, program: &str) -> Option<PathBuf> {
        self.path_folders().map(|folder| folder.join(program)).find(|file| file.is_file())
    }

    /// The folders of `PATH`, in order.
    pub(crate) fn path_folders(&self) -> impl Iterator<Item = PathBuf> {
        let path = self.path.clone().unwrap_or_default();
        std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect::<Vec<_>>().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Surroundings {
        Surroundings::read(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn root_keeps_servers_outside_of_its_home() {
        let root = Surroundings { euid: 0, ..of(&[("HOME", "/root"), ("XDG_CACHE_HOME", "/root/.cache")]) };
        assert_eq!(root.server_cache(), Some(PathBuf::from("/var/cache/cicerone/pg")));
    }

    #[test]
    fn an_ordinary_user_keeps_servers_in_the_cache_folder() {
        let plain = Surroundings { euid: 1000, ..of(&[("HOME", "/home/ada")]) };
        assert_eq!(plain.server_cache(), Some(PathBuf::from("/home/ada/.cache/cicerone/pg")));
        let with_xdg =
            Surroundings { euid: 1000, ..of(&[("HOME", "/home/ada"), ("XDG_CACHE_HOME", "/big")]) };
        assert_eq!(with_xdg.server_cache(), Some(PathBuf::from("/big/cicerone/pg")));
    }

    #[test]
    fn relative_folders_of_the_path_are_never_searched() {
        let here = of(&[("PATH", ".:bin:/usr/bin")]);
        assert_eq!(here.path_folders().collect::<Vec<_>>(), [PathBuf::from("/usr/bin")]);
    }

    #[test]
    fn an_unreadable_sudo_uid_is_no_uid() {
        assert_eq!(of(&[("SUDO_UID", "1000")]).sudo_uid, Some(1000));
        assert_eq!(of(&[("SUDO_UID", "-1")]).sudo_uid, None);
    }
}
