//! Work that only reads: connect, plan, checks, EXPLAIN, verification.

use std::time::Duration;

use futures_util::stream::StreamExt;

use crate::domain::event::{Moment, PlanReading};
use crate::domain::failure::Failure;
use crate::domain::id::{EntryKey, QualifiedName, RunId};
use crate::domain::observe::Outcome;
use crate::domain::plan::{self, Plan};
use crate::domain::target::{RunSettings, Target};
use crate::domain::unit::Millis;
use crate::ports::{EntryRequest, ExplainRequest};

use super::preflight::{self, Asked};
use super::readback::{Which, is_passing, read_back};
use super::recorder::Recorder;
use super::world::World;

/// How long a target that was never reached is tried for: most often its name is wrong.
pub(super) const FIRST_PATIENCE: Millis = Millis(10_000);
/// How long a target that is known is tried for before the run ends with "unknown", or its step is held: it may be
/// restarting.
pub(super) const KNOWN_PATIENCE: Millis = Millis(30_000);

/// Entries that are read again on one connection: a server that fails over meanwhile is noticed by the next.
const PER_CONNECTION: usize = 20;

/// Proves where we are.
pub(super) async fn connect(world: World, recorder: Recorder, patience: Millis) {
    let result = patiently(&world, patience, || world.catalog.target()).await;
    // Nobody is left to tell when the journal is sealed; the same holds for every record in this module.
    let _ = recorder.record(Outcome::Connected(result)).await;
}

/// Asks again for as long as the server cannot be reached, within `patience`.
async fn patiently<T, A: Future<Output = Result<T, Failure>>>(
    world: &World,
    patience: Millis,
    ask: impl Fn() -> A,
) -> Result<T, Failure> {
    let since = world.clock.now();
    let mut pause = Duration::from_millis(250);
    loop {
        match ask().await {
            Err(failure)
                if is_passing(failure.class) && Millis::between(since, world.clock.now()) < patience =>
            {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(4));
            }
            other => return other,
        }
    }
}

/// Reads registry and catalogs, and plans.
pub(super) async fn make_plan(
    world: World,
    recorder: Recorder,
    target: Target,
    settings: RunSettings,
    run: RunId,
) {
    let plan = || read_plan(&world, &target, &settings, Some(&run));
    let result = patiently(&world, KNOWN_PATIENCE, plan).await.map(Box::new);
    let _ = recorder.record(Outcome::Planned(result)).await;
}

/// The same for commands that need a plan and no run.
pub async fn read_plan(
    world: &World,
    target: &Target,
    settings: &RunSettings,
    run: Option<&RunId>,
) -> Result<Plan, Failure> {
    let registry = world.registry.read()?;
    let requests: Vec<EntryRequest> = registry.entries.iter().map(EntryRequest::from).collect();
    let facts = world.catalog.facts(&requests).await?;
    Ok(plan::make(&registry.entries, registry.digest, &target.identity, &facts, settings, run))
}

/// Asks the planner about entries' queries.
pub(super) async fn explain(
    world: World,
    recorder: Recorder,
    entries: Vec<(EntryKey, ExplainRequest)>,
    moment: Moment,
) {
    let (keys, requests): (Vec<EntryKey>, Vec<ExplainRequest>) = entries.into_iter().unzip();
    let mut answers = world.explainer.explain(&requests).await.into_iter();
    for (entry, ExplainRequest { queries, .. }) in keys.into_iter().zip(requests) {
        let answer = answers.next().unwrap_or_else(|| Ok(Vec::new()));
        let plans = match answer {
            Ok(plans) => complete(plans, &queries),
            Err(failure) => queries
                .into_iter()
                .map(|query| PlanReading { query, reading: Err(failure.clone()) })
                .collect(),
        };
        if recorder.record(Outcome::Explained { entry, moment, plans }).await.is_err() {
            return;
        }
    }
}

/// One reading per query, whatever the planner's adapter left out: without one it would be asked again for ever.
fn complete(mut plans: Vec<PlanReading>, queries: &[String]) -> Vec<PlanReading> {
    for query in queries.iter().skip(plans.len()) {
        let reading = Err(Failure::refused("the planner gave no answer"));
        plans.push(PlanReading { query: query.clone(), reading });
    }
    plans
}

/// Reads entries again, some on each fresh connection. Those that could not be read with others are tried by
/// themselves, with patience for a server that is away.
pub(super) async fn verify(world: World, recorder: Recorder, entries: Vec<(EntryKey, QualifiedName)>) {
    for some in entries.chunks(PER_CONNECTION) {
        let names: Vec<QualifiedName> = some.iter().map(|(_, index)| index.clone()).collect();
        let mut readings = world.catalog.indexes_named(&names).await.unwrap_or_default().into_iter();
        for (entry, index) in some {
            let reading = match readings.next() {
                Some(reading) => Ok(reading),
                None => read_back(&world, &Which::Named(index)).await,
            };
            let outcome = Outcome::Verified { entry: entry.clone(), reading };
            if recorder.record(outcome).await.is_err() {
                return;
            }
        }
    }
}

/// Answers the pre-flight checks, each as soon as it is known.
pub(super) async fn check(
    world: World,
    recorder: Recorder,
    plan: Plan,
    target: Target,
    settings: RunSettings,
    run: RunId,
) {
    let since = world.clock.now();
    // Without them searches for duplicates are unknown and sort files are counted to the data directory.
    let entries = world.registry.read().map(|it| it.entries).unwrap_or_default();
    let asked =
        Asked { plan: &plan, target: &target, settings: &settings, entries: &entries, run: Some(&run) };
    let mut answers = preflight::ask(&world, asked);
    while let Some(results) = answers.next().await {
        for result in results {
            if recorder.record(Outcome::Checked(result)).await.is_err() {
                return;
            }
        }
    }
    let took = Millis::between(since, world.clock.now());
    let _ = recorder.record(Outcome::ChecksEnded(took)).await;
}
