//! Every verb against the states in which it means something, refusals included.

use super::*;
use crate::domain::catalog::IndexFlags;
use crate::domain::check::{CheckResult, Evidence, Verdict, Waivable};
use crate::domain::event::{DropConclusion, DropEvent, DropPurpose, SessionEnd};
use crate::domain::failure::FailureClass;
use crate::domain::observe::Outcome;
use crate::domain::plan::LeftoverHarm;
use crate::domain::plan::fixture::{edit, noon};
use crate::domain::state::fixture::{
    BUILD, CHECKS, CONFIRM, Log, SIGN, VERIFY, backend, builder, command, entry, reading,
};
use crate::domain::target::RunSettings;
use crate::domain::unit::{Bytes, Millis};

const A: &str = "public.a";
const B: &str = "public.b";
const LONG: &str = "a reason that is long enough";

fn log() -> Log {
    Log::building(vec![entry("a", 1, ItemState::ToBuild), entry("b", 2, ItemState::ToBuild)])
}

fn try_it(log: &Log, verb: Verb) -> Result<EventKind, Refusal> {
    decide(&log.state, &command(verb))
}

fn refusal(log: &Log, verb: Verb) -> String {
    try_it(log, verb).unwrap_err().to_string()
}

fn stop_a() -> Verb {
    Verb::Stop { entry: A.into() }
}

fn skip_a() -> Verb {
    Verb::Skip { entry: A.into(), reason: "not today".to_owned() }
}

fn retry_a(leftover: LeftoverPolicy) -> Verb {
    Verb::Retry { entry: A.into(), leftover }
}

fn roll(entries: &[&str]) -> Verb {
    Verb::Roll { entries: entries.iter().map(|it| (*it).into()).collect(), reason: LONG.to_owned() }
}

fn check(verdict: Verdict, waivable: Waivable) -> CheckResult {
    CheckResult {
        id: "disk".into(),
        title: "Disk".to_owned(),
        verdict,
        found: "1 GB".to_owned(),
        wanted: "2 GB".to_owned(),
        details: Vec::new(),
        advice: None,
        evidence: Evidence { source: "statvfs".to_owned(), query: None, at: noon(), took: Millis(1) },
        waivable,
    }
}

fn checking(verdict: Verdict, waivable: Waivable) -> Log {
    let mut log = Log::opened(RunSettings::default(), Mode::Live);
    log.start(CHECKS);
    log.outcome(Outcome::Checked(check(verdict, waivable)));
    log.outcome(Outcome::ChecksEnded(Millis(5)));
    log.push(EventKind::Step(StepEvent::Held {
        step: CHECKS.into(),
        why: "gate closed: FAIL Disk".to_owned(),
    }));
    log
}

fn waive(reason: &str) -> Verb {
    Verb::Waive { check: "disk".into(), reason: reason.to_owned() }
}

fn confirm(step: &str) -> Verb {
    Verb::Confirm { step: step.into(), typed: "go".to_owned() }
}

fn hold(log: &mut Log, step: &str) {
    log.push(EventKind::Step(StepEvent::Held { step: step.into(), why: "1 of 2 built".to_owned() }));
}

#[test]
fn nothing_is_decided_before_the_run_is_open_and_after_it_is_closed() {
    let empty = Log::default();
    assert!(matches!(try_it(&empty, Verb::Pause), Err(Refusal::NotReady { .. })));
    let closed = edit(log(), |it| it.push(EventKind::Run(RunEvent::Closed { ending: Ending::Aborted })));
    for verb in [Verb::Pause, Verb::Recheck, stop_a(), roll(&[]), Verb::Abort { reason: String::new() }] {
        assert_eq!(try_it(&closed, verb), Err(Refusal::RunIsOver));
    }
}

#[test]
fn only_a_step_that_waits_can_be_confirmed() {
    let mut log = log();
    assert!(matches!(try_it(&log, confirm("no.step")), Err(Refusal::Unknown { .. })));
    assert!(matches!(try_it(&log, confirm(BUILD)), Err(Refusal::NotHeld { .. })));
    hold(&mut log, BUILD);
    assert!(try_it(&log, confirm(BUILD)).is_ok());
}

#[test]
fn a_build_step_with_a_stale_plan_is_not_confirmed_away() {
    let mut log = Log::building(vec![entry("a", 1, ItemState::ToBuild)]);
    log.state.control.plan_for = Some(CHECKS.into());
    hold(&mut log, BUILD);
    assert!(matches!(try_it(&log, confirm(BUILD)), Err(Refusal::PlanStale { .. })));
}

