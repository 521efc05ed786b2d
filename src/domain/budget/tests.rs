//! Questions, and when they are all that is left.

use super::*;
use crate::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use crate::domain::command::Verb;
use crate::domain::effect::{Effect, next_effect};
use crate::domain::event::{DropConclusion, DropEvent, DropPurpose, Ending, EventKind, RunEvent};
use crate::domain::failure::FailureClass;
use crate::domain::observe::Outcome;
use crate::domain::plan::ItemState;
use crate::domain::state::fixture::{BUILD, Log, backend, entry, fail, operator, reading, target};

const A: &str = "public.a";
const B: &str = "public.b";
const LONG: &str = "a reason that is long enough";

fn asking() -> Log {
    let settings = RunSettings { jobs: 2, on_budget: BudgetPolicy::Ask, ..RunSettings::default() };
    let items = vec![entry("a", 1, ItemState::ToBuild), entry("b", 2, ItemState::ToBuild)];
    let mut log = Log::building_with(items, &settings);
    log.started(A, 1).intended(A, 10).located(A, 7);
    log.outcome(Outcome::PhaseSeen { entry: A.into(), phase: crate::domain::progress::Phase::OldSnapshots });
    log.outcome(Outcome::BuildHeldUp { entry: A.into(), blockers: vec![blocker()] });
    overdue(&mut log, A, Wait::OldSnapshots);
    log
}

fn blocker() -> Blocker {
    Blocker {
        stage: BlockStage::OldSnapshot,
        bites: Bites::Now,
        holder: Holder::Session {
            backend: backend(99),
            application: "app".to_owned(),
            user: "jane".to_owned(),
            client: None,
            state: None,
            query: None,
            backend_type: None,
        },
        why: "snapshot".to_owned(),
        since: None,
        table: None,
    }
}

fn overdue(log: &mut Log, entry: &str, wait: Wait) {
    log.outcome(Outcome::BudgetSpent { entry: entry.into(), wait, waited: Millis(1) });
}

fn left(log: &Log) -> bool {
    only_questions_left(&log.state)
}

#[test]
fn a_question_is_all_that_is_left_only_when_nothing_else_can_be_built() {
    let mut log = asking();
    assert_eq!(questions(&log.state), [(A.into(), Wait::OldSnapshots)]);
    assert!(!left(&log), "b can be built");
    assert!(log.command(Verb::EndUnanswered).is_err());
    log.built(B, 8);
    assert!(left(&log));
    log.outcome(Outcome::PhaseSeen { entry: A.into(), phase: crate::domain::progress::Phase::Other });
    assert_eq!((questions(&log.state), left(&log)), (Vec::new(), false), "its wait is over");
}

#[test]
fn a_retry_that_is_due_later_is_something_that_goes_on() {
    let mut log = asking();
    log.started(B, 1).intended(B, 20).ended(B, Err(fail(FailureClass::Deadlock)));
    log.read(B, reading(None), Some(20));
    assert!(matches!(log.state.builds[&B.into()].status, BuildStatus::Retrying { .. }));
    assert!(!left(&log));
}

#[test]
fn other_policies_ask_nothing() {
    for policy in [BudgetPolicy::KeepWaiting, BudgetPolicy::CancelAndClean] {
        let mut log = asking();
        log.built(B, 8);
        log.state.run.as_mut().unwrap().settings.on_budget = policy;
        assert_eq!((questions(&log.state), left(&log)), (Vec::new(), false), "{policy:?}");
    }
}

#[test]
fn a_paused_queue_waits_for_whoever_paused_it_but_an_end_does_not() {
    let mut log = asking();
    log.built(B, 8);
    log.command(Verb::Pause).unwrap();
    assert!(!left(&log));
    log.command(Verb::Abort { reason: LONG.to_owned() }).unwrap();
    assert!(left(&log));
}

