//! What the server makes of an entry's statement, tried on an empty temporary clone of its table.
//!
//! "Same definition" is decided by the server's own words: text of ours and text of `pg_get_indexdef` never have to agree.
//! One transaction, a savepoint for a few tables at a time, always rolled back; rolling a savepoint back also gives up the
//! AccessShare locks on the originals, so no table is held longer than its own turn (about 1 ms for each table).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;

use super::table::Tables;
use super::{index, reword};
use crate::domain::catalog::{Definition, Expected, IndexFacts, RelationKind};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::{EntryKey, Oid, QualifiedName};
use crate::pg::error::PgError;
use crate::pg::session::Session;
use crate::ports::EntryRequest;
use crate::sql::{quote_ident, quote_qualified};

const DEADLINE: Duration = Duration::from_secs(10);

/// Tables that are cloned side by side. Planning the query that reads definitions takes 4 to 9 ms, cloning a table and
/// indexing it 1 ms (15, catalog of 8,000 indexes).
const GROUP: usize = 24;

/// The definition of each entry whose table can have one; entries without a usable table are left out.
pub(super) async fn expected(
    session: &Session,
    entries: &[EntryRequest],
    tables: &Tables,
    indexes: &[IndexFacts],
) -> Result<BTreeMap<EntryKey, Expected>, PgError> {
    let mut by_table: BTreeMap<EntryKey, OfTable<'_>> = BTreeMap::new();
    for entry in entries {
        by_table.entry(entry.table.key()).or_default().push(entry);
    }
    let mut found = BTreeMap::new();
    // A role may have default_transaction_read_only; on a standby this is where it ends.
    match run(session, "BEGIN READ WRITE").await {
        Ok(()) => {}
        Err(PgError::Server(error)) => {
            // 0A000 on a standby: no fault of any entry.
            let failure = Failure { class: FailureClass::ReadOnly, ..Failure::from(*error) };
            return Ok(entries.iter().map(|entry| (entry.key.clone(), Err(failure.clone()))).collect());
        }
        Err(other) => return Err(other),
    }
    by_table.retain(|table, _| tables.facts.get(table).is_some_and(|facts| can_be_cloned(&facts.kind)));
    for group in groups(by_table.into_values().collect()) {
        found.extend(of_group(session, &group).await?);
    }
    reword::settle(session, entries, indexes, &mut found).await?;
    run(session, "ROLLBACK").await?;
    Ok(found)
}

fn can_be_cloned(kind: &RelationKind) -> bool {
    matches!(kind, RelationKind::Table | RelationKind::MaterializedView | RelationKind::PartitionedTable)
}

/// Entries of one table.
type OfTable<'a> = Vec<&'a EntryRequest>;

/// Tables that can be cloned side by side: all clones share a schema, so no two of the same name.
fn groups(tables: Vec<OfTable<'_>>) -> Vec<Vec<OfTable<'_>>> {
    let mut groups: Vec<Vec<OfTable<'_>>> = Vec::new();
    for entries in tables {
        let name = entries.first().map(|entry| &entry.table.name);
        let fits = |group: &Vec<OfTable<'_>>| {
            group.len() < GROUP
                && !group.iter().any(|other| other.first().map(|entry| &entry.table.name) == name)
        };
        match groups.last_mut().filter(|group| fits(group)) {
            Some(group) => group.push(entries),
            None => groups.push(vec![entries]),
        }
    }
    groups
}

