//! Calls and assignments that change a list, a dictionary or an object in its place.

use std::ops::Range;

use tree_sitter::Node;

/// Methods that change what they are called on.
const CHANGES: [&str; 44] = [
    "append",
    "extend",
    "insert",
    "remove",
    "pop",
    "popitem",
    "popleft",
    "appendleft",
    "clear",
    "update",
    "setdefault",
    "add",
    "discard",
    "push",
    "unshift",
    "splice",
    "shift",
    "fill",
    "copyWithin",
    "set",
    "delete",
    "delete_if",
    "delete_at",
    "keep_if",
    "prepend",
    "store",
    "addAll",
    "addFirst",
    "addLast",
    "put",
    "putAll",
    "putIfAbsent",
    "removeIf",
    "removeAll",
    "retainAll",
    "replaceAll",
    "difference_update",
    "intersection_update",
    "symmetric_difference_update",
    "move_to_end",
    "__setitem__",
    "sort_by!",
    "assign",
    "transform_keys!",
];

/// Whether a method changes what it is called on.
pub(super) fn is_change(name: &str) -> bool {
    CHANGES.contains(&name)
}

/// Whether a mention of a name changes what it stands for; by what. `above` are the nodes around it, the outermost first.
pub(super) fn changes<'t>(node: Node<'t>, above: &[Node<'t>], text: &str) -> Option<Range<usize>> {
    let of = |node: Node<'_>| text.get(node.byte_range()).unwrap_or_default();
    let is = |node: Option<Node<'t>>, other: Node<'t>| node.is_some_and(|node| node.id() == other.id());
    let mut at = node;
    let mut member = None;
    for parent in above.iter().rev().copied() {
        let field = |name: &str| parent.child_by_field_name(name);
        let object = ["object", "value", "operand", "array"].iter().find_map(|name| field(name));
        match parent.kind() {
            // `name["key"]`, `name.key`: one step further.
            "subscript"
            | "attribute"
            | "subscript_expression"
            | "member_expression"
            | "index_expression"
            | "selector_expression"
            | "array_access"
            | "field_access"
                if is(object, at) =>
            {
                member = field("attribute").or(field("property")).or(field("field"));
                at = parent;
            }
            "element_reference" if is(parent.named_child(0), at) => {
                member = None;
                at = parent;
            }
            "call" | "call_expression" if is(field("function"), at) => {
                return member.filter(|name| CHANGES.contains(&of(*name))).map(|_| parent.byte_range());
            }
            "call" if is(field("receiver"), at) => {
                let name = field("method").map_or("", of);
                let all = CHANGES.contains(&name) || name == "concat" || name.ends_with('!');
                return all.then(|| parent.byte_range());
            }
            "method_invocation" if is(object, at) => {
                let name = field("name").map_or("", of);
                return CHANGES.contains(&name).then(|| parent.byte_range());
            }
            "binary" if is(field("left"), at) => {
                let operator = field("operator").map_or("", of);
                return (operator == "<<").then(|| parent.byte_range());
            }
            "assignment"
            | "augmented_assignment"
            | "operator_assignment"
            | "assignment_expression"
            | "augmented_assignment_expression"
                if is(field("left"), at) && at.id() != node.id() =>
            {
                return Some(parent.byte_range());
            }
            "expression_list" if at.id() != node.id() => {
                let statement = above.iter().rfind(|it| it.kind() == "assignment_statement")?;
                let left = statement.child_by_field_name("left");
                return is(left, parent).then(|| statement.byte_range());
            }
            "delete_statement" | "update_expression" if at.id() != node.id() => {
                return Some(parent.byte_range());
            }
            // `delete object.key` of JavaScript, `delete(map, key)` of Go.
            "unary_expression" if at.id() != node.id() && of(parent).starts_with("delete") => {
                return Some(parent.byte_range());
            }
            "argument_list" if at.id() == node.id() && is(parent.named_child(0), at) => {
                let call =
                    above.iter().rfind(|it| it.id() != parent.id() && it.end_byte() >= parent.end_byte())?;
                let name = call.child_by_field_name("function").map_or("", of);
                return (name == "delete").then(|| call.byte_range());
            }
            _ => return None,
        }
    }
    None
}
