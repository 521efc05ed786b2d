//! The only place that connects, and that proves where the connection leads.
//!
//! A session that this module hands out
//!
//! 1. was opened within our own deadline (name look-up, TCP, TLS, authentication and proof together), because the driver's
//!    `connect_timeout` does not cover a server that accepts and then says nothing;
//! 2. ends at the server itself: a random setting sent in the startup packet reads back, and the server sees the very TCP
//!    port that our socket has. A pooler that forwards neither would leak our settings to other clients and strand our
//!    locks (PgBouncer 1.18, transaction pooling);
//! 3. is read-only when it was asked for, as read back from the server;
//! 4. has `search_path = pg_catalog, pg_temp` unless it was opened to look at what it inherits, so that no name of ours can mean an object of somebody else.

mod fault;
mod proof;
mod socket;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

pub use fault::{ConnectError, Indirect};
pub use proof::{DirectProof, Port};

use super::conninfo::{ChannelBinding, ConnInfo, Endpoint, Host, Transport};
use super::session::{Driver, Session, SessionParts};
use super::tls::{self, TlsSetupError};
use proof::Nonce;
use socket::Socket;

/// A task without a result.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts the task that moves a connection's bytes. It is handed in, so that whoever owns tasks also joins them.
pub type Spawner = Arc<dyn Fn(&'static str, Task) + Send + Sync>;

/// Starts connection tasks on a runtime, for callers that have nothing to join them with: each ends with its session.
pub fn on_runtime(handle: tokio::runtime::Handle) -> Spawner {
    Arc::new(move |_, task| drop(handle.spawn(task)))
}

/// Whether a session may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The server itself refuses every write (`default_transaction_read_only`). A belt, not a wall: a session can switch
    /// it off, but nothing of ours does.
    ReadOnly,
    /// Writes as far as privileges go.
    ReadWrite,
}

/// Whether the server may see another TCP port than our socket has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Translation {
    /// It may not: every hop in between could be a pooler.
    Refused,
    /// An operator vouches for an SSH tunnel, a port-forward or NAT. The startup proof still has to hold.
    Vouched,
}

/// Which names a session sees unqualified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchPath {
    /// `pg_catalog, pg_temp`: everything of ours.
    Ours,
    /// What role and database say: only to look at it.
    Inherited,
}

/// What kind of session is wanted.
#[derive(Debug, Clone)]
pub struct Ask {
    /// `application_name`, cut to 63 bytes of ASCII: other operators see it, the journal finds it again.
    pub name: String,
    /// Read-only or not.
    pub access: Access,
    /// Unqualified names.
    pub path: SearchPath,
}

/// Opens sessions on one target.
pub struct Connector {
    info: ConnInfo,
    tls: Vec<Option<MakeRustlsConnect>>,
    translation: Translation,
    spawn: Spawner,
}

impl Connector {
    /// Prepares TLS for each server. Nothing is sent yet.
    pub fn new(info: ConnInfo, translation: Translation, spawn: Spawner) -> Result<Self, TlsSetupError> {
        let mut tls = Vec::new();
        for endpoint in &info.endpoints {
            tls.push(match &endpoint.transport {
                Transport::Tls(policy) => Some(MakeRustlsConnect::new(tls::client_config(policy)?)),
                Transport::Plain | Transport::Socket => None,
            });
        }
        Ok(Self { info, tls, translation, spawn })
    }

    /// Where this connector leads.
    pub fn info(&self) -> &ConnInfo {
        &self.info
    }

    /// Opens a session on the first server that answers and is what `target_session_attrs` asks for.
    ///
    /// # Errors
    /// The error of the only server, or all of them. A refused login, a failed proof and a TLS fault end the search:
    /// the next server of the list would be another target, not a better chance.
    pub async fn open(&self, ask: &Ask) -> Result<Session, ConnectError> {
        let mut failures = Vec::new();
        for relaxed in proof::rounds(self.info.session_attrs) {
            for (index, endpoint) in self.info.endpoints.iter().enumerate() {
                match self.open_within_deadline(index, endpoint, ask, *relaxed).await {
                    Ok(session) => return Ok(session),
                    Err(error) if error.is_final() => return Err(error),
                    Err(error) => failures.push(error),
                }
            }
        }
        Err(ConnectError::from_many(failures))
    }