/// All tables of a group at once; when the server refuses anything, each by itself, and then each entry by itself, so that
/// every entry gets its own answer.
async fn of_group(session: &Session, group: &[OfTable<'_>]) -> Result<Vec<(EntryKey, Expected)>, PgError> {
    let everything: Vec<&EntryRequest> = group.iter().flatten().copied().collect();
    if let Some(found) = complete(attempt(session, &everything).await?, &everything) {
        return Ok(found);
    }
    let mut found = Vec::new();
    for entries in group {
        if group.len() > 1
            && let Some(of_table) = complete(attempt(session, entries).await?, entries)
        {
            found.extend(of_table);
            continue;
        }
        for entry in entries {
            let result = attempt(session, std::slice::from_ref(entry)).await?;
            found.push((entry.key.clone(), alone(result, entry)));
        }
    }
    Ok(found)
}

pub(super) type Attempt = Result<BTreeMap<String, Definition>, Failure>;

/// The definitions, if each entry has one.
fn complete(attempt: Attempt, entries: &[&EntryRequest]) -> Option<Vec<(EntryKey, Expected)>> {
    let mut definitions = attempt.ok()?;
    entries.iter().map(|entry| Some((entry.key.clone(), Ok(definitions.remove(&entry.index)?)))).collect()
}

fn alone(attempt: Attempt, entry: &EntryRequest) -> Expected {
    let missing = || Failure::refused("the server made no index of the statement");
    attempt.and_then(|mut definitions| definitions.remove(&entry.index).ok_or_else(missing))
}

/// Definitions of `entries` by index name, or the first refusal. Leaves the transaction as it found it.
pub(super) async fn attempt(session: &Session, entries: &[&EntryRequest]) -> Result<Attempt, PgError> {
    let mut statements = vec![
        "SAVEPOINT cicerone_clone".to_owned(),
        // A temporary table would follow temp_tablespaces, a real one does not.
        "SET LOCAL temp_tablespaces = ''".to_owned(),
        "SET LOCAL default_tablespace = ''".to_owned(),
    ];
    let mut cloned = BTreeSet::new();
    for entry in entries {
        if cloned.insert(&entry.table) {
            statements.push(clone_of(&entry.table));
        }
        // The clones have their own schema, so the index can bear the name that it will have.
        statements.push(entry.shape.render_on_clone(&entry.index, &entry.table.name));
    }
    // Polled together, the statements go out in one piece and are answered in order: one round trip.
    let answers = join_all(statements.iter().map(|statement| run(session, statement))).await;
    let mut refusal = None;
    for answer in answers {
        match answer {
            Ok(()) => {}
            // What follows the first refusal is only "current transaction is aborted".
            Err(PgError::Server(error)) => refusal = refusal.or(Some(with_hint(Failure::from(*error)))),
            Err(other) => return Err(other),
        }
    }
    let definitions = match refusal {
        Some(refusal) => Err(refusal),
        None => match read_clones(session).await {
            Ok(definitions) => Ok(definitions),
            Err(PgError::Server(error)) => Err(Failure::from(*error)),
            Err(other) => return Err(other),
        },
    };
    run(session, "ROLLBACK TO SAVEPOINT cicerone_clone").await?;
    run(session, "RELEASE SAVEPOINT cicerone_clone").await?;
    Ok(definitions)
}

/// Operator classes, types and functions of extensions are looked up in pg_catalog alone, on purpose: an unqualified name
/// could mean an object of anybody who may create one.
fn with_hint(mut failure: Failure) -> Failure {
    if failure.sqlstate.as_ref().is_some_and(|state| matches!(state.0.as_str(), "42704" | "42883")) {
        failure.message.push_str(" (names outside pg_catalog need their schema, e.g. public.gin_trgm_ops)");
    }
    failure
}

fn clone_of(table: &QualifiedName) -> String {
    let original = quote_qualified(&table.schema, &table.name);
    let clone = quote_ident(&table.name);
    format!("CREATE TEMPORARY TABLE pg_temp.{clone} (LIKE {original} INCLUDING GENERATED) ON COMMIT DROP")
}

async fn read_clones(session: &Session) -> Result<BTreeMap<String, Definition>, PgError> {
    let rows = session.rows("clones", include_str!("../queries/clones.sql"), &[]).await?;
    let clones: Vec<Oid> = rows.iter().map(|row| Ok(Oid(row.get("oid")?))).collect::<Result<_, PgError>>()?;
    index::definitions(session, &clones).await
}

async fn run(session: &Session, statement: &str) -> Result<(), PgError> {
    session.execute("clone", statement, DEADLINE).await
}
