//! Promises about what is done next, in whatever order things happen.

use proptest::prelude::*;

use super::simulation::{Dice, Maker, Simulation, key};
use super::*;
use crate::domain::command::Verb;
use crate::domain::event::{DropEvent, Event, Origin, StepOutcome};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::observe::Outcome;
use crate::domain::plan::fixture::edit;
use crate::domain::state::fixture::{
    BUILD, CHECKS, CONFIRM, Log, SIGN, VERIFY, entry, fail, reading, target,
};
use crate::domain::state::{RunState, StepStatus};
use crate::domain::target::{BudgetPolicy, LeftoverPolicy, RunSettings};

const A: &str = "public.a";
const LONG: &str = "it was not wanted";

fn next(log: &Log) -> Option<Effect> {
    next_effect(&log.state, &InFlight::new(), log.now())
}

fn next_with(log: &Log, keys: &[EffectKey]) -> Option<Effect> {
    next_effect(&log.state, &keys.iter().cloned().collect(), log.now())
}

fn one() -> Log {
    Log::building(vec![entry("a", 1, ItemState::ToBuild)])
}

#[test]
fn nothing_is_done_before_the_target_is_proven() {
    let mut log = one();
    log.state.control.connected = None;
    log.started(A, 1);
    assert_eq!(next(&log), Some(Effect::Connect));
    assert_eq!(next_with(&log, &[EffectKey::Connect]), None);
}

#[test]
fn a_closed_run_does_nothing() {
    let mut log = one();
    log.push(EventKind::Run(RunEvent::Closed { ending: Ending::Finished }));
    assert_eq!(next(&log), None);
    assert_eq!(next(&Log::default()), None);
}

#[test]
fn a_run_that_is_bound_to_another_plan_stops_before_it_builds() {
    let bound = |id: &str| RunSettings { only_plan: Some(id.into()), ..RunSettings::default() };
    let items = || vec![entry("a", 1, ItemState::ToBuild)];
    let other = Log::building_with(items(), &bound("another"));
    assert_eq!(next_with(&other, &[EffectKey::Plan]), None);
    assert_eq!(next(&other), Some(close(Ending::StoppedAt { step: BUILD.into() })));
    let plan = other.state.plan.as_ref().map(|plan| plan.id.0.clone()).unwrap_or_default();
    let mut same = Log::building_with(items(), &bound(&plan));
    assert!(matches!(next(&same), Some(Effect::Build { .. })));
    // What the run itself made changes every later plan.
    same.started(A, 1).intended(A, 11).built(A, 101);
    same.state.run.as_mut().unwrap().settings.only_plan = Some("another".into());
    assert_ne!(next(&same), Some(close(Ending::StoppedAt { step: BUILD.into() })));
}

#[test]
fn a_target_that_changed_ends_the_run_once_nothing_is_in_flight() {
    let mut log = one();
    log.state.control.target_changed = Some(vec!["timeline".to_owned()]);
    assert_eq!(next_with(&log, &[EffectKey::Verify]), None);
    assert!(matches!(
        next(&log),
        Some(Effect::Record(EventKind::Run(RunEvent::Closed { ending: Ending::Unknown { .. } })))
    ));
}

#[test]
fn a_registry_that_cannot_be_read_is_not_read_in_a_loop() {
    let mut log = Log::opened(RunSettings::default(), Mode::Live);
    log.outcome(Outcome::Connected(Ok(target())));
    log.start(CHECKS);
    assert_eq!(next(&log), Some(Effect::MakePlan));
    log.outcome(Outcome::Planned(Err(Failure::refused("line 3: unknown key"))));
    assert_eq!(next(&log), None);
    log.command(Verb::Recheck).unwrap();
    assert_eq!(next(&log), Some(Effect::Record(EventKind::Step(StepEvent::Started { step: CHECKS.into() }))));
}

