//! What is added is read back as it was meant, and nothing else changes.

use proptest::prelude::*;

use super::*;
use crate::domain::registry::Origin;
use crate::sql::parse_create_index;

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

fn draft(name: &str, table: &str, rest: &str) -> Draft {
    let shape = parse_create_index(&format!("CREATE INDEX CONCURRENTLY i ON t {rest}")).unwrap();
    Draft {
        index: QualifiedName::new("public", name),
        table: QualifiedName::new("public", table),
        shape,
        domain: "sales".to_owned(),
        comment: "m/1.sql:3".to_owned(),
    }
}

fn added(text: &str, drafts: &[Draft]) -> Addition {
    add(&source("r.toml", text), &[], drafts).unwrap()
}

fn words(addition: &Addition) -> Vec<(&str, &Fate)> {
    addition.fates.iter().map(|(draft, fate)| (draft.index.name.as_str(), fate)).collect()
}

const KEPT: &str = "# first words\r\nversion = 1\r\n\r\n[defaults]\r\nschema = 'app'\r\n\r\n# about z\r\n[[index]]\r\ndomain = 'd'\r\nname='z' # odd order\r\ntable = 't'\r\nsql = \"CREATE INDEX CONCURRENTLY z ON t (a)\"\r\n\r\n[[backfill]]\r\nkey = 'k'\r\ntable = 't'\r\nsql = 'UPDATE t SET a = 1'\r\n# last words";

#[test]
fn a_new_file_has_a_head_and_its_entries_in_the_order_of_tables_and_names() {
    let addition = added("", &[draft("b", "u", "(a)"), draft("b2", "t", "(a DESC)"), draft("a", "t", "(a)")]);
    insta::assert_snapshot!(addition.text, @r#"
    # Indexes that should exist. Each entry is yours to edit: its domain, what it is for, its queries.
    version = 1

    # m/1.sql:3
    [[index]]
    name = "a"
    domain = "sales"
    table = "public.t"
    sql = "CREATE INDEX CONCURRENTLY a ON public.t USING btree (a)"

    # m/1.sql:3
    [[index]]
    name = "b2"
    domain = "sales"
    table = "public.t"
    sql = "CREATE INDEX CONCURRENTLY b2 ON public.t USING btree (a DESC)"

    # m/1.sql:3
    [[index]]
    name = "b"
    domain = "sales"
    table = "public.u"
    sql = "CREATE INDEX CONCURRENTLY b ON public.u USING btree (a)"
    "#);
    assert_eq!(addition.added(), 3);
}

#[test]
fn what_is_there_stays_byte_for_byte_with_its_comments_and_its_ends_of_lines() {
    let addition = added(KEPT, &[draft("new", "t", "(b)")]);
    let behind = addition.text.strip_prefix(KEPT).unwrap();
    assert!(behind.starts_with("\r\n\r\n# m/1.sql:3\r\n[[index]]\r\n"), "{behind:?}");
    assert!(!behind.replace("\r\n", "").contains(['\r', '\n']), "{behind:?}");
    let registry = load(&[source("r.toml", &addition.text)]).unwrap();
    let keys: Vec<&str> = registry.entries.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["app.z", "public.new"]);
    assert_eq!(added(KEPT, &[]).text, KEPT);
}

#[test]
fn an_entry_that_is_there_is_never_written_again_nor_written_over() {
    let first = added("", &[draft("a", "t", "(a)"), draft("b", "t", "(b)")]);
    let drafts = [
        draft("a", "t", "(a int4_ops ASC NULLS LAST)"),
        draft("b", "t", "(b, c)"),
        draft("c", "t", "(b)"),
        draft("d", "t", "(d)"),
        draft("d", "t", "(d)"),
        draft("d", "t", "(e)"),
    ];
    let second = add(&source("r.toml", &first.text), &[], &drafts).unwrap();
    let differs = |registry: &str, found: &str| Fate::Differs {
        registry: format!("CREATE INDEX CONCURRENTLY {registry}"),
        found: format!("CREATE INDEX CONCURRENTLY {found}"),
    };
    assert_eq!(
        words(&second),
        [
            ("a", &Fate::Present),
            ("b", &differs("b ON public.t USING btree (b)", "b ON public.t USING btree (b, c)")),
            ("c", &Fate::SameAs(EntryKey::from("public.b"))),
            ("d", &Fate::Added),
            ("d", &Fate::Present),
            ("d", &differs("d ON public.t USING btree (d)", "d ON public.t USING btree (e)")),
        ]
    );
    assert!(second.text.starts_with(&first.text));
    assert_eq!(load(&[source("r.toml", &second.text)]).unwrap().warnings, []);
}

#[test]
fn entries_of_other_files_count_as_there() {
    let other = source("other.toml", &added("", &[draft("a", "t", "(a)")]).text);
    let addition =
        add(&source("r.toml", ""), &[other], &[draft("a", "t", "(a)"), draft("b", "t", "(a)")]).unwrap();
    assert_eq!(words(&addition), [("a", &Fate::Present), ("b", &Fate::SameAs(EntryKey::from("public.a")))]);
}

