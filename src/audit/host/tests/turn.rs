//! Loops over lists that the file says: one statement for each turn.

use super::super::{Language, PLACEHOLDER, ProblemKind, extract};
use super::{lines, read, sql};

const PYTHON: Language = Language::Python;
const RUBY: Language = Language::Ruby;
const JS: Language = Language::JavaScript;
const TS: Language = Language::TypeScript;
const GO: Language = Language::Go;
const JAVA: Language = Language::Java;

/// What the statement is with these tables.
fn made(tables: &[&str]) -> Vec<String> {
    tables.iter().map(|table| format!("CREATE INDEX {table}_x ON {table} (x)")).collect()
}

fn python(body: &str) -> String {
    format!(
        "from alembic import op\n\nTABLES = ['a', 'b']\nCOLUMNS = {{'a': 'x', 'b': 'y'}}\n\ndef upgrade():\n{body}"
    )
}

fn ruby(body: &str) -> String {
    format!("class M < ActiveRecord::Migration[7.1]\n  TABLES = %i[a b].freeze\n  def up\n{body}  end\nend\n")
}

fn js(body: &str) -> String {
    format!("const TABLES = ['a', 'b'];\nexports.up = async function (knex) {{\n{body}}};\n")
}

fn go(body: &str) -> String {
    format!(
        "package m\n\nvar tables = []string{{\"a\", \"b\"}}\n\nfunc up(db *sql.DB) error {{\n{body}\treturn nil\n}}\n"
    )
}

fn java(body: &str) -> String {
    format!(
        "class V1 {{\n  static final List<String> TABLES = List.of(\"a\", \"b\");\n  void migrate(Statement s) throws Exception {{\n{body}  }}\n}}\n"
    )
}

#[test]
fn each_turn_of_a_python_loop_has_its_statement() {
    let make = "op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n";
    let heads = [
        "for t in ['a', 'b']",
        "for t in ('a', 'b')",
        "for t in 'a', 'b'",
        "for t in TABLES",
        "for t in COLUMNS",
        "for t in COLUMNS.keys()",
        "for t, _ in COLUMNS.items()",
        "for i, t in enumerate(TABLES)",
        "for i, (t, c) in enumerate([('a', 'x'), ('b', 'x')])",
        "for t, c in zip(TABLES, ['x', 'y'])",
        "for t in sorted({'b', 'a'})",
        "for t in sorted(['b', 'a'])",
        "for t in reversed(['b', 'a'])",
        "for t in list(TABLES)",
        "for t in [*TABLES]",
        "for t in ['a'] + ['b']",
        "for t in 'a b'.split()",
        "for t in [n.lower() for n in ('A', 'B')]",
        "for t in (n for n in ['a', 'c', 'b'] if n != 'c')",
        "for t, q in {n: f'{n}_q' for n in TABLES}.items()",
        "for (t, [c, d]) in [('a', ['x', 'y']), ('b', ['x', 'y'])]",
    ];
    for head in heads {
        let text = python(&format!("    {head}:\n        {make}"));
        assert_eq!(sql(PYTHON, &text), made(&["a", "b"]), "{text}");
    }
}

