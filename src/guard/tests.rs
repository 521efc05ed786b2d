//! Every kind of finding, and everything that looks like one.

use super::*;
use crate::audit::Lines;
use crate::audit::document::{Direction, Document, Halves, Snapshots, Tables, declare, of_host, of_sql};
use crate::audit::host::{Language, Transaction, extract};
use crate::audit::inventory::{Chapter, take};
use crate::audit::layout::Tool;
use crate::audit::prepass::prepare;
use crate::audit::statement::read;
use crate::sql::TableRef;

struct NoModels;

impl Tables for NoModels {
    fn of_model(&self, model: &str) -> Option<String> {
        Some(model.to_lowercase())
    }
}

fn document(path: &str, text: &str) -> Document {
    if let Some(language) = Language::of_path(path) {
        let found = extract(language, text);
        let mut document = of_host(text, &found);
        declare(&mut document, &found.declared, Snapshots::Counted, &NoModels);
        return document;
    }
    let (script, lines) = (prepare(text), Lines::of(text));
    let reading = read(&script, 0..script.pieces.len(), &lines);
    let halves = Halves {
        tool: Tool::Plain,
        direction: Direction::Up,
        undoing: Vec::new(),
        transaction: Transaction::Unsaid,
    };
    of_sql(text, &script, &lines, reading, &halves)
}

fn judged(files: &[(&str, &str)], rules: &Rules, kept: &[Kept]) -> Vec<Finding> {
    let documents: Vec<Document> = files.iter().map(|(path, text)| document(path, text)).collect();
    let files: Vec<File<'_>> =
        files.iter().zip(&documents).map(|((path, text), document)| File { path, text, document }).collect();
    let chapters: Vec<Chapter<'_>> =
        documents.iter().map(|it| Chapter { statements: &it.statements }).collect();
    let inventory = take(&chapters);
    let mut found = judge(&files, &inventory, rules);
    found.extend(missing(&files, &inventory, kept, "cicerone.toml"));
    found
}

/// Each as `line kind: what`, in brackets why it passes.
fn said(found: &[Finding]) -> Vec<String> {
    found
        .iter()
        .map(|it| {
            let pass = it.pass.as_ref().map_or_else(String::new, |it| format!(" [{}]", it.word()));
            format!("{} {}: {}{pass}", it.place.line, it.kind.word(), it.what)
        })
        .collect()
}

fn sql(text: &str) -> Vec<String> {
    said(&judged(&[("1.sql", text)], &Rules::default(), &[]))
}

#[test]
fn performance_indexes_are_findings_and_functional_ones_are_not() {
    for (text, wanted) in [
        ("create index i on t (a);", vec!["1 performance-index: CREATE INDEX i ON t (a)"]),
        (
            "CREATE INDEX ON only s.t USING gin (a) WHERE b;",
            vec!["1 performance-index: CREATE INDEX t_a_idx ON t (a)"],
        ),
        ("create unique index i on t (a);", vec![]),
        ("create unique index concurrently if not exists i on t (lower(a)) where b;", vec![]),
        ("create table t (a int primary key, b int unique, exclude using gist (c with =));", vec![]),
        ("create unique index i on t (a); alter table t add constraint i unique using index i;", vec![]),
        ("-- create index i on t (a);\nselect 'create index i on t (a)';", vec![]),
        (
            "create temp table t (a int); create index i on t (a);",
            vec!["1 performance-index: CREATE INDEX i ON t (a) [temporary]"],
        ),
        (
            "create table t (a int);\ncreate index i on t (a);",
            vec!["2 performance-index: CREATE INDEX i ON t (a)"],
        ),
        (
            "do $$ begin\ncreate index i on t (a); end $$;",
            vec!["2 performance-index: CREATE INDEX i ON t (a)"],
        ),
        (
            "do $$ begin\nexecute format('create index %I on %I (a)', x, y); end $$;",
            vec!["2 performance-index: CREATE INDEX … ON … (a)"],
        ),
        (
            "create function f() returns void language sql as $$\ncreate index i on t (a) $$;",
            vec!["2 performance-index: CREATE INDEX i ON t (a) [routine]"],
        ),
        ("create index i on t (a); drop index i;", vec!["1 performance-index: CREATE INDEX i ON t (a)"]),
    ] {
        assert_eq!(sql(text), wanted, "{text}");
    }
}

