//! Pre-flight against real servers.

use std::sync::Arc;

use cicerone::domain::check::{CheckResult, Question, Verdict};
use cicerone::domain::diagnostic::Source;
use cicerone::domain::failure::Failure;
use cicerone::domain::plan::Plan;
use cicerone::domain::registry::{self, Registry};
use cicerone::domain::target::RunSettings;
use cicerone::domain::unit::Millis;
use cicerone::engine::{Asked, World, run_checks};
use cicerone::host::{HostProbes, RandomIds, ServerPlace, SystemClock};
use cicerone::pg::connect::Access;
use cicerone::pg::{Link, PgCatalog, PgExplainer, PgSurvey};
use cicerone::ports::RegistrySource;

use super::{plan_of, registry_of};
use crate::adapter::{link, link_as};
use crate::support::cluster::{database, sample_database};

struct Loaded(Registry);

impl RegistrySource for Loaded {
    fn read(&self) -> Result<Registry, Failure> {
        Ok(self.0.clone())
    }
}

fn world(link: &Link, registry: &Registry, place: ServerPlace) -> World {
    let clock = Arc::new(SystemClock::start());
    let host = HostProbes {
        clock: clock.clone(),
        place,
        disk_command: None,
        disk_figure: None,
        backup_command: None,
    };
    World {
        catalog: Arc::new(PgCatalog::new(link.clone())),
        survey: Arc::new(PgSurvey::new(link.clone())),
        explainer: Arc::new(PgExplainer::new(link.clone())),
        host: Arc::new(host),
        registry: Arc::new(Loaded(registry.clone())),
        hands: None,
        clock: clock.clone(),
        ids: Arc::new(RandomIds::from_system(clock)),
    }
}

async fn checked(
    registry: &Registry,
    link: Link,
    place: ServerPlace,
    settings: &RunSettings,
) -> Vec<CheckResult> {
    let plan: Plan = plan_of(registry, link.clone()).await;
    let world = world(&link, registry, place);
    let target = world.catalog.target().await.unwrap();
    let asked = Asked { plan: &plan, target: &target, settings, entries: &registry.entries, run: None };
    run_checks(&world, asked).await
}

fn of(results: &[CheckResult], question: Question) -> &CheckResult {
    results.iter().find(|result| result.id == question.id()).unwrap()
}

fn sample_registry() -> Registry {
    let text = include_str!("../../../registry.toml").to_owned();
    registry::load(&[Source { path: "registry.toml".to_owned(), text }]).unwrap()
}

async fn the_sample_passes(major: u32) {
    let database = sample_database(major).await;
    let registry = sample_registry();
    let results =
        checked(&registry, link(&database, Access::ReadWrite), ServerPlace::Here, &RunSettings::default())
            .await;
    assert_eq!(results.len(), Question::ALL.len());
    let closed: Vec<_> = results.iter().filter(|result| result.verdict.blocks()).collect();
    assert!(closed.is_empty(), "{closed:#?}");
    assert_eq!(of(&results, Question::Backup).verdict, Verdict::Warn);
    assert_eq!(of(&results, Question::DiskHeadroom).verdict, Verdict::Pass);
}

#[tokio::test]
async fn the_sample_database_opens_the_gate_on_15() {
    the_sample_passes(15).await;
}

#[tokio::test]
async fn the_sample_database_opens_the_gate_on_12() {
    the_sample_passes(12).await;
}

#[tokio::test]
async fn the_sample_database_opens_the_gate_on_18() {
    the_sample_passes(18).await;
}

#[tokio::test]
async fn what_a_server_can_hold_against_a_rollout_is_found() {
    let database = database(15).await;
    let session = database.connect().await;
    let role = format!("owner_{}", database.name);
    session
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA public TO {role}; SET ROLE {role};
             CREATE TABLE leads (id int, email text); INSERT INTO leads VALUES (1, 'a'), (2, 'a'); ANALYZE leads;
             RESET ROLE; ALTER ROLE {role} SET statement_timeout = '30s'"
        ))
        .await
        .unwrap();
    let reader = database.connect().await;
    reader.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await.unwrap();
    let writer = database.connect().await;
    writer.batch_execute("BEGIN; UPDATE leads SET id = id").await.unwrap();
    // Only transactions older than a second hold anything up as far as the survey is concerned.
    let aged = "SELECT now() - max(xact_start) > interval '1.1 s' FROM pg_stat_activity WHERE backend_xmin IS NOT NULL \
                AND pid <> pg_backend_pid() AND datname = current_database()";
    crate::support::wait::until(&session, aged).await;
    let registry = registry_of(&["CREATE UNIQUE INDEX CONCURRENTLY leads_email ON leads (email)"]);
    let mut settings = RunSettings::default();
    settings.thresholds.old_transaction = Millis(1_000);

    let seen_by = async |user: &str| {
        let link = link_as(&database, Access::ReadWrite, user);
        checked(&registry, link, ServerPlace::Elsewhere, &settings).await
    };
    let owner = seen_by(&role).await;
    let verdict = |question| of(&owner, question).verdict;
    assert_eq!(verdict(Question::SessionSettings), Verdict::Warn);
    assert_eq!(verdict(Question::UniqueValues), Verdict::Stop);
    assert_eq!(verdict(Question::DiskHeadroom), Verdict::Unknown);
    assert_eq!(verdict(Question::Role), Verdict::Pass);
    assert_eq!(verdict(Question::Privileges), Verdict::Pass);
    // The age of others' transactions is hidden from this role: unknown, never young.
    assert_eq!(verdict(Question::Blockers), Verdict::Unknown, "{:?}", of(&owner, Question::Blockers));

    let superuser = seen_by("postgres").await;
    let blockers = of(&superuser, Question::Blockers);
    assert_eq!(blockers.verdict, Verdict::Warn, "{blockers:?}");
    assert!(blockers.found.contains("open write") && blockers.found.contains("snapshot"), "{blockers:?}");
}
