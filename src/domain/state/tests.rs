//! The fold takes anything in any order, and the journal gives back what was put in.

use proptest::prelude::*;

use super::fixture::{BUILD, CONFIRM, Log, backend, entry, fail, operator, plan, target};
use super::*;
use crate::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use crate::domain::catalog::{Difference, IndexFlags};
use crate::domain::check::{CheckResult, Evidence, Verdict, Waivable};
use crate::domain::event::{
    Before, BuildEvent, CheckEvent, Conclusion, DropConclusion, DropEvent, DropPurpose, Ending, Event,
    EventKind, Moment, Next, Origin, PlanReading, PlannedQuery, RollbackEvent, RunEvent, SessionEnd,
    SessionEvent, Signalled, StepEvent, StepOutcome, UsesIndex, VerifyEvent,
};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::{EntryKey, Oid, Pid, Seq};
use crate::domain::plan::fixture::{edit, identity, noon, plan_of};
use crate::domain::plan::{BlockedReason, BuilderKind, ItemState, LeftoverHarm};
use crate::domain::progress::{Phase, Wait};
use crate::domain::target::{BudgetPolicy, Environment, Mode, RunSettings};
use crate::domain::unit::{Bytes, Millis};

fn flags() -> IndexFlags {
    IndexFlags { valid: false, ready: true, live: true }
}

fn a() -> EntryKey {
    "public.a".into()
}

fn why() -> String {
    "quote \" backslash \\ newline \n bell \u{7} wide \u{6f22} emoji \u{1f525}".to_owned()
}

fn blockers() -> Vec<Blocker> {
    let session = Holder::Session {
        backend: backend(4),
        application: why(),
        user: "app".to_owned(),
        client: Some("10.0.0.1".to_owned()),
        state: None,
        query: Some(why()),
        backend_type: None,
    };
    let prepared = Holder::Prepared { gid: why(), owner: "app".to_owned() };
    [(session, Some(noon())), (prepared, None)]
        .into_iter()
        .map(|(holder, since)| Blocker {
            stage: BlockStage::DeadlockAhead,
            bites: Bites::Now,
            holder,
            why: why(),
            since,
            table: Some(Oid(u32::MAX)),
        })
        .collect()
}

fn runs() -> Vec<RunEvent> {
    let settings = RunSettings { memory_budget_kb: Some(u64::MAX), ..RunSettings::default() };
    let states = [
        ItemState::ToBuild,
        ItemState::Present { oid: Oid(1), size: Bytes(u64::MAX) },
        ItemState::Leftover {
            oid: Oid(2),
            flags: flags(),
            size: Bytes(0),
            harm: LeftoverHarm::RejectsWrites,
            ties: vec![why()],
        },
        ItemState::Building {
            builder: BuilderKind::Stranger { application: why(), user: why() },
            backend: backend(4),
            oid: None,
        },
        ItemState::Building { builder: BuilderKind::Ours, backend: backend(4), oid: Some(Oid(3)) },
        ItemState::Drift { oid: Oid(4), differences: differences(), live: why() },
        ItemState::Blocked {
            reason: BlockedReason::ServerRefuses { sqlstate: "42703".to_owned(), message: why() },
        },
        ItemState::Blocked { reason: BlockedReason::NoTable },
        ItemState::Duplicate { of: crate::domain::id::QualifiedName::new("public", "b"), oid: Oid(5) },
    ];
    let items = states.into_iter().map(|state| entry("a", 1, state)).collect();
    let real =
        plan_of(&[crate::domain::plan::fixture::leads_status()], &crate::domain::plan::fixture::facts());
    let opened = Log::opened(settings.clone(), Mode::Rehearsal).events.remove(0).kind;
    let EventKind::Run(opened) = opened else { panic!("a run begins with its opening") };
    vec![
        opened,
        RunEvent::TakenOver { operator: operator(), version: "1".to_owned(), torn: u64::MAX },
        RunEvent::TargetSeen { target: edit(target(), |it| it.environment = Environment::Other(why())) },
        RunEvent::TargetSeen { target: edit(target(), |it| it.identity.system_identifier = u64::MAX) },
        RunEvent::TargetChanged { changes: vec![why()], now: edit(identity(), |it| it.timeline = None) },
        RunEvent::Planned { plan: Box::new(plan(items, &settings)) },
        RunEvent::Planned { plan: Box::new(real) },
        RunEvent::Paused { by: "ana".into() },
        RunEvent::Unpaused { by: "ana".into() },
        RunEvent::ControlTaken { by: "ana".into(), from: Some("bea".into()) },
        RunEvent::ControlLost { by: "ana".into(), why: why() },
        RunEvent::WindowSet { by: "ana".into(), end: Some(jiff::Timestamp::MAX) },
        RunEvent::WindowSet { by: "ana".into(), end: None },
        RunEvent::AbortRequested { by: "ana".into(), reason: why() },
        RunEvent::Unanswered { step: BUILD.into(), entries: vec![a()] },
        RunEvent::SignedOff { by: "ana".into(), reason: why() },
        RunEvent::TaskPanicked { task: "t".to_owned(), message: why() },
        RunEvent::Closed { ending: Ending::Finished },
        RunEvent::Closed { ending: Ending::StoppedAt { step: BUILD.into() } },
        RunEvent::Closed { ending: Ending::NeedsPerson { step: CONFIRM.into() } },
        RunEvent::Closed { ending: Ending::Aborted },
        RunEvent::Closed { ending: Ending::RolledBack },
        RunEvent::Closed { ending: Ending::Unknown { why: why() } },
    ]
}

