//! How deep a statement may make the parser descend. An overflow of the stack ends the process, so that nothing deep
//! reaches it.

use super::super::lexis::{Kind, lexeme};

/// Stack that reading needs, in bytes: one level of the parser's recursion was measured at under 8 KiB in a debug build.
pub const STACK: usize = 128 << 20;
/// Words and signs that may hang on each other, one inside of or behind another without a comma in between.
const DEEPEST: usize = 8_000;
/// Brackets inside of each other.
const BRACKETS: usize = 1_000;

/// Whether the parser can take `text`.
pub(super) fn bearable(text: &str) -> bool {
    let head = text.trim_start().as_bytes();
    // Only these hold programs in strings.
    let bodies = [&b"do"[..], b"create"]
        .iter()
        .any(|it| head.get(..it.len()).is_some_and(|word| word.eq_ignore_ascii_case(it)));
    fits(text.as_bytes(), if bodies { Strings::Programs } else { Strings::Data }, 0)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strings {
    Data,
    Programs,
}

fn fits(bytes: &[u8], strings: Strings, level: usize) -> bool {
    // Each open bracket with the words that came before it.
    let mut outer: Vec<usize> = Vec::new();
    let (mut below, mut chain) = (0_usize, 0_usize);
    let mut at = 0;
    while at < bytes.len() {
        let found = lexeme(bytes, at);
        match found.kind {
            Kind::Space | Kind::Comment => {}
            Kind::Sign(b',' | b';') => chain = 0,
            Kind::Sign(b'(' | b'[') => {
                below += chain + 1;
                outer.push(chain + 1);
                chain = 0;
            }
            Kind::Sign(b')' | b']') => {
                if let Some(before) = outer.pop() {
                    below -= before;
                    chain = before;
                }
            }
            Kind::Dollar { inside: (start, end), .. } => {
                if level > 4 || !fits(&bytes[start..end], strings, level + 1) {
                    return false;
                }
                chain += 1;
            }
            Kind::Text { inside: (start, end), .. } => {
                if strings == Strings::Programs
                    && (level > 4 || !fits(&bytes[start..end], strings, level + 1))
                {
                    return false;
                }
                chain += 1;
            }
            Kind::Word | Kind::Quoted { .. } | Kind::Sign(_) => chain += 1,
        }
        if outer.len() > BRACKETS || below + chain > DEEPEST {
            return false;
        }
        at = found.end;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deep_is_refused_and_what_is_only_long_is_not() {
        let deep = format!("select {}1{}", "(".repeat(1_001), ")".repeat(1_001));
        assert!(!bearable(&deep));
        assert!(!bearable(&format!("select {} 1", "not ".repeat(9_000))));
        assert!(!bearable(&format!("do $a$ {deep} $a$")));
        assert!(bearable(&format!("insert into t values {}", "(1, 2, 'a'), ".repeat(50_000))));
    }
}
