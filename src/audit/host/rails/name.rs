//! Names that Rails makes of tables and columns.
//!
//! As Rails 5.0 to 8.0 do: `index_table_on_a_and_b`; since 7.1 one over 62 bytes is cut and ends in a digest of the long one,
//! in migrations that are written for 7.1 or later. Constraints of their own are called by a digest alone.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Longest name that is left as it is.
pub(super) const LONGEST: usize = 62;
/// Hexadecimal figures of a digest.
const FIGURES: usize = 10;

fn digest(of: &str) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(of.as_bytes()).iter().take(FIGURES / 2) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The name of an index; `None` when it is too long for the version that the migration is written for.
pub(in super::super) fn index(table: &str, columns: &[String], shortens: bool) -> Option<String> {
    let name = format!("index_{table}_on_{}", columns.join("_and_"));
    if name.len() <= LONGEST {
        return Some(name);
    }
    if !shortens {
        return None;
    }
    let digest = digest(&name);
    let mut short = format!("idx_on_{}", columns.join("_"));
    let mut end = (LONGEST - FIGURES - 1).min(short.len());
    while !short.is_char_boundary(end) {
        end -= 1;
    }
    short.truncate(end);
    Some(format!("{short}_{digest}"))
}

/// The name of a unique constraint.
pub(super) fn unique(table: &str, columns: &[String]) -> String {
    format!("uniq_rails_{}", digest(&format!("{table}_{}_unique", columns.join("_and_"))))
}

/// The name of an exclusion constraint.
pub(super) fn exclusion(table: &str, expression: &str) -> String {
    format!("excl_rails_{}", digest(&format!("{table}_{expression}_excl")))
}

/// The table of `create_join_table`: both in their order, what their beginnings have in common up to an underscore said once.
pub(super) fn join_table(one: &str, other: &str) -> String {
    let (one, other) = if one <= other { (one, other) } else { (other, one) };
    let same = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    // Something has to be left of both behind it.
    let within = same.min(one.len().saturating_sub(1)).min(other.len().saturating_sub(1));
    let shared = one.get(..within).and_then(|start| start.rfind(['_', '.'])).map_or(0, |at| at + 1);
    format!("{one}_{}", other.get(shared..).unwrap_or(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_and_ends_in_a_digest() {
        let columns = ["first_long_column".to_owned(), "second_long_column".to_owned()];
        let table = "a_very_long_table_name_indeed";
        assert_eq!(index(table, &columns, false), None);
        assert_eq!(
            index(table, &columns, true).unwrap(),
            "idx_on_first_long_column_second_long_column_8ba0b6c523"
        );
        let long = ["x".repeat(80)];
        assert_eq!(index("t", &long, true).unwrap().len(), LONGEST);
    }

    #[test]
    fn a_join_table_says_a_common_beginning_once() {
        assert_eq!(join_table("users", "groups"), "groups_users");
        assert_eq!(join_table("music_artists", "music_records"), "music_artists_records");
        assert_eq!(join_table("a_b", "a_b"), "a_b_b");
        assert_eq!(join_table("catalog_a_x", "catalog_a_y"), "catalog_a_x_y");
    }
}
