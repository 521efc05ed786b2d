//! Where a run's files lie: `<state>/<target>/runs/<run>/`.
//!
//! ```text
//! <state>/                  handed in by cli: $XDG_STATE_HOME/cicerone
//!   .plans/<plan id>.json   plans that were printed
//!   <target slug>/
//!     runs/
//!       <run id>/           0700; names sort by time
//!         journal.jsonl     the record (0600), see `docs/journal.md`
//!         journal.jsonl.writer   process id of its writer
//!         torn.<n>          bytes cut from the end of a torn journal
//!         inputs/<sha256>   registry and playbook exactly as they were read
//!         report.md, report.json
//!         log/              the program's own log
//!         HOLD              a person's wish to hold the run
//!         engine.sock       the engine's socket (0600), while there is an engine
//!         engine.socket     where that socket is: elsewhere when this path is too long for one
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::file;
use super::journal::{self, Record};
use super::private_dir::{self, DirError};
use super::target_slug::TargetSlug;
use crate::domain::id::{Digest, PlanId, RunId};

/// A run's folder cannot be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A directory is missing or cannot be trusted.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The system refused a file operation.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Not a name that a run can have.
    #[error("{run:?} is not the name of a run; `cicerone runs` lists them")]
    BadRunId {
        /// The name.
        run: String,
    },
    /// A stored copy is not what its name says.
    #[error("{} was changed after it was stored", path.display())]
    Altered {
        /// The copy.
        path: PathBuf,
    },
}

/// Longest path of a socket that Linux and macOS take, less some room.
const SOCKET_PATH: usize = 100;

/// A socket of that age listens, or never will.
const SETTLED: std::time::Duration = std::time::Duration::from_mins(1);

/// Folder of printed plans; no target's folder has a name that begins with a dot.
const PLANS: &str = ".plans";

/// All runs of all targets on this machine.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
}

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
    run: RunId,
}

/// A run found on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEntry {
    /// Where it lies.
    pub folder: RunFolder,
    /// How far its journal got.
    pub status: RunStatus,
}

/// How far a run's journal got, judged by its last whole line. Whether somebody writes it now, the lock tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// The last record closes the run.
    Closed,
    /// It ends with anything else: running, killed, or left by a crash.
    Unfinished,
    /// There is no journal, or it has no record: nothing was ever done.
    Empty,
    /// The journal cannot be read or ends with something that this program does not know.
    Unreadable,
}

impl StateDir {
    /// Opens or makes the folder that holds everything. `root` is absolute; it becomes 0700.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        Ok(Self { root: private_dir::ensure_root(root)? })
    }

    /// The folder itself, without symlinks.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Makes the folder of a new run.
    pub fn create_run(&self, target: &TargetSlug, run: &RunId) -> Result<RunFolder, FolderError> {
        let run = checked(run)?;
        let runs = self.runs_dir(target);
        private_dir::ensure(&self.root.join(target.as_str()))?;
        private_dir::ensure(&runs)?;
        let path = runs.join(run.as_str());
        private_dir::create_new(&path)?;
        private_dir::create_new(&path.join("inputs"))?;
        private_dir::create_new(&path.join("log"))?;
        for dir in [&path, &runs, &self.root.join(target.as_str()), &self.root] {
            file::sync_dir(dir).map_err(failed("make durable", dir))?;
        }
        Ok(RunFolder { path, run })
    }

    /// The folder of a run that exists.
    pub fn open_run(&self, target: &TargetSlug, run: &RunId) -> Result<RunFolder, FolderError> {
        let run = checked(run)?;
        let path = self.runs_dir(target).join(run.as_str());
        private_dir::check_own(&path)?;
        Ok(RunFolder { path, run })
    }

    /// All runs of a target, newest first. `closes` says whether a record is one that ends a run.
    pub fn runs<B: DeserializeOwned>(
        &self,
        target: &TargetSlug,
        closes: impl Fn(&B) -> bool,
    ) -> Result<Vec<RunEntry>, FolderError> {
        let dir = self.runs_dir(target);
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed("list", &dir))?,
        };
        let mut runs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed("list", &dir))?;
            let Some(run) = entry.file_name().to_str().map(RunId::from) else { continue };
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_dir || checked(&run).is_err() {
                continue;
            }
            let folder = RunFolder { path: entry.path(), run };
            let status = status(&folder.journal(), &closes);
            runs.push(RunEntry { folder, status });
        }
        runs.sort_by(|a, b| b.folder.run.cmp(&a.folder.run));
        Ok(runs)
    }

    /// The newest run of a target that was begun and not closed.
    pub fn unfinished<B: DeserializeOwned>(
        &self,
        target: &TargetSlug,
        closes: impl Fn(&B) -> bool,
    ) -> Result<Option<RunFolder>, FolderError> {
        let runs = self.runs(target, closes)?;
        let open = |entry: &RunEntry| matches!(entry.status, RunStatus::Unfinished | RunStatus::Unreadable);
        Ok(runs.into_iter().find(open).map(|entry| entry.folder))
    }

    /// Targets that have a folder, sorted by name.
    pub fn targets(&self) -> Result<Vec<TargetSlug>, FolderError> {
        let mut targets = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(failed("list", &self.root))? {
            let name = entry.map_err(failed("list", &self.root))?.file_name();
            let slug = name.to_str().and_then(TargetSlug::from_folder);
            targets.extend(slug.filter(|slug| self.runs_dir(slug).is_dir()));
        }
        targets.sort();
        Ok(targets)
    }

    /// Keeps a plan under its id, so that a later run can say what has changed since.
    pub fn keep_plan(&self, id: &PlanId, plan: &[u8]) -> Result<(), FolderError> {
        let path = self.plan_path(id);
        private_dir::ensure(&self.root.join(PLANS))?;
        file::replace(&path, plan).map_err(failed("write", &path))
    }

    /// The plan that was kept under this id; none when there is none that can be read.
    pub fn kept_plan(&self, id: &PlanId) -> Option<Vec<u8>> {
        file::read_whole(&self.plan_path(id)).ok()
    }

    /// Ids come from people too (`--plan-id`): only their hex digits count.
    fn plan_path(&self, id: &PlanId) -> PathBuf {
        let name: String = id.as_str().chars().filter(char::is_ascii_hexdigit).take(64).collect();
        self.root.join(PLANS).join(format!("{name}.json"))
    }

    fn runs_dir(&self, target: &TargetSlug) -> PathBuf {
        self.root.join(target.as_str()).join("runs")
    }
}

