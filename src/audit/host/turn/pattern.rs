//! The names that a loop gives values, taken apart as the language does.

use tree_sitter::Node;

use super::Bound;
use super::member::{Key, element};
use crate::audit::host::tree::{Source, children_of};

/// Deepest nesting of patterns that is taken apart.
const DEEPEST_PATTERN: usize = 6;

/// Gives the names of a pattern what they stand for. What is not followed stands for nothing known.
pub(in super::super) fn bind<'t>(
    source: &Source<'t>,
    pattern: Node<'t>,
    value: &Bound<'t>,
    by: Node<'t>,
    names: &mut Vec<(&'t str, Bound<'t>)>,
) {
    let mut work = vec![(pattern, value.clone(), 0)];
    while let Some((node, value, depth)) = work.pop() {
        let part = |key: &Key| element(source, &value, key).unwrap_or(Bound::Unknown(by));
        match node.kind() {
            "identifier" | "shorthand_property_identifier_pattern" => {
                let value = if node.kind() == "identifier" {
                    value
                } else {
                    part(&Key::Field(source.of(node).to_owned()))
                };
                names.push((source.of(node), value));
            }
            _ if depth >= DEEPEST_PATTERN => lost(source, node, by, names),
            "pattern_list"
            | "tuple_pattern"
            | "list_pattern"
            | "array_pattern"
            | "destructured_parameter"
            | "destructured_left_assignment"
            | "left_assignment_list"
            | "block_parameters"
            | "expression_list"
            | "formal_parameters" => {
                for (at, item) in (0_i64..).zip(children_of(node)) {
                    // What follows the rest of a list has no place that is known.
                    if item.kind().contains("splat") || item.kind().contains("rest") {
                        lost(source, node, by, names);
                        break;
                    }
                    work.push((item, part(&Key::At(at)), depth + 1));
                }
            }
            "object_pattern" => {
                for item in children_of(node) {
                    match item.kind() {
                        "pair_pattern" => {
                            let (key, inner) =
                                (item.child_by_field_name("key"), item.child_by_field_name("value"));
                            if let Some((key, inner)) = key.zip(inner) {
                                let key = source.of(key).trim_matches(['"', '\'']).to_owned();
                                work.push((inner, part(&Key::Field(key)), depth + 1));
                            }
                        }
                        "shorthand_property_identifier_pattern" => {
                            work.push((item, value.clone(), depth + 1));
                        }
                        _ => lost(source, item, by, names),
                    }
                }
            }
            "required_parameter" | "optional_parameter" => {
                match node.child_by_field_name("pattern").or_else(|| node.child_by_field_name("name")) {
                    Some(inner) => work.push((inner, value.clone(), depth + 1)),
                    None => lost(source, node, by, names),
                }
            }
            "formal_parameter" => match node.child_by_field_name("name") {
                Some(inner) => work.push((inner, value.clone(), depth + 1)),
                None => lost(source, node, by, names),
            },
            "parenthesized_expression" | "inferred_parameters" => {
                work.extend(children_of(node).into_iter().map(|inner| (inner, value.clone(), depth + 1)));
            }
            _ => lost(source, node, by, names),
        }
    }
}

/// All names of a pattern stand for nothing that is known.
pub(super) fn lost<'t>(
    source: &Source<'t>,
    pattern: Node<'t>,
    by: Node<'t>,
    names: &mut Vec<(&'t str, Bound<'t>)>,
) {
    let mut work = vec![pattern];
    while let Some(node) = work.pop() {
        if matches!(node.kind(), "identifier" | "shorthand_property_identifier_pattern") {
            names.push((source.of(node), Bound::Unknown(by)));
        }
        work.extend(children_of(node));
    }
}
