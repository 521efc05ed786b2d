//! The sample database: schema and rows for exactly the tables of the shipped `registry.toml`.
//!
//! The rows are a hash of their number, so that the same [`SampleSize`] gives the same rows on every server version.
//! Tenants are skewed as in real installations: the largest of 400 owns about 11 % of the rows.

use futures_util::future::try_join_all;
use tokio::sync::Mutex;

use super::connect::{ConnectError, connect};
use crate::domain::unit::Rows;

/// Sessions that load at the same time. Tables do not refer to each other, so they load in any order; two sessions
/// took 0.55 of the time of one on two cores, and more only help where there are more cores.
const LOADERS: usize = 2;

/// How a table grows with [`SampleSize::pace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Growth {
    /// Grows with scale and pace: the tables whose builds an operator watches.
    Large,
    /// Grows with scale only.
    Small,
}

use Growth::{Large, Small};

/// Tables with their rows at scale 1, about 2.0 million in all, largest first so that the loaders end together.
const TABLES: [(&str, u64, Growth); 28] = [
    ("leads", 300_000, Large),
    ("lead_activities", 300_000, Large),
    ("messages", 240_000, Large),
    ("call_turn", 300_000, Large),
    ("call_log", 200_000, Large),
    ("outbound_call_jobs", 140_000, Large),
    ("whatsapp_broadcast_recipients", 140_000, Large),
    ("refresh_tokens", 60_000, Large),
    ("contract_sign_events", 70_000, Large),
    ("call_session", 40_000, Small),
    ("project_leads", 40_000, Small),
    ("lead_reminders", 30_000, Small),
    ("whatsapp_conversation_state", 25_000, Small),
    ("whatsapp_conversation", 25_000, Small),
    ("lead_attachments", 25_000, Small),
    ("contract_files", 20_000, Small),
    ("contract_sign_tokens", 15_000, Small),
    ("contract", 15_000, Small),
    ("threads", 15_000, Small),
    ("lead_merge_candidates", 8_000, Small),
    ("faqs", 4_000, Small),
    ("business_topics", 3_000, Small),
    ("prompt_revisions", 2_000, Small),
    ("outbound_call_runs", 1_500, Small),
    ("business_contact_channels", 900, Small),
    ("whatsapp_broadcasts", 800, Small),
    ("outbound_lead_lists", 600, Small),
    ("outbound_projects", 400, Small),
];

/// How many rows the sample database gets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleSize {
    /// Multiplies every table. 1.0 is about 2.0 million rows and 450 MB, loaded in about 5 s on two cores.
    pub scale: f64,
    /// Multiplies the nine large tables once more: the honest way to make builds slow enough to be watched.
    pub pace: f64,
}

impl Default for SampleSize {
    fn default() -> Self {
        Self { scale: 1.0, pace: 1.0 }
    }
}

impl SampleSize {
    /// A size with `scale` and no extra pace.
    pub fn of_scale(scale: f64) -> Self {
        Self { scale, ..Self::default() }
    }

    /// Rows of every table at this size; never 0, so that every table has something to index.
    pub fn rows(self) -> impl Iterator<Item = (&'static str, Rows)> {
        TABLES.iter().map(move |&(table, base, growth)| {
            let pace = match growth {
                Large => self.pace,
                Small => 1.0,
            };
            let rows = (base as f64 * self.scale.max(0.0) * pace.max(0.0)).round() as u64;
            (table, Rows(rows.max(1)))
        })
    }

    /// Rows of all tables together.
    pub fn total(self) -> Rows {
        Rows(self.rows().map(|(_, rows)| rows.0).sum())
    }
}

/// Names of the 28 tables, in the order in which they are loaded.
pub fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|&(table, _, _)| table)
}

/// Statements that make the tables and the indexes that exist before a rollout; one batch.
pub fn schema() -> &'static str {
    include_str!("schema.sql")
}

/// Statements that fill one table each, largest table first. [`preamble`] must have run in the same session.
pub fn data(size: SampleSize) -> Vec<TableData> {
    let rows: Vec<(&'static str, Rows)> = size.rows().collect();
    let mut statements: Vec<TableData> = include_str!("data.sql")
        .split("\n--\n")
        .skip(1)
        .filter_map(|template| {
            let &(table, count) =
                rows.iter().find(|(table, _)| template.starts_with(&format!("INSERT INTO {table}\n")))?;
            let sql = rows.iter().fold(template.trim_end().to_owned(), |sql, (name, count)| {
                sql.replace(&format!("{{{name}}}"), &count.0.to_string())
            });
            Some(TableData { table, rows: count, sql })
        })
        .collect();
    statements.sort_by_key(|data| TABLES.iter().position(|(table, _, _)| *table == data.table));
    statements
}

/// Functions in `pg_temp` that the statements of [`data`] use; one batch for each session.
pub fn preamble() -> &'static str {
    include_str!("data.sql").split("\n--\n").next().unwrap_or_default()
}

