//! The last lines of every screen: what the console says, what is so, what was sent last, which keys there are.

use crate::domain::blocker::{Bites, BlockStage, Blocker, Holder};
use crate::domain::event::Ending;
use crate::domain::id::EntryKey;
use crate::domain::playbook::StepKind;
use crate::domain::progress::Wait;
use crate::domain::sample::Link;
use crate::domain::target::Mode;
use crate::domain::unit::Millis;
use crate::text::{cell_width, cut, plural, span};

use super::super::allowed::allowed;
use super::super::keymap::{Action, Binding, Deed, See, Way};
use super::super::picture::StatementEnd;
use super::super::scene::Scene;
use super::super::show::{clock, since};
use super::super::ui_state::Screen;
use super::line::{Line, Span, Tone, Word};

/// A message is shown for so long.
const MESSAGE_FOR: Millis = Millis(15_000);
/// Below so many cells the state is not shared with a second text.
const NARROW: usize = 70;

/// What the console has to say.
pub(super) fn message(scene: &Scene<'_>) -> Option<Line> {
    let message = scene.ui.message.as_ref()?;
    let fresh = Millis::between(message.at, scene.now) <= MESSAGE_FOR;
    fresh.then(|| Line::of(message.tone, scene.show().whole(&message.text)))
}

/// What is so, most urgent first; whoever holds something up is named at the right when that is not what it says.
pub(super) fn status(scene: &Scene<'_>, width: usize) -> Line {
    let first = ended(scene).or_else(|| broken(scene)).or_else(|| ending(scene)).or_else(|| held(scene));
    let blocked = match &first {
        Some(_) if !scene.picture.over() && width >= NARROW => {
            worst_blocker(scene).map(|(key, blocker)| in_short(scene, key, blocker))
        }
        Some(_) | None => None,
    };
    let (word, text) = first.or_else(|| working(scene)).unwrap_or_else(|| idle(scene));
    let broke = match scene.picture.run.control.panics.len() {
        0 => String::new(),
        _ => format!("  a task of the engine broke: see [{}]", scene.key(Action::See(See::Log))),
    };
    let blocked = blocked.unwrap_or_default();
    let line = Line::plain(" ").word(word).then(Tone::Plain, "  ");
    // A text that does not fit ends in two dots: nothing is lost without a sign.
    let text = cut(&text, width.saturating_sub(line.width() + cell_width(&broke) + cell_width(&blocked)));
    line.then(Tone::Plain, text).then(Tone::Warn, blocked).then(Tone::Bad, broke)
}

/// `  pid 1234 blocks 00:02:31`, for behind another text.
fn in_short(scene: &Scene<'_>, key: &EntryKey, blocker: &Blocker) -> String {
    let who = match &blocker.holder {
        Holder::Session { backend, .. } => format!("pid {}", backend.pid),
        Holder::Prepared { gid, .. } => scene.show().name(gid, 16),
    };
    format!("  {who} blocks {}", waited(scene, key, blocker)).trim_end().to_owned()
}

/// How long a build has waited for somebody; where that is not known, for how long they have been at it.
fn waited(scene: &Scene<'_>, key: &EntryKey, blocker: &Blocker) -> String {
    let waits = scene.sample(key).filter(|sample| sample.phase.wait().is_some());
    let waited = waits.map(|sample| clock(sample.in_phase));
    waited.or_else(|| blocker.since.map(|at| since(at, scene.now))).unwrap_or_default()
}

type Said = (Word, String);

