//! The console in lines: for terminals that show no screen, for screen readers, and, as JSON, for programs that watch.
//!
//! It is the same console: the same state machine, keymap, panels and rules. Only the ends differ. What would be drawn is
//! said, each change once, a fact a line, without a single control sequence; and what would be keys comes as lines that
//! the terminal itself has edited.

mod reader;
mod tell;
mod typed;

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::console::{Console, Outcome};
use super::input::{Key, Timed, Token};
use super::outlet::{Flow, Outlet};
use super::panel::{GUARD, Purpose};
use super::thread::{Stopwatch, Wake, forward};
use super::ui_state::{Aside, WHOLE};
use super::{Form, Inbound, Leave, Outbound, UiError, Wiring};
use reader::{LineReader, TypedLine};
use tell::{Said, Teller};
use typed::{Show, understood};

pub(super) use reader::TimedLine;
pub(super) use tell::{RowKey, row_keys};

/// Longest wait of this thread.
const LOOK_PACE: Duration = Duration::from_millis(250);
/// How often the rest of a long text is offered to a reader that is slow.
const STUCK_PACE: Duration = Duration::from_millis(20);
/// Whoever did not get a turn for so long was stopped, or the machine slept: who had the terminal is not known.
const STOOD_STILL: Duration = Duration::from_secs(2);
/// So many messages are taken in before the next look at the clock.
const BATCH: usize = 512;

const WELCOME: &str = "lines instead of a screen: type a line and Enter. ? lists keys and commands, a number chooses a \
    row, . shows the screen, an empty line says how it stands, esc or . closes a panel, q leaves";

/// Runs the console until it is left.
pub(super) fn drive(wiring: Wiring, form: Form) -> Result<Leave, UiError> {
    let Wiring { inbound, samples, outbound, operator, options, now } = wiring;
    let stopwatch = Stopwatch::start();
    let mut console = Console::new(operator, options);
    console.resize(WHOLE);
    let (wake, woken) = channel();
    let reader = match form {
        Form::Lines => Some(LineReader::start(stopwatch, wake.clone())?),
        Form::Json | Form::Screen => None,
    };
    forward(inbound, wake)?;
    let voice = Voice { outlet: Outlet::of_output(), form };
    let mut desk =
        Desk { console, teller: Teller::new(form), voice, outbound, reader, deaf: None, ends: Ends::Open };
    if form == Form::Lines {
        desk.teller.note(WELCOME);
    }
    desk.turn(&woken, stopwatch, samples.as_ref(), now.as_ref())
}

impl Console {
    /// This process was stopped for a while, or the machine slept: whoever had the terminal meanwhile is not known, and
    /// an open panel has to be seen again.
    fn stood_still(&mut self, now: jiff::Timestamp) {
        self.disarm("the console stood still", now);
        if let Some(panel) = &mut self.ui.panel {
            panel.shown = None;
        }
    }
}

/// Where what is said goes.
struct Voice {
    outlet: Outlet,
    form: Form,
}

impl Voice {
    /// Says it; a line each.
    fn say(&mut self, said: &[Said], now: jiff::Timestamp) -> rustix::io::Result<Flow> {
        let mut text = String::new();
        for said in said {
            match self.form {
                Form::Json => text.push_str(&said.json(now)),
                Form::Lines | Form::Screen => {
                    for line in said.lines(now) {
                        text.push_str(&line);
                        text.push('\n');
                    }
                }
            }
        }
        self.outlet.send(text.as_bytes())
    }
}

/// Whether there is more to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Open,
    /// The engine has gone: whoever only watches is done once that is said.
    Over,
}

/// A console with a voice.
struct Desk {
    console: Console,
    teller: Teller,
    voice: Voice,
    outbound: Box<dyn Fn(Outbound) + Send>,
    /// Who listens, if anybody can type.
    reader: Option<LineReader>,
    /// Until when the open panel takes nothing.
    deaf: Option<Duration>,
    ends: Ends,
}

