//! Folders with what an ordinary user may not read.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::program::Home;

/// The user that root becomes for this.
const NOBODY: u32 = 65_534;

fn allow(path: &Path, mode: u32) {
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
}

#[tokio::test]
async fn what_may_not_be_read_is_said_and_the_rest_is_read() {
    let home = Home::new();
    for (name, text) in [
        ("m/a.sql", "create index a on t (x);"),
        ("m/secret.sql", "create index b on t (x);"),
        ("m/locked/c.sql", "create index c on t (x);"),
    ] {
        fs_err::create_dir_all(home.path().join(name).parent().expect("a folder")).expect("a folder");
        home.file(name, text);
    }
    // The program where anybody may start it.
    let program = home.path().join("cicerone");
    fs_err::hard_link(env!("CARGO_BIN_EXE_cicerone"), &program)
        .or_else(|_| fs_err::copy(env!("CARGO_BIN_EXE_cicerone"), &program).map(drop))
        .expect("the program");
    for (name, mode) in [("", 0o755), ("m/secret.sql", 0o000), ("m/locked", 0o000)] {
        allow(&home.path().join(name), mode);
    }
    let mut command = tokio::process::Command::new(&program);
    command
        .args(["audit", "--output", "json", "m"])
        .env_clear()
        .env("HOME", "/nonexistent")
        .current_dir(home.path());
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let ended = command.stdin(Stdio::null()).output().await.expect("started");
    allow(&home.path().join("m/locked"), 0o755);
    let answer: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("an answer");
    assert_eq!(ended.status.code(), Some(1), "{answer}");
    let said = |list: &str, key: &str| {
        let items = answer[list].as_array().expect("a list").iter();
        items.map(|it| it[key].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(said("indexes", "name"), ["a"]);
    let mut unread = said("unread", "file");
    unread.sort();
    assert_eq!(unread, ["m/locked", "m/secret.sql"]);
    assert!(said("unread", "why").iter().all(|why| why.contains("ermission denied")), "{answer}");
}
