//! The server of these tests, which writes down every statement, and what its log and catalogs tell.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use cicerone::rehearsal::cluster::Cluster;
use cicerone::rehearsal::connect::connect;
use cicerone::rehearsal::sample::{SampleSize, load_sample};
use tokio::sync::OnceCell;
use tokio_postgres::Client;

use crate::support::cluster::own_cluster;

/// The machine's own server.
pub(crate) const MAJOR: u32 = 15;

/// The registry of the sample.
pub(crate) const REGISTRY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/registry.toml");

/// Every statement with its session and database, and how it ended.
pub(crate) const LOGGING: [(&str, &str); 6] = [
    ("log_statement", "all"),
    ("log_min_duration_statement", "0"),
    ("log_disconnections", "on"),
    ("log_line_prefix", "\x1e%m [%p] %d "),
    ("log_error_verbosity", "terse"),
    ("max_connections", "100"),
];

/// A database of one test.
pub(crate) struct Database {
    pub(crate) cluster: &'static Cluster,
    pub(crate) name: String,
}

async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(|| own_cluster(MAJOR, &LOGGING)).await
}

/// The sample with 2 % of its rows.
pub(crate) async fn sample() -> Database {
    static LOADED: OnceCell<()> = OnceCell::const_new();
    let cluster = cluster().await;
    let load = || async {
        let admin = connect(&cluster.conninfo("postgres"), "test").await.expect("a session");
        admin.batch_execute("CREATE DATABASE sample_template TEMPLATE template0").await.expect("a database");
        let conninfo = cluster.conninfo("sample_template");
        load_sample(&conninfo, SampleSize::of_scale(0.02), |_, _| {}).await.expect("sample data");
    };
    LOADED.get_or_init(load).await;
    copy(cluster, "sample_template").await
}

/// Two tables of a few thousand rows, for the four entries of `small.toml`.
pub(crate) async fn small() -> Database {
    static LOADED: OnceCell<()> = OnceCell::const_new();
    let cluster = cluster().await;
    let load = || async {
        let admin = connect(&cluster.conninfo("postgres"), "test").await.expect("a session");
        admin.batch_execute("CREATE DATABASE small_template TEMPLATE template0").await.expect("a database");
        let session = connect(&cluster.conninfo("small_template"), "test").await.expect("a session");
        session.batch_execute(include_str!("small.sql")).await.expect("two tables");
    };
    LOADED.get_or_init(load).await;
    copy(cluster, "small_template").await
}

async fn copy(cluster: &'static Cluster, template: &str) -> Database {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let name = format!("e2e_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let admin = connect(&cluster.conninfo("postgres"), "test").await.expect("a session");
    let sql = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy");
    admin.batch_execute(&sql).await.expect("a database for the test");
    Database { cluster, name }
}

impl Database {
    /// Drops it and makes another one of the same name from the small tables.
    pub(crate) async fn again(&self) {
        let admin = connect(&self.cluster.conninfo("postgres"), "test").await.expect("a session");
        let name = &self.name;
        admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("dropped");
        let sql = format!("CREATE DATABASE {name} TEMPLATE small_template STRATEGY file_copy");
        admin.batch_execute(&sql).await.expect("made again");
    }

    pub(crate) fn conninfo(&self) -> String {
        self.cluster.conninfo(&self.name)
    }

    /// A session that is not Cicerone's.
    pub(crate) async fn connect(&self) -> Client {
        connect(&self.conninfo(), "witness").await.expect("a session")
    }

