//! Run, steps, checks, rollback and other people's sessions in words.

use super::{Line, name, safe, short};
use crate::domain::check::Verdict;
use crate::domain::event::{
    CheckEvent, Ending, RollbackEvent, RunEvent, SessionEnd, SessionEvent, Signalled, StepEvent, StepOutcome,
};
use crate::domain::id::StepId;
use crate::domain::plan::{ItemState, LeftoverHarm, Plan, PlanItem};
use crate::domain::state::RunState;
use crate::domain::target::{Mode, Operator, Target};
use crate::domain::unit::{Bytes, Millis};
use crate::report::Word;
use crate::text;

/// The run as a whole.
pub(super) fn run(event: &RunEvent, state: &RunState) -> Vec<Line> {
    let (word, said) = match event {
        RunEvent::Opened { run, version, operator, mode, playbook, registry_path, registry, .. } => (
            Word::Run,
            format!(
                "{} opened by {} with cicerone {}: {}, playbook {}, registry {} ({})",
                safe(run.as_str()),
                who(operator),
                safe(version),
                mode_word(*mode),
                safe(&playbook.name),
                safe(registry_path),
                short(registry)
            ),
        ),
        RunEvent::TakenOver { operator, version, torn } => {
            let cut = match torn {
                0 => String::new(),
                bytes => {
                    format!("; {bytes} bytes of an unfinished record were cut from the journal and kept")
                }
            };
            (Word::Run, format!("taken over by {} with cicerone {}{cut}", who(operator), safe(version)))
        }
        RunEvent::TargetSeen { target } => (Word::Ok, target_words(target)),
        RunEvent::TargetChanged { changes, .. } => (
            Word::Bad,
            format!("the target is another one, nothing more is sent: {}", safe(&changes.join("; "))),
        ),
        RunEvent::Planned { plan } => return planned(plan),
        RunEvent::Paused { by } => {
            (Word::Hold, format!("paused by {}: nothing new starts", safe(by.as_str())))
        }
        RunEvent::ControlTaken { by, from } => {
            let from = from.as_ref().map(|from| format!(", taken from {}", safe(from.as_str())));
            (Word::Run, format!("in the hands of {}{}", safe(by.as_str()), from.unwrap_or_default()))
        }
        RunEvent::ControlLost { by, why } => {
            (Word::Hold, format!("out of the hands of {}: {}", safe(by.as_str()), safe(why)))
        }
        RunEvent::WindowSet { by, end } => {
            let until =
                end.map_or_else(|| "none".to_owned(), |end| end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            (Word::Run, format!("end of the window {until}, set by {}", safe(by.as_str())))
        }
        RunEvent::Unpaused { by } => (Word::Run, format!("resumed by {}", safe(by.as_str()))),
        RunEvent::AbortRequested { by, reason } => {
            (Word::Hold, format!("abort asked for by {}: {}", safe(by.as_str()), safe(reason)))
        }
        RunEvent::Unanswered { entries, .. } => (
            Word::Hold,
            format!(
                "nobody is there to say whether to go on waiting: {} stopped, and the run ends",
                text::plural(entries.len(), "entry is", "entries are")
            ),
        ),
        RunEvent::SignedOff { by, reason } if reason.trim().is_empty() => {
            (Word::Done, format!("signed off by {}", safe(by.as_str())))
        }
        RunEvent::SignedOff { by, reason } => {
            (Word::Done, format!("signed off by {}: {}", safe(by.as_str()), safe(reason)))
        }
        RunEvent::TaskPanicked { task, message } => {
            (Word::Bad, format!("internal error in {}: {}", safe(task), safe(message)))
        }
        RunEvent::Closed { ending } => ended(ending, state),
    };
    vec![Line::new("run", word, said)]
}

fn who(operator: &Operator) -> String {
    let from = operator.ssh_from.as_ref().map(|from| format!(" from {}", safe(from))).unwrap_or_default();
    format!("{}@{}{from} pid {}", safe(operator.person.as_str()), safe(&operator.host), operator.pid)
}

/// What a run may do, in words.
pub(in crate::report) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "live",
        Mode::Rehearsal => "rehearsal",
        Mode::DryRun => "dry run",
    }
}

fn target_words(target: &Target) -> String {
    format!(
        "{}/{} {} {} as {} over {}, system {}",
        safe(&target.address),
        safe(&target.identity.database),
        target.identity.standing.word(),
        safe(&target.version),
        safe(&target.role),
        target.transport.word(),
        target.identity.system_identifier
    )
}