fn steps() -> Vec<StepEvent> {
    let finished = |outcome| StepEvent::Finished { step: BUILD.into(), outcome };
    vec![
        StepEvent::Started { step: BUILD.into() },
        StepEvent::Held { step: BUILD.into(), why: why() },
        StepEvent::Confirmed { step: BUILD.into(), by: "ana".into(), typed: why() },
        StepEvent::Reopened { step: BUILD.into(), by: "ana".into() },
        finished(StepOutcome::Done),
        finished(StepOutcome::Warned { reason: why() }),
        finished(StepOutcome::Failed { reason: why() }),
        finished(StepOutcome::Skipped { reason: why() }),
    ]
}

fn checks() -> Vec<CheckEvent> {
    let evidence = Evidence { source: why(), query: Some(why()), at: noon(), took: Millis(u64::MAX) };
    let result = |waivable, verdict| CheckResult {
        id: "disk".into(),
        title: why(),
        verdict,
        found: why(),
        wanted: why(),
        details: vec![why()],
        advice: Some(why()),
        evidence: evidence.clone(),
        waivable,
    };
    vec![
        CheckEvent::Judged { result: result(Waivable::WithReason, Verdict::Unknown) },
        CheckEvent::Judged { result: result(Waivable::Never, Verdict::Stop) },
        CheckEvent::PassEnded { took: Millis(5) },
        CheckEvent::Waived { check: "disk".into(), by: "ana".into(), reason: why() },
    ]
}

fn differences() -> Vec<Difference> {
    vec![Difference { what: why(), wanted: why(), found: why() }]
}

fn conclusions() -> Vec<Conclusion> {
    vec![
        Conclusion::Verified { oid: Oid(7), size: Bytes(u64::MAX), origin: Origin::Ours },
        Conclusion::Verified { oid: Oid(7), size: Bytes(0), origin: Origin::NotOurs },
        Conclusion::Leftover { oid: Oid(7), flags: flags(), size: Bytes(1), origin: Origin::Ours },
        Conclusion::Absent,
        Conclusion::Drift { differences: differences() },
        Conclusion::BuiltElsewhere { backend: backend(4) },
        Conclusion::StillBuilding { backend: backend(4), oid: None },
        Conclusion::StillBuilding { backend: backend(4), oid: Some(Oid(7)) },
        Conclusion::Unknown { why: why() },
    ]
}

fn nexts() -> Vec<Next> {
    vec![
        Next::Done,
        Next::Retry { not_before: noon() },
        Next::DropThenRetry { not_before: noon() },
        Next::DropThenStop { sentence: why() },
        Next::Watch,
        Next::GiveUp { sentence: why() },
    ]
}

