//! Evidence that a session is direct, read-only when asked, and on a server of the right role.

use tokio_postgres::types::Type;

use super::{Access, Ask, ConnectError, Indirect, SearchPath, Translation};
use crate::domain::id::{BackendId, Pid};
use crate::pg::conninfo::SessionAttrs;
use crate::pg::error::PgError;
use crate::pg::session::{Session, SessionParts};

/// pg_temp last, and named: unnamed it would be searched first, for tables.
const OUR_PATH: &str = "pg_catalog, pg_temp";

/// A random word that only this session's startup packet carried.
pub(super) struct Nonce(String);

impl Nonce {
    pub(super) fn random() -> Self {
        Self(format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)))
    }

    /// `name=value` of the startup option.
    pub(super) fn as_option(&self) -> String {
        format!("cicerone.nonce={}", self.0)
    }
}

/// What was seen when a session was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectProof {
    /// How the ports compare. The marker always matched, or there would be no session.
    pub port: Port,
}

/// Our TCP port against the one that the server sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Both sides see a unix socket.
    Unix,
    /// Equal.
    Same,
    /// Different, and an operator vouched for what is in between.
    Translated,
}

/// Reads the evidence back and turns the parts into a session.
pub(super) async fn prove(
    parts: SessionParts,
    nonce: &Nonce,
    local_port: Option<u16>,
    translation: Translation,
    ask: &Ask,
) -> Result<Session, ConnectError> {
    let place = parts.place.clone();
    let broken = |source| ConnectError::Broken { place: place.clone(), source };
    let sql = include_str!("../queries/proof.sql");
    let path = (ask.path == SearchPath::Ours).then_some(OUR_PATH);
    let asked = parts.client.query_typed(sql, &[(&path, Type::TEXT)]).await;
    let row = asked.map_err(|error| broken(PgError::from_driver(error, "proof")))?;
    let seen = row.first().ok_or_else(|| broken(shape("no row")))?;
    let read = Evidence::read(seen).map_err(|error| broken(PgError::from_driver(error, "proof")))?;
    let indirect = |evidence| ConnectError::NotDirect { place: place.clone(), evidence };
    if read.nonce.as_deref() != Some(&nonce.0) {
        return Err(indirect(Indirect::MarkerMissing));
    }
    let port = match (local_port, read.client_port) {
        (None, None) => Port::Unix,
        (Some(ours), Some(seen)) if i64::from(ours) == i64::from(seen) => Port::Same,
        // Also a tunnel that ends at the server's unix socket.
        (Some(_), _) if translation == Translation::Vouched => Port::Translated,
        (Some(ours), Some(seen)) => {
            let seen = u16::try_from(seen).unwrap_or(0);
            return Err(indirect(Indirect::OtherPort { ours, seen }));
        }
        (Some(_), None) | (None, Some(_)) => return Err(indirect(Indirect::OtherKind)),
    };
    if ask.access == Access::ReadOnly && !(read.read_only && read.default_read_only) {
        return Err(ConnectError::NotReadOnly { place });
    }
    let backend = BackendId { pid: Pid(read.pid), started: read.started };
    if ask.path == SearchPath::Ours && read.path != OUR_PATH {
        return Err(broken(shape("search_path did not take")));
    }
    let session = Session::new(parts, backend, DirectProof { port }, ask.access);
    if read.encoding == "SQL_ASCII" {
        // Otherwise one name with bytes that are no UTF-8 fails every query that meets it (22021).
        let sql = include_str!("../queries/raw_encoding.sql");
        session.one("raw_encoding", sql, &[]).await.map_err(broken)?;
    }
    Ok(session)
}

struct Evidence {
    nonce: Option<String>,
    client_port: Option<i32>,
    pid: i32,
    started: jiff::Timestamp,
    read_only: bool,
    default_read_only: bool,
    path: String,
    encoding: String,
}

impl Evidence {
    fn read(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            nonce: row.try_get("nonce")?,
            client_port: row.try_get("client_port")?,
            pid: row.try_get("pid")?,
            started: row.try_get("started")?,
            read_only: row.try_get("read_only")?,
            default_read_only: row.try_get("default_read_only")?,
            path: row.try_get("path")?,
            encoding: row.try_get("encoding")?,
        })
    }
}

fn shape(problem: &'static str) -> PgError {
    PgError::Shape { query: "proof", source: problem.into() }
}

/// Role that a server has to have in one pass over the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Anything,
    Writable,
    ReadOnly,
    Primary,
    Standby,
}

/// Passes over the list of servers: only `prefer-standby` needs a second one.
pub(super) fn rounds(attrs: SessionAttrs) -> &'static [Wanted] {
    match attrs {
        SessionAttrs::Any => &[Wanted::Anything],
        SessionAttrs::ReadWrite => &[Wanted::Writable],
        SessionAttrs::ReadOnly => &[Wanted::ReadOnly],
        SessionAttrs::Primary => &[Wanted::Primary],
        SessionAttrs::Standby => &[Wanted::Standby],
        SessionAttrs::PreferStandby => &[Wanted::Standby, Wanted::Anything],
    }
}

/// Compares the server's role with what is wanted. Our own read-only mode does not count as the server being read-only.
pub(super) async fn check_role(session: &Session, wanted: Wanted) -> Result<(), ConnectError> {
    if wanted == Wanted::Anything {
        return Ok(());
    }
    let place = session.place().to_owned();
    let sql = include_str!("../queries/role.sql");
    let broken = |source| ConnectError::Broken { place: place.clone(), source };
    let row = session.one("role", sql, &[]).await.map_err(broken)?;
    let in_recovery: bool = row.get("in_recovery").map_err(broken)?;
    let accepts_writes = !in_recovery && !row.get::<bool>("reset_read_only").map_err(broken)?;
    let (fits, name) = match wanted {
        Wanted::Anything => (true, "any"),
        Wanted::Writable => (accepts_writes, "read-write"),
        Wanted::ReadOnly => (!accepts_writes, "read-only"),
        Wanted::Primary => (!in_recovery, "primary"),
        Wanted::Standby => (in_recovery, "standby"),
    };
    if fits {
        return Ok(());
    }
    let found = match (in_recovery, accepts_writes) {
        (true, _) => "a standby",
        (false, true) => "a writable primary",
        (false, false) => "a read-only primary",
    };
    Err(ConnectError::WrongRole { place, found, wanted: name })
}
