//! Sessions that can change something.

use std::sync::Arc;

use async_trait::async_trait;
use cicerone::domain::catalog::IndexFacts;
use cicerone::domain::event::Signalled;
use cicerone::domain::failure::Failure;
use cicerone::domain::id::{BackendId, EntryKey, Oid, QualifiedName};
use cicerone::domain::unit::Millis;
use cicerone::ports::{Backends, BuildRequest, BuildSession, LockProbe, Workshop};

use super::server::Server;

/// Where sessions are opened.
pub(crate) struct Door(pub(crate) Arc<Server>);

struct Session {
    server: Arc<Server>,
    pid: i32,
    entry: EntryKey,
    table: String,
}

#[async_trait]
impl Workshop for Door {
    async fn open(&self, request: &BuildRequest) -> Result<Box<dyn BuildSession>, Failure> {
        self.0.reachable()?;
        let changes = request.identity.changes(&self.0.model().identity);
        if !changes.is_empty() {
            return Err(Failure::refused(changes.join("; ")));
        }
        Ok(Box::new(Session {
            server: self.0.clone(),
            pid: self.0.connect(request.application.clone()),
            entry: request.entry.clone(),
            table: request.table.name.clone(),
        }))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.server.disconnect(self.pid);
    }
}

#[async_trait]
impl BuildSession for Session {
    fn backend(&self) -> BackendId {
        Server::backend_id(self.pid)
    }

    async fn probe_lock(&mut self, wait: Millis) -> Result<LockProbe, Failure> {
        let building = self.server.builders_on(&self.table, self.pid);
        if !building.is_empty() {
            return Ok(LockProbe::BuildInProgress(building));
        }
        if self.server.is_free(self.pid, &self.table) {
            return Ok(LockProbe::Free);
        }
        tokio::time::sleep(wait.into()).await;
        if self.server.is_free(self.pid, &self.table) {
            return Ok(LockProbe::Free);
        }
        Ok(LockProbe::Busy(self.server.blockers_of(self.pid, &self.table)))
    }

    async fn try_item_lock(&mut self) -> Result<Option<BackendId>, Failure> {
        Ok(self.server.try_lock(self.pid, &self.entry).map(Server::backend_id))
    }

    async fn execute(&mut self, statement: &str) -> Result<(), Failure> {
        self.server.execute(self.pid, statement).await
    }

    async fn others_build(&mut self) -> Result<bool, Failure> {
        Ok(!self.server.builders_on(&self.table, self.pid).is_empty())
    }

    async fn oid_named(&mut self, name: &QualifiedName) -> Result<Option<Oid>, Failure> {
        Ok(self.server.facts_of(&name.name).map(|facts| facts.oid))
    }

    async fn index_named(&mut self, name: &QualifiedName) -> Result<Option<IndexFacts>, Failure> {
        Ok(self.server.facts_of(&name.name))
    }
}

#[async_trait]
impl Backends for Server {
    async fn cancel(&self, backend: BackendId) -> Result<Signalled, Failure> {
        Ok(if Self::cancel(self, backend.pid.0) { Signalled::Sent } else { Signalled::Gone })
    }

    async fn terminate(&self, backend: BackendId) -> Result<Signalled, Failure> {
        self.disconnect(backend.pid.0);
        Ok(if Self::cancel(self, backend.pid.0) { Signalled::Sent } else { Signalled::Gone })
    }

    async fn exists(&self, backend: BackendId) -> Result<bool, Failure> {
        Ok(self.model().backends.contains_key(&backend.pid.0))
    }
}
