use super::*;
use crate::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use crate::domain::catalog::{BuildRight, CatalogFacts, IndexFlags, RelationKind, Uniqueness};
use crate::domain::estimate::{Need, need};
use crate::domain::failure::FailureClass;
use crate::domain::id::{EntryKey, QualifiedName, RunId};
use crate::domain::plan::fixture::{
    CALLS, KEY, LEADS, USABLE, at, backend, builder, edit, facts, failure, index, leads_status, noon,
    plan_of, request, status_definition, target,
};
use crate::domain::plan::{Plan, make};
use crate::domain::survey::{
    BackupEvidence, DiskSpace, Observed, SurveyArchiver, SurveyReplication, SurveySetting, SurveySlot,
    SurveyStandby, Visible,
};
use crate::domain::target::{Environment, LeftoverPolicy, Power, RunSettings, Standing, Target, Thresholds};
use crate::domain::unit::{Bytes, Rows};

fn evidence() -> Evidence {
    Evidence { source: "test".to_owned(), query: None, at: noon(), took: Millis(3) }
}

fn seen<T>(value: T) -> Observed<T> {
    Observed { value, evidence: evidence() }
}

/// Every result must be one that an operator can use, whatever its verdict.
fn verdict(result: &CheckResult) -> Verdict {
    assert!(!result.found.is_empty() && !result.wanted.is_empty(), "{result:?}");
    assert!(crate::text::cell_width(&result.title) <= 22, "{result:?}");
    assert_eq!(
        result.advice.as_deref().is_none_or(str::is_empty),
        result.verdict == Verdict::Pass,
        "{result:?}"
    );
    result.verdict
}

use Verdict::{Pass, Stop, Unknown, Warn};

#[test]
fn every_question_has_its_own_name_and_only_the_place_itself_is_never_waived() {
    let names: std::collections::BTreeSet<&str> = Question::ALL.iter().map(|it| it.name()).collect();
    assert_eq!(names.len(), Question::ALL.len());
    let never: Vec<&str> =
        Question::ALL.iter().filter(|it| it.waivable() == Waivable::Never).map(|it| it.name()).collect();
    assert_eq!(never, ["identity", "primary"]);
}

#[test]
fn another_target_than_the_plans_stops_for_good() {
    let judge = |change: fn(&mut Target)| identity(&target().identity, &edit(target(), change), evidence());
    assert_eq!(verdict(&judge(|_| {})), Pass);
    assert_eq!(verdict(&judge(|it| it.identity.started = noon())), Pass);
    for change in [
        (|it| it.identity.system_identifier += 1) as fn(&mut Target),
        |it| it.identity.timeline = Some(2),
        |it| it.identity.database = "other".to_owned(),
        |it| it.identity.standing = Standing::Standby,
    ] {
        let result = judge(change);
        assert_eq!((verdict(&result), result.waivable), (Stop, Waivable::Never));
    }
}

#[test]
fn only_a_primary_is_built_on() {
    let of = |standing| primary(&edit(target().identity, |it| it.standing = standing), evidence());
    assert_eq!(verdict(&of(Standing::Primary)), Pass);
    assert_eq!(verdict(&of(Standing::Standby)), Stop);
}

#[test]
fn versions_with_known_holes_stop() {
    let none = Some(0);
    let some = Some(10);
    for (version_num, prepared, wanted) in [
        (110_022, none, Stop),
        (120_022, some, Pass),
        (120_008, some, Warn),
        (120_005, some, Stop),
        (120_005, none, Pass),
        (120_005, None, Unknown),
        (130_001, some, Stop),
        (130_004, some, Warn),
        (140_000, none, Stop),
        (140_003, none, Stop),
        (140_004, some, Pass),
        (150_018, some, Pass),
        (180_004, None, Pass),
        (190_000, none, Unknown),
    ] {
        assert_eq!(
            verdict(&version(version_num, prepared, evidence())),
            wanted,
            "{version_num} {prepared:?}"
        );
    }
}

#[test]
fn a_superuser_warns_except_on_a_throwaway_server() {
    let of = |power, environment| {
        role(&edit(target(), |it| (it.power, it.environment) = (power, environment)), evidence())
    };
    assert_eq!(verdict(&of(Power::Ordinary, Environment::Prod)), Pass);
    assert_eq!(verdict(&of(Power::Superuser, Environment::Prod)), Warn);
    assert_eq!(verdict(&of(Power::Superuser, Environment::Rehearsal)), Pass);
}

