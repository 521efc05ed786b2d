//! Guards the map in `src/lib.rs`: which layer may name which, which crates and system calls a layer may use, who may
//! start tasks, how long files are, and that each says what it is.
//!
//! The checks are functions over text, so that the tests at the end can prove that each of them fails on a planted
//! violation.

mod paths;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Lines of a file, its tests not counted.
const LONGEST_FILE: usize = 600;

/// A layer with the layers that it may name.
const LAYERS: [(&str, &[&str]); 16] = [
    ("text", &[]),
    ("sql", &[]),
    ("domain", &["sql", "text"]),
    ("audit", &["domain", "sql", "text"]),
    ("lint", &["audit", "sql", "text"]),
    ("ports", &["domain", "sql"]),
    ("guard", &["audit", "domain", "sql", "text"]),
    ("ui", &["domain", "text"]),
    ("report", &["domain", "text"]),
    ("engine", &["domain", "ports", "sql", "text"]),
    ("pg", &["domain", "ports", "sql"]),
    ("store", &["domain", "ports", "text"]),
    ("host", &["domain", "ports", "text"]),
    ("rehearsal", &["domain", "ports", "sql", "text"]),
    ("relay", &["domain", "text"]),
    (
        "cli",
        &[
            "audit",
            "domain",
            "engine",
            "guard",
            "host",
            "lint",
            "pg",
            "ports",
            "rehearsal",
            "relay",
            "report",
            "sql",
            "store",
            "text",
            "ui",
        ],
    ),
];

/// Layers without input, output, time and randomness.
const PURE: [&str; 6] = ["audit", "domain", "guard", "lint", "sql", "text"];

/// What pure layers must not name, by the start of its path.
const IMPURE: [&str; 18] = [
    "tokio",
    "tokio_util",
    "tokio_postgres",
    "ratatui",
    "crossterm",
    "rustix",
    "rustls",
    "fastrand",
    "fs_err",
    "tempfile",
    "tracing",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// Crates that only some layers may name.
const ONLY_IN: [(&str, &[&str]); 8] = [
    ("ratatui", &["ui"]),
    ("crossterm", &["cli", "ui"]),
    ("tui_input", &["ui"]),
    ("tokio_postgres", &["pg", "rehearsal"]),
    ("tokio_postgres_rustls", &["pg"]),
    ("rustls", &["pg"]),
    ("clap", &["cli"]),
    ("color_eyre", &["cli"]),
];

/// Files outside `engine::supervisor` that may start something, and what it is. Nothing of these touches a database
/// on its own.
const SPAWNERS: [(&str, &str); 16] = [
    ("src/engine/supervisor.rs", "every task of the engine"),
    ("src/ui/thread.rs", "the thread of the screen"),
    ("src/ui/input/mod.rs", "the thread that reads keys"),
    ("src/ui/plain/reader.rs", "the thread that reads lines"),
    ("src/host/probe/command.rs", "the operator's own probe commands"),
    ("src/rehearsal/", "the throwaway server"),
    ("src/pg/connect/", "the driver of one connection"),
    ("src/sql/parse.rs", "a deep stack for the parser, joined at once"),
    ("src/cli/console.rs", "the engine, the screen, and a key press on its way to the engine"),
    ("src/relay/door.rs", "a task for each console at the socket"),
    ("src/cli/folder/mod.rs", "readers of files with a deep stack, joined at once"),
    ("src/cli/guard/git.rs", "git, which says what changed; waited for"),
    ("src/cli/apart.rs", "the engine's process, which outlives the one that starts it"),
    ("src/cli/attended.rs", "the engine, its socket, and commands on their way to it"),
    ("src/cli/drive.rs", "the engine"),
    ("src/cli/wiring.rs", "the drivers of connections"),
];

/// Files of pure layers that may name something impure all the same.
const EXCEPTIONS: [(&str, &str); 1] = [("src/sql/parse.rs", "std::thread")];

/// One thing that is not as the map says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Violation {
    line: usize,
    what: String,
}

/// The layer of a path under `src`, and the module that a file is.
fn place(path: &str) -> (String, Vec<String>) {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        module.pop();
    }
    (module.first().cloned().unwrap_or_default(), module)
}

/// Arrows that the map forbids.
fn arrows(path: &str, text: &str) -> Vec<Violation> {
    let (layer, module) = place(path);
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else { return Vec::new() };
    let mut found: Vec<Violation> = paths::named(text, &module)
        .into_iter()
        .filter(|named| named.segments.first().is_some_and(|first| first == "crate"))
        .filter_map(|named| {
            let to = named.segments.get(1)?;
            let known = LAYERS.iter().any(|(name, _)| name == to);
            let forbidden = known && *to != layer && !allowed.contains(&to.as_str());
            forbidden.then(|| Violation { line: named.line, what: format!("{layer} names {to}") })
        })
        .collect();
    found.dedup();
    found
}

