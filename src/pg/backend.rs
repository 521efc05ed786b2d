//! Signals to backends, by pid and start in one predicate.

use async_trait::async_trait;
use tokio_postgres::types::Type;

use super::catalog::builder::{UNSEEN_START, backend};
use super::link::Link;
use super::session::Parameter;
use crate::domain::event::Signalled;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::BackendId;
use crate::ports::Backends;

/// Cancels and terminates. Not wired in a dry run.
#[derive(Clone)]
pub struct PgBackends {
    link: Link,
}

impl PgBackends {
    /// Nothing is sent yet.
    pub fn new(link: Link) -> Self {
        Self { link }
    }

    async fn signal(&self, query: &'static str, sql: &str, to: BackendId) -> Result<Signalled, Failure> {
        if to.started == UNSEEN_START {
            // pg_signal_backend alone could signal it, but not tell it from a later session with the same pid.
            return Err(Failure {
                class: FailureClass::Privilege,
                sqlstate: None,
                message: format!(
                    "the start of backend {} may not be seen, so it cannot be told from a later one: grant pg_monitor",
                    to.pid
                ),
            });
        }
        let session = self.link.reader("signal").await?;
        let pid = to.pid.0;
        let parameters: [Parameter<'_>; 2] = [(&pid, Type::INT4), (&to.started, Type::TIMESTAMPTZ)];
        match session.rows(query, sql, &parameters).await?.first() {
            // False: it ended between the look-up and the signal.
            Some(row) if row.get("sent")? => Ok(Signalled::Sent),
            Some(_) | None => Ok(Signalled::Gone),
        }
    }
}

#[async_trait]
impl Backends for PgBackends {
    async fn cancel(&self, backend: BackendId) -> Result<Signalled, Failure> {
        self.signal("cancel", include_str!("queries/cancel.sql"), backend).await
    }

    async fn terminate(&self, backend: BackendId) -> Result<Signalled, Failure> {
        self.signal("terminate", include_str!("queries/terminate.sql"), backend).await
    }

    async fn exists(&self, wanted: BackendId) -> Result<bool, Failure> {
        let session = self.link.reader("alive").await?;
        let pids = vec![wanted.pid.0];
        let rows =
            session.rows("alive", include_str!("queries/alive.sql"), &[(&pids, Type::INT4_ARRAY)]).await?;
        match rows.first() {
            None => Ok(false),
            Some(row) => {
                let found = backend(row)?;
                Ok(found.started == UNSEEN_START || found.started == wanted.started)
            }
        }
    }
}
