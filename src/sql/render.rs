//! Source text written again on one line, without its comments.

use std::ops::Range;

use squawk_syntax::{SyntaxKind, SyntaxNode, SyntaxToken};

/// The tokens of `node` with every run of white space and comments folded to one space.
///
/// Two string literals that a line break joins into one keep that line break: on one line they would be an error.
pub(crate) fn one_line(node: &SyntaxNode) -> String {
    let mut sql = String::new();
    let mut previous: Option<SyntaxToken> = None;
    let mut gap = Gap::None;
    for token in tokens(node) {
        if is_trivia(token.kind()) {
            gap = gap.and(&token);
            continue;
        }
        if let Some(previous) = &previous {
            let joined = is_string(previous.kind()) && is_string(token.kind()) && gap == Gap::Line;
            match gap {
                Gap::None => {}
                Gap::Line if joined => sql.push('\n'),
                Gap::Line | Gap::Space => sql.push(' '),
            }
        }
        sql.push_str(token.text());
        gap = Gap::None;
        previous = Some(token);
    }
    sql
}

/// Adjacent tokens that together would start a comment. The lexer never yields them for text that it understood.
pub(super) fn comment_residue(node: &SyntaxNode) -> Option<Range<usize>> {
    let mut previous: Option<SyntaxToken> = None;
    for token in tokens(node).filter(|token| !is_trivia(token.kind())) {
        if let Some(before) = &previous {
            let touching = before.text_range().end() == token.text_range().start();
            let pair = (before.kind(), token.kind());
            let opens = matches!(
                pair,
                (SyntaxKind::MINUS, SyntaxKind::MINUS) | (SyntaxKind::SLASH, SyntaxKind::STAR)
            );
            if touching && opens {
                return Some(usize::from(before.text_range().start())..usize::from(token.text_range().end()));
            }
        }
        previous = Some(token);
    }
    None
}

/// White space or a comment.
pub(super) fn is_trivia(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::WHITESPACE | SyntaxKind::COMMENT)
}

/// All tokens of a node, in order.
pub(super) fn tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    node.descendants_with_tokens().filter_map(squawk_syntax::SyntaxElement::into_token)
}

/// What stood between two tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    None,
    Space,
    Line,
}

impl Gap {
    fn and(self, trivia: &SyntaxToken) -> Self {
        if self == Self::Line || trivia.text().contains(['\n', '\r']) { Self::Line } else { Self::Space }
    }
}

fn is_string(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::STRING
            | SyntaxKind::ESC_STRING
            | SyntaxKind::UNICODE_ESC_STRING
            | SyntaxKind::BIT_STRING
            | SyntaxKind::BYTE_STRING
    )
}
