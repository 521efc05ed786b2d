//! Strings that a program puts together in more than one place.

use super::super::{Language, PLACEHOLDER, Use, extract};
use super::{executed, only, read, sql};

const PYTHON: Language = Language::Python;
const RUBY: Language = Language::Ruby;
const JS: Language = Language::JavaScript;
const GO: Language = Language::Go;
const JAVA: Language = Language::Java;

fn java(body: &str) -> String {
    format!("class A {{\n  void migrate(Statement s) throws Exception {{\n    {body}\n  }}\n}}\n")
}

fn go(body: &str) -> String {
    format!("package m\nfunc up(tx *sql.Tx) error {{\n\t{body}\n\treturn nil\n}}\n")
}

#[test]
fn what_is_added_to_a_statement_belongs_to_it() {
    let table = [
        (
            PYTHON,
            "def upgrade():\n    sql = 'CREATE INDEX i '\n    sql += 'ON t '\n    sql += \"(a)\"\n    op.execute(sql)\n".to_owned(),
        ),
        (
            PYTHON,
            "def upgrade():\n    stmt = ''\n    stmt += 'CREATE INDEX i ON t '\n    stmt += '(a)'\n    op.execute(stmt)\n".to_owned(),
        ),
        (RUBY, "def up\n  sql = +'CREATE INDEX i '\n  execute 'CREATE INDEX i ON t (a)'\nend\n".to_owned()),
        (RUBY, "def up\n  sql = 'CREATE INDEX i '\n  sql << 'ON t (a)'\n  execute(sql)\nend\n".to_owned()),
        (RUBY, "def up\n  sql = 'CREATE INDEX i '\n  sql += 'ON t (a)'\n  execute sql\nend\n".to_owned()),
        (JS, "exports.up = async (k) => {\n  let s = 'CREATE INDEX i ';\n  s += `ON t (a)`;\n  await knex.raw(s);\n};\n".to_owned()),
        (JAVA, java("String q = \"CREATE INDEX i \";\n    q += \"ON t (a)\";\n    s.execute(q);")),
        (
            JAVA,
            java("StringBuilder b = new StringBuilder(\"CREATE INDEX i \");\n    b.append(\"ON t \");\n    b.append(\"(a)\");\n    s.execute(b.toString());"),
        ),
        (
            JAVA,
            java("StringBuilder b = new StringBuilder();\n    b.append(\"CREATE INDEX i \");\n    b.append(\"ON t (a)\");\n    s.execute(b.toString());"),
        ),
        (JAVA, java("s.execute(new StringBuilder(\"CREATE INDEX i \").append(\"ON t \").append(\"(a)\").toString());")),
        (GO, go("q := \"CREATE INDEX i \"\n\tq += \"ON t (a)\"\n\ttx.Exec(q)")),
        (
            GO,
            go("var b strings.Builder\n\tb.WriteString(\"CREATE INDEX i \")\n\tb.WriteString(\"ON t (a)\")\n\ttx.Exec(b.String())"),
        ),
    ];
    for (language, text) in table {
        let fragment = only(language, &text);
        assert_eq!(fragment.sql.text(), "CREATE INDEX i ON t (a)", "{text}");
        assert!(matches!(fragment.used, Use::Executed(_)), "{text}: {:?}", fragment.used);
    }
}

#[test]
fn what_may_be_added_to_a_statement_is_a_hole_at_its_end() {
    let text = "def upgrade():\n    sql = 'CREATE INDEX i ON t (a)'\n    if wide:\n        sql += ' WHERE b'\n    op.execute(sql)\n";
    assert_eq!(sql(PYTHON, text), [format!("CREATE INDEX i ON t (a){PLACEHOLDER}")]);
}

