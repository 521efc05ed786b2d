//! Which panel an action opens, and whether an open one is still about what it was opened for.

use crate::domain::blocker::Holder;
use crate::domain::decide::REASON_LETTERS;
use crate::domain::id::EntryKey;
use crate::domain::state::{BuildStatus, StepStatus};
use crate::domain::target::LeftoverPolicy;

use super::allowed::{
    allowed, at_sign_off, entry_key, leftover_policy, still_allowed, undo_all, undo_entries, undoable,
};
use super::keymap::{Action, Deed, Level};
use super::panel::{CANCEL, DETACH, Field, PAUSE, Panel, Purpose, Reach, Rule, TERMINATE, Work};
use super::scene::Scene;
use super::ui_state::Screen;

/// Longest application name that has to be typed.
const APPLICATION_CELLS: usize = 30;

/// The panel of a deed; none for those without one. `Err` when there is nothing that it could be about.
pub(super) fn open(deed: Deed, scene: &Scene<'_>) -> Result<Option<Panel>, String> {
    allowed(Action::Do(deed), scene)?;
    let nothing = || "there is nothing under the cursor".to_owned();
    let panel = match deed {
        Deed::Forward if at_sign_off(scene) => Panel::new(
            Purpose::SignOff,
            vec![Field::new("your name", Rule::Name), reason("reason or remark")],
        ),
        Deed::Forward => {
            let (step, _) = scene.held().ok_or_else(nothing)?;
            Panel::new(Purpose::Go { step: step.id.clone() }, vec![word("go")])
        }
        Deed::Pause if scene.picture.run.control.paused.is_some() => {
            Panel::new(Purpose::Resume, vec![word("go")])
        }
        Deed::Waive => {
            let check = scene.check().ok_or_else(nothing)?;
            let purpose =
                Purpose::Waive { check: check.result.id.clone(), found: check.result.found.clone() };
            Panel::new(purpose, vec![reason("reason, kept in the report")])
        }
        Deed::Stop => {
            let key = entry_key(scene).ok_or_else(nothing)?;
            let work = work(scene, key).ok_or_else(nothing)?;
            Panel::new(Purpose::Stop { entry: key.clone(), work }, vec![word("stop")])
        }
        Deed::Undo if scene.screen_below_help() == Screen::Steps => undo_everything(scene)?,
        Deed::Undo => {
            let entries = undo_entries(scene)?;
            let name = entries.first().map(|key| index_name(scene, key)).ok_or_else(nothing)?;
            let fields = vec![
                Field::new("type the index name", Rule::Exact(name)),
                reason("reason, kept in the report"),
            ];
            Panel::new(Purpose::Undo { entries, reach: Reach::These }, fields)
        }
        Deed::EndSession => end_session(scene).ok_or_else(nothing)?,
        Deed::Skip => {
            let item = scene.entry().ok_or_else(nothing)?;
            Panel::new(
                Purpose::Skip { entry: item.key.clone() },
                vec![word("skip"), reason("reason, kept in the report")],
            )
        }
        Deed::Retry => {
            let item = scene.entry().ok_or_else(nothing)?;
            let (leftover, field) = match leftover_policy(scene, item) {
                Some(LeftoverPolicy::Repair) => (
                    LeftoverPolicy::Repair,
                    Field::new("type the index name", Rule::Exact(index_name(scene, &item.key))),
                ),
                Some(LeftoverPolicy::Keep) | None => (LeftoverPolicy::Keep, word("retry")),
            };
            Panel::new(Purpose::Retry { entry: item.key.clone(), leftover }, vec![field])
        }
        Deed::Pause | Deed::Recheck => return Ok(None),
    };
    Ok(Some(panel))
}

/// The panel that drops all that this run made.
pub(super) fn undo_everything(scene: &Scene<'_>) -> Result<Panel, String> {
    let entries = undo_all(scene)?;
    still_allowed(Deed::Undo, Level::Remove, scene)?;
    let database = scene.database().ok_or_else(|| "not connected yet".to_owned())?;
    let fields = vec![
        Field::new("type the database name", Rule::Exact(scene.show().whole(database))),
        reason("reason, kept in the report"),
    ];
    Ok(Panel::new(Purpose::Undo { entries, reach: Reach::Everything }, fields))
}

/// The panel that ends the run before its end.
pub(super) fn abort() -> Panel {
    Panel::new(Purpose::Abort, vec![word("abort"), reason("reason, kept in the report")])
}

/// The panel that leaves a run that goes on.
pub(super) fn leave() -> Panel {
    let field = Field::new("type detach or pause", Rule::OneOf(&[DETACH, PAUSE]));
    Panel::new(Purpose::Leave, vec![field])
}

/// The panel that arms.
pub(super) fn arm(scene: &Scene<'_>) -> Result<Panel, String> {
    let database = super::allowed::may_arm(scene)?;
    let field = Field::new("type the database name", Rule::Exact(scene.show().whole(&database)));
    Ok(Panel::new(Purpose::Arm, vec![field]))
}

fn word(word: &'static str) -> Field {
    Field::new(format!("type {word}"), Rule::Exact(word.to_owned()))
}

/// Free words, of which there must be enough to say something.
fn reason(label: &str) -> Field {
    Field::new(format!("{label}: {REASON_LETTERS} letters or more"), Rule::Reason)
}

