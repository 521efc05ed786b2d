//! Waits for others: seen, named, bounded by budgets of ours, and never cut by the server's.

use std::time::Duration;

use cicerone::domain::blocker::{BlockStage, Blocker, Holder};
use cicerone::domain::event::{BuildEvent, EventKind, Origin};
use cicerone::domain::progress::{Eta, Wait};
use cicerone::domain::state::BuildStatus;
use cicerone::domain::target::BudgetPolicy;

use super::MAJOR;
use super::harness::{Scenario, ms};
use super::holder::{Held, in_phase, slow_function, table};
use super::witness::{Log, indexes, usable};
use crate::support::cluster::database;

const SQL: &str = "CREATE INDEX CONCURRENTLY ix ON t (a)";

fn held_up(event: &EventKind, fits: impl Fn(&Blocker) -> bool) -> bool {
    matches!(event, EventKind::Build(BuildEvent::HeldUp { blockers, .. }) if blockers.iter().any(fits))
}

fn by(stage: BlockStage, pid: i32) -> impl Fn(&EventKind) -> bool {
    move |event| {
        held_up(event, |it| it.stage == stage && it.backend().is_some_and(|backend| backend.pid.0 == pid))
    }
}

#[tokio::test]
async fn an_open_write_is_named_and_waited_for() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 500).await;
    let writer = Held::writer(&database, "t").await;
    let mut run = Scenario::new(&database, &[SQL]).start();
    run.until("the writer is named", by(BlockStage::Writer, writer.pid)).await;
    in_phase(&session, "waiting for writers before build").await;
    let sample = run.samples().builds.into_iter().next().unwrap().1;
    assert!(matches!(sample.eta, Eta::Waiting { on: Wait::Writers, .. }), "{sample:?}");
    assert!(sample.waiting > ms(500), "{sample:?}");
    writer.release().await;
    let done = run.finish().await;
    assert_eq!(*done.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", done.story());
    assert_eq!(Log::of(&database).creates_of("ix"), 1);
    usable(&session, "ix").await;
}

#[tokio::test]
async fn progress_never_goes_back_and_is_never_whole_before_the_index_is_verified() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 90).await;
    slow_function(&session).await;
    let reader = Held::snapshot(&database).await;
    let run = Scenario::new(&database, &["CREATE INDEX CONCURRENTLY ix ON t (public.slow(a))"]).start();
    let mut samples = run.watch();
    let watch = async {
        let mut fractions = Vec::new();
        while samples.changed().await.is_ok() {
            let newest = samples.borrow_and_update().clone();
            fractions.extend(newest.builds.values().map(|it| (it.phase, it.fraction)));
        }
        fractions
    };
    let drive = async {
        in_phase(&session, "waiting for old snapshots").await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        reader.release().await;
        run.finish().await
    };
    let (done, fractions) = tokio::join!(drive, watch);
    assert_eq!(done.state.tally().verified, 1, "{}", done.story());
    assert!(fractions.len() >= 4, "{fractions:?}");
    assert!(fractions.is_sorted_by(|a, b| a.1 <= b.1), "{fractions:?}");
    assert!(fractions.iter().all(|(_, fraction)| (0.0..1.0).contains(fraction)), "{fractions:?}");
}

#[tokio::test]
async fn a_prepared_transaction_is_named_by_its_gid() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 500).await;
    let gid = format!("gid of {}", database.name);
    let holder = database.connect().await;
    holder
        .batch_execute(&format!(
            "BEGIN; INSERT INTO t VALUES (100000, 1, 'x', now()); PREPARE TRANSACTION '{gid}'"
        ))
        .await
        .unwrap();
    let mut run = Scenario::new(&database, &[SQL]).start();
    run.until("the prepared transaction is named", |event| {
        held_up(event, |it| matches!(&it.holder, Holder::Prepared { gid: named, .. } if *named == gid))
    })
    .await;
    holder.batch_execute(&format!("COMMIT PREPARED '{gid}'")).await.unwrap();
    let done = run.finish().await;
    assert_eq!(*done.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", done.story());
    usable(&session, "ix").await;
}

