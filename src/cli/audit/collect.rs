//! From paths to statements: walking, reading and parsing, on as many threads as there are processors.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ignore::WalkBuilder;

use crate::audit::encoding::decode;
use crate::audit::layout::{self, Direction, Tool};
use crate::audit::prepass::prepare;
use crate::audit::statement::{Reading, STACK, Statement, Unread, loose_ends, read};
use crate::audit::{Lines, statement};
use crate::cli::error::CliError;

/// Statements that one thread takes at a time: a large dump is shared out.
const BATCH: usize = 512;

/// Everything that was read, in the order of the series.
pub(super) struct Folder {
    pub(super) files: Vec<File>,
    /// Files and folders that could not be read, and why.
    pub(super) unreadable: Vec<(String, String)>,
}

/// One file.
pub(super) struct File {
    pub(super) path: String,
    pub(super) tool: Tool,
    /// Whether its tool runs it outside of a transaction because it asks for that.
    pub(super) outside: bool,
    pub(super) bytes: usize,
    /// What leads on.
    pub(super) statements: Vec<Statement>,
    /// Statements of parts that undo.
    pub(super) undoing: usize,
    pub(super) unread: Vec<Unread>,
    /// Placeholders that somebody fills in.
    pub(super) placeholders: usize,
}

/// Reads everything below `paths`.
pub(super) fn collect(paths: &[PathBuf]) -> Result<Folder, CliError> {
    let (mut found, mut unreadable) = walk(paths)?;
    found.sort_by(|one, two| layout::order(&one.0, &two.0));
    let known: BTreeSet<String> = found.iter().map(|(name, _)| name.clone()).collect();
    let results: Mutex<Vec<(usize, Result<File, String>)>> = Mutex::new(Vec::with_capacity(found.len()));
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        while let Some((position, (name, path))) = {
            let position = next.fetch_add(1, Ordering::Relaxed);
            found.get(position).map(|it| (position, it))
        } {
            let file = read_file(name, path, &known, workers);
            results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((position, file));
        }
    };
    on_threads(workers.min(found.len()).max(1), &work)?;
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(position, _)| *position);
    let mut files = Vec::new();
    for ((_, result), (name, _)) in results.into_iter().zip(&found) {
        match result {
            Ok(file) => files.push(file),
            Err(why) => unreadable.push((name.clone(), why)),
        }
    }
    Ok(Folder { files, unreadable })
}

/// Runs `work` on each of `count` threads with a stack that the parser cannot overflow.
fn on_threads(count: usize, work: &(impl Fn() + Sync)) -> Result<(), CliError> {
    let failed =
        |error: &std::io::Error| CliError::usage("no thread could be started to read files").because(error);
    std::thread::scope(|scope| {
        let started: Result<Vec<_>, _> = (0..count)
            .map(|_| std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work))
            .collect();
        for thread in started.map_err(|error| failed(&error))? {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        Ok(())
    })
}

type Found = Vec<(String, PathBuf)>;

/// All SQL files below `paths`, each once. What `.gitignore` leaves out is left out; links are not followed, unless they
/// are named.
fn walk(paths: &[PathBuf]) -> Result<(Found, Vec<(String, String)>), CliError> {
    let (mut found, mut unreadable, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for root in paths {
        let metadata = fs_err::metadata(root).map_err(|error| {
            CliError::usage(format!("{} cannot be read", root.display()))
                .because(&error)
                .hint("name files or folders that are there")
        })?;
        let mut builder = WalkBuilder::new(root);
        builder.hidden(true).require_git(false).follow_links(false).sort_by_file_path(Path::cmp);
        for entry in builder.build() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    unreadable.push((root.display().to_string(), error.to_string()));
                    continue;
                }
            };
            let path = entry.path();
            let is_file = entry.file_type().is_some_and(|it| it.is_file())
                || (entry.depth() == 0 && metadata.is_file());
            let is_sql = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("sql"));
            // What is named is read, whatever it is called.
            if !is_file || !(is_sql || entry.depth() == 0) {
                continue;
            }
            let real = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            if seen.insert(real) {
                let name = path.to_string_lossy().replace('\\', "/");
                found.push((
                    name.strip_prefix("./").map_or_else(|| name.clone(), str::to_owned),
                    path.to_owned(),
                ));
            }
        }
    }
    Ok((found, unreadable))
}

fn read_file(name: &str, path: &Path, known: &BTreeSet<String>, workers: usize) -> Result<File, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    if bytes.iter().take(8_000).any(|byte| *byte == 0)
        && !bytes.starts_with(b"\xFF\xFE")
        && !bytes.starts_with(b"\xFE\xFF")
    {
        return Err("it is not a text".to_owned());
    }
    let (text, _) = decode(&bytes);
    let place = layout::place(name, &text, |name| known.contains(name));
    let script = prepare(&text);
    let lines = Lines::of(&text);
    let mut reading = parse(&script, &lines, workers).map_err(|error| error.to_string())?;
    reading.unread.extend(loose_ends(&script, &lines));
    reading.unread.sort_by_key(|it| it.at);
    let undoing = layout::undoing(place.tool, &text);
    let undoes = |at: usize| place.direction == Direction::Down || undoing.iter().any(|it| it.contains(&at));
    let all = reading.statements.len();
    reading.statements.retain(|it| !undoes(it.at));
    Ok(File {
        path: name.to_owned(),
        tool: place.tool,
        outside: layout::runs_outside(place.tool, &text, settings(path, place.tool).as_deref()),
        bytes: bytes.len(),
        undoing: all - reading.statements.len(),
        statements: reading.statements,
        unread: reading.unread,
        placeholders: script.placeholders.len(),
    })
}

/// The settings file beside a migration.
fn settings(path: &Path, tool: Tool) -> Option<String> {
    let beside = match tool {
        Tool::Diesel => path.with_file_name("metadata.toml"),
        Tool::Flyway => path.with_extension("sql.conf"),
        Tool::UpDown | Tool::Prisma | Tool::Dbmate | Tool::Goose | Tool::Plain => return None,
    };
    std::fs::read_to_string(beside).ok()
}

/// The statements of one file: a long one on all threads.
fn parse(
    script: &crate::audit::prepass::Script<'_>,
    lines: &Lines,
    workers: usize,
) -> Result<Reading, CliError> {
    let count = script.pieces.len();
    if count <= BATCH || workers < 2 {
        return Ok(read(script, 0..count, lines));
    }
    let results: Mutex<Vec<(usize, Reading)>> = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    on_threads(workers, &|| {
        loop {
            let start = next.fetch_add(BATCH, Ordering::Relaxed);
            if start >= count {
                return;
            }
            let reading = statement::read(script, start..(start + BATCH).min(count), lines);
            results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((start, reading));
        }
    })?;
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(start, _)| *start);
    let mut whole = Reading::default();
    for (_, part) in results {
        whole.statements.extend(part.statements);
        whole.unread.extend(part.unread);
    }
    Ok(whole)
}
