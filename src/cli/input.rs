//! Registry and playbook files, loaded with every mistake at its place.

use std::path::{Path, PathBuf};

use crate::domain::diagnostic::{Source, render};
use crate::domain::failure::Failure;
use crate::domain::playbook::{self, Playbook, StepKind};
use crate::domain::registry::{self, Registry};
use crate::domain::target::RunSettings;
use crate::ports::RegistrySource;

use super::error::CliError;
use super::source;

/// The registry that ships with the program, for rehearsals.
pub const SAMPLE_REGISTRY: &str = include_str!("../../registry.toml");
/// The rollout that ships with the program.
pub const SAMPLE_ROLLOUT: &str = include_str!("../../playbooks/index-rollout.toml");
/// Its rehearsal.
pub const SAMPLE_REHEARSAL: &str = include_str!("../../playbooks/rehearsal.toml");

/// Where a registry comes from.
#[derive(Debug, Clone)]
pub enum RegistryFiles {
    /// Files or folders, read anew each time.
    Paths(Vec<PathBuf>),
    /// The one that ships with the program.
    Sample,
}

impl RegistryFiles {
    /// For the journal and the screen.
    pub fn label(&self) -> String {
        match self {
            Self::Paths(paths) => {
                paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(":")
            }
            Self::Sample => "the sample registry".to_owned(),
        }
    }

    /// The sources, for the run's folder.
    pub fn sources(&self) -> Result<Vec<Source>, CliError> {
        match self {
            Self::Sample => {
                Ok(vec![Source { path: "registry.toml".to_owned(), text: SAMPLE_REGISTRY.to_owned() }])
            }
            Self::Paths(paths) => source::read(paths).map_err(|errors| {
                let mut error = CliError::usage("the registry cannot be read");
                for problem in &errors {
                    error = error.cause(problem.to_string()).hint(problem.hint());
                }
                error
            }),
        }
    }

    /// Reads and checks it.
    pub fn load(&self) -> Result<Registry, CliError> {
        let sources = self.sources()?;
        registry::load(&sources).map_err(|problems| {
            CliError::usage("the registry is not in order").cause(render(&problems, &sources))
        })
    }
}

impl RegistrySource for RegistryFiles {
    fn read(&self) -> Result<Registry, Failure> {
        self.load().map_err(|error| {
            Failure::refused(format!(
                "{}: {}",
                error.what,
                error.causes.first().and_then(|cause| cause.lines().next()).unwrap_or("unknown")
            ))
        })
    }
}

/// Loads a playbook; the name of a shipped one works where there is no such file.
pub fn playbook(path: &Path) -> Result<(Playbook, String), CliError> {
    let shipped = match path.file_name().and_then(|name| name.to_str()) {
        Some("index-rollout.toml" | "index-rollout") => Some(SAMPLE_ROLLOUT),
        Some("rehearsal.toml" | "rehearsal") => Some(SAMPLE_REHEARSAL),
        _ => None,
    };
    let text = match (path.exists(), shipped) {
        (false, Some(text)) => text.to_owned(),
        _ => source::read(&[path.to_owned()])
            .map_err(|errors| {
                let mut error = CliError::usage("the playbook cannot be read");
                for problem in &errors {
                    error = error.cause(problem.to_string()).hint(problem.hint());
                }
                error.hint("index-rollout and rehearsal ship with the program and need no file")
            })?
            .into_iter()
            .map(|source| source.text)
            .collect(),
    };
    let source = Source { path: path.display().to_string(), text };
    let playbook = playbook::load(&source).map_err(|problems| {
        CliError::usage("the playbook is not in order")
            .cause(render(&problems, std::slice::from_ref(&source)))
    })?;
    Ok((playbook, source.text))
}

/// What a playbook's build step says, under what the command line says.
pub fn apply_playbook(settings: &mut RunSettings, playbook: &Playbook) {
    for step in playbook.steps() {
        if let StepKind::BuildIndexes {
            jobs, attempts, first_lock, writers, old_snapshots, on_budget, ..
        } = &step.kind
        {
            settings.jobs = jobs.unwrap_or(settings.jobs);
            settings.attempts = attempts.unwrap_or(settings.attempts);
            settings.first_lock_budget = first_lock.unwrap_or(settings.first_lock_budget);
            settings.writers_budget = writers.unwrap_or(settings.writers_budget);
            settings.snapshots_budget = old_snapshots.unwrap_or(settings.snapshots_budget);
            settings.on_budget = on_budget.unwrap_or(settings.on_budget);
        }
    }
}