#[test]
fn the_body_of_a_python_loop_is_followed_in_each_turn() {
    let bodies = [
        "    for t in TABLES:\n        name = f'{t}_x'\n        op.execute(f'CREATE INDEX {name} ON {t} (x)')\n",
        "    for t in TABLES:\n        sql = f'CREATE INDEX {t}_x ON {t} (x)'\n        op.execute(sql)\n",
        "    for t in TABLES:\n        sql = 'CREATE INDEX '\n        sql += f'{t}_x ON {t} (x)'\n        op.execute(sql)\n",
        "    for t in TABLES:\n        op.execute('CREATE INDEX %s_x ON %s (x)' % (t, t))\n",
        "    for t in TABLES:\n        op.execute('CREATE INDEX %(t)s_x ON %(t)s (x)' % {'t': t})\n",
        "    for t in TABLES:\n        op.execute('CREATE INDEX {0}_x ON {0} (x)'.format(t))\n",
        "    for t in TABLES:\n        op.execute('CREATE INDEX {t}_x ON {t} (x)'.format(t=t))\n",
        "    for t in TABLES:\n        op.execute('CREATE INDEX ' + t + '_x ON ' + t + ' (x)')\n",
        "    for t in ['A', 'B']:\n        t = t.lower()\n        op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n",
        "    for t in ['q.a', 'q.b']:\n        op.execute(f\"CREATE INDEX {t.replace('q.', '')}_x ON {t.replace('q.', '')} (x)\")\n",
        "    for t in ['a', 'c', 'b']:\n        if t == 'c':\n            continue\n        op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n",
        "    for t in ['a', 'b', 'c']:\n        if t in ('c', 'd'):\n            break\n        op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n",
        "    for t in ['c', 'a', 'b']:\n        if t != 'c':\n            op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n",
        "    for row in [('a', 'x'), ('b', 'x')]:\n        t, c = row\n        op.execute(f'CREATE INDEX {t}_{c} ON {t} ({c})')\n",
        "    for row in [('a', 'x'), ('b', 'x')]:\n        op.execute(f'CREATE INDEX {row[0]}_{row[1]} ON {row[0]} ({row[1]})')\n",
        "    for row in [{'t': 'a', 'c': 'x'}, {'t': 'b', 'c': 'x'}]:\n        op.execute(f\"CREATE INDEX {row['t']}_{row['c']} ON {row['t']} ({row['c']})\")\n",
        "    for row in [{'t': 'a'}, {'t': 'b'}]:\n        op.execute('CREATE INDEX {t}_x ON {t} (x)'.format(**row))\n",
        "    for row in [dict(t='a'), dict(t='b')]:\n        op.execute(f\"CREATE INDEX {row['t']}_x ON {row['t']} (x)\")\n",
        "    [op.execute(f'CREATE INDEX {t}_x ON {t} (x)') for t in TABLES]\n",
        "    for s in [f'CREATE INDEX {t}_x ON {t} (x)' for t in TABLES]:\n        op.execute(s)\n",
    ];
    for body in bodies {
        let text = python(body);
        assert_eq!(sql(PYTHON, &text), made(&["a", "b"]), "{text}");
    }
    let text = python("    op.execute('; '.join(f'CREATE INDEX {t}_x ON {t} (x)' for t in TABLES))\n");
    assert_eq!(sql(PYTHON, &text), [made(&["a", "b"]).join("; ")], "{text}");
    let text = python(
        "    for t in TABLES:\n        for c in ('p', f'{t}_id'):\n            op.execute(f'CREATE INDEX {t}_{c}_i ON {t} ({c})')\n",
    );
    assert_eq!(
        sql(PYTHON, &text),
        [
            "CREATE INDEX a_p_i ON a (p)",
            "CREATE INDEX a_a_id_i ON a (a_id)",
            "CREATE INDEX b_p_i ON b (p)",
            "CREATE INDEX b_b_id_i ON b (b_id)",
        ]
    );
}

#[test]
fn a_list_of_statements_that_a_loop_runs_is_told_once_each_and_as_run() {
    let texts = [
        (
            PYTHON,
            python(
                "    for s in ['CREATE INDEX a_x ON a (x)', 'CREATE INDEX b_x ON b (x)']:\n        op.execute(s)\n",
            ),
        ),
        (
            PYTHON,
            python(
                "    for d in [{'name': 'a_x', 'sql': 'CREATE INDEX a_x ON a (x)'}, {'name': 'b_x', 'sql': 'CREATE INDEX b_x ON b (x)'}]:\n        op.execute(d['sql'])\n",
            ),
        ),
        (
            RUBY,
            ruby("    ['CREATE INDEX a_x ON a (x)', 'CREATE INDEX b_x ON b (x)'].each { |s| execute s }\n"),
        ),
        (
            JS,
            js(
                "  for (const s of ['CREATE INDEX a_x ON a (x)', 'CREATE INDEX b_x ON b (x)']) await knex.raw(s);\n",
            ),
        ),
        (
            GO,
            go(
                "\tfor _, s := range []string{\"CREATE INDEX a_x ON a (x)\", \"CREATE INDEX b_x ON b (x)\"} {\n\t\tdb.Exec(s)\n\t}\n",
            ),
        ),
        (
            GO,
            go(
                "\tfor _, s := range []struct{ Name, SQL string }{{\"a_x\", \"CREATE INDEX a_x ON a (x)\"}, {Name: \"b_x\", SQL: \"CREATE INDEX b_x ON b (x)\"}} {\n\t\tdb.Exec(s.SQL)\n\t}\n",
            ),
        ),
        (
            JAVA,
            java(
                "    for (String q : List.of(\"CREATE INDEX a_x ON a (x)\", \"CREATE INDEX b_x ON b (x)\")) s.execute(q);\n",
            ),
        ),
    ];
    for (language, text) in texts {
        let found = read(language, &text);
        let sql: Vec<&str> = found.fragments.iter().map(|it| it.sql.text()).collect();
        assert_eq!(sql, made(&["a", "b"]), "{text}");
        let run = found.fragments.iter().all(|it| matches!(it.used, super::Use::Executed(_)));
        assert!(run, "{text}\n{:?}", found.fragments);
    }
}

