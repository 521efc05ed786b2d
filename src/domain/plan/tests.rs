use proptest::prelude::*;

use super::fixture::*;
use super::{BlockedReason, BuilderKind, ItemState, LeftoverHarm, StaleReason, builder_kind, make};
use crate::domain::catalog::{
    BuildRight, Builder, CatalogFacts, IndexFlags, Persistence, RelationKind, Tie, Uniqueness,
};
use crate::domain::failure::FailureClass;
use crate::domain::id::{Digest, Oid, QualifiedName, RunId};
use crate::domain::registry::IndexEntry;
use crate::domain::target::{DuplicatePolicy, LeftoverPolicy, RunSettings, Standing, TargetIdentity};
use crate::domain::unit::{Bytes, Rows};

const INVALID: IndexFlags = IndexFlags { valid: false, ready: true, live: true };

fn state(change: impl FnOnce(&mut CatalogFacts)) -> ItemState {
    item(&edit(facts(), change)).state
}

fn blocked(change: impl FnOnce(&mut CatalogFacts)) -> BlockedReason {
    let found = state(change);
    let ItemState::Blocked { reason } = found else { panic!("{found:?}") };
    reason
}

fn named(flags: IndexFlags) -> crate::domain::catalog::IndexFacts {
    edit(index("idx_leads_status", status_definition()), |it| it.flags = flags)
}

fn leads(facts: &mut CatalogFacts) -> &mut crate::domain::catalog::TableFacts {
    facts.tables.get_mut(&QualifiedName::new("public", "leads").key()).unwrap()
}

fn expect(facts: &mut CatalogFacts, class: FailureClass, sqlstate: &str) {
    facts.expected.insert(KEY.into(), Err(failure(class, sqlstate, "no")));
}

#[test]
fn an_absent_index_that_the_server_accepts_is_to_build() {
    assert_eq!(state(|_| {}), ItemState::ToBuild);
}

#[test]
fn an_entry_on_a_missing_table_is_blocked() {
    assert_eq!(blocked(|it| it.tables.clear()), BlockedReason::NoTable);
}

#[test]
fn only_tables_and_materialized_views_can_be_built_on() {
    for (kind, buildable) in [
        (RelationKind::Table, true),
        (RelationKind::MaterializedView, true),
        (RelationKind::View, false),
        (RelationKind::ForeignTable, false),
        (RelationKind::Sequence, false),
        (RelationKind::Index, false),
        (RelationKind::Other, false),
    ] {
        let found = state(|it| leads(it).kind = kind.clone());
        assert_eq!(found == ItemState::ToBuild, buildable, "{kind:?}");
    }
    assert_eq!(
        blocked(|it| leads(it).kind = RelationKind::PartitionedTable),
        BlockedReason::PartitionedTable
    );
    let temporary = blocked(|it| leads(it).persistence = Persistence::Temporary);
    assert_eq!(temporary, BlockedReason::NotATable { kind: "a temporary table".to_owned() });
}

#[test]
fn a_name_that_belongs_to_a_sequence_is_blocked() {
    let reason = blocked(|it| {
        it.taken_names.insert(KEY.into(), RelationKind::Sequence);
    });
    assert_eq!(reason, BlockedReason::NameTaken { kind: "a sequence".to_owned() });
}

#[test]
fn the_same_definition_is_present() {
    let found = state(|it| it.indexes.push(named(USABLE)));
    assert_eq!(found, ItemState::Present { oid: Oid(20_000), size: Bytes(7 << 20) });
}

#[test]
fn every_part_of_a_definition_can_drift() {
    type Change = fn(&mut crate::domain::catalog::Definition);
    let changes: [(&str, Change); 9] = [
        ("access method", |it| it.method = "hash".to_owned()),
        ("uniqueness", |it| it.unique = Uniqueness::Unique),
        ("uniqueness", |it| it.unique = Uniqueness::UniqueNullsNotDistinct),
        ("key columns", |it| it.key_count = 0),
        ("column 1", |it| it.columns[0].opclass = "pg_catalog.text_pattern_ops".to_owned()),
        ("column 1", |it| it.columns[0].option = 3),
        ("column 2", |it| it.columns.push(column("id", "int8_ops"))),
        ("predicate", |it| it.predicate = Some("(id > 0)".to_owned())),
        ("storage options", |it| it.options.push("fillfactor=70".to_owned())),
    ];
    for (what, change) in changes {
        let live = edit(named(USABLE), |it| change(&mut it.definition));
        let found = state(|it| it.indexes.push(live));
        let ItemState::Drift { differences, .. } = &found else { panic!("{what}: {found:?}") };
        assert_eq!(differences.iter().map(|it| it.what.as_str()).collect::<Vec<_>>(), [what]);
        assert!(found.diff().iter().any(|line| line.starts_with("  - ")), "{found:?}");
    }
}

