//! Scenarios: the real engine in a scripted world.
//!
//! Every file in `tests/scenarios` is a test. Those that end well are also played with a process that dies, and with
//! a journal that fails, at each of their records.

mod script;
mod stage;

use std::path::Path;

use cicerone::cli::exit::of_run;
use cicerone::domain::event::{BuildEvent, Ending, EventKind, Origin, RunEvent};
use cicerone::domain::state::{BuildStatus, Left, RunState};

use self::script::{Script, span};
use self::stage::{Played, play};
use crate::scripted::Mishap;

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(format!("{name}.toml"));
    fs_err::read_to_string(path).unwrap()
}

fn word(state: &RunState, entry: &str) -> &'static str {
    match state.builds.get(&entry.into()).map(|record| &record.status) {
        None => "none",
        Some(BuildStatus::Running { .. }) => "running",
        Some(BuildStatus::Retrying { .. }) => "retrying",
        Some(BuildStatus::Cleaning { .. }) => "cleaning",
        Some(BuildStatus::Verified { origin: Origin::Ours }) => "verified",
        Some(BuildStatus::Verified { origin: Origin::Presumed }) => "presumed",
        Some(BuildStatus::Verified { origin: Origin::NotOurs }) => "present",
        Some(BuildStatus::Failed { left: Left::Nothing, .. }) => "failed",
        Some(BuildStatus::Failed { left: Left::Leftover, .. }) => "leftover",
        Some(BuildStatus::Skipped { .. }) => "skipped",
        Some(BuildStatus::Unknown { .. }) => "unknown",
        Some(BuildStatus::RolledBack) => "rolled_back",
    }
}

fn said(state: &RunState, entry: &str) -> String {
    match state.builds.get(&entry.into()).map(|record| &record.status) {
        Some(BuildStatus::Failed { sentence, .. }) => sentence.clone(),
        Some(BuildStatus::Skipped { reason }) => reason.clone(),
        Some(BuildStatus::Unknown { why }) => why.clone(),
        _ => String::new(),
    }
}

fn ending(state: &RunState) -> Option<&'static str> {
    state.control.closed.as_ref().map(|(_, ending)| match ending {
        Ending::Finished => "finished",
        Ending::StoppedAt { .. } => "stopped_at",
        Ending::NeedsPerson { .. } => "needs_person",
        Ending::Aborted => "aborted",
        Ending::RolledBack => "rolled_back",
        Ending::Unknown { .. } => "unknown",
    })
}

fn indexes(played: &Played) -> Vec<String> {
    let model = played.server.model();
    let mut all: Vec<String> = model
        .indexes
        .iter()
        .map(|it| format!("{} {}", it.name, if it.valid { "valid" } else { "invalid" }))
        .collect();
    all.sort();
    all
}

/// What holds of every play, whatever its script.
fn promises(played: &Played) {
    assert_eq!(played.server.violations(), [""; 0]);
    assert_eq!(played.wrong, [""; 0]);
    assert_eq!(played.state, RunState::replay(&played.events), "replay is the same as having been there");
    let mut paused = false;
    for event in &played.events {
        match &event.kind {
            EventKind::Run(RunEvent::Paused { .. }) => paused = true,
            EventKind::Run(RunEvent::Unpaused { .. } | RunEvent::TakenOver { .. }) => paused = false,
            EventKind::Build(BuildEvent::Intended { entry, .. }) => assert!(!paused, "{entry:?}"),
            _ => {}
        }
    }
    assert!(played.state.control.panics.is_empty(), "{:?}", played.state.control.panics);
}