/// That it is over, short enough for one line: its last words are in the result and in the log.
fn ended(scene: &Scene<'_>) -> Option<Said> {
    let (log, leave) = (scene.key(Action::See(See::Log)), scene.key(Action::Way(Way::Leave)));
    let Some((at, ending)) = &scene.picture.run.control.closed else {
        let gone = !scene.picture.over();
        return (!gone).then(|| {
            (Word::Bad, format!("the engine has ended and the run is open: see [{log}]. [{leave}] leaves"))
        });
    };
    let (word, so) = match ending {
        Ending::Finished => (Word::Done, "the run came to its end".to_owned()),
        Ending::RolledBack => (Word::Done, "all that this run made was dropped".to_owned()),
        Ending::NeedsPerson { step } => {
            (Word::Hold, format!("the run ended at step {}: a person is needed", scene.step_number(step)))
        }
        Ending::StoppedAt { step } => {
            (Word::Fail, format!("the run stopped at step {}", scene.step_number(step)))
        }
        Ending::Aborted => (Word::Fail, "the run was ended before its end".to_owned()),
        Ending::Unknown { .. } => (Word::Unknown, format!("the outcome is not known: see [{log}]")),
    };
    Some((word, format!("{} {so}. [{leave}] leaves", scene.time(*at))))
}

fn broken(scene: &Scene<'_>) -> Option<Said> {
    if let Some(changes) = &scene.picture.run.control.target_changed {
        let changes = scene.show().whole(&changes.join("; "));
        return Some((Word::Bad, format!("the target is another one, nothing more is sent: {changes}")));
    }
    if let Link::Lost { since, tries, why } = &scene.samples.link {
        let why = scene.show().whole(why);
        return Some((
            Word::Wait,
            format!("LINK LOST {}, try {tries}; it stops no build. {why}", scene.time(*since)),
        ));
    }
    None
}

fn ending(scene: &Scene<'_>) -> Option<Said> {
    let control = &scene.picture.run.control;
    if let Some((by, reason)) = &control.abort {
        let running = plural(scene.running().len(), "build", "builds");
        let text = format!("{} ends the run ({reason}): {running} at work", by.0);
        return Some((Word::Wait, scene.show().whole(&text)));
    }
    let rollback = control.rollback.as_ref().filter(|rollback| rollback.finished.is_none())?;
    let left = plural(rollback.entries.len(), "index", "indexes");
    Some((Word::Run, format!("rolling back: {left} to go, asked by {}", scene.show().whole(&rollback.by.0))))
}

fn held(scene: &Scene<'_>) -> Option<Said> {
    if let Some((step, why)) = scene.held() {
        let number = scene.step_number(&step.id);
        let why = scene.show().whole(why);
        return Some(match &step.kind {
            StepKind::Checks { .. } => (Word::Hold, gate(scene).unwrap_or(why)),
            StepKind::SignOff { .. } if scene.ui.arm.left(scene.now).is_none() => {
                (Word::Hold, format!(":arm, then [s] your signature at {number}: {why}"))
            }
            StepKind::SignOff { .. } => (Word::Hold, format!("[s] your signature at {number}: {why}")),
            StepKind::Confirm { .. } | StepKind::BuildIndexes { .. } | StepKind::Verify { .. } => {
                (Word::Hold, format!("[s] waiting for you at {number}: {why}"))
            }
        });
    }
    let by = scene.picture.run.control.paused.as_ref()?;
    let running = plural(scene.running().len(), "build", "builds");
    let (key, by) = (scene.key(Action::Do(Deed::Pause)), scene.show().whole(&by.0));
    Some((Word::Hold, format!("[{key}] paused by {by}: nothing new starts, {running} at work")))
}

/// Why step 2 cannot start, when checks are the reason.
fn gate(scene: &Scene<'_>) -> Option<String> {
    let tally = scene.check_tally();
    if tally.fail + tally.unknown == 0 {
        return None;
    }
    let mut parts = Vec::new();
    if tally.fail > 0 {
        parts.push(format!("{} FAIL", tally.fail));
    }
    if tally.unknown > 0 {
        parts.push(format!("{} UNKNOWN", tally.unknown));
    }
    // A recheck may close it again after builds.
    let changed = scene.picture.statement.is_some() || !scene.picture.run.ledger.is_empty();
    let unchanged = if changed { "" } else { ", nothing was changed" };
    Some(format!("GATE CLOSED  {}: nothing starts{unchanged}", parts.join(", ")))
}

