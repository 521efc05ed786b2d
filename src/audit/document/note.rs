//! Comments that speak to this program: `-- cicerone:allow rule: reason`, in the comments of any language.

use super::super::lexis::{Kind, lexeme};
use super::super::place::{Lines, Place};

/// What every note begins with.
const MARK: &str = "cicerone:";

/// A comment that speaks to this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Byte of its `cicerone:`.
    pub at: usize,
    /// Place of its `cicerone:`.
    pub place: Place,
    /// What follows the mark, to the end of the line, without the end of the comment.
    pub text: String,
    /// Whether code stands before it on its line.
    pub trailing: bool,
}

/// The notes at the bytes `comments`, each the bytes of one comment.
pub fn notes(
    text: &str,
    lines: &Lines,
    comments: impl IntoIterator<Item = std::ops::Range<usize>>,
) -> Vec<Note> {
    let mut found = Vec::new();
    for range in comments {
        let Some(comment) = text.get(range.clone()) else { continue };
        for (offset, _) in comment.match_indices(MARK) {
            let at = range.start + offset;
            let said = comment[offset + MARK.len()..].lines().next().unwrap_or_default();
            let said = said.trim().trim_end_matches("*/").trim_end();
            let line = text[..range.start].rfind('\n').map_or(0, |end| end + 1);
            found.push(Note {
                at,
                place: lines.place(text, at),
                text: said.to_owned(),
                trailing: !text[line..range.start].trim().is_empty(),
            });
        }
    }
    found
}

/// The comments of a file of SQL that hold a note. Most files hold none: looking for the mark is cheap.
pub(super) fn in_sql(text: &str) -> Vec<std::ops::Range<usize>> {
    if memchr::memmem::find(text.as_bytes(), MARK.as_bytes()).is_none() {
        return Vec::new();
    }
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    comments(bytes, 0..bytes.len(), &mut found);
    found
}

/// Comments of `bytes[range]`, those of dollar-quoted bodies too.
fn comments(bytes: &[u8], range: std::ops::Range<usize>, found: &mut Vec<std::ops::Range<usize>>) {
    let mut open = vec![range];
    while let Some(range) = open.pop() {
        let mut at = range.start;
        while at < range.end {
            let piece = lexeme(&bytes[..range.end], at);
            match piece.kind {
                Kind::Comment => found.push(at..piece.end),
                Kind::Dollar { inside: (start, end), .. } => open.push(start..end),
                Kind::Space | Kind::Word | Kind::Text { .. } | Kind::Quoted { .. } | Kind::Sign(_) => {}
            }
            at = piece.end;
        }
    }
    found.sort_by_key(|it| it.start);
}
