//! Builds, drops and verification in words.

use jiff::Timestamp;

use super::{Line, name, safe};
use crate::domain::blocker::{Bites, BlockStage, Blocker};
use crate::domain::event::{
    BuildEvent, Conclusion, DropConclusion, DropEvent, DropPurpose, Moment, Next, Origin, PlanReading,
    UsesIndex, VerifyEvent,
};
use crate::domain::failure::Failure;
use crate::domain::progress::{Phase, Wait};
use crate::domain::state::RunState;
use crate::domain::target::BudgetPolicy;
use crate::domain::unit::Millis;
use crate::report::Word;
use crate::text;

/// A build.
pub(super) fn build(event: &BuildEvent, state: &RunState, at: Timestamp) -> Line {
    let (word, said) = match event {
        BuildEvent::Started { attempt, .. } => (Word::Run, format!("attempt {attempt}")),
        BuildEvent::Intended { statement, backend, .. } => {
            (Word::Run, format!("pid {} {}", backend.pid, safe(statement)))
        }
        BuildEvent::Located { oid, .. } => (Word::Run, format!("index has OID {oid}")),
        BuildEvent::PhaseEntered { phase, .. } => phase_entered(*phase),
        BuildEvent::HeldUp { blockers, .. } => held_up(blockers, at),
        BuildEvent::BudgetSpent { wait, waited, policy, .. } => {
            (Word::Warn, budget_spent(*wait, *waited, *policy, "it is cancelled and what it left is dropped"))
        }
        BuildEvent::Adopted { backend, .. } => {
            (Word::Run, format!("pid {} outlived its client and builds on; it is watched again", backend.pid))
        }
        BuildEvent::StopRequested { by, .. } => {
            (Word::Hold, format!("stop asked for by {}", safe(by.as_str())))
        }
        BuildEvent::StatementEnded { result, .. } => statement_ended(result),
        BuildEvent::Concluded { conclusion, next, .. } => {
            let mut concluded = concluded(conclusion, next);
            if let (Next::Done, Some(record)) = (next, state.builds.get(event.entry())) {
                let tally = state.tally();
                let took = text::span(record.elapsed(at).0);
                concluded.1 = format!("{} in {took}, {}/{}", concluded.1, tally.verified, tally.total);
            }
            concluded
        }
        BuildEvent::Skipped { by, reason, .. } => {
            (Word::Skip, format!("left out by {}: {}", safe(by.as_str()), safe(reason)))
        }
        BuildEvent::RetryRequested { by, .. } => {
            (Word::Todo, format!("another attempt asked for by {}", safe(by.as_str())))
        }
    };
    Line::new(format!("build {}", name(event.entry())), word, said)
}

fn budget_spent(wait: Wait, waited: Millis, policy: BudgetPolicy, cancelled: &str) -> String {
    let follows = match policy {
        BudgetPolicy::KeepWaiting => "it goes on waiting",
        BudgetPolicy::Ask => "a person stops it or lets it wait; until then it goes on waiting",
        BudgetPolicy::CancelAndClean => cancelled,
    };
    format!("has waited {} for {}: {follows}", text::span(waited.0), wait.words())
}

fn phase_entered(phase: Phase) -> (Word, String) {
    let word = if phase.wait().is_some() { Word::Wait } else { Word::Run };
    (word, format!("{}/{} {}", phase.number(), Phase::LAST_NUMBER, phase.words()))
}

fn statement_ended(result: &Result<(), Failure>) -> (Word, String) {
    match result {
        Ok(()) => (Word::Run, "the server says it is done; reading the catalog".to_owned()),
        Err(failure) => (Word::Warn, format!("{}; reading the catalog", failed(failure))),
    }
}

/// A failure: code, the server's words, what they mean.
pub(in crate::report) fn failed(failure: &Failure) -> String {
    let code = failure.sqlstate.as_ref().map(|state| format!("{} ", safe(&state.0))).unwrap_or_default();
    format!("{code}{} ({})", safe(&failure.message), failure.class.sentence())
}

/// Whoever holds something up, the first three by name.
pub(in crate::report) fn held_up(blockers: &[Blocker], at: Timestamp) -> (Word, String) {
    if blockers.is_empty() {
        return (Word::Run, "nobody holds it up any more".to_owned());
    }
    let deadlock = blockers.iter().any(|blocker| blocker.stage == BlockStage::DeadlockAhead);
    let bites = blockers.iter().any(|blocker| blocker.bites == Bites::Now);
    let word = if deadlock {
        Word::Bad
    } else if bites {
        Word::Wait
    } else {
        Word::Warn
    };
    let mut said: Vec<String> = blockers.iter().take(3).map(|blocker| described(blocker, at)).collect();
    if blockers.len() > 3 {
        said.push(format!("and {} more", blockers.len() - 3));
    }
    (word, format!("held up by {}", said.join("; ")))
}

