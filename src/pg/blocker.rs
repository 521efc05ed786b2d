//! Who holds up builds and drops, now and later, by the stages of PostgreSQL's own rules.
//!
//! `pg_blocking_pids` names one holder at a time in the waits for writers and snapshots; the full list comes from the rules
//! themselves (12-18): conflicting locks before the build, open writes on the table around it, snapshots of the same
//! database at its end, and everybody who has touched the table for a drop.

use tokio_postgres::types::Type;

use super::error::PgError;
use super::holder::{holder, text};
use super::session::{Row, Session};
use crate::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use crate::domain::id::{Oid, Pid};
use crate::domain::progress::Phase;

/// Everything that was read in one round about who could hold up whom.
pub(super) struct Holders {
    now: Vec<Waiting>,
    on_tables: Vec<OnTable>,
    snapshots: Vec<(Holder, Option<jiff::Timestamp>)>,
    ahead: Vec<(Pid, Holder, Option<jiff::Timestamp>)>,
}

/// A backend that waits, and one that it waits for.
struct Waiting {
    waiter: Pid,
    lock: String,
    phase: Option<Phase>,
    held: Option<String>,
    holder: Holder,
    since: Option<jiff::Timestamp>,
}

/// Locks of one holder on one table.
struct OnTable {
    table: Oid,
    granted: Granted,
    modes: String,
    conflicts: Conflicts,
    writes: Writes,
    holder: Holder,
    since: Option<jiff::Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Granted {
    Yes,
    Queued,
}

/// With the ShareUpdateExclusive lock that builds and drops take first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Conflicts {
    Yes,
    No,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Writes {
    Yes,
    No,
}

/// One build or drop whose holders are wanted.
pub(super) struct Subject {
    pub(super) pid: Pid,
    pub(super) table: Oid,
    /// What it does, as far as the progress view and its locks tell.
    pub(super) stage: SubjectStage,
}

/// How far the subject is, for what can still hold it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubjectStage {
    /// Nothing runs yet, or it waits for its first lock.
    BeforeLock,
    /// A build in this phase.
    Building(Phase),
    /// It has its lock and no progress row: a drop.
    Dropping,
}

/// Reads all of it in one round trip.
pub(super) async fn read(session: &Session, subjects: &[(Pid, Oid)]) -> Result<Holders, PgError> {
    let pids: Vec<i32> = subjects.iter().map(|(pid, _)| pid.0).collect();
    let tables: Vec<u32> = subjects.iter().map(|(_, table)| table.0).collect();
    let by_pid = [(&pids as &(dyn tokio_postgres::types::ToSql + Sync), Type::INT4_ARRAY)];
    let by_table =
        [(&tables as &(dyn tokio_postgres::types::ToSql + Sync), Type::OID_ARRAY), by_pid[0].clone()];
    let (now, on_tables, snapshots, ahead) = tokio::try_join!(
        session.rows("blockers_now", include_str!("queries/blockers_now.sql"), &by_pid),
        session.rows("blockers_table", include_str!("queries/blockers_table.sql"), &by_table),
        session.rows("blockers_snapshot", include_str!("queries/blockers_snapshot.sql"), &by_pid),
        session.rows("blockers_deadlock", include_str!("queries/blockers_deadlock.sql"), &by_pid),
    )?;
    let mut read =
        Holders { now: Vec::new(), on_tables: Vec::new(), snapshots: Vec::new(), ahead: Vec::new() };
    for row in &now {
        read.now.extend(waiting(row)?);
    }
    for row in &on_tables {
        read.on_tables.extend(on_table(row)?);
    }
    for row in &snapshots {
        read.snapshots.extend(holder(row)?.map(|holder| Ok((holder, since(row)?))).transpose()?);
    }
    for row in &ahead {
        let victim = Pid(row.get("victim")?);
        read.ahead.extend(holder(row)?.map(|holder| Ok((victim, holder, since(row)?))).transpose()?);
    }
    Ok(read)
}

impl Holders {
    /// Everybody who holds up `subject` now or later, the worst first: a deadlock ahead, then those that bite now.
    pub(super) fn of(&self, subject: &Subject) -> Vec<Blocker> {
        let mut found = self.deadlocks(subject);
        found.extend(
            self.now
                .iter()
                .filter(|waiting| waiting.waiter == subject.pid)
                .map(|waiting| waiting.blocker(subject)),
        );
        found.extend(self.on_table(subject));
        if matters(subject.stage, BlockStage::OldSnapshot) {
            found.extend(self.snapshots());
        }
        without_repeats(found)
    }

