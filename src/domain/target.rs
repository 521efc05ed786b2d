//! Which server and database a run is about, and how to tell that it is still the same one.

use serde::{Deserialize, Serialize};

use super::id::{Oid, Person, PlanId};
use super::unit::Millis;

/// What makes a database on a server that one and no other.
///
/// The system identifier survives a failover and is shared by clones, so it is never enough alone. The timeline
/// is read from `pg_walfile_name(pg_current_wal_lsn())`: `pg_control_checkpoint()` still names the old one after
/// a promotion (PostgreSQL 15).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetIdentity {
    /// `pg_control_system().system_identifier`.
    pub system_identifier: u64,
    /// `pg_database.oid` of the database.
    pub database_oid: Oid,
    /// Name of the database.
    pub database: String,
    /// Write-ahead-log timeline; absent on a standby, which cannot name its current one.
    pub timeline: Option<u32>,
    /// Whether the server takes writes.
    pub standing: Standing,
    /// `server_version_num`, e.g. 150018.
    pub version_num: u32,
    /// `pg_postmaster_start_time()`.
    pub started: jiff::Timestamp,
}

impl TargetIdentity {
    /// PostgreSQL's major version, e.g. 15.
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }

    /// What is no longer the same in `now`, for a person; empty when nothing sent to `self` could land elsewhere.
    /// A restart of the same server is not a change of target.
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        if self.system_identifier != now.system_identifier {
            changes.push(format!(
                "system identifier was {}, is {}",
                self.system_identifier, now.system_identifier
            ));
        }
        if self.database_oid != now.database_oid {
            changes.push(format!("database OID was {}, is {}", self.database_oid, now.database_oid));
        }
        if self.timeline != now.timeline {
            let text = |t: Option<u32>| t.map_or_else(|| "unknown".to_owned(), |t| t.to_string());
            changes.push(format!("timeline was {}, is {}", text(self.timeline), text(now.timeline)));
        }
        if self.standing != now.standing {
            changes.push(format!("was a {}, is a {}", self.standing.word(), now.standing.word()));
        }
        if self.major() != now.major() {
            changes.push(format!("version was {}, is {}", self.version_num, now.version_num));
        }
        changes
    }
}

/// Whether a server takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Takes writes.
    Primary,
    /// `pg_is_in_recovery()`.
    Standby,
}

impl Standing {
    /// The word on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Standby => "standby",
        }
    }
}

/// How much a mistake on this target costs. The word is on every screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Real users.
    Prod,
    /// A copy for trying out.
    Stage,
    /// A developer's own.
    Dev,
    /// A throwaway server that the console started itself.
    Rehearsal,
    /// Any other word from the configuration.
    Other(String),
}

impl Environment {
    /// The word on screens, upper case.
    pub fn word(&self) -> String {
        match self {
            Self::Prod => "PROD".to_owned(),
            Self::Stage => "STAGE".to_owned(),
            Self::Dev => "DEV".to_owned(),
            Self::Rehearsal => "REHEARSAL".to_owned(),
            Self::Other(word) => word.to_uppercase(),
        }
    }
}

impl std::str::FromStr for Environment {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "prod" | "production" => Self::Prod,
            "stage" | "staging" => Self::Stage,
            "dev" | "development" => Self::Dev,
            "rehearsal" => Self::Rehearsal,
            _ => Self::Other(text.to_owned()),
        })
    }
}

/// How the bytes travel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "over", rename_all = "snake_case")]
pub enum Transport {
    /// A Unix socket on this machine.
    Socket,
    /// TLS with the server's certificate verified.
    Tls,
    /// Plain TCP: only ever to a loopback address, on request.
    Plaintext,
}

impl Transport {
    /// The word on screens.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Tls => "TLS",
            Self::Plaintext => "PLAINTEXT",
        }
    }
}

/// A target as it was met: identity plus what the operator needs to recognise it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What it is.
    pub identity: TargetIdentity,
    /// `host:port` or the socket's folder, without credentials.
    pub address: String,
    /// The environment word.
    pub environment: Environment,
    /// `version()`, first words only, e.g. `PostgreSQL 15.18`.
    pub version: String,
    /// Role that the session acts as.
    pub role: String,
    /// Whether that role is a superuser.
    pub power: Power,
    /// How the bytes travel.
    pub transport: Transport,
}

/// How much the role may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// `rolsuper`.
    Superuser,
    /// Any other role.
    Ordinary,
}

