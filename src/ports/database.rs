//! What the engine asks of PostgreSQL.

use async_trait::async_trait;

use crate::domain::blocker::Blocker;
use crate::domain::catalog::{CatalogFacts, IndexFacts, IndexReading};
use crate::domain::event::{PlanReading, Signalled};
use crate::domain::failure::Failure;
use crate::domain::id::{BackendId, EntryKey, Oid, QualifiedName};
use crate::domain::progress::ProgressRow;
use crate::domain::registry::IndexEntry;
use crate::domain::sample::ServerSample;
use crate::domain::survey::{
    Observed, SurveyArchiver, SurveyPath, SurveyReplication, SurveySetting, Visible,
};
use crate::domain::target::{RunSettings, Target, TargetIdentity};
use crate::domain::unit::Millis;
use crate::sql::IndexShape;

/// A registry entry as the catalog adapter needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryRequest {
    /// Which entry.
    pub key: EntryKey,
    /// Its table.
    pub table: QualifiedName,
    /// The name of its index. The index lives in the table's schema.
    pub index: String,
    /// What it indexes.
    pub shape: IndexShape,
}

impl From<&IndexEntry> for EntryRequest {
    fn from(entry: &IndexEntry) -> Self {
        Self {
            key: entry.key.clone(),
            table: entry.table.clone(),
            index: entry.name.0.clone(),
            shape: entry.shape.clone(),
        }
    }
}

/// Reads of the catalogs. Takes no lock that conflicts with a build: at most AccessShare on tables.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// Where we are, on a fresh connection.
    async fn target(&self) -> Result<Target, Failure>;

    /// Everything that a plan is made from. Definitions are made on empty temporary clones in one transaction that
    /// is always rolled back; when that is impossible (read-only session, no TEMP right) every `expected` holds
    /// the reason as [`Failure`], except that a statement which the server refuses holds *its* failure.
    async fn facts(&self, entries: &[EntryRequest]) -> Result<CatalogFacts, Failure>;

    /// One index by name, on a fresh connection.
    async fn index_named(&self, name: &QualifiedName) -> Result<IndexReading, Failure>;

    /// Several indexes by name, in that order, on one fresh connection.
    async fn indexes_named(&self, names: &[QualifiedName]) -> Result<Vec<IndexReading>, Failure>;

    /// One index by OID, on a fresh connection.
    async fn index_with_oid(&self, oid: Oid) -> Result<IndexReading, Failure>;
}

/// Reads for the pre-flight.
#[async_trait]
pub trait Survey: Send + Sync {
    /// Every setting that could hurt or that we rely on, as a new session of this role gets it, before any override.
    async fn settings(&self) -> Result<Observed<Vec<SurveySetting>>, Failure>;
    /// The archiver.
    async fn archiver(&self) -> Result<Observed<SurveyArchiver>, Failure>;
    /// Standbys and slots.
    async fn replication(&self) -> Result<Observed<SurveyReplication>, Failure>;
    /// Folders that builds write to; needs pg_monitor (data_directory).
    async fn paths(&self) -> Result<Observed<Visible<Vec<SurveyPath>>>, Failure>;
    /// Who would hold up builds on these tables, at which stage: all `Bites::Later`.
    async fn future_blockers(&self, tables: &[Oid]) -> Result<Observed<Vec<Blocker>>, Failure>;
    /// Rows of a unique entry that would collide, bounded in time: `Some(true)` when there are duplicates, absent
    /// when it could not be found out in time.
    async fn duplicates(&self, entry: &EntryRequest) -> Result<Observed<Option<bool>>, Failure>;
}

/// One build or drop that the observer looks after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchRequest {
    /// Which entry.
    pub entry: EntryKey,
    /// The backend.
    pub backend: BackendId,
    /// Its table.
    pub table_oid: Oid,
}

/// What one round of the observer read.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorRound {
    /// When it was read, by this machine's clock.
    pub at: jiff::Timestamp,
    /// Every row of the progress view in this database, ours and others'.
    pub progress: Vec<ProgressRow>,
    /// For each watched backend: everybody who holds it up now or later, deadlocks ahead included.
    pub blockers: Vec<(EntryKey, Vec<Blocker>)>,
    /// Watched backends that no longer exist.
    pub gone: Vec<BackendId>,
    /// Figures of the server.
    pub server: ServerSample,
}

/// The observer's connection. One per run; reconnects on the next call after an error.
#[async_trait]
pub trait Monitor: Send {
    /// One round, with its own deadline.
    async fn round(&mut self, watched: &[WatchRequest]) -> Result<MonitorRound, Failure>;

