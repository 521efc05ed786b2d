//! Conditions on which database a program talks to: it is PostgreSQL.

use tree_sitter::Node;

use super::word::text_of;
use super::{Bound, elements, eval};
use crate::audit::host::tree::{Source, children_of};

/// What drivers and frameworks call PostgreSQL.
const OURS: [&str; 10] = [
    "postgresql",
    "postgres",
    "pg",
    "psycopg2",
    "psycopg",
    "asyncpg",
    "postgis",
    "pgsql",
    "pgx",
    "postgresql+psycopg2",
];
/// What they call others.
const OTHERS: [&str; 18] = [
    "mysql",
    "mysql2",
    "mysql+pymysql",
    "trilogy",
    "mariadb",
    "sqlite",
    "sqlite3",
    "better-sqlite3",
    "mssql",
    "tedious",
    "sqlserver",
    "oracle",
    "oracledb",
    "oracle_enhanced",
    "db2",
    "ibm_db_sa",
    "snowflake",
    "bigquery",
];
/// Parts of the names of what says which database it is.
const TOLD_BY: [&str; 14] = [
    "dialect",
    "adapter",
    "vendor",
    "config.client",
    "options.type",
    "drivername",
    "driver_name",
    "db_type",
    "dbtype",
    "database_type",
    "databasetype",
    "engine.name",
    "backend_name",
    "db_engine",
];

/// Whether a comparison with the name of a database holds where that is PostgreSQL; `None` for any other comparison.
pub(super) fn is_ours<'t>(
    source: &Source<'t>,
    left: Node<'t>,
    operator: &str,
    right: Node<'t>,
) -> Option<bool> {
    let is = match operator {
        "==" | "===" | "is" | "!=" | "!==" | "is not" => {
            let one = named(source, right).filter(|_| tells(source, left));
            one.or_else(|| named(source, left).filter(|_| tells(source, right)))?
        }
        "in" | "not in" if tells(source, left) => among(source, right)?,
        // `"postgresql" in bind.dialect.name`
        "in" | "not in" if tells(source, right) => named(source, left)?,
        _ => return None,
    };
    Some(is != matches!(operator, "!=" | "!==" | "is not" | "not in"))
}

/// Whether a list of databases holds ours; `None` when something else is in it, too.
pub(super) fn among<'t>(source: &Source<'t>, list: Node<'t>) -> Option<bool> {
    let all = elements(source, list).ok()?;
    let each: Option<Vec<bool>> = all.iter().map(|it| ours(&text_of(source, it)?)).collect();
    each.filter(|each| !each.is_empty()).map(|each| each.contains(&true))
}

/// Whether the name of our database, which an expression says, begins with a text that begins the name of one.
pub(super) fn begins<'t>(source: &Source<'t>, told: Node<'t>, text: Node<'t>) -> Option<bool> {
    let text = text_of(source, &eval(source, text))?.to_lowercase();
    let begins = |known: &[&str]| known.iter().any(|name| name.starts_with(&text));
    if text.len() < 2 || !tells(source, told) {
        return None;
    }
    if begins(&OURS) { Some(true) } else { begins(&OTHERS).then_some(false) }
}

/// Whether an expression says which database it is.
pub(super) fn tells<'t>(source: &Source<'t>, node: Node<'t>) -> bool {
    let says = |node: Node<'t>| {
        let text = source.of(node).to_lowercase();
        text.len() < 200 && TOLD_BY.iter().any(|part| text.contains(part))
    };
    says(node)
        || match eval(source, node) {
            Bound::Node(value) | Bound::Unknown(value) => says(value),
            Bound::Text(..) | Bound::Number(_) | Bound::List(_) | Bound::Map(_) => false,
        }
}

/// Whether something in a condition says which database it is, so that the condition may be decided.
pub(super) fn asks<'t>(source: &Source<'t>, condition: Node<'t>) -> bool {
    let mut work = vec![condition];
    let mut left = 50;
    while let Some(node) = work.pop() {
        left -= 1;
        if left == 0 {
            return false;
        }
        let plain = matches!(
            node.kind(),
            "identifier" | "attribute" | "member_expression" | "selector_expression" | "call"
        );
        if plain && tells(source, node) {
            return true;
        }
        work.extend(children_of(node));
    }
    false
}

fn named<'t>(source: &Source<'t>, node: Node<'t>) -> Option<bool> {
    ours(&text_of(source, &eval(source, node))?)
}

fn ours(name: &str) -> Option<bool> {
    let name = name.to_lowercase();
    let is = |known: &[&str]| known.contains(&name.as_str());
    if is(&OURS) { Some(true) } else { is(&OTHERS).then_some(false) }
}
