//! The mouse: the wheel scrolls, a click moves the cursor or goes to the pane. Nothing is ever done by it, and no panel
//! hears it.

use crate::domain::id::{CheckId, EntryKey, StepId};

use super::Mouse;
use super::console::Console;
use super::input::Pointer;
use super::keymap::Motion;
use super::scene::{Scene, holder_key};
use super::ui_state::{Aside, Focus, HolderKey, Screen};
use super::view_model::line::{Block, Chosen, Table};
use super::view_model::{Shape, Top, ViewModel};

/// Rows that the wheel goes by a notch.
const NOTCH: usize = 3;

/// What stands in a row of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spot {
    /// A row of the list.
    Row(Identity),
    /// The pane with the details of the row under the cursor.
    Detail,
}

/// Whose row it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    Check(CheckId),
    Step(StepId),
    Entry(EntryKey),
    Holder(HolderKey),
}

impl Console {
    /// Remembers what was drawn where: a click means what was seen, not what has taken its place since.
    pub(super) fn drawn(&mut self, view: &ViewModel, now: jiff::Timestamp) {
        self.spots = match self.ui.view.mouse {
            Mouse::On => spots(view, &self.scene(now)),
            Mouse::Off => Vec::new(),
        };
    }

    /// The mouse was used.
    pub(super) fn point(&mut self, pointer: Pointer, now: jiff::Timestamp) {
        let deaf = self.ui.view.mouse == Mouse::Off
            || self.ui.aside == Aside::Yes
            || self.ui.panel.is_some()
            || self.ui.prompt.is_some();
        if deaf {
            return;
        }
        match pointer {
            Pointer::WheelUp => (0..NOTCH).for_each(|_| self.travel(Motion::Up, now)),
            Pointer::WheelDown => (0..NOTCH).for_each(|_| self.travel(Motion::Down, now)),
            Pointer::Press { row } => self.click(row),
        }
    }

    fn click(&mut self, row: u16) {
        let spot = self.spots.iter().find(|(at, _)| *at == row).map(|(_, spot)| spot.clone());
        match spot {
            Some(Spot::Row(identity)) => {
                self.ui.focus = Focus::List;
                self.ui.cursor.line = 0;
                match identity {
                    Identity::Check(id) => self.ui.cursor.check = Some(id),
                    Identity::Step(id) => self.ui.cursor.step = Some(id),
                    Identity::Entry(key) => self.ui.cursor.entry = Some(key),
                    Identity::Holder(key) => self.ui.cursor.holder = Some(key),
                }
            }
            Some(Spot::Detail) => self.ui.focus = Focus::Detail,
            None => {}
        }
    }
}

/// What stands in which row of the screen. Rows where nothing can be pointed at are left out.
fn spots(view: &ViewModel, scene: &Scene<'_>) -> Vec<(u16, Spot)> {
    let Shape::Full(full) = &view.shape else { return Vec::new() };
    let mut y: u16 = match &full.top {
        Top::Ruled(_) => 3,
        Top::Plain => 2,
    };
    let bottom = view.size.1.saturating_sub(4);
    let height = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let mut spots = Vec::new();
    let mut panes = 0;
    for block in &full.body {
        match block {
            Block::Gap | Block::Heading(..) => y = y.saturating_add(1),
            Block::Table(table) => {
                let first = y.saturating_add(1);
                let rows = identities(table, scene).into_iter();
                spots.extend((first..).zip(rows).map(|(y, identity)| (y, Spot::Row(identity))));
                y = first.saturating_add(height(table.rows.len().max(1)));
            }
            Block::Pane(pane) => {
                let next = y.saturating_add(1).saturating_add(height(pane.lines.len()));
                // The first pane below a list has the details of its row.
                if panes == 0 && !spots.is_empty() {
                    spots.extend((y..next).map(|y| (y, Spot::Detail)));
                }
                panes += 1;
                y = next;
            }
        }
    }
    spots.retain(|(y, _)| *y < bottom);
    spots
}

/// Whose the rows of a table are that are in view: known from the one under the cursor.
fn identities(table: &Table, scene: &Scene<'_>) -> Vec<Identity> {
    let (all, at) = rows(scene);
    let chosen = table.rows.iter().position(|row| row.chosen == Chosen::Yes);
    let place = at.and_then(|at| all.iter().position(|identity| *identity == at));
    let first = match (chosen, place) {
        (Some(chosen), Some(place)) => place.checked_sub(chosen),
        (_, _) => None,
    };
    first.map(|first| all.into_iter().skip(first).take(table.rows.len()).collect()).unwrap_or_default()
}

/// Every row of the list in view, and the one under the cursor.
fn rows(scene: &Scene<'_>) -> (Vec<Identity>, Option<Identity>) {
    match scene.screen() {
        Screen::Preflight => (
            scene.checks().iter().map(|check| Identity::Check(check.result.id.clone())).collect(),
            scene.check().map(|check| Identity::Check(check.result.id.clone())),
        ),
        Screen::Steps => (
            scene.steps().iter().map(|row| Identity::Step(row.step.id.clone())).collect(),
            scene.step().map(|row| Identity::Step(row.step.id.clone())),
        ),
        Screen::Builds | Screen::Plan | Screen::Verify => (
            scene.entries().iter().map(|item| Identity::Entry(item.key.clone())).collect(),
            scene.entry().map(|item| Identity::Entry(item.key.clone())),
        ),
        Screen::Blockers => (
            scene.holders().iter().map(|(_, blocker)| Identity::Holder(holder_key(blocker))).collect(),
            scene.holder().map(|(_, blocker)| Identity::Holder(holder_key(blocker))),
        ),
        Screen::Log | Screen::Help => (Vec::new(), None),
    }
}
