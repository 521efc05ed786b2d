//! One build: session, lock probe, item lock, a last look, intent on disk, one statement, and the truth read back.

use std::time::Duration;

use crate::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use crate::domain::catalog::Builder;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::{BackendId, EntryKey, Oid, QualifiedName, RunId};
use crate::domain::observe::Outcome;
use crate::domain::target::{BudgetPolicy, RunSettings, TargetIdentity};
use crate::domain::unit::Millis;
use crate::ports::{BuildRequest, BuildSession, LockProbe};
use crate::text::plural;

use super::readback::{Which, read_back};
use super::recorder::{NotRecorded, Paused, Question, Recorder, Wanted};
use super::world::{Hands, World};

/// What a build or drop needs to know; everything else it asks the server.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) run: RunId,
    /// The step of the playbook, or what else it is done for.
    pub(super) step: String,
    pub(super) entry: EntryKey,
    pub(super) index: QualifiedName,
    pub(super) table: QualifiedName,
    pub(super) table_oid: Oid,
    pub(super) identity: TargetIdentity,
    pub(super) settings: RunSettings,
}

impl Task {
    /// `cicerone/<run>/<index>`, cut to what `application_name` holds. Other runs know ours by it.
    pub(super) fn application(&self) -> String {
        let index: String =
            self.index.name.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect();
        let mut name = format!("cicerone/{}/{index}", self.run.0);
        name.truncate(63);
        name
    }

    pub(super) fn request(&self) -> BuildRequest {
        BuildRequest {
            entry: self.entry.clone(),
            table: self.table.clone(),
            table_oid: self.table_oid,
            application: self.application(),
            settings: self.settings.clone(),
            identity: self.identity.clone(),
        }
    }

    /// The comment that ties a statement in the server's log to this journal. Names of the registry stay out of it, and
    /// of a step's id only letters that cannot end the comment get in.
    pub(super) fn comment(&self, recorder: &Recorder, attempt: u32) -> String {
        comment(&self.run.0, &self.step, attempt, &recorder.head())
    }
}

fn comment(run: &str, step: &str, attempt: u32, head: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') { c } else { '_' };
    let step: String = step.chars().map(plain).take(60).collect();
    format!("/* cicerone run={run} step={step} attempt={attempt} head={head} */")
}

/// Builds one index. Whatever happens, the last fact sent is a reading of the catalogs.
pub(super) async fn build(
    world: World,
    hands: Hands,
    recorder: Recorder,
    task: Task,
    attempt: u32,
    statement: String,
) {
    let ended = match attempt_build(&world, &hands, &recorder, &task, attempt, &statement).await {
        Ok(ended) => ended,
        // Nothing more can be recorded, so nothing more is done. The journal shows how far it got.
        Err(NotRecorded::Sealed | NotRecorded::Gone | NotRecorded::NotNow) => return,
    };
    report_reading(&world, &recorder, &task, ended).await;
}

/// Reads the catalogs and hands the reading over.
pub(super) async fn report_reading(
    world: &World,
    recorder: &Recorder,
    task: &Task,
    ended: Option<BackendId>,
) {
    let reading = read_back(world, &Which::Named(&task.index)).await;
    let jitter = world.ids.below(1_000);
    // A refusal means that the journal is sealed: there is nobody left to tell.
    let _ = recorder.record(Outcome::BuildRead { entry: task.entry.clone(), reading, ended, jitter }).await;
}

/// Returns our backend when its statement certainly ended (or was never sent), none when the server may still be
/// at work on it.
async fn attempt_build(
    world: &World,
    hands: &Hands,
    recorder: &Recorder,
    task: &Task,
    attempt: u32,
    statement: &str,
) -> Result<Option<BackendId>, NotRecorded> {
    let mut session = match hands.workshop.open(&task.request()).await {
        Ok(session) => session,
        Err(failure) => {
            end(recorder, task, Err(failure)).await?;
            return Ok(None);
        }
    };
    let backend = session.backend();
    match make_ready(world, recorder, task, session.as_mut()).await {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => {
            end(recorder, task, Err(failure)).await?;
            return Ok(Some(backend));
        }
        // Nothing was sent and nothing failed: what is so is read, and this attempt does not count.
        Err(NotRecorded::NotNow) => return Ok(Some(backend)),
        Err(gone) => return Err(gone),
    }
    let statement = format!("{} {statement}", task.comment(recorder, attempt));
    let intent = Outcome::AboutToBuild {
        entry: task.entry.clone(),
        attempt,
        statement: statement.clone(),
        backend,
        table_oid: task.table_oid,
    };
    match recorder.record(intent).await {
        Ok(()) => {}
        Err(NotRecorded::NotNow) => return Ok(Some(backend)),
        Err(gone) => return Err(gone),
    }
    let result = session.execute(&statement).await;
    let in_doubt = result.as_ref().is_err_and(|failure| failure.class.leaves_doubt());
    witness(recorder, task, session.as_mut(), &result).await?;
    end(recorder, task, result).await?;
    Ok((!in_doubt).then_some(backend))
}

