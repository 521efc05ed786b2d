//! The port through which pre-flight asks for disk space and backups.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::disk;
use super::probe;
use super::probe::backup::NewerFailed;
use super::probe::command::{self, ProbeOutput, ProbeSpec};
use super::probe::disk::ProbedSpace;
use crate::domain::check::Evidence;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::Person;
use crate::domain::unit::{Bytes, Millis};
use crate::ports::{BackupEvidence, Clock, DiskSpace, HostProbe, Observed, SurveyPath};

/// Where the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerPlace {
    /// On this machine: its paths are ours. A loopback address alone does not prove that (tunnels, containers).
    Here,
    /// Anywhere else, or not known.
    Elsewhere,
}

/// Free space as an operator typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorFigure {
    /// Free for the server, on each volume.
    pub free: Bytes,
    /// Who says so.
    pub by: Person,
    /// Since when it is so.
    pub at: jiff::Timestamp,
}

/// What this machine can tell of a server's disks and backups.
///
/// Disk space comes from the configured command; without one from statvfs when the server is here; at last from the
/// operator's figure.
pub struct HostProbes {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where the server runs.
    pub place: ServerPlace,
    /// Command that prints free space.
    pub disk_command: Option<ProbeSpec>,
    /// What the operator says.
    pub disk_figure: Option<OperatorFigure>,
    /// Command that prints backups.
    pub backup_command: Option<ProbeSpec>,
}

#[async_trait]
impl HostProbe for HostProbes {
    async fn disk(&self, paths: &[SurveyPath]) -> Result<Option<Observed<Vec<DiskSpace>>>, Failure> {
        if let Some(spec) = &self.disk_command {
            let (output, evidence) = self.ask(spec).await?;
            let found = probe::disk::parse(&output.stdout).map_err(|error| complaint(&error, &output))?;
            return Ok(Some(Observed { value: assigned(&found, paths), evidence }));
        }
        let local = match self.place {
            ServerPlace::Here => self.local(paths),
            ServerPlace::Elsewhere => None,
        };
        match (local, &self.disk_figure) {
            (Some(Ok(found)), _) => Ok(Some(found)),
            (_, Some(figure)) => Ok(Some(figure.observed(paths))),
            (Some(Err(failure)), None) => Err(failure),
            (None, None) => Ok(None),
        }
    }

    async fn backup(&self) -> Result<Option<Observed<BackupEvidence>>, Failure> {
        let Some(spec) = &self.backup_command else { return Ok(None) };
        let (output, evidence) = self.ask(spec).await?;
        let newest = probe::backup::parse(&output.stdout).map_err(|error| complaint(&error, &output))?;
        let complaint = match newest.newer_failed {
            NewerFailed::Yes => Some("a newer backup ended with an error".to_owned()),
            NewerFailed::No if !output.status.success() => {
                Some(format!("the command ended with {}", output.status))
            }
            NewerFailed::No => None,
        };
        let value = BackupEvidence {
            taken_at: newest.taken_at,
            kind: newest.kind.word().to_owned(),
            system_identifier: newest.system_id,
            complaint,
        };
        Ok(Some(Observed { value, evidence }))
    }
}

impl HostProbes {
    async fn ask(&self, spec: &ProbeSpec) -> Result<(ProbeOutput, Evidence), Failure> {
        let at = self.clock.now();
        let output = command::run(spec).await.map_err(|error| failure(error.to_string()))?;
        let evidence = Evidence {
            source: "configured command".to_owned(),
            query: Some(spec.argv.join(" ")),
            at,
            took: Millis::between(at, self.clock.now()),
        };
        Ok((output, evidence))
    }

