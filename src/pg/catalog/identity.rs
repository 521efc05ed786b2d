//! Which server and database a session is on.

use crate::domain::failure::Failure;
use crate::domain::id::Oid;
use crate::domain::target::{Power, Standing, Target, TargetIdentity, Transport};
use crate::pg::connect;
use crate::pg::conninfo::{self, Endpoint};
use crate::pg::error::PgError;
use crate::pg::link::Link;
use crate::pg::raw_text::RawText;
use crate::pg::session::Session;

/// Identity and what goes with it.
pub(in crate::pg) struct Whereabouts {
    pub(in crate::pg) identity: TargetIdentity,
    version: String,
    role: String,
    power: Power,
}

/// Reads the identity of the server behind a session.
pub(in crate::pg) async fn read(session: &Session) -> Result<Whereabouts, PgError> {
    let row = session.one("target", include_str!("../queries/target.sql"), &[]).await?;
    let timeline = row.get::<Option<String>>("timeline")?;
    let standing = if row.get("in_recovery")? { Standing::Standby } else { Standing::Primary };
    let power = if row.get("superuser")? { Power::Superuser } else { Power::Ordinary };
    Ok(Whereabouts {
        identity: TargetIdentity {
            system_identifier: row.get::<i64>("system_identifier")?.cast_unsigned(),
            database_oid: Oid(row.get("database_oid")?),
            database: row.get::<RawText>("database")?.0,
            timeline: timeline.and_then(|hex| u32::from_str_radix(&hex, 16).ok()),
            standing,
            version_num: row.get::<i32>("version_num")?.cast_unsigned(),
            started: row.get("started")?,
        },
        version: short(&row.get::<String>("version")?),
        role: row.get::<RawText>("role")?.0,
        power,
    })
}

/// The target as the operator recognises it.
pub(super) async fn target(session: &Session, link: &Link) -> Result<Target, Failure> {
    let seen = read(session).await?;
    let endpoint =
        link.connector().info().endpoints.iter().find(|one| connect::place(one) == session.place());
    Ok(Target {
        identity: seen.identity,
        address: session.place().to_owned(),
        environment: link.environment().clone(),
        version: seen.version,
        role: seen.role,
        power: seen.power,
        transport: endpoint.map_or(Transport::Plaintext, transport),
    })
}

fn transport(endpoint: &Endpoint) -> Transport {
    match endpoint.transport {
        conninfo::Transport::Socket => Transport::Socket,
        conninfo::Transport::Plain => Transport::Plaintext,
        conninfo::Transport::Tls(_) => Transport::Tls,
    }
}

/// `PostgreSQL 15.18` of `PostgreSQL 15.18 (Debian …) on …`. A fork's name stays visible.
fn short(version: &str) -> String {
    version.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}
