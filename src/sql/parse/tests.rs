//! The grammar of CREATE INDEX, row by row, and the way back.

use proptest::prelude::*;

use super::*;

fn shape(text: &str) -> IndexShape {
    parse_create_index(text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

fn rendered(text: &str) -> String {
    let shape = shape(text);
    let name = shape.name.clone().unwrap_or_default();
    shape.render_concurrently(&name, "public", &shape.table.name)
}

fn problems(text: &str) -> Vec<(SqlProblemKind, String)> {
    let problems = parse_create_index(text).expect_err(text);
    assert!(!problems.is_empty(), "{text}");
    problems.into_iter().map(|it| (it.kind, text.get(it.span).unwrap_or("?").to_owned())).collect()
}

#[test]
fn every_clause_survives_the_way_to_our_own_statement() {
    for (text, sql) in [
        ("CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX CONCURRENTLY i ON public.t USING btree (a)"),
        (
            "create unique index concurrently if not exists I on only Public.T using BTREE (A desc nulls last, b asc nulls first);",
            "CREATE UNIQUE INDEX CONCURRENTLY i ON ONLY public.t USING btree (a DESC NULLS LAST, b ASC NULLS FIRST)",
        ),
        (
            "CREATE INDEX CONCURRENTLY \"My idx\" ON \"T x\" (\"Größe\", \"a\"\"b\", type, \"user\")",
            "CREATE INDEX CONCURRENTLY \"My idx\" ON public.\"T x\" USING btree (\"Größe\", \"a\"\"b\", type, \"user\")",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t (lower(email) COLLATE \"C\" text_pattern_ops)",
            "CREATE INDEX CONCURRENTLY i ON public.t USING btree (lower(email) COLLATE \"C\" text_pattern_ops)",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t (a COLLATE pg_catalog.\"de_DE\")",
            "CREATE INDEX CONCURRENTLY i ON public.t USING btree (a COLLATE pg_catalog.\"de_DE\")",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t USING gist (doc public.gist_trgm_ops (siglen = 32))",
            "CREATE INDEX CONCURRENTLY i ON public.t USING gist (doc public.gist_trgm_ops (siglen = 32))",
        ),
        (
            "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a) INCLUDE (b, \"C\") NULLS NOT DISTINCT WITH (fillfactor=70, deduplicate_items = off) TABLESPACE fast WHERE a > 1",
            "CREATE UNIQUE INDEX CONCURRENTLY i ON public.t USING btree (a) INCLUDE (b, \"C\") NULLS NOT DISTINCT WITH (fillfactor = 70, deduplicate_items = off) TABLESPACE fast WHERE a > 1",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t ((a -- why\n + b), (data->>'k'), CAST(x AS text), extract(year from y), coalesce(a, b))",
            "CREATE INDEX CONCURRENTLY i ON public.t USING btree ((a + b), (data->>'k'), CAST(x AS text), extract(year from y), coalesce(a, b))",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t ((a)) /* c */ WHERE status = 'open -- not a comment' /* x /* y */ */ AND d = $q$ /* nor this */ $q$ -- end",
            "CREATE INDEX CONCURRENTLY i ON public.t USING btree (a) WHERE status = 'open -- not a comment' AND d = $q$ /* nor this */ $q$",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t (a) WHERE b = 'x'\n-- joined\n'y'",
            "CREATE INDEX CONCURRENTLY i ON public.t USING btree (a) WHERE b = 'x'\n'y'",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t (a) WHERE b < -- less\n c",
            "CREATE INDEX CONCURRENTLY i ON public.t USING btree (a) WHERE b < c",
        ),
        (
            "/* head */ CREATE INDEX CONCURRENTLY i ON t USING hash (a) NULLS DISTINCT ; ;",
            "CREATE INDEX CONCURRENTLY i ON public.t USING hash (a)",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t USING brin (at) WITH (pages_per_range = 32, autosummarize)",
            "CREATE INDEX CONCURRENTLY i ON public.t USING brin (at) WITH (pages_per_range = 32, autosummarize)",
        ),
    ] {
        assert_eq!(rendered(text), sql);
    }
}

#[test]
fn every_access_method_is_understood() {
    for method in ["btree", "hash", "gin", "gist", "spgist", "brin", "bloom", "\"My am\""] {
        let text = format!("CREATE INDEX CONCURRENTLY i ON t USING {method} (a)");
        assert_eq!(shape(&text).method, fold(method));
    }
}

#[test]
fn the_clone_statement_is_not_concurrent_and_stays_in_pg_temp() {
    let shape = shape("CREATE UNIQUE INDEX CONCURRENTLY i ON ONLY app.t (a) TABLESPACE fast WHERE a > 0");
    assert_eq!(
        shape.render_on_clone("i", "T"),
        "CREATE UNIQUE INDEX i ON pg_temp.\"T\" USING btree (a) TABLESPACE fast WHERE a > 0"
    );
}

#[test]
fn drops_are_qualified_and_concurrent() {
    assert_eq!(
        super::super::drop_concurrently("public", "My idx"),
        "DROP INDEX CONCURRENTLY public.\"My idx\""
    );
}

#[test]
fn a_column_in_parentheses_is_a_column_and_a_bare_function_is_an_expression() {
    let shape = shape("CREATE INDEX CONCURRENTLY i ON t (((a)), current_user, b)");
    assert_eq!(shape.key_columns(), ["a", "b"]);
    assert!(shape.has_expression());
    assert!(!shape.is_partial());
}

#[test]
fn everything_else_is_refused_at_the_right_place() {
    use SqlProblemKind as Kind;
    let long = "x".repeat(64);
    let rows: Vec<(String, Vec<(Kind, &str)>)> = vec![
        (String::new(), vec![(Kind::Empty, "")]),
        ("-- nothing".to_owned(), vec![(Kind::Empty, "")]),
        ("CREATE INDEX i ON t (a)".to_owned(), vec![(Kind::NotConcurrently, "INDEX")]),
        ("CREATE INDEX CONCURRENTLY ON t (a)".to_owned(), vec![(Kind::Unnamed, "")]),
        ("CREATE INDEX CONCURRENTLY s.i ON t (a)".to_owned(), vec![(Kind::QualifiedIndexName, "s.i")]),
        ("CREATE INDEX CONCURRENTLY i ON d.s.t (a)".to_owned(), vec![(Kind::TableNameParts, "d.s.t")]),
        (
            "DROP INDEX CONCURRENTLY i".to_owned(),
            vec![(
                Kind::NotCreateIndex { found: "DROP INDEX CONCURRENTLY".to_owned() },
                "DROP INDEX CONCURRENTLY i",
            )],
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t (a); SELECT 1;".to_owned(),
            vec![(Kind::SeveralStatements { count: 2 }, "SELECT 1;")],
        ),
        (
            "BEGIN; CREATE INDEX CONCURRENTLY i ON t (a); COMMIT".to_owned(),
            vec![(Kind::TransactionControl, "BEGIN;")],
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t (a + b)".to_owned(),
            vec![(Kind::ExpressionWithoutParentheses, "a + b")],
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t (a::text)".to_owned(),
            vec![(Kind::ExpressionWithoutParentheses, "a::text")],
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t (a) INCLUDE (lower(b))".to_owned(),
            vec![(Kind::IncludeNotColumn, "lower(b)")],
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t (a) INCLUDE (b DESC)".to_owned(),
            vec![(Kind::IncludeNotColumn, "b DESC")],
        ),
        ("CREATE INDEX CONCURRENTLY i ON t (a) WHERE b = $1".to_owned(), vec![(Kind::Parameter, "$1")]),
        (
            "CREATE INDEX CONCURRENTLY i ON t (U&\"a\")".to_owned(),
            vec![(Kind::UnicodeEscapedName, "U&\"a\"")],
        ),
        (
            format!("CREATE INDEX {long} ON t (s.{long}(a))"),
            vec![
                (Kind::NotConcurrently, "INDEX"),
                (Kind::NameTooLong { name: long.clone(), bytes: 64 }, &long),
                (Kind::NameTooLong { name: long.clone(), bytes: 64 }, &long),
            ],
        ),
        ("CREATE INDEX CONCURRENTLY i\0 ON t (a)".to_owned(), vec![(Kind::NulCharacter, "\0")]),
    ];
    for (text, expected) in rows {
        let expected: Vec<_> = expected.into_iter().map(|(kind, at)| (kind, at.to_owned())).collect();
        assert_eq!(problems(&text), expected, "{text}");
    }
}

#[test]
fn broken_syntax_is_refused_with_a_place_inside_the_text() {
    for text in [
        "CREATE INDEX CONCURRENTLY i ON t",
        "CREATE INDEX CONCURRENTLY i ON t (a",
        "CREATE INDEX CONCURRENTLY i ON t ()",
        "CREATE INDEX CONCURRENTLY i ON t (a) WHERE",
        "CREATE INDEX CONCURRENTLY i ON t (a) WHERE 'open",
        "CREATE INDEX CONCURRENTLY i ON t (a /* open",
        "CREATE INDEX CONCURRENTLY i ON t (a NULLS LAST DESC)",
        "CREATE INDEX CONCURRENTLY i ON t (left)",
        "CREATE INDEX CONCURRENTLY i ON t (\"\")",
        "EXPLAIN CREATE INDEX CONCURRENTLY i ON t (a)",
        "CREATE INDEX CONCURRENTLY i ON t (a USING <)",
        "\\i other.sql",
        "foo bar",
    ] {
        for problem in parse_create_index(text).expect_err(text) {
            assert!(problem.span.end <= text.len(), "{text}: {problem:?}");
            assert!(!problem.kind.hint().is_empty());
        }
    }
}

#[test]
fn texts_that_would_overflow_the_parser_are_refused_before_it_sees_them() {
    let nested = |levels: usize| {
        format!("CREATE INDEX CONCURRENTLY i ON t (({}a{}))", "(".repeat(levels), ")".repeat(levels))
    };
    assert_eq!(problems(&nested(20_000))[0].0, SqlProblemKind::TooDeep);
    assert!(parse_create_index(&nested(490)).is_ok());
    let huge = format!("CREATE INDEX CONCURRENTLY i ON t (a) WHERE b = '{}'", "x".repeat(70_000));
    assert!(matches!(problems(&huge)[0].0, SqlProblemKind::TooLong { .. }));
}

#[test]
fn the_worst_nesting_that_is_let_through_does_not_overflow() {
    for (unit, count) in
        [("NOT ", 1_900), ("- ", 1_900), ("a+", 950), ("a||", 640), ("CASE WHEN ", 950), ("~", 1_900)]
    {
        let text = format!("CREATE INDEX CONCURRENTLY i ON t ((a)) WHERE {}a", unit.repeat(count));
        let _ = parse_create_index(&text);
        let inline = format!("CREATE INDEX CONCURRENTLY i ON t (a) WHERE {}a", unit.repeat(90));
        let _ = parse_create_index(&inline);
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_][a-z0-9_$]{0,12}",
        "[A-Za-z äß\"'.;-]{1,12}",
        Just("select".to_owned()),
        Just("left".to_owned())
    ]
}

fn expression() -> impl Strategy<Value = String> {
    prop_oneof![
        name().prop_map(|it| format!("lower({})", quote_ident(&it))),
        (name(), name()).prop_map(|(a, b)| format!(
            "({} || 'x -- y' || {})",
            quote_ident(&a),
            quote_ident(&b)
        )),
        name().prop_map(|it| format!("(({} ->> 'k')::int + 1)", quote_ident(&it))),
    ]
}

fn key() -> impl Strategy<Value = IndexKey> {
    let text = prop_oneof![
        name().prop_map(|it| (quote_ident(&it), KeyKind::Column(it))),
        expression().prop_map(|it| (it, KeyKind::Expression)),
    ];
    let options = (
        prop::option::of(name().prop_map(|it| quote_ident(&it))),
        prop::option::of(prop_oneof![
            name().prop_map(|it| format!("ops.{}", quote_ident(&it))),
            Just("gist_trgm_ops (siglen = 32)".to_owned())
        ]),
        prop::option::of(prop_oneof![Just(SortOrder::Asc), Just(SortOrder::Desc)]),
        prop::option::of(prop_oneof![Just(NullsOrder::First), Just(NullsOrder::Last)]),
    );
    (text, options).prop_map(|((text, kind), (collation, opclass, order, nulls))| IndexKey {
        text,
        kind,
        collation,
        opclass,
        order,
        nulls,
    })
}

fn any_shape() -> impl Strategy<Value = IndexShape> {
    let value = prop::option::of(prop_oneof![
        Just("70".to_owned()),
        Just("off".to_owned()),
        Just("'x y'".to_owned())
    ]);
    let head = (any::<bool>(), any::<bool>(), name(), name(), name());
    let rest = (
        prop::collection::vec(key(), 1..4),
        prop::collection::vec(name(), 0..3),
        any::<bool>(),
        prop::collection::vec((Just("fillfactor".to_owned()), value), 0..2),
        prop::option::of(name()),
        prop::option::of(expression().prop_map(|it| format!("{it} IS NOT NULL AND a > -1"))),
    );
    (head, rest).prop_map(|((unique, only, index, schema, table), rest)| {
        let (keys, include, nulls_not_distinct, with, tablespace, predicate) = rest;
        IndexShape {
            unique,
            concurrently: true,
            if_not_exists: false,
            only,
            name: Some(index),
            table: TableRef { schema: Some(schema), name: table },
            method: "gist".to_owned(),
            keys,
            include,
            nulls_not_distinct,
            with,
            tablespace,
            predicate,
        }
    })
}

proptest! {
    #[test]
    fn a_rendered_shape_reads_back_as_itself(shape in any_shape()) {
        let schema = shape.table.schema.clone().unwrap_or_default();
        let sql = shape.render_concurrently(&shape.name.clone().unwrap_or_default(), &schema, &shape.table.name);
        prop_assert_eq!(parse_create_index(&sql), Ok(shape), "{}", sql);
    }

    #[test]
    fn no_text_at_all_makes_it_panic(text in "(CREATE |INDEX |CONCURRENTLY |i |ON |t |\\(|\\)|a|'|\"|;|--|/\\*|\\$\\$|WHERE |,|\n|é|\\[|U&){0,30}") {
        if let Err(problems) = parse_create_index(&text) {
            for problem in problems {
                prop_assert!(text.get(problem.span).is_some());
            }
        }
    }
}
