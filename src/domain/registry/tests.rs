//! Every mistake a registry can hold, row by row, with its place.

use proptest::prelude::*;

use super::*;
use crate::domain::diagnostic::{Code, Diagnostic, Severity, Source, render};

const SHIPPED: &str = include_str!("../../../registry.toml");

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

fn entry(name: &str, table: &str, keys: &str) -> String {
    format!(
        "\n[[index]]\nname = \"{name}\"\ndomain = \"d\"\ntable = \"{table}\"\nsql = \"CREATE INDEX CONCURRENTLY {name} ON {table} ({keys})\"\n"
    )
}

fn file(entries: &str) -> String {
    format!("version = 1\n{entries}")
}

fn one(rest: &str) -> String {
    file(&format!("[[index]]\nname = \"i\"\ndomain = \"d\"\ntable = \"t\"\n{rest}\n"))
}

fn good(text: &str) -> Registry {
    load(&[source("r.toml", text)])
        .unwrap_or_else(|found| panic!("{}", render(&found, &[source("r.toml", text)])))
}

fn mistakes(text: &str) -> Vec<Diagnostic> {
    load(&[source("r.toml", text)]).expect_err(text)
}

/// Code, line, and the words of the file that each mistake is about.
fn found(text: &str) -> Vec<(Code, u32, &str)> {
    mistakes(text).into_iter().map(|it| (it.code, it.line, text.get(it.span).unwrap_or("?"))).collect()
}

#[test]
fn the_shipped_registry_loads_without_a_word() {
    let registry = good(SHIPPED);
    assert_eq!(registry.warnings, []);
    let inventory = inventory(&registry);
    assert_eq!((inventory.indexes, inventory.tables.len()), (82, 28));
    assert_eq!(inventory.domains.iter().map(|it| it.indexes).sum::<usize>(), 82);
    assert!(inventory.critical > 0 && inventory.with_queries >= 20);
}

#[test]
fn fields_and_defaults_end_up_in_the_entry() {
    let text = "version = 1\n[defaults]\nschema = \"app\"\n[[index]]\nname = \"My idx\"\ndomain = \"d\"\ntable = \"Leads\"\ncritical = true\ndescription = \"x\"\nqueries = [\"SELECT 1\"]\nsql = '''CREATE INDEX CONCURRENTLY IF NOT EXISTS \"My idx\" ON \"Leads\" (a) -- c\n'''\n";
    let registry = good(text);
    let entry = &registry.entries[0];
    assert_eq!(entry.key.as_str(), "app.My idx");
    assert_eq!(entry.table, QualifiedName::new("app", "Leads"));
    assert_eq!(entry.origin, Origin { file: "r.toml".to_owned(), line: 4 });
    assert!(entry.critical);
    assert_eq!(entry.queries, ["SELECT 1"]);
    assert_eq!(entry.statement(), "CREATE INDEX CONCURRENTLY \"My idx\" ON app.\"Leads\" USING btree (a)");
    assert_eq!(registry.entry(&entry.key), Some(entry));
}

#[test]
fn a_table_may_be_written_in_sql_or_as_the_catalog_holds_it() {
    for (field, on, table) in [
        ("t", "t", "public.t"),
        ("T", "T", "public.t"),
        ("T", "\"T\"", "public.T"),
        ("\\\"T\\\"", "\\\"T\\\"", "public.T"),
        ("s.t", "s.t", "s.t"),
        ("s.t", "t", "s.t"),
        ("t", "s.t", "s.t"),
        ("S.T", "\\\"S\\\".\\\"T\\\"", "S.T"),
        ("a.b", "\\\"a.b\\\"", "public.a.b"),
    ] {
        let on = if on.starts_with('"') { on.replace('"', "\\\"") } else { on.to_owned() };
        let text = file(&format!(
            "[[index]]\nname = \"i\"\ndomain = \"d\"\ntable = \"{field}\"\nsql = \"CREATE INDEX CONCURRENTLY i ON {on} (a)\"\n"
        ));
        let registry = good(&text);
        assert_eq!(registry.entries[0].table.key().as_str(), table, "{text}");
    }
}

#[test]
fn backfills_are_read_with_their_defaults() {
    let text = file("[[backfill]]\nkey = \"k\"\ntable = \"app.t\"\nsql = \"UPDATE t SET a = 1\"\n");
    let backfill = &good(&text).backfills[0];
    assert_eq!((backfill.table.key().as_str(), backfill.batch_size), ("app.t", 200));
}

type Row<'a> = (String, Vec<(Code, u32, &'a str)>);

