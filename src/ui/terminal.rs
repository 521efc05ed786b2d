//! The terminal itself: taken over, painted, and given back whatever happens.
//!
//! This does not use `ratatui::Terminal`: its drop prints to a tty that may be gone (a panic inside a panic), and its
//! `clear` asks the terminal where the cursor is (2 s, then an error, while another thread reads keys).

use std::io::Write as _;
use std::os::fd::BorrowedFd;

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
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};

use super::UiError;

/// Size when the terminal does not tell: what every screen is made for.
const DEFAULT_SIZE: (u16, u16) = (80, 24);

/// A terminal in raw mode on its alternate screen. Dropping it gives it back.
pub(super) struct Terminal {
    saved: Termios,
    painted: Buffer,
    cursor: Option<Position>,
    bytes: Vec<u8>,
}

impl Terminal {
    /// Takes the terminal over.
    pub(super) fn enter() -> Result<Self, UiError> {
        let (input, output) = (rustix::stdio::stdin(), rustix::stdio::stdout());
        if !isatty(input) || !isatty(output) {
            return Err(UiError::NoTerminal);
        }
        let saved = tcgetattr(input).map_err(refused("tell its mode"))?;
        let mut raw = saved.clone();
        raw.make_raw();
        // What was typed before the first frame was meant for the shell: it is thrown away.
        tcsetattr(input, OptionalActions::Flush, &raw).map_err(refused("take raw mode"))?;
        // From here on the drop undoes it.
        let mut terminal =
            Self { saved, painted: Buffer::empty(Rect::ZERO), cursor: None, bytes: Vec::new() };
        // Into a vector: cannot fail.
        let _ = queue!(terminal.bytes, EnterAlternateScreen, EnableBracketedPaste, Hide);
        terminal.send().map_err(refused("take the alternate screen"))?;
        Ok(terminal)
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

    /// Brings the screen from what was painted last to `next`: nothing at all, or one write.
    pub(super) fn paint(&mut self, next: Buffer, cursor: Option<Position>) -> Result<(), Errno> {
        self.bytes.clear();
        let resized = self.painted.area != next.area;
        if resized {
            self.painted = Buffer::empty(next.area);
        }
        let changes = self.painted.diff(&next);
        if !resized && changes.is_empty() && cursor == self.cursor {
            return Ok(());
        }
        // Into a vector: cannot fail.
        let _ = queue!(self.bytes, BeginSynchronizedUpdate);
        if resized {
            let _ = queue!(self.bytes, ResetColor, Clear(ClearType::All));
        }
        let _ = CrosstermBackend::new(&mut self.bytes).draw(changes.into_iter());
        let _ = match (cursor, self.cursor) {
            (Some(at), None) => queue!(self.bytes, MoveTo(at.x, at.y), Show),
            (Some(at), Some(_)) => queue!(self.bytes, MoveTo(at.x, at.y)),
            (None, Some(_)) => queue!(self.bytes, Hide),
            (None, None) => Ok(()),
        };
        let _ = queue!(self.bytes, EndSynchronizedUpdate);
        self.painted = next;
        self.cursor = cursor;
        self.send()
    }

    fn send(&mut self) -> Result<(), Errno> {
        let result = write_all(rustix::stdio::stdout(), &self.bytes);
        self.bytes.clear();
        result
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.bytes.clear();
        let _ = queue!(
            self.bytes,
            EndSynchronizedUpdate,
            ResetColor,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = self.bytes.flush();
        // A terminal that is gone takes nothing back, and there is nobody left to tell.
        let _ = self.send();
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.saved);
    }
}

fn refused(what: &'static str) -> impl Fn(Errno) -> UiError {
    move |source| UiError::Terminal { what, source }
}

/// Writes all of it, although somebody may have made the descriptor non-blocking (it is shared with the shell).
fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
                match poll(&mut fds, None) {
                    Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) => {
                        return Err(Errno::IO);
                    }
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(errno) => return Err(errno),
                }
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