#[test]
fn each_turn_of_a_ruby_loop_has_its_statement() {
    let execute = "execute \"CREATE INDEX #{t}_x ON #{t} (x)\"";
    let bodies = [
        format!("    %w[a b].each do |t|\n      {execute}\n    end\n"),
        format!("    [:a, :b].each {{ |t| {execute} }}\n"),
        format!("    ['a', 'b'].each {{ |t| {execute} }}\n"),
        format!("    TABLES.each {{ |t| {execute} }}\n"),
        format!("    TABLES.each_with_index {{ |t, i| {execute} }}\n"),
        format!("    TABLES.each.with_index(1) {{ |t, i| {execute} }}\n"),
        format!("    TABLES.map {{ |t| {execute} }}\n"),
        format!("    TABLES.map(&:to_s).each {{ |t| {execute} }}\n"),
        format!("    {{ a: :x, b: :y }}.each {{ |t, c| {execute} }}\n"),
        format!("    {{ 'a' => 1, 'b' => 2 }}.each_pair do |t, c|\n      {execute}\n    end\n"),
        format!("    {{ a: 1, b: 2 }}.keys.each {{ |t| {execute} }}\n"),
        format!("    [[:a, :x], [:b, :x]].each {{ |t, c| {execute} }}\n"),
        format!("    for t in %w[a b]\n      {execute}\n    end\n"),
        format!("    %w[a c b].each do |t|\n      next if t == 'c'\n      {execute}\n    end\n"),
        format!("    %w[c a b].each do |t|\n      {execute} unless t == 'c'\n    end\n"),
        "    %w[a b].each do |t|\n      name = \"#{t}_x\"\n      execute(\"CREATE INDEX #{name} ON #{t} (x)\")\n    end\n".to_owned(),
        "    [[:a, :x], [:b, :x]].each { |r| execute \"CREATE INDEX #{r.join('_')} ON #{r[0]} (#{r.last})\" }\n".to_owned(),
        "    [{ t: :a }, { t: :b }].each { |r| execute \"CREATE INDEX #{r[:t]}_x ON #{r[:t]} (x)\" }\n".to_owned(),
    ];
    for body in bodies {
        let text = ruby(&body);
        assert_eq!(sql(RUBY, &text), made(&["a", "b"]), "{text}");
    }
}

