//! Edits put into a text.

use super::finding::{Edit, Finding};

/// Two edits of the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("two fixes change the same bytes")]
pub struct Overlap;

/// The edits of all findings of one file that have a fix and are not allowed. Of two fixes that change the same bytes the
/// first is taken; the other waits for the next round.
pub fn chosen<'f>(findings: impl Iterator<Item = &'f Finding>) -> Vec<Edit> {
    let mut taken: Vec<Edit> = Vec::new();
    for finding in findings.filter(|it| it.allowed.is_none()) {
        let Some(fix) = &finding.fix else { continue };
        let free = |edit: &Edit| {
            taken.iter().all(|other| edit.range.end < other.range.start || other.range.end < edit.range.start)
        };
        if fix.edits.iter().all(free) {
            taken.extend(fix.edits.iter().cloned());
        }
    }
    taken.sort_by_key(|it| it.range.start);
    taken
}

/// The text with all edits in it.
///
/// # Errors
///
/// Two of them change the same bytes, or one is not inside of the text.
pub fn apply(text: &str, edits: &[Edit]) -> Result<String, Overlap> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|it| it.range.start);
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for edit in sorted {
        out.push_str(text.get(at..edit.range.start).ok_or(Overlap)?);
        out.push_str(&edit.text);
        at = edit.range.end;
    }
    out.push_str(text.get(at..).ok_or(Overlap)?);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(range: std::ops::Range<usize>, text: &str) -> Edit {
        Edit { range, text: text.to_owned() }
    }

    #[test]
    fn edits_are_put_in_from_any_order_and_never_over_each_other() {
        assert_eq!(apply("a b c", &[edit(4..5, "z"), edit(0..0, "x ")]), Ok("x a b z".to_owned()));
        assert_eq!(apply("a b c", &[edit(0..3, ""), edit(2..4, "")]), Err(Overlap));
        assert_eq!(apply("ä", &[edit(1..1, "x")]), Err(Overlap));
        assert_eq!(apply("a", &[edit(0..9, "x")]), Err(Overlap));
    }
}