impl RunFolder {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Path of the journal, for [`journal::create`] and its kin.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    /// Path of the Markdown report.
    pub fn report_markdown(&self) -> PathBuf {
        self.path.join("report.md")
    }

    /// Path of the JSON report.
    pub fn report_json(&self) -> PathBuf {
        self.path.join("report.json")
    }

    /// A place for the engine's socket that fits the system's limit, noted so that consoles find it: in the run's folder,
    /// or in a folder of ours for sockets when the path is too long for that.
    pub fn make_socket(&self, runtime_dir: Option<PathBuf>) -> Result<PathBuf, FolderError> {
        let here = self.path.join("engine.sock");
        let socket = if here.as_os_str().len() <= SOCKET_PATH {
            here
        } else {
            let folder = private_dir::ensure_root(&sockets(runtime_dir))?;
            sweep(&folder);
            let name = Digest::of(self.path.as_os_str().as_encoded_bytes());
            folder.join(format!("{}.sock", &name.as_str()[..16]))
        };
        let note = self.socket_note();
        file::replace(&note, socket.as_os_str().as_encoded_bytes()).map_err(failed("write", &note))?;
        Ok(socket)
    }

    /// Where the engine's socket is, when there is one. Whether anybody answers there is another question.
    pub fn socket(&self) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt;
        let bytes = file::read_whole(&self.socket_note()).ok()?;
        Some(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
    }

    /// The engine has gone.
    pub fn forget_socket(&self) {
        // A note that stays leads to a socket at which nobody answers.
        let _ = fs::remove_file(self.socket_note());
    }

    fn socket_note(&self) -> PathBuf {
        self.path.join("engine.socket")
    }

