//! The only sessions that change something.
//!
//! Each is proven direct and on the planned target, acts as the build role, and has every setting that could cut a build
//! set by us and read back. `lock_timeout` and `statement_timeout` are 0: both would also cut the last wait of a finished
//! build and leave an invalid index (12-18). `client_connection_check_interval` is 0, so that a build outlives its client.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::types::Type;

use super::blocker;
use super::catalog::builder::{self, LOCK_CLASS, TABLE_LOCK, TABLE_LOCK_CLASS, item_key};
use super::catalog::{identity, index};
use super::connect::{Access, SearchPath};
use super::error::PgError;
use super::link::Link;
use super::raw_text::RawText;
use super::session::{Parameter, Session};
use crate::domain::catalog::{Builder, IndexFacts};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::{BackendId, EntryKey, Oid, Pid, QualifiedName};
use crate::domain::target::RunSettings;
use crate::domain::unit::Millis;
use crate::ports::{BuildRequest, BuildSession, LockProbe, Workshop};
use crate::sql::quote_qualified;

/// Opens build sessions.
#[derive(Clone)]
pub struct PgWorkshop {
    link: Link,
}

impl PgWorkshop {
    /// Nothing is sent yet.
    pub fn new(link: Link) -> Self {
        Self { link }
    }
}

#[async_trait]
impl Workshop for PgWorkshop {
    async fn open(&self, request: &BuildRequest) -> Result<Box<dyn BuildSession>, Failure> {
        let session = self.link.open_as(&request.application, Access::ReadWrite, SearchPath::Ours).await?;
        let found = identity::read(&session).await?.identity;
        let changes = request.identity.changes(&found);
        if !changes.is_empty() {
            return Err(Failure::refused(format!("this is not the planned target: {}", changes.join("; "))));
        }
        if let Some(role) = &request.settings.build_role {
            become_role(&session, role).await?;
        }
        apply(&session, &settings(&request.settings)).await?;
        Ok(Box::new(PgBuildSession {
            session,
            entry: request.entry.clone(),
            table: request.table.clone(),
            table_oid: request.table_oid,
            claim: None,
        }))
    }
}

async fn become_role(session: &Session, role: &str) -> Result<(), Failure> {
    set(session, "role", role).await?;
    let row = session.one("current_user", "SELECT current_user::text AS role", &[]).await?;
    let found: String = row.get("role")?;
    if found == role {
        return Ok(());
    }
    Err(Failure::refused(format!("the session acts as \"{found}\", not as \"{role}\"")))
}

/// Settings of a build session, in the server's base units. Those that a version does not have are left out there.
fn settings(run: &RunSettings) -> BTreeMap<&'static str, String> {
    let mut settings: BTreeMap<&'static str, String> = [
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("idle_session_timeout", "0"),
        ("transaction_timeout", "0"),
        ("client_connection_check_interval", "0"),
        ("default_transaction_read_only", "off"),
        ("default_transaction_isolation", "read committed"),
        ("default_tablespace", ""),
        ("search_path", "pg_catalog, pg_temp"),
    ]
    .into_iter()
    .map(|(name, value)| (name, value.to_owned()))
    .collect();
    if let Some(memory) = run.maintenance_work_mem_kb {
        settings.insert("maintenance_work_mem", memory.to_string());
    }
    if let Some(workers) = run.parallel_workers.or((run.jobs > 1).then_some(0)) {
        settings.insert("max_parallel_maintenance_workers", workers.to_string());
    }
    settings
}