#[test]
fn tasks_that_panic_again_and_again_end_the_run() {
    let mut log = one();
    log.started(A, 1);
    for _ in 0..MOST_PANICS {
        assert!(matches!(next(&log), Some(Effect::Reconcile { .. })));
        log.outcome(Outcome::Panicked { task: "reconcile".to_owned(), message: "oops".to_owned() });
    }
    assert!(matches!(next(&log), Some(Effect::Record(EventKind::Run(RunEvent::Closed { .. })))));
    assert_eq!(log.state.control.panics.len(), 10);
}

#[test]
fn what_was_begun_is_looked_for_before_anything_else() {
    let mut log = one();
    log.started(A, 1);
    assert_eq!(next(&log), Some(Effect::Reconcile { entry: A.into() }));
    log.intended(A, 100);
    assert_eq!(next(&log), Some(Effect::Reconcile { entry: A.into() }));
}

#[test]
fn a_stop_is_sent_while_the_statement_runs_and_not_before_or_after() {
    let mut log = one();
    let at_work = [EffectKey::Entry(A.into())];
    log.started(A, 1);
    log.command(Verb::Stop { entry: A.into() }).unwrap();
    assert_eq!(next_with(&log, &at_work), None, "the worker hears of it");
    let mut log = one();
    log.started(A, 1).intended(A, 100);
    log.command(Verb::Stop { entry: A.into() }).unwrap();
    assert_eq!(next_with(&log, &at_work), Some(Effect::Cancel { entry: A.into() }));
    assert_eq!(next_with(&log, &[at_work[0].clone(), EffectKey::Cancel(A.into())]), None);
    log.ended(A, Err(fail(FailureClass::Cancelled)));
    assert_eq!(next_with(&log, &at_work), None);
}

#[test]
fn a_stop_of_a_drop_is_sent_while_it_runs() {
    let mut log = one();
    log.built(A, 7);
    log.command(Verb::Roll { entries: Vec::new(), reason: LONG.to_owned() }).unwrap();
    let (entry, oid) = (EntryKey::from(A), Oid(7));
    let purpose = DropPurpose::Rollback;
    log.push(EventKind::Drop(DropEvent::Started { entry: entry.clone(), oid, purpose }));
    log.command(Verb::Stop { entry: entry.clone() }).unwrap();
    let at_work = [EffectKey::Entry(entry.clone())];
    assert_eq!(next_with(&log, &at_work), None, "the worker hears of it");
    let backend = crate::domain::state::fixture::backend(5);
    log.outcome(Outcome::AboutToDrop { entry: entry.clone(), oid, statement: String::new(), backend });
    assert_eq!(next_with(&log, &at_work), Some(Effect::Cancel { entry: entry.clone() }));
    log.outcome(Outcome::DropEnded { entry, result: Err(fail(FailureClass::Cancelled)) });
    assert_eq!(next_with(&log, &at_work), None);
}

#[test]
fn a_pause_holds_back_what_makes_room_for_another_attempt_and_nothing_else() {
    let drops = |log: &Log| matches!(next(log), Some(Effect::Drop { purpose: DropPurpose::Leftover, .. }));
    let mut retrying = one();
    retrying.left(A, 7, FailureClass::Deadlock);
    assert!(drops(&retrying));
    retrying.command(Verb::Pause).unwrap();
    assert!(!drops(&retrying));
    retrying.command(Verb::Abort { reason: "SIGTERM".to_owned() }).unwrap();
    assert!(drops(&retrying), "an end cleans up, paused or not");
    let mut given_up = one();
    given_up.left(A, 7, FailureClass::UniqueViolation);
    given_up.command(Verb::Pause).unwrap();
    assert!(drops(&given_up));
}

