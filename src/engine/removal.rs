//! One drop, with the discipline of a build: exactly one OID, everything re-read under the item lock, intent on disk
//! first, and the catalogs have the last word.

use crate::domain::catalog::{IndexFacts, Tie};
use crate::domain::event::DropPurpose;
use crate::domain::failure::Failure;
use crate::domain::id::Oid;
use crate::domain::observe::Outcome;
use crate::sql::drop_concurrently;

use super::build::{Purpose, Task, held, wait_for_table};
use super::readback::{Which, read_back};
use super::reconcile::reconcile_drop;
use super::recorder::{NotRecorded, Recorder};
use super::world::{Hands, World};

/// Drops exactly the index with this OID, or says why not.
pub(super) async fn remove(
    world: World,
    hands: Hands,
    recorder: Recorder,
    task: Task,
    oid: Oid,
    purpose: DropPurpose,
) {
    // A refusal to record means that the journal is sealed: the drop stays open in it and is reconciled later.
    let _ = attempt(&world, &hands, &recorder, &task, oid, purpose).await;
}

async fn attempt(
    world: &World,
    hands: &Hands,
    recorder: &Recorder,
    task: &Task,
    oid: Oid,
    purpose: DropPurpose,
) -> Result<(), NotRecorded> {
    let refuse = |why: String| recorder.record(Outcome::DropRefused { entry: task.entry.clone(), oid, why });
    let reading = read_back(world, &Which::WithOid(oid)).await;
    let index = match reading {
        Err(failure) => return refuse(failure.message).await,
        Ok(reading) => {
            if let Some(ref index) = reading.index {
                index.clone()
            } else {
                let outcome = Outcome::DropRead { entry: task.entry.clone(), oid, reading: Ok(reading) };
                return recorder.record(outcome).await;
            }
        }
    };
    if let Some(why) = objection(&index, task, purpose) {
        return refuse(why).await;
    }
    // By its OID it may bear another name by now; its table's lock and its own are asked for by those of today.
    let task = &Task { index: index.name.clone(), table: index.table.clone(), ..task.clone() };
    let mut session = match hands.workshop.open(&task.request()).await {
        Ok(session) => session,
        Err(failure) => return refuse(failure.message).await,
    };
    // A drop asks for the same table lock as a build and kills a running one just the same.
    match wait_for_table(world, recorder, task, session.as_mut(), Purpose::Drop).await {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => return refuse(failure.message).await,
        Err(NotRecorded::NotNow) => return refuse("it is not wanted any more".to_owned()).await,
        Err(gone) => return Err(gone),
    }
    match session.try_item_lock().await {
        Ok(None) => {}
        Ok(Some(holder)) => return refuse(held(holder).message).await,
        Err(failure) => return refuse(failure.message).await,
    }
    match session.index_named(&index.name).await {
        Ok(Some(now)) if now.oid == oid => {
            if let Some(why) = objection(&now, task, purpose) {
                return refuse(why).await;
            }
        }
        Ok(_) => return refuse("the name no longer belongs to that index".to_owned()).await,
        Err(failure) => return refuse(failure.message).await,
    }
    let statement =
        format!("{} {}", task.comment(recorder), drop_concurrently(&index.name.schema, &index.name.name));
    let intent = Outcome::AboutToDrop {
        entry: task.entry.clone(),
        oid,
        statement: statement.clone(),
        backend: session.backend(),
    };
    match recorder.record(intent).await {
        Ok(()) => {}
        Err(NotRecorded::NotNow) => return refuse("it is not wanted any more".to_owned()).await,
        Err(other) => return Err(other),
    }
    let result: Result<(), Failure> = session.execute(&statement).await;
    let in_doubt = result.as_ref().is_err_and(|failure| failure.class.leaves_doubt());
    recorder.record(Outcome::DropEnded { entry: task.entry.clone(), result }).await?;
    drop(session);
    if in_doubt {
        // The server may be at it still: its end is what counts.
        reconcile_drop(world.clone(), recorder.clone(), task.clone(), oid).await;
        return Ok(());
    }
    let reading = read_back(world, &Which::WithOid(oid)).await;
    recorder.record(Outcome::DropRead { entry: task.entry.clone(), oid, reading }).await
}

/// Why an index must stay, if it must.
fn objection(index: &IndexFacts, task: &Task, purpose: DropPurpose) -> Option<String> {
    if index.table_oid != task.table_oid {
        return Some("it is on another table now".to_owned());
    }
    if !index.ties.is_empty() {
        let ties: Vec<String> = index.ties.iter().map(Tie::sentence).collect();
        return Some(format!("it {}", ties.join(" and it ")));
    }
    if purpose == DropPurpose::Leftover && index.flags.usable() {
        return Some("it is valid: somebody finished or rebuilt it meanwhile".to_owned());
    }
    None
}
