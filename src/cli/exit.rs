//! Exit codes: what a pipeline can rely on. The table in `docs/exit-codes.md` is generated from here and tested.

use crate::domain::event::Ending;
use crate::domain::event::StepOutcome;
use crate::domain::playbook::StepKind;
use crate::domain::state::{RunState, StepStatus};

/// What the process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for is verified.
    Verified = 0,
    /// Findings.
    Findings = 1,
    /// Usage or configuration.
    Usage = 2,
    /// Pre-flight, or a plan that is no longer true, stopped it.
    Stopped = 3,
    /// Some entries failed or were skipped.
    Partial = 4,
    /// An invalid index remains on the server.
    Leftover = 5,
    /// Aborted by the operator or rolled back.
    Aborted = 6,
    /// The outcome is not known, resume is needed.
    Unknown = 7,
    /// Another run holds the lock.
    Locked = 8,
    /// The journal cannot be written.
    Journal = 9,
    /// A step needs a person.
    NeedsPerson = 10,
    /// A bug.
    Bug = 70,
}

/// Every code with its meaning, in order.
pub const TABLE: &[(Exit, &str)] = &[
    (Exit::Verified, "everything asked for is verified"),
    (Exit::Findings, "there are findings"),
    (Exit::Usage, "wrong usage, configuration, registry or playbook; or no server to rehearse on"),
    (Exit::Stopped, "pre-flight stopped it, or the plan is no longer true; nothing was changed"),
    (Exit::Partial, "some entries failed or were skipped"),
    (Exit::Leftover, "an invalid index remains on the server"),
    (Exit::Aborted, "aborted by the operator"),
    (Exit::Unknown, "the outcome is not known: run the same command again to take the run over"),
    (Exit::Locked, "another process holds the run"),
    (Exit::Journal, "the journal cannot be written, so nothing more was started"),
    (Exit::NeedsPerson, "a step waits for a person, and no flag answered it"),
    (Exit::Bug, "a bug in Cicerone: the log and the message say where"),
];

/// Signals end the process with 128 plus their number.
pub const SIGNAL_BASE: u8 = 128;

/// Whether failures that leave the run's outcome known turn into success for a pipeline that must go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ExitPolicy {
    /// The truth.
    #[default]
    Truth,
    /// 3 to 6 become 0; output and report still tell the truth.
    NeverFail,
}

impl ExitPolicy {
    /// Applies the policy.
    pub fn apply(self, exit: Exit) -> Exit {
        let forgiven = matches!(exit, Exit::Stopped | Exit::Partial | Exit::Leftover | Exit::Aborted);
        match self {
            Self::NeverFail if forgiven => Exit::Verified,
            Self::NeverFail | Self::Truth => exit,
        }
    }
}

/// The code of a run, from its state alone. The worst truth wins.
pub fn of_run(state: &RunState) -> Exit {
    let tally = state.tally();
    if tally.unknown > 0 || tally.running > 0 {
        return Exit::Unknown;
    }
    if tally.leftovers > 0 {
        return Exit::Leftover;
    }
    match state.control.closed.as_ref().map(|(_, ending)| ending) {
        None | Some(Ending::Unknown { .. }) => Exit::Unknown,
        Some(Ending::Aborted) => Exit::Aborted,
        Some(Ending::RolledBack) => match &state.control.rollback {
            Some(rollback) if rollback.finished.is_some_and(|(_, left)| left > 0) => Exit::Partial,
            Some(_) | None => Exit::Verified,
        },
        Some(Ending::StoppedAt { step }) => {
            let kind = state
                .run
                .iter()
                .flat_map(|run| run.playbook.steps())
                .find(|known| &known.id == step)
                .map(|known| &known.kind);
            let built_nothing =
                state.ledger.is_empty() && state.builds.values().all(|record| record.attempts == 0);
            match kind {
                Some(StepKind::Checks { .. }) => Exit::Stopped,
                Some(StepKind::BuildIndexes { .. }) if built_nothing && tally.skipped == 0 => Exit::Stopped,
                _ => Exit::Partial,
            }
        }
        Some(Ending::NeedsPerson { .. }) if tally.failed + tally.skipped > 0 => Exit::Partial,
        Some(Ending::NeedsPerson { .. }) => Exit::NeedsPerson,
        Some(Ending::Finished) => {
            let warned = state.steps.values().any(|record| {
                matches!(
                    record.status,
                    StepStatus::Finished { outcome: StepOutcome::Warned { .. } | StepOutcome::Failed { .. } }
                )
            });
            let dry = state.run.as_ref().is_some_and(|run| run.mode == crate::domain::target::Mode::DryRun);
            if dry || (!warned && tally.verified == tally.total) { Exit::Verified } else { Exit::Partial }
        }
    }
}
