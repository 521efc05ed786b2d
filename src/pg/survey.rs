//! Readings for the pre-flight, each with its evidence. What a role may not see is said to be hidden, never zero.

use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::types::Type;

use super::blocker;
use super::connect::SearchPath;
use super::error::PgError;
use super::holder::text;
use super::link::{Link, visible};
use super::session::Session;
use crate::domain::blocker::Blocker;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::{Oid, Pid};
use crate::domain::unit::{Bytes, Millis};
use crate::ports::{
    EntryRequest, Observed, Survey, SurveyArchiver, SurveyPath, SurveyReplication, SurveySetting, SurveySlot,
    SurveyStandby, Visible,
};
use crate::sql::{IndexShape, quote_qualified};

/// Settings that a rollout depends on, wherever they were set.
const NAMES: &[&str] = &[
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "transaction_timeout",
    "client_connection_check_interval",
    "deadlock_timeout",
    "tcp_user_timeout",
    "search_path",
    "role",
    "session_replication_role",
    "default_transaction_read_only",
    "default_transaction_isolation",
    "default_tablespace",
    "temp_tablespaces",
    "temp_file_limit",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
    "max_parallel_workers",
    "max_worker_processes",
    "max_connections",
    "superuser_reserved_connections",
    "reserved_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "shared_buffers",
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "synchronous_standby_names",
    "wal_level",
    "max_wal_size",
    "max_slot_wal_keep_size",
    "autovacuum_freeze_max_age",
    "server_encoding",
    "block_size",
    "cluster_name",
];

/// Longest search for duplicates: it holds a snapshot, and a build elsewhere would wait for it.
const DUPLICATES_LIMIT: Duration = Duration::from_secs(5);

/// The pre-flight's readings of one target.
#[derive(Clone)]
pub struct PgSurvey {
    link: Link,
}

impl PgSurvey {
    /// Nothing is sent yet.
    pub fn new(link: Link) -> Self {
        Self { link }
    }
}

#[async_trait]
impl Survey for PgSurvey {
    async fn settings(&self) -> Result<Observed<Vec<SurveySetting>>, Failure> {
        let started = self.link.now();
        // Inherited path, no guard: the session has to be as the role and the database make it.
        let session = self.link.open("survey", self.link.readers(), SearchPath::Inherited).await?;
        let sql = include_str!("queries/settings.sql");
        let mut settings = Vec::new();
        for row in session.rows("settings", sql, &[(&NAMES, Type::TEXT_ARRAY)]).await? {
            settings.push(SurveySetting {
                name: row.get("name")?,
                setting: text(&row, "setting")?.unwrap_or_default(),
                unit: row.get("unit")?,
                source: row.get("source")?,
            });
        }
        settings.retain(|setting| !setting.name.starts_with("cicerone."));
        Ok(self.link.observed(settings, "pg_settings", sql, started))
    }

    async fn archiver(&self) -> Result<Observed<SurveyArchiver>, Failure> {
        let started = self.link.now();
        let session = self.link.reader("survey").await?;
        let sql = include_str!("queries/archiver.sql");
        let row = session.one("archiver", sql, &[]).await?;
        let waiting = session.one("archive_waiting", include_str!("queries/archive_waiting.sql"), &[]).await;
        let waiting = waiting.and_then(|row| Ok(row.get::<i64>("waiting")?.cast_unsigned()));
        let archiver = SurveyArchiver {
            mode: row.get("mode")?,
            last_archived: row.get("last_archived")?,
            last_failed: row.get("last_failed")?,
            waiting: visible(waiting, "pg_monitor")?,
        };
        Ok(self.link.observed(archiver, "pg_stat_archiver", sql, started))
    }

    async fn replication(&self) -> Result<Observed<SurveyReplication>, Failure> {
        let started = self.link.now();
        let session = self.link.reader("survey").await?;
        let sql = include_str!("queries/standbys.sql");
        let standbys = standbys(&session, sql).await?;
        let mut slots = Vec::new();
        for row in session.rows("slots", include_str!("queries/slots.sql"), &[]).await? {
            slots.push(SurveySlot {
                name: text(&row, "name")?.unwrap_or_default(),
                active: row.get("active")?,
                retained: row.get::<Option<i64>>("retained")?.map(|bytes| Bytes(bytes.cast_unsigned())),
                wal_status: row.get("wal_status")?,
            });
        }
        let names = "SELECT current_setting('synchronous_standby_names') AS names";
        let synchronous_names =
            text(&session.one("synchronous_names", names, &[]).await?, "names")?.unwrap_or_default();
        let replication = SurveyReplication { standbys, slots, synchronous_names };
        Ok(self.link.observed(replication, "pg_stat_replication", sql, started))
    }