    /// `None` when no path is known: nothing to ask about.
    fn local(&self, paths: &[SurveyPath]) -> Option<Result<Observed<Vec<DiskSpace>>, Failure>> {
        let at = self.clock.now();
        let mut found = Vec::new();
        let mut unread = Vec::new();
        for path in paths {
            match disk::space(&path.what, Path::new(&path.path)) {
                Ok(space) => found.push(space),
                Err(error) => unread.push(format!("{} {}: {error}", path.what, path.path)),
            }
        }
        if found.is_empty() {
            return (!unread.is_empty())
                .then(|| Err(failure(format!("no space could be read ({})", unread.join("; ")))));
        }
        let source = if unread.is_empty() {
            "statvfs".to_owned()
        } else {
            format!("statvfs (not readable: {})", unread.join("; "))
        };
        let took = Millis::between(at, self.clock.now());
        Some(Ok(Observed { value: found, evidence: Evidence { source, query: None, at, took } }))
    }
}

impl OperatorFigure {
    fn observed(&self, paths: &[SurveyPath]) -> Observed<Vec<DiskSpace>> {
        let here = |what: &str| DiskSpace { what: what.to_owned(), free: self.free, total: None };
        let value = match paths {
            [] => vec![here("data")],
            paths => paths.iter().map(|path| here(&path.what)).collect(),
        };
        let source = format!("figure given by {}", self.by.as_str());
        Observed { value, evidence: Evidence { source, query: None, at: self.at, took: Millis(0) } }
    }
}

/// Gives each wanted path the probed volume that it lies on: the same name, else the longest mount point above it.
/// When nothing fits, or no path is known, everything that was probed is passed on under its own name.
fn assigned(found: &[ProbedSpace], wanted: &[SurveyPath]) -> Vec<DiskSpace> {
    let space = |what: &str, probed: &ProbedSpace| DiskSpace {
        what: what.to_owned(),
        free: probed.free,
        total: probed.total,
    };
    let above = |path: &SurveyPath| {
        let named = found.iter().find(|probed| probed.path == Path::new(&path.what));
        let on = found.iter().filter(|probed| Path::new(&path.path).starts_with(&probed.path));
        named.or_else(|| on.max_by_key(|probed| probed.path.components().count()))
    };
    let matched: Vec<_> = wanted.iter().filter_map(|path| Some(space(&path.what, above(path)?))).collect();
    if matched.is_empty() {
        return found.iter().map(|probed| space(&probed.path.to_string_lossy(), probed)).collect();
    }
    matched
}

/// Why output is no answer, with the first words of what the command said about it.
fn complaint(error: &dyn std::error::Error, output: &ProbeOutput) -> Failure {
    let said = output.stderr.lines().find(|line| !line.trim().is_empty());
    let said = said.map(|line| format!("; it says: {}", line.trim())).unwrap_or_default();
    let status =
        if output.status.success() { String::new() } else { format!("; it ended with {}", output.status) };
    failure(format!("{error}{status}{said}"))
}