#[test]
fn a_retry_that_is_wanted_in_the_verify_step_is_built_there_and_read_again() {
    let mut log = one();
    log.built(A, 7);
    log.finish(BUILD);
    log.start(VERIFY);
    assert_eq!(next(&log), Some(Effect::Verify { entries: vec![A.into()] }));
    log.outcome(Outcome::Verified { entry: A.into(), reading: Ok(reading(None)) });
    let held = next(&log);
    assert!(matches!(held, Some(Effect::Record(EventKind::Step(StepEvent::Held { .. })))), "{held:?}");
    log.command(Verb::Retry { entry: A.into(), leftover: LeftoverPolicy::Keep }).unwrap();
    assert_eq!(next(&log), Some(Effect::Build { entry: A.into(), attempt: 1 }));
    log.built(A, 8);
    assert_eq!(next(&log), Some(Effect::Verify { entries: vec![A.into()] }), "not what was read before");
}

#[test]
fn a_recheck_makes_the_verify_step_read_everything_again() {
    let mut log = one();
    log.built(A, 7);
    log.finish(BUILD);
    log.start(VERIFY);
    let facts = log.facts(A, 7, true);
    log.outcome(Outcome::Verified { entry: A.into(), reading: Ok(reading(Some(facts))) });
    assert!(log.state.builds[&A.into()].checked.is_some());
    log.command(Verb::Recheck).unwrap();
    assert!(log.state.builds[&A.into()].checked.is_none());
}

#[test]
fn entries_that_the_newest_plan_does_not_know_do_not_keep_the_verify_step_busy() {
    let mut log = one();
    log.built(A, 7);
    log.finish(BUILD);
    log.start(VERIFY);
    log.state.plan.as_mut().unwrap().items.clear();
    assert!(matches!(next(&log), Some(Effect::Record(EventKind::Step(StepEvent::Finished { .. })))));
}

#[test]
fn domains_that_no_build_step_asked_for_are_not_missed() {
    let other = edit(entry("b", 2, ItemState::ToBuild), |it| it.domain = "other".to_owned());
    let mut log = Log::building(vec![entry("a", 1, ItemState::ToBuild), other]);
    for phase in &mut log.state.run.as_mut().unwrap().playbook.phases {
        if let crate::domain::playbook::StepKind::BuildIndexes { only_domains, .. } = &mut phase.steps[0].kind
        {
            *only_domains = Some(vec!["d".to_owned()]);
        }
    }
    log.built(A, 7);
    log.finish(BUILD);
    log.start(VERIFY);
    let facts = log.facts(A, 7, true);
    log.outcome(Outcome::Verified { entry: A.into(), reading: Ok(reading(Some(facts))) });
    let done = Effect::Record(EventKind::Step(StepEvent::Finished {
        step: VERIFY.into(),
        outcome: StepOutcome::Done,
    }));
    assert_eq!(next(&log), Some(done));
}

#[test]
fn an_entry_that_waits_for_another_attempt_follows_the_newest_plan() {
    let mut log = one();
    log.started(A, 1).intended(A, 100).ended(A, Err(fail(FailureClass::Deadlock)));
    log.read(A, reading(None), Some(100));
    let drift = ItemState::Drift { oid: Oid(9), differences: Vec::new(), live: String::new() };
    let settings = log.state.run.as_ref().unwrap().settings.clone();
    let plan = crate::domain::state::fixture::plan(vec![entry("a", 1, drift)], &settings);
    log.push(EventKind::Run(RunEvent::Planned { plan: Box::new(plan) }));
    assert!(matches!(next(&log), Some(Effect::Record(EventKind::Build(BuildEvent::Skipped { .. })))));
}

