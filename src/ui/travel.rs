//! Movement of the cursor: from identity to identity.

use super::console::Console;
use super::keymap::Motion;
use super::scene::holder_key;
use super::ui_state::{Focus, Screen};

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
            Screen::Builds | Screen::Verify => {
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
                let lines = scene.picture.log.len();
                self.ui.cursor.line = moved(opposite(motion), self.ui.cursor.line, lines, page);
                return;
            }
            Screen::Help => {}
        }
        self.ui.cursor.line = 0;
    }
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
