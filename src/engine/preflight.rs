//! Asks every pre-flight question at once, each with its own deadline.
//!
//! Readings run side by side; one that hangs or fails makes its own checks *unknown* and holds up no other. Questions
//! that share a reading share its fate. Nothing here takes a lock on a table, except that a search for duplicates
//! under a unique entry reads it, for five seconds at most.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::domain::catalog::{CatalogFacts, Uniqueness};
use crate::domain::check::{self, CheckResult, Evidence, Question};
use crate::domain::estimate::{Need, need};
use crate::domain::failure::Failure;
use crate::domain::id::{Oid, RunId};
use crate::domain::plan::Plan;
use crate::domain::registry::IndexEntry;
use crate::domain::survey::{DiskSpace, Observed, Visible};
use crate::domain::target::{RunSettings, Target};
use crate::domain::unit::Millis;
use crate::ports::EntryRequest;
use crate::text;

use super::world::World;

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The plan that is to be carried out.
    pub plan: &'a Plan,
    /// Where it was made.
    pub target: &'a Target,
    /// Settings of the run.
    pub settings: &'a RunSettings,
    /// The registry's entries.
    pub entries: &'a [IndexEntry],
    /// The run, so that its own builds are known as such.
    pub run: Option<&'a RunId>,
}

/// Answers to questions that share a reading.
type Answers<'a> = Pin<Box<dyn Future<Output = Vec<CheckResult>> + Send + 'a>>;

/// Every answer, in the order of [`Question::ALL`].
pub async fn run_checks(world: &World, asked: Asked<'_>) -> Vec<CheckResult> {
    let mut results: Vec<CheckResult> = ask(world, asked).concat().await;
    let place = |it: &CheckResult| Question::ALL.iter().position(|question| question.id() == it.id);
    results.sort_by_key(place);
    results
}

/// Asks everything; answers come as they are found.
pub(super) fn ask<'a>(world: &'a World, asked: Asked<'a>) -> FuturesUnordered<Answers<'a>> {
    let it = Preflight { world, asked, need: need(asked.plan, asked.entries) };
    let all: [Answers<'a>; 9] = [
        Box::pin(std::future::ready(planned(asked.plan))),
        Box::pin(it.clone().place()),
        Box::pin(it.clone().settings()),
        Box::pin(it.clone().present()),
        Box::pin(it.clone().blockers()),
        Box::pin(it.clone().unique_values()),
        Box::pin(it.clone().disk()),
        Box::pin(it.clone().backup()),
        Box::pin(it.streams()),
    ];
    all.into_iter().collect()
}

/// What the plan itself answers.
fn planned(plan: &Plan) -> Vec<CheckResult> {
    vec![
        check::privileges(plan),
        check::blocked_entries(plan),
        check::drift(plan),
        check::leftovers(plan),
        check::duplicates(plan),
    ]
}

#[derive(Clone)]
struct Preflight<'a> {
    world: &'a World,
    asked: Asked<'a>,
    need: Need,
}

