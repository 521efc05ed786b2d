//! PostgreSQL through tokio-postgres: connections, catalog, locks, progress, DDL.
//!
//! A [`Link`] says how to reach one target; each adapter of [`crate::ports`] is made from one. Reading and changing are
//! different types: what is only given [`PgCatalog`], [`PgSurvey`], [`PgMonitor`] and [`PgExplainer`] cannot change a server.
//!
//! Rules for every statement of ours: one statement each by the extended protocol; `search_path = pg_catalog, pg_temp`; no
//! lock that conflicts with a build or with the application, and none waited for longer than half a second by a reader;
//! advisory locks tried, never waited for; no transaction left open.

mod backend;
mod blocker;
pub mod catalog;
pub mod connect;
pub mod conninfo;
pub mod error;
mod explain;
mod holder;
mod link;
mod monitor;
mod raw_text;
pub mod secret;
pub mod session;
mod survey;
pub mod tls;
mod workshop;

pub use backend::PgBackends;
pub use catalog::PgCatalog;
pub use explain::PgExplainer;
pub use link::{Link, LinkOptions};
pub use monitor::PgMonitor;
pub use survey::PgSurvey;
pub use workshop::PgWorkshop;
