//! The name that the server gives to an index that has none.
//!
//! After `ChooseIndexName`, `ChooseIndexColumnNames`, `ChooseRelationName` and `makeObjectName` of PostgreSQL 12 to 18.

use crate::sql::MAX_IDENT_BYTES;

/// `name` as the server keeps it: at most 63 bytes, no character cut in two.
pub(super) fn clip(name: &str) -> &str {
    clip_to(name, MAX_IDENT_BYTES)
}

fn clip_to(name: &str, bytes: usize) -> &str {
    let mut end = name.len().min(bytes);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// What kind of name is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// `…_idx`
    Index,
    /// `…_pkey`
    PrimaryKey,
    /// `…_key`
    Unique,
    /// `…_excl`
    Exclude,
    /// `…_seq`
    Sequence,
}

impl Label {
    fn word(self) -> &'static str {
        match self {
            Self::Index => "idx",
            Self::PrimaryKey => "pkey",
            Self::Unique => "key",
            Self::Exclude => "excl",
            Self::Sequence => "seq",
        }
    }
}

/// The first name for an index on `table` that is not `taken`. `parts` are the words of its keys and INCLUDE columns.
pub(super) fn name(table: &str, parts: &[String], label: Label, taken: impl Fn(&str) -> bool) -> String {
    let addition = match label {
        Label::PrimaryKey => None,
        Label::Index | Label::Unique | Label::Exclude | Label::Sequence => Some(addition(&distinct(parts))),
    };
    let mut number = 0_usize;
    loop {
        let word = if number == 0 { label.word().to_owned() } else { format!("{}{number}", label.word()) };
        let candidate = object_name(table, addition.as_deref(), &word);
        if !taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
}

/// Words that occur again get a number.
pub(super) fn distinct(parts: &[String]) -> Vec<String> {
    let mut result: Vec<String> = Vec::with_capacity(parts.len());
    for part in parts {
        let mut candidate = clip(part).to_owned();
        let mut number = 0_usize;
        while result.contains(&candidate) {
            number += 1;
            let digits = number.to_string();
            candidate = format!("{}{digits}", clip_to(part, MAX_IDENT_BYTES - digits.len()));
        }
        result.push(candidate);
    }
    result
}

fn addition(parts: &[String]) -> String {
    let mut result = String::new();
    for part in parts {
        if !result.is_empty() {
            result.push('_');
        }
        result.push_str(part);
        if result.len() > MAX_IDENT_BYTES {
            break;
        }
    }
    result
}

fn object_name(first: &str, second: Option<&str>, label: &str) -> String {
    let overhead = label.len() + 1 + usize::from(second.is_some());
    let room = MAX_IDENT_BYTES.saturating_sub(overhead);
    let (mut one, mut two) = (first.len(), second.map_or(0, str::len));
    // The longer one is cut first.
    while one + two > room {
        if one > two { one -= 1 } else { two -= 1 }
    }
    match second {
        Some(second) => format!("{}_{}_{label}", clip_to(first, one), clip_to(second, two)),
        None => format!("{}_{label}", clip_to(first, one)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn names_are_those_that_a_server_gives() {
        let free = |_: &str| false;
        assert_eq!(name("t", &parts(&["a", "b"]), Label::Index, free), "t_a_b_idx");
        assert_eq!(
            name("t", &parts(&["expr", "expr", "expr"]), Label::Index, free),
            "t_expr_expr1_expr2_idx"
        );
        assert_eq!(name("t", &parts(&["a"]), Label::PrimaryKey, free), "t_pkey");
        let taken = |name: &str| matches!(name, "t_a_idx" | "t_a_idx1");
        assert_eq!(name("t", &parts(&["a"]), Label::Index, taken), "t_a_idx2");
        let long = name(&"t".repeat(40), &parts(&[&"c".repeat(40)]), Label::Index, free);
        assert_eq!(long, format!("{}_{}_idx", "t".repeat(29), "c".repeat(29)));
        assert_eq!(clip(&"ä".repeat(40)).len(), 62);
    }
}
