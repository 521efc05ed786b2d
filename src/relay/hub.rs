//! Who is at the door, who has the run in hand, and what everybody is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::message::{FromEngine, Role};
use super::{LEASE, PROTOCOL};
use crate::domain::command::{Command, Refusal};
use crate::domain::event::Event;
use crate::domain::id::Person;

/// Messages that wait for one console. One that is this far behind is shown out: it can come again and is told everything.
const QUEUE: usize = 1_024;

/// Consoles at once.
pub(super) const GUESTS: usize = 32;

/// What the engine's side hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Knock {
    /// The controller wants something.
    Command(GuestId, Command),
    /// Somebody wants the report as it is now.
    Report(GuestId),
    /// The controller goes, and wants a run in which nothing was done to end.
    Quit(GuestId, Person),
    /// Somebody has the run in hand now.
    InHand(Person),
    /// Nobody has it in hand any more.
    OutOfHand {
        /// Whether that was meant.
        parting: Parting,
        /// Who had it.
        by: Person,
        /// How it came.
        why: String,
    },
}

/// How a controller goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// The run is meant to go on.
    Meant,
    /// The console died, its connection broke, or nothing was heard of it.
    Lost,
}

/// One console, for as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GuestId(u64);

/// Shared by the door, its guests and the engine's side; cheap to clone.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Mutex<Inner>>,
    knocks: mpsc::UnboundedSender<Knock>,
}

struct Inner {
    history: Vec<Bytes>,
    guests: BTreeMap<GuestId, Guest>,
    controller: Option<GuestId>,
    next: u64,
}

struct Guest {
    person: Person,
    may: Role,
    queue: mpsc::Sender<Bytes>,
    heard: Instant,
}

/// A guest that was let in.
pub(super) struct Joined {
    pub(super) id: GuestId,
    pub(super) role: Role,
    pub(super) holder: Option<Person>,
    pub(super) history: Vec<Bytes>,
    pub(super) queue: mpsc::Receiver<Bytes>,
}

