//! What the catalogs say decides: each clause of "done" falsified alone, whose an index is, and what follows.

use super::*;
use crate::domain::catalog::{Builder, IndexFacts, IndexFlags};
use crate::domain::command::Verb;
use crate::domain::event::{Conclusion, Ending, Next, Origin};
use crate::domain::failure::FailureClass;
use crate::domain::plan::ItemState;
use crate::domain::plan::fixture::{edit, identity};
use crate::domain::state::fixture::{
    BUILD, CHECKS, Log, VERIFY, backend, builder, entry, fail, plan, reading, target,
};
use crate::domain::target::{RunSettings, Standing};

const A: &str = "public.a";
const B: &str = "public.b";
const OURS: i32 = 100;

/// A build of `a` whose statement was sent.
fn sent() -> Log {
    let mut log = Log::building(vec![entry("a", 1, ItemState::ToBuild), entry("b", 2, ItemState::ToBuild)]);
    log.started(A, 1).intended(A, OURS);
    log
}

fn concluded(kinds: &[EventKind]) -> (Conclusion, Next) {
    let of = |kind: &EventKind| {
        if let EventKind::Build(BuildEvent::Concluded { conclusion, next, .. }) = kind {
            Some((conclusion.clone(), next.clone()))
        } else {
            None
        }
    };
    kinds.iter().find_map(of).expect("a reading is concluded")
}

/// What follows when the statement ended so and the catalogs then say so.
fn after(log: &mut Log, result: Result<(), Failure>, seen: IndexReading) -> (Conclusion, Next) {
    log.ended(A, result);
    concluded(&log.read(A, seen, Some(OURS)))
}

/// Sent, and seen at work.
fn watched() -> Log {
    let mut log = sent();
    log.located(A, 7);
    log
}

fn whole(log: &Log) -> IndexFacts {
    log.facts(A, 7, true)
}

fn broken(log: &Log) -> IndexFacts {
    log.facts(A, 7, false)
}

fn building(pid: i32, application: &str, index: u32) -> Builder {
    edit(builder(pid, application), |it| {
        it.index_oid = Some(Oid(index));
        it.command = "CREATE INDEX CONCURRENTLY".to_owned();
    })
}

#[test]
fn an_index_that_meets_every_clause_is_verified() {
    let mut log = watched();
    let seen = reading(Some(whole(&log)));
    let (conclusion, next) = after(&mut log, Ok(()), seen);
    assert!(matches!(conclusion, Conclusion::Verified { oid: Oid(7), origin: Origin::Ours, .. }));
    assert_eq!(next, Next::Done);
    assert_eq!(log.state.ledger[&A.into()].oid, Oid(7));
}

#[test]
fn each_clause_of_done_falsified_alone_is_not_done() {
    type Change = fn(&mut Log, &mut IndexReading);
    let cases: [(&str, Change); 12] = [
        ("valid", |_, it| it.index.as_mut().unwrap().flags.valid = false),
        ("ready", |_, it| it.index.as_mut().unwrap().flags.ready = false),
        ("live", |_, it| it.index.as_mut().unwrap().flags.live = false),
        ("table", |_, it| it.index.as_mut().unwrap().table_oid = Oid(2)),
        ("definition", |_, it| it.index.as_mut().unwrap().definition.method = "hash".to_owned()),
        ("there", |_, it| it.index = None),
        ("system", |_, it| it.identity.system_identifier += 1),
        ("database", |_, it| it.identity.database_oid = Oid(1)),
        ("timeline", |_, it| it.identity.timeline = Some(2)),
        ("primary", |_, it| it.identity.standing = Standing::Standby),
        ("expected", |log, _| {
            log.state.plan.as_mut().unwrap().items[0].expected = None;
        }),
        ("planned", |log, _| log.state.plan.as_mut().unwrap().items.clear()),
    ];
    for (clause, change) in cases {
        let mut log = sent();
        let mut seen = reading(Some(whole(&log)));
        change(&mut log, &mut seen);
        let (conclusion, next) = after(&mut log, Ok(()), seen);
        assert!(!matches!(conclusion, Conclusion::Verified { .. }), "{clause}");
        assert_ne!(next, Next::Done, "{clause}");
        assert!(
            !matches!(log.state.builds[&A.into()].status, BuildStatus::Verified { .. }),
            "{clause}: {:?}",
            log.state.builds
        );
    }
}

