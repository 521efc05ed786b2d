//! Who builds at this moment, and the advisory locks that say so for builds of ours.

use sha2::{Digest as _, Sha256};
use tokio_postgres::types::Type;

use crate::domain::catalog::Builder;
use crate::domain::id::{BackendId, EntryKey, Oid, Pid};
use crate::pg::error::PgError;
use crate::pg::raw_text::RawText;
use crate::pg::session::{Row, Session};

/// First key of every advisory lock of ours: `CICE` in ASCII.
pub(in crate::pg) const LOCK_CLASS: i32 = 0x4349_4345;

/// First key of the locks that keep two runs from building or dropping on one table at once: `CICT` in ASCII. Two
/// statements that both saw the table free would end with one of them killed by the other (40P01).
pub(in crate::pg) const TABLE_LOCK_CLASS: i32 = 0x4349_4354;

/// `command` of a backend that has claimed a table.
pub(in crate::pg) const TABLE_LOCK: &str = "a build or drop of another run";

/// `command` of a backend that shows nothing but its item lock.
pub(super) const ITEM_LOCK: &str = "item lock";

/// Second key of an item's lock: the first four bytes of its name's SHA-256. A clash of two names only makes one build
/// wait for the other.
pub(in crate::pg) fn item_key(entry: &EntryKey) -> i32 {
    let hash = Sha256::digest(entry.as_str().as_bytes());
    i32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// A start that stands for "may not be seen": no backend has it, so nothing can be signalled by it.
pub(in crate::pg) const UNSEEN_START: jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH;

/// Pid and start of a row's backend.
pub(in crate::pg) fn backend(row: &Row) -> Result<BackendId, PgError> {
    let started = row.get::<Option<jiff::Timestamp>>("started")?.unwrap_or(UNSEEN_START);
    Ok(BackendId { pid: Pid(row.get("pid")?), started })
}

/// Every builder in this database. Item locks are named after those of `keys` that they belong to.
pub(in crate::pg) async fn read(session: &Session, keys: &[EntryKey]) -> Result<Vec<Builder>, PgError> {
    let class = i64::from(LOCK_CLASS);
    let rows =
        session.rows("builders", include_str!("../queries/builders.sql"), &[(&class, Type::INT8)]).await?;
    let mut found: Vec<Builder> = Vec::new();
    for row in &rows {
        let item = row.get::<Option<u32>>("item")?;
        let key =
            item.and_then(|item| keys.iter().find(|key| item_key(key).cast_unsigned() == item)).cloned();
        let backend = backend(row)?;
        // Rows of the progress view come first: its lock goes with the build.
        if let (Some(_), Some(known)) = (item, found.iter_mut().find(|known| known.backend == backend)) {
            known.item_lock = known.item_lock.take().or(key);
            continue;
        }
        found.push(Builder {
            backend,
            application: row.get::<RawText>("application")?.0,
            user: row.get::<RawText>("usr")?.0,
            table_oid: row.get::<Option<u32>>("table_oid")?.map(Oid),
            index_oid: row.get::<Option<u32>>("index_oid")?.map(Oid),
            command: row.get::<RawText>("command")?.0,
            item_lock: key,
        });
    }
    Ok(found)
}

/// Everybody who built at one of two moments; what the later one says of a backend counts.
pub(super) fn union(before: Vec<Builder>, after: Vec<Builder>) -> Vec<Builder> {
    let mut all = after;
    for one in before {
        if all.iter().all(|known| known.backend != one.backend) {
            all.push(one);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_item_never_changes() {
        // Two versions of this program must meet on the same lock.
        assert_eq!(item_key(&EntryKey::from("public.idx_leads_tenant")), KNOWN);
        assert_ne!(item_key(&EntryKey::from("public.a")), item_key(&EntryKey::from("public.b")));
    }

    const KNOWN: i32 = -1_432_956_543;
}
