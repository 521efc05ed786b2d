//! Reads of the catalogs: identity, tables, indexes, builders, and what the server makes of an entry's statement.
//!
//! Nothing here asks for more than AccessShare, and for that at most half a second.

pub(super) mod builder;
mod definition;
pub(super) mod identity;
pub(super) mod index;
mod live;
mod reword;
mod table;

use async_trait::async_trait;
use std::collections::BTreeMap;

use super::connect::Access;
use super::error::PgError;
use super::link::Link;
use super::session::Session;
use crate::domain::catalog::{CatalogFacts, Expected, IndexFacts, ServerFigures};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::{EntryKey, Oid, QualifiedName, SqlState};
use crate::domain::target::{Target, TargetIdentity};
use crate::ports::{Catalog, EntryRequest, IndexReading};

/// The catalogs of one target, a fresh session for each call.
#[derive(Clone)]
pub struct PgCatalog {
    link: Link,
}

impl PgCatalog {
    /// Nothing is sent yet.
    pub fn new(link: Link) -> Self {
        Self { link }
    }

    async fn expected(
        &self,
        session: &Session,
        entries: &[EntryRequest],
        tables: &table::Tables,
        indexes: &[IndexFacts],
    ) -> Result<BTreeMap<EntryKey, Expected>, Failure> {
        if self.link.readers() == Access::ReadOnly {
            let failure = Failure {
                class: FailureClass::ReadOnly,
                sqlstate: Some(SqlState("25006".to_owned())),
                message: "definitions are made on temporary clones, and this session is read-only".to_owned(),
            };
            return Ok(entries.iter().map(|entry| (entry.key.clone(), Err(failure.clone()))).collect());
        }
        Ok(definition::expected(session, entries, tables, indexes).await?)
    }
}

#[async_trait]
impl Catalog for PgCatalog {
    async fn target(&self) -> Result<Target, Failure> {
        let session = self.link.reader("target").await?;
        identity::target(&session, &self.link).await
    }

    async fn facts(&self, entries: &[EntryRequest]) -> Result<CatalogFacts, Failure> {
        let session = self.link.reader("plan").await?;
        let at = self.link.now();
        let tables = table::read(&session, entries, self.link.build_role()).await?;
        let names = index::names(&session, entries).await?;
        let keys: Vec<_> = entries.iter().map(|entry| index_name(entry).key()).collect();
        let before = builder::read(&session, &keys).await?;
        let indexes = index::read(&session, &tables.oids(), &names.indexes).await?;
        let builders = builder::union(before, builder::read(&session, &keys).await?);
        let server = figures(&session).await?;
        let expected = self.expected(&session, entries, &tables, &indexes).await?;
        Ok(CatalogFacts {
            at,
            tables: tables.facts,
            indexes,
            taken_names: names.taken,
            expected,
            builders,
            server,
        })
    }

    async fn index_named(&self, name: &QualifiedName) -> Result<IndexReading, Failure> {
        let session = self.link.reader("verify").await?;
        let oid = index::oid_of(&session, name).await?;
        self.reading(&session, oid, Some(name)).await
    }

    async fn indexes_named(&self, names: &[QualifiedName]) -> Result<Vec<IndexReading>, Failure> {
        let session = self.link.reader("verify").await?;
        let identity = identity::read(&session).await?.identity;
        let oids = index::oids_of(&session, names).await?;
        let found = index::read(&session, &[], &oids).await?;
        let mut readings = Vec::with_capacity(names.len());
        for name in names {
            let usable = found.iter().find(|index| index.name == *name && index.flags.usable());
            readings.push(match usable {
                Some(index) => finished(identity.clone(), index.clone()),
                None => self.reading(&session, index::oid_of(&session, name).await?, Some(name)).await?,
            });
        }
        Ok(readings)
    }

    async fn index_with_oid(&self, oid: Oid) -> Result<IndexReading, Failure> {
        let session = self.link.reader("verify").await?;
        self.reading(&session, Some(oid), None).await
    }
}

/// A usable index is nobody's unfinished work, so nobody is asked who builds it.
fn finished(identity: TargetIdentity, index: IndexFacts) -> IndexReading {
    IndexReading { identity, index: Some(index), builders: Vec::new() }
}

impl PgCatalog {
    async fn found(&self, session: &Session, oid: Option<Oid>) -> Result<Option<IndexFacts>, PgError> {
        match oid {
            Some(oid) => Ok(index::read(session, &[], &[oid]).await?.into_iter().next()),
            None => Ok(None),
        }
    }

    async fn reading(
        &self,
        session: &Session,
        oid: Option<Oid>,
        name: Option<&QualifiedName>,
    ) -> Result<IndexReading, Failure> {
        let identity = identity::read(session).await?.identity;
        if let Some(index) = self.found(session, oid).await?.filter(|index| index.flags.usable()) {
            return Ok(finished(identity, index));
        }
        // Builders are no part of a snapshot: asked before and after, so that a build that begins or ends meanwhile is
        // not taken for a leftover.
        let known: Vec<_> = name.iter().map(|name| name.key()).collect();
        let before = builder::read(session, &known).await?;
        let found = self.found(session, oid).await?;
        let name = found.as_ref().map(|index| &index.name).or(name);
        let keys: Vec<_> = name.iter().map(|name| name.key()).collect();
        let table = found.as_ref().map(|index| index.table_oid);
        let builders = builder::union(before, builder::read(session, &keys).await?);
        // A build whose table cannot be seen could be on this one.
        let concerned = |builder: &crate::domain::catalog::Builder| match &builder.item_lock {
            Some(key) if keys.contains(key) => true,
            _ if builder.command == builder::ITEM_LOCK => false,
            _ => builder.table_oid.is_none() || table.is_none() || builder.table_oid == table,
        };
        Ok(IndexReading {
            identity,
            index: found,
            builders: builders.into_iter().filter(concerned).collect(),
        })
    }
}

/// An index lives in its table's schema.
pub(super) fn index_name(entry: &EntryRequest) -> QualifiedName {
    QualifiedName::new(entry.table.schema.clone(), entry.index.clone())
}

async fn figures(session: &Session) -> Result<ServerFigures, Failure> {
    let row = session.one("figures", include_str!("../queries/figures.sql"), &[]).await?;
    Ok(ServerFigures {
        maintenance_work_mem_kb: row.get::<i64>("work_mem_kb")?.cast_unsigned(),
        parallel_workers: row.get::<i32>("workers")?.cast_unsigned(),
        free_connections: row.get::<i32>("free_connections")?.cast_unsigned(),
    })
}
