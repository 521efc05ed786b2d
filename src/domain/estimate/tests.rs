use proptest::prelude::*;

use super::*;
use crate::domain::catalog::ColumnStatistics;
use crate::domain::plan::fixture::{
    LEADS, edit, facts, identity, leads_status, plan_of, request, statistics, table,
};
use crate::domain::unit::Rows;

const MEANS: Means = Means { major: 18, memory_kb: 65_536, workers: 2 };

fn one(column: ColumnStatistics, rows: u64) -> TableFacts {
    edit(table(LEADS, "leads"), |it| {
        it.rows = Some(Rows(rows));
        it.columns.insert("c".to_owned(), column);
    })
}

fn on(table: &TableFacts, sql: &str, major: u32) -> Estimate {
    let sql = format!("CREATE INDEX CONCURRENTLY i ON leads {sql}");
    estimate(&request(&sql).shape, table, &Means { major, ..MEANS }).unwrap()
}

/// Sizes of real indexes in megabytes, measured on 12 and 18.
#[test]
fn btree_sizes_come_close_to_what_was_measured() {
    let million = 1_000_000;
    let cases = [
        ("int, distinct", statistics(4.0, 0.0, -1.0), million, 22.5, 22.5),
        ("uuid", statistics(16.0, 0.0, -1.0), million, 31.6, 31.6),
        ("text 44 B", statistics(44.0, 0.0, -1.0), million, 67.9, 67.9),
        ("int, 1000 distinct", statistics(4.0, 0.0, 1000.0), million, 22.5, 7.3),
        ("int, 30 k distinct", statistics(4.0, 0.0, 30_000.0), million, 22.5, 7.4),
        ("text, 20 each", statistics(40.0, 0.0, 50_000.0), million, 59.1, 9.6),
        ("text 44 B, 10 M", statistics(44.0, 0.0, -1.0), 10 * million, 679.0, 679.0),
        ("int, 1000 distinct, 10 M", statistics(4.0, 0.0, 1000.0), 10 * million, 225.0, 70.0),
    ];
    for (what, column, rows, twelve, eighteen) in cases {
        for (major, real) in [(12, twelve), (18, eighteen)] {
            let band = on(&one(column, rows), "(c)", major).index;
            let (low, likely, high) = (mb(band.low), mb(band.likely), mb(band.high));
            assert!((likely / real - 1.0).abs() < 0.08, "{what} on {major}: {likely} for {real}");
            assert!(low <= real * 1.02 && real * 0.98 <= high, "{what} on {major}: {low}..{high} for {real}");
        }
    }
}

fn mb(bytes: Bytes) -> f64 {
    bytes.0 as f64 / 1e6
}

#[test]
fn what_deduplication_cannot_do_is_not_counted_on() {
    let table = one(statistics(4.0, 0.0, 1000.0), 1_000_000);
    let plain = on(&table, "(c) WITH (deduplicate_items = off)", 18).index.likely;
    assert_eq!(on(&table, "(c) INCLUDE (id)", 12).index, on(&table, "(c) INCLUDE (id)", 18).index);
    assert_eq!(plain, on(&table, "(c)", 12).index.likely);
    assert!(on(&table, "(c)", 18).index.likely < plain);
    assert!(
        on(&table, "(c) WITH (fillfactor = 45, deduplicate_items = off)", 18).index.likely.0
            > plain.0 * 19 / 10
    );
}

#[test]
fn a_predicate_on_nulls_is_known_and_any_other_is_a_wide_band() {
    let table = one(statistics(4.0, 0.9, -0.1), 1_000_000);
    let whole = on(&table, "(id)", 18).index;
    let some = on(&table, "(id) WHERE c IS NOT NULL", 18).index;
    let unknown = on(&table, "(id) WHERE c > 7", 18).index;
    let share = some.likely.0 as f64 / whole.likely.0 as f64;
    assert!((0.08..0.12).contains(&share), "{share}");
    assert!(unknown.high.0 > 20 * unknown.low.0, "{unknown:?}");
    assert!(unknown.high >= whole.likely);
}

#[test]
fn an_expression_is_a_wide_band_around_its_columns() {
    let table = one(statistics(44.0, 0.0, -1.0), 1_000_000);
    let known = on(&table, "(c)", 18).index;
    let band = on(&table, "(lower(c))", 18).index;
    assert!(band.low < known.likely && known.likely < band.high, "{band:?} {known:?}");
    assert!(band.high.0 > 3 * band.low.0);
}

#[test]
fn sort_files_are_as_measured_and_none_when_memory_suffices() {
    let ten_million = |width| one(statistics(width, 0.0, -1.0), 10_000_000);
    let temp = |table: &TableFacts, sql: &str| mb(on(table, sql, 18).temp.likely);
    assert!((190.0..210.0).contains(&temp(&ten_million(4.0), "(c)")));
    assert!((590.0..610.0).contains(&temp(&ten_million(44.0), "(c)")));
    assert!((690.0..750.0).contains(&temp(&ten_million(60.0), "USING gin (c)")));
    assert!((190.0..210.0).contains(&temp(&ten_million(60.0), "USING hash (c)")));
    assert_eq!(on(&ten_million(8.0), "USING brin (c)", 18).temp.high, Bytes(0));
    assert_eq!(on(&one(statistics(8.0, 0.0, -1.0), 100_000), "(c)", 18).temp.high, Bytes(0));
}

#[test]
fn log_follows_the_index_and_an_unlogged_table_writes_none() {
    let table = one(statistics(44.0, 0.0, -1.0), 10_000_000);
    let text = on(&table, "(c)", 18).wal;
    assert!((560.0..680.0).contains(&mb(text.likely)), "{text:?}");
    let hash = on(&table, "USING hash (c)", 18);
    assert!(hash.wal.likely.0 > 2 * hash.index.likely.0);
    let unlogged = edit(table, |it| it.persistence = Persistence::Unlogged);
    assert_eq!(on(&unlogged, "(c)", 18).wal.high, Bytes(0));
}

