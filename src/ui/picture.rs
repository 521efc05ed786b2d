//! What the console knows of the run: the fold, the log, and the last statement that changed something.

use std::collections::VecDeque;

use crate::domain::event::{BuildEvent, DropEvent, Event, EventKind, RunEvent, SessionEnd, SessionEvent};
use crate::domain::id::EntryKey;
use crate::domain::state::RunState;
use crate::domain::target::Mode;
use crate::domain::unit::Millis;

use super::Hand;
use super::log::{LogLine, log_line};

/// Lines of the log that stay at hand; the journal keeps all.
const LOG_LINES: usize = 2_000;

/// Everything that is drawn, apart from readings and the console's own state.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Picture {
    /// The fold.
    pub(super) run: RunState,
    /// What happened, oldest first.
    pub(super) log: VecDeque<LogLine>,
    /// Lines that the log ever had.
    pub(super) said: u64,
    /// The last statement that changed something, or was to.
    pub(super) statement: Option<Statement>,
    /// Whether somebody is left who does the work.
    pub(super) engine: Engine,
    /// Time and length of the last pass of checks.
    pub(super) pass: Option<(jiff::Timestamp, Millis)>,
    /// Who has the run in hand.
    pub(super) hand: Hand,
}

/// Whether somebody is left who does the work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Engine {
    /// It works.
    #[default]
    Working,
    /// It ended and said this, a line each.
    Ended(Vec<String>),
}

/// A statement that changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// When it was about to be sent.
    pub(super) at: jiff::Timestamp,
    /// Full text, raw.
    pub(super) text: String,
    /// Whose build or drop it is; absent for signals to sessions.
    pub(super) entry: Option<EntryKey>,
    /// How it ended.
    pub(super) end: StatementEnd,
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatementEnd {
    /// Not yet.
    Running,
    /// The server took it.
    Ok(Millis),
    /// The server refused, or the answer is not known.
    Failed(Millis),
}

impl Picture {
    /// Takes an event in.
    pub(super) fn take(&mut self, event: &Event) {
        self.run.apply(event);
        self.note_statement(event);
        if let EventKind::Check(crate::domain::event::CheckEvent::PassEnded { took }) = &event.kind {
            self.pass = Some((event.at, *took));
        }
        if let EventKind::Run(RunEvent::Opened { .. } | RunEvent::TakenOver { .. }) = &event.kind {
            self.engine = Engine::Working;
        }
        if let Some(line) = log_line(event) {
            self.say(line);
        }
    }

    /// Adds a line to the log.
    pub(super) fn say(&mut self, line: LogLine) {
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
        }
        self.said += 1;
        self.log.push_back(line);
    }

    /// What the run may do.
    pub(super) fn mode(&self, before: Mode) -> Mode {
        self.run.run.as_ref().map_or(before, |run| run.mode)
    }

    /// Whether nothing more will happen.
    pub(super) fn over(&self) -> bool {
        self.run.control.closed.is_some() || matches!(self.engine, Engine::Ended(_))
    }

    fn note_statement(&mut self, event: &Event) {
        let begun = |text: &str, entry: Option<&EntryKey>| {
            Some(Statement {
                at: event.at,
                text: text.to_owned(),
                entry: entry.cloned(),
                end: StatementEnd::Running,
            })
        };
        match &event.kind {
            EventKind::Build(BuildEvent::Intended { entry, statement, .. })
            | EventKind::Drop(DropEvent::Intended { entry, statement, .. }) => {
                self.statement = begun(statement, Some(entry));
            }
            EventKind::Session(SessionEvent::EndRequested { backend, how, .. }) => {
                self.statement = begun(&end_session_statement(*how, backend.pid.0), None);
            }
            EventKind::Build(BuildEvent::StatementEnded { entry, result })
            | EventKind::Drop(DropEvent::StatementEnded { entry, result }) => {
                self.end_statement(Some(entry), result.is_ok(), event.at);
            }
            EventKind::Session(SessionEvent::EndAttempted { result, .. }) => {
                self.end_statement(None, result.is_ok(), event.at);
            }
            EventKind::Build(BuildEvent::Concluded { entry, .. }) => {
                // Of a build that outlived its client nobody saw the statement end.
                self.end_statement(Some(entry), true, event.at);
            }
            EventKind::Run(_)
            | EventKind::Step(_)
            | EventKind::Check(_)
            | EventKind::Verify(_)
            | EventKind::Rollback(_)
            | EventKind::Build(_)
            | EventKind::Drop(_) => {}
        }
    }

    fn end_statement(&mut self, entry: Option<&EntryKey>, ok: bool, at: jiff::Timestamp) {
        if let Some(statement) = &mut self.statement
            && statement.entry.as_ref() == entry
            && statement.end == StatementEnd::Running
        {
            let took = Millis::between(statement.at, at);
            statement.end = if ok { StatementEnd::Ok(took) } else { StatementEnd::Failed(took) };
        }
    }
}

/// What is sent to cancel or end a session, in short.
pub(super) fn end_session_statement(how: SessionEnd, pid: i32) -> String {
    match how {
        SessionEnd::CancelStatement => format!("SELECT pg_cancel_backend({pid})"),
        SessionEnd::Terminate => format!("SELECT pg_terminate_backend({pid})"),
    }
}
