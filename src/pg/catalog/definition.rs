//! What the server makes of an entry's statement, tried on an empty temporary clone of its table.
//!
//! "Same definition" is decided by the server's own words: text of ours and text of `pg_get_indexdef` never have to agree.
//! One transaction, a savepoint for each table, always rolled back; rolling a savepoint back also gives up the AccessShare
//! lock on the original, so no table is held longer than its own turn (about 1 ms for each definition).

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio_postgres::types::Type;

use super::index;
use super::table::Tables;
use crate::domain::catalog::{Definition, Expected, RelationKind};
use crate::domain::failure::Failure;
use crate::domain::id::{EntryKey, Oid};
use crate::pg::error::PgError;
use crate::pg::session::Session;
use crate::ports::EntryRequest;
use crate::sql::{quote_ident, quote_qualified};

const DEADLINE: Duration = Duration::from_secs(10);

/// The definition of each entry whose table can have one; entries without a usable table are left out.
pub(super) async fn expected(
    session: &Session,
    entries: &[EntryRequest],
    tables: &Tables,
) -> Result<BTreeMap<EntryKey, Expected>, PgError> {
    let mut by_table: BTreeMap<EntryKey, Vec<&EntryRequest>> = BTreeMap::new();
    for entry in entries {
        by_table.entry(entry.table.key()).or_default().push(entry);
    }
    let mut found = BTreeMap::new();
    // A role may have default_transaction_read_only; on a standby this is where it ends.
    match run(session, "BEGIN READ WRITE").await {
        Ok(()) => {}
        Err(PgError::Server(error)) => {
            let failure = Failure::from(*error);
            return Ok(entries.iter().map(|entry| (entry.key.clone(), Err(failure.clone()))).collect());
        }
        Err(other) => return Err(other),
    }
    for (table, entries) in by_table {
        let usable = tables.facts.get(&table).is_some_and(|facts| {
            matches!(
                facts.kind,
                RelationKind::Table | RelationKind::MaterializedView | RelationKind::PartitionedTable
            )
        });
        if usable {
            found.extend(of_table(session, &entries).await?);
        }
    }
    run(session, "ROLLBACK").await?;
    Ok(found)
}

/// All entries of a table at once; if any is refused, one by one, so that each gets its own answer.
async fn of_table(
    session: &Session,
    entries: &[&EntryRequest],
) -> Result<Vec<(EntryKey, Expected)>, PgError> {
    let together = attempt(session, entries).await?;
    if let [only] = entries {
        return Ok(vec![(only.key.clone(), alone(together, only))]);
    }
    match together {
        Ok(mut definitions) if entries.iter().all(|entry| definitions.contains_key(&clone_index(entry))) => {
            Ok(entries
                .iter()
                .filter_map(|entry| Some((entry.key.clone(), Ok(definitions.remove(&clone_index(entry))?))))
                .collect())
        }
        _ => {
            let mut each = Vec::new();
            for entry in entries {
                let result = attempt(session, std::slice::from_ref(entry)).await?;
                each.push((entry.key.clone(), alone(result, entry)));
            }
            Ok(each)
        }
    }
}

fn alone(result: Result<BTreeMap<String, Definition>, Failure>, entry: &EntryRequest) -> Expected {
    let missing = || Failure::refused("the server made no index of the statement");
    result.and_then(|mut definitions| definitions.remove(&clone_index(entry)).ok_or_else(missing))
}

/// The clone has its own schema, so the index can bear the name that it will have.
fn clone_index(entry: &EntryRequest) -> String {
    entry.index.clone()
}

/// Definitions of `entries`, all of one table, or the first refusal. Leaves the transaction as it found it.
async fn attempt(
    session: &Session,
    entries: &[&EntryRequest],
) -> Result<Result<BTreeMap<String, Definition>, Failure>, PgError> {
    let Some(first) = entries.first() else { return Ok(Ok(BTreeMap::new())) };
    let name = &first.table.name;
    let clone = format!(
        "CREATE TEMPORARY TABLE pg_temp.{} (LIKE {} INCLUDING GENERATED) ON COMMIT DROP",
        quote_ident(name),
        quote_qualified(&first.table.schema, name),
    );
    let mut statements = vec![
        "SAVEPOINT cicerone_clone".to_owned(),
        // A temporary table would follow temp_tablespaces, a real one does not.
        "SET LOCAL temp_tablespaces = ''".to_owned(),
        "SET LOCAL default_tablespace = ''".to_owned(),
        clone,
    ];
    statements.extend(entries.iter().map(|entry| entry.shape.render_on_clone(&clone_index(entry), name)));
    // Polled together, the statements go out in one piece and are answered in order: one round trip.
    let answers = join_all(statements.iter().map(|statement| run(session, statement))).await;
    let mut refusal = None;
    for answer in answers {
        match answer {
            Ok(()) => {}
            // What follows the first refusal is only "current transaction is aborted".
            Err(PgError::Server(error)) => refusal = refusal.or(Some(Failure::from(*error))),
            Err(other) => return Err(other),
        }
    }
    let definitions = match refusal {
        Some(refusal) => Err(refusal),
        None => read_clone(session, name).await?,
    };
    run(session, "ROLLBACK TO SAVEPOINT cicerone_clone").await?;
    Ok(definitions)
}

async fn read_clone(
    session: &Session,
    name: &str,
) -> Result<Result<BTreeMap<String, Definition>, Failure>, PgError> {
    let row =
        session.one("clone_oid", include_str!("../queries/clone_oid.sql"), &[(&name, Type::TEXT)]).await;
    let oid = match row {
        Ok(row) => row.get::<Option<u32>>("oid")?,
        Err(PgError::Server(error)) => return Ok(Err(Failure::from(*error))),
        Err(other) => return Err(other),
    };
    match oid {
        Some(oid) => match index::definitions(session, Oid(oid)).await {
            Ok(definitions) => Ok(Ok(definitions)),
            Err(PgError::Server(error)) => Ok(Err(Failure::from(*error))),
            Err(other) => Err(other),
        },
        None => Ok(Err(Failure::refused("the temporary clone is not there"))),
    }
}

async fn run(session: &Session, statement: &str) -> Result<(), PgError> {
    session.execute("clone", statement, DEADLINE).await
}
