//! Lines from a terminal in its own line mode: whole, dated, and none of a paste.
//!
//! A terminal hands over one line at a time however many were pasted. So a line is held back for a moment: another one that
//! comes meanwhile shows that nobody typed them. The last line of a paste has no end as a rule: the terminal keeps it to
//! itself, and would hand it over at the next Enter as if it had been typed. So whatever it keeps is let go with every line.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{QueueSelector, tcflush};

use super::super::UiError;
use super::super::input::timespec;
use super::super::thread::{Stopwatch, Wake};

/// Lines closer together than this were not typed.
const TOGETHER: Duration = Duration::from_millis(30);
/// A paste is over after so long a silence.
const SILENCE: Duration = Duration::from_secs(1);
/// Longest line, in characters: what a field of a panel takes.
const LONGEST: usize = 200;

/// What came as a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) enum TypedLine {
    /// Text without a control character.
    Line(String),
    /// With control characters, or no UTF-8: arrow keys that the terminal does not edit with, for one.
    Odd,
    /// Longer than anything that is asked for.
    Long,
    /// Lines that came together.
    Paste,
}

/// A line, and when its end was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) struct TimedLine {
    /// What.
    pub(in crate::ui) typed: TypedLine,
    /// Time of the console's stopwatch.
    pub(in crate::ui) at: Duration,
}

impl TypedLine {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.chars().any(char::is_control) => Self::Odd,
            Ok(text) if text.chars().count() > LONGEST => Self::Long,
            Ok(text) => Self::Line(text.trim().to_owned()),
            Err(_) => Self::Odd,
        }
    }
}

/// What to do with what was read.
#[derive(Debug, Default)]
struct Sieve {
    partial: Vec<u8>,
    held: Option<TimedLine>,
    /// The last bytes of a paste.
    latched: Option<Duration>,
}

/// Whether what the terminal still holds is part of a paste.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Stays,
    Goes,
}

impl Sieve {
    /// Takes bytes in.
    fn feed(&mut self, bytes: &[u8], at: Duration, out: &mut Vec<TimedLine>) -> Rest {
        if self.latched.is_some() {
            self.latched = Some(at);
            return Rest::Goes;
        }
        self.partial.extend_from_slice(bytes);
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if self.held.is_some() || !self.partial.is_empty() {
                self.held = None;
                self.partial.clear();
                self.latched = Some(at);
                out.push(TimedLine { typed: TypedLine::Paste, at });
                return Rest::Goes;
            }
            self.held = Some(TimedLine { typed: TypedLine::of(text), at });
        }
        Rest::Stays
    }

    /// When [`Self::pass`] has something to do.
    fn deadline(&self) -> Option<Duration> {
        let held = self.held.as_ref().map(|held| held.at + TOGETHER);
        held.or(self.latched.map(|last| last + SILENCE))
    }

    /// Lets time pass.
    fn pass(&mut self, at: Duration, out: &mut Vec<TimedLine>) -> Rest {
        if self.deadline().is_none_or(|due| at < due) {
            return Rest::Stays;
        }
        if let Some(held) = self.held.take() {
            out.push(held);
            // Nobody types the next line so soon: a piece of one came with this one.
            self.partial.clear();
            return Rest::Goes;
        }
        // The last piece of a paste has no end of a line: it must not become the beginning of the next one.
        self.latched = None;
        Rest::Goes
    }
}

/// The reading thread. Dropping it ends the thread and waits for that.
pub(super) struct LineReader {
    stop: Option<OwnedFd>,
    forget: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl LineReader {
    /// Starts to read standard input. What was typed before was meant for the shell.
    pub(super) fn start(stopwatch: Stopwatch, to: Sender<Wake>) -> Result<Self, UiError> {
        let (ended, stop) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|source| UiError::Terminal { what: "be watched", source })?;
        drop_pending();
        let forget = Arc::new(AtomicBool::new(false));
        let told = forget.clone();
        let thread = std::thread::Builder::new()
            .name("console-lines".to_owned())
            .spawn(move || read_until_gone(stopwatch, &ended, &told, &to))
            .map_err(|source| UiError::Thread { which: "line", source })?;
        Ok(Self { stop: Some(stop), forget, thread: Some(thread) })
    }

    /// Lets go of whatever has no end of a line yet. No terminal tells whether there was anything.
    pub(super) fn forget(&self) {
        self.forget.store(true, Ordering::SeqCst);
        drop_pending();
    }
}

