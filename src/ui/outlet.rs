//! Writing to a terminal that may stop taking bytes: a frozen SSH link must not hold this thread for ever.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;

/// Whether everything went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// It did.
    Through,
    /// Nobody reads at the other end; the rest waits here.
    Stuck,
}

/// A terminal to write to.
#[derive(Debug)]
pub(super) struct Outlet {
    own: Option<OwnedFd>,
    waiting: Vec<u8>,
}

impl Outlet {
    /// The terminal of this process, opened anew: a flag on standard output would be the shell's too.
    pub(super) fn of_terminal() -> Self {
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let own =
            ["/dev/tty", "/proc/self/fd/1"].iter().find_map(|path| open(*path, flags, Mode::empty()).ok());
        Self { own, waiting: Vec::new() }
    }

    /// Standard output, which may be a terminal, a pipe or a file, opened anew for the same reason.
    pub(super) fn of_output() -> Self {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Self { own: open("/proc/self/fd/1", flags, Mode::empty()).ok(), waiting: Vec::new() }
    }

    /// Whether everything has gone out.
    pub(super) fn is_through(&self) -> bool {
        self.waiting.is_empty()
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.own.as_ref().map_or(rustix::stdio::stdout(), |own| own.as_fd())
    }

    /// Writes text below what is on the screen, once that is the shell's again. A terminal that is frozen or gone gets
    /// a second to take it.
    pub(super) fn print(text: &str) {
        let mut outlet = Self::of_terminal();
        if outlet.send(text.as_bytes()) == Ok(Flow::Stuck) {
            let _ = outlet.flush(1_000);
        }
    }

    /// Takes bytes and writes what goes at once.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<Flow, Errno> {
        self.waiting.extend_from_slice(bytes);
        self.flush(0)
    }

    /// Writes what waits; for at most so many milliseconds while nobody reads.
    pub(super) fn flush(&mut self, patience: i64) -> Result<Flow, Errno> {
        let mut sent = 0;
        let result = loop {
            let Some(rest) = self.waiting.get(sent..).filter(|rest| !rest.is_empty()) else {
                break Ok(Flow::Through);
            };
            match rustix::io::write(self.fd(), rest) {
                Ok(0) => break Err(Errno::IO),
                Ok(count) => sent += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => match self.takes_more(patience) {
                    Ok(true) => {}
                    Ok(false) => break Ok(Flow::Stuck),
                    Err(errno) => break Err(errno),
                },
                Err(errno) => break Err(errno),
            }
        };
        self.waiting.drain(..sent);
        result
    }

    /// Whether bytes go out within so many milliseconds.
    fn takes_more(&self, patience: i64) -> Result<bool, Errno> {
        let fd = self.fd();
        let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
        let wait = Timespec { tv_sec: patience / 1_000, tv_nsec: patience % 1_000 * 1_000_000 };
        match poll(&mut fds, Some(&wait)) {
            Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) => Err(Errno::IO),
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(true),
            Err(errno) => Err(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    #[test]
    fn a_reader_that_sleeps_leaves_the_rest_waiting_and_gets_it_in_order_later() {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        let mut outlet = Outlet { own: Some(writer), waiting: Vec::new() };
        let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        assert_eq!(outlet.send(&bytes), Ok(Flow::Stuck), "no pipe holds so much");
        let mut got = Vec::new();
        let mut chunk = [0; 4_096];
        let mut last = Flow::Stuck;
        while got.len() < bytes.len() {
            match rustix::io::read(&reader, &mut chunk) {
                Ok(count) => got.extend_from_slice(&chunk[..count]),
                Err(Errno::AGAIN) => last = outlet.flush(0).unwrap(),
                Err(errno) => panic!("{errno}"),
            }
        }
        assert!(got == bytes);
        assert_eq!(last, Flow::Through);
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error_and_not_a_wait() {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        drop(reader);
        let mut outlet = Outlet { own: Some(writer), waiting: Vec::new() };
        assert_eq!(outlet.send(b"x"), Err(Errno::PIPE));
    }
}