#[test]
fn changes_of_data_are_findings_and_seeds_are_not() {
    for (text, wanted) in [
        ("update t set a = 1 where b;", vec!["1 data-change: UPDATE t"]),
        ("delete from s.t where a;", vec!["1 data-change: DELETE FROM s.t"]),
        ("insert into t (a) select a from u;", vec!["1 data-change: INSERT INTO t SELECT FROM u"]),
        (
            "merge into t using u on t.a = u.a when matched then do nothing;",
            vec!["1 data-change: MERGE INTO t USING u"],
        ),
        ("copy t from '/x';", vec!["1 data-change: COPY t FROM"]),
        ("copy t from stdin;\n1\n\\.\n", vec!["1 data-change: COPY t FROM"]),
        ("copy t from stdin;\n\\.\n", vec!["1 data-change: COPY t FROM [no-rows]"]),
        ("\\copy t from data.csv csv header\n", vec!["1 data-change: COPY t FROM"]),
        ("\\copy t from stdin\n1\n\\.\n", vec!["1 data-change: COPY t FROM"]),
        ("\\copy t from stdin\n\\.\n\\copy t to data.csv\n", vec!["1 data-change: COPY t FROM [no-rows]"]),
        ("truncate t, u;", vec!["1 data-change: TRUNCATE t, u"]),
        (
            "with d as (delete from t where a returning *) insert into u select * from d;",
            vec!["1 data-change: INSERT INTO u SELECT FROM d, WITH DELETE FROM t"],
        ),
        (
            "with d as (delete from t returning *) select count(*) from d;",
            vec!["1 data-change: WITH DELETE FROM t"],
        ),
        ("insert into t values (1), (2);", vec!["1 seed: INSERT INTO t VALUES [seed]"]),
        (
            "insert into t select 1 where not exists (select 1 from t);",
            vec!["1 seed: INSERT INTO t SELECT [seed]"],
        ),
        ("insert into t select * from (values (1)) v;", vec!["1 seed: INSERT INTO t SELECT [seed]"]),
        (
            "with a as (insert into t values (1) returning id) insert into u select id from a;",
            vec!["1 seed: INSERT INTO u SELECT, WITH INSERT INTO t VALUES [seed]"],
        ),
        (
            "do $$ begin for i in 1..9 loop insert into t values (i); end loop; end $$;",
            vec!["1 data-change: INSERT INTO t VALUES"],
        ),
        ("do $$ begin\nupdate t set a = 1; end $$;", vec!["2 data-change: UPDATE t"]),
        ("do $$ begin\nexecute 'delete from t'; end $$;", vec!["2 data-change: DELETE FROM t"]),
        ("do $$ begin raise notice 'UPDATE t SET a = 1'; end $$;", vec![]),
        ("comment on table t is 'UPDATE t SET a = 1';", vec![]),
        ("alter table t add column a int default 1; create table u as select * from t;", vec![]),
        (
            "create table t (a int); update t set a = 1; copy t from '/x';",
            vec!["1 data-change: UPDATE t [new-table]", "1 data-change: COPY t FROM [new-table]"],
        ),
        ("create table if not exists t (a int); update t set a = 1;", vec!["1 data-change: UPDATE t"]),
        (
            "create table t (a int); insert into t select a from u;",
            vec!["1 data-change: INSERT INTO t SELECT FROM u"],
        ),
        ("create temp table t as select 1; update t set a = 1;", vec!["1 data-change: UPDATE t [temporary]"]),
        (
            "create table a (x int); alter table a rename to b; delete from b; delete from a;",
            vec!["1 data-change: DELETE FROM b [new-table]", "1 data-change: DELETE FROM a"],
        ),
    ] {
        assert_eq!(sql(text), wanted, "{text}");
    }
    let found =
        judged(&[("1.sql", "update t set a = 1;\nupdate t set a = 1 where b;")], &Rules::default(), &[]);
    assert!(found[0].message.starts_with("UPDATE without WHERE"), "{found:?}");
    assert!(!found[1].message.contains("WHERE"), "{found:?}");
}

