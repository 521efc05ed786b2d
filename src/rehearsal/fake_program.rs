//! Programs that tests write and run.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The right to write programs and run them. A program that is open for writing while another thread forks cannot be
/// run (ETXTBSY), so that one test at a time has it.
pub(crate) struct Turn(#[expect(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

impl Turn {
    pub(crate) fn take() -> Self {
        Self(ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes an executable shell script, and the folders above it.
    #[expect(clippy::unused_self, reason = "shows that it is the caller's turn")]
    pub(crate) fn write_program(&self, path: &Path, script: &str) {
        fs_err::create_dir_all(path.parent().expect("a folder")).expect("folder");
        fs_err::write(path, format!("#!/bin/sh\n{script}\n")).expect("script");
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    }
}
