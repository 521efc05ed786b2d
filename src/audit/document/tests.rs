//! Programs, as they are read with their SQL and their declarations.

use super::super::host::{Language, TableName, extract};
use super::super::statement::StatementKind;
use super::{Direction, Document, PartKind, Snapshots, Tables, declare, of_host};

struct Nothing;

impl Tables for Nothing {
    fn of_model(&self, model: &str) -> Option<String> {
        Some(format!("app_{}", model.to_lowercase()))
    }
}

fn read(language: Language, text: &str) -> Document {
    let found = extract(language, text);
    let mut document = of_host(text, &found);
    declare(&mut document, &found.declared, Snapshots::Counted, &Nothing);
    document
}

fn shown(document: &Document) -> Vec<String> {
    let kind = |kind: &StatementKind| {
        if let StatementKind::CreateIndex(index) = kind {
            let shape = &index.shape;
            let keys: Vec<String> = shape.keys.iter().map(crate::sql::IndexKey::render).collect();
            let name = shape.name.as_deref().unwrap_or("-");
            let how = if shape.concurrently { " concurrently" } else { "" };
            format!("create {name} on {} ({}){how}", shape.table.name, keys.join(", "))
        } else if let StatementKind::DropIndex { names, .. } = kind {
            format!("drop {}", names[0].name)
        } else if let StatementKind::Dml(change) = kind {
            format!("{:?} of {}", change.dml, change.tables[0].name)
        } else {
            format!("{kind:?}")
        }
    };
    let direction = |direction: Direction| match direction {
        Direction::Up => "up",
        Direction::Down => "down",
    };
    document
        .statements
        .iter()
        .chain(&document.undoing)
        .map(|it| {
            let part = document.part(it).unwrap();
            format!("{} {} {}", it.place, direction(part.direction), kind(&it.kind))
        })
        .collect()
}

#[test]
fn a_migration_of_alembic_has_its_sql_its_calls_and_both_ways() {
    let text = r#"
revision = "b"
down_revision = "a"

def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("ix_a", "orders", ["a", sa.text("b DESC")], postgresql_concurrently=True)
    op.execute(f"""
        -- cicerone:allow backfill: seeded by hand
        CREATE INDEX ix_{NAME} ON {TABLE} (a);
        UPDATE orders SET a = %s
    """)

def downgrade():
    op.drop_index("ix_a", table_name="orders")
"#;
    let document = read(Language::Python, text);
    assert_eq!(
        shown(&document),
        [
            "7:9 up create ix_a on orders (a, b DESC) concurrently",
            "10:9 up create ix_… on … (a)",
            "11:9 up Update of orders",
            "15:5 down drop ix_a"
        ]
    );
    assert_eq!(document.unread, []);
    assert_eq!(document.notes[0].text, "allow backfill: seeded by hand");
    assert_eq!(document.notes[0].place.line, 9);
    assert!(matches!(document.parts[0].kind, PartKind::Text(_)), "{:?}", document.parts);
    for statement in &document.statements {
        assert!(text.is_char_boundary(statement.at) && text.is_char_boundary(statement.end));
        assert!(statement.at < statement.end, "{statement:?}");
    }
    assert_eq!(&text[document.statements[2].at..document.statements[2].end], "UPDATE orders SET a = %s");
}

#[test]
fn a_model_gives_its_table_and_what_only_running_would_tell_is_said() {
    let document = read(
        Language::Python,
        r#"
class Migration(migrations.Migration):
    atomic = False
    operations = [
        AddIndexConcurrently("Order", models.Index(fields=["a", "-b"], name="ix_order")),
        migrations.RunSQL(sql, "DROP INDEX y"),
        migrations.RunSQL("CREATE INDEX x ON t (a", "DROP INDEX x"),
    ]
"#,
    );
    assert_eq!(
        shown(&document),
        [
            "5:9 up create ix_order on app_order (a, b DESC) concurrently",
            "6:33 down drop y",
            "7:54 down drop x"
        ]
    );
    let unread: Vec<String> = document.unread.iter().map(|it| format!("{} {}", it.place, it.why)).collect();
    assert_eq!(unread.len(), 1, "{unread:?}");
    assert!(document.unread[0].why.is_broken(), "{unread:?}");
}

#[test]
fn a_primary_key_of_alembic_is_one_and_its_name_the_servers() {
    let text = "def upgrade():\n    op.create_table('t', sa.Column('a', sa.Integer(), primary_key=True), sa.Column('b', sa.Integer(), primary_key=True))\n    op.create_index('i', 't', ['a'])\n";
    let document = read(Language::Python, text);
    let series = [super::super::inventory::Chapter { statements: &document.statements }];
    let inventory = super::super::inventory::take(&series);
    let names: Vec<(&str, &str, usize)> = inventory
        .entries
        .iter()
        .map(|it| (it.index.name.as_str(), it.class().words().1, it.covered_by.len()))
        .collect();
    assert_eq!(
        names,
        [("t_pkey", "it backs a PRIMARY KEY", 0), ("i", "no rule about the data rests on it", 1)]
    );
}

