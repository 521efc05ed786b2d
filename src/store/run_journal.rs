//! The journal of a run: [`journal`] with events as bodies, behind the engine's port.

use std::path::Path;

use super::journal::{self, Access, Durability, Journal, JournalError, ReadOnlyReason, TornTail};
use crate::domain::event::{Ending, Event, EventKind, RunEvent};
use crate::domain::id::{Digest, Seq};
use crate::ports;

/// The one writer of a run's journal.
#[derive(Debug)]
pub struct RunJournal(Journal<Event>);

/// A run's journal as it was found.
#[derive(Debug)]
pub struct Resumed {
    /// What is in it, oldest first. Records that this program does not know are left out, and there is no writer then.
    pub events: Vec<Event>,
    /// Hash of the last record.
    pub head: Digest,
    /// What was cut from its end.
    pub torn: Option<TornTail>,
    /// The writer, or why there is none.
    pub writer: Result<RunJournal, ReadOnlyReason>,
}

/// A run's journal as it can be read by anybody at any time.
#[derive(Debug)]
pub struct Recorded {
    /// What is in it, oldest first. Records that this program does not know are left out.
    pub events: Vec<Event>,
    /// Hash of the last record.
    pub head: Digest,
    /// First record that this program does not know.
    pub unknown: Option<Seq>,
    /// A bad last line; a writer may be in the middle of it.
    pub torn: Option<TornTail>,
}

impl RunJournal {
    /// Makes a new run's journal.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        journal::create(path).map(Self)
    }

    /// Takes over the journal of a run whose writer is gone.
    pub fn open(path: &Path) -> Result<Resumed, JournalError> {
        let opened = journal::open::<Event>(path)?;
        let events = opened.replay.known().map(|(_, event)| event.clone()).collect();
        let writer = match opened.access {
            Access::Write(journal) => Ok(Self(journal)),
            Access::ReadOnly(reason) => Err(reason),
        };
        Ok(Resumed { events, head: opened.replay.head, torn: opened.replay.torn, writer })
    }

    /// Reads a run's journal, whether or not somebody writes it.
    pub fn read(path: &Path) -> Result<Recorded, JournalError> {
        let replay = journal::read::<Event>(path)?;
        let events = replay.known().map(|(_, event)| event.clone()).collect();
        Ok(Recorded { events, unknown: replay.first_unknown(), head: replay.head, torn: replay.torn })
    }
}

impl ports::Journal for RunJournal {
    fn append(&mut self, at: jiff::Timestamp, kind: EventKind) -> Result<Event, ports::JournalError> {
        let durability = if kind.must_be_durable() { Durability::Synced } else { Durability::Buffered };
        let event = Event { seq: Seq(self.0.last_seq().0 + 1), at, kind };
        match self.0.append(&event, durability) {
            Ok(_) => Ok(event),
            Err(error) => Err(ports::JournalError::Sealed(error.to_string())),
        }
    }

    fn head(&self) -> String {
        self.0.head().0.clone()
    }
}

/// Whether an event ends a run for good when nothing follows it; for [`super::run_folder::StateDir::runs`]. A run that
/// ended without knowing what became of its work is to be taken over: its ledger still counts.
pub fn closes(event: &Event) -> bool {
    matches!(&event.kind, EventKind::Run(RunEvent::Closed { ending }) if !matches!(ending, Ending::Unknown { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Journal as _;

    fn at() -> jiff::Timestamp {
        "2026-11-20T05:43:12.25Z".parse().unwrap()
    }

    fn paused() -> EventKind {
        EventKind::Run(RunEvent::Paused { by: "ana".into() })
    }

    fn closed() -> EventKind {
        EventKind::Run(RunEvent::Closed { ending: Ending::Finished })
    }

    #[test]
    fn events_come_back_as_they_were_appended_with_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = RunJournal::create(&path).unwrap();
        let first = journal.append(at(), paused()).unwrap();
        let second = journal.append(at(), closed()).unwrap();
        assert_eq!((first.seq, second.seq), (Seq(1), Seq(2)));
        let head = journal.head();
        drop(journal);

        let resumed = RunJournal::open(&path).unwrap();
        assert_eq!(resumed.events, [first.clone(), second.clone()]);
        assert!(closes(&second) && !closes(&first));
        let ending = Ending::Unknown { why: "no connection".to_owned() };
        let kind = EventKind::Run(RunEvent::Closed { ending });
        assert!(!closes(&Event { kind, ..second.clone() }), "it is to be taken over");
        assert_eq!(resumed.head.as_str(), head);
        let third = resumed.writer.unwrap().append(at(), paused()).unwrap();
        assert_eq!(third.seq, Seq(3));
        let recorded = RunJournal::read(&path).unwrap();
        assert_eq!((recorded.events, recorded.unknown), (vec![first, second, third], None));
    }

    #[test]
    fn an_event_of_a_later_program_leaves_no_writer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut later = journal::create::<serde_json::Value>(&path).unwrap();
        let body =
            serde_json::json!({"seq": 1, "at": "2026-11-20T05:43:12Z", "family": "run", "type": "postponed"});
        later.append(&body, Durability::Synced).unwrap();
        drop(later);
        let resumed = RunJournal::open(&path).unwrap();
        assert!(resumed.events.is_empty());
        assert_eq!(resumed.writer.unwrap_err(), ReadOnlyReason::UnknownKind(Seq(1)));
        assert_eq!(RunJournal::read(&path).unwrap().unknown, Some(Seq(1)));
    }
}