fn setting(name: &str, value: &str, source: &str) -> SurveySetting {
    SurveySetting { name: name.to_owned(), setting: value.to_owned(), unit: None, source: source.to_owned() }
}

fn empty_need() -> Need {
    need(&plan_of(&[], &facts()), &[])
}

#[test]
fn inherited_settings_warn_when_they_are_overridden_and_stop_when_they_cannot_be() {
    let with = |settings: Vec<SurveySetting>| {
        session_settings(&seen(settings), &RunSettings::default(), &empty_need())
    };
    assert_eq!(verdict(&with(vec![setting("lock_timeout", "0", "default")])), Pass);
    for name in [
        "lock_timeout",
        "statement_timeout",
        "transaction_timeout",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "client_connection_check_interval",
    ] {
        let result = with(vec![setting(name, "30000", "user")]);
        assert_eq!(verdict(&result), Warn, "{name}");
        assert!(result.found.contains(name) && result.details[0].contains("(user)"), "{result:?}");
        assert_eq!(verdict(&with(vec![setting(name, "30000", "client")])), Pass, "{name}");
    }
    assert_eq!(verdict(&with(vec![setting("search_path", "\"$user\", public", "default")])), Pass);
    assert_eq!(verdict(&with(vec![setting("search_path", "evil, public", "database")])), Warn);
    assert_eq!(verdict(&with(vec![setting("default_transaction_read_only", "on", "user")])), Warn);
    assert_eq!(verdict(&with(vec![setting("default_transaction_read_only", "off", "user")])), Pass);
    assert_eq!(verdict(&with(vec![setting("deadlock_timeout", "1000", "default")])), Pass);
    assert_eq!(verdict(&with(vec![setting("deadlock_timeout", "2000", "user")])), Stop);
}

#[test]
fn a_limit_on_sort_files_stops_only_builds_that_need_more() {
    let entry = request("CREATE INDEX CONCURRENTLY big ON leads (email)");
    let facts = edit(facts(), |it| {
        it.tables.get_mut(&QualifiedName::new("public", "leads").key()).unwrap().rows =
            Some(Rows(10_000_000));
    });
    let need = need(&plan_of(&[entry], &facts), &[]);
    let with = |limit: &str| {
        let limit = setting("temp_file_limit", limit, "configuration file");
        session_settings(&seen(vec![limit]), &RunSettings::default(), &need)
    };
    assert_eq!(verdict(&with("-1")), Pass);
    assert_eq!(verdict(&with("10485760")), Pass);
    assert_eq!(verdict(&with("102400")), Stop);
}

fn memory() -> Vec<SurveySetting> {
    vec![
        setting("maintenance_work_mem", "65536", "default"),
        setting("max_parallel_maintenance_workers", "2", "default"),
        setting("max_parallel_workers", "8", "default"),
    ]
}

#[test]
fn builds_must_fit_memory_and_workers() {
    let with =
        |change: fn(&mut RunSettings)| workers_memory(&seen(memory()), &edit(RunSettings::default(), change));
    assert_eq!(verdict(&with(|_| {})), Pass);
    assert_eq!(verdict(&with(|it| it.memory_budget_kb = Some(65_536))), Pass);
    assert_eq!(verdict(&with(|it| it.memory_budget_kb = Some(65_535))), Stop);
    let lowered = with(|it| (it.jobs, it.memory_budget_kb) = (4, Some(131_072)));
    assert_eq!(verdict(&lowered), Pass, "two are built at once");
    assert!(lowered.found.starts_with("2 x "), "{lowered:?}");
    assert!(lowered.details.iter().any(|it| it.contains("2 of 4 jobs")), "{lowered:?}");
    assert_eq!(verdict(&with(|it| (it.jobs, it.parallel_workers) = (4, Some(4)))), Warn);
    assert_eq!(verdict(&workers_memory(&seen(Vec::new()), &RunSettings::default())), Unknown);
}

