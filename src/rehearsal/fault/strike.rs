//! Blows at the first build that is seen.

use std::time::Duration;

use rustix::process::{Signal, kill_process};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use super::term::Term;
use super::{FaultError, FaultTarget, Outcome};
use crate::domain::id::Pid;
use crate::rehearsal::connect::connect;

/// Builds of the small sample tables take 20 ms.
const POLL: Duration = Duration::from_millis(2);

/// A build of that age has been seen by whoever watches it: what a session that dies sooner leaves behind, nobody can
/// tell from the work of others. Sooner ones are hit when no older one comes.
const GROWN: Duration = Duration::from_millis(80);

/// One statement looks and strikes: the backend that is hit is the one that was building at that moment. A build that
/// still initializes is left alone, as its index is not committed yet and nothing would stay of it. $1: least age in
/// seconds.
macro_rules! at_first_build {
    ($hit:literal) => {
        concat!(
            "SELECT p.pid",
            $hit,
            " FROM pg_stat_progress_create_index AS p JOIN pg_stat_activity AS a ON a.pid = p.pid \
             WHERE p.datname = current_database() AND p.command = 'CREATE INDEX CONCURRENTLY' \
             AND p.phase <> 'initializing' \
             AND a.query_start <= clock_timestamp() - make_interval(secs => $1) ORDER BY p.pid LIMIT 1"
        )
    };
}
const CANCEL: &str = at_first_build!(", pg_cancel_backend(p.pid)");
const TERMINATE: &str = at_first_build!(", pg_terminate_backend(p.pid)");
const LOOK: &str = at_first_build!("");

/// A session that waits for a build.
pub(super) struct Striker {
    session: Client,
    target: FaultTarget,
}

impl Striker {
    pub(super) async fn new(target: FaultTarget) -> Result<Self, FaultError> {
        let session = connect(&target.conninfo, "fault: strike").await?;
        Ok(Self { session, target })
    }

    pub(super) async fn cancel(self, term: Term, stop: CancellationToken) -> Result<Outcome, FaultError> {
        self.strike(CANCEL, term, &stop).await
    }

    pub(super) async fn terminate(self, term: Term, stop: CancellationToken) -> Result<Outcome, FaultError> {
        self.strike(TERMINATE, term, &stop).await
    }

    /// Kills this session's own backend once a build is seen. The postmaster cannot know what the dead process did to
    /// shared memory, so it drops every session and recovers: the same as for any other backend.
    pub(super) async fn kill_server(
        self,
        term: Term,
        stop: CancellationToken,
    ) -> Result<Outcome, FaultError> {
        let pid: i32 = self.session.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        match self.strike(LOOK, term, &stop).await? {
            Outcome::Struck(_) => {}
            missed @ (Outcome::NothingToHit | Outcome::Released | Outcome::SessionEnded) => {
                return Ok(missed);
            }
        }
        let victim = rustix::process::Pid::from_raw(pid).ok_or(FaultError::NotOurs(Pid(pid)))?;
        if !is_child_of(pid, self.target.postmaster) {
            return Err(FaultError::NotOurs(Pid(pid)));
        }
        kill_process(victim, Signal::KILL)
            .map_err(|source| FaultError::Kill { pid: Pid(pid), source: source.into() })?;
        Ok(Outcome::Struck(Pid(pid)))
    }

    /// Repeats a statement until it returns a row, whose first column is a pid.
    async fn strike(&self, sql: &str, term: Term, stop: &CancellationToken) -> Result<Outcome, FaultError> {
        let statement = self.session.prepare(sql).await?;
        let look = async {
            let since = tokio::time::Instant::now();
            loop {
                let grown = if since.elapsed() < term.hold / 4 { GROWN } else { Duration::ZERO };
                if let Some(row) = self.session.query_opt(&statement, &[&grown.as_secs_f64()]).await? {
                    return Ok(Outcome::Struck(Pid(row.get(0))));
                }
                sleep(POLL).await;
            }
        };
        let strike = async {
            term.begins().await;
            timeout(term.hold, look).await
        };
        tokio::select! {
            struck = strike => struck.unwrap_or(Ok(Outcome::NothingToHit)),
            () = stop.cancelled() => Ok(Outcome::NothingToHit),
        }
    }
}

/// Guards against a pid of another machine or container. Systems without `/proc` have to trust the private socket.
fn is_child_of(pid: i32, parent: i32) -> bool {
    let Ok(status) = fs_err::read_to_string(format!("/proc/{pid}/status")) else {
        return !cfg!(target_os = "linux");
    };
    let found = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok());
    found == Some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn only_a_child_of_the_postmaster_counts_as_a_backend() {
        let me = i32::try_from(std::process::id()).expect("a pid");
        let parent = rustix::process::getppid().expect("a parent").as_raw_nonzero().get();
        assert!(is_child_of(me, parent));
        assert!(!is_child_of(me, 1 << 30));
        assert!(!is_child_of(1 << 30, 1));
    }
}