fn failure(message: String) -> Failure {
    Failure { class: FailureClass::Other, sqlstate: None, message }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::host::clock::SystemClock;

    fn probes() -> HostProbes {
        HostProbes {
            clock: Arc::new(SystemClock::start()),
            place: ServerPlace::Elsewhere,
            disk_command: None,
            disk_figure: None,
            backup_command: None,
        }
    }

    fn prints(text: &str, then: &str) -> ProbeSpec {
        ProbeSpec {
            argv: ["/bin/sh", "-c", &format!("printf '%s' \"$1\"; {then}"), "probe", text]
                .map(str::to_owned)
                .into(),
            environment: command::clean_environment([("PATH".into(), "/usr/bin:/bin".into())]),
            deadline: Duration::from_secs(20),
            output_limit: command::OUTPUT_LIMIT,
        }
    }

    fn path(what: &str, path: &str) -> SurveyPath {
        SurveyPath { what: what.to_owned(), path: path.to_owned() }
    }

    fn space(what: &str, free: u64) -> DiskSpace {
        DiskSpace { what: what.to_owned(), free: Bytes(free), total: None }
    }

    #[tokio::test]
    async fn nothing_configured_and_a_server_elsewhere_is_not_known() {
        assert_eq!(probes().disk(&[path("data", "/")]).await, Ok(None));
        assert_eq!(probes().backup().await, Ok(None));
    }

    #[tokio::test]
    async fn a_server_here_is_read_with_statvfs_and_unreadable_places_are_named() {
        let probes = HostProbes { place: ServerPlace::Here, ..probes() };
        let found = probes.disk(&[path("data", "/"), path("wal", "/nonexistent")]).await.unwrap().unwrap();
        assert_eq!(found.value.iter().map(|space| space.what.as_str()).collect::<Vec<_>>(), ["data"]);
        assert!(found.evidence.source.contains("wal /nonexistent"), "{}", found.evidence.source);
        let failure = probes.disk(&[path("wal", "/nonexistent")]).await.unwrap_err();
        assert!(failure.message.contains("/nonexistent"));
        assert_eq!(probes.disk(&[]).await, Ok(None));
    }

    #[tokio::test]
    async fn a_command_goes_before_statvfs_and_gives_each_path_its_volume() {
        let probes = HostProbes {
            place: ServerPlace::Here,
            disk_command: Some(prints(r#"{"/": 1, "/pg": 2, "/pg/data/pg_wal": 3, "fast": 4}"#, "true")),
            ..probes()
        };
        let wanted = [
            path("data", "/pg/data"),
            path("wal", "/pg/data/pg_wal"),
            path("fast", "/ssd"),
            path("x", "/pgx"),
        ];
        let found = probes.disk(&wanted).await.unwrap().unwrap();
        assert_eq!(found.value, [space("data", 2), space("wal", 3), space("fast", 4), space("x", 1)]);
        assert!(found.evidence.query.unwrap().starts_with("/bin/sh -c"));
        let unnamed = probes.disk(&[]).await.unwrap().unwrap();
        assert_eq!(unnamed.value.len(), 4);
    }

    #[tokio::test]
    async fn the_operators_figure_is_the_last_resort() {
        let at = "2026-11-20T05:00:00Z".parse().unwrap();
        let figure = OperatorFigure { free: Bytes(7), by: "ana".into(), at };
        let probes = HostProbes { place: ServerPlace::Here, disk_figure: Some(figure), ..probes() };
        let found = probes.disk(&[path("wal", "/nonexistent")]).await.unwrap().unwrap();
        assert_eq!((found.value, found.evidence.at), (vec![space("wal", 7)], at));
        let measured = probes.disk(&[path("data", "/")]).await.unwrap().unwrap();
        assert_eq!(measured.evidence.source, "statvfs");
    }

    #[tokio::test]
    async fn a_command_that_fails_says_so_in_its_own_words() {
        let probes = HostProbes {
            disk_command: Some(prints("", "echo 'ssh: no route to host' >&2; exit 255")),
            backup_command: Some(prints("[]", "exit 1")),
            ..probes()
        };
        let failure = probes.disk(&[]).await.unwrap_err().message;
        assert!(failure.contains("no route to host") && failure.contains("255"), "{failure}");
        assert!(probes.backup().await.is_err());
    }

    #[tokio::test]
    async fn the_newest_backup_comes_with_what_a_person_must_see() {
        let json = r#"{"taken_at": "2026-11-20T02:10:44Z", "system_id": 7, "kind": "full"}"#;
        let good = HostProbes { backup_command: Some(prints(json, "true")), ..probes() };
        let found = good.backup().await.unwrap().unwrap().value;
        let expected = BackupEvidence {
            taken_at: "2026-11-20T02:10:44Z".parse().unwrap(),
            kind: "full".into(),
            system_identifier: Some(7),
            complaint: None,
        };
        assert_eq!(found, expected);
        let odd = HostProbes { backup_command: Some(prints(json, "exit 3")), ..probes() };
        assert!(odd.backup().await.unwrap().unwrap().value.complaint.unwrap().contains('3'));
    }
}
