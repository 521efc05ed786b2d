//! Calls, whatever the language writes them like.

use tree_sitter::Node;

use super::language::Language;
use super::tree::{Source, children_of};

/// Most names of a dotted path that are looked at, from its end.
const LONGEST_PATH: usize = 6;

/// A call with its arguments.
pub(super) struct Call<'t> {
    /// The whole expression.
    pub(super) node: Node<'t>,
    /// What is called, its last name first: `op.execute` is `["execute", "op"]`.
    pub(super) path: Vec<&'t str>,
    /// What the last name is looked up in.
    pub(super) receiver: Option<Node<'t>>,
    /// Arguments without a name.
    pub(super) positional: Vec<Node<'t>>,
    /// Arguments with a name.
    pub(super) named: Vec<(&'t str, Node<'t>)>,
    /// Whether arguments come from somewhere else (`*args`, `**options`).
    pub(super) spread: Option<Node<'t>>,
    /// The block, in Ruby.
    pub(super) block: Option<Node<'t>>,
}

impl<'t> Call<'t> {
    /// Reads a node that is a call.
    pub(super) fn of(source: &Source<'t>, node: Node<'t>) -> Option<Self> {
        let (name, receiver) = match (source.language, node.kind()) {
            (Language::Python, "call") | (_, "call_expression") => {
                let function = node.child_by_field_name("function")?;
                (function, None)
            }
            (Language::Ruby, "call") => {
                (node.child_by_field_name("method")?, node.child_by_field_name("receiver"))
            }
            (Language::Java, "method_invocation") => {
                (node.child_by_field_name("name")?, node.child_by_field_name("object"))
            }
            (Language::Java, "object_creation_expression") => (node.child_by_field_name("type")?, None),
            (_, "new_expression") => (node.child_by_field_name("constructor")?, None),
            _ => return None,
        };
        let mut path = dotted(source, name);
        if let Some(receiver) = receiver {
            path.extend(dotted(source, receiver));
        }
        let receiver = receiver.or_else(|| behind(name).map(|(_, behind)| behind));
        let mut call = Self {
            node,
            path,
            receiver,
            positional: Vec::new(),
            named: Vec::new(),
            spread: None,
            block: node.child_by_field_name("block"),
        };
        if let Some(arguments) = node.child_by_field_name("arguments") {
            call.take(source, arguments);
        }
        Some(call)
    }

    fn take(&mut self, source: &Source<'t>, arguments: Node<'t>) {
        if arguments.kind() == "template_string" || arguments.kind() == "generator_expression" {
            self.positional.push(arguments);
            return;
        }
        for argument in children_of(arguments) {
            match argument.kind() {
                "keyword_argument" | "pair" => match pair(source, argument) {
                    Some(pair) => self.named.push(pair),
                    None => self.spread = Some(argument),
                },
                "list_splat"
                | "dictionary_splat"
                | "splat_argument"
                | "hash_splat_argument"
                | "spread_element"
                | "variadic_argument"
                | "parenthesized_list_splat" => self.spread = Some(argument),
                // Ruby's braces around the last hash change nothing.
                "hash" => {
                    for inner in children_of(argument) {
                        match pair(source, inner) {
                            Some(pair) => self.named.push(pair),
                            None => self.spread = Some(inner),
                        }
                    }
                }
                "heredoc_body" | "block_argument" => {}
                _ => self.positional.push(argument),
            }
        }
    }

    /// The last name of what is called.
    pub(super) fn name(&self) -> &'t str {
        self.path.first().copied().unwrap_or_default()
    }

    /// The name before the last, or nothing.
    pub(super) fn object(&self) -> &'t str {
        self.path.get(1).copied().unwrap_or_default()
    }

    /// An argument by its name.
    pub(super) fn keyword(&self, name: &str) -> Option<Node<'t>> {
        self.named.iter().find(|(is, _)| *is == name).map(|(_, value)| *value)
    }

    /// An argument by its place or its name.
    pub(super) fn argument(&self, place: usize, name: &str) -> Option<Node<'t>> {
        self.positional.get(place).copied().or_else(|| self.keyword(name))
    }
}

/// The key and the value of a pair, when the key is a word.
pub(super) fn pair<'t>(source: &Source<'t>, node: Node<'t>) -> Option<(&'t str, Node<'t>)> {
    let (key, value) = match node.kind() {
        "keyword_argument" => (node.child_by_field_name("name")?, node.child_by_field_name("value")?),
        "pair" | "element_value_pair" => {
            (node.child_by_field_name("key")?, node.child_by_field_name("value")?)
        }
        "keyed_element" => {
            let children = children_of(node);
            let [key, value] = children.as_slice() else { return None };
            (*key, *value)
        }
        _ => return None,
    };
    let word = source.of(key).trim_start_matches(':').trim_matches(['"', '\'', '`']);
    let plain =
        !word.is_empty() && word.chars().all(|char| char.is_alphanumeric() || char == '_' || char == '-');
    plain.then_some((word, value))
}

/// The last name of a dotted path and what stands before it.
fn behind(node: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    let (name, object) = match node.kind() {
        "attribute" => ("attribute", "object"),
        "member_expression" => ("property", "object"),
        "selector_expression" => ("field", "operand"),
        "field_access" => ("field", "object"),
        "scope_resolution" => ("name", "scope"),
        _ => return None,
    };
    Some((node.child_by_field_name(name)?, node.child_by_field_name(object)?))
}

/// The names of a dotted path, its last name first. A part that is no name is empty.
pub(super) fn dotted<'t>(source: &Source<'t>, node: Node<'t>) -> Vec<&'t str> {
    let mut path = Vec::new();
    let mut at = node;
    while path.len() < LONGEST_PATH {
        if let Some((name, object)) = behind(at) {
            path.push(source.of(name));
            at = object;
            continue;
        }
        // The call before a call: `op.get_context().autocommit_block()` goes on with `get_context`.
        let called = at
            .child_by_field_name("function")
            .or_else(|| at.child_by_field_name("method"))
            .or_else(|| at.child_by_field_name("name").filter(|_| at.kind() == "method_invocation"));
        match called {
            Some(called) if at.kind() != "function_declaration" => {
                if behind(called).is_some() {
                    at = called;
                    continue;
                }
                path.push(source.of(called));
                let Some(next) =
                    at.child_by_field_name("receiver").or_else(|| at.child_by_field_name("object"))
                else {
                    break;
                };
                at = next;
            }
            _ => {
                let text = source.of(at);
                let name = matches!(
                    at.kind(),
                    "identifier"
                        | "constant"
                        | "type_identifier"
                        | "field_identifier"
                        | "property_identifier"
                        | "this"
                        | "self"
                        | "operator"
                );
                path.push(if name { text } else { "" });
                break;
            }
        }
    }
    path
}