#[test]
fn each_turn_of_a_javascript_loop_has_its_statement() {
    let raw = "await knex.raw(`CREATE INDEX ${t}_x ON ${t} (x)`)";
    let plain = "knex.raw(`CREATE INDEX ${t}_x ON ${t} (x)`)";
    let bodies = [
        format!("  for (const t of ['a', 'b']) {{ {raw}; }}\n"),
        format!("  for (const t of TABLES) {raw};\n"),
        format!("  for (const [t, c] of [['a', 'x'], ['b', 'x']]) {{ {raw}; }}\n"),
        format!("  for (const [t, c] of Object.entries({{ a: 'x', b: 'y' }})) {{ {raw}; }}\n"),
        format!("  for (const t of Object.keys({{ a: 'x', b: 'y' }})) {{ {raw}; }}\n"),
        format!("  for (const t in {{ a: 'x', b: 'y' }}) {{ {raw}; }}\n"),
        format!("  for (const {{ t, c }} of [{{ t: 'a', c: 'x' }}, {{ t: 'b', c: 'x' }}]) {{ {raw}; }}\n"),
        format!("  for (const {{ table: t }} of [{{ table: 'a' }}, {{ table: 'b' }}]) {{ {raw}; }}\n"),
        format!("  TABLES.forEach(t => {plain});\n"),
        format!("  TABLES.forEach((t, i) => {{ {plain}; }});\n"),
        format!("  TABLES.forEach(function (t) {{ {plain}; }});\n"),
        format!("  await Promise.all(TABLES.map((t) => {plain}));\n"),
        format!("  await Promise.all(TABLES.map(async (t) => {{ {raw}; }}));\n"),
        format!("  for (const t of [...TABLES]) {{ {raw}; }}\n"),
        format!("  for (const t of ['a', 'c', 'b']) {{ if (t === 'c') continue; {raw}; }}\n"),
        format!("  ['a', 'c', 'b'].forEach((t) => {{ if (t === 'c') {{ return; }} {plain}; }});\n"),
        "  for (const r of [{ t: 'a' }, { t: 'b' }]) { await knex.raw(`CREATE INDEX ${r.t}_x ON ${r['t']} (x)`); }\n".to_owned(),
        "  for (const t of TABLES) { const name = `${t}_x`; await knex.raw('CREATE INDEX ' + name + ' ON ' + t + ' (x)'); }\n".to_owned(),
    ];
    for body in bodies {
        let text = js(&body);
        assert_eq!(sql(JS, &text), made(&["a", "b"]), "{text}");
    }
    let text = js("  await knex.raw(TABLES.map(t => `CREATE INDEX ${t}_x ON ${t} (x)`).join('; '));\n");
    assert_eq!(sql(JS, &text), [made(&["a", "b"]).join("; ")], "{text}");
    let text = "const T = ['a', 'b'] as const;\nexport async function up(knex: Knex): Promise<void> {\n  for (const t of T) { await knex.raw(`CREATE INDEX ${t}_x ON ${t} (x)`); }\n}\n";
    assert_eq!(sql(TS, text), made(&["a", "b"]), "{text}");
}

#[test]
fn each_turn_of_a_go_loop_has_its_statement() {
    let exec = "db.Exec(fmt.Sprintf(\"CREATE INDEX %s_x ON %s (x)\", t, t))";
    let bodies = [
        format!("\tfor _, t := range []string{{\"a\", \"b\"}} {{\n\t\t{exec}\n\t}}\n"),
        format!("\tfor _, t := range tables {{\n\t\t{exec}\n\t}}\n"),
        format!("\tfor t := range map[string]string{{\"a\": \"x\", \"b\": \"y\"}} {{\n\t\t{exec}\n\t}}\n"),
        format!("\tfor t, c := range map[string]string{{\"a\": \"x\", \"b\": \"y\"}} {{\n\t\t{exec}\n\t}}\n"),
        format!("\tfor _, t := range []string{{\"a\", \"c\", \"b\"}} {{\n\t\tif t == \"c\" {{\n\t\t\tcontinue\n\t\t}}\n\t\tif _, err := {exec}; err != nil {{\n\t\t\treturn err\n\t\t}}\n\t}}\n"),
        "\tfor _, t := range tables {\n\t\tq := \"CREATE INDEX \" + t + \"_x ON \" + t + \" (x)\"\n\t\tdb.Exec(q)\n\t}\n".to_owned(),
        "\tfor _, r := range []struct{ table, column string }{{\"a\", \"x\"}, {\"b\", \"x\"}} {\n\t\tdb.Exec(fmt.Sprintf(\"CREATE INDEX %s_x ON %s (%s)\", r.table, r.table, r.column))\n\t}\n".to_owned(),
    ];
    for body in bodies {
        let text = go(&body);
        assert_eq!(sql(GO, &text), made(&["a", "b"]), "{text}");
    }
}