fn working(scene: &Scene<'_>) -> Option<Said> {
    if let Some((key, blocker)) = worst_blocker(scene) {
        return Some(blocked(scene, key, blocker));
    }
    let running = scene.running();
    if running.is_empty() {
        return None;
    }
    let waiting = running.iter().find_map(|key| {
        // Before its statement is sent there are no readings of it: only the journal knows that it waits.
        let (waited, wait) = match (scene.sample(key), scene.build(key)) {
            (Some(sample), _) => (sample.in_phase, sample.phase.wait()?),
            (None, Some(record)) if record.intent.is_none() && !record.is_strangers() => {
                (Millis::between(record.held_since?, scene.now), Wait::FirstLock)
            }
            (None, _) => return None,
        };
        let name = scene.show().name(&key.0, 40);
        Some((Word::Wait, format!("{}  {name} waits for {}", clock(waited), wait.words())))
    });
    Some(waiting.unwrap_or_else(|| {
        let builds = plural(running.len(), "build", "builds");
        (Word::Run, format!("{builds} at work, nobody holds them up"))
    }))
}

/// The blocker that matters most: a deadlock ahead, then the oldest that bites now.
pub(super) fn worst_blocker<'a>(scene: &Scene<'a>) -> Option<(&'a EntryKey, &'a Blocker)> {
    let holders = scene.holders();
    let deadlock = holders.iter().find(|(_, blocker)| blocker.stage == BlockStage::DeadlockAhead);
    deadlock.or(holders.iter().find(|(_, blocker)| blocker.bites == Bites::Now)).copied()
}

fn blocked(scene: &Scene<'_>, key: &EntryKey, blocker: &Blocker) -> Said {
    let who = holder_words(scene, &blocker.holder);
    let name = scene.show().name(key.0.rsplit('.').next().unwrap_or(&key.0), 34);
    let age = blocker.since.map(|at| format!("{}  ", since(at, scene.now))).unwrap_or_default();
    if blocker.stage == BlockStage::DeadlockAhead {
        let key = scene.key(Action::See(See::Blockers));
        return (
            Word::Bad,
            format!("{age}{who} waits for {name}: cancel it [{key}], or the build is killed"),
        );
    }
    let waited = waited(scene, key, blocker);
    (Word::Wait, format!("{waited}  {who} holds up {name}").trim_start().to_owned())
}

/// `pid 1234 billing-worker`.
pub(super) fn holder_words(scene: &Scene<'_>, holder: &Holder) -> String {
    match holder {
        Holder::Session { backend, application, .. } => {
            let application = scene.show().name(application, 24);
            format!("pid {} {application}", backend.pid).trim_end().to_owned()
        }
        Holder::Prepared { gid, .. } => format!("prepared transaction {}", scene.show().name(gid, 24)),
    }
}

fn idle(scene: &Scene<'_>) -> Said {
    let run = &scene.picture.run;
    if run.run.is_none() || run.target.is_none() {
        let title = scene.show().name(&super::bar::way(&scene.options.title), 50);
        return (Word::Wait, format!("connecting to {title}").trim_end().to_owned());
    }
    match run.current_step() {
        Some(step) => {
            let title = scene.show().whole(&step.title);
            (Word::Run, format!("step {} {title}", scene.step_number(&step.id)))
        }
        None => (Word::Done, "every step has ended".to_owned()),
    }
}

