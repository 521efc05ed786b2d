//! How bad each rule is, as somebody configured it.

use std::collections::BTreeMap;

use super::finding::Severity;
use super::rule;

/// Whether a rule speaks, and how loud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It is silent.
    Off,
    /// It reports as this.
    At(Severity),
}

impl Level {
    /// By its word in a file: `off`, `note`, `warning`, `error`.
    pub fn of(word: &str) -> Option<Self> {
        if word == "off" {
            return Some(Self::Off);
        }
        Severity::ALL.into_iter().find(|it| it.word() == word).map(Self::At)
    }
}

/// Levels of rules that differ from their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels {
    said: BTreeMap<&'static str, Level>,
}

impl Levels {
    /// Sets the level of a rule. `false` when there is no rule of that name.
    #[must_use]
    pub fn set(&mut self, rule: &str, level: Level) -> bool {
        let Some(rule) = rule::find(rule) else { return false };
        self.said.insert(rule.id, level);
        true
    }

    /// The same with those of `others` over them.
    #[must_use]
    pub fn under(&self, others: &Self) -> Self {
        let mut said = self.said.clone();
        said.extend(others.said.iter().map(|(rule, level)| (*rule, *level)));
        Self { said }
    }

    /// The level of a rule.
    pub fn of(&self, rule: &rule::Rule) -> Level {
        self.said.get(rule.id).copied().unwrap_or(Level::At(rule.severity))
    }
}
