//! Everything that only reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cicerone::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use cicerone::domain::catalog::{
    BuildRight, Builder, CatalogFacts, IndexFacts, IndexFlags, IndexReading, Persistence, RelationKind,
    ServerFigures, TableFacts,
};
use cicerone::domain::check::Evidence;
use cicerone::domain::event::{PlanReading, PlannedQuery, UsesIndex};
use cicerone::domain::failure::Failure;
use cicerone::domain::id::{Oid, QualifiedName};
use cicerone::domain::progress::{Counter, Phase, ProgressRow, ProgressSeen};
use cicerone::domain::registry::Registry;
use cicerone::domain::sample::ServerSample;
use cicerone::domain::survey::{
    BackupEvidence, DiskSpace, Observed, SurveyArchiver, SurveyPath, SurveyReplication, SurveySetting,
    Visible,
};
use cicerone::domain::target::{Environment, Power, Target, Transport};
use cicerone::domain::unit::{Bytes, Millis, Rows};
use cicerone::ports::{
    Catalog, EntryRequest, ExplainRequest, Explainer, HostProbe, Monitor, MonitorRound, RegistrySource,
    Survey, WatchRequest,
};

use super::model::{HoldStage, definition};
use super::server::Server;

fn public(name: &str) -> QualifiedName {
    QualifiedName::new("public", name)
}

impl Server {
    pub(crate) fn facts_of(&self, name: &str) -> Option<IndexFacts> {
        let model = self.model();
        let index = model.index(name)?;
        Some(IndexFacts {
            oid: index.oid,
            name: public(&index.name),
            table_oid: model.tables[&index.table].oid,
            table: public(&index.table),
            flags: IndexFlags { valid: index.valid, ready: index.ready, live: index.live },
            definition: index.definition.clone(),
            display: format!("CREATE INDEX {} ON public.{} USING …", index.name, index.table),
            size: Bytes(8192),
            ties: index.ties.clone(),
        })
    }

    /// Builds that the progress view shows on a table.
    pub(crate) fn builders_on(&self, table: &str, own: i32) -> Vec<Builder> {
        self.builders().into_iter().filter(|(pid, on, _)| *pid != own && on == table).map(|it| it.2).collect()
    }

    fn builders(&self) -> Vec<(i32, String, Builder)> {
        let model = self.model();
        let shown = model.backends.iter().filter_map(|(pid, backend)| {
            let running = backend.running.as_ref().filter(|it| !it.drop && it.index.is_some());
            if running.is_none() && backend.lock.is_none() {
                return None;
            }
            let table = running.map_or_else(String::new, |it| it.table.clone());
            let builder = Builder {
                backend: Self::backend_id(*pid),
                application: backend.application.clone(),
                user: "owner".to_owned(),
                table_oid: running.and_then(|it| model.tables.get(&it.table)).map(|it| it.oid),
                index_oid: running.and_then(|it| it.index),
                command: if running.is_some() { "CREATE INDEX CONCURRENTLY" } else { "item lock" }.to_owned(),
                item_lock: backend.lock.clone(),
            };
            Some((*pid, table, builder))
        });
        shown.collect()
    }

    /// Who is in the way of a statement of `pid` on a table.
    pub(crate) fn blockers_of(&self, pid: i32, table: &str) -> Vec<Blocker> {
        let now = self.elapsed();
        let model = self.model();
        let phase = model.backends.get(&pid).and_then(|it| it.running.as_ref()).map(|it| it.phase);
        let session = |pid: i32, application: &str| Holder::Session {
            backend: Self::backend_id(pid),
            application: application.to_owned(),
            user: "app".to_owned(),
            client: None,
            state: None,
            query: None,
            backend_type: None,
        };
        let blocker = |stage, holder| Blocker {
            stage,
            bites: Bites::Now,
            holder,
            why: "scripted".to_owned(),
            since: None,
            table: None,
        };
        let mut found: Vec<Blocker> = model
            .holds
            .iter()
            .filter(|it| it.from <= now && now < it.until)
            .filter_map(|it| {
                let here = it.table == table;
                let stage = match (it.stage, phase) {
                    (HoldStage::Lock, None | Some(Phase::FirstLock)) if here => BlockStage::TableLock,
                    (HoldStage::Writer, Some(Phase::WritersBeforeBuild | Phase::WritersBeforeValidation))
                        if here =>
                    {
                        BlockStage::Writer
                    }
                    (HoldStage::Snapshot, Some(Phase::OldSnapshots)) => BlockStage::OldSnapshot,
                    (HoldStage::Reader, Some(Phase::Other)) if here => BlockStage::Reader,
                    _ => return None,
                };
                Some(blocker(stage, session(it.pid, "app")))
            })
            .collect();
        if matches!(phase, None | Some(Phase::FirstLock)) {
            let others = model.at_work_on(table, pid);
            found.extend(others.into_iter().map(|other| {
                blocker(BlockStage::TableLock, session(other, &model.backends[&other].application))
            }));
        }
        found
    }

