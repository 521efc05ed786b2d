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
            format: FindingFormat::Text,
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

fn as_format(project: &Project, format: FindingFormat) -> String {
    project.run(&LintArgs { format, ..project.args() }).1
}

fn hostile() -> Project {
    Project::of(&[
        ("m/a,b:%<\u{1b}[31m>&\".sql", b"create index \"I\n::error::x<&\x1b[2J\" on t (a);\n"),
        (
            "m/2.sql",
            b"-- cicerone:allow missing-concurrently: <small> & \"old\"\ncreate index i on t (lower(a));\n",
        ),
        ("m/3.sql", b"\0"),
        ("m/4.sql", b"select 1;"),
    ])
}

#[test]
fn sarif_is_as_the_standard_wants_it_whatever_names_hold() {
    let text = as_format(&hostile(), FindingFormat::Sarif);
    let log: serde_json::Value = serde_json::from_str(&text).unwrap();
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/lint/sarif.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, [""; 0]);
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert!(results.len() >= 4, "{text}");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    let allowed: Vec<&serde_json::Value> =
        results.iter().filter(|it| !it["suppressions"].as_array().unwrap().is_empty()).collect();
    assert_eq!(allowed.len(), 1, "{text}");
    assert_eq!(allowed[0]["suppressions"][0]["justification"], "<small> & \"old\"");
}

#[test]
fn each_annotation_is_one_line_and_one_command() {
    let text = as_format(&hostile(), FindingFormat::Github);
    assert!(text.lines().count() >= 4, "{text}");
    for line in text.lines() {
        let (head, message) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
        assert!(
            head.starts_with("error file=")
                || head.starts_with("warning file=")
                || head.starts_with("notice file=")
        );
        assert_eq!(head.matches(',').count(), 4, "{line}");
        assert!(!message.is_empty() && !line.contains(['\u{1b}', '\r']), "{line}");
    }
    assert!(text.contains("a%2Cb%3A%25<%1B[31m>&\".sql,line=1,"), "{text}");
}

#[test]
fn junit_has_a_case_for_each_finding_and_for_each_file_without() {
    let text = as_format(&hostile(), FindingFormat::Junit);
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "), "{text}");
    assert!(!text.contains(['\u{1b}', '\0']), "{text}");
    assert_eq!(text.matches("<testsuite ").count(), 4);
    let cases = text.matches("<testcase ").count();
    let failures = text.matches("<failure ").count();
    assert!(text.contains(&format!("tests=\"{cases}\" failures=\"{failures}\">\n")), "{text}");
    assert_eq!(text.matches("name=\"lint\"/>").count(), 1);
    assert!(text.contains("&lt;␛[31m&gt;") || text.contains("&lt;\u{fffd}[31m&gt;&amp;&quot;"), "{text}");
}

#[test]
fn json_tells_every_finding_and_what_allows_it() {
    let (_, text) = hostile().run(&LintArgs { format: FindingFormat::Json, ..hostile().args() });
    assert!(text.is_ascii());
    let project = hostile();
    let answer: serde_json::Value = serde_json::from_str(&as_format(&project, FindingFormat::Json)).unwrap();
    assert_eq!((&answer["version"], &answer["kind"]), (&serde_json::json!(1), &serde_json::json!("lint")));
    assert_eq!(answer["totals"]["allowed"], 1);
    let findings = answer["findings"].as_array().unwrap();
    let open = findings.iter().filter(|it| it["allowed"].is_null()).count();
    let sum: u64 =
        ["errors", "warnings", "notes"].iter().map(|it| answer["totals"][*it].as_u64().unwrap()).sum();
    assert_eq!(open as u64, sum);
    assert!(findings.iter().any(|it| it["rule"] == "expression-without-analyze" && it["line"] == 2));
}

/// A series in which every statement of the second file stands outside of a transaction, and is sent by itself.
const MADE: &[u8] =
    b"-- +goose Up\ncreate table t (a int, b int);\ncreate table p (a int) partition by range (a);\n";

#[cfg(unix)]
#[test]
fn what_is_corrected_keeps_its_rights_its_mark_and_its_line_ends_and_once_is_enough() {
    use std::os::unix::fs::PermissionsExt;
    let second = b"\xEF\xBB\xBF-- +goose NO TRANSACTION\r\n-- +goose Up\r\nCREATE INDEX i ON t (a);\r\ncreate /* x */ index j on t (b);\r\ncreate index k on p (a);\r\nreindex table t;\r\n-- +goose Down\r\ndrop index i;\r\n";
    let project = Project::of(&[("m/1.sql", MADE), ("m/2.sql", second)]);
    let path = project.path().join("m/2.sql");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let args = LintArgs { fix: true, ..project.args() };
    let shown = LintArgs { diff: true, ..args.clone() };
    let (exit, diff) = project.run(&shown);
    assert_eq!(exit, Exit::Findings);
    assert!(
        diff.contains("-CREATE INDEX i ON t (a);") && diff.contains("+CREATE INDEX CONCURRENTLY i ON t (a);"),
        "{diff}"
    );
    assert_eq!(fs::read(&path).unwrap(), second);
    let (_, text) = project.run(&args);
    let wanted = String::from_utf8(second.to_vec())
        .unwrap()
        .replace("INDEX i", "INDEX CONCURRENTLY i")
        .replace("index j", "index CONCURRENTLY j")
        .replace("table t", "table CONCURRENTLY t")
        .replace("drop index i", "drop index CONCURRENTLY i");
    assert_eq!(String::from_utf8(fs::read(&path).unwrap()).unwrap(), wanted);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(text.contains("p is partitioned") && !text.contains("--fix"), "{text}");
    let again = project.run(&args);
    assert_eq!((again.1, fs::read(&path).unwrap()), (text, wanted.into_bytes()));
}

#[test]
fn what_is_not_certain_is_not_corrected() {
    for (name, text) in [
        // Nothing says that it is sent by itself, or that it is not in a transaction.
        ("2.sql", &b"create index i on t (a);"[..]),
        ("2.sql", b"-- +goose Up\ncreate index i on t (a);"),
        ("2.sql", b"-- migrate:up transaction:false\ncreate index i on t (a); select 1;"),
        // A table that nobody is seen to make may be a view or partitioned.
        ("2.sql", b"-- +goose NO TRANSACTION\n-- +goose Up\ncreate index i on u (a);"),
        // These may fail, and would leave something behind.
        ("2.sql", b"-- +goose NO TRANSACTION\n-- +goose Up\ncreate unique index i on t (a);"),
        ("2.sql", b"-- +goose NO TRANSACTION\n-- +goose Up\ncreate index if not exists i on t (a);"),
        ("2.sql", b"-- +goose NO TRANSACTION\n-- +goose Up\nset lock_timeout = '2s';\ncreate index i on t (a);"),
        // Latin-1 would become something else.
        ("2.sql", b"-- +goose NO TRANSACTION\n-- +goose Up\n-- gr\xFC\xDFe\ncreate index i on t (a);"),
        ("2.sql", b"-- +goose NO TRANSACTION\n-- +goose Up\n-- cicerone:allow missing-concurrently: small\ncreate index i on t (a);"),
        ("2.py", b"cur.execute('create index i on t (a)')\n"),
    ] {
        let project = Project::of(&[("m/1.sql", MADE), (&format!("m/{name}"), text)]);
        project.run(&LintArgs { fix: true, ..project.args() });
        assert_eq!(fs::read(project.path().join("m").join(name)).unwrap(), text, "{}", String::from_utf8_lossy(text));
    }
}
