//! JSON Lines: one object per line, the first one says which format it is.
//!
//! ```text
//! {"type":"version","format":1,"cicerone":"0.1.0"}
//! {"type":"event","event":{"seq":1,"at":"…","family":"run","type":"opened",…}}
//! {"type":"samples","samples":{…}}
//! {"type":"end","verified":82,"total":82,…,"report":"…","journal":"…","head":"…"}
//! ```
//!
//! Objects may gain members and there may be new types of lines within a format; readers pass over what they do not
//! know. Everything beyond ASCII is escaped, so that no text of a server acts on a terminal that the lines are shown on.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::{DropHolders, Reporter, RunEnd};
use crate::domain::blocker::Blocker;
use crate::domain::event::{Ending, Event};
use crate::domain::id::EntryKey;
use crate::domain::sample::Samples;
use crate::domain::state::{RunState, Tally};
use crate::domain::unit::Millis;

/// Version of the lines' format.
pub const FORMAT: u32 = 1;

/// Time between two lines of readings, unless told otherwise.
pub const PACE: Millis = Millis(5_000);

/// JSON Lines.
#[derive(Debug)]
pub struct JsonLinesReporter<W> {
    out: W,
    state: RunState,
    pace: Millis,
    sampled: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object<'a> {
    Version {
        format: u32,
        cicerone: &'a str,
    },
    Event {
        event: &'a Event,
    },
    Samples {
        samples: &'a Samples,
    },
    DropHolders {
        at: Timestamp,
        #[serde(skip_serializing_if = "Option::is_none")]
        entries: Option<&'a BTreeMap<EntryKey, Vec<Blocker>>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        unknown: Option<&'a str>,
    },
    End(End<'a>),
}

#[derive(Serialize)]
struct End<'a> {
    #[serde(flatten)]
    tally: Tally,
    ending: Option<&'a Ending>,
    report: String,
    journal: String,
    head: &'a str,
}

impl<W: Write + Send> JsonLinesReporter<W> {
    /// Lines to `out`, readings at most once per `pace`. Writes the first line at once.
    pub fn new(out: W, pace: Millis) -> io::Result<Self> {
        let mut reporter = Self { out, state: RunState::default(), pace, sampled: None };
        reporter.write(&Object::Version { format: FORMAT, cicerone: env!("CARGO_PKG_VERSION") })?;
        Ok(reporter)
    }

    fn write(&mut self, object: &Object<'_>) -> io::Result<()> {
        write_ascii(&mut self.out, object)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

impl<W: Write + Send> Reporter for JsonLinesReporter<W> {
    fn catch_up(&mut self, events: &[Event]) {
        for event in events {
            self.state.apply(event);
        }
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.state.apply(event);
        self.write(&Object::Event { event })
    }

    fn samples(&mut self, samples: &Samples) -> io::Result<()> {
        let Some(at) = samples.at else { return Ok(()) };
        if self.sampled.is_some_and(|last| Millis::between(last, at) < self.pace) {
            return Ok(());
        }
        self.sampled = Some(at);
        self.write(&Object::Samples { samples })
    }

    fn drop_holders(&mut self, holders: &DropHolders) -> io::Result<()> {
        let (entries, unknown) = match &holders.found {
            Ok(found) => (Some(found), None),
            Err(why) => (None, Some(why.as_str())),
        };
        self.write(&Object::DropHolders { at: holders.at, entries, unknown })
    }

    fn end(&mut self, end: &RunEnd) -> io::Result<()> {
        let ending = self.state.control.closed.as_ref().map(|(_, ending)| ending.clone());
        let object = Object::End(End {
            tally: self.state.tally(),
            ending: ending.as_ref(),
            report: end.report.to_string_lossy().into_owned(),
            journal: end.journal.to_string_lossy().into_owned(),
            head: end.head.as_str(),
        });
        self.write(&object)
    }
}

/// Writes a value as JSON in ASCII, without a line end.
pub fn write_ascii(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Ascii(CompactFormatter));
    Ok(value.serialize(&mut serializer)?)
}

/// The same, indented.
pub(super) fn write_ascii_indented(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Ascii(PrettyFormatter::new()));
    Ok(value.serialize(&mut serializer)?)
}

/// Escapes what is not printable ASCII; everything else as `F` does it.
struct Ascii<F>(F);

impl<F: Formatter> Formatter for Ascii<F> {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0_u16; 2];
        for part in fragment.split_inclusive(|c: char| !c.is_ascii() || c == '\u{7f}') {
            match part.char_indices().next_back() {
                Some((at, last)) if !last.is_ascii() || last == '\u{7f}' => {
                    out.write_all(&part.as_bytes()[..at])?;
                    for unit in last.encode_utf16(&mut units) {
                        write!(out, "\\u{unit:04x}")?;
                    }
                }
                _ => out.write_all(part.as_bytes())?,
            }
        }
        Ok(())
    }

    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }
    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }
    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }
    fn end_array_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }
    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }
    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }
    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }
    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }
    fn end_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::domain::id::Digest;
    use crate::report::script;

    #[test]
    fn every_line_is_one_object_and_the_first_names_the_format() {
        let mut out = Vec::new();
        let events = script::rehearsal();
        let mut reporter = JsonLinesReporter::new(&mut out, PACE).unwrap();
        for event in &events {
            reporter.event(event).unwrap();
        }
        let samples = |at: &str| Samples { at: Some(at.parse().unwrap()), ..Samples::default() };
        for at in ["2026-11-20T00:00:00Z", "2026-11-20T00:00:04Z", "2026-11-20T00:00:05Z"] {
            reporter.samples(&samples(at)).unwrap();
        }
        let end = RunEnd { report: "/r.md".into(), journal: "/j".into(), head: Digest("9f".repeat(32)) };
        reporter.end(&end).unwrap();

        assert!(out.is_ascii() && out.iter().all(|byte| *byte == b'\n' || !byte.is_ascii_control()));
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["type"], "version");
        assert_eq!(lines[0]["format"], FORMAT);
        let read: Vec<Event> = lines
            .iter()
            .filter(|line| line["type"] == "event")
            .map(|line| serde_json::from_value(line["event"].clone()).unwrap())
            .collect();
        assert_eq!(read, events, "a reader gets back what was journaled, hostile names included");
        assert_eq!(lines.iter().filter(|line| line["type"] == "samples").count(), 2);
        let last = lines.last().unwrap();
        assert_eq!((&last["type"], &last["verified"], &last["total"]), (&"end".into(), &3.into(), &5.into()));
        assert_eq!(last["ending"]["ending"], "finished");
    }

    #[test]
    fn text_beyond_ascii_is_escaped_and_comes_back() {
        let text = "é\u{7f}\u{9b}\u{202e}\u{1f9ed}\"\\\n";
        let mut out = Vec::new();
        write_ascii(&mut out, &text).unwrap();
        assert_eq!(
            String::from_utf8(out.clone()).unwrap(),
            r#""\u00e9\u007f\u009b\u202e\ud83e\udded\"\\\n""#
        );
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }
}