    fn reading(&self, index: Option<IndexFacts>, name: &QualifiedName) -> IndexReading {
        let key = name.key();
        let builders = self
            .builders()
            .into_iter()
            .map(|it| it.2)
            .filter(|it| {
                it.item_lock.as_ref() == Some(&key)
                    || (it.command != "item lock"
                        && index.as_ref().is_none_or(|index| it.table_oid == Some(index.table_oid)))
            })
            .collect();
        IndexReading { identity: self.model().identity.clone(), index, builders }
    }

    fn evidence(&self) -> Evidence {
        Evidence { source: "script".to_owned(), query: None, at: self.time(), took: Millis(1) }
    }

    fn observed<T>(&self, value: T) -> Observed<T> {
        Observed { value, evidence: self.evidence() }
    }
}

#[async_trait]
impl Catalog for Server {
    async fn target(&self) -> Result<Target, Failure> {
        self.reachable()?;
        Ok(Target {
            identity: self.model().identity.clone(),
            address: "scripted".to_owned(),
            environment: Environment::Dev,
            version: "PostgreSQL 15.18".to_owned(),
            role: "owner".to_owned(),
            power: Power::Ordinary,
            transport: Transport::Socket,
        })
    }

    async fn facts(&self, entries: &[EntryRequest]) -> Result<CatalogFacts, Failure> {
        self.reachable()?;
        let names: Vec<String> = self.model().indexes.iter().map(|it| it.name.clone()).collect();
        let indexes = names.iter().filter_map(|name| self.facts_of(name)).collect();
        let builders = self.builders().into_iter().map(|it| it.2).collect();
        let tables = self.model().tables.values().map(|it| table(it.oid, &it.name)).collect::<Vec<_>>();
        Ok(CatalogFacts {
            at: self.time(),
            tables: tables.into_iter().map(|it| (it.name.key(), it)).collect(),
            indexes,
            taken_names: BTreeMap::new(),
            expected: entries.iter().map(|it| (it.key.clone(), Ok(definition(&it.shape)))).collect(),
            builders,
            server: ServerFigures {
                maintenance_work_mem_kb: 65_536,
                parallel_workers: 2,
                free_connections: 90,
            },
        })
    }

    async fn index_named(&self, name: &QualifiedName) -> Result<IndexReading, Failure> {
        self.reachable()?;
        Ok(self.reading(self.facts_of(&name.name), name))
    }

    async fn indexes_named(&self, names: &[QualifiedName]) -> Result<Vec<IndexReading>, Failure> {
        self.reachable()?;
        Ok(names.iter().map(|name| self.reading(self.facts_of(&name.name), name)).collect())
    }

    async fn index_with_oid(&self, oid: Oid) -> Result<IndexReading, Failure> {
        self.reachable()?;
        let name = self.model().indexes.iter().find(|it| it.oid == oid).map(|it| it.name.clone());
        let facts = name.as_ref().and_then(|name| self.facts_of(name));
        Ok(self.reading(facts, &public(name.as_deref().unwrap_or(""))))
    }
}

fn table(oid: Oid, name: &str) -> TableFacts {
    TableFacts {
        oid,
        name: public(name),
        kind: RelationKind::Table,
        persistence: Persistence::Permanent,
        rows: Some(Rows(1_000)),
        size: Bytes(1 << 20),
        owner: "owner".to_owned(),
        right: BuildRight::Granted,
        frozen_age: 1,
        columns: BTreeMap::new(),
    }
}

#[async_trait]
impl Survey for Server {
    async fn settings(&self) -> Result<Observed<Vec<SurveySetting>>, Failure> {
        Ok(self.observed(Vec::new()))
    }

    async fn archiver(&self) -> Result<Observed<SurveyArchiver>, Failure> {
        let waiting = Visible::Seen(0);
        Ok(self.observed(SurveyArchiver {
            mode: "off".to_owned(),
            last_archived: None,
            last_failed: None,
            waiting,
        }))
    }

