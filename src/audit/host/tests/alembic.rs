//! Alembic's operations, as alembic 1.20 with SQLAlchemy 2.1 sends them.

use super::super::{Cause, Direction, Language, extract};
use super::{lines, read, tables};

const PYTHON: Language = Language::Python;

#[test]
fn operations_are_told_as_they_are_sent() {
    let table: [(&str, &[&str]); 17] = [
        (
            "op.create_table('t', sa.Column('a', sa.Text(), index=True), sa.Column('b', sa.Text(), unique=True), sa.Column('c', \
             sa.Text(), index=True, unique=True), sa.UniqueConstraint('a', 'b'), sa.PrimaryKeyConstraint('a'), sa.Index('i', \
             'b', sa.text('lower(a)'), unique=True, postgresql_where=sa.text('b is null')), schema='s')",
            &[
                "create (ix_s_t_a) on t (a) schema s",
                "create - on t (b) unique schema s backing",
                "create (ix_s_t_c) on t (c) unique schema s",
                "create - on t (a,b) unique schema s backing",
                "create - on t (a) unique schema s backing",
                "create i on t (b,<lower(a)>) unique where b is null schema s",
            ],
        ),
        ("op.add_column('t', sa.Column('a', sa.Text(), index=True))", &["create (ix_t_a) on t (a)"]),
        ("op.add_column('t', sa.Column('a', sa.Text(), unique=True))", &["create - on t (a) unique backing"]),
        ("op.add_column('t', sa.Column('a', sa.Text()))", &[]),
        (
            "op.create_index('i', 't', [sa.func.lower(sa.column('a')), sa.desc('b'), sa.column('d').desc().nullslast(), \
             sa.literal_column('lower(e)')])",
            &["create i on t (<lower(a)>,b desc,d desc nulls last,<lower(e)>)"],
        ),
        (
            "op.create_index('i', 't', [sa.func.coalesce(sa.column('a'), 'x'), 'a desc'], postgresql_where='b IS NULL')",
            &["create i on t (<coalesce(a, 'x')>,a desc) where b IS NULL"],
        ),
        (
            "op.create_index('i', 't', ['a'], postgresql_where=sa.column('b').is_(None))",
            &["create i on t (a) where b IS NULL"],
        ),
        (
            "op.create_index('i', 't', [t.c.a], postgresql_nulls_not_distinct=True, unique=True)",
            &["create i on t (a) unique nulls not distinct"],
        ),
        ("op.create_index(None, 't', ['a', 'b'], schema='s')", &["create (ix_s_t_a) on t (a,b) schema s"]),
        (
            "op.create_exclude_constraint('e', 't', ('a', '='), (sa.text('lower(b)'), '&&'), using='gist', where='c > 1')",
            &["create e on t (a,<lower(b)>) using gist where c > 1 backing"],
        ),
        (
            "op.create_table('t', postgresql.ExcludeConstraint(('a', '='), name='x'))",
            &["create x on t (a) using gist backing"],
        ),
        (
            "op.create_unique_constraint('u', 't', ['a'], postgresql_nulls_not_distinct=True)",
            &["create u on t (a) unique nulls not distinct backing"],
        ),
        ("op.drop_constraint('u', 't', type_='unique')", &["drop u on t () backing"]),
        ("op.drop_constraint('f', 't', type_='foreignkey')", &[]),
        (
            "op.drop_index('i', table_name='t', schema='s', if_exists=True)",
            &["drop i on t () if exists schema s"],
        ),
        (
            "with op.batch_alter_table('t', schema='s') as b:\n    b.create_index(b.f('ix'), ['a'], unique=True)\n    \
             b.create_unique_constraint('u', ['a'])\n    b.drop_index('k')\n    b.drop_constraint('z', type_='unique')\n    \
             b.add_column(sa.Column('c', sa.Text(), index=True))",
            &[
                "create ix on t (a) unique schema s",
                "create u on t (a) unique schema s backing",
                "drop k on t () schema s",
                "drop z on t () schema s backing",
                "create (ix_s_t_c) on t (c) schema s",
            ],
        ),
        ("other.create_index('i', 't', ['a'])\nTable('t', metadata, Column('a', Text(), index=True))", &[]),
    ];
    for (text, wanted) in table {
        assert_eq!(lines(&read(PYTHON, text)), wanted, "{text}");
    }
}

#[test]
fn what_is_done_to_tables_is_told() {
    let text = "\
def upgrade():
    op.create_table('t', sa.Column('a', sa.Text()), schema='s')
    op.rename_table('x', 'y')
    op.drop_column('t', 'c')
    op.alter_column('t', 'a', new_column_name='b')
    op.alter_column('t', 'a', nullable=False)
    with op.batch_alter_table('u') as batch:
        batch.drop_column('c')
        batch.alter_column('d', new_column_name='e')

def downgrade():
    op.drop_table('t', schema='s')
";
    assert_eq!(
        tables(&read(PYTHON, text)),
        [
            "s.t create",
            "x rename to y",
            "t drop column c",
            "t rename column a to b",
            "u drop column c",
            "u rename column d to e",
            "s.t drop down",
        ]
    );
}