#[test]
fn the_name_on_another_table_is_drift_even_when_invalid() {
    for flags in [USABLE, INVALID] {
        let found = state(|it| {
            it.indexes.push(edit(named(flags), |it| {
                it.table_oid = CALLS;
                it.table = QualifiedName::new("public", "calls");
            }));
        });
        let ItemState::Drift { differences, .. } = found else { panic!("{found:?}") };
        assert_eq!((differences[0].what.as_str(), differences[0].found.as_str()), ("table", "public.calls"));
    }
}

#[test]
fn what_a_leftover_costs_depends_on_ready_and_unique() {
    let cases = [
        ((false, true, true), Uniqueness::Unique, LeftoverHarm::RejectsWrites),
        ((false, true, true), Uniqueness::UniqueNullsNotDistinct, LeftoverHarm::RejectsWrites),
        ((false, true, true), Uniqueness::No, LeftoverHarm::CostsWrites),
        ((false, false, true), Uniqueness::Unique, LeftoverHarm::TakesSpace),
        ((false, false, false), Uniqueness::No, LeftoverHarm::TakesSpace),
    ];
    for ((valid, ready, live), unique, wanted) in cases {
        let left = edit(named(IndexFlags { valid, ready, live }), |it| it.definition.unique = unique);
        let found = state(|it| it.indexes.push(left));
        let ItemState::Leftover { harm, .. } = found else { panic!("{found:?}") };
        assert_eq!(harm, wanted);
    }
}

#[test]
fn a_leftover_that_something_needs_is_no_work_even_under_repair() {
    let tied = state(|it| it.indexes.push(edit(named(INVALID), |it| it.ties.push(Tie::ReplicaIdentity))));
    let free = state(|it| it.indexes.push(named(INVALID)));
    assert!(!tied.is_work(LeftoverPolicy::Repair));
    assert!(free.is_work(LeftoverPolicy::Repair));
    assert!(!free.is_work(LeftoverPolicy::Keep));
}

#[test]
fn a_builder_on_the_index_makes_it_building_and_never_a_leftover() {
    let kind = |builder: Builder| {
        let found = state(|it| {
            it.indexes.push(named(INVALID));
            it.builders.push(builder);
        });
        if let ItemState::Building { builder, .. } = found {
            return Some(builder);
        }
        assert!(matches!(found, ItemState::Leftover { .. }), "{found:?}");
        None
    };
    let on_it = Some(Oid(20_000));
    assert_eq!(kind(builder("cicerone/r1/3", on_it)), Some(BuilderKind::Ours));
    assert!(matches!(kind(builder("cicerone/r10/3", on_it)), Some(BuilderKind::OtherRun { .. })));
    assert!(matches!(kind(builder("psql", on_it)), Some(BuilderKind::Stranger { .. })));
    // Hidden from this role: it might be that very index.
    assert!(kind(builder("psql", None)).is_some());
    assert!(kind(edit(builder("psql", Some(Oid(0))), |it| it.table_oid = None)).is_some());
    // Not that index.
    assert_eq!(kind(builder("psql", Some(Oid(20_001)))), None);
    assert_eq!(kind(edit(builder("psql", None), |it| it.table_oid = Some(CALLS))), None);
    assert_eq!(kind(edit(builder("psql", None), |it| it.command = "CREATE INDEX".to_owned())), None);
    let other_item = edit(builder("cicerone/r1/3", None), |it| it.item_lock = Some("public.other".into()));
    assert_eq!(kind(other_item), None);
}

#[test]
fn an_item_lock_alone_means_building() {
    let holder = edit(builder("", None), |it| it.item_lock = Some(KEY.into()));
    let found = state(|it| it.builders.push(holder));
    let ItemState::Building { builder, oid, .. } = found else { panic!("{found:?}") };
    assert_eq!((builder, oid), (BuilderKind::OtherRun { application: String::new() }, None));
}

#[test]
fn a_reindex_of_a_usable_index_leaves_it_present() {
    let reindex =
        edit(builder("psql", Some(Oid(20_000))), |it| it.command = "REINDEX CONCURRENTLY".to_owned());
    let found = state(|it| {
        it.indexes.push(named(USABLE));
        it.builders.push(reindex);
    });
    assert!(matches!(found, ItemState::Present { .. }), "{found:?}");
}

