//! Builds and drops that nobody of ours waits for: an orphan that outlived its client, another operator's build, a
//! journal that ends in the middle.

use std::time::Duration;

use crate::domain::catalog::IndexReading;
use crate::domain::failure::Failure;
use crate::domain::id::Oid;
use crate::domain::observe::{Outcome, who_builds};

use super::build::Task;
use super::readback::{Which, read_back};
use super::recorder::{Question, Recorder, Wanted};
use super::world::World;

/// How often a watched build is looked at. Each look is a fresh connection.
const PACE: Duration = Duration::from_secs(1);

/// Finds out what became of a build. While somebody is at work on it, watches; never drops, never starts.
pub(super) async fn reconcile_build(world: World, recorder: Recorder, task: Task) {
    let mut announced = false;
    loop {
        if recorder.wanted(Question::Watch(task.entry.clone())).await == Wanted::No {
            return;
        }
        let reading = read_back(&world, &Which::Named(&task.index)).await;
        let busy = reading.as_ref().is_ok_and(|it| who_builds(it, &task.entry, None).is_some());
        if !busy || !announced {
            announced = true;
            let jitter = world.ids.below(1_000);
            let outcome = Outcome::BuildRead { entry: task.entry.clone(), reading, ended: None, jitter };
            if recorder.record(outcome).await.is_err() {
                return;
            }
        }
        if !busy {
            return;
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Finds out what became of a drop, once the backend that may still be at it has let go of the item lock.
pub(super) async fn reconcile_drop(world: World, recorder: Recorder, task: Task, oid: Oid) {
    let reading = when_over(&world, &task, oid).await;
    // Nobody is left to tell when the journal is sealed.
    let _ = recorder.record(Outcome::DropRead { entry: task.entry, oid, reading }).await;
}

/// Reads an index by its OID once nobody holds its entry's item lock any more: until then a statement of ours may still
/// be at it.
pub(super) async fn when_over(world: &World, task: &Task, oid: Oid) -> Result<IndexReading, Failure> {
    loop {
        let reading = read_back(world, &Which::WithOid(oid)).await;
        let busy = reading.as_ref().is_ok_and(|reading| {
            reading.builders.iter().any(|builder| builder.item_lock.as_ref() == Some(&task.entry))
        });
        if !busy {
            return reading;
        }
        tokio::time::sleep(PACE).await;
    }
}
