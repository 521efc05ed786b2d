//! Every mistake a playbook can hold, row by row, with its place.

use proptest::prelude::*;

use super::*;
use crate::domain::diagnostic::{Code, Source, render};

const ROLLOUT: &str = include_str!("../../../playbooks/index-rollout.toml");
const REHEARSAL: &str = include_str!("../../../playbooks/rehearsal.toml");

fn source(text: &str) -> Source {
    Source { path: "p.toml".to_owned(), text: text.to_owned() }
}

fn good(text: &str) -> Playbook {
    load(&source(text)).unwrap_or_else(|found| panic!("{}", render(&found, &[source(text)])))
}

/// A playbook of one step with the given lines.
fn step(lines: &str) -> String {
    format!("version = 1\nname = \"p\"\n[[phase]]\nname = \"a\"\n[[phase.step]]\nname = \"s\"\n{lines}\n")
}

fn found(text: &str) -> Vec<(Code, u32, &str)> {
    let found = load(&source(text)).expect_err(text);
    assert!(found.iter().all(|it| it.hint.is_some()));
    found.into_iter().map(|it| (it.code, it.line, text.get(it.span).unwrap_or("?"))).collect()
}

fn kind(text: &str) -> StepKind {
    good(text).phases[0].steps[0].kind.clone()
}

#[test]
fn the_shipped_playbooks_load_and_end_with_a_signature() {
    for text in [ROLLOUT, REHEARSAL] {
        let playbook = good(text);
        let phases: Vec<&str> = playbook.phases.iter().map(|phase| phase.name.as_str()).collect();
        assert_eq!(phases, ["preflight", "go", "build", "verify", "signoff"]);
        let ids: Vec<&str> = playbook.steps().map(|step| step.id.as_str()).collect();
        assert_eq!(
            ids,
            ["preflight.checks", "go.confirm", "build.indexes", "verify.verify", "signoff.signoff"]
        );
        assert!(matches!(playbook.steps().last().unwrap().kind, StepKind::SignOff { .. }));
    }
}

#[test]
fn each_kind_reads_its_keys() {
    assert_eq!(kind(&step("kind = \"checks\"")), StepKind::Checks { require: vec![] });
    assert_eq!(
        kind(&step("kind = \"checks\"\nrequire = [\"backup\"]")),
        StepKind::Checks { require: vec![CheckId::from("backup")] }
    );
    assert_eq!(
        kind(&step("kind = \"confirm\"\nprompt = \"Go?\"")),
        StepKind::Confirm { prompt: "Go?".to_owned() }
    );
    assert_eq!(
        kind(&step("kind = \"signoff\"\nprompt = \"Ok?\"")),
        StepKind::SignOff { prompt: "Ok?".to_owned() }
    );
    assert_eq!(kind(&step("kind = \"verify\"")), StepKind::Verify { explain: false });
    let text = step(
        "kind = \"build_indexes\"\nonly_domains = [\"crm\"]\njobs = 2\nattempts = 3\nfirst_lock = \"90s\"\nwriters = \"2min\"\nold_snapshots = \"1h\"\non_budget = \"cancel_and_clean\"",
    );
    assert_eq!(
        kind(&text),
        StepKind::BuildIndexes {
            only_domains: Some(vec!["crm".to_owned()]),
            jobs: Some(2),
            attempts: Some(3),
            first_lock: Some(Millis(90_000)),
            writers: Some(Millis(120_000)),
            old_snapshots: Some(Millis(3_600_000)),
            on_budget: Some(BudgetPolicy::CancelAndClean),
        }
    );
}

#[test]
fn titles_and_policies_have_defaults() {
    let playbook = good(&step("kind = \"verify\""));
    assert_eq!((playbook.title.as_str(), playbook.phases[0].title.as_str()), ("p", "a"));
    assert_eq!(playbook.phases[0].steps[0].on_failure, OnFailure::Stop);
    let playbook = good(&step("kind = \"verify\"\ntitle = \"T\"\non_failure = \"warn\""));
    assert_eq!(playbook.phases[0].steps[0].title, "T");
    assert_eq!(playbook.phases[0].steps[0].on_failure, OnFailure::Warn);
}

type Row<'a> = (String, Vec<(Code, u32, &'a str)>);

