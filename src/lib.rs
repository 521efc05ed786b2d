//! Cicerone takes an on-call SRE through a PostgreSQL maintenance window.
//!
//! The crate is one library in layers; an arrow only ever points down, and `tests/it/architecture.rs`
//! fails with file and line when one does not.
//!
//! ```text
//! L4   cli           everything: the composition root, the only place that names argv, env, config, adapters
//! L3   ui            domain, text            the console
//!      report        domain, text            plain lines, JSON Lines, Markdown
//!      engine        domain, ports, sql, text  coordinator, workers, observer
//!      pg            domain, ports, sql      tokio-postgres
//!      store, host   domain, ports, text     journal and run folder; clock, ids, disk and backup probes
//!      relay         domain, text            the engine's socket, and a console's side of it
//!      rehearsal     domain, ports, sql, text  throwaway server, sample data, injected faults
//!      lint          audit, sql, text        what goes wrong with indexes in migrations: the rules
//!      guard         audit, domain, sql, text  what does not belong into a migration
//! L2   audit         domain, sql, text       what migrations and dumps say, read without a database
//!      ports         domain, sql             traits only
//! L1   domain        sql, text               pure: facts, fold, decisions
//! L0   sql  text     nothing of ours         pure leaves
//! ```

pub mod audit;
pub mod cli;
pub mod domain;
pub mod engine;
pub mod guard;
pub mod host;
pub mod lint;
pub mod pg;
pub mod ports;
pub mod rehearsal;
pub mod relay;
pub mod report;
pub mod sql;
pub mod store;
pub mod text;
pub mod ui;
