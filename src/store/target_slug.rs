//! The folder name of a target.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A target as a folder name: `[a-z0-9._-]`, at most 58 characters, never `.` or `..`, different for different targets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetSlug(String);

/// Characters of the readable part when a hash follows.
const READABLE: usize = 48;

impl TargetSlug {
    /// A slug for any text that names a target, such as its environment word or `host:port/database`.
    ///
    /// Plain short names are taken as they are. Others are made readable and get eight hex digits of their hash, so that
    /// two targets never share a folder.
    pub fn new(target: &str) -> Self {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if !target.is_empty()
            && target.len() <= READABLE
            && !target.starts_with(['.', '-'])
            && !target.contains(HASH_MARK)
            && target.chars().all(plain)
        {
            return Self(target.to_owned());
        }
        let readable: String = target
            .chars()
            .map(|c| c.to_ascii_lowercase())
            .map(|c| if plain(c) { c } else { '-' })
            .take(READABLE)
            .collect();
        let readable = readable.replace(HASH_MARK, "-.");
        let readable = readable.trim_matches(['-', '.']);
        let readable = if readable.is_empty() { "target" } else { readable };
        let hash = Sha256::digest(target);
        Self(format!("{readable}{HASH_MARK}{:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3]))
    }

    /// The slug whose folder has this name; `None` for a name that no target gets.
    pub(super) fn from_folder(name: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        let ours = !name.is_empty() && !name.starts_with(['.', '-']) && name.chars().all(plain);
        ours.then(|| Self(name.to_owned()))
    }

    /// The folder name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Stands before the hash and nowhere else in a slug.
const HASH_MARK: &str = "--";

impl fmt::Display for TargetSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay_and_others_get_a_hash() {
        assert_eq!(TargetSlug::new("prod").as_str(), "prod");
        assert_eq!(TargetSlug::new("crm-db_1.example").as_str(), "crm-db_1.example");
        assert!(TargetSlug::new("db1.example:5432/App").as_str().starts_with("db1.example-5432-app--"));
        assert!(TargetSlug::new("").as_str().starts_with("target--"));
    }

    #[test]
    fn no_text_leaves_the_folder_or_shares_one() {
        let long = "x".repeat(500);
        let texts = [
            "..",
            ".",
            "../../etc",
            "/",
            "a/b",
            "a-b",
            "A-b",
            "a b",
            "é",
            "\0",
            "-rf",
            &long,
            &long[1..],
            "a--b",
        ];
        let slugs: std::collections::BTreeSet<_> = texts.iter().map(|text| TargetSlug::new(text)).collect();
        assert_eq!(slugs.len(), texts.len());
        for slug in &slugs {
            let text = slug.as_str();
            assert!(!text.starts_with(['.', '-']) && text.len() <= 64 && text != "..", "{text}");
            assert!(
                text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c)),
                "{text}"
            );
        }
    }
}
