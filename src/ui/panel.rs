//! Panels: what would happen, and the words that must be typed before it does.

use std::time::Duration;

use crate::domain::command::Verb;
use crate::domain::decide::REASON_LETTERS;
use crate::domain::event::{DropPurpose, SessionEnd};
use crate::domain::id::{BackendId, CheckId, EntryKey, Oid, StepId};
use crate::domain::target::LeftoverPolicy;
use crate::text::plural;

use super::input::Key;

/// Keys are ignored for so long after a panel was first seen: they were meant for the screen below.
pub(super) const GUARD: Duration = Duration::from_millis(400);
/// Longest text of a field, in characters.
const LONGEST: usize = 200;

/// An open panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Panel {
    /// What would happen.
    pub(super) purpose: Purpose,
    /// What must be typed.
    pub(super) fields: Vec<Field>,
    /// The field that takes the keys.
    pub(super) at: usize,
    /// When it was first on the screen, by the console's stopwatch.
    pub(super) shown: Option<Duration>,
    /// Why Enter did nothing.
    pub(super) said: Option<String>,
}

/// What a verb asks for, in a few words.
pub(super) fn asked_for(verb: &Verb) -> &'static str {
    match verb {
        Verb::Confirm { .. } => "go",
        Verb::Recheck => "recheck",
        Verb::Waive { .. } => "waiver",
        Verb::Pause => "pause",
        Verb::Resume => "let the queue go on",
        Verb::Stop { .. } => "stop",
        Verb::Skip { .. } => "skip",
        Verb::Retry { .. } => "another attempt",
        Verb::Roll { .. } => "undo",
        Verb::EndSession { .. } => "end of a session",
        Verb::SignOff { .. } => "signature",
        Verb::TakeControl | Verb::LoseControl { .. } => "control",
        Verb::SetWindow { .. } => "end of the window",
        Verb::EndHere | Verb::EndUnanswered | Verb::Abort { .. } => "end of the run",
    }
}

/// What would happen. Identities, never positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// L3 becomes possible.
    Arm,
    /// A held step goes on.
    Go {
        /// The step.
        step: StepId,
    },
    /// The run is signed.
    SignOff,
    /// A check is overruled.
    Waive {
        /// The check.
        check: CheckId,
        /// What it had found when the panel opened.
        found: String,
    },
    /// An own build or drop is cancelled.
    Stop {
        /// The entry.
        entry: EntryKey,
        /// What was at work on it when the panel opened.
        work: Work,
    },
    /// Own indexes are dropped.
    Undo {
        /// Which, when the panel opened.
        entries: Vec<EntryKey>,
        /// Whether those are meant, or all that there is when it is sent.
        reach: Reach,
    },
    /// Somebody's statement is cancelled, or their session ended.
    EndSession {
        /// Exactly this backend.
        backend: BackendId,
        /// What it was when the panel opened. Raw.
        description: String,
    },
    /// An entry is left out.
    Skip {
        /// The entry.
        entry: EntryKey,
    },
    /// Another attempt.
    Retry {
        /// The entry.
        entry: EntryKey,
        /// What happens to a leftover.
        leftover: LeftoverPolicy,
    },
    /// The queue goes on.
    Resume,
    /// The run ends before its end.
    Abort,
    /// The console goes, the run stays.
    Leave,
}

/// What can be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// A build: its backend once its statement may have been sent.
    Build(Option<BackendId>),
    /// The drop of exactly this index: its backend once its statement may have been sent.
    Drop(Oid, DropPurpose, Option<BackendId>),
}

/// What an undo covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The entries named.
    These,
    /// All that this run made.
    Everything,
}

/// A line to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// What it asks for.
    pub(super) label: String,
    /// When it is right.
    pub(super) rule: Rule,
    /// What was typed.
    pub(super) text: String,
}

/// When a field is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    /// Exactly this, as the panel shows it.
    Exact(String),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Enough letters to say something.
    Reason,
    /// Anything but blanks.
    Name,
}

impl Field {
    /// An empty field.
    pub(super) fn new(label: impl Into<String>, rule: Rule) -> Self {
        Self { label: label.into(), rule, text: String::new() }
    }

