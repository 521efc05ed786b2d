//! The observer's readings: one connection, one round trip a round, a deadline of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::types::Type;

use super::blocker::{self, Subject, SubjectStage};
use super::catalog::builder::{UNSEEN_START, backend};
use super::error::PgError;
use super::holder::text;
use super::link::Link;
use super::session::{Row, Session};
use crate::domain::blocker::Blocker;
use crate::domain::failure::Failure;
use crate::domain::id::{BackendId, EntryKey, Oid, Pid};
use crate::domain::progress::{Counter, Phase, ProgressRow, ProgressSeen};
use crate::domain::sample::ServerSample;
use crate::domain::unit::{Bytes, Millis};
use crate::ports::{Monitor, MonitorRound, WatchRequest};

/// A server that says nothing for that long counts as silent; the next round opens a new connection.
const ROUND_DEADLINE: Duration = Duration::from_secs(5);

/// The observer's connection.
pub struct PgMonitor {
    link: Link,
    session: Option<Session>,
    wal: Option<(jiff::Timestamp, u64)>,
}

impl PgMonitor {
    /// Connects on the first round.
    pub fn new(link: Link) -> Self {
        Self { link, session: None, wal: None }
    }

    /// The connection, out of its place until it has answered.
    async fn session(&mut self) -> Result<Session, Failure> {
        match self.session.take() {
            Some(session) if !session.is_closed() => Ok(session),
            _ => self.link.reader("monitor").await,
        }
    }

    /// The rate between two readings; none for the first, after a restart, or on a standby.
    fn wal_rate(&mut self, at: jiff::Timestamp, bytes: Option<u64>) -> Option<Bytes> {
        let before = self.wal.take();
        let bytes = bytes?;
        self.wal = Some((at, bytes));
        let (then, start) = before?;
        let span = Millis::between(then, at).0;
        (span > 0).then(|| Bytes(bytes.saturating_sub(start) * 1000 / span))
    }
}

#[async_trait]
impl Monitor for PgMonitor {
    async fn round(&mut self, watched: &[WatchRequest]) -> Result<MonitorRound, Failure> {
        let session = self.session().await?;
        // Only a session that answered is kept: after an error the next round begins with a new one.
        let read = match tokio::time::timeout(ROUND_DEADLINE, read(&session, watched)).await {
            Ok(read) => read?,
            Err(_) => return Err(PgError::NoAnswer { after: ROUND_DEADLINE }.into()),
        };
        self.session = Some(session);
        let at = self.link.now();
        let mut server = read.server;
        server.wal_per_second = self.wal_rate(at, read.wal);
        Ok(MonitorRound { at, progress: read.progress, blockers: read.blockers, gone: read.gone, server })
    }

    async fn progress(&mut self) -> Result<(jiff::Timestamp, Vec<ProgressRow>), Failure> {
        let session = self.session().await?;
        let rows = match tokio::time::timeout(ROUND_DEADLINE, progress(&session)).await {
            Ok(rows) => rows?,
            Err(_) => return Err(PgError::NoAnswer { after: ROUND_DEADLINE }.into()),
        };
        self.session = Some(session);
        Ok((self.link.now(), rows))
    }

    async fn drop_holders(&mut self, tables: &[Oid]) -> Result<Vec<(Oid, Vec<Blocker>)>, Failure> {
        let session = self.session().await?;
        // No backend has pid 0: nobody waits yet, everybody found is still ahead.
        let nobody = Pid(0);
        let subjects: Vec<(Pid, Oid)> = tables.iter().map(|table| (nobody, *table)).collect();
        let read = tokio::time::timeout(ROUND_DEADLINE, blocker::read(&session, &subjects)).await;
        let holders = match read {
            Ok(holders) => holders?,
            Err(_) => return Err(PgError::NoAnswer { after: ROUND_DEADLINE }.into()),
        };
        self.session = Some(session);
        let of = |table: &Oid| {
            let subject = Subject { pid: nobody, table: *table, stage: SubjectStage::Dropping };
            (*table, holders.of(&subject))
        };
        Ok(tables.iter().map(of).collect())
    }
}

struct Reading {
    progress: Vec<ProgressRow>,
    blockers: Vec<(EntryKey, Vec<Blocker>)>,
    gone: Vec<BackendId>,
    server: ServerSample,
    wal: Option<u64>,
}

async fn read(session: &Session, watched: &[WatchRequest]) -> Result<Reading, PgError> {
    let pids: Vec<i32> = watched.iter().map(|watch| watch.backend.pid.0).collect();
    let subjects: Vec<(Pid, Oid)> =
        watched.iter().map(|watch| (watch.backend.pid, watch.table_oid)).collect();
    let alive = [(&pids as &(dyn tokio_postgres::types::ToSql + Sync), Type::INT4_ARRAY)];
    let (progress, alive, server) = tokio::try_join!(
        progress(session),
        session.rows("alive", include_str!("queries/alive.sql"), &alive),
        session.one("server", include_str!("queries/server.sql"), &[]),
    )?;
    let alive: BTreeMap<Pid, BackendId> =
        alive.iter().map(|row| Ok((Pid(row.get("pid")?), backend(row)?))).collect::<Result<_, PgError>>()?;
    let gone: Vec<BackendId> =
        watched.iter().map(|watch| watch.backend).filter(|backend| is_gone(&alive, *backend)).collect();
    let blockers = if watched.is_empty() {
        Vec::new()
    } else {
        let holders = blocker::read(session, &subjects).await?;
        let locked = has_lock(session, &pids).await?;
        watched
            .iter()
            .map(|watch| {
                let pid = watch.backend.pid;
                let row = progress.iter().find(|row| row.backend.pid == pid);
                let subject =
                    Subject { pid, table: watch.table_oid, stage: stage(row, locked.contains(&pid)) };
                (watch.entry.clone(), holders.of(&subject))
            })
            .collect()
    };
    let (server, wal) = server_sample(&server)?;
    Ok(Reading { progress, blockers, gone, server, wal })
}

