//! Debian's packages, taken apart in a folder of ours: nothing is installed, and root is not needed.
//!
//! apt checks what it downloads against the distribution's own signatures, so no digest is pinned here. Libraries that
//! the system lacks come along; wrappers in `bin` show them to the real programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;

use super::client::{output, run};
use super::error::FetchError;
use crate::rehearsal::surroundings::Surroundings;

/// apt and dpkg of this machine.
#[derive(Debug, Clone)]
pub(super) struct Apt {
    get: PathBuf,
    cache: PathBuf,
    dpkg_deb: PathBuf,
    may_update: bool,
    major: Option<u32>,
}

/// `None` where packages are not Debian's.
pub(super) fn find(surroundings: &Surroundings, major: Option<u32>) -> Option<Apt> {
    Some(Apt {
        get: surroundings.which("apt-get")?,
        cache: surroundings.which("apt-cache")?,
        dpkg_deb: surroundings.which("dpkg-deb")?,
        may_update: surroundings.is_root(),
        major,
    })
}

impl Apt {
    pub(super) fn command_line(&self) -> String {
        let package = self.known_package().map_or_else(|| "postgresql".to_owned(), package_name);
        format!("apt-get download {package}")
    }

    pub(super) fn version_in_words(&self) -> String {
        self.known_package().map_or_else(|| "of the distribution".to_owned(), |major| major.to_string())
    }

    /// Downloads and unpacks into `build`; `work` holds the packages. Returns the major.
    pub(super) fn fetch(&self, work: &Path, build: &Path) -> Result<u32, FetchError> {
        let major = self.find_package()?;
        let mut packages = vec![package_name(major)];
        packages.extend(self.missing_libraries(major)?);
        let folder = work.join("packages");
        fs::create_dir(&folder).map_err(|source| FetchError::folder(&folder, source))?;
        let mut download = self.get_command();
        // As root apt would drop to an account that cannot write into our folder, and warn about it.
        download.args(["-o", "APT::Sandbox::User=root", "download"]).args(&packages).current_dir(&folder);
        run(download)?;
        let root = build.join("root");
        fs::create_dir_all(&root).map_err(|source| FetchError::folder(&root, source))?;
        let files = fs::read_dir(&folder).map_err(|source| FetchError::folder(&folder, source))?;
        for file in files.filter_map(Result::ok) {
            let mut unpack = Command::new(&self.dpkg_deb);
            unpack.arg("-x").arg(file.path()).arg(&root);
            run(unpack)?;
        }
        Ok(major)
    }

    /// The major asked for, or the one that the distribution's `postgresql` stands for.
    fn find_package(&self) -> Result<u32, FetchError> {
        if let Some(major) = self.known_package() {
            return Ok(major);
        }
        if self.may_update {
            // Images of containers come without package lists.
            let mut update = self.get_command();
            update.arg("update");
            run(update)?;
        }
        self.known_package().ok_or_else(|| FetchError::NoPackage(self.command_line()))
    }

    fn known_package(&self) -> Option<u32> {
        let mut depends = Command::new(&self.cache);
        let name = self.major.map_or_else(|| "postgresql".to_owned(), package_name);
        depends.args(["depends", &name]);
        let printed = output(depends).ok()?;
        self.major.or_else(|| default_major(&printed))
    }

    /// Shared libraries that an installation would bring, but the just-in-time compiler, which stays off.
    fn missing_libraries(&self, major: u32) -> Result<Vec<String>, FetchError> {
        let mut simulate = self.get_command();
        simulate.args(["--simulate", "--no-install-recommends", "install", &package_name(major)]);
        Ok(libraries(&output(simulate)?))
    }

    fn get_command(&self) -> Command {
        let mut command = Command::new(&self.get);
        command
            .args(["-q", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=30"])
            .env("LC_ALL", "C");
        command
    }
}

fn package_name(major: u32) -> String {
    format!("postgresql-{major}")
}

fn default_major(depends: &str) -> Option<u32> {
    depends.lines().find_map(|line| line.trim().strip_prefix("Depends: postgresql-")?.trim().parse().ok())
}

fn libraries(simulation: &str) -> Vec<String> {
    let packages = simulation.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next());
    packages
        .filter(|name| name.starts_with("lib") && !name.ends_with("-perl"))
        .filter(|name| !["libllvm", "libperl", "libz3"].iter().any(|heavy| name.starts_with(heavy)))
        .map(str::to_owned)
        .collect()
}

/// Writes `bin/initdb` and `bin/postgres`, which find their libraries wherever the build lies.
pub(super) fn write_wrappers(build: &Path, major: u32) -> Result<(), FetchError> {
    use std::os::unix::fs::PermissionsExt;

    let bin = build.join("bin");
    fs::create_dir_all(&bin).map_err(|source| FetchError::folder(&bin, source))?;
    for program in ["initdb", "postgres"] {
        let file = bin.join(program);
        let script = format!(
            "#!/bin/sh\nroot=$(dirname \"$(dirname \"$0\")\")/root\n\
             libraries=\n\
             for folder in \"$root\"/usr/lib/*-linux-gnu* \"$root\"/lib/*-linux-gnu*; do\n\
             \x20   libraries=$libraries$folder:\n\
             done\n\
             LD_LIBRARY_PATH=$libraries exec \"$root/usr/lib/postgresql/{major}/bin/{program}\" \"$@\"\n"
        );
        fs::write(&file, script).map_err(|source| FetchError::folder(&file, source))?;
        fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))
            .map_err(|source| FetchError::folder(&file, source))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distributions_major_is_what_its_package_depends_on() {
        assert_eq!(
            default_major("postgresql\n  Depends: postgresql-15\n  Suggests: postgresql-doc\n"),
            Some(15)
        );
        assert_eq!(default_major("postgresql\n"), None);
    }

    #[test]
    fn only_libraries_come_along_and_no_compiler() {
        let simulation = "Reading package lists...\n\
            Inst libjson-perl (4.10000-1 Debian:12.14/oldstable [all])\n\
            Inst libicu72 (72.1-3+deb12u1 Debian:12.14/oldstable [amd64])\n\
            Inst libllvm14 (1:14.0.6-12 Debian:12.14/oldstable [amd64])\n\
            Inst libpq5 (15.18-0+deb12u1 Debian-Security:12/oldstable-security [amd64])\n\
            Inst postgresql-15 (15.18-0+deb12u1 Debian-Security:12/oldstable-security [amd64])\n\
            Conf libpq5 (15.18-0+deb12u1 Debian-Security:12/oldstable-security [amd64])\n";
        assert_eq!(libraries(simulation), ["libicu72", "libpq5"]);
    }
}
