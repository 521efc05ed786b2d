//! What follows a conclusion: another attempt, a drop, a watch, or the end of it.

use super::ENGINE;
use crate::domain::event::{Conclusion, Next, Origin};
use crate::domain::failure::FailureClass;
use crate::domain::id::EntryKey;
use crate::domain::state::{BuildRecord, RunState};
use crate::domain::unit::Millis;

/// The pause before attempt `n + 1`: one second doubled each time, at most half a minute, plus up to half of it.
pub(super) fn pause(attempts: u32, jitter: u64) -> Millis {
    let base = 1_000_u64.saturating_mul(1 << attempts.min(5)).min(30_000) / 2;
    Millis(base + base * jitter.min(1_000) / 1_000)
}

fn retry(conclusion: &Conclusion, not_before: jiff::Timestamp) -> Next {
    match conclusion {
        Conclusion::Leftover { .. } => Next::DropThenRetry { not_before },
        Conclusion::Absent
        | Conclusion::Verified { .. }
        | Conclusion::Drift { .. }
        | Conclusion::BuiltElsewhere { .. }
        | Conclusion::StillBuilding { .. }
        | Conclusion::Unknown { .. } => Next::Retry { not_before },
    }
}

pub(super) fn next(
    state: &RunState,
    entry: &EntryKey,
    conclusion: &Conclusion,
    now: jiff::Timestamp,
    jitter: u64,
) -> Next {
    let record = state.builds.get(entry);
    match conclusion {
        Conclusion::Verified { .. } => return Next::Done,
        Conclusion::StillBuilding { .. } | Conclusion::BuiltElsewhere { .. } => return Next::Watch,
        Conclusion::Unknown { why } => return Next::GiveUp { sentence: format!("nothing is known: {why}") },
        Conclusion::Drift { .. } => return Next::GiveUp { sentence: conclusion.sentence() },
        Conclusion::Leftover { origin: Origin::NotOurs, .. } => {
            return Next::GiveUp {
                sentence: "an invalid index that this run did not make has the name".to_owned(),
            };
        }
        Conclusion::Leftover { origin: Origin::Presumed, .. } if !state.repairs_leftovers() => {
            return Next::GiveUp {
                sentence: "an invalid index has the name, most likely left by this run, but nobody saw the statement \
                           make it: name it to have it dropped"
                    .to_owned(),
            };
        }
        Conclusion::Leftover { .. } | Conclusion::Absent => {}
    }
    let give_up = |sentence: String| match conclusion {
        Conclusion::Leftover { .. } => Next::DropThenStop { sentence },
        Conclusion::Absent
        | Conclusion::Verified { .. }
        | Conclusion::Drift { .. }
        | Conclusion::BuiltElsewhere { .. }
        | Conclusion::StillBuilding { .. }
        | Conclusion::Unknown { .. } => Next::GiveUp { sentence },
    };
    if let Some(by) = record.and_then(BuildRecord::stopping).filter(|by| by.0 != ENGINE) {
        return give_up(format!("stopped by {}", by.0));
    }
    // An abort only puts off: whoever takes the run over goes on where it ended.
    let aborted = state.control.abort.is_some() || state.control.unanswered.is_some();
    if state.is_ending_for(entry) && (!aborted || state.is_rolled_back(entry)) {
        return give_up("the run is ending".to_owned());
    }
    let failure = record.and_then(|record| record.failure.as_ref());
    let attempts = record.map_or(0, |record| record.attempts);
    let limit = state.run.as_ref().map_or(1, |run| run.settings.attempts);
    let class = failure.map(|failure| failure.class);
    let sent = record.is_some_and(|record| record.intent.is_some());
    let again = match class {
        // Paused, or the process died, before anything was sent: nothing was tried, so nothing failed.
        None if !sent => return retry(conclusion, now),
        None => true,
        // One that gave way to somebody's build has tried nothing either.
        Some(FailureClass::Cancelled) if aborted || record.is_some_and(BuildRecord::gave_way) => {
            return retry(conclusion, now);
        }
        // Refused because a leftover of ours is in the way.
        Some(FailureClass::Refused) => !sent && matches!(conclusion, Conclusion::Leftover { .. }),
        Some(class) => class.may_pass(),
    };
    if again && attempts < limit {
        let pause =
            jiff::SignedDuration::from_millis(i64::try_from(pause(attempts, jitter).0).unwrap_or(30_000));
        return retry(conclusion, now.checked_add(pause).unwrap_or(now));
    }
    let said = failure.map(|failure| {
        if let Some(wait) = record.and_then(BuildRecord::called_off) {
            return format!("it waited for {} longer than its budget", wait.words());
        }
        let code = failure.sqlstate.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        format!("{}: {}{code}", failure.class.sentence(), failure.message)
    });
    give_up(match said {
        Some(said) if attempts > 1 => format!("gave up after {attempts} attempts; {said}"),
        Some(said) => said,
        None => format!("gave up after {attempts} attempts"),
    })
}