#[test]
fn routines_count_where_they_are_called() {
    let files = [
        (
            "1.sql",
            "create function f() returns void language plpgsql as $$ begin loop update t set a = 1; end loop; end $$;",
        ),
        ("2.sql", "create procedure p() language plpgsql as $$ begin perform f(); end $$;"),
        ("3.sql", "create function harmless() returns int language sql as 'select 1';"),
        (
            "4.sql",
            "select f();\ncall p();\nselect harmless();\ncall other();\nselect listed(1);\ndo $$ begin perform f(); end $$;",
        ),
        (
            "5.sql",
            "create function g() returns void language plpgsql as $$ begin create temp table x (a int); delete from x; insert into log values (1); end $$; select g();",
        ),
    ];
    let listed = TableRef { schema: None, name: "listed".to_owned() };
    let rules = Rules { looping_functions: vec![listed], ..Rules::default() };
    assert_eq!(
        said(&judged(&files, &rules, &[])),
        [
            "1 data-change: UPDATE t [routine]",
            "1 data-change: call of f [routine]",
            "1 data-change: call of f",
            "2 data-change: call of p",
            "4 not-judged: CALL other [not-judged]",
            "5 data-change: call of listed",
            "6 data-change: call of f",
            "1 data-change: DELETE FROM x [routine]",
            "1 seed: INSERT INTO log VALUES [routine]",
        ]
    );
}

#[test]
fn what_is_broken_is_a_finding_and_what_is_not_judged_is_told() {
    assert_eq!(
        sql("create index i on (a);\ncreate indx x on t (b);\nselect 1 + ;"),
        ["1 not-read: not read", "2 not-read: not read", "3 not-read: not read"]
    );
    assert_eq!(sql("do $$ begin execute x; end $$;"), ["1 not-judged: not judged [not-judged]"]);
    let python = "def f(:\n    pass\n";
    assert_eq!(said(&judged(&[("1.py", python)], &Rules::default(), &[]))[0], "1 not-read: not read");
    let python = "def f():\n    return 1\n  x = 2\n";
    assert_eq!(judged(&[("1.py", python)], &Rules::default(), &[]).len(), 1);
}

/// What a guard by patterns takes for statements.
#[test]
fn messages_that_speak_of_statements_are_none() {
    let mut python = String::from("import logging\nlog = logging.getLogger(__name__)\ndef upgrade():\n");
    for word in [
        "UPDATE leads SET a = 1",
        "CREATE INDEX ix ON leads (a)",
        "DELETE FROM leads",
        "INSERT INTO a SELECT * FROM b",
    ] {
        for call in [
            "log.info(\"{}\")",
            "log.warning(\"running: {}\")",
            "print(f\"{}\")",
            "logger.debug(\"{}\", 1)",
            "raise ValueError(\"{}\")",
        ] {
            python.extend(["    ", &call.replace("{}", word), "\n"]);
        }
        python.extend(["    # ", word, "\n    \"\"\"", word, "\"\"\"\n"]);
    }
    let found = judged(&[("1.py", &python)], &Rules::default(), &[]);
    assert_eq!(said(&found), [""; 0], "{python}");
    let ruby = "class A < ActiveRecord::Migration[7.1]\n  def up\n    say 'UPDATE leads SET a = 1'\n    Rails.logger.info \"CREATE INDEX i ON leads (a)\"\n    puts 'DELETE FROM leads'\n  end\nend\n";
    let go = "package a\nfunc f() {\n\tlog.Printf(\"UPDATE leads SET a = 1\")\n\tfmt.Println(\"CREATE INDEX i ON leads (a)\")\n}\n";
    let script = "console.log('UPDATE leads SET a = 1'); logger.info(`CREATE INDEX i ON leads (a)`);\n";
    assert_eq!(
        said(&judged(&[("1.rb", ruby), ("1.go", go), ("1.ts", script)], &Rules::default(), &[])),
        [""; 0]
    );
}

#[test]
fn programs_are_judged_by_what_they_hand_over() {
    let python = "def upgrade():\n    op.create_index('i', 't', ['a'])\n    op.create_index('u', 't', ['a'], unique=True)\n    op.execute('UPDATE t SET a = 1')\n    op.execute('''INSERT INTO t VALUES (1)''')\n\ndef downgrade():\n    op.execute('DELETE FROM t')\n";
    let ruby = "class A < ActiveRecord::Migration[7.1]\n  def change\n    add_index :t, :b\n    execute 'DELETE FROM t'\n  end\nend\n";
    assert_eq!(
        said(&judged(&[("1.py", python), ("2.rb", ruby)], &Rules::default(), &[])),
        [
            "2 performance-index: CREATE INDEX i ON t (a)",
            "4 data-change: UPDATE t",
            "5 seed: INSERT INTO t VALUES [seed]",
            "3 performance-index: CREATE INDEX index_t_on_b ON t (b)",
            "4 data-change: DELETE FROM t",
        ]
    );
}

