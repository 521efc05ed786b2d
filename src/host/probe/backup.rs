//! The newest good backup, as pgBackRest, Barman, WAL-G or a probe of the operator's own tells it.
//!
//! Read leniently: members are looked for, never demanded, and what makes no sense is passed over. What is *not* lenient is the
//! meaning: a backup counts only when it has an end and no error.

use jiff::Timestamp;
use serde_json::Value;

use super::json_time::timestamp;

/// What a probe says of the newest backup that it calls good. All text is untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewestBackup {
    /// When it ended: what came later is not in it.
    pub taken_at: Timestamp,
    /// `system_identifier` of the server that it was taken from; absent when the tool does not tell.
    pub system_id: Option<u64>,
    /// Whole, or on top of another one.
    pub kind: BackupKind,
    /// Label of the backup, where it has one.
    pub label: Option<String>,
    /// Whether a newer backup than this one ended with an error.
    pub newer_failed: NewerFailed,
    /// Which tool's output it was.
    pub source: BackupSource,
}

/// Whether a backup stands on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupKind {
    /// On its own.
    Full,
    /// On top of the last full one.
    Differential,
    /// On top of the last one.
    Incremental,
    /// The tool does not tell, or uses a word of its own.
    Other(String),
}

impl BackupKind {
    /// The word for people; the tool's own where it has one. Untrusted.
    pub fn word(&self) -> &str {
        match self {
            Self::Full => "full",
            Self::Differential => "diff",
            Self::Incremental => "incr",
            Self::Other(word) => word,
        }
    }
}

/// Whether anything went wrong after the newest good backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewerFailed {
    /// A newer one failed.
    Yes,
    /// None is known to have failed.
    No,
}

/// Whose output was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupSource {
    /// `pgbackrest info --output=json`.
    PgBackRest,
    /// `barman -f json list-backup SERVER`.
    Barman,
    /// `wal-g backup-list --detail --json`.
    WalG,
    /// `{"taken_at": …, "system_id": …, "kind": …}`.
    Neutral,
}

impl BackupSource {
    /// The name on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::PgBackRest => "pgBackRest",
            Self::Barman => "Barman",
            Self::WalG => "WAL-G",
            Self::Neutral => "probe",
        }
    }
}

/// A probe's output names no good backup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoBackup {
    /// Not JSON.
    #[error("the backup probe printed no JSON (line {line}, column {column})")]
    NotJson {
        /// Where reading stopped.
        line: usize,
        /// Likewise.
        column: usize,
    },
    /// JSON of no known tool.
    #[error(
        "the backup probe's JSON is neither pgBackRest's, Barman's nor WAL-G's, nor {{\"taken_at\": \"2026-11-20T02:10:44Z\", …}}"
    )]
    UnknownShape,
    /// The tool itself says that something is wrong, e.g. a stanza that does not exist. Untrusted.
    #[error("{} says: {message}", tool.word())]
    Refused {
        /// Which tool.
        tool: BackupSource,
        /// Its words.
        message: String,
    },
    /// A list without a good one in it.
    #[error("{} lists {listed} backups, none of them ended without an error", tool.word())]
    NoneGood {
        /// Which tool.
        tool: BackupSource,
        /// How many it lists.
        listed: usize,
    },
}

/// One backup of a list.
struct Listed {
    ended: Option<Timestamp>,
    failed: bool,
    system_id: Option<u64>,
    kind: BackupKind,
    label: Option<String>,
}

