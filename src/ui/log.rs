//! Events as lines of the log pane. Raw text: made safe where it is drawn.

use crate::domain::event::{
    BuildEvent, CheckEvent, DropEvent, DropPurpose, Ending, Event, EventKind, Next, RollbackEvent, RunEvent,
    SessionEnd, SessionEvent, Signalled, StepEvent, StepOutcome,
};
use crate::domain::progress::Wait;
use crate::domain::target::BudgetPolicy;
use crate::domain::unit::Millis;
use crate::text::span;

use super::view_model::line::Tone;

/// One line of the log. Raw text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogLine {
    /// When.
    pub(super) at: jiff::Timestamp,
    /// Who: a person, or `auto`.
    pub(super) who: String,
    /// What.
    pub(super) text: String,
    /// How it is to be read.
    pub(super) tone: Tone,
}

const AUTO: &str = "auto";

/// The line of an event; none for what the screen shows anyway.
pub(super) fn log_line(event: &Event) -> Option<LogLine> {
    let (who, text, tone) = match &event.kind {
        EventKind::Run(event) => run(event),
        EventKind::Step(event) => step(event),
        EventKind::Check(event) => check(event)?,
        EventKind::Build(event) => build(event)?,
        EventKind::Drop(event) => drop(event)?,
        EventKind::Verify(_) => return None,
        EventKind::Rollback(event) => rollback(event),
        EventKind::Session(event) => session(event),
    };
    Some(LogLine { at: event.at, who, text, tone })
}

type Said = (String, String, Tone);

fn auto(text: impl Into<String>, tone: Tone) -> Said {
    (AUTO.to_owned(), text.into(), tone)
}

fn person(by: &crate::domain::id::Person, text: impl Into<String>, tone: Tone) -> Said {
    (by.0.clone(), text.into(), tone)
}

fn run(event: &RunEvent) -> Said {
    match event {
        RunEvent::Opened { run, operator, playbook, .. } => {
            person(&operator.person, format!("opened run {} of {}", run.0, playbook.name), Tone::Plain)
        }
        RunEvent::TakenOver { operator, .. } => person(&operator.person, "took the run over", Tone::Warn),
        RunEvent::TargetSeen { target } => auto(
            format!("connected to {}/{} as {}", target.address, target.identity.database, target.role),
            Tone::Plain,
        ),
        RunEvent::TargetChanged { changes, .. } => {
            auto(format!("the target is another one: {}", changes.join("; ")), Tone::Bad)
        }
        RunEvent::Planned { plan } => auto(
            format!("planned {}", crate::text::plural(plan.items.len(), "entry", "entries")),
            Tone::Plain,
        ),
        RunEvent::Paused { by } => person(by, "paused the queue: nothing new starts", Tone::Warn),
        RunEvent::Unpaused { by } => person(by, "let the queue go on", Tone::Plain),
        RunEvent::ControlTaken { by, from: None } => person(by, "has the run in hand", Tone::Plain),
        RunEvent::ControlTaken { by, from: Some(from) } => {
            person(by, format!("took the run over from {}", from.0), Tone::Warn)
        }
        RunEvent::ControlLost { by, why } => {
            person(by, format!("has the run in hand no more: {why}"), Tone::Warn)
        }
        RunEvent::WindowSet { by, end: Some(end) } => person(
            by,
            format!("the window ends at {}: nothing new starts after it", end.strftime("%Y-%m-%d %H:%M:%SZ")),
            Tone::Plain,
        ),
        RunEvent::WindowSet { by, end: None } => person(by, "the window has no end", Tone::Plain),
        RunEvent::AbortRequested { by, reason } => {
            person(by, format!("wants the run to end: {reason}"), Tone::Warn)
        }
        RunEvent::Unanswered { .. } => {
            auto("nobody said whether to go on waiting: what waits is stopped".to_owned(), Tone::Warn)
        }
        RunEvent::SignedOff { by, reason } => person(by, format!("signed off: {reason}"), Tone::Good),
        RunEvent::TaskPanicked { task, message } => {
            auto(format!("a task of the engine broke ({task}): {message}"), Tone::Bad)
        }
        RunEvent::Closed { ending } => auto(ending_words(ending), Tone::Strong),
    }
}