#[test]
fn every_mistake_is_found_at_its_place() {
    let long = "x".repeat(64);
    let sql = "sql = \"CREATE INDEX CONCURRENTLY i ON t (a)\"";
    let rows: Vec<Row<'_>> = vec![
        (String::new(), vec![(Code::MissingKey, 1, "")]),
        ("version = 1\n".to_owned(), vec![(Code::Nothing, 1, "")]),
        ("version = 2\n".to_owned() + &entry("i", "t", "a"), vec![(Code::UnsupportedVersion, 1, "2")]),
        ("version = \"1\"\n".to_owned() + &entry("i", "t", "a"), vec![(Code::WrongType, 1, "\"1\"")]),
        (
            file("[defaults]\nschemas = \"x\"\n") + &entry("i", "t", "a"),
            vec![(Code::UnknownKey, 3, "schemas")],
        ),
        (file("[defaults]\nschema = \" \"\n") + &entry("i", "t", "a"), vec![(Code::EmptyValue, 3, "\" \"")]),
        (file("[index]\nname = \"i\"\n"), vec![(Code::WrongType, 2, "[index]")]),
        (file("index = [1]\n"), vec![(Code::WrongType, 2, "1")]),
        (one(&format!("{sql}\ntabel = 1")), vec![(Code::UnknownKey, 7, "tabel")]),
        (one(&format!("{sql}\ncritical = \"yes\"")), vec![(Code::WrongType, 7, "\"yes\"")]),
        (one(&format!("{sql}\ndescription = 1")), vec![(Code::WrongType, 7, "1")]),
        (one(&format!("{sql}\nqueries = \"x\"")), vec![(Code::WrongType, 7, "\"x\"")]),
        (
            one(&format!("{sql}\nqueries = [1, \"\"]")),
            vec![(Code::WrongType, 7, "1"), (Code::EmptyValue, 7, "\"\"")],
        ),
        (file("[[index]]\n"), vec![(Code::MissingKey, 2, "[[index]]"); 4]),
        (one(""), vec![(Code::MissingKey, 2, "[[index]]")]),
        (one("sql = \"\""), vec![(Code::EmptyValue, 6, "\"\"")]),
        (one("sql = \"DROP INDEX CONCURRENTLY i\""), vec![(Code::Sql, 6, "DROP INDEX CONCURRENTLY i")]),
        (one("sql = \"CREATE INDEX i ON t (a)\""), vec![(Code::Sql, 6, "INDEX")]),
        (one("sql = '''\nCREATE INDEX CONCURRENTLY i\n  ON t (a, b + 1)'''"), vec![(Code::Sql, 8, "b + 1")]),
        (one("sql = \"CREATE INDEX CONCURRENTLY s.i ON t (a)\""), vec![(Code::Sql, 6, "s.i")]),
        (
            one("sql = \"CREATE INDEX CONCURRENTLY i ON ONLY t (a)\""),
            vec![(Code::PartitionedParent, 6, "ONLY")],
        ),
        (one("sql = \"CREATE INDEX CONCURRENTLY j ON t (a)\""), vec![(Code::NameMismatch, 3, "\"i\"")]),
        (one("sql = \"CREATE INDEX CONCURRENTLY i ON u (a)\""), vec![(Code::TableMismatch, 5, "\"t\"")]),
        (
            file(&format!(
                "[[index]]\nname = \"{long}\"\ndomain = \"d\"\ntable = \"t\"\nsql = \"CREATE INDEX CONCURRENTLY {long} ON t (a)\"\n"
            )),
            vec![(Code::BadName, 3, "NAME")],
        ),
        (file(&(entry("i", "t", "a") + &entry("i", "u", "a"))), vec![(Code::DuplicateName, 10, "\"i\"")]),
        (
            file("[[backfill]]\nkey = \"k\"\ntable = \"t\"\nsql = \"x\"\nbatch_size = 0\n"),
            vec![(Code::OutOfRange, 6, "0")],
        ),
        (file("[[backfill]]\n"), vec![(Code::MissingKey, 2, "[[backfill]]"); 3]),
        ("version = = 1\n".to_owned(), vec![(Code::TomlSyntax, 1, "=")]),
    ];
    for (text, expected) in rows {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(code, line, words)| (code, line, words.replace("NAME", &format!("\"{long}\""))))
            .collect();
        let found: Vec<_> =
            found(&text).into_iter().map(|(code, line, words)| (code, line, words.to_owned())).collect();
        assert_eq!(found, expected, "{text}");
        assert!(mistakes(&text).iter().all(|it| it.hint.as_ref().is_some_and(|hint| !hint.is_empty())));
    }
}

