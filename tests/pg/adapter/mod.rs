//! The PostgreSQL adapter against real servers.

mod build_session;
mod connection;
mod definition;
mod encryption;
mod facts;
pub(crate) mod holders;
mod majors;
mod readings;

use std::collections::BTreeMap;
use std::sync::Arc;

use cicerone::domain::id::{EntryKey, QualifiedName};
use cicerone::domain::target::Environment;
use cicerone::host::SystemClock;
use cicerone::pg::connect::{Access, Connector, Spawner, Translation, on_runtime};
use cicerone::pg::conninfo::{self, ConnInfo, OnDisk, Origin, Plaintext};
use cicerone::pg::{Link, LinkOptions};
use cicerone::ports::EntryRequest;
use cicerone::sql::parse_create_index;

use crate::support::cluster::Database;

/// The machine's own server.
pub(crate) const MAJOR: u32 = 15;

/// An environment with nothing in it but what the test says.
pub(crate) fn environment(vars: &[(&str, &str)]) -> conninfo::Environment {
    conninfo::Environment {
        vars: vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        home: None,
        os_user: None,
        uid: rustix::process::geteuid().as_raw(),
        files: Box::new(OnDisk),
    }
}

pub(crate) fn resolve(dsn: &str) -> ConnInfo {
    let request =
        conninfo::Request { dsn: Some(dsn), origin: Origin::Private, plaintext: Plaintext::OnLoopback };
    conninfo::resolve(&request, &environment(&[])).map_err(|error| error.to_string()).unwrap()
}

pub(crate) fn spawner() -> Spawner {
    on_runtime(tokio::runtime::Handle::current())
}

pub(crate) fn connector(dsn: &str) -> Connector {
    Connector::new(resolve(dsn), Translation::Refused, spawner()).unwrap()
}

pub(crate) fn link(database: &Database, readers: Access) -> Link {
    link_as(database, readers, "postgres")
}

pub(crate) fn link_as(database: &Database, readers: Access, user: &str) -> Link {
    link_of(&format!("{} user={user}", database.conninfo()), readers)
}

pub(crate) fn link_to(dsn: &str) -> Link {
    link_of(dsn, Access::ReadOnly)
}

fn link_of(dsn: &str, readers: Access) -> Link {
    let options = LinkOptions {
        label: "cicerone/test".to_owned(),
        environment: Environment::Rehearsal,
        readers,
        build_role: None,
    };
    Link::new(connector(dsn), Arc::new(SystemClock::start()), options)
}

/// An entry as the registry would have it.
pub(crate) fn entry(sql: &str) -> EntryRequest {
    let shape = parse_create_index(sql).unwrap_or_else(|problem| panic!("{sql}: {problem:?}"));
    let index = shape.name.clone().unwrap();
    let schema = shape.table.schema.clone().unwrap_or_else(|| "public".to_owned());
    let table = QualifiedName::new(schema.clone(), shape.table.name.clone());
    EntryRequest { key: EntryKey(format!("{schema}.{index}")), table, index, shape }
}

/// What `facts` expects of one entry.
pub(crate) fn only<T: Clone>(map: &BTreeMap<EntryKey, T>) -> T {
    assert_eq!(map.len(), 1);
    map.values().next().cloned().unwrap()
}
