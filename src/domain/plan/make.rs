//! From the registry's entries and the catalogs' facts to a plan.

use crate::domain::catalog::{CatalogFacts, TableFacts, Uniqueness};
use crate::domain::estimate::{Means, estimate};
use crate::domain::id::{Digest, PlanId, QualifiedName, RunId};
use crate::domain::progress::MethodFamily;
use crate::domain::registry::IndexEntry;
use crate::domain::target::{RunSettings, TargetIdentity};
use crate::sql::IndexShape;

use super::Plan;
use super::classify::Case;
use super::identity;
use super::item::{Importance, IndexTraits, PlanItem, SnapshotEffect};

/// Makes a plan. `run` tells builds of this run, which outlived their client, from those of others.
pub fn make(
    entries: &[IndexEntry],
    registry: Digest,
    target: &TargetIdentity,
    facts: &CatalogFacts,
    settings: &RunSettings,
    run: Option<&RunId>,
) -> Plan {
    let means = Means::of(&facts.server, settings, target);
    let items = entries.iter().map(|entry| item(entry, facts, settings, &means, run)).collect();
    let mut plan = Plan {
        id: PlanId(String::new()),
        made_at: facts.at,
        registry,
        target: target.clone(),
        settings: RunSettings { only_plan: None, ..settings.clone() },
        memory_kb: Some(settings.maintenance_work_mem_kb.unwrap_or(facts.server.maintenance_work_mem_kb)),
        items,
    };
    plan.id = identity::of(&plan);
    plan
}

fn item(
    entry: &IndexEntry,
    facts: &CatalogFacts,
    settings: &RunSettings,
    means: &Means,
    run: Option<&RunId>,
) -> PlanItem {
    let table: Option<&TableFacts> = facts.tables.get(&entry.table.key());
    let case = Case {
        key: &entry.key,
        name: QualifiedName::new(entry.table.schema.clone(), entry.name.0.clone()),
        table,
        facts,
        settings,
        run,
    };
    PlanItem {
        key: entry.key.clone(),
        name: entry.name.clone(),
        table: entry.table.clone(),
        table_oid: table.map(|it| it.oid),
        domain: entry.domain.clone(),
        critical: if entry.critical { Importance::Critical } else { Importance::Normal },
        statement: entry.statement(),
        traits: traits(&entry.shape),
        state: case.state(),
        expected: facts.expected.get(&entry.key).and_then(|it| it.as_ref().ok()).cloned(),
        estimate: table.and_then(|it| estimate(&entry.shape, it, means)),
        rows: table.and_then(|it| it.rows),
        table_size: table.map(|it| it.size),
        queries: entry.queries.clone(),
    }
}

fn traits(shape: &IndexShape) -> IndexTraits {
    let holds = shape.is_partial() || shape.has_expression();
    IndexTraits {
        family: MethodFamily::of(&shape.method, shape.is_partial()),
        snapshot: if holds { SnapshotEffect::HoldsOthers } else { SnapshotEffect::Ignored },
        unique: match (shape.unique, shape.nulls_not_distinct) {
            (false, _) => Uniqueness::No,
            (true, false) => Uniqueness::Unique,
            (true, true) => Uniqueness::UniqueNullsNotDistinct,
        },
    }
}
