//! The statements that dumps consist of, read without a tree.
//!
//! A dump has thousands of statements of a dozen shapes, and a tree costs ten times what reading them costs. What is read
//! here is a small part of the grammar, word for word; whatever is not wholly of these shapes is left to the parser, which
//! alone says what is wrong with a text. That both say the same is held by tests: whatever is read here, the parser reads
//! without an error and with the same result.

mod cursor;
mod expression;
mod index;
mod table;

use super::{Attachment, Change, Dml, Place, Repeat, Rows, StatementKind};
use cursor::{Cursor, What};
use table::{owner, values};

/// What `text`, one statement with its semicolon, says. `None` leaves it to the parser. `place` makes a byte of the text one
/// of the file, with its place.
pub(super) fn read(text: &str, place: &dyn Fn(usize) -> (usize, Place)) -> Option<StatementKind> {
    let cursor = &mut Cursor::new(text);
    match cursor.one_of(&["create", "alter", "insert", "comment", "grant"])? {
        "create" => match cursor.one_of(&["index", "unique", "table", "sequence"])? {
            "index" => index::create(cursor, false),
            "unique" => {
                cursor.words(&["index"])?;
                index::create(cursor, true)
            }
            "table" => table::create(cursor),
            _ => create_sequence(cursor),
        },
        "alter" => match cursor.one_of(&["table", "index", "sequence"])? {
            "table" => table::alter(cursor, place),
            "index" => attach_index(cursor),
            _ => alter_sequence(cursor),
        },
        "insert" => insert(cursor),
        "comment" => comment(cursor),
        _ => grant(cursor),
    }
}

fn attach_index(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    let parent = cursor.relation()?;
    cursor.words(&["attach", "partition"])?;
    let child = cursor.relation()?;
    cursor.end()?;
    Some(StatementKind::AttachIndex(Box::new(Attachment { parent, child })))
}

fn create_sequence(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    let name = cursor.relation()?;
    if cursor.took("as") {
        cursor.one_of(&["integer", "bigint", "smallint"])?;
    }
    while cursor.token().what == What::Word {
        match cursor.one_of(&["start", "increment", "no", "minvalue", "maxvalue", "cache", "cycle"])? {
            "start" => cursor.words(&["with"]).and_then(|()| cursor.number())?,
            "increment" => cursor.words(&["by"]).and_then(|()| cursor.number())?,
            "no" => drop(cursor.one_of(&["minvalue", "maxvalue"])?),
            "cycle" => {}
            _ => cursor.number()?,
        }
    }
    cursor.end()?;
    Some(StatementKind::CreateRelation(name))
}

fn alter_sequence(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    // The words that a statement is told by go as far as its keywords do, and many a name is one.
    if !cursor.is("public") && cursor.token().what != What::Quoted {
        return None;
    }
    cursor.relation()?;
    if cursor.one_of(&["owned", "owner"])? == "owned" {
        cursor.words(&["by"])?;
        let parts = cursor.dotted(3)?;
        if parts.len() < 2 {
            return None;
        }
    } else {
        owner(cursor)?;
    }
    cursor.end()?;
    Some(StatementKind::Other("ALTER SEQUENCE".to_owned()))
}

fn insert(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    cursor.words(&["into"])?;
    let table = cursor.relation()?;
    if cursor.token().what == What::Sign(b'(') {
        cursor.columns()?;
    }
    cursor.words(&["values"])?;
    loop {
        values(cursor)?;
        if !cursor.took_sign(b',') {
            break;
        }
    }
    cursor.end()?;
    let change = Change {
        dml: Dml::InsertValues,
        tables: vec![table],
        rows: Rows::Written,
        reads: Vec::new(),
        repeat: Repeat::Once,
        within: Vec::new(),
    };
    Some(StatementKind::Dml(Box::new(change)))
}

fn comment(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    cursor.words(&["on"])?;
    let what = cursor.one_of(&["table", "column", "index", "view", "sequence", "schema", "extension"])?;
    let parts = match what {
        "column" => 2..4,
        "schema" | "extension" => 1..2,
        _ => 1..3,
    };
    if !parts.contains(&cursor.dotted(3)?.len()) {
        return None;
    }
    cursor.words(&["is"])?;
    cursor.text()?;
    cursor.end()?;
    Some(StatementKind::Other(format!("COMMENT ON {}", what.to_ascii_uppercase())))
}

fn grant(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    const RIGHTS: [&str; 8] =
        ["select", "insert", "update", "delete", "truncate", "references", "trigger", "usage"];
    let first = if cursor.took("all") { "all" } else { cursor.one_of(&RIGHTS)? };
    let several = first != "all" && cursor.token().what == What::Sign(b',');
    while first != "all" && cursor.took_sign(b',') {
        cursor.one_of(&RIGHTS)?;
    }
    cursor.words(&["on"])?;
    cursor.one_of(&["table", "sequence"])?;
    cursor.relation()?;
    owner(cursor)?;
    cursor.end()?;
    let words = format!("GRANT {}", first.to_ascii_uppercase());
    Some(StatementKind::Other(if several { words } else { format!("{words} ON") }))
}

#[cfg(test)]
mod tests;
