//! One dated line per event, and a progress line per running build now and then.
//!
//! ```text
//! 2026-11-20T03:21:10Z PROD app run a7f3 build public.idx_leads_email RUN 2/9 scan table
//! ```
//!
//! Time in UTC, environment word, database, last part of the run id, subject, state word, what happened. Lines are
//! only ever added: no cursor is moved, nothing is coloured.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;

use super::line::{self, Line, described, safe};
use super::{DropHolders, Reporter, RunEnd, Word};
use crate::domain::blocker::{Bites, Blocker};
use crate::domain::event::Event;
use crate::domain::id::EntryKey;
use crate::domain::progress::{Eta, Phase};
use crate::domain::sample::{BuildSample, Link, Samples};
use crate::domain::state::RunState;
use crate::domain::target::{Environment, Mode};
use crate::domain::unit::Millis;
use crate::text;

/// Time between two progress lines of one build, unless told otherwise: calm enough for a log of hours.
pub const PACE: Millis = Millis(15_000);

/// Plain lines.
#[derive(Debug)]
pub struct PlainReporter<W> {
    out: W,
    state: RunState,
    pace: Millis,
    /// When each running build was last written about.
    said: BTreeMap<EntryKey, Timestamp>,
    /// Whether the loss of the observer's connection was written.
    link: LinkSaid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LinkSaid {
    Up,
    Lost,
}

impl<W: Write + Send> PlainReporter<W> {
    /// Lines to `out`, progress of a build at most once per `pace`.
    pub fn new(out: W, pace: Millis) -> Self {
        Self { out, state: RunState::default(), pace, said: BTreeMap::new(), link: LinkSaid::Up }
    }

    fn write(&mut self, at: Timestamp, line: &Line) -> io::Result<()> {
        let head = head(&self.state);
        writeln!(
            self.out,
            "{} {head}{} {} {}",
            at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            line.subject,
            line.word,
            line.text
        )
    }

    fn link(&mut self, link: &Link, at: Timestamp) -> io::Result<()> {
        let (said, word, text) = match link {
            Link::Connecting => return Ok(()),
            Link::Up => (LinkSaid::Up, Word::Ok, "readings of the server come in again".to_owned()),
            Link::Lost { why, .. } => {
                (LinkSaid::Lost, Word::Bad, format!("no readings of the server, builds go on: {}", safe(why)))
            }
        };
        if said == self.link {
            return Ok(());
        }
        self.link = said;
        self.write(at, &Line { subject: "link".to_owned(), word, text })
    }

    fn is_due(&self, key: &EntryKey, at: Timestamp) -> bool {
        self.said.get(key).is_none_or(|last| Millis::between(*last, at) >= self.pace)
    }
}

impl<W: Write + Send> Reporter for PlainReporter<W> {
    fn catch_up(&mut self, events: &[Event]) {
        for event in events {
            self.state.apply(event);
        }
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.state.apply(event);
        for line in line::of(event, &self.state) {
            self.write(event.at, &line)?;
        }
        if let crate::domain::event::EventKind::Build(build) = &event.kind {
            self.said.insert(build.entry().clone(), event.at);
        }
        self.out.flush()
    }

    fn samples(&mut self, samples: &Samples) -> io::Result<()> {
        let Some(at) = samples.at else { return Ok(()) };
        self.link(&samples.link, at)?;
        for (key, sample) in &samples.builds {
            if self.is_due(key, at) {
                self.said.insert(key.clone(), at);
                self.write(at, &progress(key, sample, at))?;
            }
        }
        self.out.flush()
    }

    fn drop_holders(&mut self, holders: &DropHolders) -> io::Result<()> {
        for line in before_drops(holders) {
            self.write(holders.at, &line)?;
        }
        self.out.flush()
    }

