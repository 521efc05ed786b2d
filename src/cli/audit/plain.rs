//! The answer as tables for people.

use crate::cli::table::{Side, safe, table};

use super::answer::{Answer, IndexAnswer};

/// Everything on one page, `width` cells wide.
pub(super) fn page(answer: &Answer, width: usize) -> String {
    let mut text = indexes(answer, width);
    text.push_str(&tables(answer, width));
    if !answer.same_names.is_empty() {
        text.push_str("\nThe same name in several schemas\n");
        for (name, places) in &answer.same_names {
            text.push_str(&format_line(&format!("{name}: {}", places.join(", "))));
        }
    }
    if !answer.unread.is_empty() {
        text.push_str("\nNot read\n");
        for it in &answer.unread {
            text.push_str(&format_line(&format!("{}:{}:{}: {}", it.file, it.line, it.column, it.why)));
        }
    }
    text.push_str(&registry(answer));
    if let Some(written) = &answer.written {
        text.push('\n');
        text.push_str(&written.page());
    }
    text.push('\n');
    text.push_str(&totals(answer));
    text
}

fn format_line(line: &str) -> String {
    format!("  {}\n", safe(line, None))
}

fn indexes(answer: &Answer, width: usize) -> String {
    let columns = [
        ("PLACE", Side::Left),
        ("INDEX", Side::Left),
        ("TABLE", Side::Left),
        ("DEFINITION", Side::Left),
        ("CLASS", Side::Left),
        ("NOTES", Side::Left),
    ];
    let rows: Vec<Vec<String>> = answer.indexes.iter().map(row).collect();
    table(&columns, &rows, width)
}

fn row(index: &IndexAnswer) -> Vec<String> {
    let definition = match index.traits().as_str() {
        "" => index.definition(),
        traits => format!("{traits} {}", index.definition()),
    };
    let domain = index.domain.as_ref().map_or_else(String::new, |domain| format!(" [{domain}]"));
    vec![
        safe(&format!("{}:{}:{}", index.file, index.line, index.column), None),
        safe(&index.name, None),
        safe(&format!("{}.{}{domain}", index.table_schema, index.table), None),
        safe(&definition, None),
        index.class.to_owned(),
        safe(&index.notes(), None),
    ]
}

fn tables(answer: &Answer, width: usize) -> String {
    let columns = [
        ("TABLE", Side::Left),
        ("DOMAIN", Side::Left),
        ("INDEXES", Side::Right),
        ("FUNCTIONAL", Side::Right),
        ("PERFORMANCE", Side::Right),
        ("AT THE END", Side::Right),
    ];
    let rows: Vec<Vec<String>> = answer
        .tables
        .iter()
        .map(|it| {
            vec![
                safe(&it.table, None),
                safe(it.domain.as_deref().unwrap_or("-"), None),
                it.indexes.to_string(),
                it.functional.to_string(),
                it.performance.to_string(),
                it.standing.to_string(),
            ]
        })
        .collect();
    format!("\n{}", table(&columns, &rows, width))
}

fn registry(answer: &Answer) -> String {
    let Some(registry) = &answer.registry else { return String::new() };
    let mut text = format!("\nRegistry: {} the same in both\n", registry.same);
    for (what, names) in
        [("in migrations only", &registry.migrations_only), ("in the registry only", &registry.registry_only)]
    {
        for name in names {
            text.push_str(&format_line(&format!("{what}: {name}")));
        }
    }
    for it in &registry.differing {
        text.push_str(&format_line(&format!("differs: {}", it.index)));
        text.push_str(&format_line(&format!("  migrations  {}", it.migrations)));
        text.push_str(&format_line(&format!("  registry    {}", it.registry)));
    }
    text
}

/// The figures in one sentence.
pub(super) fn totals(answer: &Answer) -> String {
    let it = &answer.totals;
    let described = match it.described {
        0 => String::new(),
        count => format!(" Models or a picture of the schema describe {count} more, which are not counted."),
    };
    format!(
        "{} CREATE INDEX in {} files: {} functional, {} performance; {} unique, {} partial, {} concurrently, \
         {} unnamed, {} over 63 bytes.\nAt the end of the series {} of them stand, {} were dropped; {} say the same as \
         another, {} are covered. {} indexes of constraints besides. {} places were not read.{described}\n",
        it.indexes,
        it.files,
        it.functional,
        it.performance,
        it.unique,
        it.partial,
        it.concurrent,
        it.unnamed,
        it.too_long,
        it.standing,
        it.dropped,
        it.duplicates,
        it.covered,
        it.constraints,
        it.unread
    )
}
