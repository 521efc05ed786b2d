//! DROP INDEX that queues everybody behind it.

use super::{Case, Found, Rule, shown};
use crate::audit::statement::StatementKind;
use crate::lint::Severity;
use crate::lint::series::Nature;

pub(super) const RULE: Rule = Rule {
    id: "drop-index-blocks",
    severity: Severity::Warning,
    summary: "DROP INDEX without CONCURRENTLY on a table that others use",
    why: "A plain DROP INDEX needs an ACCESS EXCLUSIVE lock on the table. It is quick once it has it, but it waits for every \
          transaction that has only read the table, and while it waits every new query waits behind it, reads too. With \
          CONCURRENTLY the others go on. (It waits for them as well, takes one index at a time, and leaves the index \
          switched off when it is cut: say it again.) Where CONCURRENTLY cannot be had, as for a partitioned index, set a \
          short lock_timeout and try again.\n\n\
          Not reported: indexes of tables that the same file makes or drops.",
    bad: &[("migrations/0007_orders.sql", "«DROP INDEX» idx_orders_customer;\n")],
    good: &[("migrations/0007_orders.sql", "DROP INDEX CONCURRENTLY idx_orders_customer;\n")],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for act in &case.file.acts {
        let StatementKind::DropIndex { names, concurrently: false, .. } = &act.statement.kind else { continue };
        let risky = names.iter().find(|name| !case.is_index_of_nobody(name, act) && !partitioned(case, name));
        let Some(name) = risky else { continue };
        let message = format!(
            "while this waits for whoever uses the table of {}, everybody else waits behind it",
            shown(name)
        );
        let help = "write DROP INDEX CONCURRENTLY, outside of a transaction";
        let mut it = Found::at(act, case.file.head(act.statement), message, help);
        it.fix = match names.as_slice() {
            [only] if case.is_plain_index(only) => case.concurrently_behind(act, 2),
            _ => None,
        };
        found.push(it);
    }
}

fn partitioned(case: &Case<'_, '_>, name: &crate::sql::TableRef) -> bool {
    case.table_of(name).is_some_and(|table| case.series.nature(&table) == Some(Nature::Partitioned))
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    fn found(files: &[(&str, &str)]) -> usize {
        places(super::RULE.id, files).len()
    }

    #[test]
    fn what_goes_with_its_table_stops_nobody() {
        for (text, wanted) in [
            ("drop index i;", 1),
            ("drop index if exists i, j;", 1),
            ("drop index concurrently i;", 0),
            ("create table t (a int); create index i on t (a); drop index i;", 0),
            ("-- migrate:up\ncreate table t (a int); create index i on t (a);\n-- migrate:down\ndrop index i; drop table t;", 0),
            ("-- migrate:up\ncreate index i on t (a);\n-- migrate:down\ndrop index i;", 1),
            ("create table t (a int) partition by range (a); create index i on t (a);", 0),
        ] {
            assert_eq!(found(&[("1.sql", text)]), wanted, "{text}");
        }
        let before = ("1.sql", "create table t (a int) partition by range (a); create index i on t (a);");
        assert_eq!(found(&[before, ("2.sql", "drop index i;")]), 0);
    }

    #[test]
    fn alembics_own_way_back_is_silent_when_the_table_goes_too() {
        let text = "def upgrade():\n    op.create_table('t', sa.Column('a'))\n    op.create_index('i', 't', ['a'])\n\ndef downgrade():\n    op.drop_index('i', table_name='t')\n    op.drop_table('t')\n";
        assert_eq!(found(&[("1.py", text)]), 0);
        let text = "def upgrade():\n    pass\n\ndef downgrade():\n    op.drop_index('i', table_name='t')\n";
        assert_eq!(found(&[("1.py", text)]), 1);
    }
}
