//! Definitions that the server words in another way once it has read its own words.
//!
//! What `pg_get_indexdef` says is not always what it would say of an index made from that text: `v IN ('a')` on a varchar
//! becomes `(ARRAY['a'::varchar])::text[]`, and that, read again, `ARRAY[('a'::varchar)::text]`; `a BETWEEN 1 AND 2 AND b`
//! loses a pair of parentheses (12-18). A dump that is restored, or a registry that was imported, has the later words. So
//! where two definitions differ in the words of expressions alone, the server is given both to read again.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::attempt;
use super::index_name;
use crate::domain::catalog::{Definition, Expected, IndexFacts};
use crate::domain::id::EntryKey;
use crate::pg::error::PgError;
use crate::pg::session::Session;
use crate::ports::EntryRequest;
use crate::sql::{IndexShape, KeyKind};

/// Gives an expected definition the words of the live index that it is the same as. Runs inside the transaction in which
/// tables are cloned.
pub(super) async fn settle(
    session: &Session,
    entries: &[EntryRequest],
    indexes: &[IndexFacts],
    found: &mut BTreeMap<EntryKey, Expected>,
) -> Result<(), PgError> {
    for entry in entries {
        let Some(Ok(wanted)) = found.get(&entry.key) else { continue };
        let name = index_name(entry);
        let named = indexes.iter().find(|index| index.name == name);
        let near = indexes.iter().filter(|index| named.is_none_or(|named| named.oid == index.oid));
        let near: Vec<&Definition> =
            near.filter(|index| index.table == entry.table).map(|index| &index.definition).collect();
        if near.iter().any(|live| live.serves_like(wanted)) {
            continue;
        }
        for live in near.into_iter().filter(|live| differ_in_words(&entry.shape, wanted, live)) {
            if same(session, entry, wanted, live).await? {
                let words = Definition {
                    columns: live.columns.clone(),
                    predicate: live.predicate.clone(),
                    ..wanted.clone()
                };
                found.insert(entry.key.clone(), Ok(words));
                break;
            }
        }
    }
    Ok(())
}

/// Whether both differ, and in nothing but how expressions are written. An expression of the live index that names anything
/// outside of pg_catalog that the entry does not name is not read again: reading it could run a function of somebody else.
fn differ_in_words(shape: &IndexShape, wanted: &Definition, live: &Definition) -> bool {
    let traits = |it: &Definition| {
        let columns: Vec<_> =
            it.columns.iter().map(|it| (it.opclass.clone(), it.collation.clone(), it.option)).collect();
        (it.method.clone(), it.unique, it.key_count, columns, it.predicate.is_some())
    };
    let computed =
        |position: usize| shape.keys.get(position).is_some_and(|key| key.kind == KeyKind::Expression);
    let columns = wanted.columns.iter().zip(&live.columns).enumerate();
    traits(wanted) == traits(live)
        && !wanted.serves_like(live)
        && columns.clone().all(|(position, (one, two))| one.text == two.text || computed(position))
        && foreign(live).is_subset(&foreign(wanted))
}

/// Everything that a definition's expressions name with a schema, and fields of rows, which look the same.
fn foreign(definition: &Definition) -> BTreeSet<String> {
    let texts =
        definition.columns.iter().map(|column| column.text.as_str()).chain(definition.predicate.as_deref());
    texts.flat_map(dotted).collect()
}

/// Words of a text with a dot in them, strings and numbers aside.
fn dotted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    for letter in text.chars().chain([' ']) {
        match quote {
            Some(open) => {
                if letter == open {
                    quote = None;
                }
                if open == '"' {
                    word.push(letter);
                }
                continue;
            }
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            None => {}
        }
        if letter.is_alphanumeric() || matches!(letter, '_' | '$' | '"' | '.') {
            word.push(letter);
            continue;
        }
        let number = word.starts_with(|first: char| first.is_ascii_digit());
        if word.contains('.') && !number {
            found.push(std::mem::take(&mut word));
        }
        word.clear();
    }
    found
}

/// Whether the server says the same of both, or of one what it says of the other read again.
async fn same(
    session: &Session,
    entry: &EntryRequest,
    wanted: &Definition,
    live: &Definition,
) -> Result<bool, PgError> {
    let request = |index: &str, words: &Definition| EntryRequest {
        index: index.to_owned(),
        shape: reworded(&entry.shape, words),
        ..entry.clone()
    };
    let (one, two) = (request("wanted", wanted), request("live", live));
    let Ok(mut again) = attempt(session, &[&one, &two]).await? else { return Ok(false) };
    let (Some(of_wanted), Some(of_live)) = (again.remove("wanted"), again.remove("live")) else {
        return Ok(false);
    };
    Ok(of_live.serves_like(&of_wanted) || of_live.serves_like(wanted) || of_wanted.serves_like(live))
}

/// The shape with the server's words for its expressions.
fn reworded(shape: &IndexShape, words: &Definition) -> IndexShape {
    let mut shape = shape.clone();
    for (key, column) in shape.keys.iter_mut().zip(&words.columns) {
        if key.kind == KeyKind::Expression {
            key.text.clone_from(&column.text);
        }
    }
    shape.predicate.clone_from(&words.predicate);
    shape
}

#[cfg(test)]
mod tests {
    use super::dotted;

    #[test]
    fn names_with_a_schema_are_found_and_strings_and_numbers_are_none() {
        for (text, wanted) in [
            ("((a = 'x.y'::text) AND (b > 1.5))", vec![]),
            ("(tools.f(a) = 'it''s.a'::public.mood)", vec!["tools.f", "public.mood"]),
            ("(a OPERATOR(tools.>>>) \"b.c\")", vec!["tools.", "\"b.c\""]),
            ("\"Odd \"\"x\".\"f g\"(a)", vec!["\"Odd \"\"x\".\"f g\""]),
            ("((pair).one = 3)", vec![".one"]),
        ] {
            assert_eq!(dotted(text), wanted, "{text}");
        }
    }
}
