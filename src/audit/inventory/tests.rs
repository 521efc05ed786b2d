//! Names, fates and overlaps of small series.

use super::*;
use crate::audit::place::Lines;
use crate::audit::prepass::prepare;
use crate::audit::statement::read;

fn stock(files: &[&str]) -> Inventory {
    let readings: Vec<_> = files
        .iter()
        .map(|text| {
            let script = prepare(text);
            let reading = read(&script, 0..script.pieces.len(), &Lines::of(text));
            assert_eq!(reading.unread, [], "{text}");
            reading
        })
        .collect();
    let series: Vec<Chapter<'_>> = readings.iter().map(|it| Chapter { statements: &it.statements }).collect();
    take(&series)
}

fn names(inventory: &Inventory) -> Vec<&str> {
    inventory.entries.iter().map(|it| it.index.name.as_str()).collect()
}

fn fates(entry: &Entry) -> Vec<&FateKind> {
    entry.fates.iter().map(|it| &it.what).collect()
}

#[test]
fn fates_are_followed_through_the_series() {
    let inventory = stock(&[
        "create table t (a int, b int, c int); create index i on t (a); create index j on t (b); create index k on t (c);",
        "drop index i; alter index j rename to l; alter table t add constraint u unique using index k;",
        "create index i on t (a); alter table t rename to v; drop index concurrently if exists public.l;",
    ]);
    assert_eq!(names(&inventory), ["i", "j", "k", "i"]);
    assert_eq!(fates(&inventory.entries[0]), [&FateKind::Dropped, &FateKind::Recreated]);
    assert_eq!(
        fates(&inventory.entries[1]),
        [
            &FateKind::Renamed("l".to_owned()),
            &FateKind::TableRenamed("public.v".to_owned()),
            &FateKind::Dropped
        ]
    );
    assert_eq!(inventory.entries[2].class(), Class::Functional(Reason::Constraint(ConstraintKind::Unique)));
    assert_eq!(inventory.entries[2].alive.as_ref().unwrap().index.name, "u");
    assert_eq!(inventory.entries[3].alive.as_ref().unwrap().table.name, "v");
    assert_eq!(inventory.entries[0].alive, None);
}

#[test]
fn duplicates_and_covered_prefixes_are_told_and_what_is_unique_is_never_covered() {
    let inventory = stock(&["create table t (a int, b int, c text);
        create index i0 on t (a);
        create index i1 on t (A, b);
        create index i2 on t (a asc nulls last, b);
        create unique index i3 on t (a);
        create index i4 on t (a) where b > 0;
        create index i5 on t (a desc, b);
        create index i6 on t (lower(c));
        create index i7 on t ((LOWER( c )), a);
        create index i8 on t using hash (a);
        create index i9 on t (c text_pattern_ops);
        create index ia on t (c);
        create index ib on t (a) where (B>0);
        create index ic on t (a, b) include (c);
        create index id on t (c text_ops desc nulls first, b pg_catalog.int4_ops);
        create index ie on t (c desc, b);"]);
    let found: Vec<(&str, Vec<&str>, Vec<&str>)> = inventory
        .entries
        .iter()
        .filter(|it| !it.duplicates.is_empty() || !it.covered_by.is_empty())
        .map(|it| {
            let name = |position: &usize| inventory.entries[*position].index.name.as_str();
            (
                it.index.name.as_str(),
                it.duplicates.iter().map(name).collect(),
                it.covered_by.iter().map(name).collect(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("i0", vec![], vec!["i1", "i2", "i3", "ic"]),
            ("i1", vec!["i2"], vec!["ic"]),
            ("i2", vec!["i1"], vec!["ic"]),
            ("i4", vec!["ib"], vec![]),
            ("i6", vec![], vec!["i7"]),
            ("ib", vec!["i4"], vec![]),
            ("id", vec!["ie"], vec![]),
            ("ie", vec!["id"], vec![]),
        ]
    );
}

#[test]
fn names_that_are_taken_too_long_or_missing_become_what_the_server_makes_of_them() {
    let long = "x".repeat(64);
    let inventory = stock(&[&format!(
        "create table t (id serial primary key, a int unique);
         create index on t (a); create index on t (a); create index \"{long}\" on t (a);
         create index if not exists t_a_idx on t (id); create table t2 (like t including all);
         create schema s; create table s.t (a int); create index t_a_idx on s.t (a);"
    )]);
    assert_eq!(names(&inventory)[..6], ["t_pkey", "t_a_key", "t_a_idx", "t_a_idx1", &long[..63], "t_a_idx"]);
    assert_eq!(inventory.entries[4].naming, Naming::Cut(long));
    assert_eq!(fates(&inventory.entries[5]), [&FateKind::Skipped]);
    assert_eq!(inventory.same_names.keys().collect::<Vec<_>>(), ["t_a_idx"]);
}

#[test]
fn an_index_of_a_routine_or_with_an_unknown_name_is_listed_and_does_not_stand() {
    let inventory = stock(&[
        "create function f() returns void language plpgsql as $$ begin create index a on t (b); end $$;
        do $$ begin execute 'create index ' || x || ' on t (b)'; create index c on t (b); end $$;",
    ]);
    let standing: Vec<(&str, bool)> =
        inventory.entries.iter().map(|it| (it.index.name.as_str(), it.alive.is_some())).collect();
    assert_eq!(standing, [("a", false), ("…", false), ("c", true)]);
}
