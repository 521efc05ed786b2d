//! From events to the report's facts.

use std::io;

use super::entry::{self, EntryReport, EntryState};
use super::history::History;
use super::model::{
    Accuracy, CheckReport, FORMAT, JournalFacts, Mark, Moment, OutcomeReport, PhaseTotal, PlanReport, Report,
    RollbackItem, RunReport, SignOffReport, StepReport, TargetReport, WaiverReport,
};
use crate::domain::event::Event;
use crate::domain::progress::Phase;
use crate::domain::state::RunInfo;
use crate::domain::target::{Environment, Mode};
use crate::domain::unit::Millis;
use crate::report::jsonl;
use crate::report::line;

impl Report {
    /// The report of a run whose journal holds these events.
    pub fn of(events: &[Event], journal: JournalFacts) -> Self {
        let history = History::of(events);
        let entries = entries(&history);
        Self {
            format: FORMAT,
            mark: history.state.run.as_ref().and_then(mark),
            run: run(&history),
            target: history.state.target.clone().map(|target| TargetReport {
                target,
                changes: history.state.control.target_changed.clone().unwrap_or_default(),
            }),
            plan: plan(&history),
            result: result(&history, &entries),
            steps: steps(&history),
            checks: checks(&history),
            waivers: waivers(&history),
            phases: phases(&entries),
            accuracy: accuracy(&entries),
            rollback: rollback(&history),
            moments: moments(&history),
            sign_off: history.state.control.sign_off.as_ref().map(|signed| SignOffReport {
                at: signed.at,
                by: signed.by.clone(),
                reason: signed.reason.clone(),
            }),
            entries,
            journal,
        }
    }

    /// The report as indented JSON in ASCII, with a line end.
    pub fn to_json(&self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        jsonl::write_ascii_indented(&mut out, self)?;
        out.push(b'\n');
        Ok(out)
    }
}

fn mark(run: &RunInfo) -> Option<Mark> {
    match (run.mode, &run.environment) {
        (Mode::Rehearsal, _) | (_, Environment::Rehearsal) => Some(Mark::Rehearsal),
        (Mode::DryRun, _) => Some(Mark::DryRun),
        (Mode::Live, _) => None,
    }
}

fn run(history: &History) -> Option<RunReport> {
    let run = history.state.run.clone()?;
    let closed = history.state.control.closed.clone();
    Some(RunReport {
        id: run.run,
        opened_at: run.opened_at,
        closed_at: closed.as_ref().map(|(at, _)| *at),
        ending: closed.map(|(_, ending)| ending),
        version: run.version,
        operators: run.operators,
        mode: run.mode,
        environment: run.environment,
        playbook: run.playbook.name,
        playbook_title: run.playbook.title,
        playbook_digest: run.playbook.digest,
        registry_path: run.registry_path,
        registry_digest: run.registry,
        settings: run.settings,
    })
}

fn plan(history: &History) -> Option<PlanReport> {
    let plan = history.plan.as_ref()?;
    let mut states: Vec<(String, u32)> = Vec::new();
    for item in &plan.items {
        let word = item.state.word();
        match states.iter_mut().find(|(known, _)| known == word) {
            Some((_, count)) => *count += 1,
            None => states.push((word.to_owned(), 1)),
        }
    }
    Some(PlanReport { id: plan.id.clone(), made_at: plan.made_at, states })
}

fn entries(history: &History) -> Vec<EntryReport> {
    let order = history.plan.iter().flat_map(|plan| &plan.items);
    let items = order.map(|item| history.items.get(&item.key).unwrap_or(item));
    items.map(|item| entry::entry(item, history)).collect()
}

fn result(history: &History, entries: &[EntryReport]) -> OutcomeReport {
    let state = &history.state;
    let tally = state.tally();
    let sentence = match &state.control.closed {
        Some((_, ending)) => line::ending_words(ending, state),
        None => format!("not closed: {} of {} verified so far", tally.verified, tally.total),
    };
    let built =
        entries.iter().filter(|entry| entry.state == EntryState::Built).filter_map(|entry| entry.size).sum();
    let last = state.last.map(|(_, at)| at);
    let elapsed = state.run.as_ref().zip(last).map(|(run, at)| Millis::between(run.opened_at, at));
    OutcomeReport { tally, sentence, built, elapsed: elapsed.unwrap_or_default() }
}

