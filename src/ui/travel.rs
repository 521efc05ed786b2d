//! Movement of the cursor: from identity to identity.

use super::console::Console;
use super::keymap::Motion;
use super::plain::RowKey;
use super::scene::holder_key;
use super::ui_state::{Focus, Screen};
use super::view_model::log_lines;

impl Console {
    /// Moves what the movement keys move here.
    pub(super) fn travel(&mut self, motion: Motion, now: jiff::Timestamp) {
        let page = usize::from(self.ui.view.size.1).saturating_sub(12).max(3);
        let scene = self.scene(now);
        let screen = scene.screen();
        if self.ui.focus == Focus::Detail || screen == Screen::Help {
            self.ui.cursor.line = moved(motion, self.ui.cursor.line, usize::MAX, page);
            return;
        }
        match screen {
            Screen::Preflight => {
                let ids: Vec<_> = scene.checks().iter().map(|check| check.result.id.clone()).collect();
                let at = scene.check().map(|check| check.result.id.clone());
                self.ui.cursor.check = step_through(motion, &ids, at.as_ref(), page);
            }
            Screen::Steps => {
                let ids: Vec<_> = scene.steps().iter().map(|row| row.step.id.clone()).collect();
                let at = scene.step().map(|row| row.step.id.clone());
                self.ui.cursor.step = step_through(motion, &ids, at.as_ref(), page);
            }
            Screen::Builds | Screen::Plan | Screen::Verify => {
                let ids: Vec<_> = scene.entries().iter().map(|item| item.key.clone()).collect();
                let at = scene.entry().map(|item| item.key.clone());
                self.ui.cursor.entry = step_through(motion, &ids, at.as_ref(), page);
            }
            Screen::Blockers => {
                let ids: Vec<_> = scene.holders().iter().map(|(_, blocker)| holder_key(blocker)).collect();
                let at = scene.holder().map(|(_, blocker)| holder_key(blocker));
                self.ui.cursor.holder = step_through(motion, &ids, at.as_ref(), page);
            }
            Screen::Log => {
                // Counted from the newest line: up is older.
                let lines = log_lines(&scene, usize::from(self.ui.view.size.0)).len();
                self.ui.cursor.line = moved(opposite(motion), self.ui.cursor.line, lines, page);
                return;
            }
            Screen::Help => {}
        }
        self.ui.cursor.line = 0;
    }
}

impl Console {
    /// Puts the cursor on a row of the screen in view, if it is still there.
    pub(super) fn point_at(&mut self, row: &RowKey, now: jiff::Timestamp) -> bool {
        if !super::plain::row_keys(&self.scene(now)).contains(row) {
            return false;
        }
        let cursor = &mut self.ui.cursor;
        match row.clone() {
            RowKey::Check(check) => cursor.check = Some(check),
            RowKey::Step(step) => cursor.step = Some(step),
            RowKey::Entry(entry) => cursor.entry = Some(entry),
            RowKey::Holder(_, holder) => cursor.holder = Some(holder),
        }
        true
    }

    /// Moves to the next row that the filter means, round the end of the list.
    pub(super) fn next_hit(&mut self, towards: Towards, now: jiff::Timestamp) {
        let scene = self.scene(now);
        match scene.screen() {
            // These lists are narrowed: every row of them is a hit.
            Screen::Preflight => {
                let rows: Vec<_> =
                    scene.checks().iter().map(|check| (check.result.id.clone(), true)).collect();
                let at = scene.check().map(|check| check.result.id.clone());
                self.ui.cursor.check = hit(towards, &rows, at.as_ref()).or(at);
            }
            Screen::Builds | Screen::Plan | Screen::Verify => {
                let rows: Vec<_> = scene.entries().iter().map(|item| (item.key.clone(), true)).collect();
                let at = scene.entry().map(|item| item.key.clone());
                self.ui.cursor.entry = hit(towards, &rows, at.as_ref()).or(at);
            }
            Screen::Steps => {
                let rows: Vec<_> = scene
                    .steps()
                    .iter()
                    .map(|row| (row.step.id.clone(), scene.passes(&[&row.step.title, &row.step.id.0])))
                    .collect();
                let at = scene.step().map(|row| row.step.id.clone());
                self.ui.cursor.step = hit(towards, &rows, at.as_ref()).or(at);
            }
            Screen::Blockers => {
                let rows: Vec<_> = scene
                    .holders()
                    .iter()
                    .map(|(key, blocker)| (holder_key(blocker), scene.passes(&[&blocker.line(), &key.0])))
                    .collect();
                let at = scene.holder().map(|(_, blocker)| holder_key(blocker));
                self.ui.cursor.holder = hit(towards, &rows, at.as_ref()).or(at);
            }
            Screen::Log | Screen::Help => {
                let motion = if towards == Towards::Next { Motion::Down } else { Motion::Up };
                return self.travel(motion, now);
            }
        }
        self.ui.cursor.line = 0;
    }
}

