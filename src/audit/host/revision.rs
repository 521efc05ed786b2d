//! Alembic's chain: which migration follows which is said in the files, not in their names.

use super::fact::Known;
use super::tree::{Source, children_of};
use super::value::text;
use tree_sitter::Node;

/// A link of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// `revision`
    pub id: String,
    /// `down_revision`: none for the first, several for a merge.
    pub follows: Vec<String>,
}

/// The link that a file of Python says to be: both names are assigned at its top.
pub(super) fn revision<'t>(source: &Source<'t>, root: Node<'t>) -> Option<Revision> {
    let (mut id, mut follows) = (None, None);
    for statement in children_of(root) {
        let assignment = children_of(statement).into_iter().find(|it| it.kind() == "assignment");
        let Some(assignment) = assignment else { continue };
        let (Some(left), Some(right)) =
            (assignment.child_by_field_name("left"), assignment.child_by_field_name("right"))
        else {
            continue;
        };
        match source.of(left) {
            "revision" => id = strings(source, right).pop(),
            "down_revision" => follows = Some(strings(source, right)),
            _ => {}
        }
    }
    Some(Revision { id: id?, follows: follows? })
}

fn strings<'t>(source: &Source<'t>, node: Node<'t>) -> Vec<String> {
    match node.kind() {
        "tuple" | "list" | "parenthesized_expression" => {
            children_of(node).into_iter().flat_map(|it| strings(source, it)).collect()
        }
        "none" => Vec::new(),
        _ => match text(source, node) {
            Known::Known(text) => vec![text],
            Known::Unknown(_) => Vec::new(),
        },
    }
}
