//! A proved connection, and how statements are sent over it.
//!
//! Everything goes by the extended protocol: it accepts exactly one statement (42601 otherwise), so nothing that ends up in
//! a statement can bring a second one along, and a concurrent form never lands in an implicit transaction (25001).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Connection};

use super::connect::{Access, DirectProof, QUERY_DEADLINE, Task};
use super::error::{PgError, ServerError, server_error};
use crate::domain::id::BackendId;

/// Notices kept per session; older ones make room.
const NOTICE_LIMIT: usize = 64;

/// A parameter with its type: one round trip, no prepared statement left behind.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// Notices of a session, newest last.
type Notices = Arc<Mutex<VecDeque<ServerError>>>;

/// State of the connection's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Running,
    Ended,
}

/// The task that moves a connection's bytes and collects its notices.
pub(super) struct Driver {
    poll: Pin<Box<dyn Future<Output = ()> + Send>>,
    notices: Notices,
    ended: watch::Receiver<Life>,
}

impl Driver {
    pub(super) fn new<S, T>(mut connection: Connection<S, T>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let notices = Notices::default();
        let kept = Arc::clone(&notices);
        let (over, ended) = watch::channel(Life::Running);
        let poll = Box::pin(async move {
            loop {
                match poll_fn(|context| connection.poll_message(context)).await {
                    Some(Ok(AsyncMessage::Notice(notice))) => keep(&kept, server_error(&notice)),
                    // Notifications, and whatever a later driver adds: nothing here listens.
                    Some(Ok(_)) => {}
                    // The client's calls report the reason; here it only matters that it is over.
                    Some(Err(_)) | None => break,
                }
            }
            drop(connection);
            over.send_replace(Life::Ended);
        });
        Self { poll, notices, ended }
    }

    pub(super) fn watch(&self) -> (Arc<Mutex<VecDeque<ServerError>>>, SessionEnd) {
        (Arc::clone(&self.notices), SessionEnd(self.ended.clone()))
    }

    pub(super) fn run(self) -> Task {
        self.poll
    }
}

fn keep(notices: &Notices, notice: ServerError) {
    let mut notices = notices.lock().unwrap_or_else(PoisonError::into_inner);
    if notices.len() == NOTICE_LIMIT {
        notices.pop_front();
    }
    notices.push_back(notice);
}

/// Tells when a connection has ended.
#[derive(Debug, Clone)]
pub struct SessionEnd(watch::Receiver<Life>);

impl SessionEnd {
    /// Returns when the connection is over, for whatever reason.
    pub async fn wait(mut self) {
        // An error means that the task is gone, which is an end as well.
        drop(self.0.wait_for(|life| *life == Life::Ended).await);
    }
}

/// What `connect` has before the proof.
pub(super) struct SessionParts {
    pub(super) client: Client,
    pub(super) notices: Notices,
    pub(super) ended: SessionEnd,
    pub(super) place: String,
}

/// A proved session on one server.
///
/// Dropping it closes the connection **after** what was sent is done; it never cancels a statement on the server.
pub struct Session {
    parts: SessionParts,
    backend: BackendId,
    proof: DirectProof,
    access: Access,
}

impl Session {
    pub(super) fn new(parts: SessionParts, backend: BackendId, proof: DirectProof, access: Access) -> Self {
        Self { parts, backend, proof, access }
    }

    /// The server process behind this session.
    pub fn backend(&self) -> BackendId {
        self.backend
    }

    /// Evidence that the session is direct.
    pub fn proof(&self) -> DirectProof {
        self.proof
    }

    /// Read-only or not, as the server confirmed.
    pub fn access(&self) -> Access {
        self.access
    }

    /// `host:port` or socket path.
    pub fn place(&self) -> &str {
        &self.parts.place
    }

    /// Whether the connection is known to be over.
    pub fn is_closed(&self) -> bool {
        self.parts.client.is_closed()
    }

    /// A handle that tells when the connection ends.
    pub fn end(&self) -> SessionEnd {
        self.parts.ended.clone()
    }

    /// Notices since the last call, oldest first.
    pub fn take_notices(&self) -> Vec<ServerError> {
        self.parts.notices.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// Rows of a query of ours, within [`QUERY_DEADLINE`].
    pub(super) async fn rows(
        &self,
        query: &'static str,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, PgError> {
        let asked = self.parts.client.query_typed(sql, parameters);
        let rows = within(QUERY_DEADLINE, asked).await?;
        let rows = rows.map_err(|error| PgError::from_driver(error, query))?;
        Ok(rows.into_iter().map(|row| Row { row, query }).collect())
    }

    /// The only row of a query of ours.
    pub(super) async fn one(
        &self,
        query: &'static str,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Row, PgError> {
        let row = self.rows(query, sql, parameters).await?.into_iter().next();
        row.ok_or_else(|| PgError::Shape { query, source: "no row".into() })
    }

    /// Sends one statement and waits for its end, however long that takes: only for statements that somebody watches.
    pub(super) async fn execute_unbounded(&self, query: &'static str, sql: &str) -> Result<(), PgError> {
        let sent = self.parts.client.execute_typed(sql, &[]).await;
        sent.map(drop).map_err(|error| PgError::from_driver(error, query))
    }

    /// Sends one statement that must end within `deadline`. After [`PgError::NoAnswer`] the session must not be used again.
    pub(super) async fn execute(
        &self,
        query: &'static str,
        sql: &str,
        deadline: Duration,
    ) -> Result<(), PgError> {
        within(deadline, self.execute_unbounded(query, sql)).await?
    }
}

async fn within<T>(after: Duration, asked: impl Future<Output = T>) -> Result<T, PgError> {
    tokio::time::timeout(after, asked).await.map_err(|_| PgError::NoAnswer { after })
}

/// A row that names its query when a value does not fit.
pub(super) struct Row {
    row: tokio_postgres::Row,
    query: &'static str,
}

impl Row {
    /// Value of a column.
    pub(super) fn get<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T, PgError> {
        // Never by way of `from_driver`: a value that does not fit is no loss of the connection.
        self.row
            .try_get(column)
            .map_err(|error| PgError::Shape { query: self.query, source: Box::new(error) })
    }
}
