//! What all adapters of one target share: how to connect, the clock, and how sessions name themselves.

use std::sync::Arc;

use super::connect::{Access, Ask, Connector, SearchPath};
use super::error::PgError;
use super::session::Session;
use crate::domain::check::Evidence;
use crate::domain::failure::Failure;
use crate::domain::target::Environment;
use crate::domain::unit::Millis;
use crate::ports::{Clock, Observed};

/// Shared by the readers and writers of one target; cheap to clone.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Connector,
    clock: Arc<dyn Clock>,
    label: String,
    environment: Environment,
    readers: Access,
    build_role: Option<String>,
}

/// How a [`Link`] behaves.
pub struct LinkOptions {
    /// Begin of every session's `application_name`, e.g. `cicerone/<run>`.
    pub label: String,
    /// The environment word of the target.
    pub environment: Environment,
    /// Access of reading sessions. [`Access::ReadOnly`] makes definitions on temporary clones impossible (25006).
    pub readers: Access,
    /// Role that builds are made as; rights on tables are judged for it.
    pub build_role: Option<String>,
}

impl Link {
    /// Nothing is sent yet.
    pub fn new(connector: Connector, clock: Arc<dyn Clock>, options: LinkOptions) -> Self {
        let LinkOptions { label, environment, readers, build_role } = options;
        Self { inner: Arc::new(Inner { connector, clock, label, environment, readers, build_role }) }
    }

    /// How to connect.
    pub fn connector(&self) -> &Connector {
        &self.inner.connector
    }

    pub(super) fn now(&self) -> jiff::Timestamp {
        self.inner.clock.now()
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.inner.environment
    }

    pub(super) fn readers(&self) -> Access {
        self.inner.readers
    }

    pub(super) fn build_role(&self) -> Option<&str> {
        self.inner.build_role.as_deref()
    }

    /// A new session for readings, named after what it reads, with short limits of its own.
    pub(super) async fn reader(&self, what: &str) -> Result<Session, Failure> {
        let session = self.open(what, self.inner.readers, SearchPath::Ours).await?;
        session.one("guard", include_str!("queries/guard.sql"), &[]).await?;
        Ok(session)
    }

    /// A new session named after this link and `what` it is for.
    pub(super) async fn open(
        &self,
        what: &str,
        access: Access,
        path: SearchPath,
    ) -> Result<Session, Failure> {
        self.open_as(&format!("{}/{what}", self.inner.label), access, path).await
    }

    /// A new session of exactly this name.
    pub(super) async fn open_as(
        &self,
        name: &str,
        access: Access,
        path: SearchPath,
    ) -> Result<Session, Failure> {
        Ok(self.inner.connector.open(&Ask { name: name.to_owned(), access, path }).await?)
    }

    /// A value with its evidence; `started` is when the reading began.
    pub(super) fn observed<T>(
        &self,
        value: T,
        source: &str,
        query: &str,
        started: jiff::Timestamp,
    ) -> Observed<T> {
        let at = self.now();
        let query = Some(query.trim().to_owned());
        Observed {
            value,
            evidence: Evidence { source: source.to_owned(), query, at, took: Millis::between(started, at) },
        }
    }
}

/// The value when the server allows it, the missing right when it says 42501, any other error as it is.
pub(super) fn visible<T>(
    result: Result<T, PgError>,
    would_show_it: &str,
) -> Result<crate::ports::Visible<T>, PgError> {
    match result {
        Ok(value) => Ok(crate::ports::Visible::Seen(value)),
        Err(error) if error.class() == Some(crate::domain::failure::FailureClass::Privilege) => {
            Ok(crate::ports::Visible::NotPermitted(would_show_it.to_owned()))
        }
        Err(error) => Err(error),
    }
}
