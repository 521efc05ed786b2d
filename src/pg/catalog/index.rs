//! Indexes in the server's own words.

use std::collections::BTreeMap;

use tokio_postgres::types::Type;

use super::table;
use crate::domain::catalog::{
    ColumnDefinition, Definition, IndexFacts, IndexFlags, RelationKind, Tie, Uniqueness,
};
use crate::domain::failure::FailureClass;
use crate::domain::id::{EntryKey, Oid, QualifiedName};
use crate::domain::unit::Bytes;
use crate::pg::error::PgError;
use crate::pg::raw_text::RawText;
use crate::pg::session::{Row, Session};
use crate::ports::EntryRequest;

/// What bears the index names of entries.
pub(super) struct Names {
    pub(super) indexes: Vec<Oid>,
    pub(super) taken: BTreeMap<EntryKey, RelationKind>,
}

/// Looks the index names up in their tables' schemas.
pub(super) async fn names(session: &Session, entries: &[EntryRequest]) -> Result<Names, PgError> {
    let wanted: Vec<QualifiedName> = entries.iter().map(super::index_name).collect();
    let mut found = Names { indexes: Vec::new(), taken: BTreeMap::new() };
    for row in named(session, &wanted).await? {
        let kind = table::kind(&row.get::<String>("kind")?);
        if kind == RelationKind::Index {
            found.indexes.push(Oid(row.get("oid")?));
            continue;
        }
        let name = QualifiedName::new(row.get::<RawText>("schema")?.0, row.get::<RawText>("name")?.0);
        let bearers = entries.iter().filter(|entry| super::index_name(entry) == name);
        found.taken.extend(bearers.map(|entry| (entry.key.clone(), kind.clone())));
    }
    Ok(found)
}

/// OID of the index of that name; `None` when there is none or the name is another kind of relation's.
pub(in crate::pg) async fn oid_of(session: &Session, name: &QualifiedName) -> Result<Option<Oid>, PgError> {
    Ok(oids_of(session, std::slice::from_ref(name)).await?.into_iter().next())
}

/// OIDs of the indexes of those names that there are.
pub(super) async fn oids_of(session: &Session, names: &[QualifiedName]) -> Result<Vec<Oid>, PgError> {
    let mut oids = Vec::new();
    for row in named(session, names).await? {
        if table::kind(&row.get::<String>("kind")?) == RelationKind::Index {
            oids.push(Oid(row.get("oid")?));
        }
    }
    Ok(oids)
}

async fn named(session: &Session, wanted: &[QualifiedName]) -> Result<Vec<Row>, PgError> {
    let schemas: Vec<&str> = wanted.iter().map(|name| name.schema.as_str()).collect();
    let names: Vec<&str> = wanted.iter().map(|name| name.name.as_str()).collect();
    let sql = include_str!("../queries/names.sql");
    session.rows("names", sql, &[(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)]).await
}

