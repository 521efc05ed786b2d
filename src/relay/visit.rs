//! A console's side of the socket.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use super::codec;
use super::message::{FromEngine, Hello, ToEngine, Welcome};

/// How long an engine may take to answer: it does so at once, whatever its server does.
const ANSWER: Duration = Duration::from_secs(10);

/// An engine cannot be visited.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// Nothing answers at the socket, or not as an engine does.
    #[error("no engine answers: {0}")]
    Silent(#[from] io::Error),
    /// It speaks another protocol.
    #[error("the engine is version {build} and speaks protocol {protocol}, not {ours}")]
    Unfit {
        /// Its version of the program.
        build: String,
        /// Its protocol.
        protocol: u32,
        /// Ours.
        ours: u32,
    },
}

/// A console that was let in.
pub struct Visit {
    /// Where it has come to.
    pub welcome: Welcome,
    /// What the engine says.
    pub ears: Ears,
    /// What is said to it.
    pub mouth: Mouth,
}

/// What the engine says.
pub struct Ears(FramedRead<OwnedReadHalf, LengthDelimitedCodec>);

/// What is said to the engine.
pub struct Mouth(FramedWrite<OwnedWriteHalf, LengthDelimitedCodec>);

/// Goes in.
pub async fn visit(path: &Path, hello: Hello) -> Result<Visit, VisitError> {
    let ours = hello.protocol;
    let stream = UnixStream::connect(path).await?;
    if stream.peer_cred()?.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is somebody else's process").into());
    }
    let (read, write) = stream.into_split();
    let mut ears = Ears(FramedRead::new(read, codec()));
    let mut mouth = Mouth(FramedWrite::new(write, codec()));
    mouth.say(&ToEngine::Hello(hello)).await?;
    let silent = || io::Error::from(io::ErrorKind::TimedOut);
    match timeout(ANSWER, ears.hear()).await.map_err(|_| silent())? {
        Some(FromEngine::Welcome(welcome)) => Ok(Visit { welcome, ears, mouth }),
        Some(FromEngine::Unfit { protocol, build }) => Err(VisitError::Unfit { build, protocol, ours }),
        Some(_) | None => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
    }
}

impl Ears {
    /// The next message; none when the engine has gone.
    pub async fn hear(&mut self) -> Option<FromEngine> {
        let frame = self.0.next().await?.ok()?;
        serde_json::from_slice(&frame).ok()
    }
}

impl Mouth {
    /// Says something.
    pub async fn say(&mut self, message: &ToEngine) -> io::Result<()> {
        self.0.send(Bytes::from(serde_json::to_vec(message)?)).await
    }
}
