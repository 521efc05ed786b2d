//! What the server or the connection can answer instead of a result, classed by SQLSTATE and never by text.

use std::io;
use std::time::Duration;

use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::SqlState;

/// A statement that did not do what it was sent for.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    /// The server said no. The session is usable unless the class says that it ended.
    #[error("{state}: {message}", state = .0.state, message = .0.message)]
    Server(Box<ServerError>),
    /// The connection is gone. What the server did meanwhile is unknown: read the catalog before deciding anything.
    #[error("connection lost: {0}")]
    Lost(#[source] Loss),
    /// No answer within our own deadline. The statement may still be running: the session must not be used again.
    #[error("no answer for {} s", .after.as_secs_f32())]
    NoAnswer {
        /// How long was waited.
        after: Duration,
    },
    /// An answer of another shape than the query has: a bug here, or a server that only pretends to be PostgreSQL.
    #[error("unexpected answer to {query}: {source}")]
    Shape {
        /// Name of the query.
        query: &'static str,
        /// What did not fit.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// How a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Loss {
    /// The other side closed it, or our task ended.
    #[error("closed by the server")]
    Closed,
    /// The network or the kernel gave up.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// Bytes that are not the protocol.
    #[error("not understood: {0}")]
    Protocol(#[source] tokio_postgres::Error),
}

/// The fields of an error message. All text is the server's own: unsafe to print raw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// What policy decides by.
    pub class: FailureClass,
    /// SQLSTATE.
    pub state: SqlState,
    /// Primary message.
    pub message: String,
    /// Detail. For 23505 it holds values of a row: not for journals.
    pub detail: Option<String>,
    /// Hint.
    pub hint: Option<String>,
    /// Constraint or index that the error is about.
    pub constraint: Option<String>,
}

impl PgError {
    /// The server's error, if it was one.
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Server(error) => Some(error),
            Self::Lost(_) | Self::NoAnswer { .. } | Self::Shape { .. } => None,
        }
    }

    /// Class of the server's error, if it was one.
    pub fn class(&self) -> Option<FailureClass> {
        self.server().map(|error| error.class)
    }

    /// Whether the session can be used for another statement.
    pub fn session_survives(&self) -> bool {
        match self {
            Self::Server(error) => !error.class.leaves_doubt(),
            Self::Shape { .. } => true,
            Self::Lost(_) | Self::NoAnswer { .. } => false,
        }
    }

    /// Classes an error of the driver; `query` names what was asked.
    pub(super) fn from_driver(error: tokio_postgres::Error, query: &'static str) -> Self {
        if let Some(db) = error.as_db_error() {
            return Self::Server(Box::new(server_error(db)));
        }
        if error.is_closed() {
            return Self::Lost(Loss::Closed);
        }
        match error.into_source_or_self() {
            Ok(io) => Self::Lost(Loss::Io(io)),
            Err(error) => Self::Shape { query, source: Box::new(error) },
        }
    }
}

/// The fields of a message, classed. Also used for notices.
pub(super) fn server_error(db: &tokio_postgres::error::DbError) -> ServerError {
    let state = SqlState(db.code().code().to_owned());
    ServerError {
        class: FailureClass::of(&state),
        state,
        message: db.message().to_owned(),
        detail: db.detail().map(str::to_owned),
        hint: db.hint().map(str::to_owned),
        constraint: db.constraint().map(str::to_owned),
    }
}

trait SourceOrSelf: Sized {
    fn into_source_or_self(self) -> Result<io::Error, Self>;
}

impl SourceOrSelf for tokio_postgres::Error {
    /// The I/O error below, if that is what it was: the driver keeps its own kind private.
    fn into_source_or_self(self) -> Result<io::Error, Self> {
        let source = std::error::Error::source(&self);
        if !source.is_some_and(<dyn std::error::Error + 'static>::is::<io::Error>) {
            return Err(self);
        }
        match self.into_source().map(<dyn std::error::Error + Send + Sync>::downcast::<io::Error>) {
            Some(Ok(io)) => Ok(*io),
            Some(Err(other)) => Ok(io::Error::other(other)),
            None => Ok(io::Error::other("no cause given")),
        }
    }
}

impl From<PgError> for Failure {
    fn from(error: PgError) -> Self {
        match error {
            PgError::Server(error) => Self::from(*error),
            PgError::Lost(_) | PgError::NoAnswer { .. } => Self::lost(error.to_string()),
            PgError::Shape { .. } => {
                Self { class: FailureClass::Other, sqlstate: None, message: error.to_string() }
            }
        }
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        // The detail stays behind: it may hold values of a row.
        Self { class: error.class, sqlstate: Some(error.state), message: error.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_class_code_and_message_but_never_the_detail() {
        let state = SqlState("23505".to_owned());
        let error = ServerError {
            class: FailureClass::of(&state),
            state: state.clone(),
            message: "could not create unique index \"x\"".to_owned(),
            detail: Some("Key (email)=(secret@example.org) is duplicated.".to_owned()),
            hint: None,
            constraint: Some("x".to_owned()),
        };
        let failure = Failure::from(PgError::Server(Box::new(error)));
        assert_eq!((failure.class, &failure.sqlstate), (FailureClass::UniqueViolation, &Some(state)));
        assert!(!format!("{failure:?}").contains("secret"));
    }

    #[test]
    fn silence_and_a_broken_connection_leave_doubt() {
        for error in [PgError::Lost(Loss::Closed), PgError::NoAnswer { after: Duration::from_secs(1) }] {
            assert!(!error.session_survives());
            assert!(Failure::from(error).class.leaves_doubt());
        }
    }
}