#[test]
fn every_session_of_the_run_needs_a_connection() {
    let with = |free_connections| {
        let figures = edit(facts().server, |it| it.free_connections = free_connections);
        connections(&figures, &RunSettings::default(), evidence())
    };
    for (free, wanted) in [(0, Unknown), (3, Stop), (4, Warn), (9, Warn), (10, Pass), (90, Pass)] {
        assert_eq!(verdict(&with(free)), wanted, "{free}");
    }
}

fn planned(change: impl FnOnce(&mut CatalogFacts)) -> Plan {
    plan_of(&[leads_status()], &edit(facts(), change))
}

fn with_index(flags: IndexFlags, unique: Uniqueness) -> Plan {
    planned(|it| {
        it.indexes.push(edit(index("idx_leads_status", status_definition()), |it| {
            it.flags = flags;
            it.definition.unique = unique;
        }));
    })
}

#[test]
fn a_missing_right_stops_and_names_the_table() {
    assert_eq!(verdict(&privileges(&planned(|_| {}))), Pass);
    let result = privileges(&planned(|it| {
        it.tables.get_mut(&QualifiedName::new("public", "leads").key()).unwrap().right = BuildRight::NotOwner;
    }));
    assert_eq!(verdict(&result), Stop);
    assert!(result.found.contains("leads"), "{result:?}");
}

#[test]
fn blocked_entries_stop_and_those_that_cannot_be_compared_are_unknown() {
    assert_eq!(verdict(&blocked_entries(&planned(|_| {}))), Pass);
    assert_eq!(verdict(&blocked_entries(&planned(|it| it.tables.clear()))), Stop);
    let taken = |it: &mut CatalogFacts| it.taken_names.extend([(EntryKey::from(KEY), RelationKind::View)]);
    assert_eq!(verdict(&blocked_entries(&planned(taken))), Stop);
    let incomparable = planned(|it| {
        it.indexes.push(index("idx_leads_status", status_definition()));
        it.expected.insert(KEY.into(), Err(failure(FailureClass::ReadOnly, "25006", "read-only")));
    });
    assert_eq!(verdict(&blocked_entries(&incomparable)), Unknown);
}

#[test]
fn drift_stops_with_a_diff() {
    assert_eq!(verdict(&drift(&with_index(USABLE, Uniqueness::No))), Pass);
    let result = drift(&with_index(USABLE, Uniqueness::Unique));
    assert_eq!(verdict(&result), Stop);
    assert!(result.details.iter().any(|it| it.contains("- Unique")), "{result:?}");
}

#[test]
fn a_leftover_stops_only_when_it_rejects_writes_and_nobody_repairs_it() {
    let ready = IndexFlags { valid: false, ready: true, live: true };
    let repair = |plan: Plan| edit(plan, |it| it.settings.leftovers = LeftoverPolicy::Repair);
    assert_eq!(verdict(&leftovers(&planned(|_| {}))), Pass);
    assert_eq!(verdict(&leftovers(&with_index(ready, Uniqueness::No))), Warn);
    assert_eq!(verdict(&leftovers(&with_index(ready, Uniqueness::Unique))), Stop);
    assert_eq!(verdict(&leftovers(&repair(with_index(ready, Uniqueness::Unique)))), Warn);
}

#[test]
fn a_duplicate_warns() {
    assert_eq!(verdict(&duplicates(&planned(|_| {}))), Pass);
    let twin = planned(|it| it.indexes.push(index("twin", status_definition())));
    assert_eq!(verdict(&duplicates(&twin)), Warn);
}

#[test]
fn strangers_who_build_warn_and_our_own_orphan_does_not() {
    let plan = planned(|_| {});
    let run = RunId::from("r1");
    let with =
        |builders: &[crate::domain::catalog::Builder]| building(&plan, builders, Some(&run), evidence());
    assert_eq!(verdict(&with(&[])), Pass);
    assert_eq!(verdict(&with(&[builder("cicerone/r1/1", None)])), Pass);
    assert_eq!(verdict(&with(&[builder("cicerone/r2/1", None)])), Warn);
    assert_eq!(verdict(&with(&[builder("psql", None)])), Warn);
    assert_eq!(verdict(&with(&[edit(builder("psql", None), |it| it.table_oid = Some(CALLS))])), Pass);
    assert_eq!(verdict(&with(&[edit(builder("psql", None), |it| it.table_oid = None)])), Warn);
}

