//! The ten words that stand for a state, the same on screens, lines and in the report.

use std::fmt;

/// A state in one word, so that nothing depends on colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// As wanted.
    Ok,
    /// Not as wanted, no reason to stop.
    Warn,
    /// Not as wanted.
    Fail,
    /// Waits for somebody else's session.
    Wait,
    /// Waits for a person here.
    Hold,
    /// At work.
    Run,
    /// Not begun, or to be tried again.
    Todo,
    /// Ended as wanted.
    Done,
    /// Left out.
    Skip,
    /// Something is on the server, or in this program, that must not be.
    Bad,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::Wait => "WAIT",
            Self::Hold => "HOLD",
            Self::Run => "RUN",
            Self::Todo => "TODO",
            Self::Done => "DONE",
            Self::Skip => "SKIP",
            Self::Bad => "BAD",
        })
    }
}
