//! What a reading of the catalogs says about one entry.

use crate::domain::catalog::{Builder, Difference, IndexFacts, IndexReading};
use crate::domain::event::{Conclusion, EventKind, Origin, RunEvent};
use crate::domain::failure::Failure;
use crate::domain::id::{BackendId, EntryKey, Oid};
use crate::domain::plan::PlanItem;
use crate::domain::state::{BuildRecord, RunState};

/// Success is a conjunction, read on a fresh connection: valid, ready, live, on the right table, with the registry's
/// definition in the server's own words, on the same server.
pub(super) fn conclude(
    state: &RunState,
    entry: &EntryKey,
    reading: &Result<IndexReading, Failure>,
    ended: Option<BackendId>,
    events: &mut Vec<EventKind>,
) -> Conclusion {
    let reading = match reading {
        Ok(reading) => reading,
        Err(failure) => return Conclusion::Unknown { why: failure.message.clone() },
    };
    let Some(target) = &state.target else {
        return Conclusion::Unknown { why: "the target was never proven".to_owned() };
    };
    let changes = target.identity.changes(&reading.identity);
    if !changes.is_empty() {
        let why = format!("the target changed: {}", changes.join("; "));
        if state.control.target_changed.as_ref() != Some(&changes) {
            events.push(EventKind::Run(RunEvent::TargetChanged { changes, now: reading.identity.clone() }));
        }
        return Conclusion::Unknown { why };
    }
    let Some(item) = state.plan.as_ref().and_then(|plan| plan.item(entry)) else {
        return Conclusion::Unknown { why: "the entry is not in the plan".to_owned() };
    };
    let record = state.builds.get(entry);
    let builder = who_builds(reading, entry, ended);
    let Some(index) = &reading.index else {
        return builder.map_or(Conclusion::Absent, |b| being_built(state, record, b, None));
    };
    if Some(index.table_oid) != item.table_oid {
        // Whatever its flags: it is another index.
        return Conclusion::Drift { differences: vec![other_table(item, index)] };
    }
    if index.flags.usable() {
        let Some(expected) = &item.expected else {
            return Conclusion::Unknown {
                why: "the server's definition of the entry is not known, so nothing can be compared"
                    .to_owned(),
            };
        };
        let differences = expected.differences(&index.definition);
        if !differences.is_empty() {
            return Conclusion::Drift { differences };
        }
        let origin = origin(state, entry, record, index);
        return Conclusion::Verified { oid: index.oid, size: index.size, origin };
    }
    if let Some(builder) = builder {
        // Who is known by the item lock alone may still wait for the table, behind whoever builds this index.
        let theirs = builder.index_oid.filter(|oid| *oid == index.oid);
        return being_built(state, record, builder, theirs);
    }
    let origin = origin(state, entry, record, index);
    Conclusion::Leftover { oid: index.oid, flags: index.flags, size: index.size, origin }
}

fn other_table(item: &PlanItem, index: &IndexFacts) -> Difference {
    let wanted = format!("{}.{}", item.table.schema, item.table.name);
    let found = format!("{}.{}", index.table.schema, index.table.name);
    // A table that was dropped and made anew has the same name and is another one all the same.
    let oid = |oid: Option<Oid>| oid.map_or_else(|| "none".to_owned(), |oid| oid.to_string());
    let same_name = wanted == found;
    Difference {
        what: "table".to_owned(),
        wanted: if same_name { format!("{wanted} (OID {})", oid(item.table_oid)) } else { wanted },
        found: if same_name { format!("{found} (OID {})", index.table_oid) } else { found },
    }
}

/// Who builds what a reading shows. In doubt somebody does: to take a build for a leftover kills it, the opposite
/// mistake costs a wait. A usable index is nobody's unfinished work, whatever else goes on at it. `ended` is a backend
/// of ours whose statement has certainly ended.
pub fn who_builds<'a>(
    reading: &'a IndexReading,
    entry: &EntryKey,
    ended: Option<BackendId>,
) -> Option<&'a Builder> {
    if reading.index.as_ref().is_some_and(|index| index.flags.usable()) {
        return None;
    }
    let index_of = |builder: &Builder| builder.index_oid.filter(|oid| oid.0 != 0);
    let others = || reading.builders.iter().filter(move |builder| Some(builder.backend) != ended);
    let locked = others().find(|builder| builder.item_lock.as_ref() == Some(entry));
    let index = reading.index.as_ref();
    let named = || others().find(|builder| index.is_some_and(|it| index_of(builder) == Some(it.oid)));
    // Without the right to see the index, its table must do. A plain CREATE INDEX shows nobody an unfinished index.
    let hidden = || {
        others().find(|builder| {
            index.is_some_and(|it| builder.table_oid.is_none_or(|oid| oid == it.table_oid))
                && index_of(builder).is_none()
                && builder.item_lock.is_none()
                && builder.command != "CREATE INDEX"
        })
    };
    locked.or_else(named).or_else(hidden)
}

fn being_built(
    state: &RunState,
    record: Option<&BuildRecord>,
    builder: &Builder,
    oid: Option<Oid>,
) -> Conclusion {
    let intended = record.and_then(|r| r.intent.as_ref()).is_some_and(|i| i.backend == builder.backend);
    let tagged = state
        .run
        .as_ref()
        .is_some_and(|run| builder.application.starts_with(&format!("cicerone/{}/", run.run.0)));
    if intended || tagged {
        Conclusion::StillBuilding { backend: builder.backend, oid }
    } else {
        Conclusion::BuiltElsewhere { backend: builder.backend }
    }
}

/// Ours is what the ledger holds: an OID that was seen while our backend built it, or by that backend right after.
/// What stands under a name that our intent found free under the item lock is presumed to be, unless the server told us
/// that somebody else took the name first, or our own index was seen to be another one.
fn origin(state: &RunState, entry: &EntryKey, record: Option<&BuildRecord>, index: &IndexFacts) -> Origin {
    if state.ledger.get(entry).is_some_and(|made| made.oid == index.oid) {
        return Origin::Ours;
    }
    if record.is_some_and(|record| record.may_have_made(index.oid, index.table_oid)) {
        Origin::Presumed
    } else {
        Origin::NotOurs
    }
}
