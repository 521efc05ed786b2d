//! May this key act now, and if not, why: shown before it is pressed, and asked again when a panel is sent.
//!
//! This spares the operator a refusal; the engine's own gate decides all the same.

use crate::domain::check::{Verdict, Waivable};
use crate::domain::event::Origin;
use crate::domain::id::EntryKey;
use crate::domain::plan::{ItemState, PlanItem};
use crate::domain::playbook::StepKind;
use crate::domain::state::{BuildRecord, BuildStatus, Left, StepStatus};
use crate::domain::target::{LeftoverPolicy, Mode};

use super::keymap::{Action, Deed, Level, See, Way};
use super::scene::Scene;
use super::ui_state::{Arm, Screen};
use super::{Hand, Home};

/// A panel needs at least this much of the screen for its statement, cost and target.
pub(super) const LEAST_PANEL: (u16, u16) = (60, 16);

/// Whether an action can be taken, or the reason why not. Raw text.
pub(super) fn allowed(action: Action, scene: &Scene<'_>) -> Result<(), String> {
    match action {
        Action::Move(_) | Action::Way(Way::Leave | Way::Interrupt) => Ok(()),
        Action::See(see) => may_see(see, scene),
        Action::Way(Way::Suspend) => may_suspend(scene),
        Action::Do(deed) => may(deed, scene),
    }
}

fn may_see(see: See, scene: &Scene<'_>) -> Result<(), String> {
    match see {
        See::NextHit | See::PreviousHit if scene.ui.filter.is_empty() => {
            Err(format!("no filter: [{}] first", scene.key(Action::See(See::Filter))))
        }
        See::Slower if scene.ui.view.slower().is_none() => Err("10 s is the longest".to_owned()),
        See::Faster if scene.ui.view.faster().is_none() => Err("0.5 s is the shortest".to_owned()),
        See::CopyRow if super::copy::row(scene).is_none() => {
            Err("there is nothing under the cursor".to_owned())
        }
        See::Report if scene.picture.run.run.is_none() => Err("no run is open yet".to_owned()),
        See::NextPane
        | See::Detail
        | See::Back
        | See::Help
        | See::Filter
        | See::Command
        | See::Phase(_)
        | See::Playbook
        | See::Follow
        | See::Freeze
        | See::Plan
        | See::Log
        | See::Blockers
        | See::NextHit
        | See::PreviousHit
        | See::Times
        | See::Slower
        | See::Faster
        | See::CopyRow
        | See::CopyPane
        | See::Report
        | See::Repaint => Ok(()),
    }
}

/// The engine shares this process: stopping the one stops the other. So only while it waits for a person, or is over.
fn may_suspend(scene: &Scene<'_>) -> Result<(), String> {
    // A picture of an engine that waited says nothing about what it does now.
    if scene.ui.freeze.is_some() {
        return Err(format!("the picture is frozen: [{}] first", scene.key(Action::See(See::Freeze))));
    }
    let run = &scene.picture.run;
    if scene.picture.over() || run.target.is_none() || scene.options.home == Home::Apart {
        return Ok(());
    }
    let waits = scene.held().is_some() || run.control.paused.is_some();
    let rolling = run.control.rollback.as_ref().is_some_and(|rollback| rollback.finished.is_none());
    if waits && !rolling && !run.is_at_work() && scene.running().is_empty() {
        return Ok(());
    }
    Err("the engine is at work, and would be stopped as well".to_owned())
}

fn may(deed: Deed, scene: &Scene<'_>) -> Result<(), String> {
    alive(scene)?;
    in_hand(scene)?;
    let level = deed_level(deed, scene);
    if level >= Level::Go {
        grounds(deed, scene)?;
    }
    // What it is about comes before SAFE: arming would not help where there is nothing to do.
    subject(deed, scene)?;
    if level == Level::Remove { armed(scene) } else { Ok(()) }
}

/// Whether a panel that was opened earlier may be sent now, whatever the cursor is on by now.
pub(super) fn still_allowed(deed: Deed, level: Level, scene: &Scene<'_>) -> Result<(), String> {
    alive(scene)?;
    in_hand(scene)?;
    if level >= Level::Go {
        grounds(deed, scene)?;
    }
    if level == Level::Remove { armed(scene) } else { Ok(()) }
}

/// Whether this console may tell the run something that changes nothing on the server.
pub(super) fn may_say(scene: &Scene<'_>) -> Result<(), String> {
    alive(scene)?;
    in_hand(scene)
}