/// Sets what this version has, and reads all of it back by another statement.
async fn apply(session: &Session, wanted: &BTreeMap<&'static str, String>) -> Result<(), Failure> {
    let names: Vec<&str> = wanted.keys().copied().collect();
    let values: Vec<&str> = wanted.values().map(String::as_str).collect();
    let parameters: [Parameter<'_>; 2] = [(&names, Type::TEXT_ARRAY), (&values, Type::TEXT_ARRAY)];
    session.rows("set_configs", include_str!("queries/set_configs.sql"), &parameters).await?;
    for (name, found) in read_back(session, wanted).await? {
        if let Some(value) = wanted.get(name.as_str()).filter(|value| **value != found) {
            return Err(Failure::refused(format!(
                "{name} is \"{found}\" although it was set to \"{value}\""
            )));
        }
    }
    Ok(())
}

async fn read_back(
    session: &Session,
    wanted: &BTreeMap<&'static str, String>,
) -> Result<BTreeMap<String, String>, PgError> {
    let names: Vec<&str> = wanted.keys().copied().collect();
    let sql = include_str!("queries/read_config.sql");
    let rows = session.rows("read_config", sql, &[(&names, Type::TEXT_ARRAY)]).await?;
    rows.iter().map(|row| Ok((row.get("name")?, row.get("setting")?))).collect()
}

async fn set(session: &Session, name: &str, value: &str) -> Result<(), PgError> {
    let parameters: [Parameter<'_>; 2] = [(&name, Type::TEXT), (&value, Type::TEXT)];
    session.one("set_config", include_str!("queries/set_config.sql"), &parameters).await.map(drop)
}

/// One proven session for one build or drop.
struct PgBuildSession {
    session: Session,
    entry: EntryKey,
    table: QualifiedName,
    table_oid: Oid,
    /// The table's advisory lock, once it is ours.
    claim: Option<AdvisoryKey>,
}

/// Longest time that the statements round a probe may take beyond the probe's own wait.
const SLACK: Duration = Duration::from_secs(10);

#[async_trait]
impl BuildSession for PgBuildSession {
    fn backend(&self) -> BackendId {
        self.session.backend()
    }

    async fn probe_lock(&mut self, wait: Millis) -> Result<LockProbe, Failure> {
        let Some(table) = self.relation(&self.table).await? else {
            return Err(Failure {
                class: FailureClass::Missing,
                sqlstate: None,
                message: format!("table {}.{} does not exist", self.table.schema, self.table.name),
            });
        };
        if table != self.table_oid {
            return Err(Failure::refused(format!(
                "{}.{} is another table now: its OID was {}, is {table}",
                self.table.schema, self.table.name, self.table_oid
            )));
        }
        let builders = self.builders_on(table).await?;
        if !builders.is_empty() {
            return Ok(LockProbe::BuildInProgress(builders));
        }
        let claim = AdvisoryKey { class: TABLE_LOCK_CLASS, object: table.0.cast_signed() };
        if let Some(holder) = self.try_lock(claim).await? {
            return Ok(LockProbe::BuildInProgress(vec![holder.on_table(table)]));
        }
        let probe = self.probe(table, wait).await;
        if matches!(probe, Ok(LockProbe::Free)) {
            self.claim = Some(claim);
        } else if let Err(error) = self.unlock(claim).await
            && probe.is_ok()
        {
            return Err(error.into());
        }
        probe
    }

    async fn try_item_lock(&mut self) -> Result<Option<BackendId>, Failure> {
        let key = AdvisoryKey { class: LOCK_CLASS, object: item_key(&self.entry) };
        Ok(self.try_lock(key).await?.map(|holder| holder.backend))
    }

    async fn execute(&mut self, statement: &str) -> Result<(), Failure> {
        if !is_concurrent(statement) {
            return Err(Failure::refused(
                "only CREATE INDEX CONCURRENTLY and DROP INDEX CONCURRENTLY are ever sent",
            ));
        }
        let done = self.session.execute_unbounded("ddl", statement).await;
        let survives = done.as_ref().err().is_none_or(PgError::session_survives);
        if let Some(claim) = self.claim.take().filter(|_| survives) {
            // The next one on the table need not wait until this backend has gone. A failure means that it has.
            self.unlock(claim).await.ok();
        }
        Ok(done?)
    }

    async fn others_build(&mut self) -> Result<bool, Failure> {
        Ok(!self.builders_on(self.table_oid).await?.is_empty())
    }

    async fn oid_named(&mut self, name: &QualifiedName) -> Result<Option<Oid>, Failure> {
        Ok(self.relation(name).await?)
    }

    async fn index_named(&mut self, name: &QualifiedName) -> Result<Option<IndexFacts>, Failure> {
        match index::oid_of(&self.session, name).await? {
            Some(oid) => Ok(index::read(&self.session, &[], &[oid]).await?.into_iter().next()),
            None => Ok(None),
        }
    }
}

/// The two keys of an advisory lock.
#[derive(Clone, Copy)]
struct AdvisoryKey {
    class: i32,
    object: i32,
}

/// Who holds an advisory lock.
struct LockHolder {
    backend: BackendId,
    application: String,
    user: String,
}

impl LockHolder {
    fn on_table(self, table: Oid) -> Builder {
        Builder {
            backend: self.backend,
            application: self.application,
            user: self.user,
            table_oid: Some(table),
            index_oid: None,
            command: TABLE_LOCK.to_owned(),
            item_lock: None,
        }
    }
}

impl PgBuildSession {
    /// Everybody else who builds on a table.
    async fn builders_on(&self, table: Oid) -> Result<Vec<Builder>, Failure> {
        let own = self.session.backend().pid;
        let mut builders = builder::read(&self.session, std::slice::from_ref(&self.entry)).await?;
        builders.retain(|one| one.backend.pid != own && one.table_oid == Some(table));
        Ok(builders)
    }

    /// Takes an advisory lock for as long as the session lives, or says who has it.
    async fn try_lock(&self, key: AdvisoryKey) -> Result<Option<LockHolder>, Failure> {
        let taken: [Parameter<'_>; 2] = [(&key.class, Type::INT4), (&key.object, Type::INT4)];
        let (class, object) = (i64::from(key.class), i64::from(key.object.cast_unsigned()));
        let holder: [Parameter<'_>; 2] = [(&class, Type::INT8), (&object, Type::INT8)];
        // The holder may let go between the two questions: then ask again.
        for _ in 0..3 {
            let sql = include_str!("queries/try_lock.sql");
            if self.session.one("try_lock", sql, &taken).await?.get("taken")? {
                return Ok(None);
            }
            let sql = include_str!("queries/lock_holder.sql");
            if let Some(row) = self.session.rows("lock_holder", sql, &holder).await?.first() {
                return Ok(Some(LockHolder {
                    backend: builder::backend(row)?,
                    application: row.get::<RawText>("application")?.0,
                    user: row.get::<RawText>("usr")?.0,
                }));
            }
        }
        Err(Failure::refused("an advisory lock changes hands faster than it can be read"))
    }

    async fn unlock(&self, key: AdvisoryKey) -> Result<(), PgError> {
        let keys: [Parameter<'_>; 2] = [(&key.class, Type::INT4), (&key.object, Type::INT4)];
        self.session.one("unlock", include_str!("queries/unlock.sql"), &keys).await.map(drop)
    }

    async fn probe(&self, table: Oid, wait: Millis) -> Result<LockProbe, Failure> {
        match self.lock_and_give_back(wait).await {
            Ok(()) => Ok(LockProbe::Free),
            Err(error) if error.class() == Some(FailureClass::LockTimeout) => {
                let holders = blocker::read(&self.session, &[(Pid(0), table)]).await?;
                Ok(LockProbe::Busy(holders.of_first_lock(table)))
            }
            // LOCK TABLE takes no materialized views (42809, 12-18): there it is only looked who has a lock.
            Err(error) if error.class() == Some(FailureClass::Invalid) => {
                let holders = blocker::read(&self.session, &[(Pid(0), table)]).await?.of_first_lock(table);
                Ok(if holders.is_empty() { LockProbe::Free } else { LockProbe::Busy(holders) })
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn relation(&self, name: &QualifiedName) -> Result<Option<Oid>, PgError> {
        let name = quote_qualified(&name.schema, &name.name);
        let sql = "SELECT to_regclass($1)::oid AS oid";
        let row = self.session.one("relation", sql, &[(&name, Type::TEXT)]).await?;
        Ok(row.get::<Option<u32>>("oid")?.map(Oid))
    }

    /// LOCK takes no snapshot while it waits, so even a build that begins meanwhile does not have to wait for it.
    async fn lock_and_give_back(&self, wait: Millis) -> Result<(), PgError> {
        let deadline = Duration::from(wait) + SLACK;
        let lock = format!(
            "LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE",
            quote_qualified(&self.table.schema, &self.table.name)
        );
        self.session.execute("probe", "BEGIN", deadline).await?;
        let limited = self
            .session
            .execute("probe", &format!("SET LOCAL lock_timeout = {}", wait.0.max(1)), deadline)
            .await;
        let locked = match limited {
            Ok(()) => self.session.execute("probe", &lock, deadline).await,
            Err(error) => Err(error),
        };
        self.session.execute("probe", "ROLLBACK", deadline).await?;
        locked
    }
}

/// A last wall behind the renderer: whatever precedes, the statement itself is one of the two concurrent forms.
fn is_concurrent(statement: &str) -> bool {
    let mut rest = statement.trim_start();
    while let Some(comment) = rest.strip_prefix("/*") {
        let Some((_, after)) = comment.split_once("*/") else { return false };
        rest = after.trim_start();
    }
    ["CREATE INDEX CONCURRENTLY ", "CREATE UNIQUE INDEX CONCURRENTLY ", "DROP INDEX CONCURRENTLY "]
        .iter()
        .filter_map(|form| rest.strip_prefix(form))
        .any(|name| !name.trim_start().starts_with("IF "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_concurrent_forms_pass_the_last_wall() {
        for good in [
            "/* cicerone run=1 */ CREATE INDEX CONCURRENTLY a ON public.t USING btree (x)",
            "CREATE UNIQUE INDEX CONCURRENTLY a ON public.t USING btree (x)",
            "DROP INDEX CONCURRENTLY public.a",
            "CREATE INDEX CONCURRENTLY a ON public.t USING btree (x) WHERE (y = 'IF NOT EXISTS')",
        ] {
            assert!(is_concurrent(good), "{good}");
        }
        for bad in [
            "CREATE INDEX a ON public.t (x)",
            "DROP INDEX public.a",
            "/* DROP INDEX CONCURRENTLY */ DROP TABLE t",
            "/* open CREATE INDEX CONCURRENTLY a",
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON public.t (x)",
            "DROP INDEX CONCURRENTLY IF EXISTS public.a",
            "REINDEX INDEX CONCURRENTLY a",
            "",
        ] {
            assert!(!is_concurrent(bad), "{bad}");
        }
    }

    #[test]
    fn every_timeout_that_could_cut_a_build_is_off() {
        let settings = settings(&RunSettings::default());
        let timeouts: Vec<_> = settings.iter().filter(|(name, _)| name.contains("timeout")).collect();
        assert_eq!(timeouts.len(), 5);
        assert!(timeouts.iter().all(|(_, value)| *value == "0"));
        assert_eq!(settings.get("client_connection_check_interval").map(String::as_str), Some("0"));
    }

    #[test]
    fn several_jobs_share_the_cores_without_parallel_workers() {
        let run = |jobs, parallel_workers| RunSettings { jobs, parallel_workers, ..RunSettings::default() };
        let workers = |run: &RunSettings| settings(run).get("max_parallel_maintenance_workers").cloned();
        assert_eq!(workers(&run(1, None)), None);
        assert_eq!(workers(&run(4, None)).as_deref(), Some("0"));
        assert_eq!(workers(&run(4, Some(1))).as_deref(), Some("1"));
    }
}
