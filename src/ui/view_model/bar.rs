//! The two lines that are on every screen: where, whether armed, when, how fresh; and where in the playbook.

use std::borrow::Cow;

use crate::domain::id::RunId;
use crate::domain::playbook::{PlaybookPhase, StepKind};
use crate::domain::sample::Link;
use crate::domain::state::StepStatus;
use crate::domain::target::{Mode, Transport};
use crate::text::{cell_width, cut};

use super::super::scene::{AGED, STALE, Scene, step_word};
use super::super::show::clock;
use super::line::{Line, Tone, Word};

/// Target at the left, safety, clock and age at the right. The right side is never cut.
pub(super) fn bar(scene: &Scene<'_>, width: usize) -> (Line, Line) {
    // The server's version gives way before anything else does.
    let version =
        scene.picture.run.target.as_ref().map_or(0, |it| cell_width(&version(&it.version, scene)) + 2);
    let whole = left(scene, usize::MAX).width().saturating_sub(version);
    let named = right(scene, Author::Named);
    // Who armed it gives way to where it is armed.
    let right = if whole + 2 + named.width() > width { right(scene, Author::Unnamed) } else { named };
    let room = width.saturating_sub(right.width() + 2);
    (left(scene, room), right)
}

/// Words for what the run may do and where, before anything else.
pub(super) fn environment(scene: &Scene<'_>) -> String {
    let word = scene.show().name(&scene.environment().word(), 12);
    match scene.mode() {
        Mode::Live => word,
        Mode::Rehearsal if word == "REHEARSAL" => word,
        Mode::Rehearsal => format!("REHEARSAL {word}"),
        Mode::DryRun => format!("DRY RUN {word}"),
    }
}

/// The environment's own colour, when the operator gave it one: a second voice beside its word.
pub(super) fn environment_tone(scene: &Scene<'_>) -> Tone {
    let word = scene.environment().word();
    let hue = scene.options.hues.iter().find(|(known, _)| *known == word);
    hue.map_or(Tone::Strong, |(_, hue)| Tone::Hue(*hue))
}

/// Where, in at most `room` cells.
pub(super) fn left(scene: &Scene<'_>, room: usize) -> Line {
    let environment = format!(" {} ", environment(scene));
    let room = room.saturating_sub(cell_width(&environment) + 1);
    let line = Line::of(environment_tone(scene), environment);
    let Some(target) = &scene.picture.run.target else {
        let text = scene.show().name(&way(&scene.options.title), room);
        return line.then(Tone::Plain, format!(" {text}"));
    };
    let identity = &target.identity;
    let secured = match target.transport {
        // The address says so already.
        Transport::Socket => "",
        Transport::Tls => "  TLS",
        Transport::Plaintext => "  NO TLS",
    };
    let standing = format!("  {}{secured}", identity.standing.word());
    let version = format!("  {}", version(&target.version, scene));
    // The way to the server gives way first, then its version; the database, the standing and the transport stay.
    let database = scene.show().name(&identity.database, room.saturating_sub(cell_width(&standing)).min(30));
    let rest = room.saturating_sub(cell_width(&database) + cell_width(&standing));
    let (version, rest) = match rest.checked_sub(cell_width(&version) + 15) {
        Some(_) => (version.clone(), rest - cell_width(&version)),
        None => (String::new(), rest),
    };
    let address = match rest.checked_sub(1) {
        Some(rest) if rest >= 6 => format!("{}/", scene.show().name(&way(&target.address), rest)),
        Some(_) | None => String::new(),
    };
    line.then(Tone::Plain, format!(" {address}{database}{standing}{version}"))
}

/// A way to a server without the folder of its socket: the port tells servers of one machine apart.
pub(super) fn way(address: &str) -> Cow<'_, str> {
    match address.rsplit_once("/.s.PGSQL.") {
        Some((_, port)) => Cow::Owned(format!("socket:{port}")),
        None => Cow::Borrowed(address),
    }
}

/// `PostgreSQL 15.18` as `PG15.18`.
fn version(words: &str, scene: &Scene<'_>) -> String {
    let short =
        words.strip_prefix("PostgreSQL ").map_or_else(|| words.to_owned(), |rest| format!("PG{rest}"));
    scene.show().name(&short, 12)
}

/// Whether it is said who armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    Named,
    Unnamed,
}

