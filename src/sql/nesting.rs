//! Limits that are checked before the parser sees a text.
//!
//! The parser descends recursively: measured with squawk-syntax 2.68.0, 20,000 nested parentheses overflow an
//! 8 MiB stack and abort the process. No error handling can catch that, so nothing deep or long reaches it.

use super::problem::{SqlProblem, SqlProblemKind};

/// Longest statement that is read, in bytes.
pub const MAX_SQL_BYTES: usize = 64 * 1024;
/// Deepest nesting of parentheses and brackets that is read.
pub const MAX_NESTING: usize = 500;
/// Most words and signs that are read. Every level of recursion costs at least one, prefix operators included, and the
/// parser needs time in the square of a chain of operators (measured: 7,900 of them, 4 to 10 s in a debug build).
pub const MAX_TOKENS: usize = 2_000;

/// How much work a text is for the parser, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    /// Words and signs, an upper bound of the recursion's depth.
    pub(super) tokens: usize,
}

/// Measures a text, or says why it is too much. Counts inside literals and comments too: the bound may be generous,
/// never short.
pub(super) fn measure(text: &str) -> Result<Load, SqlProblem> {
    if text.len() > MAX_SQL_BYTES {
        return Err(SqlProblem { span: 0..0, kind: SqlProblemKind::TooLong { bytes: text.len() } });
    }
    let mut tokens = 0_usize;
    let mut depth = 0_usize;
    let mut in_word = false;
    for (at, byte) in text.bytes().enumerate() {
        let wordy = byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        let continues = wordy && in_word;
        if !continues && !byte.is_ascii_whitespace() {
            tokens += 1;
        }
        in_word = wordy;
        match byte {
            0 => return Err(SqlProblem { span: at..at + 1, kind: SqlProblemKind::NulCharacter }),
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err(SqlProblem { span: at..at + 1, kind: SqlProblemKind::TooDeep });
        }
        if tokens > MAX_TOKENS {
            return Err(SqlProblem { span: at..at, kind: SqlProblemKind::TooManyTokens });
        }
    }
    Ok(Load { tokens })
}