impl Desk {
    fn turn(
        &mut self,
        woken: &Receiver<Wake>,
        stopwatch: Stopwatch,
        samples: &dyn Fn() -> crate::domain::sample::Samples,
        now: &dyn Fn() -> jiff::Timestamp,
    ) -> Result<Leave, UiError> {
        let mut last = stopwatch.elapsed();
        let mut told = None::<Duration>;
        loop {
            let at = stopwatch.elapsed();
            if at.saturating_sub(last) > STOOD_STILL {
                self.console.stood_still(now());
                self.teller.forget_panel();
            }
            last = at;
            let due = told.is_none_or(|told| {
                at >= told
                    + self.console.refresh().min(if self.teller.is_hurried() {
                        LOOK_PACE
                    } else {
                        Duration::MAX
                    })
            });
            let mut wait = LOOK_PACE;
            match self.voice.outlet.flush(0) {
                Ok(Flow::Through) if due => {
                    self.console.read(samples(), now());
                    let said = self.teller.tell(&self.console.scene(now()));
                    if self.voice.say(&said, now()).is_err() {
                        return Ok(Leave::TerminalGone);
                    }
                    told = Some(stopwatch.elapsed());
                    if self.ends == Ends::Over {
                        let _ = self.voice.outlet.flush(1_000);
                        return Ok(Leave::Quit);
                    }
                }
                Ok(Flow::Through) => {}
                Ok(Flow::Stuck) => wait = STUCK_PACE,
                Err(_) => return Ok(Leave::TerminalGone),
            }
            // Whoever could not read a panel cannot mean it: it stays deaf until all of it went through.
            if self.voice.outlet.is_through() && self.teller.has_told_panel() {
                let at = stopwatch.elapsed();
                self.panel_was_told(at);
                wait = self.deaf.map_or(wait, |until| wait.min(until.saturating_sub(at)));
            }
            let first = match woken.recv_timeout(wait) {
                Ok(wake) => wake,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(Leave::TerminalGone),
            };
            for wake in std::iter::once(first).chain(woken.try_iter().take(BATCH)) {
                if let Wake::Line(_) = wake {
                    // Judged by the newest readings, and answered at once.
                    self.console.read(samples(), now());
                    told = None;
                }
                if let Some(leave) = self.woken(wake, stopwatch.elapsed(), now()) {
                    return Ok(leave);
                }
            }
        }
    }

    /// A panel has gone out whole. What was typed before, and while it was deaf, is not for it: neither is the half of a
    /// line that the terminal keeps until the next Enter.
    fn panel_was_told(&mut self, at: Duration) {
        let first = self.console.ui.panel.as_ref().is_some_and(|panel| panel.shown.is_none());
        self.console.shown(at);
        let over = self.deaf.is_some_and(|until| at >= until);
        if first {
            self.deaf = Some(at + GUARD);
        } else if over {
            self.deaf = None;
        }
        if let Some(reader) = self.reader.as_ref().filter(|_| first || over) {
            reader.forget();
        }
    }

    fn woken(&mut self, wake: Wake, at: Duration, now: jiff::Timestamp) -> Option<Leave> {
        let open = |desk: &Self| -> Option<Purpose> {
            desk.console.ui.panel.as_ref().map(|panel| panel.purpose.clone())
        };
        let before = open(self);
        let left = self.take_in(wake, at, now);
        if open(self) != before {
            // The next one is another one, even where nothing was said between the two.
            self.teller.forget_panel();
            self.deaf = None;
        }
        left
    }

    fn take_in(&mut self, wake: Wake, at: Duration, now: jiff::Timestamp) -> Option<Leave> {
        match wake {
            Wake::TerminalGone => return Some(Leave::TerminalGone),
            Wake::Line(line) => {
                let outcomes = self.line(line, now);
                return outcomes.into_iter().find_map(|outcome| self.carry_out(outcome));
            }
            Wake::Token(timed) => {
                let outcomes = self.console.token(&timed, now);
                return outcomes.into_iter().find_map(|outcome| self.carry_out(outcome));
            }
            Wake::Inbound(Inbound::LeaveNow) => return Some(Leave::Quit),
            Wake::Inbound(Inbound::Interrupt) => {
                let timed = Timed { token: Token::Key(Key::Ctrl('c')), at };
                self.teller.hurry();
                return self.take_in(Wake::Token(timed), at, now);
            }
            Wake::Inbound(message) => {
                if message == Inbound::CaughtUp {
                    self.teller.catch_up();
                }
                let over = matches!(message, Inbound::EngineEnded { .. } | Inbound::EngineLost { .. });
                if over && self.voice.form == Form::Json {
                    self.ends = Ends::Over;
                }
                self.teller.hurry();
                return self.console.inbound(message, now);
            }
            Wake::InboundClosed => self.console.engine_gone(),
        }
        None
    }

