//! What a user is told when a command cannot be carried out: what, why, and how to go on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::Untrusted;

use super::exit::Exit;

/// A command that ended before, or apart from, its run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CliError {
    /// What could not be done.
    pub what: String,
    /// Causes, outermost first. Untrusted: shown through [`crate::text`].
    pub causes: Vec<String>,
    /// How to go on.
    pub hints: Vec<String>,
    /// The exit code.
    pub exit: Exit,
}

impl CliError {
    /// A mistake of usage or configuration.
    pub fn usage(what: impl Into<String>) -> Self {
        Self { what: what.into(), causes: Vec::new(), hints: Vec::new(), exit: Exit::Usage }
    }

    /// The same with another exit code.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Adds an error and everything behind it.
    #[must_use]
    pub fn because(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.causes.push(error.to_string());
            next = error.source();
        }
        self
    }

    /// Adds a line of cause.
    #[must_use]
    pub fn cause(mut self, line: impl Into<String>) -> Self {
        self.causes.push(line.into());
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let safe = |text: &str| Untrusted::from(text).display_safe(None).to_string();
        writeln!(f, "Error: {}", safe(&self.what))?;
        let mut last = &self.what;
        for cause in &self.causes {
            if cause != last {
                // Diagnostics bring lines of their own; each is made safe for itself.
                for line in cause.lines() {
                    writeln!(f, "  {}", safe(line))?;
                }
            }
            last = cause;
        }
        for hint in &self.hints {
            writeln!(f, "Hint: {}", safe(hint))?;
        }
        Ok(())
    }
}

impl From<crate::domain::failure::Failure> for CliError {
    fn from(failure: crate::domain::failure::Failure) -> Self {
        let code = failure.sqlstate.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        Self::usage("the server cannot be asked")
            .cause(format!("{}{code}", failure.message))
            .hint(failure.class.sentence())
            .with_exit(Exit::Stopped)
    }
}

impl From<crate::store::run_folder::FolderError> for CliError {
    fn from(error: crate::store::run_folder::FolderError) -> Self {
        Self::usage("the folder for runs cannot be used")
            .because(&error)
            .hint("name another one with --state-dir")
            .with_exit(Exit::Journal)
    }
}

impl From<crate::store::journal::JournalError> for CliError {
    fn from(error: crate::store::journal::JournalError) -> Self {
        let exit = if matches!(error, crate::store::journal::JournalError::Busy { .. }) {
            Exit::Locked
        } else {
            Exit::Journal
        };
        let hint = if exit == Exit::Locked {
            "wait for it, or look at it with: cicerone status"
        } else {
            "cicerone journal verify says where the journal is damaged"
        };
        Self::usage("the journal cannot be opened").because(&error).hint(hint).with_exit(exit)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::usage("output cannot be written").because(&error)
    }
}
