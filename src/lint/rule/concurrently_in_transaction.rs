//! CONCURRENTLY where the server refuses it.

use super::{Case, Found, Rule};
use crate::lint::sent::{Sent, Wrapper};
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "concurrently-in-transaction",
    severity: Severity::Error,
    summary: "CONCURRENTLY inside of a transaction, where the server refuses it",
    why: "A concurrent build commits several times and waits for other transactions, so that it cannot be part of one. The \
          server refuses it with 25001, `… cannot run inside a transaction block`; inside of a DO block or a routine with \
          25001, `… cannot be executed from a function`, whatever the block commits before.\n\n\
          Most migration tools open a transaction around each file. Each has its own mark that says not to: \
          `run_in_transaction = false` in Diesel's metadata.toml, `-- no-transaction` at the very beginning for sqlx, \
          `transaction:false` behind dbmate's `-- migrate:up`, `-- +goose NO TRANSACTION`, `executeInTransaction=false` in \
          Flyway's `.sql.conf` (a migration that holds only CREATE and DROP INDEX CONCURRENTLY needs none), Alembic's \
          `autocommit_block()`, Django's `atomic = False`, Rails' `disable_ddl_transaction!`, `transaction: false` of knex and \
          `transaction = false` of TypeORM, `pgm.noTransaction()`, goose's `AddMigrationNoTx`, Flyway's \
          `canExecuteInTransaction`.\n\n\
          A COMMIT before it ends the transaction, also the tool's, and is counted; a savepoint does not.",
    bad: &[(
        "migrations/0007_orders.sql",
        "BEGIN;\nALTER TABLE orders ADD COLUMN customer_id bigint;\n\
         «CREATE INDEX» CONCURRENTLY idx_orders_customer ON orders (customer_id);\nCOMMIT;\n",
    )],
    good: &[(
        "migrations/0007_orders.sql",
        "BEGIN;\nALTER TABLE orders ADD COLUMN customer_id bigint;\nCOMMIT;\n\
         CREATE INDEX CONCURRENTLY idx_orders_customer ON orders (customer_id);\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for (act, what) in case.concurrent() {
        let Sent::Inside(wrapper) = act.sent else { continue };
        let (message, help) = match wrapper {
            Wrapper::Begin(place) => (
                format!("{what} in the transaction that begins at {place}: the server refuses it"),
                "end the transaction with COMMIT before it, or move it out of the file".to_owned(),
            ),
            Wrapper::Tool(tool) => (
                format!("{what} in the transaction that {tool} opens around it: the server refuses it"),
                leave(tool).to_owned(),
            ),
            Wrapper::FlywayMixed => (
                format!("{what} beside statements that need a transaction: Flyway refuses the migration"),
                "move it to a migration of its own".to_owned(),
            ),
            Wrapper::Block => (
                format!("{what} in a DO block: the server refuses it"),
                "write it as a statement of the file, or let psql's \\gexec run what a query returns".to_owned(),
            ),
            Wrapper::Routine => (
                format!("{what} in a routine: the server refuses it"),
                "run it from outside of the database".to_owned(),
            ),
        };
        found.push(Found::at(act, case.file.head(act.statement), message, help));
    }
}

