//! The answer as a Markdown page.

use crate::text::Untrusted;

use super::answer::Answer;
use super::beside;
use super::live::LiveAnswer;
use super::plain::totals;

/// Everything on one page.
pub(super) fn page(answer: &Answer) -> String {
    let mut text = format!("# Indexes\n\n{}\n", totals(answer));
    text.push_str(&heads(&["Place", "Index", "Table", "Domain", "Definition", "Traits", "Class", "Notes"]));
    for it in &answer.indexes {
        let cells = [
            format!("{}:{}:{}", it.file, it.line, it.column),
            it.name.clone(),
            format!("{}.{}", it.table_schema, it.table),
            it.domain.clone().unwrap_or_default(),
            it.definition(),
            it.traits(),
            format!("{}: {}", it.class, it.reason),
            it.notes(),
        ];
        text.push_str(&line(&cells));
    }
    text.push_str("\n## Tables\n\n");
    text.push_str(&heads(&["Table", "Indexes", "Functional", "Performance", "At the end"]));
    for it in &answer.tables {
        let figures = [it.indexes, it.functional, it.performance, it.standing].map(|it| it.to_string());
        let mut cells = vec![it.table.clone()];
        cells.extend(figures);
        text.push_str(&line(&cells));
    }
    if !answer.unread.is_empty() {
        text.push_str("\n## Not read\n\n");
        text.push_str(&heads(&["Place", "Why"]));
        for it in &answer.unread {
            text.push_str(&line(&[format!("{}:{}:{}", it.file, it.line, it.column), it.why.clone()]));
        }
    }
    if let Some(it) = &answer.reconciled {
        text = format!("{text}\n## {}\n\n{}.\n\n", beside::title(answer), beside::agreement(answer, it));
        text.push_str(&heads(&["Index", "Difference"]));
        for (what, name) in beside::lines(it) {
            text.push_str(&line(&[name.to_owned(), what.to_owned()]));
        }
        for it in &it.differing {
            let what: Vec<String> =
                beside::definitions(it).iter().map(|(side, words)| format!("{side}: {words}")).collect();
            text.push_str(&line(&[it.index.clone(), what.join("; ")]));
        }
        for it in &it.not_compared {
            text.push_str(&line(&[it.index.clone(), format!("not compared: {}", it.why)]));
        }
    }
    if let Some(live) = &answer.live {
        text = format!("{text}\n## Database\n\n{}\n", escaped(&live.sums().replace('\n', " ")));
        text.push_str(&heads(&["Index", "Table", "Domain", "Definition", "Class", "Notes"]));
        for it in &live.indexes {
            let cells = [
                it.index.clone(),
                it.table.clone(),
                it.domain.clone().unwrap_or_default(),
                it.definition.clone(),
                it.class.to_owned(),
                LiveAnswer::notes(it),
            ];
            text.push_str(&line(&cells));
        }
    }
    text
}

fn heads(columns: &[&str]) -> String {
    format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()))
}

fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
    format!("| {} |\n", cells.join(" | "))
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