#[test]
fn every_mistake_is_found_at_its_place() {
    let head = "version = 1\nname = \"p\"\n";
    let rows: Vec<Row<'_>> = vec![
        (String::new(), vec![(Code::MissingKey, 1, ""), (Code::MissingKey, 1, ""), (Code::Nothing, 1, "")]),
        (head.to_owned(), vec![(Code::Nothing, 1, "")]),
        (format!("{head}[[phase]]\nname = \"a\"\n"), vec![(Code::Nothing, 3, "[[phase]]")]),
        (format!("{head}[phase]\n"), vec![(Code::WrongType, 3, "[phase]")]),
        (step("kind = \"command\""), vec![(Code::UnknownValue, 7, "\"command\"")]),
        (step("kind = \"verfy\""), vec![(Code::UnknownValue, 7, "\"verfy\"")]),
        (step(""), vec![(Code::MissingKey, 5, "[[phase.step]]")]),
        (step("kind = \"verify\"\njobs = 2"), vec![(Code::UnknownKey, 8, "jobs")]),
        (step("kind = \"verify\"\nexplain = 1"), vec![(Code::WrongType, 8, "1")]),
        (step("kind = \"verify\"\non_failure = \"retry\""), vec![(Code::UnknownValue, 8, "\"retry\"")]),
        (step("kind = \"confirm\""), vec![(Code::MissingKey, 5, "[[phase.step]]")]),
        (step("kind = \"signoff\"\nprompt = \"\""), vec![(Code::EmptyValue, 8, "\"\"")]),
        (step("kind = \"checks\"\nrequire = [\"No\"]"), vec![(Code::BadName, 8, "\"No\"")]),
        (step("kind = \"build_indexes\"\njobs = 0"), vec![(Code::OutOfRange, 8, "0")]),
        (step("kind = \"build_indexes\"\njobs = 1.5"), vec![(Code::WrongType, 8, "1.5")]),
        (step("kind = \"build_indexes\"\nattempts = -1"), vec![(Code::OutOfRange, 8, "-1")]),
        (step("kind = \"build_indexes\"\nwriters = \"10\""), vec![(Code::OutOfRange, 8, "\"10\"")]),
        (step("kind = \"build_indexes\"\nwriters = \"0s\""), vec![(Code::OutOfRange, 8, "\"0s\"")]),
        (step("kind = \"build_indexes\"\nonly_domains = []"), vec![(Code::EmptyValue, 8, "[]")]),
        (step("kind = \"build_indexes\"\non_budget = \"wait\""), vec![(Code::UnknownValue, 8, "\"wait\"")]),
        (
            step("kind = \"verify\"\n[[phase.step]]\nname = \"s\"\nkind = \"verify\""),
            vec![(Code::DuplicateName, 9, "\"s\"")],
        ),
        (
            step(
                "kind = \"verify\"\n[[phase]]\nname = \"a\"\n[[phase.step]]\nname = \"s\"\nkind = \"verify\"",
            ),
            vec![(Code::DuplicateName, 9, "\"a\"")],
        ),
        (step("kind = \"verify\"").replace("\"p\"", "\"P p\""), vec![(Code::BadName, 2, "\"P p\"")]),
        (
            step("kind = \"checks\"\nx = 1").replace("name = \"p\"", "nam = 1"),
            vec![(Code::MissingKey, 1, ""), (Code::UnknownKey, 2, "nam"), (Code::UnknownKey, 8, "x")],
        ),
        (step("kind = "), vec![(Code::TomlSyntax, 7, "")]),
    ];
    for (text, expected) in rows {
        assert_eq!(found(&text), expected, "{text}");
    }
}

#[test]
fn an_unknown_kind_is_answered_with_those_there_are() {
    let text = step("kind = \"verfy\"");
    insta::assert_snapshot!(render(&load(&source(&text)).expect_err("unknown kind"), &[source(&text)]), @r#"
    error: `verfy` is no kind that this program knows
     --> p.toml:7:8
      |
    7 | kind = "verfy"
      |        ^^^^^^^
      |
      = help: did you mean `verify`? valid are: checks, confirm, build_indexes, verify, signoff
    "#);
}

#[test]
fn a_playbook_survives_the_journal() {
    let playbook = good(ROLLOUT);
    let json = serde_json::to_string(&playbook).unwrap();
    assert_eq!(serde_json::from_str::<Playbook>(&json).unwrap(), playbook);
}

proptest! {
    #[test]
    fn no_mutation_of_a_playbook_makes_the_loader_panic(
        at in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        insert in prop::sample::select(vec!["\"", "[", "]", "=", "\n", "\\", "é", "[[", "1", "{", ""]),
        remove in 0_usize..40,
    ) {
        let mut text: Vec<char> = ROLLOUT.chars().collect();
        for at in at {
            let at = at.index(text.len());
            let end = (at + remove).min(text.len());
            text.splice(at..end, insert.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(found) = load(&source(&text)) {
            prop_assert!(!found.is_empty());
            prop_assert!(!render(&found, &[source(&text)]).is_empty());
        }
    }
}
