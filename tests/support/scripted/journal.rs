//! A journal in memory that several processes can write one after the other, and that can fail or be the last thing
//! that a process does.

use std::sync::{Arc, Mutex};

use cicerone::domain::event::{Event, EventKind};
use cicerone::domain::id::{Digest, Seq};
use cicerone::ports::{Journal, JournalError};

/// What goes wrong with one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// The record with this number does not reach the disk, and no later one does.
    SealedAt(u64),
    /// The process dies as soon as the record with this number is on disk.
    KilledAfter(u64),
}

/// No script writes more. Time stands still while an engine writes in a loop, so that no limit of time would end it.
const MOST: u64 = 3_000;

/// The records, shared by whoever writes them and by the server, which looks whether an intent is among them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notebook(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    events: Vec<Event>,
    mishap: Option<Mishap>,
    sealed: bool,
}

impl Notebook {
    pub(crate) fn with(mishap: Option<Mishap>) -> Self {
        Self(Arc::new(Mutex::new(Pages { mishap, ..Pages::default() })))
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().events.clone()
    }

    /// A new process opens it: the disk is well again.
    pub(crate) fn reopen(&self) -> Box<dyn Journal> {
        self.0.lock().unwrap().sealed = false;
        Box::new(self.clone())
    }
}

impl Journal for Notebook {
    fn append(&mut self, at: jiff::Timestamp, kind: EventKind) -> Result<Event, JournalError> {
        let (event, killed) = {
            let mut pages = self.0.lock().unwrap();
            let seq = pages.events.len() as u64 + 1;
            assert!(seq <= MOST, "the journal fills without end: {:?}", pages.events.last());
            if pages.mishap == Some(Mishap::SealedAt(seq)) {
                pages.mishap = None;
                pages.sealed = true;
            }
            if pages.sealed {
                return Err(JournalError::Sealed("no space left on device".to_owned()));
            }
            // Through text, as on a disk.
            let text = serde_json::to_string(&Event { seq: Seq(seq), at, kind }).unwrap();
            let event: Event = serde_json::from_str(&text).unwrap();
            pages.events.push(event.clone());
            let killed = pages.mishap == Some(Mishap::KilledAfter(seq));
            if killed {
                pages.mishap = None;
            }
            (event, killed)
        };
        if killed {
            // Not a panic: nothing is printed, nothing is caught, and whoever called is gone.
            std::panic::resume_unwind(Box::new("killed"));
        }
        Ok(event)
    }

    fn head(&self) -> String {
        Digest::of(self.0.lock().unwrap().events.len().to_string().as_bytes()).0
    }
}
