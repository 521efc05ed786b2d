//! No text, however odd, breaks anything.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::super::{Language, MAX_BYTES, ProblemKind, extract};
use super::check_map;

fn language() -> impl Strategy<Value = Language> {
    proptest::sample::select(Language::ALL.to_vec())
}

/// Pieces that such files are made of, in any order.
fn crumbs() -> impl Strategy<Value = String> {
    let crumbs = [
        "\"",
        "'",
        "\"\"\"",
        "'''",
        "`",
        "f\"",
        "r'",
        "{",
        "}",
        "${",
        "#{",
        "(",
        ")",
        "[",
        "]",
        "\\",
        "\\\n",
        "\n",
        "\r\n",
        "\t",
        "    ",
        " ",
        "%",
        "%s",
        "%(a)s",
        "+",
        ",",
        ":",
        "=",
        "=>",
        "CREATE INDEX i ON t (a)",
        "DROP INDEX i",
        "sql",
        "op.execute(",
        "op.create_index(",
        "execute ",
        "<<~SQL",
        "<<-SQL",
        "SQL",
        "add_index :t, ",
        ":a",
        "do |t|",
        "end",
        "def upgrade():",
        "class A < ActiveRecord::Migration[7.0]",
        "class Migration(migrations.Migration):",
        "RunSQL(",
        "AddIndex(",
        "with op.get_context().autocommit_block():",
        "const ",
        "package m",
        "func f() ",
        "é",
        "\u{1F980}",
        "\0",
        "--",
        "/*",
        "*/",
        "#",
        "//",
        ".format(",
        ".squish",
        "\\x",
        "\\u{",
        "\\u00",
        "name",
        "{'name': ",
        "'table': ",
    ];
    proptest::collection::vec(proptest::sample::select(crumbs.to_vec()), 0..60)
        .prop_map(|crumbs| crumbs.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_and_every_offset_is_in_the_file(language in language(), text in ".{0,300}") {
        check_map(&text, &extract(language, &text));
    }

    #[test]
    fn any_crumbs_are_read_and_every_offset_is_in_the_file(language in language(), text in crumbs()) {
        check_map(&text, &extract(language, &text));
    }

    #[test]
    fn a_statement_comes_out_as_it_went_in(
        language in language(),
        name in "[a-z_äß]{1,12}",
        blank in "[ \n\t]{0,5}",
    ) {
        let sql = format!("{blank}CREATE INDEX {name} ON t (a)");
        let text = match language {
            Language::Python => format!("x = '''{sql}'''\n"),
            Language::Ruby => format!("x = '{sql}'\n"),
            Language::JavaScript | Language::TypeScript | Language::Tsx => format!("x = `{sql}`;\n"),
            Language::Go => format!("package m\nvar x = `{sql}`\n"),
            Language::Java => format!("class A {{ String x = \"{}\"; }}\n", sql.replace('\n', "\\n").replace('\t', "\\t")),
        };
        let found = extract(language, &text);
        check_map(&text, &found);
        prop_assert_eq!(found.problems, vec![]);
        prop_assert_eq!(found.fragments.len(), 1);
        prop_assert_eq!(found.fragments[0].sql.text(), &sql);
    }
}

#[test]
fn nothing_is_too_deep() {
    const DEEP: usize = 6_000;
    let nests = [
        ("(", ")"),
        ("[", "]"),
        ("f(", ")"),
        ("{'a': ", "}"),
        ("x + (", ")"),
        ("a.b(", ").c()"),
        ("-", ""),
        ("'a' + ", "'b'"),
    ];
    for language in Language::ALL {
        for (open, close) in nests {
            let text = format!("x = {}1{}\n", open.repeat(DEEP), close.repeat(DEEP));
            check_map(&text, &extract(language, &text));
        }
        let text = format!("x = {}'CREATE INDEX i ON t (a)'\n", "'' + ".repeat(DEEP));
        check_map(&text, &extract(language, &text));
    }
    let mut blocks = String::new();
    for depth in 0..300 {
        let _ = writeln!(blocks, "{}if x:", " ".repeat(depth));
    }
    check_map(&blocks, &extract(Language::Python, &blocks));
}

#[test]
fn constants_that_double_each_other_end() {
    let mut text = "a0 = 'CREATE INDEX i ON t (a, b, c, d, e, f, g, h)'\n".to_owned();
    for step in 1..40 {
        let _ = writeln!(text, "a{step} = a{0} + '' + a{0} + a{0} + a{0}", step - 1);
    }
    let found = extract(Language::Python, &text);
    let bytes: usize = found.fragments.iter().map(|fragment| fragment.sql.text().len()).sum();
    assert!(bytes < 4 * 1024 * 1024, "{bytes} bytes of text from {}", text.len());
    assert!(
        found.problems.iter().any(|problem| problem.kind == ProblemKind::TooMuchText),
        "{:?}",
        found.problems
    );
    let circle = extract(Language::Python, "a = b + ''\nb = a + ''\nx = 'CREATE INDEX i ON t (' + a + ')'\n");
    assert_eq!(circle.fragments.len(), 1);
}

#[test]
fn a_file_that_is_too_long_is_told() {
    let text = " ".repeat(MAX_BYTES + 1);
    let found = extract(Language::Python, &text);
    assert_eq!(found.problems.len(), 1);
    assert_eq!(found.problems[0].kind, ProblemKind::TooLong { bytes: text.len() });
}
