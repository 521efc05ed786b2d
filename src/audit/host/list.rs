//! Lists of dictionaries with name, table and sql: the registry that teams write by hand.

use tree_sitter::Node;

use super::call::pair;
use super::declared::{Act, Framework};
use super::fact::{Extract, Known};
use super::tree::children_of;
use super::value::{declaration, index_name, table_name, text};
use super::walk::{Setting, Walk};

/// Keys under which such a list keeps a statement.
const STATEMENTS: [&str; 5] = ["sql", "ddl", "statement", "query", "create_sql"];
/// Keys under which it keeps a name.
const NAMES: [&str; 3] = ["name", "index_name", "index"];
/// Keys under which it keeps a table.
const TABLES: [&str; 3] = ["table", "table_name", "tablename"];

/// Notes a dictionary that has a statement that creates an index, and a name or a table beside it.
pub(super) fn entry<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>, place: Setting<'t>) {
    let source = walk.source;
    let mut pairs = Vec::new();
    for child in children_of(node) {
        if child.kind() == "pair"
            && let Some(pair) = pair(source, child)
        {
            pairs.push(pair);
        }
    }
    let find = |keys: &[&str]| pairs.iter().find(|(key, _)| keys.contains(key)).map(|(_, value)| *value);
    let Some(sql) = find(&STATEMENTS) else { return };
    let (name, table) = (find(&NAMES), find(&TABLES));
    if name.is_none() && table.is_none() {
        return;
    }
    let statement = match text(source, sql) {
        Known::Known(statement) => statement,
        // Not constant: the fragment of the same range has what is known of it.
        Known::Unknown(_) => source.of(sql).to_owned(),
    };
    let lower = statement.to_ascii_lowercase();
    let act = if lower.contains("drop index") { Act::Drop } else { Act::Create };
    if !lower.contains("index") {
        return;
    }
    let mut index = declaration(source, Framework::List, act, node, place);
    index.name = index_name(source, name);
    index.table = table_name(source, table);
    index.keys = Known::Unknown(source.unknown(sql));
    walk.declare(index);
}

/// Ties each entry to the fragment that its statement is.
pub(super) fn resolve(found: &mut Extract) {
    let Extract { fragments, declared, .. } = found;
    let places: std::collections::HashMap<_, _> =
        fragments.iter().enumerate().map(|(at, fragment)| (fragment.range.clone(), at)).collect();
    for index in declared.iter_mut().filter(|index| index.framework == Framework::List) {
        if let Known::Unknown(sql) = &index.keys {
            index.fragment = places.get(&sql.range).copied();
        }
    }
}