/// An index's name as it has to be typed: as the screen shows it.
fn index_name(scene: &Scene<'_>, key: &EntryKey) -> String {
    let name = scene.item(key).map_or(key.0.as_str(), |item| item.name.as_str());
    scene.show().whole(name)
}

fn end_session(scene: &Scene<'_>) -> Option<Panel> {
    let (_, blocker) = scene.holder()?;
    let Holder::Session { backend, application, .. } = &blocker.holder else { return None };
    let named = format!("{} {}", backend.pid, scene.show().name(application, APPLICATION_CELLS));
    let fields = vec![
        Field::new(
            format!("type {CANCEL} (its statement) or {TERMINATE} (the session)"),
            Rule::OneOf(&[CANCEL, TERMINATE]),
        ),
        Field::new("type pid and application", Rule::Exact(named.trim().to_owned())),
        reason("reason, kept in the report"),
    ];
    Some(Panel::new(Purpose::EndSession { backend: *backend, description: blocker.line() }, fields))
}

/// What a stop of this entry would be about: its drop, which may wait long after the build has ended, or its build.
fn work(scene: &Scene<'_>, key: &EntryKey) -> Option<Work> {
    if let Some(drop) = scene.picture.run.drops.get(key).filter(|drop| drop.conclusion.is_none()) {
        return Some(Work::Drop(drop.oid, drop.purpose, drop.backend));
    }
    let record = scene.build(key)?;
    let runs = matches!(record.status, BuildStatus::Running { .. }) && !record.is_strangers();
    runs.then(|| Work::Build(record.intent.as_ref().map(|intent| intent.backend)))
}

/// Why an open panel is no longer about what it was opened for, if so.
pub(super) fn overtaken(panel: &Panel, scene: &Scene<'_>) -> Option<String> {
    let run = &scene.picture.run;
    if scene.picture.over() && panel.purpose != Purpose::Arm {
        return Some("the run is over".to_owned());
    }
    match &panel.purpose {
        Purpose::Arm | Purpose::Abort | Purpose::Leave => None,
        Purpose::Resume => run.control.paused.is_none().then(|| "the queue goes on already".to_owned()),
        Purpose::SignOff => run.control.sign_off.is_some().then(|| "the run is signed already".to_owned()),
        Purpose::Go { step } => {
            let held =
                run.steps.get(step).is_some_and(|record| matches!(record.status, StepStatus::Held { .. }));
            (!held).then(|| "that step no longer waits".to_owned())
        }
        Purpose::Waive { check, found } => match run.check(check) {
            Some(record) if record.result.found == *found && record.waiver.is_none() => None,
            Some(_) => Some("that check has another answer now".to_owned()),
            None => Some("that check is gone".to_owned()),
        },
        Purpose::Stop { entry, work: meant } => match work(scene, entry) {
            Some(now) if now == *meant => None,
            Some(_) => Some("its statement is another one by now: [x] shows it".to_owned()),
            None => Some("it no longer runs".to_owned()),
        },
        Purpose::Undo { entries, .. } => {
            let known = entries.iter().any(|key| undoable(scene, key));
            (!known).then(|| "nothing of it is there any more".to_owned())
        }
        Purpose::EndSession { backend, .. } => {
            let there = scene.holders().iter().any(|(_, blocker)| blocker.backend() == Some(*backend));
            (!there).then(|| format!("pid {} holds nothing up any more", backend.pid))
        }
        Purpose::Skip { entry } => run
            .builds
            .get(entry)
            .is_some_and(|record| {
                matches!(record.status, BuildStatus::Running { .. } | BuildStatus::Verified { .. })
            })
            .then(|| "that entry is at work".to_owned()),
        Purpose::Retry { entry, .. } => run
            .builds
            .get(entry)
            .is_some_and(|record| {
                matches!(
                    record.status,
                    BuildStatus::Running { .. } | BuildStatus::Verified { .. } | BuildStatus::Cleaning { .. }
                )
            })
            .then(|| "that entry is at work".to_owned()),
    }
}

/// The deed and level whose conditions must still hold when a panel is sent; none for ending the run, which is
/// possible whatever else is so.
pub(super) fn conditions(purpose: &Purpose) -> Option<(Deed, Level)> {
    Some(match purpose {
        Purpose::Abort | Purpose::Leave => return None,
        // Asks for the same sight of the server as a waiver, and is what makes L3 possible.
        Purpose::Arm => (Deed::Waive, Level::Go),
        Purpose::Go { .. } => (Deed::Forward, Level::Go),
        Purpose::SignOff => (Deed::Forward, Level::Remove),
        Purpose::Waive { .. } => (Deed::Waive, Level::Remove),
        Purpose::Stop { .. } => (Deed::Stop, Level::Go),
        Purpose::Undo { .. } => (Deed::Undo, Level::Remove),
        Purpose::EndSession { .. } => (Deed::EndSession, Level::Remove),
        Purpose::Skip { .. } => (Deed::Skip, Level::Go),
        Purpose::Retry { leftover: LeftoverPolicy::Keep, .. } => (Deed::Retry, Level::Go),
        Purpose::Retry { leftover: LeftoverPolicy::Repair, .. } => (Deed::Retry, Level::Remove),
        Purpose::Resume => (Deed::Pause, Level::Go),
    })
}
