//! Why no session came about.

use std::io;
use std::time::Duration;

use crate::domain::failure::{Failure, FailureClass};
use crate::pg::error::{PgError, ServerError};
use crate::pg::tls::TlsFault;

/// No session. `place` is `host:port` or the path of a socket.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Name look-up or connect failed.
    #[error("{place}: {source}")]
    Unreachable {
        /// Where.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// Connect, TLS, authentication and proof took longer than allowed.
    #[error("{place}: no answer within {} s", .after.as_secs_f32())]
    NoAnswer {
        /// Where.
        place: String,
        /// The deadline.
        after: Duration,
    },
    /// `localhost` led to another machine: clear text is not sent there.
    #[error(
        "{place}: resolves to {address}, which is not a loopback address, and clear text goes nowhere else"
    )]
    NotLoopback {
        /// Where.
        place: String,
        /// What it resolved to.
        address: std::net::IpAddr,
    },
    /// TLS did not come up. No password was sent.
    #[error("{place}: {fault}")]
    Tls {
        /// Where.
        place: String,
        /// Why.
        fault: TlsFault,
    },
    /// The server said no before the session was ready.
    #[error("{place}: {}", .error.message)]
    Refused {
        /// Where.
        place: String,
        /// Its words.
        error: Box<ServerError>,
    },
    /// The server asks for a password and none is known: a caller with a terminal may ask for one.
    #[error(
        "{place}: the server asks for a password and none is known: put it into ~/.pgpass (mode 600) or PGPASSWORD"
    )]
    PasswordNeeded {
        /// Where.
        place: String,
    },
    /// Authentication could not be done on our side: a method or a channel binding that is not there.
    #[error("{place}: authentication: {reason}")]
    Authentication {
        /// Where.
        place: String,
        /// The driver's words.
        reason: String,
    },
    /// Something stands between us and the server.
    #[error(
        "{place}: this is not a direct connection to PostgreSQL ({evidence}); under a pooler, settings and locks of ours \
         would land on other clients' sessions. Connect to the server's own host and port"
    )]
    NotDirect {
        /// Where.
        place: String,
        /// What gave it away.
        evidence: Indirect,
    },
    /// A read-only session was asked for and the server did not make it one.
    #[error("{place}: the session did not become read-only")]
    NotReadOnly {
        /// Where.
        place: String,
    },
    /// The server is not what `target_session_attrs` asks for.
    #[error("{place}: the server is {found}, not {wanted}")]
    WrongRole {
        /// Where.
        place: String,
        /// What it is.
        found: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The session broke while it was proved.
    #[error("{place}: {source}")]
    Broken {
        /// Where.
        place: String,
        /// Why.
        source: PgError,
    },
    /// Every server of the list failed.
    #[error("no server could be used: {}", joined(.0))]
    All(Vec<ConnectError>),
}

/// What gave an intermediary away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Indirect {
    /// It refused the startup packet's `options`, as PgBouncer does.
    #[error("startup options are refused: {message}")]
    OptionsRefused {
        /// Its words.
        message: String,
    },
    /// The setting that we sent in the startup packet is not there.
    #[error("the session lacks the marker that was sent when it was opened")]
    MarkerMissing,
    /// The server sees another client port than we have.
    #[error(
        "the server sees client port {seen}, ours is {ours}; an SSH tunnel does that too, say so with --via-tunnel"
    )]
    OtherPort {
        /// Port of our socket.
        ours: u16,
        /// Port that the server sees.
        seen: u16,
    },
    /// We connected over a unix socket and the server sees TCP, or the other way round.
    #[error("the server sees another kind of connection than we opened")]
    OtherKind,
}

impl ConnectError {
    /// Whether trying the next server of the list would be wrong.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::NoAnswer { .. }
            | Self::WrongRole { .. }
            | Self::Broken { .. } => false,
            Self::Refused { error, .. } => {
                !matches!(error.class, FailureClass::ServerRestart | FailureClass::TooManyConnections)
            }
            Self::NotLoopback { .. }
            | Self::Tls { .. }
            | Self::Authentication { .. }
            | Self::PasswordNeeded { .. }
            | Self::NotDirect { .. }
            | Self::NotReadOnly { .. }
            | Self::All(_) => true,
        }
    }

    /// Class of the server's refusal, if that is what it was.
    pub fn class(&self) -> Option<FailureClass> {
        match self {
            Self::Refused { error, .. } => Some(error.class),
            Self::Broken { source, .. } => source.class(),
            Self::Unreachable { .. }
            | Self::NoAnswer { .. }
            | Self::NotLoopback { .. }
            | Self::Tls { .. }
            | Self::Authentication { .. }
            | Self::PasswordNeeded { .. }
            | Self::NotDirect { .. }
            | Self::NotReadOnly { .. }
            | Self::WrongRole { .. }
            | Self::All(_) => None,
        }
    }

    pub(super) fn from_many(mut failures: Vec<Self>) -> Self {
        match failures.pop() {
            Some(only) if failures.is_empty() => only,
            Some(last) => {
                failures.push(last);
                Self::All(failures)
            }
            None => Self::All(failures),
        }
    }

    pub(super) fn from_driver(error: tokio_postgres::Error, place: String) -> Self {
        if let Some(fault) = TlsFault::find(&error) {
            return Self::Tls { place, fault };
        }
        // The driver's kinds are private; its own refusals carry plain text below a constant headline.
        if matches!(error.to_string().as_str(), "authentication error" | "invalid configuration") {
            let reason = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            return match reason.as_str() {
                "password missing" => Self::PasswordNeeded { place },
                _ => Self::Authentication { place, reason: hint(reason) },
            };
        }
        match PgError::from_driver(error, "startup") {
            PgError::Server(error) if is_pooler(&error) => {
                Self::NotDirect { place, evidence: Indirect::OptionsRefused { message: error.message } }
            }
            PgError::Server(error) => Self::Refused { place, error },
            source @ (PgError::Lost(_) | PgError::NoAnswer { .. } | PgError::Shape { .. }) => {
                Self::Broken { place, source }
            }
        }
    }
}

/// PgBouncer's refusal has class 08 ("unsupported startup parameter: options"); PostgreSQL itself never refuses the
/// parameter as such, only a setting in it, by name.
fn is_pooler(error: &ServerError) -> bool {
    error.message.contains("startup parameter") && !error.message.contains("cicerone.nonce")
}

fn hint(reason: String) -> String {
    if reason == "server did not use channel binding" {
        return "the server did not authenticate by SCRAM over this TLS session (channel_binding=require); it would have \
                got the password in a weaker form. Set password_encryption = scram-sha-256 there, or say \
                channel_binding=prefer"
            .to_owned();
    }
    reason
}

fn joined(errors: &[ConnectError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let message = error.to_string();
        match error {
            ConnectError::Refused { error, .. } => {
                Self { class: error.class, sqlstate: Some(error.state), message }
            }
            ConnectError::Broken { source, .. } => Self { message, ..Self::from(source) },
            ConnectError::Unreachable { .. } | ConnectError::NoAnswer { .. } | ConnectError::All(_) => {
                Self::lost(message)
            }
            ConnectError::NotLoopback { .. }
            | ConnectError::Tls { .. }
            | ConnectError::Authentication { .. }
            | ConnectError::PasswordNeeded { .. }
            | ConnectError::NotDirect { .. }
            | ConnectError::NotReadOnly { .. }
            | ConnectError::WrongRole { .. } => Self::refused(message),
        }
    }
}
