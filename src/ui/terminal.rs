//! The terminal itself: taken over, painted, and given back whatever happens.
//!
//! This does not use `ratatui::Terminal`: its drop prints to a tty that may be gone (a panic inside a panic), and its
//! `clear` asks the terminal where the cursor is (2 s, then an error, while another thread reads keys).

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::style::ResetColor;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use rustix::event::{Timespec, poll};
use rustix::io::Errno;
use rustix::process::Signal;
use rustix::termios::{
    OptionalActions, QueueSelector, Termios, isatty, tcflush, tcgetattr, tcgetwinsize, tcsetattr,
};

use super::UiError;
use super::outlet::{Flow, Outlet};

/// Size when the terminal does not tell: what every screen is made for.
const DEFAULT_SIZE: (u16, u16) = (80, 24);
/// Milliseconds that a frozen terminal gets to take the last bytes.
const LAST_PATIENCE: i64 = 300;

/// A terminal in raw mode on its alternate screen. Dropping it gives it back.
pub(super) struct Terminal {
    saved: Termios,
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
    pub(super) fn enter() -> Result<Self, UiError> {
        let (input, output) = (rustix::stdio::stdin(), rustix::stdio::stdout());
        if !isatty(input) || !isatty(output) {
            return Err(UiError::NoTerminal);
        }
        let saved = tcgetattr(input).map_err(refused("tell its mode"))?;
        // From here on the drop undoes it.
        let mut terminal = Self {
            saved,
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
        // Into a vector: cannot fail.
        let _ = queue!(bytes, EnterAlternateScreen, EnableBracketedPaste, Hide);
        self.place = Place::Alternate;
        self.cursor = None;
        self.forget();
        self.outlet.send(&bytes).map(|_| ())
    }

    /// Writes text to the shell's screen and leaves that in view, keys still coming here. The text must be safe.
    pub(super) fn show_aside(&mut self, text: &str) -> Result<(), Errno> {
        let mut bytes = Vec::new();
        let _ = queue!(bytes, ResetColor, LeaveAlternateScreen, Show);
        // In raw mode a line end alone does not return to the first column.
        bytes.extend_from_slice(text.replace('\n', "\r\n").as_bytes());
        self.place = Place::Main;
        self.outlet.send(&bytes).map(|_| ())
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
        let _ = queue!(bytes, EndSynchronizedUpdate, ResetColor, DisableBracketedPaste);
        if self.place == Place::Alternate {
            let _ = queue!(bytes, LeaveAlternateScreen);
        }
        let _ = queue!(bytes, Show);
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
        let changes = self.painted.diff(&next);
        if !resized && changes.is_empty() && cursor == self.cursor {
            return Ok(Flow::Through);
        }
        let mut bytes = Vec::new();
        // Into a vector: cannot fail.
        let _ = queue!(bytes, BeginSynchronizedUpdate);
        if resized {
            let _ = queue!(bytes, ResetColor, Clear(ClearType::All));
        }
        let _ = CrosstermBackend::new(&mut bytes).draw(changes.into_iter());
        let _ = match (cursor, self.cursor) {
            (Some(at), None) => queue!(bytes, MoveTo(at.x, at.y), Show),
            (Some(at), Some(_)) => queue!(bytes, MoveTo(at.x, at.y)),
            (None, Some(_)) => queue!(bytes, Hide),
            (None, None) => Ok(()),
        };
        let _ = queue!(bytes, EndSynchronizedUpdate);
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
