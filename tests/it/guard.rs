//! `cicerone guard` as people and hooks run it: the binary, real folders, real repositories.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.folder.path().join(Path::new(name.as_ref()))
    }

    fn write(&self, name: impl AsRef<OsStr>, text: &str) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs_err::remove_file(self.path(name)).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cicerone"));
        command.current_dir(self.folder.path()).arg("guard").args(words);
        self.alone(&mut command);
        command
    }

    /// Away from whatever is set up on this machine.
    fn alone(&self, command: &mut Command) {
        let nowhere = self.folder.path().join("no-home");
        command.env("HOME", &nowhere).env("XDG_CONFIG_HOME", &nowhere);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "CICERONE_CONFIG", "COLUMNS"] {
            command.env_remove(name);
        }
    }

    fn run(&self, words: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = self.command(words).output().unwrap();
        let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
        (status.code().unwrap(), text)
    }

    fn json(&self, words: &[&str]) -> (i32, Value) {
        let output = self.command(words).args(["--output", "json"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said, "", "{words:?}");
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Findings as `file:line kind`.
    fn findings(&self, words: &[&str]) -> Vec<String> {
        let (code, answer) = self.json(words);
        let list = listed(&answer["findings"]);
        assert_eq!(code, i32::from(!list.is_empty()), "{list:?}");
        list
    }

    fn git(&self, words: &[&str]) -> String {
        let mut command = Command::new("git");
        self.alone(command.current_dir(self.folder.path()));
        command.args([
            "-c",
            "user.name=Ana",
            "-c",
            "user.email=ana@example.org",
            "-c",
            "commit.gpgsign=false",
        ]);
        command.args(["-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"]);
        let output = command.args(words).output().unwrap();
        assert!(output.status.success(), "{words:?} {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", "more"]);
    }
}

fn listed(findings: &Value) -> Vec<String> {
    let each = findings.as_array().unwrap().iter();
    each.map(|it| format!("{}:{} {}", it["file"].as_str().unwrap(), it["line"], it["kind"].as_str().unwrap()))
        .collect()
}

const UPDATE: &str = "update leads set a = 1;\n";
const INDEX: &str = "create index i on leads (a);\n";

