//! Every rule on its own examples, and what holds for all of them.

use std::collections::BTreeSet;

use super::fixture::{findings, places};
use super::page::unmarked;
use super::rule::ALL;

/// The text without marks, and the bytes that stand between them.
fn marked(text: &str) -> (String, Vec<std::ops::Range<usize>>) {
    let (mut plain, mut found, mut open) = (String::new(), Vec::new(), None);
    for letter in text.chars() {
        match letter {
            '«' => open = Some(plain.len()),
            '»' => found.push(open.take().unwrap()..plain.len()),
            other => plain.push(other),
        }
    }
    (plain, found)
}

#[test]
fn each_rule_finds_its_bad_example_where_it_is_marked_and_nothing_is_found_in_its_good_one() {
    for rule in ALL {
        let files: Vec<(&str, String)> =
            rule.bad.iter().map(|(path, text)| (*path, unmarked(text))).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let found = findings(&files);
        let mut wanted = Vec::new();
        for (path, text) in rule.bad {
            wanted.extend(marked(text).1.into_iter().map(|range| (*path, range)));
        }
        let said: Vec<_> = found
            .iter()
            .filter(|it| it.rule == rule.id)
            .map(|it| (it.path.as_str(), it.range.clone()))
            .collect();
        assert!(!wanted.is_empty() && said == wanted, "{}: {wanted:?}\n{found:#?}", rule.id);
        let good = findings(rule.good);
        assert!(good.iter().all(|it| it.allowed.is_some()), "{}: {good:#?}", rule.id);
    }
}

#[test]
fn rules_have_names_of_one_form_and_say_enough() {
    let mut seen = BTreeSet::new();
    for rule in ALL {
        assert!(seen.insert(rule.id), "{}", rule.id);
        assert!(rule.id.bytes().all(|it| it.is_ascii_lowercase() || it == b'-'), "{}", rule.id);
        assert!(!rule.summary.ends_with('.') && rule.summary.len() < 100, "{}", rule.id);
        assert!(rule.why.len() > 150, "{}", rule.id);
    }
}

const INDEX: &str = "create index i on t (a);\n";

#[test]
fn a_comment_with_a_reason_allows_what_stands_beside_or_below_it() {
    let rule = "missing-concurrently";
    for text in [
        format!("-- cicerone:allow missing-concurrently: small\n{INDEX}"),
        format!("-- cicerone:allow missing-concurrently: small\n-- more\n\n{INDEX}"),
        "create index i on t (a); -- cicerone:allow missing-concurrently: small".to_owned(),
        "create index i\n  on t (a) -- cicerone:allow missing-concurrently: small\n;".to_owned(),
        format!("/* cicerone:allow unreadable, missing-concurrently: small */ {INDEX}"),
        format!("-- cicerone:allow lint: small\n{INDEX}"),
        format!("create table u (a int);\n-- cicerone:allow-file missing-concurrently: all small\n{INDEX}"),
    ] {
        assert_eq!(places(rule, &[("1.sql", &text)]), [""; 0], "{text}");
    }
    for text in [
        format!("-- cicerone:allow missing-concurrently\n{INDEX}"),
        format!("-- cicerone:allow missing-concurrently:\n{INDEX}"),
        format!("-- cicerone:allow other: small\n{INDEX}"),
        format!("-- cicerone:allow missing-concurrently: small\nselect 1;\n{INDEX}"),
        format!("select '-- cicerone:allow missing-concurrently: small';\n{INDEX}"),
    ] {
        assert_eq!(places(rule, &[("1.sql", &text)]).len(), 1, "{text}");
    }
    for (path, text) in [
        ("1.py", "# cicerone:allow missing-concurrently: small\ncur.execute('create index i on t (a)')\n"),
        (
            "1.py",
            "# cicerone:allow missing-concurrently: small\ncur.execute('''\n  create index i on t (a)''')\n",
        ),
        (
            "1.py",
            "cur.execute('''\n  -- cicerone:allow missing-concurrently: small\n  create index i on t (a)''')\n",
        ),
        (
            "1.ts",
            "// cicerone:allow missing-concurrently: small\nawait db.query(`create index i on t (a)`);\n",
        ),
    ] {
        assert_eq!(places(rule, &[(path, text)]), [""; 0], "{text}");
    }
}

#[test]
fn a_comment_that_allows_nothing_is_a_finding_itself() {
    for (text, message) in [
        (
            "-- cicerone:allow missing-concurrently: small\nselect 1;",
            "`missing-concurrently` allows nothing: there is no such finding here",
        ),
        (
            "-- cicerone:allow missing-concurently: small\nselect 1;",
            "nothing is called `missing-concurently`: `missing-concurrently`?",
        ),
        (
            "-- cicerone:allow missing-concurrently\nselect 1;",
            "this gives no reason: write `cicerone:allow missing-concurrently: reason`",
        ),
        (
            "-- cicerone:allow: small\nselect 1;",
            "this allows nothing by name: write `cicerone:allow NAME: reason`",
        ),
        (
            "-- cicerone:ignore missing-concurrently: small\nselect 1;",
            "`cicerone:ignore` says nothing: write `cicerone:allow NAME: reason`",
        ),
    ] {
        let found = findings(&[("1.sql", text)]);
        let said: Vec<(&str, &str, usize)> =
            found.iter().map(|it| (it.rule, it.message.as_str(), it.place.column)).collect();
        assert_eq!(said, [("idle-allow", message, 4)], "{text}");
    }
    // What only guard knows is guard's to judge.
    assert_eq!(findings(&[("1.sql", "-- cicerone:allow data-change: once\nselect 1;")]), []);
    let both = "-- cicerone:allow performance-index, missing-concurrently: small\ncreate index i on t (a);";
    assert!(findings(&[("1.sql", both)]).iter().all(|it| it.allowed.is_some()));
}

#[test]
fn what_a_loop_does_at_one_place_is_told_once_with_its_other_turns() {
    let text = "from alembic import op\n\ndef upgrade():\n    for t in ['a', 'b', 'c']:\n        op.execute(f'CREATE INDEX {t}_x ON {t} (x)')\n";
    let found = findings(&[("1.py", text)]);
    let of_rule: Vec<&str> =
        found.iter().filter(|it| it.rule == "missing-concurrently").map(|it| it.message.as_str()).collect();
    assert_eq!(of_rule.len(), 1, "{found:#?}");
    assert!(of_rule[0].ends_with("so it is in 2 more turns of the loop"), "{of_rule:?}");
}