fn builds() -> Vec<BuildEvent> {
    let mut events = vec![
        BuildEvent::Started { entry: a(), attempt: u32::MAX },
        BuildEvent::Intended {
            entry: a(),
            attempt: 1,
            statement: why(),
            before: Before::Absent,
            backend: edit(backend(4), |it| it.pid = Pid(i32::MIN)),
            table_oid: Oid(1),
        },
        BuildEvent::Located { entry: a(), oid: Oid(7) },
        BuildEvent::HeldUp { entry: a(), blockers: blockers() },
        BuildEvent::BudgetSpent {
            entry: a(),
            wait: Wait::OldSnapshots,
            waited: Millis(1),
            policy: BudgetPolicy::CancelAndClean,
        },
        BuildEvent::Adopted { entry: a(), backend: backend(4), oid: None },
        BuildEvent::StopRequested { entry: a(), by: "ana".into() },
        BuildEvent::StatementEnded { entry: a(), result: Ok(()) },
        BuildEvent::StatementEnded { entry: a(), result: Err(fail(FailureClass::UniqueViolation)) },
        BuildEvent::StatementEnded { entry: a(), result: Err(Failure::lost(why())) },
        BuildEvent::Skipped { entry: a(), by: "ana".into(), reason: why() },
        BuildEvent::RetryRequested { entry: a(), by: "ana".into(), clean: None },
        BuildEvent::RetryRequested { entry: a(), by: "ana".into(), clean: Some(Oid(7)) },
    ];
    events.extend(
        Phase::ORDER
            .into_iter()
            .chain([Phase::Other])
            .map(|phase| BuildEvent::PhaseEntered { entry: a(), phase }),
    );
    for conclusion in conclusions() {
        for next in nexts() {
            events.push(BuildEvent::Concluded { entry: a(), conclusion: conclusion.clone(), next });
        }
    }
    events
}

fn drops() -> Vec<DropEvent> {
    let mut events = vec![
        DropEvent::Started { entry: a(), oid: Oid(7), purpose: DropPurpose::Rollback },
        DropEvent::Started { entry: a(), oid: Oid(7), purpose: DropPurpose::Leftover },
        DropEvent::Intended { entry: a(), oid: Oid(7), statement: why(), backend: backend(5) },
        DropEvent::StopRequested { entry: a(), by: "ana".into() },
        DropEvent::HeldUp { entry: a(), blockers: blockers() },
        DropEvent::BudgetSpent {
            entry: a(),
            wait: Wait::Readers,
            waited: Millis(u64::MAX),
            policy: BudgetPolicy::Ask,
        },
        DropEvent::StatementEnded { entry: a(), result: Ok(()) },
        DropEvent::StatementEnded { entry: a(), result: Err(fail(FailureClass::Cancelled)) },
    ];
    for conclusion in [
        DropConclusion::Gone,
        DropConclusion::Untouched { why: why() },
        DropConclusion::Interrupted { flags: flags(), why: why() },
        DropConclusion::Refused { why: why() },
        DropConclusion::Unknown { why: why() },
    ] {
        events.push(DropEvent::Concluded { entry: a(), oid: Oid(7), conclusion });
    }
    events
}

fn rest() -> Vec<EventKind> {
    let planned = |uses, cost| PlanReading {
        query: why(),
        reading: Ok(PlannedQuery { uses, node: "Index Scan".to_owned(), cost }),
    };
    let plans = vec![
        planned(UsesIndex::Yes, 8.29),
        planned(UsesIndex::No, 1e12 + 0.1),
        planned(UsesIndex::No, 0.1 + 0.2),
        PlanReading { query: why(), reading: Err(fail(FailureClass::Privilege)) },
    ];
    let mut events: Vec<EventKind> = [Moment::Before, Moment::After]
        .into_iter()
        .map(|moment| EventKind::Verify(VerifyEvent::Explained { entry: a(), moment, plans: plans.clone() }))
        .collect();
    events.extend(
        conclusions()
            .into_iter()
            .map(|conclusion| EventKind::Verify(VerifyEvent::Checked { entry: a(), conclusion })),
    );
    let entries = vec![a(), "public.b".into()];
    events.extend([
        EventKind::Rollback(RollbackEvent::Requested { by: "ana".into(), reason: why(), entries }),
        EventKind::Rollback(RollbackEvent::Finished { dropped: u32::MAX, left: 0 }),
        EventKind::Session(SessionEvent::EndRequested {
            backend: backend(4),
            description: why(),
            how: SessionEnd::Terminate,
            by: "ana".into(),
            reason: why(),
        }),
        EventKind::Session(SessionEvent::EndAttempted { backend: backend(4), result: Ok(Signalled::Gone) }),
        EventKind::Session(SessionEvent::EndAttempted {
            backend: backend(4),
            result: Err(fail(FailureClass::Privilege)),
        }),
    ]);
    events
}