/// How a run ended, in a few words. Raw text.
fn ending_words(ending: &Ending) -> String {
    match ending {
        Ending::Finished => "the run came to its end".to_owned(),
        Ending::StoppedAt { step } => format!("the run stopped at step {}", step.0),
        Ending::NeedsPerson { step } => format!("the run ended at step {}, which needs a person", step.0),
        Ending::Aborted => "the run was ended before its end".to_owned(),
        Ending::RolledBack => "everything that this run made was dropped".to_owned(),
        Ending::Unknown { why } => format!("the outcome is not known: {why}"),
    }
}

fn step(event: &StepEvent) -> Said {
    match event {
        StepEvent::Started { step } => auto(format!("step {} began", step.0), Tone::Plain),
        StepEvent::Held { step, why } => auto(format!("HOLD at {}: {why}", step.0), Tone::Warn),
        StepEvent::Confirmed { step, by, typed } => {
            person(by, format!("go at {} (typed: {typed})", step.0), Tone::Plain)
        }
        StepEvent::Finished { step, outcome } => match outcome {
            StepOutcome::Done => auto(format!("step {} done", step.0), Tone::Good),
            StepOutcome::Warned { reason } => {
                auto(format!("step {} ended with a warning: {reason}", step.0), Tone::Warn)
            }
            StepOutcome::Failed { reason } => auto(format!("step {} failed: {reason}", step.0), Tone::Bad),
            StepOutcome::Skipped { reason } => auto(format!("step {} left out: {reason}", step.0), Tone::Dim),
        },
        StepEvent::Reopened { step, by } => {
            person(by, format!("asked for plan and checks anew ({})", step.0), Tone::Plain)
        }
    }
}

fn check(event: &CheckEvent) -> Option<Said> {
    match event {
        CheckEvent::Judged { result } if result.verdict.blocks() => Some(auto(
            format!("{} {}: {}", result.verdict.word(), result.title, result.found),
            if result.verdict == crate::domain::check::Verdict::Stop { Tone::Bad } else { Tone::Warn },
        )),
        CheckEvent::Judged { .. } => None,
        CheckEvent::PassEnded { took } => Some(auto(format!("checks done in {}", span(took.0)), Tone::Plain)),
        CheckEvent::Waived { check, by, reason } => {
            Some(person(by, format!("waived {}: {reason}", check.0), Tone::Warn))
        }
    }
}

fn build(event: &BuildEvent) -> Option<Said> {
    let name = &event.entry().0;
    Some(match event {
        BuildEvent::Started { attempt, .. } => auto(format!("{name}: try {attempt}"), Tone::Plain),
        BuildEvent::PhaseEntered { phase, .. } => {
            phase.wait().map(|wait| auto(format!("{name}: waits for {}", wait.words()), Tone::Warn))?
        }
        BuildEvent::HeldUp { blockers, .. } => {
            let first = blockers.first()?;
            auto(format!("{name}: held up by {}", first.line()), Tone::Warn)
        }
        BuildEvent::BudgetSpent { wait, waited, policy, .. } => budget_spent(name, *wait, *waited, *policy),
        BuildEvent::Adopted { backend, .. } => {
            auto(format!("{name}: pid {} still builds it and is watched again", backend.pid), Tone::Plain)
        }
        BuildEvent::StopRequested { by, .. } => person(by, format!("stop {name}"), Tone::Warn),
        BuildEvent::Intended { .. }
        | BuildEvent::Located { .. }
        | BuildEvent::StatementEnded { result: Ok(()), .. } => return None,
        BuildEvent::StatementEnded { result: Err(failure), .. } => {
            auto(format!("{name}: {}: {}", failure.message, failure.class.sentence()), Tone::Bad)
        }
        BuildEvent::Concluded { conclusion, next, .. } => concluded(name, &conclusion.sentence(), next),
        BuildEvent::Skipped { by, reason, .. } => {
            person(by, format!("left out {name}: {reason}"), Tone::Warn)
        }
        BuildEvent::RetryRequested { by, .. } => person(by, format!("try {name} again"), Tone::Plain),
    })
}