#[test]
fn without_a_run_no_build_is_ours() {
    let on_it = builder("cicerone/r1/3", Some(Oid(20_000)));
    assert!(matches!(builder_kind(&on_it, None), BuilderKind::OtherRun { .. }));
}

#[test]
fn an_impossible_clone_says_nothing_about_an_absent_index() {
    for (class, sqlstate, to_build) in [
        (FailureClass::ReadOnly, "25006", true),
        (FailureClass::Privilege, "42501", true),
        (FailureClass::LockTimeout, "55P03", true),
        (FailureClass::Missing, "42703", false),
        (FailureClass::Invalid, "42P17", false),
        (FailureClass::TooLarge, "54011", false),
        (FailureClass::Other, "42804", false),
    ] {
        let absent = state(|it| expect(it, class, sqlstate));
        assert_eq!(absent == ItemState::ToBuild, to_build, "{class:?}");
        let there = blocked(|it| {
            expect(it, class, sqlstate);
            it.indexes.push(named(USABLE));
        });
        assert_eq!(matches!(there, BlockedReason::CannotCompare { .. }), to_build, "{class:?}");
        assert_eq!(matches!(there, BlockedReason::ServerRefuses { .. }), !to_build, "{class:?}");
    }
}

#[test]
fn a_missing_right_blocks_and_says_whose_table_it_is() {
    let BlockedReason::NoRight { why } = blocked(|it| leads(it).right = BuildRight::NotOwner) else {
        panic!()
    };
    assert!(why.contains("app_owner"), "{why}");
    let BlockedReason::NoRight { why } = blocked(|it| leads(it).right = BuildRight::NoCreateOnSchema) else {
        panic!()
    };
    assert!(why.contains("public"), "{why}");
}

#[test]
fn a_twin_under_another_name_is_a_duplicate_unless_it_is_wanted_or_unusable() {
    let with = |flags: IndexFlags, policy: DuplicatePolicy| {
        let twin = edit(index("leads_status_idx", status_definition()), |it| it.flags = flags);
        let facts = edit(facts(), |it| it.indexes.push(twin));
        let settings = edit(RunSettings::default(), |it| it.duplicates = policy);
        let registry = Digest::of(b"registry");
        make(&[leads_status()], registry, &identity(), &facts, &settings, None).items[0].state.clone()
    };
    let of = QualifiedName::new("public", "leads_status_idx");
    assert_eq!(with(USABLE, DuplicatePolicy::Skip), ItemState::Duplicate { of, oid: Oid(20_000) });
    assert_eq!(with(USABLE, DuplicatePolicy::Build), ItemState::ToBuild);
    assert_eq!(with(INVALID, DuplicatePolicy::Skip), ItemState::ToBuild);
}

#[test]
fn leftovers_that_reject_writes_come_first_and_present_ones_last() {
    let sql = |name: &str| request(&format!("CREATE INDEX CONCURRENTLY {name} ON leads (status)"));
    let entries = [sql("a_present"), sql("b_absent"), sql("c_left"), sql("d_unique_left"), sql("e_critical")];
    let mut entries = entries.to_vec();
    entries[4].critical = true;
    let facts = edit(facts(), |it| {
        for entry in &entries {
            it.expected.insert(entry.key.clone(), Ok(status_definition()));
        }
        it.indexes.push(edit(index("c_left", status_definition()), |it| it.flags = INVALID));
        it.indexes.push(edit(index("d_unique_left", status_definition()), |it| {
            it.flags = INVALID;
            it.definition.unique = Uniqueness::Unique;
        }));
        it.indexes.push(index("a_present", status_definition()));
    });
    let settings = edit(RunSettings::default(), |it| it.duplicates = DuplicatePolicy::Build);
    let plan = make(&entries, Digest::of(b""), &identity(), &facts, &settings, None);
    let order: Vec<&str> = plan.by_urgency().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(order, ["d_unique_left", "c_left", "e_critical", "b_absent", "a_present"]);
    assert_eq!(plan.work().count(), 2);
}

#[test]
fn the_statement_is_ours_and_qualified() {
    assert_eq!(
        item(&facts()).statement,
        "CREATE INDEX CONCURRENTLY idx_leads_status ON public.leads USING btree (status)"
    );
}