#[test]
fn each_turn_of_a_java_loop_has_its_statement() {
    let execute = "s.execute(\"CREATE INDEX \" + t + \"_x ON \" + t + \" (x)\")";
    let bodies = [
        format!("    for (String t : List.of(\"a\", \"b\")) {{ {execute}; }}\n"),
        format!("    for (String t : Arrays.asList(\"a\", \"b\")) {{ {execute}; }}\n"),
        format!("    for (String t : new String[] {{\"a\", \"b\"}}) {{ {execute}; }}\n"),
        format!("    for (String t : TABLES) {{ {execute}; }}\n"),
        format!("    TABLES.forEach(t -> {execute});\n"),
        format!("    Stream.of(\"a\", \"b\").forEach(t -> {{ {execute}; }});\n"),
        format!("    for (String t : Map.of(\"a\", \"x\", \"b\", \"y\").keySet()) {{ {execute}; }}\n"),
        format!("    String[] names = {{\"a\", \"b\"}};\n    for (String t : names) {{ {execute}; }}\n"),
        "    for (String t : TABLES) { s.execute(String.format(\"CREATE INDEX %s_x ON %s (x)\", t, t)); }\n".to_owned(),
        "    for (var e : Map.of(\"a\", \"x\", \"b\", \"x\").entrySet()) { s.execute(\"CREATE INDEX \" + e.getKey() + \"_x ON \" + e.getKey() + \" (\" + e.getValue() + \")\"); }\n".to_owned(),
    ];
    for body in bodies {
        let text = java(&body);
        assert_eq!(sql(JAVA, &text), made(&["a", "b"]), "{text}");
    }
}

#[test]
fn the_words_of_frameworks_are_told_once_for_each_turn() {
    let text = python(
        "    for t, c in COLUMNS.items():\n        op.create_index(f'ix_{t}', t, [c], unique=t == 'a')\n        op.drop_index(f'old_{t}', table_name=t)\n",
    );
    assert_eq!(
        lines(&read(PYTHON, &text)),
        ["create ix_a on a (x) unique", "drop old_a on a ()", "create ix_b on b (y)", "drop old_b on b ()"]
    );
    let text = ruby(
        "    TABLES.each { |t| add_index t, :x }\n    { a: [:x, :y], b: :z }.each { |t, c| add_index t, c, name: \"#{t}_n\" }\n    %w[a b].each { |t| remove_index t, name: \"old_#{t}\" }\n",
    );
    assert_eq!(
        lines(&read(RUBY, &text)),
        [
            "create (index_a_on_x) on a (x)",
            "create (index_b_on_x) on b (x)",
            "create a_n on a (x,y)",
            "create b_n on b (z)",
            "drop old_a on a ()",
            "drop old_b on b ()"
        ]
    );
    let text = js(
        "  for (const t of TABLES) { await knex.schema.alterTable(t, (table) => { table.index(['x'], `${t}_x`); }); }\n",
    );
    assert_eq!(lines(&read(JS, &text)), ["create a_x on a (x)", "create b_x on b (x)"]);
    let text = "from django.db import migrations\n\nT = ['a', 'b']\n\nclass Migration(migrations.Migration):\n    operations = [migrations.RunSQL(f'CREATE INDEX {t}_x ON {t} (x)', f'DROP INDEX {t}_x') for t in T]\n";
    assert_eq!(
        sql(PYTHON, text),
        ["CREATE INDEX a_x ON a (x)", "DROP INDEX a_x", "CREATE INDEX b_x ON b (x)", "DROP INDEX b_x"]
    );
}

