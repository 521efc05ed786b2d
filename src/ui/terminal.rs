//! The terminal itself: taken over, painted, and given back whatever happens.
//!
//! This does not use `ratatui::Terminal`: its drop prints to a tty that may be gone (a panic inside a panic), and its
//! `clear` asks the terminal where the cursor is (2 s, then an error, while another thread reads keys).

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use rustix::event::{Timespec, poll};
use rustix::io::Errno;
use rustix::process::Signal;
use rustix::termios::{
    OptionalActions, QueueSelector, Termios, isatty, tcflush, tcgetattr, tcgetwinsize, tcsetattr,
};

use super::ability::Dialect;
use super::outlet::{Flow, Outlet};
use super::{Mouse, UiError, pen};

/// Size when the terminal does not tell: what every screen is made for.
const DEFAULT_SIZE: (u16, u16) = (80, 24);
/// Milliseconds that a frozen terminal gets to take the last bytes.
const LAST_PATIENCE: i64 = 300;

const PLAIN: &[u8] = b"\x1b[m";
const CLEAR: &[u8] = b"\x1b[H\x1b[J";
const FRAME_BEGINS: &[u8] = b"\x1b[?2026h";
const FRAME_ENDS: &[u8] = b"\x1b[?2026l";
const SHOW_CURSOR: &[u8] = b"\x1b[?25h";
const HIDE_CURSOR: &[u8] = b"\x1b[?25l";
const MARK_PASTES: &[u8] = b"\x1b[?2004h";
const LEAVE_PASTES: &[u8] = b"\x1b[?2004l";
const OTHER_SCREEN: &[u8] = b"\x1b[?1049h";
const SHELLS_SCREEN: &[u8] = b"\x1b[?1049l";
/// Presses and the wheel, with places in decimal digits.
const TELL_OF_MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const KEEP_MOUSE: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// A terminal in raw mode on its alternate screen. Dropping it gives it back.
pub(super) struct Terminal {
    saved: Termios,
    dialect: Dialect,
    mouse: Mouse,
    painted: Buffer,
    cursor: Option<Position>,
    outlet: Outlet,
    place: Place,
}

/// Which screen of the terminal is in view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The shell's.
    Main,
    /// The console's.
    Alternate,
}

impl Terminal {
    /// Takes the terminal over.
    pub(super) fn enter(dialect: Dialect, mouse: Mouse) -> Result<Self, UiError> {
        let (input, output) = (rustix::stdio::stdin(), rustix::stdio::stdout());
        if !isatty(input) || !isatty(output) {
            return Err(UiError::NoTerminal);
        }
        let saved = tcgetattr(input).map_err(refused("tell its mode"))?;
        // From here on the drop undoes it.
        let mut terminal = Self {
            saved,
            dialect,
            mouse,
            painted: Buffer::empty(Rect::ZERO),
            cursor: None,
            outlet: Outlet::of_terminal(),
            place: Place::Main,
        };
        terminal.take_mode().map_err(refused("take raw mode"))?;
        terminal.back().map_err(refused("take the alternate screen"))?;
        Ok(terminal)
    }