/// The statement that fills one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableData {
    /// The table, unqualified.
    pub table: &'static str,
    /// Rows that it will have.
    pub rows: Rows,
    /// One INSERT.
    pub sql: String,
}

/// Why the sample database could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No session to the throwaway server.
    #[error("the throwaway server cannot be reached")]
    Connect(#[from] ConnectError),
    /// The schema was refused; with a schema of the user's own this is theirs to mend.
    #[error("the schema cannot be loaded")]
    Schema(#[source] tokio_postgres::Error),
    /// A table could not be filled.
    #[error("table {table} cannot be filled")]
    Rows {
        /// The table.
        table: &'static str,
        /// What the server said.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The statistics could not be made.
    #[error("the loaded tables cannot be analyzed")]
    Analyze(#[source] tokio_postgres::Error),
}

/// Makes tables and rows in the database that `conninfo` leads to, then VACUUM (ANALYZE): what autovacuum would have
/// done to tables of that age, so that it does not start in the middle of the first builds.
///
/// `loaded` is called after each table with its name and rows.
pub async fn load_sample(
    conninfo: &str,
    size: SampleSize,
    loaded: impl Fn(&'static str, Rows),
) -> Result<(), LoadError> {
    load_schema(conninfo, schema()).await?;
    let mut pending = data(size);
    pending.reverse();
    let pending = Mutex::new(pending);
    try_join_all((0..LOADERS).map(|_| load_tables(conninfo, &pending, &loaded))).await?;
    analyze(conninfo).await
}

/// Sends a schema, the sample's or the user's own, as one batch.
pub async fn load_schema(conninfo: &str, sql: &str) -> Result<(), LoadError> {
    let session = connect(conninfo, "rehearsal-load").await?;
    session.batch_execute(sql).await.map_err(LoadError::Schema)
}

async fn load_tables(
    conninfo: &str,
    pending: &Mutex<Vec<TableData>>,
    loaded: &impl Fn(&'static str, Rows),
) -> Result<(), LoadError> {
    let session = connect(conninfo, "rehearsal-load").await?;
    session.batch_execute(preamble()).await.map_err(LoadError::Schema)?;
    loop {
        let Some(next) = pending.lock().await.pop() else { return Ok(()) };
        session
            .batch_execute(&next.sql)
            .await
            .map_err(|source| LoadError::Rows { table: next.table, source })?;
        loaded(next.table, next.rows);
    }
}

/// VACUUM (ANALYZE) of the whole database.
pub async fn analyze(conninfo: &str) -> Result<(), LoadError> {
    let session = connect(conninfo, "rehearsal-load").await?;
    session.batch_execute("VACUUM (ANALYZE)").await.map_err(LoadError::Analyze)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_a_statement_without_open_placeholders() {
        let statements = data(SampleSize::default());
        assert_eq!(statements.len(), TABLES.len());
        for (data, table) in statements.iter().zip(tables()) {
            assert_eq!(data.table, table);
            assert!(!data.sql.contains(['{', ';']), "{}", data.sql);
            assert!(data.sql.contains(&format!("{}) AS i", data.rows.0)), "{}", data.sql);
        }
    }

    #[test]
    fn pace_multiplies_the_large_tables_only() {
        let paced: Vec<_> = SampleSize { scale: 0.1, pace: 5.0 }.rows().collect();
        assert!(paced.contains(&("leads", Rows(150_000))));
        assert!(paced.contains(&("faqs", Rows(400))));
    }

    #[test]
    fn a_tiny_scale_leaves_no_table_empty() {
        assert!(SampleSize::of_scale(0.0).rows().all(|(_, rows)| rows == Rows(1)));
    }

    #[test]
    fn scale_one_is_two_million_rows() {
        let total = SampleSize::default().total().0;
        assert!((1_900_000..2_200_000).contains(&total), "{total}");
    }

    #[test]
    fn the_schema_makes_exactly_these_tables() {
        let made: Vec<&str> = schema()
            .lines()
            .filter_map(|line| line.strip_prefix("CREATE TABLE ")?.strip_suffix(" ("))
            .collect();
        assert_eq!(made.len(), TABLES.len());
        assert!(tables().all(|table| made.contains(&table)));
    }
}