/// One blocker: who, for how long, what it does.
pub(in crate::report) fn described(blocker: &Blocker, at: Timestamp) -> String {
    let age =
        blocker.since.map(|since| format!(" for {}", text::clock(Millis::between(since, at).seconds())));
    let later = match blocker.bites {
        Bites::Now => "",
        Bites::Later => "later: ",
    };
    format!("{later}{}{} {}", safe(&blocker.line()), age.unwrap_or_default(), blocker.stage.sentence())
}

fn concluded(conclusion: &Conclusion, next: &Next) -> (Word, String) {
    let said = match conclusion {
        Conclusion::Verified { size, origin, .. } => {
            let made = match origin {
                Origin::Ours => "verified",
                Origin::Presumed => "verified, presumed to be of this run (a rollback leaves it)",
                Origin::NotOurs => "verified, not made by this run",
            };
            format!("{made}, {}", text::bytes(size.0))
        }
        Conclusion::Leftover { .. }
        | Conclusion::Absent
        | Conclusion::Drift { .. }
        | Conclusion::BuiltElsewhere { .. }
        | Conclusion::StillBuilding { .. }
        | Conclusion::Unknown { .. } => safe(&conclusion.sentence()),
    };
    match next {
        Next::Done => (Word::Done, said),
        Next::Retry { not_before } => {
            (Word::Todo, format!("{said}; next attempt not before {}", time(*not_before)))
        }
        Next::DropThenRetry { not_before } => {
            (Word::Todo, format!("{said}; it is dropped, next attempt not before {}", time(*not_before)))
        }
        Next::DropThenStop { sentence } => (Word::Fail, format!("{said}; it is dropped. {}", safe(sentence))),
        Next::Watch => (Word::Run, format!("{said}; it is watched")),
        Next::GiveUp { sentence } => {
            let left = matches!(conclusion, Conclusion::Leftover { .. } | Conclusion::Unknown { .. });
            let why = safe(sentence);
            (
                if left { Word::Bad } else { Word::Fail },
                if why == said { said } else { format!("{said}. {why}") },
            )
        }
    }
}

fn time(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

/// A drop.
pub(super) fn drop(event: &DropEvent, at: Timestamp) -> Line {
    let (entry, word, said) = match event {
        DropEvent::Started { entry, oid, purpose } => {
            let why = match purpose {
                DropPurpose::Leftover => "leftover",
                DropPurpose::Rollback => "rollback",
            };
            (entry, Word::Run, format!("{why}, OID {oid}"))
        }
        DropEvent::Intended { entry, statement, backend, .. } => {
            (entry, Word::Run, format!("pid {} {}", backend.pid, safe(statement)))
        }
        DropEvent::StopRequested { entry, by } => {
            (entry, Word::Hold, format!("stop asked for by {}", safe(by.as_str())))
        }
        DropEvent::HeldUp { entry, blockers } => {
            let (word, said) = held_up(blockers, at);
            (entry, word, said)
        }
        DropEvent::BudgetSpent { entry, wait, waited, policy } => {
            (entry, Word::Warn, budget_spent(*wait, *waited, *policy, "it is cancelled"))
        }
        DropEvent::StatementEnded { entry, result } => {
            let (word, said) = statement_ended(result);
            (entry, word, said)
        }
        DropEvent::Concluded { entry, oid, conclusion } => {
            let word = match conclusion {
                DropConclusion::Gone => Word::Done,
                DropConclusion::Untouched { .. } | DropConclusion::Refused { .. } => Word::Fail,
                DropConclusion::Interrupted { .. } | DropConclusion::Unknown { .. } => Word::Bad,
            };
            (entry, word, format!("OID {oid}: {}", safe(&conclusion.sentence())))
        }
    };
    Line::new(format!("drop {}", name(entry)), word, said)
}

/// Verification.
pub(super) fn verify(event: &VerifyEvent) -> Line {
    match event {
        VerifyEvent::Explained { entry, moment, plans } => {
            let using = plans.iter().filter(|plan| uses(plan)).count();
            let (word, moment) = match moment {
                Moment::Before => (Word::Ok, "before the build"),
                Moment::After if using == plans.len() => (Word::Ok, "after the build"),
                Moment::After => (Word::Warn, "after the build"),
            };
            let queries = text::plural(plans.len(), "query", "queries");
            Line::new(
                format!("verify {}", name(entry)),
                word,
                format!("{using} of {queries} would use it {moment}"),
            )
        }
        VerifyEvent::Checked { entry, conclusion } => {
            let (word, said) = match conclusion {
                Conclusion::Verified { size, .. } => (Word::Ok, format!("verified, {}", text::bytes(size.0))),
                Conclusion::Absent | Conclusion::Drift { .. } | Conclusion::BuiltElsewhere { .. } => {
                    (Word::Fail, safe(&conclusion.sentence()))
                }
                Conclusion::Leftover { .. }
                | Conclusion::StillBuilding { .. }
                | Conclusion::Unknown { .. } => (Word::Bad, safe(&conclusion.sentence())),
            };
            Line::new(format!("verify {}", name(entry)), word, said)
        }
    }
}

fn uses(plan: &PlanReading) -> bool {
    plan.reading.as_ref().is_ok_and(|planned| planned.uses == UsesIndex::Yes)
}