#[test]
fn duplicates_under_a_unique_entry_stop_and_an_unfinished_search_is_unknown() {
    let with = |answers: &[Option<bool>]| {
        let answers: Vec<(EntryKey, Duplicates)> =
            answers.iter().map(|it| (EntryKey::from(KEY), Ok(seen(*it)))).collect();
        unique_values(&answers, evidence())
    };
    assert_eq!(verdict(&with(&[])), Pass);
    assert_eq!(verdict(&with(&[Some(false)])), Pass);
    assert_eq!(verdict(&with(&[Some(false), None])), Unknown);
    assert_eq!(verdict(&with(&[None, Some(true)])), Stop);
    let failed = [(EntryKey::from(KEY), Err(failure(FailureClass::Privilege, "42501", "permission denied")))];
    assert_eq!(verdict(&unique_values(&failed, evidence())), Unknown);
}

fn session(query: &str, state: Option<&str>, kind: &str) -> Holder {
    Holder::Session {
        backend: backend(1234),
        application: "billing".to_owned(),
        user: "app".to_owned(),
        client: None,
        state: state.map(ToOwned::to_owned),
        query: Some(query.to_owned()),
        backend_type: Some(kind.to_owned()),
    }
}

fn blocker(stage: BlockStage, holder: Holder, since: Option<&str>) -> Blocker {
    let table = (stage != BlockStage::OldSnapshot).then_some(LEADS);
    Blocker { stage, bites: Bites::Later, holder, why: "why".to_owned(), since: since.map(at), table }
}

#[test]
fn blockers_are_judged_by_stage_age_and_whether_they_ever_end() {
    let young = Some("2026-03-01T11:59:00Z");
    let old = Some("2026-03-01T11:00:00Z");
    let idle = || session("SELECT 1", Some("idle in transaction"), "client backend");
    let active = || session("SELECT 1", Some("active"), "client backend");
    let vacuum = || session("autovacuum: VACUUM public.leads", Some("active"), "autovacuum worker");
    let wraparound = || {
        session(
            "autovacuum: VACUUM public.leads (to prevent wraparound)",
            Some("active"),
            "autovacuum worker",
        )
    };
    let prepared = || Holder::Prepared { gid: "tx1".to_owned(), owner: "app".to_owned() };
    let cases = [
        (BlockStage::Writer, active(), young, Pass),
        (BlockStage::Writer, idle(), old, Warn),
        (BlockStage::OldSnapshot, active(), young, Pass),
        (BlockStage::OldSnapshot, active(), old, Warn),
        (BlockStage::OldSnapshot, active(), None, Unknown),
        (BlockStage::Writer, prepared(), young, Warn),
        (BlockStage::Writer, prepared(), old, Stop),
        (BlockStage::TableLock, active(), young, Warn),
        (BlockStage::TableLock, active(), old, Warn),
        (BlockStage::TableLock, idle(), young, Warn),
        (BlockStage::TableLock, idle(), old, Stop),
        (BlockStage::TableLock, vacuum(), old, Pass),
        (BlockStage::TableLock, wraparound(), young, Warn),
        (BlockStage::QueuedAhead, active(), young, Warn),
    ];
    let plan = planned(|_| {});
    let judge = |all: Vec<Blocker>| blockers(&seen(all), &plan, Millis(5 * 60_000), noon());
    assert_eq!(verdict(&judge(Vec::new())), Pass);
    for (stage, holder, since, wanted) in cases {
        let case = format!("{stage:?} {holder:?} {since:?}");
        let result = judge(vec![blocker(stage, holder, since)]);
        assert_eq!(verdict(&result), wanted, "{case}");
        assert_eq!(result.details.len(), 1);
    }
}

#[test]
fn the_worst_blocker_decides_and_what_was_found_does_not_age() {
    let plan = planned(|_| {});
    let all = vec![
        blocker(
            BlockStage::OldSnapshot,
            session("SELECT 1", Some("active"), "client backend"),
            Some("2026-03-01T11:00:00Z"),
        ),
        blocker(
            BlockStage::Writer,
            Holder::Prepared { gid: "tx1".to_owned(), owner: "app".to_owned() },
            Some("2026-03-01T11:00:00Z"),
        ),
    ];
    let at_noon = blockers(&seen(all.clone()), &plan, Millis(1000), noon());
    let later = blockers(&seen(all), &plan, Millis(1000), at("2026-03-01T12:10:00Z"));
    assert_eq!((at_noon.verdict, at_noon.found.as_str()), (Stop, "prepared transaction: tx1"));
    assert_eq!(at_noon.found, later.found);
    assert_eq!(at_noon.details.len(), 2);
}

