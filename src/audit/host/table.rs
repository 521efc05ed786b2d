//! What is done to tables and columns in the words of a framework, as far as it bears on indexes.

use std::ops::Range;

use tree_sitter::Node;

use super::declared::{Framework, TableName};
use super::fact::{Direction, Known, Transaction, Turn};
use super::tree::Source;
use super::walk::Setting;
use crate::audit::Place;

/// One thing that is done to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredTable {
    /// Whose words.
    pub framework: Framework,
    /// What is done.
    pub act: TableAct,
    /// To which table.
    pub table: TableName,
    /// Its schema, when one is given.
    pub schema: Option<Known<String>>,
    /// Forward or back.
    pub direction: Direction,
    /// Whether it runs in a transaction.
    pub transaction: Transaction,
    /// The turn of a loop that does it.
    pub turn: Option<Turn>,
    /// Whether indexes are renamed with it whose names the framework made of table and columns, and how it makes those.
    pub names: Option<IndexNames>,
    /// The declaration, in bytes of the file.
    pub range: Range<usize>,
    /// Its first token.
    pub place: Place,
}

/// How Rails names indexes that are given no name, by the version that a migration is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexNames {
    /// As long as they get: before 7.1.
    Long,
    /// Cut, with a digest at the end.
    Short,
}

impl IndexNames {
    /// The name of an index; `None` when it is longer than Rails takes.
    #[must_use]
    pub fn name(self, table: &str, columns: &[String]) -> Option<String> {
        super::rails::made_name(table, columns, self == Self::Short)
    }
}

/// What is done to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableAct {
    /// It is made. Its indexes are declared beside it.
    Create,
    /// It is taken away, with its indexes.
    Drop,
    /// It has this name from here on.
    Rename(Known<String>),
    /// This column is taken away, with the indexes that it is in.
    DropColumn(Known<String>),
    /// A column has another name from here on.
    RenameColumn {
        /// The old one.
        from: Known<String>,
        /// The new one.
        to: Known<String>,
    },
}

/// Something that is done to a table, of which the table is not known yet.
pub(super) fn done<'t>(
    source: &Source<'t>,
    framework: Framework,
    act: TableAct,
    node: Node<'t>,
    place: Setting<'t>,
) -> DeclaredTable {
    DeclaredTable {
        framework,
        act,
        table: TableName::Unsaid,
        schema: None,
        direction: place.direction,
        transaction: place.transaction,
        turn: None,
        names: None,
        range: node.byte_range(),
        place: source.place(node.start_byte()),
    }
}
