//! The console's own thread: waits, folds, draws.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::console::{Console, Outcome};
use super::copy;
use super::input::{Reader, Timed};
use super::outlet::Flow;
use super::render;
use super::terminal::Terminal;
use super::{Dialect, Form, Inbound, Leave, Motion, Multiplexer, Outbound, UiError, Wiring};

/// Least time between frames that answer keys, over any longer time.
const KEY_PACE: Duration = Duration::from_millis(100);
/// So many of them are drawn at once before that holds: a person waits for the answer to a key, not for a pace.
const KEYS_AT_ONCE: u32 = 5;
/// Least time between two frames that tell of an event, where the clock alone moves little.
const NEWS_PACE: Duration = Duration::from_secs(1);
/// How often the size of the terminal is looked at, and longest wait of this thread.
const LOOK_PACE: Duration = Duration::from_millis(250);
/// How often the rest of a long text on the shell's screen is offered to the terminal.
const ASIDE_PACE: Duration = Duration::from_millis(20);
/// So many messages are taken in before the next look at clock and screen.
const BATCH: usize = 512;

/// Runs the console until it is left. Takes the terminal over and gives it back on every way out, a panic in here
/// included; panics of other threads do not touch it. Blocks the calling thread.
pub fn run(wiring: Wiring) -> Result<Leave, UiError> {
    let work = || match wiring.options.form {
        Form::Screen => drive(wiring),
        form @ (Form::Lines | Form::Json) => super::plain::drive(wiring, form),
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => Err(UiError::Panicked { message: panic_message(panic.as_ref()) }),
    }
}

/// Writes lines to the terminal that the console was on, after it. Unlike standard output, this cannot hold the
/// process for ever when the terminal is frozen. The text must be safe already.
pub fn print_after(text: &str) {
    super::outlet::Outlet::print(text);
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// Time since the console began. Wall time may jump; this does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "pace of frames and of typing only; nothing on the screen or in a command is made from it"
    )]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// What wakes this thread.
#[expect(clippy::large_enum_variant, reason = "a channel of few messages; a box per event would only cost")]
pub(super) enum Wake {
    /// A key or a paste.
    Token(Timed),
    /// A line, where lines are typed instead of keys.
    Line(super::plain::TimedLine),
    /// A message of the engine's side.
    Inbound(Inbound),
    /// Nobody is left who could send one.
    InboundClosed,
    /// The terminal hung up.
    TerminalGone,
}

fn drive(wiring: Wiring) -> Result<Leave, UiError> {
    let Wiring { inbound, samples, outbound, operator, options, now } = wiring;
    let stopwatch = Stopwatch::start();
    let multiplexer = options.multiplexer;
    let (dialect, mouse, motion) = (options.dialect, options.mouse, options.motion);
    let esc_delay = options.esc_delay.into();
    let mut console = Console::new(operator, options);

    let mut terminal = Terminal::enter(dialect, mouse)?;
    let (wake, woken) = channel();
    let _reader = Reader::start(stopwatch, esc_delay, wake.clone())?;
    forward(inbound, wake)?;

    let mut pace = Pace::default();
    loop {
        pace.refresh = console.refresh();
        let at = stopwatch.elapsed();
        let size = Terminal::size();
        if pace.due(at, size) {
            console.resize(size);
            console.read(samples(), now());
            let call = console.call(now());
            if !call.is_empty() && terminal.call(&call).is_err() {
                return Ok(Leave::TerminalGone);
            }
            if console.is_in_view() {
                let moment = now();
                let view = console.view(moment);
                let (frame, cursor) = render::frame(&view, console.theme());
                match terminal.paint(frame, cursor) {
                    Ok(Flow::Through) => {
                        console.shown(stopwatch.elapsed());
                        console.drawn(&view, moment);
                    }
                    // Whoever cannot see a panel cannot mean its keys: it stays deaf until a frame goes through.
                    Ok(Flow::Stuck) => {}
                    Err(_) => return Ok(Leave::TerminalGone),
                }
            }
            pace.drawn(stopwatch.elapsed(), size);
        }
        let mut wait = pace.next(stopwatch.elapsed()).min(LOOK_PACE);
        if !console.is_in_view() {
            match terminal.go_on() {
                Ok(Flow::Through) => {}
                Ok(Flow::Stuck) => wait = wait.min(ASIDE_PACE),
                Err(_) => return Ok(Leave::TerminalGone),
            }
        }
        let first = match woken.recv_timeout(wait) {
            Ok(wake) => wake,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(Leave::TerminalGone),
        };
        for wake in std::iter::once(first).chain(woken.try_iter().take(BATCH)) {
            match wake {
                Wake::TerminalGone => return Ok(Leave::TerminalGone),
                Wake::Token(timed) => {
                    pace.key = true;
                    // Judged by the newest readings: with a slow refresh those of the last frame may be too old.
                    console.read(samples(), now());
                    for outcome in console.token(&timed, now()) {
                        let done = carry_out(outcome, outbound.as_ref(), &mut terminal, dialect, multiplexer);
                        if let Err(leave) = done {
                            return Ok(leave);
                        }
                    }
                }
                // Nobody types lines on a screen.
                Wake::Line(_) => {}
                Wake::Inbound(Inbound::LeaveNow) => return Ok(Leave::Quit),
                // Sizes are compared before every frame; one that came back in between left its traces all the same.
                Wake::Inbound(Inbound::Resized) => {
                    terminal.forget();
                    pace.key = true;
                }
                Wake::Inbound(message) => {
                    pace.news |= motion == Motion::Reduced;
                    if let Some(leave) = console.inbound(message, now()) {
                        return Ok(leave);
                    }
                }
                Wake::InboundClosed => console.engine_gone(),
            }
        }
    }
}

