//! What crosses between console and engine: plain messages, as good on a wire as on a channel. Readings
//! ([`crate::domain::sample::Samples`]) are the third of them.

use serde::{Deserialize, Serialize};

use crate::domain::command::{Command, Refusal, Verb};
use crate::domain::event::Event;
use crate::domain::id::Person;

/// What the engine's side tells the console.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", content = "with", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "nearly every message is an event; a box would only cost")]
pub enum Inbound {
    /// A fact, in journal order, from the first one on.
    Event(Event),
    /// A command of this console was not carried out.
    Refused {
        /// What was wanted.
        verb: Verb,
        /// What is so.
        refusal: Refusal,
    },
    /// The engine has ended; the screen stays until the operator leaves.
    EngineEnded {
        /// Its last words, a line each, e.g. where the report lies.
        words: Vec<String>,
    },
    /// The report was written.
    ReportWritten {
        /// Where it lies.
        path: String,
    },
    /// It was not.
    ReportFailed {
        /// Why.
        why: String,
    },
    /// The engine is gone, and said nothing of its end.
    EngineLost {
        /// What is known of it, and what to do.
        why: String,
    },
    /// A line for the log pane that is no event: a notice of the program about itself.
    Note(String),
    /// The same, and shown where the operator looks: who has the run in hand.
    Said(String),
    /// Who has the run in hand now.
    Hand(Hand),
    /// The terminal has another size, or had: whatever is on it cannot be counted on.
    Resized,
    /// Everything so far was told; what follows is new.
    CaughtUp,
    /// SIGINT, where Ctrl-C is no key.
    Interrupt,
    /// Leave at once and restore the terminal, e.g. after SIGTERM.
    LeaveNow,
}

/// Who has the run in hand, as one console sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hand", rename_all = "snake_case")]
pub enum Hand {
    /// This console.
    #[default]
    Ours,
    /// Another one, or none: this one only watches.
    Theirs {
        /// Whose console.
        holder: Option<Person>,
    },
}

/// What the console tells the engine's side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", content = "with", rename_all = "snake_case")]
pub enum Outbound {
    /// A wish for the run; the engine's own gate decides.
    Command(Command),
    /// Give this console the run in hand.
    TakeControl,
    /// The report of the run as it is now.
    WriteReport,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Debug;

    use proptest::prelude::*;
    use serde::de::DeserializeOwned;

    use super::super::testdata::{Script, Texts, operator};
    use super::*;
    use crate::domain::event::SessionEnd;
    use crate::domain::id::{BackendId, Pid};
    use crate::domain::sample::{Link, Samples};
    use crate::domain::target::{LeftoverPolicy, Mode};