impl Preflight<'_> {
    /// Where a fresh connection leads.
    async fn place(self) -> Vec<CheckResult> {
        const ASKED: [Question; 3] = [Question::Identity, Question::Primary, Question::Role];
        let source = "pg_control_system(), pg_database, pg_is_in_recovery(), pg_roles";
        match self.read(source, self.world.catalog.target()).await {
            Ok(seen) => vec![
                check::identity(&self.asked.plan.target, &seen.value, seen.evidence.clone()),
                check::primary(&seen.value.identity, seen.evidence.clone()),
                check::role(
                    &Target { environment: self.asked.target.environment.clone(), ..seen.value },
                    seen.evidence,
                ),
            ],
            Err(refused) => refused.of(&ASKED),
        }
    }

    async fn settings(self) -> Vec<CheckResult> {
        const ASKED: [Question; 3] = [Question::Version, Question::SessionSettings, Question::WorkersMemory];
        match self.read("pg_settings", self.world.survey.settings()).await {
            Ok(Observed { value: seen, .. }) => {
                let prepared = seen.value.iter().find(|it| it.name == "max_prepared_transactions");
                let prepared = prepared.and_then(|it| it.setting.parse().ok());
                let version_num = self.asked.target.identity.version_num;
                vec![
                    check::version(version_num, prepared, seen.evidence.clone()),
                    check::session_settings(&seen, self.asked.settings, &self.need),
                    check::workers_memory(&seen, self.asked.settings),
                ]
            }
            Err(refused) => refused.of(&ASKED),
        }
    }

    /// Who builds, and how many connections are left, right now.
    async fn present(self) -> Vec<CheckResult> {
        const ASKED: [Question; 2] = [Question::Building, Question::Connections];
        let source = "pg_stat_progress_create_index, pg_locks, pg_stat_database";
        let reading: Result<Observed<CatalogFacts>, Refused> =
            self.read(source, self.world.catalog.facts(&[])).await;
        match reading {
            Ok(Observed { value: facts, evidence }) => vec![
                check::building(self.asked.plan, &facts.builders, self.asked.run, evidence.clone()),
                check::connections(&facts.server, self.asked.settings, evidence),
            ],
            Err(refused) => refused.of(&ASKED),
        }
    }

    async fn blockers(self) -> Vec<CheckResult> {
        let mut tables: Vec<Oid> = self.asked.plan.work().filter_map(|it| it.table_oid).collect();
        tables.sort_unstable();
        tables.dedup();
        let source = "pg_locks, pg_stat_activity, pg_prepared_xacts";
        match self.read(source, self.world.survey.future_blockers(&tables)).await {
            Ok(Observed { value: seen, .. }) => {
                let old = self.asked.settings.thresholds.old_transaction;
                vec![check::blockers(&seen, self.asked.plan, old, self.world.clock.now())]
            }
            Err(refused) => refused.of(&[Question::Blockers]),
        }
    }

    /// One search after the other: each holds a snapshot while it runs. The deadline is for each of them.
    async fn unique_values(self) -> Vec<CheckResult> {
        let mut answers = Vec::new();
        let started = self.world.clock.now();
        for item in self.asked.plan.work().filter(|it| it.traits.unique != Uniqueness::No) {
            let answer = match self.asked.entries.iter().find(|it| it.key == item.key) {
                None => Err(Failure::refused("the entry could not be read from the registry again")),
                Some(entry) => self.search(&EntryRequest::from(entry)).await,
            };
            answers.push((item.key.clone(), answer));
        }
        vec![check::unique_values(&answers, self.evidence("the tables themselves", started))]
    }

    async fn search(&self, entry: &EntryRequest) -> check::Duplicates {
        let reading = self.read("the table itself", self.world.survey.duplicates(entry)).await;
        reading.map(|it| it.value).map_err(|refused| Failure::refused(refused.why))
    }

    async fn disk(self) -> Vec<CheckResult> {
        let source = "statvfs, or the configured command";
        match self.read(source, self.free_space()).await {
            Ok(Observed { value: seen, mut evidence }) => {
                if seen.is_none() {
                    "no disk command, and no path of this machine".clone_into(&mut evidence.source);
                }
                let margin = self.asked.settings.thresholds.disk_margin_percent;
                vec![check::disk_headroom(&self.need, seen.as_ref(), margin, evidence)]
            }
            Err(refused) => refused.of(&[Question::DiskHeadroom]),
        }
    }

    async fn free_space(&self) -> Result<Option<Observed<Vec<DiskSpace>>>, Failure> {
        let paths = match self.world.survey.paths().await?.value {
            Visible::Seen(paths) => paths,
            // A command or a person may know all the same.
            Visible::NotPermitted(_) => Vec::new(),
        };
        self.world.host.disk(&paths).await
    }

    async fn backup(self) -> Vec<CheckResult> {
        match self.read("the configured command", self.world.host.backup()).await {
            Ok(Observed { value: seen, mut evidence }) => {
                if seen.is_none() {
                    "no backup command".clone_into(&mut evidence.source);
                }
                let thresholds = &self.asked.settings.thresholds;
                let now = self.world.clock.now();
                vec![check::backup(seen.as_ref(), self.asked.target, thresholds, now, evidence)]
            }
            Err(refused) => refused.of(&[Question::Backup]),
        }
    }

    /// Where the log that builds write goes.
    async fn streams(self) -> Vec<CheckResult> {
        let archiver = self.read("pg_stat_archiver", self.world.survey.archiver());
        let replication =
            self.read("pg_stat_replication, pg_replication_slots", self.world.survey.replication());
        let (archiver, replication) = futures_util::future::join(archiver, replication).await;
        let mut results = match archiver {
            Ok(seen) => vec![check::wal_archive(&seen.value)],
            Err(refused) => refused.of(&[Question::WalArchive]),
        };
        let limit = self.asked.settings.thresholds.replication_lag;
        results.extend(match replication {
            Ok(seen) => vec![check::replication(&seen.value, limit)],
            Err(refused) => refused.of(&[Question::Replication]),
        });
        results
    }

    /// One reading within the deadline. The evidence is that of this process: when, and how long it took.
    async fn read<T>(
        &self,
        source: &str,
        reading: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Observed<T>, Refused> {
        let started = self.world.clock.now();
        let deadline = self.asked.settings.thresholds.check_deadline;
        let answer = tokio::time::timeout(Duration::from(deadline), reading).await;
        let evidence = self.evidence(source, started);
        match answer {
            Ok(Ok(value)) => Ok(Observed { value, evidence }),
            Ok(Err(failure)) => {
                let code = failure.sqlstate.as_ref().map_or_else(String::new, |it| format!("{it} "));
                Err(Refused { why: format!("not read: {code}{}", failure.message), evidence })
            }
            Err(_) => Err(Refused { why: format!("no answer in {}", text::span(deadline.0)), evidence }),
        }
    }

    fn evidence(&self, source: &str, started: jiff::Timestamp) -> Evidence {
        let took = Millis::between(started, self.world.clock.now());
        Evidence { source: source.to_owned(), query: None, at: started, took }
    }
}

/// Why there is no answer.
#[derive(Debug)]
struct Refused {
    why: String,
    evidence: Evidence,
}

impl Refused {
    fn of(&self, questions: &[Question]) -> Vec<CheckResult> {
        questions.iter().map(|it| check::unanswered(*it, self.why.clone(), self.evidence.clone())).collect()
    }
}

#[cfg(test)]
mod tests;