fn space(what: &str, free: u64, total: Option<u64>) -> DiskSpace {
    DiskSpace { what: what.to_owned(), free: Bytes(free << 20), total: total.map(|it| Bytes(it << 20)) }
}

#[test]
fn free_space_is_judged_by_volume_and_unknown_without_a_figure() {
    let wide = request("CREATE INDEX CONCURRENTLY wide ON leads (email) WHERE id > 1");
    let need = need(&plan_of(&[wide], &facts()), &[]);
    let likely: u64 = need.spaces.values().map(|it| it.likely().0 >> 20).sum();
    let high: u64 = need.spaces.values().map(|it| it.high.0 >> 20).sum();
    let with = |space: Option<Vec<DiskSpace>>| disk_headroom(&need, space.map(seen).as_ref(), 20, evidence());
    assert_eq!(verdict(&with(None)), Unknown);
    assert_eq!(verdict(&with(Some(Vec::new()))), Unknown);
    assert_eq!(verdict(&with(Some(vec![space("data", 2 * high, None)]))), Pass);
    assert_eq!(verdict(&with(Some(vec![space("data", likely, None)]))), Stop);
    assert_eq!(verdict(&with(Some(vec![space("data", likely * 3 / 2, None)]))), Warn);
    // The same volume under two names must hold both needs; two volumes need not.
    let half = likely * 3 / 4;
    let one = vec![space("data", half, Some(900)), space("wal", half, Some(900))];
    let two = vec![space("data", high, Some(900)), space("wal", high, Some(400))];
    assert_eq!(verdict(&with(Some(one))), Stop);
    assert_eq!(verdict(&with(Some(two))), Pass);
    // Room somewhere else says nothing.
    let elsewhere = vec![space("fast", 9000, None), space("slow", 9000, None)];
    assert_eq!(verdict(&with(Some(elsewhere))), Unknown);
    assert_eq!(verdict(&disk_headroom(&empty_need(), None, 20, evidence())), Pass);
}

#[test]
fn an_entry_without_statistics_makes_the_need_unknown() {
    let plan = planned(|it| {
        it.tables.get_mut(&QualifiedName::new("public", "leads").key()).unwrap().rows = None;
    });
    let result =
        disk_headroom(&need(&plan, &[]), Some(&seen(vec![space("data", 9000, None)])), 20, evidence());
    assert_eq!(verdict(&result), Unknown);
    assert!(result.advice.unwrap().contains("ANALYZE"));
}

fn backed_up(taken_at: &str) -> BackupEvidence {
    BackupEvidence {
        taken_at: at(taken_at),
        kind: "full".to_owned(),
        system_identifier: Some(target().identity.system_identifier),
        complaint: None,
    }
}

#[test]
fn a_backup_must_be_fresh_and_of_this_server() {
    let judge = |evidence_of: Option<BackupEvidence>, environment: Environment| {
        let target = edit(target(), |it| it.environment = environment);
        backup(evidence_of.map(seen).as_ref(), &target, &Thresholds::default(), noon(), evidence())
    };
    let fresh = || backed_up("2026-03-01T02:00:00Z");
    let prod = || Environment::Prod;
    assert_eq!(verdict(&judge(None, prod())), Unknown);
    assert_eq!(verdict(&judge(None, Environment::Rehearsal)), Warn);
    assert_eq!(verdict(&judge(Some(fresh()), prod())), Pass);
    assert_eq!(verdict(&judge(Some(edit(fresh(), |it| it.system_identifier = None)), prod())), Pass);
    assert_eq!(verdict(&judge(Some(edit(fresh(), |it| it.system_identifier = Some(7))), prod())), Stop);
    assert_eq!(
        verdict(&judge(Some(edit(fresh(), |it| it.complaint = Some("newer failed".into()))), prod())),
        Warn
    );
    assert_eq!(verdict(&judge(Some(backed_up("2026-02-27T02:00:00Z")), prod())), Stop);
    assert_eq!(verdict(&judge(Some(backed_up("2026-03-02T02:00:00Z")), prod())), Unknown);
}