/// Reads a probe's output. The command's exit status says nothing: `pgbackrest info` ends with 0 for a stanza that does
/// not exist (2.45).
pub fn parse(output: &str) -> Result<NewestBackup, NoBackup> {
    let value: Value = serde_json::from_str(output)
        .map_err(|error| NoBackup::NotJson { line: error.line(), column: error.column() })?;
    match &value {
        Value::Object(map) if map.contains_key("taken_at") => {
            newest(BackupSource::Neutral, vec![neutral(&value)])
        }
        Value::Object(map) if map.contains_key("_ERROR") => {
            let message = map["_ERROR"].as_array().map_or_else(
                || map["_ERROR"].to_string(),
                |lines| lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
            );
            Err(NoBackup::Refused { tool: BackupSource::Barman, message })
        }
        Value::Object(map) if !map.is_empty() && map.values().all(Value::is_array) => {
            let listed = map.values().filter_map(Value::as_array).flatten().map(barman).collect();
            newest(BackupSource::Barman, listed)
        }
        Value::Array(list) if list.iter().any(|item| item.get("taken_at").is_some()) => {
            newest(BackupSource::Neutral, list.iter().map(neutral).collect())
        }
        Value::Array(list) if list.iter().any(|item| item.get("backup_name").is_some()) => {
            newest(BackupSource::WalG, list.iter().map(wal_g).collect())
        }
        Value::Array(list)
            if list.iter().any(|item| item.get("status").is_some() && item.get("name").is_some()) =>
        {
            pgbackrest(list)
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => Err(NoBackup::UnknownShape),
    }
}

fn newest(source: BackupSource, listed: Vec<Listed>) -> Result<NewestBackup, NoBackup> {
    let count = listed.len();
    let last_failure = listed.iter().filter(|backup| backup.failed).filter_map(|backup| backup.ended).max();
    let good =
        listed.into_iter().filter(|backup| !backup.failed).filter_map(|backup| Some((backup.ended?, backup)));
    let (taken_at, backup) =
        good.max_by_key(|(ended, _)| *ended).ok_or(NoBackup::NoneGood { tool: source, listed: count })?;
    Ok(NewestBackup {
        taken_at,
        system_id: backup.system_id,
        kind: backup.kind,
        label: backup.label,
        newer_failed: if last_failure > Some(taken_at) { NewerFailed::Yes } else { NewerFailed::No },
        source,
    })
}

fn neutral(item: &Value) -> Listed {
    Listed {
        ended: item.get("taken_at").and_then(timestamp),
        failed: item.get("error").is_some_and(is_error),
        system_id: item.get("system_id").or_else(|| item.get("system_identifier")).and_then(system_id),
        kind: kind(item.get("kind")),
        label: text(item.get("label")),
    }
}

/// An array of stanzas with one array of backups each, oldest first; `status.code` 0 is fine.
fn pgbackrest(stanzas: &[Value]) -> Result<NewestBackup, NoBackup> {
    let mut listed = Vec::new();
    let mut complaint = None;
    for stanza in stanzas {
        let backups = stanza.get("backup").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        listed.extend(backups.iter().map(|backup| pgbackrest_backup(stanza, backup)));
        let code = stanza.pointer("/status/code").and_then(Value::as_i64).unwrap_or_default();
        if code != 0 {
            let message = text(stanza.pointer("/status/message"));
            complaint = Some(message.unwrap_or_else(|| format!("status {code}")));
        }
    }
    match (newest(BackupSource::PgBackRest, listed), complaint) {
        (Err(_), Some(message)) => Err(NoBackup::Refused { tool: BackupSource::PgBackRest, message }),
        (result, _) => result,
    }
}

fn pgbackrest_backup(stanza: &Value, backup: &Value) -> Listed {
    // A stanza that was upgraded has several databases: a backup names the one that it is of.
    let database = backup.pointer("/database/id").and_then(Value::as_i64);
    let databases = stanza.get("db").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let of = databases.iter().find(|db| db.get("id").and_then(Value::as_i64) == database);
    Listed {
        ended: backup.pointer("/timestamp/stop").and_then(timestamp),
        failed: backup.get("error").is_some_and(is_error),
        system_id: of.or(databases.last()).and_then(|db| db.get("system-id")).and_then(system_id),
        kind: kind(backup.get("type")),
        label: text(backup.get("label")),
    }
}

fn barman(backup: &Value) -> Listed {
    let ended = backup.get("end_time_timestamp").or_else(|| backup.get("end_time"));
    let status = backup.get("status").and_then(Value::as_str);
    Listed {
        ended: ended.and_then(timestamp),
        failed: status != Some("DONE"),
        system_id: backup.get("systemid").and_then(system_id),
        kind: kind(backup.get("backup_type")),
        label: text(backup.get("backup_id")),
    }
}

/// WAL-G lists only backups whose end it has stored.
fn wal_g(backup: &Value) -> Listed {
    let ended = ["finish_time", "time", "modified", "modification_time", "creation_time"];
    let label = text(backup.get("backup_name"));
    // `base_…_D_…` names a delta.
    let delta = label.as_deref().is_some_and(|name| name.contains("_D_"));
    Listed {
        ended: ended.iter().find_map(|name| backup.get(*name).and_then(timestamp)),
        failed: false,
        system_id: backup.get("system_identifier").and_then(system_id),
        kind: if delta { BackupKind::Incremental } else { BackupKind::Full },
        label,
    }
}

/// `false`, null, an empty text and an empty list say "no error"; anything else is one.
fn is_error(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(failed) => *failed,
        Value::String(message) => !message.is_empty(),
        Value::Array(messages) => !messages.is_empty(),
        Value::Number(code) => code.as_f64() != Some(0.0),
        Value::Object(_) => true,
    }
}

