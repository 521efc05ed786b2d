//! Whole folders, as the command reads them.

use std::fs;

use super::*;

fn run(files: &[(&str, &[u8])], registry: Option<&str>, format: AuditFormat) -> (Exit, String) {
    run_as(files, registry, format, Output::Plain)
}

fn run_as(
    files: &[(&str, &[u8])],
    registry: Option<&str>,
    format: AuditFormat,
    output: Output,
) -> (Exit, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join("m").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let registry = registry.map(|text| {
        let path = folder.path().join("registry.toml");
        fs::write(&path, text).unwrap();
        vec![path]
    });
    let args = AuditArgs {
        paths: vec![folder.path().join("m")],
        format,
        domains: None,
        write_registry: None,
        live: false,
    };
    let setting =
        Setting { registry: registry.as_deref(), usual: &[], hand: Hand::Write, output, width: 400 };
    let mut out = Vec::new();
    let exit = audit(&args, &setting, &mut out).unwrap();
    let root = format!("{}/", folder.path().join("m").to_string_lossy());
    (exit, String::from_utf8(out).unwrap().replace(&root, ""))
}

fn json(files: &[(&str, &[u8])]) -> (Exit, serde_json::Value) {
    let (exit, text) = run_as(files, None, AuditFormat::Table, Output::Json);
    (exit, serde_json::from_str(&text).unwrap())
}

fn list(answer: &serde_json::Value) -> Vec<String> {
    let word = |it: &serde_json::Value, key: &str| {
        it[key].as_str().map_or_else(|| it[key].to_string(), str::to_owned)
    };
    answer["indexes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{}:{}:{} {}", word(it, "file"), it["line"], it["column"], word(it, "name")))
        .collect()
}

