//! The answer as a Markdown page.

use std::io::{self, Write};

use crate::text::Untrusted;

use super::answer::Answer;
use super::beside;
use super::live::LiveAnswer;
use super::plain::totals;

/// Everything on one page.
pub(super) fn write(out: &mut dyn Write, answer: &Answer<'_>) -> io::Result<()> {
    write!(out, "# Indexes\n\n{}\n", totals(answer))?;
    heads(out, &["Place", "Index", "Table", "Domain", "Definition", "Traits", "Class", "Notes"])?;
    for it in answer.indexes.iter() {
        let cells = [
            format!("{}:{}:{}", it.file, it.line, it.column),
            it.name.to_owned(),
            format!("{}.{}", it.table_schema, it.table),
            it.domain.unwrap_or_default().to_owned(),
            it.definition(),
            it.traits(),
            format!("{}: {}", it.class, it.reason),
            it.notes(),
        ];
        line(out, &cells)?;
    }
    write!(out, "\n## Tables\n\n")?;
    heads(out, &["Table", "Indexes", "Functional", "Performance", "At the end"])?;
    for it in &answer.tables {
        let figures = [it.indexes, it.functional, it.performance, it.standing].map(|it| it.to_string());
        let mut cells = vec![it.table.clone()];
        cells.extend(figures);
        line(out, &cells)?;
    }
    if !answer.unread.is_empty() {
        write!(out, "\n## Not read\n\n")?;
        heads(out, &["Place", "Why"])?;
        for it in &answer.unread {
            line(out, &[format!("{}:{}:{}", it.file, it.line, it.column), it.why.clone()])?;
        }
    }
    beside_files(out, answer)
}

/// The registry and the database.
fn beside_files(out: &mut dyn Write, answer: &Answer<'_>) -> io::Result<()> {
    if let Some(it) = &answer.reconciled {
        write!(out, "\n## {}\n\n{}.\n\n", beside::title(answer), beside::agreement(answer, it))?;
        heads(out, &["Index", "Difference"])?;
        for (what, name) in beside::lines(it) {
            line(out, &[name.to_owned(), what.to_owned()])?;
        }
        for it in &it.differing {
            let what: Vec<String> =
                beside::definitions(it).iter().map(|(side, words)| format!("{side}: {words}")).collect();
            line(out, &[it.index.clone(), what.join("; ")])?;
        }
        for it in &it.not_compared {
            line(out, &[it.index.clone(), format!("not compared: {}", it.why)])?;
        }
    }
    if let Some(live) = &answer.live {
        write!(out, "\n## Database\n\n{}\n", escaped(&live.sums().replace('\n', " ")))?;
        heads(out, &["Index", "Table", "Domain", "Definition", "Class", "Notes"])?;
        for it in &live.indexes {
            let cells = [
                it.index.clone(),
                it.table.clone(),
                it.domain.clone().unwrap_or_default(),
                it.definition.clone(),
                it.class.to_owned(),
                LiveAnswer::notes(it),
            ];
            line(out, &cells)?;
        }
    }
    Ok(())
}

fn heads(out: &mut dyn Write, columns: &[&str]) -> io::Result<()> {
    writeln!(out, "| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()))
}

fn line(out: &mut dyn Write, cells: &[String]) -> io::Result<()> {
    let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
    writeln!(out, "| {} |", cells.join(" | "))
}

/// Text of others, so that it is shown and means nothing.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for letter in String::from(Untrusted::from(text).display_safe(None)).chars() {
        if matches!(letter, '|' | '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '&') {
            safe.push('\\');
        }
        safe.push(letter);
    }
    safe
}
