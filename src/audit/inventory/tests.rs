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

fn standing(inventory: &Inventory) -> Vec<String> {
    let alive = inventory.entries.iter().filter_map(|it| it.alive.as_ref());
    alive.map(|it| format!("{}.{}", it.index.schema, it.index.name)).collect()
}

#[test]
fn constraints_of_one_table_that_say_the_same_share_an_index() {
    let table = [
        ("create table a (id int primary key unique)", &["public.a_pkey"][..]),
        ("create table a (id int unique primary key, unique (id))", &["public.a_pkey"]),
        ("create table a (id int, constraint u unique (id), primary key (id))", &["public.u"]),
        ("create table a (id int unique, unique (id) deferrable)", &["public.a_id_key", "public.a_id_key1"]),
        (
            "create table a (id int unique, unique nulls not distinct (id))",
            &["public.a_id_key", "public.a_id_key1"],
        ),
        ("create table a (id int); alter table a add column b int unique primary key", &["public.a_pkey"]),
        (
            "create table a (id int unique); alter table a add unique (id)",
            &["public.a_id_key", "public.a_id_key1"],
        ),
    ];
    for (text, wanted) in table {
        assert_eq!(standing(&stock(&[text])), wanted, "{text}");
    }
}

#[test]
fn a_copy_is_named_after_the_columns_of_its_original_where_the_last_option_asks_for_one() {
    let source =
        "create table s (id int primary key, b text); create index on s (lower(b), (id + 1)) include (b);";
    let table = [
        ("including indexes", &["public.t_pkey", "public.t_lower_expr_b_idx"][..]),
        ("including all excluding indexes", &[]),
        ("excluding all including indexes", &["public.t_pkey", "public.t_lower_expr_b_idx"]),
        ("including all including constraints", &["public.t_pkey", "public.t_lower_expr_b_idx"]),
        ("including constraints", &[]),
    ];
    for (options, wanted) in table {
        let inventory = stock(&[&format!("{source} create table t (like s {options});")]);
        assert_eq!(standing(&inventory)[2..], *wanted, "{options}");
    }
}

#[test]
fn a_renamed_column_has_its_new_name_in_expressions_and_conditions_too() {
    let inventory = stock(&["create table t (a int, b text); create index i on t (lower(B)) where b <> 'b';
        alter table t rename b to c; create index j on t (lower(c)) where c <> 'b'; alter table t drop column c;"]);
    assert_eq!(inventory.entries[0].shape.predicate.as_deref(), Some("c <> 'b'"));
    assert_eq!(inventory.entries[0].shape.keys[0].text, "lower(c)");
    assert_eq!(standing(&inventory), [""; 0]);
}

#[test]
fn indexes_of_partitions_come_and_go_with_those_of_their_parent() {
    let parent = "create table p (id int, k int) partition by list (k); create table q (id int, k int);
        create index own on q (id); create index other on q (k); alter table p attach partition q for values in (1);";
    let taken =
        stock(&[parent, "create index up on p (id); drop index up; create index q_id_idx on q (id);"]);
    assert_eq!(
        fates(&taken.entries[0]),
        [&FateKind::Attached("up".to_owned()), &FateKind::WentWith("index up".to_owned())]
    );
    assert_eq!(standing(&taken), ["public.other", "public.q_id_idx"]);
    let alone = stock(&[
        parent,
        "create index up on p (id desc, k); alter table p detach partition q; drop index up;",
    ]);
    assert_eq!(standing(&alone), ["public.own", "public.other", "public.q_id_k_idx"]);
    let chosen = stock(&[
        parent,
        "create index up on only p (k); alter index up attach partition other; drop index up;",
    ]);
    assert_eq!(standing(&chosen), ["public.own"]);
}

#[test]
fn what_a_rollback_takes_back_was_never_made_and_what_it_dropped_is_there() {
    let inventory = stock(&["create table t (a int); create index i on t (a);
        begin; drop index i; create index j on t (a); rollback; create index j on t (a, a);"]);
    assert_eq!(standing(&inventory), ["public.i", "public.j"]);
    assert_eq!(fates(&inventory.entries[0]), [&FateKind::Dropped; 0]);
    assert_eq!(fates(&inventory.entries[1]), [&FateKind::TakenBack]);
}

#[test]
fn temporary_tables_have_a_schema_of_their_own_and_go_with_their_session() {
    let inventory = stock(&[
        "create table t (a int); create index i on t (a); create temp table t (a int); create index i on t (a);
        create index k on public.t (a);",
        "create temporary table x as select 1 a; create index i on x (a);",
    ]);
    assert_eq!(standing(&inventory), ["public.i", "public.k"]);
    assert_eq!(inventory.entries[1].table_kind, TableKind::Temporary);
    assert_eq!(fates(&inventory.entries[3]), [&FateKind::WentWith("its session".to_owned())]);
}

#[test]
fn nothing_moves_where_its_name_is_taken() {
    for moves in ["alter table s.t set schema u", "alter schema s rename to u"] {
        let inventory = stock(&[&format!(
            "create table u.t (a int); create index i on u.t (a); create table s.t (a int); create index i on s.t (a); {moves};"
        )]);
        assert_eq!(standing(&inventory), ["u.i", "s.i"], "{moves}");
    }
}

#[test]
fn a_path_and_a_schema_made_with_its_tables_say_where_things_are() {
    let inventory = stock(&["create schema s create table t (a int primary key) create index i on t (a);
        create schema authorization u create table v (a int unique);
        begin; set local search_path to s; create table w (a int unique); commit; create table w (a int unique);
        set schema 'S'; create table z (a int unique);
        set search_path = \"$user\", 's', public; create table x (a int unique); reset search_path; create table x (a int unique);"]);
    assert_eq!(
        standing(&inventory),
        [
            "s.t_pkey",
            "s.i",
            "u.v_a_key",
            "s.w_a_key",
            "public.w_a_key",
            "S.z_a_key",
            "s.x_a_key",
            "public.x_a_key"
        ]
    );
}
