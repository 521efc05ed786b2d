//! Documents say what is so: links lead somewhere, the tests that they name exist, exit codes and commands are those of
//! the program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cicerone::cli::args::Cli;
use cicerone::cli::exit::TABLE;
use clap::Parser;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found
}

/// Every document, with its path.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = files(&root().join("docs"), "md");
    for entry in fs_err::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "md") {
            paths.push(path);
        }
    }
    assert!(paths.len() > 5, "{paths:?}");
    paths.into_iter().map(|path| (path.clone(), fs_err::read_to_string(&path).unwrap())).collect()
}

/// Targets of the links of a text, without those to other sites.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).collect()
}

/// Tests that tables name as guards: every word in backticks of the last cell, in tables whose last column says so.
fn guards(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut in_table = false;
    for line in text.lines() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        let last = cells.last().copied().unwrap_or_default();
        if !line.starts_with('|') {
            in_table = false;
        } else if last.trim_end_matches('|').trim() == "guarded by" {
            in_table = true;
        } else if in_table {
            found.extend(last.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// Command lines of our own program in blocks of shell input.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for block in text.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default().replace("\\\n", " ");
        for line in block.lines() {
            let line = line.split("  #").next().unwrap_or_default().trim();
            if line == "cicerone" || line.starts_with("cicerone ") {
                found.push(line.to_owned());
            }
        }
    }
    found
}

/// Splits at blanks; single quotes keep them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for char in line.chars() {
        match char {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_link_leads_to_a_file() {
    for (path, text) in documents() {
        for target in links(&text) {
            let file = target.split('#').next().unwrap();
            let there = file.is_empty() || path.parent().unwrap().join(file).exists();
            assert!(there, "{}: {target}", path.display());
        }
    }
}

#[test]
fn every_guard_that_a_document_names_is_a_test() {
    let mut code: BTreeSet<String> = BTreeSet::new();
    for folder in ["src", "tests"] {
        for path in files(&root().join(folder), "rs") {
            let text = fs_err::read_to_string(&path).unwrap();
            // `picture!(name, …)` and the like make tests as well.
            let names = text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned);
            if text.contains("#[test]") || text.contains("#[tokio::test") || text.contains("proptest!") {
                code.extend(names);
            }
        }
    }
    let mut seen = 0;
    for (path, text) in documents() {
        for guard in guards(&text) {
            seen += 1;
            assert!(code.contains(guard), "{} names a test that is not there: {guard}", path.display());
        }
    }
    assert!(seen > 20, "only {seen} guards are named");
}

#[test]
fn the_exit_codes_of_the_readme_are_those_of_the_program() {
    let readme = fs_err::read_to_string(root().join("README.md")).unwrap();
    for (exit, meaning) in TABLE {
        let row = format!("| {} | {meaning} |\n", *exit as u8);
        assert!(readme.contains(&row), "README.md lacks {row}");
    }
}

#[test]
fn every_command_of_the_documents_is_understood() {
    let mut seen = 0;
    for (path, text) in documents() {
        for line in commands(&text) {
            seen += 1;
            if let Err(error) = Cli::try_parse_from(words(&line)) {
                assert!(!error.use_stderr(), "{}: {line}\n{error}", path.display());
            }
        }
    }
    assert!(seen > 10, "only {seen} commands");
}

#[test]
fn links_guards_and_commands_are_found_where_they_stand() {
    assert_eq!(links("see [a](b.md#c) and [d](https://e)"), ["b.md#c"]);
    let table = "| promise | guarded by |\n|---|---|\n| x `no` | `a_test`, `b_test` |\n\n| other | y |\n|---|---|\n| z | `no` |\n";
    assert_eq!(guards(table), ["a_test", "b_test"]);
    let block = "```sh\nmake\ncicerone run x \\\n    --waive a='b c'      # why\n```\n";
    assert_eq!(words(&commands(block)[0]), ["cicerone", "run", "x", "--waive", "a=b c"]);
}
