//! Statements of every kind.

use super::*;
use crate::audit::prepass::prepare;

fn reading(text: &str) -> Reading {
    let script = prepare(text);
    let lines = Lines::of(text);
    read(&script, 0..script.pieces.len(), &lines)
}

/// Each index as `line:column nesting name on table (parts of its name)`.
fn indexes(text: &str) -> Vec<String> {
    let reading = reading(text);
    assert_eq!(reading.unread, [], "{text}");
    reading
        .statements
        .iter()
        .filter_map(|statement| {
            let StatementKind::CreateIndex(index) = &statement.kind else { return None };
            Some(format!(
                "{} {:?} {} on {} ({})",
                statement.place,
                statement.nesting,
                index.shape.name.as_deref().unwrap_or("-"),
                index.shape.table.name,
                index.name_parts.join(" "),
            ))
        })
        .collect()
}

#[test]
fn indexes_are_found_where_they_run_and_not_where_they_are_only_said() {
    for (text, wanted) in [
        ("CREATE INDEX a ON t (b);", vec!["1:1 Direct a on t (b)"]),
        (
            "\n  create\n unique Index concurrently\nif not exists \"A b\" on only s.t using gin (b, lower(c));",
            vec!["2:3 Direct A b on t (b lower)"],
        ),
        (
            "-- create index a on t (b);\n/* create /* index */ a on t(b); */ select 'create index a on t (b)';",
            vec![],
        ),
        ("do $$\nbegin\n  create index a on t (b);\nend $$;", vec!["3:3 Block a on t (b)"]),
        (
            "do 'begin if true then create index a on t (b) where c = ''x''; end if; end';",
            vec!["1:24 Block a on t (b)"],
        ),
        (
            "do $$ begin\n execute 'create index a on t (b) where c = ''x''';\nend $$;",
            vec!["2:11 Block a on t (b)"],
        ),
        ("do $$ begin\n execute $q$create index a on t (b)$q$; end $$;", vec!["2:13 Block a on t (b)"]),
        (
            "do $$ begin\n execute 'do $q$ begin execute ''create index a on t (b)''; end $q$'; end $$;",
            vec!["2:34 Block a on t (b)"],
        ),
        (
            "do $$ declare r record; begin for r in select 1 loop\n execute format('create index %I on %I (b)', 'a_' || r.x, 't'); end loop; end $$;",
            vec!["2:18 Dynamic … on t (b)"],
        ),
        (
            "do $$ begin execute 'create index a_' || x || ' on t (b)'; end $$;",
            vec!["1:22 Dynamic a_… on t (b)"],
        ),
        (
            "do $$ declare q text := 'create index a on t (b)'; begin execute q; end $$;",
            vec!["1:26 Block a on t (b)"],
        ),
        (
            "create function f() returns void language plpgsql as $$ begin create index a on t (b); end $$;",
            vec!["1:63 Routine a on t (b)"],
        ),
        ("select format('create index a on %I (b)', 't') \\gexec\n", vec!["1:16 Block a on t (b)"]),
        ("create schema s create table t (a int) create index i on t (a);", vec!["1:40 Direct i on t (a)"]),
        (
            "\r\ncreate index a\r\n on t (b);\r\ncreate index c on t (d);",
            vec!["2:1 Direct a on t (b)", "4:1 Direct c on t (d)"],
        ),
    ] {
        assert_eq!(indexes(text), wanted, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_said_with_its_place_and_the_rest_is_read() {
    let reading = reading(
        "create index a on t (b);\ncreate index b on (c);\nselect 1;\ndo $$ begin execute x; end $$;",
    );
    let said: Vec<String> = reading.unread.iter().map(|it| format!("{} {}", it.place, it.why)).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("2:18 syntax error in CREATE INDEX: "), "{said:?}");
    assert_eq!(said[1], "4:21 what is executed here is known at run time only");
    assert_eq!(reading.statements.len(), 3);
    let deep = format!("select 1;\nselect {}1{};", "(".repeat(1_001), ")".repeat(1_001));
    let said = super::tests::reading(&deep).unread;
    assert_eq!(
        said.iter().map(|it| (it.place.line, it.why.clone())).collect::<Vec<_>>(),
        [(2, Why::TooDeep)]
    );
}

fn table(schema: Option<&str>, name: &str) -> TableRef {
    TableRef { schema: schema.map(str::to_owned), name: name.to_owned() }
}

fn path(first: Option<&str>, scope: Scope) -> StatementKind {
    StatementKind::SearchPath { first: first.map(str::to_owned), scope }
}

fn set(name: &str, value: Option<&str>, scope: Scope) -> StatementKind {
    StatementKind::Set(Setting { name: name.to_owned(), value: value.map(str::to_owned), scope })
}

#[test]
fn other_statements_are_told_apart() {
    for (text, wanted) in [
        ("begin;", StatementKind::Begin),
        ("end;", StatementKind::Commit),
        ("commit and no chain;", StatementKind::Commit),
        ("commit and chain;", StatementKind::Other("COMMIT AND CHAIN".to_owned())),
        ("rollback to savepoint a;", StatementKind::Other("ROLLBACK TO SAVEPOINT".to_owned())),
        ("set local search_path to s, public;", path(Some("s"), Scope::Local)),
        ("select pg_catalog.set_config('search_path', '', false);", path(None, Scope::Session)),
        ("set session search_path = default;", path(None, Scope::Session)),
        ("set lock_timeout = '1s';", set("lock_timeout", Some("1s"), Scope::Session)),
        ("SET LOCAL Lock_Timeout TO 200;", set("lock_timeout", Some("200"), Scope::Local)),
        ("set a.b to default;", set("a.b", None, Scope::Session)),
        (
            "select set_config('statement_timeout', '5s', true);",
            set("statement_timeout", Some("5s"), Scope::Local),
        ),
        ("reset statement_timeout;", set("statement_timeout", None, Scope::Session)),
        ("reset all;", set("all", None, Scope::Session)),
        ("analyze t, s.u (a);", StatementKind::Analyze(vec![table(None, "t"), table(Some("s"), "u")])),
        ("vacuum (analyze) t;", StatementKind::Analyze(vec![table(None, "t")])),
        ("vacuum analyze;", StatementKind::Analyze(Vec::new())),
        (
            "drop index concurrently a, s.b cascade;",
            StatementKind::DropIndex {
                names: vec![table(None, "a"), table(Some("s"), "b")],
                concurrently: true,
                cascade: true,
            },
        ),
        ("insert into t values (1);", StatementKind::Dml(Dml::InsertValues)),
        ("insert into t select 1;", StatementKind::Dml(Dml::InsertSelect)),
        ("with a as (delete from t returning *) select * from a;", StatementKind::Dml(Dml::ModifyingWith)),
        (
            "reindex (concurrently) table t;",
            StatementKind::Reindex { concurrently: true, target: Reindexed::Table(table(None, "t")) },
        ),
        (
            "reindex index s.a;",
            StatementKind::Reindex { concurrently: false, target: Reindexed::Index(table(Some("s"), "a")) },
        ),
        (
            "reindex schema concurrently s;",
            StatementKind::Reindex { concurrently: true, target: Reindexed::Many("SCHEMA") },
        ),
        ("grant select on t to r;", StatementKind::Other("GRANT SELECT ON".to_owned())),
        (
            "alter index s.a rename to b;",
            StatementKind::RenameIndex {
                index: TableRef { schema: Some("s".to_owned()), name: "a".to_owned() },
                to: "b".to_owned(),
            },
        ),
    ] {
        let reading = reading(text);
        assert_eq!(reading.unread, [], "{text}");
        let kinds: Vec<&StatementKind> = reading.statements.iter().map(|it| &it.kind).collect();
        assert_eq!(kinds, [&wanted], "{text}");
    }
}

#[test]
fn constraints_are_found_behind_columns_at_the_end_of_a_table_and_added_later() {
    let reading = reading(
        "create table t (a serial primary key, b int constraint u unique, c int, unique (b, c) include (a),\n\
         exclude using gist (c with =), like s including all);\n\
         alter table only t add constraint k unique using index i, add column d int unique, rename to v;",
    );
    assert_eq!(reading.unread, []);
    let [StatementKind::CreateTable(table), StatementKind::AlterTable { actions, .. }] =
        [&reading.statements[0].kind, &reading.statements[1].kind]
    else {
        panic!("{reading:?}");
    };
    let parts: Vec<(Option<&str>, String)> =
        table.constraints.iter().map(|it| (it.name.as_deref(), it.name_parts.join("_"))).collect();
    assert_eq!(
        parts,
        [
            (None, "a".to_owned()),
            (Some("u"), "b".to_owned()),
            (None, "b_c_a".to_owned()),
            (None, "c".to_owned())
        ]
    );
    assert_eq!((table.sequences.join(","), table.like.len()), ("a".to_owned(), 1));
    let [TableAction::Add(using), TableAction::Add(unique), TableAction::Rename(name)] = actions.as_slice()
    else {
        panic!("{actions:?}");
    };
    assert_eq!(
        (using.using_index.as_deref(), unique.name_parts.join(","), name.as_str()),
        (Some("i"), "d".to_owned(), "v")
    );
}