    async fn replication(&self) -> Result<Observed<SurveyReplication>, Failure> {
        Ok(self.observed(SurveyReplication {
            standbys: Visible::Seen(Vec::new()),
            slots: Vec::new(),
            synchronous_names: String::new(),
        }))
    }

    async fn paths(&self) -> Result<Observed<Visible<Vec<SurveyPath>>>, Failure> {
        Ok(self
            .observed(Visible::Seen(vec![SurveyPath { what: "data".to_owned(), path: "/data".to_owned() }])))
    }

    async fn future_blockers(&self, _tables: &[Oid]) -> Result<Observed<Vec<Blocker>>, Failure> {
        Ok(self.observed(Vec::new()))
    }

    async fn duplicates(&self, _entry: &EntryRequest) -> Result<Observed<Option<bool>>, Failure> {
        Ok(self.observed(Some(false)))
    }
}

#[async_trait]
impl HostProbe for Server {
    async fn disk(&self, _paths: &[SurveyPath]) -> Result<Option<Observed<Vec<DiskSpace>>>, Failure> {
        let space = DiskSpace { what: "data".to_owned(), free: Bytes(1 << 40), total: None };
        Ok(Some(self.observed(vec![space])))
    }

    async fn backup(&self) -> Result<Option<Observed<BackupEvidence>>, Failure> {
        Ok(Some(self.observed(BackupEvidence {
            taken_at: self.time(),
            kind: "full".to_owned(),
            system_identifier: None,
            complaint: None,
        })))
    }
}

#[async_trait]
impl Explainer for Server {
    async fn explain(&self, requests: &[ExplainRequest]) -> Vec<Result<Vec<PlanReading>, Failure>> {
        let answer = |request: &ExplainRequest| {
            let valid = self.model().index(&request.index.name).is_some_and(|it| it.valid);
            let uses = if valid { UsesIndex::Yes } else { UsesIndex::No };
            let planned = PlannedQuery { uses, node: "Index Scan".to_owned(), cost: 8.29 };
            let readings = request
                .queries
                .iter()
                .map(|it| PlanReading { query: it.clone(), reading: Ok(planned.clone()) });
            Ok(readings.collect())
        };
        requests.iter().map(answer).collect()
    }
}

impl RegistrySource for Server {
    fn read(&self) -> Result<Registry, Failure> {
        Ok(self.model().registry.clone())
    }
}

/// The observer's connection.
pub(crate) struct Observer(pub(crate) Arc<Server>);

impl Observer {
    fn rows(&self) -> Vec<ProgressRow> {
        let model = self.0.model();
        let rows = model.backends.iter().filter_map(|(pid, backend)| {
            let running = backend.running.as_ref().filter(|it| !it.drop)?;
            let seen = ProgressSeen {
                table_oid: model.tables[&running.table].oid,
                index_oid: running.index?,
                phase: running.phase,
                lockers: Counter::default(),
                blocks: Counter::default(),
                tuples: Counter::default(),
                current_locker: None,
            };
            Some(ProgressRow {
                backend: Server::backend_id(*pid),
                application: backend.application.clone(),
                command: "CREATE INDEX CONCURRENTLY".to_owned(),
                seen: Some(seen),
            })
        });
        rows.collect()
    }
}

#[async_trait]
impl Monitor for Observer {
    async fn round(&mut self, watched: &[WatchRequest]) -> Result<MonitorRound, Failure> {
        self.0.reachable()?;
        let table_of = |oid: Oid| {
            self.0
                .model()
                .tables
                .values()
                .find(|it| it.oid == oid)
                .map(|it| it.name.clone())
                .unwrap_or_default()
        };
        let blockers = watched
            .iter()
            .map(|it| (it.entry.clone(), self.0.blockers_of(it.backend.pid.0, &table_of(it.table_oid))))
            .collect();
        let gone =
            watched.iter().map(|it| it.backend).filter(|it| !self.0.model().backends.contains_key(&it.pid.0));
        Ok(MonitorRound {
            at: self.0.time(),
            blockers,
            gone: gone.collect(),
            progress: self.rows(),
            server: ServerSample::default(),
        })
    }

    async fn progress(&mut self) -> Result<(jiff::Timestamp, Vec<ProgressRow>), Failure> {
        self.0.reachable()?;
        Ok((self.0.time(), self.rows()))
    }

    async fn drop_holders(&mut self, _tables: &[Oid]) -> Result<Vec<(Oid, Vec<Blocker>)>, Failure> {
        Ok(Vec::new())
    }
}