#[test]
fn a_closed_gate_is_waived_and_never_confirmed() {
    let log = checking(Verdict::Stop, Waivable::WithReason);
    assert_eq!(refusal(&log, confirm(CHECKS)), "the gate is closed: gate closed: FAIL Disk");
    assert_eq!(try_it(&log, waive("because")), Err(Refusal::NeedsReason));
    assert_eq!(try_it(&log, waive("a  b  c  !!!!!!!!!!")), Err(Refusal::NeedsReason));
    assert!(try_it(&log, waive(LONG)).is_ok());
    let waived = edit(log, |it| drop(it.command(waive(LONG)).unwrap()));
    assert_eq!(refusal(&waived, waive(LONG)), "already waived");
}

#[test]
fn a_waiver_needs_something_to_waive() {
    let never = checking(Verdict::Stop, Waivable::Never);
    assert!(matches!(try_it(&never, waive(LONG)), Err(Refusal::NotWaivable { .. })));
    let passed = checking(Verdict::Pass, Waivable::WithReason);
    assert_eq!(refusal(&passed, waive(LONG)), "already passed");
    assert!(try_it(&checking(Verdict::Warn, Waivable::WithReason), waive(LONG)).is_ok());
    assert!(try_it(&checking(Verdict::Unknown, Waivable::WithReason), waive(LONG)).is_ok());
    let other = Verb::Waive { check: "moon".into(), reason: LONG.to_owned() };
    assert!(matches!(try_it(&passed, other), Err(Refusal::Unknown { .. })));
}

#[test]
fn pause_and_resume_alternate() {
    let mut log = log();
    assert_eq!(refusal(&log, Verb::Resume), "already running");
    log.command(Verb::Pause).unwrap();
    assert_eq!(refusal(&log, Verb::Pause), "already paused");
    log.command(Verb::Resume).unwrap();
    assert!(log.state.control.paused.is_none());
}

#[test]
fn a_running_build_is_stopped_once_and_from_its_first_moment() {
    let mut log = log();
    assert!(matches!(try_it(&log, stop_a()), Err(Refusal::Unknown { .. })));
    log.started(A, 1);
    assert!(try_it(&log, stop_a()).is_ok(), "a build that waits for its table can be called off");
    log.intended(A, 100);
    log.command(stop_a()).unwrap();
    assert_eq!(refusal(&log, stop_a()), "already stopping");
    let built = edit(self::log(), |it| {
        it.built(A, 7);
    });
    assert!(matches!(try_it(&built, stop_a()), Err(Refusal::NotRunning { .. })));
}

#[test]
fn a_drop_can_be_stopped_too() {
    let mut log = log();
    log.built(A, 7);
    log.command(roll(&[])).unwrap();
    let started = DropEvent::Started { entry: A.into(), oid: Oid(7), purpose: DropPurpose::Rollback };
    log.push(EventKind::Drop(started));
    let stop = log.command(stop_a());
    assert!(matches!(stop, Ok(EventKind::Drop(DropEvent::StopRequested { .. }))), "{stop:?}");
    assert_eq!(refusal(&log, stop_a()), "already stopping");
    log.outcome(Outcome::DropRefused { entry: A.into(), oid: Oid(7), why: "stopped".to_owned() });
    assert!(matches!(try_it(&log, stop_a()), Err(Refusal::NotRunning { .. })));
}

#[test]
fn a_build_of_somebody_else_is_skipped_and_not_stopped() {
    let mut log = log();
    let mut seen = reading(Some(log.facts(A, 9, false)));
    seen.builders.push(edit(builder(4, "psql"), |it| it.index_oid = Some(Oid(9))));
    log.started(A, 1);
    log.read(A, seen, None);
    assert!(log.state.builds[&A.into()].is_strangers());
    assert!(matches!(try_it(&log, stop_a()), Err(Refusal::NotReady { .. })));
    log.command(skip_a()).unwrap();
    assert!(matches!(log.state.builds[&A.into()].status, BuildStatus::Skipped { .. }));
}

#[test]
fn what_runs_or_is_right_is_not_skipped() {
    let mut log = log();
    assert!(try_it(&log, skip_a()).is_ok());
    assert!(matches!(
        try_it(&log, Verb::Skip { entry: "public.x".into(), reason: String::new() }),
        Err(Refusal::Unknown { .. })
    ));
    log.started(A, 1);
    assert!(matches!(try_it(&log, skip_a()), Err(Refusal::Running { .. })));
    let built = edit(self::log(), |it| {
        it.built(A, 7);
    });
    assert_eq!(refusal(&built, skip_a()), "already verified");
    let skipped = edit(self::log(), |it| drop(it.command(skip_a()).unwrap()));
    assert_eq!(refusal(&skipped, skip_a()), "already skipped");
}

