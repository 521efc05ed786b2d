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
                index.name_parts().join(" "),
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
        (
            "do $$ begin execute format('create index %I on %I (%I)', 'i \"1', 'T', 'c d'); end $$;",
            vec![r#"1:29 Block i "1 on T (c d)"#],
        ),
        (
            "do $$ begin execute format('create index i on t (a) where b = %L', 'it''s'); end $$;",
            vec!["1:29 Block i on t (a)"],
        ),
        (
            "do $$ begin execute 'create index ' || quote_ident('I') || ' on t (a)'; end $$;",
            vec!["1:22 Block I on t (a)"],
        ),
        (
            "do $$ declare n text := 'i'; t constant text := 'T'; begin execute format('create index %I on %I (b)', n, t); end $$;",
            vec!["1:76 Block i on T (b)"],
        ),
        (
            "do $$ declare n text := 'i'; begin select a into n from b; execute format('create index %I on t (b)', n); end $$;",
            vec!["1:76 Dynamic … on t (b)"],
        ),
        (
            "do $$ declare n text := 'i'; begin select a, b into strict m, n from b; execute 'create index ' || n || ' on t (b)'; end $$;",
            vec!["1:82 Dynamic … on t (b)"],
        ),
        (
            "do $$ declare n text := 'i'; begin for n in select 1 loop execute 'create index ' || n || ' on t (b)'; end loop; end $$;",
            vec!["1:68 Dynamic … on t (b)"],
        ),
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
        table.constraints.iter().map(|it| (it.name.as_deref(), it.name_parts().join("_"))).collect();
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
        (using.using_index.as_deref(), unique.name_parts().join(","), name.as_str()),
        (Some("i"), "d".to_owned(), "v")
    );
}

fn listed(tables: &[TableRef]) -> String {
    let shown = |it: &TableRef| match &it.schema {
        Some(schema) => format!("{schema}.{}", it.name),
        None => it.name.clone(),
    };
    tables.iter().map(shown).collect::<Vec<_>>().join(",")
}

fn shown(change: &Change) -> String {
    let from =
        if change.reads.is_empty() { String::new() } else { format!(" from {}", listed(&change.reads)) };
    let looped = if change.repeat == Repeat::Loop { " looped" } else { "" };
    let within: Vec<String> = change.within.iter().map(|it| format!(" [{}]", shown(it))).collect();
    let tables = listed(&change.tables);
    format!("{:?} {tables} {:?}{from}{looped}{}", change.dml, change.rows, within.concat())
}

/// Each change and call as `nesting what tables rows`.
fn changes(text: &str) -> Vec<String> {
    let reading = reading(text);
    assert_eq!(reading.unread, [], "{text}");
    let said = |statement: &Statement| {
        if let StatementKind::Dml(change) = &statement.kind {
            return Some(format!("{:?} {}", statement.nesting, shown(change)));
        }
        let StatementKind::Call(call) = &statement.kind else { return None };
        let looped = if call.repeat == Repeat::Loop { " looped" } else { "" };
        Some(format!("{:?} {:?} {}{looped}", statement.nesting, call.caller, listed(&call.routines)))
    };
    reading.statements.iter().filter_map(said).collect()
}