/// Which way to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Towards {
    /// Down the list.
    Next,
    /// Up the list.
    Previous,
}

/// The next row that is a hit, round the end, the row itself last.
fn hit<T: Clone + PartialEq>(towards: Towards, rows: &[(T, bool)], at: Option<&T>) -> Option<T> {
    let count = rows.len();
    let start = at.and_then(|at| rows.iter().position(|(id, _)| id == at));
    let index = |step: usize| match (start, towards) {
        (Some(start), Towards::Next) => (start + step) % count,
        (Some(start), Towards::Previous) => (start + count - step) % count,
        (None, Towards::Next) => step - 1,
        (None, Towards::Previous) => count - step,
    };
    (1..=count).map(index).find(|index| rows[*index].1).map(|index| rows[index].0.clone())
}

fn step_through<T: Clone + PartialEq>(motion: Motion, ids: &[T], at: Option<&T>, page: usize) -> Option<T> {
    let index = at.and_then(|at| ids.iter().position(|id| id == at));
    let index = match index {
        Some(index) => moved(motion, index, ids.len(), page),
        None => 0,
    };
    ids.get(index).cloned()
}

fn moved(motion: Motion, at: usize, count: usize, page: usize) -> usize {
    let last = count.saturating_sub(1);
    // Where no end is known, the end is out of reach by one key: pages lead there.
    let to_last = if count == usize::MAX { at.saturating_add(page) } else { last };
    let target = match motion {
        Motion::Up => at.saturating_sub(1),
        Motion::Down => at.saturating_add(1),
        Motion::PageUp => at.saturating_sub(page),
        Motion::PageDown => at.saturating_add(page),
        Motion::First => 0,
        Motion::Last => to_last,
    };
    target.min(last)
}

fn opposite(motion: Motion) -> Motion {
    match motion {
        Motion::Up => Motion::Down,
        Motion::Down => Motion::Up,
        Motion::PageUp => Motion::PageDown,
        Motion::PageDown => Motion::PageUp,
        Motion::First => Motion::Last,
        Motion::Last => Motion::First,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_gone_through_round_the_end_and_rows_that_are_none_are_passed_over() {
        let rows = [("a", true), ("b", false), ("c", true)];
        assert_eq!(hit(Towards::Next, &rows, Some(&"a")), Some("c"));
        assert_eq!(hit(Towards::Next, &rows, Some(&"c")), Some("a"));
        assert_eq!(hit(Towards::Previous, &rows, Some(&"a")), Some("c"));
        assert_eq!(hit(Towards::Next, &rows, None), Some("a"));
        assert_eq!(hit(Towards::Previous, &rows, Some(&"gone")), Some("c"));
        assert_eq!(hit(Towards::Next, &[("a", false)], Some(&"a")), None);
        assert_eq!(hit::<&str>(Towards::Next, &[], None), None);
    }

    #[test]
    fn movement_stays_within_the_list_and_starts_at_its_head_when_the_row_is_gone() {
        let ids = ["a", "b", "c"];
        assert_eq!(step_through(Motion::Down, &ids, Some(&"c"), 5), Some("c"));
        assert_eq!(step_through(Motion::Up, &ids, Some(&"a"), 5), Some("a"));
        assert_eq!(step_through(Motion::Last, &ids, Some(&"a"), 5), Some("c"));
        assert_eq!(step_through(Motion::PageDown, &ids, Some(&"a"), 2), Some("c"));
        assert_eq!(step_through(Motion::Down, &ids, Some(&"gone"), 5), Some("a"));
        assert_eq!(step_through::<&str>(Motion::Down, &[], None, 5), None);
    }
}