    fn take_mode(&self) -> Result<(), Errno> {
        let mut raw = self.saved.clone();
        raw.make_raw();
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw)?;
        // What was typed before the first frame was meant for the shell. (`OptionalActions::Flush` would do it too, but
        // waits until all output was read.)
        let _ = tcflush(rustix::stdio::stdin(), QueueSelector::IFlush);
        Ok(())
    }

    /// Puts the console's screen in view; the next paint writes all of it.
    pub(super) fn back(&mut self) -> Result<(), Errno> {
        let mut bytes = Vec::new();
        if self.dialect.family.has_private_modes() {
            bytes.extend_from_slice(OTHER_SCREEN);
            bytes.extend_from_slice(MARK_PASTES);
        }
        if self.dialect.family.hides_cursor() {
            bytes.extend_from_slice(HIDE_CURSOR);
        }
        if self.tells_of_mouse() {
            bytes.extend_from_slice(TELL_OF_MOUSE);
        }
        self.place = Place::Alternate;
        self.cursor = None;
        self.forget();
        self.outlet.send(&bytes).map(|_| ())
    }

    fn tells_of_mouse(&self) -> bool {
        self.mouse == Mouse::On && self.dialect.family.has_mouse()
    }

    /// Lets the terminal tell of its mouse, or not.
    pub(super) fn set_mouse(&mut self, mouse: Mouse) -> Result<(), Errno> {
        let before = self.tells_of_mouse();
        self.mouse = mouse;
        match (before, self.tells_of_mouse()) {
            (false, true) => self.outlet.send(TELL_OF_MOUSE).map(|_| ()),
            (true, false) => self.outlet.send(KEEP_MOUSE).map(|_| ()),
            (true, true) | (false, false) => Ok(()),
        }
    }

    /// Calls a person, between two frames.
    pub(super) fn call(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        self.outlet.send(bytes).map(|_| ())
    }

    /// Writes text to the shell's screen and leaves that in view, keys still coming here. The text must be safe.
    pub(super) fn show_aside(&mut self, text: &str) -> Result<(), Errno> {
        let mut bytes = self.farewell();
        // In raw mode a line end alone does not return to the first column.
        bytes.extend_from_slice(text.replace('\n', "\r\n").as_bytes());
        self.place = Place::Main;
        self.outlet.send(&bytes).map(|_| ())
    }

    /// What brings the shell's screen back. The mouse goes first: its owner marks text there.
    fn farewell(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.tells_of_mouse() {
            bytes.extend_from_slice(KEEP_MOUSE);
        }
        if self.dialect.family.synchronizes() {
            bytes.extend_from_slice(FRAME_ENDS);
        }
        bytes.extend_from_slice(PLAIN);
        match (self.place, self.dialect.family.has_private_modes()) {
            (Place::Alternate, true) => bytes.extend_from_slice(SHELLS_SCREEN),
            // It has one screen only, and that is left empty rather than with half a picture under the prompt.
            (Place::Alternate, false) => bytes.extend_from_slice(CLEAR),
            (Place::Main, _) => {}
        }
        if self.dialect.family.hides_cursor() {
            bytes.extend_from_slice(SHOW_CURSOR);
        }
        bytes
    }

    /// Writes what the terminal did not take at once of a text on the shell's screen.
    pub(super) fn go_on(&mut self) -> Result<Flow, Errno> {
        self.outlet.flush(0)
    }

    /// Gives the terminal back and stops this process and its group, as Ctrl-Z does elsewhere; returns when the shell
    /// has let it go on and the terminal is the console's again. Where no shell could let it go on, the system stops
    /// nothing, and this returns at once.
    pub(super) fn suspend(&mut self) -> Result<(), Errno> {
        self.give_back();
        let stopped = rustix::process::kill_process_group(rustix::process::getpgrp(), Signal::TSTP);
        // The signal reaches the threads of a process one after the other: this one must not take the terminal again
        // before all of them have stood still.
        let settle = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        let _ = poll(&mut [], Some(&settle));
        stopped?;
        self.take_mode()?;
        self.back()
    }

    fn give_back(&mut self) {
        let mut bytes = Vec::new();
        if self.dialect.family.has_private_modes() {
            bytes.extend_from_slice(LEAVE_PASTES);
        }
        bytes.extend(self.farewell());
        self.place = Place::Main;
        // A terminal that is gone takes nothing back, one that is frozen is not waited for, and there is nobody left
        // to tell.
        let _ = self.outlet.send(&bytes);
        let _ = self.outlet.flush(LAST_PATIENCE);
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.saved);
    }

    /// Its size now.
    pub(super) fn size() -> (u16, u16) {
        match tcgetwinsize(rustix::stdio::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
            Ok(_) | Err(_) => DEFAULT_SIZE,
        }
    }

    /// Forgets what is on the screen, so that the next paint writes all of it.
    pub(super) fn forget(&mut self) {
        self.painted = Buffer::empty(Rect::ZERO);
    }

    /// Brings the screen from what was painted last to `next`: nothing at all, or one write. While the terminal takes
    /// nothing, frames are left out; the next one that goes through brings all of it.
    pub(super) fn paint(&mut self, next: Buffer, cursor: Option<Position>) -> Result<Flow, Errno> {
        if self.outlet.flush(0)? == Flow::Stuck {
            return Ok(Flow::Stuck);
        }
        let resized = self.painted.area != next.area;
        if resized {
            self.painted = Buffer::empty(next.area);
        }
        let family = self.dialect.family;
        let mut changes = Vec::new();
        pen::write_changes(self.dialect, &self.painted, &next, &mut changes);
        if !resized && changes.is_empty() && cursor == self.cursor {
            self.painted = next;
            return Ok(Flow::Through);
        }
        let mut bytes = Vec::new();
        if family.synchronizes() {
            bytes.extend_from_slice(FRAME_BEGINS);
        }
        if resized {
            bytes.extend_from_slice(PLAIN);
            bytes.extend_from_slice(CLEAR);
        }
        bytes.append(&mut changes);
        match cursor {
            Some(at) => pen::write_move(at.x, at.y, &mut bytes),
            // A cursor that cannot be hidden is put where it hides nothing.
            None if !family.hides_cursor() => {
                pen::write_move(0, next.area.height.saturating_sub(1), &mut bytes);
            }
            None => {}
        }
        match (cursor, self.cursor) {
            (Some(_), None) if family.hides_cursor() => bytes.extend_from_slice(SHOW_CURSOR),
            (None, Some(_)) if family.hides_cursor() => bytes.extend_from_slice(HIDE_CURSOR),
            (Some(_) | None, _) => {}
        }
        if family.synchronizes() {
            bytes.extend_from_slice(FRAME_ENDS);
        }
        self.painted = next;
        self.cursor = cursor;
        self.outlet.send(&bytes)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn refused(what: &'static str) -> impl Fn(Errno) -> UiError {
    move |source| UiError::Terminal { what, source }
}