#[test]
fn whoever_takes_over_is_asked_every_open_question_again() {
    let mut log = Log::opened(RunSettings::default(), Mode::Live);
    log.start(CHECKS);
    log.outcome(Outcome::ChecksEnded(crate::domain::unit::Millis(1)));
    log.push(EventKind::Step(StepEvent::Held { step: CHECKS.into(), why: "gate closed".to_owned() }));
    take_over(&mut log);
    assert_eq!(log.state.control.checks_took, None, "answers of a dead process are old");
    assert!(matches!(log.state.steps[&CHECKS.into()].status, StepStatus::Running));
    let mut held = Log::opened(RunSettings::default(), Mode::Live);
    held.outcome(Outcome::Connected(Ok(target())));
    held.start(CHECKS);
    held.finish(CHECKS);
    held.start(CONFIRM);
    held.push(EventKind::Step(StepEvent::Held { step: CONFIRM.into(), why: "?".to_owned() }));
    assert_eq!(next(&held), None);
    take_over(&mut held);
    held.outcome(Outcome::Connected(Ok(target())));
    assert!(matches!(next(&held), Some(Effect::Record(EventKind::Step(StepEvent::Held { .. })))));
}

#[test]
fn what_is_not_known_is_looked_at_again_after_a_take_over_and_on_request() {
    let unknown = || {
        let mut log = one();
        log.started(A, 1).intended(A, 100).ended(A, Err(Failure::lost("reset")));
        let reading = Err(Failure::lost("no route"));
        log.outcome(Outcome::BuildRead { entry: A.into(), reading, ended: None, jitter: 0 });
        assert!(matches!(log.state.builds[&A.into()].status, BuildStatus::Unknown { .. }));
        log
    };
    let mut asked = unknown();
    asked.command(Verb::Retry { entry: A.into(), leftover: LeftoverPolicy::Keep }).unwrap();
    assert_eq!(next(&asked), Some(Effect::Reconcile { entry: A.into() }));
    let mut taken = unknown();
    take_over(&mut taken);
    taken.outcome(Outcome::Connected(Ok(target())));
    assert_eq!(next(&taken), Some(Effect::Reconcile { entry: A.into() }));
}

#[test]
fn a_rollback_of_one_entry_does_not_end_the_run_while_others_are_built() {
    let mut log = Log::building(vec![entry("a", 1, ItemState::ToBuild), entry("b", 2, ItemState::ToBuild)]);
    log.built(A, 7).started("public.b", 1).intended("public.b", 101);
    log.command(Verb::Roll { entries: vec![A.into()], reason: LONG.to_owned() }).unwrap();
    let scope = |log: &Log| log.state.control.rollback.as_ref().unwrap().scope;
    assert_eq!(scope(&log), RollbackScope::Some);
    let mut all = one();
    all.built(A, 7);
    all.command(Verb::Roll { entries: vec![A.into()], reason: LONG.to_owned() }).unwrap();
    assert_eq!(scope(&all), RollbackScope::Whole);
}

#[test]
fn a_leftover_that_would_not_go_is_tried_once_more_by_the_rollback() {
    let mut log = one();
    log.left(A, 7, FailureClass::UniqueViolation);
    let at_work = [EffectKey::Entry(A.into())];
    log.push(EventKind::Drop(DropEvent::Started {
        entry: A.into(),
        oid: Oid(7),
        purpose: DropPurpose::Leftover,
    }));
    log.command(Verb::Roll { entries: Vec::new(), reason: LONG.to_owned() }).unwrap();
    assert_eq!(next_with(&log, &at_work), None);
    log.outcome(Outcome::DropRefused { entry: A.into(), oid: Oid(7), why: "busy".to_owned() });
    let rollback = Effect::Drop { entry: A.into(), oid: Oid(7), purpose: DropPurpose::Rollback };
    assert_eq!(next(&log), Some(rollback));
}

#[test]
fn a_dry_run_walks_every_step_and_touches_nothing() {
    let mut simulation = Simulation::new(RunSettings::default(), Mode::DryRun);
    simulation.drain();
    let log = &simulation.log;
    assert!(matches!(log.state.control.closed, Some((_, Ending::Finished))));
    for step in [CONFIRM, BUILD, VERIFY, SIGN] {
        assert!(
            matches!(
                log.state.steps[&step.into()].status,
                StepStatus::Finished { outcome: StepOutcome::Skipped { .. } }
            ),
            "{step}"
        );
    }
    assert!(simulation.indexes.is_empty());
}

