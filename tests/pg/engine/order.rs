//! What people ask for while builds run: stop, skip, retry, pause, abort.

use cicerone::domain::command::{Refusal, Verb};
use cicerone::domain::event::{BuildEvent, Ending, EventKind, Origin, StepEvent};
use cicerone::domain::state::{BuildStatus, Left};
use cicerone::domain::target::{AbortPolicy, LeftoverPolicy};
use tokio_postgres::Client;

use super::MAJOR;
use super::harness::{Run, Scenario, key};
use super::holder::{Held, in_phase, slow_function, table};
use super::witness::{Log, indexes, usable};
use crate::support::cluster::{Database, database};

const SLOW: &str = "CREATE INDEX CONCURRENTLY ix ON t (public.slow(a))";
const PLAIN: &str = "CREATE INDEX CONCURRENTLY ix ON t (a)";

async fn with_table(rows: u32) -> (Database, Client) {
    let database = database(MAJOR).await;
    let session = database.connect().await;
    table(&session, "t", rows).await;
    slow_function(&session).await;
    (database, session)
}

fn sent(event: &EventKind) -> bool {
    matches!(event, EventKind::Build(BuildEvent::Intended { .. }))
}

fn held(event: &EventKind) -> bool {
    matches!(event, EventKind::Step(StepEvent::Held { .. }))
}

async fn waiting_for_its_lock(run: &mut Run) {
    run.until("it waits for the table", |event| matches!(event, EventKind::Build(BuildEvent::HeldUp { .. })))
        .await;
}

#[tokio::test]
async fn a_stopped_build_leaves_nothing_and_is_not_tried_again_until_told() {
    let (database, session) = with_table(60).await;
    let mut run = Scenario::new(&database, &[SLOW]).with(|it| it.attempts = 3).start();
    in_phase(&session, "building index%").await;
    run.command(Verb::Stop { entry: key("ix") }).await.unwrap();
    assert!(matches!(run.command(Verb::Stop { entry: key("ix") }).await, Err(Refusal::Already { .. })));
    run.until("the step waits for a person", held).await;
    let BuildStatus::Failed { sentence, left } = run.record("ix").status.clone() else { panic!() };
    assert_eq!((sentence.as_str(), left), ("stopped by tester", Left::Nothing));
    assert!(!indexes(&session).await.contains_key("ix"));
    run.command(Verb::Retry { entry: key("ix"), leftover: LeftoverPolicy::Keep }).await.unwrap();
    run.until_state("it is built", |state| state.tally().verified == 1).await;
    let done = run.finish().await;
    let log = Log::of(&database);
    assert_eq!((log.creates_of("ix"), log.drops().len()), (2, 1), "{}", done.story());
    usable(&session, "ix").await;
}

#[tokio::test]
async fn a_build_that_waits_for_people_can_be_stopped_in_every_wait() {
    let (database, session) = with_table(200).await;
    let before = indexes(&session).await;
    for wait in ["first lock", "writers", "snapshots"] {
        let held = match wait {
            "first lock" => Held::vacuum(&database, "t").await,
            "writers" => Held::writer(&database, "t").await,
            _ => Held::snapshot(&database).await,
        };
        let mut run = Scenario::new(&database, &[PLAIN]).with(|it| it.attempts = 3).start();
        waiting_for_its_lock(&mut run).await;
        run.command(Verb::Stop { entry: key("ix") }).await.unwrap();
        // A drop waits for the same people as the build did.
        run.until("the build is over", |event| {
            matches!(event, EventKind::Build(BuildEvent::Concluded { .. }))
        })
        .await;
        held.release().await;
        let done = run.finish().await;
        assert_eq!(done.sentence("ix"), "stopped by tester", "{wait}: {}", done.story());
        assert_eq!(indexes(&session).await, before, "{wait}: {}", done.story());
    }
    assert_eq!(Log::of(&database).creates_of("ix"), 2, "none for the one that waited for its first lock");
}

#[tokio::test]
async fn a_skipped_entry_is_never_sent() {
    let (database, session) = with_table(100).await;
    let statements = [SLOW, "CREATE INDEX CONCURRENTLY later ON t (b)"];
    let mut run = Scenario::new(&database, &statements).with(|it| it.jobs = 1).start();
    run.until("the first one is sent", sent).await;
    let first = run.state.builds.keys().next().unwrap().clone();
    let (first, other) = if first == key("ix") { ("ix", "later") } else { ("later", "ix") };
    let reason = "not tonight please".to_owned();
    run.command(Verb::Skip { entry: key(other), reason: reason.clone() }).await.unwrap();
    let done = run.finish().await;
    assert_eq!(*done.status(other), BuildStatus::Skipped { reason }, "{}", done.story());
    usable(&session, first).await;
    assert_eq!(Log::of(&database).creates_of(other), 0);
    assert!(!indexes(&session).await.contains_key(other));
}

