//! Folders as they come: links, pipes, devices, files that go, names that act on terminals, texts without end.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;
use crate::audit::statement::StatementKind;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        for (name, bytes) in files {
            let path = place.at(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pipe(&self, name: &str) -> PathBuf {
        let path = self.at(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        path
    }

    fn read(&self, name: &str) -> Read {
        Read {
            folder: read_all(&[self.at(name)], Wanted::Everything).unwrap(),
            root: format!("{}/", self.at(name).display()),
        }
    }
}

struct Read {
    folder: Folder,
    root: String,
}

impl Read {
    /// The files with the indexes that each creates.
    fn files(&self) -> Vec<(String, Vec<String>)> {
        let files = self.folder.files.iter();
        files.map(|file| (file.path.replacen(&self.root, "", 1), indexes(file))).collect()
    }

    fn said(&self, what: &[(String, String)]) -> Vec<String> {
        what.iter().map(|(file, why)| format!("{file}: {why}").replace(&self.root, "")).collect()
    }
}

fn indexes(file: &File) -> Vec<String> {
    let mut names = Vec::new();
    for statement in &file.document.statements {
        if let StatementKind::CreateIndex(index) = &statement.kind {
            names.extend(index.shape.name.clone());
        }
    }
    names
}

fn names(read: &Read) -> Vec<String> {
    read.files().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn links_are_not_followed_and_those_that_lead_out_are_said() {
    let place = Place::with(&[
        ("in/a.sql", b"create index a on t (x);"),
        ("in/sub/b.sql", b"create index b on t (x);"),
        ("out/c.sql", b"create index c on t (x);"),
        ("out/notes.txt", b""),
    ]);
    for (to, link) in [
        ("a.sql", "in/inside.sql"),
        (".", "in/round"),
        ("sub", "in/twice"),
        ("nowhere.sql", "in/gone.sql"),
        ("nowhere", "in/gone"),
        ("../out/c.sql", "in/outside.sql"),
        ("../out/notes.txt", "in/notes.txt"),
        ("../out", "in/folder"),
        ("ring.sql", "in/ring.sql"),
    ] {
        symlink(to, place.at(link)).unwrap();
    }
    let read = place.read("in");
    assert_eq!(names(&read), ["a.sql", "sub/b.sql"]);
    let unreadable = read.said(&read.folder.unreadable);
    assert_eq!(unreadable.len(), 2, "{unreadable:?}");
    assert!(unreadable[0].starts_with("gone.sql: ") && unreadable[1].starts_with("ring.sql: "));
    let aside: Vec<String> =
        read.folder.aside.iter().map(|(name, _)| name.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(aside, ["folder", "outside.sql"]);
    // Whoever names a link means what it leads to.
    assert_eq!(names(&place.read("in/folder")), ["c.sql"]);
    assert_eq!(place.read("in/outside.sql").files()[0].1, ["c"]);
}

#[test]
fn a_pipe_in_a_folder_is_not_waited_for_and_one_that_is_named_is_read() {
    let place = Place::with(&[("in/a.sql", b"create index a on t (x);"), ("named/none.txt", b"")]);
    place.pipe("in/b.sql");
    place.pipe("in/no_sql");
    let read = place.read("in");
    assert_eq!(names(&read), ["a.sql"]);
    assert_eq!(read.said(&read.folder.unreadable), ["b.sql: it is no file"]);
    let pipe = place.pipe("named/pipe");
    let writer = std::thread::spawn(move || fs::write(pipe, "create index b on t (x);").unwrap());
    assert_eq!(place.read("named/pipe").files()[0].1, ["b"]);
    writer.join().unwrap();
}

#[test]
fn a_device_is_no_text() {
    let Err(error) = read_all(&["/dev/zero".into()], Wanted::Everything) else { panic!("a device was read") };
    assert!(error.to_string().contains("/dev/zero is neither a file nor a folder"), "{error}");
}

#[test]
fn whatever_is_called_like_a_file_of_sql_is_told_by_what_it_is() {
    let place = Place::with(&[
        ("in/folder.sql/a.sql", b"create index a on t (x);"),
        ("in/binary.sql", b"\x7fELF\0\0create index no on t (x);"),
        ("in/empty.sql", b""),
        ("in/LOUD.SQL", b"create index b on t (x);"),
        ("in/wide.sql", b"\xFF\xFEc\0r\0e\0a\0t\0e\0 \0i\0n\0d\0e\0x\0 \0c\0 \0o\0n\0 \0t\0(\0a\0)\0;\0"),
        ("in/latin.sql", b"-- gr\xFC\xDFe\r\ncreate index d on t (x);\r\n"),
        ("in/notes.txt", b"create index no on t (x);"),
    ]);
    let read = place.read("in");
    let found: BTreeSet<String> = read.files().into_iter().flat_map(|(_, indexes)| indexes).collect();
    assert_eq!(found.into_iter().collect::<String>(), "abcd");
    assert_eq!(read.said(&read.folder.unreadable), ["binary.sql: it is not a text"]);
}

#[test]
fn what_gitignore_leaves_out_is_left_out_and_what_it_takes_back_is_not() {
    let place = Place::with(&[
        ("in/.gitignore", b"*.sql\n!keep.sql\n/build/\n"),
        ("in/a.sql", b""),
        ("in/keep.sql", b"create index a on t (x);"),
        ("in/sub/.gitignore", b"!a.sql\n"),
        ("in/sub/a.sql", b"create index b on t (x);"),
        ("in/build/keep.sql", b"create index no on t (x);"),
    ]);
    let mut found = names(&place.read("in"));
    found.sort();
    assert_eq!(found, ["keep.sql", "sub/a.sql"]);
    // Whoever names it means it.
    assert_eq!(place.read("in/a.sql").folder.files.len(), 1);
}

#[test]
fn a_file_that_goes_between_walking_and_reading_is_said() {
    let place = Place::with(&[]);
    let reader = Reader { known: &BTreeSet::new(), workers: 1, wanted: Wanted::Everything };
    let Err(why) = reader.file("gone.sql", &place.at("gone.sql")) else { panic!("nothing was read") };
    assert!(why.contains("No such file"), "{why}");
}

#[test]
fn names_keep_every_character_that_they_have() {
    let place = Place::with(&[("in/a\n\u{1b}[31m\\b.sql", b"create index a on t (x);")]);
    assert_eq!(names(&place.read("in")), ["a\n\u{1b}[31m\\b.sql"]);
}

#[test]
fn whatever_is_nested_too_deeply_is_said_and_all_else_is_read() {
    let nested = |open: &str, close: &str, times: usize| open.repeat(times) + "1" + &close.repeat(times);
    let mut doubled = "create index in_strings on t (x)".to_owned();
    let mut dollars = "create index in_dollars on t (x)".to_owned();
    for level in 0..12 {
        doubled = format!("do 'begin execute ''{}''; end'", doubled.replace('\'', "''''"));
        dollars = format!("do $a{level}$ begin execute $b{level}${dollars}$b{level}$; end $a{level}$");
        if doubled.len() > 2_000_000 {
            break;
        }
    }
    let text = [
        "create index first on t (x)".to_owned(),
        format!("select {}", nested("(", ")", 100_000)),
        format!("select {}", nested("array[", "]", 50_000)),
        format!("select {} 1", "not ".repeat(50_000)),
        format!("select {} 1", "- ".repeat(50_000)),
        format!("select {} end", "case when 1 then ".repeat(20_000)),
        format!("create table deep (x int check {})", nested("(", ")", 90)),
        format!("{} create index behind_comments on t (x)", nested("/*", "*/", 100_000)),
        doubled,
        dollars,
        "create index last on t (x)".to_owned(),
    ]
    .join(";\n");
    let place = Place::with(&[("in/a.sql", text.as_bytes())]);
    let read = place.read("in");
    let found = &read.files()[0].1;
    assert_eq!(found, &["first", "behind_comments", "last"]);
    let deep = read.folder.files[0].document.unread.iter();
    let deep: Vec<usize> = deep.map(|it| it.place.line).collect();
    assert!(deep.len() >= 6 && deep.is_sorted(), "{deep:?}");
}

#[test]
fn a_statement_of_many_megabytes_is_read_and_what_stands_behind_it_too() {
    let mut text = String::from("insert into t (a, b) values\n");
    text.extend((0..200_000).map(|row| format!("({row}, 'create index no on t (x); -- ''quoted''')\n,")));
    text += "(0, null);\ncreate index behind on t (x);\n";
    let brackets = "${{{".repeat(200_000);
    for part in ["select '", &brackets, "', ", &brackets, "\n;create index last on t (x);\n"] {
        text += part;
    }
    let place = Place::with(&[("in/a.sql", text.as_bytes())]);
    let read = place.read("in");
    assert_eq!(read.files()[0].1, ["behind", "last"]);
}
