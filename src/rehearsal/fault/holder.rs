//! Sessions that hold something a build waits for, and let go of it.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use super::term::Term;
use super::{FaultError, FaultTarget, Outcome};
use crate::rehearsal::connect::connect;

/// How often a condition on the server is looked at.
const POLL: Duration = Duration::from_millis(10);
/// Longest nap that VACUUM takes between pages (the upper end of `vacuum_cost_delay`).
const LONGEST_NAP_MS: u64 = 100;

/// A transaction that is open until the session ends.
pub(super) struct OpenTransaction(Client);

impl OpenTransaction {
    pub(super) async fn hold(self, term: Term, stop: CancellationToken) -> Result<Outcome, FaultError> {
        term.passes(&stop).await;
        match self.0.batch_execute("ROLLBACK").await {
            Ok(()) => Ok(Outcome::Released),
            // Whoever ends the session that holds a build up does what the fault is there for.
            Err(_) if self.0.is_closed() => Ok(Outcome::SessionEnded),
            Err(error) => Err(error.into()),
        }
    }
}

/// A report: one statement in REPEATABLE READ, then idle with its snapshot.
pub(super) async fn open_snapshot(target: &FaultTarget) -> Result<OpenTransaction, FaultError> {
    let session = connect(&target.conninfo, "fault: open snapshot").await?;
    session.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class").await?;
    Ok(OpenTransaction(session))
}

/// An import: one row updated to what it was, not committed.
pub(super) async fn write(target: &FaultTarget) -> Result<OpenTransaction, FaultError> {
    let session = connect(&target.conninfo, "fault: writer").await?;
    let table = quoted(&session, &target.table).await?;
    let column = session
        .query_one(
            "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 \
             AND NOT attisdropped AND attgenerated = '' AND attidentity <> 'a' ORDER BY attnum LIMIT 1",
            &[&table],
        )
        .await?;
    let column: String = column.get(0);
    // Without rows the statement changes nothing, but it holds the table's lock as a writer does.
    let update = format!(
        "BEGIN; UPDATE {table} SET {column} = {column} WHERE ctid = (SELECT ctid FROM {table} LIMIT 1)"
    );
    session.batch_execute(&update).await?;
    Ok(OpenTransaction(session))
}

/// A VACUUM on its way through a table.
pub(super) struct RunningVacuum {
    statement: JoinHandle<Result<(), tokio_postgres::Error>>,
    canceller: Client,
    pid: i32,
}

/// Starts a VACUUM that naps between pages, as one does under `vacuum_cost_delay`, and waits until it has its lock.
/// A table of few pages ends early: a nap is 0.1 s at most, and there is one for each page.
pub(super) async fn vacuum(target: &FaultTarget) -> Result<RunningVacuum, FaultError> {
    let session = connect(&target.conninfo, "fault: vacuum").await?;
    let canceller = connect(&target.conninfo, "fault: vacuum").await?;
    let table = quoted(&session, &target.table).await?;
    let row = session
        .query_one("SELECT pg_backend_pid(), pg_relation_size(to_regclass($1)) / 8192", &[&table])
        .await?;
    let (pid, pages): (i32, i64) = (row.get(0), row.get(1));
    let (nap, limit) = pace(u64::try_from(pages).unwrap_or_default(), target.hold);
    session.batch_execute(&format!("SET vacuum_cost_delay = {nap}; SET vacuum_cost_limit = {limit}")).await?;
    let statement = format!("VACUUM (DISABLE_PAGE_SKIPPING) {table}");
    #[expect(clippy::disallowed_methods, reason = "joined by RunningVacuum::hold")]
    let statement = tokio::spawn(async move { session.batch_execute(&statement).await });
    let has_lock = "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND granted \
        AND relation = to_regclass($2) AND mode = 'ShareUpdateExclusiveLock')";
    while !statement.is_finished() && !canceller.query_one(has_lock, &[&pid, &table]).await?.get::<_, bool>(0)
    {
        sleep(POLL).await;
    }
    Ok(RunningVacuum { statement, canceller, pid })
}

/// Nap in milliseconds and cost between naps, so that reading `pages` cached pages (cost 1 each) takes about `hold`.
fn pace(pages: u64, hold: Duration) -> (u64, u64) {
    let hold = u64::try_from(hold.as_millis()).unwrap_or(u64::MAX).max(1);
    let nap = (hold / pages.max(1)).clamp(1, LONGEST_NAP_MS);
    let naps = (hold / nap).max(1);
    (nap, (pages / naps).clamp(1, 10_000))
}

impl RunningVacuum {
    pub(super) async fn hold(mut self, term: Term, stop: CancellationToken) -> Result<Outcome, FaultError> {
        tokio::select! {
            ended = &mut self.statement => {
                ended??;
                return Ok(Outcome::Released);
            }
            // The naps are reckoned for `hold`; a table that is not cached costs more.
            () = sleep(term.hold.saturating_mul(2)) => {}
            () = stop.cancelled() => {}
        }
        self.canceller.execute("SELECT pg_cancel_backend($1)", &[&self.pid]).await?;
        // Cancelled or finished in the same moment: either way it has let go.
        self.statement.await?.ok();
        Ok(Outcome::Released)
    }
}

/// The table's name as the server writes it, safe to put into a statement.
async fn quoted(session: &Client, table: &str) -> Result<String, FaultError> {
    let row = session.query_one("SELECT to_regclass($1)::text", &[&table]).await?;
    row.get::<_, Option<String>>(0).ok_or_else(|| FaultError::NoTable(table.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vacuum_is_paced_to_last_about_as_long_as_asked() {
        for (pages, seconds) in [(200_u64, 5_u64), (8_000, 20), (500_000, 20)] {
            let (nap, limit) = pace(pages, Duration::from_secs(seconds));
            let lasts = pages / limit * nap;
            assert!((seconds * 500..seconds * 2_000).contains(&lasts), "{pages} pages take {lasts} ms");
        }
    }

    #[test]
    fn a_vacuum_of_few_pages_naps_as_long_as_it_may() {
        assert_eq!(pace(3, Duration::from_secs(20)), (LONGEST_NAP_MS, 1));
        assert_eq!(pace(0, Duration::from_secs(20)), (LONGEST_NAP_MS, 1));
    }
}
