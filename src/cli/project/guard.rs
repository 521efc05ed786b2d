//! `[guard]`

use crate::audit::Place;
use crate::domain::diagnostic::Code;
use crate::domain::document::{Table, Text};
use crate::guard::{Judgement, Kept};
use crate::sql::{TableRef, fold};

/// What the guard is told by the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::cli) struct GuardSettings {
    /// `paths`: what is guarded when nothing is named, and the series that `keep` speaks of. From the file's folder.
    pub(in crate::cli) paths: Vec<String>,
    /// `keep`: indexes that must stand at the end of the series.
    pub(in crate::cli) keep: Vec<Kept>,
    /// `baseline`: the file, from the folder of this one.
    pub(in crate::cli) baseline: Option<String>,
    /// `looping_functions`: routines that change data when they are called.
    pub(in crate::cli) looping_functions: Vec<TableRef>,
    /// `indexes_on_new_tables`: performance indexes on a table that the same file creates.
    pub(in crate::cli) indexes_on_new_tables: Option<Judgement>,
    /// `data_of_new_tables`: changes of the data of a table that the same file creates.
    pub(in crate::cli) data_of_new_tables: Option<Judgement>,
    /// `seeds`: rows that are written out.
    pub(in crate::cli) seeds: Option<Judgement>,
    /// `not_judged`: SQL that is known at run time only, and bodies in other languages.
    pub(in crate::cli) not_judged: Option<Judgement>,
}

pub(super) fn read(table: Option<&Table<'_>>) -> GuardSettings {
    let Some(table) = table else { return GuardSettings::default() };
    table.only(&[
        "paths",
        "keep",
        "baseline",
        "looping_functions",
        "indexes_on_new_tables",
        "data_of_new_tables",
        "seeds",
        "not_judged",
    ]);
    let filled = |key: &str| -> Vec<Text<'_>> {
        table.texts(key).into_iter().filter_map(|text| table.not_blank(key, text)).collect()
    };
    GuardSettings {
        paths: filled("paths").into_iter().map(|it| it.value.to_owned()).collect(),
        keep: filled("keep")
            .into_iter()
            .filter_map(|it| {
                let (line, column) = table.document.place(it.span.start);
                let count = |it: u32| usize::try_from(it).unwrap_or(usize::MAX);
                let place = Place { line: count(line), column: count(column) };
                Some(Kept { name: name(table, &it, "schema.index")?, place })
            })
            .collect(),
        baseline: table.filled_text("baseline").map(|it| it.value.to_owned()),
        looping_functions: filled("looping_functions")
            .into_iter()
            .filter_map(|it| name(table, &it, "schema.function"))
            .collect(),
        indexes_on_new_tables: judgement(table, "indexes_on_new_tables"),
        data_of_new_tables: judgement(table, "data_of_new_tables"),
        seeds: judgement(table, "seeds"),
        not_judged: judgement(table, "not_judged"),
    }
}

fn judgement(table: &Table<'_>, key: &str) -> Option<Judgement> {
    let text = table.filled_text(key)?;
    match text.value {
        "allow" => Some(Judgement::Allow),
        "refuse" => Some(Judgement::Refuse),
        other => {
            let message = format!("`{key}` cannot be \"{other}\"");
            table.document.report(text.span, Code::UnknownValue, message, "write \"allow\" or \"refuse\"");
            None
        }
    }
}

fn name(table: &Table<'_>, text: &Text<'_>, form: &str) -> Option<TableRef> {
    let found = match parts(text.value).as_slice() {
        [name] => Some(TableRef { schema: None, name: name.clone() }),
        [schema, name] => Some(TableRef { schema: Some(schema.clone()), name: name.clone() }),
        _ => None,
    };
    if found.is_none() {
        let message = format!("\"{}\" is no name", text.value);
        table.document.report(text.span.clone(), Code::BadName, message, format!("write \"{form}\""));
    }
    found
}

/// The parts of a name between its dots, each folded or out of its quotes. Empty when one of them is none.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let end = if rest.starts_with('"') {
            quoted_end(rest)
        } else {
            rest.find(['.', '"']).unwrap_or(rest.len())
        };
        let name = fold(&rest[..end]).into_owned();
        if name.is_empty() || name.trim() != name && !rest.starts_with('"') {
            return Vec::new();
        }
        parts.push(name);
        match rest[end..].strip_prefix('.') {
            Some(more) => rest = more,
            None if rest.len() == end => return parts,
            None => return Vec::new(),
        }
    }
}

/// Behind the quote that ends the name which `text` begins with; 0 when none does.
fn quoted_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at] == b'"' {
            if bytes.get(at + 1) != Some(&b'"') {
                return at + 1;
            }
            at += 1;
        }
        at += 1;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_as_the_server_does() {
        for (text, wanted) in [
            ("Leads", vec!["leads"]),
            ("crm.ix_a", vec!["crm", "ix_a"]),
            ("\"My.Schema\".\"a\"\"b\"", vec!["My.Schema", "a\"b"]),
            ("a.b.c", vec!["a", "b", "c"]),
            ("a.", vec![]),
            ("", vec![]),
            ("a\"b", vec![]),
            ("\"a", vec![]),
        ] {
            assert_eq!(parts(text), wanted, "{text}");
        }
    }
}