/// At least one of each kind, with the widest values that each field can hold.
fn every_kind() -> Vec<EventKind> {
    let mut all: Vec<EventKind> = runs().into_iter().map(EventKind::Run).collect();
    all.extend(steps().into_iter().map(EventKind::Step));
    all.extend(checks().into_iter().map(EventKind::Check));
    all.extend(builds().into_iter().map(EventKind::Build));
    all.extend(drops().into_iter().map(EventKind::Drop));
    all.extend(rest());
    all
}

fn numbered(kinds: Vec<EventKind>) -> Vec<Event> {
    (1..).zip(kinds).map(|(n, kind)| Event { seq: Seq(n), at: noon(), kind }).collect()
}

#[test]
fn every_event_survives_the_journal_on_one_line() {
    for event in numbered(every_kind()) {
        let line = serde_json::to_string(&event).unwrap();
        assert!(!line.contains('\n'));
        let back: Event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(back, event, "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        for field in ["seq", "at", "family", "type"] {
            assert!(value.get(field).is_some(), "{field} is missing or hidden: {line}");
        }
        let through_value: Event = serde_json::from_value(value).unwrap();
        assert_eq!(through_value, event);
    }
}

#[test]
fn a_record_keeps_a_limited_number_of_blockers() {
    let mut log = Log::building(vec![entry("a", 1, ItemState::ToBuild)]);
    log.started("public.a", 1);
    for pid in 0..500 {
        let blockers = edit(blockers(), |it| {
            for blocker in it {
                if let Holder::Session { backend, .. } = &mut blocker.holder {
                    backend.pid = Pid(pid);
                }
            }
        });
        log.push(EventKind::Build(BuildEvent::HeldUp { entry: a(), blockers }));
    }
    assert_eq!(log.state.builds[&a()].blockers.len(), 50);
}

#[test]
fn what_happened_before_a_process_died_is_still_known_afterwards() {
    let mut log = Log::building(vec![entry("a", 1, ItemState::ToBuild)]);
    log.built("public.a", 7);
    let before = log.state.clone();
    log.push(EventKind::Run(RunEvent::TakenOver { operator: operator(), version: "2".to_owned(), torn: 9 }));
    assert_eq!(log.state.ledger, before.ledger);
    assert_eq!(log.state.builds, before.builds);
    assert_eq!(log.state.target, before.target);
    assert_eq!(log.state.run.as_ref().unwrap().operators.len(), 2);
    assert_eq!(log.state.control.connected, None, "this process has proven nothing yet");
}

#[test]
fn a_stop_of_the_engine_never_takes_the_place_of_a_persons() {
    let engine = || crate::domain::id::Person(crate::domain::observe::ENGINE.to_owned());
    let ana = || crate::domain::id::Person("ana".to_owned());
    for (first, second, stays) in [(ana(), engine(), ana()), (engine(), ana(), ana())] {
        let mut log = Log::building(vec![entry("a", 1, ItemState::ToBuild)]);
        log.started("public.a", 1).intended("public.a", 100);
        for by in [first.clone(), second.clone()] {
            log.push(EventKind::Build(BuildEvent::StopRequested { entry: a(), by }));
        }
        assert_eq!(log.state.builds[&a()].stopping(), Some(&stays));
        let started = DropEvent::Started { entry: a(), oid: Oid(7), purpose: DropPurpose::Rollback };
        log.push(EventKind::Drop(started));
        for by in [first, second] {
            log.push(EventKind::Drop(DropEvent::StopRequested { entry: a(), by }));
        }
        assert_eq!(log.state.drops[&a()].stopping.as_ref(), Some(&stays));
    }
}

