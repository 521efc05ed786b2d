//! Sessions to the throwaway server, which is ours from its first byte: no proof of identity, no TLS.

use tokio_postgres::{Client, NoTls};

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The connection string is not one.
    #[error("the connection string of the throwaway server is malformed")]
    Conninfo(#[source] tokio_postgres::Error),
    /// The server refused or is gone.
    #[error("the throwaway server does not accept the session")]
    Refused(#[source] tokio_postgres::Error),
}

/// Opens a session that names itself `application`. It ends when the client is dropped.
pub async fn connect(conninfo: &str, application: &str) -> Result<Client, ConnectError> {
    let mut config: tokio_postgres::Config = conninfo.parse().map_err(ConnectError::Conninfo)?;
    config.application_name(application);
    #[expect(
        clippy::disallowed_methods,
        reason = "the server is our own throwaway, reached through a private folder"
    )]
    let (client, connection) = config.connect(NoTls).await.map_err(ConnectError::Refused)?;
    // An error here is the server going away; the client's next call reports it.
    #[expect(
        clippy::disallowed_methods,
        reason = "drives one session and ends with it; nothing to supervise"
    )]
    tokio::spawn(async move { connection.await.is_ok() });
    Ok(client)
}
