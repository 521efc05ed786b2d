//! Foreign text in Markdown: it can neither end a cell, start an element, nor become a link.

use crate::text::Untrusted;

/// Foreign text as code, for a table's cell or outside of one.
///
/// Inside a table GitHub takes `\|` for a bar even in code; outside it would show the backslash.
pub(super) fn code(text: &str, place: Place) -> String {
    let safe = String::from(Untrusted::from(text).display_safe(None));
    let safe = match place {
        Place::Cell => safe.replace('|', "\\|"),
        Place::Text => safe,
    };
    if safe.trim().is_empty() {
        return "–".to_owned();
    }
    let fence = "`".repeat(longest_run(&safe, '`') + 1);
    // A space at both ends is taken away again; it keeps a backtick at an end apart from the fence.
    let pad = if safe.starts_with(['`', ' ']) || safe.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{safe}{pad}{fence}")
}

/// Where text is to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a table.
    Cell,
    /// Anywhere else in a paragraph or list.
    Text,
}

/// Foreign text as prose: every character that could mean something is escaped.
pub(super) fn prose(text: &str) -> String {
    let safe = String::from(Untrusted::from(text).display_safe(None));
    escaped(&safe)
}

/// Text that is safe already, as prose.
pub(super) fn escaped(safe: &str) -> String {
    let mut out = String::with_capacity(safe.len() + 16);
    let mut before = ' ';
    let mut chars = safe.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let inside_word = before.is_alphanumeric() && next.is_alphanumeric();
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '#' | '!' | '@' | '$' => true,
            // Underscores inside a word mean nothing; escaped they make names unreadable.
            '_' => !inside_word,
            // `https://…` and `www.…` become links by themselves.
            ':' => next == '/',
            '.' => out.len() >= 3 && out[out.len() - 3..].eq_ignore_ascii_case("www"),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_end_a_cell_or_their_code() {
        assert_eq!(code("public.idx_a", Place::Cell), "`public.idx_a`");
        assert_eq!(code("a|b", Place::Cell), "`a\\|b`");
        assert_eq!(code("a|b", Place::Text), "`a|b`");
        assert_eq!(code("a`b", Place::Cell), "``a`b``");
        assert_eq!(code("``", Place::Cell), "``` `` ```");
        assert_eq!(code("a\nb", Place::Cell), "`a␊b`");
        assert_eq!(code("", Place::Cell), "–");
        assert_eq!(code("  ", Place::Cell), "–");
    }

    #[test]
    fn prose_starts_no_element_and_no_link() {
        let hostile = "*a* _b_ [x](javascript:y) <b>|</b> `c` # h ![i](u) https://evil.example www.evil.example a@b.c idx_a_b";
        let out = prose(hostile);
        assert!(out.contains("idx_a_b"), "{out}");
        for part in ["*a", "[x]", "<b>", "`c", " _b", "https://", "www.e", "a@b"] {
            assert!(!out.contains(part) || out.contains(&format!("\\{part}")), "{part} in {out}");
        }
        assert!(!out.contains("https://") && !out.contains("www.e") && !out.contains("a@b"));
    }
}