#[test]
fn a_table_that_a_framework_makes_is_new_from_there_on() {
    let ruby = "class A < ActiveRecord::Migration[7.1]\n  def up\n    execute 'DELETE FROM things'\n    create_table :things do |t|\n      t.text :a\n    end\n    execute 'UPDATE things SET a = 1'\n    drop_table :things\n    execute 'DELETE FROM things'\n  end\nend\n";
    assert_eq!(
        said(&judged(&[("1.rb", ruby)], &Rules::default(), &[])),
        [
            "3 data-change: DELETE FROM things",
            "7 data-change: UPDATE things [new-table]",
            "9 data-change: DELETE FROM things"
        ]
    );
}

#[test]
fn rules_can_be_had_otherwise() {
    let text = "create table t (a int);\ncreate index i on t (a);\nupdate t set a = 1;\ninsert into u values (1);\ndo $$ begin execute x; end $$;\ncreate index k on u (a);";
    let named = |name: &str| TableRef { schema: None, name: name.to_owned() };
    let rules = Rules {
        indexes_on_new_tables: Judgement::Allow,
        data_of_new_tables: Judgement::Refuse,
        seeds: Judgement::Refuse,
        not_judged: Judgement::Refuse,
        looping_functions: Vec::new(),
        keep: vec![named("k")],
    };
    assert_eq!(
        said(&judged(&[("1.sql", text)], &rules, &[])),
        [
            "2 performance-index: CREATE INDEX i ON t (a) [new-table]",
            "3 data-change: UPDATE t",
            "4 seed: INSERT INTO u VALUES",
            "5 not-judged: not judged",
            "6 performance-index: CREATE INDEX k ON u (a) [kept]",
        ]
    );
}

#[test]
fn an_index_that_has_to_stay_is_missed_when_it_is_gone_or_another_one() {
    let made = "create unique index u on s.t (a);";
    for (name, later, wanted) in [
        ("u", "", None),
        ("s.u", "alter table s.t add constraint u unique using index u;", None),
        ("s.u", "alter index s.u rename to v;", Some("it is renamed to v here")),
        ("s.u", "drop index s.u;", Some("it is dropped here")),
        ("u", "drop table s.t;", Some("it goes with table t here")),
        ("u", "alter table s.t drop column a;", Some("here")),
        ("x.u", "", Some("nothing in the series makes it")),
        ("u", "drop index s.u; create unique index u on s.t (a);", None),
        ("u", "drop index s.u; create index u on s.t (a);", Some("it is no longer UNIQUE")),
        (
            "u",
            "drop index s.u; create unique index u on s.t (a, b);",
            Some("its keys were (a) and are (a, b)"),
        ),
        (
            "u",
            "drop index s.u; create unique index u on s.t (a) where b;",
            Some("its condition was none and is b"),
        ),
        ("u", "drop index s.u; create unique index u on s.v (a);", Some("it was on t and is on v")),
        ("v", "alter index s.u rename to v;", None),
    ] {
        let (schema, bare) = name.split_once('.').map_or((None, name), |(schema, name)| (Some(schema), name));
        let table = TableRef { schema: schema.map(str::to_owned), name: bare.to_owned() };
        let kept = Kept { name: table, place: crate::audit::Place { line: 7, column: 3 } };
        let found: Vec<Finding> = judged(&[("1.sql", made), ("2.sql", later)], &Rules::default(), &[kept])
            .into_iter()
            .filter(|it| it.kind == Kind::KeptIndex)
            .collect();
        match wanted {
            None => assert_eq!(found, [], "{name} {later}"),
            Some(wanted) => {
                assert_eq!(found.len(), 1, "{name} {later}");
                assert!(found[0].message.contains(wanted), "{name} {later}: {}", found[0].message);
                let nowhere = wanted.starts_with("nothing");
                assert_eq!(found[0].path, if nowhere { "cicerone.toml" } else { "2.sql" }, "{later}");
            }
        }
    }
}