/// Plays a file and compares what came of it with what it expects.
fn holds(name: &str) {
    let script = Script::read(&text(name));
    let played = play(&script, None);
    promises(&played);
    let expect = &script.expect;
    let state = &played.state;
    let entries =
        expect.entries.keys().map(|it| (it.clone(), word(state, &format!("public.{it}")).to_owned()));
    assert_eq!(entries.collect::<std::collections::BTreeMap<_, _>>(), expect.entries, "{:#?}", state.builds);
    assert_eq!(ending(state), expect.ending.as_deref(), "{:?}", state.control);
    assert_eq!(of_run(state) as u8, expect.exit, "{:?}", of_run(state));
    assert_eq!(indexes(&played), expect.indexes);
    let ledger: Vec<&str> = state.ledger.keys().map(|it| it.0.trim_start_matches("public.")).collect();
    assert_eq!(ledger, expect.ledger);
    let mut sent = played.server.model().sent.clone();
    if let Some(expected) = &expect.sent {
        assert_eq!(&sent, expected);
    }
    if let Some(expected) = &expect.sent_somehow {
        sent.sort();
        assert_eq!(&sent, expected);
    }
    assert!(expect.sent.is_some() || expect.sent_somehow.is_some(), "a scenario says what is sent");
    for (entry, words) in &expect.says {
        let said = said(state, &format!("public.{entry}"));
        assert!(said.contains(words.as_str()), "{entry}: {said}");
    }
    if let Some(limit) = &expect.within {
        assert!(played.took <= span(limit), "it took {:?}", played.took);
    }
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            holds(stringify!($name));
        })*

        const ALL: &[&str] = &[$(stringify!($name)),*];
    };
}

scenarios! {
    everything_is_there_already
    a_plain_rollout_of_several_tables
    a_lock_timeout_leaves_a_leftover_that_goes_before_the_retry
    a_deadlock_and_a_cancel_are_tried_again
    duplicate_values_leave_nothing_and_are_not_tried_again
    a_lost_connection_whose_orphan_finishes_is_adopted
    a_lost_connection_whose_backend_dies_is_built_again
    a_killed_engine_is_taken_over
    a_build_is_stopped
    a_build_that_waits_for_its_table_is_stopped
    an_entry_is_skipped
    a_pause_sends_nothing_more_until_it_is_over
    a_rollback_takes_exactly_what_was_made
    a_rollback_of_one_entry_lets_the_others_go_on
    a_replica_identity_stays
    a_target_that_changes_gets_nothing_more
    a_late_statement_gives_way_to_a_build
    a_table_that_is_held_does_not_hold_up_the_others
    a_plan_that_is_no_longer_true_builds_nothing
    a_registry_that_changes_under_a_killed_run_builds_nothing_more
    a_leftover_of_others_is_kept
    a_leftover_of_others_is_repaired_on_request
    a_duplicate_is_left_out
    a_drift_is_left_alone
    a_dry_run_sends_nothing
    an_abort_lets_what_runs_finish
    an_abort_cancels_what_runs
    a_spent_budget_cancels_cleans_and_tries_again
    a_server_that_restarts_is_waited_for
    a_drop_that_nobody_heard_the_end_of_is_finished
    a_drop_that_waits_for_readers_is_stopped
    a_build_of_somebody_else_is_waited_for
    a_build_of_somebody_else_does_not_hold_up_an_abort
    a_person_retries_what_failed
    a_colleagues_long_build_costs_no_attempt
    a_held_table_is_waited_for_as_long_as_the_policy_says
    a_held_table_is_given_up_when_the_policy_says_so
    nobody_says_whether_to_go_on_waiting
    nobody_says_whether_to_go_on_waiting_for_a_table
    nobody_says_whether_to_go_on_and_the_leftover_waits_as_well
    nobody_says_whether_a_rollback_goes_on_waiting
    nobody_says_whether_a_rollback_goes_on_waiting_for_a_table
    a_question_stays_open_as_long_as_anything_else_goes_on
    a_drop_over_its_budget_is_called_off
    a_budget_that_is_spent_each_time_is_what_is_said
    nobody_says_whether_to_go_on_and_the_table_is_locked_since
    a_late_drop_gives_way_to_a_build
    a_lost_drop_over_its_budget_is_called_off
    a_drop_that_is_tried_again_has_its_budget_again
    nobody_says_whether_to_go_on_after_a_signal
}

#[test]
fn every_file_is_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<String> = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().trim_end_matches(".toml").to_owned())
        .collect();
    files.sort();
    let mut tests: Vec<&str> = ALL.to_vec();
    tests.sort_unstable();
    assert_eq!(files, tests);
}

/// Scripts that end with everything verified whatever becomes of the process.
const STURDY: [&str; 4] = [
    "a_plain_rollout_of_several_tables",
    "a_lock_timeout_leaves_a_leftover_that_goes_before_the_retry",
    "a_lost_connection_whose_orphan_finishes_is_adopted",
    "a_rollback_takes_exactly_what_was_made",
];

