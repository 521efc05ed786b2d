//! Keys: from the terminal's bytes to presses with their time.
//!
//! The reader waits in poll(2) and reads by itself. crossterm 0.29's event source spins for ever on a terminal that is
//! gone (its loop takes `Ok(0)` and EIO for "try again") and splits an arrow key whose bytes come in two reads into
//! Esc, `[` and `C`.

mod burst;
mod parse;

use std::os::fd::OwnedFd;
use std::sync::mpsc::Sender;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::UiError;
use super::thread::{Stopwatch, Wake};
use burst::Burst;
use parse::Parser;
pub(super) use parse::{Key, Pointer, Token};

/// A press or a paste, and when it was read: a queue must not make a slow typist look like a paste.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timed {
    /// What.
    pub(super) token: Token,
    /// Time of the console's stopwatch.
    pub(super) at: Duration,
}

/// The reading thread. Dropping it ends the thread and waits for that.
pub(super) struct Reader {
    stop: Option<OwnedFd>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Reader {
    /// Starts to read standard input.
    pub(super) fn start(
        stopwatch: Stopwatch,
        esc_delay: Duration,
        to: Sender<Wake>,
    ) -> Result<Self, UiError> {
        let (ended, stop) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|source| UiError::Terminal { what: "be watched", source })?;
        let thread = std::thread::Builder::new()
            .name("console-keys".to_owned())
            .spawn(move || read_until_gone(stopwatch, esc_delay, &ended, &to))
            .map_err(|source| UiError::Thread { which: "key", source })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // The other end of the pipe hangs up, and that wakes the thread.
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read_until_gone(stopwatch: Stopwatch, esc_delay: Duration, ended: &OwnedFd, to: &Sender<Wake>) {
    let input = rustix::stdio::stdin();
    let mut parser = Parser::new(esc_delay);
    let mut burst = Burst::default();
    let mut bytes = [0_u8; 1024];
    loop {
        let now = stopwatch.elapsed();
        let wait = parser.deadline().map(|due| timespec(due.saturating_sub(now)));
        let mut fds = [PollFd::new(&input, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
        match poll(&mut fds, wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => break,
        }
        let (seen, stopped) = (fds[0].revents(), fds[1].revents());
        if !stopped.is_empty() {
            return;
        }
        // Hang-up first: after it, reads only ever return nothing or EIO.
        if seen.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            break;
        }
        let at = stopwatch.elapsed();
        let mut tokens = Vec::new();
        if seen.contains(PollFlags::IN) {
            match rustix::io::read(input, &mut bytes) {
                Ok(0) => break,
                Ok(count) => parser.feed(bytes.get(..count).unwrap_or_default(), at, &mut tokens),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => break,
            }
        }
        parser.pass(at, &mut tokens);
        for token in tokens {
            let Some(token) = burst.take(token, at) else { continue };
            if to.send(Wake::Token(Timed { token, at })).is_err() {
                return;
            }
        }
    }
    let _ = to.send(Wake::TerminalGone);
}

/// Rounded up to the next millisecond, so that a deadline has passed when the wait for it ends.
pub(super) fn timespec(wait: Duration) -> Timespec {
    let wait = wait + Duration::from_millis(1);
    Timespec {
        tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(wait.subsec_nanos()),
    }
}

/// What becomes of some bytes that arrive at once.
#[cfg(test)]
pub(super) fn tokens(bytes: &[u8], esc_delay: Duration) -> Vec<Token> {
    let mut out = Vec::new();
    Parser::new(esc_delay).feed(bytes, Duration::ZERO, &mut out);
    out
}
