//! How long a fault lasts, and from when on that is counted.

use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use super::{FaultError, FaultTarget};
use crate::rehearsal::connect::connect;

/// From when on the time of a fault is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// From its injection.
    Injection,
    /// From the first build that is sent. Whoever reads for a while before saying go still meets the fault.
    FirstBuild,
}

/// Builds of the small sample tables take 20 ms.
const POLL: Duration = Duration::from_millis(5);

/// A build that waits for its table's lock is not in the progress view yet. Sessions of faults ask for builds by the
/// same words.
const BUILDS: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
    AND state = 'active' AND application_name NOT LIKE 'fault: %' AND query LIKE '%CREATE INDEX CONCURRENTLY%' \
    AND pid <> pg_backend_pid())";

/// The time that a fault has.
pub(super) struct Term {
    pub(super) hold: Duration,
    /// Looks for the first build; none when the time runs already.
    watch: Option<Client>,
}

impl Term {
    pub(super) async fn of(target: &FaultTarget) -> Result<Self, FaultError> {
        let watch = match target.since {
            Since::Injection => None,
            Since::FirstBuild => Some(connect(&target.conninfo, "fault: watch").await?),
        };
        Ok(Self { hold: target.hold, watch })
    }

    /// Waits until the time begins to run.
    pub(super) async fn begins(&self) {
        let Some(session) = &self.watch else { return };
        // A server that does not answer has seen its builds.
        while let Ok(row) = session.query_one(BUILDS, &[]).await {
            if row.get(0) {
                return;
            }
            sleep(POLL).await;
        }
    }

    /// Waits until the time is over or the fault is told to end.
    pub(super) async fn passes(self, stop: &CancellationToken) {
        let pass = async {
            self.begins().await;
            sleep(self.hold).await;
        };
        tokio::select! {
            () = pass => {}
            () = stop.cancelled() => {}
        }
    }
}