#[test]
fn a_name_stands_for_the_last_text_that_it_was_given() {
    let text = "\
def upgrade():
    table = 't'
    op.execute(f'CREATE INDEX i ON {table} (a)')
    table = 'u'
    op.execute(f'CREATE INDEX j ON {table} (a)')

def downgrade():
    table = 'v'
    op.execute(f'CREATE INDEX k ON {table} (a)')
    if x:
        table = 'w'
    op.execute(f'CREATE INDEX l ON {table} (a)')
";
    assert_eq!(
        sql(PYTHON, text),
        [
            "CREATE INDEX i ON t (a)".to_owned(),
            "CREATE INDEX j ON u (a)".to_owned(),
            "CREATE INDEX k ON v (a)".to_owned(),
            format!("CREATE INDEX l ON {PLACEHOLDER} (a)"),
        ]
    );
    let loops = "\
def upgrade():
    name = 'a'
    for _ in things:
        op.execute(f'DROP INDEX {name}')
        name = 'b'
";
    let found = extract(PYTHON, loops);
    let texts: Vec<&str> = found.fragments.iter().map(|it| it.sql.text()).collect();
    assert_eq!(texts, [format!("DROP INDEX {PLACEHOLDER}")]);
    assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
    let branches = "\
def upgrade():
    if x:
        name = 'a'
        op.execute(f'DROP INDEX {name}')
    else:
        name = 'b'
        op.execute(f'DROP INDEX {name}')
";
    assert_eq!(sql(PYTHON, branches), ["DROP INDEX a", "DROP INDEX b"]);
}

#[test]
fn a_name_of_one_function_is_not_that_of_another() {
    let table = [
        (PYTHON, "def a():\n    t = 'x'\n\ndef b(t):\n    op.execute(f'DROP INDEX {t}')\n".to_owned()),
        (
            JS,
            "let t = 'x';\nfunction a() { t = 'y'; }\nfunction b() { db.query(`DROP INDEX ${t}`); }\n"
                .to_owned(),
        ),
        (
            GO,
            "package m\nvar t = \"x\"\nfunc a() { t = \"y\" }\nfunc b() { db.Exec(\"DROP INDEX \" + t) }\n"
                .to_owned(),
        ),
    ];
    for (language, text) in table {
        assert_eq!(sql(language, &text), [format!("DROP INDEX {PLACEHOLDER}")], "{text}");
    }
    let text = "T = 'x'\n\ndef a():\n    op.execute(f'DROP INDEX {T}')\n\ndef b():\n    T = 'y'\n    op.execute(f'DROP INDEX {T}')\n";
    assert_eq!(sql(PYTHON, text), ["DROP INDEX x", "DROP INDEX y"]);
}

#[test]
fn a_statement_in_each_branch_runs_where_its_name_is_run() {
    let text = "\
def upgrade():
    if fast:
        sql = 'CREATE INDEX CONCURRENTLY i ON t (a)'
    else:
        sql = 'CREATE INDEX i ON t (a)'
    op.execute(sql)
";
    let found = read(PYTHON, text);
    assert_eq!(found.fragments.len(), 2);
    assert!(found.fragments.iter().all(|fragment| fragment.used == executed("op.execute")));
}