fn budget_spent(name: &str, wait: Wait, waited: Millis, policy: BudgetPolicy) -> Said {
    let follows = match policy {
        BudgetPolicy::KeepWaiting => "it goes on waiting",
        BudgetPolicy::Ask => "x stops it, or let it wait",
        BudgetPolicy::CancelAndClean => "it is cancelled",
    };
    auto(format!("{name}: waits {} for {}: {follows}", words(waited), wait.words()), Tone::Warn)
}

fn concluded(name: &str, so: &str, next: &Next) -> Said {
    match next {
        Next::Done => auto(format!("{name}: {so}"), Tone::Good),
        Next::Retry { .. } => auto(format!("{name}: {so}; it is tried again"), Tone::Warn),
        Next::DropThenRetry { .. } => {
            auto(format!("{name}: {so}; it is dropped, then tried again"), Tone::Warn)
        }
        Next::DropThenStop { sentence } => {
            auto(format!("{name}: {so}; it is dropped and not tried again: {sentence}"), Tone::Bad)
        }
        Next::Watch => auto(format!("{name}: {so}"), Tone::Plain),
        Next::GiveUp { sentence } if sentence == so => auto(format!("{name}: {so}; given up"), Tone::Bad),
        Next::GiveUp { sentence } => auto(format!("{name}: {so}; given up: {sentence}"), Tone::Bad),
    }
}

fn drop(event: &DropEvent) -> Option<Said> {
    Some(match event {
        DropEvent::Started { entry, purpose, .. } => {
            let why = match purpose {
                DropPurpose::Leftover => "leftover",
                DropPurpose::Rollback => "rollback",
            };
            auto(format!("{}: drop ({why})", entry.0), Tone::Plain)
        }
        DropEvent::StopRequested { entry, by } => {
            person(by, format!("stop the drop of {}", entry.0), Tone::Warn)
        }
        DropEvent::HeldUp { entry, blockers } => {
            let first = blockers.first()?;
            auto(format!("{}: its drop is held up by {}", entry.0, first.line()), Tone::Warn)
        }
        DropEvent::BudgetSpent { entry, wait, waited, policy } => {
            budget_spent(&format!("{}: its drop", entry.0), *wait, *waited, *policy)
        }
        DropEvent::Intended { .. } | DropEvent::StatementEnded { result: Ok(()), .. } => return None,
        DropEvent::StatementEnded { entry, result: Err(failure) } => {
            auto(format!("{}: {}", entry.0, failure.message), Tone::Bad)
        }
        DropEvent::Concluded { entry, conclusion, .. } => {
            let tone = if *conclusion == crate::domain::event::DropConclusion::Gone {
                Tone::Good
            } else {
                Tone::Bad
            };
            auto(format!("{}: {}", entry.0, conclusion.sentence()), tone)
        }
    })
}

fn rollback(event: &RollbackEvent) -> Said {
    match event {
        RollbackEvent::Requested { by, reason, entries } => person(
            by,
            format!("roll back {}: {reason}", crate::text::plural(entries.len(), "index", "indexes")),
            Tone::Warn,
        ),
        RollbackEvent::Finished { dropped, left } => auto(
            format!("rollback ended: {dropped} dropped, {left} left"),
            if *left == 0 { Tone::Good } else { Tone::Bad },
        ),
    }
}

fn session(event: &SessionEvent) -> Said {
    match event {
        SessionEvent::EndRequested { backend, description, how, by, reason } => {
            let how = match how {
                SessionEnd::CancelStatement => "cancel the statement of",
                SessionEnd::Terminate => "end",
            };
            person(by, format!("{how} pid {} ({description}): {reason}", backend.pid), Tone::Warn)
        }
        SessionEvent::EndAttempted { backend, result } => match result {
            Ok(Signalled::Sent) => auto(format!("pid {}: the signal was sent", backend.pid), Tone::Plain),
            Ok(Signalled::Gone) => {
                auto(format!("pid {}: that session was gone, nothing was sent", backend.pid), Tone::Plain)
            }
            Err(failure) => auto(format!("pid {}: {}", backend.pid, failure.message), Tone::Bad),
        },
    }
}

fn words(waited: Millis) -> String {
    span(waited.0)
}
