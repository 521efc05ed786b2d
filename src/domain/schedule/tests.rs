//! One thing per table, as many builds as jobs, and in the right order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use crate::domain::event::{BuildEvent, EventKind};
use crate::domain::id::{Oid, QualifiedName};
use crate::domain::plan::fixture::edit;
use crate::domain::plan::{Importance, SnapshotEffect};
use crate::domain::progress::Phase;
use crate::domain::state::fixture::{Log, backend, entry, estimate};

fn log(jobs: u32, items: Vec<PlanItem>) -> Log {
    Log::building_with(items, &RunSettings { jobs, ..RunSettings::default() })
}

fn pick(log: &Log) -> Option<(String, u32)> {
    let items: Vec<&PlanItem> = log.state.plan.as_ref().unwrap().items.iter().collect();
    next_build(&log.state, &items, &InFlight::new(), log.now()).map(|(key, attempt)| (key.0, attempt))
}

fn item(name: &str, table: u32) -> PlanItem {
    entry(name, table, ItemState::ToBuild)
}

/// Picks until nothing is due, starting each.
fn order(log: &mut Log) -> Vec<String> {
    let mut order = Vec::new();
    while let Some((key, attempt)) = pick(log) {
        log.started(&key, attempt).intended(&key, 100);
        order.push(key.trim_start_matches("public.").to_owned());
    }
    order
}

fn hold_up(log: &mut Log, key: &str, bites: Bites) {
    let holder = Holder::Session {
        backend: backend(4),
        application: "app".to_owned(),
        user: "app".to_owned(),
        client: None,
        state: None,
        query: None,
        backend_type: None,
    };
    let blocker = Blocker {
        stage: BlockStage::Writer,
        bites,
        holder,
        why: "RowExclusiveLock".to_owned(),
        since: None,
        table: None,
    };
    log.push(EventKind::Build(BuildEvent::HeldUp { entry: key.into(), blockers: vec![blocker] }));
}

#[test]
fn critical_first_then_plain_before_partial_then_longest() {
    let mut log = log(
        10,
        vec![
            edit(item("short", 1), |it| it.estimate = Some(estimate(10))),
            edit(item("partial", 2), |it| {
                it.traits.snapshot = SnapshotEffect::HoldsOthers;
                it.estimate = Some(estimate(9_000));
            }),
            edit(item("long", 3), |it| it.estimate = Some(estimate(500))),
            edit(item("unknown", 4), |it| it.estimate = None),
            edit(item("critical", 5), |it| it.critical = Importance::Critical),
            edit(item("critical_partial", 6), |it| {
                it.critical = Importance::Critical;
                it.traits.snapshot = SnapshotEffect::HoldsOthers;
            }),
        ],
    );
    assert_eq!(order(&mut log), ["critical", "critical_partial", "long", "short", "unknown", "partial"]);
}

#[test]
fn no_more_than_jobs_and_never_two_on_one_table() {
    let mut log = log(2, vec![item("a1", 1), item("a2", 1), item("b", 2), item("c", 3)]);
    assert_eq!(order(&mut log), ["a1", "b"]);
    let mut wide = self::log(9, vec![item("a1", 1), item("a2", 1), item("b", 2)]);
    assert_eq!(order(&mut wide), ["a1", "b"]);
}

#[test]
fn a_build_that_waits_for_people_gives_its_slot_away() {
    let mut log = log(1, vec![item("a", 1), item("b", 2), item("c", 3)]);
    log.started("public.a", 1).intended("public.a", 100);
    hold_up(&mut log, "public.a", Bites::Later);
    assert_eq!(pick(&log), None, "nothing holds it up yet");
    hold_up(&mut log, "public.a", Bites::Now);
    assert_eq!(pick(&log), Some(("public.b".to_owned(), 1)));
    log.push(EventKind::Build(BuildEvent::PhaseEntered { entry: "public.a".into(), phase: Phase::Scan }));
    assert_eq!(pick(&log), None, "it works again");
}

#[test]
fn a_build_that_waits_for_its_table_gives_its_slot_away() {
    let mut log = log(1, vec![item("a", 1), item("b", 2)]);
    log.started("public.a", 1);
    assert_eq!(pick(&log), None);
    hold_up(&mut log, "public.a", Bites::Now);
    assert_eq!(pick(&log), Some(("public.b".to_owned(), 1)));
}

#[test]
fn a_table_is_taken_by_a_drop_as_well() {
    let mut log = log(4, vec![item("a1", 1), item("a2", 1)]);
    log.built("public.a1", 7);
    assert_eq!(pick(&log), Some(("public.a2".to_owned(), 1)));
    log.push(EventKind::Drop(crate::domain::event::DropEvent::Started {
        entry: "public.a1".into(),
        oid: Oid(7),
        purpose: crate::domain::event::DropPurpose::Rollback,
    }));
    assert_eq!(pick(&log), None);
}