    /// Everybody who would hold up a build on one of `tables`; snapshots, which concern all of them, once.
    pub(super) fn ahead_of_builds(&self, tables: &[Oid]) -> Vec<Blocker> {
        let subject = |table: &Oid| Subject { pid: Pid(0), table: *table, stage: SubjectStage::BeforeLock };
        let mut found: Vec<Blocker> =
            tables.iter().flat_map(|table| self.on_table(&subject(table))).collect();
        found.extend(self.snapshots());
        found
    }

    /// Everybody whose lock on the table conflicts with a build's first lock.
    pub(super) fn of_first_lock(&self, table: Oid) -> Vec<Blocker> {
        let subject = Subject { pid: Pid(0), table, stage: SubjectStage::BeforeLock };
        let mut found = self.on_table(&subject);
        found.retain(|blocker| matches!(blocker.stage, BlockStage::TableLock | BlockStage::QueuedAhead));
        found
    }

    fn deadlocks(&self, subject: &Subject) -> Vec<Blocker> {
        let ahead = self.ahead.iter().filter(|(victim, ..)| *victim == subject.pid);
        ahead
            .map(|(_, holder, since)| Blocker {
                stage: BlockStage::DeadlockAhead,
                bites: Bites::Later,
                holder: holder.clone(),
                why: "waits for the build's lock and holds a snapshot".to_owned(),
                since: *since,
                table: Some(subject.table),
            })
            .collect()
    }

    fn on_table(&self, subject: &Subject) -> Vec<Blocker> {
        let mut found = Vec::new();
        for lock in self.on_tables.iter().filter(|lock| lock.table == subject.table) {
            let stages = [
                (BlockStage::TableLock, lock.granted == Granted::Yes && lock.conflicts == Conflicts::Yes),
                (
                    BlockStage::QueuedAhead,
                    lock.granted == Granted::Queued && lock.conflicts == Conflicts::Yes,
                ),
                (BlockStage::Writer, lock.granted == Granted::Yes && lock.writes == Writes::Yes),
                (BlockStage::Reader, lock.granted == Granted::Yes),
            ];
            for (stage, fits) in stages {
                if fits && matters(subject.stage, stage) {
                    found.push(Blocker {
                        stage,
                        bites: Bites::Later,
                        holder: lock.holder.clone(),
                        why: lock.modes.clone(),
                        since: lock.since,
                        table: Some(subject.table),
                    });
                }
            }
        }
        found
    }

    fn snapshots(&self) -> Vec<Blocker> {
        let one = |(holder, since): &(Holder, Option<jiff::Timestamp>)| Blocker {
            stage: BlockStage::OldSnapshot,
            bites: Bites::Later,
            holder: holder.clone(),
            why: "snapshot".to_owned(),
            since: *since,
            table: None,
        };
        self.snapshots.iter().map(one).collect()
    }
}

/// Whether a stage still lies ahead of the subject (12-18).
fn matters(at: SubjectStage, stage: BlockStage) -> bool {
    match at {
        _ if stage == BlockStage::DeadlockAhead => true,
        SubjectStage::BeforeLock => stage != BlockStage::Reader,
        SubjectStage::Building(phase) => {
            stage == BlockStage::OldSnapshot
                || (stage == BlockStage::Writer && phase <= Phase::WritersBeforeValidation)
        }
        SubjectStage::Dropping => stage == BlockStage::Reader,
    }
}

impl Waiting {
    fn blocker(&self, subject: &Subject) -> Blocker {
        let stage = match (self.lock.as_str(), self.phase, &self.held) {
            ("relation", _, Some(_)) => BlockStage::TableLock,
            ("relation", _, None) => BlockStage::QueuedAhead,
            (_, Some(phase), _) if phase >= Phase::OldSnapshots => BlockStage::OldSnapshot,
            (_, Some(_), _) => BlockStage::Writer,
            // No progress row: a drop, which waits for readers too.
            (_, None, _) => BlockStage::Reader,
        };
        let why = self.held.clone().unwrap_or_else(|| format!("waited for by {}", self.lock));
        let table = (stage != BlockStage::OldSnapshot).then_some(subject.table);
        Blocker { stage, bites: Bites::Now, holder: self.holder.clone(), why, since: self.since, table }
    }
}

/// A holder that bites now is not repeated as one that will bite at the same stage.
fn without_repeats(blockers: Vec<Blocker>) -> Vec<Blocker> {
    let mut kept: Vec<Blocker> = Vec::new();
    for blocker in blockers {
        let known = |other: &Blocker| other.stage == blocker.stage && same(&other.holder, &blocker.holder);
        if !kept.iter().any(known) {
            kept.push(blocker);
        }
    }
    kept
}