#[test]
fn a_failed_build_is_tried_again_and_a_leftover_of_ours_goes_first() {
    let keep = LeftoverPolicy::Keep;
    let mut log = log();
    assert_eq!(refusal(&log, retry_a(keep)), "already waiting for its turn");
    log.left(A, 7, FailureClass::UniqueViolation);
    assert!(matches!(try_it(&log, retry_a(keep)), Err(Refusal::Running { .. })), "it is being cleaned");
    let failed = DropConclusion::Refused { why: "busy".to_owned() };
    let started = DropEvent::Started { entry: A.into(), oid: Oid(7), purpose: DropPurpose::Leftover };
    log.push(EventKind::Drop(started));
    log.push(EventKind::Drop(DropEvent::Concluded { entry: A.into(), oid: Oid(7), conclusion: failed }));
    let Ok(EventKind::Build(BuildEvent::RetryRequested { clean, .. })) = try_it(&log, retry_a(keep)) else {
        panic!("a retry is wanted")
    };
    assert_eq!(clean, Some(Oid(7)));
}

#[test]
fn a_leftover_of_others_is_only_repaired_on_request() {
    let flags = IndexFlags { valid: false, ready: true, live: true };
    let leftover = |ties: Vec<String>| ItemState::Leftover {
        oid: Oid(9),
        flags,
        size: Bytes(1),
        harm: LeftoverHarm::CostsWrites,
        ties,
    };
    let mut log = Log::building(vec![entry("a", 1, leftover(Vec::new()))]);
    log.command(skip_a()).unwrap();
    assert!(matches!(try_it(&log, retry_a(LeftoverPolicy::Keep)), Err(Refusal::NotOurs { .. })));
    let Ok(EventKind::Build(BuildEvent::RetryRequested { clean, .. })) =
        try_it(&log, retry_a(LeftoverPolicy::Repair))
    else {
        panic!("a repair is wanted")
    };
    assert_eq!(clean, Some(Oid(9)));
    let mut tied = Log::building(vec![entry("a", 1, leftover(vec!["is needed".to_owned()]))]);
    tied.command(skip_a()).unwrap();
    let Ok(EventKind::Build(BuildEvent::RetryRequested { clean, .. })) =
        try_it(&tied, retry_a(LeftoverPolicy::Repair))
    else {
        panic!("another look is harmless")
    };
    assert_eq!(clean, None, "what something needs is never dropped");
}

#[test]
fn a_retry_is_refused_where_it_would_lead_nowhere() {
    let missing = edit(entry("a", 1, ItemState::ToBuild), |it| it.table_oid = None);
    let mut log = Log::building(vec![missing]);
    log.command(skip_a()).unwrap();
    assert!(matches!(try_it(&log, retry_a(LeftoverPolicy::Keep)), Err(Refusal::NotReady { .. })));
    let mut late = edit(self::log(), |it| drop(it.command(skip_a()).unwrap()));
    late.finish(BUILD);
    late.start(VERIFY);
    assert!(try_it(&late, retry_a(LeftoverPolicy::Keep)).is_ok());
    late.finish(VERIFY);
    late.start(SIGN);
    assert!(matches!(try_it(&late, retry_a(LeftoverPolicy::Keep)), Err(Refusal::NotReady { .. })));
}

#[test]
fn only_what_the_run_made_is_rolled_back() {
    let mut log = log();
    assert_eq!(refusal(&log, roll(&[])), "already as it was: this run has made nothing that is still there");
    log.built(A, 7);
    assert!(matches!(try_it(&log, roll(&[B])), Err(Refusal::NotOurs { .. })));
    assert!(matches!(
        try_it(&log, Verb::Roll { entries: Vec::new(), reason: "oops".to_owned() }),
        Err(Refusal::NeedsReason)
    ));
    let Ok(EventKind::Rollback(RollbackEvent::Requested { entries, .. })) = log.command(roll(&[])) else {
        panic!("a rollback is wanted")
    };
    assert_eq!(entries, [A.into()]);
    assert_eq!(refusal(&log, roll(&[])), "already rolling back");
}

#[test]
fn a_rollback_of_everything_takes_running_builds_with_it() {
    let mut log = log();
    log.built(A, 7).started(B, 1);
    let Ok(EventKind::Rollback(RollbackEvent::Requested { entries, .. })) = try_it(&log, roll(&[])) else {
        panic!("a rollback is wanted")
    };
    assert_eq!(entries, [A.into(), B.into()]);
    assert!(try_it(&log, roll(&[B])).is_err(), "nothing of it was sent yet");
    log.intended(B, 101);
    assert!(try_it(&log, roll(&[B])).is_ok());
}