    /// Names of all indexes outside of the system's schemas, with `!` before those that are not valid, ready and live.
    pub(crate) async fn indexes(&self) -> Vec<String> {
        let sql = "SELECT CASE WHEN indisvalid AND indisready AND indislive THEN '' ELSE '!' END || indexrelid::regclass::text \
             FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid \
             WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' ORDER BY 1";
        let rows = self.connect().await.query(sql, &[]).await.expect("the indexes");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Every relation outside of the system's schemas: OID, file, kind and name.
    pub(crate) async fn relations(&self) -> Vec<String> {
        let sql = "SELECT format('%s %s %s %s', oid, relfilenode, relkind, relname) FROM pg_class \
             WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' ORDER BY oid";
        let rows = self.connect().await.query(sql, &[]).await.expect("the relations");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// What the server's log has of this database.
    pub(crate) fn log(&self) -> Log {
        Log::read(&self.cluster.log_path(), &self.name)
    }
}

/// One entry of the log.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) pid: u32,
    pub(crate) text: String,
}

impl Entry {
    /// `2026-11-20 03:21:10.123 UTC [4711] e2e_3 LOG:  statement: SELECT 1`
    fn read(entry: &str, database: &str) -> Option<Self> {
        let (_, rest) = entry.split_once(" [")?;
        let (pid, rest) = rest.split_once("] ")?;
        let text = rest.strip_prefix(database)?.strip_prefix(' ')?;
        Some(Self { pid: pid.parse().ok()?, text: text.trim_end().to_owned() })
    }
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Succeeded,
    Failed,
    /// Neither: it still runs, or its backend was killed.
    Open,
}

/// A statement from its first entry to its last, as positions in the log.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) pid: u32,
    pub(crate) sql: String,
    pub(crate) begun: usize,
    pub(crate) ended: usize,
    pub(crate) fate: Fate,
}

/// The log of one database, in the order in which things happened.
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
}

impl Log {
    /// What a server with [`LOGGING`] has written down of a database.
    pub(crate) fn read(path: &Path, database: &str) -> Self {
        let text = fs_err::read(path).expect("the server's log");
        let text = String::from_utf8_lossy(&text).into_owned();
        Self { entries: text.split('\x1e').filter_map(|entry| Entry::read(entry, database)).collect() }
    }

    /// Statements whose text, without a leading comment, begins with one of `heads`.
    pub(crate) fn statements(&self, heads: &[&str]) -> Vec<Statement> {
        let mut all: Vec<Statement> = Vec::new();
        let mut open: BTreeMap<u32, usize> = BTreeMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if let Some(sql) = begun(&entry.text) {
                let bare = sql.find("*/").map_or(sql, |end| sql[end + 2..].trim_start());
                open.remove(&entry.pid);
                if heads.iter().any(|head| bare.starts_with(head)) {
                    open.insert(entry.pid, all.len());
                    let sql = sql.to_owned();
                    all.push(Statement {
                        pid: entry.pid,
                        sql,
                        begun: at,
                        ended: usize::MAX,
                        fate: Fate::Open,
                    });
                }
            } else if let Some(&index) = open.get(&entry.pid) {
                // The duration of what was logged at its begin stands alone; those of parse and bind tell their text.
                let fate = if entry.text.starts_with("LOG:  duration:") && entry.text.ends_with(" ms") {
                    Fate::Succeeded
                } else if entry.text.starts_with("ERROR:") || entry.text.starts_with("FATAL:") {
                    Fate::Failed
                } else {
                    continue;
                };
                all[index].ended = at;
                all[index].fate = fate;
                open.remove(&entry.pid);
            }
        }
        all
    }

    /// Statements that change what exists. Clones in `pg_temp` are not among them: they never outlive their transaction.
    pub(crate) fn changes(&self) -> Vec<Statement> {
        let heads = [
            "CREATE", "DROP", "ALTER", "REINDEX", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "GRANT",
            "COMMENT", "VACUUM", "ANALYZE", "CLUSTER", "REFRESH", "LOCK", "DO ", "CALL",
        ];
        let mut found = self.statements(&heads);
        found.retain(|it| !it.sql.contains("pg_temp.") && !it.sql.starts_with("LOCK"));
        found
    }

    /// Statements that cancel or end somebody.
    pub(crate) fn signals(&self) -> Vec<String> {
        let signal = |sql: &str| sql.contains("pg_terminate_backend") || sql.contains("pg_cancel_backend");
        self.all().filter(|(_, sql)| signal(sql)).map(|(_, sql)| sql.to_owned()).collect()
    }

    /// Everything of some sessions, for the message of a test that fails.
    pub(crate) fn of(&self, pids: &[u32]) -> String {
        let theirs = self.entries.iter().filter(|it| pids.contains(&it.pid));
        theirs.map(|it| format!("[{}] {}", it.pid, it.text)).collect::<Vec<_>>().join("\n")
    }

    /// Every statement that was begun.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, &str)> {
        self.entries.iter().filter_map(|entry| Some((entry.pid, begun(&entry.text)?)))
    }
}

fn begun(text: &str) -> Option<&str> {
    let text = text.strip_prefix("LOG:  ")?;
    text.strip_prefix("statement: ")
        .or_else(|| text.strip_prefix("execute ")?.split_once(": ").map(|it| it.1))
}