fn in_hand(scene: &Scene<'_>) -> Result<(), String> {
    match &scene.picture.hand {
        Hand::Ours => Ok(()),
        Hand::Theirs { .. } => Err("this console only watches: :control takes the run in hand".to_owned()),
    }
}

fn armed(scene: &Scene<'_>) -> Result<(), String> {
    match scene.ui.arm.left(scene.now) {
        Some(_) => Ok(()),
        None => Err("SAFE: type :arm first".to_owned()),
    }
}

/// How dangerous an action is here and now.
pub(super) fn level(action: Action, scene: &Scene<'_>) -> Level {
    match action {
        Action::Do(deed) => deed_level(deed, scene),
        Action::Move(_) | Action::See(_) | Action::Way(_) => Level::Look,
    }
}

fn deed_level(deed: Deed, scene: &Scene<'_>) -> Level {
    match deed {
        Deed::Recheck => Level::Look,
        Deed::Pause if scene.picture.run.control.paused.is_none() => Level::Hold,
        Deed::Forward if at_sign_off(scene) => Level::Remove,
        Deed::Retry if repairs(scene) => Level::Remove,
        Deed::Forward | Deed::Pause | Deed::Retry | Deed::Stop | Deed::Skip => Level::Go,
        Deed::Undo | Deed::Waive | Deed::EndSession => Level::Remove,
    }
}

/// Whether another attempt at the entry under the cursor drops what this run did not make.
fn repairs(scene: &Scene<'_>) -> bool {
    let policy = scene.entry().and_then(|item| leftover_policy(scene, item));
    policy == Some(LeftoverPolicy::Repair)
}

fn alive(scene: &Scene<'_>) -> Result<(), String> {
    if scene.picture.over() {
        return Err("the run is over".to_owned());
    }
    if scene.picture.run.run.is_none() || scene.picture.run.target.is_none() {
        return Err("not connected yet".to_owned());
    }
    Ok(())
}

/// Whether the operator can see what they decide about.
fn grounds(deed: Deed, scene: &Scene<'_>) -> Result<(), String> {
    if scene.mode() == Mode::DryRun && acts_on_server(deed) {
        return Err("this is a dry run: nothing can be changed".to_owned());
    }
    let (width, height) = scene.ui.view.size;
    if width < LEAST_PANEL.0 || height < LEAST_PANEL.1 {
        let (w, h) = LEAST_PANEL;
        return Err(format!("{width}x{height} is too small to show what would happen: {w}x{h} is needed"));
    }
    if let Some(changes) = &scene.picture.run.control.target_changed {
        return Err(format!("the target is another one: {}", changes.join("; ")));
    }
    // A waiver and a signature touch nothing on the server, and nothing is read while a step waits for them.
    let reads_server = deed != Deed::Waive && !at_sign_off(scene);
    match scene.blind() {
        Some(why) if reads_server || scene.ui.freeze.is_some() => Err(why),
        Some(_) | None => Ok(()),
    }
}

/// Whether a deed sends something that changes the server. The others only move the run on, as in a dry run they must.
fn acts_on_server(deed: Deed) -> bool {
    match deed {
        Deed::Stop | Deed::Undo | Deed::EndSession | Deed::Retry => true,
        Deed::Recheck | Deed::Pause | Deed::Forward | Deed::Waive | Deed::Skip => false,
    }
}

/// Whether there is something that it could be about.
fn subject(deed: Deed, scene: &Scene<'_>) -> Result<(), String> {
    match deed {
        Deed::Recheck => recheck(scene),
        Deed::Forward => forward(scene),
        Deed::Waive => waive(scene),
        Deed::Stop => stop(scene),
        Deed::Undo => undo_entries(scene).map(|_| ()),
        Deed::EndSession => end_session(scene),
        Deed::Skip => skip(scene),
        Deed::Retry => retry(scene),
        Deed::Pause => ending(scene),
    }
}

/// Whether the step that the run is at is a sign-off.
pub(super) fn at_sign_off(scene: &Scene<'_>) -> bool {
    scene.picture.run.current_step().is_some_and(|step| matches!(step.kind, StepKind::SignOff { .. }))
}

fn recheck(scene: &Scene<'_>) -> Result<(), String> {
    ending(scene)?;
    if !scene.running().is_empty() {
        return Err("builds are running: pause, and let them end first".to_owned());
    }
    Ok(())
}