/// Wall seconds of quiet builds on cached data, 10 M rows in 2253 MB.
#[test]
fn times_measured_on_a_quiet_machine_lie_in_the_band() {
    let cases = [
        (8.0, "(c)", 3.8, 7.5),
        (44.0, "(c)", 14.8, 20.1),
        (44.0, "(lower(c))", 14.3, 21.7),
        (8.0, "USING brin (c)", 3.3, 3.5),
        (60.0, "USING gin (c)", 19.4, 25.8),
    ];
    for (width, sql, fastest, slowest) in cases {
        let table = edit(one(statistics(width, 0.0, -1.0), 10_000_000), |it| it.size = Bytes(2_253_000_000));
        let time = on(&table, sql, 18).time;
        let seconds = |it: Millis| it.0 as f64 / 1000.0;
        assert!(seconds(time.low) <= fastest && slowest <= seconds(time.high), "{sql}: {time:?}");
        assert!((0.5..3.0).contains(&(seconds(time.likely) / slowest)), "{sql}: {time:?}");
    }
}

#[test]
fn a_table_that_was_never_analysed_has_no_estimate() {
    let table = edit(table(LEADS, "leads"), |it| it.rows = None);
    assert_eq!(estimate(&leads_status().shape, &table, &MEANS), None);
}

#[test]
fn sort_files_count_once_per_job_and_tablespaces_apart() {
    let entries = [
        request("CREATE INDEX CONCURRENTLY a ON leads (email)"),
        request("CREATE INDEX CONCURRENTLY b ON leads (email, id) TABLESPACE fast"),
    ];
    let big = edit(facts(), |it| {
        for table in it.tables.values_mut() {
            table.rows = Some(Rows(10_000_000));
        }
    });
    let plan = plan_of(&entries, &big);
    let need_of = |jobs: u32| {
        let plan = edit(plan.clone(), |it| it.settings.jobs = jobs);
        need(&plan, &entries)
    };
    let one = need_of(1);
    let [a, b] = [0, 1].map(|n| plan.items[n].estimate.unwrap());
    assert_eq!(one.spaces["fast"].kept, b.index.likely);
    assert_eq!(one.spaces["data"].kept, a.index.likely);
    assert_eq!(one.spaces["data"].passing, b.temp.likely);
    assert_eq!(need_of(2).spaces["data"].passing, a.temp.likely + b.temp.likely);
    assert_eq!(one.spaces["wal"].passing, a.wal.likely + b.wal.likely);
}

#[test]
fn what_is_not_built_needs_nothing() {
    let present = plan_of(&[leads_status()], &edit(facts(), |it| it.tables.clear()));
    assert!(need(&present, &[]).spaces.is_empty());
}

#[test]
fn finished_builds_move_the_time_and_enough_of_them_narrow_it() {
    let time = Band { low: Millis(1_000), likely: Millis(10_000), high: Millis(100_000) };
    let build = |predicted, actual| FinishedBuild { predicted: Millis(predicted), actual: Millis(actual) };
    assert_eq!(Calibration::from_builds(&[build(10, 15)]), None);
    let one = Calibration::from_builds(&[build(1000, 2000)]).unwrap().apply(time);
    assert_eq!(one, Band { low: Millis(2_000), likely: Millis(20_000), high: Millis(200_000) });
    let three = [build(1000, 2000), build(2000, 4000), build(1000, 2000)];
    let narrow = Calibration::from_builds(&three).unwrap().apply(time);
    assert_eq!(narrow.likely, Millis(20_000));
    assert!(narrow.low > Millis(15_000) && narrow.high < Millis(27_000), "{narrow:?}");
}

#[test]
fn several_jobs_share_no_workers_unless_told() {
    let figures = facts().server;
    let settings = |change: fn(&mut RunSettings)| edit(RunSettings::default(), change);
    let workers = |settings| Means::of(&figures, &settings, &identity()).workers;
    assert_eq!(workers(settings(|_| {})), 2);
    assert_eq!(workers(settings(|it| it.jobs = 2)), 0);
    assert_eq!(workers(settings(|it| (it.jobs, it.parallel_workers) = (2, Some(1)))), 1);
}

proptest! {
    #[test]
    fn every_band_is_in_order_whatever_the_statistics(
        width in prop::option::of(prop::num::f32::ANY), nulls in prop::num::f32::ANY, distinct in prop::num::f32::ANY,
        rows in any::<u64>(), size in any::<u64>(), memory_kb in any::<u64>(), major in 12_u32..19,
        method in prop::sample::select(vec!["btree", "gin", "gist", "hash", "brin", "bloom"]),
        tail in prop::sample::select(vec!["(c)", "(lower(c), id)", "(c) WHERE c IS NULL", "(missing) WHERE id > 1"]),
    ) {
        let table = edit(one(ColumnStatistics { width, null_fraction: nulls, distinct }, rows), |it| {
            it.size = Bytes(size);
        });
        let sql = format!("CREATE INDEX CONCURRENTLY i ON leads USING {method} {tail}");
        let it = estimate(&request(&sql).shape, &table, &Means { major, memory_kb, workers: 0 }).unwrap();
        for band in [it.index, it.temp, it.wal] {
            prop_assert!(band.low <= band.likely && band.likely <= band.high, "{band:?}");
        }
        prop_assert!(it.time.low <= it.time.likely && it.time.likely <= it.time.high, "{:?}", it.time);
    }
}
