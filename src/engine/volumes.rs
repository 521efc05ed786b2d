//! Keeps an eye on the free space of the server's volumes while a run goes on. Only for the operator's eyes: the check
//! before a build reads for itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::sample::{Samples, Volume};
use crate::domain::survey::Visible;
use crate::ports::{HostProbe, Survey, SurveyPath};

/// Between two looks: a configured command may reach over the network.
const PACE: Duration = Duration::from_secs(30);

/// Reads the volumes again and again, until it is dropped with the engine.
pub(super) async fn watch_volumes(
    survey: Arc<dyn Survey>,
    host: Arc<dyn HostProbe>,
    samples: watch::Sender<Samples>,
) {
    let mut paths: Option<Vec<SurveyPath>> = None;
    loop {
        if paths.is_none() {
            paths = survey.paths().await.ok().map(|seen| match seen.value {
                Visible::Seen(paths) => paths,
                // A command or a person may know all the same.
                Visible::NotPermitted(_) => Vec::new(),
            });
        }
        if let Some(paths) = &paths {
            let volumes = read(host.as_ref(), paths).await;
            // It comes with the observer's next round: not worth waking the readers for.
            samples.send_if_modified(|newest| {
                newest.volumes = volumes;
                false
            });
        }
        tokio::time::sleep(PACE).await;
    }
}

/// What cannot be read now is not shown: an old figure would be taken for a new one.
async fn read(host: &dyn HostProbe, paths: &[SurveyPath]) -> Vec<Volume> {
    let Ok(Some(seen)) = host.disk(paths).await else { return Vec::new() };
    let at = seen.evidence.at;
    let mut volumes: Vec<Volume> = Vec::new();
    for space in seen.value {
        let volume = Volume { what: space.what, free: space.free, total: space.total, at };
        // Tablespaces of one volume are one figure.
        let same = |known: &&mut Volume| known.total == volume.total && known.free == volume.free;
        match volumes.iter_mut().find(same) {
            Some(known) => known.what = format!("{}, {}", known.what, volume.what),
            None => volumes.push(volume),
        }
    }
    volumes.sort_by_key(|volume| volume.free);
    volumes
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::domain::check::Evidence;
    use crate::domain::failure::Failure;
    use crate::domain::unit::{Bytes, Millis};
    use crate::ports::{BackupEvidence, DiskSpace, Observed};

    struct Volumes(Vec<(&'static str, u64, u64)>);

    #[async_trait]
    impl HostProbe for Volumes {
        async fn disk(&self, _: &[SurveyPath]) -> Result<Option<Observed<Vec<DiskSpace>>>, Failure> {
            let value = self.0.iter().map(|(what, free, total)| DiskSpace {
                what: (*what).to_owned(),
                free: Bytes(*free),
                total: Some(Bytes(*total)),
            });
            let at = "2026-11-20T03:00:00Z".parse().unwrap();
            let evidence = Evidence { source: "df".to_owned(), query: None, at, took: Millis(1) };
            Ok(Some(Observed { value: value.collect(), evidence }))
        }

        async fn backup(&self) -> Result<Option<Observed<BackupEvidence>>, Failure> {
            Ok(None)
        }
    }

    #[tokio::test]
    async fn the_scarcest_volume_comes_first_and_places_of_one_volume_are_one() {
        let host = Volumes(vec![("data", 50, 100), ("tablespace fast", 7, 30), ("pg_wal", 50, 100)]);
        let found = read(&host, &[]).await;
        let shown: Vec<_> = found.iter().map(|volume| (volume.what.as_str(), volume.free.0)).collect();
        assert_eq!(shown, [("tablespace fast", 7), ("data, pg_wal", 50)]);
    }
}