fn ended(ending: &Ending, state: &RunState) -> (Word, String) {
    let tally = state.tally();
    let score = format!("{} of {} verified", tally.verified, tally.total);
    match ending {
        Ending::Finished if tally.verified == tally.total => (Word::Done, format!("finished: {score}")),
        Ending::Finished => (Word::Warn, format!("finished: {score}")),
        Ending::StoppedAt { step } => (Word::Fail, format!("stopped at {}: {score}", safe(step.as_str()))),
        Ending::NeedsPerson { step } => {
            (Word::Hold, format!("{} needs a person: {score}", safe(step.as_str())))
        }
        Ending::Aborted => (Word::Fail, format!("aborted: {score}")),
        Ending::RolledBack => (Word::Done, format!("rolled back: {} dropped", tally.rolled_back)),
        Ending::Unknown { why } if state.target.is_none() => {
            (Word::Fail, format!("nothing was begun: {}", safe(why)))
        }
        Ending::Unknown { why } => (Word::Bad, format!("ended without knowing: {}", safe(why))),
    }
}

/// How a run ended, in words.
pub(in crate::report) fn ending_words(ending: &Ending, state: &RunState) -> String {
    ended(ending, state).1
}

/// The plan, and a line for each entry that is neither to be built nor already there.
fn planned(plan: &Plan) -> Vec<Line> {
    let count = |state: &str| plan.items.iter().filter(|item| item.state.word() == state).count();
    let counts: Vec<String> =
        ["to build", "present", "leftover", "building", "drift", "blocked", "duplicate"]
            .into_iter()
            .map(|state| (count(state), state))
            .filter(|(count, _)| *count > 0)
            .map(|(count, state)| format!("{count} {state}"))
            .collect();
    let to_build = plan.items.iter().filter(|item| item.state == ItemState::ToBuild);
    let estimates: Vec<_> = to_build.filter_map(|item| item.estimate).collect();
    let size: Bytes = estimates.iter().map(|estimate| estimate.index.likely).sum();
    let time = estimates.iter().fold(Millis(0), |sum, estimate| sum + estimate.time.likely);
    let text = format!(
        "{} {}: {}; about {} and {} of work",
        plan.id.as_str().get(..12).unwrap_or_default(),
        text::plural(plan.items.len(), "entry", "entries"),
        counts.join(", "),
        text::bytes(size.0),
        text::span(time.0)
    );
    let head = Line::new("plan", Word::Done, text);
    let odd = plan.items.iter().filter_map(|item| {
        let (word, text) = planned_item(item)?;
        Some(Line::new(format!("plan {}", name(&item.key)), word, text))
    });
    std::iter::once(head).chain(odd).collect()
}

/// What is so with an entry that is neither to be built nor already there; safe to print.
pub(in crate::report) fn planned_item(item: &PlanItem) -> Option<(Word, String)> {
    match &item.state {
        ItemState::ToBuild | ItemState::Present { .. } => None,
        ItemState::Leftover { oid, flags, size, harm, .. } => {
            let harm = match harm {
                LeftoverHarm::RejectsWrites => "it rejects inserts",
                LeftoverHarm::CostsWrites => "every write maintains it for nothing",
                LeftoverHarm::TakesSpace => "it keeps its name and space",
            };
            let size = text::bytes(size.0);
            Some((Word::Bad, format!("leftover with OID {oid} of {}, {size}: {harm}", flags.died_in())))
        }
        ItemState::Building { backend, .. } => Some((Word::Run, format!("pid {} builds it", backend.pid))),
        ItemState::Drift { differences, .. } => {
            let differences: Vec<_> = differences
                .iter()
                .map(|d| format!("{}: {}, not {}", safe(&d.what), safe(&d.found), safe(&d.wanted)))
                .collect();
            Some((Word::Fail, format!("the name belongs to another index ({})", differences.join("; "))))
        }
        ItemState::Blocked { reason } => Some((Word::Fail, blocked(reason))),
        ItemState::Duplicate { of, .. } => {
            Some((Word::Skip, format!("{} already has this definition", safe(of.key().as_str()))))
        }
    }
}

fn blocked(reason: &crate::domain::plan::BlockedReason) -> String {
    use crate::domain::plan::BlockedReason as Why;
    match reason {
        Why::NoTable => "there is no such table".to_owned(),
        Why::ServerRefuses { sqlstate, message } => {
            format!("the server refuses it: {} {}", safe(sqlstate), safe(message))
        }
        Why::PartitionedTable => "the table is partitioned: each partition needs its own build".to_owned(),
        Why::NotATable { kind } => format!("that is {}, not a table", safe(kind)),
        Why::NameTaken { kind } => format!("the name belongs to {}", safe(kind)),
        Why::NoRight { why } => format!("the role may not build there: {}", safe(why)),
        Why::CannotCompare { why } => {
            format!("an index of this name exists and cannot be compared: {}", safe(why))
        }
    }
}