#[test]
fn what_nobody_answered_for_is_stopped_and_the_next_process_goes_on_with_it() {
    let mut log = asking();
    log.built(B, 8);
    log.command(Verb::EndUnanswered).unwrap();
    let busy: InFlight = [crate::domain::effect::EffectKey::Entry(A.into())].into_iter().collect();
    let step = |log: &mut Log| match next_effect(&log.state, &busy, log.now()) {
        Some(Effect::Record(kind)) => log.push(kind),
        other => panic!("{other:?}"),
    };
    step(&mut log);
    let cancel = next_effect(&log.state, &busy, log.now());
    assert_eq!(cancel, Some(Effect::Cancel { entry: A.into() }));
    log.ended(A, Err(fail(FailureClass::Cancelled)));
    let facts = log.facts(A, 7, false);
    log.read(A, reading(Some(facts)), Some(10));
    let (key, oid) = (EntryKey::from(A), Oid(7));
    let drop = Effect::Drop { entry: key.clone(), oid, purpose: DropPurpose::Leftover };
    assert_eq!(next_effect(&log.state, &InFlight::new(), log.now()), Some(drop.clone()));
    log.push(EventKind::Drop(DropEvent::Started { entry: key.clone(), oid, purpose: DropPurpose::Leftover }));
    let conclusion = DropConclusion::Refused { why: "the lock is not free".to_owned() };
    log.push(EventKind::Drop(DropEvent::Concluded { entry: key, oid, conclusion }));
    // One try, no more.
    let end = Ending::NeedsPerson { step: BUILD.into() };
    let closed = Effect::Record(EventKind::Run(RunEvent::Closed { ending: end }));
    assert_eq!(next_effect(&log.state, &InFlight::new(), log.now()), Some(closed));
    log.push(EventKind::Run(RunEvent::TakenOver {
        operator: operator(),
        version: "0.1.0".to_owned(),
        torn: 0,
    }));
    log.push(EventKind::Run(RunEvent::TargetSeen { target: target() }));
    assert_eq!(next_effect(&log.state, &InFlight::new(), log.now()), Some(drop));
}

#[test]
fn a_leftover_that_stays_is_gone_on_with_also_when_the_run_was_to_end() {
    let mut log = asking();
    log.built(B, 8);
    log.command(Verb::Abort { reason: LONG.to_owned() }).unwrap();
    log.command(Verb::EndUnanswered).unwrap();
    log.ended(A, Err(fail(FailureClass::Cancelled)));
    let facts = log.facts(A, 7, false);
    log.read(A, reading(Some(facts)), Some(10));
    let (entry, oid) = (EntryKey::from(A), Oid(7));
    log.push(EventKind::Drop(DropEvent::Started {
        entry: entry.clone(),
        oid,
        purpose: DropPurpose::Leftover,
    }));
    log.outcome(Outcome::DropRefused { entry, oid, why: "the lock is not free".to_owned() });
    let ending = |log: &Log| match next_effect(&log.state, &InFlight::new(), log.now()) {
        Some(Effect::Record(EventKind::Run(RunEvent::Closed { ending }))) => ending,
        other => panic!("{other:?}"),
    };
    let end = ending(&log);
    assert_eq!(end, Ending::NeedsPerson { step: BUILD.into() });
    log.push(EventKind::Run(RunEvent::Closed { ending: end }));
    assert_eq!((log.state.tally().running, log.state.tally().leftovers), (0, 1));
    log.state.control.closed = None;
    log.state.builds.remove(&A.into());
    assert_eq!(ending(&log), Ending::Aborted, "nothing is left to anybody");
}

#[test]
fn drops_that_ask_and_take_every_job_leave_no_room_for_a_rollback() {
    let settings = RunSettings { jobs: 1, on_budget: BudgetPolicy::Ask, ..RunSettings::default() };
    let items = vec![entry("a", 1, ItemState::ToBuild), entry("b", 2, ItemState::ToBuild)];
    let mut log = Log::building_with(items, &settings);
    log.built(A, 7).built(B, 8);
    log.command(Verb::Roll { entries: Vec::new(), reason: LONG.to_owned() }).unwrap();
    let (key, purpose) = (EntryKey::from(B), DropPurpose::Rollback);
    log.push(EventKind::Drop(DropEvent::Started { entry: key, oid: Oid(8), purpose }));
    send_drop(&mut log, 30);
    assert!(!left(&log));
    overdue(&mut log, B, Wait::Readers);
    let busy: InFlight = [crate::domain::effect::EffectKey::Entry(B.into())].into_iter().collect();
    assert_eq!(next_effect(&log.state, &busy, log.now()), None, "the one job is taken");
    assert!(left(&log));
    log.outcome(Outcome::DropHeldUp { entry: B.into(), blockers: vec![blocker()] });
    assert!(!left(&log), "one that is held up leaves its job to the next");
}

#[test]
fn an_orphan_that_is_found_again_still_asks() {
    let mut log = asking();
    log.built(B, 8);
    log.ended(A, Err(fail(FailureClass::ConnectionLost)));
    let facts = log.facts(A, 7, false);
    let mut seen = reading(Some(facts));
    let builder = crate::domain::state::fixture::builder(10, "cicerone/r1/x");
    seen.builders = vec![crate::domain::catalog::Builder { index_oid: Some(Oid(7)), ..builder }];
    log.read(A, seen, None);
    assert!(matches!(log.state.builds[&A.into()].status, BuildStatus::Running { stage: Stage::Watched, .. }));
    assert_eq!(questions(&log.state), [(A.into(), Wait::OldSnapshots)]);
    assert!(left(&log));
}