fn same(a: &Holder, b: &Holder) -> bool {
    match (a, b) {
        (Holder::Session { backend: a, .. }, Holder::Session { backend: b, .. }) => a == b,
        (Holder::Prepared { gid: a, .. }, Holder::Prepared { gid: b, .. }) => a == b,
        (Holder::Session { .. }, Holder::Prepared { .. })
        | (Holder::Prepared { .. }, Holder::Session { .. }) => false,
    }
}

fn since(row: &Row) -> Result<Option<jiff::Timestamp>, PgError> {
    row.get("since")
}

fn waiting(row: &Row) -> Result<Option<Waiting>, PgError> {
    let Some(holder) = holder(row)? else { return Ok(None) };
    Ok(Some(Waiting {
        waiter: Pid(row.get("waiter")?),
        lock: row.get("locktype")?,
        phase: text(row, "phase")?.map(|words| Phase::from_server(&words)),
        held: text(row, "held")?,
        holder,
        since: since(row)?,
    }))
}

fn on_table(row: &Row) -> Result<Option<OnTable>, PgError> {
    let Some(holder) = holder(row)? else { return Ok(None) };
    Ok(Some(OnTable {
        table: Oid(row.get("table_oid")?),
        granted: if row.get("granted")? { Granted::Yes } else { Granted::Queued },
        modes: row.get("modes")?,
        conflicts: if row.get("conflicts")? { Conflicts::Yes } else { Conflicts::No },
        writes: if row.get("writes")? { Writes::Yes } else { Writes::No },
        holder,
        since: since(row)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::BackendId;

    fn session(pid: i32) -> Holder {
        Holder::Session {
            backend: BackendId { pid: Pid(pid), started: jiff::Timestamp::UNIX_EPOCH },
            application: String::new(),
            user: "app".to_owned(),
            client: None,
            state: None,
            query: None,
            backend_type: None,
        }
    }

    fn lock(pid: i32, granted: Granted, conflicts: Conflicts, writes: Writes) -> OnTable {
        OnTable {
            table: Oid(1),
            granted,
            modes: "x".to_owned(),
            conflicts,
            writes,
            holder: session(pid),
            since: None,
        }
    }

    fn world() -> Holders {
        Holders {
            now: vec![Waiting {
                waiter: Pid(9),
                lock: "virtualxid".to_owned(),
                phase: Some(Phase::WritersBeforeBuild),
                held: None,
                holder: session(2),
                since: None,
            }],
            on_tables: vec![
                lock(1, Granted::Yes, Conflicts::Yes, Writes::No),
                lock(2, Granted::Yes, Conflicts::No, Writes::Yes),
                lock(3, Granted::Yes, Conflicts::No, Writes::No),
                lock(4, Granted::Queued, Conflicts::Yes, Writes::Yes),
            ],
            snapshots: vec![(session(5), None)],
            ahead: vec![(Pid(9), session(4), None), (Pid(8), session(6), None)],
        }
    }

    fn stages(stage: SubjectStage) -> Vec<(BlockStage, Bites, i32)> {
        let found = world().of(&Subject { pid: Pid(9), table: Oid(1), stage });
        let pid = |blocker: &Blocker| blocker.backend().map_or(0, |backend| backend.pid.0);
        found.iter().map(|blocker| (blocker.stage, blocker.bites, pid(blocker))).collect()
    }

    #[test]
    fn a_build_that_has_its_lock_is_held_up_by_writers_and_snapshots_only() {
        assert_eq!(
            stages(SubjectStage::Building(Phase::WritersBeforeBuild)),
            [
                (BlockStage::DeadlockAhead, Bites::Later, 4),
                (BlockStage::Writer, Bites::Now, 2),
                (BlockStage::OldSnapshot, Bites::Later, 5),
            ]
        );
    }

    #[test]
    fn after_validation_began_writers_no_longer_matter() {
        let found = stages(SubjectStage::Building(Phase::ValidateTable));
        assert!(
            !found.iter().any(|(stage, bites, _)| *stage == BlockStage::Writer && *bites == Bites::Later)
        );
    }

    #[test]
    fn a_drop_is_held_up_by_everybody_who_touched_the_table() {
        let readers: Vec<i32> = stages(SubjectStage::Dropping)
            .into_iter()
            .filter(|(stage, ..)| *stage == BlockStage::Reader)
            .map(|(.., pid)| pid)
            .collect();
        assert_eq!(readers, [1, 2, 3]);
    }

    #[test]
    fn before_its_lock_a_build_faces_every_stage_but_readers() {
        let found = world().ahead_of_builds(&[Oid(1)]);
        let stages: Vec<_> = found.iter().map(|blocker| blocker.stage).collect();
        assert_eq!(
            stages,
            [BlockStage::TableLock, BlockStage::Writer, BlockStage::QueuedAhead, BlockStage::OldSnapshot]
        );
    }
}