/// Whether armed, when, how fresh.
pub(super) fn right(scene: &Scene<'_>, author: Author) -> Line {
    let line = match scene.ui.arm.left(scene.now) {
        Some(left) => {
            let who = match author {
                Author::Named => format!(" {}", scene.show().name(&scene.operator.0, 10)),
                Author::Unnamed => String::new(),
            };
            let time = if scene.options.calm() {
                format!("{} min", (left + 59) / 60)
            } else {
                format!("{:02}:{:02}", left / 60, left % 60)
            };
            Line::of(Tone::Bad, format!("[ARMED {time}{who}]"))
        }
        None => Line::plain("[SAFE]"),
    };
    let line = line.then(Tone::Plain, format!("  {}  ", scene.wall_clock()));
    if let Some(frozen) = &scene.ui.freeze {
        let age = crate::domain::unit::Millis::between(frozen.at, scene.now);
        return line.then(Tone::Strong, format!("FROZEN {} ", clock(age)));
    }
    // Nothing is read any more, and nothing can be acted on: an age would only alarm.
    if scene.picture.over() {
        return line.then(Tone::Strong, "ENDED ");
    }
    match (&scene.samples.link, scene.data_age()) {
        (Link::Lost { .. }, _) => line.then(Tone::Bad, "LINK LOST "),
        (_, None) => line.then(Tone::Dim, "- "),
        (_, Some(age)) if age > STALE => line.then(Tone::Bad, format!("STALE {} ", clock(age))),
        (_, Some(age)) if age > AGED => line.then(Tone::Strong, format!("{}s ", age.seconds())),
        (_, Some(_)) if scene.options.calm() => line.then(Tone::Plain, "live "),
        (_, Some(age)) => line.then(Tone::Plain, format!("{}s ", age.seconds())),
    }
}

/// Phases: what is done, where the run is, what comes. Titles of the others give way to that of the current one.
pub(super) fn strip(scene: &Scene<'_>, width: usize) -> Line {
    let Some(run) = &scene.picture.run.run else {
        return Line::of(Tone::Dim, " no run is open yet");
    };
    let head = format!(" run {} ", short_id(&run.run, scene));
    let fits = |line: &Line| line.width() <= width;
    let tries = [(30, 30), (16, 30), (10, 30), (7, 30), (5, 30), (0, 30), (0, 16), (0, 8)];
    let strips = tries.map(|(others, current)| phases(scene, &run.playbook.phases, &head, others, current));
    let narrowest = strips.last().cloned().unwrap_or_default();
    strips.into_iter().find(fits).unwrap_or(narrowest)
}

/// All phases, with at most so many cells for a title.
fn phases(scene: &Scene<'_>, phases: &[PlaybookPhase], head: &str, others: usize, current: usize) -> Line {
    let here = scene.current_phase();
    let mut line = Line::of(Tone::Dim, head);
    for (index, phase) in phases.iter().enumerate() {
        let words: Vec<Word> =
            phase.steps.iter().map(|step| step_word(scene.picture.run.steps.get(&step.id))).collect();
        let number = index + 1;
        let done = words.iter().all(|word| !matches!(word, Word::Todo | Word::Run | Word::Hold));
        let title = |room: usize| match room {
            0 => String::new(),
            room => {
                let room = if scene.is_whole() { usize::MAX } else { room };
                format!(" {}", cut(&scene.show().whole(&phase.title).to_uppercase(), room))
            }
        };
        line = if here == Some(index) {
            let step =
                scene.current().map_or_else(|| number.to_string(), |(step, _)| scene.step_number(&step.id));
            line.then(Tone::Strong, format!(" >{step}{}{} ", title(current), count(scene, phase)))
        } else if done {
            let word = worst(&words);
            line.then(word.tone(), format!("  {number} {} ", word.text().to_lowercase()))
        } else {
            line.then(Tone::Plain, format!("  {number}{} ", title(others)))
        };
    }
    line
}

fn worst(words: &[Word]) -> Word {
    let any = |word: Word| words.contains(&word);
    if any(Word::Fail) {
        Word::Fail
    } else if any(Word::Warn) {
        Word::Warn
    } else if words.iter().all(|word| *word == Word::Skip) {
        Word::Skip
    } else {
        Word::Ok
    }
}

/// ` 2/6` behind the phase that builds, while it does.
fn count(scene: &Scene<'_>, phase: &PlaybookPhase) -> String {
    let building = phase.steps.iter().any(|step| {
        matches!(step.kind, StepKind::BuildIndexes { .. })
            && scene
                .picture
                .run
                .steps
                .get(&step.id)
                .is_some_and(|record| !matches!(record.status, StepStatus::Finished { .. }))
    });
    let tally = scene.picture.run.tally();
    if building { format!(" {}/{}", tally.verified, tally.total) } else { String::new() }
}

/// The last part of a run's id: enough to tell runs of a day apart.
pub(super) fn short_id(run: &RunId, scene: &Scene<'_>) -> String {
    scene.show().name(run.0.rsplit('-').next().unwrap_or(&run.0), 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_told_by_its_port_and_tcp_as_it_is() {
        assert_eq!(way("/tmp/cicerone-pg-nb1ipq/.s.PGSQL.58085"), "socket:58085");
        assert_eq!(way("/var/run/postgresql/.s.PGSQL.5432/app"), "socket:5432/app");
        assert_eq!(way("db1.example:5432"), "db1.example:5432");
    }
}