#[tokio::test]
async fn a_vacuum_is_probed_for_and_nothing_queues_behind_the_probe() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 500).await;
    let vacuum = Held::vacuum(&database, "t").await;
    let mut run = Scenario::new(&database, &[SQL]).with(|it| it.lock_probe = ms(200)).start();
    run.until("the vacuum is named", by(BlockStage::TableLock, vacuum.pid)).await;
    // The application goes on all the while.
    for id in 0..5 {
        let insert = format!("INSERT INTO t VALUES (1000000 + {id}, 1, 'x', now())");
        let done = tokio::time::timeout(Duration::from_secs(1), session.batch_execute(&insert)).await;
        done.expect("the application waits").unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(Log::of(&database).creates(), [], "nothing is sent before the lock is free");
    vacuum.release().await;
    let done = run.finish().await;
    assert_eq!(*done.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", done.story());
    usable(&session, "ix").await;
}

#[tokio::test]
async fn a_lock_that_is_never_free_ends_with_the_name_of_its_holder_and_nothing_sent() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 500).await;
    table(&session, "u", 500).await;
    let vacuum = Held::vacuum(&database, "t").await;
    let done = Scenario::new(&database, &[SQL, "CREATE INDEX CONCURRENTLY other ON u (a)"])
        .with(|it| {
            it.lock_probe = ms(100);
            it.lock_tries = 3;
            it.first_lock_budget = ms(100);
            it.on_budget = BudgetPolicy::CancelAndClean;
            it.jobs = 1;
        })
        .run()
        .await;
    let sentence = done.sentence("ix");
    assert!(sentence.contains("3 tries") && sentence.contains(&format!("pid {}", vacuum.pid)), "{sentence}");
    assert!(!indexes(&session).await.contains_key("ix"));
    assert_eq!(Log::of(&database).creates_of("ix"), 0);
    // It held nobody else.
    assert_eq!(*done.status("other"), BuildStatus::Verified { origin: Origin::Ours });
    vacuum.release().await;
}

#[tokio::test]
async fn a_build_that_waits_for_people_gives_its_slot_to_the_next_table() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    for name in ["t", "u", "v"] {
        table(&session, name, 200).await;
    }
    let writer = Held::writer(&database, "t").await;
    let others = ["CREATE INDEX CONCURRENTLY on_u ON u (a)", "CREATE INDEX CONCURRENTLY on_v ON v (a)"];
    let mut run = Scenario::new(&database, &[SQL, others[0], others[1]]).with(|it| it.jobs = 1).start();
    run.until_state("the others are built", |state| state.tally().verified == 2).await;
    assert!(!indexes(&session).await["ix"].valid);
    writer.release().await;
    let done = run.finish().await;
    assert_eq!(done.state.tally().verified, 3, "{}", done.story());
}

#[tokio::test]
async fn a_spent_budget_is_said_and_the_build_goes_on_when_that_is_the_policy() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 500).await;
    let reader = Held::snapshot(&database).await;
    let mut run = Scenario::new(&database, &[SQL]).with(|it| it.snapshots_budget = ms(300)).start();
    run.until("the budget is spent", |event| {
        matches!(event, EventKind::Build(BuildEvent::BudgetSpent { wait: Wait::OldSnapshots, .. }))
    })
    .await;
    reader.release().await;
    let done = run.finish().await;
    assert_eq!(*done.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", done.story());
    assert_eq!((done.record("ix").attempts, Log::of(&database).drops().len()), (1, 0));
    usable(&session, "ix").await;
}

#[tokio::test]
async fn a_spent_budget_cancels_cleans_and_tries_again_when_that_is_the_policy() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 500).await;
    let writer = Held::writer(&database, "t").await;
    let mut run = Scenario::new(&database, &[SQL])
        .with(|it| {
            it.writers_budget = ms(300);
            it.on_budget = BudgetPolicy::CancelAndClean;
            it.attempts = 3;
        })
        .start();
    run.until("the budget is spent", |event| {
        matches!(event, EventKind::Build(BuildEvent::BudgetSpent { wait: Wait::Writers, .. }))
    })
    .await;
    run.until("the first attempt is over", |event| {
        matches!(event, EventKind::Build(BuildEvent::Concluded { .. }))
    })
    .await;
    writer.release().await;
    let done = run.finish().await;
    assert_eq!(*done.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", done.story());
    assert_eq!(done.record("ix").attempts, 2, "{}", done.story());
    let log = Log::of(&database);
    assert_eq!((log.creates_of("ix"), log.drops().len()), (2, 1));
    usable(&session, "ix").await;
}

#[tokio::test]
async fn a_budget_that_is_spent_each_time_leaves_nothing_behind() {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", 500).await;
    let reader = Held::snapshot(&database).await;
    let before = indexes(&session).await;
    let done = Scenario::new(&database, &[SQL])
        .with(|it| {
            it.snapshots_budget = ms(300);
            it.on_budget = BudgetPolicy::CancelAndClean;
            it.attempts = 2;
        })
        .run()
        .await;
    assert!(matches!(done.status("ix"), BuildStatus::Failed { .. }), "{}", done.story());
    assert_eq!(done.record("ix").attempts, 2);
    assert_eq!(indexes(&session).await, before, "{}", done.story());
    reader.release().await;
}
