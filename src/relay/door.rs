//! The engine's side of the socket.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use super::hub::{GuestId, Hub, Joined, frame};
use super::message::{FromEngine, Hello, Role, ToEngine, Welcome};
use super::{PROTOCOL, codec};
use crate::domain::id::RunId;
use crate::domain::sample::Samples;

/// How long a newcomer may take to say who it is.
const HELLO: Duration = Duration::from_secs(5);

/// How long consoles may take to hear the last words.
const GOODBYE: Duration = Duration::from_secs(2);

/// A console that takes nothing for that long is gone.
const STALL: Duration = Duration::from_secs(10);

/// How long it is listened to a console that takes nothing more.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Shortest time between two readings for one console.
const SAMPLE_PACE: Duration = Duration::from_millis(400);

/// The socket cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// A running engine has it.
    #[error("an engine answers at {} already", path.display())]
    Taken {
        /// The socket.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot {doing} the socket {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The socket.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// What the door says of the engine behind it.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Version of the program.
    pub build: String,
    /// The run.
    pub run: RunId,
    /// What becomes of it when nobody has it in hand, in words.
    pub alone: String,
}

/// A socket that listens. Its file goes when this is dropped.
pub struct Door {
    listener: UnixListener,
    path: PathBuf,
    facts: Facts,
    hub: Hub,
    samples: watch::Receiver<Samples>,
}

impl Door {
    /// Makes the socket, for its owner alone, in a folder that only its owner can enter. One that a dead engine left is
    /// replaced; one that answers is not.
    pub async fn open(
        path: &Path,
        facts: Facts,
        hub: Hub,
        samples: watch::Receiver<Samples>,
    ) -> Result<Self, DoorError> {
        let failed = |doing| move |source| DoorError::Io { doing, path: path.to_owned(), source };
        if UnixStream::connect(path).await.is_ok() {
            return Err(DoorError::Taken { path: path.to_owned() });
        }
        match fs_err::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("replace")(error)),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(failed("make"))?;
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed("close"))?;
        Ok(Self { listener, path: path.to_owned(), facts, hub, samples })
    }

    /// Lets consoles in until `end`; whoever is there then may hear the last words.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let mut guests = JoinSet::new();
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        guests.spawn(serve(stream, self.hub.clone(), self.facts.clone(), self.samples.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the socket does not accept");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                _ = ticks.tick() => self.hub.expire(),
                Some(_) = guests.join_next() => {}
            }
        }
        let last = async { while guests.join_next().await.is_some() {} };
        // Dropped with the set: whoever takes nothing by then is not waited for.
        let _ = timeout(GOODBYE, last).await;
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // Nothing answers behind it any more; a leftover would only be replaced by the next engine.
        let _ = fs_err::remove_file(&self.path);
    }
}

type Incoming = FramedRead<OwnedReadHalf, LengthDelimitedCodec>;
type Outgoing = FramedWrite<OwnedWriteHalf, LengthDelimitedCodec>;

async fn serve(stream: UnixStream, hub: Hub, facts: Facts, samples: watch::Receiver<Samples>) {
    let own = rustix::process::geteuid().as_raw();
    if !stream.peer_cred().is_ok_and(|peer| peer.uid() == own) {
        tracing::warn!("somebody else's process was shown out");
        return;
    }
    let (read, write) = stream.into_split();
    let (mut incoming, mut outgoing) = (FramedRead::new(read, codec()), FramedWrite::new(write, codec()));
    let Ok(Some(ToEngine::Hello(hello))) = timeout(HELLO, heard(&mut incoming)).await else { return };
    if hello.protocol != PROTOCOL {
        let unfit = FromEngine::Unfit { protocol: PROTOCOL, build: facts.build };
        if let Some(frame) = frame(&unfit) {
            let _ = send(&mut outgoing, frame).await;
        }
        return;
    }
    let Some(joined) = join(&hub, &hello, &facts) else { return };
    let guest = joined.id;
    let told = tokio::select! {
        why = listen(&mut incoming, &hub, guest) => Err(why),
        why = tell(outgoing, &facts, joined, samples) => Ok(why),
    };
    let why = match told {
        Err(why) => why,
        Ok(why) => {
            // What it had said before it went still counts.
            let _ = timeout(LAST_WORDS, listen(&mut incoming, &hub, guest)).await;
            why
        }
    };
    tracing::info!(?guest, why, "a console has gone");
    hub.leave(guest, why);
}

