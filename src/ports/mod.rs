//! Traits between the engine and the world. Nothing here does anything.
//!
//! Reading and writing are different traits, so that `plan`, `preflight`, `status` and a dry run are wired without
//! anything that can change a server: read-only is a type.

mod database;
mod machine;

pub use database::{
    Backends, BuildRequest, BuildSession, Catalog, EntryRequest, Explainer, IndexReading, LockProbe, Monitor,
    MonitorRound, Observed, Survey, SurveyArchiver, SurveyPath, SurveyReplication, SurveySetting, SurveySlot,
    SurveyStandby, Visible, WatchRequest, Workshop,
};
pub use machine::{BackupEvidence, Clock, DiskSpace, HostProbe, Ids, Journal, JournalError, RegistrySource};
