//! From paths to what their files say: walking, reading and parsing, on as many threads as there are processors.

mod model;
mod series;
mod walk;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::audit::document::{Direction, Document, Halves, Snapshots, declare, language, of_host, of_sql};
use crate::audit::encoding::text_of;
use crate::audit::host::{
    self, DeclaredIndex, Framework, Home, Language, Marker, ModelChange, Revision, Transaction,
};
use crate::audit::inventory::heeds;
use crate::audit::layout::{self, Tool};
use crate::audit::prepass::{Script, prepare};
use crate::audit::statement::{Reading, STACK, read};
use crate::audit::{Lines, layout::Place};

use super::error::CliError;

/// Statements that one thread takes at a time: a large dump is shared out.
const BATCH: usize = 512;

/// What becomes of statements of a file of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of them are judged.
    Everything,
    /// Stock is taken of indexes, and the rest only counted.
    Indexes,
}

/// Everything that was read, in the order of the series.
pub(super) struct Folder {
    pub(super) files: Vec<File>,
    /// Files and folders that could not be read, and why.
    pub(super) unreadable: Vec<(String, String)>,
    /// What is left alone, and why.
    pub(super) aside: Vec<(String, String)>,
}

/// One file.
pub(super) struct File {
    /// As it was named or found, with `/`.
    pub(super) path: String,
    /// Where it was opened.
    pub(super) real: PathBuf,
    /// What it is written in; `None` for SQL.
    pub(super) language: Option<Language>,
    pub(super) tool: Tool,
    /// Whether its tool runs it outside of a transaction because it asks for that.
    pub(super) outside: bool,
    /// Its length on disk.
    pub(super) bytes: usize,
    /// What places count in; empty where only indexes are wanted.
    pub(super) text: String,
    pub(super) document: Document,
    declared: Vec<DeclaredIndex>,
    /// What a migration of Django does to models, and those that it stands for.
    changes: Vec<ModelChange>,
    replaces: Vec<String>,
    revision: Option<Revision>,
}