impl Drop for LineReader {
    fn drop(&mut self) {
        // The other end of the pipe hangs up, and that wakes the thread.
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Lets go of what the terminal has not handed over yet.
fn drop_pending() {
    // Anything else than a terminal has nothing to drop.
    let _ = tcflush(rustix::stdio::stdin(), QueueSelector::IFlush);
}

fn read_until_gone(stopwatch: Stopwatch, ended: &OwnedFd, forget: &AtomicBool, to: &Sender<Wake>) {
    let input = rustix::stdio::stdin();
    let mut sieve = Sieve::default();
    let mut bytes = [0_u8; 4096];
    loop {
        let now = stopwatch.elapsed();
        let wait = sieve.deadline().map(|due| timespec(due.saturating_sub(now)));
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
        if forget.swap(false, Ordering::SeqCst) {
            // Ctrl-D within a line hands over what there is of it.
            sieve.partial.clear();
        }
        let at = stopwatch.elapsed();
        let mut lines = Vec::new();
        let mut rest = Rest::Stays;
        if seen.contains(PollFlags::IN) {
            match rustix::io::read(input, &mut bytes) {
                // Ctrl-D, or nobody is left who could type.
                Ok(0) => break,
                Ok(count) => rest = sieve.feed(bytes.get(..count).unwrap_or_default(), at, &mut lines),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => break,
            }
        }
        if rest == Rest::Stays {
            rest = sieve.pass(at, &mut lines);
        }
        if rest == Rest::Goes {
            drop_pending();
        }
        for line in lines {
            if to.send(Wake::Line(line)).is_err() {
                return;
            }
        }
    }
    let _ = to.send(Wake::TerminalGone);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Feeds pieces at their times and lets time pass between them.
    fn sieved(pieces: &[(&str, u64)]) -> Vec<TypedLine> {
        let (mut sieve, mut out) = (Sieve::default(), Vec::new());
        for (text, at) in pieces {
            while let Some(due) = sieve.deadline().filter(|due| *due <= ms(*at)) {
                sieve.pass(due, &mut out);
            }
            sieve.feed(text.as_bytes(), ms(*at), &mut out);
        }
        while let Some(due) = sieve.deadline() {
            sieve.pass(due, &mut out);
        }
        out.into_iter().map(|line| line.typed).collect()
    }

    fn line(text: &str) -> TypedLine {
        TypedLine::Line(text.to_owned())
    }

    #[test]
    fn lines_that_a_person_types_pass() {
        assert_eq!(sieved(&[("s\n", 0), ("go\n", 700), ("\n", 800)]), [line("s"), line("go"), line("")]);
        assert_eq!(sieved(&[("sto", 0), ("p\r\n", 40)]), [line("stop")]);
    }

    #[test]
    fn lines_that_come_together_are_one_paste_and_so_is_what_follows_within_a_second() {
        assert_eq!(sieved(&[("s\n", 0), ("go\n", 0), ("x\n", 1), ("stop\n", 900)]), [TypedLine::Paste]);
        assert_eq!(sieved(&[("s\ngo\n", 0), ("j\n", 1_500)]), [TypedLine::Paste, line("j")]);
        assert_eq!(sieved(&[("s\ngo", 0), ("\n", 5)]), [TypedLine::Paste], "the last piece has no end yet");
    }

    #[test]
    fn what_the_terminal_keeps_behind_a_line_goes_with_that_line() {
        let (mut sieve, mut out) = (Sieve::default(), Vec::new());
        assert_eq!(sieve.feed(b"p\n", ms(0), &mut out), Rest::Stays);
        assert_eq!(sieve.pass(ms(29), &mut out), Rest::Stays, "not yet: more of a paste may come");
        assert_eq!(sieve.pass(ms(30), &mut out), Rest::Goes);
        assert_eq!(out.len(), 1);
        // A piece that was handed over without its end, as Ctrl-D does.
        assert_eq!(sieved(&[("p\n", 0), ("go", 10), ("\n", 900)]), [line("p"), line("")]);
    }

    #[test]
    fn what_is_no_text_is_told_apart() {
        assert_eq!(sieved(&[("\u{1b}[A\n", 0)]), [TypedLine::Odd]);
        assert_eq!(sieved(&[("a\tb\n", 0)]), [TypedLine::Odd]);
        assert_eq!(sieved(&[(&format!("{}\n", "x".repeat(201)), 0)]), [TypedLine::Long]);
        assert_eq!(TypedLine::of(b"\xff\xfe"), TypedLine::Odd);
    }
}
