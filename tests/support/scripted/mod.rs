//! A server that exists in memory only and does what a script says, behind the engine's ports.
//!
//! It keeps what PostgreSQL keeps: indexes with their flags, sessions with their locks, builds that go through their
//! phases whether or not their client lives, and drops. Time is tokio's, so that a test can stand it still. It also
//! notes what must never happen: see [`server::Server::violations`].

mod journal;
mod model;
mod server;
mod sessions;
mod views;

pub(crate) use journal::{Mishap, Notebook};
pub(crate) use model::{Ambush, Fault, Hold, HoldStage, Index, Lost, Model, Table};
pub(crate) use server::Server;

use std::sync::Arc;

use cicerone::engine::{Hands, World};
use cicerone::ports::{Clock, Ids};

/// A world whose every part is the scripted server. Without hands it is the world of a dry run.
pub(crate) fn world(server: &Arc<Server>, hands: bool) -> World {
    World {
        catalog: server.clone(),
        survey: server.clone(),
        explainer: server.clone(),
        host: server.clone(),
        registry: server.clone(),
        hands: hands
            .then(|| Hands { workshop: Arc::new(sessions::Door(server.clone())), backends: server.clone() }),
        clock: server.clone(),
        ids: server.clone(),
    }
}

/// The observer's connection.
pub(crate) fn monitor(server: &Arc<Server>) -> Box<dyn cicerone::ports::Monitor> {
    Box::new(views::Observer(server.clone()))
}

impl Clock for Server {
    fn now(&self) -> jiff::Timestamp {
        self.time()
    }
}

impl Ids for Server {
    fn run(&self) -> cicerone::domain::id::RunId {
        "r1".into()
    }

    fn below(&self, below: u64) -> u64 {
        below / 2
    }
}
