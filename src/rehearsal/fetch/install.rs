//! The line that installs a server with the system's own package manager.

use crate::rehearsal::surroundings::Surroundings;

/// A line that can be pasted, for the system that `/etc/os-release` names.
pub fn install_line(surroundings: &Surroundings, major: Option<u32>) -> String {
    let release = fs_err::read_to_string(surroundings.system("/etc/os-release")).unwrap_or_default();
    let line = line_for(&families(&release, std::env::consts::OS), major);
    let as_root = line.starts_with("brew") || surroundings.is_root();
    if as_root { line } else { format!("sudo {line}") }
}

/// `ID` and `ID_LIKE` of an os-release file, most specific first; the system's own name without one.
fn families(release: &str, system: &str) -> Vec<String> {
    let value = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim().trim_matches(['"', '\'']).to_owned())
    };
    let ids = [value("ID="), value("ID_LIKE=")].into_iter().flatten();
    ids.flat_map(|ids| ids.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .chain([system.to_owned()])
        .collect()
}

fn line_for(families: &[String], major: Option<u32>) -> String {
    let numbered = |plain: &str, prefix: &str| {
        major.map_or_else(|| plain.to_owned(), |major| format!("{prefix}{major}"))
    };
    for family in families {
        let line = match family.as_str() {
            "debian" | "ubuntu" => format!("apt-get install -y {}", numbered("postgresql", "postgresql-")),
            "fedora" | "rhel" | "centos" => "dnf install -y postgresql-server".to_owned(),
            "alpine" => format!("apk add {}", numbered("postgresql", "postgresql")),
            "arch" => "pacman -S --needed postgresql".to_owned(),
            "suse" | "opensuse" => format!(
                "zypper install -y {}",
                major.map_or_else(
                    || "postgresql-server".to_owned(),
                    |major| format!("postgresql{major}-server")
                )
            ),
            "macos" => format!("brew install {}", numbered("postgresql@17", "postgresql@")),
            _ => continue,
        };
        return line;
    }
    "apt-get install -y postgresql".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(release: &str, system: &str, major: Option<u32>) -> String {
        line_for(&families(release, system), major)
    }

    #[test]
    fn each_system_has_its_own_line() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n";
        assert_eq!(line(debian, "linux", None), "apt-get install -y postgresql");
        assert_eq!(line(debian, "linux", Some(15)), "apt-get install -y postgresql-15");
        assert_eq!(
            line("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "linux", None),
            "dnf install -y postgresql-server"
        );
        assert_eq!(line("ID=alpine\n", "linux", Some(16)), "apk add postgresql16");
        assert_eq!(line("", "macos", Some(16)), "brew install postgresql@16");
        assert_eq!(
            line("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "linux", None),
            "apt-get install -y postgresql"
        );
    }

    #[test]
    fn an_ordinary_user_is_told_to_use_sudo() {
        let folder = tempfile::tempdir().expect("folder");
        fs_err::create_dir(folder.path().join("etc")).expect("folder");
        fs_err::write(folder.path().join("etc/os-release"), "ID=fedora\n").expect("written");
        let root = Surroundings { system_root: folder.path().to_owned(), euid: 0, ..Surroundings::default() };
        assert_eq!(install_line(&root, None), "dnf install -y postgresql-server");
        let plain = Surroundings { euid: 1000, ..root };
        assert_eq!(install_line(&plain, None), "sudo dnf install -y postgresql-server");
    }
}
