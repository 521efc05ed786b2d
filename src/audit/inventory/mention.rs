//! Columns in the expressions and conditions of an index.

use std::ops::Range;

use crate::audit::lexis::{Kind, lexeme};
use crate::sql::{IndexShape, KeyKind, fold, quote_ident};

/// Whether an index goes with a column.
pub(super) fn uses(shape: &IndexShape, column: &str) -> bool {
    shape.include.iter().any(|it| it == column)
        || shape.keys.iter().any(|key| match &key.kind {
            KeyKind::Column(name) => name == column,
            KeyKind::Expression => !mentions(&key.text, column).is_empty(),
        })
        || shape.predicate.as_deref().is_some_and(|text| !mentions(text, column).is_empty())
}

/// Gives a column its new name wherever the index speaks of it, as the server does.
pub(super) fn rename(shape: &mut IndexShape, from: &str, to: &str) {
    for key in &mut shape.keys {
        match &mut key.kind {
            KeyKind::Column(name) if name == from => {
                to.clone_into(name);
                key.text = quote_ident(to);
            }
            KeyKind::Column(_) => {}
            KeyKind::Expression => key.text = renamed(&key.text, from, to),
        }
    }
    for column in shape.include.iter_mut().filter(|column| *column == from) {
        to.clone_into(column);
    }
    if let Some(predicate) = &mut shape.predicate {
        *predicate = renamed(predicate, from, to);
    }
}

fn renamed(text: &str, from: &str, to: &str) -> String {
    let mut result = text.to_owned();
    for range in mentions(text, from).into_iter().rev() {
        result.replace_range(range, &quote_ident(to));
    }
    result
}

/// Where a column is mentioned: a name that is no function, no type and no schema.
fn mentions(text: &str, column: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut before = "";
    let mut at = 0;
    while at < text.len() {
        let this = lexeme(text.as_bytes(), at);
        let word = &text[at..this.end];
        let range = at..this.end;
        at = this.end;
        if matches!(this.kind, Kind::Space | Kind::Comment) {
            continue;
        }
        if matches!(this.kind, Kind::Word | Kind::Quoted { .. })
            && fold(word) == column
            && before != ":"
            && !before.eq_ignore_ascii_case("collate")
            && !matches!(next(text, at), Some("(" | "."))
        {
            found.push(range);
        }
        before = word;
    }
    found
}

/// The next word or sign.
fn next(text: &str, mut at: usize) -> Option<&str> {
    while at < text.len() {
        let this = lexeme(text.as_bytes(), at);
        if !matches!(this.kind, Kind::Space | Kind::Comment) {
            return text.get(at..this.end);
        }
        at = this.end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_where_a_name_is_one() {
        let table = [
            ("lower(email)", 1),
            ("LOWER(Email)", 1),
            ("lower(\"email\") || email", 2),
            ("lower(\"Email\")", 0),
            ("email(a)", 0),
            ("a::email", 0),
            ("note = 'email'", 0),
            ("users.email IS NULL", 1),
            ("a COLLATE email", 0),
            ("email /* email */ (a)", 0),
        ];
        for (text, times) in table {
            assert_eq!(mentions(text, "email").len(), times, "{text}");
        }
        assert_eq!(
            renamed("Email > 'email' AND lower(email) = ''", "email", "E mail"),
            r#""E mail" > 'email' AND lower("E mail") = ''"#
        );
    }
}