/// The last statement that changed something, and what became of it.
pub(super) fn sql(scene: &Scene<'_>, width: usize) -> (Line, Line) {
    let Some(statement) = &scene.picture.statement else {
        let text = match scene.mode() {
            Mode::DryRun => " sql  a dry run sends nothing that changes anything",
            Mode::Live | Mode::Rehearsal => " sql  nothing has been changed so far",
        };
        return (Line::of(Tone::Dim, text), Line::default());
    };
    let right = match statement.end {
        StatementEnd::Running => Line::of(Tone::Busy, "running "),
        StatementEnd::Ok(took) => Line::of(Tone::Plain, format!("{} ", span(took.0))),
        StatementEnd::Failed(took) => Line::of(Tone::Bad, format!("failed {} ", span(took.0))),
    };
    let text = format!(" sql {}  {}", scene.time(statement.at), scene.show().bare_statement(&statement.text));
    (Line::plain(cut(&text, width.saturating_sub(right.width() + 1))), right)
}

/// Keys that do something here; those that cannot act now stand in round brackets.
pub(super) fn hints(scene: &Scene<'_>, width: usize) -> Line {
    if scene.ui.panel.is_some() {
        return Line::of(
            Tone::Dim,
            " type what is asked, then Enter  [Esc] leaves all as it is  [Ctrl-U] clears",
        );
    }
    let screen = scene.screen();
    let bound: Vec<&Binding> = scene.options.keys.bindings().iter().filter(|it| it.on(screen)).collect();
    // Help and the way out are always in view; all others as far as there is room.
    let always =
        |binding: &Binding| matches!(binding.action, Action::See(See::Help) | Action::Way(Way::Leave));
    let tail: Vec<Span> = bound.iter().filter(|it| always(it)).filter_map(|it| hint(it, scene)).collect();
    let room = width.saturating_sub(tail.iter().map(|span| cell_width(&span.text)).sum());
    let mut line = Line::plain(" ");
    if !scene.ui.filter.is_empty() {
        // Rows that are left out must not be forgotten.
        let filter = scene.show().name(&scene.ui.filter, 20);
        line = line.then(Tone::Warn, format!("/{filter} ([Esc] shows all) "));
    }
    if !scene.ui.look.is_empty() && screen != Screen::Help {
        // Whoever has strayed from where the run is must find back.
        line = line.then(Tone::Plain, format!("[{}] follow ", scene.key(Action::See(See::Follow))));
    }
    for span in bound.iter().filter(|it| !always(it) && !is_here(it, screen)).filter_map(|it| hint(it, scene))
    {
        if line.width() + cell_width(&span.text) <= room {
            line.0.push(span);
        }
    }
    line.0.extend(tail);
    line
}

/// Whether a key leads to where the operator is.
fn is_here(binding: &Binding, screen: Screen) -> bool {
    matches!(
        (binding.action, screen),
        (Action::See(See::Blockers), Screen::Blockers)
            | (Action::See(See::Plan), Screen::Plan)
            | (Action::See(See::Log), Screen::Log)
    )
}

fn hint(binding: &Binding, scene: &Scene<'_>) -> Option<Span> {
    let words = dynamic_hint(binding.action, binding.hint?, scene);
    let able = allowed(binding.action, scene).is_ok();
    // A key that cannot act now stays in view where it belongs to the screen; everywhere else it would be noise.
    let due = binding.action == Action::Do(Deed::Forward) && scene.held().is_some();
    // Nothing is stopped where results are read, but for the rare drop that waits.
    let rare = binding.action == Action::Do(Deed::Stop) && scene.screen_below_help() == Screen::Verify;
    if !able && !due && (binding.screens.is_empty() || rare) {
        return None;
    }
    Some(if able {
        Span { text: format!("[{}] {words} ", binding.key()), tone: Tone::Plain }
    } else {
        Span { text: format!("({}) {words} ", binding.key()), tone: Tone::Dim }
    })
}

fn dynamic_hint(action: Action, hint: &'static str, scene: &Scene<'_>) -> &'static str {
    if action == Action::Do(Deed::Forward) && super::super::allowed::at_sign_off(scene) {
        "sign.."
    } else if action == Action::Do(Deed::Pause) && scene.picture.run.control.paused.is_some() {
        "go on.."
    } else {
        hint
    }
}
