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
}

impl Signal {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

/// The signals of this process. SIGHUP is taken and ignored: a run outlives the session that started it.
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    kept: Option<Signal>,
}

impl Signals {
    /// Takes them over.
    pub fn install() -> Result<Self, CliError> {
        let take =
            |kind| signal(kind).map_err(|error| CliError::usage("signals cannot be handled").because(&error));
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            hangup: take(SignalKind::hangup())?,
            kept: None,
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
                Some(()) = self.hangup.recv() => tracing::warn!("SIGHUP: the terminal is gone, the run goes on"),
            }
        }
    }
}