fn ending(scene: &Scene<'_>) -> Result<(), String> {
    match &scene.picture.run.control.abort {
        Some((by, _)) => Err(format!("{} wants the run to end", by.0)),
        None => Ok(()),
    }
}

fn forward(scene: &Scene<'_>) -> Result<(), String> {
    ending(scene)?;
    idle_rollback(scene)?;
    let Some((step, record)) = scene.current() else { return Err("every step has ended".to_owned()) };
    let number = scene.step_number(&step.id);
    match (record.map(|record| &record.status), &step.kind) {
        (Some(StepStatus::Held { why }), StepKind::Checks { .. }) => {
            let again = scene.key(Action::Do(Deed::Recheck));
            Err(format!("{why}. [w] waives a check, [{again}] checks again"))
        }
        (Some(StepStatus::Held { .. }), _) => Ok(()),
        (Some(StepStatus::Running | StepStatus::Finished { .. }), _) => {
            Err(format!("step {number} {} is at work: it waits for nobody", step.title))
        }
        (None, _) => Err(format!("step {number} {} begins by itself", step.title)),
    }
}

fn waive(scene: &Scene<'_>) -> Result<(), String> {
    let Some(check) = scene.check() else { return Err("there is no check".to_owned()) };
    if check.waiver.is_some() {
        return Err(format!("{} is waived already", check.result.title));
    }
    if check.result.verdict == Verdict::Pass {
        return Err(format!("{} has passed", check.result.title));
    }
    match check.result.waivable {
        Waivable::WithReason => Ok(()),
        Waivable::Never => Err(format!("{} can never be waived", check.result.title)),
    }
}

/// The entry that builds, drops and blockers are about on this screen.
pub(super) fn entry_key<'a>(scene: &Scene<'a>) -> Option<&'a EntryKey> {
    match scene.screen_below_help() {
        Screen::Blockers => scene.holder().map(|(key, _)| key),
        Screen::Builds
        | Screen::Plan
        | Screen::Verify
        | Screen::Preflight
        | Screen::Steps
        | Screen::Log
        | Screen::Help => scene.entry().map(|item| &item.key),
    }
}

fn stop(scene: &Scene<'_>) -> Result<(), String> {
    let Some(key) = entry_key(scene) else { return Err("there is no build".to_owned()) };
    if let Some(drop) = scene.picture.run.drops.get(key).filter(|drop| drop.conclusion.is_none()) {
        return match &drop.stopping {
            Some(by) => Err(format!("{} already stops the drop of {}", by.0, key.0)),
            None => Ok(()),
        };
    }
    let Some(record) = scene.build(key) else { return Err(format!("{} is not running", key.0)) };
    match &record.status {
        BuildStatus::Running { stopping: Some(by), .. } => Err(format!("{} already stops {}", by.0, key.0)),
        BuildStatus::Running { .. } if record.is_strangers() => {
            Err(format!("somebody else builds {}: :skip leaves it out", key.0))
        }
        BuildStatus::Running { .. } => Ok(()),
        BuildStatus::Retrying { .. }
        | BuildStatus::Cleaning { .. }
        | BuildStatus::Verified { .. }
        | BuildStatus::Failed { .. }
        | BuildStatus::Skipped { .. }
        | BuildStatus::Unknown { .. }
        | BuildStatus::RolledBack => Err(format!("{} is not running", key.0)),
    }
}

/// What an undo here would be about: the entry under the cursor, or all that this run made.
pub(super) fn undo_entries(scene: &Scene<'_>) -> Result<Vec<EntryKey>, String> {
    if scene.screen_below_help() == Screen::Steps { undo_all(scene) } else { undo_one(scene) }
}

fn undo_one(scene: &Scene<'_>) -> Result<Vec<EntryKey>, String> {
    idle_rollback(scene)?;
    let Some(key) = entry_key(scene) else { return Err("there is no entry".to_owned()) };
    if undoable(scene, key) {
        return Ok(vec![key.clone()]);
    }
    Err(format!("{} was not made by this run, so this run will not drop it", key.0))
}

/// Everything that this run made or is making.
pub(super) fn undo_all(scene: &Scene<'_>) -> Result<Vec<EntryKey>, String> {
    idle_rollback(scene)?;
    let mut all: Vec<EntryKey> = scene.picture.run.ledger.keys().cloned().collect();
    all.extend(
        scene
            .running()
            .into_iter()
            .filter(|key| undoable(scene, key) && !all.contains(key))
            .cloned()
            .collect::<Vec<_>>(),
    );
    if all.is_empty() { Err("this run has made nothing that is still there".to_owned()) } else { Ok(all) }
}

