//! Names and numbers that identify things. A newtype each, so that one can never stand in for another.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text as it is, unsafe to print: identifiers may hold any character.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id! {
    /// One registry entry: `schema.index`, both as PostgreSQL folds them, unquoted. Unique in a registry.
    EntryKey
}
text_id! {
    /// Name of an index as the catalog holds it (folded, unquoted, at most 63 bytes).
    IndexName
}
text_id! {
    /// One run: a playbook executed against a target. Time-ordered, safe as a folder name.
    RunId
}
text_id! {
    /// One step of a playbook, unique in it: `phase.step`.
    StepId
}
text_id! {
    /// One pre-flight question, e.g. `disk_headroom`.
    CheckId
}
text_id! {
    /// Hash of everything that a plan was made from: 64 lower-case hex digits of SHA-256.
    PlanId
}
text_id! {
    /// SHA-256 of some bytes: 64 lower-case hex digits.
    Digest
}
text_id! {
    /// A person, as they named themselves or as the system knows them.
    Person
}

impl Digest {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        Self(hash.iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }
}

/// Object identifier of a catalog row. 0 is PostgreSQL's "no such object".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Oid(pub u32);

/// Process id of a server backend. Reused by the system: never enough to cancel by, see [`BackendId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pid(pub i32);

/// A server backend that cannot be mistaken for a later one with the same pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BackendId {
    /// Process id.
    pub pid: Pid,
    /// `pg_stat_activity.backend_start`.
    pub started: jiff::Timestamp,
}

/// Position of an event in a run's journal, from 1 without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// A schema and a name in it, both as the catalog holds them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QualifiedName {
    /// Schema, folded and unquoted.
    pub schema: String,
    /// Relation, folded and unquoted.
    pub name: String,
}

impl QualifiedName {
    /// Builds a qualified name from its two parts.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// `schema.name` as registries key their entries. Not for SQL (use [`crate::sql`]) and not for the screen.
    pub fn key(&self) -> EntryKey {
        EntryKey(format!("{}.{}", self.schema, self.name))
    }
}

/// Five characters of the SQL standard's error code, e.g. `55P03`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SqlState(pub String);

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_what_sha256sum_says() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"").as_str(), empty);
        assert_eq!(Digest::of(b"abc").as_str(), abc);
    }
}