/// Everything that follows a key; as an error, how the screen is left.
fn carry_out(
    outcome: Outcome,
    outbound: &(dyn Fn(Outbound) + Send),
    terminal: &mut Terminal,
    dialect: Dialect,
    multiplexer: Multiplexer,
) -> Result<(), Leave> {
    let done = match outcome {
        Outcome::Send(command) => {
            outbound(Outbound::Command(command));
            Ok(())
        }
        Outcome::Control => {
            outbound(Outbound::TakeControl);
            Ok(())
        }
        Outcome::Report => {
            outbound(Outbound::WriteReport);
            Ok(())
        }
        Outcome::Repaint => {
            terminal.forget();
            Ok(())
        }
        Outcome::Copy(text) => terminal.show_aside(&copy::aside(&text, dialect.family, multiplexer)),
        Outcome::Back => terminal.back(),
        Outcome::Mouse(mouse) => terminal.set_mouse(mouse),
        Outcome::Suspend => terminal.suspend(),
        Outcome::Leave(leave) => return Err(leave),
    };
    done.map_err(|_| Leave::TerminalGone)
}

/// Joins the engine's channel to the one that keys come by: a thread can wait for one channel only.
pub(super) fn forward(inbound: Receiver<Inbound>, to: std::sync::mpsc::Sender<Wake>) -> Result<(), UiError> {
    std::thread::Builder::new()
        .name("console-events".to_owned())
        .spawn(move || {
            for message in inbound {
                if to.send(Wake::Inbound(message)).is_err() {
                    return;
                }
            }
            let _ = to.send(Wake::InboundClosed);
        })
        .map(|_| ())
        .map_err(|source| UiError::Thread { which: "event", source })
}

/// When to draw: at once at first and for the first keys of many, ten times a second for all others, once per refresh
/// for data.
#[derive(Debug, Default)]
struct Pace {
    refresh: Duration,
    last: Option<(Duration, (u16, u16))>,
    key: bool,
    /// When all frames that answered keys would have been drawn at their pace.
    keys_until: Duration,
    /// Something has happened that is not to wait for the next picture by the clock.
    news: bool,
}

impl Pace {
    fn next(&self, at: Duration) -> Duration {
        let Some((last, _)) = self.last else { return Duration::ZERO };
        let pace = if self.news { self.refresh.min(NEWS_PACE) } else { self.refresh };
        let due = last + pace;
        let due = if self.key {
            due.min(self.keys_until.saturating_sub(KEY_PACE * (KEYS_AT_ONCE - 1)))
        } else {
            due
        };
        due.saturating_sub(at)
    }

    fn due(&self, at: Duration, size: (u16, u16)) -> bool {
        self.next(at).is_zero() || self.last.is_none_or(|(_, drawn)| drawn != size)
    }

    fn drawn(&mut self, at: Duration, size: (u16, u16)) {
        self.last = Some((at, size));
        if std::mem::take(&mut self.key) {
            self.keys_until = self.keys_until.max(at) + KEY_PACE;
        }
        self.news = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const SIZE: (u16, u16) = (80, 24);

    #[test]
    fn the_first_frame_is_due_at_once_and_data_once_a_refresh() {
        let mut pace = Pace { refresh: ms(1_000), ..Pace::default() };
        assert!(pace.due(ms(0), SIZE));
        pace.drawn(ms(0), SIZE);
        assert!(!pace.due(ms(999), SIZE));
        assert!(pace.due(ms(1_000), SIZE));
        pace.refresh = ms(5_000);
        pace.news = true;
        assert!(!pace.due(ms(999), SIZE));
        assert!(pace.due(ms(1_000), SIZE), "news wait for a second, not for a slow clock");
        assert!(pace.due(ms(1), (120, 40)), "a new size is drawn at once");
    }

    #[test]
    fn a_key_is_answered_at_once_and_many_of_them_ten_times_a_second() {
        let mut pace = Pace { refresh: ms(1_000), ..Pace::default() };
        pace.drawn(ms(5_000), SIZE);
        let drawn = |pace: &mut Pace, at: u64| {
            pace.key = true;
            let due = pace.due(ms(at), SIZE);
            if due {
                pace.drawn(ms(at), SIZE);
            }
            due
        };
        // Right after a frame of data, and as fast as fingers for a while.
        assert!((0..5).all(|key| drawn(&mut pace, 5_001 + key * 10)));
        assert!(!drawn(&mut pace, 5_051));
        // Held down for ten seconds.
        let frames = (0..1_000).filter(|tick| drawn(&mut pace, 5_060 + tick * 10)).count();
        assert!((98..=101).contains(&frames), "{frames}");
        // What was not drawn at once is not forgotten.
        pace.key = true;
        assert!(pace.next(ms(15_061)) <= KEY_PACE);
    }
}
