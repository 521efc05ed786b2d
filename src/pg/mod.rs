//! PostgreSQL through tokio-postgres: connections, catalog, locks, progress, DDL.

pub mod connect;
pub mod conninfo;
pub mod error;
pub mod secret;
pub mod session;
pub mod tls;