#[test]
fn findings_are_told_by_file_with_what_to_do() {
    let project = Project::new(&[
        ("m/1.sql", "create table t (a int);\ninsert into t values (1);\n"),
        (
            "m/2.sql",
            "-- fine\ncreate unique index u on t (a);\n  update leads set a = 1;\ndelete from leads where b;\n",
        ),
        ("m/3.py", "def upgrade()\n    op.execute('update t set a = 1')\n"),
    ]);
    let (code, text) = project.run(&["m"]);
    assert_eq!(code, 1, "{text}");
    for wanted in [
        "m/2.sql\n",
        "  3:3       data-change: UPDATE leads\n            UPDATE without WHERE",
        "  4:1       data-change: DELETE FROM leads\n",
        "cicerone:allow data-change: REASON",
        "m/3.py\n  1:1       not-read: not read\n            this is no Python",
        "3 findings in 3 files: 2 data-change, 1 not-read.\nPassed: 1 seed;",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert_eq!(text.matches("help: change data in batches").count(), 1, "{text}");
    let (_, answer) = project.json(&["m/2.sql"]);
    let first = &answer["findings"][0];
    assert_eq!(answer["kind"], "guard");
    assert_eq!((&first["line"], &first["column"], &first["end_line"]), (&3.into(), &3.into(), &3.into()));
    assert_eq!((&first["end_column"], &first["what"]), (&26.into(), &"UPDATE leads".into()));
    project.remove("m/2.sql");
    project.remove("m/3.py");
    assert_eq!(
        project.run(&["m"]),
        (
            0,
            "0 findings in 1 file.\nPassed: 1 seed; --output json lists them with their reasons.\n"
                .to_owned()
        )
    );
}

#[test]
fn what_cannot_be_opened_or_is_no_text_is_a_finding() {
    let project = Project::new(&[("m/1.sql", "select 1;"), ("m/2.sql", "\0\0\0")]);
    std::os::unix::fs::symlink("nowhere", project.path("m/3.sql")).unwrap();
    assert_eq!(project.findings(&["m"]), ["m/2.sql:1 not-read", "m/3.sql:1 not-read"]);
    let (code, text) = project.run(&["m/4.sql"]);
    assert_eq!(code, 2);
    assert!(text.contains("m/4.sql cannot be read"), "{text}");
    assert_eq!(project.run(&[]).0, 2);
}

#[test]
fn notes_allow_with_a_reason_and_are_findings_without() {
    let project = Project::new(&[
        (
            "m/1.sql",
            "-- cicerone:allow data-change: four rows\nupdate leads set a = 1;\nupdate leads set a = 2; -- cicerone:allow guard: again\n",
        ),
        (
            "m/2.sql",
            "-- cicerone:allow data-change\nupdate leads set a = 1;\n-- cicerone:allow performance-index: none here\nselect 1;\n",
        ),
        (
            "m/3.sql",
            "/* cicerone:allow-file performance-index, not-read: a dump */\ncreate index i on t (a);\ncreate index on on t (a);\n",
        ),
        ("m/4.py", "# cicerone:allow dta-change: typed badly\nop.execute('delete from t')\n"),
    ]);
    let (_, answer) = project.json(&["m"]);
    assert_eq!(
        listed(&answer["findings"]),
        [
            "m/2.sql:1 bad-note",
            "m/2.sql:2 data-change",
            "m/2.sql:3 bad-note",
            "m/4.py:1 bad-note",
            "m/4.py:2 data-change"
        ]
    );
    assert_eq!(answer["passed"][0]["why"], "a note allows it: four rows");
    assert_eq!(answer["totals"]["by_reason"]["allowed"], 4);
}

#[test]
fn a_project_says_its_rules_once() {
    let project = Project::new(&[
        (
            "cicerone.toml",
            "[guard]\npaths = [\"db/m\"]\nkeep = [\n  \"u\",\n  \"gone\",\n]\nindexes_on_new_tables = \"allow\"\nseeds = \"refuse\"\n",
        ),
        (
            "db/m/1.sql",
            "create table t (a int);\ncreate index i on t (a);\ncreate unique index u on t (a);\n",
        ),
        ("db/m/2.sql", "insert into t values (1);\n"),
        ("db/m/3.sql", "drop index u;\n"),
    ]);
    let all = ["cicerone.toml:5 kept-index", "db/m/2.sql:1 seed", "db/m/3.sql:1 kept-index"];
    assert_eq!(project.findings(&[]), all);
    // Whatever is named, the series is read as a whole.
    assert_eq!(project.findings(&["db/m/1.sql"]), [all[0], all[2]]);
    assert_eq!(project.findings(&["db/m/2.sql"]), all);
    project.write("cicerone.toml", "[guard]\nkeep = \"u\"\n");
    let (code, text) = project.run(&["db/m"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("cicerone.toml:2:8"), "{text}");
}

#[test]
fn a_baseline_is_written_once_and_only_shrinks() {
    let project = Project::new(&[
        ("m/1.sql", &format!("{UPDATE}{INDEX}")),
        ("m/2.sql", UPDATE),
        ("m/3.sql", "create index on on t (a);"),
    ]);
    let baseline = "cicerone-guard-baseline.toml";
    assert_eq!(project.findings(&["m"]).len(), 4);
    let (code, text) = project.run(&["m", "--write-baseline"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.ends_with("Baseline cicerone-guard-baseline.toml: 4 entries.\n"), "{text}");
    let first = project.read(baseline);
    assert_eq!(project.findings(&["m"]), [""; 0]);

    // What moves stays known; what is new is not written, and what is gone is a finding until it is taken out.
    project.write("m/1.sql", &format!("\n\n-- moved\n{INDEX}UPDATE leads\n  SET a = 1;\n"));
    project.write("m/2.sql", "update leads set a = 2;\n");
    assert_eq!(
        project.findings(&["m"]),
        ["cicerone-guard-baseline.toml:7 stale-baseline", "m/2.sql:1 data-change"]
    );
    let (code, text) = project.run(&["m", "--write-baseline"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("1 finding in") && text.contains("3 entries"), "{text}");
    let second = project.read(baseline);
    assert_eq!(second.lines().count(), first.lines().count() - 1, "{second}");
    assert!(second.contains("kind = \"performance-index\"") && second.contains("line = 4,"), "{second}");
    assert_eq!(project.findings(&["m"]), ["m/2.sql:1 data-change"]);

    // A file that is not looked at keeps its entries; one that is renamed too; one that is gone does not.
    project.write("m/2.sql", "select 1;\n");
    fs_err::rename(project.path("m/1.sql"), project.path("m/9.sql")).unwrap();
    assert_eq!(project.findings(&["m/2.sql", "m/9.sql"]), [""; 0]);
    assert_eq!(project.findings(&["m"]), [""; 0]);
    project.remove("m/3.sql");
    assert_eq!(project.findings(&["m/2.sql", "m/9.sql"]), ["cicerone-guard-baseline.toml:7 stale-baseline"]);
    project.run(&["m", "--write-baseline"]);
    assert_eq!(project.read(baseline).matches("m/9.sql").count(), 2);
    // Nothing is left behind.
    let names: Vec<_> =
        fs_err::read_dir(project.folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_baseline_is_found_from_wherever_the_command_is_run() {
    let project =
        Project::new(&[("db/cicerone.toml", "[guard]\nbaseline = \"old.toml\"\n"), ("db/m/1.sql", UPDATE)]);
    assert_eq!(project.run(&["db/m"]).0, 2, "it is named and not there");
    assert_eq!(project.run(&["db/m", "--write-baseline"]).0, 0);
    assert!(project.read("db/old.toml").contains("file = \"m/1.sql\""), "{}", project.read("db/old.toml"));
    let mut inside = project.command(&["."]);
    assert_eq!(inside.current_dir(project.path("db/m")).output().unwrap().status.code(), Some(0));
    project.write("db/old.toml", "version = 1\nfinding = 3\n");
    let (code, text) = project.run(&["db/m"]);
    assert_eq!(code, 2);
    assert!(text.contains("old.toml:2:11"), "{text}");
}

#[test]
fn only_files_that_changed_since_the_branch_began_are_judged() {
    let project =
        Project::new(&[("m/1.sql", UPDATE), ("m/2.sql", UPDATE), ("m/3.sql", UPDATE), ("m/4.sql", UPDATE)]);
    project.git(&["init", "-q"]);
    project.commit();
    project.git(&["checkout", "-q", "-b", "work"]);
    project.git(&["checkout", "-q", "main"]);
    // What others did meanwhile is theirs.
    project.write("m/1.sql", &format!("{UPDATE}{INDEX}"));
    project.commit();
    project.git(&["checkout", "-q", "work"]);
    assert_eq!(project.findings(&["m"]).len(), 4);
    assert_eq!(project.findings(&["m", "--changed-since", "main"]), [""; 0]);

    let odd = OsStr::from_bytes(b"m/5 \"q\"\n\xC3\xB6'$(x).sql");
    project.write(odd, INDEX);
    project.write("m/2.sql", &format!("{UPDATE}select 1;\n"));
    project.commit();
    project.write("m/3.sql", &format!("{UPDATE}select 2;\n"));
    fs_err::rename(project.path("m/4.sql"), project.path("m/6.sql")).unwrap();
    project.write("m/.gitignore", "ignored.sql\n");
    project.write("m/ignored.sql", UPDATE);
    let committed = "m/5 \"q\"\nö'$(x).sql:1 performance-index";
    let expected = ["m/2.sql:1 data-change", "m/3.sql:1 data-change", committed, "m/6.sql:1 data-change"];
    assert_eq!(project.findings(&["m", "--changed-since", "main"]), expected);
    assert_eq!(project.findings(&["m", "m/ignored.sql", "--changed-since", "main"]).len(), 5);
    // A hook hands down a repository of its own; a folder inside asks for the same.
    let mut hook = project.command(&[".", "--changed-since=main", "--output", "json"]);
    hook.current_dir(project.path("m")).env("GIT_DIR", ".git").env("GIT_INDEX_FILE", "/nonexistent");
    let answer: Value = serde_json::from_slice(&hook.output().unwrap().stdout).unwrap();
    assert_eq!(answer["totals"]["findings"], 4);
    assert_eq!(answer["totals"]["by_reason"]["unchanged"], 1);
    project.git(&["add", "-A"]);
    assert_eq!(project.findings(&["m", "--changed-since", "main"]), expected);
}

#[test]
fn with_changes_only_the_series_is_still_looked_at_as_a_whole() {
    let project = Project::new(&[
        ("cicerone.toml", "[guard]\nkeep = [\"u\"]\n"),
        ("m/1.sql", "create unique index u on t (a);\n"),
        ("m/2.sql", UPDATE),
        ("m/3.sql", INDEX),
    ]);
    project.git(&["init", "-q"]);
    assert_eq!(project.run(&["m", "--write-baseline"]).0, 0);
    project.commit();
    let since = |words: &[&str]| project.findings(&[&["m", "--changed-since", "HEAD"], words].concat());
    assert_eq!(since(&[]), [""; 0]);
    project.remove("m/1.sql");
    assert_eq!(since(&[]), ["cicerone.toml:2 kept-index"]);
    project.write("m/1.sql", "create unique index u on t (a);\n");
    project.remove("m/2.sql");
    assert_eq!(since(&[]), ["cicerone-guard-baseline.toml:5 stale-baseline"]);
}

#[test]
fn what_git_cannot_say_is_an_error_that_says_why() {
    let project = Project::new(&[("m/1.sql", UPDATE)]);
    let fails = |words: &[&str], wanted: &str| {
        let (code, text) = project.run(&[&["m"], words].concat());
        assert_eq!(code, 2, "{words:?} {text}");
        assert!(text.contains(wanted), "{wanted}\n{text}");
    };
    fails(&["--changed-since", "main"], "m is in no working tree of git");
    project.git(&["init", "-q"]);
    fails(&["--changed-since", "main"], "no commit yet");
    project.commit();
    fails(&["--changed-since", "nobody"], "git knows no commit \"nobody\"");
    fails(&["--changed-since", "HEAD..main"], "git knows no commit");
    fails(&["--changed-since", "main:m/1.sql"], "git knows no commit");
    fails(&["--changed-since", "--output=/tmp/x"], "is no branch, tag or commit");
    fails(&["--changed-since="], "is no branch, tag or commit");
    project.git(&["checkout", "-q", "--orphan", "alone"]);
    project.write("alone", "");
    project.commit();
    fails(&["--changed-since", "main"], "no common history");
    let other = Project::new(&[("1.sql", UPDATE)]);
    fails(
        &[other.path("1.sql").to_str().unwrap(), "--changed-since", "alone"],
        "is outside of the repository",
    );

    project.git(&["checkout", "-q", "main"]);
    project.write("m/2.sql", UPDATE);
    project.commit();
    let origin = format!("file://{}", project.folder.path().display());
    let clone = Project::new(&[]);
    clone.git(&["clone", "-q", "--depth", "1", &origin, "."]);
    let (code, text) = clone.run(&["m", "--changed-since", "origin/alone"]);
    assert_eq!(code, 2);
    assert!(text.contains("this clone is shallow") && text.contains("fetch-depth: 0"), "{text}");
}

#[test]
fn other_programs_are_told_in_their_own_formats_what_counts_and_what_was_pardoned() {
    let project = Project::new(&[
        ("m/1.sql", UPDATE),
        ("m/2.sql", "insert into t values (1);\n"),
        ("cicerone.toml", "[guard]\nkeep = [\"uq_users_email\"]\n"),
    ]);
    assert_eq!(project.run(&["m", "--write-baseline"]).0, 1, "the index to keep is not there");
    project.write("m/3,\u{1b}[31m:%<&\".sql", "create index \"I\n::error::x<&\x1b[2J\" on leads (a);\n");
    project.write("m/4.sql", "-- cicerone:allow data-change: <few> & \"old\"\ndelete from leads;\n");

    let (code, text) = project.run(&["m", "--format", "sarif"]);
    let log: Value = serde_json::from_str(&text).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../fixtures/lint/sarif.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&log).map(|it| it.to_string()).collect();
    assert_eq!((code, errors), (1, Vec::new()));
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let told: Vec<String> = results
        .iter()
        .map(|it| {
            let index = usize::try_from(it["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], it["ruleId"]);
            let pardon = &it["suppressions"][0];
            let why = pardon["justification"].as_str().unwrap_or_default();
            format!("{} {} {why}", it["ruleId"].as_str().unwrap(), pardon["kind"].as_str().unwrap_or("open"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "kept-index open ",
            "data-change external it is in the baseline",
            "performance-index open ",
            "data-change inSource <few> & \"old\"",
        ]
    );

    let (code, text) = project.run(&["m", "--format", "github"]);
    assert_eq!((code, text.lines().count()), (1, 2), "{text}");
    assert!(text.lines().all(|it| it.starts_with("::error file=")), "{text}");
    assert!(
        text.contains("::error file=m/3%2C%1B[31m%3A%25<&\".sql,line=1,") && !text.contains('\u{1b}'),
        "{text}"
    );

    let (code, text) = project.run(&["m", "--format", "junit"]);
    assert!(text.contains("<testsuites name=\"cicerone guard\" tests=\"5\" failures=\"2\">"), "{text}");
    assert!(text.contains("<testcase classname=\"m/2.sql\" name=\"guard\"/>"), "{text}");
    assert_eq!((code, text.matches("<testsuite ").count(), text.contains('\u{1b}')), (1, 5, false), "{text}");

    let (_, json) = project.run(&["m", "--format", "json"]);
    assert_eq!(json, project.run(&["m", "--output", "json"]).1);
}
