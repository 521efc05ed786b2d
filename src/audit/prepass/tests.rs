//! Files as psql and pg_dump write them.

use super::*;

fn statements(text: &str) -> Vec<String> {
    let script = prepare(text);
    assert_eq!(script.text.len(), text.len(), "{text}");
    script.pieces.iter().map(|piece| script.text[piece.range.clone()].to_owned()).collect()
}

#[test]
fn statements_end_at_semicolons_that_are_no_part_of_anything() {
    for (text, wanted) in [
        ("select 1; select 2", vec!["select 1;", "select 2"]),
        ("select ';'; select \";\"", vec!["select ';';", "select \";\""]),
        ("do $$ begin; end $$; x", vec!["do $$ begin; end $$;", "x"]),
        ("-- a;\nselect /* ; */ 1;", vec!["select /* ; */ 1;"]),
        (
            "create rule r as on insert to t do (a; b); x",
            vec!["create rule r as on insert to t do (a; b);", "x"],
        ),
        (
            "create or replace function f() begin atomic select case when a then 1 end; select 2; end; x",
            vec![
                "create or replace function f() begin atomic select case when a then 1 end; select 2; end;",
                "x",
            ],
        ),
        ("begin; x; end; y", vec!["begin;", "x;", "end;", "y"]),
        (";;", vec![]),
    ] {
        assert_eq!(statements(text), wanted, "{text}");
    }
}

#[test]
fn rows_of_a_copy_are_no_sql_also_behind_a_block_of_comments() {
    let text = "--\n-- Data for Name: t; Type: TABLE DATA\n--\n\nCOPY public.t (a, b) FROM stdin;\n\
                CREATE INDEX a ON b (c);\t'\n\\.x\n\\\\.\n\\.\n\nCREATE INDEX d ON e (f);\n";
    assert_eq!(statements(text), ["COPY public.t (a, b) FROM stdin;", "CREATE INDEX d ON e (f);"]);
    assert_eq!(
        statements("copy t from stdin;\r\n'\r\n\\.\r\nselect 1;\r\n"),
        ["copy t from stdin;", "select 1;"]
    );
    assert_eq!(statements("copy t from stdin;\n\\.\nselect 1;"), ["copy t from stdin;", "select 1;"]);
    assert_eq!(statements("\\copy t from stdin\n'\n\\.\nselect 1;"), ["copy t from '___'", "select 1;"]);
    assert_eq!(statements("copy t from 'stdin';\nselect 1;"), ["copy t from 'stdin';", "select 1;"]);
    assert_eq!(statements("copy (select 1) to stdout;\nselect 1;").len(), 2);
}

#[test]
fn what_psql_copies_from_is_a_copy_whatever_its_source_is_called() {
    for (text, wanted) in [
        (
            "\\copy t from data.csv csv header\nselect 1;",
            vec!["copy t from '_________________'", "select 1;"],
        ),
        (
            "\\copy s.\"T\" (a, \"from\") FROM PROGRAM 'gzip -dc ü.gz' with (x ;\r\n",
            vec!["copy s.\"T\" (a, \"from\") FROM '________________________________'"],
        ),
        ("\\copy (select a from t) to out.csv\nselect 1;", vec!["select 1;"]),
        ("\\copy t to from.csv\n\\copy t from\n\\copy\nselect 1;", vec!["select 1;"]),
        // It is sent at once, and the statement around it goes on.
        ("select\n\\copy t from pstdin\n';\n\\.\n1;", vec!["select\n                   \n  \n  \n1;"]),
    ] {
        assert_eq!(statements(text), wanted, "{text}");
    }
}

#[test]
fn a_copy_without_its_mark_is_said() {
    let script = prepare("copy t from stdin;\n1\n2\n");
    assert_eq!(script.open, [(19, Open::Copy)]);
    assert_eq!(prepare("select 'a").open, [(7, Open::Text)]);
    assert_eq!(prepare("select \"a").open, [(7, Open::Name)]);
    assert_eq!(prepare("do $a$ b $$").open, [(3, Open::Dollar)]);
}

#[test]
fn commands_of_psql_are_skipped_and_those_that_send_end_a_statement() {
    assert_eq!(statements("\\restrict a'b\nselect 1;\n\\unrestrict a'b\n"), ["select 1;"]);
    assert_eq!(statements("\\set a 'x\n\\echo ;\nselect 1;"), ["select 1;"]);
    assert_eq!(statements("select\n\\echo it's\n1;"), ["select\n          \n1;"]);
    assert_eq!(statements("select 1 \\; select 2;"), ["select 1", "select 2;"]);
    let script = prepare("select 'create index' \\gexec\nselect 2 \\gset\n\\ir other.sql\nselect 3");
    let sent: Vec<Sent> = script.pieces.iter().map(|piece| piece.sent).collect();
    assert_eq!(sent, [Sent::Gexec, Sent::Command, Sent::End]);
    assert_eq!(script.includes, [(44, "\\ir other.sql".to_owned())]);
}

#[test]
fn variables_become_names_and_casts_slices_and_texts_stay() {
    for (text, wanted) in [
        ("create index on :schema.t (a)", "create index on _schema.t (a)"),
        ("select :'a', :\"b\"", "select '_a', \"_b\""),
        ("select a::text, b[1:c], ':x', \":y\", $$:z$$", "select a::text, b[1:c], ':x', \":y\", $$:z$$"),
        ("select 1 -- :x\n", "select 1"),
        ("create table ${schema}.t (a int)", "create table __schema_.t (a int)"),
        ("select * from {{ ref('a') }}", "select * from ___ref__a_____"),
        ("select a := :b", "select a := _b"),
        ("select :na\u{feff}e, :ß\u{ad}", "select _naあe, _ßß"),
    ] {
        assert_eq!(statements(text), [wanted], "{text}");
    }
    assert_eq!(prepare("select :a, a::b, ${c}").placeholders, [7, 17]);
}