#[test]
fn a_failing_archive_stops_and_a_hidden_backlog_is_not_taken_for_none() {
    let early = Some(at("2026-03-01T10:00:00Z"));
    let late = Some(at("2026-03-01T11:00:00Z"));
    let with = |mode: &str, last_archived, last_failed, waiting| {
        wal_archive(&seen(SurveyArchiver { mode: mode.to_owned(), last_archived, last_failed, waiting }))
    };
    assert_eq!(verdict(&with("off", None, None, Visible::Seen(0))), Pass);
    assert_eq!(verdict(&with("on", late, early, Visible::Seen(3))), Pass);
    assert_eq!(verdict(&with("on", early, late, Visible::Seen(3))), Stop);
    assert_eq!(verdict(&with("on", None, late, Visible::Seen(3))), Stop);
    assert_eq!(verdict(&with("always", late, None, Visible::Seen(101))), Warn);
    assert_eq!(verdict(&with("on", late, None, Visible::NotPermitted("pg_monitor".to_owned()))), Warn);
}

fn standby(sync_state: &str, lag: Option<u64>) -> SurveyStandby {
    SurveyStandby {
        name: "r1".to_owned(),
        state: Some("streaming".to_owned()),
        sync_state: Some(sync_state.to_owned()),
        lag_bytes: Some(Bytes(0)),
        lag: lag.map(Millis),
    }
}

#[test]
fn standbys_must_keep_up_and_hidden_ones_are_unknown() {
    let with = |standbys: Visible<Vec<SurveyStandby>>, slots: Vec<SurveySlot>, names: &str| {
        let replication = SurveyReplication { standbys, slots, synchronous_names: names.to_owned() };
        super::replication(&seen(replication), Millis(10_000))
    };
    let one = |it: SurveyStandby| with(Visible::Seen(vec![it]), Vec::new(), "");
    assert_eq!(verdict(&with(Visible::Seen(Vec::new()), Vec::new(), "")), Pass);
    assert_eq!(verdict(&with(Visible::NotPermitted("pg_monitor".to_owned()), Vec::new(), "")), Unknown);
    assert_eq!(verdict(&one(standby("async", Some(400)))), Pass);
    assert_eq!(verdict(&one(standby("async", Some(10_001)))), Stop);
    assert_eq!(verdict(&one(standby("async", None))), Pass);
    let hidden = edit(standby("async", None), |it| it.lag_bytes = None);
    assert_eq!(verdict(&one(hidden)), Warn);
    assert_eq!(verdict(&with(Visible::Seen(Vec::new()), Vec::new(), "r1")), Stop);
    assert_eq!(verdict(&with(Visible::Seen(vec![standby("async", Some(1))]), Vec::new(), "r1")), Stop);
    assert_eq!(verdict(&with(Visible::Seen(vec![standby("sync", Some(1))]), Vec::new(), "r1")), Pass);
    let slot = |active, retained: Option<u64>, status: &str| SurveySlot {
        name: "s".to_owned(),
        active,
        retained: retained.map(Bytes),
        wal_status: Some(status.to_owned()),
    };
    let slots = |it| with(Visible::Seen(Vec::new()), vec![it], "");
    assert_eq!(verdict(&slots(slot(true, Some(5), "reserved"))), Pass);
    assert_eq!(verdict(&slots(slot(false, Some(5), "reserved"))), Warn);
    assert_eq!(verdict(&slots(slot(true, Some(5), "unreserved"))), Warn);
    assert_eq!(verdict(&slots(slot(false, None, "reserved"))), Pass);
}

#[test]
fn no_answer_is_unknown_and_says_why() {
    let result = unanswered(Question::Backup, "no answer in 10.0 s", evidence());
    assert_eq!((verdict(&result), result.found.as_str()), (Unknown, "no answer in 10.0 s"));
}

#[test]
fn an_empty_registry_passes_every_check_of_the_plan() {
    let plan = make(
        &[],
        crate::domain::id::Digest::of(b""),
        &target().identity,
        &facts(),
        &RunSettings::default(),
        None,
    );
    let results =
        [privileges(&plan), blocked_entries(&plan), drift(&plan), leftovers(&plan), duplicates(&plan)];
    assert!(results.iter().all(|it| verdict(it) == Pass));
}