    /// A line that was typed.
    fn line(&mut self, TimedLine { typed, at }: TimedLine, now: jiff::Timestamp) -> Vec<Outcome> {
        let line = match typed {
            TypedLine::Line(line) => line,
            TypedLine::Odd => {
                self.teller.note("that line was dropped: it holds keys that are no text");
                return Vec::new();
            }
            TypedLine::Long => {
                self.teller.note("that line was dropped: it is too long");
                return Vec::new();
            }
            TypedLine::Paste => {
                self.teller.note(
                    "several lines at once are a paste: all of them were dropped, and whatever comes within a second of them",
                );
                return Vec::new();
            }
        };
        if self.console.ui.panel.is_some() {
            self.fill_in(&line, at, now)
        } else {
            self.command(&line, at, now)
        }
    }

    /// A line is the text of the field that is asked for.
    fn fill_in(&mut self, line: &str, at: Duration, now: jiff::Timestamp) -> Vec<Outcome> {
        if matches!(line, "." | "esc" | "Esc" | "ESC") {
            return self.press(&[Key::Esc], at, now);
        }
        if self.console.ui.panel.as_ref().is_some_and(|panel| !panel.listens(at)) {
            self.teller
                .note("that came too soon to be meant for this panel, and was dropped: read it, then type");
            return Vec::new();
        }
        let keys: Vec<Key> =
            [Key::Ctrl('u')].into_iter().chain(line.chars().map(Key::Char)).chain([Key::Enter]).collect();
        self.press(&keys, at, now)
    }

    /// A line is a key, a command, a filter or a row.
    fn command(&mut self, line: &str, at: Duration, now: jiff::Timestamp) -> Vec<Outcome> {
        let scene = self.console.scene(now);
        let before = scene.screen();
        let meaning = match understood(line, &scene, self.teller.numbered()) {
            Ok(meaning) => meaning,
            Err(why) => {
                self.teller.note(&why);
                return Vec::new();
            }
        };
        if let Some(row) = &meaning.row
            && !self.console.point_at(row, now)
        {
            self.teller.note("that row is not in the list any more: . shows the rows");
            return Vec::new();
        }
        let outcomes = self.press(&meaning.keys, at, now);
        let moved = self.console.scene(now).screen() != before;
        self.teller.ask(if moved { Show::Screen } else { meaning.show });
        outcomes
    }

    fn press(&mut self, keys: &[Key], at: Duration, now: jiff::Timestamp) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for key in keys {
            outcomes.extend(self.console.token(&Timed { token: Token::Key(*key), at }, now));
        }
        outcomes
    }

    fn carry_out(&mut self, outcome: Outcome) -> Option<Leave> {
        match outcome {
            Outcome::Send(command) => (self.outbound)(Outbound::Command(command)),
            Outcome::Control => (self.outbound)(Outbound::TakeControl),
            Outcome::Report => (self.outbound)(Outbound::WriteReport),
            Outcome::Leave(leave) => return Some(leave),
            Outcome::Copy(text) => {
                // It stands among the other lines: there is nothing to come back from.
                self.console.ui.aside = Aside::No;
                self.teller.copy(&text);
            }
            Outcome::Suspend => self.teller.note("Ctrl-Z suspends, the words do not"),
            Outcome::Mouse(_) => self.teller.note("lines have no mouse"),
            Outcome::Repaint | Outcome::Back => {}
        }
        None
    }
}

#[cfg(test)]
mod tests;