#[test]
fn a_reading_that_failed_says_nothing_and_is_not_retried_blindly() {
    let mut log = sent();
    log.ended(A, Ok(()));
    let kinds = log.outcome(Outcome::BuildRead {
        entry: A.into(),
        reading: Err(Failure::lost("no route")),
        ended: Some(backend(OURS)),
        jitter: 0,
    });
    let (conclusion, next) = concluded(&kinds);
    assert!(matches!(conclusion, Conclusion::Unknown { .. }));
    assert!(matches!(next, Next::GiveUp { .. }));
    assert!(matches!(log.state.builds[&A.into()].status, BuildStatus::Unknown { .. }));
}

#[test]
fn another_target_stops_the_run_and_not_only_the_entry() {
    let mut log = sent();
    let seen = edit(reading(Some(whole(&log))), |it| it.identity.timeline = Some(2));
    after(&mut log, Ok(()), seen);
    assert_eq!(log.state.control.target_changed.as_deref(), Some(&["timeline was 1, is 2".to_owned()][..]));
}

#[test]
fn a_name_that_somebody_else_took_is_not_ours() {
    for usable in [true, false] {
        let mut log = sent();
        let seen = reading(Some(log.facts(A, 9, usable)));
        let (conclusion, _) = after(&mut log, Err(fail(FailureClass::NameTaken)), seen);
        let (Conclusion::Verified { origin, .. } | Conclusion::Leftover { origin, .. }) = conclusion else {
            panic!("{conclusion:?}")
        };
        assert_eq!(origin, Origin::NotOurs);
        assert!(log.state.ledger.is_empty());
    }
}

#[test]
fn an_index_other_than_the_one_we_were_seen_to_build_is_not_ours() {
    let mut log = sent();
    log.located(A, 7);
    let seen = reading(Some(log.facts(A, 9, false)));
    let (conclusion, next) = after(&mut log, Err(fail(FailureClass::Cancelled)), seen);
    assert!(matches!(conclusion, Conclusion::Leftover { origin: Origin::NotOurs, .. }));
    assert!(matches!(next, Next::GiveUp { .. }));
    assert_eq!(log.state.ledger[&A.into()].oid, Oid(7), "what we made stays in the ledger by its OID");
}

#[test]
fn a_second_attempt_is_judged_whatever_the_first_one_left_in_the_ledger() {
    let mut log = sent();
    log.located(A, 7);
    // Somebody dropped it by hand before it was read.
    let (conclusion, _) = after(&mut log, Err(fail(FailureClass::Deadlock)), reading(None));
    assert_eq!(conclusion, Conclusion::Absent);
    log.started(A, 2).intended(A, OURS + 1).located(A, 8).ended(A, Ok(()));
    let facts = log.facts(A, 8, true);
    let (conclusion, _) = concluded(&log.read(A, reading(Some(facts)), Some(OURS + 1)));
    assert!(matches!(conclusion, Conclusion::Verified { origin: Origin::Ours, .. }), "{conclusion:?}");
    assert_eq!(log.state.ledger[&A.into()].oid, Oid(8));
}

