//! Everything that the engine is wired to.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::domain::event::Event;
use crate::domain::sample::Samples;
use crate::ports::{Backends, Catalog, Clock, Explainer, HostProbe, Ids, RegistrySource, Survey, Workshop};

/// The outside, as traits.
#[derive(Clone)]
pub struct World {
    /// Reads of the catalogs.
    pub catalog: Arc<dyn Catalog>,
    /// Reads for the pre-flight.
    pub survey: Arc<dyn Survey>,
    /// The planner.
    pub explainer: Arc<dyn Explainer>,
    /// Disk and backup.
    pub host: Arc<dyn HostProbe>,
    /// The registry's files, read anew for every plan.
    pub registry: Arc<dyn RegistrySource>,
    /// What can change a server. Absent in a dry run: then nothing in this process can.
    pub hands: Option<Hands>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Names and randomness.
    pub ids: Arc<dyn Ids>,
}

/// What can change a server.
#[derive(Clone)]
pub struct Hands {
    /// Sessions that build and drop.
    pub workshop: Arc<dyn Workshop>,
    /// Signals to backends.
    pub backends: Arc<dyn Backends>,
}

/// Where events and samples go. The engine never waits for a reader.
pub struct Outlets {
    /// Durable events in order, as often as they come: a few hundred in a run.
    pub events: Vec<mpsc::UnboundedSender<Event>>,
    /// The newest samples; older ones are lost on purpose.
    pub samples: watch::Sender<Samples>,
}
