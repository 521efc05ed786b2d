//! The command on whole folders.

use std::fs;
use std::path::Path;

use super::*;

pub(super) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    pub(super) fn of(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        Self { folder }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn args(&self) -> LintArgs {
        LintArgs {
            verb: None,
            paths: vec![self.path().join("m")],
            format: LintFormat::Text,
            fail_on: None,
            settings: None,
            fix: false,
            diff: false,
            stdin_name: String::new(),
        }
    }

    pub(super) fn run(&self, args: &LintArgs) -> (Exit, String) {
        let mut out = Vec::new();
        let exit = lint(args, Output::Plain, &mut out).unwrap();
        let root = format!("{}/", self.path().to_string_lossy());
        (exit, String::from_utf8(out).unwrap().replace(&root, ""))
    }

    fn refused(&self) -> String {
        lint(&self.args(), Output::Plain, &mut Vec::new()).unwrap_err().to_string()
    }
}

const PLAIN: &[u8] = b"create index i on t (a);\n";

#[test]
fn findings_are_told_with_their_line_and_end_with_1() {
    let project =
        Project::of(&[("m/1.sql", PLAIN), ("m/2.sql", b"create index on on;"), ("m/3.sql", b"\0\0")]);
    let (exit, text) = project.run(&project.args());
    assert_eq!(exit, Exit::Findings);
    for wanted in [
        "error[missing-concurrently]: this build stops every write to t until it is over\n",
        "--> m/1.sql:1:1\n",
        "1 | create index i on t (a);\n  | ^^^^^^^^^^^^\n",
        "--> m/2.sql:1:1",
        "error[unreadable]: this file cannot be read: it is not a text\n",
        "--> m/3.sql:1:1",
        "3 files: 3 errors, 0 warnings, 0 notes\n",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
}

#[test]
fn settings_above_the_first_path_say_how_bad_each_rule_is() {
    let settings = b"[lint]\nfail_on = \"warning\"\n[lint.rules]\nmissing-concurrently = \"warning\"\n\
        [[lint.paths]]\nmatch = [\"/m/old/\", \"2*.sql\"]\nrules = { missing-concurrently = \"off\" }\n\
        [[lint.paths]]\nmatch = \"**/keep.sql\"\nrules.missing-concurrently = \"note\"\n";
    let project = Project::of(&[
        ("cicerone.toml", settings),
        ("m/1.sql", PLAIN),
        ("m/2_a.sql", PLAIN),
        ("m/old/1.sql", PLAIN),
        ("m/old/keep.sql", PLAIN),
    ]);
    let (exit, text) = project.run(&project.args());
    assert_eq!(exit, Exit::Findings, "{text}");
    assert!(
        text.contains("warning[missing-concurrently]") && text.contains("note[missing-concurrently]"),
        "{text}"
    );
    assert!(text.contains("4 files: 0 errors, 1 warning, 1 note\n"), "{text}");
    let only = LintArgs { fail_on: Some(FailOn::Error), ..project.args() };
    assert_eq!(project.run(&only).0, Exit::Verified);
    assert_eq!(project.run(&LintArgs { fail_on: Some(FailOn::Never), ..project.args() }).0, Exit::Verified);
}

#[test]
fn every_mistake_in_the_settings_is_told_with_its_place() {
    let settings = b"[lint]\nfail_on = \"bad\"\nrule = 1\n[lint.rules]\nmissing-concurently = \"off\"\nunreadable = \"loud\"\n\
        [[lint.paths]]\nrules = {}\n";
    let project = Project::of(&[("cicerone.toml", settings), ("m/1.sql", PLAIN)]);
    let error = project.refused();
    for wanted in [
        "cicerone.toml:2:11",
        "\"bad\" is no severity",
        "cicerone.toml:3:1",
        "unknown key `rule` in [lint]",
        "cicerone.toml:5:1",
        "did you mean missing-concurrently?",
        "cicerone.toml:6:14",
        "`match` is missing",
    ] {
        assert!(error.contains(wanted), "{wanted}\n{error}");
    }
}

#[test]
fn settings_of_a_repository_around_it_are_not_this_ones() {
    let project = Project::of(&[("cicerone.toml", b"nonsense"), ("sub/.git/x", b""), ("sub/m/1.sql", PLAIN)]);
    let args = LintArgs { paths: vec![project.path().join("sub/m")], ..project.args() };
    assert_eq!(project.run(&args).0, Exit::Findings);
}

#[test]
fn rules_are_listed_and_each_is_explained() {
    let project = Project::of(&[]);
    let (exit, list) = project.run(&LintArgs { verb: Some(LintVerb::Rules), ..project.args() });
    assert_eq!((exit, list.lines().count()), (Exit::Verified, rule::ALL.len()));
    let verb = LintVerb::Explain { rule: "timeout-before-concurrently".to_owned() };
    let (_, text) = project.run(&LintArgs { verb: Some(verb), ..project.args() });
    assert!(
        text.starts_with("timeout-before-concurrently (error)\n") && text.contains("\nFound, in "),
        "{text}"
    );
    let verb = LintVerb::Explain { rule: "timeout".to_owned() };
    let error =
        lint(&LintArgs { verb: Some(verb), ..project.args() }, Output::Plain, &mut Vec::new()).unwrap_err();
    assert_eq!(error.exit, Exit::Usage);
}