#[test]
fn one_pass_finds_the_mistakes_of_every_file() {
    let sources = [
        source("b.toml", &(file("[[index]]\nnam = \"i\"\n") + &entry("twice", "t", "a"))),
        source("a.toml", &(file("x = 1\n") + &entry("twice", "t", "b") + "[[index]\n")),
    ];
    let found = load(&sources).expect_err("several mistakes");
    let places: Vec<(&str, Code)> = found.iter().map(|it| (it.file.as_str(), it.code)).collect();
    assert_eq!(
        places,
        [
            ("b.toml", Code::MissingKey),
            ("b.toml", Code::MissingKey),
            ("b.toml", Code::MissingKey),
            ("b.toml", Code::MissingKey),
            ("b.toml", Code::UnknownKey),
            ("a.toml", Code::UnknownKey),
            ("a.toml", Code::DuplicateName),
            ("a.toml", Code::TomlSyntax),
        ]
    );
    insta::assert_snapshot!(render(&found[4..], &sources), @r#"
    error: unknown key `nam` in [[index]]
     --> b.toml:3:1
      |
    3 | nam = "i"
      | ^^^
      |
      = help: did you mean `name`? valid keys: name, domain, table, sql, critical, description, queries

    error: unknown key `x` in the top level
     --> a.toml:2:1
      |
    2 | x = 1
      | ^
      |
      = help: valid keys: version, defaults, index, backfill

    error: `public.twice` is already in b.toml:6
     --> a.toml:5:8
      |
    5 | name = "twice"
      |        ^^^^^^^
      |
      = help: remove one of the two or rename it

    error: not valid TOML: unclosed array table, expected `]`
     --> a.toml:9:9
      |
    9 | [[index]
      |         ^
      |
      = help: see https://toml.io for the syntax; text with quotes in it can stand between '''
    "#);
}

#[test]
fn two_names_for_one_definition_are_a_warning() {
    let text =
        file(&(entry("i", "t", "a, b ASC NULLS LAST") + &entry("j", "t", "a, b") + &entry("k", "t", "b, a")));
    let registry = good(&text);
    assert_eq!(registry.entries.len(), 3);
    let warnings: Vec<_> = registry.warnings.iter().map(|it| (it.code, it.severity, it.line)).collect();
    assert_eq!(warnings, [(Code::DuplicateDefinition, Severity::Warning, 10)]);
}

#[test]
fn the_same_name_in_two_schemas_is_two_indexes() {
    let text = file(&(entry("i", "one.t", "a") + &entry("i", "two.t", "a")));
    assert_eq!(good(&text).entries.len(), 2);
}

#[test]
fn limits_hold() {
    let large = file(&"#".repeat(MAX_FILE_BYTES));
    assert_eq!(found(&large)[0].0, Code::FileTooLarge);
    let many = file(&"[[index]]\n".repeat(MAX_ENTRIES + 1));
    assert_eq!(found(&many).iter().map(|it| it.0).collect::<Vec<_>>(), [Code::TooManyEntries]);
}

#[test]
fn the_digest_depends_on_every_byte_and_on_nothing_else() {
    let text = file(&entry("i", "t", "a"));
    let digest = good(&text).digest;
    assert_eq!(digest.as_str().len(), 64);
    assert_eq!(load(&[source("other.toml", &text)]).expect("same text").digest, digest);
    assert_ne!(good(&(text + "#")).digest, digest);
}

#[test]
fn entries_survive_the_journal() {
    for entry in good(SHIPPED).entries {
        let json = serde_json::to_string(&entry).expect("plain data");
        assert_eq!(serde_json::from_str::<IndexEntry>(&json).expect("plain data"), entry);
    }
}

/// Some entries of the shipped file: enough to mutate, few enough to do it often.
fn sample() -> String {
    SHIPPED.lines().take(60).collect::<Vec<_>>().join("\n")
}

proptest! {
    #[test]
    fn no_mutation_of_a_registry_makes_the_loader_panic(
        at in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        insert in prop::sample::select(vec!["\"", "'", "[", "]", "=", "\n", "\\", "é", "\u{202e}", "(", ";", "\"\"\"", "--", "1", ""]),
        remove in 0_usize..40,
    ) {
        let mut text: Vec<char> = sample().chars().collect();
        for at in at {
            let at = at.index(text.len());
            let end = (at + remove).min(text.len());
            text.splice(at..end, insert.chars());
        }
        let text: String = text.into_iter().collect();
        let sources = [source("r.toml", &text)];
        if let Err(found) = load(&sources) {
            prop_assert!(!found.is_empty());
            prop_assert!(found.iter().all(|it| it.line >= 1 && it.column >= 1));
            let shown = render(&found, &sources);
            prop_assert!(!shown.contains('\u{202e}'), "raw override");
        }
    }
}