/// Statements about one index must alternate: whatever was created is dropped before it is created again.
fn is_alternating(played: &Played) {
    let sent = &played.server.model().sent;
    let mut last: std::collections::BTreeMap<&str, &str> = std::collections::BTreeMap::new();
    for statement in sent {
        let (verb, index) = statement.split_once(' ').unwrap();
        let before = last.insert(index, verb);
        assert!(before != Some("CREATE") || verb == "DROP", "{index} was built twice: {sent:?}");
    }
}

#[test]
fn a_process_killed_after_any_record_is_taken_over_without_a_second_build() {
    for name in STURDY {
        let script = Script::read(&text(name));
        let records = play(&script, None).events.len() as u64;
        for record in 2..=records {
            let played = play(&script, Some(Mishap::KilledAfter(record)));
            promises_of_a_crash(name, record, &script, &played);
        }
    }
}

/// Without a word of the operator, what a process left that ended before it saw its index is neither dropped nor built
/// again: it is told as such. Everything else ends as it would have.
#[test]
fn a_process_that_ends_before_it_saw_its_index_leaves_it_to_a_person() {
    let mut left_to_a_person = 0;
    for name in STURDY {
        let script = Script::read(&text(name));
        let records = play(&script, None).events.len() as u64;
        for record in 2..=records {
            let played = play(&script, Some(Mishap::SealedAt(record)));
            let at = format!("{name}, record {record}");
            assert_eq!(played.server.violations(), [""; 0], "{at}");
            let doubtful: Vec<&str> = script
                .expect
                .entries
                .keys()
                .map(String::as_str)
                .filter(|it| {
                    said(&played.state, &format!("public.{it}")).contains("nobody saw the statement")
                })
                .collect();
            if doubtful.is_empty() {
                promises_of_a_crash(name, record, &script, &played);
            }
            for index in &doubtful {
                assert_eq!(word(&played.state, &format!("public.{index}")), "leftover", "{at}");
                assert!(
                    indexes(&played).contains(&format!("{index} invalid")),
                    "{at}: {:?}",
                    indexes(&played)
                );
                let drops = &played.server.model().sent;
                assert!(!drops.contains(&format!("DROP {index}")), "{at}: {drops:?}");
            }
            left_to_a_person += doubtful.len();
        }
    }
    assert!(left_to_a_person > 0, "no end came soon enough");
}

/// A rollback leaves what nobody saw this run make.
fn there_after(script: &Script, played: &Played) -> Vec<String> {
    let mut wanted = script.expect.indexes.clone();
    let state = &played.state;
    let presumed = state.builds.keys().filter(|key| state.presumed(key).is_some());
    wanted.extend(presumed.map(|key| format!("{} valid", key.0.trim_start_matches("public."))));
    wanted.sort();
    wanted.dedup();
    wanted
}

fn promises_of_a_crash(name: &str, record: u64, script: &Script, played: &Played) {
    let at = format!("{name}, record {record}");
    assert_eq!(played.server.violations(), [""; 0], "{at}");
    assert_eq!(played.state, RunState::replay(&played.events), "{at}");
    assert_eq!(indexes(played), there_after(script, played), "{at}: {:#?}", played.state.builds);
    let entries: std::collections::BTreeMap<String, String> = script
        .expect
        .entries
        .keys()
        .map(|it| {
            let word = word(&played.state, &format!("public.{it}"));
            (it.clone(), if word == "presumed" { "verified" } else { word }.to_owned())
        })
        .collect();
    if script.act.is_empty() {
        assert_eq!(entries, script.expect.entries, "{at}: {:#?}", played.state.builds);
    }
    if name == "a_plain_rollout_of_several_tables" {
        is_alternating(played);
    }
}

#[test]
fn a_journal_that_fails_at_any_record_sends_nothing_without_an_intent_and_is_taken_over() {
    for name in STURDY {
        let script = Script::read(&text(name)).repairing();
        let whole = play(&script, None);
        for record in 2..=whole.events.len() as u64 {
            let played = play(&script, Some(Mishap::SealedAt(record)));
            let at = format!("{name}, record {record}");
            assert!(played.sealed, "{at}");
            assert_eq!(played.server.violations(), [""; 0], "{at}");
            assert_eq!(played.state, RunState::replay(&played.events), "{at}");
            assert_eq!(indexes(&played), there_after(&script, &played), "{at}: {:#?}", played.state.builds);
        }
    }
}
