//! Constraints that build their index under the strongest lock.

use super::{Case, Found, Rule, shown};
use crate::audit::statement::{ConstraintKind, StatementKind, TableAction};
use crate::audit::words;
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "constraint-builds-index",
    severity: Severity::Error,
    summary: "a UNIQUE, PRIMARY KEY or EXCLUDE constraint that builds its index while nobody can use the table",
    why: "ALTER TABLE … ADD UNIQUE and ADD PRIMARY KEY build an index, and hold an ACCESS EXCLUSIVE lock until it is there: nobody \
          reads or writes the table. Build the index first, with CREATE UNIQUE INDEX CONCURRENTLY, and make it a constraint with \
          ADD CONSTRAINT … USING INDEX, which takes the lock for a moment only. EXCLUDE has no such form; it is to be added \
          while the table is new or nobody uses it. A column that is added with UNIQUE or PRIMARY KEY counts too. Tables that \
          the same file makes are not reported.",
    bad: &[(
        "migrations/0007_orders.sql",
        "ALTER TABLE orders ADD «CONSTRAINT orders_number_key» UNIQUE (number);\n",
    )],
    good: &[(
        "migrations/0007_orders.sql",
        "-- cicerone:allow unique-on-existing-table: there are no duplicates, see the query in the change\n\
         CREATE UNIQUE INDEX CONCURRENTLY orders_number_key ON orders (number);\n\
         ALTER TABLE orders ADD CONSTRAINT orders_number_key UNIQUE USING INDEX orders_number_key;\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for act in &case.file.acts {
        let StatementKind::AlterTable { table, actions } = &act.statement.kind else { continue };
        if case.is_nobodys(table, act) {
            continue;
        }
        for action in actions {
            let TableAction::Add(constraint) = action else { continue };
            if constraint.using_index.is_some() {
                continue;
            }
            let text = case.file.subject.text;
            let mut near = words(text, constraint.at..act.statement.end.max(constraint.at));
            let first = near.next().map_or(constraint.at..constraint.at, |it| it);
            let named = text.get(first.clone()).is_some_and(|it| it.eq_ignore_ascii_case("constraint"));
            let end = near.next().filter(|_| named).map_or(first.end, |it| it.end);
            let message =
                format!("nobody can read or write {} while this builds its index", shown(table));
            let help = match constraint.kind {
                ConstraintKind::Exclude => "add it while nobody uses the table: there is no concurrent form",
                ConstraintKind::Unique | ConstraintKind::PrimaryKey => {
                    "write CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX"
                }
            };
            found.push(Found::at(act, first.start..end, message, help));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    #[test]
    fn only_what_builds_on_a_table_of_others_is_found() {
        for (text, wanted) in [
            ("alter table t add unique (a);", 1),
            ("alter table t add constraint c primary key (a), add column b int unique;", 2),
            ("alter table t add exclude using gist (a with &&);", 1),
            ("alter table t add constraint c unique using index i;", 0),
            ("alter table t add constraint c check (a > 0);", 0),
            ("create table t (a int); alter table t add unique (a);", 0),
            ("create table t (a int unique);", 0),
        ] {
            assert_eq!(places(super::RULE.id, &[("1.sql", text)]).len(), wanted, "{text}");
        }
    }
}
