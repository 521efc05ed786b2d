//! Exit codes: what a pipeline can rely on. The table in `docs/exit-codes.md` is generated from here and tested.

use serde::{Deserialize, Serialize};

use crate::domain::event::{DropConclusion, DropPurpose, Ending, StepOutcome};
use crate::domain::playbook::StepKind;
use crate::domain::state::{BuildRecord, BuildStatus, DropRecord, RunState, StepStatus};

/// What the process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    (
        Exit::Stopped,
        "pre-flight stopped it, the plan is no longer true, or there is no server; nothing was changed",
    ),
    (Exit::Partial, "some entries failed or were skipped"),
    (Exit::Leftover, "an invalid index remains on the server"),
    (Exit::Aborted, "aborted by the operator"),
    (Exit::Unknown, "the outcome is not known: run the same command again to take the run over"),
    (Exit::Locked, "another process holds the run"),
    (Exit::Journal, "the journal cannot be written, so nothing more was started"),
    (
        Exit::NeedsPerson,
        "a step, or a build or drop over its wait budget, waits for a person, and no flag answered",
    ),
    (Exit::Bug, "a bug in Cicerone: the log and the message say where"),
];

/// The page about exit codes, as it is committed in `docs/exit-codes.md`.
pub fn document() -> String {
    let rows: Vec<String> =
        TABLE.iter().map(|(exit, meaning)| format!("| {} | {meaning} |\n", *exit as u8)).collect();
    let rows = rows.concat();
    format!(
        "# Exit codes

What a pipeline can rely on. Every command uses the same codes; the worst truth wins.

| code | meaning |
|---|---|
{rows}| 130, 143 | ended by SIGINT or SIGTERM; the journal is closed, and builds that ran were finished or cancelled as \
`--on-abort` says |

A run without a terminal that comes to a step of which some entries failed (`on_failure = \"ask\"`) has nobody to ask: it
ends there with 4, with 5 when an invalid index remains, and with 3 when nothing was begun. A build or drop that has waited
longer than its budget under `on_budget = \"ask\"` is stopped once nothing else can go on, and the run ends with 10. Nothing is
lost by that: run the same command again, and it goes on with that entry and first drops what the stop left, if the drop of
that would have had to wait as well. After a signal the process ends with the signal's code, and
`cicerone status` with 10 if such a leftover stays.

After a second signal the process ends at once: statements go on at the server, and standard error names the backends. Run the
same command again to take the run over.

`--exit-policy never-fail` turns 3 to 6 into 0, for pipelines that must go on. The output, the report and the journal still tell
the truth. It never hides wrong usage, an unknown outcome, a held lock, an unwritable journal, a step that waits for a person, a
signal or a bug.

`cicerone status` ends with the code of the run that it tells about; a run that is still at work, or whose process is gone, is 7.
"
    )
}

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

impl ExitPolicy {
    /// The same for the code of another process.
    pub fn apply_to_code(self, code: u8) -> u8 {
        let known = TABLE.iter().map(|(exit, _)| *exit).find(|exit| *exit as u8 == code);
        known.map_or(code, |exit| self.apply(exit) as u8)
    }
}

/// The code of a rollback, from the run's state alone.
pub fn of_rollback(state: &RunState) -> Exit {
    let Some(rollback) = &state.control.rollback else { return Exit::Unknown };
    let drops = || {
        let tried = |it: &&DropRecord| it.purpose == DropPurpose::Rollback && it.started_at >= rollback.at;
        state.drops.values().filter(tried).map(|it| it.conclusion.as_ref())
    };
    if drops().any(|it| matches!(it, None | Some(DropConclusion::Unknown { .. }))) {
        return Exit::Unknown;
    }
    if drops().any(|it| matches!(it, Some(DropConclusion::Interrupted { .. }))) {
        return Exit::Leftover;
    }
    match (rollback.finished, state.control.closed.as_ref().map(|(_, ending)| ending)) {
        (Some((_, 0)), _) => Exit::Verified,
        (Some(_), _) => Exit::Partial,
        (None, Some(Ending::Aborted)) => Exit::Aborted,
        (None, Some(Ending::NeedsPerson { .. })) => Exit::NeedsPerson,
        (None, _) => Exit::Unknown,
    }
}