#[test]
fn loops_that_cannot_be_followed_are_told_once_with_the_part_that_is_not_known() {
    let once = format!("CREATE INDEX {PLACEHOLDER}_x ON {PLACEHOLDER} (x)");
    let make = "        op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n";
    let table = [
        (format!("    for t in tables():\n{make}"), "tables()", ProblemKind::UnknownTurns),
        (format!("    for t in [*TABLES, *more]:\n{make}"), "more", ProblemKind::UnknownTurns),
        (
            format!("    TABLES.append('c')\n    for t in TABLES:\n{make}"),
            "TABLES.append('c')",
            ProblemKind::ChangedTurns,
        ),
        (
            format!("    own = ['a']\n    own[0] = 'b'\n    for t in own:\n{make}"),
            "own[0] = 'b'",
            ProblemKind::ChangedTurns,
        ),
        (
            format!("    own = TABLES\n    own.append('c')\n    for t in TABLES:\n{make}"),
            "own.append('c')",
            ProblemKind::ChangedTurns,
        ),
        (
            format!("    own = ['a']\n    if x:\n        own = ['b']\n    for t in own:\n{make}"),
            "own",
            ProblemKind::UnknownTurns,
        ),
        (format!("    for t in range(2000):\n{make}"), "range(2000)", ProblemKind::TooManyTurns),
    ];
    for (body, part, kind) in table {
        let text = python(&body);
        let found = extract(PYTHON, &text);
        let sql: Vec<&str> = found.fragments.iter().map(|it| it.sql.text()).collect();
        assert_eq!(sql, [once.as_str()], "{text}");
        let said: Vec<_> =
            found.problems.iter().map(|it| (text.get(it.range.clone()).unwrap_or(""), &it.kind)).collect();
        assert!(said.contains(&(part, &kind)), "{text}\n{said:?}");
    }
}

#[test]
fn loops_in_loops_share_what_a_file_may_have() {
    let text = python(
        "    for a in range(40):\n        for t in range(40):\n            op.execute(f'CREATE INDEX i{a}_{t} ON t (x)')\n    for t in TABLES:\n        op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n",
    );
    let found = extract(PYTHON, &text);
    let sql: Vec<&str> = found.fragments.iter().map(|it| it.sql.text()).collect();
    assert_eq!(sql.len(), 42, "{sql:?}");
    assert_eq!(sql.first(), Some(&format!("CREATE INDEX i{PLACEHOLDER}_0 ON t (x)").as_str()));
    assert_eq!(
        sql.get(40..),
        Some(made(&["a", "b"]).iter().map(String::as_str).collect::<Vec<_>>().as_slice())
    );
    let kinds: Vec<_> = found.problems.iter().map(|it| it.kind.clone()).collect();
    assert_eq!(kinds, [ProblemKind::TooManyTurns]);
    let text = python(
        "    for a in range(30):\n        for t in range(30):\n            op.execute(f'CREATE INDEX i{a}_{t} ON t (x)')\n",
    );
    assert_eq!(super::sql(PYTHON, &text).len(), 900);
}

#[test]
fn loops_without_measure_come_to_an_end() {
    let made = "op.execute(f'CREATE INDEX i{t} ON t (x)')";
    // Too many turns inside of a loop that is not followed, and again.
    let text = python(&format!(
        "    for a in range(3):\n        for t in range(900):\n            {made}\n        for t in range(900):\n            {made}\n"
    ));
    let found = extract(PYTHON, &text);
    assert!(found.fragments.len() <= 1000, "{}", found.fragments.len());
    assert!(found.problems.iter().any(|it| it.kind == ProblemKind::TooManyTurns), "{:?}", found.problems);
    // Lists that are made of each other over and over.
    let level = |level: usize| {
        let parts = vec![format!("*L{}", level - 1); 40].join(", ");
        format!("L{level} = [{parts}]\n")
    };
    let lists = format!("L0 = []\n{}", (1..12).map(level).collect::<Vec<_>>().concat());
    let found = extract(PYTHON, &format!("{lists}for t in L11:\n    {made}\n"));
    assert!(found.fragments.len() <= 1, "{:?}", found.fragments);
    // Loops in loops, and nothing in them.
    let head = |level: usize| format!("{}for t{level} in ('a', 'b'):\n", " ".repeat(level));
    let heads: Vec<String> = (0..40).map(head).collect();
    let body = "op.execute(f'CREATE INDEX i{t1} ON t (x)')";
    let deep = format!("{}{}{body}\n", heads.concat(), " ".repeat(40));
    let found = extract(PYTHON, &deep);
    assert!((1..=1000).contains(&found.fragments.len()), "{}", found.fragments.len());
}