/// A console of another version folds events that it may not know: it watches.
fn join(hub: &Hub, hello: &Hello, facts: &Facts) -> Option<Joined> {
    let may = if hello.build == facts.build { Role::Controller } else { Role::Observer };
    let joined = hub.join(&hello.person, may, hello.wants)?;
    tracing::info!(guest = ?joined.id, role = ?joined.role, build = hello.build, "a console has come");
    Some(joined)
}

async fn heard(incoming: &mut Incoming) -> Option<ToEngine> {
    let frame = incoming.next().await?.ok()?;
    serde_json::from_slice(&frame).ok()
}

/// Until nothing more is to be heard.
async fn listen(incoming: &mut Incoming, hub: &Hub, guest: GuestId) -> &'static str {
    while let Some(message) = heard(incoming).await {
        hub.heard(guest);
        match message {
            ToEngine::Command(command) => hub.command(guest, command),
            ToEngine::Take => hub.take(guest),
            ToEngine::Report => hub.report(guest),
            ToEngine::Depart => hub.depart(guest),
            ToEngine::Quit => hub.quit(guest),
            ToEngine::Beat => {}
            ToEngine::Hello(_) => break,
        }
    }
    "its console has gone"
}

/// Until it is shown out or takes no more.
async fn tell(
    mut outgoing: Outgoing,
    facts: &Facts,
    joined: Joined,
    mut samples: watch::Receiver<Samples>,
) -> &'static str {
    const GONE: &str = "its console takes nothing more";
    let Joined { role, holder, history, mut queue, .. } = joined;
    let welcome = FromEngine::Welcome(Welcome {
        build: facts.build.clone(),
        run: facts.run.clone(),
        pid: std::process::id(),
        alone: facts.alone.clone(),
        role,
        holder,
        events: u64::try_from(history.len()).unwrap_or(u64::MAX),
    });
    let begin = frame(&welcome).into_iter().chain(history).chain(frame(&FromEngine::CaughtUp));
    for frame in begin {
        if feed(&mut outgoing, frame).await.is_err() {
            return GONE;
        }
    }
    if flush(&mut outgoing).await.is_err() {
        return GONE;
    }
    samples.mark_changed();
    let mut pace = interval(SAMPLE_PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let sent = tokio::select! {
            biased;
            frame = queue.recv() => match frame {
                Some(frame) => told(&mut outgoing, frame, &mut queue).await,
                None => return "it was shown out",
            },
            _ = pace.tick() => match newest(&mut samples) {
                Some(frame) => send(&mut outgoing, frame).await,
                None => Ok(()),
            },
        };
        if sent.is_err() {
            return GONE;
        }
    }
}

/// The newest reading, when there is one that was not told yet.
fn newest(samples: &mut watch::Receiver<Samples>) -> Option<Bytes> {
    samples.has_changed().is_ok_and(|changed| changed).then(|| {
        let newest = samples.borrow_and_update().clone();
        frame(&FromEngine::Samples(newest))
    })?
}

/// Sends a message and whatever else waits already, at once.
async fn told(outgoing: &mut Outgoing, frame: Bytes, queue: &mut mpsc::Receiver<Bytes>) -> io::Result<()> {
    feed(outgoing, frame).await?;
    while let Ok(frame) = queue.try_recv() {
        feed(outgoing, frame).await?;
    }
    flush(outgoing).await
}

async fn send(outgoing: &mut Outgoing, frame: Bytes) -> io::Result<()> {
    feed(outgoing, frame).await?;
    flush(outgoing).await
}

async fn feed(outgoing: &mut Outgoing, frame: Bytes) -> io::Result<()> {
    in_time(outgoing.feed(frame)).await
}

async fn flush(outgoing: &mut Outgoing) -> io::Result<()> {
    in_time(SinkExt::<Bytes>::flush(outgoing)).await
}

async fn in_time(sending: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    timeout(STALL, sending).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