    async fn open_within_deadline(
        &self,
        index: usize,
        endpoint: &Endpoint,
        ask: &Ask,
        wanted: proof::Wanted,
    ) -> Result<Session, ConnectError> {
        let after = self.info.connect_timeout;
        match tokio::time::timeout(after, self.open_one(index, endpoint, ask, wanted)).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::NoAnswer { place: place(endpoint), after }),
        }
    }

    async fn open_one(
        &self,
        index: usize,
        endpoint: &Endpoint,
        ask: &Ask,
        wanted: proof::Wanted,
    ) -> Result<Session, ConnectError> {
        let nonce = Nonce::random();
        let config = self.config(endpoint, ask, &nonce);
        let failed = |error| ConnectError::from_driver(error, place(endpoint));
        let socket = Socket::open(endpoint, &self.info.keepalive).await?;
        let local_port = socket.local_port();
        let (client, driver) = match (socket, self.tls.get(index).and_then(Option::as_ref), &endpoint.host) {
            (Socket::Tcp(stream), Some(tls), Host::Tcp { name, .. }) => {
                let tls = make_tls(tls.clone(), name);
                let (client, connection) = config.connect_raw(stream, tls).await.map_err(failed)?;
                (client, Driver::new(connection))
            }
            (Socket::Tcp(stream), _, _) => {
                let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(failed)?;
                (client, Driver::new(connection))
            }
            (Socket::Unix(stream), _, _) => {
                let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(failed)?;
                (client, Driver::new(connection))
            }
        };
        let (notices, ended) = driver.watch();
        (self.spawn)("connection", driver.run());
        let place = place(endpoint);
        let parts = SessionParts { client, notices, ended, place: place.clone() };
        let session = proof::prove(parts, &nonce, local_port, self.translation, ask).await?;
        proof::check_role(&session, wanted).await?;
        Ok(session)
    }

    fn config(&self, endpoint: &Endpoint, ask: &Ask, nonce: &Nonce) -> Config {
        let mut config = Config::new();
        config
            .user(&self.info.user)
            .dbname(&self.info.database)
            .application_name(application_name(&ask.name));
        if let Some(password) = &endpoint.password {
            config.password(password.reveal());
        }
        let mut options = self.info.options.clone().unwrap_or_default();
        // The last one wins: ours come after the caller's.
        options.push_str(" -c ");
        options.push_str(&nonce.as_option());
        if ask.path == SearchPath::Ours {
            // A role's statement_timeout of a millisecond would end the very query that switches it off.
            options.push_str(
                " -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0",
            );
        }
        if ask.access == Access::ReadOnly {
            options.push_str(" -c default_transaction_read_only=on");
        }
        config.options(options.trim_start());
        let binding = match &endpoint.transport {
            Transport::Tls(policy) => {
                config.ssl_mode(tokio_postgres::config::SslMode::Require);
                if policy.direct {
                    config.ssl_negotiation(tokio_postgres::config::SslNegotiation::Direct);
                }
                policy.channel_binding(endpoint.password.as_ref())
            }
            Transport::Plain | Transport::Socket => {
                config.ssl_mode(tokio_postgres::config::SslMode::Disable);
                ChannelBinding::Disable
            }
        };
        config.channel_binding(match binding {
            ChannelBinding::Require => tokio_postgres::config::ChannelBinding::Require,
            ChannelBinding::Prefer => tokio_postgres::config::ChannelBinding::Prefer,
            ChannelBinding::Disable => tokio_postgres::config::ChannelBinding::Disable,
        });
        config
    }
}

type TlsConnector =
    <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<tokio::net::TcpStream>>::TlsConnect;

fn make_tls(mut tls: MakeRustlsConnect, name: &str) -> TlsConnector {
    let made: Result<TlsConnector, std::convert::Infallible> =
        tokio_postgres::tls::MakeTlsConnect::<tokio::net::TcpStream>::make_tls_connect(&mut tls, name);
    match made {
        Ok(connector) => connector,
        Err(never) => match never {},
    }
}

/// A server's limit is 63 bytes, and it replaces what is not printable ASCII by `?`: do it here, so that the name can be
/// searched for as it is.
pub fn application_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(63).collect()
}

/// `host:port`, for messages.
pub fn place(endpoint: &Endpoint) -> String {
    match &endpoint.host {
        Host::Unix(folder) => format!("{}/.s.PGSQL.{}", folder.display(), endpoint.port),
        Host::Tcp { name, .. } if name.contains(':') => format!("[{name}]:{}", endpoint.port),
        Host::Tcp { name, .. } => format!("{name}:{}", endpoint.port),
    }
}

/// Deadline of one query of ours on a healthy server: none of them scans user data.
pub(super) const QUERY_DEADLINE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_name_is_what_the_server_will_show() {
        assert_eq!(application_name("cicerone/r1/ix a"), "cicerone/r1/ix a");
        assert_eq!(application_name("tüx\n\u{1b}[1m"), "t?x??[1m");
        assert_eq!(application_name(&"x".repeat(90)).len(), 63);
    }
}