#[test]
fn a_fingerprint_is_of_the_text_and_not_of_its_place_or_layout() {
    let hash = |text: &str| {
        let document = document("1.sql", text);
        let files = [File { path: "1.sql", text, document: &document }];
        let chapter = [Chapter { statements: &document.statements }];
        let found = judge(&files, &take(&chapter), &Rules::default());
        fingerprint(&found[0], &files)
    };
    let one = hash("update T set a = 'X' where b;");
    assert_eq!(hash("\n\n-- more\nUPDATE t\r\n  SET a = 'X' -- why\n WHERE b;"), one);
    for other in [
        "update t set a = 'x' where b;",
        "update t set a = 'X' where c;",
        "update \"T\" set a = 'X' where b;",
    ] {
        assert_ne!(hash(other), one, "{other}");
    }
    assert_ne!(hash("select from from;"), hash("select x from from;"));
    assert_eq!(hash("\n  select from from;"), hash("select from from;"));
}

fn known(file: &str, hash: &str) -> Known {
    Known { file: file.to_owned(), kind: Kind::DataChange, hash: hash.to_owned() }
}

fn entry(file: &str, hash: &str) -> Entry {
    Entry { known: known(file, hash), line: 3, what: "UPDATE \"t\"\n\u{1b}\u{7f}".to_owned(), at: 0 }
}

#[test]
fn a_baseline_is_read_back_as_it_was_written_in_one_order() {
    let names = ["b.sql", "a \"quoted\"\n\\ö\u{85}.sql", "a.sql"];
    let baseline = Baseline { entries: names.iter().map(|it| entry(it, "00ff")).collect() };
    let text = baseline.write();
    let mut back = baseline.clone();
    back.entries.reverse();
    assert_eq!(back.write(), text);
    assert_eq!(text.lines().filter(|it| it.contains("hash = ")).count(), 3);
    let source = crate::domain::diagnostic::Source { path: "b.toml".to_owned(), text: text.clone() };
    let (read, found) = Baseline::read(&source);
    assert_eq!(found, []);
    assert_eq!(read.write(), text);
    assert_eq!(
        read.entries.iter().map(|it| it.known.file.as_str()).collect::<Vec<_>>(),
        [names[1], names[2], names[0]]
    );
    assert_eq!(read.entries[0].at, 5);
}

#[test]
fn an_entry_knows_one_finding_and_follows_a_file_that_is_renamed() {
    let baseline =
        Baseline { entries: vec![entry("a", "1"), entry("a", "1"), entry("gone", "2"), entry("a", "3")] };
    let findings = [known("a", "1"), known("a", "1"), known("a", "1"), known("new", "2"), known("new", "3")];
    let matched = baseline.matched(&findings, |file| file == "gone");
    assert_eq!(matched.findings, [Some(0), Some(1), None, Some(2), None]);
    assert_eq!(matched.left, [3]);
}

#[test]
fn a_baseline_with_mistakes_says_where() {
    let text = "version = 2\nfinding = [\n  { file = \"a\", kind = \"kept-index\", hash = \"1\" },\n  { file = \"a\" },\n]\n";
    let source = crate::domain::diagnostic::Source { path: "b.toml".to_owned(), text: text.to_owned() };
    let (_, found) = Baseline::read(&source);
    let lines: Vec<u32> = found.iter().map(|it| it.line).collect();
    assert_eq!(lines, [1, 3, 4, 4], "{found:?}");
}

#[test]
fn what_a_loop_does_at_one_place_is_one_finding_that_counts_its_turns() {
    let text = "from alembic import op\n\ndef upgrade():\n    for t in ['a', 'b', 'c']:\n        op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n        op.execute(f'UPDATE {t} SET x = 1')\n        op.create_index(f'{t}_y', t, ['y'])\n    op.execute('CREATE INDEX d_x ON d (x)')\n";
    let found = judged(&[("1.py", text)], &Rules::default(), &[]);
    assert_eq!(
        said(&found),
        [
            "5 performance-index: CREATE INDEX a_x ON a (x)",
            "6 data-change: UPDATE a",
            "7 performance-index: CREATE INDEX a_y ON a (y)",
            "8 performance-index: CREATE INDEX d_x ON d (x)"
        ]
    );
    let counted = |it: &&Finding| it.message.ends_with("a loop does this 3 times");
    assert_eq!(found.iter().filter(counted).count(), 3, "{found:#?}");
}
