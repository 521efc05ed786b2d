//! Django's migrations.

use super::super::{Direction, Language, Marker, TableName, Transaction};
use super::{executed, known, lines, read};

/// A migration with these operations.
fn migration(head: &str, operations: &str) -> String {
    format!(
        "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n{head}\n    dependencies \
         = [('app', '0001_initial')]\n\n    operations = [\n{operations}\n    ]\n"
    )
}

#[test]
fn operations_declare_indexes() {
    let table = [
        (
            "migrations.AddIndex(model_name='order', index=models.Index(fields=['a', '-b'], name='i'))",
            "create i on model order (a,b desc)",
        ),
        (
            "AddIndexConcurrently('order', GinIndex(fields=['a'], name='i', opclasses=['gin_trgm_ops']))",
            "create i on model order (a gin_trgm_ops) concurrently using gin",
        ),
        (
            "migrations.AddIndex('o', models.Index(Lower('a').desc(), 'b', name='i', include=['c'], condition=Q(d=1)))",
            "create i on model o (<lower(\"a\")> desc,b) include c where Q(d=1)",
        ),
        ("migrations.AddIndex('o', models.Index(fields=['a']))", "create ? on model o (a)"),
        ("migrations.AddIndex('o', make_index())", "create ? on model o (?)"),
        ("migrations.RemoveIndex(model_name='o', name='i')", "drop i on model o ()"),
        ("RemoveIndexConcurrently('o', 'i')", "drop i on model o () concurrently"),
        ("migrations.RenameIndex('o', new_name='j', old_name='i')", "rename i on model o () to j"),
        (
            "migrations.AddConstraint('o', models.UniqueConstraint(fields=['a'], name='u'))",
            "create u on model o (a) unique backing",
        ),
        (
            "migrations.AddConstraint('o', models.UniqueConstraint(fields=['a'], name='u', condition=Q(b=1)))",
            "create u on model o (a) unique where Q(b=1)",
        ),
        (
            "migrations.AddConstraint('o', models.UniqueConstraint(fields=['a'], name='u', nulls_distinct=False))",
            "create u on model o (a) unique nulls not distinct backing",
        ),
    ];
    for (operation, wanted) in table {
        assert_eq!(
            lines(&read(Language::Python, &migration("", operation))),
            [wanted.to_owned()],
            "{operation}"
        );
    }
    let check = "migrations.AddConstraint('o', models.CheckConstraint(check=Q(a=1), name='c'))";
    assert_eq!(lines(&read(Language::Python, &migration("", check))), Vec::<String>::new());
}

#[test]
fn a_new_model_brings_its_indexes_and_its_table() {
    let text = migration(
        "",
        "migrations.CreateModel(name='Order', fields=[('id', models.AutoField())], options={'db_table': 'shop_orders', \
         'indexes': [models.Index(fields=['a'], name='i')], 'constraints': [models.UniqueConstraint(fields=['b'], \
         name='u')]}),\nmigrations.AddIndex('order', models.Index(fields=['c'], name='j')),\nmigrations.AddIndex('other', \
         models.Index(fields=['c'], name='k'))",
    );
    let found = read(Language::Python, &text);
    assert_eq!(
        lines(&found),
        [
            "create i on shop_orders (a)",
            "create u on shop_orders (b) unique backing",
            "create j on shop_orders (c)",
            "create k on model other (c)",
        ]
    );
    assert_eq!(found.models.len(), 1);
    assert_eq!(found.models[0].table, Some(known("shop_orders")));
    assert_eq!(found.declared[3].table, TableName::OfModel("other".to_owned()));
}

#[test]
fn sql_is_told_forward_and_back_from_strings_lists_and_pairs() {
    let text = migration(
        "    atomic = False\n",
        "migrations.RunSQL('CREATE INDEX a ON t (a)', 'DROP INDEX a'),\nmigrations.RunSQL(sql=['CREATE INDEX b ON t (b)', \
         ('CREATE INDEX c ON t (c)', None)], reverse_sql=[('DROP INDEX b', [])]),\nmigrations.RunSQL('DROP INDEX d', \
         migrations.RunSQL.noop)",
    );
    let found = read(Language::Python, &text);
    let told: Vec<_> =
        found.fragments.iter().map(|fragment| (fragment.sql.text(), fragment.direction)).collect();
    assert_eq!(
        told,
        [
            ("CREATE INDEX a ON t (a)", Direction::Up),
            ("DROP INDEX a", Direction::Down),
            ("CREATE INDEX b ON t (b)", Direction::Up),
            ("CREATE INDEX c ON t (c)", Direction::Up),
            ("DROP INDEX b", Direction::Down),
            ("DROP INDEX d", Direction::Up),
        ]
    );
    let outside = Transaction::Outside(Marker::AtomicFalse);
    assert!(found.fragments.iter().all(|fragment| fragment.transaction == outside));
    assert!(found.fragments.iter().all(|fragment| fragment.used == executed("migrations.RunSQL")));
    assert_eq!(found.transaction, outside);
}

#[test]
fn a_migration_is_in_a_transaction_unless_it_says_otherwise() {
    let found = read(Language::Python, &migration("", "migrations.RunSQL('DROP INDEX d')"));
    assert_eq!(found.transaction, Transaction::Inside);
    assert_eq!(found.fragments[0].transaction, Transaction::Inside);
    let found = read(Language::Python, &migration("    atomic = True\n", ""));
    assert_eq!(found.transaction, Transaction::Inside);
}

#[test]
fn operations_that_only_tell_django_what_is_there_declare_nothing() {
    let text = migration(
        "",
        "migrations.SeparateDatabaseAndState(database_operations=[migrations.RunSQL('CREATE INDEX i ON t (a)')], \
         state_operations=[migrations.AddIndex('o', models.Index(fields=['a'], name='i'))]),\nmigrations.RunSQL('CREATE \
         INDEX j ON t (a)', state_operations=[migrations.AddIndex('o', models.Index(fields=['a'], name='j'))])",
    );
    let found = read(Language::Python, &text);
    assert_eq!(lines(&found), Vec::<String>::new());
    assert_eq!(found.fragments.len(), 2);
}
