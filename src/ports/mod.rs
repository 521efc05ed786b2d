//! Traits between the engine and the world. Nothing here does anything.
//!
//! Reading and writing are different traits, so that `plan`, `preflight`, `status` and a dry run are wired without
//! anything that can change a server: read-only is a type.

mod database;
mod machine;

pub use crate::domain::catalog::IndexReading;
pub use crate::domain::survey::{
    BackupEvidence, DiskSpace, Observed, SurveyArchiver, SurveyPath, SurveyReplication, SurveySetting,
    SurveySlot, SurveyStandby, Visible,
};
pub use database::{
    Backends, BuildRequest, BuildSession, Catalog, EntryRequest, ExplainRequest, Explainer, LockProbe,
    Monitor, MonitorRound, Survey, WatchRequest, Workshop,
};
pub use machine::{Clock, HostProbe, Ids, Journal, JournalError, RegistrySource};