#[test]
fn an_index_that_nobody_saw_being_made_is_presumed_and_dropped_only_by_name() {
    let mut log = sent();
    let seen = reading(Some(whole(&log)));
    // The process died: nobody heard how the statement ended.
    let (conclusion, next) = concluded(&log.read(A, seen, None));
    assert!(matches!(conclusion, Conclusion::Verified { origin: Origin::Presumed, .. }), "{conclusion:?}");
    assert_eq!(next, Next::Done);
    assert!(log.state.ledger.is_empty());
    let all = Verb::Roll { entries: Vec::new(), reason: "it was not wanted".to_owned() };
    let refused = log.command(all).unwrap_err();
    assert_eq!(refused.to_string(), "nobody saw this run make public.a: name what is to be dropped");
    let named = Verb::Roll { entries: vec![A.into()], reason: "it was not wanted".to_owned() };
    log.command(named).unwrap();
    assert_eq!(log.state.ledger[&A.into()].oid, Oid(7), "whoever names it vouches for it");

    let mut log = sent();
    let seen = reading(Some(broken(&log)));
    let (conclusion, next) = concluded(&log.read(A, seen.clone(), None));
    assert!(matches!(conclusion, Conclusion::Leftover { origin: Origin::Presumed, .. }), "{conclusion:?}");
    assert!(matches!(next, Next::GiveUp { .. }), "{next:?}");
    let repair = crate::domain::target::RunSettings {
        leftovers: crate::domain::target::LeftoverPolicy::Repair,
        ..crate::domain::target::RunSettings::default()
    };
    let mut log = Log::building_with(vec![entry("a", 1, ItemState::ToBuild)], &repair);
    log.started(A, 1).intended(A, OURS);
    let (_, next) = concluded(&log.read(A, seen, None));
    assert!(matches!(next, Next::DropThenRetry { .. }), "a person asked for it: {next:?}");
}

#[test]
fn what_comes_after_an_attempt_that_left_nothing_is_not_presumed_to_be_of_it() {
    let mut log = sent();
    let (conclusion, _) = after(&mut log, Err(fail(FailureClass::Privilege)), reading(None));
    assert_eq!(conclusion, Conclusion::Absent);
    let present = ItemState::Present { oid: Oid(9), size: crate::domain::unit::Bytes(1) };
    let plan = plan(vec![entry("a", 1, present)], &RunSettings::default());
    log.push(EventKind::Run(RunEvent::Planned { plan: Box::new(plan) }));
    let status = &log.state.builds[&A.into()].status;
    assert!(matches!(status, BuildStatus::Verified { origin: Origin::NotOurs }), "{status:?}");
    assert!(log.state.presumed(&A.into()).is_none());
}

#[test]
fn an_orphan_that_only_holds_its_item_lock_says_nothing_of_the_index_under_its_name() {
    let mut log = sent();
    let mut seen = reading(Some(broken(&log)));
    // It waits for the table, behind a stranger who makes an index of the same name.
    let queued = edit(builder(OURS, "cicerone/run/a"), |it| it.item_lock = Some(A.into()));
    seen.builders = vec![queued];
    let (conclusion, _) = concluded(&log.read(A, seen, None));
    assert_eq!(conclusion, Conclusion::StillBuilding { backend: backend(OURS), oid: None });
    assert!(log.state.ledger.is_empty());
}

#[test]
fn an_orphan_that_is_found_at_work_is_a_witness() {
    let mut log = sent();
    let mut seen = reading(Some(broken(&log)));
    seen.builders = vec![building(OURS, "cicerone/run/a", 7)];
    concluded(&log.read(A, seen, None));
    assert_eq!(log.state.ledger[&A.into()].oid, Oid(7));
}

#[test]
fn what_a_stranger_leaves_behind_is_never_taken_for_ours() {
    let mut log = sent();
    let seen = edit(reading(Some(broken(&log))), |it| it.builders.push(building(4, "psql", 7)));
    let (conclusion, next) = after(&mut log, Err(fail(FailureClass::Cancelled)), seen);
    assert!(matches!(conclusion, Conclusion::BuiltElsewhere { .. }));
    assert_eq!(next, Next::Watch);
    let facts = broken(&log);
    let (conclusion, next) = concluded(&log.read(A, reading(Some(facts)), None));
    assert!(matches!(conclusion, Conclusion::Leftover { origin: Origin::NotOurs, .. }), "{conclusion:?}");
    assert!(matches!(next, Next::GiveUp { .. }), "{next:?}");
}

#[test]
fn an_index_of_our_name_on_another_table_is_drift_whatever_its_flags() {
    for usable in [true, false] {
        let mut log = sent();
        let seen = edit(reading(Some(log.facts(A, 7, usable))), |it| {
            it.index.as_mut().unwrap().table_oid = Oid(2);
        });
        let (conclusion, next) = after(&mut log, Err(fail(FailureClass::Cancelled)), seen);
        assert!(matches!(conclusion, Conclusion::Drift { .. }), "{conclusion:?}");
        assert!(matches!(next, Next::GiveUp { .. }));
        assert!(log.state.ledger.is_empty());
    }
}