    async fn paths(&self) -> Result<Observed<Visible<Vec<SurveyPath>>>, Failure> {
        let started = self.link.now();
        let session = self.link.reader("survey").await?;
        let sql = include_str!("queries/paths.sql");
        let rows = session.rows("paths", sql, &[]).await;
        let paths = rows.and_then(|rows| {
            let path = |row| -> Result<SurveyPath, PgError> {
                let (what, path) =
                    (text(row, "what")?.unwrap_or_default(), text(row, "path")?.unwrap_or_default());
                Ok(SurveyPath { what, path })
            };
            rows.iter().map(path).collect()
        });
        Ok(self.link.observed(visible(paths, "pg_monitor")?, "pg_settings, pg_tablespace", sql, started))
    }

    async fn future_blockers(&self, tables: &[Oid]) -> Result<Observed<Vec<Blocker>>, Failure> {
        let started = self.link.now();
        let session = self.link.reader("survey").await?;
        let subjects: Vec<(Pid, Oid)> = tables.iter().map(|table| (Pid(0), *table)).collect();
        let blockers = blocker::read(&session, &subjects).await?.ahead_of_builds(tables);
        let sql = include_str!("queries/blockers_table.sql");
        Ok(self.link.observed(blockers, "pg_locks, pg_stat_activity, pg_prepared_xacts", sql, started))
    }

    async fn duplicates(&self, entry: &EntryRequest) -> Result<Observed<Option<bool>>, Failure> {
        let started = self.link.now();
        let session = self.link.reader("survey").await?;
        let sql = duplicates_query(&entry.shape, &quote_qualified(&entry.table.schema, &entry.table.name));
        let limit = format!("SET statement_timeout = {}", DUPLICATES_LIMIT.as_millis());
        session.execute("duplicates", &limit, DUPLICATES_LIMIT).await?;
        let found = match session.rows("duplicates", &sql, &[]).await {
            Ok(rows) => Some(!rows.is_empty()),
            // Not in time, or somebody has locked the table away: not known.
            Err(error)
                if matches!(error.class(), Some(FailureClass::Cancelled | FailureClass::LockTimeout)) =>
            {
                None
            }
            Err(error) => return Err(error.into()),
        };
        Ok(self.link.observed(found, "the table itself", &sql, started))
    }
}

async fn standbys(session: &Session, sql: &str) -> Result<Visible<Vec<SurveyStandby>>, PgError> {
    let mut standbys = Vec::new();
    for row in session.rows("standbys", sql, &[]).await? {
        standbys.push(SurveyStandby {
            name: text(&row, "name")?.unwrap_or_default(),
            state: row.get("state")?,
            sync_state: row.get("sync_state")?,
            lag_bytes: row
                .get::<Option<i64>>("lag_bytes")?
                .map(|bytes| Bytes(u64::try_from(bytes).unwrap_or(0))),
            lag: row.get::<Option<i64>>("lag_ms")?.map(|span| Millis(u64::try_from(span).unwrap_or(0))),
        });
    }
    // The rows themselves are visible to everybody, their state is not.
    if standbys.iter().any(|standby| standby.state.is_none()) {
        return Ok(Visible::NotPermitted("pg_monitor".to_owned()));
    }
    Ok(Visible::Seen(standbys))
}

/// One group of rows that the unique index would refuse, if there is any.
fn duplicates_query(shape: &IndexShape, table: &str) -> String {
    let keys: Vec<String> =
        shape.keys.iter().map(|key| with_collation(&key.text, key.collation.as_deref())).collect();
    let mut conditions: Vec<String> =
        shape.predicate.iter().map(|predicate| format!("({predicate})")).collect();
    if !shape.nulls_not_distinct {
        conditions.extend(keys.iter().map(|key| format!("({key}) IS NOT NULL")));
    }
    let filter =
        if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let columns: Vec<String> = (1..=keys.len()).map(|number| format!("k{number}")).collect();
    let named: Vec<String> =
        keys.iter().zip(&columns).map(|(key, column)| format!("{key} AS {column}")).collect();
    format!(
        "SELECT true AS found FROM (SELECT {} FROM {table}{filter}) AS keys GROUP BY {} HAVING count(*) > 1 LIMIT 1",
        named.join(", "),
        columns.join(", "),
    )
}

fn with_collation(key: &str, collation: Option<&str>) -> String {
    match collation {
        Some(collation) => format!("{key} COLLATE {collation}"),
        None => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse_create_index;

    #[test]
    fn duplicates_are_searched_as_the_index_would_see_them() {
        let sql =
            "CREATE UNIQUE INDEX CONCURRENTLY u ON t (tenant_id, lower(email)) WHERE deleted_at IS NULL";
        let shape = parse_create_index(sql).unwrap();
        assert_eq!(
            duplicates_query(&shape, "public.t"),
            "SELECT true AS found FROM (SELECT tenant_id AS k1, lower(email) AS k2 FROM public.t WHERE \
             (deleted_at IS NULL) AND (tenant_id) IS NOT NULL AND (lower(email)) IS NOT NULL) AS keys \
             GROUP BY k1, k2 HAVING count(*) > 1 LIMIT 1"
        );
    }
}