#[test]
fn each_layout_is_read_in_its_order_and_what_only_undoes_is_not_counted() {
    let (exit, answer) = json(&[
        ("diesel/10_b/up.sql", b"drop index a;"),
        ("diesel/9_a/up.sql", b"create index a on t (x);"),
        ("diesel/9_a/down.sql", b"drop index a; create index undone on t (x);"),
        ("diesel/9_a/metadata.toml", b"run_in_transaction = false"),
        (
            "dbmate/1.sql",
            b"-- migrate:up\ncreate index b on u (x);\n-- migrate:down\ncreate index undone on u (x);",
        ),
        ("flyway/R__r.sql", b"create index d on v (x);"),
        ("flyway/V2__b.sql", b"create index c on v (x, y);"),
        ("flyway/U2__b.sql", b"create index undone on v (x);"),
        ("sqlx/1_x.up.sql", b"-- no-transaction\ncreate index e on w (x);"),
        ("sqlx/1_x.down.sql", b"create index undone on w (x);"),
    ]);
    assert_eq!(exit, Exit::Verified);
    assert_eq!(
        list(&answer),
        [
            "dbmate/1.sql:2:1 b",
            "diesel/9_a/up.sql:1:1 a",
            "flyway/V2__b.sql:1:1 c",
            "flyway/R__r.sql:1:1 d",
            "sqlx/1_x.up.sql:2:1 e"
        ]
    );
    assert_eq!(answer["indexes"][1]["later"][0]["what"], "dropped");
    assert_eq!(answer["indexes"][3]["covered_by"], serde_json::json!(["public.c"]));
    let outside: Vec<&str> = answer["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["outside_transaction"] == true)
        .map(|it| it["path"].as_str().unwrap())
        .collect();
    assert_eq!(outside, ["diesel/9_a/down.sql", "diesel/9_a/up.sql", "sqlx/1_x.up.sql"]);
}

#[test]
fn odd_encodings_are_read_and_what_cannot_be_read_is_a_finding() {
    let (exit, answer) = json(&[
        ("1.sql", b"\xEF\xBB\xBFcreate index a on t (x);\r\ncreate index b on t (y);\r\n"),
        ("2.sql", b"-- gr\xFC\xDFe\n/* \xFC */ create index c on t (z);"),
        ("3.sql", b"create index d on t (v);\ncreate index on on (w);\ncreate index e on t (w);"),
        ("4.sql", b"\0\0\0"),
        (".gitignore", b"ignored/\n"),
        ("ignored/5.sql", b"create index f on t (v);"),
    ]);
    assert_eq!(exit, Exit::Findings);
    assert_eq!(list(&answer), ["1.sql:1:1 a", "1.sql:2:1 b", "2.sql:2:9 c", "3.sql:1:1 d", "3.sql:3:1 e"]);
    let unread: Vec<String> = answer["unread"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{}:{}", it["file"].as_str().unwrap(), it["line"]))
        .collect();
    assert_eq!(unread, ["4.sql:1", "3.sql:2"]);
}

#[test]
fn a_dump_of_many_statements_is_read_the_same_on_any_number_of_threads() {
    let mut dump = String::from("SELECT pg_catalog.set_config('search_path', '', false);\n");
    dump.extend((0..3_000).map(|it| format!("CREATE INDEX i{it} ON s.t{it} USING btree (a, b);\n")));
    dump += "COPY s.t0 (a) FROM stdin;\nCREATE INDEX no ON t (a);\n\\.\n";
    let (exit, answer) = json(&[("structure.sql", dump.as_bytes())]);
    let found = list(&answer);
    assert_eq!((exit, found.len()), (Exit::Verified, 3_000));
    assert_eq!(found[2_999], "structure.sql:3001:1 i2999");
}

#[test]
fn a_registry_is_compared_three_ways() {
    let registry = r#"
version = 1
[[index]]
name = "same"
domain = "d"
table = "t"
sql = "CREATE INDEX CONCURRENTLY same ON t (a DESC NULLS FIRST)"
[[index]]
name = "other"
domain = "d"
table = "t"
sql = "CREATE INDEX CONCURRENTLY other ON t (a, b)"
[[index]]
name = "missing"
domain = "d"
table = "t"
sql = "CREATE INDEX CONCURRENTLY missing ON t (c)"
"#;
    let files: &[(&str, &[u8])] = &[(
        "1.sql",
        b"create index same on t (a desc); create index other on t (b, a); create index more on t (d); create unique index u on t (e);",
    )];
    let (exit, text) = run(files, Some(registry), AuditFormat::Table);
    assert_eq!(exit, Exit::Findings);
    for wanted in [
        "Registry: 1 the same in both\n",
        "in migrations only: public.more\n",
        "in the registry only: public.missing\n",
        "differs: public.other\n",
        "public.t [d]",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert!(!text.contains("only: public.u"), "{text}");
}

#[test]
fn pages_for_people_hold_the_same_figures_and_no_sign_of_others_means_anything() {
    let files: &[(&str, &[u8])] =
        &[("a|b.sql", b"create unique index \"x|\x1b[31m\" on t (a) where b = '<b>';")];
    let (_, table) = run(files, None, AuditFormat::Table);
    assert!(
        table.contains("1 CREATE INDEX in 1 file: 1 functional, 0 performance; 1 unique, 1 partial"),
        "{table}"
    );
    let (_, page) = run(files, None, AuditFormat::Markdown);
    assert!(page.contains("a\\|b.sql:1:1"), "{page}");
    assert!(page.contains("WHERE b = '\\<b\\>'"), "{page}");
    assert!(!page.contains('\x1b') && !table.contains('\x1b'));
}

#[test]
fn what_the_registry_lacks_is_written_behind_what_it_has_and_then_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(
        at("1.sql"),
        "create index i on t (a); create unique index u on t (b); create index j on t (c);",
    )
    .unwrap();
    let kept = "# ours\nversion = 1\n[[index]]\nname = 'i'\ndomain = 'd'\ntable = 't'\nsql = 'CREATE INDEX CONCURRENTLY i ON t (a)'\n";
    fs::write(at("registry.toml"), kept).unwrap();
    let (registry, paths) = (vec![at("registry.toml")], vec![at("1.sql")]);
    let run = |hand, said: Option<&[PathBuf]>, into: Option<PathBuf>| {
        let args = AuditArgs {
            paths: paths.clone(),
            format: AuditFormat::Table,
            domains: None,
            write_registry: Some(into),
            live: false,
        };
        let setting = Setting { registry: said, usual: &registry, hand, output: Output::Json, width: 400 };
        let mut out = Vec::new();
        let exit = audit(&args, &setting, &mut out).unwrap();
        (exit, serde_json::from_slice::<serde_json::Value>(&out).unwrap())
    };
    let (exit, shown) = run(Hand::Show, Some(&registry), None);
    assert_eq!(exit, Exit::Findings);
    assert_eq!(shown["reconciled"]["migrations_only"], serde_json::json!(["public.j"]));
    assert!(shown["written"]["diff"].as_str().unwrap().contains("+name = \"j\""));
    assert_eq!(fs::read_to_string(at("registry.toml")).unwrap(), kept);
    let (exit, written) = run(Hand::Write, None, None);
    assert_eq!((exit, &written["reconciled"]["same"]), (Exit::Verified, &2.into()));
    assert_eq!(written["written"]["added"][0]["domain"], "d");
    assert_eq!(written["written"]["left_out"][0]["index"], "public.u");
    assert!(fs::read_to_string(at("registry.toml")).unwrap().starts_with(kept));
    let (exit, fresh) = run(Hand::Write, None, Some(at("fresh.toml")));
    assert_eq!((exit, fresh["written"]["added"].as_array().unwrap().len()), (Exit::Verified, 2));
    assert!(at("fresh.toml").exists());
}

#[test]
fn programs_are_read_beside_sql_in_the_order_of_their_chain_and_pictures_of_the_schema_are_not_counted() {
    let rails = b"ActiveRecord::Schema[7.1].define do\n  create_table :t do |t|\n    t.index [:a], name: 'by_a'\n  end\nend\n";
    let (exit, answer) = json(&[
        ("alembic/a_last.py", b"revision = 'l'\ndown_revision = 'm'\ndef upgrade():\n    op.drop_index('ix')\n"),
        ("alembic/b_first.py", b"revision = 'f'\ndown_revision = None\ndef upgrade():\n    op.create_index('ix', 't', ['a'])\n"),
        ("alembic/c_middle.py", b"revision: str = 'm'\ndown_revision: str = 'f'\ndef upgrade():\n    op.create_index('iy', 't', ['b'], unique=True)\n"),
        ("db/migrate/1_a.rb", b"class A < ActiveRecord::Migration[7.1]\n  def change\n    add_index :t, :a, name: 'by_a'\n  end\nend\n"),
        ("db/schema.rb", rails),
        ("list.py", b"ALL = [{'name': 'il', 'table': 't', 'sql': 'CREATE INDEX il ON t (c)'}]\nlog.info('CREATE INDEX no ON t (c)')\n"),
    ]);
    assert_eq!(exit, Exit::Verified, "{answer:#}");
    assert_eq!(
        list(&answer),
        [
            "alembic/b_first.py:4:5 ix",
            "alembic/c_middle.py:4:5 iy",
            "db/migrate/1_a.rb:3:5 by_a",
            "list.py:1:45 il"
        ]
    );
    assert_eq!(answer["indexes"][0]["later"][0]["what"], "dropped");
    assert_eq!(answer["indexes"][0]["later"][0]["file"], "alembic/a_last.py");
    assert_eq!(answer["totals"]["described"], 1);
    // Without its migrations the picture is all there is.
    let (_, alone) = json(&[("db/schema.rb", rails)]);
    assert_eq!(list(&alone), ["db/schema.rb:3:5 by_a"]);
    let (exit, broken) = json(&[("m.py", b"def upgrade(:\n    op.execute('CREATE INDEX a ON b (c)')\n")]);
    assert_eq!(exit, Exit::Findings);
    assert_eq!(broken["unread"][0]["broken"], true);
}