#[test]
fn an_orphan_is_ours_by_its_backend_its_name_or_its_lock() {
    for ours in [
        building(OURS, "renamed", 7),
        building(55, "cicerone/r1/a", 7),
        edit(builder(OURS, "renamed"), |it| it.item_lock = Some(A.into())),
    ] {
        let mut log = sent();
        log.ended(A, Err(Failure::lost("reset")));
        let seen = edit(reading(Some(broken(&log))), |it| it.builders.push(ours.clone()));
        let kinds = log.read(A, seen, None);
        assert!(
            kinds.iter().any(|it| matches!(it, EventKind::Build(BuildEvent::Adopted { .. }))),
            "{ours:?}"
        );
        let (conclusion, next) = concluded(&kinds);
        assert!(matches!(conclusion, Conclusion::StillBuilding { .. }), "{ours:?}");
        assert_eq!(next, Next::Watch);
        assert!(!log.state.builds[&A.into()].is_strangers());
    }
}

#[test]
fn a_build_that_may_not_be_seen_in_full_is_still_a_build() {
    let mut log = sent();
    log.ended(A, Err(fail(FailureClass::Cancelled)));
    let hidden = |table: Option<u32>, command: &str| {
        edit(builder(4, "psql"), |it| {
            it.table_oid = table.map(Oid);
            it.command = command.to_owned();
        })
    };
    for (who, busy) in [
        (hidden(None, "CREATE INDEX or REINDEX"), true),
        (hidden(Some(1), "REINDEX CONCURRENTLY"), true),
        (hidden(Some(2), "CREATE INDEX CONCURRENTLY"), false),
        (hidden(Some(1), "CREATE INDEX"), false),
        (edit(hidden(Some(1), "item lock"), |it| it.item_lock = Some(B.into())), false),
        (edit(hidden(Some(1), "REINDEX"), |it| it.index_oid = Some(Oid(3))), false),
    ] {
        let seen = edit(reading(Some(broken(&log))), |it| it.builders.push(who.clone()));
        assert_eq!(who_builds(&seen, &A.into(), None).is_some(), busy, "{who:?}");
    }
}

#[test]
fn a_backend_whose_statement_has_ended_builds_no_more() {
    let log = sent();
    let seen = edit(reading(Some(broken(&log))), |it| it.builders.push(building(OURS, "x", 7)));
    assert!(who_builds(&seen, &A.into(), Some(backend(OURS))).is_none());
    assert!(who_builds(&seen, &A.into(), None).is_some());
    let usable = edit(seen, |it| {
        it.index.as_mut().unwrap().flags = IndexFlags { valid: true, ready: true, live: true }
    });
    assert!(who_builds(&usable, &A.into(), None).is_none(), "a REINDEX of a usable index is no build of it");
}

#[test]
fn every_class_of_failure_has_its_policy() {
    use FailureClass as F;
    let passing = [
        F::LockTimeout,
        F::Cancelled,
        F::Terminated,
        F::ServerRestart,
        F::ConnectionLost,
        F::Deadlock,
        F::OutOfMemory,
        F::TooManyConnections,
    ];
    let lasting = [
        F::UniqueViolation,
        F::DiskFull,
        F::ConfiguredLimit,
        F::Privilege,
        F::Missing,
        F::NameTaken,
        F::ReadOnly,
        F::TooLarge,
        F::BadData,
        F::Invalid,
        F::InUse,
        F::Refused,
        F::Other,
    ];
    for (class, passes) in passing.map(|it| (it, true)).into_iter().chain(lasting.map(|it| (it, false))) {
        let mut log = watched();
        let (_, next) = after(&mut log, Err(fail(class)), reading(None));
        assert_eq!(matches!(next, Next::Retry { .. }), passes, "{class:?}: {next:?}");
        if class == F::NameTaken {
            continue;
        }
        let mut log = watched();
        let seen = reading(Some(broken(&log)));
        let (_, next) = after(&mut log, Err(fail(class)), seen);
        match (passes, next) {
            (true, Next::DropThenRetry { .. }) => {}
            (false, Next::DropThenStop { sentence }) => assert!(sentence.contains("it failed"), "{sentence}"),
            (_, next) => panic!("{class:?}: {next:?}"),
        }
    }
}