impl Hub {
    /// Nobody is there yet. Knocks come by the channel.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Knock>) {
        let (knocks, heard) = mpsc::unbounded_channel();
        let inner = Inner { history: Vec::new(), guests: BTreeMap::new(), controller: None, next: 0 };
        (Self { inner: Arc::new(Mutex::new(inner)), knocks }, heard)
    }

    /// Tells everybody of a fact, now and later.
    pub fn event(&self, event: &Event) {
        let Some(frame) = frame(&FromEngine::Event(event.clone())) else { return };
        let mut inner = self.lock();
        inner.history.push(frame.clone());
        self.send_all(&mut inner, &frame);
    }

    /// Tells everybody who is there.
    pub fn tell(&self, message: &FromEngine) {
        if let Some(frame) = frame(message) {
            self.send_all(&mut self.lock(), &frame);
        }
    }

    /// Answers one console.
    pub fn answer(&self, guest: GuestId, message: &FromEngine) {
        if let Some(frame) = frame(message) {
            self.send(&mut self.lock(), guest, frame);
        }
    }

    /// Whether any console is there.
    pub fn is_attended(&self) -> bool {
        !self.lock().guests.is_empty()
    }

    /// Everybody is shown out once they have what they were told.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.controller = None;
        inner.guests.clear();
    }

    /// Lets a console in, with everything so far; none when there are too many.
    pub(super) fn join(&self, person: &Person, may: Role, wants: Role) -> Option<Joined> {
        let mut inner = self.lock();
        if inner.guests.len() >= GUESTS {
            return None;
        }
        inner.next += 1;
        let id = GuestId(inner.next);
        let (sender, queue) = mpsc::channel(QUEUE);
        let guest = Guest { person: person.clone(), may, queue: sender, heard: Instant::now() };
        let history = inner.history.clone();
        inner.guests.insert(id, guest);
        let takes = wants == Role::Controller && may == Role::Controller && inner.controller.is_none();
        if takes {
            self.give(&mut inner, id, Some(id));
        }
        let role = if takes { Role::Controller } else { Role::Observer };
        Some(Joined { id, role, holder: inner.holder(), history, queue })
    }

    /// Something was heard of a console.
    pub(super) fn heard(&self, guest: GuestId) {
        if let Some(guest) = self.lock().guests.get_mut(&guest) {
            guest.heard = Instant::now();
        }
    }

    /// A wish: the controller's goes to the engine's side, everybody else's is refused.
    pub(super) fn command(&self, guest: GuestId, command: Command) {
        let mut inner = self.lock();
        if inner.controller == Some(guest) {
            // Without an engine's side there is nobody to act on it, and the console learns so by the end.
            let _ = self.knocks.send(Knock::Command(guest, command));
            return;
        }
        let who = inner.holder().map_or_else(|| "nobody".to_owned(), |person| person.0);
        let refusal = Refusal::NotInControl { who };
        if let Some(frame) = frame(&FromEngine::Refused { verb: command.verb, refusal }) {
            self.send(&mut inner, guest, frame);
        }
    }

    /// A wish that changes nothing on the server.
    pub(super) fn report(&self, guest: GuestId) {
        // The same as for commands.
        let _ = self.knocks.send(Knock::Report(guest));
    }

    /// Gives a console the run in hand. A console that may only watch stays a watcher.
    pub(super) fn take(&self, guest: GuestId) {
        let mut inner = self.lock();
        let may = inner.guests.get(&guest).is_some_and(|guest| guest.may == Role::Controller);
        if may && inner.controller != Some(guest) {
            self.give(&mut inner, guest, None);
        }
    }

    /// A console has gone.
    pub(super) fn leave(&self, guest: GuestId, why: &str) {
        self.remove(&mut self.lock(), guest, why);
    }

    /// A console goes on purpose.
    pub(super) fn depart(&self, guest: GuestId) {
        let mut inner = self.lock();
        if inner.controller == Some(guest) {
            self.lose(&mut inner, guest, Parting::Meant, "left, and the run goes on");
        }
    }

    /// A console goes, and with it a run in which nothing was done: the controller's word alone.
    pub(super) fn quit(&self, guest: GuestId) {
        let inner = self.lock();
        if let Some(person) = inner.holder().filter(|_| inner.controller == Some(guest)) {
            // The same as for commands.
            let _ = self.knocks.send(Knock::Quit(guest, person));
        }
    }

    /// Takes the run out of the hands of a controller who is silent for too long.
    pub(super) fn expire(&self) {
        let mut inner = self.lock();
        let silent = inner
            .controller
            .filter(|id| inner.guests.get(id).is_none_or(|guest| guest.heard.elapsed() > LEASE));
        if let Some(id) = silent {
            self.lose(&mut inner, id, Parting::Lost, &format!("nothing was heard for {} s", LEASE.as_secs()));
        }
    }

    /// `newcomer` learns of it by its welcome.
    fn give(&self, inner: &mut Inner, to: GuestId, newcomer: Option<GuestId>) {
        inner.controller = Some(to);
        if let Some(guest) = inner.guests.get_mut(&to) {
            guest.heard = Instant::now();
            let _ = self.knocks.send(Knock::InHand(guest.person.clone()));
        }
        self.tell_lease(inner, newcomer);
    }

    fn lose(&self, inner: &mut Inner, id: GuestId, parting: Parting, why: &str) {
        let Some(guest) = inner.guests.get(&id) else {
            inner.controller = None;
            return;
        };
        let by = guest.person.clone();
        inner.controller = None;
        let _ = self.knocks.send(Knock::OutOfHand { parting, by, why: why.to_owned() });
        self.tell_lease(inner, None);
    }

    fn tell_lease(&self, inner: &mut Inner, except: Option<GuestId>) {
        let holder = inner.holder();
        let ids: Vec<GuestId> = inner.guests.keys().copied().filter(|id| Some(*id) != except).collect();
        for id in ids {
            let role = if inner.controller == Some(id) { Role::Controller } else { Role::Observer };
            if let Some(frame) = frame(&FromEngine::Lease { holder: holder.clone(), role }) {
                self.send(inner, id, frame);
            }
        }
    }

    fn send_all(&self, inner: &mut Inner, frame: &Bytes) {
        let ids: Vec<GuestId> = inner.guests.keys().copied().collect();
        for id in ids {
            self.send(inner, id, frame.clone());
        }
    }

    /// Whoever does not keep up is shown out, never waited for.
    fn send(&self, inner: &mut Inner, id: GuestId, frame: Bytes) {
        let full = inner.guests.get(&id).is_some_and(|guest| guest.queue.try_send(frame).is_err());
        if full {
            self.remove(inner, id, "it did not take what it was sent");
        }
    }

    fn remove(&self, inner: &mut Inner, id: GuestId, why: &str) {
        if inner.controller == Some(id) {
            // Out of the list first, so that it is not told of it.
            inner.controller = None;
            if let Some(guest) = inner.guests.remove(&id) {
                let parting = Parting::Lost;
                let _ = self.knocks.send(Knock::OutOfHand { parting, by: guest.person, why: why.to_owned() });
            }
            self.tell_lease(inner, None);
        } else {
            inner.guests.remove(&id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn holder(&self) -> Option<Person> {
        self.controller.and_then(|id| self.guests.get(&id)).map(|guest| guest.person.clone())
    }
}

/// A message as bytes; none for one that cannot be written, which the log tells.
pub(super) fn frame(message: &FromEngine) -> Option<Bytes> {
    match serde_json::to_vec(message) {
        Ok(bytes) => Some(Bytes::from(bytes)),
        Err(error) => {
            tracing::error!(%error, protocol = PROTOCOL, "a message cannot be written");
            None
        }
    }
}