/// Which index the statement made, from the session that made it and before anything else happens: a short build is
/// over before the observer sees it, and only an index that was seen is ours to drop. A session that cannot say leaves
/// it without a witness.
async fn witness(
    recorder: &Recorder,
    task: &Task,
    session: &mut dyn BuildSession,
    result: &Result<(), Failure>,
) -> Result<(), NotRecorded> {
    let made = match result.as_ref().map_err(|failure| failure.class) {
        Err(class) if class.leaves_doubt() || class == FailureClass::NameTaken => return Ok(()),
        Err(class) if !class.is_of_the_build() => left_behind(task, session).await,
        Ok(()) | Err(_) => session.oid_named(&task.index).await.ok().flatten(),
    };
    match made {
        Some(oid) => recorder.record(Outcome::Located { entry: task.entry.clone(), oid }).await,
        None => Ok(()),
    }
}

/// What a statement left that may have ended while it waited for the table behind somebody who makes an index of this
/// name: theirs is at work, or it is valid; one that our statement left is neither.
async fn left_behind(task: &Task, session: &mut dyn BuildSession) -> Option<Oid> {
    if session.others_build().await != Ok(false) {
        return None;
    }
    let index = session.index_named(&task.index).await.ok().flatten()?;
    (!index.flags.usable()).then_some(index.oid)
}

async fn end(recorder: &Recorder, task: &Task, result: Result<(), Failure>) -> Result<(), NotRecorded> {
    recorder.record(Outcome::BuildEnded { entry: task.entry.clone(), result }).await
}

/// Everything between an open session and the intent. The inner error says why nothing is sent.
async fn make_ready(
    world: &World,
    recorder: &Recorder,
    task: &Task,
    session: &mut dyn BuildSession,
) -> Result<Result<(), Failure>, NotRecorded> {
    if let Err(failure) = wait_for_table(world, recorder, task, session, Purpose::Build).await? {
        return Ok(Err(failure));
    }
    match session.try_item_lock().await {
        Ok(None) => {}
        Ok(Some(holder)) => {
            return Ok(Err(held(holder)));
        }
        Err(failure) => return Ok(Err(failure)),
    }
    // The last look, under the lock: this is what makes "whatever is there afterwards is ours" true.
    Ok(match session.index_named(&task.index).await {
        Ok(None) => Ok(()),
        Ok(Some(index)) if index.flags.usable() => {
            Err(Failure::refused("an index of this name appeared meanwhile"))
        }
        Ok(Some(_)) => Err(Failure::refused("an invalid index of this name is in the way")),
        Err(failure) => Err(failure),
    })
}

/// Another run is at work on the index, or was a moment ago: that passes.
pub(super) fn held(holder: BackendId) -> Failure {
    Failure {
        class: FailureClass::LockTimeout,
        sqlstate: None,
        message: format!("pid {} holds the lock of this index: another run is at work on it", holder.pid),
    }
}

/// What the table is wanted for: they differ only in who is told about waiting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Build,
    Drop,
}

/// Probes the table's lock until it is free. Backs off exponentially with jitter, and asks for nothing while anybody
/// builds on the table: that ends by itself, so it counts neither as a try nor against the budget. Once the tries are
/// made and the budget is spent, the policy decides: go on, or give this attempt up.
pub(super) async fn wait_for_table(
    world: &World,
    recorder: &Recorder,
    task: &Task,
    session: &mut dyn BuildSession,
    purpose: Purpose,
) -> Result<Result<(), Failure>, NotRecorded> {
    let question = match purpose {
        Purpose::Build => Question::Build(task.entry.clone()),
        Purpose::Drop => Question::Drop(task.entry.clone()),
    };
    let mut held =
        TableWait { since: world.clock.now(), waited: Millis(0), tries: 0, looks: 0, told: Told::No };
    let mut known: Vec<Blocker> = Vec::new();
    loop {
        let wanted = recorder.wanted(question.clone()).await;
        if wanted == Wanted::No {
            return Err(NotRecorded::NotNow);
        }
        let probe = session.probe_lock(task.settings.lock_probe).await;
        let now = world.clock.now();
        let (blockers, pause) = match probe {
            Ok(LockProbe::Free) => return Ok(Ok(())),
            Ok(LockProbe::Busy(blockers)) => {
                held.tries += 1;
                held.waited = held.waited + Millis::between(held.since, now);
                (blockers, backoff(held.tries, world.ids.below(1_000)))
            }
            Ok(LockProbe::BuildInProgress(builders)) => {
                held.looks += 1;
                let blockers = builders.iter().map(|builder| as_blocker(builder, task.table_oid)).collect();
                (blockers, look_again(held.looks, world.ids.below(1_000)))
            }
            Err(failure) => return Ok(Err(failure)),
        };
        held.since = now;
        if blockers != known {
            known.clone_from(&blockers);
            let entry = task.entry.clone();
            let outcome = match purpose {
                Purpose::Build => Outcome::BuildHeldUp { entry, blockers: blockers.clone() },
                Purpose::Drop => Outcome::DropHeldUp { entry, blockers: blockers.clone() },
            };
            recorder.record(outcome).await?;
        }
        if wanted == Wanted::AtOnce {
            return Ok(Err(held.failure(&blockers)));
        }
        if held.is_over_budget(&task.settings) {
            if held.told == Told::No {
                held.told = Told::Yes;
                let outcome = Outcome::TableHeldTooLong { entry: task.entry.clone(), waited: held.waited };
                recorder.record(outcome).await?;
            }
            match task.settings.on_budget {
                BudgetPolicy::KeepWaiting | BudgetPolicy::Ask => {}
                BudgetPolicy::CancelAndClean => return Ok(Err(held.failure(&blockers))),
            }
        }
        let until = tokio::time::Instant::now() + pause;
        while recorder.pause(until.saturating_duration_since(tokio::time::Instant::now())).await
            == Paused::News
        {
            if recorder.wanted(question.clone()).await == Wanted::No {
                return Err(NotRecorded::NotNow);
            }
        }
    }
}