#[test]
fn attempts_are_spent_and_then_it_is_said_so() {
    let mut log = sent();
    for attempt in 2..=3 {
        let (_, next) = after(&mut log, Err(fail(FailureClass::Deadlock)), reading(None));
        assert!(matches!(next, Next::Retry { .. }), "{next:?}");
        log.started(A, attempt).intended(A, OURS);
    }
    let (_, next) = after(&mut log, Err(fail(FailureClass::Deadlock)), reading(None));
    let Next::GiveUp { sentence } = next else { panic!("{next:?}") };
    assert!(sentence.starts_with("gave up after 3 attempts; "), "{sentence}");
}

#[test]
fn pauses_between_attempts_grow_to_a_limit() {
    let mut last = Millis(0);
    for attempts in 1..40 {
        let (low, high) = (super::next::pause(attempts, 0), super::next::pause(attempts, 1_000));
        assert!(low >= last && high <= Millis(30_000) && low < high, "{attempts}: {low:?} {high:?}");
        last = low;
    }
}

#[test]
fn an_attempt_that_sent_nothing_does_not_count() {
    let mut log = Log::building(vec![entry("a", 1, ItemState::ToBuild)]);
    log.started(A, 1);
    let (conclusion, next) = concluded(&log.read(A, reading(None), Some(OURS)));
    assert_eq!(conclusion, Conclusion::Absent);
    assert_eq!(next, Next::Retry { not_before: log.now() - jiff::SignedDuration::from_secs(1) });
    assert_eq!(log.state.builds[&A.into()].attempts, 0);
}

#[test]
fn an_earlier_failure_says_nothing_of_a_later_attempt() {
    let mut log = sent();
    after(&mut log, Err(fail(FailureClass::UniqueViolation)), reading(None));
    log.command(Verb::Retry { entry: A.into(), leftover: crate::domain::target::LeftoverPolicy::Keep })
        .unwrap();
    log.started(A, 1).intended(A, OURS).located(A, 7);
    // Its process dies here, and the next one reads an index that died with it.
    let seen = reading(Some(broken(&log)));
    let (_, next) = concluded(&log.read(A, seen, None));
    assert!(matches!(next, Next::DropThenRetry { .. }), "{next:?}");
}

#[test]
fn a_leftover_of_ours_that_is_in_the_way_goes_first() {
    let mut log = sent();
    log.located(A, 7);
    log.started(A, 1);
    log.ended(A, Err(Failure::refused("an invalid index of this name is in the way")));
    let seen = reading(Some(broken(&log)));
    let (_, next) = concluded(&log.read(A, seen, Some(OURS)));
    assert!(matches!(next, Next::DropThenRetry { .. }), "{next:?}");
}

#[test]
fn a_person_who_stops_a_build_wants_no_other_attempt_and_the_engine_does() {
    let mut log = watched();
    log.command(Verb::Stop { entry: A.into() }).unwrap();
    let seen = reading(Some(broken(&log)));
    let (_, next) = after(&mut log, Err(fail(FailureClass::Cancelled)), seen);
    assert_eq!(next, Next::DropThenStop { sentence: "stopped by ana".to_owned() });
    let mut log = watched();
    log.outcome(Outcome::LateComer { entry: A.into() });
    let (_, next) = after(&mut log, Err(fail(FailureClass::Cancelled)), reading(None));
    assert!(matches!(next, Next::Retry { .. }));
}

#[test]
fn what_gives_way_to_a_build_of_others_has_used_no_attempt_up() {
    let mut log = sent();
    log.state.run.as_mut().unwrap().settings.attempts = 1;
    log.outcome(Outcome::LateComer { entry: A.into() });
    let (_, next) = after(&mut log, Err(fail(FailureClass::Cancelled)), reading(None));
    assert!(matches!(next, Next::Retry { .. }), "{next:?}");
    assert_eq!(log.state.builds[&A.into()].attempts, 0);
}