#[tokio::test]
async fn a_pause_lets_what_runs_end_and_starts_nothing() {
    let (database, session) = with_table(30).await;
    table(&session, "u", 100).await;
    let statements =
        [SLOW, "CREATE INDEX CONCURRENTLY later ON t (b)", "CREATE INDEX CONCURRENTLY on_u ON u (b)"];
    let mut run = Scenario::new(&database, &statements).with(|it| it.jobs = 1).start();
    run.until("one is sent", sent).await;
    run.command(Verb::Pause).await.unwrap();
    run.until_state("what ran has ended", |state| state.tally().verified == 1).await;
    assert_eq!(Log::of(&database).creates().len(), 1);
    assert_eq!(run.state.tally().waiting, 2);
    run.command(Verb::Resume).await.unwrap();
    let done = run.finish().await;
    assert_eq!(done.state.tally().verified, 3, "{}", done.story());
}

#[tokio::test]
async fn an_abort_lets_what_runs_finish_or_cancels_and_cleans_it_as_told() {
    for policy in [AbortPolicy::FinishRunning, AbortPolicy::CancelRunning] {
        let (database, session) = with_table(60).await;
        let statements = [SLOW, "CREATE INDEX CONCURRENTLY later ON t (b)"];
        let registry = super::harness::registry(&statements);
        let registry = registry.replacen("domain = 'test'", "domain = 'test'\ncritical = true", 1);
        let run = Scenario::new(&database, &statements).registry(&registry).with(|it| {
            it.on_abort = policy;
            it.attempts = 3;
        });
        let run = run.start();
        in_phase(&session, "building index%").await;
        run.command(Verb::Abort { reason: "that will do".to_owned() }).await.unwrap();
        let done = run.finish().await;
        assert_eq!(*done.ending(), Ending::Aborted, "{}", done.story());
        let found = indexes(&session).await;
        match policy {
            AbortPolicy::FinishRunning => {
                assert_eq!(*done.status("ix"), BuildStatus::Verified { origin: Origin::Ours });
                assert!(found["ix"].usable());
            }
            AbortPolicy::CancelRunning => assert!(!found.contains_key("ix"), "{}", done.story()),
        }
        assert!(!found.contains_key("later"));
        assert_eq!(Log::of(&database).creates().len(), 1);
        assert!(done.end.left_running.is_empty());
        // The same journal goes on where it ended.
        let done = done.take_over().finish().await;
        assert_eq!(done.state.tally().verified, 2, "{}", done.story());
    }
}

#[tokio::test]
async fn an_abort_does_not_wait_for_a_lock_that_is_not_free() {
    let (database, session) = with_table(60).await;
    let vacuum = Held::vacuum(&database, "t").await;
    let mut run = Scenario::new(&database, &[PLAIN]).start();
    waiting_for_its_lock(&mut run).await;
    run.command(Verb::Abort { reason: "that will do".to_owned() }).await.unwrap();
    let wait = std::time::Duration::from_secs(5);
    let done = tokio::time::timeout(wait, run.finish()).await.expect("the lock is never free");
    assert_eq!(*done.ending(), Ending::Aborted);
    assert_eq!(Log::of(&database).creates(), []);
    assert!(!indexes(&session).await.contains_key("ix"));
    vacuum.release().await;
    let done = done.take_over().finish().await;
    assert_eq!(*done.status("ix"), BuildStatus::Verified { origin: Origin::Ours }, "{}", done.story());
    usable(&session, "ix").await;
}

#[tokio::test]
async fn a_leftover_of_somebody_else_goes_only_when_its_retry_says_so() {
    let (database, session) = with_table(100).await;
    let writer = Held::writer(&database, "t").await;
    let theirs = super::holder::Statement::waiting(&database, &session, PLAIN).await;
    session.execute("SELECT pg_cancel_backend($1)", &[&theirs.pid]).await.unwrap();
    theirs.end().await.unwrap_err();
    writer.release().await;
    let mut run = Scenario::new(&database, &[PLAIN]).start();
    run.until("the step waits for a person", held).await;
    let retry = |leftover| Verb::Retry { entry: key("ix"), leftover };
    assert!(matches!(run.command(retry(LeftoverPolicy::Keep)).await, Err(Refusal::NotOurs { .. })));
    assert!(!indexes(&session).await["ix"].valid);
    run.command(retry(LeftoverPolicy::Repair)).await.unwrap();
    run.until_state("it is built", |state| state.tally().verified == 1).await;
    run.finish().await;
    usable(&session, "ix").await;
}

#[tokio::test]
async fn a_plan_that_is_no_longer_true_builds_nothing() {
    const CHECKED: &str = r#"
version = 1
name = "checked"
title = "Checked"

[[phase]]
name = "first"
title = "First"

[[phase.step]]
name = "checks"
title = "Checks"
kind = "checks"
on_failure = "stop"

[[phase.step]]
name = "confirm"
title = "Go"
kind = "confirm"
prompt = "Go?"
on_failure = "stop"

[[phase.step]]
name = "indexes"
title = "Build"
kind = "build_indexes"
on_failure = "ask"
"#;
    let (database, session) = with_table(100).await;
    let mut run = Scenario::new(&database, &[PLAIN]).playbook(CHECKED).start();
    run.until_state("the plan is there", |state| state.plan.is_some()).await;
    session.batch_execute("CREATE INDEX twin ON t (a)").await.unwrap();
    let done = run.finish().await;
    assert!(matches!(done.ending(), Ending::StoppedAt { .. }), "{}", done.story());
    let why = done.story();
    assert!(why.contains("the plan is stale"), "{why}");
    assert_eq!(Log::of(&database).creates(), []);
}
