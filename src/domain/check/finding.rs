//! From what a judge found to a result.

use super::{CheckResult, Evidence, Question, Verdict};

/// What a judge found, before it is put together with the question and its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) found: String,
    pub(super) wanted: String,
    pub(super) details: Vec<String>,
    pub(super) advice: Option<String>,
}

impl Finding {
    pub(super) fn new(verdict: Verdict, found: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self { verdict, found: found.into(), wanted: wanted.into(), details: Vec::new(), advice: None }
    }

    pub(super) fn pass(found: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self::new(Verdict::Pass, found, wanted)
    }

    pub(super) fn details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// What to do about it; kept only where there is something to do.
    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = (self.verdict != Verdict::Pass).then(|| advice.into());
        self
    }

    pub(super) fn on(self, question: Question, evidence: Evidence) -> CheckResult {
        CheckResult {
            id: question.id(),
            title: question.title().to_owned(),
            verdict: self.verdict,
            found: self.found,
            wanted: self.wanted,
            details: self.details,
            advice: self.advice,
            evidence,
            waivable: question.waivable(),
        }
    }
}

/// The answer when there is none: the reading failed, came too late or was not permitted. `why` may quote the server.
pub fn unanswered(question: Question, why: impl Into<String>, evidence: Evidence) -> CheckResult {
    Finding::new(Verdict::Unknown, why, "an answer")
        .advice("ask again; if it stays so, find out by hand and go on with a reason")
        .on(question, evidence)
}

/// A few names and how many more there are: short enough for a table.
pub(super) fn some_of(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one}, {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}
