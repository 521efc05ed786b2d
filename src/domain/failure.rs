//! What went wrong with a statement, from its SQLSTATE. Policy matches on the class, never on message text.

use serde::{Deserialize, Serialize};

use super::id::SqlState;

/// Every failure that policy tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// 55P03: `lock_timeout` ran out.
    LockTimeout,
    /// 57014: cancelled by a person, a tool or `statement_timeout`.
    Cancelled,
    /// 57P01, 57P05, 25P03, 25P04: the backend was told to end.
    Terminated,
    /// 57P02, 57P03: the server restarts, recovers or shuts down.
    ServerRestart,
    /// No SQLSTATE: the connection broke while the statement ran. The statement may still be running.
    ConnectionLost,
    /// 40P01: the server chose this session as the victim.
    Deadlock,
    /// 23505: duplicate values under a unique index.
    UniqueViolation,
    /// 53100: no space left on the server's disk.
    DiskFull,
    /// 53400: `temp_file_limit` or another configured limit.
    ConfiguredLimit,
    /// 53200: out of memory or of shared lock slots.
    OutOfMemory,
    /// 53300: no connection slot left.
    TooManyConnections,
    /// 42501: not the owner, or a right is missing.
    Privilege,
    /// 42P01, 42703, 3F000, 42704, 42883: table, column, schema, operator class or function is not there.
    Missing,
    /// 42P07: the name is taken.
    NameTaken,
    /// 25006: the session or the server is read-only.
    ReadOnly,
    /// 54000, 54001, 54011: a row, a statement or a key list is too large for an index.
    TooLarge,
    /// 22xxx: the index expression failed on a row's value.
    BadData,
    /// 42601, 42P17, 42809, 0A000, 22023, 25001: the statement can never work as it is written.
    Invalid,
    /// 55006, 55000, 2BP01: the object is in use or others depend on it.
    InUse,
    /// Our own code refused before anything was sent.
    Refused,
    /// Any other SQLSTATE.
    Other,
}

impl FailureClass {
    /// Class of an error that carries a SQLSTATE.
    pub fn of(state: &SqlState) -> Self {
        match state.0.as_str() {
            "55P03" => Self::LockTimeout,
            "57014" => Self::Cancelled,
            "57P01" | "57P05" | "25P03" | "25P04" => Self::Terminated,
            "57P02" | "57P03" | "57P04" => Self::ServerRestart,
            "40P01" => Self::Deadlock,
            "23505" => Self::UniqueViolation,
            "53100" => Self::DiskFull,
            "53400" => Self::ConfiguredLimit,
            "53200" => Self::OutOfMemory,
            "53300" => Self::TooManyConnections,
            "42501" => Self::Privilege,
            "42P01" | "42703" | "3F000" | "42704" | "42883" => Self::Missing,
            "42P07" => Self::NameTaken,
            "25006" => Self::ReadOnly,
            "54000" | "54001" | "54011" => Self::TooLarge,
            "42601" | "42P17" | "42809" | "0A000" | "22023" | "25001" => Self::Invalid,
            "55006" | "55000" | "2BP01" => Self::InUse,
            other if other.starts_with("22") => Self::BadData,
            other if other.starts_with("08") => Self::ConnectionLost,
            _ => Self::Other,
        }
    }

    /// Whether the statement itself may still be running on the server although we got this answer.
    pub fn leaves_doubt(self) -> bool {
        matches!(self, Self::ConnectionLost | Self::ServerRestart | Self::Terminated)
    }

    /// Whether only a statement that had its table's lock, and so made its index, can fail like this. The others may
    /// also end one that waited for the lock.
    pub fn is_of_the_build(self) -> bool {
        matches!(
            self,
            Self::UniqueViolation | Self::DiskFull | Self::ConfiguredLimit | Self::TooLarge | Self::BadData
        )
    }

    /// Whether another attempt can end differently without anybody changing anything.
    pub fn may_pass(self) -> bool {
        matches!(
            self,
            Self::LockTimeout
                | Self::Cancelled
                | Self::Terminated
                | Self::ServerRestart
                | Self::ConnectionLost
                | Self::Deadlock
                | Self::OutOfMemory
                | Self::TooManyConnections
        )
    }

    /// What it means and what to do, as one sentence for an operator.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::LockTimeout => "the table's lock was not to be had in time: see who holds it, then retry",
            Self::Cancelled => "the statement was cancelled: find out by whom before you retry",
            Self::Terminated => "an administrator or a server setting ended the build's session",
            Self::ServerRestart => {
                "the server restarted or is shutting down: builds were cut, the catalog says what is left"
            }
            Self::ConnectionLost => {
                "the connection broke: the server may still be building, so its catalog decides"
            }
            Self::Deadlock => {
                "another session asked for a lock on the same table during the build and the server sacrificed the build"
            }
            Self::UniqueViolation => {
                "the table holds duplicate values: a unique index is impossible until they are gone"
            }
            Self::DiskFull => {
                "the server's disk is full: the leftover keeps its space until it is dropped, then free more before a retry"
            }
            Self::ConfiguredLimit => {
                "the build hit a configured limit such as temp_file_limit: raise it for this role or build with less"
            }
            Self::OutOfMemory => {
                "the server had no memory or no lock slots left: lower jobs or maintenance_work_mem"
            }
            Self::TooManyConnections => "the server has no free connection slot: lower jobs or free some",
            Self::Privilege => "the role may not do this: it must own the table and may create in its schema",
            Self::Missing => {
                "a table, column, operator class or function that the entry names does not exist"
            }
            Self::NameTaken => "somebody else made a relation of this name meanwhile: read the plan again",
            Self::ReadOnly => "the session or the server takes no writes",
            Self::TooLarge => "a value or the key list is too large for this kind of index",
            Self::BadData => "the index expression fails on a value in the table",
            Self::Invalid => "the server will never accept this statement: correct the registry entry",
            Self::InUse => "the object is in use or something depends on it",
            Self::Refused => "refused by the console before anything was sent",
            Self::Other => "the server refused for a reason that the console does not know",
        }
    }
}

/// A failed statement or look-up, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Class for policy.
    pub class: FailureClass,
    /// The server's code, when it gave one.
    pub sqlstate: Option<SqlState>,
    /// Primary message only: DETAIL may hold row values and is never kept. Untrusted text.
    pub message: String,
}

impl Failure {
    /// A refusal of our own, before anything was sent.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { class: FailureClass::Refused, sqlstate: None, message: message.into() }
    }

    /// The connection broke, or its deadline passed.
    pub fn lost(message: impl Into<String>) -> Self {
        Self { class: FailureClass::ConnectionLost, sqlstate: None, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_connection_leaves_doubt_and_a_unique_violation_does_not() {
        assert!(FailureClass::ConnectionLost.leaves_doubt());
        assert!(!FailureClass::of(&SqlState("23505".into())).leaves_doubt());
        assert!(!FailureClass::UniqueViolation.may_pass());
    }

    #[test]
    fn a_division_by_zero_in_an_expression_is_bad_data_and_an_option_error_is_not() {
        assert_eq!(FailureClass::of(&SqlState("22012".into())), FailureClass::BadData);
        assert_eq!(FailureClass::of(&SqlState("22023".into())), FailureClass::Invalid);
    }
}