#[test]
fn a_take_over_asks_anew() {
    let mut log = asking();
    log.built(B, 8);
    log.push(EventKind::Run(RunEvent::TakenOver {
        operator: operator(),
        version: "0.1.0".to_owned(),
        torn: 0,
    }));
    log.push(EventKind::Run(RunEvent::TargetSeen { target: target() }));
    assert_eq!((questions(&log.state), left(&log)), (Vec::new(), false));
}

#[test]
fn a_drop_has_budgets_as_a_build_has() {
    for (policy, stops) in
        [(BudgetPolicy::KeepWaiting, false), (BudgetPolicy::Ask, false), (BudgetPolicy::CancelAndClean, true)]
    {
        let mut log = asking();
        log.built(B, 8);
        log.state.run.as_mut().unwrap().settings.on_budget = policy;
        let (key, oid) = (EntryKey::from(B), Oid(8));
        let purpose = DropPurpose::Rollback;
        log.push(EventKind::Drop(DropEvent::Started { entry: key.clone(), oid, purpose }));
        send_drop(&mut log, 30);
        overdue(&mut log, B, Wait::Readers);
        assert_eq!(log.state.drops[&key].over_budget, Some(Wait::Readers));
        assert_eq!(log.state.drops[&key].stopping.is_some(), stops, "{policy:?}");
        let asked = questions(&log.state).iter().any(|(asked, _)| *asked == key);
        assert_eq!(asked, policy == BudgetPolicy::Ask);
    }
}

#[test]
fn a_drop_whose_first_try_failed_asks_as_any_other() {
    let tried = |class| {
        let mut log = asking();
        log.built(B, 8);
        let (entry, oid, purpose) = (EntryKey::from(B), Oid(8), DropPurpose::Rollback);
        log.push(EventKind::Drop(DropEvent::Started { entry: entry.clone(), oid, purpose }));
        send_drop(&mut log, 30);
        log.outcome(Outcome::DropEnded { entry, result: Err(fail(class)) });
        log
    };
    let asks = |log: &Log| questions(&log.state).into_iter().find(|(key, _)| *key == B.into());
    let mut lost = tried(FailureClass::ConnectionLost);
    overdue(&mut lost, B, Wait::Readers);
    assert_eq!(asks(&lost), Some((B.into(), Wait::Readers)), "the server may be at it still");
    let mut again = tried(FailureClass::Deadlock);
    overdue(&mut again, B, Wait::Readers);
    assert_eq!(asks(&again), None, "it was told of one that is over");
    for class in [FailureClass::Deadlock, FailureClass::ConnectionLost] {
        let mut held = tried(class);
        held.outcome(Outcome::TableHeldTooLong { entry: B.into(), waited: Millis(1) });
        assert_eq!(asks(&held), Some((B.into(), Wait::FirstLock)), "{class:?}");
    }
    send_drop(&mut again, 31);
    overdue(&mut again, B, Wait::Readers);
    assert_eq!(asks(&again), Some((B.into(), Wait::Readers)));
}

fn send_drop(log: &mut Log, pid: i32) {
    let (entry, oid, statement) = (EntryKey::from(B), Oid(8), "DROP INDEX CONCURRENTLY".to_owned());
    log.outcome(Outcome::AboutToDrop { entry, oid, statement, backend: backend(pid) });
}

#[test]
fn a_rollback_that_nobody_answered_for_goes_on_with_the_next_process() {
    let mut log = asking();
    log.ended(A, Ok(()));
    let facts = log.facts(A, 7, true);
    log.read(A, reading(Some(facts)), Some(10));
    log.built(B, 8);
    log.command(Verb::Roll { entries: Vec::new(), reason: LONG.to_owned() }).unwrap();
    for (n, entry) in [(7, A), (8, B)] {
        let (key, oid, purpose) = (EntryKey::from(entry), Oid(n), DropPurpose::Rollback);
        log.push(EventKind::Drop(DropEvent::Started { entry: key.clone(), oid, purpose }));
        assert!(!left(&log), "a drop that has just begun is no question");
        log.outcome(Outcome::TableHeldTooLong { entry: key, waited: Millis(1) });
    }
    assert!(left(&log));
    log.command(Verb::EndUnanswered).unwrap();
    for (n, entry) in [(7, A), (8, B)] {
        log.outcome(Outcome::DropRefused { entry: entry.into(), oid: Oid(n), why: "not free".to_owned() });
    }
    let end = Ending::NeedsPerson { step: BUILD.into() };
    let closed = EventKind::Run(RunEvent::Closed { ending: end });
    assert_eq!(next_effect(&log.state, &InFlight::new(), log.now()), Some(Effect::Record(closed.clone())));
    log.push(closed);
    let rollback = log.state.control.rollback.as_ref().unwrap();
    assert_eq!((rollback.entries.len(), rollback.finished), (2, None));
}
