//! The id of a plan: what must be the same for a plan to still hold.

use serde::Serialize;

use crate::domain::catalog::Definition;
use crate::domain::id::{Digest, EntryKey, Oid, PlanId, QualifiedName};
use crate::domain::target::{RunSettings, Standing, TargetIdentity};
use crate::domain::unit::Bytes;

use super::Plan;
use super::item::{ItemState, PlanItem};

/// Changes whenever the same facts would be hashed differently.
const FORMAT: &str = "cicerone-plan-1";

/// Everything that a plan rests on. Sizes, row counts and times move by themselves and are left out; so is the
/// server's start, since a restart alone changes nothing that is planned.
#[derive(Debug, Serialize)]
struct Basis<'a> {
    format: &'static str,
    registry: &'a Digest,
    target: Target<'a>,
    settings: &'a RunSettings,
    items: Vec<Item<'a>>,
}

#[derive(Debug, Serialize)]
struct Target<'a> {
    system_identifier: u64,
    database_oid: Oid,
    database: &'a str,
    timeline: Option<u32>,
    standing: Standing,
    major: u32,
}

#[derive(Debug, Serialize)]
struct Item<'a> {
    key: &'a EntryKey,
    table: &'a QualifiedName,
    table_oid: Option<Oid>,
    statement: &'a str,
    state: ItemState,
    expected: Option<&'a Definition>,
}

/// The id of a plan whose other fields are filled in.
pub(super) fn of(plan: &Plan) -> PlanId {
    let basis = Basis {
        format: FORMAT,
        registry: &plan.registry,
        target: target(&plan.target),
        settings: &plan.settings,
        items: plan.items.iter().map(item).collect(),
    };
    // Serializing strings and numbers into memory cannot fail; if it did, no two such plans would look the same.
    let bytes = serde_json::to_vec(&basis).unwrap_or_else(|error| format!("{error} {basis:?}").into_bytes());
    PlanId(Digest::of(&bytes).0)
}

fn target(target: &TargetIdentity) -> Target<'_> {
    Target {
        system_identifier: target.system_identifier,
        database_oid: target.database_oid,
        database: &target.database,
        timeline: target.timeline,
        standing: target.standing,
        major: target.major(),
    }
}

fn item(item: &PlanItem) -> Item<'_> {
    Item {
        key: &item.key,
        table: &item.table,
        table_oid: item.table_oid,
        statement: &item.statement,
        state: settled(&item.state),
        expected: item.expected.as_ref(),
    }
}

/// The state without what changes while nothing happens.
pub(super) fn settled(state: &ItemState) -> ItemState {
    let mut state = state.clone();
    match &mut state {
        ItemState::Present { size, .. } | ItemState::Leftover { size, .. } => *size = Bytes(0),
        // The index of a running build shows up a moment after the build does.
        ItemState::Building { oid, .. } => *oid = None,
        ItemState::ToBuild
        | ItemState::Drift { .. }
        | ItemState::Blocked { .. }
        | ItemState::Duplicate { .. } => {}
    }
    state
}