#[test]
fn a_stop_outlives_the_look_that_finds_the_build_still_going_on() {
    let mut log = sent();
    log.ended(A, Err(Failure::lost("reset")));
    log.command(Verb::Stop { entry: A.into() }).unwrap();
    let mut seen = reading(Some(broken(&log)));
    seen.builders = vec![building(OURS, "cicerone/run/a", 7)];
    assert_eq!(concluded(&log.read(A, seen, None)).1, Next::Watch);
    let seen = reading(Some(broken(&log)));
    let (_, next) = concluded(&log.read(A, seen, None));
    assert_eq!(next, Next::DropThenStop { sentence: "stopped by ana".to_owned() });
}

#[test]
fn a_stop_that_comes_too_late_does_not_take_away_what_is_done() {
    let mut log = sent();
    log.command(Verb::Stop { entry: A.into() }).unwrap();
    let seen = reading(Some(whole(&log)));
    let (conclusion, next) = after(&mut log, Ok(()), seen);
    assert!(matches!(conclusion, Conclusion::Verified { .. }));
    assert_eq!(next, Next::Done);
}

#[test]
fn a_rollback_of_some_entries_leaves_the_attempts_of_others_alone() {
    let mut log = sent();
    log.built(B, 8);
    let reason = "it was not wanted".to_owned();
    log.command(Verb::Roll { entries: vec![B.into()], reason }).unwrap();
    let (_, next) = after(&mut log, Err(fail(FailureClass::Deadlock)), reading(None));
    assert!(matches!(next, Next::Retry { .. }), "{next:?}");
}

#[test]
fn an_aborted_run_cleans_up_and_leaves_the_next_attempt_to_whoever_takes_it_over() {
    let mut log = watched();
    log.command(Verb::Abort { reason: "SIGTERM".to_owned() }).unwrap();
    let seen = reading(Some(broken(&log)));
    let (_, next) = after(&mut log, Err(fail(FailureClass::Cancelled)), seen);
    assert!(matches!(next, Next::DropThenRetry { .. }), "{next:?}");
    let mut log = watched();
    log.command(Verb::Abort { reason: "SIGTERM".to_owned() }).unwrap();
    let (_, next) = after(&mut log, Err(fail(FailureClass::UniqueViolation)), reading(None));
    assert!(matches!(next, Next::GiveUp { .. }), "that would fail again: {next:?}");
}

#[test]
fn news_of_an_attempt_that_is_over_is_no_news() {
    let late = |entry: &str| {
        let entry: EntryKey = entry.into();
        [
            Outcome::Located { entry: entry.clone(), oid: Oid(7) },
            Outcome::PhaseSeen { entry: entry.clone(), phase: Phase::Scan },
            Outcome::BudgetSpent { entry: entry.clone(), wait: Wait::Writers, waited: Millis(1) },
            Outcome::LateComer { entry },
        ]
    };
    let mut log = sent();
    after(&mut log, Err(fail(FailureClass::Deadlock)), reading(None));
    for outcome in late(A) {
        assert_eq!(observe(&log.state, outcome, log.now()), []);
    }
    log.started(A, 2);
    for outcome in late(A).into_iter().chain(late(B)) {
        assert_eq!(observe(&log.state, outcome, log.now()), []);
    }
    log.intended(A, OURS);
    for outcome in late(A) {
        assert_ne!(observe(&log.state, outcome, log.now()), []);
    }
}

#[test]
fn a_spent_budget_cancels_only_under_that_policy() {
    for (policy, stops) in
        [(BudgetPolicy::KeepWaiting, false), (BudgetPolicy::Ask, false), (BudgetPolicy::CancelAndClean, true)]
    {
        let mut log = sent();
        log.state.run.as_mut().unwrap().settings.on_budget = policy;
        let wait = Wait::OldSnapshots;
        log.outcome(Outcome::BudgetSpent { entry: A.into(), wait, waited: Millis(9) });
        assert_eq!(log.state.builds[&A.into()].stopping().is_some(), stops, "{policy:?}");
    }
}