#[test]
fn a_recheck_waits_for_builds_drops_and_rollbacks() {
    let mut log = log();
    assert!(try_it(&log, Verb::Recheck).is_ok());
    log.started(A, 1);
    assert!(try_it(&log, Verb::Recheck).is_err());
    let cleaning = edit(self::log(), |it| {
        it.left(A, 7, FailureClass::Deadlock);
    });
    assert!(try_it(&cleaning, Verb::Recheck).is_err());
    let rolling = edit(self::log(), |it| {
        it.built(A, 7).command(roll(&[])).unwrap();
    });
    assert!(try_it(&rolling, Verb::Recheck).is_err());
    let fresh = edit(self::log(), |it| drop(it.command(Verb::Recheck).unwrap()));
    assert!(fresh.state.plan.is_none());
    assert_eq!(refusal(&fresh, Verb::Recheck), "not ready yet: no checks ran yet");
}

#[test]
fn a_recheck_is_the_way_on_when_no_plan_could_be_made() {
    let mut log = Log::opened(RunSettings::default(), Mode::Live);
    log.start(CHECKS);
    assert_eq!(refusal(&log, Verb::Recheck), "already checking");
    log.outcome(Outcome::Planned(Err(crate::domain::failure::Failure::refused("registry unreadable"))));
    assert!(try_it(&log, Verb::Recheck).is_ok());
}

#[test]
fn a_sign_off_needs_its_step_and_a_name() {
    let sign = |name: &str| Verb::SignOff { name: name.to_owned(), reason: " fine ".to_owned() };
    let mut log = log();
    assert!(matches!(try_it(&log, sign("Ana")), Err(Refusal::NotReady { .. })));
    log.finish(BUILD);
    log.start(VERIFY);
    log.finish(VERIFY);
    log.start(SIGN);
    assert!(try_it(&log, sign("Ana")).is_err(), "it does not wait yet");
    hold(&mut log, SIGN);
    assert!(matches!(try_it(&log, confirm(SIGN)), Err(Refusal::NotReady { .. })));
    assert!(try_it(&log, sign("  ")).is_err());
    let signed = log.command(sign(" Ana ")).unwrap();
    let EventKind::Run(RunEvent::SignedOff { by, reason }) = signed else { panic!("signed") };
    assert_eq!((by.as_str(), reason.as_str()), ("Ana", "fine"));
    assert_eq!(refusal(&log, sign("Ana")), "already signed");
}

#[test]
fn a_run_ends_at_a_step_that_waits_and_never_under_running_work() {
    let mut log = log();
    assert!(try_it(&log, Verb::EndHere).is_err());
    hold(&mut log, BUILD);
    let Ok(EventKind::Run(RunEvent::Closed { ending })) = try_it(&log, Verb::EndHere) else { panic!("ends") };
    assert_eq!(ending, Ending::StoppedAt { step: BUILD.into() });
    let cleaning = edit(log.clone(), |it| {
        it.left(A, 7, FailureClass::Deadlock);
    });
    assert!(try_it(&cleaning, Verb::EndHere).is_err(), "a leftover is about to be dropped");
    log.started(A, 1);
    assert!(try_it(&log, Verb::EndHere).is_err());
    let mut waiting = Log::opened(RunSettings::default(), Mode::Live);
    waiting.start(CHECKS);
    waiting.finish(CHECKS);
    waiting.start(CONFIRM);
    hold(&mut waiting, CONFIRM);
    let Ok(EventKind::Run(RunEvent::Closed { ending })) = try_it(&waiting, Verb::EndHere) else {
        panic!("ends")
    };
    assert_eq!(ending, Ending::NeedsPerson { step: CONFIRM.into() });
}

#[test]
fn an_abort_is_asked_for_once() {
    let mut log = log();
    log.command(Verb::Abort { reason: "SIGTERM".to_owned() }).unwrap();
    assert_eq!(refusal(&log, Verb::Abort { reason: "again".to_owned() }), "already ending");
}

#[test]
fn ending_a_session_needs_a_reason_and_is_not_for_our_own_builds() {
    let end = |pid, reason: &str| Verb::EndSession {
        backend: backend(pid),
        description: "psql".to_owned(),
        how: SessionEnd::CancelStatement,
        reason: reason.to_owned(),
    };
    let mut log = log();
    assert_eq!(try_it(&log, end(5, "")), Err(Refusal::NeedsReason));
    assert!(try_it(&log, end(5, LONG)).is_ok());
    log.started(A, 1).intended(A, 5);
    assert!(matches!(try_it(&log, end(5, LONG)), Err(Refusal::NotReady { .. })));
}

#[test]
fn a_dry_run_writes_nothing() {
    let mut log = Log::opened(RunSettings::default(), Mode::DryRun);
    log.start(CHECKS);
    for verb in [
        retry_a(LeftoverPolicy::Keep),
        roll(&[]),
        Verb::EndSession {
            backend: backend(5),
            description: String::new(),
            how: SessionEnd::Terminate,
            reason: LONG.to_owned(),
        },
    ] {
        assert!(matches!(try_it(&log, verb), Err(Refusal::DryRun { .. })));
    }
}