#[test]
fn sizes_rows_and_a_restart_leave_the_plan_as_it_is() {
    let base = edit(facts(), |it| it.indexes.push(named(INVALID)));
    let plan = plan_of(&[leads_status()], &base);
    let grown = edit(base, |it| {
        it.at = at("2026-03-01T12:20:00Z");
        it.indexes[0].size = Bytes(1);
        leads(it).rows = Some(Rows(5));
        leads(it).size = Bytes(9);
        leads(it).frozen_age += 1;
    });
    let target = edit(identity(), |it| it.started = noon());
    let run = RunId::from("r1");
    let fresh = make(
        &[leads_status()],
        Digest::of(b"registry"),
        &target,
        &grown,
        &RunSettings::default(),
        Some(&run),
    );
    assert_eq!(plan.id, fresh.id);
    assert_eq!(plan.stale(&fresh, fresh.made_at), []);
}

#[test]
fn every_input_makes_a_plan_stale_and_says_which() {
    type Change = fn(&mut Inputs);
    let plan = plan_of(&[leads_status()], &facts());
    let fresh = |change: Change| {
        let mut it = Inputs {
            entries: vec![leads_status()],
            registry: Digest::of(b"registry"),
            target: identity(),
            facts: facts(),
            settings: RunSettings::default(),
        };
        change(&mut it);
        make(&it.entries, it.registry, &it.target, &it.facts, &it.settings, Some(&RunId::from("r1")))
    };
    let cases: [(&str, Change); 14] = [
        ("registry", |it| it.registry = Digest::of(b"other")),
        ("target", |it| it.target.system_identifier += 1),
        ("target", |it| it.target.database_oid = Oid(1)),
        ("target", |it| it.target.database = "other".to_owned()),
        ("target", |it| it.target.timeline = Some(2)),
        ("target", |it| it.target.standing = Standing::Standby),
        ("target", |it| it.target.version_num = 160_000),
        ("setting jobs", |it| it.settings.jobs = 4),
        ("setting thresholds.check_deadline", |it| it.settings.thresholds.check_deadline.0 += 1),
        ("setting build_role", |it| it.settings.build_role = Some("owner".to_owned())),
        (KEY, |it| it.facts.indexes.push(named(USABLE))),
        (KEY, |it| leads(&mut it.facts).oid = Oid(3)),
        (KEY, |it| {
            let other = definition(vec![column("lower(status)", "text_ops")]);
            it.facts.expected.insert(KEY.into(), Ok(other));
        }),
        ("public.idx_leads_email", |it| {
            it.entries.push(request("CREATE INDEX CONCURRENTLY idx_leads_email ON leads (email)"));
        }),
    ];
    for (heading, change) in cases {
        let fresh = fresh(change);
        let reasons = plan.stale(&fresh, fresh.made_at);
        assert_eq!(reasons.len(), 1, "{heading}: {reasons:?}");
        let lines = reasons[0].lines();
        assert_eq!(lines[0], heading);
        assert!(lines.len() > 1, "{lines:?}");
        assert!(lines.get(2).is_none_or(|is| is[4..] != lines[1][4..]), "{lines:?}");
        assert_ne!(plan.id, fresh.id, "{heading}");
    }
}

struct Inputs {
    entries: Vec<IndexEntry>,
    registry: Digest,
    target: TargetIdentity,
    facts: CatalogFacts,
    settings: RunSettings,
}

#[test]
fn a_plan_is_too_old_after_its_lifetime_and_not_before() {
    let plan = plan_of(&[leads_status()], &facts());
    assert_eq!(plan.stale(&plan, at("2026-03-01T12:30:00Z")), []);
    let reasons = plan.stale(&plan, at("2026-03-01T12:30:01Z"));
    assert!(matches!(reasons.as_slice(), [StaleReason::TooOld { .. }]));
    assert_eq!(reasons[0].lines(), ["the plan is 30 m 01 s old, at most 30 m 00 s is allowed"]);
}

#[test]
fn an_entry_that_left_the_registry_is_named() {
    let email = request("CREATE INDEX CONCURRENTLY idx_leads_email ON leads (email)");
    let plan = plan_of(&[leads_status(), email], &facts());
    let fresh = plan_of(&[leads_status()], &facts());
    let reasons = plan.stale(&fresh, noon());
    assert_eq!(reasons[0].lines()[2], "  + not in the registry");
}

fn any_flags() -> impl Strategy<Value = IndexFlags> {
    any::<[bool; 3]>().prop_map(|[valid, ready, live]| IndexFlags { valid, ready, live })
}