/// A wait for a table's lock so far.
struct TableWait {
    /// Up to when the time is counted.
    since: jiff::Timestamp,
    /// Time behind holders of the lock.
    waited: Millis,
    /// Probes that found it held.
    tries: u32,
    /// Looks at a table that somebody builds on.
    looks: u32,
    told: Told,
}

/// Whether it was said that the budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    No,
    Yes,
}

impl TableWait {
    fn is_over_budget(&self, settings: &RunSettings) -> bool {
        self.tries >= settings.lock_tries && self.waited > settings.first_lock_budget
    }

    fn failure(&self, blockers: &[Blocker]) -> Failure {
        let who: Vec<String> = blockers.iter().map(Blocker::line).collect();
        let who = if who.is_empty() { "nobody visible holds it".to_owned() } else { who.join("; ") };
        Failure {
            class: FailureClass::LockTimeout,
            sqlstate: None,
            message: format!(
                "the table's lock was not free in {} over {} s: {who}",
                plural((self.tries + self.looks) as usize, "try", "tries"),
                self.waited.seconds(),
            ),
        }
    }
}

/// Pause before the next probe: 100 ms doubled each time up to 10 s, plus up to as much again by chance.
pub(super) fn backoff(tries: u32, jitter: u64) -> Duration {
    let base = 100_u64.saturating_mul(1 << tries.min(10)).min(10_000);
    Duration::from_millis(base + base * jitter / 1_000)
}

/// Pause before the next look at a table that somebody builds on: 250 ms, doubled every second time up to 5 s, plus up to
/// as much again by chance.
fn look_again(looks: u32, jitter: u64) -> Duration {
    let base = 250_u64.saturating_mul(1 << (looks.saturating_sub(1) / 2).min(10)).min(5_000);
    Duration::from_millis(base + base * jitter / 1_000)
}

fn as_blocker(builder: &Builder, table: Oid) -> Blocker {
    Blocker {
        stage: BlockStage::TableLock,
        bites: Bites::Now,
        holder: Holder::Session {
            backend: builder.backend,
            application: builder.application.clone(),
            user: builder.user.clone(),
            client: None,
            state: Some("active".to_owned()),
            query: None,
            backend_type: None,
        },
        why: builder.command.clone(),
        since: None,
        table: Some(table),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_step_ends_the_comment() {
        assert_eq!(
            comment("r1", "build.indexes", 2, "ab12"),
            "/* cicerone run=r1 step=build.indexes attempt=2 head=ab12 */"
        );
        let hostile = comment("r1", "*/ DROP TABLE x; /*\n\u{e9}", 1, "ab12");
        assert_eq!(hostile, "/* cicerone run=r1 step=___DROP_TABLE_x______ attempt=1 head=ab12 */");
    }

    #[test]
    fn looks_at_a_table_that_somebody_builds_on_begin_soon_and_back_off_to_a_cap() {
        for jitter in [0, 999] {
            let first = look_again(1, jitter);
            assert!(Duration::from_millis(250) <= first && first <= Duration::from_secs(1), "{first:?}");
        }
        assert!(look_again(6, 0) > look_again(1, 0));
        assert_eq!(look_again(400, 0), Duration::from_secs(5));
        assert!(look_again(400, 999) <= Duration::from_secs(10));
    }

    #[test]
    fn probes_back_off_to_a_cap() {
        assert_eq!(backoff(0, 0), Duration::from_millis(100));
        assert_eq!(backoff(3, 0), Duration::from_millis(800));
        assert_eq!(backoff(40, 0), Duration::from_secs(10));
        assert!(backoff(40, 999) < Duration::from_secs(20));
    }
}