#[test]
fn what_the_reader_would_refuse_is_told_and_not_written() {
    let long = "x".repeat(64);
    let many = format!("(a) WHERE b IN ({})", vec!["1"; 600].join(", "));
    let too_many = Draft {
        shape: {
            let mut it = draft("m", "t", "(a)").shape;
            it.predicate = Some(format!("b IN ({})", vec!["1"; 1_200].join(", ")));
            it
        },
        ..draft("m", "t", "(a)")
    };
    let only =
        Draft { shape: IndexShape { only: true, ..draft("o", "t", "(a)").shape }, ..draft("o", "t", "(a)") };
    let addition = added("", &[draft(&long, "t", "(a)"), too_many, only, draft("fits", "t", &many)]);
    let refused: Vec<(&str, String)> = addition
        .fates
        .iter()
        .filter_map(|(draft, fate)| match fate {
            Fate::Refused(why) => Some((draft.index.name.as_str(), why.join("; "))),
            Fate::Added | Fate::Present | Fate::Differs { .. } | Fate::SameAs(_) => None,
        })
        .collect();
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(refused.iter().all(|(_, why)| !why.is_empty()), "{refused:?}");
    assert_eq!(addition.added(), 1);
}

#[test]
fn a_registry_that_is_not_in_order_or_has_no_place_takes_nothing() {
    let drafts = [draft("a", "t", "(a)")];
    let wrong = |text: &str| add(&source("r.toml", text), &[], &drafts).unwrap_err();
    assert!(matches!(wrong("version = 1\n[[index]]\nname = 1\n"), AddError::NotInOrder(_)));
    assert!(matches!(wrong("not TOML at all"), AddError::NotInOrder(_)));
    let inline = "version = 1\nindex = [{ name = \"z\", domain = \"d\", table = \"t\", sql = \"CREATE INDEX CONCURRENTLY z ON t (z)\" }]\n";
    assert!(matches!(wrong(inline), AddError::NoPlace(_)));
    let full = format!("version = 1\n{}", "#".repeat(MAX_FILE_BYTES - 20));
    assert!(matches!(wrong(&full), AddError::TooMuch { entries: 1, .. }), "{:?}", wrong(&full));
    assert!(added("version = 1\n", &drafts).text.starts_with("version = 1\n\n# m"), "an empty registry");
}

#[test]
fn the_shipped_registry_written_anew_is_the_same_registry() {
    let registry = load(&[source("r.toml", include_str!("../../../../registry.toml"))]).unwrap();
    let drafts: Vec<Draft> = registry
        .entries
        .iter()
        .map(|it| Draft {
            index: QualifiedName::new(it.table.schema.clone(), it.name.as_str()),
            table: it.table.clone(),
            shape: it.shape.clone(),
            domain: it.domain.clone(),
            comment: it.description.clone(),
        })
        .collect();
    let again = load(&[source("r.toml", &added("", &drafts).text)]).unwrap();
    assert_eq!((again.entries.len(), again.warnings.as_slice()), (82, [].as_slice()));
    for entry in &registry.entries {
        let other = again.entry(&entry.key).unwrap();
        assert_eq!((&other.domain, other.statement()), (&entry.domain, entry.statement()));
        assert!(matches!(&other.origin, Origin { line: 4.., .. }));
    }
}

proptest! {
    #[test]
    fn whatever_the_names_are_an_entry_is_read_as_it_was_meant_or_refused(
        schema in "\\PC{1,12}|[a-z\"'.\\\\]{1,8}|\\p{Any}{1,6}",
        table in "\\PC{1,12}|[a-zA-Z\"'.\\\\ ]{1,8}|\\p{Any}{1,6}",
        index in "\\PC{1,30}|[a-zA-Z\"'.\\\\\n\r\t ]{1,8}|\\p{Any}{1,6}",
        domain in "\\p{Any}{1,10}",
        comment in "\\p{Any}{0,20}",
    ) {
        let draft = Draft {
            index: QualifiedName::new(schema.clone(), index.clone()),
            table: QualifiedName::new(schema, table),
            domain,
            comment,
            ..draft("i", "t", "(a, lower(b)) WHERE c <> E'\\n'")
        };
        let addition = added(KEPT, std::slice::from_ref(&draft));
        prop_assert!(addition.text.starts_with(KEPT));
        let registry = load(&[source("r.toml", &addition.text)]).unwrap();
        match &addition.fates[0].1 {
            Fate::Added => {
                let entry = registry.entries.last().unwrap();
                prop_assert_eq!(
                    (&entry.name.0, &entry.table, &entry.domain),
                    (&draft.index.name, &draft.table, &draft.domain)
                );
                prop_assert_eq!(&entry.shape.keys, &draft.shape.keys);
                prop_assert_eq!(&entry.shape.predicate, &draft.shape.predicate);
            }
            Fate::Refused(why) => prop_assert!(!why.is_empty()),
            other @ (Fate::Present | Fate::Differs { .. } | Fate::SameAs(_)) => prop_assert!(false, "{other:?}"),
        }
    }
}