#[test]
fn an_item_that_is_not_known_is_unknown_in_its_turn_only() {
    let text = python("    for t in ['a', table()]:\n        op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n");
    let found = extract(PYTHON, &text);
    let sql: Vec<&str> = found.fragments.iter().map(|it| it.sql.text()).collect();
    assert_eq!(
        sql,
        [
            "CREATE INDEX a_x ON a (x)".to_owned(),
            format!("CREATE INDEX {PLACEHOLDER}_x ON {PLACEHOLDER} (x)")
        ]
    );
    let said: Vec<_> =
        found.problems.iter().map(|it| (text.get(it.range.clone()), it.kind.clone())).collect();
    assert_eq!(said, [(Some("table()"), ProblemKind::UnknownItem)]);
}

#[test]
fn a_condition_that_is_not_decided_is_said_once() {
    for body in [
        "    for t in TABLES:\n        if not there(t):\n            op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n",
        "    for t in TABLES:\n        if there(t):\n            continue\n        op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n",
        "    [op.execute(f'CREATE INDEX {t}_x ON {t} (x)') for t in TABLES if there(t)]\n",
    ] {
        let text = python(body);
        let found = extract(PYTHON, &text);
        let sql: Vec<&str> = found.fragments.iter().map(|it| it.sql.text()).collect();
        assert_eq!(sql, made(&["a", "b"]), "{text}");
        let kinds: Vec<_> = found.problems.iter().map(|it| it.kind.clone()).collect();
        assert_eq!(kinds, [ProblemKind::UnknownChoice], "{text}");
    }
    // What does not hang on the turn is told as everywhere else.
    let text = python(
        "    for t in TABLES:\n        if dialect() == 'postgresql':\n            op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n",
    );
    assert_eq!(sql(PYTHON, &text), made(&["a", "b"]));
}

#[test]
fn names_are_those_of_their_own_turn_and_place() {
    // A name that is given a value further down has that of the turn before.
    let text = python(
        "    for t in TABLES:\n        op.execute(f'CREATE INDEX {name} ON {t} (x)')\n        name = f'{t}_x'\n",
    );
    let found = sql(PYTHON, &text);
    assert_eq!(
        found,
        [format!("CREATE INDEX {PLACEHOLDER} ON a (x)"), format!("CREATE INDEX {PLACEHOLDER} ON b (x)")]
    );
    // The inner loop's name hides the outer one's.
    let text = python(
        "    for t in TABLES:\n        for t in ('p', 'q'):\n            op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n",
    );
    assert_eq!(sql(PYTHON, &text), made(&["p", "q", "p", "q"]));
    // A constant of the same name elsewhere is another one.
    let text = "t = 'z'\nQ = f'CREATE INDEX {t}_q ON {t} (x)'\n\ndef upgrade():\n    for t in ['a']:\n        op.execute(Q)\n        op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n";
    assert_eq!(sql(PYTHON, text), ["CREATE INDEX z_q ON z (x)", "CREATE INDEX a_x ON a (x)"]);
    // After the loop only a run would tell.
    let text =
        python("    for t in TABLES:\n        n = f'{t}_x'\n    op.execute(f'CREATE INDEX {n} ON u (x)')\n");
    assert_eq!(sql(PYTHON, &text), [format!("CREATE INDEX {PLACEHOLDER}_x ON u (x)")]);
}

#[test]
fn the_turns_come_one_after_the_other() {
    let text = python(
        "    for t in TABLES:\n        op.execute(f'DROP INDEX {t}_o')\n        for c in ('x', 'y'):\n            op.create_index(f'{t}_{c}', t, [c])\n        op.execute(f'DROP INDEX {t}_p')\n    op.execute('DROP INDEX z')\n",
    );
    let found = read(PYTHON, &text);
    let mut all: Vec<_> = found
        .fragments
        .iter()
        .map(|it| (super::super::Turn::order(it.turn, it.range.start), it.sql.text().to_owned()))
        .chain(found.declared.iter().map(|it| {
            (super::super::Turn::order(it.turn, it.range.start), it.name.get().unwrap_or("").to_owned())
        }))
        .collect();
    all.sort();
    let names: Vec<&str> = all.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "DROP INDEX a_o",
            "a_x",
            "a_y",
            "DROP INDEX a_p",
            "DROP INDEX b_o",
            "b_x",
            "b_y",
            "DROP INDEX b_p",
            "DROP INDEX z"
        ]
    );
}

