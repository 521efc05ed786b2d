//! PostgreSQL through tokio-postgres: connections, catalog, locks, progress, DDL.
