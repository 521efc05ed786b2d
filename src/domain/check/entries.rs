//! What the plan says of its entries.

use std::collections::BTreeSet;

use crate::domain::catalog::Builder;
use crate::domain::failure::Failure;
use crate::domain::id::{EntryKey, Oid, RunId};
use crate::domain::plan::{
    BlockedReason, BuilderKind, ItemState, LeftoverHarm, Plan, PlanItem, builder_kind,
};
use crate::domain::survey::Observed;
use crate::domain::target::LeftoverPolicy;
use crate::domain::unit::Millis;
use crate::text;

use super::finding::{Finding, some_of};
use super::{CheckResult, Evidence, Question, Verdict};

/// Catalog readings that a plan was made from.
fn planned(plan: &Plan, query: &str) -> Evidence {
    Evidence {
        source: "catalogs, read for the plan".to_owned(),
        query: Some(query.to_owned()),
        at: plan.made_at,
        took: Millis(0),
    }
}

const RIGHTS: &str = "SELECT c.oid::regclass, pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'USAGE') \
                      FROM pg_class AS c WHERE c.relkind IN ('r', 'm')";
const INVALID: &str = "SELECT indexrelid::regclass, indrelid::regclass, indisvalid, indisready, indislive \
                       FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)";
const DEFINITIONS: &str = "SELECT i.indexrelid::regclass, pg_get_indexdef(i.indexrelid) FROM pg_index AS i \
                           JOIN pg_class AS c ON c.oid = i.indrelid WHERE c.relnamespace = 'public'::regnamespace";

fn name(item: &PlanItem) -> String {
    item.name.0.clone()
}

fn line(item: &PlanItem) -> String {
    format!("{}: {}", item.name.0, item.state.sentence())
}

/// Whether the role may build on every table of the plan.
pub fn privileges(plan: &Plan) -> CheckResult {
    let tables: BTreeSet<_> = plan.items.iter().map(|it| &it.table).collect();
    let mut without = BTreeSet::new();
    let mut reasons = BTreeSet::new();
    for item in &plan.items {
        if let ItemState::Blocked { reason: BlockedReason::NoRight { why } } = &item.state {
            without.insert(&item.table);
            reasons.insert(why.clone());
        }
    }
    let wanted = format!("a right on {}", text::plural(tables.len(), "table", "tables"));
    let finding = if without.is_empty() {
        Finding::pass(format!("on {}", text::plural(tables.len(), "table", "tables")), wanted)
    } else {
        let names: Vec<String> = without.iter().map(|it| it.name.clone()).collect();
        Finding::new(Verdict::Stop, format!("none on {}", some_of(&names)), wanted)
            .details(reasons)
            .advice("grant the owning role to this one, or name a build role that is a member of it")
    };
    finding.on(Question::Privileges, planned(plan, RIGHTS))
}

/// Whether anything keeps an entry from being built, rights apart.
pub fn blocked_entries(plan: &Plan) -> CheckResult {
    let mut refused = Vec::new();
    let mut unclear = Vec::new();
    for item in &plan.items {
        match &item.state {
            ItemState::Blocked { reason: BlockedReason::CannotCompare { .. } } => unclear.push(item),
            ItemState::Blocked { reason } if !matches!(reason, BlockedReason::NoRight { .. }) => {
                refused.push(item);
            }
            ItemState::Blocked { .. }
            | ItemState::ToBuild
            | ItemState::Present { .. }
            | ItemState::Leftover { .. }
            | ItemState::Building { .. }
            | ItemState::Drift { .. }
            | ItemState::Duplicate { .. } => {}
        }
    }
    let mut all = refused.iter().chain(&unclear);
    let details: Vec<String> = all.clone().map(|it| line(it)).collect();
    let advice = all.find_map(|it| it.state.advice()).unwrap_or_default();
    let names = |items: &[&PlanItem]| some_of(&items.iter().map(|it| name(it)).collect::<Vec<_>>());
    let finding = match (refused.as_slice(), unclear.as_slice()) {
        ([], []) => Finding::pass("none blocked", "none blocked"),
        ([], unclear) => {
            Finding::new(Verdict::Unknown, format!("not to compare: {}", names(unclear)), "none blocked")
        }
        (refused, _) => Finding::new(Verdict::Stop, format!("blocked: {}", names(refused)), "none blocked"),
    };
    finding.details(details).advice(advice).on(Question::BlockedEntries, planned(plan, DEFINITIONS))
}

