//! One drop, with the discipline of a build: exactly one OID, everything re-read under the item lock, intent on disk
//! first, and the catalogs have the last word.

use crate::domain::catalog::{IndexFacts, Tie};
use crate::domain::event::DropPurpose;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::Oid;
use crate::domain::observe::Outcome;
use crate::ports::BuildSession;
use crate::sql::drop_concurrently;

use super::build::{Purpose, Task, backoff, held, wait_for_table};
use super::readback::{Which, read_back};
use super::reconcile::when_over;
use super::recorder::{NotRecorded, Question, Recorder, Wanted};
use super::world::{Hands, World};

/// Drops exactly the index with this OID, or says why not. What passes by itself, such as a broken connection, is tried
/// again as often as a build is; every try begins with the catalogs.
pub(super) async fn remove(
    world: World,
    hands: Hands,
    recorder: Recorder,
    task: Task,
    oid: Oid,
    purpose: DropPurpose,
) {
    let question = Question::Drop(task.entry.clone());
    let mut tries = 1;
    loop {
        let verdict = match attempt(&world, &hands, &recorder, &task, (oid, purpose), tries).await {
            Ok(verdict) => verdict,
            // The journal is sealed: the drop stays open in it and is reconciled later.
            Err(NotRecorded::Sealed | NotRecorded::Gone | NotRecorded::NotNow) => return,
        };
        let again = verdict.passes
            && tries < task.settings.attempts
            && recorder.wanted(question.clone()).await == Wanted::Yes;
        if !again {
            // Nobody is left to tell when the journal is sealed.
            let _ = recorder.record(verdict.outcome).await;
            return;
        }
        tracing::warn!(entry = task.entry.0, tries, "drop is tried again");
        tokio::time::sleep(backoff(tries, world.ids.below(1_000))).await;
        tries += 1;
    }
}

/// What one try came to.
struct Verdict {
    /// What is recorded unless there is another try.
    outcome: Outcome,
    /// Whether another try can end differently.
    passes: bool,
}

/// One try, with the means to put into words how it ended.
struct Try<'a> {
    world: &'a World,
    task: &'a Task,
    oid: Oid,
    purpose: DropPurpose,
}

impl Try<'_> {
    fn refused(&self, why: String) -> Verdict {
        Verdict {
            outcome: Outcome::DropRefused { entry: self.task.entry.clone(), oid: self.oid, why },
            passes: false,
        }
    }

    fn failed(&self, failure: Failure) -> Verdict {
        let passes = passes(failure.class, self.purpose);
        Verdict { passes, ..self.refused(failure.message) }
    }

    /// In doubt the server may be at it still: its end is what counts.
    async fn read(&self, in_doubt: bool, passes: bool) -> Verdict {
        let reading = if in_doubt {
            when_over(self.world, self.task, self.oid).await
        } else {
            read_back(self.world, &Which::WithOid(self.oid)).await
        };
        let gone = reading.as_ref().is_ok_and(|reading| reading.index.is_none());
        Verdict {
            outcome: Outcome::DropRead { entry: self.task.entry.clone(), oid: self.oid, reading },
            passes: passes && !gone,
        }
    }
}

/// Whether a drop that failed so is worth another try. A person who cancels the rollback of a valid index is heeded;
/// a leftover has to go all the same.
fn passes(class: FailureClass, purpose: DropPurpose) -> bool {
    if matches!(class, FailureClass::Cancelled | FailureClass::Terminated) {
        return purpose == DropPurpose::Leftover;
    }
    // The wait for the table's lock had its own tries and its own budget.
    class.may_pass() && class != FailureClass::LockTimeout
}

async fn attempt(
    world: &World,
    hands: &Hands,
    recorder: &Recorder,
    task: &Task,
    (oid, purpose): (Oid, DropPurpose),
    tries: u32,
) -> Result<Verdict, NotRecorded> {
    let this = Try { world, task, oid, purpose };
    let reading = read_back(world, &Which::WithOid(oid)).await;
    let index = match reading.as_ref().map(|reading| reading.index.clone()) {
        Err(failure) => return Ok(this.failed(failure.clone())),
        Ok(None) => {
            let outcome = Outcome::DropRead { entry: task.entry.clone(), oid, reading };
            return Ok(Verdict { outcome, passes: false });
        }
        Ok(Some(index)) => index,
    };
    if let Some(why) = objection(&index, task, purpose) {
        return Ok(this.refused(why));
    }
    // By its OID it may bear another name by now; its table's lock and its own are asked for by those of today.
    let task = &Task { index: index.name.clone(), table: index.table.clone(), ..task.clone() };
    let mut session = match hands.workshop.open(&task.request()).await {
        Ok(session) => session,
        Err(failure) => return Ok(this.failed(failure)),
    };
    if let Some(verdict) = make_ready(&this, recorder, task, session.as_mut(), &index).await? {
        return Ok(verdict);
    }
    let statement = format!(
        "{} {}",
        task.comment(recorder, tries),
        drop_concurrently(&index.name.schema, &index.name.name)
    );
    let intent = Outcome::AboutToDrop {
        entry: task.entry.clone(),
        oid,
        statement: statement.clone(),
        backend: session.backend(),
    };
    match recorder.record(intent).await {
        Ok(()) => {}
        Err(NotRecorded::NotNow) => return Ok(this.refused("it is not wanted any more".to_owned())),
        Err(other) => return Err(other),
    }
    let result: Result<(), Failure> = session.execute(&statement).await;
    let in_doubt = result.as_ref().is_err_and(|failure| failure.class.leaves_doubt());
    let passing = result.as_ref().is_err_and(|failure| passes(failure.class, purpose));
    recorder.record(Outcome::DropEnded { entry: task.entry.clone(), result }).await?;
    drop(session);
    Ok(this.read(in_doubt, passing).await)
}

/// Everything between an open session and the intent; the reason when nothing is to be sent.
async fn make_ready(
    this: &Try<'_>,
    recorder: &Recorder,
    task: &Task,
    session: &mut dyn BuildSession,
    index: &IndexFacts,
) -> Result<Option<Verdict>, NotRecorded> {
    // A drop asks for the same table lock as a build and kills a running one just the same.
    match wait_for_table(this.world, recorder, task, session, Purpose::Drop).await {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => return Ok(Some(this.failed(failure))),
        Err(NotRecorded::NotNow) => {
            return Ok(Some(this.refused("it is not wanted any more".to_owned())));
        }
        Err(gone) => return Err(gone),
    }
    match session.try_item_lock().await {
        Ok(None) => {}
        // Held a moment ago: that passes.
        Ok(Some(holder)) => {
            return Ok(Some(Verdict { passes: true, ..this.refused(held(holder).message) }));
        }
        Err(failure) => return Ok(Some(this.failed(failure))),
    }
    Ok(match session.index_named(&index.name).await {
        Ok(Some(now)) if now.oid == this.oid => {
            objection(&now, task, this.purpose).map(|why| this.refused(why))
        }
        Ok(_) => Some(this.refused("the name no longer belongs to that index".to_owned())),
        Err(failure) => Some(this.failed(failure)),
    })
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