    /// The progress view alone, and when it was read: a look that is cheap enough to be taken often.
    async fn progress(&mut self) -> Result<(jiff::Timestamp, Vec<ProgressRow>), Failure>;

    /// Who would hold up DROP INDEX CONCURRENTLY on each of these tables: everybody with an open transaction that
    /// touched it, readers too (12-18).
    async fn drop_holders(&mut self, tables: &[Oid]) -> Result<Vec<(Oid, Vec<Blocker>)>, Failure>;
}

/// Signals to backends. Each is one statement whose predicate names pid and start.
#[async_trait]
pub trait Backends: Send + Sync {
    /// `pg_cancel_backend`.
    async fn cancel(&self, backend: BackendId) -> Result<Signalled, Failure>;
    /// `pg_terminate_backend`.
    async fn terminate(&self, backend: BackendId) -> Result<Signalled, Failure>;
    /// Whether that backend still exists.
    async fn exists(&self, backend: BackendId) -> Result<bool, Failure>;
}

/// What a build session is opened for.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildRequest {
    /// Which entry.
    pub entry: EntryKey,
    /// Its table.
    pub table: QualifiedName,
    /// The table that the plan was made for. Another one of that name is refused by the lock probe.
    pub table_oid: Oid,
    /// `application_name`, at most 63 ASCII bytes.
    pub application: String,
    /// Settings of the run: memory, workers, role.
    pub settings: RunSettings,
    /// The target that it must be.
    pub identity: TargetIdentity,
}

/// Outcome of a lock probe. The probe itself leaves nothing behind (measured: a failure at the first lock never does).
#[derive(Debug, Clone, PartialEq)]
pub enum LockProbe {
    /// The lock was had and given back.
    Free,
    /// Somebody builds on the table: it was not even asked for, since asking kills a build (40P01, 12-18).
    BuildInProgress(Vec<crate::domain::catalog::Builder>),
    /// It was not to be had in time.
    Busy(Vec<Blocker>),
}

/// Opens sessions that can change something. Not wired at all in a dry run.
#[async_trait]
pub trait Workshop: Send + Sync {
    /// A direct session, proven to lead to `request.identity`, with every setting of the recipe set and read back.
    async fn open(&self, request: &BuildRequest) -> Result<Box<dyn BuildSession>, Failure>;
}

/// One session for one build or drop.
///
/// Dropping it closes the connection, which does *not* stop a running statement: the backend goes on (12-18).
#[async_trait]
pub trait BuildSession: Send {
    /// The backend behind it.
    fn backend(&self) -> BackendId;
    /// Asks for the table's lock for at most `wait` and gives it back at once. Looks for builders first and asks
    /// for nothing when there is one. A free table is claimed against other runs of this program until the next
    /// statement is over: two that both found it free would deadlock.
    async fn probe_lock(&mut self, wait: Millis) -> Result<LockProbe, Failure>;
    /// `pg_try_advisory_lock` on the item's key. `Ok(None)`: ours now. `Ok(Some(holder))`: somebody else's.
    /// Never waits: a blocked advisory waiter and a build deadlock.
    async fn try_item_lock(&mut self) -> Result<Option<BackendId>, Failure>;
    /// Sends exactly one statement by the extended protocol and waits for its end, however long.
    async fn execute(&mut self, statement: &str) -> Result<(), Failure>;
    /// Whether another backend builds on the table.
    async fn others_build(&mut self) -> Result<bool, Failure>;
    /// OID of what bears the name, right after a statement.
    async fn oid_named(&mut self, name: &QualifiedName) -> Result<Option<Oid>, Failure>;
    /// The index by name as this session sees it, between statements.
    async fn index_named(&mut self, name: &QualifiedName) -> Result<Option<IndexFacts>, Failure>;
}

/// Asks the planner.
#[async_trait]
pub trait Explainer: Send + Sync {
    /// Generic plans of the queries (EXPLAIN GENERIC_PLAN from 16, forced generic plan of a prepared statement before),
    /// each in a transaction that is rolled back, none executed. One answer for each request, in that order.
    async fn explain(&self, requests: &[ExplainRequest]) -> Vec<Result<Vec<PlanReading>, Failure>>;
}

/// What the planner is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainRequest {
    /// The entry's index, which plans may use.
    pub index: QualifiedName,
    /// The entry's queries, each one statement.
    pub queries: Vec<String>,
}