#[test]
fn an_entry_that_was_left_out_meanwhile_stays_out() {
    let mut log = sent();
    let seen = edit(reading(Some(broken(&log))), |it| it.builders.push(building(4, "psql", 7)));
    after(&mut log, Err(fail(FailureClass::Cancelled)), seen);
    log.command(Verb::Skip { entry: A.into(), reason: "theirs".to_owned() }).unwrap();
    let facts = whole(&log);
    assert_eq!(log.read(A, reading(Some(facts)), None), []);
    assert!(matches!(log.state.builds[&A.into()].status, BuildStatus::Skipped { .. }));
}

#[test]
fn a_drop_is_what_the_catalogs_say_afterwards() {
    let drop_of = |seen: Result<IndexReading, Failure>, result: Option<Result<(), Failure>>| {
        let mut log = watched();
        log.outcome(Outcome::BuildEnded { entry: A.into(), result: Ok(()) });
        let facts = whole(&log);
        log.read(A, reading(Some(facts)), Some(OURS));
        log.command(Verb::Roll { entries: Vec::new(), reason: "it was not wanted".to_owned() }).unwrap();
        let (entry, oid) = (EntryKey::from(A), Oid(7));
        let purpose = crate::domain::event::DropPurpose::Rollback;
        log.push(EventKind::Drop(DropEvent::Started { entry: entry.clone(), oid, purpose }));
        if let Some(result) = result {
            log.outcome(Outcome::DropEnded { entry: entry.clone(), result });
        }
        log.outcome(Outcome::DropRead { entry, oid, reading: seen });
        let drop = log.state.drops[&A.into()].clone();
        (drop.conclusion.unwrap(), log)
    };
    let log = watched();
    let (conclusion, log_gone) = drop_of(Ok(reading(None)), Some(Ok(())));
    assert_eq!(conclusion, DropConclusion::Gone);
    assert!(log_gone.state.ledger.is_empty());
    assert_eq!(log_gone.state.builds[&A.into()].status, BuildStatus::RolledBack);

    let failed = || Some(Err(fail(FailureClass::Cancelled)));
    let (conclusion, kept) = drop_of(Ok(reading(Some(whole(&log)))), failed());
    let DropConclusion::Untouched { why } = conclusion else { panic!("{conclusion:?}") };
    assert!(why.contains("it failed"), "{why}");
    assert!(kept.state.control.rollback.as_ref().unwrap().entries.is_empty(), "it was tried");

    let (conclusion, cut) = drop_of(Ok(reading(Some(broken(&log)))), failed());
    assert!(matches!(conclusion, DropConclusion::Interrupted { .. }));
    assert!(matches!(cut.state.builds[&A.into()].status, BuildStatus::Failed { .. }));

    let (_, died) = drop_of(Ok(reading(Some(whole(&log)))), None);
    assert_eq!(died.state.control.rollback.as_ref().unwrap().entries, [A.into()], "nobody heard: again");

    let elsewhere = edit(reading(None), |it| it.identity.timeline = Some(2));
    let (conclusion, changed) = drop_of(Ok(elsewhere), failed());
    assert!(matches!(conclusion, DropConclusion::Unknown { .. }));
    assert!(changed.state.control.target_changed.is_some());
    assert!(!changed.state.ledger.is_empty());
}

#[test]
fn a_connection_that_leads_elsewhere_ends_the_run_and_none_at_all_as_well() {
    let mut log = Log::opened(RunSettings::default(), crate::domain::target::Mode::Live);
    log.outcome(Outcome::Connected(Ok(target())));
    assert!(log.state.target.is_some());
    let other = edit(target(), |it| it.identity.standing = Standing::Standby);
    log.outcome(Outcome::Connected(Ok(other)));
    assert!(log.state.control.target_changed.is_some());
    assert_eq!(log.state.target.as_ref().unwrap().identity, identity(), "the agreed one stays");
    log.outcome(Outcome::Connected(Err(Failure::lost("refused"))));
    assert!(matches!(log.state.control.closed, Some((_, Ending::Unknown { .. }))));
}

