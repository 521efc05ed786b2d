//! The lint as hooks and pipelines start it.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;

use crate::program::Home;

/// The command of a hook of the manifest, without the program's own name.
fn entry(id: &str) -> Vec<String> {
    let manifest = include_str!("../../.pre-commit-hooks.yaml");
    let hook = manifest.split("- id: ").find(|hook| hook.lines().next() == Some(id)).expect("the hook");
    let entry = hook.lines().find_map(|line| line.trim().strip_prefix("entry: ")).expect("an entry");
    let mut words = entry.split_whitespace().map(str::to_owned);
    assert_eq!(words.next().as_deref(), Some("cicerone"));
    words.collect()
}

#[tokio::test]
async fn a_hook_is_given_a_list_of_files_and_fails_when_one_of_them_is_bad() {
    let home = Home::new();
    fs_err::create_dir_all(home.path().join("db/migrate")).expect("a folder");
    home.file("db/migrate/1.sql", "CREATE TABLE t (a int);\n");
    home.file("db/migrate/2.sql", "CREATE INDEX i ON t (a);\n");
    home.file("db/app.py", "print('create index')\n");
    for id in ["cicerone-lint", "cicerone-lint-system"] {
        let entry = entry(id);
        for (files, code, says) in [
            (["db/migrate/1.sql", "db/app.py"], 0, "2 files: 0 errors"),
            (["db/migrate/1.sql", "db/migrate/2.sql"], 1, "--> db/migrate/2.sql:1:1"),
        ] {
            let arguments: Vec<&str> = entry.iter().map(String::as_str).chain(files).collect();
            let output = home.cicerone(&arguments).output().await.expect("an end");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(output.status.code(), Some(code), "{text}");
            assert!(text.contains(says), "{text}");
        }
    }
}

#[tokio::test]
async fn standard_input_is_looked_at_under_the_name_that_is_said() {
    let home = Home::new();
    let text = "-- migrate:up\nCREATE INDEX CONCURRENTLY i ON t (a);\n";
    for (name, code) in [("1.sql", 1), ("1.py", 0)] {
        let mut command = home.cicerone(&["lint", "-", "--stdin-name", name, "--format", "github"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
        let mut input = child.stdin.take().expect("its input");
        input.write_all(text.as_bytes()).await.expect("written");
        drop(input);
        let output = child.wait_with_output().await.expect("an end");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if code == 1 {
            assert!(said.starts_with("::error file=1.sql,line=2,"), "{said}");
            assert_eq!(output.status.code(), Some(1), "{said}");
        } else {
            // As Python it is no program.
            assert!(said.contains("title=unreadable"), "{said}");
        }
    }
    let output = home.cicerone(&["lint"]).output().await.expect("an end");
    assert_eq!(output.status.code(), Some(2));
}
