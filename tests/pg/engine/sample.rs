//! The whole sample rollout: 82 indexes, the shipped playbook, one job and four.

use cicerone::domain::command::Verb;
use cicerone::domain::event::{Ending, Origin};
use cicerone::domain::state::{BuildStatus, RunState};

use super::harness::{Finished, Scenario};
use super::witness::{Log, Statement, indexes, overlapping};
use crate::support::cluster::{Database, sample_database};

const REGISTRY: &str = include_str!("../../../registry.toml");
const PLAYBOOK: &str = include_str!("../../../playbooks/rehearsal.toml");
const ENTRIES: usize = 82;

async fn rolled_out(database: &Database, jobs: u32) -> Finished {
    Scenario::new(database, &[])
        .registry(REGISTRY)
        .playbook(PLAYBOOK)
        .with(|it| {
            it.jobs = jobs;
            it.attempts = 3;
        })
        .run()
        .await
}

/// How many statements the server had at work at once, at most.
fn most_at_once(statements: &[Statement]) -> usize {
    let at_work = |now: &str| {
        statements
            .iter()
            .filter(|it| it.began.as_str() <= now && it.ended.as_ref().is_none_or(|end| end.as_str() > now))
            .count()
    };
    statements.iter().map(|it| at_work(&it.began)).max().unwrap_or(0)
}

async fn all_of_it(major: u32, jobs: u32) -> usize {
    let database = sample_database(major).await;
    let session = database.connect().await;
    let before = indexes(&session).await;
    let done = rolled_out(&database, jobs).await;
    assert_eq!(*done.ending(), Ending::Finished, "{}", done.story());
    assert_eq!(done.state.tally().verified as usize, ENTRIES, "{}", done.story());

    let after = indexes(&session).await;
    assert_eq!(after.len(), before.len() + ENTRIES);
    for (key, record) in &done.state.builds {
        assert_eq!(record.status, BuildStatus::Verified { origin: Origin::Ours }, "{}", key.0);
        assert_eq!(record.attempts, 1, "{}: {:?}", key.0, record.failure);
        let name = key.0.strip_prefix("public.").unwrap();
        assert!(after[name].usable(), "{name}");
        assert_eq!(done.state.ledger[key].oid.0, after[name].oid);
    }
    let asked = done.state.plan.iter().flat_map(|plan| &plan.items).filter(|item| !item.queries.is_empty());
    for item in asked {
        let (earlier, later) = &done.state.builds[&item.key].plans;
        assert_eq!((earlier.len(), later.len()), (item.queries.len(), item.queries.len()), "{}", item.key.0);
        assert!(earlier.iter().chain(later).all(|plan| plan.reading.is_ok()), "{earlier:?} {later:?}");
    }
    let log = Log::of(&database);
    let creates = log.creates();
    assert_eq!((creates.len(), log.deadlocks(), log.drops().len()), (ENTRIES, 0, 0));
    assert_eq!(overlapping(&creates), [], "two builds on one table at once");
    assert_eq!(RunState::replay(&done.journaled()), done.state);
    assert_eq!(done.end.state, done.state);

    let back = done.take_over();
    let reason = "only a rehearsal".to_owned();
    back.command(Verb::Roll { entries: Vec::new(), reason }).await.unwrap();
    let gone = back.finish().await;
    assert_eq!(*gone.ending(), Ending::RolledBack, "{}", gone.story());
    assert_eq!(indexes(&session).await, before);
    assert_eq!(Log::of(&database).deadlocks(), 0);
    most_at_once(&creates)
}

#[tokio::test]
async fn one_job_builds_all_82_one_after_the_other() {
    assert_eq!(Box::pin(all_of_it(super::MAJOR, 1)).await, 1);
}

#[tokio::test]
async fn four_jobs_build_all_82_and_never_two_on_one_table() {
    let most = Box::pin(all_of_it(super::MAJOR, 4)).await;
    assert!((2..=4).contains(&most), "{most} at once");
}

#[tokio::test]
async fn four_jobs_build_all_82_on_the_oldest_major() {
    let most = Box::pin(all_of_it(12, 4)).await;
    assert!((2..=4).contains(&most), "{most} at once");
}
