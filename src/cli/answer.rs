//! What flags say to a step that waits for a person: the same on the console as without a screen.

use std::collections::BTreeSet;

use crate::domain::check::Verdict;
use crate::domain::command::Verb;
use crate::domain::id::{CheckId, StepId};
use crate::domain::playbook::StepKind;
use crate::domain::state::{CheckRecord, RunState};

use super::drive::Answers;

/// What flags say to one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What is said, in order.
    pub said: Vec<Said>,
    /// What is left for a person.
    pub rest: Rest,
}

/// What one flag says.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The flag, for the log.
    pub flag: String,
    /// The command that it stands for; it passes the engine's own gate.
    pub verb: Verb,
}

/// What flags leave open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: the step goes on.
    Nothing,
    /// Something that only a person can answer.
    NeedsPerson,
}

impl Answers {
    /// The answer to a step that is held. An event is older than the engine's state: checks in `asked` were waived
    /// already, although the state does not show it yet.
    pub fn to(&self, step: &StepId, state: &RunState, asked: &BTreeSet<CheckId>) -> Answer {
        let mut steps = state.run.iter().flat_map(|run| run.playbook.steps());
        let needs_person = Answer { said: Vec::new(), rest: Rest::NeedsPerson };
        let said = |flag: &str, verb| Answer {
            said: vec![Said { flag: flag.to_owned(), verb }],
            rest: Rest::Nothing,
        };
        match steps.find(|known| &known.id == step).map(|known| &known.kind) {
            Some(StepKind::Confirm { .. }) if self.go => {
                said("--go", Verb::Confirm { step: step.clone(), typed: "--go".to_owned() })
            }
            Some(StepKind::SignOff { .. }) => match self.sign_off.clone() {
                Some((name, reason)) => said("--sign-off", Verb::SignOff { name, reason }),
                None => needs_person,
            },
            Some(StepKind::Checks { require }) => self.to_checks(require, state, asked),
            Some(StepKind::Confirm { .. } | StepKind::BuildIndexes { .. } | StepKind::Verify { .. })
            | None => needs_person,
        }
    }

    fn to_checks(&self, require: &[CheckId], state: &RunState, asked: &BTreeSet<CheckId>) -> Answer {
        if state.control.checks_took.is_none() {
            // No plan could be made, so nothing was checked and nothing can be waived.
            return Answer { said: Vec::new(), rest: Rest::NeedsPerson };
        }
        let closed = |record: &&CheckRecord| {
            record.closes_gate()
                || (record.result.verdict == Verdict::Warn
                    && record.waiver.is_none()
                    && require.contains(&record.result.id))
        };
        let open = state.checks.iter().filter(closed).map(|record| &record.result.id);
        let mut answer = Answer { said: Vec::new(), rest: Rest::Nothing };
        for check in open.filter(|check| !asked.contains(*check)) {
            match self.waivers.iter().find(|(known, _)| known == check) {
                Some((check, reason)) => {
                    let verb = Verb::Waive { check: check.clone(), reason: reason.clone() };
                    answer.said.push(Said { flag: format!("--waive {}", check.0), verb });
                }
                None => answer.rest = Rest::NeedsPerson,
            }
        }
        answer
    }
}