    /// Folder for the program's own log.
    pub fn log_dir(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Writes both reports; each is replaced at once.
    pub fn write_report(&self, markdown: &[u8], json: &[u8]) -> Result<(), FolderError> {
        for (path, bytes) in [(self.report_markdown(), markdown), (self.report_json(), json)] {
            file::replace(&path, bytes).map_err(failed("write", &path))?;
        }
        Ok(())
    }

    /// Keeps the exact bytes of a registry or playbook under their digest.
    pub fn keep_input(&self, bytes: &[u8]) -> Result<Digest, FolderError> {
        let digest = Digest::of(bytes);
        let path = self.input_path(&digest);
        file::replace(&path, bytes).map_err(failed("store", &path))?;
        Ok(digest)
    }

    /// Reads back what [`Self::keep_input`] stored; fails when it was changed since.
    pub fn input(&self, digest: &Digest) -> Result<Vec<u8>, FolderError> {
        let hex = digest.as_str().len() == 64 && digest.as_str().bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = self.input_path(digest);
        if !hex {
            return Err(failed("read", &path)(io::ErrorKind::InvalidInput.into()));
        }
        let bytes = file::read_whole(&path).map_err(failed("read", &path))?;
        if Digest::of(&bytes) == *digest { Ok(bytes) } else { Err(FolderError::Altered { path }) }
    }

    /// Whether somebody has put a `HOLD` file here. Anything under that name counts; doubt counts as held.
    pub fn is_held(&self) -> bool {
        match fs::symlink_metadata(self.path.join("HOLD")) {
            Ok(_) => true,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    fn input_path(&self, digest: &Digest) -> PathBuf {
        self.path.join("inputs").join(digest.as_str())
    }
}

/// The folder for sockets whose own place has too long a path: below the session's runtime folder, when that is short.
pub fn sockets(runtime_dir: Option<PathBuf>) -> PathBuf {
    let given = runtime_dir.filter(|dir| dir.is_absolute() && dir.as_os_str().len() < 40);
    given.map_or_else(
        || PathBuf::from(format!("/tmp/cicerone-{}", rustix::process::geteuid().as_raw())),
        |dir| dir.join("cicerone"),
    )
}

/// Removes the sockets of engines that were killed. One that was made a moment ago may not listen yet.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let settled = entry
            .metadata()
            .and_then(|it| it.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age > SETTLED));
        let is_socket = path.extension().is_some_and(|extension| extension == "sock");
        if is_socket && settled && std::os::unix::net::UnixStream::connect(&path).is_err() {
            // Somebody else may have swept it.
            let _ = fs::remove_file(&path);
        }
    }
}

/// Run names come from people too (`--run`): they must stay inside the folder of runs.
fn checked(run: &RunId) -> Result<RunId, FolderError> {
    let text = run.as_str();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain && !text.is_empty() && text.len() <= 64 && !text.starts_with('-') {
        Ok(run.clone())
    } else {
        Err(FolderError::BadRunId { run: text.to_owned() })
    }
}