/// Whether a name of the registry belongs to another index.
pub fn drift(plan: &Plan) -> CheckResult {
    let drifted: Vec<&PlanItem> =
        plan.items.iter().filter(|it| matches!(it.state, ItemState::Drift { .. })).collect();
    let names: Vec<String> = drifted.iter().map(|it| name(it)).collect();
    let details = drifted.iter().flat_map(|it| {
        let mut lines = vec![line(it)];
        lines.extend(it.state.diff().into_iter().map(|line| format!("  {line}")));
        lines
    });
    let finding = if drifted.is_empty() {
        Finding::pass("none differs", "none differs")
    } else {
        Finding::new(Verdict::Stop, format!("differs: {}", some_of(&names)), "none differs")
            .advice("see whether this is the right database; then correct the registry, or drop the live index yourself")
    };
    finding.details(details.collect::<Vec<_>>()).on(Question::Drift, planned(plan, DEFINITIONS))
}

/// Whether there are invalid indexes under names of the registry that nobody builds.
pub fn leftovers(plan: &Plan) -> CheckResult {
    let mut left = Vec::new();
    let mut rejecting = 0_usize;
    let mut repaired = 0_usize;
    for item in plan.by_urgency() {
        if let ItemState::Leftover { harm, size, .. } = &item.state {
            let repair = item.state.is_work(plan.settings.leftovers);
            repaired += usize::from(repair);
            rejecting += usize::from(*harm == LeftoverHarm::RejectsWrites && !repair);
            left.push((name(item), format!("{} ({})", line(item), text::bytes(size.0))));
        }
    }
    let (names, details): (Vec<String>, Vec<String>) = left.into_iter().unzip();
    let kept = names.len() - repaired;
    let found = match plan.settings.leftovers {
        LeftoverPolicy::Repair if kept == 0 => format!("to be rebuilt: {}", some_of(&names)),
        LeftoverPolicy::Repair | LeftoverPolicy::Keep => some_of(&names),
    };
    let finding = if names.is_empty() {
        Finding::pass("none", "none")
    } else if rejecting > 0 {
        Finding::new(Verdict::Stop, format!("{rejecting} reject writes: {found}"), "none").advice(
            "repair them now: allow leftovers to be dropped and rebuilt, or drop them concurrently by hand",
        )
    } else if kept == 0 {
        Finding::new(Verdict::Warn, found, "none")
            .advice("nothing to do: each is dropped concurrently and built anew")
    } else {
        Finding::new(Verdict::Warn, found, "none")
            .advice("allow leftovers to be dropped and rebuilt; as it is, their entries stay unbuilt")
    };
    finding.details(details).on(Question::Leftovers, planned(plan, INVALID))
}

/// Whether an entry is already served by an index of another name.
pub fn duplicates(plan: &Plan) -> CheckResult {
    let twins: Vec<&PlanItem> =
        plan.items.iter().filter(|it| matches!(it.state, ItemState::Duplicate { .. })).collect();
    let names: Vec<String> = twins.iter().map(|it| name(it)).collect();
    let finding = if twins.is_empty() {
        Finding::pass("none", "none")
    } else {
        Finding::new(Verdict::Warn, format!("left out: {}", some_of(&names)), "none").advice(
            "keep the index that is there and correct the registry, or say that duplicates are to be built",
        )
    };
    finding.details(twins.iter().map(|it| line(it))).on(Question::Duplicates, planned(plan, DEFINITIONS))
}