#[test]
fn a_plan_that_was_read_before_our_own_drop_does_not_bring_the_leftover_back() {
    let mut log = Log::building(vec![entry("a", 1, ItemState::ToBuild)]);
    log.left("public.a", 7, FailureClass::Cancelled);
    let started = DropEvent::Started { entry: a(), oid: Oid(7), purpose: DropPurpose::Leftover };
    log.push(EventKind::Drop(started));
    let gone = DropEvent::Concluded { entry: a(), oid: Oid(7), conclusion: DropConclusion::Gone };
    log.push(EventKind::Drop(gone));
    let leftover = |oid| ItemState::Leftover {
        oid: Oid(oid),
        flags: flags(),
        size: Bytes(0),
        harm: LeftoverHarm::CostsWrites,
        ties: Vec::new(),
    };
    let planned = |oid| {
        let plan = plan(vec![entry("a", 1, leftover(oid))], &RunSettings::default());
        EventKind::Run(RunEvent::Planned { plan: Box::new(plan) })
    };
    let other = edit(log.clone(), |it| it.push(planned(8)));
    assert!(!other.state.builds.contains_key(&a()), "another leftover is what the plan says");
    log.push(planned(7));
    assert!(matches!(log.state.builds[&a()].status, BuildStatus::Retrying { .. }));
}

#[test]
fn an_index_that_is_seen_before_any_intent_is_not_taken_into_the_ledger() {
    let mut log = Log::building(vec![entry("a", 1, ItemState::ToBuild)]);
    log.started("public.a", 1);
    log.push(EventKind::Build(BuildEvent::Located { entry: a(), oid: Oid(9) }));
    assert!(log.state.ledger.is_empty());
    log.intended("public.a", 100).located("public.a", 7);
    assert_eq!(log.state.ledger[&a()].oid, Oid(7));
}

fn wild() -> Vec<EventKind> {
    let base = Log::building(vec![entry("a", 1, ItemState::ToBuild)]);
    base.events.into_iter().map(|event| event.kind).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_fold_takes_any_events_in_any_order(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
        opened in any::<bool>(),
    ) {
        let kinds = every_kind();
        let mut sequence = if opened { wild() } else { Vec::new() };
        sequence.extend(picks.iter().map(|pick| kinds[pick.index(kinds.len())].clone()));
        let events = numbered(sequence);
        let mut live = RunState::default();
        for event in &events {
            live.apply(event);
            // Every reader's question has an answer after every prefix.
            let tally = live.tally();
            let counted = tally.verified + tally.running + tally.waiting + tally.failed + tally.skipped
                + tally.unknown + tally.rolled_back;
            prop_assert_eq!(counted, tally.total);
            let _ = (live.busy_tables(), live.current_step().is_some(), live.is_at_work());
        }
        prop_assert_eq!(live.last.map(|(seq, _)| seq), events.last().map(|event| event.seq));
        let text = serde_json::to_string(&live).unwrap();
        let back: RunState = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&back, &live);
        prop_assert_eq!(RunState::replay(&events), live);
    }

    #[test]
    fn whatever_the_journal_says_only_the_ledger_is_rolled_back_and_the_end_comes(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let kinds = every_kind();
        let mut sequence = wild();
        sequence.extend(picks.iter().map(|pick| kinds[pick.index(kinds.len())].clone()));
        let mut state = RunState::replay(&numbered(sequence));
        let mut in_flight = crate::domain::effect::InFlight::new();
        for seq in 1_000..1_200 {
            let Some(effect) = crate::domain::effect::next_effect(&state, &in_flight, noon()) else {
                return Ok(());
            };
            if let crate::domain::effect::Effect::Drop { entry, oid, purpose: DropPurpose::Rollback } = &effect {
                prop_assert_eq!(state.ledger.get(entry).map(|made| made.oid), Some(*oid));
            }
            if let Some(key) = effect.key() {
                prop_assert!(in_flight.insert(key), "twice at once: {:?}", effect);
            } else if let crate::domain::effect::Effect::Record(kind) = effect {
                state.apply(&Event { seq: Seq(seq), at: noon(), kind });
            }
        }
        prop_assert!(false, "next_effect does not come to an end");
    }
}