/// Reads everything below `paths`.
///
/// # Errors
///
/// A path is not there, or no thread can be started.
pub(super) fn read_all(paths: &[PathBuf], wanted: Wanted) -> Result<Folder, CliError> {
    let walk::Found { files: mut found, mut unreadable, aside, .. } = walk::walk(paths)?;
    found.sort_by(|one, two| layout::order(&one.0, &two.0));
    let known: BTreeSet<String> = found.iter().map(|(name, _)| name.clone()).collect();
    let results: Mutex<Vec<(usize, Result<File, String>)>> = Mutex::new(Vec::with_capacity(found.len()));
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let reader = Reader { known: &known, workers, wanted };
    let work = || {
        while let Some((position, (name, path))) = {
            let position = next.fetch_add(1, Ordering::Relaxed);
            found.get(position).map(|it| (position, it))
        } {
            let file = reader.file(name, path);
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
    Ok(Folder { files: joined(files), unreadable, aside })
}

/// Lets the files know of each other.
fn joined(mut files: Vec<File>) -> Vec<File> {
    series::settle(&mut files);
    model::settle(&mut files);
    let models = model::Models::of(&files);
    let frameworks: BTreeSet<Framework> = files
        .iter()
        .flat_map(|file| &file.declared)
        .filter(|index| index.home == Home::Operation)
        .map(|index| index.framework)
        .collect();
    for file in &mut files {
        let declared = std::mem::take(&mut file.declared);
        let beside = declared.iter().any(|index| frameworks.contains(&index.framework));
        let snapshots = if beside { Snapshots::Described } else { Snapshots::Counted };
        let tables = models.beside(file);
        declare(&mut file.document, &declared, snapshots, &tables);
    }
    files
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

/// Reads one text as the file of that name: for what comes from standard input. What stands beside the file counts.
///
/// # Errors
///
/// No thread can be started.
pub(super) fn read_text(name: &str, bytes: &[u8]) -> Result<Folder, CliError> {
    let path = Path::new(name);
    let known = beside(path);
    let result = Mutex::new(None);
    on_threads(1, &|| {
        let reader = Reader { known: &known, workers: 1, wanted: Wanted::Everything };
        let file = reader.bytes(name, path, bytes.to_vec());
        *result.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(file);
    })?;
    let result = result.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (files, unreadable) = match result {
        Some(Ok(file)) => (vec![file], Vec::new()),
        Some(Err(why)) => (Vec::new(), vec![(name.to_owned(), why)]),
        None => (Vec::new(), Vec::new()),
    };
    Ok(Folder { files: joined(files), unreadable, aside: Vec::new() })
}

/// The names of files in the folder of `path`, each with that folder.
fn beside(path: &Path) -> BTreeSet<String> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let entries = std::fs::read_dir(folder.unwrap_or(Path::new("."))).into_iter().flatten().flatten();
    entries
        .map(|entry| folder.map_or_else(|| PathBuf::from(entry.file_name()), |it| it.join(entry.file_name())))
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
}

/// How files are read.
struct Reader<'a> {
    /// The names of all files.
    known: &'a BTreeSet<String>,
    /// Threads that one file may take.
    workers: usize,
    wanted: Wanted,
}

impl Reader<'_> {
    fn file(&self, name: &str, path: &Path) -> Result<File, String> {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        self.bytes(name, path, bytes)
    }

    fn bytes(&self, name: &str, path: &Path, bytes: Vec<u8>) -> Result<File, String> {
        let length = bytes.len();
        if bytes.iter().take(8_000).any(|byte| *byte == 0)
            && !bytes.starts_with(b"\xFF\xFE")
            && !bytes.starts_with(b"\xFE\xFF")
        {
            return Err("it is not a text".to_owned());
        }
        let text = text_of(bytes);
        match language(name) {
            Some(language) => Ok(program(name, path, text, length, language)),
            None => self.script(name, path, text, length).map_err(|error| error.to_string()),
        }
        .map(|mut file| {
            if self.wanted == Wanted::Indexes {
                file.text = String::new();
            }
            file
        })
    }

    fn script(&self, name: &str, path: &Path, text: String, bytes: usize) -> Result<File, CliError> {
        let Place { tool, direction } = layout::place(name, &text, |name| self.known.contains(name));
        let outside = layout::runs_outside(tool, &text, settings(path, tool).as_deref());
        let document = {
            let mut script = prepare(&text);
            let lines = Lines::of(&text);
            let batches = self.parse(&script, &lines)?;
            // To put them together takes room.
            script.pieces = Vec::new();
            let reading = Reading::of(batches);
            let halves = Halves {
                tool,
                direction: match direction {
                    layout::Direction::Up => Direction::Up,
                    layout::Direction::Down => Direction::Down,
                },
                undoing: layout::undoing(tool, &text),
                transaction: transaction(tool, outside),
            };
            of_sql(&text, &script, &lines, reading, &halves)
        };
        Ok(File {
            path: name.to_owned(),
            real: path.to_owned(),
            language: None,
            tool,
            outside,
            bytes,
            text,
            document,
            declared: Vec::new(),
            changes: Vec::new(),
            replaces: Vec::new(),
            revision: None,
        })
    }

    /// The statements of one file, in batches: of a long one on all threads.
    fn parse(&self, script: &Script<'_>, lines: &Lines) -> Result<Vec<Reading>, CliError> {
        let count = script.pieces.len();
        let read = |which| {
            let mut reading = read(script, which, lines);
            if self.wanted == Wanted::Indexes {
                reading.keep(heeds);
            }
            reading
        };
        if count <= BATCH || self.workers < 2 {
            return Ok(vec![read(0..count)]);
        }
        let results: Mutex<Vec<(usize, Reading)>> = Mutex::new(Vec::new());
        let next = AtomicUsize::new(0);
        on_threads(self.workers, &|| {
            loop {
                let start = next.fetch_add(BATCH, Ordering::Relaxed);
                if start >= count {
                    return;
                }
                let reading = read(start..(start + BATCH).min(count));
                results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((start, reading));
            }
        })?;
        let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        results.sort_by_key(|(start, _)| *start);
        Ok(results.into_iter().map(|(_, reading)| reading).collect())
    }
}

/// Whether most of a text is in lines that no person writes.
fn is_minified(text: &str) -> bool {
    const LONG: usize = 5_000;
    let long = text.lines().map(str::len).filter(|length| *length > LONG).sum::<usize>();
    long * 2 > text.len()
}

fn program(name: &str, path: &Path, text: String, bytes: usize, language: Language) -> File {
    let extract = if language == Language::JavaScript && is_minified(&text) {
        host::generated()
    } else {
        host::extract(language, &text)
    };
    File {
        path: name.to_owned(),
        real: path.to_owned(),
        language: Some(language),
        tool: Tool::Program,
        outside: matches!(extract.transaction, Transaction::Outside(_)),
        bytes,
        document: of_host(&text, &extract),
        text,
        declared: extract.declared,
        changes: extract.changes,
        replaces: extract.replaces,
        revision: extract.revision,
    }
}

/// Whether a tool runs such a file in a transaction. golang-migrate and Prisma send it as one query, which the server
/// runs as one transaction.
fn transaction(tool: Tool, outside: bool) -> Transaction {
    match tool {
        _ if outside => Transaction::Outside(Marker::File),
        Tool::Diesel | Tool::UpDown | Tool::Flyway | Tool::Dbmate | Tool::Goose | Tool::Prisma => {
            Transaction::Inside
        }
        Tool::Plain | Tool::Program => Transaction::Unsaid,
    }
}

/// The settings file beside a migration.
fn settings(path: &Path, tool: Tool) -> Option<String> {
    let beside = match tool {
        Tool::Diesel => path.with_file_name("metadata.toml"),
        Tool::Flyway => path.with_extension("sql.conf"),
        Tool::UpDown | Tool::Prisma | Tool::Dbmate | Tool::Goose | Tool::Plain | Tool::Program => {
            return None;
        }
    };
    std::fs::read_to_string(beside).ok()
}

#[cfg(test)]
mod tests;