/// A step of the playbook.
pub(super) fn step(event: &StepEvent, state: &RunState) -> Line {
    let (step, word, said) = match event {
        StepEvent::Started { step } => (step, Word::Run, title(state, step)),
        StepEvent::Held { step, why } => (step, Word::Hold, safe(why)),
        StepEvent::Confirmed { step, by, typed } => {
            (step, Word::Ok, format!("confirmed by {}: {}", safe(by.as_str()), safe(typed)))
        }
        StepEvent::Finished { step, outcome } => {
            let (word, said) = match outcome {
                StepOutcome::Done => (Word::Done, title(state, step)),
                StepOutcome::Warned { reason } => (Word::Warn, safe(reason)),
                StepOutcome::Failed { reason } => (Word::Fail, safe(reason)),
                StepOutcome::Skipped { reason } => (Word::Skip, safe(reason)),
            };
            (step, word, said)
        }
        StepEvent::Reopened { step, by } => {
            (step, Word::Todo, format!("asked for anew by {}", safe(by.as_str())))
        }
    };
    let place = state.step_order().position(|known| known == *step).map_or(0, |at| at + 1);
    let subject = format!("step {place}/{} {}", state.step_order().count(), safe(step.as_str()));
    Line::new(subject, word, said)
}

fn title(state: &RunState, step: &StepId) -> String {
    let found = state.run.iter().flat_map(|run| run.playbook.steps()).find(|known| known.id == *step);
    found.map(|step| safe(&step.title)).unwrap_or_default()
}

/// The word for a verdict.
pub(in crate::report) fn verdict_word(verdict: Verdict) -> Word {
    match verdict {
        Verdict::Pass => Word::Ok,
        Verdict::Warn => Word::Warn,
        Verdict::Unknown => Word::Bad,
        Verdict::Stop => Word::Fail,
    }
}

/// A pre-flight check.
pub(super) fn check(event: &CheckEvent, state: &RunState) -> Line {
    match event {
        CheckEvent::Judged { result } => {
            let unseen = if result.verdict == Verdict::Unknown { "not known: " } else { "" };
            let advice =
                result.advice.as_ref().map(|advice| format!("; {}", safe(advice))).unwrap_or_default();
            let (found, wanted) = (safe(&result.found), safe(&result.wanted));
            let said = format!("{}: {unseen}{found}, wanted {wanted}{advice}", safe(&result.title));
            Line::new(format!("check {}", safe(result.id.as_str())), verdict_word(result.verdict), said)
        }
        CheckEvent::PassEnded { took } => {
            let count = |verdict| state.checks.iter().filter(|check| check.result.verdict == verdict).count();
            let closed = state.closed_gates().count();
            let said = format!(
                "{} OK, {} WARN, {} FAIL, {} not known in {}",
                count(Verdict::Pass),
                count(Verdict::Warn),
                count(Verdict::Stop),
                count(Verdict::Unknown),
                text::span(took.0)
            );
            Line::new("checks", if closed == 0 { Word::Done } else { Word::Fail }, said)
        }
        CheckEvent::Waived { check, by, reason } => Line::new(
            format!("check {}", safe(check.as_str())),
            Word::Warn,
            format!("waived by {}: {}", safe(by.as_str()), safe(reason)),
        ),
    }
}

/// Rollback as a whole.
pub(super) fn rollback(event: &RollbackEvent) -> Line {
    match event {
        RollbackEvent::Requested { by, reason, entries } => {
            let what = text::plural(entries.len(), "index", "indexes");
            Line::new(
                "rollback",
                Word::Run,
                format!("{what}, asked for by {}: {}", safe(by.as_str()), safe(reason)),
            )
        }
        RollbackEvent::Finished { dropped, left } => {
            let word = if *left == 0 { Word::Done } else { Word::Bad };
            Line::new("rollback", word, format!("{dropped} dropped, {left} left"))
        }
    }
}

/// Somebody else's session.
pub(super) fn session(event: &SessionEvent) -> Line {
    match event {
        SessionEvent::EndRequested { backend, description, how, by, reason } => {
            let how = match how {
                SessionEnd::CancelStatement => "cancel of its statement",
                SessionEnd::Terminate => "termination",
            };
            let (description, by, reason) = (safe(description), safe(by.as_str()), safe(reason));
            let said = format!("{how} asked for by {by} ({description}): {reason}");
            Line::new(format!("session pid {}", backend.pid), Word::Warn, said)
        }
        SessionEvent::EndAttempted { backend, result } => {
            let (word, said) = match result {
                Ok(Signalled::Sent) => (Word::Done, "the signal was sent".to_owned()),
                Ok(Signalled::Gone) => (Word::Ok, "it was gone already, nothing was sent".to_owned()),
                Err(failure) => (Word::Fail, super::build::failed(failure)),
            };
            Line::new(format!("session pid {}", backend.pid), word, said)
        }
    }
}
