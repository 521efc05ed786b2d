//! Our own sockets: the driver would hide the local port, which is half of the proof.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpStream, UnixStream};

use super::{ConnectError, place};
use crate::pg::conninfo::{Endpoint, Host, Keepalive, Transport};

/// A connected socket.
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Connects to the endpoint, to each of its addresses in turn.
    pub(super) async fn open(endpoint: &Endpoint, keepalive: &Keepalive) -> Result<Self, ConnectError> {
        let unreachable = |source| ConnectError::Unreachable { place: place(endpoint), source };
        match &endpoint.host {
            Host::Unix(folder) => {
                let path = folder.join(format!(".s.PGSQL.{}", endpoint.port));
                let stream = match path.to_str().and_then(|path| path.strip_prefix('@')) {
                    Some(name) => abstract_socket(name).await,
                    None => UnixStream::connect(&path).await,
                };
                stream.map(Self::Unix).map_err(unreachable)
            }
            Host::Tcp { name, address } => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                for address in addresses(name, *address, endpoint.port).await.map_err(unreachable)? {
                    if matches!(endpoint.transport, Transport::Plain) && !address.ip().is_loopback() {
                        return Err(ConnectError::NotLoopback {
                            place: place(endpoint),
                            address: address.ip(),
                        });
                    }
                    match TcpStream::connect(address).await {
                        Ok(stream) => {
                            tune(&stream, keepalive).map_err(unreachable)?;
                            return Ok(Self::Tcp(stream));
                        }
                        Err(error) => last = error,
                    }
                }
                Err(unreachable(last))
            }
        }
    }

    /// Port of our side; `None` on a unix socket.
    pub(super) fn local_port(&self) -> Option<u16> {
        match self {
            Self::Tcp(stream) => stream.local_addr().ok().map(|address| address.port()),
            Self::Unix(_) => None,
        }
    }
}

async fn addresses(name: &str, address: Option<IpAddr>, port: u16) -> io::Result<Vec<SocketAddr>> {
    match address {
        Some(address) => Ok(vec![SocketAddr::new(address, port)]),
        None => Ok(tokio::net::lookup_host((name, port)).await?.collect()),
    }
}

#[cfg(target_os = "linux")]
async fn abstract_socket(name: &str) -> io::Result<UnixStream> {
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    let stream = std::os::unix::net::UnixStream::connect_addr(&address)?;
    stream.set_nonblocking(true)?;
    std::future::ready(UnixStream::from_std(stream)).await
}

#[cfg(not(target_os = "linux"))]
async fn abstract_socket(_name: &str) -> io::Result<UnixStream> {
    std::future::ready(Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "abstract sockets exist on Linux only",
    )))
    .await
}

/// Without these a stalled path leaves the client waiting for ever, although the server has finished (measured with a
/// proxy that stops forwarding).
fn tune(stream: &TcpStream, keepalive: &Keepalive) -> io::Result<()> {
    use rustix::net::sockopt;
    stream.set_nodelay(true)?;
    if let Some(idle) = keepalive.idle {
        sockopt::set_socket_keepalive(stream, true)?;
        sockopt::set_tcp_keepidle(stream, idle)?;
        if let Some(interval) = keepalive.interval {
            sockopt::set_tcp_keepintvl(stream, interval)?;
        }
        if let Some(count) = keepalive.count {
            sockopt::set_tcp_keepcnt(stream, count)?;
        }
    }
    #[cfg(target_os = "linux")]
    sockopt::set_tcp_user_timeout(
        stream,
        u32::try_from(keepalive.user_timeout.as_millis()).unwrap_or(u32::MAX),
    )?;
    Ok(())
}
