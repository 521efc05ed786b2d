//! Names that the server cuts.

use super::{Case, Found, Rule};
use crate::audit::statement::{Constraint, StatementKind, TableAction};
use crate::lint::Severity;
use crate::sql::MAX_IDENT_BYTES;

pub(super) const RULE: Rule = Rule {
    id: "name-too-long",
    severity: Severity::Error,
    summary: "an index name over 63 bytes, which the server cuts",
    why: "PostgreSQL keeps 63 bytes of a name and cuts the rest with a NOTICE that most tools never show. Two long names that \
          differ at their ends become one: the second CREATE INDEX fails with 42P07, or with IF NOT EXISTS is skipped and \
          reported as a success. Bytes count, not characters. The name of a constraint that is backed by an index is the \
          name of the index.",
    bad: &[(
        "migrations/0007_orders.sql",
        "CREATE INDEX CONCURRENTLY «idx_orders_customer_id_and_status_and_created_at_and_total_for_report»\n    ON orders (customer_id, status, created_at, total);\n",
    )],
    good: &[(
        "migrations/0007_orders.sql",
        "CREATE INDEX CONCURRENTLY idx_orders_report ON orders (customer_id, status, created_at, total);\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for act in &case.file.acts {
        for name in names(&act.statement.kind) {
            if name.len() <= MAX_IDENT_BYTES || name.contains('…') {
                continue;
            }
            let mut end = MAX_IDENT_BYTES;
            while !name.is_char_boundary(end) {
                end -= 1;
            }
            let message = format!("this name has {} bytes; the server makes it {}", name.len(), &name[..end]);
            let range = case.file.mention(act.statement, name);
            found.push(Found::at(act, range, message, format!("shorten it to {MAX_IDENT_BYTES} bytes")));
        }
    }
}

/// Names that a statement gives to indexes.
fn names(kind: &StatementKind) -> Vec<&str> {
    if let StatementKind::CreateIndex(index) = kind {
        index.shape.name.as_deref().into_iter().collect()
    } else if let StatementKind::RenameIndex { to, .. } = kind {
        vec![to]
    } else if let StatementKind::CreateTable(table) = kind {
        table.constraints.iter().filter_map(of_constraint).collect()
    } else if let StatementKind::AlterTable { actions, .. } = kind {
        actions
            .iter()
            .filter_map(|action| if let TableAction::Add(it) = action { of_constraint(it) } else { None })
            .collect()
    } else {
        Vec::new()
    }
}

fn of_constraint(constraint: &Constraint) -> Option<&str> {
    constraint.name.as_deref()
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    #[test]
    fn bytes_count_and_constraints_too() {
        let fits = "x".repeat(63);
        let long = "x".repeat(64);
        let wide = "ä".repeat(32);
        for (text, wanted) in [
            (format!("create index concurrently {fits} on t (a);"), 0),
            (format!("create index concurrently {long} on t (a);"), 1),
            (format!("create index concurrently {wide} on t (a);"), 1),
            (format!("alter index i rename to {long};"), 1),
            (format!("create table t (a int constraint {long} unique);"), 1),
            (format!("alter table t add constraint {long} unique using index i;"), 1),
            (format!("create table {long} (a int);"), 0),
        ] {
            assert_eq!(places(super::RULE.id, &[("1.sql", &text)]).len(), wanted, "{text}");
        }
    }
}