fn steps(history: &History) -> Vec<StepReport> {
    let playbook = history.state.run.iter().flat_map(|run| run.playbook.steps());
    let steps = playbook.filter_map(|step| Some((step, history.state.steps.get(&step.id)?)));
    steps
        .map(|(step, record)| StepReport {
            id: step.id.clone(),
            title: step.title.clone(),
            status: record.status.clone(),
            started_at: record.started_at,
            took: record.finished_at.map(|at| Millis::between(record.started_at, at)),
            confirmed_by: record.confirmed.as_ref().map(|(by, _)| by.clone()),
            confirmed_with: record.confirmed.as_ref().map(|(_, typed)| typed.clone()),
        })
        .collect()
}

fn checks(history: &History) -> Vec<CheckReport> {
    let checks = history.state.checks.iter();
    checks.map(|check| CheckReport { result: check.result.clone(), waiver: check.waiver.clone() }).collect()
}

fn waivers(history: &History) -> Vec<WaiverReport> {
    let waivers = history.waivers.iter().cloned();
    waivers
        .map(|given| WaiverReport {
            at: given.at,
            check: given.check,
            by: given.by,
            reason: given.reason,
            found: given.found,
        })
        .collect()
}

fn phases(entries: &[EntryReport]) -> Vec<PhaseTotal> {
    let total = |phase: Phase| {
        let times = entries.iter().flat_map(|entry| {
            let times = entry.phases.iter().filter(|time| time.phase == phase);
            times.map(|time| (time.time, &entry.key))
        });
        let longest = times.clone().max_by_key(|(time, _)| *time)?;
        Some(PhaseTotal {
            phase,
            waits: phase.wait().is_some(),
            sum: times.fold(Millis(0), |sum, (time, _)| sum + time),
            longest: longest.0,
            longest_of: longest.1.clone(),
        })
    };
    Phase::ORDER.into_iter().chain([Phase::Other]).filter_map(total).collect()
}

fn accuracy(entries: &[EntryReport]) -> Option<Accuracy> {
    let compared: Vec<_> = entries
        .iter()
        .filter(|entry| matches!(entry.state, EntryState::Built | EntryState::RolledBack))
        .filter_map(|entry| Some((entry.estimate?.time, entry.working?)))
        .collect();
    let mut ratios: Vec<f64> = compared
        .iter()
        .map(|(predicted, actual)| actual.0 as f64 / predicted.likely.0.max(1) as f64)
        .collect();
    ratios.sort_by(f64::total_cmp);
    let upper = *ratios.get(ratios.len() / 2)?;
    let lower = *ratios.get((ratios.len() - 1) / 2)?;
    let within = compared.iter().filter(|(band, actual)| (band.low..=band.high).contains(actual)).count();
    Some(Accuracy {
        builds: u32::try_from(compared.len()).unwrap_or(u32::MAX),
        within_band: u32::try_from(within).unwrap_or(u32::MAX),
        predicted: compared.iter().fold(Millis(0), |sum, (band, _)| sum + band.likely),
        actual: compared.iter().fold(Millis(0), |sum, (_, actual)| sum + *actual),
        median_ratio: f64::midpoint(lower, upper),
    })
}

fn rollback(history: &History) -> Vec<RollbackItem> {
    let made = history.state.ledger.iter();
    made.map(|(key, made)| {
        let statement = history.items.get(key).map(|item| {
            format!("DROP INDEX CONCURRENTLY {}.{};", quoted(&item.table.schema), quoted(item.name.as_str()))
        });
        RollbackItem { entry: key.clone(), oid: made.oid, statement: statement.unwrap_or_default() }
    })
    .collect()
}

/// Always quoted: right for every name, keyword or not.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn moments(history: &History) -> Vec<Moment> {
    let moments = history.remarkable.iter();
    moments
        .map(|moment| Moment {
            at: moment.at,
            subject: moment.subject.clone(),
            word: moment.word.to_string(),
            text: moment.text.clone(),
        })
        .collect()
}
