//! Python: strings, alembic, lists.

use super::super::{Direction, Language, Marker, PLACEHOLDER, ProblemKind, Transaction, Use, extract};
use super::{executed, lines, only, read, sql};

const PYTHON: Language = Language::Python;

#[test]
fn a_statement_is_put_together_as_python_would() {
    let table = [
        (r#"x = "CREATE INDEX i ON t (a)""#, "CREATE INDEX i ON t (a)"),
        (r#"x = "CREATE INDEX " "i ON t " '(a)'"#, "CREATE INDEX i ON t (a)"),
        (r#"x = "CREATE INDEX " + "i ON t " + '(a)'"#, "CREATE INDEX i ON t (a)"),
        ("x = (\"CREATE INDEX \"\n     \"i ON t (a)\")", "CREATE INDEX i ON t (a)"),
        ("x = '''CREATE INDEX i\n  ON t (a)'''", "CREATE INDEX i\n  ON t (a)"),
        ("x = '''\\\nCREATE INDEX i ON t (a)'''", "CREATE INDEX i ON t (a)"),
        (r#"x = "CREATE INDEX i ON t (\"A\")""#, r#"CREATE INDEX i ON t ("A")"#),
        (r#"x = "CREATE INDEX i\n\tON t (\x61, \u00e9)""#, "CREATE INDEX i\n\tON t (a, é)"),
        (r#"x = r"CREATE INDEX i ON t (a) WHERE b ~ '\d'""#, r"CREATE INDEX i ON t (a) WHERE b ~ '\d'"),
        (r#"x = "CREATE INDEX i ON t (a) WHERE b ~ '\d'""#, r"CREATE INDEX i ON t (a) WHERE b ~ '\d'"),
        (r#"N = "i"; x = f"CREATE INDEX {N} ON t (a)""#, "CREATE INDEX i ON t (a)"),
        (r#"x = f"CREATE INDEX i ON t (a) WHERE b = '{{}}'""#, "CREATE INDEX i ON t (a) WHERE b = '{}'"),
        (
            r#"x = "CREATE INDEX i ON t (a) WHERE b LIKE 'x%%'" % ()"#,
            "CREATE INDEX i ON t (a) WHERE b LIKE 'x%'",
        ),
        ("x = textwrap.dedent('''\n    CREATE INDEX i\n      ON t (a)''')", "\nCREATE INDEX i\n  ON t (a)"),
        ("x = ' '.join(['CREATE INDEX i', 'ON t', '(a)'])", "CREATE INDEX i ON t (a)"),
        ("op.execute(sa.text('CREATE INDEX i ON t (a)').bindparams(x=1))", "CREATE INDEX i ON t (a)"),
        ("x = sa.text('create index i on t (a)')", "create index i on t (a)"),
        (
            "x = '-- note\\n/* a /* b */ */ CREATE INDEX i ON t (a)'",
            "-- note\n/* a /* b */ */ CREATE INDEX i ON t (a)",
        ),
        ("x = 'CREATE INDEX i\\\n ON t (a)'", "CREATE INDEX i ON t (a)"),
    ];
    for (text, wanted) in table {
        assert_eq!(sql(PYTHON, text), [wanted], "{text}");
    }
}

#[test]
fn a_part_that_is_not_constant_is_a_hole() {
    for text in [
        "x = f'CREATE INDEX {name} ON t (a)'",
        "x = f'CREATE INDEX {name!r:>10} ON t (a)'",
        "x = 'CREATE INDEX ' + name + ' ON t (a)'",
        "x = 'CREATE INDEX %s ON t (a)' % name",
        "x = 'CREATE INDEX %(name)s ON t (a)' % names",
        "x = 'CREATE INDEX {} ON t (a)'.format(name)",
        "x = 'CREATE INDEX {name} ON t (a)'.format(name=name)",
        "x = SQL('CREATE INDEX {} ON t (a)').format(Identifier(name))",
        "N = 'a'\nif y:\n    N = 'b'\nx = f'CREATE INDEX {N} ON t (a)'",
        "def f(N='a'):\n    x = f'CREATE INDEX {N} ON t (a)'",
    ] {
        let fragment = only(PYTHON, text);
        assert_eq!(fragment.sql.text(), format!("CREATE INDEX {PLACEHOLDER} ON t (a)"), "{text}");
        let [hole] = fragment.sql.holes() else { panic!("{text}") };
        assert_eq!(hole.range, 13..13 + PLACEHOLDER.len());
        assert!(fragment.sql.is_hole(&(14..15)) && !fragment.sql.is_hole(&(0..13)));
        assert!(text[hole.source.clone()].contains(['n', 'N', '{', '%']), "{text}: {:?}", hole.source);
    }
}

#[test]
fn what_people_read_or_compare_is_no_sql() {
    for text in [
        "'''CREATE INDEX i ON t (a)'''",
        "def f():\n    '''CREATE INDEX i ON t (a)'''\n    return 1",
        "class C:\n    '''CREATE INDEX i ON t (a)'''",
        "# CREATE INDEX i ON t (a)",
        "log.info('CREATE INDEX i ON t (a)')",
        "logger.warning('CREATE INDEX %s ON t (a)', name)",
        "print('CREATE INDEX i ON t (a)')",
        "raise ValueError('CREATE INDEX i ON t (a)')",
        "assert 'CREATE INDEX i ON t (a)' in text",
        "if line == 'CREATE INDEX i ON t (a)': pass",
        "p = re.compile(r'CREATE INDEX (\\w+) ON (\\w+) \\(')",
        "x = 'we create index i on t (a)'",
        "x = 'create index for the users'",
        "help_text = 'CREATE INDEX i ON t (a)'",
        "x = {'description': 'CREATE INDEX i ON t (a)'}",
        "click.echo('Drop index i from the table')",
        "x = 'Update the settings'",
        "x = 'select one of these'",
        "'CREATE INDEX i ON t (a)'.lower()",
    ] {
        assert_eq!(sql(PYTHON, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_use_of_a_statement_is_told() {
    let table = [
        ("op.execute('DROP INDEX i')", executed("op.execute")),
        ("op.execute(sa.text('DROP INDEX i'))", executed("op.execute")),
        ("op.get_bind().execute(sa.text('DROP INDEX i'))", executed("get_bind.execute")),
        ("cursor.execute('VACUUM t')", executed("cursor.execute")),
        ("await conn.fetch('SELECT 1 FROM t')", executed("conn.fetch")),
        ("conn.execute(query='DROP INDEX i')", executed("conn.execute")),
        ("X = 'DROP INDEX i'", Use::Named("X".to_owned())),
        ("X: str = 'DROP INDEX i'", Use::Named("X".to_owned())),
        ("x = {'sql': 'DROP INDEX i'}", Use::Value("sql".to_owned())),
        ("build('DROP INDEX i')", Use::Argument("build".to_owned())),
        ("def f():\n    return 'DROP INDEX i'", Use::Other),
    ];
    for (text, wanted) in table {
        assert_eq!(only(PYTHON, text).used, wanted, "{text}");
    }
}

#[test]
fn a_text_that_is_rewritten_has_a_hole() {
    let fragment = only(PYTHON, "op.execute('CREATE INDEX i ON t (a)'.replace('t', table))");
    assert_eq!(fragment.sql.text(), format!("CREATE INDEX i ON t (a) {PLACEHOLDER}"));
    assert_eq!(fragment.used, executed("op.execute"));
}

#[test]
fn a_constant_that_is_run_by_name_runs_there() {
    let text = "\
SQL = 'CREATE INDEX CONCURRENTLY i ON t (a)'
BACK = 'DROP INDEX i'

def upgrade():
    with op.get_context().autocommit_block():
        op.execute(SQL)

def downgrade():
    op.execute(sa.text(BACK))
";
    let found = read(PYTHON, text);
    let told: Vec<_> =
        found.fragments.iter().map(|fragment| (fragment.place.line, fragment.direction)).collect();
    assert_eq!(told, [(1, Direction::Up), (2, Direction::Down)]);
    assert_eq!(found.fragments[0].transaction, Transaction::Outside(Marker::AutocommitBlock));
    assert_eq!(found.fragments[1].transaction, Transaction::Inside);
    assert!(found.fragments.iter().all(|fragment| fragment.used == executed("op.execute")));
}

#[test]
fn each_byte_of_a_statement_leads_to_its_place_in_the_file() {
    let text =
        "\u{feff}# é\r\nop.execute(\r\n    \"CREATE INDEX \\\"Ä\\\" \"\r\n    f\"ON {t} (a)\"\r\n)\r\n";
    let fragment = only(PYTHON, text);
    assert_eq!(fragment.sql.text(), format!("CREATE INDEX \"Ä\" ON {PLACEHOLDER} (a)"));
    assert_eq!((fragment.place.line, fragment.place.column), (3, 5));
    let at = |needle: &str| {
        let offset = fragment.sql.text().find(needle).unwrap();
        &text[fragment.sql.locate(offset).unwrap()..]
    };
    assert!(at("\"Ä").starts_with("\\\"Ä"));
    assert!(at("Ä").starts_with("Ä\\\""));
    assert!(at("ON").starts_with("ON {t}"));
    assert!(at(PLACEHOLDER).starts_with("{t} (a)"));
    assert!(at("(a)").starts_with("(a)\"\r\n)"));
}

#[test]
fn alembic_declares_indexes() {
    let table = [
        ("op.create_index('i', 't', ['a', 'b'])", "create i on t (a,b)"),
        ("op.create_index(op.f('ix_t_a'), 't', ['a'], unique=False)", "create ix_t_a on t (a)"),
        (
            "op.create_index(index_name='i', table_name='t', columns=('a',), unique=True)",
            "create i on t (a) unique",
        ),
        (
            "op.create_index('i', 't', [sa.text('lower(a)'), 'b'], postgresql_concurrently=True, if_not_exists=True)",
            "create i on t (<lower(a)>,b) concurrently if exists",
        ),
        (
            "op.create_index('i', 't', ['a'], postgresql_using='gin', postgresql_ops={'a': 'gin_trgm_ops'}, \
             postgresql_where=sa.text('b IS NULL'), postgresql_include=['c'], schema='s')",
            "create i on t (a gin_trgm_ops) using gin include c where b IS NULL schema s",
        ),
        ("op.create_index('i', 't', [sa.desc('a'), sa.text('b DESC')])", "create i on t (a desc,<b desc>)"),
        ("op.create_index(None, 't', ['a'])", "create (ix_t_a) on t (a)"),
        ("op.create_index(name, 't', ['a'])", "create ? on t (a)"),
        ("op.create_index('i', table(), columns)", "create i on ? (?)"),
        ("T = 't'\nop.create_index('i_' + T, T, ['a'])", "create i_t on t (a)"),
        ("op.create_index(f'i_{x}', 't', ['a'])", "create ? on t (a)"),
        ("op.create_index('i', 't', [x])", "create i on t (<?>)"),
        ("op.create_index('i', 't', ['a'], **options)", "create i on t (a) unique? concurrently? if exists?"),
        ("op.drop_index('i', table_name='t', postgresql_concurrently=True)", "drop i on t () concurrently"),
        ("op.drop_index('i')", "drop i on - ()"),
        ("op.create_unique_constraint('u', 't', ['a'])", "create u on t (a) unique backing"),
        (
            "with op.batch_alter_table('t') as batch_op:\n    batch_op.create_index('i', ['a'])",
            "create i on t (a)",
        ),
        ("op.create_table('t', sa.Column('a', sa.Text(), index=True))", "create (ix_t_a) on t (a)"),
        ("op.create_table('t', sa.Column('a', sa.Text(), unique=True))", "create - on t (a) unique backing"),
        (
            "op.create_table('t', sa.Index('i', 'a', unique=True), schema='s')",
            "create i on t (a) unique schema s",
        ),
    ];
    for (text, wanted) in table {
        assert_eq!(lines(&read(PYTHON, text)), [wanted], "{text}");
    }
}

#[test]
fn alembic_tells_forward_from_back_and_inside_from_outside() {
    let text = "\
def upgrade():
    op.execute('DROP INDEX a')
    with op.get_context().autocommit_block():
        op.create_index('i', 't', ['a'], postgresql_concurrently=True)
        op.execute('DROP INDEX CONCURRENTLY b')
    op.execute('DROP INDEX c')

def downgrade():
    op.drop_index('i')
";
    let found = read(PYTHON, text);
    let outside = Transaction::Outside(Marker::AutocommitBlock);
    assert_eq!(lines(&found), ["create i on t (a) concurrently outside", "drop i on - () down"]);
    assert_eq!(found.transaction, Transaction::Inside);
    assert_eq!(found.declared[1].transaction, Transaction::Inside);
    let fragments: Vec<_> =
        found.fragments.iter().map(|fragment| (fragment.direction, fragment.transaction)).collect();
    let up = Direction::Up;
    assert_eq!(fragments, [(up, Transaction::Inside), (up, outside), (up, Transaction::Inside)]);
}

#[test]
fn each_entry_of_a_list_is_a_declaration_with_its_statement() {
    let text = "INDEXES = [\n    {'name': 'i', 'table': 't', 'sql': 'CREATE INDEX i ON t (a)'},\n    {'name': 'j', 'table': \
                't', 'sql': f'CREATE INDEX j ON t ({x})', 'description': 'create index j'},\n    {'name': 'n', 'kind': 'x'},\n]\n";
    let found = read(PYTHON, text);
    assert_eq!(lines(&found), ["create i on t (?)", "create j on t (?)"]);
    assert_eq!(found.declared.iter().map(|index| index.fragment).collect::<Vec<_>>(), [Some(0), Some(1)]);
    assert_eq!((found.declared[1].place.line, found.declared[1].place.column), (3, 5));
}

#[test]
fn python_that_does_not_compile_is_told_with_its_place_and_the_rest_stays() {
    let table = [
        ("print 'x'\n", (1, 1)),
        ("f(\n", (1, 1)),
        ("x = [1, 2\ny = 3\n", (1, 1)),
        ("def f():\nx = 1\n", (1, 1)),
        ("def f():\n    x = 1\n      y = 2\n", (3, 7)),
        ("x = 1\n  y = 2\n", (2, 3)),
        ("if x:\n    a = 1\n  b = 2\n", (3, 3)),
        ("return 1\n", (1, 1)),
        ("break\n", (1, 1)),
        ("f(a=1, 2)\n", (1, 8)),
        ("f(a=1, a=2)\n", (1, 8)),
        ("x = 0777\n", (1, 5)),
        ("f() = 1\n", (1, 1)),
        ("x = 'a\n", (1, 1)),
        ("if a <> b: pass\n", (1, 6)),
        ("class C:\n", (1, 1)),
        ("x = )\n", (1, 1)),
        ("exec 'x'\n", (1, 1)),
        ("@a\n def f():\n    pass\n", (2, 2)),
        ("try:\n    a\n except b:\n    c\n", (3, 2)),
        ("a(1)  b(2)\n", (1, 7)),
    ];
    for (text, (line, column)) in table {
        for text in [text.to_owned(), format!("op.execute('DROP INDEX i')\n{text}")] {
            let found = extract(PYTHON, &text);
            let more = usize::from(text.starts_with("op."));
            let first = found.problems.first().unwrap_or_else(|| panic!("{text} is read without a problem"));
            assert!(first.place.line >= line + more, "{text}: {first:?}");
            assert!(line > 1 || column == 1 || first.place.column >= column, "{text}: {first:?}");
            let broken_tail = matches!(first.kind, ProblemKind::Syntax { .. } | ProblemKind::Missing { .. });
            assert!(found.fragments.len() == more || broken_tail, "{text}: {:?}", found.fragments);
        }
    }
}

#[test]
fn python_that_compiles_has_no_problem() {
    for text in [
        "",
        "\n\n# only a comment\n",
        "\u{feff}x = 1\n",
        "if x:\n\ty = 1\n\n\t# z\nelse:\n  y = 2\n",
        "def f(a, *, b=1, **k): return [i for i in a if i]\n",
        "class C: pass\n",
        "x = 1; y = 2\n",
        "match x:\n    case [1, *r]: pass\n    case {'a': b} if b: pass\n    case _:\n        pass\n",
        "async def f():\n    async with a as b, c as d:\n        await e\n",
        "x = (\n  1,\n    2,\n)\n",
        "def f():\n    x = 1 + \\\n  2\n    return x\n",
        "with (open('a') as a, open('b') as b):\n    pass\n",
        "x = f'{a!r:>{w}}'\n",
        "print('x', file=y)\nexec('x')\n",
        "type X = int\ndef f[T](x: T) -> T: ...\n",
        "try:\n    pass\nexcept* ValueError as e:\n    raise E from e\n",
        "x = 0o17 + 0 + 00 + 1_000 + 0xFF\n",
        "for i in x:\n    if i:\n        break\n    else:\n        continue\nelse:\n    pass\n",
        "@a.b(c)\ndef f():\n    '''doc'''\n\nlambda: (yield)\n",
        "print >> sys.stderr, 'x'\n",
        "if (y := f()) is not None: print(y)\n",
        "x = a if b else c\nx: int\nx: 'T' = 1\ndel x[0], y\nglobal z\n",
    ] {
        let found = extract(PYTHON, text);
        assert_eq!(found.problems, [], "{text}");
    }
}