#[test]
fn an_orphan_of_ours_counts_as_a_job_and_a_build_of_others_does_not() {
    for (ours, expected) in [(true, None), (false, Some(("public.b".to_owned(), 1)))] {
        let mut log = log(1, vec![item("a", 1), item("b", 2)]);
        log.started("public.a", 1);
        if ours {
            log.intended("public.a", 100);
        }
        let mut reading = crate::domain::state::fixture::reading(Some(log.facts("public.a", 7, false)));
        let pid = if ours { 100 } else { 4 };
        let builder = crate::domain::state::fixture::builder(pid, "psql");
        reading.builders.push(edit(builder, |it| it.index_oid = Some(Oid(7))));
        log.read("public.a", reading, None);
        assert_eq!(pick(&log), expected);
    }
}

#[test]
fn a_retry_waits_for_its_time() {
    let mut log = log(1, vec![item("a", 1)]);
    log.started("public.a", 1).intended("public.a", 100);
    log.ended(
        "public.a",
        Err(crate::domain::state::fixture::fail(crate::domain::failure::FailureClass::Deadlock)),
    );
    log.read("public.a", crate::domain::state::fixture::reading(None), Some(100));
    let BuildStatus::Retrying { not_before } = log.state.builds[&"public.a".into()].status else {
        panic!("it is tried again")
    };
    let items: Vec<&PlanItem> = log.state.plan.as_ref().unwrap().items.iter().collect();
    let at = |now| next_build(&log.state, &items, &InFlight::new(), now);
    assert_eq!(at(not_before - jiff::SignedDuration::from_millis(1)), None);
    assert_eq!(at(not_before), Some(("public.a".into(), 2)));
}

#[test]
fn memory_limits_jobs_but_never_to_none() {
    let settings = |budget, each| RunSettings {
        jobs: 4,
        memory_budget_kb: Some(budget),
        maintenance_work_mem_kb: Some(each),
        ..RunSettings::default()
    };
    let limits = |settings: &RunSettings, server| {
        let Limits { jobs, sessions } = Limits::of(settings, server);
        (jobs, sessions)
    };
    assert_eq!(limits(&settings(2_000, 1_000), None), (2, 2));
    assert_eq!(limits(&settings(6_000, 1_000), None), (4, 6));
    assert_eq!(limits(&settings(900, 1_000), None), (1, 1));
    assert_eq!(limits(&settings(9_000, 0), None), (4, 10));
    let unsaid = RunSettings { maintenance_work_mem_kb: None, ..settings(2_000, 1) };
    assert_eq!(limits(&unsaid, Some(1_000)), (2, 2), "the server's own");
    assert_eq!(limits(&unsaid, None), (4, 10), "nobody knows");
    assert_eq!(limits(&RunSettings { jobs: 0, ..RunSettings::default() }, None), (1, 7));
}

#[test]
fn builds_that_wait_for_people_count_against_the_memory_budget_since_all_may_go_on_at_once() {
    let items: Vec<PlanItem> = (1..=9).map(|n| item(&format!("i{n}"), n)).collect();
    let started = |budget: Option<u64>| {
        let settings = RunSettings { jobs: 1, memory_budget_kb: budget, ..RunSettings::default() };
        let mut log = Log::building_with(items.clone(), &settings);
        log.state.plan.as_mut().unwrap().memory_kb = Some(1_000);
        let mut count = 0;
        while let Some((key, attempt)) = pick(&log) {
            log.started(&key, attempt).intended(&key, 100);
            hold_up(&mut log, &key, Bites::Now);
            count += 1;
        }
        count
    };
    assert_eq!(started(Some(3_000)), 3);
    assert_eq!(started(None), WAITING_SESSIONS);
}

proptest! {
    #[test]
    fn whatever_the_plan_no_table_is_worked_on_twice(
        tables in prop::collection::vec((1_u32..6, 0_u64..4, any::<bool>(), any::<bool>()), 1..14),
        jobs in 1_u32..7,
    ) {
        let items = tables.iter().enumerate().map(|(n, (table, time, critical, partial))| {
            edit(item(&format!("i{n}"), *table), |it| {
                it.estimate = Some(estimate(time * 100));
                it.critical = if *critical { Importance::Critical } else { Importance::Normal };
                it.table = QualifiedName::new("public", format!("t{table}"));
                if *partial {
                    it.traits.snapshot = SnapshotEffect::HoldsOthers;
                }
            })
        }).collect();
        let mut log = log(jobs, items);
        let order = order(&mut log);
        prop_assert!(order.len() <= jobs as usize);
        let plan = log.state.plan.as_ref().unwrap();
        let used: Vec<Oid> = order.iter()
            .map(|name| plan.item(&format!("public.{name}").as_str().into()).unwrap().table_oid.unwrap())
            .collect();
        prop_assert_eq!(used.iter().collect::<BTreeSet<_>>().len(), used.len());
        let distinct: BTreeSet<u32> = tables.iter().map(|it| it.0).collect();
        prop_assert_eq!(order.len(), distinct.len().min(jobs as usize), "no slot stays empty");
    }
}
