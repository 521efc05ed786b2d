//! Journal, run folder, file lock: what a run leaves on this machine.
//!
//! [`journal`] is the durable record that is written before anything is done to a server; its format is described
//! in `docs/journal.md`. [`run_folder`] is the private folder in which the journal, the report, the log and the
//! exact bytes of registry and playbook lie.

pub mod file;
pub mod journal;
pub mod private_dir;
pub mod run_folder;
pub mod run_journal;
pub mod target_slug;
