//! A unique index on rows that nobody has looked at.

use super::{Case, Found, Rule, shown};
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unique-on-existing-table",
    severity: Severity::Warning,
    summary: "a UNIQUE index on a table that has rows already",
    why: "Whether it can be built depends on the data of each database, and how large the table is cannot be seen in a \
          migration: so every UNIQUE index on a table that the same file does not make is reported. One duplicate ends the \
          build with 23505. Plain, it has stopped all writes until then for nothing. Concurrent, it leaves an INVALID index \
          that, once it is ready, rejects new duplicates although it guards nothing and no query uses it. Look for duplicates \
          first, correct them, and be ready to drop what a failed build leaves.",
    bad: &[(
        "migrations/0007_orders.sql",
        "«CREATE UNIQUE INDEX» CONCURRENTLY idx_orders_number ON orders (number);\n",
    )],
    good: &[(
        "migrations/0007_returns.sql",
        "CREATE TABLE returns (id bigint PRIMARY KEY, number text);\n\
         CREATE UNIQUE INDEX idx_returns_number ON returns (number);\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for (act, index) in case.indexes().filter(|(_, index)| index.shape.unique) {
        let table = &index.shape.table;
        if case.is_nobodys(table, act) {
            continue;
        }
        let message = format!("one duplicate in {} ends this build; its rows and its size cannot be seen here", shown(table));
        let help = "look for duplicates first, and drop what a failed build leaves";
        found.push(Found::at(act, case.file.head(act.statement), message, help));
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    #[test]
    fn plain_indexes_and_new_tables_are_no_risk() {
        for (text, wanted) in [
            ("create unique index i on t (a);", 1),
            ("create index i on t (a);", 0),
            ("create table t (a int); create unique index i on t (a);", 0),
            ("create temp table t (a int); create unique index i on t (a);", 0),
        ] {
            assert_eq!(places(super::RULE.id, &[("1.sql", text)]).len(), wanted, "{text}");
        }
    }
}