/// The start is compared only where it may be seen.
fn is_gone(alive: &BTreeMap<Pid, BackendId>, wanted: BackendId) -> bool {
    match alive.get(&wanted.pid) {
        None => true,
        Some(found) => found.started != UNSEEN_START && found.started != wanted.started,
    }
}

/// Backends that hold a ShareUpdateExclusive lock on a relation.
async fn has_lock(session: &Session, pids: &[i32]) -> Result<Vec<Pid>, PgError> {
    let sql = include_str!("queries/table_locked.sql");
    let rows = session.rows("table_locked", sql, &[(&pids, Type::INT4_ARRAY)]).await?;
    rows.iter().map(|row| Ok(Pid(row.get("pid")?))).collect()
}

fn stage(row: Option<&ProgressRow>, has_lock: bool) -> SubjectStage {
    match (row, has_lock) {
        // A row that may not be seen: everything could still come.
        (Some(row), _) => SubjectStage::Building(row.seen.map_or(Phase::Initializing, |seen| seen.phase)),
        (None, true) => SubjectStage::Dropping,
        (None, false) => SubjectStage::BeforeLock,
    }
}

async fn progress(session: &Session) -> Result<Vec<ProgressRow>, PgError> {
    let rows = session.rows("progress", include_str!("queries/progress.sql"), &[]).await?;
    rows.iter().map(progress_row).collect()
}

fn progress_row(row: &Row) -> Result<ProgressRow, PgError> {
    Ok(ProgressRow {
        backend: backend(row)?,
        application: text(row, "application")?.unwrap_or_default(),
        command: text(row, "command")?.unwrap_or_default(),
        seen: seen(row)?,
    })
}

fn seen(row: &Row) -> Result<Option<ProgressSeen>, PgError> {
    let (Some(table), Some(phase)) = (row.get::<Option<u32>>("relid")?, text(row, "phase")?) else {
        return Ok(None);
    };
    let counter = |done: &str, total: &str| -> Result<Counter, PgError> {
        let count = |column: &str| -> Result<u64, PgError> {
            Ok(row.get::<Option<i64>>(column)?.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
        };
        Ok(Counter { done: count(done)?, total: count(total)? })
    };
    let locker = row.get::<Option<i64>>("current_locker_pid")?;
    Ok(Some(ProgressSeen {
        table_oid: Oid(table),
        index_oid: Oid(row.get::<Option<u32>>("index_relid")?.unwrap_or(0)),
        phase: Phase::from_server(&phase),
        lockers: counter("lockers_done", "lockers_total")?,
        blocks: counter("blocks_done", "blocks_total")?,
        tuples: counter("tuples_done", "tuples_total")?,
        current_locker: locker.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid != 0).map(Pid),
    }))
}

fn server_sample(row: &Row) -> Result<(ServerSample, Option<u64>), PgError> {
    let count = |column: &str| -> Result<Option<u32>, PgError> {
        Ok(row.get::<Option<i64>>(column)?.and_then(|count| u32::try_from(count).ok()))
    };
    let millis = |column: &str| -> Result<Option<Millis>, PgError> {
        Ok(row.get::<Option<i64>>(column)?.map(|span| Millis(u64::try_from(span).unwrap_or(0))))
    };
    let sample = ServerSample {
        active: count("active")?,
        sessions: count("sessions")?,
        max_connections: count("max_connections")?,
        lock_waits: count("lock_waits")?,
        oldest_transaction: millis("oldest_ms")?,
        replication_lag: millis("lag_ms")?,
        standbys: count("standbys")?,
        wal_per_second: None,
    };
    Ok((sample, row.get::<Option<i64>>("wal_bytes")?.and_then(|bytes| u64::try_from(bytes).ok())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn a_pid_that_another_session_has_by_now_is_gone() {
        let alive: BTreeMap<_, _> = [
            (Pid(1), BackendId { pid: Pid(1), started: at(0) }),
            (Pid(2), BackendId { pid: Pid(2), started: UNSEEN_START }),
        ]
        .into();
        assert!(!is_gone(&alive, BackendId { pid: Pid(1), started: at(0) }));
        assert!(is_gone(&alive, BackendId { pid: Pid(1), started: at(1) }));
        assert!(!is_gone(&alive, BackendId { pid: Pid(2), started: at(1) }), "hidden is not gone");
        assert!(is_gone(&alive, BackendId { pid: Pid(3), started: at(0) }));
    }

    #[test]
    fn without_a_progress_row_the_lock_tells_a_drop_from_a_wait() {
        assert_eq!(stage(None, true), SubjectStage::Dropping);
        assert_eq!(stage(None, false), SubjectStage::BeforeLock);
    }
}
