//! The answer as tables for people.

use std::io::{self, Write};

use crate::cli::table::{Side, Table, safe, table};
use crate::text::plural;

use super::answer::{Answer, IndexAnswer};
use super::beside;
use super::live::LiveAnswer;

/// Everything, `width` cells wide.
pub(super) fn write(out: &mut dyn Write, answer: &Answer<'_>, width: usize) -> io::Result<()> {
    let files = !answer.files.is_empty() || answer.live.is_none();
    if files {
        indexes(answer).write(out, width)?;
        writeln!(out)?;
        tables(answer).write(out, width)?;
    }
    out.write_all(besides(answer, width).as_bytes())?;
    if files { write!(out, "\n{}", totals(answer)) } else { Ok(()) }
}

/// What else there is to be said of the files, the registry and the database.
fn besides(answer: &Answer<'_>, width: usize) -> String {
    let mut text = String::new();
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
    text.push_str(&reconciled(answer));
    if let Some(written) = &answer.written {
        text.push('\n');
        text.push_str(&written.page());
    }
    text.push_str(&live(answer, width));
    text
}

fn format_line(line: &str) -> String {
    format!("  {}\n", safe(line, None))
}

fn indexes(answer: &Answer<'_>) -> Table<'static> {
    const COLUMNS: [(&str, Side); 6] = [
        ("PLACE", Side::Left),
        ("INDEX", Side::Left),
        ("TABLE", Side::Left),
        ("DEFINITION", Side::Left),
        ("CLASS", Side::Left),
        ("NOTES", Side::Left),
    ];
    let mut table = Table::new(&COLUMNS);
    for index in answer.indexes.iter() {
        row(&mut table, &index);
    }
    table
}

fn row(table: &mut Table<'_>, index: &IndexAnswer<'_>) {
    table.foreign(format_args!("{}:{}:{}", index.file, index.line, index.column));
    table.foreign(format_args!("{}", index.name));
    let (schema, name) = (index.table_schema, index.table);
    match index.domain {
        Some(domain) => table.foreign(format_args!("{schema}.{name} [{domain}]")),
        None => table.foreign(format_args!("{schema}.{name}")),
    }
    let traits = index.traits();
    let gap = if traits.is_empty() { "" } else { " " };
    table.foreign(format_args!("{traits}{gap}{}", index.definition()));
    table.cell(format_args!("{}", index.class));
    table.foreign(format_args!("{}", index.notes()));
}

fn tables(answer: &Answer<'_>) -> Table<'static> {
    const COLUMNS: [(&str, Side); 6] = [
        ("TABLE", Side::Left),
        ("DOMAIN", Side::Left),
        ("INDEXES", Side::Right),
        ("FUNCTIONAL", Side::Right),
        ("PERFORMANCE", Side::Right),
        ("AT THE END", Side::Right),
    ];
    let mut table = Table::new(&COLUMNS);
    for it in &answer.tables {
        table.foreign(format_args!("{}", it.table));
        table.foreign(format_args!("{}", it.domain.unwrap_or("-")));
        for figure in [it.indexes, it.functional, it.performance, it.standing] {
            table.cell(format_args!("{figure}"));
        }
    }
    table
}

fn reconciled(answer: &Answer<'_>) -> String {
    let Some(it) = &answer.reconciled else { return String::new() };
    let mut text = format!("\n{}: {}\n", beside::title(answer), beside::agreement(answer, it));
    for (what, name) in beside::lines(it) {
        text.push_str(&format_line(&format!("{what}: {name}")));
    }
    for it in &it.differing {
        text.push_str(&format_line(&format!("differs: {}", it.index)));
        for (side, words) in beside::definitions(it) {
            text.push_str(&format_line(&format!("  {side:<11} {words}")));
        }
    }
    for it in &it.not_compared {
        text.push_str(&format_line(&format!("not compared: {}: {}", it.index, it.why)));
    }
    text
}

/// The database: all of it when there is nothing else, else what somebody should look at.
fn live(answer: &Answer<'_>, width: usize) -> String {
    let Some(live) = &answer.live else { return String::new() };
    let columns = [
        ("IN THE DATABASE", Side::Left),
        ("TABLE", Side::Left),
        ("DEFINITION", Side::Left),
        ("CLASS", Side::Left),
        ("NOTES", Side::Left),
    ];
    let rows: Vec<Vec<String>> = live
        .indexes
        .iter()
        .map(|it| (it, LiveAnswer::notes(it)))
        .filter(|(_, notes)| answer.files.is_empty() || !notes.is_empty())
        .map(|(it, notes)| {
            let domain = it.domain.as_ref().map_or_else(String::new, |domain| format!(" [{domain}]"));
            vec![
                safe(&it.index, None),
                safe(&format!("{}{domain}", it.table), None),
                safe(&it.definition, None),
                it.class.to_owned(),
                safe(&notes, None),
            ]
        })
        .collect();
    let list = if rows.is_empty() { String::new() } else { format!("\n{}", table(&columns, &rows, width)) };
    format!("{list}\n{}\n", live.sums().lines().map(|line| safe(line, None)).collect::<Vec<_>>().join("\n"))
}

/// The figures in one sentence.
pub(super) fn totals(answer: &Answer<'_>) -> String {
    let it = &answer.totals;
    let described = match it.described {
        0 => String::new(),
        count => format!(" Models or a picture of the schema describe {count} more, which are not counted."),
    };
    let implied = match it.implied {
        0 => String::new(),
        count => format!(" {count} that a framework makes by itself."),
    };
    format!(
        "{} CREATE INDEX in {}: {} functional, {} performance; {} unique, {} partial, {} concurrently, \
         {} unnamed, {} over 63 bytes.\nAt the end of the series {} of them stand, {} were dropped; {} say the same as \
         another, {} are covered. {} besides.{implied} {}.{described}\n",
        it.indexes,
        plural(it.files, "file", "files"),
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
        plural(it.constraints, "index of a constraint", "indexes of constraints"),
        plural(it.unread, "place was not read", "places were not read")
    )
}
