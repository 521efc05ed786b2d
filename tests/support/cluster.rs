//! Real servers for tests: one for each major and test process, one database for each test.
//!
//! A server that cannot be had fails the test that asked for it. It goes when the test process ends.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use cicerone::rehearsal::cluster::{Cluster, ClusterSpec};
use cicerone::rehearsal::connect::connect;
use cicerone::rehearsal::discover::{Binaries, Wanted, discover};
use cicerone::rehearsal::fetch::{Consent, fetch};
use cicerone::rehearsal::guard::Listen;
use cicerone::rehearsal::sample::{SampleSize, load_sample};
use cicerone::rehearsal::surroundings::Surroundings;
use cicerone::rehearsal::user::server_user;
use tokio::sync::OnceCell;
use tokio_postgres::Client;

/// A database of its own for one test.
pub(crate) struct Database {
    /// The server that it is on, shared with other tests of this process.
    pub(crate) cluster: &'static Cluster,
    /// Its name.
    pub(crate) name: String,
}

impl Database {
    /// Connection string as the superuser, in libpq's keyword form.
    pub(crate) fn conninfo(&self) -> String {
        self.cluster.conninfo(&self.name)
    }

    /// A session as the superuser.
    pub(crate) async fn connect(&self) -> Client {
        connect(&self.conninfo(), "test").await.expect("a session to the test's own database")
    }
}

/// An empty database on a server of `major`.
pub(crate) async fn database(major: u32) -> Database {
    from_template(major, "template0").await
}

/// The sample database with 2 % of its rows (41,000), copied from one that is loaded once in each process.
pub(crate) async fn sample_database(major: u32) -> Database {
    static LOADED: [OnceCell<()>; 7] = [const { OnceCell::const_new() }; 7];
    let load = || async {
        let cluster = cluster(major).await;
        let admin = connect(&cluster.conninfo("postgres"), "test").await.expect("a session");
        admin.batch_execute("CREATE DATABASE sample_template TEMPLATE template0").await.expect("a database");
        let conninfo = cluster.conninfo("sample_template");
        load_sample(&conninfo, SampleSize::of_scale(0.02), |_, _| {}).await.expect("sample data");
    };
    LOADED[slot(major)].get_or_init(load).await;
    from_template(major, "sample_template").await
}

async fn from_template(major: u32, template: &str) -> Database {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let cluster = cluster(major).await;
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let admin = connect(&cluster.conninfo("postgres"), "test").await.expect("a session");
    // 15 and later copy through WAL unless told otherwise, which is slower.
    let strategy = if major >= 15 { " STRATEGY file_copy" } else { "" };
    let sql = format!("CREATE DATABASE {name} TEMPLATE {template}{strategy}");
    admin.batch_execute(&sql).await.expect("a database for the test");
    Database { cluster, name }
}

/// A log that tells databases apart and says when each statement ended, so that it can stand witness.
pub(crate) const LOGGED: &[(&str, &str)] =
    &[("log_line_prefix", "%m [%p] db=%d %a "), ("log_duration", "on")];

/// The shared server of `major`. Tests that hurt the whole server start their own with [`own_cluster`].
pub(crate) async fn cluster(major: u32) -> &'static Cluster {
    static CLUSTERS: [OnceCell<Cluster>; 7] = [const { OnceCell::const_new() }; 7];
    CLUSTERS[slot(major)].get_or_init(|| own_cluster(major, LOGGED)).await
}

/// A server for one test alone, with its own settings.
pub(crate) async fn own_cluster(major: u32, settings: &[(&str, &str)]) -> Cluster {
    let spec = spec(major, settings);
    Cluster::start(spec).await.unwrap_or_else(|error| panic!("no PostgreSQL {major} server: {error}"))
}

/// What [`own_cluster`] starts.
pub(crate) fn spec(major: u32, settings: &[(&str, &str)]) -> ClusterSpec {
    let surroundings = surroundings();
    ClusterSpec {
        binaries: binaries(major, &surroundings),
        templates: Some(std::env::temp_dir().join(format!("cicerone-templates-{}", surroundings.euid))),
        parent_dir: scratch(),
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        listen: Listen::SocketOnly,
        guard_exe: PathBuf::from(env!("CARGO_BIN_EXE_cicerone")),
        run_as: server_user(&surroundings).expect("an account that can run a server"),
    }
}

/// Memory instead of a disk where there is plenty of it: a start makes a thousand files, 0.1 s against up to 1 s.
pub(crate) fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let free = rustix::fs::statvfs(&memory).map(|figures| figures.f_bavail * figures.f_frsize);
    let plenty = free.is_ok_and(|bytes| bytes > 4 << 30);
    if plenty { memory } else { std::env::temp_dir() }
}

/// The environment of the test process.
pub(crate) fn surroundings() -> Surroundings {
    #[expect(clippy::disallowed_methods, reason = "the composition root of the tests")]
    Surroundings::read(|name| std::env::var_os(name))
}

/// Binaries of `major`: those of this machine, else the pinned download.
pub(crate) fn binaries(major: u32, surroundings: &Surroundings) -> Binaries {
    let wanted = Wanted { major: Some(major), ..Wanted::default() };
    discover(surroundings, &wanted).unwrap_or_else(|_| {
        fetch(surroundings, Some(major), Consent::Given)
            .unwrap_or_else(|error| panic!("no PostgreSQL {major} server: {error}"))
    })
}

fn slot(major: u32) -> usize {
    usize::try_from(major - 12).expect("a supported major")
}
