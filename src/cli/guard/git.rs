//! What changed in a repository, by git's own word.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::cli::error::CliError;

/// What a hook of git hands down, which would turn our questions to another repository or index.
const HANDED_DOWN: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_EXTERNAL_DIFF"];

/// The files of a repository, and which of them differ from where the branch began.
#[derive(Debug)]
pub(super) struct Changes {
    top: PathBuf,
    tracked: BTreeSet<PathBuf>,
    differing: BTreeSet<PathBuf>,
}

impl Changes {
    /// Asks git in the folder of `path`.
    ///
    /// # Errors
    ///
    /// There is no git, no repository, no such commit, or no common history.
    pub(super) fn since(reference: &str, path: &Path) -> Result<Self, CliError> {
        if reference.is_empty() || reference.starts_with('-') {
            return Err(CliError::usage(format!("\"{reference}\" is no branch, tag or commit"))
                .hint("name one after --changed-since, such as origin/main"));
        }
        let start = fs_err::canonicalize(path)
            .map_err(|error| CliError::usage(format!("{} cannot be read", path.display())).because(&error))?;
        let folder = if start.is_dir() { start.as_path() } else { start.parent().unwrap_or(&start) };
        let outside = || {
            CliError::usage(format!("{} is in no working tree of git", path.display()))
                .hint("--changed-since needs one; leave it out to judge everything")
        };
        let top = line(&asked(folder, &["rev-parse", "--show-toplevel"], outside)?);
        let top = fs_err::canonicalize(PathBuf::from(OsStr::from_bytes(&top)))
            .map_err(|error| CliError::usage("the root of the repository cannot be read").because(&error))?;
        let base = base(&top, reference)?;
        let failed = || CliError::usage("git cannot say what changed");
        let differing = asked(
            &top,
            &[
                "diff",
                "--no-ext-diff",
                "--no-renames",
                "--ignore-submodules=all",
                "--name-only",
                "-z",
                &base,
                "--",
            ],
            failed,
        )?;
        let tracked = asked(&top, &["ls-files", "-z", "--full-name"], failed)?;
        Ok(Self { tracked: names(&tracked), differing: names(&differing), top })
    }

    /// Whether a file is new or differs. `None` when it is outside of the repository.
    pub(super) fn has(&self, path: &Path) -> Option<bool> {
        let mut known = None;
        for candidate in [super::place::absolute(path), fs_err::canonicalize(path).ok()].into_iter().flatten()
        {
            if let Ok(name) = candidate.strip_prefix(&self.top) {
                // What git does not track has no history to be compared with: other repositories inside of this one too.
                let changed = !self.tracked.contains(name) || self.differing.contains(name);
                known = Some(known.unwrap_or(false) || changed);
            }
        }
        known
    }

    /// The root of the working tree.
    pub(super) fn top(&self) -> &Path {
        &self.top
    }
}

/// The commit where the branch at hand left `reference`.
fn base(top: &Path, reference: &str) -> Result<String, CliError> {
    let commit = |name: &str, what: &dyn Fn() -> CliError| {
        asked(top, &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")], what)
            .map(|it| String::from_utf8_lossy(&line(&it)).into_owned())
    };
    let shallow =
        asked(top, &["rev-parse", "--is-shallow-repository"], || CliError::usage("git cannot be asked"))?;
    let shallow = line(&shallow) == b"true";
    let hint = if shallow {
        "this clone is shallow: fetch its history first, git fetch --unshallow (in GitHub Actions fetch-depth: 0)"
    } else {
        "git fetch it first, or name another branch, tag or commit"
    };
    let head = commit("HEAD", &|| {
        CliError::usage("this repository has no commit yet")
            .hint("leave --changed-since out to judge everything")
    })?;
    let other =
        commit(reference, &|| CliError::usage(format!("git knows no commit \"{reference}\"")).hint(hint))?;
    let base = asked(top, &["merge-base", &other, &head], || {
        CliError::usage(format!("\"{reference}\" and this branch have no common history here")).hint(hint)
    })?;
    Ok(String::from_utf8_lossy(&line(&base)).into_owned())
}

/// What git prints; `what` is said when it fails, with git's own words.
fn asked(folder: &Path, words: &[&str], what: impl Fn() -> CliError) -> Result<Vec<u8>, CliError> {
    let mut command = Command::new("git");
    // Nothing that a repository configures may be started: it may be anybody's.
    command.args(["--no-pager", "-c", "core.fsmonitor=false", "-c", "core.quotepath=off"]);
    command.args(words).current_dir(folder).stdin(Stdio::null());
    command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    for name in HANDED_DOWN {
        command.env_remove(name);
    }
    let Output { status, stdout, stderr } = command.output().map_err(|error| {
        CliError::usage("git cannot be started").because(&error).hint("--changed-since asks git: install it")
    })?;
    if status.success() {
        return Ok(stdout);
    }
    let error = what();
    Err(String::from_utf8_lossy(&stderr).lines().take(3).fold(error, CliError::cause))
}

fn line(output: &[u8]) -> Vec<u8> {
    output.strip_suffix(b"\n").unwrap_or(output).to_owned()
}

fn names(output: &[u8]) -> BTreeSet<PathBuf> {
    output
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| PathBuf::from(OsStr::from_bytes(name)))
        .collect()
}
