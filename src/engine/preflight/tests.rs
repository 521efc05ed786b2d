use std::sync::Arc;

use async_trait::async_trait;

use super::*;
use crate::domain::blocker::Blocker;
use crate::domain::catalog::IndexReading;
use crate::domain::check::Verdict;
use crate::domain::event::PlanReading;
use crate::domain::id::{Digest, QualifiedName};
use crate::domain::plan::fixture::{edit, facts, failure, leads_status, noon, plan_of, request, target};
use crate::domain::plan::make;
use crate::domain::registry::Registry;
use crate::domain::survey::{BackupEvidence, SurveyArchiver, SurveyPath, SurveyReplication, SurveySetting};
use crate::domain::unit::Bytes;
use crate::ports::{Catalog, Clock, ExplainRequest, Explainer, HostProbe, Ids, RegistrySource, Survey};

/// How one reading of the fake world behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Answers,
    Fails,
    Hangs,
}

/// A world in which all is well but the readings that a test names.
#[derive(Clone)]
struct Fake {
    bad: Vec<(&'static str, Mood)>,
}

impl Fake {
    async fn read<T>(&self, what: &str, value: T) -> Result<T, Failure> {
        let mood = self.bad.iter().find(|it| it.0 == what).map_or(Mood::Answers, |it| it.1);
        match mood {
            Mood::Answers => Ok(value),
            Mood::Fails => {
                Err(failure(crate::domain::failure::FailureClass::Privilege, "42501", "permission denied"))
            }
            Mood::Hangs => std::future::pending().await,
        }
    }

    async fn observe<T>(&self, what: &str, value: T) -> Result<Observed<T>, Failure> {
        let evidence = Evidence { source: what.to_owned(), query: None, at: noon(), took: Millis(1) };
        self.read(what, Observed { value, evidence }).await
    }

    fn world(self) -> World {
        let all = Arc::new(self);
        World {
            catalog: all.clone(),
            survey: all.clone(),
            explainer: all.clone(),
            host: all.clone(),
            registry: all.clone(),
            hands: None,
            clock: all.clone(),
            ids: all,
        }
    }
}

#[async_trait]
impl Catalog for Fake {
    async fn target(&self) -> Result<Target, Failure> {
        self.read("target", target()).await
    }

    async fn facts(&self, _entries: &[EntryRequest]) -> Result<CatalogFacts, Failure> {
        self.read("facts", facts()).await
    }

    async fn index_named(&self, _name: &QualifiedName) -> Result<IndexReading, Failure> {
        Err(Failure::refused("not asked for"))
    }

    async fn indexes_named(&self, _names: &[QualifiedName]) -> Result<Vec<IndexReading>, Failure> {
        Err(Failure::refused("not asked for"))
    }

    async fn index_with_oid(&self, _oid: Oid) -> Result<IndexReading, Failure> {
        Err(Failure::refused("not asked for"))
    }
}

#[async_trait]
impl Survey for Fake {
    async fn settings(&self) -> Result<Observed<Vec<SurveySetting>>, Failure> {
        let setting = |name: &str, setting: &str| SurveySetting {
            name: name.to_owned(),
            setting: setting.to_owned(),
            unit: None,
            source: "default".to_owned(),
        };
        let all = vec![
            setting("maintenance_work_mem", "65536"),
            setting("max_parallel_maintenance_workers", "2"),
            setting("max_parallel_workers", "8"),
        ];
        self.observe("settings", all).await
    }

    async fn archiver(&self) -> Result<Observed<SurveyArchiver>, Failure> {
        let archiver = SurveyArchiver {
            mode: "off".to_owned(),
            last_archived: None,
            last_failed: None,
            waiting: Visible::Seen(0),
        };
        self.observe("archiver", archiver).await
    }

    async fn replication(&self) -> Result<Observed<SurveyReplication>, Failure> {
        let replication = SurveyReplication {
            standbys: Visible::Seen(Vec::new()),
            slots: Vec::new(),
            synchronous_names: String::new(),
        };
        self.observe("replication", replication).await
    }

    async fn paths(&self) -> Result<Observed<Visible<Vec<SurveyPath>>>, Failure> {
        self.observe("paths", Visible::NotPermitted("pg_monitor".to_owned())).await
    }

    async fn future_blockers(&self, _tables: &[Oid]) -> Result<Observed<Vec<Blocker>>, Failure> {
        self.observe("blockers", Vec::new()).await
    }