/// How the transaction of a tool is left out.
fn leave(tool: &str) -> &'static str {
    match tool {
        "Diesel" => "write `run_in_transaction = false` into metadata.toml beside it",
        "sqlx" => "write `-- no-transaction` as the very first line of the file",
        "dbmate" => "write `transaction:false` behind `-- migrate:up` or `-- migrate:down`",
        "goose" => "write `-- +goose NO TRANSACTION` at the top of the file",
        "Flyway" => "write `executeInTransaction=false` into a file of the same name with `.conf` behind it",
        "Alembic" => "put it into `with op.get_context().autocommit_block():`",
        "Django" => "write `atomic = False` in the migration",
        "Rails" => "write `disable_ddl_transaction!` in the migration",
        _ => "turn the transaction off for this migration: `autocommit_block()` in Alembic, `atomic = False` in Django",
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    const INDEX: &str = "create index concurrently i on t (a);";

    fn found(path: &str, text: &str) -> Vec<String> {
        places(super::RULE.id, &[(path, text)])
    }

    #[test]
    fn each_tools_mark_is_known() {
        for (path, wrapped, free) in [
            ("m/1_a/up.sql", "{}", ""),
            ("1.sql", "-- migrate:up\n{}", "-- migrate:up transaction:false\n{}"),
            ("1.sql", "-- +goose Up\n{}", "-- +goose NO TRANSACTION\n-- +goose Up\n{}"),
            ("V1__a.sql", "select 1;\n{}", "{}"),
            ("1.sql", "begin;\n{}", "begin; commit;\n{}"),
            ("1.sql", "begin; savepoint a; rollback to a;\n{}", "begin; rollback;\n{}"),
            ("1.sql", "begin; commit and chain;\n{}", "begin; commit and no chain;\n{}"),
            ("1.sql", "start transaction;\n{}", "{}"),
            ("1.sql", "do $$ begin commit; {} end $$;", "{}"),
            ("1.sql", "create procedure p() language plpgsql as $$ begin {} end $$;", "{}"),
            ("1.py", "def upgrade():\n    op.execute('{}')\n", "def upgrade():\n    with op.get_context().autocommit_block():\n        op.execute('{}')\n"),
            ("1.py", "def upgrade():\n    op.execute('{}')\n", "def upgrade():\n    op.execute('COMMIT')\n    op.execute('{}')\n"),
            (
                "1.py",
                "def upgrade():\n    op.create_index('i', 't', ['a'], postgresql_concurrently=True)\n",
                "def upgrade():\n    with op.get_context().autocommit_block():\n        op.create_index('i', 't', ['a'], postgresql_concurrently=True)\n",
            ),
            (
                "1.py",
                "class Migration(migrations.Migration):\n    operations = [migrations.RunSQL('{}')]\n",
                "class Migration(migrations.Migration):\n    atomic = False\n    operations = [migrations.RunSQL('{}')]\n",
            ),
            (
                "1.rb",
                "class A < ActiveRecord::Migration[7.1]\n  def change\n    add_index :t, :a, algorithm: :concurrently\n  end\nend\n",
                "class A < ActiveRecord::Migration[7.1]\n  disable_ddl_transaction!\n  def change\n    add_index :t, :a, algorithm: :concurrently\n  end\nend\n",
            ),
            ("1.js", "exports.up = (knex) => knex.raw('{}');\n", "exports.config = { transaction: false };\nexports.up = (knex) => knex.raw('{}');\n"),
            ("1.js", "exports.up = (pgm) => { pgm.sql('{}'); };\n", "exports.up = (pgm) => { pgm.noTransaction(); pgm.sql('{}'); };\n"),
            (
                "1.ts",
                "class A { async up(queryRunner: QueryRunner) { await queryRunner.query(`{}`); } }\n",
                "class A { transaction = false; async up(queryRunner: QueryRunner) { await queryRunner.query(`{}`); } }\n",
            ),
        ] {
            let wrapped = wrapped.replace("{}", INDEX);
            assert_eq!(found(path, &wrapped).len(), 1, "{path}: {wrapped}");
            let free = free.replace("{}", INDEX);
            assert_eq!(found(path, &free), [""; 0], "{path}: {free}");
        }
    }

    #[test]
    fn drops_and_rebuilds_count_too_and_what_is_generated_for_psql_does_not() {
        let text = "begin; drop index concurrently i; reindex index concurrently j; commit;";
        assert_eq!(found("1.sql", text).len(), 2);
        let text = "select 'create index concurrently i on t (a)' \\gexec\n";
        assert_eq!(found("1.sql", text), [""; 0]);
        // Flyway does not know that REINDEX needs it.
        assert_eq!(found("V1__a.sql", "reindex index concurrently j;").len(), 1);
    }

    #[test]
    fn a_settings_file_beside_it_counts() {
        for (path, settings, says) in [
            ("m/1_a/up.sql", "m/1_a/metadata.toml", "run_in_transaction = false\n"),
            ("V1__a.sql", "V1__a.sql.conf", "executeInTransaction=false\n"),
        ] {
            let text = format!("select 1; {INDEX}");
            assert_eq!(places(super::RULE.id, &[(path, &text), (settings, says)]), [""; 0], "{path}");
        }
    }

    #[test]
    fn one_file_that_sqlx_alone_understands_tells_who_runs_the_others() {
        let marked = ("m/1_a.up.sql", "-- no-transaction\ncreate index concurrently i on t (a);");
        let other = ("m/2_b.up.sql", "create index concurrently j on t (b);");
        assert_eq!(places(super::RULE.id, &[marked, other]), ["m/2_b.up.sql:1:1"]);
        assert_eq!(places(super::RULE.id, &[other]), [""; 0]);
    }
}