/// Every index on `tables`, and every index in `oids`.
pub(in crate::pg) async fn read(
    session: &Session,
    tables: &[Oid],
    oids: &[Oid],
) -> Result<Vec<IndexFacts>, PgError> {
    let mut found: Vec<IndexFacts> =
        rows(session, tables, oids).await?.iter().map(facts).collect::<Result<_, _>>()?;
    let every: Vec<Oid> = found.iter().map(|index| index.oid).collect();
    let sizes = sizes(session, &every).await?;
    for index in &mut found {
        if let Some(size) = sizes.get(&index.oid) {
            index.size = *size;
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The indexes in `oids`, their sizes as the statistics have them: no lock is asked for.
pub(super) async fn listed(session: &Session, oids: &[Oid]) -> Result<Vec<IndexFacts>, PgError> {
    rows(session, &[], oids).await?.iter().map(facts).collect()
}

/// Definitions of the indexes on tables of one schema, by index name.
pub(super) async fn definitions(
    session: &Session,
    tables: &[Oid],
) -> Result<BTreeMap<String, Definition>, PgError> {
    let mut found = BTreeMap::new();
    for row in rows(session, tables, &[]).await? {
        found.insert(row.get::<RawText>("name")?.0, definition(&row)?);
    }
    Ok(found)
}

async fn rows(session: &Session, tables: &[Oid], oids: &[Oid]) -> Result<Vec<Row>, PgError> {
    let tables: Vec<u32> = tables.iter().map(|oid| oid.0).collect();
    let oids: Vec<u32> = oids.iter().map(|oid| oid.0).collect();
    let sql = include_str!("../queries/indexes.sql");
    let rows = session.rows("indexes", sql, &[(&tables, Type::OID_ARRAY), (&oids, Type::OID_ARRAY)]).await?;
    let mut there = Vec::with_capacity(rows.len());
    for row in rows {
        if is_there(&row)? {
            there.push(row);
        }
    }
    Ok(there)
}

/// `pg_get_indexdef` does not follow the query's snapshot: of an index that was dropped meanwhile it says nothing (12-18).
fn is_there(row: &Row) -> Result<bool, PgError> {
    let whole = row.get::<Option<RawText>>("display")?.is_some();
    Ok(whole && row.get::<Vec<Option<RawText>>>("texts")?.iter().all(Option::is_some))
}

/// True sizes. Empty when a lock could not be had in half a second: the caller then keeps what the statistics say.
pub(super) async fn sizes(session: &Session, oids: &[Oid]) -> Result<BTreeMap<Oid, Bytes>, PgError> {
    let list: Vec<u32> = oids.iter().map(|oid| oid.0).collect();
    let asked =
        session.rows("sizes", include_str!("../queries/sizes.sql"), &[(&list, Type::OID_ARRAY)]).await;
    let rows = match asked {
        Err(error) if error.class() == Some(FailureClass::LockTimeout) => return Ok(BTreeMap::new()),
        other => other?,
    };
    let mut sizes = BTreeMap::new();
    for row in rows {
        if let Some(size) = row.get::<Option<i64>>("size")? {
            sizes.insert(Oid(row.get("oid")?), Bytes(size.cast_unsigned()));
        }
    }
    Ok(sizes)
}

fn facts(row: &Row) -> Result<IndexFacts, PgError> {
    let flags = IndexFlags { valid: row.get("valid")?, ready: row.get("ready")?, live: row.get("live")? };
    Ok(IndexFacts {
        oid: Oid(row.get("oid")?),
        name: QualifiedName::new(row.get::<RawText>("schema")?.0, row.get::<RawText>("name")?.0),
        table_oid: Oid(row.get("table_oid")?),
        table: QualifiedName::new(row.get::<RawText>("table_schema")?.0, row.get::<RawText>("table_name")?.0),
        flags,
        definition: definition(row)?,
        display: row.get::<RawText>("display")?.0,
        size: Bytes(row.get::<i64>("size")?.cast_unsigned()),
        ties: ties(row)?,
    })
}

fn definition(row: &Row) -> Result<Definition, PgError> {
    let unique = match (row.get("is_unique")?, row.get("nulls_not_distinct")?) {
        (false, _) => Uniqueness::No,
        (true, false) => Uniqueness::Unique,
        (true, true) => Uniqueness::UniqueNullsNotDistinct,
    };
    let columns = texts(row, "texts")?
        .into_iter()
        .zip(texts(row, "opclasses")?)
        .zip(texts(row, "collations")?)
        .zip(row.get::<Vec<i16>>("options")?)
        .map(|(((text, opclass), collation), option)| ColumnDefinition { text, opclass, collation, option });
    Ok(Definition {
        method: row.get::<RawText>("method")?.0,
        unique,
        key_count: u16::try_from(row.get::<i32>("key_count")?).unwrap_or(0),
        columns: columns.collect(),
        predicate: row.get::<Option<RawText>>("predicate")?.map(|text| text.0),
        options: texts(row, "storage")?,
        tablespace: row.get::<Option<RawText>>("tablespace")?.map(|text| text.0),
    })
}

fn ties(row: &Row) -> Result<Vec<Tie>, PgError> {
    let mut ties: Vec<Tie> = Vec::new();
    ties.extend(texts(row, "constraints")?.into_iter().map(|name| Tie::Constraint { name }));
    ties.extend(texts(row, "foreign_keys")?.into_iter().map(|name| Tie::ForeignKeyTarget { name }));
    for (column, tie) in [
        ("replica_identity", Tie::ReplicaIdentity),
        ("clustered", Tie::Clustered),
        ("attached", Tie::PartitionChild),
    ] {
        if row.get(column)? {
            ties.push(tie);
        }
    }
    Ok(ties)
}

fn texts(row: &Row, column: &str) -> Result<Vec<String>, PgError> {
    Ok(row.get::<Vec<RawText>>(column)?.into_iter().map(|text| text.0).collect())
}