#[test]
fn a_function_that_only_downgrade_calls_goes_back() {
    let text = "\
def _make():
    op.create_index('i', 't', ['a'])

def _drop():
    op.drop_index('i')

def _inner():
    op.execute('DROP INDEX j')

def upgrade():
    _make()

def downgrade():
    _drop()
    again()

def again():
    _inner()
";
    let found = read(PYTHON, text);
    assert_eq!(lines(&found), ["create i on t (a)", "drop i on - () down"]);
    assert_eq!(found.declared[0].direction, Direction::Up);
    assert_eq!(found.fragments[0].direction, Direction::Down);
}

#[test]
fn a_column_option_is_told_from_an_index_of_its_own() {
    let text = "op.create_table('t', sa.Column('a', sa.Text(), index=True), sa.Index('i', 'b'))";
    let causes: Vec<_> = read(PYTHON, text).declared.iter().map(|index| index.cause).collect();
    assert_eq!(causes, [Cause::Option, Cause::Said]);
}

#[test]
fn a_function_of_another_file_that_is_said_to_make_an_index_is_told() {
    let text = "from tools import create_index\n\ndef upgrade():\n    create_index('t', 'i', ['a'])\n";
    let found = extract(PYTHON, text);
    assert_eq!(found.problems.len(), 1);
    assert_eq!((found.problems[0].place.line, found.problems[0].place.column), (4, 5));
    let own =
        "def create_index(t):\n    op.create_index('i', t, ['a'])\n\ndef upgrade():\n    create_index('t')\n";
    assert_eq!(extract(PYTHON, own).problems, []);
}

#[test]
fn operations_are_known_by_whatever_name_they_are_imported() {
    let wanted = &["create i on t (a)", "drop k on t ()"][..];
    let table = [
        "from alembic.op import create_index, drop_index\n\ndef upgrade():\n    create_index('i', 't', ['a'])\n    drop_index('k', 't')\n",
        "from alembic.op import create_index as ci, drop_index as di\n\ndef upgrade():\n    ci('i', 't', ['a'])\n    di('k', 't')\n",
        "from alembic.op import *\n\ndef upgrade():\n    create_index('i', 't', ['a'])\n    drop_index('k', 't')\n",
        "from alembic import context, op as o\n\ndef upgrade():\n    o.create_index('i', 't', ['a'])\n    o.drop_index('k', 't')\n",
        "import alembic.op as o\n\ndef upgrade():\n    o.create_index('i', 't', ['a'])\n    o.drop_index('k', 't')\n",
        "import alembic.op\n\ndef upgrade():\n    alembic.op.create_index('i', 't', ['a'])\n    alembic.op.drop_index('k', 't')\n",
    ];
    for text in table {
        let found = read(PYTHON, text);
        assert_eq!(lines(&found), wanted, "{text}");
        assert!(found.problems.is_empty(), "{text}: {:?}", found.problems);
    }
    // Another module's function of that name is no operation, and what it does is not known.
    let other = extract(
        PYTHON,
        "from shop.db import create_index\n\ndef upgrade():\n    create_index('i', 't', ['a'])\n",
    );
    assert_eq!(lines(&other), [""; 0]);
    assert_eq!(other.problems.len(), 1);
}

#[test]
fn primary_keys_are_told_and_what_says_the_same_beside_them_is_not() {
    let table: [(&str, &[&str]); 5] = [
        (
            "op.create_table('t', sa.Column('a', sa.Integer(), primary_key=True), sa.Column('b', sa.Text(), primary_key=True))",
            &["create - on t (a,b) unique backing"],
        ),
        (
            "op.create_table('t', sa.Column('a', sa.Text()), sa.PrimaryKeyConstraint('b', 'a', name=op.f('pk_t')))",
            &["create pk_t on t (b,a) unique backing"],
        ),
        (
            "op.create_table('t', sa.Column('a', sa.Text(), primary_key=True, unique=True), sa.UniqueConstraint('a'))",
            &["create - on t (a) unique backing"],
        ),
        ("op.create_primary_key('pk', 't', ['a', 'b'])", &["create pk on t (a,b) unique backing"]),
        ("op.drop_constraint('pk', 't', type_='primary')", &["drop pk on t () backing"]),
    ];
    for (text, wanted) in table {
        assert_eq!(lines(&read(PYTHON, text)), wanted, "{text}");
    }
}
