//! Tables that entries name.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::types::Type;

use crate::domain::catalog::{BuildRight, ColumnStatistics, Persistence, RelationKind, TableFacts};
use crate::domain::id::{EntryKey, Oid, QualifiedName};
use crate::domain::unit::{Bytes, Rows};
use crate::pg::catalog::index;
use crate::pg::error::PgError;
use crate::pg::raw_text::RawText;
use crate::pg::session::{Row, Session};
use crate::ports::EntryRequest;

/// Tables by `schema.table`.
pub(super) struct Tables {
    pub(super) facts: BTreeMap<EntryKey, TableFacts>,
}

impl Tables {
    pub(super) fn oids(&self) -> Vec<Oid> {
        self.facts.values().map(|table| table.oid).collect()
    }
}

/// Reads every table that an entry names and that exists.
pub(super) async fn read(
    session: &Session,
    entries: &[EntryRequest],
    build_role: Option<&str>,
) -> Result<Tables, PgError> {
    let wanted: BTreeSet<&QualifiedName> = entries.iter().map(|entry| &entry.table).collect();
    let schemas: Vec<&str> = wanted.iter().map(|name| name.schema.as_str()).collect();
    let names: Vec<&str> = wanted.iter().map(|name| name.name.as_str()).collect();
    let role = match build_role {
        Some(role) => role.to_owned(),
        None => session.one("current_user", "SELECT current_user::text AS role", &[]).await?.get("role")?,
    };
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
        [(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY), (&role, Type::TEXT)];
    let rows = session.rows("tables", include_str!("../queries/tables.sql"), &parameters).await?;
    let mut tables: Vec<TableFacts> = rows.iter().map(facts).collect::<Result<_, _>>()?;
    let oids: Vec<Oid> = tables.iter().map(|table| table.oid).collect();
    let sizes = index::sizes(session, &oids).await?;
    let mut columns = columns(session, &oids).await?;
    for table in &mut tables {
        if let Some(size) = sizes.get(&table.oid) {
            table.size = *size;
        }
        table.columns = columns.remove(&table.oid).unwrap_or_default();
    }
    Ok(Tables { facts: tables.into_iter().map(|table| (table.name.key(), table)).collect() })
}

fn facts(row: &Row) -> Result<TableFacts, PgError> {
    let (tuples, pages) = (row.get::<f32>("tuples")?, row.get::<i32>("pages")?);
    // Never analysed: -1 from 14 on, 0 rows in 0 pages before.
    let known = tuples > 0.0 || (tuples >= 0.0 && pages > 0);
    let right = match (row.get("owns")?, row.get("may_create")?) {
        (true, true) => BuildRight::Granted,
        (false, _) => BuildRight::NotOwner,
        (true, false) => BuildRight::NoCreateOnSchema,
    };
    Ok(TableFacts {
        oid: Oid(row.get("oid")?),
        name: QualifiedName::new(row.get::<RawText>("schema")?.0, row.get::<RawText>("name")?.0),
        kind: kind(&row.get::<String>("kind")?),
        persistence: persistence(&row.get::<String>("persistence")?),
        rows: known.then_some(Rows(tuples as u64)),
        size: Bytes(row.get::<i64>("size")?.cast_unsigned()),
        owner: row.get::<RawText>("owner")?.0,
        right,
        frozen_age: u32::try_from(row.get::<i32>("frozen_age")?).unwrap_or(0),
        columns: BTreeMap::new(),
    })
}

async fn columns(
    session: &Session,
    tables: &[Oid],
) -> Result<BTreeMap<Oid, BTreeMap<String, ColumnStatistics>>, PgError> {
    let oids: Vec<u32> = tables.iter().map(|oid| oid.0).collect();
    let sql = include_str!("../queries/columns.sql");
    let mut found: BTreeMap<Oid, BTreeMap<String, ColumnStatistics>> = BTreeMap::new();
    for row in session.rows("columns", sql, &[(&oids, Type::OID_ARRAY)]).await? {
        let statistics = ColumnStatistics {
            width: row.get("width")?,
            null_fraction: row.get("null_fraction")?,
            distinct: row.get("n_distinct")?,
        };
        found
            .entry(Oid(row.get("table_oid")?))
            .or_default()
            .insert(row.get::<RawText>("name")?.0, statistics);
    }
    Ok(found)
}

/// `pg_class.relkind`.
pub(super) fn kind(letter: &str) -> RelationKind {
    match letter {
        "r" => RelationKind::Table,
        "p" => RelationKind::PartitionedTable,
        "m" => RelationKind::MaterializedView,
        "v" => RelationKind::View,
        "f" => RelationKind::ForeignTable,
        "i" | "I" => RelationKind::Index,
        "S" => RelationKind::Sequence,
        _ => RelationKind::Other,
    }
}

fn persistence(letter: &str) -> Persistence {
    match letter {
        "u" => Persistence::Unlogged,
        "t" => Persistence::Temporary,
        _ => Persistence::Permanent,
    }
}
