//! An expression that the planner knows nothing about.

use super::{Case, Found, Rule, shown};
use crate::audit::statement::StatementKind;
use crate::lint::series::same;
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "expression-without-analyze",
    severity: Severity::Warning,
    summary: "an index on an expression without ANALYZE behind it",
    why: "An index on an expression gives the planner statistics about it, but only after the next ANALYZE of the table: until \
          then there is no row for it in pg_stats, and the planner guesses. On a table of a million rows it expected 5000 \
          rows where there were 200, and 199 after ANALYZE (12, 14, 16 and 18 alike). Autovacuum does not come because of a new \
          index, only after enough rows have changed.\n\n\
          Run ANALYZE when the build is over, not beside it: while CONCURRENTLY builds on the table, an ANALYZE of it ends the \
          build with a deadlock.",
    bad: &[(
        "migrations/0007_users.sql",
        "«CREATE INDEX» CONCURRENTLY idx_users_email ON users (lower(email));\n",
    )],
    good: &[(
        "migrations/0007_users.sql",
        "CREATE INDEX CONCURRENTLY idx_users_email ON users (lower(email));\nANALYZE users;\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for (act, index) in case.indexes().filter(|(_, index)| index.shape.has_expression()) {
        let table = &index.shape.table;
        let behind = case.file.acts.iter().filter(|it| {
            it.direction == act.direction && it.statement.at > act.statement.at
        });
        let analyzed = behind.into_iter().any(|it| {
            if let StatementKind::Analyze(tables) = &it.statement.kind {
                tables.is_empty() || tables.iter().any(|it| same(it, table))
            } else {
                false
            }
        });
        if analyzed || case.is_nobodys(table, act) {
            continue;
        }
        let message = "the planner knows nothing about this expression until the next ANALYZE".to_owned();
        let help = format!("write ANALYZE {} behind it, when the build is over", shown(table));
        found.push(Found::at(act, case.file.head(act.statement), message, help));
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    #[test]
    fn an_analyze_of_the_table_or_of_all_behind_it_is_enough() {
        let index = "create index concurrently i on s.t (lower(a));";
        for (text, wanted) in [
            (index.to_owned(), 1),
            (format!("analyze t; {index}"), 1),
            (format!("{index} analyze u;"), 1),
            (format!("{index} analyze t;"), 0),
            (format!("{index} analyze;"), 0),
            (format!("{index} vacuum (analyze) s.t;"), 0),
            ("create index concurrently i on t (a) where lower(a) = 'x';".to_owned(), 0),
            ("create table t (a text); create index i on t (lower(a));".to_owned(), 0),
        ] {
            assert_eq!(places(super::RULE.id, &[("1.sql", &text)]).len(), wanted, "{text}");
        }
    }
}
