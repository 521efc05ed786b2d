//! What is found in files of each language and framework.

mod alembic;
mod any_text;
mod building;
mod django;
mod python;
mod rails;
mod schema;
mod script;
mod series;
mod turn;

use super::{Direction, Extract, Fragment, Known, Language, PieceKind, Transaction, Use, extract};

/// Reads a text that has no problem.
fn read(language: Language, text: &str) -> Extract {
    let found = extract(language, text);
    assert_eq!(found.problems, [], "{text}");
    check_map(text, &found);
    found
}

/// Every byte of every fragment maps into the file, and what is verbatim is the same there.
fn check_map(text: &str, found: &Extract) {
    for fragment in &found.fragments {
        let sql = &fragment.sql;
        let mut at = 0;
        for piece in sql.pieces() {
            assert_eq!(piece.range.start, at, "a gap in {sql:?}");
            at = piece.range.end;
            assert!(piece.source.end <= text.len(), "{piece:?} ends behind the file");
            if piece.kind == PieceKind::Verbatim {
                assert_eq!(sql.text().get(piece.range.clone()), text.get(piece.source.clone()), "{piece:?}");
            }
        }
        assert_eq!(at, sql.text().len());
        for offset in 0..=sql.text().len() {
            assert!(sql.locate(offset).is_none_or(|at| at <= text.len()));
        }
        assert!(text.get(fragment.range.clone()).is_some());
    }
    for index in &found.declared {
        assert!(text.get(index.range.clone()).is_some());
    }
    for problem in &found.problems {
        assert!(problem.range.end <= text.len());
    }
}

/// The SQL of a text without problems.
fn sql(language: Language, text: &str) -> Vec<String> {
    read(language, text).fragments.into_iter().map(|fragment| fragment.sql.text().to_owned()).collect()
}

/// The only fragment of a text without problems.
fn only(language: Language, text: &str) -> Fragment {
    let mut found = read(language, text);
    assert_eq!(found.fragments.len(), 1, "{text}\n{:#?}", found.fragments);
    found.fragments.remove(0)
}

fn known(text: &str) -> Known<String> {
    Known::Known(text.to_owned())
}

fn executed(call: &str) -> Use {
    Use::Executed(call.to_owned())
}

/// One line for each declaration: what tests compare.
fn lines(found: &Extract) -> Vec<String> {
    found.declared.iter().map(line).collect()
}

/// One line for each thing that is done to a table.
fn tables(found: &Extract) -> Vec<String> {
    use super::{TableAct, TableName};
    let text = |known: &Known<String>| known.get().map_or("?", String::as_str).to_owned();
    let line = |done: &super::DeclaredTable| {
        let table = match &done.table {
            TableName::Given(name) => name.clone(),
            TableName::OfModel(model) => format!("model {model}"),
            TableName::Unsaid => "-".to_owned(),
            TableName::Unknown(_) => "?".to_owned(),
        };
        let schema = done.schema.as_ref().map_or(String::new(), |schema| format!("{}.", text(schema)));
        let what = match &done.act {
            TableAct::Create => "create".to_owned(),
            TableAct::Drop => "drop".to_owned(),
            TableAct::Rename(to) => format!("rename to {}", text(to)),
            TableAct::DropColumn(column) => format!("drop column {}", text(column)),
            TableAct::RenameColumn { from, to } => format!("rename column {} to {}", text(from), text(to)),
        };
        let down = if done.direction == Direction::Down { " down" } else { "" };
        format!("{schema}{table} {what}{down}")
    };
    found.tables.iter().map(line).collect()
}

fn line(index: &super::DeclaredIndex) -> String {
    use super::{Backing, IndexName, TableName};
    let text = |known: &Known<String>| known.get().map_or("?", String::as_str).to_owned();
    let name = match &index.name {
        IndexName::Given(name) => name.clone(),
        IndexName::Derived(name) => format!("({name})"),
        IndexName::Unsaid => "-".to_owned(),
        IndexName::Unknown(_) => "?".to_owned(),
    };
    let table = match &index.table {
        TableName::Given(name) => name.clone(),
        TableName::OfModel(model) => format!("model {model}"),
        TableName::Unsaid => "-".to_owned(),
        TableName::Unknown(_) => "?".to_owned(),
    };
    let keys = match &index.keys {
        Known::Unknown(_) => "?".to_owned(),
        Known::Known(keys) => keys
            .iter()
            .map(|key| {
                let mut line = text(&key.text);
                if matches!(key.kind, super::KeyKind::Expression | super::KeyKind::HostExpression) {
                    line = format!("<{line}>");
                }
                for more in key.opclass.iter().chain(&key.order) {
                    line = format!("{line} {}", text(more));
                }
                line
            })
            .collect::<Vec<_>>()
            .join(","),
    };
    let mut line = format!("{:?} {name} on {table} ({keys})", index.act).to_lowercase();
    line = line.replacen(&name.to_lowercase(), &name, 1);
    for (flag, word) in [
        (&index.unique, "unique"),
        (&index.concurrently, "concurrently"),
        (&index.if_exists, "if exists"),
        (&index.nulls_not_distinct, "nulls not distinct"),
    ] {
        match flag {
            Known::Known(false) => {}
            Known::Known(true) => line = format!("{line} {word}"),
            Known::Unknown(_) => line = format!("{line} {word}?"),
        }
    }
    if let Some(method) = &index.method {
        line = format!("{line} using {}", text(method));
    }
    if let Known::Known(include) = &index.include
        && !include.is_empty()
    {
        line = format!("{line} include {}", include.join(","));
    }
    if let Some(predicate) = &index.predicate {
        line = format!("{line} where {}", text(predicate));
    }
    if let Some(schema) = &index.schema {
        line = format!("{line} schema {}", text(schema));
    }
    if let Some(renamed) = &index.renamed {
        line = format!("{line} to {}", text(renamed));
    }
    if index.backing != Backing::Plain {
        line = format!("{line} backing");
    }
    line = match index.transaction {
        Transaction::Outside(_) => format!("{line} outside"),
        Transaction::Inside | Transaction::Unsaid => line,
    };
    match index.direction {
        Direction::Down => format!("{line} down"),
        Direction::Up | Direction::Change | Direction::Unsaid => line,
    }
}