/// Whether anybody builds entries of the plan, or on their tables. `fresh` is who builds in the database right now.
pub fn building(plan: &Plan, fresh: &[Builder], run: Option<&RunId>, evidence: Evidence) -> CheckResult {
    let tables: BTreeSet<Oid> = plan.work().filter_map(|it| it.table_oid).collect();
    let mut others = BTreeSet::new();
    let mut details = Vec::new();
    for builder in fresh {
        let on_ours = builder.table_oid.filter(|it| it.0 != 0).is_none_or(|it| tables.contains(&it));
        if !on_ours && builder.item_lock.is_none() {
            continue;
        }
        let kind = builder_kind(builder, run);
        let table = plan.items.iter().find(|it| it.table_oid.is_some() && it.table_oid == builder.table_oid);
        let on = table.map_or_else(|| "a table that is not visible".to_owned(), |it| it.table.name.clone());
        details.push(format!(
            "pid {} on {on}: {} by {}",
            builder.backend.pid,
            builder.command,
            kind.sentence()
        ));
        if kind != BuilderKind::Ours {
            others.insert(builder.backend.pid);
        }
    }
    for item in &plan.items {
        if let ItemState::Building { builder, backend, .. } = &item.state {
            details.push(line(item));
            if *builder != BuilderKind::Ours {
                others.insert(backend.pid);
            }
        }
    }
    let finding = if others.is_empty() {
        let found = if details.is_empty() { "nobody" } else { "only builds of this run" };
        Finding::pass(found, "nobody")
    } else {
        let pids: Vec<String> = others.iter().map(|pid| format!("pid {pid}")).collect();
        Finding::new(Verdict::Warn, some_of(&pids), "nobody").advice(
            "wait for its end: on a table where anybody builds nothing of ours asks for a lock, since that kills the build",
        )
    };
    finding.details(details).on(Question::Building, evidence)
}

/// What a search for duplicates says: `Some(true)` when there are some, `None` when it did not end in time.
pub type Duplicates = Result<Observed<Option<bool>>, Failure>;

/// Whether rows would collide under unique entries.
pub fn unique_values(answers: &[(EntryKey, Duplicates)], evidence: Evidence) -> CheckResult {
    let of = |wanted: fn(&Duplicates) -> bool| -> Vec<String> {
        answers.iter().filter(|(_, it)| wanted(it)).map(|(key, _)| key.0.clone()).collect()
    };
    let colliding = of(|it| matches!(it, Ok(seen) if seen.value == Some(true)));
    let unseen = of(|it| !matches!(it, Ok(seen) if seen.value.is_some()));
    let details = answers.iter().filter_map(|(key, it)| match it {
        Ok(seen) => match seen.value {
            Some(true) => Some(format!("{}: duplicates, e.g. by {}", key.0, seen.evidence.query.as_deref()?)),
            Some(false) => None,
            None => Some(format!("{}: not looked through in time", key.0)),
        },
        Err(failure) => Some(format!("{}: {}", key.0, failure.message)),
    });
    let details: Vec<String> = details.collect();
    let slowest = answers.iter().filter_map(|(_, it)| it.as_ref().ok()).max_by_key(|it| it.evidence.took);
    let evidence = slowest.map_or(evidence, |it| it.evidence.clone());
    let finding = if !colliding.is_empty() {
        Finding::new(Verdict::Stop, format!("duplicates: {}", some_of(&colliding)), "no duplicates")
            .advice("remove the duplicates first: a unique build over them fails and leaves an invalid index")
    } else if !unseen.is_empty() {
        Finding::new(Verdict::Unknown, format!("not known: {}", some_of(&unseen)), "no duplicates")
            .advice("look for duplicates by hand, or go on: a build that meets one fails and is cleaned up")
    } else if answers.is_empty() {
        Finding::pass("no unique entry to build", "no duplicates")
    } else {
        Finding::pass(
            format!("none in {}", text::plural(answers.len(), "unique entry", "unique entries")),
            "no duplicates",
        )
    };
    finding.details(details).on(Question::UniqueValues, evidence)
}