/// Whether an undo of this entry has something to drop, now or once its build has ended.
pub(super) fn undoable(scene: &Scene<'_>, key: &EntryKey) -> bool {
    let sent = scene.build(key).is_some_and(|record| {
        matches!(record.status, BuildStatus::Running { .. }) && record.intent.is_some()
    });
    sent || scene.ours(key) == Origin::Ours || scene.picture.run.presumed(key).is_some()
}

fn idle_rollback(scene: &Scene<'_>) -> Result<(), String> {
    match &scene.picture.run.control.rollback {
        Some(rollback) if rollback.finished.is_none() => Err("already rolling back".to_owned()),
        Some(_) | None => Ok(()),
    }
}

fn end_session(scene: &Scene<'_>) -> Result<(), String> {
    match scene.holder() {
        None => Err("no session is under the cursor".to_owned()),
        Some((_, blocker)) if blocker.backend().is_none() => {
            Err("a prepared transaction has no session: COMMIT PREPARED or ROLLBACK PREPARED ends it"
                .to_owned())
        }
        Some(_) => Ok(()),
    }
}

fn skip(scene: &Scene<'_>) -> Result<(), String> {
    let Some(item) = scene.entry() else { return Err("there is no entry".to_owned()) };
    let record = scene.build(&item.key);
    if record.is_some_and(BuildRecord::is_strangers) {
        return Ok(());
    }
    match record.map(|record| &record.status) {
        Some(BuildStatus::Running { .. } | BuildStatus::Cleaning { .. }) => {
            Err(format!("{} is running: stop it first", item.key.0))
        }
        Some(BuildStatus::Verified { .. }) => Err(format!("{} is done", item.key.0)),
        Some(BuildStatus::Skipped { .. }) => Err(format!("{} is left out already", item.key.0)),
        Some(
            BuildStatus::Retrying { .. }
            | BuildStatus::Failed { .. }
            | BuildStatus::Unknown { .. }
            | BuildStatus::RolledBack,
        )
        | None => Ok(()),
    }
}

fn retry(scene: &Scene<'_>) -> Result<(), String> {
    ending(scene)?;
    let Some(item) = scene.entry() else { return Err("there is no entry".to_owned()) };
    match scene.build(&item.key).map(|record| &record.status) {
        Some(BuildStatus::Running { .. } | BuildStatus::Cleaning { .. }) => {
            Err(format!("{} is running", item.key.0))
        }
        Some(BuildStatus::Verified { .. }) => Err(format!("{} is done", item.key.0)),
        Some(BuildStatus::Retrying { .. }) | None => Err(format!("{} waits for its turn", item.key.0)),
        Some(
            BuildStatus::Failed { .. }
            | BuildStatus::Skipped { .. }
            | BuildStatus::Unknown { .. }
            | BuildStatus::RolledBack,
        ) => Ok(()),
    }
}

/// What another attempt would do to a leftover in its way: none when there is none. One that this run did not make
/// is dropped only by name.
pub(super) fn leftover_policy(scene: &Scene<'_>, item: &PlanItem) -> Option<LeftoverPolicy> {
    let record = scene.build(&item.key)?;
    let planned = matches!(item.state, ItemState::Leftover { .. });
    let left = match &record.status {
        BuildStatus::Failed { left, .. } => *left == Left::Leftover || planned,
        BuildStatus::Skipped { .. } => planned,
        BuildStatus::Running { .. }
        | BuildStatus::Retrying { .. }
        | BuildStatus::Cleaning { .. }
        | BuildStatus::Verified { .. }
        | BuildStatus::Unknown { .. }
        | BuildStatus::RolledBack => false,
    };
    match (left, scene.ours(&item.key)) {
        (false, _) => None,
        (true, Origin::Ours) => Some(LeftoverPolicy::Keep),
        (true, Origin::Presumed | Origin::NotOurs) => Some(LeftoverPolicy::Repair),
    }
}

/// Whether `:arm` can be asked for, or why not.
pub(super) fn may_arm(scene: &Scene<'_>) -> Result<String, String> {
    alive(scene)?;
    grounds(Deed::Waive, scene)?;
    if matches!(scene.ui.arm, Arm::Armed { .. }) {
        return Err("already ARMED".to_owned());
    }
    scene.database().map(str::to_owned).ok_or_else(|| "not connected yet".to_owned())
}
