//! The way into the coordinator, for workers and for people.

use tokio::sync::{mpsc, oneshot};

use crate::domain::command::{Command, Refusal};
use crate::domain::id::EntryKey;
use crate::domain::observe::Outcome;

/// What the coordinator is told.
pub(super) enum Message {
    /// A fact; acknowledged once it is on disk.
    Outcome { outcome: Box<Outcome>, ack: oneshot::Sender<Result<(), NotRecorded>> },
    /// A command; answered once it is decided.
    Command { command: Command, reply: oneshot::Sender<Result<(), Refusal>> },
    /// Whether something is still to be done; asked by those who wait before they do it.
    Ask { question: Question, reply: oneshot::Sender<Wanted> },
    /// End now, whatever runs on the server.
    EndNow,
}

/// What a waiting worker asks.
#[derive(Debug, Clone)]
pub(super) enum Question {
    /// May this entry's build still be sent?
    Build(EntryKey),
    /// May this entry's drop still be sent?
    Drop(EntryKey),
    /// Is anybody still interested in what somebody builds for this entry?
    Watch(EntryKey),
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    /// Only if nothing has to be waited for: nobody is there to say for how long.
    AtOnce,
    No,
}

/// Why a fact was not recorded. A worker that is about to send something does not send it then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotRecorded {
    /// The journal takes no more records: no durable record, no DDL.
    #[error("the journal cannot be written")]
    Sealed,
    /// The run is pausing, ending or rolling back: nothing new is sent.
    #[error("the run is ending")]
    NotNow,
    /// The coordinator is gone.
    #[error("the engine has ended")]
    Gone,
}

/// How a pause ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paused {
    /// All of it passed.
    ToTheEnd,
    /// Something was recorded meanwhile.
    News,
}

/// A worker's way to the journal.
#[derive(Clone)]
pub(super) struct Recorder {
    pub(super) inbox: mpsc::Sender<Message>,
    pub(super) head: tokio::sync::watch::Receiver<String>,
}

impl Recorder {
    /// Returns once the fact is on disk and folded in.
    pub(super) async fn record(&self, outcome: Outcome) -> Result<(), NotRecorded> {
        let (ack, done) = oneshot::channel();
        let message = Message::Outcome { outcome: Box::new(outcome), ack };
        self.inbox.send(message).await.map_err(|_| NotRecorded::Gone)?;
        done.await.map_err(|_| NotRecorded::Gone)?
    }

    /// Whether something is still wanted. Not, when there is nobody left to ask.
    pub(super) async fn wanted(&self, question: Question) -> Wanted {
        let (reply, answer) = oneshot::channel();
        if self.inbox.send(Message::Ask { question, reply }).await.is_err() {
            return Wanted::No;
        }
        answer.await.unwrap_or(Wanted::No)
    }

    /// Waits for `pause`, or until something is recorded: that may change what is wanted.
    pub(super) async fn pause(&self, pause: std::time::Duration) -> Paused {
        let mut head = self.head.clone();
        head.mark_unchanged();
        tokio::select! {
            () = tokio::time::sleep(pause) => Paused::ToTheEnd,
            _ = head.changed() => Paused::News,
        }
    }

    /// First 16 hex digits of the journal's head, for the comment of a statement: it anchors the journal in the
    /// server's own log.
    pub(super) fn head(&self) -> String {
        self.head.borrow().chars().take(16).collect()
    }
}

/// A person's way into a running engine. Cloneable, and nothing behind it waits for its owner.
#[derive(Clone)]
pub struct EngineHandle {
    pub(super) inbox: mpsc::Sender<Message>,
}

impl EngineHandle {
    /// Asks for something; the answer says whether it was accepted, not what came of it.
    pub async fn command(&self, command: Command) -> Result<(), Refusal> {
        let (reply, answer) = oneshot::channel();
        self.inbox.send(Message::Command { command, reply }).await.map_err(|_| Refusal::RunIsOver)?;
        answer.await.map_err(|_| Refusal::RunIsOver)?
    }

    /// The same from a thread that is not part of the runtime.
    pub fn command_blocking(&self, command: Command) -> Result<(), Refusal> {
        let (reply, answer) = oneshot::channel();
        self.inbox.blocking_send(Message::Command { command, reply }).map_err(|_| Refusal::RunIsOver)?;
        answer.blocking_recv().map_err(|_| Refusal::RunIsOver)?
    }

    /// Ends the engine at once. Statements go on at the server; the journal says which.
    pub async fn end_now(&self) {
        // An engine that is gone has ended already.
        let _ = self.inbox.send(Message::EndNow).await;
    }
}
