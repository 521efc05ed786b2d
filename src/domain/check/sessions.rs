//! What the run's sessions take: memory, workers, connections.

use crate::domain::catalog::ServerFigures;
use crate::domain::schedule::Limits;
use crate::domain::survey::{Observed, SurveySetting};
use crate::domain::target::RunSettings;
use crate::text;

use super::finding::Finding;
use super::settings::get;
use super::{CheckResult, Evidence, Question, Verdict};

/// Sessions of a run besides its builds: the observer, one that reads catalogs, and one that sends cancels.
const OTHER_SESSIONS: usize = 3;

/// Whether builds that run at once fit the memory and the workers.
///
/// `maintenance_work_mem` is the limit of a whole build however many workers help it (PostgreSQL's documentation of
/// `max_parallel_maintenance_workers`), so workers cost processes and not memory.
pub fn workers_memory(survey: &Observed<Vec<SurveySetting>>, settings: &RunSettings) -> CheckResult {
    let finding = judge(&survey.value, settings).unwrap_or_else(|| {
        Finding::new(Verdict::Unknown, "settings not visible", "builds fit the server")
            .advice("see the memory and worker settings on the server yourself")
    });
    finding.on(Question::WorkersMemory, survey.evidence.clone())
}

fn judge(all: &[SurveySetting], settings: &RunSettings) -> Option<Finding> {
    let number = |name| get(all, name).and_then(|it| it.setting.parse::<u64>().ok());
    let memory_kb = settings.maintenance_work_mem_kb.or_else(|| number("maintenance_work_mem"))?;
    let limits = Limits::of(settings, Some(memory_kb));
    let jobs = limits.jobs as u64;
    let size = |builds: usize| text::bytes(memory_kb.saturating_mul(builds as u64).saturating_mul(1024));
    // As the build session sets it: by the jobs that were asked for, not by those that fit.
    let inherited = if settings.jobs > 1 { Some(0) } else { number("max_parallel_maintenance_workers") };
    let each = settings.parallel_workers.map(u64::from).or(inherited)?;
    let (workers, slots) = (each.saturating_mul(jobs), number("max_parallel_workers")?);
    let found = format!("{} x {} and {}", jobs, size(1), text::plural(workers as usize, "worker", "workers"));
    let mut details = vec![
        format!(
            "{} of memory at once, {} when builds that waited for people go on beside them, {each} workers a build",
            size(limits.jobs),
            size(limits.sessions)
        ),
        format!("max_parallel_workers = {slots}, shared with all queries"),
    ];
    if limits.jobs < settings.jobs as usize {
        details.push(format!("the memory budget makes {} of {} jobs", limits.jobs, settings.jobs));
    }
    let budget = settings.memory_budget_kb;
    let wanted = match budget {
        Some(budget) => format!("<= {} and {slots} workers", text::bytes(budget.saturating_mul(1024))),
        None => format!("<= {slots} workers"),
    };
    let finding = match budget {
        Some(budget) if memory_kb > budget => Finding::new(Verdict::Stop, found, wanted)
            .advice("lower maintenance_work_mem or raise the memory budget: not even one build fits"),
        _ if workers > slots => Finding::new(Verdict::Warn, found, wanted)
            .advice("lower jobs or workers: builds get fewer workers than planned, and queries none"),
        _ => Finding::pass(found, wanted),
    };
    Some(finding.details(details))
}

/// Whether all sessions of a run get a connection, those of builds that wait for people included.
pub fn connections(figures: &ServerFigures, settings: &RunSettings, evidence: Evidence) -> CheckResult {
    let limits = Limits::of(settings, Some(figures.maintenance_work_mem_kb));
    let least = limits.jobs + OTHER_SESSIONS;
    let most = limits.sessions + OTHER_SESSIONS;
    let wanted = format!(">= {most}");
    let advice = "lower jobs, or free connections: a build that gets none fails with 53300";
    let finding = match figures.free_connections as usize {
        0 => Finding::new(Verdict::Unknown, "none seen free", wanted).advice(advice),
        free if free < least => Finding::new(Verdict::Stop, format!("{free} free"), wanted).advice(advice),
        free if free < most => Finding::new(Verdict::Warn, format!("{free} free"), wanted)
            .advice("enough as long as few builds wait for people: each of these keeps its connection"),
        free => Finding::pass(format!("{free} free"), wanted),
    };
    finding.on(Question::Connections, evidence)
}
