//! What is said through the door.

use serde::{Deserialize, Serialize};

use crate::domain::command::{Command, Refusal, Verb};
use crate::domain::event::Event;
use crate::domain::id::{Person, RunId};
use crate::domain::sample::Samples;

/// From a console.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", content = "with", rename_all = "snake_case")]
pub enum ToEngine {
    /// The first message.
    Hello(Hello),
    /// A wish for the run. Refused to whoever only watches.
    Command(Command),
    /// Give me the run in hand, whoever has it.
    Take,
    /// Write the run's report as it is now.
    Report,
    /// I go, and the run is meant to go on.
    Depart,
    /// I go; if nothing was done in the run yet, it ends with me.
    Quit,
    /// I am still here.
    Beat,
}

/// Who comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`super::PROTOCOL`] of the console.
    pub protocol: u32,
    /// Version of the program. A console of another version may watch and not command.
    pub build: String,
    /// Whose console it is.
    pub person: Person,
    /// What it wants to be.
    pub wants: Role,
}

/// What a console may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Command. There is one at most.
    Controller,
    /// Watch.
    Observer,
}

/// From the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", content = "with", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "nearly every message is an event; a box would only cost")]
pub enum FromEngine {
    /// The answer to [`ToEngine::Hello`].
    Welcome(Welcome),
    /// The other answer: the engine speaks another protocol.
    Unfit {
        /// Its protocol.
        protocol: u32,
        /// Its version of the program.
        build: String,
    },
    /// A fact, in journal order, from the first one on.
    Event(Event),
    /// Everything so far was told; what follows is new.
    CaughtUp,
    /// The newest reading of the server.
    Samples(Samples),
    /// A command of this console was not carried out.
    Refused {
        /// What was wanted.
        verb: Verb,
        /// What is so.
        refusal: Refusal,
    },
    /// Who has the run in hand.
    Lease {
        /// Who; nobody at all.
        holder: Option<Person>,
        /// Whether that is this console.
        role: Role,
    },
    /// The report was written, and lies there.
    ReportWritten {
        /// Where.
        path: String,
    },
    /// It was not.
    ReportFailed {
        /// Why.
        why: String,
    },
    /// A line about the program itself.
    Note(String),
    /// The engine has ended, and goes.
    Ended {
        /// Its last words, a line each.
        words: Vec<String>,
        /// What stays on the terminal when the screen is gone, a line each. Raw text.
        after: Vec<String>,
        /// The run's exit code.
        exit: u8,
    },
}

/// Where a console has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The engine's version of the program.
    pub build: String,
    /// The run.
    pub run: RunId,
    /// Process id of the engine.
    pub pid: u32,
    /// What this console is.
    pub role: Role,
    /// Who has the run in hand.
    pub holder: Option<Person>,
    /// What becomes of the run when nobody has it in hand, in words.
    pub alone: String,
    /// Events that follow before [`FromEngine::CaughtUp`].
    pub events: u64,
}