fn status<B: DeserializeOwned>(journal: &Path, closes: impl Fn(&B) -> bool) -> RunStatus {
    match journal::last_body::<B>(journal) {
        Ok(Some(Record::Known(body))) if closes(&body) => RunStatus::Closed,
        Ok(Some(Record::Known(_))) => RunStatus::Unfinished,
        Ok(None) if fs::metadata(journal).is_ok_and(|meta| meta.len() == 0) => RunStatus::Empty,
        Err(error) if error.kind() == io::ErrorKind::NotFound => RunStatus::Empty,
        Ok(Some(Record::Unknown(_)) | None) | Err(_) => RunStatus::Unreadable,
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Io { doing, path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::journal::{Durability, create};
    use super::*;

    fn state() -> (tempfile::TempDir, StateDir, TargetSlug) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("cicerone")).unwrap();
        (dir, state, TargetSlug::new("prod"))
    }

    fn is_close(body: &String) -> bool {
        body == "close"
    }

    fn run_with(state: &StateDir, target: &TargetSlug, run: &str, bodies: &[&str]) -> RunFolder {
        let folder = state.create_run(target, &run.into()).unwrap();
        let mut journal = create::<String>(&folder.journal()).unwrap();
        for body in bodies {
            journal.append(&(*body).to_owned(), Durability::Buffered).unwrap();
        }
        folder
    }

    #[test]
    fn a_run_has_its_own_private_folder() {
        let (_dir, state, target) = state();
        let folder = state.create_run(&target, &"20261120-054312-ab3f".into()).unwrap();
        assert!(folder.path().ends_with("prod/runs/20261120-054312-ab3f"));
        for path in folder.path().ancestors().take(4) {
            assert_eq!(
                fs::metadata(path).unwrap().permissions().mode() & 0o7777,
                0o700,
                "{}",
                path.display()
            );
        }
        assert!(state.create_run(&target, folder.run()).is_err(), "names are never reused");
        assert_eq!(state.open_run(&target, folder.run()).unwrap(), folder);
    }

    #[test]
    fn runs_are_listed_newest_first_with_how_far_they_got() {
        let (_dir, state, target) = state();
        assert_eq!(state.runs::<String>(&target, is_close).unwrap(), []);
        run_with(&state, &target, "20261118-000000-aaaa", &["open", "close"]);
        run_with(&state, &target, "20261119-000000-aaaa", &["open", "close", "again"]);
        run_with(&state, &target, "20261120-000000-aaaa", &[]);
        let torn = run_with(&state, &target, "20261120-000001-aaaa", &["open", "close"]);
        fs::write(torn.journal(), "no line of ours\n").unwrap();
        fs::write(state.runs_dir(&target).join("notes.txt"), "").unwrap();

        let found = state.runs::<String>(&target, is_close).unwrap();
        let found: Vec<_> = found.iter().map(|entry| (entry.folder.run().as_str(), entry.status)).collect();
        let expected = [
            ("20261120-000001-aaaa", RunStatus::Unreadable),
            ("20261120-000000-aaaa", RunStatus::Empty),
            ("20261119-000000-aaaa", RunStatus::Unfinished),
            ("20261118-000000-aaaa", RunStatus::Closed),
        ];
        assert_eq!(found, expected);
        assert_eq!(state.targets().unwrap(), [target]);
    }

    #[test]
    fn the_unfinished_run_is_found_and_a_closed_one_is_not() {
        let (_dir, state, target) = state();
        run_with(&state, &target, "20261118-000000-aaaa", &["open"]);
        run_with(&state, &target, "20261119-000000-aaaa", &["open", "close"]);
        let found = state.unfinished::<String>(&target, is_close).unwrap().unwrap();
        assert_eq!(found.run().as_str(), "20261118-000000-aaaa");
        assert_eq!(state.unfinished::<String>(&TargetSlug::new("other"), is_close).unwrap(), None);
    }

    #[test]
    fn sockets_of_engines_that_were_killed_are_swept_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let old = rustix::fs::Timespec { tv_sec: 1_000_000_000, tv_nsec: 0 };
        let bind = |name: &str| std::os::unix::net::UnixListener::bind(path(name)).unwrap();
        drop(bind("dead.sock"));
        drop(bind("young.sock"));
        let _alive = bind("alive.sock");
        fs::write(path("notes.txt"), "").unwrap();
        for name in ["dead.sock", "alive.sock"] {
            let times = rustix::fs::Timestamps { last_access: old, last_modification: old };
            let none = rustix::fs::AtFlags::empty();
            rustix::fs::utimensat(rustix::fs::CWD, path(name), &times, none).unwrap();
        }
        sweep(dir.path());
        let mut left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["alive.sock", "notes.txt", "young.sock"]);
    }

    #[test]
    fn run_names_from_people_cannot_leave_the_folder() {
        let (_dir, state, target) = state();
        for name in ["..", "a/b", "", "-x", "a\nb", "/etc"] {
            assert!(
                matches!(state.open_run(&target, &name.into()), Err(FolderError::BadRunId { .. })),
                "{name:?}"
            );
            assert!(state.create_run(&target, &name.into()).is_err());
        }
    }

    #[test]
    fn inputs_come_back_byte_for_byte_or_not_at_all() {
        let (_dir, state, target) = state();
        let folder = state.create_run(&target, &"r1".into()).unwrap();
        let digest = folder.keep_input(b"version = 1\n").unwrap();
        assert_eq!(folder.keep_input(b"version = 1\n").unwrap(), digest);
        assert_eq!(folder.input(&digest).unwrap(), b"version = 1\n");
        fs::write(folder.path().join("inputs").join(digest.as_str()), "version = 2\n").unwrap();
        assert!(matches!(folder.input(&digest), Err(FolderError::Altered { .. })));
        assert!(folder.input(&"../journal.jsonl".into()).is_err());
    }

    #[test]
    fn a_plan_comes_back_by_its_id_and_no_id_leads_elsewhere() {
        let (_dir, state, _) = state();
        state.keep_plan(&"ab12".into(), b"{}").unwrap();
        assert_eq!(state.kept_plan(&"ab12".into()).unwrap(), b"{}");
        assert_eq!(state.kept_plan(&"../ty/ab12".into()).unwrap(), b"{}", "only the digits count");
        assert_eq!(state.kept_plan(&"cd".into()), None);
        assert_eq!(state.targets().unwrap(), []);
    }

    #[test]
    fn anything_named_hold_holds() {
        let (_dir, state, target) = state();
        let folder = state.create_run(&target, &"r1".into()).unwrap();
        assert!(!folder.is_held());
        symlink("/nonexistent", folder.path().join("HOLD")).unwrap();
        assert!(folder.is_held());
    }

    #[test]
    fn reports_are_replaced_and_private() {
        let (_dir, state, target) = state();
        let folder = state.create_run(&target, &"r1".into()).unwrap();
        folder.write_report(b"# one", b"{}").unwrap();
        folder.write_report(b"# two", b"{}").unwrap();
        assert_eq!(fs::read(folder.report_markdown()).unwrap(), b"# two");
        assert_eq!(fs::metadata(folder.report_json()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
