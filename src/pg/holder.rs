//! Who somebody is: the columns that every blocker query has in common.

use super::catalog::builder::backend;
use super::error::PgError;
use super::raw_text::RawText;
use super::session::Row;
use crate::domain::blocker::Holder;

/// Columns `pid, started, application, usr, client, state, query, backend_type, gid, owner`, the whole row being one
/// session or one prepared transaction. `None`: neither (the session ended while the query ran).
pub(super) fn holder(row: &Row) -> Result<Option<Holder>, PgError> {
    if let Some(gid) = text(row, "gid")? {
        return Ok(Some(Holder::Prepared { gid, owner: text(row, "owner")?.unwrap_or_default() }));
    }
    if row.get::<Option<i32>>("pid")?.is_none_or(|pid| pid == 0) || text(row, "application")?.is_none() {
        return Ok(None);
    }
    Ok(Some(Holder::Session {
        backend: backend(row)?,
        application: text(row, "application")?.unwrap_or_default(),
        user: text(row, "usr")?.unwrap_or_default(),
        client: text(row, "client")?,
        state: text(row, "state")?,
        // The server's stand-in for "you may not see this".
        query: text(row, "query")?.filter(|query| query != "<insufficient privilege>"),
        backend_type: text(row, "backend_type")?,
    }))
}

/// A text column that may be null.
pub(super) fn text(row: &Row, column: &str) -> Result<Option<String>, PgError> {
    Ok(row.get::<Option<RawText>>(column)?.map(|text| text.0))
}