#[test]
fn changes_of_data_say_their_tables_and_rows() {
    for (text, wanted) in [
        ("update s.t set a = 1;", vec!["Direct Update s.t All"]),
        ("UPDATE ONLY \"T\" AS x SET a = 1 WHERE b;", vec!["Direct Update T Chosen"]),
        ("update t set a = 1 where true;", vec!["Direct Update t All"]),
        ("update t set a = 1 where 1 = 1 and b;", vec!["Direct Update t Chosen"]),
        ("update t set a = u.a from u;", vec!["Direct Update t All"]),
        ("delete from t;", vec!["Direct Delete t All"]),
        ("delete from t using u where t.a = u.a;", vec!["Direct Delete t Chosen"]),
        ("truncate a, only s.b cascade;", vec!["Direct Truncate a,s.b All"]),
        ("merge into t using u on t.a = u.a when matched then delete;", vec!["Direct Merge t Chosen from u"]),
        ("copy t (a) from '/x';", vec!["Direct CopyFrom t Loaded"]),
        ("copy t (a) from stdin;\n1\n\\.\n", vec!["Direct CopyFrom t Loaded"]),
        ("copy t (a) from stdin;\n\\.\n", vec!["Direct CopyFrom t None"]),
        ("copy t to '/x'; copy (select 1) to '/x';", vec![]),
        ("copy (delete from t returning *) to '/x';", vec!["Direct Delete t All"]),
        ("explain analyze update t set a = 1;", vec!["Direct Update t All"]),
        ("explain (analyze, costs off) delete from t;", vec!["Direct Delete t All"]),
        ("explain update t set a = 1;", vec![]),
        ("prepare p as delete from t where a = $1;", vec!["Direct Delete t Chosen"]),
        ("create rule r as on insert to t do instead update u set a = 1;", vec![]),
        ("select 'update t set a = 1';", vec![]),
        ("select a from t for update;", vec![]),
        (
            "insert into t values (1, now()), (2, f(3)) on conflict do nothing;",
            vec!["Direct InsertValues t Written"],
        ),
        ("insert into t default values;", vec!["Direct InsertValues t Written"]),
        ("insert into t values ((select id from u));", vec!["Direct InsertValues t Written"]),
        (
            "insert into t select 1, now() where not exists (select 1 from t);",
            vec!["Direct InsertSelect t Written"],
        ),
        (
            "insert into t select 1 union all select 2 order by 1 limit 3;",
            vec!["Direct InsertSelect t Written"],
        ),
        ("insert into t (a) (select 1);", vec!["Direct InsertSelect t Written"]),
        ("insert into t select v.a from (values (1), (2)) as v(a);", vec!["Direct InsertSelect t Written"]),
        (
            "insert into t select x from unnest(array['a', 'b']::text[]) as x;",
            vec!["Direct InsertSelect t Written"],
        ),
        (
            "insert into t select * from json_to_recordset('[]') as x(a int);",
            vec!["Direct InsertSelect t Written"],
        ),
        ("with v(a) as (values (1)) insert into t select a from v;", vec!["Direct InsertSelect t Written"]),
        (
            "insert into t with v as (select 1) select * from v cross join v w;",
            vec!["Direct InsertSelect t Written"],
        ),
        ("insert into t select id from s.u;", vec!["Direct InsertSelect t Chosen from s.u"]),
        ("insert into t table u;", vec!["Direct InsertSelect t Chosen from u"]),
        (
            "insert into t select u.a from (values (1)) v(a) join u using (a);",
            vec!["Direct InsertSelect t Chosen from u"],
        ),
        ("insert into t select generate_series(1, 9);", vec!["Direct InsertSelect t Chosen"]),
        ("insert into t select g from generate_series(1, 9) g;", vec!["Direct InsertSelect t Chosen"]),
        ("insert into t select x from u, unnest(u.a) x;", vec!["Direct InsertSelect t Chosen from u"]),
        (
            "insert into t select a from (select b from u where c) x;",
            vec!["Direct InsertSelect t Chosen from u"],
        ),
        (
            "with a as (delete from t returning *) select * from a;",
            vec!["Direct ModifyingWith  Chosen [Delete t All]"],
        ),
        (
            "with a as (delete from t where b returning *) insert into u select * from a;",
            vec!["Direct InsertSelect u Chosen from a [Delete t Chosen]"],
        ),
        (
            "with a as (insert into t values (1) returning id) insert into u select id from a;",
            vec!["Direct InsertSelect u Written [InsertValues t Written]"],
        ),
        ("with a as (select 1 from u) update t set b = 1 where c;", vec!["Direct Update t Chosen"]),
    ] {
        assert_eq!(changes(text), wanted, "{text}");
    }
}

#[test]
fn changes_in_blocks_say_whether_they_are_repeated_and_calls_what_they_call() {
    for (text, wanted) in [
        ("do $$ begin update t set a = 1; end $$;", vec!["Block Update t All"]),
        (
            "do $$ begin loop delete from t where a; exit when not found; end loop; end $$;",
            vec!["Block Delete t Chosen looped"],
        ),
        (
            "do $$ begin while true loop execute 'delete from t'; end loop; end $$;",
            vec!["Block Delete t All looped"],
        ),
        (
            "do $$ declare r record; begin for r in select a from u loop insert into t values (r.a); end loop; end $$;",
            vec!["Block InsertValues t Written looped"],
        ),
        (
            "do $$ declare x text; begin foreach x in array array['a', 'b'] loop insert into t values (x); end loop; end $$;",
            vec!["Block InsertValues t Written"],
        ),
        (
            "do $$ declare r record; begin for r in update t set a = 1 returning * loop null; end loop; end $$;",
            vec!["Block Update t All"],
        ),
        (
            "do $$ begin execute format('update %I set a = 1', x); end $$;",
            vec!["Dynamic Update … All", "Block Query format"],
        ),
        (
            "create function s.f() returns int language sql as $$ update t set a = 1 where b; select 1 $$;",
            vec!["Routine Update t Chosen"],
        ),
        ("select s.f(1), g((select h()));", vec!["Direct Query s.f,g,h"]),
        ("call s.p(1);", vec!["Direct Call s.p"]),
        ("select 1;", vec![]),
        (
            "do $$ declare n int; begin perform f(); call p(); n := g(); while h() > 0 loop n := g(); end loop; end $$;",
            vec![
                "Block Query f",
                "Block Call p",
                "Block Query g",
                "Block Query h looped",
                "Block Query g looped",
            ],
        ),
        (
            "select format('delete from %I', a) from u \\gexec\n",
            vec!["Direct Query format", "Dynamic Delete … All looped"],
        ),
    ] {
        assert_eq!(changes(text), wanted, "{text}");
    }
}
