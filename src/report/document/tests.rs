//! The report of scripted runs.

use crate::domain::event::Event;
use crate::domain::id::Digest;
use crate::domain::unit::Millis;
use crate::report::script;

use super::{EntryState, JournalFacts, Mark, Report};

fn report(events: &[Event]) -> Report {
    let head = Digest("9f".repeat(32));
    Report::of(
        events,
        JournalFacts { path: "/state/journal.jsonl".into(), records: events.len() as u64, head },
    )
}

#[test]
fn the_report_of_a_rehearsal_tells_it_all() {
    insta::assert_snapshot!(report(&script::rehearsal()).to_markdown());
}

#[test]
fn the_json_report_has_the_same_facts_in_ascii() {
    let json = report(&script::rehearsal()).to_json().unwrap();
    assert!(json.is_ascii());
    let mut read: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(read["entries"][2]["key"], script::EVIL, "nothing is lost by escaping");
    // Shapes of other modules, and more of the same.
    read["run"]["settings"] = "…".into();
    read["entries"].as_array_mut().unwrap().truncate(1);
    read["checks"].as_array_mut().unwrap().truncate(1);
    insta::assert_json_snapshot!(read);
}

#[test]
fn entries_end_in_the_state_that_is_so() {
    let states: Vec<_> = report(&script::rehearsal()).entries.iter().map(|entry| entry.state).collect();
    let expected = [
        EntryState::Built,
        EntryState::Built,
        EntryState::Leftover,
        EntryState::Skipped,
        EntryState::Present,
    ];
    assert_eq!(states, expected);
}

#[test]
fn work_and_waits_of_the_last_attempt_are_told_apart() {
    let report = report(&script::rehearsal());
    let entry = &report.entries[0];
    // Lock 1 + writers 2 + writers again 33 + snapshots 1, of 75 s from intent to end.
    assert_eq!((entry.working, entry.waiting), (Some(Millis(38_000)), Some(Millis(37_000))));
    let sum = entry.phases.iter().fold(Millis(0), |sum, time| sum + time.time);
    assert_eq!(sum, Millis(75_000));
    let accuracy = report.accuracy.unwrap();
    assert_eq!((accuracy.builds, accuracy.within_band), (2, 2));
    assert!((accuracy.median_ratio - 0.95).abs() < 1e-9);
}

#[test]
fn rollback_names_exactly_the_ledger() {
    let report = report(&script::rehearsal());
    let made: Vec<_> = report.rollback.iter().map(|item| (item.entry.as_str(), item.oid.0)).collect();
    assert_eq!(made.len(), 3);
    assert!(
        made.contains(&("public.idx_deals_stage", 20_002)),
        "the OID of the second attempt, not of the first"
    );
    assert!(!made.iter().any(|(entry, _)| *entry == "public.idx_old"), "what was there before is not ours");
}

#[test]
fn every_prefix_of_a_journal_has_a_report() {
    let events = script::rehearsal();
    for length in 0..=events.len() {
        let report = report(&events[..length]);
        assert!(report.to_markdown().contains("## Rollback"));
        report.to_json().unwrap();
    }
}

#[test]
fn hostile_names_break_no_table_and_reach_no_terminal() {
    let page = report(&script::rehearsal()).to_markdown();
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "control characters");
    assert!(!page.contains('\u{202e}'), "direction override");
    let mut columns = None;
    for line in page.lines() {
        if !line.starts_with('|') {
            columns = None;
            continue;
        }
        let bars = line.replace("\\|", "").matches('|').count();
        assert_eq!(*columns.get_or_insert(bars), bars, "{line}");
    }
}

#[test]
fn a_cut_run_is_not_called_finished_and_not_a_rehearsal() {
    let report = report(&script::cut_short());
    assert_eq!(report.mark, None);
    assert_eq!(report.run.as_ref().unwrap().closed_at, None);
    let page = report.to_markdown();
    assert!(page.contains("not closed") && page.contains("Nobody has signed") && !page.contains("REHEARSAL"));
}

#[test]
fn a_rehearsal_says_so_at_the_top() {
    let report = report(&script::rehearsal());
    assert_eq!(report.mark, Some(Mark::Rehearsal));
    let page = report.to_markdown();
    assert!(page.lines().next().unwrap().contains("REHEARSAL"));
}
