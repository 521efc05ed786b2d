//! Whether there is something to go back to.

use crate::domain::survey::{BackupEvidence, Observed, SurveyArchiver, Visible};
use crate::domain::target::{Environment, Target, Thresholds};
use crate::domain::unit::Millis;
use crate::text;

use super::finding::Finding;
use super::{CheckResult, Evidence, Question, Verdict};

/// More files than this, 16 MiB each, mean that the archive does not keep up.
const BACKLOG: u64 = 100;

/// Judges the newest backup that somebody vouches for. `backup` is absent when nothing was configured to ask.
pub fn backup(
    backup: Option<&Observed<BackupEvidence>>,
    target: &Target,
    thresholds: &Thresholds,
    now: jiff::Timestamp,
    otherwise: Evidence,
) -> CheckResult {
    let evidence = backup.map_or(otherwise, |it| it.evidence.clone());
    let limit = thresholds.backup_max_age;
    let wanted = format!("newer than {}", text::span(limit.0));
    let finding = match (backup, &target.environment) {
        (Some(seen), _) => judge(&seen.value, target, limit, now, wanted),
        (None, Environment::Rehearsal) => {
            Finding::new(Verdict::Warn, "none; throwaway server, nothing to lose", wanted)
                .advice("nothing to do here; on a real target configure a backup command")
        }
        (None, Environment::Prod | Environment::Stage | Environment::Dev | Environment::Other(_)) => {
            Finding::new(Verdict::Unknown, "nothing configured to ask", wanted)
                .advice("configure a backup command, or say with a reason that there is a backup: SQL cannot prove one")
        }
    };
    finding.on(Question::Backup, evidence)
}

fn judge(
    backup: &BackupEvidence,
    target: &Target,
    limit: Millis,
    now: jiff::Timestamp,
    wanted: String,
) -> Finding {
    let ours = target.identity.system_identifier;
    let age = Millis::between(backup.taken_at, now);
    let found = format!("{} {}", backup.kind, backup.taken_at.strftime("%Y-%m-%dT%H:%M:%SZ"));
    let mut details = vec![format!("{} old", text::span(age.0))];
    details.extend(backup.complaint.clone());
    let finding = match backup.system_identifier {
        Some(theirs) if theirs != ours => Finding::new(
            Verdict::Stop,
            format!("of another server: system id {theirs}"),
            format!("of system id {ours}"),
        )
        .advice("point the backup command at this server's backups"),
        _ if age > limit => Finding::new(Verdict::Stop, found, wanted).advice("take a backup first"),
        _ if Millis::between(now, backup.taken_at) > Millis(60_000) => {
            Finding::new(Verdict::Unknown, format!("{found}, in the future"), wanted)
                .advice("set the clocks right: an age cannot be told")
        }
        _ if backup.complaint.is_some() => {
            Finding::new(Verdict::Warn, found, wanted).advice("see what the backup tool complains about")
        }
        Some(_) => Finding::pass(found, wanted),
        None => {
            details.push("the tool does not say of which server it is".to_owned());
            Finding::pass(found, wanted)
        }
    };
    finding.details(details)
}

/// Judges the log archive: builds write much log, which stays on the server until it is archived.
pub fn wal_archive(seen: &Observed<SurveyArchiver>) -> CheckResult {
    let it = &seen.value;
    let wanted = "archived without failing";
    let when = |at: Option<jiff::Timestamp>| {
        at.map_or_else(|| "never".to_owned(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    };
    let details = [
        format!("last archived {}", when(it.last_archived)),
        format!("last failed {}", when(it.last_failed)),
    ];
    let failing = it.last_failed.is_some_and(|failed| it.last_archived.is_none_or(|ok| failed > ok));
    let finding = match (&it.waiting, it.mode.as_str()) {
        (_, "off") => Finding::pass("archive_mode is off", wanted),
        _ if failing => {
            Finding::new(Verdict::Stop, format!("failing since {}", when(it.last_archived)), wanted)
                .advice("repair archive_command first: every build adds log that cannot be removed")
        }
        (Visible::Seen(files), _) if *files > BACKLOG => {
            Finding::new(Verdict::Warn, format!("more than {BACKLOG} files wait"), wanted)
                .details([format!("{files} files wait")])
                .advice("let the archive catch up, or build less at once")
        }
        (Visible::Seen(files), _) => {
            Finding::pass("keeps up", wanted).details([format!("{files} files wait")])
        }
        (Visible::NotPermitted(right), _) => {
            Finding::new(Verdict::Warn, "last try went well, backlog not visible", wanted)
                .advice(format!("grant {right} to see how many files wait"))
        }
    };
    finding.details(details).on(Question::WalArchive, seen.evidence.clone())
}
