//! Where we are: identity, primary, version, role.

use crate::domain::target::{Environment, Power, Standing, Target, TargetIdentity};

use super::finding::Finding;
use super::{CheckResult, Evidence, Question, Verdict};

/// Whether `seen`, read on a fresh connection, is the target that `wanted` names.
pub fn identity(wanted: &TargetIdentity, seen: &Target, evidence: Evidence) -> CheckResult {
    let now = &seen.identity;
    let mut changes = wanted.changes(now);
    if wanted.database != now.database {
        changes.push(format!("database was {}, is {}", wanted.database, now.database));
    }
    let details = [
        format!("system identifier {}", now.system_identifier),
        format!("database {} (oid {})", now.database, now.database_oid),
        format!("timeline {}", now.timeline.map_or_else(|| "not known".to_owned(), |it| it.to_string())),
        format!("{} as {}, {}", seen.address, seen.role, seen.transport.word()),
    ];
    let finding = if changes.is_empty() {
        Finding::pass(short(now), "as in the plan")
    } else {
        Finding::new(Verdict::Stop, changes.join("; "), short(wanted))
            .advice("connect to the server that the plan was made for, or make a plan for this one")
    };
    finding.details(details).on(Question::Identity, evidence)
}

fn short(identity: &TargetIdentity) -> String {
    format!("{}, system id ..{:04}", identity.database, identity.system_identifier % 10_000)
}

/// Whether the server takes writes.
pub fn primary(seen: &TargetIdentity, evidence: Evidence) -> CheckResult {
    let finding = match seen.standing {
        Standing::Primary => Finding::pass("primary", "primary"),
        Standing::Standby => Finding::new(Verdict::Stop, "standby, in recovery", "primary")
            .advice("connect to the primary: indexes reach standbys by themselves"),
    };
    finding.on(Question::Primary, evidence)
}

/// Oldest and newest major version that builds were tested on.
const TESTED: std::ops::RangeInclusive<u32> = 12..=18;

/// Whether builds on this version can be trusted. `prepared` is `max_prepared_transactions`, when it could be read.
///
/// CREATE INDEX CONCURRENTLY of 14.0-14.3 may miss rows that are updated during the build (release notes of 14.4).
/// Before 12.6 and 13.2 it did not wait for prepared transactions; a second hole was closed later that year.
pub fn version(version_num: u32, prepared: Option<u32>, evidence: Evidence) -> CheckResult {
    let (major, minor) = (version_num / 10_000, version_num % 10_000);
    let finding = |verdict| Finding::new(verdict, format!("{major}.{minor}"), "12 to 18");
    let finding = if major < *TESTED.start() {
        finding(Verdict::Stop)
            .advice("upgrade the server: this version shows no progress and is not supported")
    } else if major > *TESTED.end() {
        finding(Verdict::Unknown)
            .advice("rehearse on this version first: it is newer than this program knows")
    } else if major == 14 && minor < 4 {
        finding(Verdict::Stop)
            .details(["indexes built concurrently on 14.0 to 14.3 may miss rows".to_owned()])
            .advice("upgrade to 14.4 or later, then rebuild every index that was built concurrently before")
    } else {
        prepared_hole(major, minor, prepared, finding)
    };
    finding.on(Question::Version, evidence)
}

fn prepared_hole(
    major: u32,
    minor: u32,
    prepared: Option<u32>,
    finding: impl Fn(Verdict) -> Finding,
) -> Finding {
    let (waits, waits_for_newest) = match major {
        12 => (6, 9),
        13 => (2, 5),
        14 => (0, 1),
        _ => (0, 0),
    };
    if prepared == Some(0) || minor >= waits_for_newest {
        return finding(Verdict::Pass);
    }
    let verdict = match prepared {
        None => Verdict::Unknown,
        Some(_) if minor < waits => Verdict::Stop,
        Some(_) => Verdict::Warn,
    };
    finding(verdict)
        .details(["this minor version may not wait for prepared transactions".to_owned()])
        .advice("upgrade to the newest minor version, or set max_prepared_transactions = 0")
}

/// Whether the role could do more harm than a build needs.
pub fn role(target: &Target, evidence: Evidence) -> CheckResult {
    let wanted = "an ordinary role";
    let finding = match (target.power, &target.environment) {
        (Power::Ordinary, _) => Finding::pass(target.role.clone(), wanted),
        (Power::Superuser, Environment::Rehearsal) => {
            Finding::pass(format!("{}, superuser of a throwaway server", target.role), wanted)
        }
        (
            Power::Superuser,
            Environment::Prod | Environment::Stage | Environment::Dev | Environment::Other(_),
        ) => Finding::new(Verdict::Warn, format!("{}, superuser", target.role), wanted).advice(
            "use a role that owns the tables, with pg_monitor and pg_signal_backend: no missing right stops a superuser",
        ),
    };
    finding.on(Question::Role, evidence)
}