/// Crates and parts of the standard library that a layer must not name.
fn crates(path: &str, text: &str) -> Vec<Violation> {
    let (layer, module) = place(path);
    let text = without_tests(text);
    let starts = |segments: &[String], with: &str| {
        let with: Vec<&str> = with.split("::").collect();
        segments.len() >= with.len() && segments.iter().zip(&with).all(|(is, wanted)| is == wanted)
    };
    let mut found = Vec::new();
    for named in paths::named(&text, &module) {
        let mut note = |what: String| found.push(Violation { line: named.line, what });
        if PURE.contains(&layer.as_str()) {
            let sanctioned = |impure: &&&str| EXCEPTIONS.contains(&(path, **impure));
            for impure in IMPURE.iter().filter(|it| starts(&named.segments, it) && !sanctioned(it)) {
                note(format!("{layer} is pure and names {impure}"));
            }
        }
        for (name, homes) in ONLY_IN {
            if starts(&named.segments, name) && !homes.contains(&layer.as_str()) && !layer.is_empty() {
                note(format!("{layer} names {name}, which belongs to {}", homes.join(" and ")));
            }
        }
    }
    found
}

/// Tasks, threads and processes that are started where nobody joins them.
fn spawners(path: &str, text: &str) -> Vec<Violation> {
    if SPAWNERS.iter().any(|(home, _)| path.starts_with(home)) {
        return Vec::new();
    }
    // The coordinator hands its work to the supervisor, which has the same word for it.
    let through_supervisor = |line: usize| {
        path == "src/engine/coordinator.rs"
            && text.lines().nth(line - 1).is_some_and(|it| {
                let it = it.trim_start();
                it.contains("self.spawn(") || it.contains("supervisor.spawn(")
            })
    };
    paths::spawns(&without_tests(text))
        .into_iter()
        .filter(|spawn| !through_supervisor(spawn.line))
        .map(|spawn| Violation {
            line: spawn.line,
            what: format!("{} outside of engine::supervisor and the sanctioned places", spawn.name),
        })
        .collect()
}

/// Length and header of a file.
fn shape(text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    if !text.starts_with("//!") {
        found.push(Violation { line: 1, what: "the module does not say what it is (`//!`)".to_owned() });
    }
    let lines = without_tests(text).lines().count();
    if lines > LONGEST_FILE {
        found.push(Violation {
            line: lines,
            what: format!("{lines} lines without tests, at most {LONGEST_FILE} are readable"),
        });
    }
    found
}

/// The text up to its inline tests, which stand at the end of a file by convention.
fn without_tests(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.starts_with("mod tests {")) {
            break;
        }
        kept.push(line);
    }
    kept.join("\n")
}

/// Modules that `text`, the source of `path`, declares for tests only.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let home = if path.ends_with("/mod.rs") || path.ends_with("lib.rs") {
        path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
    } else {
        path.trim_end_matches(".rs").to_owned()
    };
    let lines: Vec<&str> = text.lines().collect();
    lines
        .windows(2)
        .filter(|pair| pair[0].trim() == "#[cfg(test)]")
        .filter_map(|pair| {
            let declared = pair[1].trim().strip_suffix(';')?;
            let name = declared.rsplit(' ').next()?;
            declared.contains("mod ").then(|| format!("{home}/{name}"))
        })
        .collect()
}

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join("src"), &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let text = fs_err::read_to_string(&path).unwrap();
            (path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"), text)
        })
        .collect()
}

fn report(check: impl Fn(&str, &str) -> Vec<Violation>) -> Vec<String> {
    let sources = sources();
    let only_tests: BTreeSet<String> =
        sources.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    sources
        .iter()
        .filter(|(path, _)| {
            let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
            !only_tests.iter().any(|test| module == test || module.starts_with(&format!("{test}/")))
        })
        .flat_map(|(path, text)| {
            check(path, text).into_iter().map(move |it| format!("{path}:{}: {}", it.line, it.what))
        })
        .collect()
}

#[test]
fn no_arrow_points_up_or_sideways() {
    assert_eq!(report(arrows), [""; 0]);
}

#[test]
fn each_layer_uses_its_own_crates_only() {
    assert_eq!(report(crates), [""; 0]);
}

#[test]
fn whatever_is_started_is_joined_by_somebody() {
    assert_eq!(report(spawners), [""; 0]);
}

#[test]
fn files_are_short_and_say_what_they_are() {
    assert_eq!(report(|_, text| shape(text)), [""; 0]);
}

#[test]
fn every_top_level_module_is_on_the_map() {
    let lib = fs_err::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    for module in &declared {
        assert!(LAYERS.iter().any(|(layer, _)| layer == module), "{module} has no place on the map");
        let drawn = lib.lines().any(|line| {
            let row = line.trim_start_matches("//! ");
            row.starts_with('L') || row.starts_with("   ")
        } && line.contains(module));
        assert!(drawn, "{module} is not in the drawing of src/lib.rs");
    }
    assert!(declared.len() >= 12, "{declared:?}");
}

#[cfg(test)]
mod planted {
    use super::*;

    fn whats(found: &[Violation]) -> Vec<(usize, &str)> {
        found.iter().map(|it| (it.line, it.what.as_str())).collect()
    }