#[test]
fn what_a_program_does_for_another_database_is_none_of_postgresqls() {
    let (ours, theirs) =
        ("op.execute('CREATE INDEX a_x ON a (x)')", "op.execute('ALTER TABLE a MODIFY x INT(9)')");
    let both = |condition: &str, yes: &str, no: &str| {
        format!("    if {condition}:\n        {yes}\n    else:\n        {no}\n")
    };
    let bodies = [
        both("op.get_bind().dialect.name == 'postgresql'", ours, theirs),
        both("op.get_bind().dialect.name != 'mysql'", ours, theirs),
        both("not op.get_bind().dialect.name == 'mysql'", ours, theirs),
        both("'sqlite' == bind.engine.name", theirs, ours),
        both("'postgres' in bind.dialect.name", ours, theirs),
        both("'mysql' in str(bind.dialect)", theirs, ours),
        both("bind.dialect.name.startswith('postgres')", ours, theirs),
        both("not bind.dialect.name.startswith('mysql')", ours, theirs),
        both("bind.dialect.name in ('mysql', 'mariadb')", theirs, ours),
        both("bind.dialect.name not in ['postgresql', 'sqlite']", theirs, ours),
        both("schema_editor.connection.vendor == 'postgresql' and True", ours, theirs),
        format!("    name = bind.dialect.name\n{}", both("name == 'mysql'", theirs, ours)),
        format!("    is_mysql = bind.dialect.name == 'mysql'\n{}", both("is_mysql", theirs, ours)),
        format!("    if bind.dialect.name == 'sqlite':\n        return\n    {ours}\n"),
        format!(
            "    if bind.dialect.name == 'mysql':\n        {theirs}\n    elif bind.dialect.name == 'postgresql':\n        {ours}\n    else:\n        {theirs}\n"
        ),
    ];
    for body in bodies {
        let text = python(&body);
        assert_eq!(sql(PYTHON, &text), made(&["a"]), "{text}");
    }
    let text = python(&format!(
        "    if bind.dialect.name == 'postgresql':\n        {ours}\n        return\n    {theirs}\n\ndef downgrade():\n    {ours}\n"
    ));
    assert_eq!(sql(PYTHON, &text), made(&["a", "a"]), "{text}");
    // Whatever else a condition asks is not known.
    for condition in [
        "flag",
        "bind.dialect.name == other",
        "bind.dialect.name == 'mysql' or flag",
        "kind == 'mysql'",
        "kind.startswith('my')",
        "'sql' in bind.dialect.name",
    ] {
        let text = python(&both(condition, ours, theirs));
        assert_eq!(sql(PYTHON, &text).len(), 2, "{text}");
    }
    let text = ruby(
        "    if connection.adapter_name == 'PostgreSQL'\n      execute 'CREATE INDEX a_x ON a (x)'\n    else\n      execute 'ALTER TABLE a MODIFY x INT(9)'\n    end\n    execute 'ALTER TABLE a MODIFY x INT(9)' unless connection.adapter_name == 'PostgreSQL'\n",
    );
    assert_eq!(sql(RUBY, &text), made(&["a"]), "{text}");
    let text = js(
        "  if (knex.client.config.client === 'pg') {\n    await knex.raw('CREATE INDEX a_x ON a (x)');\n  } else if (['mysql', 'mysql2'].includes(knex.client.config.client)) {\n    await knex.raw('ALTER TABLE a MODIFY x INT(9)');\n  }\n",
    );
    assert_eq!(sql(JS, &text), made(&["a"]), "{text}");
    let text = go(
        "\tif db.Dialector.Name() == \"postgres\" {\n\t\tdb.Exec(\"CREATE INDEX a_x ON a (x)\")\n\t} else {\n\t\tdb.Exec(\"ALTER TABLE a MODIFY x INT(9)\")\n\t}\n",
    );
    assert_eq!(sql(GO, &text), made(&["a"]), "{text}");
}
