//! Values with where they came from, and the layers that they come in.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::error::ConnInfoError;
use super::keyword::{self, Treatment};

/// Where a connection string was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The command line: visible to every user of the machine, so no password is accepted.
    Argv,
    /// A variable, a configuration file, a prompt.
    Private,
}

/// Where a value came from, for error messages and for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The connection string.
    Explicit,
    /// A section of a service file.
    Service {
        /// The section.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// An environment variable.
    Environment(&'static str),
    /// libpq's or our own default.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit => f.write_str("connection string"),
            Self::Service { name, file } => write!(f, "service \"{name}\" in {}", file.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and its source. No `Debug`: it may be a password.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) value: String,
    pub(super) source: Source,
}

/// Settings by libpq keyword. The first layer that names a keyword wins.
#[derive(Default)]
pub(super) struct Settings(BTreeMap<&'static str, Setting>);

impl Settings {
    /// Adds a value of a lower layer: kept only when no higher layer named the keyword.
    /// Empty values count as not given, which is what libpq does for all keywords that matter here.
    pub(super) fn offer(&mut self, name: &str, value: String, source: &Source) -> Result<(), ConnInfoError> {
        let Some(keyword) = keyword::find(name) else {
            return Err(ConnInfoError::UnknownKeyword { keyword: name.to_owned(), from: source.clone() });
        };
        if value.is_empty() || self.0.contains_key(keyword.name) {
            return Ok(());
        }
        match keyword.treatment {
            Treatment::Ignored => return Ok(()),
            Treatment::Used => {}
            Treatment::Refused { harmless, reason } => {
                if harmless.contains(&value.as_str()) {
                    return Ok(());
                }
                return Err(ConnInfoError::Refused { keyword: keyword.name, from: source.clone(), reason });
            }
        }
        self.0.insert(keyword.name, Setting { value, source: source.clone() });
        Ok(())
    }

    /// Adds a layer of pairs. Within one layer the last one wins, as in libpq.
    pub(super) fn offer_all(
        &mut self,
        pairs: impl IntoIterator<Item = (String, String)>,
        source: &Source,
    ) -> Result<(), ConnInfoError> {
        let mut last = BTreeMap::new();
        for (name, value) in pairs {
            last.insert(name, value);
        }
        last.into_iter().try_for_each(|(name, value)| self.offer(&name, value, source))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Setting> {
        self.0.get(name)
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|setting| setting.value.as_str())
    }

    /// The value as one of a few words, or an error that lists them.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &'static str,
        choices: &[(&str, T)],
        expected: &'static str,
    ) -> Result<Option<T>, ConnInfoError> {
        let Some(setting) = self.get(name) else { return Ok(None) };
        match choices.iter().find(|(word, _)| *word == setting.value) {
            Some((_, chosen)) => Ok(Some(*chosen)),
            None => Err(setting.invalid(name, expected)),
        }
    }

    /// The value as a number.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<i64>, ConnInfoError> {
        let Some(setting) = self.get(name) else { return Ok(None) };
        setting.value.trim().parse().map(Some).map_err(|_| setting.invalid(name, "a whole number"))
    }
}

impl Setting {
    pub(super) fn invalid(&self, keyword: &'static str, expected: &'static str) -> ConnInfoError {
        ConnInfoError::InvalidValue {
            keyword,
            value: self.value.clone(),
            from: self.source.clone(),
            expected,
        }
    }
}