/// The code of a run, from its state alone. The worst truth wins.
pub fn of_run(state: &RunState) -> Exit {
    let tally = state.tally();
    let unanswered = matches!(state.control.closed, Some((_, Ending::NeedsPerson { .. })));
    // What could not be dropped without waiting is known, and goes with the next run of the same command.
    let left = |record: &&BuildRecord| unanswered && matches!(record.status, BuildStatus::Cleaning { .. });
    let known = state.builds.values().filter(left).count();
    if tally.unknown > 0 || tally.running > 0 {
        return Exit::Unknown;
    }
    if tally.leftovers as usize > known {
        return Exit::Leftover;
    }
    match state.control.closed.as_ref().map(|(_, ending)| ending) {
        // Never connected: then nothing was ever sent either.
        Some(Ending::Unknown { .. }) if state.target.is_none() => Exit::Stopped,
        None | Some(Ending::Unknown { .. }) => Exit::Unknown,
        Some(Ending::Aborted) => Exit::Aborted,
        Some(Ending::RolledBack) => of_rollback(state),
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
        Some(Ending::NeedsPerson { .. }) if state.control.unanswered.is_some() => Exit::NeedsPerson,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{BuildEvent, EventKind, RollbackEvent, RunEvent};
    use crate::domain::failure::FailureClass;
    use crate::domain::plan::ItemState;
    use crate::domain::state::fixture::{BUILD, CHECKS, CONFIRM, Log, entry};
    use crate::domain::target::{Mode, RunSettings};

    fn closed(mut log: Log, ending: Ending) -> Exit {
        log.push(EventKind::Run(RunEvent::Closed { ending }));
        of_run(&log.state)
    }

    fn two() -> Log {
        Log::building(vec![entry("a", 1, ItemState::ToBuild), entry("b", 2, ItemState::ToBuild)])
    }

    fn with_a_built() -> Log {
        let mut log = two();
        log.started("public.a", 1).intended("public.a", 11).built("public.a", 101);
        log
    }

    fn at(step: &str) -> Ending {
        Ending::StoppedAt { step: step.into() }
    }

    #[test]
    fn what_never_began_is_stopped_and_what_was_lost_sight_of_is_unknown() {
        let unknown = || Ending::Unknown { why: "no connection".to_owned() };
        assert_eq!(closed(Log::opened(RunSettings::default(), Mode::Live), unknown()), Exit::Stopped);
        assert_eq!(closed(two(), unknown()), Exit::Unknown);
        assert_eq!(of_run(&two().state), Exit::Unknown, "still open");
    }

    #[test]
    fn a_stop_is_3_as_long_as_nothing_was_begun() {
        assert_eq!(closed(two(), at(CHECKS)), Exit::Stopped);
        assert_eq!(closed(two(), at(BUILD)), Exit::Stopped);
        assert_eq!(closed(with_a_built(), at(BUILD)), Exit::Partial);
    }

    #[test]
    fn what_remains_on_the_server_is_worse_than_how_it_ended() {
        for ending in [Ending::Aborted, Ending::Finished, Ending::NeedsPerson { step: CONFIRM.into() }] {
            let mut log = two();
            log.started("public.a", 1).intended("public.a", 11).left(
                "public.a",
                101,
                FailureClass::UniqueViolation,
            );
            assert_ne!(closed(log, ending), Exit::Verified);
        }
        assert_eq!(closed(two(), Ending::Aborted), Exit::Aborted);
        assert_eq!(closed(two(), Ending::NeedsPerson { step: CONFIRM.into() }), Exit::NeedsPerson);
        assert_eq!(closed(with_a_built(), Ending::Finished), Exit::Partial);
    }

    #[test]
    fn a_rollback_that_nobody_answered_for_needs_a_person() {
        let mut log = with_a_built();
        let entries = vec!["public.a".into()];
        let (by, reason) = ("ana".into(), "it was not wanted".to_owned());
        log.push(EventKind::Rollback(RollbackEvent::Requested { by, reason, entries }));
        log.push(EventKind::Run(RunEvent::Closed { ending: Ending::NeedsPerson { step: BUILD.into() } }));
        assert_eq!(of_rollback(&log.state), Exit::NeedsPerson);
    }

    #[test]
    fn a_wait_that_nobody_answered_for_needs_a_person_whatever_else_failed() {
        let mut log = two();
        let (entry, by, reason) = ("public.b".into(), "ana".into(), "it drifted".to_owned());
        log.push(EventKind::Build(BuildEvent::Skipped { entry, by, reason }));
        let end = || Ending::NeedsPerson { step: BUILD.into() };
        assert_eq!(closed(log.clone(), end()), Exit::Partial);
        log.push(EventKind::Run(RunEvent::Unanswered {
            step: BUILD.into(),
            entries: vec!["public.a".into()],
        }));
        assert_eq!(closed(log, end()), Exit::NeedsPerson);
    }

    #[test]
    fn never_fail_forgives_what_is_known_and_nothing_else() {
        let forgiven: Vec<Exit> = TABLE
            .iter()
            .map(|(exit, _)| *exit)
            .filter(|exit| ExitPolicy::NeverFail.apply(*exit) != *exit)
            .collect();
        assert_eq!(forgiven, [Exit::Stopped, Exit::Partial, Exit::Leftover, Exit::Aborted]);
        assert!(TABLE.iter().all(|(exit, _)| ExitPolicy::Truth.apply(*exit) == *exit));
        assert!(TABLE.is_sorted_by_key(|(exit, _)| *exit as u8));
    }
}
