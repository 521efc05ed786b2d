//! SET, RESET and `set_config`.

use std::borrow::Cow;

use squawk_syntax::SyntaxNode;

use super::{Scope, Setting, StatementKind};
use crate::sql::{fold, significant};

/// SET of a parameter. The words that SQL has for some of them (TIME ZONE, NAMES) count as names.
pub(super) fn set(node: &SyntaxNode) -> Option<StatementKind> {
    let words = words(node);
    let mut rest = words.iter().skip(1).map(String::as_str).peekable();
    let scope = match rest.peek().map(|it| it.to_ascii_lowercase()).as_deref() {
        Some("local") => {
            rest.next();
            Scope::Local
        }
        Some("session") => {
            rest.next();
            Scope::Session
        }
        Some(_) | None => Scope::Session,
    };
    let mut name = fold(rest.next()?).to_ascii_lowercase();
    while rest.peek() == Some(&".") {
        rest.next();
        name = format!("{name}.{}", fold(rest.next()?).to_ascii_lowercase());
    }
    if rest.peek().is_some_and(|it| *it == "=" || it.eq_ignore_ascii_case("to")) {
        rest.next();
    }
    let values: Vec<&str> = rest.collect();
    // `SET SCHEMA 'a'` is another word for the path.
    if name == "schema" || name == "search_path" {
        let schemas = values.iter().filter(|it| **it != ",").map(|it| listed(it));
        return Some(match values.as_slice() {
            [only] if only.eq_ignore_ascii_case("default") => path(None, scope),
            _ => path(schemas.map(Cow::into_owned).find(|it| it != USER), scope),
        });
    }
    Some(setting(&name, &values, scope))
}

/// RESET of a parameter, or of all.
pub(super) fn reset(node: &SyntaxNode) -> Option<StatementKind> {
    let words = words(node);
    let name: Vec<String> = words.iter().skip(1).map(|it| fold(it).to_ascii_lowercase()).collect();
    if name.is_empty() {
        return None;
    }
    Some(setting(&name.concat(), &["default"], Scope::Session))
}

/// `SELECT set_config('name', 'value', is_local)`.
pub(super) fn set_config(node: &SyntaxNode) -> Option<StatementKind> {
    let words: Vec<String> = significant(node).take(12).map(|token| token.text().to_owned()).collect();
    let at = words.iter().position(|it| it.eq_ignore_ascii_case("set_config"))?;
    if at > 3 {
        return None;
    }
    let [open, name, first, value, second, local, close] = words.get(at + 1..at + 8)? else { return None };
    let text = |word: &String| word.starts_with('\'') && word.ends_with('\'') && word.len() > 1;
    if [open, first, second, close] != ["(", ",", ",", ")"] || !text(name) {
        return None;
    }
    let scope = if local.eq_ignore_ascii_case("true") { Scope::Local } else { Scope::Session };
    Some(setting(&unquoted(name).to_ascii_lowercase(), &[value], scope))
}

fn setting(name: &str, values: &[&str], scope: Scope) -> StatementKind {
    let default = matches!(values, [only] if only.eq_ignore_ascii_case("default"));
    if name == "search_path" {
        let first = values.first().filter(|_| !default).and_then(|value| first_schema(value));
        return path(first, scope);
    }
    let value = values.iter().map(|it| unquoted(it)).collect::<Vec<_>>().join(" ");
    StatementKind::Set(Setting { name: name.to_owned(), value: (!default).then_some(value), scope })
}

/// Whether a COMMIT or ROLLBACK leaves a transaction open.
pub(super) fn goes_on(node: &SyntaxNode) -> bool {
    let words: Vec<String> = words(node).iter().map(|it| it.to_ascii_lowercase()).collect();
    let no_chain = words.windows(2).any(|pair| pair == ["no", "chain"]);
    (words.iter().any(|it| it == "chain") && !no_chain)
        || words.iter().any(|it| matches!(it.as_str(), "to" | "prepared"))
}

/// Whether a word stands in a statement.
pub(super) fn says(node: &SyntaxNode, word: &str) -> bool {
    significant(node).any(|token| {
        let text = token.text();
        text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    })
}

fn words(node: &SyntaxNode) -> Vec<String> {
    significant(node).map(|token| token.text().to_owned()).filter(|it| it != ";").collect()
}

fn unquoted(value: &str) -> String {
    match value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(inside) => inside.replace("''", "'"),
        None => value.to_owned(),
    }
}

/// The schema of the user's own name, which is hardly ever there.
const USER: &str = "$user";

fn path(first: Option<String>, scope: Scope) -> StatementKind {
    StatementKind::SearchPath { first: first.filter(|it| !it.is_empty()), scope }
}

/// A schema of a list: a string is one name as it stands, whatever is in it.
fn listed(word: &str) -> Cow<'_, str> {
    if word.starts_with('\'') { Cow::Owned(unquoted(word)) } else { fold(word) }
}

/// The first schema of a list in one string, as `set_config` takes it.
fn first_schema(value: &str) -> Option<String> {
    let list = unquoted(value);
    let first = list.split(',').map(|it| fold(it.trim()).into_owned()).find(|it| it != USER);
    first.filter(|it| !it.is_empty())
}