    fn end(&mut self, end: &RunEnd) -> io::Result<()> {
        writeln!(self.out, "{}", last_line(&self.state, end))?;
        self.out.flush()
    }
}

/// Environment, database and run, as far as they are known, with a space behind.
fn head(state: &RunState) -> String {
    let Some(run) = &state.run else { return String::new() };
    let environment = match (run.mode, &run.environment) {
        (Mode::Rehearsal, Environment::Rehearsal) | (Mode::Live, _) => run.environment.word(),
        (Mode::Rehearsal, other) => format!("REHEARSAL({})", other.word()),
        (Mode::DryRun, other) => format!("{} DRY-RUN", other.word()),
    };
    let database = state.target.as_ref().map(|target| format!("{} ", safe(&target.identity.database)));
    let id = run.run.as_str();
    let id = id.rsplit('-').next().unwrap_or(id);
    format!("{} {}run {} ", safe(&environment), database.unwrap_or_default(), safe(id))
}

/// Who would hold up each drop; one line when nobody would.
fn before_drops(holders: &DropHolders) -> Vec<Line> {
    let line = |subject: String, word, text| Line { subject, word, text };
    let all = "rollback".to_owned();
    let found = match &holders.found {
        Ok(found) => found,
        Err(why) => {
            let text = format!("who would hold the drops up is not known: {}", safe(why));
            return vec![line(all, Word::Warn, text)];
        }
    };
    let held: Vec<Line> = found
        .iter()
        .filter(|(_, blockers)| !blockers.is_empty())
        .map(|(key, blockers)| {
            // Nothing waits for them yet, and for a drop that is about to be sent that makes no difference.
            let now: Vec<Blocker> =
                blockers.iter().map(|it| Blocker { bites: Bites::Now, ..it.clone() }).collect();
            let (_, text) = line::held_up(&now, holders.at);
            line(format!("drop {}", line::name(key)), Word::Warn, format!("would be {text}"))
        })
        .collect();
    if held.is_empty() {
        let drops = text::plural(found.len(), "drop", "drops");
        return vec![line(all, Word::Ok, format!("nobody would hold up the {drops} now"))];
    }
    held
}

fn progress(key: &EntryKey, sample: &BuildSample, at: Timestamp) -> Line {
    let waits = sample.phase.wait().is_some();
    let eta = match &sample.eta {
        Eta::Left(band) => format!("eta ~{}", text::clock(band.likely.seconds())),
        Eta::Waiting { on, .. } => {
            format!("eta unknown, has waited {} for {}", text::clock(sample.in_phase.seconds()), on.words())
        }
        Eta::NoGround => "eta not yet".to_owned(),
    };
    let mut said = format!(
        "{}/{} {} {}% {eta}",
        sample.phase.number(),
        Phase::LAST_NUMBER,
        sample.phase.words(),
        // Never 100: that is said by its verification.
        ((sample.fraction * 100.0) as u32).min(99)
    );
    if let Some(blocker) = sample.blockers.iter().find(|blocker| blocker.bites == Bites::Now) {
        said.push_str("; ");
        said.push_str(&described(blocker, at));
    }
    let word = if waits { Word::Wait } else { Word::Run };
    Line { subject: format!("build {}", line::name(key)), word, text: said }
}

/// `82 of 82 verified  report …  journal …`: the last line of every run, made to be read by scripts too.
pub fn last_line(state: &RunState, end: &RunEnd) -> String {
    let tally = state.tally();
    let mut parts = vec![format!("{} of {} verified", tally.verified, tally.total)];
    let others = [
        (tally.failed, "failed"),
        (tally.skipped, "left out"),
        (tally.unknown, "not known"),
        (tally.running, "running"),
        (tally.rolled_back, "rolled back"),
        (tally.leftovers, "invalid on the server"),
    ];
    parts
        .extend(others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    let mark = match state.run.as_ref().map(|run| run.mode) {
        Some(Mode::Rehearsal) => "  REHEARSAL",
        Some(Mode::DryRun) => "  DRY RUN",
        Some(Mode::Live) | None => "",
    };
    format!(
        "{}{mark}  report {}  journal {}",
        parts.join(", "),
        safe(&end.report.to_string_lossy()),
        safe(&end.journal.to_string_lossy())
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::id::Digest;
    use crate::domain::sample::ServerSample;
    use crate::domain::unit::Band;
    use crate::report::script;

    fn printed(act: impl FnOnce(&mut PlainReporter<&mut Vec<u8>>)) -> String {
        let mut out = Vec::new();
        act(&mut PlainReporter::new(&mut out, PACE));
        String::from_utf8(out).unwrap()
    }

    fn write_all(reporter: &mut impl Reporter, events: &[Event]) {
        for event in events {
            reporter.event(event).unwrap();
        }
    }

    fn end() -> RunEnd {
        RunEnd {
            report: "/state/report.md".into(),
            journal: "/state/journal.jsonl".into(),
            head: Digest("9f".repeat(32)),
        }
    }

    fn sample(at: &str, phase: Phase, fraction: f64, eta: Eta) -> Samples {
        let build = BuildSample {
            backend: None,
            phase,
            in_phase: Millis(65_000),
            fraction,
            eta,
            working: Millis(0),
            waiting: Millis(0),
            seen: None,
            blockers: Vec::new(),
        };
        Samples {
            at: Some(at.parse().unwrap()),
            link: Link::Up,
            builds: BTreeMap::from([(script::key("public.idx_a"), build)]),
            drop_holders: std::collections::BTreeMap::new(),
            server: ServerSample::default(),
            volumes: Vec::new(),
        }
    }

    #[test]
    fn every_event_is_one_dated_line() {
        let events = script::rehearsal();
        let text = printed(|reporter| {
            write_all(reporter, &events);
            reporter.end(&end()).unwrap();
        });
        insta::assert_snapshot!(text);
    }

    #[test]
    fn no_name_breaks_a_line_or_reaches_the_terminal() {
        let events = script::rehearsal();
        let text = printed(|reporter| write_all(reporter, &events));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        assert!(
            text.lines().all(|line| line.starts_with("2026-11-2") && line.contains(" run a7f3 ")),
            "{text}"
        );
    }

    #[test]
    fn progress_comes_at_a_calm_pace_and_never_says_a_hundred_percent() {
        let left = |seconds: u64| {
            let time = Millis(seconds * 1000);
            Eta::Left(Band { low: time, likely: time, high: time })
        };
        let text = printed(|reporter| {
            reporter.samples(&sample("2026-11-20T00:00:00Z", Phase::Scan, 0.2, left(80))).unwrap();
            reporter.samples(&sample("2026-11-20T00:00:14Z", Phase::Scan, 0.3, left(70))).unwrap();
            reporter.samples(&sample("2026-11-20T00:00:15Z", Phase::Scan, 1.0, left(60))).unwrap();
            let waits = Eta::Waiting { on: crate::domain::progress::Wait::OldSnapshots, work_left: None };
            reporter.samples(&sample("2026-11-20T00:00:31Z", Phase::OldSnapshots, 0.99, waits)).unwrap();
        });
        insta::assert_snapshot!(text, @r"
        2026-11-20T00:00:00Z build public.idx_a RUN 2/9 scan table 20% eta ~00:01:20
        2026-11-20T00:00:15Z build public.idx_a RUN 2/9 scan table 99% eta ~00:01:00
        2026-11-20T00:00:31Z build public.idx_a WAIT 9/9 wait snapshots 99% eta unknown, has waited 00:01:05 for old snapshots in this database
        ");
    }

    #[test]
    fn a_lost_link_is_said_once_and_its_return_once() {
        let lost = Samples {
            link: Link::Lost {
                since: "2026-11-20T00:00:00Z".parse().unwrap(),
                tries: 1,
                why: "no route\u{7}".into(),
            },
            builds: BTreeMap::new(),
            ..sample("2026-11-20T00:00:01Z", Phase::Scan, 0.1, Eta::NoGround)
        };
        let up = Samples { builds: BTreeMap::new(), link: Link::Up, ..lost.clone() };
        let text = printed(|reporter| {
            for samples in [&up, &lost, &lost, &up, &up] {
                reporter.samples(samples).unwrap();
            }
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("BAD") && text.contains("again"));
    }

    #[test]
    fn what_happened_before_is_known_and_not_repeated() {
        let events = script::rehearsal();
        let text = printed(|reporter| {
            reporter.catch_up(&events);
            reporter.end(&end()).unwrap();
        });
        assert_eq!(
            text,
            "3 of 5 verified, 1 failed, 1 left out, 1 invalid on the server  REHEARSAL  report /state/report.md  journal /state/journal.jsonl\n"
        );
    }
}