    async fn duplicates(&self, _entry: &EntryRequest) -> Result<Observed<Option<bool>>, Failure> {
        self.observe("duplicates", Some(false)).await
    }
}

#[async_trait]
impl HostProbe for Fake {
    async fn disk(&self, _paths: &[SurveyPath]) -> Result<Option<Observed<Vec<DiskSpace>>>, Failure> {
        let space = DiskSpace { what: "data".to_owned(), free: Bytes(1 << 40), total: None };
        self.observe("disk", vec![space]).await.map(Some)
    }

    async fn backup(&self) -> Result<Option<Observed<BackupEvidence>>, Failure> {
        let backup = BackupEvidence {
            taken_at: noon(),
            kind: "full".to_owned(),
            system_identifier: None,
            complaint: None,
        };
        self.observe("backup", backup).await.map(Some)
    }
}

#[async_trait]
impl Explainer for Fake {
    async fn explain(&self, _: &[ExplainRequest]) -> Vec<Result<Vec<PlanReading>, Failure>> {
        Vec::new()
    }
}

impl RegistrySource for Fake {
    fn read(&self) -> Result<Registry, Failure> {
        Err(Failure::refused("not asked for"))
    }
}

impl Clock for Fake {
    fn now(&self) -> jiff::Timestamp {
        noon()
    }
}

impl Ids for Fake {
    fn run(&self) -> RunId {
        RunId::from("r1")
    }

    fn below(&self, _below: u64) -> u64 {
        0
    }
}

async fn checked(bad: &[(&'static str, Mood)]) -> Vec<CheckResult> {
    let entries = [leads_status(), request("CREATE UNIQUE INDEX CONCURRENTLY u ON leads (email)")];
    let plan = plan_of(&entries, &facts());
    let settings = edit(RunSettings::default(), |it| it.thresholds.check_deadline = Millis(30));
    let world = Fake { bad: bad.to_vec() }.world();
    let target = target();
    let asked = Asked { plan: &plan, target: &target, settings: &settings, entries: &entries, run: None };
    run_checks(&world, asked).await
}

#[tokio::test]
async fn every_question_is_answered_once_and_in_order() {
    let results = checked(&[]).await;
    let ids: Vec<_> = results.iter().map(|it| it.id.clone()).collect();
    assert_eq!(ids, Question::ALL.map(Question::id));
    for result in results {
        assert_eq!(result.verdict, Verdict::Pass, "{result:?}");
    }
}

#[tokio::test]
async fn a_reading_that_hangs_or_fails_makes_only_its_own_questions_unknown() {
    let readings: [(&str, &[Question]); 9] = [
        ("target", &[Question::Identity, Question::Primary, Question::Role]),
        ("settings", &[Question::Version, Question::SessionSettings, Question::WorkersMemory]),
        ("facts", &[Question::Building, Question::Connections]),
        ("blockers", &[Question::Blockers]),
        ("duplicates", &[Question::UniqueValues]),
        ("disk", &[Question::DiskHeadroom]),
        ("backup", &[Question::Backup]),
        ("archiver", &[Question::WalArchive]),
        ("replication", &[Question::Replication]),
    ];
    for (reading, questions) in readings {
        for mood in [Mood::Hangs, Mood::Fails] {
            let results = checked(&[(reading, mood)]).await;
            let unknown: Vec<_> =
                results.iter().filter(|it| it.verdict == Verdict::Unknown).map(|it| it.id.clone()).collect();
            let wanted: Vec<_> = questions.iter().map(|it| it.id()).collect();
            assert_eq!(unknown, wanted, "{reading}");
            assert_eq!(results.len(), Question::ALL.len());
            let said = if mood == Mood::Hangs { "no answer in" } else { "permission denied" };
            let first = results.iter().find(|it| it.id == wanted[0]).unwrap();
            let told = first.found.contains(said) || first.details.iter().any(|it| it.contains(said));
            assert!(told, "{first:?}");
        }
    }
}

#[tokio::test]
async fn a_plan_for_another_target_stops() {
    let entries = [leads_status()];
    let elsewhere = edit(target().identity, |it| it.system_identifier += 1);
    let plan = make(&entries, Digest::of(b""), &elsewhere, &facts(), &RunSettings::default(), None);
    let (target, settings) = (target(), RunSettings::default());
    let asked = Asked { plan: &plan, target: &target, settings: &settings, entries: &entries, run: None };
    let results = run_checks(&Fake { bad: Vec::new() }.world(), asked).await;
    assert_eq!(results[0].verdict, Verdict::Stop, "{:?}", results[0]);
}