    #[test]
    fn an_arrow_is_seen_in_each_form_it_can_take() {
        for (path, text) in [
            ("src/ui/a.rs", "use crate::engine::open;"),
            ("src/ui/a/mod.rs", "use crate::{domain::id::Oid, engine::{self, open}};"),
            ("src/ui/a.rs", "fn f() -> crate::engine::Engine { todo() }"),
            ("src/ui/a.rs", "use super::super::engine::open;"),
            ("src/ui/a/mod.rs", "use super::super::engine as other;"),
            ("src/ui/a.rs", "mod inner { use super::super::super::engine; }"),
            ("src/ui/a.rs", "pub use crate::engine::*;"),
            ("src/ui/a.rs", "const S: &str = \"x\"; const T: &str = r#\"\"#; use crate::engine;"),
            ("src/ui/a.rs", "type T<'a> = &'a str; const C: char = '\\''; use crate::engine;"),
        ] {
            assert_eq!(whats(&arrows(path, text)), [(1, "ui names engine")], "{text}");
        }
        let later = "//! A.\n\n/* crate::pg */\nuse crate::pg::connect;\n";
        assert_eq!(whats(&arrows("src/domain/a.rs", later)), [(4, "domain names pg")]);
    }

    #[test]
    fn arrows_of_the_map_and_words_in_comments_and_strings_are_none() {
        for (path, text) in [
            ("src/engine/a.rs", "use crate::{domain::id, ports::Clock, sql::drop_concurrently};"),
            ("src/domain/a.rs", "// use crate::pg;\n//! crate::pg\nconst A: &str = \"crate::pg\";"),
            ("src/domain/a.rs", "const A: &str = r#\"\"use crate::pg;\"#;"),
            ("src/domain/plan/a.rs", "use super::super::id::Oid; use super::item;"),
            ("src/cli/a.rs", "use crate::{pg, ui, engine, store};"),
            ("src/ui/engine.rs", "use self::a; use super::engine;"),
            ("src/domain/a.rs", "mod pg { use super::id; }"),
        ] {
            assert_eq!(arrows(path, text), [], "{text}");
        }
    }

    #[test]
    fn a_layer_that_names_a_foreign_crate_is_seen() {
        for (path, text, what) in [
            ("src/domain/a.rs", "use tokio::sync::mpsc;", "domain is pure and names tokio"),
            ("src/sql/a.rs", "use std::{fmt, fs};", "sql is pure and names std::fs"),
            (
                "src/text/a.rs",
                "use std::time::{Duration, Instant};",
                "text is pure and names std::time::Instant",
            ),
            ("src/domain/a.rs", "fn f() { std::env::var(\"A\"); }", "domain is pure and names std::env"),
            ("src/engine/a.rs", "use ratatui::Frame;", "engine names ratatui, which belongs to ui"),
            (
                "src/engine/a.rs",
                "fn f(e: tokio_postgres::Error) {}",
                "engine names tokio_postgres, which belongs to pg and rehearsal",
            ),
        ] {
            assert_eq!(whats(&crates(path, text)), [(1, what)], "{text}");
        }
        assert_eq!(crates("src/domain/a.rs", "use std::time::Duration; use std::fmt;"), []);
        assert_eq!(crates("src/pg/a.rs", "use tokio_postgres::Client;"), []);
    }

    #[test]
    fn a_task_that_nobody_joins_is_seen() {
        for text in [
            "fn f() { tokio::spawn(async {}); }",
            "fn f() { std::thread::spawn(|| {}); }",
            "fn f(set: &mut JoinSet<()>) {\n set.spawn(async {});\n}",
            "fn f() { tokio::task::spawn_blocking(|| 1); }",
        ] {
            assert_eq!(spawners("src/engine/build.rs", text).len(), 1, "{text}");
            assert_eq!(spawners("src/engine/supervisor.rs", text), []);
        }
        assert_eq!(spawners("src/engine/coordinator.rs", "self.spawn(key, name, work);"), []);
        assert_eq!(spawners("src/engine/coordinator.rs", "set.spawn(work);").len(), 1);
    }

    #[test]
    fn a_file_that_is_too_long_or_nameless_is_seen() {
        let long = "//! A.\n".to_owned() + &"fn f() {}\n".repeat(600);
        assert_eq!(whats(&shape(&long)), [(601, "601 lines without tests, at most 600 are readable")]);
        let tested = "//! A.\n#[cfg(test)]\nmod tests {\n".to_owned() + &"fn f() {}\n".repeat(900) + "}\n";
        assert_eq!(shape(&tested), []);
        assert_eq!(whats(&shape("fn f() {}")), [(1, "the module does not say what it is (`//!`)")]);
    }

    #[test]
    fn modules_of_tests_are_told_from_those_of_the_program() {
        let text = "mod a;\n#[cfg(test)]\npub(crate) mod fixture;\n#[cfg(test)]\nmod tests;\n";
        assert_eq!(
            test_modules("src/domain/plan/mod.rs", text),
            ["src/domain/plan/fixture", "src/domain/plan/tests"]
        );
        assert_eq!(test_modules("src/sql/parse.rs", text)[1], "src/sql/parse/tests");
    }
}