fn take_over(log: &mut Log) {
    log.push(EventKind::Run(RunEvent::TakenOver {
        operator: crate::domain::state::fixture::operator(),
        version: "0.1.0".to_owned(),
        torn: 0,
    }));
}

#[test]
fn an_end_before_the_target_is_proven_keeps_what_was_begun_for_the_next_process() {
    let ending = |mut log: Log| {
        take_over(&mut log);
        log.command(Verb::Abort { reason: "SIGTERM".to_owned() }).unwrap();
        match next(&log) {
            Some(Effect::Record(EventKind::Run(RunEvent::Closed { ending }))) => ending,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ending(one()), Ending::Aborted);
    let orphan = edit(one(), |log| {
        log.started(A, 1).intended(A, 100);
    });
    let leftover = edit(one(), |log| {
        log.left(A, 7, FailureClass::UniqueViolation);
    });
    for begun in [orphan, leftover, drop_that_ended(Failure::lost("reset"))] {
        // Only such an end is taken over.
        assert!(matches!(ending(begun), Ending::Unknown { .. }));
    }
}

#[test]
fn a_drop_whose_connection_broke_is_begun_again_by_whoever_takes_over() {
    let mut log = one();
    log.left(A, 7, FailureClass::UniqueViolation);
    let (entry, oid) = (EntryKey::from(A), Oid(7));
    let drop = Effect::Drop { entry: entry.clone(), oid, purpose: DropPurpose::Leftover };
    assert_eq!(next(&log), Some(drop.clone()));
    let purpose = DropPurpose::Leftover;
    log.push(EventKind::Drop(DropEvent::Started { entry: entry.clone(), oid, purpose }));
    let backend = crate::domain::state::fixture::backend(5);
    log.outcome(Outcome::AboutToDrop { entry: entry.clone(), oid, statement: String::new(), backend });
    log.outcome(Outcome::DropEnded { entry: entry.clone(), result: Err(Failure::lost("reset")) });
    // The process that was about to look dies here.
    take_over(&mut log);
    log.outcome(Outcome::Connected(Ok(target())));
    assert_eq!(next(&log), Some(Effect::ReconcileDrop { entry: entry.clone(), oid }));
    let seen = reading(Some(log.facts(A, 7, false)));
    log.outcome(Outcome::DropRead { entry, oid, reading: Ok(seen) });
    assert_eq!(next(&log), Some(drop));
}

fn intend_drop(log: &mut Log, pid: i32) {
    let backend = crate::domain::state::fixture::backend(pid);
    log.outcome(Outcome::AboutToDrop { entry: A.into(), oid: Oid(7), statement: String::new(), backend });
}

/// A drop of a leftover whose first statement ended like this.
fn drop_that_ended(failure: Failure) -> Log {
    let mut log = one();
    log.left(A, 7, FailureClass::UniqueViolation);
    let (entry, oid, purpose) = (EntryKey::from(A), Oid(7), DropPurpose::Leftover);
    log.push(EventKind::Drop(DropEvent::Started { entry, oid, purpose }));
    intend_drop(&mut log, 5);
    log.outcome(Outcome::DropEnded { entry: A.into(), result: Err(failure) });
    log
}

#[test]
fn a_drop_whose_connection_broke_or_that_is_sent_again_gives_way_as_one_that_runs() {
    let at_work = [EffectKey::Entry(A.into())];
    let lost = drop_that_ended(Failure::lost("reset"));
    let again = edit(drop_that_ended(fail(FailureClass::Deadlock)), |log| intend_drop(log, 6));
    for mut log in [lost, again] {
        assert!(log.state.drops[&A.into()].is_on_server());
        log.outcome(Outcome::LateComer { entry: A.into() });
        assert_eq!(next_with(&log, &at_work), Some(Effect::Cancel { entry: A.into() }));
    }
    let mut over = drop_that_ended(fail(FailureClass::Deadlock));
    assert!(!over.state.drops[&A.into()].is_on_server());
    assert_eq!(over.outcome(Outcome::LateComer { entry: A.into() }), [], "it was told of one that is over");
}

#[test]
fn a_drop_that_nobody_answers_for_is_stopped_also_when_its_connection_broke() {
    let at_work = [EffectKey::Entry(A.into())];
    for failure in [Failure::lost("reset"), fail(FailureClass::Deadlock)] {
        let mut log = drop_that_ended(failure);
        log.quiet += 1;
        log.push(EventKind::Run(RunEvent::Unanswered { step: BUILD.into(), entries: vec![A.into()] }));
        let by = Person(ENGINE.to_owned());
        let stop = EventKind::Drop(DropEvent::StopRequested { entry: A.into(), by });
        assert_eq!(next_with(&log, &at_work), Some(Effect::Record(stop)));
    }
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Action {
    Progress(usize),
    Command(u8, usize),
    Stranger(usize),
    Crash,
    Wait,
    /// A budget is spent, or somebody builds in front of us.
    Overdue(usize, u8),
    Move,
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        24 => any::<usize>().prop_map(Action::Progress),
        5 => (0_u8..18, 0_usize..4).prop_map(|(verb, entry)| Action::Command(verb, entry)),
        2 => (0_usize..4).prop_map(Action::Stranger),
        2 => Just(Action::Crash),
        2 => Just(Action::Wait),
        2 => (0_usize..4, 0_u8..3).prop_map(|(entry, what)| Action::Overdue(entry, what)),
        1 => Just(Action::Move),
    ]
}

fn verb(n: u8, entry: EntryKey, log: &Log) -> Verb {
    let step = log.state.current_step().map_or_else(|| BUILD.into(), |step| step.id.clone());
    match n {
        0 | 1 => Verb::Confirm { step, typed: "go".to_owned() },
        2 => Verb::Pause,
        3 => Verb::Resume,
        4 => Verb::Stop { entry },
        5 => Verb::Skip { entry, reason: LONG.to_owned() },
        6 => Verb::Retry { entry, leftover: LeftoverPolicy::Keep },
        7 => Verb::Retry { entry, leftover: LeftoverPolicy::Repair },
        8 => Verb::Roll { entries: vec![entry], reason: LONG.to_owned() },
        9 => Verb::Roll { entries: Vec::new(), reason: LONG.to_owned() },
        10 => Verb::Abort { reason: LONG.to_owned() },
        12 | 13 => Verb::EndUnanswered,
        14 => Verb::TakeControl,
        16 => Verb::SetWindow { end: Some(jiff::Timestamp::UNIX_EPOCH) },
        15 => Verb::LoseControl { why: LONG.to_owned() },
        _ => Verb::Recheck,
    }
}

fn act(simulation: &mut Simulation, action: &Action, dice: &mut Dice<'_>) {
    match action {
        Action::Progress(which) => simulation.progress(*which, dice),
        Action::Command(verb, entry) => {
            let verb = self::verb(*verb, key(*entry), &simulation.log);
            simulation.command(verb);
        }
        Action::Stranger(entry) => simulation.stranger(&key(*entry), dice),
        Action::Crash => simulation.crash(dice),
        Action::Wait => simulation.log.quiet += 40,
        Action::Overdue(entry, what) => simulation.overdue(key(*entry), *what),
        Action::Move => {}
    }
}

/// What must be so once a run came to its end.
fn is_honest(simulation: &Simulation) {
    let state = &simulation.log.state;
    for (entry, record) in &state.builds {
        let is = simulation.indexes.get(entry);
        if let BuildStatus::Verified { origin: Origin::Ours } = record.status {
            assert!(state.ledger.contains_key(entry), "{entry:?} is ours and not in the ledger");
        }
        if let Some(index) = is
            && index.maker == Maker::Us
            && !state.control.rollback.as_ref().is_some_and(|it| it.scope == RollbackScope::Whole)
        {
            let accounted = state.ledger.get(entry).is_some_and(|made| made.oid == index.oid)
                || !matches!(record.status, BuildStatus::Verified { origin: Origin::NotOurs });
            assert!(accounted, "{entry:?}: {index:?} is ours and nobody says so: {record:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_promise_is_kept_and_the_run_comes_to_an_end(
        actions in prop::collection::vec(any_action(), 0..120),
        rolls in prop::collection::vec(any::<u8>(), 0..160),
        jobs in 1_u32..4,
        repair in any::<bool>(),
        moves in prop::bool::weighted(0.1),
        on_budget in prop::sample::select(vec![BudgetPolicy::Ask, BudgetPolicy::CancelAndClean]),
        agreed in prop::bool::weighted(0.8),
    ) {
        let leftovers = if repair { LeftoverPolicy::Repair } else { LeftoverPolicy::Keep };
        let settings = RunSettings { jobs, on_budget, leftovers, ..RunSettings::default() };
        let mut simulation = Simulation::new(settings, Mode::Live);
        if agreed {
            simulation.agree();
        }
        let mut dice = Dice { rolls: &rolls, at: 0 };
        for action in &actions {
            simulation.pump();
            if moves && matches!(action, Action::Move) {
                simulation.move_target();
            }
            act(&mut simulation, action, &mut dice);
        }
        simulation.drain();
        is_honest(&simulation);
        // Replay is the same as having been there.
        let events: Vec<Event> = simulation.log.events.iter().map(|event| {
            let line = serde_json::to_string(event).unwrap();
            serde_json::from_str(&line).unwrap()
        }).collect();
        prop_assert_eq!(&events, &simulation.log.events);
        prop_assert_eq!(&RunState::replay(&events), &simulation.log.state);
    }

    #[test]
    fn a_quiet_run_ends_with_everything_verified_however_its_work_is_interleaved(
        order in prop::collection::vec(any::<usize>(), 0..100),
        jobs in 1_u32..4,
    ) {
        let mut simulation = Simulation::new(RunSettings { jobs, ..RunSettings::default() }, Mode::Live);
        let mut calm = Dice { rolls: &[], at: 0 };
        for which in order {
            simulation.pump();
            simulation.progress(which, &mut calm);
        }
        simulation.drain();
        let state = &simulation.log.state;
        prop_assert!(matches!(state.control.closed, Some((_, Ending::Finished))));
        prop_assert_eq!(state.tally().verified, 4);
        prop_assert_eq!(state.ledger.len(), 4);
    }

    #[test]
    fn a_take_over_at_any_moment_builds_nothing_twice(
        before in 0_usize..60,
        again in 0_usize..60,
        rolls in prop::collection::vec(any::<u8>(), 4),
    ) {
        let leftovers = LeftoverPolicy::Repair;
        let settings = RunSettings { jobs: 2, leftovers, ..RunSettings::default() };
        let mut simulation = Simulation::new(settings, Mode::Live);
        let mut calm = Dice { rolls: &[], at: 0 };
        for steps in [before, again] {
            for which in 0..steps {
                simulation.pump();
                if simulation.busy() == 0 {
                    let step = simulation.log.state.current_step().map(|step| step.id.clone());
                    step.map(|step| simulation.command(Verb::Confirm { step, typed: "go".to_owned() }));
                }
                simulation.progress(which, &mut calm);
            }
            simulation.crash(&mut Dice { rolls: &rolls, at: 0 });
        }
        simulation.drain();
        prop_assert_eq!(simulation.log.state.tally().verified, 4);
        let made_by_us = simulation.indexes.values().filter(|it| it.maker == Maker::Us && it.usable).count();
        prop_assert_eq!(made_by_us, 4);
        let state = &simulation.log.state;
        let presumed = state.builds.keys().filter(|key| state.presumed(key).is_some()).count();
        prop_assert_eq!(state.ledger.len() + presumed, 4);
    }
}