/// Numbers above 2^53 lose digits in many programs, so some tools print them as text.
fn system_id(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn kind(value: Option<&Value>) -> BackupKind {
    match value.and_then(Value::as_str).unwrap_or_default() {
        "full" => BackupKind::Full,
        "diff" | "differential" => BackupKind::Differential,
        "incr" | "incremental" => BackupKind::Incremental,
        other => BackupKind::Other(other.to_owned()),
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn stanza(status: i64, message: &str, backups: &Value) -> Value {
        json!([{
            "name": "main", "status": {"code": status, "message": message}, "cipher": "none",
            "db": [{"id": 1, "system-id": 7_340_000_000_000_000_001_u64, "version": "14"},
                   {"id": 2, "system-id": 7_340_000_000_000_000_002_u64, "version": "15"}],
            "backup": backups,
        }])
    }

    fn backup(label: &str, kind: &str, stop: i64, error: bool) -> Value {
        json!({"label": label, "type": kind, "error": error, "database": {"id": 2, "repo-key": 1},
               "timestamp": {"start": stop - 60, "stop": stop}})
    }

    #[test]
    fn pgbackrest_newest_backup_without_error_counts() {
        let epoch = at("2026-11-20T02:10:44Z").as_second();
        let backups = json!([
            backup("f", "full", epoch - 86_400, false),
            backup("i", "incr", epoch, false),
            backup("d", "diff", epoch + 600, true),
        ]);
        let found = parse(&stanza(0, "ok", &backups).to_string()).unwrap();
        assert_eq!(found.taken_at, at("2026-11-20T02:10:44Z"));
        assert_eq!((found.kind, found.label.as_deref()), (BackupKind::Incremental, Some("i")));
        assert_eq!(found.system_id, Some(7_340_000_000_000_000_002));
        assert_eq!((found.newer_failed, found.source), (NewerFailed::Yes, BackupSource::PgBackRest));
    }

    #[test]
    fn pgbackrest_missing_stanza_is_no_backup_though_it_exits_with_zero() {
        let output =
            json!([{"name": "main", "status": {"code": 1, "message": "missing stanza path"}, "backup": []}]);
        assert_eq!(
            parse(&output.to_string()),
            Err(NoBackup::Refused { tool: BackupSource::PgBackRest, message: "missing stanza path".into() })
        );
        let broken = json!([backup("f", "full", 1_700_000_000, true)]);
        assert_eq!(
            parse(&stanza(0, "ok", &broken).to_string()),
            Err(NoBackup::NoneGood { tool: BackupSource::PgBackRest, listed: 1 })
        );
    }

    #[test]
    fn barman_counts_only_what_is_done() {
        let output = json!({"main": [
            {"backup_id": "20261120T021044", "status": "DONE", "end_time_timestamp": "1795227044", "size_bytes": 5},
            {"backup_id": "20261120T041044", "status": "FAILED", "end_time_timestamp": "1795234244"},
            {"backup_id": "20261120T051044", "status": "STARTED"},
        ]});
        let found = parse(&output.to_string()).unwrap();
        assert_eq!(
            (found.taken_at.as_second(), found.label.as_deref()),
            (1_795_227_044, Some("20261120T021044"))
        );
        assert_eq!((found.newer_failed, found.source), (NewerFailed::Yes, BackupSource::Barman));
        let refused = parse(r#"{"_ERROR": ["Unknown server 'x'"]}"#).unwrap_err();
        assert_eq!(refused.to_string(), "Barman says: Unknown server 'x'");
    }

    #[test]
    fn wal_g_is_read_with_old_and_new_names_of_its_times() {
        let output = json!([
            {"backup_name": "base_000000010000000000000002", "time": "2026-11-19T02:00:00Z", "wal_file_name": "x"},
            {"backup_name": "base_000000010000000000000009_D_000000010000000000000002",
             "finish_time": "2026-11-20T02:10:44.5Z", "system_identifier": 7_340_000_000_000_000_001_u64},
        ]);
        let found = parse(&output.to_string()).unwrap();
        assert_eq!(found.taken_at, at("2026-11-20T02:10:44.5Z"));
        assert_eq!((found.kind, found.system_id), (BackupKind::Incremental, Some(7_340_000_000_000_000_001)));
    }

    #[test]
    fn the_neutral_form_takes_one_object_or_a_list() {
        let one =
            r#"{"taken_at": "2026-11-20T02:10:44Z", "system_id": "7340000000000000001", "kind": "snapshot"}"#;
        let found = parse(one).unwrap();
        assert_eq!(found.kind, BackupKind::Other("snapshot".into()));
        assert_eq!((found.system_id, found.source), (Some(7_340_000_000_000_000_001), BackupSource::Neutral));
        let list = r#"[{"taken_at": 1795227044, "error": "disk"}, {"taken_at": 1795220000, "error": ""}]"#;
        let found = parse(list).unwrap();
        assert_eq!((found.taken_at.as_second(), found.newer_failed), (1_795_220_000, NewerFailed::Yes));
        assert!(matches!(parse(r#"{"taken_at": null}"#), Err(NoBackup::NoneGood { .. })));
    }

    #[test]
    fn anything_else_is_no_backup() {
        for output in ["", "ok", "{}", "[]", "null", "7", r#"{"a": 1}"#, r#"[{"a": 1}]"#, "[[]]"] {
            assert!(
                matches!(parse(output), Err(NoBackup::NotJson { .. } | NoBackup::UnknownShape)),
                "{output}"
            );
        }
    }
}
