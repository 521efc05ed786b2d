//! What the console knows, and what a key means.

use crate::domain::command::{Command, Verb};
use crate::domain::id::Person;
use crate::domain::sample::Samples;
use crate::domain::state::{RunState, StepStatus};
use crate::text::{Untrusted, cut};

use super::input::{Key, Timed, Token};
use super::{Inbound, Leave, Theme, UiOptions};

/// What a key led to.
pub(super) enum Outcome {
    /// A wish for the engine.
    Send(Command),
    /// The screen must be written anew.
    Repaint,
    /// The console is left.
    Leave(Leave),
}

/// State of the console.
pub(super) struct Console {
    operator: Person,
    options: UiOptions,
    run: RunState,
    samples: Samples,
    words: String,
}

impl Console {
    pub(super) fn new(operator: Person, options: UiOptions, _now: jiff::Timestamp) -> Self {
        Self {
            operator,
            options,
            run: RunState::default(),
            samples: Samples::default(),
            words: String::new(),
        }
    }

    pub(super) fn inbound(&mut self, message: Inbound, _now: jiff::Timestamp) -> Option<Leave> {
        match message {
            Inbound::Event(event) => self.run.apply(&event),
            Inbound::Refused { refusal, .. } => self.words = refusal.to_string(),
            Inbound::EngineEnded(words) | Inbound::Note(words) => self.words = words,
            Inbound::LeaveNow => return Some(Leave::Quit),
        }
        None
    }

    pub(super) fn engine_gone(&mut self) {}

    pub(super) fn read(&mut self, samples: Samples, _now: jiff::Timestamp) {
        self.samples = samples;
    }

    pub(super) fn shown(&mut self, _at: std::time::Duration) {}

    pub(super) fn theme(&self) -> Theme {
        self.options.theme
    }

    pub(super) fn token(&mut self, timed: &Timed, _now: jiff::Timestamp) -> Vec<Outcome> {
        match timed.token {
            Token::Key(Key::Char('q')) => vec![Outcome::Leave(Leave::Quit)],
            Token::Key(Key::Ctrl('l')) => vec![Outcome::Repaint],
            Token::Key(Key::Char('r')) => {
                vec![Outcome::Send(Command { by: self.operator.clone(), verb: Verb::Recheck })]
            }
            Token::Key(_) | Token::Paste => Vec::new(),
        }
    }

    pub(super) fn view(&self, now: jiff::Timestamp, size: (u16, u16)) -> (Vec<String>, (u16, u16)) {
        let tally = self.run.tally();
        let mut lines = vec![
            format!(" {}  {}  {now:.0}", self.options.environment.word(), self.options.title),
            format!(
                " {} of {} verified, {} running, {} failed",
                tally.verified, tally.total, tally.running, tally.failed
            ),
        ];
        for id in self.run.step_order() {
            let status = match self.run.steps.get(&id).map(|step| &step.status) {
                None => "TODO".to_owned(),
                Some(StepStatus::Running) => "RUN".to_owned(),
                Some(StepStatus::Held { why }) => format!("HOLD {why}"),
                Some(StepStatus::Finished { outcome }) => format!("DONE {outcome:?}"),
            };
            lines.push(format!(" {} {status}", id.as_str()));
        }
        lines.push(self.words.clone());
        let safe =
            |line: String| cut(Untrusted::from(line).display_ascii(None).as_ref(), usize::from(size.0));
        (lines.into_iter().map(safe).collect(), size)
    }
}
