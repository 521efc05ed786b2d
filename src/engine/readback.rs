//! Reading the truth after a statement, also when the server has to come back first.

use std::time::Duration;

use crate::domain::catalog::IndexReading;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::{Oid, QualifiedName};
use crate::domain::unit::Millis;

use super::world::World;

/// How long a server may be away before "nothing is known" is all that can be said. Crash recovery took 4.8 s in
/// measurements; a busy server with a long log to replay takes minutes.
const PATIENCE: Millis = Millis(120_000);

/// Which index to read.
pub(super) enum Which<'a> {
    /// By name.
    Named(&'a QualifiedName),
    /// By OID.
    WithOid(Oid),
}

/// One reading on a fresh connection. Tries again while the server cannot be reached, up to [`PATIENCE`].
pub(super) async fn read_back(world: &World, which: &Which<'_>) -> Result<IndexReading, Failure> {
    let since = world.clock.now();
    let mut pause = Duration::from_millis(200);
    loop {
        let reading = match which {
            Which::Named(name) => world.catalog.index_named(name).await,
            Which::WithOid(oid) => world.catalog.index_with_oid(*oid).await,
        };
        match reading {
            Err(failure)
                if is_passing(failure.class) && Millis::between(since, world.clock.now()) < PATIENCE =>
            {
                tracing::warn!(class = ?failure.class, "catalog not readable yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            other => return other,
        }
    }
}

/// Whether the server may answer if asked again later.
pub(super) fn is_passing(class: FailureClass) -> bool {
    matches!(
        class,
        FailureClass::ConnectionLost
            | FailureClass::ServerRestart
            | FailureClass::TooManyConnections
            | FailureClass::Terminated
            | FailureClass::OutOfMemory
    )
}
