//! Whether the system ends a user's processes when their last session ends: an engine would not outlive its console.

use std::path::{Path, PathBuf};

/// Where systemd-logind is configured; later ones win (systemd 252, logind.conf(5)).
const FILES: [&str; 1] = ["etc/systemd/logind.conf"];
const FOLDERS: [&str; 3] =
    ["usr/lib/systemd/logind.conf.d", "run/systemd/logind.conf.d", "etc/systemd/logind.conf.d"];

/// Whether systemd-logind is told to end the processes of this user at logout. `root` is `/` but in tests. A user whose
/// manager lingers, and one that is excluded (`root` unless configured otherwise), keeps them.
pub fn ends_processes(root: &Path, user: &str) -> bool {
    let mut kills = false;
    let mut excluded = vec!["root".to_owned()];
    for path in files(root) {
        let Ok(text) = fs_err::read_to_string(path) else { continue };
        for (key, value) in text.lines().filter_map(|line| line.trim().split_once('=')) {
            match key.trim() {
                "KillUserProcesses" => kills = is_yes(value.trim()),
                "KillExcludeUsers" => {
                    excluded = value.split_whitespace().map(ToOwned::to_owned).collect();
                }
                _ => {}
            }
        }
    }
    let lingers = root.join("var/lib/systemd/linger").join(user).exists();
    kills && !lingers && !excluded.iter().any(|known| known == user)
}

fn files(root: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = FILES.iter().map(|file| root.join(file)).collect();
    for folder in FOLDERS {
        let mut found: Vec<PathBuf> = fs_err::read_dir(root.join(folder))
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
            .collect();
        found.sort();
        files.extend(found);
    }
    files
}

/// systemd's words for true.
fn is_yes(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "yes" | "y" | "true" | "t" | "on")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn the_last_word_counts_and_comments_do_not() {
        let main = "[Login]\n#KillUserProcesses=yes\n";
        assert!(!ends_processes(system(&[("etc/systemd/logind.conf", main)]).path(), "ana"));
        let drop_in = ("etc/systemd/logind.conf.d/kill.conf", "[Login]\nKillUserProcesses = yes\n");
        assert!(ends_processes(system(&[("etc/systemd/logind.conf", main), drop_in]).path(), "ana"));
        let later = ("etc/systemd/logind.conf.d/z.conf", "[Login]\nKillUserProcesses=no\n");
        assert!(!ends_processes(system(&[drop_in, later]).path(), "ana"));
        assert!(!ends_processes(system(&[]).path(), "ana"));
    }

    #[test]
    fn those_who_linger_or_are_excluded_keep_their_processes() {
        let kills = ("etc/systemd/logind.conf", "[Login]\nKillUserProcesses=yes\n");
        assert!(!ends_processes(system(&[kills]).path(), "root"));
        let lingers = system(&[kills, ("var/lib/systemd/linger/ana", "")]);
        assert!(!ends_processes(lingers.path(), "ana"));
        assert!(ends_processes(lingers.path(), "bea"));
        let excluded = ("etc/systemd/logind.conf.d/x.conf", "[Login]\nKillExcludeUsers=bea\n");
        let system = system(&[kills, excluded]);
        assert!(!ends_processes(system.path(), "bea") && ends_processes(system.path(), "root"));
    }
}