#[test]
fn a_format_with_constants_is_put_together() {
    let table = [
        (PYTHON, "op.execute('CREATE INDEX %s ON %s (%s)' % ('i', 't', 'a'))".to_owned()),
        (PYTHON, "op.execute('CREATE INDEX %s ON t (a)' % 'i')".to_owned()),
        (PYTHON, "op.execute('CREATE INDEX %(n)s ON %(t)s (a)' % {'n': 'i', 't': 't'})".to_owned()),
        (PYTHON, "op.execute('CREATE INDEX {} ON {} (a)'.format('i', 't'))".to_owned()),
        (PYTHON, "N = 'i'\nop.execute('CREATE INDEX {1} ON {0} ({c})'.format('t', N, c='a'))".to_owned()),
        (PYTHON, "SQL = 'CREATE INDEX {n} ON {t} (a)'\nop.execute(SQL.format(n='i', t='t'))".to_owned()),
        (PYTHON, "A = 'CREATE INDEX i '\nB = 'ON t (a)'\nop.execute(A + B)".to_owned()),
        (PYTHON, "T = 't'\nop.execute(f'CREATE INDEX i ON {f\"{T}\"} (a)')".to_owned()),
        (PYTHON, "op.execute(' '.join(('CREATE INDEX i', 'ON t', '(a)')))".to_owned()),
        (RUBY, "execute('CREATE INDEX %s ON %s (a)' % ['i', 't'])".to_owned()),
        (RUBY, "execute(format('CREATE INDEX %<n>s ON %{t} (a)', n: 'i', t: 't'))".to_owned()),
        (RUBY, "execute(['CREATE INDEX i', 'ON t (a)'].join(' '))".to_owned()),
        (JS, "knex.raw(['CREATE INDEX i', 'ON t (a)'].join(' '))".to_owned()),
        (JS, "const parts = ['CREATE INDEX i', 'ON t (a)'];\nknex.raw(parts.join(' '))".to_owned()),
        (GO, go("tx.Exec(fmt.Sprintf(\"CREATE INDEX %s ON %[2]s (a)\", \"i\", \"t\"))")),
        (GO, "package m\nconst (\n\tn = \"i\"\n\tt = \"t\"\n)\nfunc f() { tx.Exec(fmt.Sprintf(`CREATE INDEX %s ON %v (a)`, n, t)) }\n".to_owned()),
        (GO, go("tx.Exec(strings.Join([]string{\"CREATE INDEX i\", \"ON t (a)\"}, \" \"))")),
        (JAVA, java("s.execute(String.format(\"CREATE INDEX %s ON %2$s (a)\", \"i\", \"t\"));")),
        (JAVA, java("s.execute(\"CREATE INDEX %s ON t (a)\".formatted(\"i\"));")),
        (JAVA, java("s.execute(String.join(\" \", \"CREATE INDEX i\", \"ON t (a)\"));")),
        (
            JAVA,
            "class A {\n  private static final String T = \"t\";\n  void m() { s.execute(\"CREATE INDEX i ON \" + T + \" (a)\"); }\n}\n".to_owned(),
        ),
    ];
    for (language, text) in table {
        let fragment = only(language, &text);
        assert_eq!(fragment.sql.text(), "CREATE INDEX i ON t (a)", "{text}");
        assert!(matches!(fragment.used, Use::Executed(_)), "{text}: {:?}", fragment.used);
    }
}

#[test]
fn names_that_psycopg_quotes_are_quoted() {
    let text = "cur.execute(sql.SQL('CREATE INDEX {} ON {t} (a) WHERE b = {v}').format(sql.Identifier('I'), t=sql.Identifier('s', \
                't'), v=sql.Literal('x')))";
    assert_eq!(sql(PYTHON, text), ["CREATE INDEX \"I\" ON \"s\".\"t\" (a) WHERE b = 'x'"]);
    let text = "cur.execute(SQL('CREATE INDEX {} ON t (a)').format(Identifier(name)))";
    assert_eq!(sql(PYTHON, text), [format!("CREATE INDEX {PLACEHOLDER} ON t (a)")]);
}

#[test]
fn a_constant_that_is_a_part_of_a_statement_is_no_other_one() {
    let text = "BASE = 'CREATE INDEX i ON t (a)'\n\ndef upgrade():\n    op.execute(BASE + ' WHERE b')\n";
    assert_eq!(sql(PYTHON, text), ["CREATE INDEX i ON t (a) WHERE b"]);
    let text = "BASE = 'CREATE INDEX i ON t (a)'\n\ndef upgrade():\n    op.execute(BASE)\n    log.info(f'ran {BASE}')\n";
    assert_eq!(only(PYTHON, text).used, executed("op.execute"));
}
