//! By which names a Python file calls alembic's operations: `op.create_index`, and what its imports make of them.

use std::collections::HashMap;

use tree_sitter::Node;

use super::tree::children_of;

/// What everybody calls the module of operations.
const MODULE: &str = "op";

/// The names that a file's imports give to alembic's operations.
#[derive(Default)]
pub(super) struct Operations<'t> {
    /// Names in the file, with the operation, or the module, that each stands for.
    names: HashMap<&'t str, &'t str>,
    /// Whether all of them are imported by their own names.
    all: bool,
}

impl<'t> Operations<'t> {
    /// Notes what an import brings: `from alembic.op import create_index`, `from alembic import op as o`.
    pub(super) fn import(&mut self, node: Node<'t>, text: &'t str) {
        let of = |node: Node<'_>| text.get(node.byte_range()).unwrap_or_default();
        let module = node.child_by_field_name("module_name");
        let from = module.map(of);
        if !matches!(from, None | Some("alembic" | "alembic.op")) {
            return;
        }
        for child in children_of(node).into_iter().filter(|child| Some(*child) != module) {
            let (name, alias) = match child.kind() {
                "wildcard_import" => {
                    self.all |= from == Some("alembic.op");
                    continue;
                }
                "aliased_import" => {
                    let Some((name, alias)) =
                        child.child_by_field_name("name").zip(child.child_by_field_name("alias"))
                    else {
                        continue;
                    };
                    (of(name), of(alias))
                }
                _ => (of(child), of(child)),
            };
            match from {
                Some("alembic.op") => {
                    self.names.insert(alias, name);
                }
                Some(_) if name == MODULE => {
                    self.names.insert(alias, MODULE);
                }
                None if name == "alembic.op" && alias != name => {
                    self.names.insert(alias, MODULE);
                }
                Some(_) | None => {}
            }
        }
    }

    /// The operation that a call by this path means, its last name first; `None` for any other call.
    pub(super) fn meant(&self, path: &[&'t str]) -> Option<&'t str> {
        match path {
            [name] => match self.names.get(name) {
                Some(&MODULE) => None,
                Some(operation) => Some(operation),
                None => self.all.then_some(name),
            },
            [name, object, ..] => {
                (*object == MODULE || self.names.get(object) == Some(&MODULE)).then_some(name)
            }
            [] => None,
        }
    }
}
