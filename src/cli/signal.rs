//! Signals that end a run: the first one asks, the second one insists.

use tokio::signal::unix::{SignalKind, signal};

use super::error::CliError;

/// A signal that ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// From a service manager or `kill`.
    Terminate,
    /// The terminal or the session is gone. It ends screens only.
    Hangup,
}

impl Signal {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::Hangup => "SIGHUP",
        }
    }

    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Self::Interrupt => 2,
            Self::Terminate => 15,
            Self::Hangup => 1,
        }
    }
}

/// The signals of this process. SIGHUP is taken: a run outlives the session that started it, a screen does not.
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    kept: Option<Signal>,
    at_hangup: AtHangup,
}

/// What SIGHUP means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtHangup {
    GoOn,
    End,
}

impl Signals {
    /// Takes them over, for a run.
    pub fn install() -> Result<Self, CliError> {
        Self::with(AtHangup::GoOn)
    }

    /// Takes them over, for a screen.
    pub fn of_screen() -> Result<Self, CliError> {
        Self::with(AtHangup::End)
    }

    fn with(at_hangup: AtHangup) -> Result<Self, CliError> {
        let take =
            |kind| signal(kind).map_err(|error| CliError::usage("signals cannot be handled").because(&error));
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            hangup: take(SignalKind::hangup())?,
            kept: None,
            at_hangup,
        })
    }

    /// Waits for the next one and keeps it.
    pub async fn keep(&mut self) {
        self.kept = Some(self.next().await);
    }

    /// The one that was kept.
    pub fn kept(&self) -> Option<Signal> {
        self.kept
    }

    /// Lets go of the one that was kept.
    pub fn forget(&mut self) {
        self.kept = None;
    }

    /// The next one that wants the end.
    pub async fn next(&mut self) -> Signal {
        loop {
            tokio::select! {
                Some(()) = self.interrupt.recv() => return Signal::Interrupt,
                Some(()) = self.terminate.recv() => return Signal::Terminate,
                Some(()) = self.hangup.recv() => match self.at_hangup {
                    AtHangup::End => return Signal::Hangup,
                    AtHangup::GoOn => tracing::warn!("SIGHUP: the terminal is gone, the run goes on"),
                },
            }
        }
    }
}