#[test]
fn sql_among_keys_says_what_it_says_in_a_statement() {
    let table = [
        (r#"sa.text("b DESC NULLS LAST")"#, "b DESC NULLS LAST"),
        (r#"sa.text("b gin_trgm_ops")"#, "b gin_trgm_ops"),
        (r#"sa.text("lower(b) COLLATE \"C\"")"#, r#"lower(b) COLLATE "C""#),
        (r#"sa.text("(a + b)")"#, "(a + b)"),
        (r#"sa.text("(a + b) * (c + d)")"#, "((a + b) * (c + d))"),
        (r#"sa.text("b, c DESC")"#, "b, c DESC"),
        (r#"sa.text("a + b")"#, "(a + b)"),
        (r#"sa.text("lower(b)").desc()"#, "lower(b) DESC"),
        (r#"sa.text("b) WHERE (c")"#, "(b) WHERE (c)"),
    ];
    for (written, sent) in table {
        let text = format!("def upgrade():\n    op.create_index('i', 't', [{written}])\n");
        let document = read(Language::Python, &text);
        assert_eq!(shown(&document), [format!("2:5 up create i on t ({sent})")], "{written}");
    }
}

#[test]
fn an_index_of_which_nearly_all_is_put_in_is_told_as_read_or_as_not_read() {
    let table = [
        ("f'CREATE {unique}INDEX {name} ON {table} ({columns})'", 0, 1),
        ("f'CREATE {unique} INDEX {name} ON {table} {rest};'", 0, 1),
        ("f'CREATE INDEX {name} ON {table} {rest}'", 0, 1),
        ("f'CREATE UNIQUE INDEX {name} ON {table} ({columns})'", 1, 0),
        ("f'create index on {table}'", 0, 0),
    ];
    for (text, read_as, unread) in table {
        let document = read(
            Language::Python,
            &format!("def sql(unique, name, table, columns, rest):\n    return {text}\n"),
        );
        assert_eq!((document.statements.len(), document.unread.len()), (read_as, unread), "{text}");
    }
}

#[test]
fn a_name_with_a_schema_is_taken_apart() {
    assert_eq!(Nothing.text(&TableName::Given("a.b".to_owned())), Some("a.b".to_owned()));
    let document = read(
        Language::Ruby,
        "class A < ActiveRecord::Migration[7.1]\n  disable_ddl_transaction!\n  def change\n    add_index \"crm.leads\", :email, unique: true, algorithm: :concurrently\n    remove_index :leads, column: [:a, :b]\n  end\nend\n",
    );
    let StatementKind::CreateIndex(index) = &document.statements[0].kind else { panic!("{document:?}") };
    assert_eq!(index.shape.table.schema.as_deref(), Some("crm"));
    assert_eq!(shown(&document)[1], "5:5 up drop index_leads_on_a_and_b");
}

#[test]
fn prose_is_dropped_and_a_string_that_is_run_is_believed_or_said() {
    let document = read(
        Language::Python,
        r#"
log.info("Update the index " + name + " set = 1")
notes.append(f"set trace retention to {x} = y")
QUERY = "SELECT * FROM t WHERE id IN %s AND kind = %(kind)s"
cursor.execute("DELETE FROM t WHERE id IN :ids")
cursor.execute("DELETE FRM t")
BROKEN = "DELETE FROM t WHERE ("
run.execute("set", "link")
cursor.execute("UPDATE `t` JOIN `u` SET a = 1")
"#,
    );
    let unread: Vec<String> =
        document.unread.iter().map(|it| format!("{} {}", it.place, it.why.is_broken())).collect();
    assert_eq!(unread, ["6:23 true", "7:32 false", "9:23 false"], "{:?}", document.unread);
    assert_eq!(document.statements.len(), 2, "{:?}", document.statements);
}

#[test]
fn a_program_that_only_its_compiler_understands_is_out_of_reach_and_broken_where_it_has_sql() {
    for (text, broken) in [
        ("export type * from './a';\n", false),
        ("export type * from './a';\ndb.query('CREATE INDEX a ON b (c)');\n", true),
    ] {
        let document = read(Language::TypeScript, text);
        assert!(document.unread.iter().all(|it| it.why.is_broken() == broken), "{:?}", document.unread);
        assert!(!document.unread.is_empty());
    }
}

#[test]
fn what_is_done_to_tables_stands_in_order_with_the_indexes() {
    let text = "\
def upgrade():
    op.create_table('t', sa.Column('a', sa.Text(), index=True))
    op.alter_column('t', 'a', new_column_name='b')
    op.rename_table('t', 'u')
    op.drop_column('u', 'b')

def downgrade():
    op.drop_table('t')
";
    let document = read(Language::Python, text);
    let kinds: Vec<_> = document
        .statements
        .iter()
        .map(|it| {
            if let StatementKind::CreateTable(table) = &it.kind {
                format!("{} table {}", it.place, table.table.name)
            } else if let StatementKind::CreateIndex(index) = &it.kind {
                format!("{} index on {}", it.place, index.shape.table.name)
            } else {
                format!("{} {:?}", it.place, it.kind)
            }
        })
        .collect();
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    assert_eq!(kinds[0], "2:5 table t");
    assert_eq!(kinds[1], "2:26 index on t");
    assert!(kinds[2].contains("RenameColumn(\"a\", \"b\")"), "{}", kinds[2]);
    assert!(kinds[3].contains("Rename(\"u\")"), "{}", kinds[3]);
    assert!(kinds[4].contains("DropColumn(\"b\")"), "{}", kinds[4]);
    assert!(matches!(document.undoing[0].kind, StatementKind::DropTable(_)));
}
