//! The environment, read once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::id::Person;
use crate::domain::target::Operator;
use crate::host::{RandomIds, SystemClock};
use crate::pg::conninfo::{Environment, OnDisk};
use crate::ports::Clock;
use crate::ui::{Ability, Form};

use super::args::LookArgs;

use super::error::CliError;

/// Everything that the process was started with.
pub struct Surrounding {
    vars: BTreeMap<OsString, OsString>,
    /// Time.
    pub clock: Arc<SystemClock>,
    /// Names and randomness.
    pub ids: Arc<RandomIds>,
}

impl Surrounding {
    /// Reads it.
    pub fn read() -> Self {
        let clock = Arc::new(SystemClock::start());
        let ids = Arc::new(RandomIds::from_system(clock.clone()));
        Self { vars: std::env::vars_os().collect(), clock, ids }
    }

    /// One with these variables and no others.
    #[cfg(test)]
    pub(crate) fn of(vars: &[(&str, &str)]) -> Self {
        let vars = vars.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { vars, ..Self::read() }
    }

    /// Wall time.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// A variable that is set and not empty.
    pub fn var(&self, name: &str) -> Option<OsString> {
        self.vars.get(&OsString::from(name)).filter(|value| !value.is_empty()).cloned()
    }

    /// The same as text; a value that is not UTF-8 is as good as none.
    pub fn text(&self, name: &str) -> Option<String> {
        self.var(name).and_then(|value| value.into_string().ok())
    }

    /// Every variable.
    pub fn vars(&self) -> impl Iterator<Item = (OsString, OsString)> + '_ {
        self.vars.iter().map(|(name, value)| (name.clone(), value.clone()))
    }

    /// Home folder.
    pub fn home(&self) -> Option<PathBuf> {
        self.var("HOME").map(PathBuf::from)
    }

    /// `$XDG_STATE_HOME/cicerone`, or what stands in for it.
    pub fn state_dir(&self) -> Result<PathBuf, CliError> {
        if let Some(dir) = self.var("XDG_STATE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute()) {
            return Ok(dir.join("cicerone"));
        }
        let home = self.home().ok_or_else(|| {
            CliError::usage("there is no folder for runs: neither HOME nor XDG_STATE_HOME is set")
                .hint("name one with --state-dir")
        })?;
        Ok(home.join(".local/state/cicerone"))
    }

    /// Login name of whoever is behind the process: sudo's word before the system's.
    pub fn person(&self) -> Person {
        let name = ["SUDO_USER", "LOGNAME", "USER"].iter().find_map(|name| self.text(name));
        Person(name.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw())))
    }

    /// Who runs this process.
    pub fn operator(&self) -> Operator {
        Operator {
            person: self.person(),
            uid: rustix::process::getuid().as_raw(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            pid: std::process::id(),
            ssh_from: self
                .text("SSH_CONNECTION")
                .and_then(|text| text.split_whitespace().next().map(ToOwned::to_owned)),
        }
    }

    /// What libpq's conventions look at.
    pub fn for_libpq(&self) -> Environment {
        let vars = self
            .vars
            .iter()
            .filter_map(|(name, value)| {
                let name = name.to_str().filter(|name| name.starts_with("PG"))?;
                Some((name.to_owned(), value.to_str()?.to_owned()))
            })
            .collect();
        Environment {
            vars,
            home: self.home(),
            os_user: self.system_user(),
            uid: rustix::process::geteuid().as_raw(),
            files: Box::new(OnDisk),
        }
    }

    /// Name of the effective user in the account file: libpq's default role.
    pub fn system_user(&self) -> Option<String> {
        let uid = rustix::process::geteuid().as_raw().to_string();
        let accounts = fs_err::read_to_string("/etc/passwd").ok()?;
        accounts
            .lines()
            .find(|line| line.split(':').nth(2) == Some(uid.as_str()))
            .and_then(|line| line.split(':').next().map(ToOwned::to_owned))
            .or_else(|| self.text("USER"))
    }

    /// How a console can be shown here, if somebody sits at a terminal at all.
    pub fn form(&self, look: &LookArgs) -> Option<Form> {
        use std::io::IsTerminal;
        let (input, output) = (std::io::stdin().is_terminal(), std::io::stdout().is_terminal());
        if look.plain {
            return input.then_some(Form::Lines);
        }
        if !input || !output {
            return None;
        }
        match super::look::ability(self) {
            Ability::Lines => Some(Form::Lines),
            Ability::Screen(_) => Some(Form::Screen),
        }
    }

    /// Whether the locale says UTF-8.
    pub fn has_unicode(&self) -> bool {
        ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| self.text(name))
            .is_some_and(|locale| locale.to_ascii_lowercase().contains("utf"))
    }
}
