//! Tables that a program makes or drops in the words of a framework.

use std::ops::Range;

use super::call::Call;
use super::declared::{Act, TableName};
use super::fact::{Direction, Known};
use super::language::Language;
use super::value::{is_none, table_name, text};
use super::walk::{Around, Setting, Walk};

/// A table that is made or dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeTable {
    /// Made, dropped or given another name.
    pub act: Act,
    /// The table.
    pub table: TableName,
    /// The schema, when one is given apart from it.
    pub schema: Option<Known<String>>,
    /// Forward or back.
    pub direction: Direction,
    /// The call, in bytes of the file.
    pub range: Range<usize>,
}

/// Notes a call that makes or drops a table.
pub(super) fn call<'t>(walk: &mut Walk<'_, 't>, call: &Call<'t>, place: Setting<'t>) {
    let source = walk.source;
    let act = match call.name() {
        "create_table" | "createTable" | "createTableIfNotExists" | "CreateModel" | "create_join_table" => {
            Act::Create
        }
        "drop_table" | "dropTable" | "dropTableIfExists" | "DeleteModel" => Act::Drop,
        _ => return,
    };
    let first = call.argument(0, if source.language == Language::Python { "table_name" } else { "name" });
    let table = match call.name() {
        "CreateModel" | "DeleteModel" if place.around == Around::DjangoState => return,
        "CreateModel" | "DeleteModel" => match call.argument(0, "name").map(|node| text(source, node)) {
            Some(Known::Known(model)) => TableName::OfModel(model),
            Some(Known::Unknown(unknown)) => TableName::Unknown(unknown),
            None => TableName::Unsaid,
        },
        _ => table_name(source, first),
    };
    let schema = call.keyword("schema").filter(|node| !is_none(source, *node)).map(|node| text(source, node));
    walk.found.made.push(MadeTable {
        act,
        table,
        schema,
        direction: place.direction,
        range: call.node.byte_range(),
    });
}
