//! CREATE INDEX that stops every writer.

use super::{Case, Found, Rule, shown};
use crate::audit::document::{Part, PartKind};
use crate::audit::host::{Framework, Language, Use};
use crate::audit::layout::Tool;
use crate::lint::Severity;
use crate::lint::series::Nature;

pub(super) const RULE: Rule = Rule {
    id: "missing-concurrently",
    severity: Severity::Error,
    summary: "CREATE INDEX without CONCURRENTLY on a table that others use",
    why: "A plain CREATE INDEX takes a SHARE lock on the table and keeps it for the whole build: every INSERT, UPDATE and \
          DELETE waits until it is over, and whatever queues behind those waits too. With CONCURRENTLY writes go on; on a \
          table of a million rows the slowest UPDATE beside it took 11 ms, beside a plain build it took as long as the \
          build.\n\n\
          A table that the same file makes is not reported: nobody else can have it yet. Nor are temporary tables, which \
          nobody else sees, nor ON ONLY, which builds nothing. Partitioned tables have a rule of their own.\n\n\
          CONCURRENTLY cannot run in a transaction, so that the migration has to be taken out of the one that most tools \
          open around it. If it fails, an INVALID index stays: look for it before you build again.",
    bad: &[("migrations/0007_orders.sql", "«CREATE INDEX» idx_orders_customer ON orders (customer_id);\n")],
    good: &[(
        "migrations/0007_orders.sql",
        "CREATE INDEX CONCURRENTLY idx_orders_customer ON orders (customer_id);\n\n\
         -- Nobody has this table yet.\n\
         CREATE TABLE returns (id bigint PRIMARY KEY, order_id bigint);\n\
         CREATE INDEX idx_returns_order ON returns (order_id);\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for (act, index) in case.indexes() {
        let shape = &index.shape;
        let partitioned = case.series.nature(&shape.table) == Some(Nature::Partitioned);
        if shape.concurrently || shape.only || partitioned || case.is_nobodys(&shape.table, act) {
            continue;
        }
        let message = format!(
            "this build stops every write to {} until it is over",
            shown(&shape.table)
        );
        let help = format!("write {}", instead(act.part, case.file.subject.language));
        let mut it = Found::at(act, case.file.head(act.statement), message, help);
        // One that fails leaves something behind where there was nothing before: UNIQUE may fail, and IF NOT EXISTS would
        // take what is left for whole.
        let safe = !shape.unique && !shape.if_not_exists && shape.name.is_some();
        if safe && case.series.nature(&shape.table) == Some(Nature::Plain) {
            it.fix = case.concurrently_behind(act, 2);
        }
        found.push(it);
    }
}

/// The way to CONCURRENTLY in the words of whoever runs the statement.
fn instead(part: Option<&Part>, language: Option<Language>) -> &'static str {
    match part.map(|it| &it.kind) {
        Some(PartKind::Declared(Framework::Alembic | Framework::SqlAlchemy)) => {
            "postgresql_concurrently=True inside of `with op.get_context().autocommit_block():`"
        }
        Some(PartKind::Declared(Framework::Django)) => {
            "AddIndexConcurrently, and `atomic = False` in the migration"
        }
        Some(PartKind::Declared(Framework::Rails)) => {
            "`algorithm: :concurrently`, and `disable_ddl_transaction!` in the migration"
        }
        Some(PartKind::Declared(Framework::Sequelize)) => "`concurrently: true`, outside of a transaction",
        Some(PartKind::Declared(Framework::PgMigrate)) => "`concurrently: true`, and `pgm.noTransaction()`",
        Some(PartKind::Declared(
            Framework::Knex | Framework::TypeOrm | Framework::Kysely | Framework::DbMigrate,
        )) => "CREATE INDEX CONCURRENTLY as a raw statement, and `transaction: false` for this migration",
        Some(PartKind::File(tool)) => match tool {
            Tool::Diesel => {
                "CREATE INDEX CONCURRENTLY alone in its file, and `run_in_transaction = false` in metadata.toml beside it"
            }
            Tool::UpDown => {
                "CREATE INDEX CONCURRENTLY alone in its file; sqlx needs `-- no-transaction` as its first line"
            }
            Tool::Flyway => "CREATE INDEX CONCURRENTLY in a migration that holds nothing else",
            Tool::Prisma => "CREATE INDEX CONCURRENTLY alone in its migration",
            Tool::Dbmate => {
                "CREATE INDEX CONCURRENTLY alone in its half of the file, below `-- migrate:up transaction:false`"
            }
            Tool::Goose => "CREATE INDEX CONCURRENTLY, and `-- +goose NO TRANSACTION` at the top of the file",
            Tool::Plain | Tool::Program => "CREATE INDEX CONCURRENTLY, outside of a transaction",
        },
        Some(PartKind::Text(Use::Executed(_))) => match language {
            Some(Language::Python) => {
                "CREATE INDEX CONCURRENTLY outside of a transaction: `autocommit_block()` in Alembic, `atomic = False` in Django"
            }
            Some(Language::Ruby) => {
                "CREATE INDEX CONCURRENTLY, and `disable_ddl_transaction!` in the migration"
            }
            Some(Language::Go) => {
                "CREATE INDEX CONCURRENTLY outside of a transaction: `goose.AddMigrationNoTx` in goose"
            }
            Some(Language::JavaScript | Language::TypeScript | Language::Tsx) => {
                "CREATE INDEX CONCURRENTLY, and `transaction: false` (knex), `transaction = false` (TypeORM) or `pgm.noTransaction()`"
            }
            Some(Language::Java) => {
                "CREATE INDEX CONCURRENTLY, and a `canExecuteInTransaction` that returns false"
            }
            None => "CREATE INDEX CONCURRENTLY, outside of a transaction",
        },
        Some(PartKind::Text(_) | PartKind::Declared(Framework::List)) | None => {
            "CREATE INDEX CONCURRENTLY, outside of a transaction"
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        places(super::RULE.id, files)
    }

    #[test]
    fn what_nobody_else_can_have_is_left_alone() {
        for text in [
            "create table t (a int); create index on t (a);",
            "create table s.t (a int); create index on t (a);",
            "create table if not exists t (a int); create index if not exists i on s.t (a);",
            "create table t (a int); alter table t rename to u; create index on u (a);",
            "create table t as select 1 a; create index on t (a);",
            "select 1 a into t; create index on t (a);",
            "create materialized view v as select 1 a; create unique index on v (a);",
            "create temp table t (a int); create index on t (a);",
            "create index on pg_temp.t (a);",
            "create index concurrently i on t (a);",
            "create index i on only t (a);",
            "do $$ begin create table t (a int); create index on t (a); end $$;",
        ] {
            assert_eq!(found(&[("1.sql", text)]), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_others_may_have_is_found() {
        for (text, place) in [
            ("create index on t (a); create table t (a int);", "1.sql:1:1"),
            ("create table s.t (a int); create index on u.t (a);", "1.sql:1:27"),
            ("create unique index i on t (a);", "1.sql:1:1"),
            ("do $$ begin execute 'create index i on t (a)'; end $$;", "1.sql:1:22"),
            ("-- create index a\n/* b */ CREATE /* c */ INDEX i ON t (a);", "1.sql:2:9"),
            ("create function f() returns void language sql as 'create index i on t (a)';", "1.sql:1:51"),
        ] {
            assert_eq!(found(&[("1.sql", text)]), [place], "{text}");
        }
        let both = "-- migrate:up\ndrop table t;\n-- migrate:down\ncreate index i on t (a);\n";
        assert_eq!(found(&[("1.sql", both)]), ["1.sql:4:1"]);
    }

    #[test]
    fn tables_of_the_file_before_are_others_already() {
        let files = [("1.sql", "create table t (a int);"), ("2.sql", "create index i on t (a);")];
        assert_eq!(found(&files), ["2.sql:1:1"]);
        let files = [("1.sql", "create temp table t (a int);"), ("2.sql", "create index i on t (a);")];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn frameworks_make_tables_in_their_own_words() {
        for (path, text, wanted) in [
            (
                "1.py",
                "def upgrade():\n    op.create_table('t', sa.Column('a'))\n    op.create_index('i', 't', ['a'])\n    op.create_index('j', 'u', ['a'])\n",
                "1.py:4:5",
            ),
            (
                "1.rb",
                "class A < ActiveRecord::Migration[7.1]\n  def change\n    create_table :t do |t|\n      t.index :a\n    end\n    add_index :t, :b\n    add_index :u, :b\n  end\nend\n",
                "1.rb:7:5",
            ),
            (
                "app/migrations/0001.py",
                "class Migration(migrations.Migration):\n    operations = [\n        migrations.CreateModel(name='T', fields=[]),\n        migrations.AddIndex(model_name='t', index=models.Index(fields=['a'], name='i')),\n        migrations.AddIndex(model_name='u', index=models.Index(fields=['a'], name='j')),\n    ]\n",
                "app/migrations/0001.py:5:9",
            ),
        ] {
            assert_eq!(found(&[(path, text)]), [wanted], "{path}");
        }
    }
}