    fn crosses<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: &T) {
        let wire = serde_json::to_string(message).unwrap();
        assert!(!wire.contains('\n'), "one line: {wire}");
        assert_eq!(&serde_json::from_str::<T>(&wire).unwrap(), message, "{wire}");
    }

    /// A new variant does not compile until it has a place here.
    fn kind(message: &Inbound) -> &'static str {
        match message {
            Inbound::Event(_) => "event",
            Inbound::Refused { .. } => "refused",
            Inbound::EngineEnded { .. } => "ended",
            Inbound::ReportWritten { .. } => "written",
            Inbound::ReportFailed { .. } => "failed",
            Inbound::EngineLost { .. } => "lost",
            Inbound::Note(_) => "note",
            Inbound::Said(_) => "said",
            Inbound::Hand(_) => "hand",
            Inbound::CaughtUp => "caught up",
            Inbound::Resized => "resized",
            Inbound::Interrupt => "interrupt",
            Inbound::LeaveNow => "leave",
        }
    }

    const KINDS: [&str; 13] = [
        "event",
        "refused",
        "ended",
        "written",
        "failed",
        "lost",
        "note",
        "said",
        "hand",
        "caught up",
        "interrupt",
        "leave",
        "resized",
    ];

    fn verbs(text: &str) -> Vec<Verb> {
        let text = || text.to_owned();
        let backend = BackendId { pid: Pid(7), started: super::super::testdata::start() };
        let session = |how| Verb::EndSession { backend, description: text(), how, reason: text() };
        let retry = |leftover| Verb::Retry { entry: text().as_str().into(), leftover };
        vec![
            Verb::Confirm { step: text().as_str().into(), typed: text() },
            Verb::Recheck,
            Verb::Waive { check: crate::domain::id::CheckId(text()), reason: text() },
            Verb::Pause,
            Verb::Resume,
            Verb::Stop { entry: text().as_str().into() },
            Verb::Skip { entry: text().as_str().into(), reason: text() },
            retry(LeftoverPolicy::Keep),
            retry(LeftoverPolicy::Repair),
            Verb::Roll { entries: vec![text().as_str().into()], reason: text() },
            Verb::Roll { entries: Vec::new(), reason: text() },
            session(SessionEnd::Terminate),
            session(SessionEnd::CancelStatement),
            Verb::SignOff { name: text(), reason: text() },
            Verb::EndHere,
            Verb::EndUnanswered,
            Verb::TakeControl,
            Verb::SetWindow { end: None },
            Verb::SetWindow { end: Some(super::super::testdata::start()) },
            Verb::LoseControl { why: text() },
            Verb::Abort { reason: text() },
        ]
    }

    fn refusals(text: &str) -> Vec<Refusal> {
        let text = || text.to_owned();
        vec![
            Refusal::RunIsOver,
            Refusal::NotReady { what: text() },
            Refusal::Unknown { what: text() },
            Refusal::NotHeld { step: text() },
            Refusal::GateClosed { why: text() },
            Refusal::Already { what: text() },
            Refusal::NeedsReason,
            Refusal::NotWaivable { check: text(), why: text() },
            Refusal::NotOurs { entry: text() },
            Refusal::NotRunning { entry: text() },
            Refusal::Running { entry: text() },
            Refusal::DryRun { what: text() },
            Refusal::PlanStale { why: text() },
        ]
    }

    fn inbound(text: &str) -> Vec<Inbound> {
        let refused = verbs(text).into_iter().flat_map(|verb| {
            let refused = move |refusal| Inbound::Refused { verb: verb.clone(), refusal };
            refusals(text).into_iter().map(refused)
        });
        let others = [
            Inbound::EngineEnded { words: vec![text.to_owned(), String::new()] },
            Inbound::EngineEnded { words: Vec::new() },
            Inbound::EngineLost { why: text.to_owned() },
            Inbound::Said(text.to_owned()),
            Inbound::Hand(Hand::Ours),
            Inbound::Hand(Hand::Theirs { holder: None }),
            Inbound::Hand(Hand::Theirs { holder: Some(Person(text.to_owned())) }),
            Inbound::ReportWritten { path: text.to_owned() },
            Inbound::ReportFailed { why: text.to_owned() },
            Inbound::Note(text.to_owned()),
            Inbound::CaughtUp,
            Inbound::Resized,
            Inbound::Interrupt,
            Inbound::LeaveNow,
        ];
        refused.chain(others).collect()
    }

    #[test]
    fn every_message_of_a_whole_run_crosses_as_one_line_and_comes_back_the_same() {
        let mut seen = BTreeSet::new();
        for texts in [Texts::Ordinary, Texts::Hostile] {
            let script = Script::whole(texts, Mode::Live);
            let events = script.events.iter().cloned().map(Inbound::Event);
            for message in events.chain(inbound("idx\u{1b}[2J\r\n\"日本")) {
                seen.insert(kind(&message));
                crosses(&message);
            }
            let lost = Link::Lost { since: script.now(), tries: 3, why: "reset".to_owned() };
            for samples in [
                script.samples(),
                script.quiet(),
                Samples::default(),
                Samples { link: lost, ..Samples::default() },
            ] {
                crosses(&samples);
            }
        }
        assert_eq!(seen, BTreeSet::from(KINDS));
        crosses(&Outbound::WriteReport);
        for verb in verbs("because it must be so") {
            crosses(&Outbound::Command(Command { by: operator(), verb }));
        }
    }

    proptest! {
        #[test]
        fn whatever_a_text_holds_it_comes_back_the_same(text in any::<String>()) {
            for message in inbound(&text) {
                crosses(&message);
            }
            for verb in verbs(&text) {
                crosses(&Outbound::Command(Command { by: operator(), verb }));
            }
        }
    }
}