/// Who runs this process, from the system's own records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Name for the journal: login name, or the one that sudo or SSH recorded.
    pub person: Person,
    /// Numeric user id of the process.
    pub uid: u32,
    /// Host name of the machine that the process runs on.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// `SSH_CONNECTION`'s client address, when there is one.
    pub ssh_from: Option<String>,
}

/// What a run may do to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Builds and drops.
    Live,
    /// The same against a throwaway server.
    Rehearsal,
    /// Reads only, on sessions that the server keeps read-only.
    DryRun,
}

/// What happens when one of our wait budgets is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPolicy {
    /// Say so and go on waiting.
    #[default]
    KeepWaiting,
    /// Say so and ask; until somebody answers, go on waiting.
    Ask,
    /// Cancel the build, drop what it left, and retry later within the retry budget.
    CancelAndClean,
}

/// What an interrupted process does with the builds that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum AbortPolicy {
    /// Start nothing more, let what runs finish, then end.
    #[default]
    FinishRunning,
    /// Cancel what runs, read what is left, then end.
    CancelRunning,
}

/// Figures that steer a run. Part of the plan's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Builds at once, at least 1.
    pub jobs: u32,
    /// Attempts per index, the first one included.
    pub attempts: u32,
    /// Tries of the lock probe before an attempt is given up.
    pub lock_tries: u32,
    /// `lock_timeout` of one probe. Must stay above `deadlock_timeout` (1 s by default), or an autovacuum worker
    /// on the table is never told to go (55P03 instead; measured on 13 and 18).
    pub lock_probe: Millis,
    /// Budget of the wait for the table's first lock.
    pub first_lock_budget: Millis,
    /// Budget of each wait for writers.
    pub writers_budget: Millis,
    /// Budget of the final wait for old snapshots.
    pub snapshots_budget: Millis,
    /// What happens at expiry.
    pub on_budget: BudgetPolicy,
    /// What SIGTERM and an abort do with running builds.
    pub on_abort: AbortPolicy,
    /// `maintenance_work_mem` of the build session in kilobytes; absent: the server's own.
    pub maintenance_work_mem_kb: Option<u64>,
    /// `max_parallel_maintenance_workers` of the build session; absent: the server's own, 0 when jobs > 1.
    pub parallel_workers: Option<u32>,
    /// Memory that all builds together may ask for; absent: not limited.
    pub memory_budget_kb: Option<u64>,
    /// Role to `SET ROLE` to on the build session.
    pub build_role: Option<String>,
    /// Whether an index of another name with the same definition is built all the same.
    pub duplicates: DuplicatePolicy,
    /// Whether leftovers found in the plan are dropped and rebuilt.
    pub leftovers: LeftoverPolicy,
    /// Gate thresholds.
    pub thresholds: Thresholds,
    /// The only plan that may be carried out; absent: whatever the plan is. No part of a plan's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_plan: Option<PlanId>,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            jobs: 1,
            attempts: 3,
            lock_tries: 10,
            lock_probe: Millis(2_000),
            first_lock_budget: Millis(5 * 60_000),
            writers_budget: Millis(30 * 60_000),
            snapshots_budget: Millis(60 * 60_000),
            on_budget: BudgetPolicy::default(),
            on_abort: AbortPolicy::default(),
            maintenance_work_mem_kb: None,
            parallel_workers: None,
            memory_budget_kb: None,
            build_role: None,
            duplicates: DuplicatePolicy::default(),
            leftovers: LeftoverPolicy::default(),
            thresholds: Thresholds::default(),
            only_plan: None,
        }
    }
}

/// What to do with an entry that another index already serves under another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum DuplicatePolicy {
    /// Leave it out and say so.
    #[default]
    Skip,
    /// Build it: the operator said so.
    Build,
}

/// What to do with a leftover that this run did not make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum LeftoverPolicy {
    /// Leave it and say so.
    #[default]
    Keep,
    /// Drop it concurrently and build anew: the operator said so.
    Repair,
}

/// Limits of the pre-flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    /// A newer backup than this is wanted.
    pub backup_max_age: Millis,
    /// Replay lag above this stops.
    pub replication_lag: Millis,
    /// A transaction older than this that would hold up a build is a warning.
    pub old_transaction: Millis,
    /// Free space beyond the need, in percent of the need.
    pub disk_margin_percent: u32,
    /// How long one check may take before its verdict is *unknown*.
    pub check_deadline: Millis,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            backup_max_age: Millis(24 * 3_600_000),
            replication_lag: Millis(10_000),
            old_transaction: Millis(5 * 60_000),
            disk_margin_percent: 20,
            check_deadline: Millis(10_000),
        }
    }
}
