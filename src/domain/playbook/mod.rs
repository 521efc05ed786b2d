//! Ordered phases and steps.

use serde::{Deserialize, Serialize};

use super::id::{CheckId, Digest, StepId};
use super::target::BudgetPolicy;
use super::unit::Millis;

mod format;
mod load;
#[cfg(test)]
mod tests;

pub use format::json_schema;
pub use load::load;

/// A playbook as it was loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Playbook {
    /// Short name.
    pub name: String,
    /// For the screen.
    pub title: String,
    /// Hash of the file's bytes.
    pub digest: Digest,
    /// Phases in order.
    pub phases: Vec<PlaybookPhase>,
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaybookPhase {
    /// Short name.
    pub name: String,
    /// For the screen.
    pub title: String,
    /// Steps in order.
    pub steps: Vec<Step>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// `phase.step`.
    pub id: StepId,
    /// For the screen.
    pub title: String,
    /// What it does.
    pub kind: StepKind,
    /// What a failure means.
    pub on_failure: OnFailure,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepKind {
    /// Plan and pre-flight checks.
    Checks {
        /// Checks that must pass even if they would only warn.
        require: Vec<CheckId>,
    },
    /// A person says go.
    Confirm {
        /// What they are asked.
        prompt: String,
    },
    /// Build what the plan says.
    BuildIndexes {
        /// Only these registry domains; all when absent.
        only_domains: Option<Vec<String>>,
        /// Builds at once.
        jobs: Option<u32>,
        /// Attempts per index.
        attempts: Option<u32>,
        /// Budget of the first lock.
        first_lock: Option<Millis>,
        /// Budget of each wait for writers.
        writers: Option<Millis>,
        /// Budget of the wait for old snapshots.
        old_snapshots: Option<Millis>,
        /// At expiry.
        on_budget: Option<BudgetPolicy>,
    },
    /// Read everything again on a fresh connection.
    Verify {
        /// Ask the planner about each entry's queries.
        explain: bool,
    },
    /// A person signs.
    SignOff {
        /// What they are asked.
        prompt: String,
    },
}

/// What a failure of a step means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The run stops there.
    #[default]
    Stop,
    /// Say so and go on.
    Warn,
    /// A person decides.
    Ask,
}

impl Playbook {
    /// Every step in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.phases.iter().flat_map(|phase| phase.steps.iter())
    }
}
