//! CONCURRENTLY in one query with other statements.

use super::{Case, Found, Rule};
use crate::audit::document::PartKind;
use crate::audit::layout::Tool;
use crate::lint::sent::Sent;
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "several-statements-at-once",
    severity: Severity::Error,
    summary: "CONCURRENTLY sent in one query with other statements, which the server refuses",
    why: "When a query holds several statements, the server runs them as one transaction, and refuses CONCURRENTLY in it with \
          25001 just as between BEGIN and COMMIT. A COMMIT inside of the query does not help: the next statement opens the \
          next implicit transaction.\n\n\
          Tools that leave their own transaction out still send the whole file as one query: Diesel, dbmate, sqlx, \
          golang-migrate, Prisma. So the file may hold CREATE INDEX CONCURRENTLY and nothing else. goose and Flyway send \
          one statement after the other, and so does psql with a file; `psql -c 'SET …; CREATE INDEX …'` does not. In \
          programs the same holds for one string with several statements.",
    bad: &[(
        "prisma/migrations/20260101_orders/migration.sql",
        "ALTER TABLE orders ADD COLUMN customer_id bigint;\n\
         «CREATE INDEX» CONCURRENTLY idx_orders_customer ON orders (customer_id);\n",
    )],
    good: &[(
        "prisma/migrations/20260102_orders/migration.sql",
        "CREATE INDEX CONCURRENTLY idx_orders_customer ON orders (customer_id);\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for (act, what) in case.concurrent() {
        let Sent::Together(count) = act.sent else { continue };
        let (whole, help) = match act.part.map(|it| &it.kind) {
            Some(PartKind::Text(_)) => ("this string", "send it in a call of its own"),
            Some(PartKind::File(Tool::UpDown)) => (
                "sqlx and golang-migrate send this file as a whole; it",
                "move it to a file of its own; sqlx needs `-- no-transaction` as its first line",
            ),
            Some(PartKind::File(Tool::Prisma)) => {
                ("Prisma sends this file as a whole; it", "move it to a migration of its own")
            }
            Some(PartKind::File(Tool::Diesel)) => {
                ("Diesel sends this file as a whole; it", "move it to a migration of its own")
            }
            Some(PartKind::File(Tool::Dbmate)) => (
                "dbmate sends this half of the file as a whole; it",
                "move it to a file of its own with `transaction:false`",
            ),
            Some(PartKind::File(_) | PartKind::Declared(_)) | None => {
                ("this file is sent as a whole; it", "move it to a file of its own")
            }
        };
        let message =
            format!("{whole} holds {count} statements, which the server runs as one transaction and refuses {what} in");
        found.push(Found::at(act, case.file.head(act.statement), message, help));
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    fn found(path: &str, text: &str) -> usize {
        places(super::RULE.id, &[(path, text)]).len()
    }

    const INDEX: &str = "create index concurrently i on t (a);";

    #[test]
    fn whoever_sends_a_file_as_a_whole_sends_it_alone() {
        let several = format!("set lock_timeout = 0; {INDEX}");
        for (path, head) in [
            ("p/1/migration.sql", ""),
            ("1_a.up.sql", ""),
            ("1_a.up.sql", "-- no-transaction\n"),
            ("1.sql", "-- no-transaction\n"),
            ("1.sql", "-- migrate:up transaction:false\n"),
        ] {
            assert_eq!(found(path, &format!("{head}{several}")), 1, "{path} {head}");
            assert_eq!(found(path, &format!("{head}{INDEX}")), 0, "{path} {head}");
        }
        for (path, head) in [
            ("1.sql", ""),
            ("1.sql", "-- +goose NO TRANSACTION\n-- +goose Up\n"),
            ("1.sql", "-- migrate:up\n"),
        ] {
            assert_eq!(found(path, &format!("{head}{several}")), 0, "{path} {head}");
        }
    }

    #[test]
    fn a_commit_in_the_same_query_does_not_help() {
        assert_eq!(found("p/1/migration.sql", &format!("begin; commit; {INDEX}")), 1);
    }

    #[test]
    fn a_string_that_is_run_is_one_query() {
        assert_eq!(found("1.py", &format!("cur.execute(\"set lock_timeout = 0; {INDEX}\")\n")), 1);
        assert_eq!(found("1.py", &format!("cur.execute(\"{INDEX}\")\n")), 0);
        // Nobody is seen to run it: it may be split.
        assert_eq!(found("1.py", &format!("SQL = \"set lock_timeout = 0; {INDEX}\"\n")), 0);
        assert_eq!(
            found("1.rb", &format!("class A < ActiveRecord::Migration[7.1]\n  disable_ddl_transaction!\n  def up\n    execute \"{INDEX} {INDEX}\"\n  end\nend\n")),
            2
        );
    }

    #[test]
    fn what_could_not_be_read_counts_as_a_statement() {
        assert_eq!(found("p/1/migration.sql", &format!("{INDEX} create index on on; {INDEX}")), 2);
        assert_eq!(found("p/1/migration.sql", &format!("{INDEX} do $$ begin select 1; end $$;")), 1);
    }
}
