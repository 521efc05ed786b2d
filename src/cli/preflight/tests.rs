use super::*;
use crate::domain::check::{Evidence, Question, unanswered};
use crate::domain::plan::fixture::{edit, noon, target};
use crate::domain::unit::Millis;

fn evidence(query: Option<&str>) -> Evidence {
    Evidence {
        source: "pg_stat_archiver".to_owned(),
        query: query.map(ToOwned::to_owned),
        at: noon(),
        took: Millis(14),
    }
}

fn result(question: Question, verdict: Verdict, found: &str) -> CheckResult {
    edit(unanswered(question, found, evidence(None)), |it| {
        it.verdict = verdict;
        it.wanted = "as it should be".to_owned();
        if verdict == Verdict::Pass {
            it.advice = None;
        }
    })
}

fn results() -> Vec<CheckResult> {
    vec![
        result(Question::Identity, Verdict::Pass, "app, system id ..0001"),
        result(Question::Primary, Verdict::Stop, "standby, in recovery"),
        edit(result(Question::Blockers, Verdict::Warn, "snapshot: pid 1234"), |it| {
            it.details.push("WARN snapshot whole database for 12 m 03 s: pid 1234 \u{1b}[2J".to_owned());
            it.evidence.query = Some("-- who\nSELECT pid\n  FROM pg_locks".to_owned());
        }),
        result(
            Question::DiskHeadroom,
            Verdict::Stop,
            "11.8 GiB free on /var/lib/postgresql/a-long-name-of-a-volume-that-does-not-fit",
        ),
        result(Question::Backup, Verdict::Unknown, "no answer in 10.0 s"),
    ]
}

fn text(checks: &[CheckResult]) -> String {
    let mut out = Vec::new();
    print_checks(checks, &PlanId::from("abc"), &target(), &mut out, Output::Plain, 80).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn answers_with_every_verdict() {
    insta::assert_snapshot!(text(&results()));
}

#[test]
fn the_gate_is_open_with_warnings_and_closed_by_what_is_unknown() {
    let only = |verdict| [result(Question::Backup, verdict, "x")];
    for (verdict, wanted) in [
        (Verdict::Pass, Gate::Open),
        (Verdict::Warn, Gate::Open),
        (Verdict::Unknown, Gate::Closed),
        (Verdict::Stop, Gate::Closed),
    ] {
        assert_eq!(gate(&only(verdict)), wanted);
    }
    assert!(text(&only(Verdict::Warn)).contains("GATE OPEN"));
}

#[test]
fn nothing_that_was_found_reaches_the_terminal_raw() {
    assert!(text(&results()).chars().all(|it| it == '\n' || !it.is_control()));
}

#[test]
fn the_json_form_is_versioned_and_says_whether_the_gate_is_open() {
    let mut out = Vec::new();
    print_checks(&results(), &PlanId::from("abc"), &target(), &mut out, Output::Json, 80).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&answer["version"], &answer["gate"]), (&1.into(), &"closed".into()));
    assert_eq!(answer["counts"], serde_json::json!({ "ok": 1, "warn": 1, "unknown": 1, "fail": 2 }));
    let read: Vec<CheckResult> = serde_json::from_value(answer["checks"].clone()).unwrap();
    assert_eq!(read, results());
}