fn held(kinds: &[EventKind]) -> bool {
    matches!(kinds, [EventKind::Step(StepEvent::Held { .. })])
}

#[test]
fn a_plan_that_is_no_longer_true_holds_the_build_step() {
    let items = || vec![entry("a", 1, ItemState::ToBuild)];
    let changed =
        || vec![entry("a", 1, ItemState::Present { oid: Oid(9), size: crate::domain::unit::Bytes(1) })];
    let at_build = || {
        let mut log = Log::building(items());
        log.state.control.plan_for = Some("go.confirm".into());
        log
    };
    let settings = RunSettings { jobs: 2, ..RunSettings::default() };
    let fresh = |items| Outcome::Planned(Ok(Box::new(plan(items, &settings))));
    assert!(!held(&observe(&at_build().state, fresh(items()), at_build().now())));
    assert!(held(&observe(&at_build().state, fresh(changed()), at_build().now())));
    let late = at_build().now() + jiff::SignedDuration::from_mins(31);
    assert!(held(&observe(&at_build().state, fresh(items()), late)));
    let failed = Outcome::Planned(Err(Failure::lost("reset")));
    assert!(held(&observe(&at_build().state, failed, at_build().now())));
}

#[test]
fn whoever_takes_over_is_held_to_what_was_agreed_as_far_as_our_own_work_allows() {
    let settings = RunSettings { jobs: 2, ..RunSettings::default() };
    let present =
        || vec![entry("a", 1, ItemState::Present { oid: Oid(9), size: crate::domain::unit::Bytes(1) })];
    let taken = |log: &mut Log| log.state.control.plan_for = None;
    let fresh = || plan(present(), &settings);

    let mut untouched = Log::building(vec![entry("a", 1, ItemState::ToBuild)]);
    taken(&mut untouched);
    let outcome = Outcome::Planned(Ok(Box::new(fresh())));
    assert!(held(&observe(&untouched.state, outcome.clone(), untouched.now())), "nothing of it is our doing");

    let mut begun = sent();
    taken(&mut begun);
    assert!(!held(&observe(&begun.state, outcome, begun.now())), "it may be our own work");

    let other = edit(fresh(), |it| it.registry = crate::domain::id::Digest::of(b"another file"));
    let outcome = Outcome::Planned(Ok(Box::new(other)));
    assert!(held(&observe(&begun.state, outcome, begun.now())), "nobody agreed to another registry");
}

#[test]
fn the_first_plan_is_taken_as_it_is() {
    let mut log = Log::opened(RunSettings::default(), crate::domain::target::Mode::Live);
    log.outcome(Outcome::Connected(Ok(target())));
    log.start(CHECKS);
    let fresh = plan(vec![entry("a", 1, ItemState::ToBuild)], &RunSettings::default());
    log.outcome(Outcome::Planned(Ok(Box::new(fresh))));
    assert_eq!(log.state.control.plan_for, Some(CHECKS.into()));
}

#[test]
fn what_was_verified_and_is_no_more_is_said_in_the_verify_step() {
    let mut log = sent();
    let seen = reading(Some(whole(&log)));
    after(&mut log, Ok(()), seen);
    log.finish(BUILD);
    log.start(VERIFY);
    let look = |log: &mut Log, seen| {
        log.outcome(Outcome::Verified { entry: A.into(), reading: seen });
        log.state.builds[&A.into()].status.clone()
    };
    let facts = whole(&log);
    assert!(matches!(look(&mut log.clone(), Ok(reading(Some(facts)))), BuildStatus::Verified { .. }));
    assert!(matches!(look(&mut log.clone(), Ok(reading(None))), BuildStatus::Failed { .. }));
    let facts = log.facts(A, 9, false);
    let mut invalid = log.clone();
    assert!(matches!(look(&mut invalid, Ok(reading(Some(facts)))), BuildStatus::Failed { .. }));
    assert_eq!(invalid.state.builds[&A.into()].oid, Some(Oid(9)), "this is what is in the way now");
    assert!(matches!(look(&mut log, Err(Failure::lost("reset"))), BuildStatus::Unknown { .. }));
}