    /// What is still missing, if anything.
    pub(super) fn missing(&self) -> Option<String> {
        let letters = self.text.chars().filter(|char| char.is_alphanumeric()).count();
        match &self.rule {
            Rule::Exact(wanted) if self.text == *wanted => None,
            Rule::Exact(_) => Some("not the same yet".to_owned()),
            Rule::OneOf(words) if words.contains(&self.text.as_str()) => None,
            Rule::OneOf(words) => Some(format!("not yet: {}", words.join(" or "))),
            Rule::Reason if letters >= REASON_LETTERS => None,
            Rule::Reason => {
                Some(format!("not yet: {}", plural(REASON_LETTERS - letters, "more letter", "more letters")))
            }
            Rule::Name if letters > 0 => None,
            Rule::Name => Some("not yet: a name is needed".to_owned()),
        }
    }
}

/// What a key did to a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pressed {
    /// It is still open.
    Open,
    /// It was closed; nothing happens.
    Closed,
    /// Everything was typed, and Enter pressed.
    Complete,
}

impl Panel {
    /// A panel that nobody has seen yet.
    pub(super) fn new(purpose: Purpose, fields: Vec<Field>) -> Self {
        Self { purpose, fields, at: 0, shown: None, said: None }
    }

    /// Whether keys are taken at a time of the console's stopwatch.
    pub(super) fn listens(&self, at: Duration) -> bool {
        self.shown.is_some_and(|shown| at >= shown + GUARD)
    }

    /// A key. Esc is always taken: it does nothing but close.
    pub(super) fn press(&mut self, key: Key, at: Duration) -> Pressed {
        if key == Key::Esc {
            return Pressed::Closed;
        }
        if !self.listens(at) {
            return Pressed::Open;
        }
        let last = self.fields.len().saturating_sub(1);
        match key {
            Key::Enter => return self.enter(last),
            Key::Tab | Key::Down => self.at = (self.at + 1).min(last),
            Key::BackTab | Key::Up => self.at = self.at.saturating_sub(1),
            Key::Backspace => self.edit(|text| {
                text.pop();
            }),
            Key::Ctrl('u') => self.edit(String::clear),
            Key::Char(char) => self.edit(|text| {
                if text.chars().count() < LONGEST {
                    text.push(char);
                }
            }),
            Key::Ctrl(_)
            | Key::Esc
            | Key::Delete
            | Key::Left
            | Key::Right
            | Key::Home
            | Key::End
            | Key::PageUp
            | Key::PageDown
            | Key::F(_)
            | Key::Other => {}
        }
        Pressed::Open
    }

    fn edit(&mut self, change: impl FnOnce(&mut String)) {
        self.said = None;
        if let Some(field) = self.fields.get_mut(self.at) {
            change(&mut field.text);
        }
    }

    fn enter(&mut self, last: usize) -> Pressed {
        if let Some(why) = self.fields.get(self.at).and_then(Field::missing) {
            self.said = Some(why);
            return Pressed::Open;
        }
        if self.at < last {
            self.at += 1;
            return Pressed::Open;
        }
        match self.fields.iter().position(|field| field.missing().is_some()) {
            None => Pressed::Complete,
            Some(first) => {
                self.at = first;
                self.said = self.fields[first].missing();
                Pressed::Open
            }
        }
    }

    fn typed(&self, index: usize) -> String {
        self.fields.get(index).map(|field| field.text.trim().to_owned()).unwrap_or_default()
    }