fn any_builder() -> impl Strategy<Value = Builder> {
    let application = prop::sample::select(vec!["cicerone/r1/x", "cicerone/r2/x", "cicerone/", "psql", ""]);
    let oid = || prop::option::of(prop::sample::select(vec![0_u32, 20_000, 20_001]));
    let table = prop::option::of(prop::sample::select(vec![LEADS, CALLS]));
    let command =
        prop::sample::select(vec!["CREATE INDEX", "CREATE INDEX CONCURRENTLY", "REINDEX", "", "item lock"]);
    let lock = prop::option::of(prop::sample::select(vec![KEY, "public.other"]));
    (application, oid(), table, command, lock).prop_map(|(application, oid, table, command, lock)| Builder {
        table_oid: table,
        command: command.to_owned(),
        item_lock: lock.map(Into::into),
        ..builder(application, oid.map(Oid))
    })
}

prop_compose! {
    fn any_facts()(
        has_table in prop::bool::weighted(0.9),
        kind in prop::sample::select(vec![
            RelationKind::Table, RelationKind::Table, RelationKind::MaterializedView,
            RelationKind::PartitionedTable, RelationKind::View,
        ]),
        persistence in prop::sample::select(vec![Persistence::Permanent, Persistence::Temporary]),
        right in prop::sample::select(vec![BuildRight::Granted, BuildRight::NotOwner]),
        taken in prop::option::weighted(0.1, Just(RelationKind::Sequence)),
        indexes in prop::collection::vec((any_flags(), any::<[bool; 4]>()), 0..3),
        builders in prop::collection::vec(any_builder(), 0..3),
        expected in prop::option::of(prop::sample::select(vec!["ok", "25006", "42501", "42703", "XX000"])),
    ) -> CatalogFacts {
        edit(facts(), |it| {
            leads(it).kind = kind.clone();
            leads(it).persistence = persistence;
            leads(it).right = right;
            if !has_table {
                it.tables.clear();
            }
            it.taken_names.extend(taken.clone().map(|kind| (KEY.into(), kind)));
            it.indexes.extend(indexes.iter().enumerate().map(|(n, (flags, [same_name, here, same, unique]))| {
                let name = if *same_name { "idx_leads_status" } else { "twin" };
                edit(index(name, status_definition()), |index| {
                    index.oid = Oid(20_000 + u32::try_from(n).unwrap());
                    index.flags = *flags;
                    if !here {
                        index.table_oid = CALLS;
                    }
                    if !same {
                        index.definition.predicate = Some("(id > 1)".to_owned());
                    }
                    if *unique {
                        index.definition.unique = Uniqueness::Unique;
                    }
                })
            }));
            it.builders.extend(builders.iter().cloned());
            it.expected.clear();
            it.expected.extend(expected.map(|code| {
                let sqlstate = crate::domain::id::SqlState(code.to_owned());
                let expected = match code {
                    "ok" => Ok(status_definition()),
                    _ => Err(failure(FailureClass::of(&sqlstate), code, "no")),
                };
                (KEY.into(), expected)
            }));
        })
    }
}

/// Whether the catalog has everything that a state claims.
fn is_grounded(state: &ItemState, facts: &CatalogFacts) -> bool {
    let name = QualifiedName::new("public", "idx_leads_status");
    let here = facts.index_named(&name);
    match state {
        ItemState::ToBuild | ItemState::Duplicate { .. } => here.is_none(),
        ItemState::Present { oid, .. } => {
            here.is_some_and(|it| it.oid == *oid && it.flags.usable() && it.definition == status_definition())
        }
        ItemState::Leftover { oid, .. } => {
            here.is_some_and(|it| it.oid == *oid && !it.flags.usable())
                && !facts.builders.iter().any(|it| it.index_oid == Some(*oid))
        }
        ItemState::Building { backend, .. } => facts.builders.iter().any(|it| it.backend == *backend),
        ItemState::Drift { oid, differences, .. } => {
            here.is_some_and(|it| it.oid == *oid) && !differences.is_empty()
        }
        ItemState::Blocked { reason } => !reason.sentence().is_empty() && !reason.advice().is_empty(),
    }
}

proptest! {
    #[test]
    fn every_entry_gets_one_state_that_the_catalog_bears_out(facts in any_facts()) {
        let plan = plan_of(&[leads_status()], &facts);
        prop_assert_eq!(plan.items.len(), 1);
        let state = &plan.items[0].state;
        prop_assert!(is_grounded(state, &facts), "{:?} {:?}", state, facts);
        prop_assert!(!state.sentence().is_empty());
    }

    #[test]
    fn the_id_changes_exactly_when_the_plan_is_stale(was in any_facts(), is in any_facts()) {
        let (was, is) = (plan_of(&[leads_status()], &was), plan_of(&[leads_status()], &is));
        let reasons = was.stale(&is, is.made_at);
        prop_assert_eq!(was.id == is.id, reasons.is_empty(), "{:?}", reasons);
    }
}