    /// The command that a complete panel stands for; none for what stays in the console.
    pub(super) fn verb(&self) -> Option<Verb> {
        Some(match &self.purpose {
            Purpose::Leave if self.typed(0) == PAUSE => Verb::Pause,
            Purpose::Arm | Purpose::Leave => return None,
            Purpose::Go { step } => Verb::Confirm { step: step.clone(), typed: self.typed(0) },
            Purpose::SignOff => Verb::SignOff { name: self.typed(0), reason: self.typed(1) },
            Purpose::Waive { check, .. } => Verb::Waive { check: check.clone(), reason: self.typed(0) },
            Purpose::Stop { entry, .. } => Verb::Stop { entry: entry.clone() },
            Purpose::Undo { entries, reach } => Verb::Roll {
                entries: match reach {
                    Reach::These => entries.clone(),
                    Reach::Everything => Vec::new(),
                },
                reason: self.typed(1),
            },
            Purpose::EndSession { backend, description } => Verb::EndSession {
                backend: *backend,
                description: description.clone(),
                how: if self.typed(0) == TERMINATE {
                    SessionEnd::Terminate
                } else {
                    SessionEnd::CancelStatement
                },
                reason: self.typed(2),
            },
            Purpose::Skip { entry } => Verb::Skip { entry: entry.clone(), reason: self.typed(1) },
            Purpose::Retry { entry, leftover } => Verb::Retry { entry: entry.clone(), leftover: *leftover },
            Purpose::Resume => Verb::Resume,
            Purpose::Abort => Verb::Abort { reason: self.typed(1) },
        })
    }
}

/// The run goes on without a console.
pub(super) const DETACH: &str = "detach";
/// Nothing new starts in it.
pub(super) const PAUSE: &str = "pause";
/// Cancels the statement of a session.
pub(super) const CANCEL: &str = "cancel";
/// Ends a session.
pub(super) const TERMINATE: &str = "terminate";

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn typed(panel: &mut Panel, text: &str, at: Duration) -> Pressed {
        let mut last = Pressed::Open;
        for char in text.chars() {
            last = panel.press(if char == '\n' { Key::Enter } else { Key::Char(char) }, at);
        }
        last
    }

    fn stop() -> Panel {
        let backend = BackendId { pid: crate::domain::id::Pid(7), started: jiff::Timestamp::UNIX_EPOCH };
        let purpose = Purpose::Stop { entry: "public.i".into(), work: Work::Build(Some(backend)) };
        Panel::new(purpose, vec![Field::new("type stop", Rule::Exact("stop".to_owned()))])
    }

    #[test]
    fn keys_before_the_panel_was_seen_and_shortly_after_are_not_taken() {
        let mut panel = stop();
        assert_eq!(typed(&mut panel, "stop\n", ms(10_000)), Pressed::Open, "never on the screen");
        panel.shown = Some(ms(10_000));
        assert_eq!(typed(&mut panel, "stop\n", ms(10_399)), Pressed::Open);
        assert_eq!(panel.fields[0].text, "");
        assert_eq!(typed(&mut panel, "stop\n", ms(10_400)), Pressed::Complete);
        assert_eq!(panel.verb(), Some(Verb::Stop { entry: "public.i".into() }));
    }

    #[test]
    fn enter_says_not_yet_until_the_text_is_the_same() {
        let mut panel = stop();
        panel.shown = Some(ms(0));
        assert_eq!(typed(&mut panel, "sto\n", ms(500)), Pressed::Open);
        assert_eq!(panel.said.as_deref(), Some("not the same yet"));
        assert_eq!(typed(&mut panel, "P\n", ms(600)), Pressed::Open, "caps lock is not the same");
        panel.press(Key::Backspace, ms(700));
        assert_eq!(typed(&mut panel, "p\n", ms(800)), Pressed::Complete);
    }

    #[test]
    fn a_reason_of_blanks_and_dots_is_no_reason() {
        let mut field = Field::new("reason", Rule::Reason);
        field.text = "   ..........   ".to_owned();
        assert!(field.missing().is_some());
        field.text = "vacuum is slow".to_owned();
        assert_eq!(field.missing(), None);
    }

    #[test]
    fn every_field_must_be_right_whichever_enter_was_pressed_in() {
        let fields =
            vec![Field::new("name", Rule::Exact("idx".to_owned())), Field::new("reason", Rule::Reason)];
        let mut panel =
            Panel::new(Purpose::Undo { entries: vec!["public.idx".into()], reach: Reach::These }, fields);
        panel.shown = Some(ms(0));
        panel.press(Key::Tab, ms(500));
        assert_eq!(typed(&mut panel, "wrong definition\n", ms(500)), Pressed::Open);
        assert_eq!(panel.at, 0, "back to the field that is not right");
        assert_eq!(typed(&mut panel, "idx\n\n", ms(500)), Pressed::Complete);
    }
}
